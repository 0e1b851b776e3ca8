"""The Brier score: the mean squared distance of the probabilities to the label."""

from __future__ import annotations

import numpy as np

from bench.score import ClassScore


def _brier(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Multiclass: the mean squared distance to the one-hot label."""
    one_hot = np.eye(probabilities.shape[1])[y]
    return float(((probabilities - one_hot) ** 2).sum(axis=1).mean())


brier = ClassScore(
    name="brier",
    title="Brier score",
    function=_brier,
    greater_is_better=False,
    lowest=0.0,
    highest=2.0,
    drawn=True,
)
