"""RMSE divided by the standard deviation of the training targets.

A table's own unit is gone, so that a mean over tables is of something: 1 is about as good as their
mean, told for every row.
"""

from __future__ import annotations

import numpy as np

from bench.predicted import Predicted
from bench.scores._errors import root_mean_square, scaled_errors
from bench.value_score import ValueScore


def _rmse_sd(y: np.ndarray, predicted: Predicted) -> float:
    return root_mean_square(scaled_errors(y, predicted))


rmse_sd = ValueScore(
    name="rmse_sd",
    title="RMSE / σ",
    kind="σ of the training targets",
    function=_rmse_sd,
    greater_is_better=False,
    lowest=0.0,
    highest=float("inf"),
    drawn=True,
)
