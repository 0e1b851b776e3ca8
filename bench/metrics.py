"""Scores of predicted class probabilities; equal to scikit-learn's, computed once per evaluation.

ROC-AUC is written here because a curve needs it at every step: scikit-learn's takes 2 ms a pair of
classes, which at ten classes outweighs the model. The tests hold it against scikit-learn.

A score that does not exist by its definition is None. One that could only be computed from numbers
that are none (NaN, infinite, not probabilities) is never given: every function refuses them.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.stats import rankdata

NAMES = ("roc_auc_ovo", "roc_auc_ovr", "log_loss", "accuracy", "balanced_accuracy", "brier")
EPSILON = np.finfo(np.float64).eps  # as sklearn.metrics.log_loss clips probabilities
UNITY = 1e-5  # how far a row's sum may lie from one: float32 softmax over ten classes is far within


class ScoreError(ValueError):
    """Labels or probabilities that no score can be told of; the message is one sentence."""


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
        raise ScoreError(f"ROC-AUC needs finite scores; {_count(~np.isfinite(score))} are not.")
    return _rank_area(positive, score)


def _rank_area(positive: np.ndarray, score: np.ndarray) -> float:
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    u = rankdata(score)[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(u / (n_positive * n_negative))


def roc_auc_ovo(y: np.ndarray, probabilities: np.ndarray) -> float | None:
    """One-vs-one macro ROC-AUC over the pairs of classes that have rows (Hand & Till 2001).

    None if fewer than two classes have rows. Equals ``sklearn.metrics.roc_auc_score(...,
    multi_class="ovo")`` where all classes have rows.

    Raises
    ------
    ScoreError
        As `require_probabilities`.

    Examples
    --------
    >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8]])
    >>> roc_auc_ovo(np.array([0, 0, 1, 1]), probabilities)
    0.75
    >>> roc_auc_ovo(np.array([0, 0, 0, 0]), probabilities) is None
    True
    """
    require_probabilities(y, probabilities)
    present = np.unique(y)
    if len(present) < 2:
        return None
    if probabilities.shape[1] == 2:
        return _rank_area(y == 1, probabilities[:, 1])
    scores = []
    for a, b in combinations(present, 2):
        rows = (y == a) | (y == b)
        is_a = y[rows] == a
        scores.append(_rank_area(is_a, probabilities[rows, a]))
        scores.append(_rank_area(~is_a, probabilities[rows, b]))
    return float(np.mean(scores))


def roc_auc_ovr(y: np.ndarray, probabilities: np.ndarray) -> float | None:
    """One-vs-rest macro ROC-AUC over the classes that have rows; None if fewer than two have.

    Raises
    ------
    ScoreError
        As `require_probabilities`.
    """
    require_probabilities(y, probabilities)
    present = np.unique(y)
    if len(present) < 2:
        return None
    if probabilities.shape[1] == 2:
        return _rank_area(y == 1, probabilities[:, 1])
    return float(np.mean([_rank_area(y == c, probabilities[:, c]) for c in present]))


def log_loss(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-likelihood in nats; probabilities are clipped at the float's epsilon.

    Raises
    ------
    ScoreError
        As `require_probabilities`.

    Examples
    --------
    >>> round(log_loss(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]])), 4)
    0.6931
    >>> log_loss(np.array([0]), np.array([[0.5, 0.6]]))
    Traceback (most recent call last):
        ...
    bench.metrics.ScoreError: The predicted probabilities of 1 of 1 rows do not sum to 1.
    """
    require_probabilities(y, probabilities)
    likelihood = probabilities[np.arange(len(y)), y].clip(EPSILON, 1 - EPSILON)
    return float(-np.log(likelihood).mean())


def all_scores(y: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """Every score in `NAMES`.

    Parameters
    ----------
    y : ndarray of int, shape (n_rows,)
    probabilities : ndarray of shape (n_rows, n_classes)
        Rows sum to one.

    Returns
    -------
    dict
        The two ROC-AUCs are None if fewer than two classes have rows. ``brier`` is the multiclass
        Brier score: the mean squared distance to the one-hot label, between 0 and 2.

    Raises
    ------
    ScoreError
        As `require_probabilities`.
    """
    require_probabilities(y, probabilities)
    chosen = probabilities.argmax(axis=1)
    one_hot = np.eye(probabilities.shape[1])[y]
    return {
        "roc_auc_ovo": roc_auc_ovo(y, probabilities),
        "roc_auc_ovr": roc_auc_ovr(y, probabilities),
        "log_loss": log_loss(y, probabilities),
        "accuracy": float((chosen == y).mean()),
        "balanced_accuracy": float(np.mean([(chosen[y == c] == c).mean() for c in np.unique(y)])),
        "brier": float(((probabilities - one_hot) ** 2).sum(axis=1).mean()),
    }


def require_probabilities(y: np.ndarray, probabilities: np.ndarray) -> None:
    """Refuse what is no class code and one distribution over the classes a row.

    Raises
    ------
    ScoreError
        If there are no rows, the shapes do not fit, a label is no class code, a probability is
        not finite or outside 0 … 1, or a row's sum is not one.
    """
    if probabilities.ndim != 2 or y.shape != probabilities.shape[:1] or not probabilities.size:
        raise ScoreError(
            "A score needs a label and a row of probabilities for each of some rows, not labels of "
            f"shape {y.shape} and probabilities of shape {probabilities.shape}."
        )
    n_rows, n_classes = probabilities.shape
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= n_classes:
        raise ScoreError(f"Labels must be whole numbers from 0 to {n_classes - 1}.")
    if not np.isfinite(probabilities).all():
        bad = _count(~np.isfinite(probabilities).all(axis=1))
        raise ScoreError(f"The predicted probabilities of {bad} of {n_rows} rows are not finite.")
    if probabilities.min() < 0:
        raise ScoreError(f"A predicted probability is {probabilities.min():.3g}, below 0.")
    apart = np.abs(probabilities.sum(axis=1) - 1)
    if apart.max() > UNITY:
        bad = _count(apart > UNITY)
        raise ScoreError(f"The predicted probabilities of {bad} of {n_rows} rows do not sum to 1.")


def _count(marks: np.ndarray) -> int:
    return int(marks.sum())
