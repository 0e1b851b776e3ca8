"""Means over targets of means over corpora, and how sure they are: both are drawn anew.

A corpus is what a seed drew from the tables of a source. Targets are drawn with all that was
adapted for them, and corpora, independently and source by source, with all targets that they were
tried on (the pigeonhole bootstrap; Owen 2007, Annals of Applied Statistics 1). It errs on the side
of wide intervals where targets and corpora interact. Intervals are percentiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.analysis.intervals import draws, ends
from bench.analysis.settings import Analysis
from bench.seeds import generator

CORPUS = ["source", "seed"]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and standard error, both NaN of fewer than two targets.

    ``targets`` and ``corpora`` are how many it rests on; of a single corpus a source, that others
    would tell another number is not in the interval.
    """

    value: float
    low: float
    high: float
    se: float
    targets: int
    corpora: int

    def named(self, name: str) -> dict[str, float]:
        """The number and its ends, as columns of a table."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


def table(runs: pd.DataFrame, column: str) -> pd.DataFrame:
    """Targets × corpora: a column's means over folds, NaN where there is no run."""
    means = runs.groupby(["target", *CORPUS], observed=True)[column].mean()
    return means.unstack(CORPUS).sort_index(axis=0).sort_index(axis=1)


class Crossed:
    """Statistics of tables of targets × corpora, all of the same resamples.

    Each is an array whose first value is of the targets and corpora as they are; the others are of
    the resamples.

    Parameters
    ----------
    targets : Index
    corpora : MultiIndex
        Of source and seed.
    """

    def __init__(self, targets: pd.Index, corpora: pd.Index, settings: Analysis) -> None:
        self._targets, self._corpora, self._settings = targets, corpora, settings
        self._of_targets = _with_all(draws(len(targets), settings))
        self._of_corpora = _with_all(_drawn_by_source(corpora, settings))

    @classmethod
    def of(cls, values: pd.DataFrame, settings: Analysis) -> Crossed:
        """Of a table's own targets and corpora."""
        return cls(values.index, values.columns, settings)

    def of_targets(self, values: pd.DataFrame) -> np.ndarray:
        """Each target's mean over corpora, NaN where it has none; (1 + resamples, targets)."""
        held = values.reindex(index=self._targets, columns=self._corpora).to_numpy(float)
        known = ~np.isnan(held)
        with np.errstate(invalid="ignore"):  # 0 / 0 where no corpus of a target was drawn
            means = (self._of_corpora @ np.where(known, held, 0.0).T) / (self._of_corpora @ known.T)
        return means.round(12)  # sums in another order differ in their last bits

    def mean(self, of_targets: np.ndarray) -> np.ndarray:
        """Mean over targets, shape (1 + resamples,)."""
        weights = self._of_targets * ~np.isnan(of_targets)
        with np.errstate(invalid="ignore"):
            means = (weights * np.nan_to_num(of_targets)).sum(axis=1) / weights.sum(axis=1)
        return means.round(12)

    def worst(self, of_targets: np.ndarray, share: float) -> np.ndarray:
        """Mean over the worst share of targets, their number rounded up."""
        weights = self._of_targets * ~np.isnan(of_targets)
        order = np.argsort(of_targets, axis=1, kind="stable")  # NaN comes last, and weighs nothing
        values = np.nan_to_num(np.take_along_axis(of_targets, order, axis=1))
        weights = np.take_along_axis(weights, order, axis=1)
        wanted = np.ceil((share * weights.sum(axis=1)).round(9))[:, None]
        before = weights.cumsum(axis=1) - weights
        taken = np.clip(wanted - before, 0, weights)
        with np.errstate(invalid="ignore"):
            means = (taken * values).sum(axis=1) / taken.sum(axis=1)
        return means.round(12)

    def estimate(self, statistic: np.ndarray, values: pd.DataFrame) -> Estimate:
        """A statistic's number, interval and standard error, of the table it was made of."""
        held = values.dropna(how="all").dropna(axis=1, how="all")
        targets, corpora = held.shape
        low, high = ends(statistic[1:], targets, self._settings)
        known = statistic[1:][~np.isnan(statistic[1:])]
        se = float(known.std(ddof=1)) if targets > 1 and len(known) > 1 else float("nan")
        return Estimate(float(statistic[0]), low, high, se, targets, corpora)


def mean_of(runs: pd.DataFrame, column: str, settings: Analysis) -> Estimate:
    """The mean over targets of the mean over corpora of a column of runs."""
    values = table(runs, column)
    crossed = Crossed.of(values, settings)
    return crossed.estimate(crossed.mean(crossed.of_targets(values)), values)


def means(runs: pd.DataFrame, by: Sequence[str], column: str, settings: Analysis) -> pd.DataFrame:
    """`mean_of` of each group: a row a group, with ``mean``, ``low``, ``high``, ``se``, …

    Returns
    -------
    DataFrame
        The columns of ``by``, those of the mean and its ends, ``targets`` and ``corpora``. Groups
        without any value are left out.
    """
    rows = []
    for group, part in runs.dropna(subset=[column]).groupby(list(by), observed=True):
        found = mean_of(part, column, settings)
        named = dict(zip(by, group, strict=True))
        rows.append(
            {
                **named,
                "mean": found.value,
                "low": found.low,
                "high": found.high,
                "se": found.se,
                "targets": found.targets,
                "corpora": found.corpora,
            }
        )
    told = ["mean", "low", "high", "se", "targets", "corpora"]
    return pd.DataFrame(rows, columns=[*by, *told])


def _drawn_by_source(corpora: pd.Index, settings: Analysis) -> np.ndarray:
    """How often each corpus stands in each resample, shape (resamples, corpora)."""
    sources = corpora.get_level_values("source")
    weights = np.zeros((settings.resamples, len(corpora)), dtype=np.int64)
    for source in sources.unique():
        place = np.flatnonzero(sources == source)
        # Never the targets' generator: as many of both would be drawn alike.
        rng = generator("analysis", "bootstrap over corpora", str(source), settings.seed)
        n = len(place)
        weights[:, place] = rng.multinomial(n, np.full(n, 1 / n), size=settings.resamples)
    return weights


def _with_all(weights: np.ndarray) -> np.ndarray:
    return np.vstack([np.ones((1, weights.shape[1]), dtype=weights.dtype), weights])
