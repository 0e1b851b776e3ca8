"""The study's claims, each as a number whose sign tells whether it holds on these records.

arXiv 2601.04110 ranks its causal mix first, above default fine-tuning, with a narrower spread and a
smaller correlation gap, and finds purely synthetic rows to harm. What is claimed of the mix is also
asked of the nulls, copies of real rows mixed in: what they reach as well is no work of causes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.change import FEWEST
from bench.analysis.intervals import draws, ends, weighted_quantiles
from bench.analysis.measures import ranks
from bench.analysis.references import DEFAULT
from bench.analysis.safety import CAUSAL
from bench.analysis.settings import Analysis

SYNTHETIC = ("ctgan", "tabebm", "table_augment", "scm", "mixed_model")  # the study's, without a mix
STUDY = (DEFAULT, CAUSAL, *SYNTHETIC)
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be told"


@dataclass(frozen=True)
class Resampled:
    """A statistic, and its values where datasets are resampled."""

    value: float
    draws: np.ndarray

    def __sub__(self, other: Resampled) -> Resampled:
        return Resampled(self.value - other.value, self.draws - other.draws)


class Read:
    """Statistics of methods, all of the same resamples.

    Parameters
    ----------
    gains : DataFrame
        From `bench.analysis.measures.improvements`.
    readings : DataFrame
        From `bench.analysis.reliability.runs`.
    """

    def __init__(self, gains: pd.DataFrame, readings: pd.DataFrame, settings: Analysis) -> None:
        self.datasets = pd.Index(sorted(gains["dataset"].unique()))
        self.methods = set(map(str, gains["method"].unique()))
        self._gains, self._readings, self._settings = gains, readings, settings
        self._weights = draws(len(self.datasets), settings)
        self._ranks = ranks(gains).reindex(self.datasets)

    def median(self, method: str) -> Resampled:
        """Median improvement."""
        return self._quantile(self._gains, method, "improvement", 0.5)

    def spread(self, method: str) -> Resampled:
        """Interquartile range of the improvement."""
        high, low = (self._quantile(self._gains, method, "improvement", q) for q in (0.75, 0.25))
        return high - low

    def spread_by(self, method: str, of: Callable[[np.ndarray], float]) -> Resampled:
        """Any spread of the improvement, a resample after the other: `spread` is far faster."""
        values, place = self._known(self._gains, method, "improvement")
        if not len(values):
            return Resampled(float("nan"), np.full(len(self._weights), np.nan))
        drawn = (np.repeat(values, weights[place]) for weights in self._weights)
        return Resampled(of(values), np.array([of(v) if len(v) else np.nan for v in drawn]))

    def gap(self, method: str, of: str = "correlation_gap") -> Resampled:
        """Median gap, by a column of `bench.analysis.reliability.runs`."""
        return self._quantile(self._readings, method, of, 0.5)

    def rank(self, method: str) -> Resampled:
        """Average rank."""
        of = self._ranks[method].to_numpy()
        return Resampled(float(of.mean()), self._weights @ of / len(self.datasets))

    def best_rank(self, methods: list[str]) -> Resampled:
        """The lowest average rank of several."""
        all_of = [self.rank(method) for method in methods]
        return Resampled(
            min(of.value for of in all_of), np.min([of.draws for of in all_of], axis=0)
        )

    def interval(self, of: Resampled, of_several: int = 1) -> tuple[float, float]:
        """Its ends; as one of several that are looked at, by Bonferroni."""
        level = 1 - (1 - self._settings.confidence) / of_several
        return ends(of.draws, len(self.datasets), replace(self._settings, confidence=level))

    def _quantile(self, rows: pd.DataFrame, method: str, column: str, at: float) -> Resampled:
        values, place = self._known(rows, method, column)
        value = float(np.quantile(values, at)) if len(values) else float("nan")
        return Resampled(value, weighted_quantiles(values, place, self._weights, at))

    def _known(self, rows: pd.DataFrame, method: str, column: str) -> tuple[np.ndarray, np.ndarray]:
        """A method's values, and the place of each one's dataset."""
        found = rows.loc[(rows["method"] == method) & rows[column].notna(), ["dataset", column]]
        place = self.datasets.get_indexer(pd.Index(found["dataset"]))
        return found[column].to_numpy(float), place


@dataclass(frozen=True)
class Claim:
    """What the study says of a method.

    Parameters
    ----------
    key : str
    of : callable
        (statistics, method) → the method's number, and what it is held against.
    sign : int
        Of their difference, where the claim holds.
    needs : tuple of str
        Methods that it is held against.
    fails : callable, optional
        (statistics, method) → whether it does not hold; by default where the interval lies on the
        other side of zero.
    """

    key: str
    of: Callable[[Read, str], tuple[Resampled, Resampled]]
    sign: int
    needs: tuple[str, ...] = ()
    fails: Callable[[Read, str], bool] | None = None


def _rank(read: Read, method: str) -> tuple[Resampled, Resampled]:
    return read.rank(method), read.best_rank(_rivals(read, method))


def _rivals(read: Read, method: str) -> list[str]:
    return [m for m in STUDY if m in read.methods and m not in (method, CAUSAL)]


def _is_behind_one(read: Read, method: str) -> bool:
    """Whether one rival alone is ahead: the best of several is by chance, too."""
    rivals = _rivals(read, method)
    behind = (read.rank(method) - read.rank(rival) for rival in rivals)
    return any(read.interval(of, of_several=len(rivals))[0] > 0 for of in behind)


ZERO = Resampled(0.0, np.zeros(1))
OF_THE_MIX = (
    Claim("first", _rank, -1, needs=STUDY, fails=_is_behind_one),
    Claim(
        "above_default", lambda read, m: (read.median(m), read.median(DEFAULT)), 1, needs=(DEFAULT,)
    ),
    Claim("gains", lambda read, m: (read.median(m), ZERO), 1),
    Claim("narrower", lambda read, m: (read.spread(m), read.spread(DEFAULT)), -1, needs=(DEFAULT,)),
    Claim("smaller_gap", lambda read, m: (read.gap(m), read.gap(DEFAULT)), -1, needs=(DEFAULT,)),
)
OF_SYNTHETIC = Claim("loses", lambda read, m: (read.median(m), ZERO), -1)


def claims(
    gains: pd.DataFrame, readings: pd.DataFrame, nulls: list[str], settings: Analysis
) -> pd.DataFrame:
    """Hold each claim of the study that these records can speak to against them.

    A claim holds where the interval of its difference lies on its side of zero, does not where it
    lies on the other, and cannot be told else, nor of fewer tables than `FEWEST`. To rank first
    does not hold where one rival alone is ahead, by Bonferroni over all: the best of several is
    ahead by chance, too.

    Parameters
    ----------
    gains, readings : DataFrame
        As of `Read`.
    nulls : list of str
        Methods that are held to what is claimed of the mix (`bench.analysis.safety.null_methods`).

    Returns
    -------
    DataFrame
        A row a claim and method: ``claim``, ``method``, ``value``, ``against`` (what it is held
        against), ``difference``, ``low``, ``high``, ``holds``; and ``null``, the null with the
        farthest difference on the claim's side, of those for which it holds, if any, with
        ``null_value``, ``null_difference``, ``null_low``, ``null_high``, ``null_holds``. No rows of
        a single method.
    """
    read = Read(gains, readings, settings)
    asked = [(claim, CAUSAL) for claim in OF_THE_MIX] + [(OF_SYNTHETIC, m) for m in SYNTHETIC]
    rows = []
    for claim, method in asked:
        if not {method, *claim.needs} <= read.methods:
            continue
        row = {"claim": claim.key, "method": method, **_told(read, claim, method)}
        likewise = {null: _told(read, claim, null) for null in nulls if method == CAUSAL}
        if likewise:
            null = max(
                likewise,
                key=lambda name: (
                    likewise[name]["holds"] == HOLDS,
                    claim.sign * likewise[name]["difference"],
                ),
            )
            row |= {"null": null, **{f"null_{k}": v for k, v in likewise[null].items()}}
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


TOLD = ("value", "against", "difference", "low", "high", "holds")
COLUMNS = ["claim", "method", *TOLD, "null", *(f"null_{name}" for name in TOLD)]


def _told(read: Read, claim: Claim, method: str) -> dict[str, Any]:
    value, against = claim.of(read, method)
    difference = value - against
    low, high = read.interval(difference)
    ours = low if claim.sign > 0 else -high
    theirs = -high if claim.sign > 0 else low
    fails = claim.fails(read, method) if claim.fails else theirs > 0
    holds = HOLDS if ours > 0 else FAILS if fails else UNKNOWN
    if len(read.datasets) < FEWEST:
        holds = UNKNOWN
    numbers = (value.value, against.value, difference.value, low, high, holds)
    return dict(zip(TOLD, numbers, strict=True))
