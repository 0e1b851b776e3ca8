"""A numeric target on the scale that `Tab2D` reads, from 0 to 1 over the training rows, and back.

All of it is float64: what the model is given lies near 1, however large the target is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from bench.errors import TableError

TargetScale = Literal["minmax", "normal"]
CLOSE = 1e-9  # of the range: values that near are one, where ranks are asked for
ROOM = 8.0  # times the range lie between the least and the greatest value that a model may tell


@dataclass(frozen=True)
class Scale:
    """A strictly increasing map of the target, linear between knots and beyond the outermost.

    Beyond the training rows both kinds are the same: a range of the target is one unit.

    Parameters
    ----------
    values : ndarray of float64, shape (n_knots,)
        In the target's units divided by ``unit``, ascending.
    heights : ndarray of float64, shape (n_knots,)
        Where they lie: 0 the first, 1 the last.
    unit : float
        A power of two near the greatest value, so that no difference or square overflows.
    deviation : float
        Of the population of training targets, in their units.
    """

    values: np.ndarray
    heights: np.ndarray
    unit: float
    deviation: float

    @classmethod
    def of(cls, y: np.ndarray, kind: TargetScale, name: str) -> Self:
        """The scale of training targets; ``name`` is their table's.

        ``minmax`` is AutoGluon's (`Preprocessor.determine_mix_max_scale`): a far value squeezes all
        others together. ``normal`` has the middle rank of each distinct value as a quantile of the
        normal distribution, and then the same: how far it is no longer counts.

        Raises
        ------
        TableError
            If they are all equal, or beyond what float64 can tell apart.
        """
        unit = 2.0 ** np.clip(np.frexp(np.abs(y).max(initial=0.0))[1], -1000, 1000)
        known = np.sort(y / unit)
        width = known[-1] - known[0] if len(known) else 0.0
        deviation = float((y / unit).std() * unit) if len(known) else 0.0
        if not width > 0:
            raise TableError(
                f"Dataset '{name}' has one value of the target in all of its {len(y)} training "
                "rows; expected are two or more."
            )
        with np.errstate(over="ignore"):
            reach = ROOM * width * unit
        if not 0 < deviation < np.inf or not np.isfinite(reach):
            raise TableError(
                f"Dataset '{name}' has targets up to {np.abs(y).max():.3g}, whose range float64 "
                "cannot hold; divide them by a constant."
            )
        knots, heights = _KNOTS[kind](known)
        return cls(knots, heights, float(unit), deviation)

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Targets on the scale."""
        with np.errstate(over="ignore"):  # of rows that lie anywhere; they are cut where read
            return _through(y / self.unit, self.values, self.heights)

    def back(self, heights: np.ndarray) -> np.ndarray:
        """Numbers on the scale as targets."""
        return _through(heights, self.heights, self.values) * self.unit


def _minmax(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return known[[0, -1]], np.array([0.0, 1.0])


def _normal(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import ndtri  # here: a loader's settings are checked without it

    apart = np.diff(known) > CLOSE * (known[-1] - known[0])
    first = np.concatenate([[0], np.flatnonzero(apart) + 1])
    end = np.concatenate([first[1:], [len(known)]])
    quantiles = ndtri((first + end) / (2 * len(known)))
    heights = (quantiles - quantiles[0]) / (quantiles[-1] - quantiles[0])
    values = known[first]
    values[-1] = known[-1]
    return values, heights


_KNOTS = {"minmax": _minmax, "normal": _normal}


def _through(x: np.ndarray, at: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The line through these points; beyond them with the slope between the outermost two."""
    slope = (to[-1] - to[0]) / (at[-1] - at[0])
    below, above = np.minimum(x - at[0], 0.0), np.maximum(x - at[-1], 0.0)
    inner: np.ndarray = np.interp(x, at, to) + slope * (below + above)
    return inner
