"""PC's orientation: unshielded colliders, then Meek's rules, each step as causal-learn does it.

causal-learn lists triples, triangles and kites as pairs of pairs of edges: hours where hundreds of
columns are collinear. Here each is found from rows of the matrices of edges, in causal-learn's
order, so that the marks are the same.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from generators.scm.budget import Budget
from generators.scm.orientation import ARROW, TAIL
from generators.scm.skeleton import Skeleton, unshielded

LOOK = 1000  # pairs between two looks at the clock


def cpdag(found: Skeleton, budget: Budget) -> np.ndarray:
    """PC's marks, shape (n, n): ``marks[i, j]`` is the mark at i of the edge i – j.

    causal-learn's coding: −1 tail, 1 arrow, 2 circle, 0 no edge. An edge that a collider has
    oriented keeps its direction (causal-learn's ``uc_priority=2``). What ``budget`` cuts stays
    undirected.
    """
    pattern = _Pattern(found)
    pattern.meek(budget)
    marks = np.where(pattern.joined, TAIL, 0)
    marks[pattern.directed.T] = ARROW
    return marks


class _Pattern:
    """A skeleton's edges, some of them directed.

    Parameters
    ----------
    found : Skeleton

    Attributes
    ----------
    joined, directed, undirected : ndarray of bool, shape (n, n)
        i and j are adjacent; i → j; i — j.
    ancestors : ndarray of bool, shape (n, n)
        causal-learn's table ``dpath``, ``[j, i]``: i is an ancestor of j. It misses some, and the
        order in which edges enter it decides which.
    """

    def __init__(self, found: Skeleton) -> None:
        n = len(found.neighbours)
        self.joined = found.joined
        self.directed = np.zeros((n, n), dtype=bool)
        entered = self._orient_colliders(found)
        self.undirected = self.joined & ~self.directed & ~self.directed.T
        self.ancestors = np.eye(n, dtype=bool)
        for cause, effect in entered:
            self._enter(cause, effect)
        # causal-learn's list of adjacent pairs (i, j): tails at j first, then by j, then by i.
        first, second = np.nonzero(self.joined)
        listed = np.lexsort((first, second, self.directed[first, second]))
        self._pairs = list(zip(first[listed].tolist(), second[listed].tolist(), strict=True))
        self._rank = np.zeros((n, n), dtype=np.int64)
        self._rank[first[listed], second[listed]] = np.arange(len(listed))

    def _orient_colliders(self, found: Skeleton) -> list[tuple[int, int]]:
        """Orient them, and list the directed edges as they enter causal-learn's table.

        causal-learn removes and adds the two edges of each collider. Removing one that is directed
        already fills the table anew from all others; the last time that happens is what counts.
        """
        entered: list[tuple[int, int]] = []
        anew: tuple[int, int] | None = None
        before = 0
        for middle, ends, apart in unshielded(self.joined, found.separators):
            free = ~self.directed[middle, ends]
            visits = ends[np.argwhere(apart & free & free[:, None])].ravel()
            first = np.sort(np.unique(visits, return_index=True)[1])
            again = np.setdiff1d(np.arange(len(visits)), first, assume_unique=True)
            if len(again):
                anew = (int(visits[again[-1]]), middle)
                before = len(entered) + int((first < again[-1]).sum())
            entered += [(end, middle) for end in visits[first].tolist()]
            self.directed[visits, middle] = True
        if anew is None:
            return entered
        others = (edge for edge in entered[:before] if edge != anew)
        return [*sorted(others, key=sorted, reverse=True), anew, *entered[before:]]

    def _enter(self, cause: int, effect: int) -> None:
        self.ancestors[effect] |= self.ancestors[cause]
        self.ancestors[:, cause] |= self.ancestors[:, effect]

    def meek(self, budget: Budget) -> None:
        """Meek's rules 1 to 3, in turn, until none changes anything."""
        changed = True
        while changed:
            changed = False
            for rule in (self._away_from_collider, self._away_from_cycle, self._double_triangle):
                for at, (i, j) in enumerate(self._pairs):
                    if at % LOOK == 0 and budget.late("PC rules"):
                        return
                    changed |= rule(i, j)

    def _away_from_collider(self, i: int, j: int) -> bool:
        """i → j — k, i and k not adjacent: j → k."""
        if not self.directed[i, j]:
            return False
        ends = self._listed(j, self.undirected[j] & ~self.joined[i])
        return sum(self._direct(j, k) for k in ends) > 0

    def _away_from_cycle(self, i: int, j: int) -> bool:
        """i → j → k, i — k: i → k."""
        if not self.directed[i, j]:
            return False
        ends = self._listed(j, self.directed[j] & self.undirected[i])
        return sum(self._direct(i, k) for k in ends) > 0

    def _double_triangle(self, i: int, j: int) -> bool:
        """i — j → l, i — k → l, i — l, j and k not adjacent, j < k: i → l."""
        if not self.undirected[i, j]:
            return False
        changed = False
        for end in self._listed(j, self.directed[j] & self.undirected[i]):
            others = self.undirected[i] & self.directed[:, end] & ~self.joined[j]
            changed |= bool(others[j + 1 :].any()) and self._direct(i, end)
        return changed

    def _listed(self, node: int, ends: np.ndarray) -> Iterable[int]:
        """These neighbours of the node in the order of causal-learn's list."""
        at = np.flatnonzero(ends)
        return at[np.argsort(self._rank[node, at])].tolist()

    def _direct(self, cause: int, effect: int) -> bool:
        """Orient the edge unless that closes a cycle; tell whether it did."""
        if self.ancestors[cause, effect]:
            return False
        self.directed[cause, effect] = True
        self.undirected[cause, effect] = self.undirected[effect, cause] = False
        self._enter(cause, effect)
        return True
