"""R²: the share of the values' variance that is explained."""

from __future__ import annotations

import numpy as np

from bench.predicted import Predicted
from bench.scores._errors import scaled_errors
from bench.value_score import ValueScore


def _r2(y: np.ndarray, predicted: Predicted) -> float | None:
    """1 − squared errors / squared deviations from the rows' own mean; None of equal values."""
    if y.min() == y.max():
        return None
    centred = y - y.mean()
    deviations = ((centred / predicted.scale) ** 2).sum()
    if not deviations > 0:  # so near each other that no square is left
        return None
    return float(1 - (scaled_errors(y, predicted) ** 2).sum() / deviations)


r2 = ValueScore(
    name="r2",
    title="R²",
    function=_r2,
    greater_is_better=True,
    lowest=float("-inf"),
    highest=1.0,
    may_lack=True,
)
