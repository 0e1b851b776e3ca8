"""Adversarial random forests: rows whose columns are drawn apart within the leaves of a forest."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import Tree

from bench.generator import Generator
from bench.ranges import Count, NotNegative
from bench.table import Table
from generators.parts.classes import stratified_rows
from generators.parts.completion import LABEL, Completion

CONSTANT = 1e-5  # of a column's standard deviation: a leaf's below it is rounding


class AdversarialForest(Generator):
    """Rows of an adversarial random forest over all columns, the target among them.

    A random forest learns to tell real rows from others, whose columns were permuted first; then
    from rows whose columns are drawn each by itself among the real rows of a leaf of the forest
    before, until it tells them no better than by chance, or better than the last. In the leaves of
    the forest that made these rows columns are about independent: a row is a leaf, in its share of
    the real rows, and each column drawn there, numbers from a normal cut at the leaf's bounds,
    levels in their shares.

    A leaf is drawn as that of a training row, whose class, or numeric target's place, the new row
    takes: the same distribution, with class shares as in training. A leaf of few real rows takes
    the columns of the smallest node above it that has enough; the authors prune it.

    Trees see ranks, and codes of levels. Missing values are filled with observed ones before
    fitting and put back at each column's training rate; numbers, a numeric target's too, are cut
    to the training range.

    Parameters
    ----------
    n_trees : int, default=30
    min_leaf : int, default=5
        Rows that a leaf needs, and real rows that its columns are drawn from.
    delta : float, default=0
        Out-of-bag accuracy above ½ that is chance.
    max_rounds : int, default=10
        Forests after the first at most.
    density : {"truncated_normal", "empirical"}
    max_rows : int, default=5000
        Real rows that forests are grown with; all fill the leaves.

    References
    ----------
    Watson, Blesch, Kapar, Wright (2023), *Adversarial Random Forests for Density Estimation and
    Generative Modeling*, AISTATS, algorithm 1 and section 4.2; settings are the defaults of the
    authors' package arfpy.
    """

    problems = ("classification", "regression")

    def __init__(
        self,
        n_trees: Count = 30,
        min_leaf: Count = 5,
        delta: NotNegative = 0.0,
        max_rounds: Count = 10,
        density: Literal["truncated_normal", "empirical"] = "truncated_normal",
        max_rows: Count = 5000,
    ) -> None:
        self.n_trees = n_trees
        self.min_leaf = min_leaf
        self.delta = delta
        self.max_rounds = max_rounds
        self.density = density
        self.max_rows = max_rows

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Grow forests until real rows cannot be told from those of the last one but one.

        Raises
        ------
        NotApplicable
            If there are rows of fewer than two classes, or the target or no feature varies.
        """
        self.rows_ = Completion.learn(table, "AdversarialForest")
        frame = self.rows_.compact(self.rows_.fill(table, rng))
        frame[LABEL] = self.rows_.encode_y(table.y)
        self.y_ = table.y
        discrete = [*self.rows_.levels, *([LABEL] if table.classes else [])]
        self.is_number_ = ~frame.columns.isin(discrete)
        self.columns_, self.values_ = list(frame), frame.to_numpy(dtype=np.float64)
        ranked = [np.unique(column, return_inverse=True) for column in self.values_.T]
        self.distinct_ = [distinct for distinct, _ in ranked]
        self.ranks_ = np.column_stack([rank for _, rank in ranked]).astype(np.float32)

        self._grow(rng.permutation(len(table))[: self.max_rows], rng)
        return self

    def _grow(self, seen: np.ndarray, rng: np.random.Generator) -> None:
        """Algorithm 1: forests on these rows and on those drawn from the leaves of the last one."""
        real = self.ranks_[seen]
        forest, accuracy = self._discriminator(real, rng.permuted(real, axis=0), rng)
        accuracies, self.leaves_ = [accuracy], self._leaves(forest)
        while accuracies[-1] > 0.5 + self.delta and len(accuracies) <= self.max_rounds:
            rows = rng.choice(seen, size=len(seen))
            made = _each(self.ranks_, self._picks(rows, self._trees(rows, rng), rng))
            forest, accuracy = self._discriminator(real, made, rng)
            accuracies.append(accuracy)
            if accuracy <= 0.5 + self.delta or accuracy > accuracies[-2]:
                break  # what the forest before has made is as good as it gets
            self.leaves_ = self._leaves(forest)
        self.facts_ = {"forests": len(accuracies), "accuracy": round(accuracies[-1], 4)}

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows, classes in their training shares."""
        rows = stratified_rows(self.y_, n, rng)
        trees = self._trees(rows, rng)
        picks = self._picks(rows, trees, rng)
        if self.rows_.target is None:
            picks[:, -1] = rows  # the class of the row whose leaf it is
        drawn = _each(self.values_, picks)
        if self.density == "truncated_normal":
            drawn = self._normal(drawn, rows, trees, rng)
        frame = pd.DataFrame(drawn, columns=self.columns_)
        y = self.rows_.decode_y(frame.pop(LABEL).to_numpy())
        values = self.rows_.clip(self.rows_.spread(frame, rng))
        return self.rows_.table(values, y, self.rows_.holes(n, rng))

    def _discriminator(
        self, real: np.ndarray, made: np.ndarray, rng: np.random.Generator
    ) -> tuple[RandomForestClassifier, float]:
        """A forest that tells real rows from made ones, and its out-of-bag accuracy."""
        forest = RandomForestClassifier(
            self.n_trees,
            min_samples_leaf=self.min_leaf,
            oob_score=True,
            random_state=int(rng.integers(2**31)),
        )
        with warnings.catch_warnings():
            # With few trees some rows are in every bag; they count for neither side.
            warnings.filterwarnings("ignore", "Some inputs do not have OOB scores", UserWarning)
            forest.fit(np.vstack([real, made]), np.repeat([0, 1], len(real)))
        return forest, float(forest.oob_score_)

    def _leaves(self, forest: RandomForestClassifier) -> list[Leaves]:
        return [Leaves.of(tree, self.ranks_, self.min_leaf) for tree in forest.estimators_]

    def _trees(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A tree for each row: with it, a leaf in its share of the real rows."""
        return rng.integers(self.n_trees, size=len(rows))

    def _picks(self, rows: np.ndarray, trees: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each row and column a real row of the row's leaf, shape (n, n_columns)."""
        points = rng.random((len(rows), len(self.columns_)))
        picks = np.empty(points.shape, dtype=np.int64)
        for tree in np.unique(trees):
            of_tree, leaves = np.flatnonzero(trees == tree), self.leaves_[tree]
            first, last = leaves.span(rows[of_tree])
            at = first[:, None] + points[of_tree] * (last - first)[:, None]
            picks[of_tree] = leaves.order[at.astype(np.int64)]
        return picks

    def _normal(
        self, drawn: np.ndarray, rows: np.ndarray, trees: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Numbers from normals of their leaves, cut at the leaves' bounds; all else as it was."""
        points, numbers = rng.random(drawn.shape), np.flatnonzero(self.is_number_)
        drawn = drawn.copy()
        for tree in np.unique(trees):
            of_tree, leaves = np.flatnonzero(trees == tree), self.leaves_[tree]
            mean, deviation = leaves.moments(self.values_, rows[of_tree])
            low, high = leaves.bounds(self.ranks_, rows[of_tree])
            for column in numbers:
                spread = np.maximum(deviation[:, column], CONSTANT)
                distinct = self.distinct_[column]
                below, above = (
                    ndtr((_at_rank(bound[:, column], distinct) - mean[:, column]) / spread)
                    for bound in (low, high)
                )
                at = ndtri(below + points[of_tree, column] * (above - below))
                varies = deviation[:, column] > CONSTANT
                values = mean[:, column] + spread * at
                drawn[of_tree[varies], column] = values[varies]
        return drawn


@dataclass(frozen=True)
class Leaves:
    """The real rows in the nodes of one tree.

    Attributes
    ----------
    tree : sklearn.tree._tree.Tree
    node : ndarray of int, shape (n_rows,)
        The node whose rows a row's columns are drawn from: its leaf, or the first above it that
        has enough.
    order : ndarray of int, shape (n_rows,)
        The rows by their leaves. Nodes are numbered depth first, so those below one are neighbours.
    first, last : ndarray of int, shape (n_nodes,)
        Where in ``order`` a node's rows begin and end.
    """

    tree: Tree
    node: np.ndarray
    order: np.ndarray
    first: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, grown: DecisionTreeClassifier, ranks: np.ndarray, fewest: int) -> Self:
        """Send all rows down a tree; ``fewest`` of them are enough."""
        tree = grown.tree_
        leaf = tree.apply(ranks)
        order = np.argsort(leaf, kind="stable")
        parent, end = np.zeros(tree.node_count, dtype=np.int64), np.arange(tree.node_count)
        for node in range(tree.node_count - 1, -1, -1):
            if tree.children_left[node] >= 0:
                children = tree.children_left[node], tree.children_right[node]
                parent[list(children)], end[node] = node, end[children[1]]
        first = np.searchsorted(leaf[order], np.arange(tree.node_count), side="left")
        last = np.searchsorted(leaf[order], end, side="right")
        enough, node = last - first >= min(fewest, len(ranks)), leaf
        while not enough[node].all():
            node = np.where(enough[node], node, parent[node])
        return cls(tree, node, order, first, last)

    def span(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where in `order` the rows begin and end that stand in the nodes of these rows."""
        return self.first[self.node[rows]], self.last[self.node[rows]]

    def moments(self, values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations in the nodes of these rows, each (n, n_columns)."""
        first, last = self.span(rows)
        count = (last - first)[:, None]
        sums, squares = (
            np.vstack([np.zeros(part.shape[1]), part.cumsum(axis=0)])
            for part in (values[self.order], values[self.order] ** 2)
        )
        mean = (sums[last] - sums[first]) / count
        variance = (squares[last] - squares[first]) / count - mean**2
        return mean, np.sqrt(variance.clip(0) * count / (count - 1).clip(1))

    def bounds(self, ranks: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest ranks in the nodes of these rows, each (n, n_columns)."""
        low = np.full((len(rows), ranks.shape[1]), -np.inf)
        high, at, aim = -low, np.zeros(len(rows), dtype=np.int64), self.node[rows]
        while (going := np.flatnonzero(at != aim)).size:
            node = at[going]
            column, threshold = self.tree.feature[node], self.tree.threshold[node]
            left = ranks[rows[going], column] <= threshold
            # A deeper threshold of a column is the narrower one.
            high[going[left], column[left]] = threshold[left]
            low[going[~left], column[~left]] = threshold[~left]
            at[going] = np.where(
                left, self.tree.children_left[node], self.tree.children_right[node]
            )
        return low, high


def _each(table: np.ndarray, picks: np.ndarray) -> np.ndarray:
    """Of each column the value of the row picked for it."""
    return table[picks, np.arange(table.shape[1])]


def _at_rank(bound: np.ndarray, distinct: np.ndarray) -> np.ndarray:
    """A bound between two ranks as the middle of their values; none stays none."""
    return np.where(np.isinf(bound), bound, np.interp(bound, np.arange(len(distinct)), distinct))
