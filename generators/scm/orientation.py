"""FCI's PAG of a skeleton, with causal-learn's own orientation rules.

causal-learn's `fci` searches for the skeleton again, tries every set where one separates, and
enumerates all subsets of possible-d-separating sets, which has no bound; so the searches are ours
(bounded), the rules theirs. Where no bound cuts, the graphs are those of `fci`. PC's: `cpdag`.

What the rules ask of the graph, its colliders and the search for possible-d-separating sets is
written here over the matrix of marks, step by step as causal-learn does it over objects: the same
sets, the same graphs. Some rules try all pairs of pairs of neighbours, which never ends in a dense
graph; so the graph counts what it is asked, and at a bound no rule goes on.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from causallearn.graph.Edge import Edge
from causallearn.graph.Endpoint import Endpoint
from causallearn.graph.GeneralGraph import GeneralGraph
from causallearn.graph.GraphNode import GraphNode
from causallearn.search.ConstraintBased import FCI as rules

from generators.scm.budget import Budget
from generators.scm.independence import IndependenceTest
from generators.scm.skeleton import Separators, Skeleton, unshielded

TAIL, NONE, ARROW, CIRCLE = -1, 0, 1, 2  # causal-learn's marks
ENDPOINTS = {TAIL: Endpoint.TAIL, ARROW: Endpoint.ARROW, CIRCLE: Endpoint.CIRCLE}
LOOK = 1000  # questions between two looks at the clock


@dataclass(frozen=True)
class Bounds:
    """Bounds of FCI's search.

    Parameters
    ----------
    depth : int
        Most nodes of a subset of a possible-d-separating set.
    candidates : int
        Most nodes of such a set that are considered, the strongest first.
    path : int
        Longest path searched for them, and longest discriminating path.
    degree : float
        Mean neighbours of a node up to which they are searched for at all: their number, and the
        time that causal-learn takes for one, grows like the fourth power.
    tests : int or None
        Asked of the test, the skeleton's included.
    questions : int or None
        That the orientation rules ask of the graph.
    """

    depth: int
    candidates: int
    path: int
    degree: float
    tests: int | None = None
    questions: int | None = None


def pag(
    found: Skeleton, test: IndependenceTest, level: float, bounds: Bounds, budget: Budget
) -> np.ndarray:
    """FCI's marks, shape (n, n); "bounded FCI" where a bound cuts.

    ``marks[i, j]`` is the mark at i of the edge i – j in causal-learn's coding: −1 tail, 1 arrow,
    2 circle, 0 no edge. Marks that no rule has reached when a bound cuts stay circles.
    """
    separators = {pair: set(given) for pair, given in found.separators.items()}
    marks = _colliders(found.joined, separators)
    if sum(map(len, found.neighbours)) <= bounds.degree * len(marks):
        _remove_by_possible_dsep(marks, test, level, bounds, separators, budget)
        marks = _colliders(marks != NONE, separators)
    else:
        budget.note("possible-d-sep: degree")
    graph = _Graph(marks, bounds.questions, budget)
    with suppress(_Beyond):  # it is noted; what is oriented till then holds
        _orient(graph, test, level, bounds, separators, budget)
    return graph.graph


def _colliders(joined: np.ndarray, separators: Separators) -> np.ndarray:
    """Circles, and arrows where unshielded colliders are (causal-learn's `rule0`)."""
    marks = np.where(joined, CIRCLE, NONE)
    for middle, ends, apart in unshielded(joined, separators):
        marks[middle, ends[(apart | apart.T).any(axis=0)]] = ARROW
    return marks


def _orient(
    graph: _Graph,
    test: IndependenceTest,
    level: float,
    bounds: Bounds,
    separators: dict[tuple[int, int], set[int]],
    budget: Budget,
) -> None:
    """The loop of causal-learn's `fci`."""
    nodes, changed = graph.get_nodes(), True
    while changed:
        changed = rules.rulesR1R2cycle(graph, None, False, False)
        changed = rules.ruleR3(graph, separators, None, changed, False)
        if changed:
            path = bounds.path
            changed = rules.ruleR4B(
                graph, path, None, test, level, separators, changed, None, False
            )
        changed = rules.ruleR5(graph, changed, False)
        changed = rules.ruleR6(graph, changed, False)
        changed = rules.ruleR7(graph, changed, False)
        changed = rules.rule8(graph, nodes, changed)
        changed = rules.rule9(graph, nodes, changed)
        changed = rules.rule10(graph, changed)
        if budget.beyond(test.calls, bounds.tests, "FCI rules", "tests"):
            break


class _Beyond(Exception):
    """No more questions."""


class _Node(GraphNode):
    """A node that knows its position, and is hashed by it.

    causal-learn keeps nodes in sets; a name's hash, and with it their order and what FCI's rules
    test and orient first, differs from process to process.
    """

    def __init__(self, position: int) -> None:
        super().__init__(f"X{position + 1}")
        self.position = position

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return self.position + 1


class _Graph(GeneralGraph):
    """causal-learn's graph for FCI's rules, its answers read from the matrix, and counted.

    Without the table of descendants (``dpath``), which FCI's rules do not ask. `_Beyond` comes from
    questions only, and no rule asks one while it changes an edge.

    Parameters
    ----------
    marks : ndarray of shape (n, n)
        Coded as in `pag`.
    most : int or None
        Questions that are answered.
    budget : Budget
    """

    def __init__(self, marks: np.ndarray, most: int | None, budget: Budget) -> None:
        super().__init__([_Node(position) for position in range(len(marks))])
        self.graph = marks.copy()
        self.asked, self._most, self._budget = 0, most, budget

    def _ask(self) -> None:
        self.asked += 1
        if self._most is not None and self.asked > self._most:
            self._budget.note("FCI rules: questions")
            raise _Beyond
        if self.asked % LOOK == 0 and self._budget.late("FCI rules"):
            raise _Beyond

    def adjust_dpath(self, i: int, j: int) -> None:
        pass

    def remove_edge(self, edge: Edge) -> None:
        i, j = edge.get_node1().position, edge.get_node2().position
        self.graph[i, j] = self.graph[j, i] = NONE

    def is_adjacent_to(self, node1: _Node, node2: _Node) -> bool:
        self._ask()
        return bool(self.graph[node2.position, node1.position] != NONE)

    def is_parent_of(self, node1: _Node, node2: _Node) -> bool:
        self._ask()
        i, j = node1.position, node2.position
        return bool(self.graph[j, i] == ARROW and self.graph[i, j] == TAIL)

    def get_parents(self, node: _Node) -> list[_Node]:
        at = node.position
        return self._chosen((self.graph[at] == ARROW) & (self.graph[:, at] == TAIL))

    def get_adjacent_nodes(self, node: _Node) -> list[_Node]:
        return self._chosen(self.graph[node.position] != NONE)

    def get_nodes_into(self, node: _Node, endpoint: Endpoint) -> list[_Node]:
        return self._chosen(self.graph[node.position] == endpoint.value)

    def get_nodes_out_of(self, node: _Node, endpoint: Endpoint) -> list[_Node]:
        return self._chosen(self.graph[:, node.position] == endpoint.value)

    def _chosen(self, which: np.ndarray) -> list[_Node]:
        self._ask()
        return [self.nodes[at] for at in np.flatnonzero(which)]

    def get_endpoint(self, node1: _Node, node2: _Node) -> Endpoint | None:
        self._ask()
        return ENDPOINTS.get(int(self.graph[node2.position, node1.position]))

    def is_def_collider(self, node1: _Node, node2: _Node, node3: _Node) -> bool:
        self._ask()
        row = self.graph[node2.position]
        return bool(row[node1.position] == ARROW and row[node3.position] == ARROW)


def _remove_by_possible_dsep(
    marks: np.ndarray,
    test: IndependenceTest,
    level: float,
    bounds: Bounds,
    separators: dict[tuple[int, int], set[int]],
    budget: Budget,
) -> None:
    """causal-learn's `removeByPossibleDsep`, with bounds on sets, paths and work."""
    tie, prepared = test.information, _Marks(marks)
    for x, y in _edges(marks):
        if budget.beyond(test.calls, bounds.tests, "possible-d-sep", "tests"):
            return
        beside = [set(prepared.adjacent[x]), set(prepared.adjacent[y])]
        for one, other in ((x, y), (y, x)):
            near = prepared.possible_dsep(one, other, bounds.path)
            strongest = sorted(near, key=lambda z: (-max(tie(x, z), tie(y, z)), z))
            strongest = strongest[: bounds.candidates]
            given = _separator(test, x, y, strongest, beside, level, bounds.depth)
            beside.append(set(strongest))
            if given is not None:
                marks[x, y] = marks[y, x] = NONE
                separators[x, y] = separators[y, x] = given
                prepared = _Marks(marks)
                break


def _edges(marks: np.ndarray) -> list[tuple[int, int]]:
    """The adjacent pairs in causal-learn's order: ascending, but i ←o j stands as j o→ i."""
    pairs = np.argwhere(np.triu(marks != NONE)).tolist()
    return [(j, i) if (marks[i, j], marks[j, i]) == (ARROW, CIRCLE) else (i, j) for i, j in pairs]


class _Marks:
    """One graph's marks, prepared for possible-d-separating sets.

    Parameters
    ----------
    graph : ndarray of shape (n, n)
        Coded as in `pag`.

    Attributes
    ----------
    adjacent : list of list of int
        Each node's neighbours, ascending.
    """

    def __init__(self, graph: np.ndarray) -> None:
        joined = (graph != 0) & (graph.T != 0)
        self.adjacent = [np.flatnonzero(row).tolist() for row in joined]
        self._joined = joined.tolist()
        self._arrow = (graph == ARROW).tolist()
        # i to j over edges without an arrow at the end that is left, in one or more steps.
        reached = joined & ((graph == TAIL) | (graph == CIRCLE))
        while True:
            further = reached | (reached @ reached)
            if (further == reached).all():
                break
            reached = further
        self._reached = reached.tolist()

    def possible_dsep(self, x: int, y: int, path: int) -> set[int]:
        """causal-learn's `getPossibleDsep`: ``path`` cuts its breadth-first search (−1: at 1000).

        Where it cuts, the order of the search decides; that of a set of nodes is that of a set of
        their hashes (`_Name`).
        """
        path = 1000 if path == -1 else path
        near: set[int] = set()
        before: dict[int, set[int]] = {}
        queue: deque[tuple[int, int]] = deque()
        for hashed in {b + 1 for b in self.adjacent[x]}:
            b = hashed - 1
            if b != y:
                queue.append((x, b))
                near.add(b)
        seen = set(queue)
        turn, distance = (queue[0] if queue else None), 0
        while queue:
            step = queue.popleft()
            if step == turn:
                turn, distance = None, distance + 1
                if distance > path:
                    break
            a, b = step
            if any(
                r not in (b, x) and (self._reached[r][x] or self._reached[r][b])
                for r in before.get(b, ())
            ):
                near.add(b)
            for c in self.adjacent[b]:
                if c in (a, x, y):
                    continue
                before.setdefault(c, set()).add(b)
                collider = self._arrow[b][a] and self._arrow[b][c]
                if (collider or self._joined[a][c]) and (a, c) not in seen:
                    seen.add((a, c))
                    queue.append((a, c))
                    if turn is None:
                        turn = (a, c)
        return near - {x, y}


def _separator(
    test: IndependenceTest,
    x: int,
    y: int,
    near: list[int],
    beside: list[set[int]],
    level: float,
    depth: int,
) -> set[int] | None:
    """The first subset that separates x and y and that has not been tried already."""
    for size in range(2, depth + 1):
        untried = (
            given
            for given in combinations(near, size)
            if not any(adjacent.issuperset(given) for adjacent in beside)
        )
        given = test.first(x, y, untried, level)
        if given is not None:
            return set(given)
    return None
