"""The study's measures: normalized ROC-AUC, median improvement with its spread, average ranks.

Definitions as PAPER.md reads them; the README states each.
"""

from __future__ import annotations

import pandas as pd
from scipy.stats import median_abs_deviation

from bench.analysis.frame import UNIT


def improvements(cells: pd.DataFrame) -> pd.DataFrame:
    """Normalized and raw gain of every cell over the pre-trained model.

    Within a unit (dataset, fold, seed) the test ROC-AUC of all methods and of the pre-trained model
    is scaled min–max to [0, 1]; the improvement is normalized(method) − normalized(pre-trained), in
    [−1, 1]. Where all tie, it is 0 and ``tied`` is true.

    Parameters
    ----------
    cells : DataFrame
        Complete units (`bench.analysis.frame.complete`).

    Returns
    -------
    DataFrame
        ``cells`` with ``range`` (what was normalized), ``tied``, ``improvement``, ``raw_gain``.
    """
    out = cells.copy()
    extent, gain = normalized_gain(cells, "auc_chosen", "auc_pretrained")
    out["range"] = extent
    out["tied"] = extent == 0
    out["raw_gain"] = out["auc_chosen"] - out["auc_pretrained"]
    out["improvement"] = gain
    return out


def normalized_gain(cells: pd.DataFrame, score: str, baseline: str) -> tuple[pd.Series, pd.Series]:
    """Gain of a score over its baseline on the unit's min–max scale (PAPER.md, normalization).

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
    group = [cells[c] for c in UNIT]
    both = cells[[score, baseline]]
    high = both.max(axis=1).groupby(group).transform("max")
    low = both.min(axis=1).groupby(group).transform("min")
    extent, gain = high - low, cells[score] - cells[baseline]
    return extent, gain.where(extent == 0, gain / extent.where(extent > 0))


def average_ranks(cells: pd.DataFrame) -> pd.Series:
    """Rank of each method by test ROC-AUC (1 is best), averaged over datasets; ties share.

    A dataset's folds and seeds are averaged before ranking (Demšar 2006).
    """
    means = cells.pivot_table(index="dataset", columns="method", values="auc_chosen")
    return means.rank(axis=1, ascending=False, method="average").mean(axis=0)


def summary(cells: pd.DataFrame) -> pd.DataFrame:
    """One row a method, best average rank first.

    Columns: ``rank``, ``median``, ``iqr``, ``std`` and ``mad`` of the improvement over units,
    ``raw_gain`` (mean change in ROC-AUC), ``harm`` (share of units where the chosen step is worse
    on test than not fine-tuning), ``units``.
    """
    gains = improvements(cells)
    by = gains.groupby("method")
    quartile = by["improvement"].quantile
    table = pd.DataFrame(
        {
            "rank": average_ranks(cells),
            "median": by["improvement"].median(),
            "iqr": quartile(0.75) - quartile(0.25),
            "std": by["improvement"].std(),
            "mad": by["improvement"].agg(median_abs_deviation),
            "raw_gain": by["raw_gain"].mean(),
            "harm": by["raw_gain"].agg(lambda gain: (gain < 0).mean()),
            "units": by.size(),
        }
    )
    return table.sort_values(["rank", "median"], ascending=[True, False])


def per_dataset(cells: pd.DataFrame) -> pd.DataFrame:
    """Mean test ROC-AUC over folds and seeds: datasets × methods."""
    return cells.pivot_table(index="dataset", columns="method", values="auc_chosen")
