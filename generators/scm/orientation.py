"""From a skeleton to PC's CPDAG and FCI's PAG, with causal-learn's own orientation rules.

causal-learn's `pc` and `fci` each search for the skeleton again, try every set where one separates,
and enumerate all subsets of possible-d-separating sets, which has no bound; so the searches are
ours (bounded), the rules theirs. Where no bound cuts, the graphs are those of `pc` and `fci`.

What takes nearly all of its time, a table of descendants that each removed edge fills anew and the
search for possible-d-separating sets, is written here over the matrix of marks, step by step as
causal-learn does it over objects: the same sets, the same graphs.
"""

from __future__ import annotations

from collections import deque
from itertools import combinations

import numpy as np
from causallearn.graph.Edge import Edge
from causallearn.graph.Endpoint import Endpoint
from causallearn.graph.GeneralGraph import GeneralGraph
from causallearn.graph.GraphClass import CausalGraph
from causallearn.search.ConstraintBased import FCI as rules
from causallearn.utils.PCUtils import Meek, UCSepset

from generators.scm.independence import IndependenceTest
from generators.scm.skeleton import Budget, Skeleton

TAIL, NONE, ARROW, CIRCLE = -1, 0, 1, 2  # causal-learn's marks
KEEP_COLLIDERS = 2  # UCSepset's priority: an edge that a collider has oriented keeps its direction


def cpdag(found: Skeleton) -> np.ndarray:
    """PC's marks, shape (n, n): ``marks[i, j]`` is the mark at i of the edge i – j.

    causal-learn's coding: −1 tail, 1 arrow, 2 circle, 0 no edge.
    """
    graph = UCSepset.uc_sepset(_causal_graph(found), KEEP_COLLIDERS)
    return Meek.meek(graph).G.graph


def pag(
    found: Skeleton,
    test: IndependenceTest,
    level: float,
    depth: int,
    candidates: int,
    path: int,
    degree: float,
    budget: Budget,
) -> np.ndarray:
    """FCI's marks, coded as in `cpdag`; "bounded FCI" where a bound cuts.

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
    """
    graph: GeneralGraph = _causal_graph(found).G
    nodes = graph.get_nodes()
    separators = {pair: set(given) for pair, given in found.separators.items()}
    rules.reorientAllWith(graph, Endpoint.CIRCLE)
    rules.rule0(graph, nodes, separators, None, False)
    if sum(map(len, found.neighbours)) <= degree * len(nodes):
        _remove_by_possible_dsep(graph, test, level, depth, candidates, path, separators, budget)
    else:
        budget.note("possible-d-sep: degree")
    rules.reorientAllWith(graph, Endpoint.CIRCLE)
    rules.rule0(graph, nodes, separators, None, False)
    changed = True
    while changed:
        changed = rules.rulesR1R2cycle(graph, None, False, False)
        changed = rules.ruleR3(graph, separators, None, changed, False)
        if changed:  # as in causal-learn's fci
            changed = rules.ruleR4B(
                graph, path, None, test, level, separators, changed, None, False
            )
        changed = rules.ruleR5(graph, changed, False)
        changed = rules.ruleR6(graph, changed, False)
        changed = rules.ruleR7(graph, changed, False)
        changed = rules.rule8(graph, nodes, changed)
        changed = rules.rule9(graph, nodes, changed)
        changed = rules.rule10(graph, changed)
        if budget.exceeded(test, "FCI rules"):
            break
    return graph.graph


class _Name(str):
    """A node's name, hashed by its position.

    causal-learn keeps nodes in sets; a string's hash, and with it their order and what FCI's rules
    test and orient first, differs from process to process.
    """

    def __hash__(self) -> int:
        return int(self[1:])


class _Graph(GeneralGraph):
    """causal-learn's graph, which keeps its table of descendants (``dpath``) with array operations.

    Meek's rules ask that table. causal-learn fills it anew for each directed edge that is removed,
    number by number; the order in which edges enter it decides it, so it is kept here.
    """

    def adjust_dpath(self, i: int, j: int) -> None:
        self.dpath[j, i] = 1
        self.dpath[j, self.dpath[i] == 1] = 1
        self.dpath[self.dpath[:, j] == 1, i] = 1

    def remove_edge(self, edge: Edge) -> None:
        i, j = self.node_map[edge.get_node1()], self.node_map[edge.get_node2()]
        was_directed = {self.graph[i, j], self.graph[j, i]} == {TAIL, ARROW}
        self.graph[i, j] = self.graph[j, i] = 0
        if was_directed:
            self.dpath = np.eye(self.num_vars, dtype=int)
            directed = np.argwhere((self.graph == TAIL) & (self.graph.T == ARROW))
            for parent, child in sorted(directed.tolist(), key=sorted, reverse=True):
                self.adjust_dpath(parent, child)


def _causal_graph(found: Skeleton) -> CausalGraph:
    n = len(found.neighbours)
    causal = CausalGraph(n, [_Name(f"X{i + 1}") for i in range(n)])
    causal.G = _Graph(causal.G.nodes)
    for i, j in combinations(range(n), 2):
        if j in found.neighbours[i]:
            causal.G.graph[i, j] = causal.G.graph[j, i] = TAIL
        else:
            causal.sepset[i, j] = causal.sepset[j, i] = [tuple(found.separators[i, j])]
    return causal


def _remove_by_possible_dsep(
    graph: GeneralGraph,
    test: IndependenceTest,
    level: float,
    depth: int,
    candidates: int,
    path: int,
    separators: dict[tuple[int, int], set[int]],
    budget: Budget,
) -> None:
    """causal-learn's `removeByPossibleDsep`, with bounds on sets, paths and work."""
    position, tie = graph.get_node_map(), test.information
    marks = _Marks(graph.graph)
    for edge in graph.get_graph_edges():
        if budget.exceeded(test, "possible-d-sep"):
            return
        x, y = position[edge.get_node1()], position[edge.get_node2()]
        beside = [set(marks.adjacent[x]), set(marks.adjacent[y])]
        for one, other in ((x, y), (y, x)):
            near = marks.possible_dsep(one, other, path)
            strongest = sorted(near, key=lambda z: (-max(tie(x, z), tie(y, z)), z))[:candidates]
            given = _separator(test, x, y, strongest, beside, level, depth)
            if given is not None:
                graph.remove_edge(edge)
                separators[x, y] = separators[y, x] = given
                marks = _Marks(graph.graph)
                break


class _Marks:
    """One graph's marks, prepared for possible-d-separating sets.

    Parameters
    ----------
    graph : ndarray of shape (n, n)
        Coded as in `cpdag`.

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
    """The first subset that separates x and y and that the skeleton has not tried already."""
    for size in range(2, depth + 1):
        for given in combinations(near, size):
            tried = any(adjacent.issuperset(given) for adjacent in beside)
            if not tried and test(x, y, given) > level:
                return set(given)
    return None
