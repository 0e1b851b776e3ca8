"""Huge and tiny numbers, brought to a magnitude that arithmetic can hold, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Magnitude:
    """A monotone map of a column, decided by some of its values.

    Attributes
    ----------
    largest : float
        What no number that comes out exceeds.
    lifted : int
        Times 2 to this power; not 0 where all values lie next to zero.
    bent : bool
        The inverse hyperbolic sine, nearly linear below 1 and a logarithm above, which is below 711
        for every float64; where a value is larger than what can be held.
    """

    largest: float
    lifted: int
    bent: bool

    @classmethod
    def of(cls, values: np.ndarray, least: float, largest: float) -> Self:
        """The map for these values, NaN where missing; none but a cut where they can be held.

        Parameters
        ----------
        values : ndarray of float64
            Never infinite.
        least, largest : float
            A column is held if its greatest absolute value lies between them, or is zero.
        """
        greatest = float(np.abs(values[~np.isnan(values)]).max(initial=0.0))
        is_tiny = 0 < greatest < least
        lifted = -int(np.frexp(greatest)[1]) if is_tiny else 0
        return cls(largest, lifted, greatest > largest)

    @property
    def changes(self) -> bool:
        """Whether it does anything to the values that decided it."""
        return self.bent or self.lifted != 0

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The column's values, or other ones of it: cut at ``largest``; missing stays missing."""
        if self.bent:
            values = np.arcsinh(values)
        elif self.lifted:
            with np.errstate(over="ignore"):  # infinite ones are cut
                values = np.ldexp(values, self.lifted)
        return values.clip(-self.largest, self.largest)
