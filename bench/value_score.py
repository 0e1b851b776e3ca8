"""What a score of a numeric target is: a function of values and of what was told of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.predicted import Predicted
from bench.score import Score, ScoreError


@dataclass(frozen=True, kw_only=True)
class ValueScore(Score):
    """A score of `bench.predicted.Predicted` values.

    One that reads a distribution may lack: it is None of a model that tells none.

    Parameters
    ----------
    has_unit : bool
        Whether it is in the target's own unit, so that a mean over tables would be of nothing.
    """

    has_unit: bool = False
    function: Callable[[np.ndarray, Predicted], float | None]  # type: ignore[assignment]

    def __call__(self, y: np.ndarray, predicted: Predicted) -> float | None:
        """The score; None where it does not exist.

        Raises
        ------
        ScoreError
            As `require_values`.
        """
        require_values(y, predicted)
        return self.function(y, predicted)


def require_values(y: np.ndarray, predicted: Predicted) -> None:
    """Refuse what is not a finite number and a finite prediction a row.

    Raises
    ------
    ScoreError
    """
    if y.shape != predicted.mean.shape or y.ndim != 1 or not len(y):
        raise ScoreError(
            "A score needs a value and a prediction for each of some rows, not values of shape "
            f"{y.shape} and predictions of shape {predicted.mean.shape}."
        )
    bad = int((~np.isfinite(predicted.mean)).sum())
    if bad:
        raise ScoreError(f"The predicted values of {bad} of {len(y)} rows are not finite.")
