"""The adjacency search that PC and FCI share: PC-stable with bounded work."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import combinations

from generators.scm.independence import IndependenceTest


@dataclass
class Budget:
    """Bounds on the work of one table's discovery, and what they cut.

    ``tests`` bounds the independence tests of one resample and cuts at the same place whatever
    machine it runs on; ``seconds`` is the clock's last word, and a result that it cut is not
    reproducible. Either is reported.
    """

    tests: int | None = None
    seconds: float | None = None
    started: float = field(default_factory=time.perf_counter)
    cut: dict[str, int] = field(default_factory=dict)

    def exceeded(self, test: IndependenceTest, phase: str) -> bool:
        """Whether to stop here; if so it is noted what was cut by what."""
        if self.tests is not None and test.calls > self.tests:
            return self.note(f"{phase}: tests")
        return self.late(phase)

    def late(self, phase: str) -> bool:
        """Whether the time is up; noted too."""
        if self.seconds is None or time.perf_counter() - self.started <= self.seconds:
            return False
        return self.note(f"{phase}: time")

    def note(self, what: str) -> bool:
        """Count that this was cut, ``phase: bound``."""
        self.cut[what] = self.cut.get(what, 0) + 1
        return True


@dataclass(frozen=True)
class Skeleton:
    """Neighbours of each node, and the set that separated each pair that has none."""

    neighbours: list[set[int]]
    separators: dict[tuple[int, int], set[int]]


def skeleton(test: IndependenceTest, n: int, level: float, depth: int, budget: Budget) -> Skeleton:
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
                others = [z for z in ranked if z != y]
                for given in combinations(others, size):
                    if test(x, y, given) > level:
                        neighbours[x].discard(y)
                        neighbours[y].discard(x)
                        separators[x, y] = separators[y, x] = set(given)
                        break
            if budget.exceeded(test, "skeleton"):
                return Skeleton(neighbours, separators)
    return Skeleton(neighbours, separators)
