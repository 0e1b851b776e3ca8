"""Balanced accuracy: the mean over classes of the share of their rows that are right."""

from __future__ import annotations

import numpy as np

from bench.score import ClassScore


def _balanced_accuracy(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean share of rows that are right, over the classes that have rows.

    As `accuracy`, of equally probable classes the first is told.
    """
    chosen = probabilities.argmax(axis=1)
    return float(np.mean([(chosen[y == c] == c).mean() for c in np.unique(y)]))


balanced_accuracy = ClassScore(
    name="balanced_accuracy",
    title="balanced accuracy",
    function=_balanced_accuracy,
    greater_is_better=True,
    lowest=0.0,
    highest=1.0,
    counts=True,
)
