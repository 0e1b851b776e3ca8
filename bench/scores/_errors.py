"""By how much predictions miss the values, in deviations of the training targets."""

from __future__ import annotations

import numpy as np

from bench.predicted import Predicted


def scaled_errors(y: np.ndarray, predicted: Predicted) -> np.ndarray:
    """(prediction − value) / standard deviation, shape (n_rows,).

    Whatever the target's unit is, their squares neither overflow nor vanish.
    """
    out: np.ndarray = (predicted.mean - y) / predicted.scale
    return out


def root_mean_square(errors: np.ndarray) -> float:
    """Of errors (n_rows,)."""
    return float(np.sqrt((errors**2).mean()))
