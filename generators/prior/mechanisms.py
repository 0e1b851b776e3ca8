"""Features and labels of synthetic tables: how a target can hang together with its features.

A table's features are those of a random structural causal model, correlated noise, a factor model,
or clusters, and some mechanism ties the target to them: a node of the causal model, an additive
score, sums of random trees, trees fitted to noise, or the class as the features' cause.

The mixture follows Mitra's idea (SCM and tree priors together; https://arxiv.org/abs/2510.21204);
the layered SCM is TabPFN's (https://arxiv.org/abs/2207.01848, appendix C). The code is this
project's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from generators.prior.settings import Prior
from generators.prior.targets import ClassTarget, Target, log_uniform, random_shares, standardize

Array = np.ndarray
Mechanism = Callable[..., tuple[Array, Array]]  # of rng, n, f, target; some of classes alone

MAX_LEVELS = 15  # a column with more values counts as continuous

ACTIVATIONS: tuple[Callable[[Array], Array], ...] = (
    lambda x: x,
    np.tanh,
    lambda x: np.maximum(x, 0),
    np.sin,
    np.abs,
    lambda x: np.where(x > 0, x, 0.1 * x),
    lambda x: np.exp(-x * x),
    np.sign,
    np.square,
    lambda x: 1 / (1 + np.exp(-2 * x)),
    lambda x: np.exp(np.clip(x, -4, 4)),
)


# Small tools


def _activation(rng: Generator) -> Callable[[Array], Array]:
    return ACTIVATIONS[rng.integers(len(ACTIVATIONS))]


def _pick(rng: Generator, z: Array, k: int) -> Array:
    """``k`` of the columns, all different where there are enough."""
    return z[:, rng.choice(z.shape[1], size=k, replace=z.shape[1] < k)]


# Features


def root_noise(rng: Generator, n: int, k: int) -> Array:
    """Exogenous noise (n, k): normal, uniform, clustered, heavy- or light-tailed, or correlated."""
    z = rng.normal(size=(n, k))
    kind = rng.random()
    if kind < 0.35:
        return z
    if kind < 0.5:
        return rng.uniform(-1.7, 1.7, size=(n, k))
    if kind < 0.65:
        n_clusters = rng.integers(2, 7)
        centres = rng.normal(size=(n_clusters, k)) * 1.2
        return z * rng.uniform(0.2, 0.8) + centres[rng.integers(n_clusters, size=n)]
    if kind < 0.8:
        return np.sign(z) * np.abs(z) ** rng.uniform(0.5, 2.0, size=k)
    mixing = rng.normal(size=(k, k)) * (rng.random((k, k)) < 0.5) / np.sqrt(k)
    return z + rng.uniform(0.4, 3) * z @ mixing


def factor_model(rng: Generator, n: int, f: int) -> Array:
    """Few hidden factors behind all columns: collinear measurements of the same things."""
    k = int(rng.integers(1, max(2, f // 3) + 1))
    loadings = rng.normal(size=(k, f)) * (rng.random((k, f)) < rng.uniform(0.3, 1))
    measured = root_noise(rng, n, k) @ loadings
    if rng.random() < 0.4:
        measured = _activation(rng)(standardize(measured))
    return standardize(measured) + log_uniform(rng, 0.05, 1.0) * rng.normal(size=(n, f))


def layered_scm(rng: Generator, n: int, f: int) -> list[Array]:
    """All nodes of a random layered structural causal model, layer by layer.

    Each node is an activation of a sparse linear map of earlier nodes, plus its own noise.
    """
    n_roots = int(rng.integers(2, max(3, min(f, 30)) + 4))
    width = int(rng.integers(max(4, f // 2), f + 12))
    density = rng.uniform(0.15, 1)
    noise = log_uniform(rng, 0.01, 0.6)
    shared = None if rng.random() < 0.6 else _activation(rng)
    layers = [standardize(root_noise(rng, n, n_roots))]
    for depth in range(int(rng.integers(1, 5))):
        skips = depth > 0 and rng.random() < 0.3
        parents = np.concatenate(layers, 1) if skips else layers[-1]
        present = rng.random((parents.shape[1], width)) < max(density, 1.5 / parents.shape[1])
        h = standardize(parents @ (rng.normal(size=present.shape) * present))
        h = h * np.exp(rng.normal() * 0.4) + rng.normal(size=width) * 0.3
        h = _activate(rng, h) if shared is None else shared(h)
        strength = noise * 1.5 * rng.random(width)
        layers.append(standardize(h) + strength * rng.normal(size=h.shape))
    return layers


def _activate(rng: Generator, h: Array, kinds: int = 3) -> Array:
    """A mixture of activations, one for each column."""
    which = rng.integers(kinds, size=h.shape[1])
    out = np.empty_like(h)
    for kind in range(kinds):
        out[:, which == kind] = _activation(rng)(h[:, which == kind])
    return out


def draw_features(rng: Generator, n: int, f: int) -> Array:
    """Features (n, f) for the mechanisms that start from features."""
    kind = rng.random()
    if kind < 0.35:
        return root_noise(rng, n, f)
    if kind < 0.6:
        return factor_model(rng, n, f)
    nodes = np.concatenate(layered_scm(rng, n, f), 1)
    if nodes.shape[1] < f:
        nodes = np.concatenate([nodes, root_noise(rng, n, f)], 1)
    return nodes[:, rng.permutation(nodes.shape[1])[:f]]


# Targets: score functions of the features


def additive_score(rng: Generator, X: Array, outputs: int) -> Array:
    """A weighted sum of one-feature effects, at times with products: linear models' home."""
    f = X.shape[1]
    relevant = np.less(rng.random(f), rng.uniform(0.15, 1))
    relevant[rng.integers(f)] = True
    effects = X[:, relevant]
    if rng.random() < 0.45:
        effects = standardize(_activate(rng, effects, kinds=4))
    weights = rng.normal(size=(effects.shape[1], outputs)) * np.exp(
        rng.normal(size=(effects.shape[1], 1)) * rng.uniform(0, 1.2)
    )
    score = effects @ weights
    if rng.random() < 0.25:
        pairs = rng.integers(f, size=(2, int(rng.integers(1, 4))))
        products = X[:, pairs[0]] * X[:, pairs[1]]
        score = standardize(score) + products @ rng.normal(size=(products.shape[1], outputs))
    return score


def tree_sum_score(rng: Generator, X: Array, outputs: int) -> Array:
    """A sum of symmetric-depth trees with random splits and random leaves."""
    n, f = X.shape
    n_trees = int(log_uniform(rng, 1, 25))
    depth = int(rng.integers(1, 7 if n_trees < 4 else 6))
    importance = rng.dirichlet(np.full(f, log_uniform(rng, 0.1, 3)))
    rows = np.arange(n)
    score = np.zeros((n, outputs))
    for _ in range(n_trees):
        leaf = np.zeros(n, dtype=np.int64)
        for level in range(depth):
            features = rng.choice(f, size=2**level, p=importance)
            thresholds = X[rng.integers(n, size=2**level), features]
            leaf = 2 * leaf + (X[rows, features[leaf]] > thresholds[leaf])
        score += rng.normal(size=(2**depth, outputs))[leaf]
    return score


def fitted_tree_score(rng: Generator, X: Array, outputs: int) -> Array:
    """Predictions of a tree, forest or boosted trees fitted to a noisy function of the features.

    The splits are those that greedy learners find, unlike `tree_sum_score`'s.
    """
    n, f = X.shape
    weights = rng.normal(size=(f, outputs)) * (rng.random((f, 1)) < rng.uniform(0.2, 1))
    goal = _activation(rng)(X @ weights / np.sqrt(f) * 2)
    goal = standardize(goal) + rng.uniform(0.05, 1.5) * rng.normal(size=(n, outputs))
    seed = int(rng.integers(1 << 30))
    sample = rng.random(n) < 0.7
    kind = rng.random()
    if kind < 0.3:
        tree = DecisionTreeRegressor(
            max_depth=int(rng.integers(2, 8)), max_features=0.7, random_state=seed
        )
        return tree.fit(X[sample], goal[sample]).predict(X).reshape(n, outputs)
    score = np.zeros((n, outputs))
    if kind < 0.7:
        grower = ExtraTreeRegressor if kind < 0.5 else DecisionTreeRegressor
        for i in range(int(rng.integers(2, 7))):
            rows = rng.integers(n, size=n // 2 + 2)
            tree = grower(
                max_depth=int(rng.integers(2, 8)), max_features=0.5, random_state=seed + i
            )
            score += tree.fit(X[rows], goal[rows]).predict(X).reshape(n, outputs)
        return score
    rate = rng.uniform(0.3, 1)
    for i in range(int(rng.integers(3, 9))):
        tree = DecisionTreeRegressor(
            max_depth=int(rng.integers(1, 4)), max_features=0.7, random_state=seed + i
        )
        tree.fit(X[sample], (goal - score)[sample])
        score += rate * tree.predict(X).reshape(n, outputs)
    return score


def smooth_score(rng: Generator, X: Array, outputs: int) -> Array:
    """A smooth function of a few features together: random waves, as of a Gaussian process."""
    n_features = int(rng.integers(1, min(X.shape[1], 6) + 1))
    chosen = np.clip(_pick(rng, X, n_features), -3, 3)
    rates = np.exp(0.5 * rng.normal(size=(n_features, 1))) / np.sqrt(n_features)
    waves = rng.normal(size=(n_features, 64)) * rates * log_uniform(rng, 0.3, 2.0)
    return np.sin(chosen @ waves + rng.uniform(0, 2 * np.pi, 64)) @ rng.normal(size=(64, outputs))


# Columns of few levels


def level_columns(rng: Generator, X: Array, prior: Prior) -> Array:
    """Some columns of some tables cut into few ordered levels, coded 0, 1, …"""
    if rng.random() >= prior.level_tables:
        return X
    X = X.copy()
    share = 1.0 if rng.random() < 0.2 else rng.random()
    for j in np.flatnonzero(rng.random(X.shape[1]) < share):
        if len(np.unique(X[:, j])) > MAX_LEVELS:
            n_levels = min(2 + rng.geometric(0.3) - 1, MAX_LEVELS)
            cuts = np.cumsum(random_shares(rng, n_levels))[:-1]
            X[:, j] = np.searchsorted(np.quantile(X[:, j], cuts), X[:, j])
    return X


# Mechanisms: (features, labels) of a table before it is made untidy


def scm_table(rng: Generator, n: int, f: int, target: Target) -> tuple[Array, Array]:
    """The target is a node of the causal model: a late one, any one, or a root of the features."""
    outputs = target.outputs(rng)
    layers = layered_scm(rng, n, f)
    nodes = np.concatenate(layers, 1)
    while nodes.shape[1] < f + outputs:
        nodes = np.concatenate([nodes, *layered_scm(rng, n, f)], 1)
    kind = rng.random()
    if kind < 0.5:
        score, X = _pick(rng, layers[-1], outputs), _pick(rng, nodes, f)
    elif kind < 0.75:
        nodes = nodes[:, rng.permutation(nodes.shape[1])]
        score, X = nodes[:, f : f + outputs], nodes[:, :f]
    else:
        late = np.concatenate(layers[1:], 1)
        late = late if late.shape[1] >= f else np.concatenate([late, nodes], 1)
        score, X = _pick(rng, layers[0], outputs), _pick(rng, late, f)
    return X, target.of_scores(rng, score)


def score_table(score_function: Callable[[Generator, Array, int], Array]) -> Mechanism:
    """The mechanism that labels drawn features by a score function of them."""

    def mechanism(rng: Generator, n: int, f: int, target: Target) -> tuple[Array, Array]:
        prior = target.prior
        X = standardize(draw_features(rng, n, f))
        seen = level_columns(rng, X, prior) if rng.random() < prior.levels_seen else X
        score = score_function(rng, standardize(seen), target.outputs(rng))
        return seen, target.of_scores(rng, score)

    return mechanism


def cluster_table(rng: Generator, n: int, f: int, target: ClassTarget) -> tuple[Array, Array]:
    """The class comes first and the features are its noisy consequences, through hidden factors."""
    n_classes = target.n_classes
    y = rng.choice(n_classes, size=n, p=random_shares(rng, n_classes, target.prior.class_floor))
    k = int(rng.integers(min(2, f), min(f, 24) + 1))
    per_class = int(rng.choice([1, 1, 1, 2, 3]))
    centres = rng.normal(size=(n_classes, per_class, k)) * log_uniform(rng, 0.25, 2.5)
    if rng.random() < 0.4:
        centres *= rng.random(k) < rng.uniform(0.2, 0.8)
    spread = np.ones((n_classes, k))
    if rng.random() < 0.5:
        spread = np.exp(rng.normal(size=(n_classes, k)) * rng.uniform(0.1, 0.8))
    z = centres[y, rng.integers(per_class, size=n)] + rng.normal(size=(n, k)) * spread[y]
    if rng.random() < 0.3:
        return _pick(rng, z, f), y
    loadings = rng.normal(size=(k, f)) * (rng.random((k, f)) < rng.uniform(0.2, 1))
    X = standardize(z @ loadings)
    if rng.random() < 0.5:
        X = standardize(_activate(rng, X))
    return X + log_uniform(rng, 0.05, 1.5) * rng.normal(size=(n, f)), y


def level_table(rng: Generator, n: int, f: int, target: ClassTarget) -> tuple[Array, Array]:
    """Nominal columns, independent given the class: each class has its own level shares."""
    n_classes = target.n_classes
    y = rng.choice(n_classes, size=n, p=random_shares(rng, n_classes, target.prior.class_floor))
    relevance = rng.random(f) < rng.uniform(0.1, 1)
    evenness = log_uniform(rng, 1.0, 30.0)
    X = np.empty((n, f))
    for j in range(f):
        n_levels = int(min(2 + rng.geometric(0.35) - 1, 12))
        base = rng.dirichlet(np.full(n_levels, 2.0)) + 0.02
        concentration = evenness if relevance[j] else 1e4
        shares = rng.dirichlet(base * concentration * n_levels / 2, size=n_classes)
        X[:, j] = (rng.random((n, 1)) > shares.cumsum(1)[y][:, :-1]).sum(1)
    return X, y


MECHANISMS: dict[str, Mechanism] = {
    "scm": scm_table,
    "additive": score_table(additive_score),
    "tree_sum": score_table(tree_sum_score),
    "fitted_trees": score_table(fitted_tree_score),
    "smooth": score_table(smooth_score),
    "clusters": cluster_table,
    "levels": level_table,
}
