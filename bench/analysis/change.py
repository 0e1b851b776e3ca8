"""A difference within units, averaged over tables, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.analysis.paired import over_tables

# Of fewer nothing is told: two standard errors are then no 95 % (of six, one in ten such intervals
# misses), and where five tables all say the same, the signed-rank test's p is 0.06.
FEWEST = 6


@dataclass(frozen=True)
class Change:
    """A mean difference with its standard error.

    Parameters
    ----------
    mean, se : float
        Over tables; of a single one over its folds. The standard error of one is NaN.
    tables, folds, units : int
        What it was averaged over.
    is_even : bool
        Every table has as many units.
    """

    mean: float
    se: float
    tables: int
    folds: int
    units: int
    is_even: bool = True

    @property
    def interval(self) -> tuple[float, float]:
        """Two standard errors either way (`bench.analysis.paired.resolved`)."""
        return self.mean - 2 * self.se, self.mean + 2 * self.se

    @property
    def tells(self) -> bool:
        """Whether it is of `FEWEST` tables or more; folds, which share rows, tell less still."""
        return self.tables >= FEWEST

    @property
    def is_above(self) -> bool:
        """Whether its interval lies above zero, and `tells`; of NaN it lies nowhere."""
        return self.tells and self.interval[0] > 0

    @property
    def is_below(self) -> bool:
        """Whether its interval lies below zero, and `tells`."""
        return self.tells and self.interval[1] < 0


def change(differences: pd.Series) -> Change:
    """Average the differences of units.

    Parameters
    ----------
    differences : Series
        Indexed by `bench.analysis.frame.UNIT` and whatever else tells them apart, without NaN.
    """
    tables, folds = (differences.index.unique(level=name) for name in ("dataset", "fold"))
    held = differences.to_frame()
    if len(tables) == 1:  # the units to average are its folds, over seeds
        held = held.rename_axis(index={"dataset": "table", "fold": "dataset"})
    (row,) = over_tables(held).to_dict("records")
    sizes = (len(tables), len(folds), len(differences))
    counts = differences.groupby(level="dataset").size()
    is_even = bool(counts.min() == counts.max())
    return Change(float(row["mean"]), float(row["se"]), *sizes, is_even)


def over_units(values: pd.Series) -> float:
    """A mean over tables of their means over units, as `change` averages.

    Parameters
    ----------
    values : Series
        Indexed as `change` takes it.
    """
    return float(values.groupby(level="dataset").mean().mean())
