"""MAE: the mean absolute error, in the target's unit."""

from __future__ import annotations

import numpy as np

from bench.predicted import Predicted
from bench.scores._errors import scaled_errors
from bench.value_score import ValueScore


def _mae(y: np.ndarray, predicted: Predicted) -> float:
    return float(predicted.scale * np.abs(scaled_errors(y, predicted)).mean())


mae = ValueScore(
    name="mae",
    title="MAE",
    function=_mae,
    greater_is_better=False,
    lowest=0.0,
    highest=float("inf"),
    drawn=True,
    has_unit=True,
)
