"""`python -m bench plan …`: what a `run` with the same words would do, how long it would take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from bench.cell.identity import code_fingerprint, identity, is_made_otherwise, targets
from bench.cell.model import name_of
from bench.cell.store import Store
from bench.datasets.bags import require
from bench.errors import BAD_INPUT, BadInput
from bench.files import digest, plain, printable
from bench.finetune.settings import all_steps, is_on
from bench.phrases import counted, numbered
from bench.process import invoked
from bench.sweep.costs import Costs, Size, kind, measured
from bench.sweep.job import must_run
from bench.sweep.jobs import FREE
from bench.sweep.needs import has_weights, sources, table
from bench.verbs._hydra import each_cell

HELP = "cells, done, fetched, and the time that the rest will take"
PLACE = 3
ONLY_PRINT = True
USAGE = "plan [experiment=NAME] [key=value ...]"
ABOUT = """
Takes the words of a `run`, and tells what that would do: how many cells, how many of them are done,
failed or made by other code; which tables and weights are here; about how long the rest will take,
by what the records beside it took. Runs, fetches and writes nothing.
"""
STATES = ("done", "not_applicable", "failed", "stale", "to do")


@dataclass
class Plan:
    """What was counted.

    Attributes
    ----------
    states : counter of `STATES`
        Cells; those whose table or weights are not here yet are to do.
    tables : dict of name → whether its table is here
    models : dict of name → whether its weights are here
    beyond : dict of table → in what it is beyond its model's limits
    left : list of (model, method, Size or None)
        The cells that would be run.
    faults : dict of path → what is wrong with the record there
        A run would set it aside; its cell is to do.
    refused : dict of sentence → why a `run` would refuse a table or a fold
    """

    states: Counter[str] = field(default_factory=Counter)
    tables: dict[str, bool] = field(default_factory=dict)
    models: dict[str, bool] = field(default_factory=dict)
    beyond: dict[str, str] = field(default_factory=dict)
    left: list[tuple[str, str, Size | None]] = field(default_factory=list)
    faults: dict[Path, str] = field(default_factory=dict)
    refused: dict[str, BadInput] = field(default_factory=dict)


def main(words: list[str]) -> int:
    """Print cells, what is done and fetched, and an estimate of time; give the exit code."""
    with each_cell(words, "offline=true") as cells:
        found, results = count(cells)
    for line in _lines(found, Costs.fit(measured(results.parent))):
        print(printable(line))
    return BAD_INPUT if found.refused else 0


def count(configs: Iterable[DictConfig]) -> tuple[Plan, Path]:
    """Read what is there for each cell; nothing is fetched, run or written."""
    found = Plan()
    known: dict[Any, Any] = {}
    key_of = _Keys()
    for cfg in configs:
        key, fold = key_of(cfg.dataset), int(cfg.fold)
        try:
            here = _once(known, key, partial(table, cfg))
            if here is not None:
                n = int(cfg.finetune.bag) if cfg.method.finetune else 1
                cut = partial(require, here, fold, cfg.validation_share, n)
                _once(known, (key, fold, n), cut)
            named = partial(sources, cfg)
            others = _once(known, ("sources", key_of(cfg.transfer)), named)
            tables = {
                source: _once(known, key_of(of.dataset), partial(table, of)) is not None
                for source, of in others.items()
            }
        except BadInput as reason:
            found.refused[str(reason)] = reason
            continue
        size = _size(cfg, here)
        name = here.name if here is not None else str(cfg.dataset.get("name"))
        model = _once(known, key_of(cfg.model), partial(_model, cfg.model))
        found.tables |= {**tables, name: here is not None}
        if model not in found.models:
            found.models[model] = has_weights(cfg)
        most = cfg.model.get("max_features")
        if size and most and size.features > most:
            limit = f"{size.features} features, at most {most} are possible"
            found.beyond[name] = limit
        is_here = here is not None and found.models[model] and all(tables.values())
        try:
            state, runs = _state(cfg, here, found.faults) if is_here else ("to do", True)
        except BadInput as reason:  # of its source tables
            found.refused[str(reason)] = reason
            continue
        found.states[state] += 1
        if runs:
            adapting = cfg.transfer if is_on(cfg.transfer) else None
            found.left.append((model, kind(cfg.method.name, adapting), size))
        if unsound := Store(cfg.results_dir).fault_of_pack():
            found.faults[Store(cfg.results_dir).pack_path] = unsound
    if not found.states and found.refused:
        raise next(iter(found.refused.values()))
    if not found.states:
        raise BadInput("There is no cell to plan.")
    return found, Path(cfg.results_dir)


def _once(known: dict[Any, Any], key: Any, get: Callable[[], Any]) -> Any:
    """What is got for a key, or the refusal that was raised for it, without getting it again."""
    if key not in known:
        try:
            known[key] = get()
        except BadInput as reason:
            known[key] = reason
    if isinstance(known[key], BadInput):
        raise known[key]
    return known[key]


def _model(node: DictConfig) -> str:
    return name_of(plain(node))


class _Keys:
    """Digests of resolved nodes; one that all folds and seeds share is resolved once."""

    def __init__(self) -> None:
        # With the node: else its id would be given to another.
        self._known: dict[int, tuple[DictConfig, str]] = {}

    def __call__(self, node: DictConfig) -> str:
        if id(node) in self._known:
            return self._known[id(node)][1]
        key = digest(plain(node))
        if not any(f"${{{word}}}" in OmegaConf.to_yaml(node) for word in FREE):
            self._known[id(node)] = (node, key)
        return key


def _size(cfg: DictConfig, table: Any) -> Size | None:
    """What decides a cell's time, from its table or from what its config expects of it."""
    if table is not None:
        rows, features = len(table), table.n_features
    elif cfg.dataset.get("expected"):
        rows, features = cfg.dataset.expected.rows, cfg.dataset.expected.features
    else:
        return None
    steps = all_steps(cfg.finetune) if cfg.method.finetune else 0
    return Size(rows=int(rows), features=int(features), steps=steps)


def _state(cfg: DictConfig, table: Any, faults: dict[Path, str]) -> tuple[str, bool]:
    """One of `STATES`, and whether a run would make the cell('s record) anew."""
    cell = {"dataset": table.name, "method": cfg.method.name, "fold": int(cfg.fold)}
    code = code_fingerprint(targets(cfg))
    store, what = Store(cfg.results_dir), identity(cfg, table)["hash"]
    record, wrong = store.look(cell, what)
    if record is None:
        if wrong is not None:
            faults[store.path(cell, what)] = wrong
        return "to do", True
    stale = is_made_otherwise(record, code)
    state = "stale" if stale and record["status"] != "failed" else record["status"]
    return state, must_run(record, code, cfg.rerun)


def _lines(found: Plan, costs: Costs) -> list[str]:
    """The plan in lines for people."""
    total = sum(found.states.values())
    lines = [f"cells     {total}"]
    lines += [f"  {state:<15} {found.states[state]}" for state in STATES if found.states[state]]
    for what, of in (("tables", found.tables), ("weights", found.models)):
        absent = [name for name, here in of.items() if not here]
        line = f"{what:<9} {len(of) - len(absent)} of {len(of)} here"
        if absent:
            line += f"; `{invoked()} fetch` with the same words gets {numbered(absent, 5)}"
        lines.append(line)
    lines += [f"refused   {name}: {limit}" for name, limit in found.beyond.items()]
    lines += [
        f"faulty    {printable(str(path), keep='')}: {why}; a run sets it aside and makes it anew"
        for path, why in found.faults.items()
    ]
    lines += [f"refused   {reason}" for reason in found.refused.values()]
    lines.append(f"to run    {counted(len(found.left), 'cell')}")
    return lines + (costs.lines(found.left) if found.left else [])
