"""Confidence intervals by resampling whole datasets: its folds and seeds share rows.

A dataset is drawn with all its units or not at all (the cluster bootstrap; Davison and Hinkley
1997, §3.8). Intervals are percentiles.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.analysis.measures import ranks
from bench.analysis.settings import Analysis
from bench.seeds import generator

BLOCK = 256  # sorted values between two rows of running counts


def intervals(gains: pd.DataFrame, settings: Analysis) -> pd.DataFrame:
    """Intervals of every method's average rank, median improvement, mean raw gain and harm.

    Parameters
    ----------
    gains : DataFrame
        From `bench.analysis.measures.improvements`.

    Returns
    -------
    DataFrame
        A row a method: ``rank_low``, ``rank_high``, and so on for ``median``, ``raw_gain`` and
        ``harm``; NaN with fewer than two datasets. All methods see the same resamples.
    """
    datasets = pd.Index(sorted(gains["dataset"].unique()))
    weights = draws(len(datasets), settings)
    by_rank = ranks(gains).reindex(datasets)
    rows: dict[str, dict[str, float]] = {}
    for method, runs in gains.groupby("method", observed=True):
        place = datasets.get_indexer(pd.Index(runs["dataset"]))
        known = runs["improvement"].notna().to_numpy()
        statistics = {
            "rank": weights @ by_rank[method].to_numpy() / len(datasets),
            "median": weighted_medians(
                runs["improvement"].to_numpy()[known], place[known], weights
            ),
            "raw_gain": _weighted_means(runs["raw_gain"].to_numpy(), place, weights),
            "harm": _weighted_means(runs["raw_gain"].to_numpy() < 0, place, weights),
        }
        rows[str(method)] = {
            f"{name}_{end}": value
            for name, values in statistics.items()
            for end, value in zip(("low", "high"), ends(values, len(datasets), settings))
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def draws(n: int, settings: Analysis) -> np.ndarray:
    """How often each of n datasets stands in each resample, shape (resamples, n)."""
    rng = generator("analysis", "bootstrap over datasets", settings.seed)
    return rng.multinomial(n, np.full(n, 1 / n), size=settings.resamples)


def ends(values: np.ndarray, datasets: int, settings: Analysis) -> tuple[float, float]:
    """The interval of a statistic's resamples; NaN of fewer than two datasets."""
    if datasets < 2 or np.isnan(values).all():
        return float("nan"), float("nan")  # one dataset, drawn again and again, varies in nothing
    tail = (1 - settings.confidence) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _weighted_means(values: np.ndarray, place: np.ndarray, weights: np.ndarray) -> np.ndarray:
    n = weights.shape[1]
    sums = np.bincount(place, values, minlength=n)
    units = np.bincount(place, minlength=n)
    return (weights @ sums) / (weights @ units)


def weighted_medians(values: np.ndarray, place: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`weighted_quantiles` at one half."""
    return weighted_quantiles(values, place, weights, 0.5)


def weighted_quantiles(
    values: np.ndarray, place: np.ndarray, weights: np.ndarray, at: float
) -> np.ndarray:
    """A quantile of the values in each resample, where a value counts as often as its dataset.

    Between two values it is linear, as `numpy.quantile`'s.

    Exact, without building the resamples: values are sorted once; running counts by dataset are
    kept at every `BLOCK`-th of them, which brackets each resample's middle, and within the block
    its counts are summed.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Without NaN.
    place : ndarray of int, shape (n,)
        The dataset of each value, a column of ``weights``.
    weights : ndarray of int, shape (resamples, datasets)
    at : float
        0 … 1.

    Returns
    -------
    ndarray of shape (resamples,)
        NaN where a resample holds no value.
    """
    order = np.argsort(values, kind="stable")
    values, place = values[order], place[order]
    blocks = -(-len(values) // BLOCK)
    counts = np.zeros((blocks, weights.shape[1]), dtype=np.int64)
    np.add.at(counts, (np.arange(len(values)) // BLOCK, place), 1)
    # Values up to the end of each block, in each resample: shape (resamples, blocks).
    running = weights @ counts.cumsum(axis=0).T if blocks else np.zeros((len(weights), 1), int)
    total = running[:, -1]
    position = np.maximum(total - 1, 0) * at  # from 0
    below, above = np.floor(position).astype(int), np.ceil(position).astype(int)
    low, high = (_order_statistic(k, values, place, weights, running) for k in (below, above))
    return np.where(total > 0, low + (position - below) * (high - low), np.nan)


def _order_statistic(
    k: np.ndarray,
    values: np.ndarray,
    place: np.ndarray,
    weights: np.ndarray,
    running: np.ndarray,
) -> np.ndarray:
    """The value at position k of each resample."""
    if not len(values):
        return np.full(len(weights), np.nan)
    block = np.minimum((running <= k[:, None]).sum(axis=1), running.shape[1] - 1)
    found = np.empty(len(weights))
    for b in np.unique(block):
        rows = np.flatnonzero(block == b)
        inside = slice(b * BLOCK, min((b + 1) * BLOCK, len(values)))
        before = running[rows, b - 1] if b else np.zeros(len(rows), dtype=np.int64)
        reached = before[:, None] + weights[np.ix_(rows, place[inside])].cumsum(axis=1)
        at = np.minimum((reached <= k[rows, None]).sum(axis=1), reached.shape[1] - 1)
        found[rows] = values[inside][at]
    return found
