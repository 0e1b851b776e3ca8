"""What kinds of synthetic tables are drawn, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from annotated_types import Len
from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from bench.ranges import STRICT, Chance, NotNegative, Positive, Rising

CLOSED = ConfigDict(**STRICT, extra="forbid")


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


@with_config(CLOSED)
class ValueMechanisms(TypedDict, total=False):
    """Relative frequencies of the mechanisms that make any target."""

    scm: NotNegative
    additive: NotNegative
    tree_sum: NotNegative
    fitted_trees: NotNegative
    smooth: NotNegative


@with_config(CLOSED)
class ClassMechanisms(ValueMechanisms, total=False):
    """And of those that start from classes."""

    clusters: NotNegative
    levels: NotNegative


@with_config(CLOSED)
class _Settings(TypedDict):
    """What `Prior` holds, as a configuration tells it."""

    noise: Annotated[Sequence[Positive], Len(2, 2), Rising()]
    level_tables: Chance
    levels_seen: Chance
    nominal: Chance
    copy_tables: Chance
    noise_tables: Chance
    hole_tables: Chance


@with_config(CLOSED)
class ClassSettings(_Settings):
    """What `ClassPrior` holds."""

    mechanism_weights: Annotated[ClassMechanisms, Len(1)]
    class_weights: Annotated[Sequence[NotNegative], Len(1)]
    class_floor: Chance
    scattered: Chance
    flip_share: Chance
    flip_max: Chance


@with_config(CLOSED)
class ValueSettings(_Settings):
    """What `ValuePrior` holds."""

    mechanism_weights: Annotated[ValueMechanisms, Len(1)]
    uneven_noise: Chance
    heavy_noise: Chance
    warped: Chance


P = TypeVar("P", bound=Prior)


def made(kind: type[P], settings: Any) -> P:
    """A prior of its settings: lists as tuples, mechanisms in one order whoever wrote them."""
    known = [*ValueMechanisms.__annotations__, *ClassMechanisms.__annotations__]
    weights = settings["mechanism_weights"]
    ordered = {name: weights[name] for name in dict.fromkeys(known) if name in weights}
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list | tuple) else v for k, v in settings.items()
    }
    values["mechanism_weights"] = ordered
    return kind(**values)
