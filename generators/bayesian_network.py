"""A Bayesian network over levels and bins: a tree of the features beside the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from annotated_types import Interval
from scipy.special import xlogy

from bench.generator import Generator
from bench.ranges import Count, Positive
from bench.table import Table
from generators.parts.classes import stratified_rows
from generators.parts.codecs import LevelColumn, NumberColumn, draw_each
from generators.parts.completion import ALL, Completion

Cuts = Annotated[int, Interval(ge=2, le=1000)]


class BayesianNetwork(Generator):
    """Rows from a tree-augmented naive Bayes network (TAN).

    Each feature has the target and at most one other feature as parents: the tree of features
    whose mutual information given the target is greatest. Numbers are cut into bins of about
    equally many rows, the target's too; a value is drawn among the training values of its bin,
    levels that share a code in their training shares. The target is drawn first, as that of a
    training row, so classes are in their training shares; each feature then given its parents,
    with shares that are smoothed by the feature's own.

    On the tables that settings may be chosen on, rows of this network were better training data
    than those of networks found by hill climbing (BIC, BDeu, K2) or of a tree that the target is an
    ordinary node of.

    Missing values are filled with observed ones before fitting and put back at each column's
    training rate.

    Parameters
    ----------
    bins : int, default=8
        Of a number at most; one of fewer values has one for each.
    max_levels : int, default=20
        Of a categorical column; the rarest share a code.
    smoothing : float, default=0.1
        Rows that a feature's own shares count beside those with the same parents.
    max_rows : int, default=5000
        Rows that the tree is found with; all of them count for the shares.

    References
    ----------
    Friedman, Geiger, Goldszmidt (1997), *Bayesian Network Classifiers*, Machine Learning 29,
    section 4; Chow, Liu (1968), *Approximating Discrete Probability Distributions with Dependence
    Trees*; Young, Graham, Penny (2009), *Using Bayesian Networks to Create Synthetic Data*.
    """

    problems = ("classification", "regression")

    def __init__(
        self,
        bins: Cuts = 8,
        max_levels: Cuts = 20,
        smoothing: Positive = 0.1,
        max_rows: Count = 5000,
    ) -> None:
        self.bins = bins
        self.max_levels = max_levels
        self.smoothing = smoothing
        self.max_rows = max_rows

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Find the tree, and count.

        Raises
        ------
        NotApplicable
            If there are rows of fewer than two classes, or the target or no feature varies.
        """
        self.rows_ = Completion.learn(table, "BayesianNetwork", self.max_levels)
        values = self.rows_.fill(table, rng)
        self.pools_ = {
            i: Pool.learn(values[:, i], self._codes(column, values[:, i]))
            for i, column in enumerate(self.rows_.columns)
            if column.width
        }
        self.y_, self.target_ = table.y, in_bins(table.y, self.bins if self.rows_.target else ALL)
        codes = [pool.codes for pool in self.pools_.values()]
        seen = rng.permutation(len(table))[: self.max_rows]
        self.tree_ = spanning_tree(information([code[seen] for code in codes], self.target_[seen]))
        self.shares_ = [
            Shares.learn(codes[child], self._parents(codes, self.target_, parent), self.smoothing)
            for child, parent in self.tree_
        ]
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows, classes in their training shares."""
        rows = stratified_rows(self.y_, n, rng)
        codes: list[np.ndarray] = [np.empty(0)] * len(self.pools_)
        for (child, parent), shares in zip(self.tree_, self.shares_, strict=True):
            parents = self._parents(codes, self.target_[rows], parent)
            codes[child] = draw_each(shares.given(parents), rng)
        drawn = dict(zip(self.pools_, codes, strict=True))
        values = [
            self.pools_[i].draw(drawn[i], rng)
            if i in drawn
            else column.decode(np.empty((n, 0)), rng)
            for i, column in enumerate(self.rows_.columns)
        ]
        return self.rows_.table(np.column_stack(values), self.y_[rows], self.rows_.holes(n, rng))

    def _codes(self, column: NumberColumn | LevelColumn, values: np.ndarray) -> np.ndarray:
        """Bins of numbers, codes of levels."""
        if isinstance(column, LevelColumn):
            return column.place[values.astype(np.int64)]
        return in_bins(values, self.bins)

    @staticmethod
    def _parents(codes: list[np.ndarray], target: np.ndarray, feature: int | None) -> np.ndarray:
        """The target's code, and that of one feature at most, as one number."""
        return target if feature is None else target + (target.max() + 1) * codes[feature]


@dataclass(frozen=True)
class Pool:
    """A feature's training values by their codes.

    Attributes
    ----------
    codes : ndarray of int, shape (n_rows,)
        Of the training rows, from 0, each with a row at least.
    values : ndarray of shape (n_rows,)
        Those of a code side by side, from ``first[code]`` on.
    """

    codes: np.ndarray
    values: np.ndarray
    first: np.ndarray

    @classmethod
    def learn(cls, values: np.ndarray, codes: np.ndarray) -> Self:
        first = np.append(0, np.cumsum(np.bincount(codes)))
        return cls(codes, values[np.argsort(codes, kind="stable")], first)

    def draw(self, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each code a training value that has it."""
        return self.values[rng.integers(self.first[codes], self.first[codes + 1])]


@dataclass(frozen=True)
class Shares:
    """The shares of a feature's codes, for each combination of its parents that occurs.

    Attributes
    ----------
    parents : ndarray of int, shape (n_combinations,)
        In ascending order.
    shares : ndarray of shape (n_combinations + 1, n_codes)
        Those of the last row are the feature's own, for combinations that do not occur.
    """

    parents: np.ndarray
    shares: np.ndarray

    @classmethod
    def learn(cls, codes: np.ndarray, parents: np.ndarray, smoothing: float) -> Self:
        """Count, with the feature's own shares as ``smoothing`` further rows."""
        present, at = np.unique(parents, return_inverse=True)
        width = int(codes.max()) + 1
        counts = np.bincount(at * width + codes, minlength=len(present) * width)
        own = np.bincount(codes) / len(codes)
        smoothed = counts.reshape(-1, width) + smoothing * own
        return cls(present, np.vstack([smoothed / smoothed.sum(axis=1, keepdims=True), own]))

    def given(self, parents: np.ndarray) -> np.ndarray:
        """Shares for each of these combinations, shape (n, n_codes)."""
        at = np.searchsorted(self.parents, parents).clip(max=len(self.parents) - 1)
        return self.shares[np.where(self.parents[at] == parents, at, len(self.parents))]


def in_bins(values: np.ndarray, most: int) -> np.ndarray:
    """Codes from 0 in the order of the values: at most ``most`` bins of about equally many rows.

    >>> in_bins(np.array([5.0, 1.0, 1.0, 7.0, 8.0]), 2).tolist()
    [0, 0, 0, 1, 1]
    """
    distinct, codes = np.unique(values, return_inverse=True)
    if len(distinct) <= most:
        return codes
    cuts = np.quantile(values, np.arange(1, most) / most, method="inverted_cdf")
    return np.unique(np.searchsorted(cuts, values), return_inverse=True)[1]


def information(codes: list[np.ndarray], target: np.ndarray) -> np.ndarray:
    """Mutual information of each two features given the target, times the rows, (p, p) in nats.

    >>> coin, other = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    >>> information([coin, 1 - coin, other], np.zeros(4, dtype=int)).round(2).tolist()
    [[2.77, 2.77, 0.0], [2.77, 2.77, 0.0], [0.0, 0.0, 2.77]]
    """
    widths = np.array([code.max() + 1 for code in codes], dtype=np.int64)
    ends = np.cumsum(widths)
    begins = ends - widths
    shared = np.zeros((len(codes), len(codes)))
    for label in np.unique(target):
        rows = np.flatnonzero(target == label)
        indicators = np.zeros((len(rows), ends[-1]), dtype=np.float32)  # sums of ones are exact
        for code, begin in zip(codes, begins, strict=True):
            indicators[np.arange(len(rows)), begin + code[rows]] = 1
        total = indicators.sum(axis=0, dtype=np.float64)
        own = np.add.reduceat(xlogy(total, total), begins)
        for one, (begin, end) in enumerate(zip(begins, ends, strict=True)):
            counts = (indicators.T @ indicators[:, begin:end]).astype(np.float64)
            joint = np.add.reduceat(xlogy(counts, counts).sum(axis=1), begins)
            shared[one] += joint - own - own[one] + xlogy(len(rows), len(rows))
    return np.abs(shared).round(6)  # equal columns tie, wherever their sums are rounded


def spanning_tree(weights: np.ndarray) -> list[tuple[int, int | None]]:
    """The tree of greatest weight (Prim's): each node with its parent, which comes before it.

    >>> spanning_tree(np.array([[0, 1, 5], [1, 0, 3], [5, 3, 0]]))
    [(0, None), (2, 0), (1, 2)]
    """
    best, nearest = weights[0].astype(np.float64), np.zeros(len(weights), dtype=np.int64)
    tree: list[tuple[int, int | None]] = [(0, None)]
    best[0] = -np.inf
    while len(tree) < len(weights):
        node = int(best.argmax())
        tree.append((node, int(nearest[node])))
        closer = (weights[node] > best) & (best > -np.inf)
        best[closer], nearest[closer] = weights[node][closer], node
        best[node] = -np.inf
    return tree
