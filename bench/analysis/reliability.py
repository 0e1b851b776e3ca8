"""How far early stopping can be trusted: the validation–test gap in both readings, harm, regret."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from bench.analysis.frame import UNIT
from bench.analysis.measures import normalized_gain


def correlation_gap(validation: tuple[float, ...], test: tuple[float, ...]) -> float:
    """1 − Spearman correlation of two curves over the same evaluations, in [0, 2].

    PAPER.md, validation–test gap, first reading. NaN where no correlation exists: a curve that is
    constant, incomplete or missing.
    """
    curves = np.array([validation, test], dtype=float)
    if curves.size == 0 or np.isnan(curves).any() or (np.ptp(curves, axis=1) == 0).any():
        return float("nan")
    return float(1 - spearmanr(*curves).statistic)


def runs(cells: pd.DataFrame) -> pd.DataFrame:
    """The readings of every run of the methods that fine-tune, those with a curve in any run.

    Parameters
    ----------
    cells : DataFrame
        Complete units (`bench.analysis.frame.complete`), the methods that do not fine-tune
        included: they count in the normalization.

    Returns
    -------
    DataFrame
        A row a run: dataset, fold, seed, method, and, in ROC-AUC where nothing else is said,

        ``correlation_gap``
            `correlation_gap` of the curves; NaN where it does not exist.
        ``validation_gain``, ``test_gain``, ``last_gain``
            Gain over the pre-trained model: of the chosen step on validation and on test, of the
            last step on test.
        ``gap``
            ``validation_gain − test_gain`` (PAPER.md, second reading, raw).
        ``normalized_gap``
            The same with each gain normalized min–max within the unit, in [−2, 2].
        ``harm``
            True where the chosen step is worse on test than not fine-tuning.
        ``regret``
            The best evaluation on test minus the chosen one, ≥ 0; NaN without a curve.
    """
    _, validation = normalized_gain(cells, "validation_chosen", "validation_pretrained")
    _, test = normalized_gain(cells, "auc_chosen", "auc_pretrained")
    curves = list(zip(cells["validation_curve"], cells["test_curve"], strict=True))
    best = [max(test_curve, default=np.nan) for _, test_curve in curves]
    validation_gain = cells["validation_chosen"] - cells["validation_pretrained"]
    test_gain = cells["auc_chosen"] - cells["auc_pretrained"]
    out = cells[[*UNIT, "method"]].assign(
        correlation_gap=[correlation_gap(*pair) for pair in curves],
        validation_gain=validation_gain,
        test_gain=test_gain,
        last_gain=cells["auc_last"] - cells["auc_pretrained"],
        gap=validation_gain - test_gain,
        normalized_gap=validation - test,
        harm=test_gain < 0,
        regret=best - cells["auc_chosen"],
    )
    has_curve = cells["test_curve"].map(len) > 0
    return out[has_curve.groupby(cells["method"]).transform("any")].reset_index(drop=True)


def reliability(readings: pd.DataFrame) -> pd.DataFrame:
    """One row a method, from `runs`.

    Columns: medians over runs of ``correlation_gap``, ``gap`` (as ``gap_median``) and
    ``normalized_gap``; ``undefined``, the number of runs without a correlation, which the median
    passes over; means over runs of ``validation_gain``, ``test_gain``, ``last_gain``, ``gap`` and
    ``regret``; ``harm``, a share; ``runs``.
    """
    by = readings.groupby("method")
    mean, median = by.mean(numeric_only=True), by.median(numeric_only=True)
    return pd.DataFrame(
        {
            "correlation_gap": median["correlation_gap"],
            "undefined": by["correlation_gap"].agg(lambda gap: gap.isna().sum()),
            "validation_gain": mean["validation_gain"],
            "test_gain": mean["test_gain"],
            "last_gain": mean["last_gain"],
            "gap": mean["gap"],
            "gap_median": median["gap"],
            "normalized_gap": median["normalized_gap"],
            "harm": mean["harm"],
            "regret": mean["regret"],
            "runs": by.size(),
        }
    )
