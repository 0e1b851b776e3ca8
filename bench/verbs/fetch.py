"""`python -m bench fetch …`: gets the tables and weights that a `run` with the same words needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from bench.cell.model import backbone, branch_of, files_of, name_of
from bench.errors import BadInput
from bench.files import digest, plain
from bench.sweep.job import load_table
from bench.sweep.needs import sources
from bench.sweep.overrides.words import literal
from bench.verbs._hydra import each_cell

HELP = "get tables and weights ahead, verified; after it, offline=true runs"
PLACE = 2
USAGE = "fetch [experiment=NAME] [key=value ...]"
ABOUT = """
Takes the words of a `run` and gets the tables (OpenML) and weights (the hub) that it needs, once,
each verified by its checksum. The same command goes on where it stopped. Exit code 1: some could
not be had, and are named.
"""
GIVE_UP = 2  # tables in a row for which nobody answered: the network is away


def main(words: list[str]) -> int:
    """Get everything that is not here yet, and verify what is; give the exit code."""
    with each_cell(words, "offline=false") as cells:
        tables, models = _wanted(cells)
    missing = _each("weights", models, _weights) + _each("tables", tables, _table)
    if missing:
        print(
            f"\n{len(missing)} could not be had: {', '.join(missing)}.\n"
            "What was fetched is kept; the same command goes on with the rest."
        )
        return 1
    print("\nEverything is here; offline=true runs without a network.")
    return 0


def _wanted(configs: Iterable[DictConfig]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The different datasets and models of the cells, by a name for people."""
    tables: dict[str, Any] = {}
    models: dict[str, Any] = {}
    for cfg in configs:
        name = cfg.dataset.get("name") or cfg.get("task_id") or "own table"
        others = [(tables, of.dataset, source) for source, of in sources(cfg).items()]
        for found, node, called in (
            (tables, cfg.dataset, name),
            *others,
            (models, cfg.model, name_of(plain(cfg.model))),
        ):
            key = digest(plain(node))
            if key not in found:
                resolved = OmegaConf.create(literal(plain(node)))
                of = OmegaConf.create({"dataset": resolved, "model": resolved})
                found[key] = (str(called), of)
    return tables, models


def _each(what: str, wanted: dict[str, Any], get: Callable[[DictConfig], str]) -> list[str]:
    """Get one after the other, with a line for each; give the names of those that failed."""
    from bench.datasets.openml.task import Unreachable

    missing: list[str] = []
    silent = 0
    for i, (name, cfg) in enumerate(wanted.values(), start=1):
        begun = time.perf_counter()
        if silent >= GIVE_UP:
            missing.append(name)
            continue
        print(f"[{what} {i}/{len(wanted)}] {name}: ", end="", flush=True)
        try:
            outcome = get(cfg)
            silent = 0
        except BadInput as reason:
            outcome = f"FAILED: {reason}"
            missing.append(name)
            silent = silent + 1 if _stems_from(reason, Unreachable) else 0
        seconds = time.perf_counter() - begun
        print(f"{outcome} ({seconds:.1f} s)", flush=True)
    if silent >= GIVE_UP:
        print(f"Nobody answers; the {what} after these were not tried.", flush=True)
    return missing


def _stems_from(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__
    return error is not None


def _table(cfg: DictConfig) -> str:
    table = load_table(cfg)
    categorical = f"{len(table.categorical)} categorical" if table.categorical else "all numbers"
    return f"{len(table)} rows, {table.n_features} features ({categorical}), verified"


def _weights(cfg: DictConfig) -> str:
    from bench.models.lock import place
    from bench.models.weights import check, lock_branch

    found = files_of(plain(cfg.model))
    if not found:  # its loader does not tell what it reads, and gets it by itself
        return f"{backbone(plain(cfg.model)).weights_hash[:8]}, loaded"
    check(found, cfg.model.get("sha256") or {})
    pin = lock_branch(found, *branch_of(plain(cfg.model)))
    locked = f", commit {pin.commit[:12]} as locked in {place()}" if pin else ""
    return f"{sum(file.stat().st_size for file in found) / 1e6:.1f} MB, verified{locked}"
