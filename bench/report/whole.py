"""What the records are a part of: a sweep that has not ended, units that one method alone lacks."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.frame import UNIT
from bench.analysis.settings import methods_word
from bench.cell import journal
from bench.cell.store import Store
from bench.phrases import counted
from bench.report.verdict import listed
from bench.sweep.kept import cells_kept


def unfinished(root: Path) -> list[str]:
    """A sentence where the folder's last sweep has cells that are still to be run.

    Its cells are counted by what Hydra keeps of it, those that ended by its lines of the journal;
    what was refused is not waited for. Without either nobody knows of a sweep.
    """
    cells = cells_kept(root / "sweep" / "multirun.yaml")
    if isinstance(cells, str):
        return []  # `status` says why
    _, events = journal.of_last_sweep(journal.read(Store(root).journal).events)
    ended = journal.n_ended(events)
    refused = sum(event.get("cells", 1) for event in events if event["event"] == "bad_input")
    if ended + refused >= cells:
        return []
    return [
        f"Unfinished: {ended} of {counted(cells, 'cell')} of the last sweep are done; what follows "
        "is of a part, and may change. The command of the sweep goes on where it was."
    ]


def lacking(answer: Answer) -> list[str]:
    """A sentence where some methods alone keep units out of the tables, and how to have them.

    Told of are the methods without a record on the most units that all others have.
    """
    units = _units_by_lack(answer.left_out)
    if not units:
        return []
    methods, cost = max(units.items(), key=lambda item: (item[1], sorted(item[0])))
    every = {*answer.left_out["method"].astype(str), *answer.kept["method"].astype(str)}
    others = sorted(every - methods)
    if not others:
        return []
    so = f"{shlex.quote(methods_word(others))} reads it so; " if len(others) > 1 else ""
    kept = len(answer.kept[UNIT].drop_duplicates())
    names, has = listed(sorted(methods)), "has" if len(methods) == 1 else "have"
    return [
        f"{names} {has} no record of {counted(cost, 'unit')} that all other methods have: the "
        f"tables are of the {counted(kept, 'unit')} that every method has, and without "
        f"{'it' if len(methods) == 1 else 'them'} would be of {kept + cost}. "
        f"{so}'Paired on their own units' has "
        "each pair on all that it shares."
    ]


def _units_by_lack(left_out: pd.DataFrame) -> dict[frozenset[str], int]:
    """Methods → units that lack a record of exactly these; not one where a cell failed."""
    found: dict[frozenset[str], int] = {}
    for _, unit in left_out.groupby(UNIT):
        if set(unit["status"]) == {"done", "missing"}:
            lack = frozenset(unit.loc[unit["status"] == "missing", "method"].astype(str))
            found[lack] = found.get(lack, 0) + 1
    return found
