"""Scores of predicted class probabilities; equal to scikit-learn's, computed once per evaluation.

ROC-AUC is written here because a curve needs it at every step: scikit-learn's takes 2 ms a pair of
classes, which at ten classes outweighs the model. The tests hold it against scikit-learn.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.stats import rankdata

NAMES = ("roc_auc_ovo", "roc_auc_ovr", "log_loss", "accuracy", "balanced_accuracy", "brier")
EPSILON = np.finfo(np.float64).eps  # as sklearn.metrics.log_loss clips probabilities


def binary_roc_auc(positive: np.ndarray, score: np.ndarray) -> float:
    """Probability that a positive outscores a negative, ties half (Mann–Whitney U / n₊n₋)."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    u = rankdata(score)[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(u / (n_positive * n_negative))


def roc_auc_ovo(y: np.ndarray, probabilities: np.ndarray) -> float:
    """One-vs-one macro ROC-AUC over the pairs of classes that have rows (Hand & Till 2001).

    NaN if fewer than two classes have rows. Equals ``sklearn.metrics.roc_auc_score(...,
    multi_class="ovo")`` where all classes have rows.
    """
    present = np.unique(y)
    if len(present) < 2:
        return float("nan")
    if probabilities.shape[1] == 2:
        return binary_roc_auc(y == 1, probabilities[:, 1])
    scores = []
    for a, b in combinations(present, 2):
        rows = (y == a) | (y == b)
        is_a = y[rows] == a
        scores.append(binary_roc_auc(is_a, probabilities[rows, a]))
        scores.append(binary_roc_auc(~is_a, probabilities[rows, b]))
    return float(np.mean(scores))


def roc_auc_ovr(y: np.ndarray, probabilities: np.ndarray) -> float:
    """One-vs-rest macro ROC-AUC over the classes that have rows; NaN if fewer than two have."""
    present = np.unique(y)
    if len(present) < 2:
        return float("nan")
    if probabilities.shape[1] == 2:
        return binary_roc_auc(y == 1, probabilities[:, 1])
    return float(np.mean([binary_roc_auc(y == c, probabilities[:, c]) for c in present]))


def log_loss(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-likelihood in nats; probabilities are clipped at the float's epsilon."""
    likelihood = probabilities[np.arange(len(y)), y].clip(EPSILON, 1 - EPSILON)
    return float(-np.log(likelihood).mean())


def all_scores(y: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Every score in `NAMES`.

    Parameters
    ----------
    y : ndarray of int, shape (n_rows,)
    probabilities : ndarray of shape (n_rows, n_classes)
        Rows sum to one.

    Returns
    -------
    dict
        ``brier`` is the multiclass Brier score: the mean squared distance to the one-hot label,
        between 0 and 2.
    """
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
