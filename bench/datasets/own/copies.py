"""Features that are the target itself, and rows that repeat others: kept, and said to be there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.datasets.own.remedies import SHELL, Shell
from bench.datasets.own.wording import columns
from bench.phrases import counted
from bench.table import Table

#: The share of the target's variance that a copy of it tells, in whatever unit or rounding.
SAME = 1 - 1e-9


def remarks_on_copies(table: Table, said: Shell = SHELL) -> list[str]:
    """What to say of features that tell a numeric target but for its unit and rounding."""
    if table.problem == "classification":
        return []
    same = [c for c in table.numeric if _tells(table.X[c].to_numpy(), table.y)]
    if not same:
        return []
    return [
        f"Dataset '{table.name}': {columns(same)} {'is' if len(same) == 1 else 'are'} "
        f"'{table.target}' itself, in its unit or another; leave out what follows from the target "
        f"with {said.drop(same)}."
    ]


def _tells(feature: np.ndarray, y: np.ndarray) -> bool:
    known = ~np.isnan(feature)
    x, y = feature[known], y[known]
    few = min(len(np.unique(x)), len(np.unique(y))) <= 2  # which tell each other whatever they are
    if few or 2 * len(x) < len(known):
        return False
    x, y = x / np.abs(x).max(), y / np.abs(y).max()  # squares of what is huge stay finite
    return bool(np.corrcoef(x, y)[0, 1] ** 2 > SAME)


def remarks_on_repeats(table: Table) -> list[str]:
    """What to say of rows that repeat an earlier one with its label."""
    keys = pd.DataFrame({"row": table.row_keys(), "label": table.y})
    count = int(keys.duplicated().sum())
    if not count:
        return []
    repeats = f"{counted(count, 'row')} {'repeats' if count == 1 else 'repeat'}"
    return [f"Dataset '{table.name}': {repeats} an earlier row; kept as they are."]
