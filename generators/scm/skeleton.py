"""The adjacency search that PC and FCI share: PC-stable with bounded work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from generators.scm.budget import Budget
from generators.scm.independence import IndependenceTest

Separators = Mapping[tuple[int, int], set[int]]


@dataclass(frozen=True)
class Skeleton:
    """Neighbours of each node, and the set that separated each pair that has none."""

    neighbours: list[set[int]]
    separators: dict[tuple[int, int], set[int]]

    @property
    def joined(self) -> np.ndarray:
        """Which nodes are neighbours, bool of shape (n, n)."""
        joined = np.zeros((len(self.neighbours), len(self.neighbours)), dtype=bool)
        for node, near in enumerate(self.neighbours):
            joined[node, list(near)] = True
        return joined


def skeleton(
    test: IndependenceTest,
    n: int,
    level: float,
    depth: int,
    budget: Budget,
    max_tests: int | None = None,
) -> Skeleton:
    """PC-stable's adjacency search, ended at the first set that separates a pair.

    Neighbours are fixed at the start of each depth, so the order of nodes decides nothing about
    which sets are tried (Colombo and Maathuis 2014). Sets of the strongest neighbours come first.

    Parameters
    ----------
    test : independence test
    n : int
        Nodes.
    level : float
        Significance level: a pair is separated where p > level.
    depth : int
        Most nodes of a conditioning set.
    budget : Budget
    max_tests : int or None
        Asked of ``test`` after which no other pair is begun. Pairs that are left stay neighbours.
    """
    neighbours = [set(range(n)) - {i} for i in range(n)]
    separators: dict[tuple[int, int], set[int]] = {}
    for size in range(depth + 1):
        snapshot = [sorted(adjacent) for adjacent in neighbours]
        if all(len(adjacent) <= size for adjacent in snapshot):
            break
        for x in range(n):
            ranked = sorted(snapshot[x], key=lambda z: (-test.information(x, z), z))
            for y in snapshot[x]:
                if y not in neighbours[x]:  # separated from the other side at this depth
                    continue
                given: tuple[int, ...] | None = ()
                if size:
                    given = test.first(x, y, _untried(x, y, ranked, snapshot, size), level)
                elif y < x or test(x, y) <= level:
                    given = None
                if given is not None:
                    neighbours[x].discard(y)
                    neighbours[y].discard(x)
                    separators[x, y] = separators[y, x] = set(given)
                if budget.beyond(test.calls, max_tests, "skeleton", "tests"):
                    return Skeleton(neighbours, separators)
    return Skeleton(neighbours, separators)


def _untried(
    x: int, y: int, ranked: list[int], near: list[list[int]], size: int
) -> Iterator[tuple[int, ...]]:
    """Sets of x's neighbours to separate it from y, but for those that y < x has tried already."""
    sets = combinations([z for z in ranked if z != y], size)
    if y > x:
        return sets
    tried = set(near[y])
    return (given for given in sets if not tried.issuperset(given))


def unshielded(
    joined: np.ndarray, separators: Separators
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Each node, its neighbours, and which pairs of these (first < second) it is a collider of.

    The two are not adjacent, and the node is not in the set that separated them.
    """
    apart = np.zeros(joined.shape, dtype=bool)
    between: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (first, second), given in separators.items():
        if first < second:
            apart[first, second] = True
            for node in given:
                between[node].append((first, second))
    apart &= ~joined
    for node, near in enumerate(joined):
        ends = np.flatnonzero(near)
        mine = apart.copy()
        if between[node]:
            mine[tuple(np.transpose(between[node]))] = False
        yield node, ends, mine[np.ix_(ends, ends)]
