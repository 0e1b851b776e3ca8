"""Edge probabilities, and DAGs drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import networkx as nx
import numpy as np

Dag = tuple[tuple[int, ...], ...]  # parents of each node, ascending
Tiers = Sequence[int | None]  # place of each node in time, if it has one; () where none has


@dataclass(frozen=True, eq=False)
class EdgeProbabilities:
    """The probabilistic adjacency matrix (paper, "structure").

    Parameters
    ----------
    names : tuple of str
        The nodes; the target is the last.
    matrix : ndarray of shape (p, p)
        ``matrix[i, j]`` is the probability of i → j; ``matrix[i, j] + matrix[j, i] <= 1``.
    resamples : mapping of algorithm to int
        How many graphs of each algorithm stand behind the matrix.

    Examples
    --------
    Rain makes the street wet for sure; which way wet and slippery go cannot be told.

    >>> matrix = np.array([[0, 1.0, 0], [0, 0, 0.5], [0, 0.5, 0]])
    >>> found = EdgeProbabilities(("rain", "wet", "slippery"), matrix)
    >>> found.adjacency.tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    >>> sample_dag(found, np.random.default_rng(1), max_parents=5, noise=0.25)
    ((), (0,), (1,))
    """

    names: tuple[str, ...]
    matrix: np.ndarray
    resamples: Mapping[str, int] = field(default_factory=dict)

    @property
    def adjacency(self) -> np.ndarray:
        """Probability that two nodes are adjacent, either way; symmetric, (p, p)."""
        return self.matrix + self.matrix.T


class Target(StrEnum):
    """Which way the target's edges point in the DAGs that are sampled."""

    root = "root"  # to its neighbours: rows are drawn given their class
    sink = "sink"  # from them: the class is drawn given the features
    free = "free"  # as the edge probabilities say


def oriented(probabilities: EdgeProbabilities, target: Target) -> EdgeProbabilities:
    """Edge probabilities with the target's edges turned: all out of it, or all into it."""
    if target is Target.free:
        return probabilities
    matrix = probabilities.matrix.copy()
    both = matrix[-1] + matrix[:, -1]
    matrix[-1], matrix[:, -1] = (both, 0.0) if target is Target.root else (0.0, both)
    return replace(probabilities, matrix=matrix)


def sample_dag(
    probabilities: EdgeProbabilities,
    rng: np.random.Generator,
    *,
    max_parents: int,
    noise: float,
    required: Dag = (),
    tiers: Tiers = (),
) -> Dag:
    """Draw a DAG: each pair is i → j, j → i or nothing with the probabilities of the matrix.

    Pairs come in decreasing order of their log probability plus Gumbel ``noise``, so that the sure
    edges are seldom those that a cycle rejects. An edge that would close a cycle, or exceed the cap
    on parents, is turned if its other direction has any probability, and else left out. Those that
    are ``required`` stand in it from the start; their other direction has no probability. No node
    comes to cause one of an earlier tier, through others neither.

    Returns
    -------
    Dag
        Parents of each node.
    """
    matrix = probabilities.matrix
    first, second = np.triu_indices(len(matrix), 1)
    total = (matrix + matrix.T)[first, second]
    kept = total > 0
    first, second, total = first[kept], second[kept], total[kept]
    order = np.argsort(-(np.log(total) + noise * rng.gumbel(size=len(total))), kind="stable")
    draws = rng.random((len(total), 2))
    growing = Growing(len(matrix), max_parents, required, tiers)
    for pair in order:
        if draws[pair, 0] >= total[pair]:
            continue
        i, j = int(first[pair]), int(second[pair])
        forward = draws[pair, 1] < matrix[i, j] / total[pair]
        cause, effect = (i, j) if forward else (j, i)
        if required and cause in required[effect]:
            continue
        if not growing.add(cause, effect) and matrix[effect, cause] > 0:
            growing.add(effect, cause)
    return growing.dag()


class Growing:
    """A DAG that grows edge by edge and refuses those that would close a cycle, in time too."""

    def __init__(self, n: int, max_parents: int, dag: Dag | None = None, tiers: Tiers = ()) -> None:
        self.max_parents = max_parents
        self._parents: list[list[int]] = [[] for _ in range(n)]
        self._ancestors = [1 << node for node in range(n)]  # bit sets, each node its own ancestor
        earlier = 0  # nodes, which count as ancestors of all later ones
        for tier in sorted({tier for tier in tiers if tier is not None}):
            mine = [node for node in range(n) if tiers[node] == tier]
            for node in mine:
                self._ancestors[node] |= earlier
            earlier |= sum(1 << node for node in mine)
        for effect, causes in enumerate(dag or ()):
            for cause in causes:
                self._join(cause, effect)

    def add(self, cause: int, effect: int) -> bool:
        """Add cause → effect unless that closes a cycle or exceeds the cap; tell whether it did."""
        if len(self._parents[effect]) >= self.max_parents:
            return False
        if self._ancestors[cause] >> effect & 1:
            return False
        self._join(cause, effect)
        return True

    def _join(self, cause: int, effect: int) -> None:
        self._parents[effect].append(cause)
        gained = self._ancestors[cause]
        for node, ancestors in enumerate(self._ancestors):
            if ancestors >> effect & 1:
                self._ancestors[node] |= gained

    def dag(self) -> Dag:
        """The parents of each node so far, in ascending order."""
        return tuple(tuple(sorted(parents)) for parents in self._parents)


def as_digraph(dag: Dag) -> nx.DiGraph:
    """The DAG over node positions."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(dag)))
    graph.add_edges_from((cause, effect) for effect, causes in enumerate(dag) for cause in causes)
    return graph


def order(dag: Dag) -> list[int]:
    """A topological order; among nodes that are free to come next the smallest comes first."""
    return list(nx.lexicographical_topological_sort(as_digraph(dag)))
