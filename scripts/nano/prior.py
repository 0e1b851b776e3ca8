"""What kinds of synthetic tables are drawn, and how often."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prior:
    """What every kind of table has, whatever its target.

    Parameters
    ----------
    mechanism_weights : dict of str to float
        Relative frequency of the target's mechanisms, by the names in `MECHANISMS`.
    noise : tuple of float
        Range of the noise added to the target's score, in its standard deviations (log-uniform).
    level_tables : float
        Share of the tables that have columns of few levels at all.
    levels_seen : float
        Share of the tables whose target depends on columns after they were cut, not before.
    nominal : float
        Share of the tables whose levels are coded in arbitrary order.
    copy_tables, noise_tables, hole_tables : float
        Shares of the tables with near-copies, with irrelevant columns, with imputed holes.
    """

    mechanism_weights: dict[str, float]
    noise: tuple[float, float]
    level_tables: float
    levels_seen: float
    nominal: float
    copy_tables: float
    noise_tables: float
    hole_tables: float


@dataclass(frozen=True)
class ClassPrior(Prior):
    """Tables whose target is a class.

    Parameters
    ----------
    class_weights : tuple of float
        Relative frequency of 2, 3, … classes.
    class_floor : float
        The rarest class has at least about this part of an even share.
    scattered : float
        Share of the tables whose classes get any of the codes, not the first ones: else the model
        meets the last codes in tables of many classes alone, and learns them last.
    flip_share, flip_max : float
        Share of the tables with wrong labels; the largest part of the labels that is wrong.
    """

    class_weights: tuple[float, ...]
    class_floor: float
    scattered: float
    flip_share: float
    flip_max: float


@dataclass(frozen=True)
class ValuePrior(Prior):
    """Tables whose target is a number.

    Parameters
    ----------
    uneven_noise : float
        Share of the tables whose noise is larger in some rows than in others, by the score itself
        or by another one.
    heavy_noise : float
        Share of the tables whose noise has heavy tails (Student's t).
    warped : float
        Share of the tables whose target is a monotone or rounding function of score and noise:
        skewed, heavy-tailed, counted, cut off at an end.
    """

    uneven_noise: float
    heavy_noise: float
    warped: float
