"""Tests over datasets: Friedman with Nemenyi's critical difference, Wilcoxon with Holm's.

As Demšar (2006, JMLR 7) sets them out for comparing methods over several datasets: folds and seeds
of a dataset share rows, so a dataset is one observation, its mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, rankdata, studentized_range, wilcoxon

from bench.analysis.measures import per_dataset, ranks
from bench.analysis.references import PRETRAINED, references


@dataclass(frozen=True)
class Friedman:
    """Whether the methods' ranks differ at all, and by how much two must differ (Nemenyi)."""

    statistic: float
    p: float
    datasets: int
    methods: int
    critical_difference: float

    @property
    def exists(self) -> bool:
        """False where there are too few datasets or methods for the test."""
        return not math.isnan(self.p)


def friedman(cells: pd.DataFrame, alpha: float) -> Friedman:
    """Friedman's χ² over datasets; NaN with fewer than two datasets or three methods.

    Parameters
    ----------
    cells : DataFrame
        Complete units.
    alpha : float
        Level of the critical difference.
    """
    scores = per_dataset(cells)
    n, k = scores.shape
    statistic, p = float("nan"), float("nan")
    if n >= 2 and k >= 3 and not (scores.min(axis=1) == scores.max(axis=1)).all():
        # Negated and ranked by scipy itself; a dataset where all tie counts as such.
        statistic, p = friedmanchisquare(*(-scores).to_numpy().T)
    return Friedman(float(statistic), float(p), n, k, critical_difference(k, n, alpha))


def critical_difference(methods: int, datasets: int, alpha: float) -> float:
    """Nemenyi's: two methods differ at level alpha if their average ranks differ by this much.

    q_α √(k(k + 1) / 6N), q_α being the studentized range of k groups over √2 (Demšar 2006, §3.2.2).
    NaN with fewer than two methods.
    """
    if methods < 2:
        return float("nan")
    q = studentized_range.ppf(1 - alpha, methods, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(methods * (methods + 1) / (6 * datasets)))


def nemenyi(cells: pd.DataFrame) -> pd.DataFrame:
    """p-values of Nemenyi's test of every two methods: methods × methods, 1 on the diagonal."""
    by_rank = ranks(cells)
    n, k = by_rank.shape
    mean = by_rank.mean(axis=0)
    if k < 2:
        return pd.DataFrame(1.0, index=mean.index, columns=mean.index)
    distance = np.abs(mean.to_numpy()[:, None] - mean.to_numpy()[None, :])
    q = distance / math.sqrt(k * (k + 1) / (6 * n)) * math.sqrt(2)
    p = np.ones((k, k))
    upper = np.triu_indices(k, 1)
    p[upper] = studentized_range.sf(q[upper], k, np.inf)
    p = np.minimum(p, p.T)
    return pd.DataFrame(p, index=mean.index, columns=mean.index)


def wilcoxon_tests(cells: pd.DataFrame) -> pd.DataFrame:
    """Wilcoxon's signed-rank test of every method against default fine-tuning and the pre-trained.

    Returns
    -------
    DataFrame
        A row a comparison: ``method``, ``against``, ``datasets``, ``better`` and ``worse`` (of
        them), ``effect`` (`rank_biserial`), ``p`` (two-sided), ``p_holm`` (over the methods held
        against the same one). The pre-trained model is in every cell, so that it need not be a
        method; default fine-tuning is each method's own (`references.References`).
    """
    held, scores = references(cells), per_dataset(cells)
    start = cells.groupby(["dataset", "method"])["score_pretrained"].mean().round(12)
    columns = ["method", "against", "datasets", "better", "worse", "effect", "p", "p_holm"]
    tuned = [str(m) for m in scores if m not in held.pretrained]
    families = [
        [compared(m, held.of[m], scores[m] - scores[held.of[m]]) for m in tuned if m in held.of],
        [compared(m, PRETRAINED, scores[m] - start.xs(m, level="method")) for m in tuned],
    ]
    parts = [pd.DataFrame(rows) for rows in families if rows]
    parts = [part.assign(p_holm=holm(part["p"].to_numpy())) for part in parts]
    return pd.concat(parts or [pd.DataFrame(columns=columns)], ignore_index=True)[columns]


def compared(method: str, against: str, differences: pd.Series) -> dict[str, object]:
    """Wilcoxon's test of a method's mean differences from another: a row of `wilcoxon_tests`.

    Parameters
    ----------
    method, against : str
        What the row is called by.
    differences : Series
        One a dataset, without NaN, above 0 where ``method`` is better.
    """
    d = differences.round(12).to_numpy()
    return {
        "method": method,
        "against": against,
        "datasets": len(d),
        "better": int((d > 0).sum()),
        "worse": int((d < 0).sum()),
        "effect": rank_biserial(d),
        # Where nothing differs there is nothing to test. Zeros, which the test passes over, would
        # have scipy take the normal distribution where without them the exact one is had.
        "p": float(wilcoxon(d[d != 0]).pvalue) if d.any() else 1.0,
    }


def rank_biserial(differences: np.ndarray) -> float:
    """Matched-pairs rank-biserial correlation, in [−1, 1] (Kerby 2014); 0 where nothing differs.

    The sum of the ranks of the positive differences minus that of the negative ones, over their
    sum; zeros are left out, as in Wilcoxon's test.
    """
    d = differences[differences != 0]
    if not len(d):
        return 0.0
    by_size = rankdata(np.abs(d))
    return float((by_size[d > 0].sum() - by_size[d < 0].sum()) / by_size.sum())


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction (1979) of a family of p-values."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(stepped, 1.0)
    return out
