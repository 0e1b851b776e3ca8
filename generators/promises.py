"""Holds the rows that a generator gave to what every generator promises (`bench.generator`)."""

from __future__ import annotations

import numpy as np

from bench.table import Table

ROUNDING = 1e-6  # of a column's greatest value: how far a promise to stay in range may be missed
SURELY = 1e-9  # probability below which only missing values in all rows are no chance


class BrokenPromise(ValueError):
    """A generator gave rows that cannot stand for the table's; the message is one sentence."""


def require_rows(rows: Table, n: int, train: Table, stays_in_range: bool) -> Table:
    """The rows, if they could stand among the training rows.

    What arithmetic made of nothing looks like missing values in a table, so these are refused
    wherever the training rows have none.

    Parameters
    ----------
    rows : Table
        What was given.
    n : int
        How many rows were asked for.
    train : Table
        What the generator was fitted on.
    stays_in_range : bool
        What it promises (`bench.generator.Generator`).

    Raises
    ------
    BrokenPromise
        If there are more or fewer rows, another schema, a class without a training row, a missing
        value in a column that has none, no value in a column that has some, or a number outside the
        range that was promised.
    """
    if len(rows) != n:
        raise BrokenPromise(f"The generator gave {len(rows)} rows, {n} were asked for.")
    if (
        dict(rows.kinds) != dict(train.kinds)
        or list(rows.X.columns) != list(train.X.columns)
        or rows.classes != train.classes
    ):
        raise BrokenPromise("The generator's rows have other columns or classes than the table.")
    unknown = np.setdiff1d(rows.y, train.y)
    if len(unknown):
        raise BrokenPromise(
            f"The generator gave rows of class '{train.classes[unknown[0]]}', of which there is no "
            "training row."
        )
    for column in train.kinds:
        _require_values(rows, train, column)
    for column in train.numeric if stays_in_range else []:
        _require_range(rows, train, column)
    return rows


def _require_values(rows: Table, train: Table, column: str) -> None:
    missing, usual = rows.X[column].isna(), train.X[column].isna().mean()
    if usual == 0 and missing.any():
        raise BrokenPromise(
            f"The generator gave no number or level in {int(missing.sum())} of {len(rows)} rows of "
            f"column '{column}', where no training row lacks one."
        )
    if usual < 1 and missing.all() and usual ** len(rows) < SURELY:
        raise BrokenPromise(
            f"The generator gave no number or level at all in column '{column}', which "
            f"{1 - usual:.0%} of the training rows have."
        )


def _require_range(rows: Table, train: Table, column: str) -> None:
    drawn, known = (part.X[column].dropna().to_numpy() for part in (rows, train))
    if not len(drawn) or not len(known):
        return
    low, high = known.min(), known.max()
    slack = ROUNDING * max(abs(low), abs(high))
    with np.errstate(over="ignore"):  # beyond float64 there is nothing outside
        outside = drawn[(drawn < low - slack) | (drawn > high + slack)]
    if len(outside):
        raise BrokenPromise(
            f"The generator gave {outside[0]:.6g} in column '{column}', outside the training rows' "
            f"range from {low:.6g} to {high:.6g}, which it promises to keep (stays_in_range)."
        )
