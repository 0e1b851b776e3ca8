"""How far early stopping can be trusted: the validation–test gap in both readings, harm, regret."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from bench.analysis.complete import IMPUTED, those
from bench.analysis.frame import UNIT
from bench.analysis.measures import normalized_gain

Curves = Sequence[Sequence[float]] | np.ndarray  # the latter of objects, one curve each
CHUNK = 50_000  # curves that are ranked at once


def correlation_gaps(validation: Curves, test: Curves) -> np.ndarray:
    """1 − Spearman correlation of each two curves over the same evaluations, in [0, 2].

    The validation–test gap as the abstract of arXiv 2601.04110 words it, a correlation gap. NaN
    where no correlation exists: a curve that is constant, incomplete or missing.

    Curves of one length are ranked together: a call of SciPy for each takes 0.4 ms.
    """
    lengths = np.array([len(v) if len(v) == len(t) else 0 for v, t in zip(validation, test)])
    gaps = np.full(len(lengths), np.nan)
    for length in set(lengths.tolist()) - {0, 1}:
        same = np.flatnonzero(lengths == length)
        for start in range(0, len(same), CHUNK):
            rows = same[start : start + CHUNK]
            pairs = (np.array([curves[i] for i in rows], float) for curves in (validation, test))
            gaps[rows] = 1 - _spearman(*pairs)
    return gaps


def _spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Row by row: Pearson's correlation of average ranks; NaN where a row is constant or has NaN.

    Ranks are doubled, so that all sums are whole numbers and a perfect correlation is exactly 1.
    """
    known = ~(np.isnan(a).any(axis=1) | np.isnan(b).any(axis=1))
    a, b = (2 * rankdata(curves[known], axis=1) - (curves.shape[1] + 1) for curves in (a, b))
    ab, aa, bb = (np.einsum("ij,ij->i", x, y) for x, y in ((a, b), (a, a), (b, b)))
    out = np.full(len(known), np.nan)
    with np.errstate(invalid="ignore"):  # 0 / 0 where a curve is constant
        out[known] = ab / np.sqrt(aa * bb)
    return out


def runs(cells: pd.DataFrame) -> pd.DataFrame:
    """The readings of every run of the methods that fine-tune, those with a curve in any run.

    Parameters
    ----------
    cells : DataFrame
        Complete units (`bench.analysis.complete.complete`), the methods that do not fine-tune
        included: they count in the normalization.

    Returns
    -------
    DataFrame
        A row a run: dataset, fold, seed, method, and, in the metric where nothing else is said,

        ``correlation_gap``
            `correlation_gaps` of the curves; NaN where it does not exist.
        ``validation_gain``, ``test_gain``, ``last_gain``
            Gain over the pre-trained model: of the chosen step on validation and on test, of the
            last step on test.
        ``gap``
            ``validation_gain − test_gain``: the study's gap read as a difference, raw.
        ``normalized_gap``
            The same with each gain normalized min–max within the unit, in [−2, 2].
        ``harm``
            True where the chosen step is worse on test than not fine-tuning.
        ``regret``
            The best evaluation on test minus the chosen one, ≥ 0; NaN without a curve. Of a bag it
            may be below 0: its curve is of steps that its children have in common.
    """
    _, validation = normalized_gain(cells, "validation_chosen", "validation_pretrained")
    _, test = normalized_gain(cells, "score_chosen", "score_pretrained")
    cells = those(cells, cells["status"] != IMPUTED)  # what never ran promised nothing
    test_curves = cells["test_curve"].to_numpy()
    best = [max(curve, default=np.nan) for curve in test_curves]
    validation_gain = cells["validation_chosen"] - cells["validation_pretrained"]
    test_gain = cells["score_chosen"] - cells["score_pretrained"]
    out = cells[[*UNIT, "method"]].assign(
        correlation_gap=correlation_gaps(cells["validation_curve"].to_numpy(), test_curves),
        validation_gain=validation_gain,
        test_gain=test_gain,
        last_gain=cells["score_last"] - cells["score_pretrained"],
        gap=validation_gain - test_gain,
        normalized_gap=validation - test,
        harm=test_gain < 0,
        regret=best - cells["score_chosen"],
    )
    has_curve = cells["test_curve"].map(len) > 0
    fine_tuned = has_curve.groupby(cells["method"], observed=True).transform("any")
    return out[fine_tuned.astype(bool)].reset_index(drop=True)


def reliability(readings: pd.DataFrame) -> pd.DataFrame:
    """One row a method, from `runs`.

    Columns: medians over runs of ``correlation_gap``, ``gap`` (as ``gap_median``) and
    ``normalized_gap``; ``undefined``, the number of runs without a correlation, which the median
    passes over; means over runs of ``validation_gain``, ``test_gain``, ``last_gain``, ``gap`` and
    ``regret``; ``harm``, a share; ``runs``.
    """
    by = readings.groupby("method", observed=True)
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
