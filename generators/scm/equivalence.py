"""Greedy equivalence search, and the CPDAG of a DAG.

Chickering (2002), *Optimal Structure Identification With Greedy Search*, JMLR 3: theorems 15 and 17
tell which operators are valid. causal-learn's `ges` takes only a score's name, and lists all paths
where the question is whether there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from generators.scm.budget import Budget
from generators.scm.cpdag import cpdag
from generators.scm.orientation import ARROW, TAIL
from generators.scm.skeleton import Skeleton

LOCAL = Callable[[int, Iterable[int]], float]  # score of a node given its parents
GAIN = 1e-6  # of a score; less is rounding
MOVED = 8  # neighbours of which the subsets are tried


def class_of(parents: Sequence[Iterable[int]], budget: Budget) -> np.ndarray:
    """Marks of the CPDAG of a DAG, as `cpdag` gives them, shape (n, n)."""
    n = len(parents)
    into = np.zeros((n, n), dtype=bool)
    for node, causes in enumerate(parents):
        into[list(causes), node] = True
    joined = into | into.T
    neighbours = [set(np.flatnonzero(row).tolist()) for row in joined]
    separators = {}
    for x, y in np.argwhere(~joined & ~np.eye(n, dtype=bool)).tolist():
        colliders = set(np.flatnonzero(into[x] & into[y]).tolist())
        separators[x, y] = (neighbours[x] & neighbours[y]) - colliders
    return cpdag(Skeleton(neighbours, separators), budget)


def greedy(score: LOCAL, n: int, budget: Budget) -> Iterator[np.ndarray]:
    """The classes that inserting, then deleting edges one by one leads through, the best last.

    Parameters
    ----------
    score : callable
        Of a node and its parents; larger is better.
    n : int
        Nodes.
    budget : Budget

    Yields
    ------
    ndarray of shape (n, n)
        Marks of a CPDAG, as `cpdag` gives them.
    """
    marks = np.zeros((n, n), dtype=np.int64)
    for operators, apply in ((_insertions, _inserted), (_deletions, _deleted)):
        known: Known = {}
        while True:
            graph = _Class(marks)
            found = sorted(operators(graph, score, known), key=_Operator.rank)
            best = next((one for one in found if one.valid(graph)), None)
            if best is None:
                break
            apply(graph, best)
            marks = class_of(_extension(graph), budget)
            yield marks


@dataclass(frozen=True)
class _Operator:
    """Insert or delete cause – effect, and orient the edges of the effect to ``moved``."""

    gain: float
    cause: int
    effect: int
    moved: tuple[int, ...]
    clique: frozenset[int]  # nodes that must be adjacent
    inserts: bool

    def rank(self) -> tuple:
        """Larger gains first; those that only rounding tells apart by their nodes."""
        return (-round(self.gain, 6), self.cause, self.effect, self.moved)

    def valid(self, graph: _Class) -> bool:
        if any(b not in graph.adjacent[a] for a, b in combinations(self.clique, 2)):
            return False
        return not (self.inserts and graph.reaches(self.effect, self.cause, self.clique))


Known = dict[tuple, list[_Operator]]  # operators by what of the graph decides their gains


class _Class:
    """A CPDAG's nodes: children, parents, and neighbours by undirected edges."""

    def __init__(self, marks: np.ndarray) -> None:
        directed = (marks == TAIL) & (marks.T == ARROW)
        undirected = (marks == TAIL) & (marks.T == TAIL)
        self.children = [set(np.flatnonzero(row).tolist()) for row in directed]
        self.parents = [set(np.flatnonzero(row).tolist()) for row in directed.T]
        self.beside = [set(np.flatnonzero(row).tolist()) for row in undirected]
        self.adjacent = [
            set.union(*near) for near in zip(self.children, self.parents, self.beside, strict=True)
        ]

    def reaches(self, start: int, end: int, without: frozenset[int]) -> bool:
        """Whether a path leads there along and beside the edges' directions."""
        seen, ahead = {start}, [start]
        while ahead:
            node = ahead.pop()
            if node == end:
                return True
            further = (self.children[node] | self.beside[node]) - seen - without
            seen |= further
            ahead += further
        return False

    def direct(self, cause: int, effect: int) -> None:
        self.beside[cause].discard(effect)
        self.beside[effect].discard(cause)
        self.children[cause].add(effect)
        self.parents[effect].add(cause)
        self.adjacent[cause].add(effect)
        self.adjacent[effect].add(cause)

    def part(self, one: int, other: int) -> None:
        for sets in (self.children, self.parents, self.beside, self.adjacent):
            sets[one].discard(other)
            sets[other].discard(one)


def _insertions(graph: _Class, score: LOCAL, known: Known) -> Iterator[_Operator]:
    nodes = range(len(graph.adjacent))
    for effect in nodes:
        for cause in nodes:
            if cause != effect and cause not in graph.adjacent[effect]:
                common = graph.beside[effect] & graph.adjacent[cause]
                free = graph.beside[effect] - common
                yield from _known(graph, score, known, cause, effect, common, free, True)


def _deletions(graph: _Class, score: LOCAL, known: Known) -> Iterator[_Operator]:
    for effect, near in enumerate(graph.adjacent):
        for cause in sorted(near - graph.children[effect]):
            common = graph.beside[effect] & graph.adjacent[cause]
            yield from _known(graph, score, known, cause, effect, common, common, False)


def _known(
    graph: _Class,
    score: LOCAL,
    known: Known,
    cause: int,
    effect: int,
    common: set[int],
    free: set[int],
    inserts: bool,
) -> list[_Operator]:
    """The operators of a pair that gain, for each subset of ``free`` that may be moved."""
    given = graph.parents[effect] - {cause}
    key = (cause, effect, frozenset(common), frozenset(free), frozenset(given))
    if key not in known:
        known[key] = []
        for moved in _subsets(free):
            clique = frozenset(common | set(moved) if inserts else common - set(moved))
            before, after = given | clique, given | clique | {cause}
            gain = score(effect, after) - score(effect, before)
            gain = gain if inserts else -gain
            if gain > GAIN:
                known[key].append(_Operator(gain, cause, effect, moved, clique, inserts))
    return known[key]


def _subsets(nodes: set[int]) -> Iterator[tuple[int, ...]]:
    listed = sorted(nodes)[:MOVED]
    for size in range(len(listed) + 1):
        yield from combinations(listed, size)


def _inserted(graph: _Class, operator: _Operator) -> None:
    for cause in (operator.cause, *operator.moved):
        graph.direct(cause, operator.effect)


def _deleted(graph: _Class, operator: _Operator) -> None:
    graph.part(operator.cause, operator.effect)
    for effect in operator.moved:
        graph.direct(operator.effect, effect)
        if effect in graph.beside[operator.cause]:
            graph.direct(operator.cause, effect)


def _extension(graph: _Class) -> list[set[int]]:
    """Parents in a DAG with these edges and no other collider (Dor and Tarsi 1992)."""
    parents = [set(causes) for causes in graph.parents]
    left = set(range(len(parents)))
    while left:
        node = next(node for node in sorted(left) if _can_be_last(graph, node, left))
        parents[node] |= graph.beside[node] & left
        left.discard(node)
    return parents


def _can_be_last(graph: _Class, node: int, left: set[int]) -> bool:
    if graph.children[node] & left:
        return False
    near = graph.adjacent[node] & left
    return all(near - {other} <= graph.adjacent[other] for other in graph.beside[node] & left)
