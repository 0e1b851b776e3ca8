"""Numbers as floats: exact, or counted from the smallest, never merged in silence."""

from __future__ import annotations

import decimal
from collections.abc import Sequence

import numpy as np

from bench.datasets.own.remedies import Column
from bench.datasets.own.strays import Unusable

EXACT = 2**53  # beyond it, neighbouring whole numbers are one float
#: Digits enough for the difference of any two numbers that are floats.
_WIDE = decimal.Context(prec=800)


def floats_of(
    numbers: Sequence[decimal.Decimal | None], column: Column
) -> tuple[np.ndarray, list[str], decimal.Decimal | None]:
    """Floats that are equal only where the numbers are, missing as NaN, and remarks.

    With them the number that they were counted from, if they were.

    Raises
    ------
    Unusable
        If no shift makes room for them.
    """
    distinct = {number for number in numbers if number is not None and _is_float(number)}
    if len(set(map(float, distinct))) == len(distinct):
        return np.array([np.nan if n is None else float(n) for n in numbers]), [], None
    smallest = min(distinct)
    shifted = {number: _distance(number, smallest) for number in distinct}
    if len(set(shifted.values())) < len(distinct):
        raise Unusable(
            f"holds numbers beyond 2^53 such as {max(distinct, key=abs):f}, some of which no "
            "model can tell apart as numbers",
            f"name it a category with {column.categorical}",
        )
    remark = (
        "holds numbers beyond 2^53, hence was read as their distance from the smallest, "
        f"{smallest:f}, so that none become equal."
    )
    return distances(numbers, smallest), [remark], smallest


def exact(value: object, number: float) -> decimal.Decimal | None:
    """A value, which is this number as a float, exactly; None if it is missing.

    A number with an absurd exponent is zero or infinite as a float, and no decimal.
    """
    if np.isnan(number):
        return None
    plain = np.isfinite(number) and number != 0
    return decimal.Decimal(str(value) if plain else number)


def distances(numbers: Sequence[decimal.Decimal | None], smallest: decimal.Decimal) -> np.ndarray:
    """How far each number lies from the smallest, missing as NaN; infinite ones stay so."""
    return np.array([np.nan if n is None else _distance(n, smallest) for n in numbers])


def _distance(number: decimal.Decimal, smallest: decimal.Decimal) -> float:
    return float(_WIDE.subtract(number, smallest)) if _is_float(number) else float(number)


def _is_float(number: decimal.Decimal) -> bool:
    return bool(np.isfinite(float(number)))
