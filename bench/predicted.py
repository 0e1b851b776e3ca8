"""`Predicted`: what a model tells of a numeric target."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bench.score import UNITY, ScoreError


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions of a numeric target, in its own units.

    Parameters
    ----------
    mean : ndarray of float64, shape (n_rows,)
    scale : float
        The standard deviation (of the population) of the training rows' targets, above 0.
    mass : ndarray of shape (n_rows, n_bins), optional
        Where a model gives a distribution: the probability of each bin, uniform within it; rows sum
        to one.
    edges : ndarray of float64, shape (n_bins + 1,), optional
        The bins' bounds, strictly ascending.

    Raises
    ------
    ScoreError
        If a number is not finite, shapes do not fit, or the bins hold no distribution.

    Examples
    --------
    >>> edges = np.array([0.0, 1.0, 3.0])
    >>> told = Predicted(np.array([1.25]), scale=1.0, mass=np.array([[0.5, 0.5]]), edges=edges)
    >>> len(told), told.has_distribution
    (1, True)
    >>> Predicted(np.array([1.25]), scale=1.0, mass=np.array([[0.5, 0.4]]), edges=edges)
    Traceback (most recent call last):
        ...
    bench.score.ScoreError: The predicted distributions of 1 of 1 rows do not sum to 1.
    """

    mean: np.ndarray
    scale: float
    mass: np.ndarray | None = None
    edges: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.mean.ndim != 1:
            raise ScoreError(f"A value a row is predicted, not an array of {self.mean.shape}.")
        if bad := int((~np.isfinite(self.mean)).sum()):
            raise ScoreError(f"The predicted values of {bad} of {len(self)} rows are not finite.")
        if not 0 < self.scale < math.inf:
            raise ScoreError(
                f"The standard deviation of the training targets is {self.scale:g}; expected a "
                "number above 0."
            )
        if self.mass is not None or self.edges is not None:
            self._check_distribution()

    def _check_distribution(self) -> None:
        mass, edges = self.mass, self.edges
        if mass is None or edges is None or mass.shape != (len(self), len(edges) - 1):
            given = [None if part is None else part.shape for part in (mass, edges)]
            raise ScoreError(
                f"Predicted distributions of {len(self)} rows need a mass for each row and bin, "
                f"and a bound more than bins, not masses of shape {given[0]} and bounds of shape "
                f"{given[1]}."
            )
        if not (np.isfinite(edges).all() and (edges[1:] > edges[:-1]).all() and len(edges) > 1):
            raise ScoreError("The bounds of predicted distributions are not finite and ascending.")
        if len(mass) and not mass.min() >= 0:  # NaN is not
            bad = int((~(mass >= 0)).any(axis=1).sum())
            raise ScoreError(
                f"The predicted distributions of {bad} of {len(self)} rows hold a mass that is "
                "below 0 or no number."
            )
        apart = np.abs(mass.sum(axis=1, dtype=np.float64) - 1)
        if bad := int((~(apart <= UNITY)).sum()):  # an infinite sum is not
            raise ScoreError(
                f"The predicted distributions of {bad} of {len(self)} rows do not sum to 1."
            )

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def has_distribution(self) -> bool:
        """Whether more is told than a value a row."""
        return self.mass is not None


Predictions = np.ndarray | Predicted  # of some rows: probabilities (n_rows, n_classes), or values


def problem_of(predictions: Predictions) -> str:
    """What predictions are for: classification or regression."""
    return "regression" if isinstance(predictions, Predicted) else "classification"
