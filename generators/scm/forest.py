"""A node's distribution among the training rows that trees put beside its parents' values."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from dowhy.gcm.causal_mechanisms import FunctionalCausalModel
from sklearn.tree import ExtraTreeRegressor

CELLS = 4_000_000  # weights that are held at once: memory, no result


class ConditionalForest:
    """Which training rows stand for a row: those of its leaves, in extremely randomized trees.

    A training row weighs what it has of the leaves that the row falls into, as a mean over trees
    (Meinshausen 2006, *Quantile Regression Forests*; trees of Geurts, Ernst and Wehenkel 2006, each
    grown on a bootstrap of the rows). Nothing is assumed of shapes, interactions, or noise.

    Parameters
    ----------
    trees : int
    leaf : int
        Rows of a leaf at least.
    seed : int
    """

    def __init__(self, trees: int, leaf: int, seed: int) -> None:
        self.trees = trees
        self.leaf = leaf
        self.seed = seed

    def fit(self, X: np.ndarray, response: np.ndarray) -> ConditionalForest:
        """Grow the trees.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_columns)
        response : ndarray of shape (n_rows,) or (n_rows, n_levels)
            Numbers, or indicators of levels.
        """
        rng = np.random.default_rng(self.seed)
        n = len(X)
        X = np.ascontiguousarray(X, dtype=np.float32)
        self._grown = []
        for _ in range(self.trees):
            drawn = np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)
            grown = ExtraTreeRegressor(
                min_samples_leaf=self.leaf, max_features=1.0, random_state=int(rng.integers(2**31))
            )
            tree = grown.fit(X, response, sample_weight=drawn).tree_
            leaves = tree.apply(X)
            size = np.bincount(leaves, weights=drawn, minlength=tree.node_count)
            # The leaf of a row that was not drawn holds one that was.
            self._grown.append((tree, leaves, drawn / np.maximum(size[leaves], 1.0)))
        return self

    def weights(self, X: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Parts of the rows, and the weights of the training rows for each, which sum to 1."""
        X = np.ascontiguousarray(X, dtype=np.float32)
        n = len(self._grown[0][1])
        at_once = max(CELLS // n, 1)
        for start in range(0, len(X), at_once):
            part = slice(start, start + at_once)
            total = np.zeros((len(X[part]), n))
            for tree, leaves, share in self._grown:
                total += np.where(tree.apply(X[part])[:, None] == leaves, share, 0.0)
            yield part, total / len(self._grown)

    def unseen(self) -> np.ndarray:
        """Weights for the training rows themselves by the trees that were grown without them.

        Shape (n_rows, n_rows); the row of one that every tree was grown on is 0.
        """
        n = len(self._grown[0][1])
        total, trees = np.zeros((n, n)), np.zeros(n)
        for _, leaves, share in self._grown:
            out = share == 0
            total[out] += np.where(leaves[out, None] == leaves, share, 0.0)
            trees += out
        return total / np.maximum(trees, 1)[:, None]


class ForestFCM(FunctionalCausalModel):
    """A node is the quantile, at its uniform noise, of the rows that the forest puts beside it.

    Parameters
    ----------
    forest : ConditionalForest
    design : callable
        Columns of the parents' codes.
    levels : int
        Of a categorical node; 0: numeric.
    between : bool
        Whether a number may lie beside its row's value, up to halfway to the next one.
    """

    def __init__(
        self,
        forest: ConditionalForest,
        design: Callable[[np.ndarray], np.ndarray],
        levels: int,
        between: bool,
    ) -> None:
        self.forest = forest
        self.design = design
        self.levels = levels
        self.between = between

    def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        """Grow the forest on the parents' design."""
        y = np.ravel(Y)
        by_value = np.argsort(y, kind="stable")
        self.values = y[by_value]
        middles = (self.values[1:] + self.values[:-1]) / 2
        self._lower = np.concatenate([self.values[:1], middles])
        self._upper = np.concatenate([middles, self.values[-1:]])
        self.forest.fit(self.design(X)[by_value], response(self.values, self.levels))

    def evaluate(self, parent_samples: np.ndarray, noise_samples: np.ndarray) -> np.ndarray:
        """The values at these quantiles of their conditional distribution, shape (n_rows, 1)."""
        u = np.ravel(noise_samples)
        out = np.empty(len(u))
        for part, weights in self.forest.weights(self.design(parent_samples)):
            below = np.cumsum(weights, axis=1)
            below[:, -1] = np.inf  # sums of floats may end short of 1
            at = np.argmax(below >= u[part, None], axis=1)
            out[part] = self._near(at, u[part], weights, below) if self.between else self.values[at]
        return out.reshape(-1, 1)

    def _near(
        self, at: np.ndarray, u: np.ndarray, weights: np.ndarray, below: np.ndarray
    ) -> np.ndarray:
        """Values beside those of the rows ``at``: as far as the noise is into the row's weight."""
        rows = np.arange(len(at))
        before = np.where(at > 0, below[rows, at - 1], 0.0)
        into = np.clip((u - before) / np.maximum(weights[rows, at], 1e-12), 0.0, 1.0)
        return self._lower[at] + into * (self._upper[at] - self._lower[at])

    def probabilities(self, parents: np.ndarray, n_levels: int) -> np.ndarray:
        """P(level | parents), shape (n_rows, n_levels)."""
        is_level = (self.values[:, None] == np.arange(n_levels)).astype(np.float64)
        parts = [weights @ is_level for _, weights in self.forest.weights(self.design(parents))]
        return np.concatenate([np.zeros((0, n_levels)), *parts])

    def draw_noise_samples(self, num_samples: int) -> np.ndarray:
        """Uniform noise, as DoWhy's own sampling asks for it."""
        return np.random.uniform(size=num_samples)  # noqa: NPY002

    def clone(self) -> ForestFCM:
        """An unfitted copy."""
        forest = ConditionalForest(self.forest.trees, self.forest.leaf, self.forest.seed)
        return ForestFCM(forest, self.design, self.levels, self.between)


def response(y: np.ndarray, levels: int) -> np.ndarray:
    """What trees are grown on: numbers as they are, codes as indicators of those that there are."""
    return (y[:, None] == np.unique(y)).astype(np.float64) if levels else y
