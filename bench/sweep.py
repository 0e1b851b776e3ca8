"""Runs the cells of one Hydra job: one dataset, fold and seed with all its methods.

A job is a batch, so that the table is read, the model loaded and the libraries imported once.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from functools import cache
from typing import Any, get_type_hints

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.config import Config, Rerun
from bench.errors import BadInput, sentence
from bench.interrupt import stop_if_interrupted
from bench.names import check
from bench.output import steady
from bench.process import end_with_parent, invoked
from bench.store import Store

ADDED = "command-line"  # Hydra's name for the source of --config-dir


def job(cfg: DictConfig) -> int:
    """Run one batch; give the number of cells that failed.

    Raises
    ------
    BadInput
        In a single run, when the config or the table cannot be used; nothing is written then. In
        a sweep it is noted in the journal instead, so that the other jobs go on.
    """
    # Left to the process of a job: pandas alone takes a second to import.
    from bench.models.weights import ModelError
    from bench.table import TableError

    steady()
    end_with_parent()
    store = Store(cfg.results_dir)
    try:
        check_keys(cfg)
        hydra = HydraConfig.get()
        cells = list(cells_of(cfg, hydra.overrides.task, hydra.runtime.choices.method))
        table = load_table(cfg)
        return _run_all(cells, table, store).count("failed")
    except (TableError, ModelError, BadInput) as reason:
        if not _is_sweep():
            raise BadInput(str(reason)) from reason
        again = _command(cfg.methods or [HydraConfig.get().runtime.choices.method])
        store.log(
            {
                "event": "bad_input",
                "cell": _label(cfg),
                "reason": str(reason),
                "again": again,
                "cells": len(cfg.methods or [None]),
            }
        )
        return 1


def check_keys(cfg: DictConfig, schema: Any = Config, where: str = "") -> None:
    """Refuse what `+key=value` added beside the schema; Hydra lets that pass."""
    known = get_type_hints(schema)
    for key in cfg:
        if key not in known:
            raise BadInput(f"There is no setting '{where}{key!s}'; there are {', '.join(known)}.")
        if is_dataclass(known[key]):
            check_keys(cfg[key], known[key], f"{where}{key}.")


def cells_of(
    cfg: DictConfig, overrides: Iterable[str], chosen: str
) -> Iterator[tuple[str, DictConfig]]:
    """Each entry of ``methods`` with the config of its cell: the job's own overrides, then its.

    An entry is the name of a method, and overrides of it if there are any:
    ``ctgan method.mixing.rows=mixed method.name=ctgan-mixed``.
    """
    if not cfg.methods:
        check("method", cfg.method.name)  # it may be overridden
        yield chosen, cfg
        return
    kept = [o for o in overrides if not o.startswith("method=")]
    entries: dict[str, str] = {}
    for entry in cfg.methods:
        cell = _composed(entry, kept)
        first = entries.setdefault(check("method", cell.method.name), entry)
        if first != entry:
            raise BadInput(
                f"'{first}' and '{entry}' of methods are both called '{cell.method.name}'; give "
                "one a name of its own with method.name=NAME."
            )
        yield entry, cell


def _composed(entry: str, kept: list[str]) -> DictConfig:
    """The config of an entry of ``methods``."""
    name, *overrides = entry.split() or [""]
    for override in overrides:
        if not override.startswith(("method.", "finetune.")):
            raise BadInput(
                f"'{entry}' of methods sets '{override}'; an entry may set method.KEY=VALUE and "
                "finetune.KEY=VALUE."
            )
    try:
        return compose("config", [*kept, f"method={name}", *overrides])
    except (HydraException, OmegaConfBaseException) as error:
        raise BadInput(f"Method '{entry}' cannot be composed: {sentence(error)}") from error


def load_table(cfg: DictConfig) -> Any:
    """The config's dataset, a `bench.table.Table`; a config that is no dataset is `BadInput`."""
    try:
        table = instantiate(cfg.dataset)
    except InstantiationException as error:
        raise BadInput(_unwrap(error, "dataset")) from error
    except OmegaConfBaseException as error:
        raise BadInput(f"The dataset's config is incomplete: {sentence(error)}") from error
    check("dataset", table.name)
    check("domain", table.domain)
    return table


def _unwrap(error: InstantiationException, what: str) -> str:
    """The sentence of the error that a `_target_` raised, without Hydra's frame around it."""
    cause = error.__cause__ or error
    if isinstance(cause, TypeError):
        return f"The {what}'s config does not fit its class: {sentence(cause)}"
    return sentence(cause)


def _run_all(cells: list[tuple[str, DictConfig]], table: Any, store: Store) -> list[str | None]:
    """Run cells, those that another sweep is at last: then they are done, or free."""
    ended = [_run_cell(cell, entry, table, store, wait=False) for entry, cell in cells]
    return [
        status or _run_cell(cell, entry, table, store, wait=True)
        for (entry, cell), status in zip(cells, ended, strict=True)
    ]


def _run_cell(cfg: DictConfig, entry: str, table: Any, store: Store, wait: bool) -> str | None:
    """Make one cell's record unless a good one is there; give its status.

    ``entry`` is what `cells_of` gives with the config. None if another process is making the
    record, and we don't ``wait``.
    """
    from bench.identity import code_fingerprint, identity, targets

    stop_if_interrupted()
    cell = {
        "dataset": table.name,
        "domain": table.domain,
        "method": cfg.method.name,
        "fold": int(cfg.fold),
        "seed": int(cfg.seed),
        "model": HydraConfig.get().runtime.choices.model,
    }
    what = identity(cfg, table)
    code = code_fingerprint(targets(cfg))
    path = store.path(cell, what["hash"])
    start = time.perf_counter()
    record = store.read(path)
    made = False
    if must_run(record, code, cfg.rerun):
        checkpoint = _checkpoint(OmegaConf.to_yaml(cfg.model, resolve=True))
        _check(cfg, table, checkpoint)
        with store.lock(cell, what["hash"], wait) as ours:
            if not ours:
                return None
            now = store.read(path)
            if now == record or must_run(now, code, cfg.rerun):
                from bench import cell as way  # torch: only where there is something to compute

                record, made = way.run(cfg, cell, table, checkpoint, what, code), True
                store.write(record)
            else:  # another sweep has just made it
                record = now
    assert record is not None
    if not _is_sweep():
        _announce(record, made, path)
    store.log(
        {
            "event": "cell",
            "cell": " ".join(str(cell[k]) for k in ("dataset", "fold", "method")),
            "status": record["status"],
            "made": made,
            "seconds": time.perf_counter() - start,
            "error": record["error"] and record["error"]["message"],
            "again": _command([entry]),
            # For the time that the others take.
            "job": HydraConfig.get().job.num if _is_sweep() else None,
            "entry": entry,
            "method": cell["method"],
            "dataset": cell["dataset"],
            "size": [
                len(table),
                int(table.n_features),
                int(cfg.finetune.steps) if cfg.method.finetune else 0,
            ],
        }
    )
    return record["status"]


def _announce(record: Any, made: bool, path: Any) -> None:
    """What a single run came to, in the terminal."""
    cell = record["cell"]
    print(f"{cell['dataset']} fold {cell['fold']} {cell['method']}: {record['status']}", end="")
    print("" if made else " before; rerun=all makes it anew")
    if record["error"]:
        print(f"  {record['error']['message']}")
    steps = {"pretrained": 0, "chosen": record["chosen_step"], "last": record["last_step"]}
    for when, step in steps.items():
        if when not in record["metrics"]:
            continue
        scores = record["metrics"][when]
        told = "  ".join(_told(part, scores) for part in ("validation", "test"))
        print(f"  {when:10} (step {step:2}):  {told}")
    for note in record["data"].get("notes", []):
        print(f"  note: {note}")
    print(f"  {path}")


def _told(part: str, scores: dict[str, dict[str, float | None]]) -> str:
    auc, loss = scores[part]["roc_auc_ovo"], scores[part]["log_loss"]
    return f"{part} ROC-AUC {'  –   ' if auc is None else f'{auc:.4f}'} log-loss {loss:.4f}"


def must_run(record: Any, code: str, rerun: Rerun) -> bool:
    if record is None or rerun == Rerun.all:
        return True
    if rerun == Rerun.none:
        return False
    stale = record["provenance"]["code"] != code
    return record["status"] == "failed" or (stale and rerun == Rerun.needed)


def _check(cfg: DictConfig, table: Any, checkpoint: Any) -> None:
    """Refuse what cannot work, before anything is computed or written."""
    from bench.datasets.splits import split

    checkpoint.check(table)
    split(table, cfg.fold, cfg.validation_share)
    try:
        instantiate(cfg.method.generator)
    except InstantiationException as error:
        raise BadInput(_unwrap(error, "generator")) from error


@cache
def _checkpoint(config: str) -> Any:
    """Loaded once a process; cells only ever copy it."""
    try:
        return instantiate(OmegaConf.create(config))
    except InstantiationException as error:
        raise BadInput(_unwrap(error, "model")) from error


def _is_sweep() -> bool:
    return HydraConfig.get().mode.name == "MULTIRUN"


def _command(entries: Iterable[str]) -> str:
    """The command that runs just the cells of these entries again."""
    kept = [
        o
        for o in HydraConfig.get().overrides.task
        if o.partition("=")[0] not in ("method", "methods")
    ]
    added = [s.path for s in HydraConfig.get().runtime.config_sources if s.provider == ADDED]
    folder = ["--config-dir", *added] if added else []
    # Hydra's quotes; the shell's come on top.
    methods = ",".join(f"'{entry}'" if " " in entry else entry for entry in entries)
    return shlex.join([*invoked().split(), "run", *folder, *kept, f"methods=[{methods}]"])


def _label(cfg: DictConfig) -> str:
    return f"{HydraConfig.get().runtime.choices.dataset} {cfg.fold}"
