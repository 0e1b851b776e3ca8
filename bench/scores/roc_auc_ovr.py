"""One-vs-rest ROC-AUC: the mean over classes."""

from __future__ import annotations

import numpy as np

from bench.score import ClassScore
from bench.scores._rank_area import rank_area


def _roc_auc_ovr(y: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Macro average over the classes that have rows; None if fewer than two have.

    Where all rows tie it is a half.
    """
    present = np.unique(y)
    if len(present) < 2:
        return None
    if probabilities.shape[1] == 2:
        return rank_area(y == 1, probabilities[:, 1])
    return float(np.mean([rank_area(y == c, probabilities[:, c]) for c in present]))


roc_auc_ovr = ClassScore(
    name="roc_auc_ovr",
    title="ROC-AUC (one-vs-rest)",
    function=_roc_auc_ovr,
    greater_is_better=True,
    lowest=0.0,
    highest=1.0,
    may_lack=True,
)
