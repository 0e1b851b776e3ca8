"""`Predicted`: what a model tells of a numeric target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
        The bins' bounds, ascending.

    Examples
    --------
    >>> edges = np.array([0.0, 1.0, 3.0])
    >>> told = Predicted(np.array([1.25]), scale=1.0, mass=np.array([[0.5, 0.5]]), edges=edges)
    >>> len(told), told.has_distribution
    (1, True)
    """

    mean: np.ndarray
    scale: float
    mass: np.ndarray | None = None
    edges: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def has_distribution(self) -> bool:
        """Whether more is told than a value a row."""
        return self.mass is not None


Predictions = np.ndarray | Predicted  # of some rows: probabilities (n_rows, n_classes), or values
