"""The study's measures: normalized score, median improvement with its spread, average ranks.

Scores are turned so that greater is better, whatever the metric (`bench.analysis.frame.SCHEMA`).
Definitions as we read the study, arXiv 2601.04110; `results/README.md` states each.
"""

from __future__ import annotations

import pandas as pd
from scipy.stats import median_abs_deviation

from bench.analysis.frame import UNIT
from bench.analysis.settings import Normalization
from bench.score import Score


def improvements(
    cells: pd.DataFrame, metric: Score, normalization: Normalization = Normalization.minmax
) -> pd.DataFrame:
    """Normalized and raw gain of every cell over the pre-trained model.

    With a the method's test score, p its pre-trained model's, and extremes over all methods of
    that model and the model itself in a unit (dataset, fold, seed), the improvement is

    ``minmax``
        (a − p) / (max − min), the difference of the two min–max scaled scores, in [−1, 1].
    ``raw``
        a − p.
    ``pretrained_to_best``
        (a − p) / (max − p): 0 is the pre-trained model, 1 the unit's best.
    ``error_reduction``
        (a − p) / (b − p), b being the best value that the metric has: the share of the pre-trained
        model's error that is gone.

    It is 0 where a = p, also where the scale has no length (all of a unit tie); on a scale without
    length a loss has no size, and is NaN: ``pretrained_to_best`` where nothing beats the
    pre-trained model, ``error_reduction`` where that makes no error.

    Parameters
    ----------
    cells : DataFrame
        Complete units (`bench.analysis.complete.complete`).
    metric : Score
        What they were scored by (`bench.analysis.frame.metric_of`).
    normalization : Normalization
        The scale of the improvement.

    Returns
    -------
    DataFrame
        ``cells`` with ``range`` (max − min), ``tied`` (range 0), ``raw_gain``, ``improvement``.
    """
    start = cells["score_pretrained"]
    low, high = extremes(cells, "score_chosen", "score_pretrained")
    out = cells.copy(deep=False)
    out["range"] = high - low
    out["tied"] = out["range"] == 0
    out["raw_gain"] = cells["score_chosen"] - start
    scales = {
        Normalization.minmax: high - low,
        Normalization.raw: pd.Series(1.0, index=cells.index),
        Normalization.pretrained_to_best: high - start,
        Normalization.error_reduction: metric.oriented(metric.best) - start,
    }
    out["improvement"] = _scaled(out["raw_gain"], scales[normalization])
    return out


def extremes(cells: pd.DataFrame, score: str, baseline: str) -> tuple[pd.Series, pd.Series]:
    """The lowest and the highest of two columns within each unit, a value a row of ``cells``.

    Where methods start from several pre-trained models, each is held against those of its own.
    """
    several = "baseline" in cells and len(cells["baseline"].dropna().unique()) > 1
    within = [*UNIT, "baseline"] if several else UNIT
    group = cells.groupby(within, sort=False).ngroup()
    both = cells[[score, baseline]]
    low = both.min(axis=1).groupby(group).transform("min")
    return low, both.max(axis=1).groupby(group).transform("max")


def normalized_gain(cells: pd.DataFrame, score: str, baseline: str) -> tuple[pd.Series, pd.Series]:
    """Gain of a score over its baseline on the unit's min–max scale, as the study normalizes.

    Parameters
    ----------
    cells : DataFrame
        Complete units.
    score, baseline : str
        Columns; the extremes are taken over both, within a unit.

    Returns
    -------
    (range, gain)
        A value a row of ``cells``. The gain is in [−1, 1]: 0 where all of the unit tie, NaN where a
        score does not exist.
    """
    low, high = extremes(cells, score, baseline)
    return high - low, _scaled(cells[score] - cells[baseline], high - low)


def _scaled(gain: pd.Series, length: pd.Series) -> pd.Series:
    return gain.where(gain == 0, gain / length.where(length > 0))


def per_dataset(cells: pd.DataFrame) -> pd.DataFrame:
    """Mean test score over folds and seeds: datasets × methods.

    Rounded to 12 decimals: means of the same scores in another order may differ in their last bit,
    and that must decide no rank.
    """
    means = cells.groupby(["dataset", "method"], sort=True)["score_chosen"].mean()
    return means.unstack("method").round(12)


def ranks(cells: pd.DataFrame) -> pd.DataFrame:
    """Rank of each method on each dataset (1 is best, ties share): datasets × methods.

    A dataset's folds and seeds are averaged before ranking (Demšar 2006).
    """
    return per_dataset(cells).rank(axis=1, ascending=False, method="average")


def average_ranks(cells: pd.DataFrame) -> pd.Series:
    """`ranks`, averaged over datasets."""
    return ranks(cells).mean(axis=0)


def summary(gains: pd.DataFrame) -> pd.DataFrame:
    """One row a method, best average rank first.

    Parameters
    ----------
    gains : DataFrame
        From `improvements`.

    Returns
    -------
    DataFrame
        ``rank``; ``median``, ``iqr``, ``std`` and ``mad`` of the improvement over units;
        ``raw_gain``, the mean change in the score; ``harm``, the share of units where the chosen
        step is worse on test than not fine-tuning; ``units``; ``undefined``, how many of them have
        no improvement on this scale and are passed over.
    """
    by = gains.groupby("method", observed=True)
    quartile = by["improvement"].quantile
    table = pd.DataFrame(
        {
            "rank": average_ranks(gains),
            "median": by["improvement"].median(),
            "iqr": quartile(0.75) - quartile(0.25),
            "std": by["improvement"].std(),
            "mad": by["improvement"].agg(_mad),
            "raw_gain": by["raw_gain"].mean(),
            "harm": (gains["raw_gain"] < 0).groupby(gains["method"], observed=True).mean(),
            "units": by.size(),
            "undefined": gains["improvement"]
            .isna()
            .groupby(gains["method"], observed=True)
            .sum()
            .astype(int),
        }
    )
    return table.sort_values(["rank", "median"], ascending=[True, False])


def _mad(values: pd.Series) -> float:
    known = values.dropna().to_numpy()
    return float(median_abs_deviation(known)) if len(known) else float("nan")
