"""Log-loss: the mean negative log-likelihood of the labels, in nats."""

from __future__ import annotations

import numpy as np

from bench.score import ClassScore

EPSILON = np.finfo(np.float64).eps  # as sklearn.metrics.log_loss clips probabilities


def _log_loss(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-likelihood in nats; probabilities are clipped at the float's epsilon."""
    likelihood = probabilities[np.arange(len(y)), y].clip(EPSILON, 1 - EPSILON)
    return float(-np.log(likelihood).mean())


log_loss = ClassScore(
    name="log_loss",
    title="log-loss",
    function=_log_loss,
    greater_is_better=False,
    lowest=0.0,
    highest=float("inf"),
    drawn=True,
)
