"""RMSE: the root of the mean squared error, in the target's unit."""

from __future__ import annotations

import numpy as np

from bench.predicted import Predicted
from bench.scores._errors import root_mean_square, scaled_errors
from bench.value_score import ValueScore


def _rmse(y: np.ndarray, predicted: Predicted) -> float:
    return predicted.scale * root_mean_square(scaled_errors(y, predicted))


rmse = ValueScore(
    name="rmse",
    title="RMSE",
    function=_rmse,
    greater_is_better=False,
    lowest=0.0,
    highest=float("inf"),
    drawn=True,
    has_unit=True,
)
