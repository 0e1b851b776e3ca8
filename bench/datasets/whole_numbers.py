"""Whole numbers as floats: exact, or counted from the smallest, never merged in silence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.datasets.strays import Unusable
from bench.datasets.wording import setting

EXACT = 2**53  # beyond it, neighbouring whole numbers are one float


def floats_of(whole: Sequence[int | None], column: str) -> tuple[np.ndarray, list[str]]:
    """Floats that are equal only where the numbers are, missing as NaN, and remarks.

    Raises
    ------
    Unusable
        If no shift makes room for them.
    """
    distinct = {number for number in whole if number is not None}
    if len({_float(number) for number in distinct}) == len(distinct):
        return np.array([np.nan if n is None else _float(n) for n in whole]), []
    smallest = min(distinct)
    if max(distinct) - smallest > EXACT:
        raise Unusable(
            f"holds whole numbers beyond 2^53 such as {max(distinct, key=abs)}, some of which no "
            "model can tell apart as numbers",
            f"name it a category with {setting('categorical', [column])}",
        )
    shifted = np.array([np.nan if n is None else float(n - smallest) for n in whole])
    return shifted, [
        f"holds whole numbers beyond 2^53, hence was read as their distance from the smallest, "
        f"{smallest}, so that none become equal."
    ]


def _float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return np.inf if number > 0 else -np.inf
