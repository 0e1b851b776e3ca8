"""What so many tables could resolve: the power of a paired t-test over tables.

Of n differences with standard deviation s, of mean d, Student's t² is noncentral F with 1 and n − 1
degrees of freedom and noncentrality n(d/s)² (Cohen 1988, §2.5; both tails are in it). s is that of
the tables at hand, so that these are estimates as it is.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import cache

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ncfdtr, stdtrit

from bench.analysis.settings import Analysis

MOST = 10**6  # tables that are counted


def power(effect: float, tables: int, alpha: float) -> float:
    """Probability that a two-sided t-test of so many tables finds a difference.

    Parameters
    ----------
    effect : float
        Mean difference over its standard deviation between tables.
    tables : int
        Two or more.
    alpha : float
        Level of the test.

    Examples
    --------
    >>> round(power(0.889, 12, 0.05), 2)
    0.8
    >>> round(power(0.0, 12, 0.05), 2)
    0.05
    """
    return _power(math.sqrt(tables) * effect, tables, alpha)


def _power(distance: float, tables: int, alpha: float) -> float:
    """`power` of a mean that lies so many standard errors away from zero."""
    bound = stdtrit(tables - 1, 1 - alpha / 2)
    return float(1 - ncfdtr(1, tables - 1, distance**2, bound**2))


@cache
def smallest_distance(tables: int, wanted: float, alpha: float) -> float:
    """How many standard errors a mean must lie from zero to be found with power ``wanted``.

    Examples
    --------
    >>> round(smallest_distance(12, 0.8, 0.05), 2)
    3.08
    """
    if wanted <= alpha:
        return 0.0  # chance alone finds as much
    far = 4.0
    while _power(far, tables, alpha) < wanted:
        far *= 2
    return float(brentq(lambda d: _power(d, tables, alpha) - wanted, 0, far))


def tables_needed(effect: float, wanted: float, alpha: float) -> float:
    """The fewest tables that find a difference with power ``wanted``; infinite beyond `MOST`.

    Examples
    --------
    >>> tables_needed(0.5, 0.8, 0.05), tables_needed(0.0, 0.8, 0.05)
    (34.0, inf)
    """

    def suffices(tables: int) -> bool:
        return power(effect, tables, alpha) >= wanted

    enough = 2
    while not suffices(enough):
        enough *= 2
        if enough > MOST:
            return math.inf
    return float(bisect_left(range(enough), True, lo=max(2, enough // 2), key=suffices))


def with_power(differences: pd.DataFrame, settings: Analysis) -> pd.DataFrame:
    """Paired differences with what their tables resolve.

    Parameters
    ----------
    differences : DataFrame
        Columns ``se`` and ``tables`` (`bench.analysis.paired.over_tables`).
    settings : Analysis
        ``power``, ``alpha`` and ``small_difference`` of it.

    Returns
    -------
    DataFrame
        With ``smallest``, the mean difference that so many tables would find, and ``needed``, the
        tables that would find ``small_difference``. NaN where there is no spread: of one table, or
        where all tables differ alike.
    """
    found = [
        _of(float(se), int(tables), settings)
        for se, tables in zip(differences["se"], differences["tables"], strict=True)
    ]
    smallest, needed = zip(*found, strict=True) if found else ((), ())
    return differences.assign(
        smallest=np.array(smallest, dtype=float), needed=np.array(needed, dtype=float)
    )


def _of(se: float, tables: int, settings: Analysis) -> tuple[float, float]:
    if not round(se, 12) > 0:
        return math.nan, math.nan
    spread = se * math.sqrt(tables)
    wanted, alpha = settings.power, settings.alpha
    return (
        se * smallest_distance(tables, wanted, alpha),
        tables_needed(settings.small_difference / spread, wanted, alpha),
    )
