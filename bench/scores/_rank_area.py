"""The area under the ROC curve, from ranks: what the ROC-AUC scores share.

It is written here because a curve needs it at every step: scikit-learn's takes 2 ms a pair of
classes, which at ten classes outweighs the model. The tests hold it against scikit-learn.
"""

from __future__ import annotations

import numpy as np

from bench.score import ScoreError


def binary_roc_auc(positive: np.ndarray, score: np.ndarray) -> float:
    """Probability that a positive outscores a negative, ties half (Mann–Whitney U / n₊n₋).

    Parameters
    ----------
    positive : ndarray of bool, shape (n_rows,)
        Both kinds must be there.
    score : ndarray of shape (n_rows,)
        Finite.

    Raises
    ------
    ScoreError
    """
    if positive.ndim != 1 or positive.shape != score.shape or positive.dtype != bool:
        raise ScoreError(
            f"ROC-AUC needs one mark and one score a row, not {positive.dtype} marks of shape "
            f"{positive.shape} and scores of shape {score.shape}."
        )
    if positive.all() or not positive.any():
        raise ScoreError("ROC-AUC needs rows of two classes, these are of one.")
    if not np.isfinite(score).all():
        raise ScoreError(
            f"ROC-AUC needs finite scores; {int((~np.isfinite(score)).sum())} are not."
        )
    return rank_area(positive, score)


def rank_area(positive: np.ndarray, score: np.ndarray) -> float:
    """`binary_roc_auc` of what is known to be sound."""
    from scipy.stats import rankdata  # takes a second to load, and whoever reads records ranks none

    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    u = rankdata(score)[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(u / (n_positive * n_negative))
