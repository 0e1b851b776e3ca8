"""One-vs-one ROC-AUC: the mean over pairs of classes (Hand & Till 2001)."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from bench.score import ClassScore
from bench.scores._rank_area import rank_area


def _roc_auc_ovo(y: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Macro average over the pairs of classes that have rows (Hand & Till 2001).

    None if fewer than two classes have rows; a pair whose rows all tie counts half. Equals
    ``sklearn.metrics.roc_auc_score(..., multi_class="ovo")`` where all classes have rows.
    """
    present = np.unique(y)
    if len(present) < 2:
        return None
    if probabilities.shape[1] == 2:
        return rank_area(y == 1, probabilities[:, 1])
    scores = []
    for a, b in combinations(present, 2):
        rows = (y == a) | (y == b)
        is_a = y[rows] == a
        scores.append(rank_area(is_a, probabilities[rows, a]))
        scores.append(rank_area(~is_a, probabilities[rows, b]))
    return float(np.mean(scores))


roc_auc_ovo = ClassScore(
    name="roc_auc_ovo",
    title="ROC-AUC",
    kind="one-vs-one",
    short="auc",
    function=_roc_auc_ovo,
    greater_is_better=True,
    lowest=0.0,
    highest=1.0,
    may_lack=True,
    drawn=True,
)
