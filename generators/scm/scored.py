"""Searches by a score, BOSS, GRaSP and GES: equivalence classes that describe a subsample best.

BOSS and GRaSP are causal-learn's steps over orders of the nodes (Andrews et al. 2023, *Fast
Scalable and Accurate Discovery of DAGs Using the Best Order Score Search and Grow-Shrink Trees*;
Lam, Andrews, Ramsey 2022, *Greedy Relaxations of the Sparsest Permutation Algorithm*), which take
the score that they are given; its doors take only a score's name, print, and draw from Python's
global state. GES is `equivalence`'s.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import numpy as np

from generators.scm.budget import Budget
from generators.scm.equivalence import class_of, greedy
from generators.scm.independence import DegenerateGaussian

Parents = list[list[int]]
Search = Callable[["Score", np.random.Generator, Budget], np.ndarray]  # to a CPDAG's marks
TUCKS = 3  # GRaSP: depth of its search over covered tucks; its authors' and causal-learn's


class Late(Exception):
    """No more scores; the bound is noted."""


class Score:
    """BIC of a node given its parents under the degenerate Gaussian: larger is better.

    −N/2 log(|R of node and parents| / |R of parents|) − penalty/2 · log N · (columns of the node) ·
    (columns of the parents), with R the correlations of the nodes' columns.

    Parameters
    ----------
    gaussian : DegenerateGaussian
    penalty : float
        Weight of BIC's penalty; 1 is BIC.
    most : int or None
        Scores computed; those asked for again are remembered.
    budget : Budget

    Raises
    ------
    Late
        By every score that is asked for beyond a bound.
    """

    def __init__(
        self, gaussian: DegenerateGaussian, penalty: float, most: int | None, budget: Budget
    ) -> None:
        self.data = np.empty((0, len(gaussian.groups)))  # causal-learn asks it for its width
        self._gaussian, self._most, self._budget = gaussian, most, budget
        self._penalty = penalty * np.log(gaussian.n_rows) / 2
        self._scores: dict[tuple[int, tuple[int, ...]], float] = {}

    @property
    def nodes(self) -> int:
        return self.data.shape[1]

    @property
    def calls(self) -> int:
        return len(self._scores)

    def score(self, node: int, parents: Iterable[int]) -> float:
        """The score; causal-learn's name."""
        key = (node, tuple(sorted(parents)))
        known = self._scores.get(key)
        if known is None:
            if self._budget.beyond(self.calls, self._most, "score search", "scores"):
                raise Late
            known = self._scores[key] = self._computed(*key)
        return known

    score_nocache = score  # causal-learn's name where it remembers scores itself

    def _computed(self, node: int, parents: tuple[int, ...]) -> float:
        test = self._gaussian
        width = sum(len(test.groups[parent]) for parent in parents)
        ratio = test.log_det(tuple(sorted((*parents, node)))) - test.log_det(parents)
        return -test.n_rows / 2 * ratio - self._penalty * width * len(test.groups[node])


def boss(score: Score, rng: np.random.Generator) -> Parents:
    """The DAG of the best order that moves of single nodes lead to."""
    from causallearn.search.PermutationBased.BOSS import better_mutation
    from causallearn.search.PermutationBased.gst import GST

    parents: Parents = [[] for _ in range(score.nodes)]
    try:
        trees = [GST(node, score) for node in range(score.nodes)]
        order = list(range(score.nodes))
        improved = True
        while improved:
            moves = [
                better_mutation(int(node), order, trees) for node in rng.permutation(score.nodes)
            ]
            improved = any(moves)
            parents = _traced(order, trees)
    except Late:
        pass  # what the last round led to holds
    return parents


def _traced(order: Sequence[int], trees: Sequence) -> Parents:
    parents: Parents = [[] for _ in order]
    for place, node in enumerate(order):
        trees[node].trace(list(order[:place]), parents[node])
    return parents


def grasp(score: Score, rng: np.random.Generator) -> Parents:
    """The DAG of the best order that tucks of parents lead to."""
    from causallearn.search.PermutationBased.GRaSP import Order, dfs
    from causallearn.search.PermutationBased.gst import GST

    parents: Parents = [[] for _ in range(score.nodes)]
    state = random.getstate()  # causal-learn shuffles with it
    random.seed(int(rng.integers(2**63)))
    try:
        trees = [GST(node, score) for node in range(score.nodes)]
        order = Order(score.nodes, score)
        for place, node in enumerate(order.order):
            value = trees[node].trace(order.order[:place], order.get_parents(node))
            order.set_local_score(node, value)
        improved = True
        while improved:
            parents = [list(order.get_parents(node)) for node in range(score.nodes)]
            improved = dfs(TUCKS - 1, set(), [], order, trees)
    except Late:
        pass  # what the last tuck led to holds
    finally:
        random.setstate(state)
    return parents


def ges(score: Score, rng: np.random.Generator, budget: Budget) -> np.ndarray:
    """Marks of the CPDAG that greedy equivalence search ends at; it draws nothing."""
    marks = np.zeros((score.nodes, score.nodes), dtype=np.int64)
    with suppress(Late):  # what the last operator led to holds
        for marks in greedy(score.score, score.nodes, budget):  # noqa: B007 - the last one counts
            pass
    return marks


def _by_order(search: Callable[[Score, np.random.Generator], Parents]) -> Search:
    return lambda score, rng, budget: class_of(search(score, rng), budget)


SEARCHES: dict[str, Search] = {
    "boss": _by_order(boss),
    "grasp": _by_order(grasp),
    "ges": ges,
}
