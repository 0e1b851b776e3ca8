"""Synthetic tables from a seed, never from data: drawn, then made untidy.

A mechanism gives features and labels (`generators.prior.mechanisms`, `generators.prior.targets`).
Then the table is made as untidy as real ones: levels, codes in arbitrary order, ties, zeros,
near-copies, irrelevant columns, imputed holes, wrong labels.

The model reads ranks only (`Tab2DQuantileEmbeddingX`), so strictly monotone feature transforms,
heavy tails among them, matter *between* features and target and not at the end.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generators.prior.mechanisms import (
    MAX_LEVELS,
    MECHANISMS,
    Array,
    level_columns,
)
from generators.prior.settings import Prior
from generators.prior.targets import Target, draw_target, log_uniform, standardize

# Untidiness


def recode_levels(rng: Generator, X: Array) -> Array:
    """Columns of few levels as nominal ones: most get codes in arbitrary order."""
    X = X.copy()
    for j in np.flatnonzero(rng.random(X.shape[1]) < 0.8):
        values, codes = np.unique(X[:, j], return_inverse=True)
        if len(values) <= MAX_LEVELS:
            X[:, j] = rng.permutation(len(values))[codes]
    return X


def _tie(rng: Generator, column: Array) -> Array:
    """Ties in a continuous column: whole numbers, or a share of equal smallest values (zeros)."""
    kind = rng.random()
    if kind >= 0.25 or len(np.unique(column)) <= MAX_LEVELS:
        return column
    if kind < 0.15:
        return np.round(column * rng.uniform(1, 8))
    return np.maximum(column, np.quantile(column, rng.uniform(0.1, 0.8)))


def _replace_columns(rng: Generator, X: Array, prior: Prior) -> Array:
    """Near-copies of other columns, and columns that mean nothing, in place of some."""
    n, f = X.shape
    if f > 3 and rng.random() < prior.copy_tables:
        for j in rng.choice(f, size=int(rng.integers(1, max(2, f // 3) + 1)), replace=False):
            source = standardize(X[:, rng.integers(f)])
            sign, noise = rng.choice([-1, 1]), log_uniform(rng, 0.01, 0.5)
            X[:, j] = source * sign + noise * rng.normal(size=n)
    if f > 2 and rng.random() < prior.noise_tables:
        useless = rng.choice(f, size=int(rng.integers(1, max(2, int(0.6 * f)) + 1)), replace=False)
        X[:, useless] = rng.permutation(X)[:, useless]
    return X


def make_untidy(rng: Generator, X: Array, prior: Prior) -> Array:
    """What real tables have and clean simulations lack; the labels are not touched."""
    n, f = X.shape
    X = _replace_columns(rng, X.copy(), prior)
    X = level_columns(rng, X, prior)
    for j in range(f):
        X[:, j] = _tie(rng, X[:, j])
    if rng.random() < prior.nominal:
        X = recode_levels(rng, X)
    if rng.random() < prior.hole_tables:
        holes = rng.random((n, f)) < rng.uniform(0, 0.3) * rng.random(f)
        X = np.where(holes, X.mean(0), X)  # as Mitra's preprocessor imputes
    return X[:, rng.permutation(f)]


# Tables and batches


def draw_table(rng: Generator, n: int, f: int, target: Target) -> tuple[Array, Array]:
    """One table.

    Returns
    -------
    X : ndarray of float32, shape (n, f)
    y : ndarray of int64 (classes) or float64 (numbers), shape (n,)
    """
    prior = target.prior
    weights = np.array(list(prior.mechanism_weights.values()), dtype=float)
    name = rng.choice(list(prior.mechanism_weights), p=weights / weights.sum())
    X, y = MECHANISMS[name](rng, n, f, target)
    y = target.spoiled(rng, y)
    X = make_untidy(rng, X, prior)
    return X.astype(np.float32), target.told(rng, y)


def is_tame(X: Array) -> bool:
    """Whether features are finite, and small enough to be computed with."""
    return bool(np.isfinite(X).all() and np.abs(X).max() < 1e6)


def draw_batch(
    rng: Generator, n_tables: int, n_support: int, n_query: int, n_features: int, prior: Prior
) -> tuple[Array, Array, Array, Array]:
    """Tables of one shape, split into support and query.

    Returns
    -------
    x_support, y_support, x_query, y_query : ndarrays of shape (b, s, f), (b, s), (b, q, f), (b, q)
        The targets as their kind encodes them (`generators.prior.targets`).
    """
    features: list[Array] = []
    targets: list[Array] = []
    while len(features) < n_tables:
        target = draw_target(rng, prior, n_support)
        X, y = draw_table(rng, n_support + n_query, n_features, target)
        if is_tame(X) and target.usable(y, n_support):
            features.append(X)
            targets.append(target.encoded(rng, y, n_support))
    x, y = np.stack(features), np.stack(targets)
    return x[:, :n_support], y[:, :n_support], x[:, n_support:], y[:, n_support:]
