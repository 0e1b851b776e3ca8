"""`python -m bench show`: one record, readable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rich.table import Table

from bench.analysis.variants import SEPARATOR, Name, names
from bench.cell.record import Record, as_yaml
from bench.cell.store import Store
from bench.errors import BadInput
from bench.phrases import counted, joined
from bench.verbs._folder import folder
from bench.verbs._terminal import console, plain, say

HELP = "one record, readable: show CELL [results_dir]"
PLACE = 6
ONLY_PRINT = True
USAGE = "show PATH | show DATASET/METHOD/FOLD [results_dir] | show HASH [results_dir]"
SHORTEST = 4  # characters of an identity's hash that may name it


def main(arguments: list[str]) -> int:
    """Print the record that is named; give the exit code."""
    for path, called in _named(arguments):
        _print(_sound(path), path, called)
    return 0


def _named(arguments: list[str]) -> list[tuple[Path, Name | None]]:
    """The files of the cell, and what tables call it where that had to be asked.

    Several where it was run under several seeds or settings.
    """
    if not arguments:
        raise BadInput(f"Which cell? {USAGE}.")
    name, *rest = arguments
    if os.path.isfile(name) or name.endswith(".json"):
        if rest:
            raise BadInput(f"A file is a whole record; '{rest[0]}' is a word too many: {USAGE}.")
        return [(Path(name), None)]
    root = folder(rest, USAGE)
    paths = Store(root).paths()
    found = [path for path in paths if _is(path.relative_to(root / "cells"), name)]
    if len(found) == 1:
        return [(found[0], None)]
    called = _called(root)
    cells = root / "cells"
    found = found or [
        path
        for path, known in called.items()
        if _words(name) in _ways(path.relative_to(cells), known)
    ]
    if not found:
        raise BadInput(f"No record under '{root}' is of '{name}'. {USAGE}.")
    return [(path, called.get(path)) for path in found]


def _called(root: Path) -> dict[Path, Name]:
    """Record → what tables call it."""
    store = Store(root)
    records, _ = store.survey()
    paths = (store.path(r["cell"], r["identity"]["hash"]) for r in records)
    return dict(zip(paths, names(records), strict=True))


def _ways(path: Path, called: Name) -> list[str]:
    """DATASET/METHOD/FOLD as tables call it, and with one of the two as its folder is called."""
    fold = path.stem.partition("-")[0]
    datasets = (called.dataset, path.parent.parent.as_posix())
    methods = (called.method, path.parent.name)
    return [_words(f"{dataset}/{method}/{fold}") for dataset in datasets for method in methods]


def _words(name: str) -> str:
    """A name without the dots between its settings, which few keyboards have."""
    return " ".join(name.replace(SEPARATOR.strip(), " ").split())


def _is(path: Path, name: str) -> bool:
    """Whether a record's place is meant by DATASET/METHOD/FOLD or by the first of its hash."""
    fold, _, identity = path.stem.partition("-")
    if "/" in name:
        return f"{path.parent.as_posix()}/{fold}" == name
    return len(name) >= SHORTEST and identity.startswith(name[:8])


def _sound(path: Path) -> Record:
    root = next((p.parent for p in path.parents if p.name == "cells"), None)
    if root is None and os.path.lexists(path):
        raise BadInput(f"'{path}' does not lie in a results folder's cells/.")
    try:
        record, wrong = Store(root or path.parent).examine(path)
    except FileNotFoundError:
        raise BadInput(f"There is no record '{path}'.") from None
    if record is None:
        raise BadInput(f"'{path}' cannot be used: {wrong}.")
    return record


def _print(record: Record, path: Path, called: Name | None) -> None:
    out = console()
    cell = record["cell"]
    dataset = called.dataset if called else cell["dataset"]
    method = called.method if called else cell["method"]
    title = f"{dataset} · fold {cell['fold']} · {method} · seed {cell['seed']}"
    say(out, f"{title} · {cell['model']} · {record['status']}")
    say(out, str(path) if os.path.lexists(path) else f"{path} (packed)")
    if record["error"]:
        say(out, record["error"]["traceback"].rstrip())
    if record["metrics"]:
        out.print(_scores(record))
    if record["curves"]:
        out.print(_curves(record))
    if record["transfer"]:
        say(out, _transfer(record))
    from bench.cell.identity import is_stale

    parts: dict[str, Any] = {
        "data": record["data"],
        **({"children": record["children"]} if record["children"] else {}),
        "synthetic": record["synthetic"],
        **({"transfer": record["transfer"]} if record["transfer"] else {}),
        "settings": record["settings"],
        "timings": record["timings"],
        "provenance": {**record["provenance"], "stale": is_stale(record)},
        "identity": record["identity"]["hash"],
    }
    say(out, as_yaml(parts))


def _transfer(record: Record) -> str:
    """On what weights were adapted first, in a line."""
    told = record["transfer"]
    arm, domains = record["settings"]["transfer"]["method"]["name"], joined(told["domains"], "and")
    tables = f"{counted(len(told['sources']), 'table')}, {len(told['held_out'])} held out"
    return f"transfer: {arm}, from {domains} ({tables}), step {told['chosen_step']}"


def _scores(record: Record) -> Table:
    """Every score of today that the record can tell, also one that is younger than it."""
    from bench.cell import scored
    from bench.cell.predictions import WHEN

    columns = [(when, part) for when in WHEN for part in ("validation", "test")]
    table = Table(title="Scores", title_justify="left")
    table.add_column("score")
    for when, part in columns:
        steps = scored.steps_told(record, when)
        table.add_column(f"{part}, {when} ({steps})", justify="right")
    ranked = record["metric"]["name"]
    for name in sorted(scored.names(record), key=lambda name: name != ranked):
        values = (scored.score_of(record, name, when, part) for when, part in columns)
        table.add_row(plain(name), *(scored.shown(name, value) for value in values))
    return table


def _curves(record: Record) -> Table:
    from bench.cell.scored import shown

    curves = record["curves"]
    metric = record["metric"]["name"]
    drawn = {"train_loss": curves.get("train_loss")}
    drawn |= {
        f"{part}_{metric}": curves.get(part, {}).get(metric) for part in ("validation", "test")
    }
    drawn = {name: curve for name, curve in drawn.items() if curve is not None}
    table = Table(title="Curves (test: for analysis only)", title_justify="left")
    table.add_column("step", justify="right")
    for name in drawn:
        table.add_column(name, justify="right")
    for i, step in enumerate(curves["step"]):
        values = [shown(name.partition("_")[2], curve[i]) for name, curve in drawn.items()]
        mark = " ←" if step == record["chosen_step"] else ""
        table.add_row(f"{step}", *values, mark)
    return table
