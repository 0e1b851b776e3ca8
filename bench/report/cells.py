"""The cells behind a chapter's numbers, as the page lists them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.frame import UNIT, own_name

# Column of the page's cells → decimals; None for what is no fraction. Scores get the metric's name.
CELL_COLUMNS: dict[str, int | None] = {
    "dataset": None,
    "fold": None,
    "seed": None,
    "method": None,
    "status": None,
    "counted": None,
    "score_pretrained": 4,
    "score_chosen": 4,
    "score_last": 4,
    "raw_gain": 4,
    "improvement": 3,
    "validation_chosen": 4,
    "chosen_step": None,
    "seconds": 1,
    "error": None,
}
WHOLE = ("fold", "seed", "chosen_step")
INCOMPLETE = "the others belong to a dataset and fold that is incomplete."


@dataclass(frozen=True)
class Cells:
    """Cells as a list.

    Parameters
    ----------
    rows : DataFrame
        A row a cell: the columns of ``digits``, and ``identity``, ``fold``, ``dataset_name`` and
        ``method_name``, which lead to its record.
    digits : dict
        Column that is shown → decimals; None for what is no fraction.
    others : str
        What is said of those whose ``counted`` is no.
    """

    rows: pd.DataFrame
    digits: dict[str, int | None]
    others: str = INCOMPLETE

    @classmethod
    def of(cls, answer: Answer) -> Cells:
        """Every cell of an answer's tables, and every one that is left out."""
        kept = answer.tables["improvements"] if answer.tables else answer.kept
        shown = {own_name(column, answer.metric): n for column, n in CELL_COLUMNS.items()}
        columns = [*shown, "identity", "dataset_name", "method_name"]
        both = (kept.assign(counted="yes"), answer.left_out.assign(counted="no"))
        parts = [part.reindex(columns=columns).astype(object) for part in both]
        cells = pd.concat([part for part in parts if len(part)] or parts[:1])
        return cls(cells.sort_values([*UNIT, "method"]), shown)

    def listed(self, loose: Collection[str]) -> dict[str, Any]:
        """What the page's script reads; ``loose``: where records lie in files of their own."""
        rows = [
            [*(_json(row[c], c in WHOLE) for c in self.digits), _record(row, loose)]
            for row in self.rows.to_dict("records")
        ]
        return {
            "columns": [*self.digits, "record"],
            "digits": {name: n for name, n in self.digits.items() if n is not None},
            "cells": rows,
            "others": self.others,
        }


def _json(value: Any, whole: bool) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if whole:
        return int(value)
    return round(float(value), 6) if isinstance(value, float) else value


def _record(row: dict[Any, Any], loose: Collection[str]) -> str | None:
    """Its place below the results folder (`bench.cell.store.Store.path`); packed, what names it."""
    if not isinstance(row["identity"], str):
        return None
    folder = f"cells/{row['dataset_name']}/{row['method_name']}"
    path = f"{folder}/{row['fold']}-{row['identity'][:8]}.json"
    return path if path in loose else row["identity"][:8]
