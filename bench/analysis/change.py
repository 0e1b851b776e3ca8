"""A difference within units, averaged over tables, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.analysis.paired import over_tables


@dataclass(frozen=True)
class Change:
    """A mean difference with its standard error.

    Parameters
    ----------
    mean, se : float
        Over tables; of a single one over its folds. The standard error of one is NaN.
    tables, folds, units : int
        What it was averaged over.
    """

    mean: float
    se: float
    tables: int
    folds: int
    units: int

    @property
    def interval(self) -> tuple[float, float]:
        """Two standard errors either way (`bench.analysis.paired.resolved`)."""
        return self.mean - 2 * self.se, self.mean + 2 * self.se

    @property
    def is_above(self) -> bool:
        """Whether its interval lies above zero; of NaN it lies nowhere."""
        return self.interval[0] > 0

    @property
    def is_below(self) -> bool:
        """Whether its interval lies below zero."""
        return self.interval[1] < 0


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
    return Change(float(row["mean"]), float(row["se"]), len(tables), len(folds), len(differences))
