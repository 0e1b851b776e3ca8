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

    Parameters
    ----------
    has_unit : bool
        Whether it is in the target's own unit, so that a mean over tables would be of nothing.
    of_distribution : bool
        Whether it reads a distribution: it is None of a model that tells none, and nobody can
        compute it of the values that a record keeps.

    Examples
    --------
    >>> from bench.scores.rmse import rmse
    >>> rmse(np.array([1.0, 2.0]), Predicted(np.array([1.0, 4.0]), scale=1.0))
    1.4142135623730951
    >>> rmse(np.array([1.0, np.nan]), Predicted(np.array([1.0, 4.0]), scale=1.0))
    Traceback (most recent call last):
        ...
    bench.score.ScoreError: The values of 1 of 2 rows are not finite.
    """

    has_unit: bool = False
    of_distribution: bool = False
    # Narrower than the base's on purpose: whoever calls a score knows which kind it is (`held`).
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
    """Refuse what is no finite value for each prediction.

    Raises
    ------
    ScoreError
    """
    if y.shape != predicted.mean.shape or not len(y):
        raise ScoreError(
            "A score needs a value and a prediction for each of some rows, not values of shape "
            f"{y.shape} and predictions of shape {predicted.mean.shape}."
        )
    if bad := int((~np.isfinite(y)).sum()):
        raise ScoreError(f"The values of {bad} of {len(y)} rows are not finite.")
