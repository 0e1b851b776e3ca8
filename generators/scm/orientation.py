"""From a skeleton to PC's CPDAG and FCI's PAG, with causal-learn's own orientation rules.

causal-learn's `pc` and `fci` each search for the skeleton again, try every set where one separates,
and enumerate all subsets of possible-d-separating sets, which has no bound; so the searches are
ours (bounded), the rules theirs. Where no bound cuts, the graphs are those of `pc` and `fci`.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from causallearn.graph.Endpoint import Endpoint
from causallearn.graph.GeneralGraph import GeneralGraph
from causallearn.graph.GraphClass import CausalGraph
from causallearn.search.ConstraintBased import FCI as rules
from causallearn.utils.PCUtils import Meek, UCSepset

from generators.scm.independence import IndependenceTest
from generators.scm.skeleton import Budget, Skeleton

KEEP_COLLIDERS = 2  # UCSepset's priority: an edge that a collider has oriented keeps its direction


def cpdag(found: Skeleton, test: IndependenceTest) -> np.ndarray:
    """PC's marks, shape (n, n): ``marks[i, j]`` is the mark at i of the edge i – j.

    causal-learn's coding: −1 tail, 1 arrow, 2 circle, 0 no edge.
    """
    graph = UCSepset.uc_sepset(_causal_graph(found, test), KEEP_COLLIDERS)
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
    graph: GeneralGraph = _causal_graph(found, test).G
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


def _causal_graph(found: Skeleton, test: IndependenceTest) -> CausalGraph:
    n = len(found.neighbours)
    causal = CausalGraph(n, [_Name(f"X{i + 1}") for i in range(n)])
    causal.set_ind_test(test)
    nodes = causal.G.nodes
    for i, j in combinations(range(n), 2):
        if j not in found.neighbours[i]:
            causal.G.remove_edge(causal.G.get_edge(nodes[i], nodes[j]))
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
    for edge in graph.get_graph_edges():
        if budget.exceeded(test, "possible-d-sep"):
            return
        a, b = edge.get_node1(), edge.get_node2()
        x, y = position[a], position[b]
        beside = [{position[v] for v in graph.get_adjacent_nodes(node)} for node in (a, b)]
        for one, other in ((a, b), (b, a)):
            near = {position[v] for v in rules.getPossibleDsep(one, other, graph, path)}
            strongest = sorted(near, key=lambda z: (-max(tie(x, z), tie(y, z)), z))[:candidates]
            given = _separator(test, x, y, strongest, beside, level, depth)
            if given is not None:
                graph.remove_edge(edge)
                separators[x, y] = separators[y, x] = given
                break


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
