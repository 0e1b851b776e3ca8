"""What rows tell of every column from all others: structural fidelity where no graph is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn import config_context
from sklearn.linear_model import Ridge
from sklearn.tree import ExtraTreeRegressor
from threadpoolctl import threadpool_limits

from bench.quality.arrays import Columns, at_most
from bench.table import Table

# No settings, as the numbers of `bench.quality.measures`.
ROWS = 500  # of each table
TARGETS = 20  # columns that are predicted
LEVELS = 10  # of a categorical column that are told apart, its most frequent ones
TREES, LEAF = 10, 5  # extremely randomized trees, the fewest rows of a leaf,
SHARE = 1 / 3  # and of the columns those that a split is drawn from
LEAST = 0.1  # R² that the real rows must reach on all columns together


def global_utility(
    real: Table, synthetic: Table, test: Table, rng: np.random.Generator
) -> float | None:
    """Skill at predicting each column from all others, learnt from synthetic rows over real ones.

    *Global utility* of Jiang, Simidjievski and Jamnik (2025), *TabStruct: Measuring Structural
    Fidelity of Tabular Data*, arXiv 2509.11950: the mean over columns, the target among them, of
    what learners trained on synthetic rows score on real rows that neither side saw, over what they
    score if trained on real rows. Theirs is of RMSE and of balanced accuracy, which columns without
    any dependence leave at a half or so. Here it is of R², so that such rows are worth 0:

        Σ max(R²(synthetic), 0) / Σ max(R²(real), 0)    over columns

    which is the mean of the columns' ratios, each weighted by what real rows tell of it: where they
    tell next to nothing the ratio is noise. 1: as good as real rows; above where better.

    A number counts by its rank among ``real``'s, so that the unit and outliers don't matter; a
    level by its indicator (R² is then a Brier skill), the most frequent `LEVELS` of ``real`` each,
    all others together, missing being one of them. The prediction is the mean of ridge regression's
    and of a few extremely randomized trees'. A missing number stands at the mean rank; it is not
    predicted.

    Parameters
    ----------
    real, synthetic : Table
        Learnt from: as many rows of either, at most `ROWS`.
    test : Table
        Real rows that neither the generator nor the learners saw; at most `ROWS` are read.
    rng : numpy.random.Generator
        Draws the rows, and of more than `TARGETS` columns those beside the target that are
        predicted; all are predicted from.

    Returns
    -------
    float or None
        None if on ``test`` the real rows' R² add up to less than `LEAST`: no column tells of
        another, or there is one alone.
    """
    n = min(len(real), len(synthetic), ROWS)
    drawn = [at_most(table, size, rng) for table, size in ((real, n), (synthetic, n), (test, ROWS))]
    ours, theirs, unseen = _views([Columns.of(table, like=real) for table in drawn])
    target = len(ours.targets) - 1 if real.classes else ours.numbers - 1
    others = np.delete(np.arange(len(ours.targets)), target)
    predicted = [target, *rng.permutation(others)[: TARGETS - 1]]
    seed = int(rng.integers(2**31))
    # On one thread, as in `bench.quality.learners.predict`; of so small fits checks are a half.
    with threadpool_limits(1), config_context(assume_finite=True, skip_parameter_validation=True):
        skills = [[_skill(side, unseen, j, seed) for side in (ours, theirs)] for j in predicted]
    of_real, of_synthetic = np.maximum(skills, 0).sum(axis=0)
    return float(of_synthetic / of_real) if of_real >= LEAST else None


class _View(NamedTuple):
    """A table's columns, numeric ones first, as what is predicted of them and predicted from."""

    numbers: int  # of the columns
    targets: list[np.ndarray]  # a column's (n_rows, 1) ranks, NaN if missing, or its indicators
    side_by_side: np.ndarray  # for trees, shape (n_rows, n_columns)
    encoded: np.ndarray  # for ridge regression: the columns' targets, complete
    owner: np.ndarray  # the column that each column of it is of


def _views(tables: list[Columns]) -> list[_View]:
    """Views of the real rows, which say how columns are read, and of others."""
    real = tables[0]
    scales = [np.sort(values[~np.isnan(values)]) for values in real.numbers.T]
    orders = [_places(codes, size) for codes, size in zip(real.codes.T, real.sizes, strict=True)]
    return [_view(table, scales, orders) for table in tables]


def _view(table: Columns, scales: list[np.ndarray], orders: list[np.ndarray]) -> _View:
    ranks = [_ranks(x, scale)[:, None] for x, scale in zip(table.numbers.T, scales, strict=True)]
    places = [order[codes] for codes, order in zip(table.codes.T, orders, strict=True)]
    levels = [np.eye(order.max() + 1)[at] for at, order in zip(places, orders, strict=True)]
    complete = [np.where(np.isnan(rank), 0.5, rank) for rank in ranks]
    blocks = [*complete, *levels]
    return _View(
        len(ranks),
        [*ranks, *levels],
        np.column_stack([*complete, *places]).astype(np.float32),
        np.concatenate(blocks, axis=1),
        np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks]),
    )


def _ranks(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The share of the sorted ``scale`` below each value, ties by half; NaN where missing."""
    at = sum(np.searchsorted(scale, values, side) for side in ("left", "right"))
    return np.where(np.isnan(values), np.nan, at / max(2 * len(scale), 1))


def _places(codes: np.ndarray, size: int) -> np.ndarray:
    """Code → place among the levels by how frequent it is; the last is shared by all others."""
    order = np.argsort(-np.bincount(codes, minlength=size), kind="stable")
    places = np.empty(size, dtype=np.int64)
    places[order] = np.minimum(np.arange(size), LEVELS)
    return places


def _skill(side: _View, unseen: _View, column: int, seed: int) -> float:
    """R² on unseen rows of a column that was learnt from all others; 0 if there is nothing to."""
    y, truth = side.targets[column], unseen.targets[column]
    known, asked = (~np.isnan(values[:, 0]) for values in (y, truth))
    y, truth = y[known], truth[asked]
    spread = ((truth - truth.mean(axis=0)) ** 2).sum() if len(truth) else 0.0
    others = np.arange(side.side_by_side.shape[1]) != column
    if not (len(y) and others.any() and spread > 0):
        return 0.0
    of = others[side.owner]
    line = Ridge().fit(side.encoded[known][:, of], y).predict(unseen.encoded[asked][:, of])
    trees = [
        ExtraTreeRegressor(min_samples_leaf=LEAF, max_features=SHARE, random_state=seed + i)
        .fit(side.side_by_side[known][:, others], y)
        .predict(unseen.side_by_side[asked][:, others])
        for i in range(TREES)
    ]
    shape = truth.shape  # scikit-learn drops an axis of length 1, some versions' Ridge does not
    guess = (line.reshape(shape) + np.mean(trees, axis=0).reshape(shape)) / 2
    return float(1 - ((truth - guess) ** 2).sum() / spread)
