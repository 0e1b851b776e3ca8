"""The ways from edge probabilities to DAGs: the target's edges turned, and what repair adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from bench.ranges import STRICT, Level, OneOf, checked
from generators.scm.budget import Budget
from generators.scm.coding import Coding
from generators.scm.discovery import Discovery, gaussian, make_test
from generators.scm.graphs import Dag, EdgeProbabilities, Target, oriented, sample_dag
from generators.scm.independence import DegenerateGaussian
from generators.scm.knowledge import Known
from generators.scm.ladder import Rungs
from generators.scm.repair import MarkovRepair


@with_config(ConfigDict(**STRICT, extra="forbid"))
class Targets(TypedDict):
    """Which way the target's edges point, for each problem."""

    classification: Annotated[Target | str, OneOf(Target)]
    regression: Annotated[Target | str, OneOf(Target)]


TARGETS: Targets = {"classification": Target.root, "regression": Target.sink}


@checked
@dataclass(frozen=True)
class Way:
    """One way from edge probabilities to rows.

    Parameters
    ----------
    target : Target
        Where its edges point.
    repair : float or None
        Level of each DAG's own Markov condition.
    rungs : Rungs
        How nodes come to their mechanisms.
    """

    target: Annotated[Target | str, OneOf(Target)]
    repair: Level | None
    rungs: Annotated[Rungs | str, OneOf(Rungs)]

    def __str__(self) -> str:
        repair = "as drawn" if self.repair is None else f"repair {self.repair:g}"
        return f"target {self.target}, {repair}, mechanisms {self.rungs}"


class Drawn(NamedTuple):
    """A DAG as the edge probabilities gave it, with what repair added, and its way."""

    plain: Dag
    dag: Dag
    way: Way


@dataclass(frozen=True, eq=False)
class Drawing:
    """Draws DAGs of a coded table.

    Parameters
    ----------
    coding : Coding
    known : Known or None
        What is known beforehand.
    found : EdgeProbabilities
    discovery : Discovery
        Whose test repair asks.
    max_parents : int
    order_noise : float
        See `graphs.sample_dag`.
    is_given : bool
        Whether what is known is the whole graph.
    """

    coding: Coding
    known: Known | None
    found: EdgeProbabilities
    discovery: Discovery
    max_parents: int
    order_noise: float
    is_given: bool

    def __call__(
        self, ways: Sequence[Way], n: int, rng: np.random.Generator, budget: Budget
    ) -> list[Drawn]:
        """As many DAGs; the ways take turns, so that whatever time cuts leaves some of each.

        Repair has an equal share of the time for each.
        """
        turns = [ways[at % len(ways)] for at in range(n)]
        if self.is_given and self.known is not None:
            return [Drawn(self.known.required, self.known.required, way) for way in ways]
        plain = [self._plain(Target(way.target), rng) for way in turns]
        return [
            Drawn(dag, self._repaired(dag, way, budget.share(1 / (n - at))), way)
            for at, (dag, way) in enumerate(zip(plain, turns, strict=True))
        ]

    def _plain(self, target: Target, rng: np.random.Generator) -> Dag:
        aimed = None if self.known is None else self.known.aimed(target)
        return sample_dag(
            oriented(self.found, target) if aimed is None else aimed.applied(self.found),
            rng,
            max_parents=self.max_parents,
            noise=self.order_noise,
            required=() if aimed is None else aimed.required,
            tiers=() if aimed is None else aimed.tiers,
        )

    def _repaired(self, dag: Dag, way: Way, budget: Budget) -> Dag:
        if way.repair is None:
            return dag
        mend = MarkovRepair(self._test, way.repair, self.max_parents)
        target, last = Target(way.target), self.coding.target
        if self.known is not None:  # the order follows what is known, the target's place too
            return mend(dag, None, None, budget, self.known.aimed(target))
        sides = {Target.root: (last, None), Target.sink: (None, last), Target.free: (None, None)}
        return mend(dag, *sides[target], budget)

    @cached_property
    def _test(self) -> DegenerateGaussian:
        test = make_test(self.coding.codes_, self.coding.nodes_, self.discovery)
        if isinstance(test, DegenerateGaussian):
            return test
        return gaussian(self.coding.codes_, self.coding.nodes_, self.discovery)
