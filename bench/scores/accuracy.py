"""Accuracy: the share of rows whose most probable class, of equal ones the first, is theirs."""

from __future__ import annotations

import numpy as np

from bench.score import ClassScore


def _accuracy(y: np.ndarray, probabilities: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == y).mean())


accuracy = ClassScore(
    name="accuracy",
    title="accuracy",
    function=_accuracy,
    greater_is_better=True,
    lowest=0.0,
    highest=1.0,
    counts=True,
)
