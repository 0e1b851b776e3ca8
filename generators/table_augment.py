"""TableAugment: each fine-tuning step a new task, made of bootstrapped rows and fewer features."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Self

import numpy as np
import pandas as pd
from annotated_types import Interval

from bench.errors import BadInput
from bench.generator import NotApplicable, TaskGenerator
from bench.ranges import Chance, Classes, Share
from bench.table import Kind, Table


class TableAugment(TaskGenerator):
    """Rows bootstrapped, a random part of the features kept, now and then another target.

    `task` is the method. `sample` gives the bootstrapped rows alone, under the full schema, since
    a table of synthetic rows must fit the real ones.

    Support and query are bootstrapped separately and keep the numbers of rows they came with.
    Dropping features can make two different rows equal: query rows whose kept features also stand
    in the new support are left out before the query is bootstrapped, so that no row stands in
    both. Class codes are those of the table; a query row whose class the bootstrap left out of
    the support keeps its code, and the loop decides about it.

    Parameters
    ----------
    min_features, max_features : float, default=0.5 and 1.0
        Share of the features that a task keeps: their number is drawn uniformly between the two
        (the lower one rounded up, the upper one down, at least one feature).
    retarget : float in [0, 1], default=0.0
        Probability that a task predicts a random column instead of the target: a categorical one
        with 2 to ``max_classes`` levels, or a numeric one cut at quantiles of the support into
        2 to ``max_classes`` bins. Where the target is a number, a numeric one as it is: a model of
        numbers reads no classes. The old target is then a feature of its own kind, and rows that
        lack the new one are left out.
    max_classes : int, default=10
        Most classes of a re-targeted task; Mitra has ten outputs.
    min_query : float in [0, 1], default=0.5
        Share of the query's rows that must be left once those standing in the support are out;
        below it, the task is drawn anew.
    redraws : int, default=10
        Attempts at such a task; after that, all features and the target are kept, and only the
        rows are bootstrapped.

    Notes
    -----
    The study names the method without giving its settings. This reading follows the authors'
    earlier workshop paper and its public re-implementations; every choice is a parameter.

    References
    ----------
    Bühler, Purucker, Hutter (2025), *Causal Data Augmentation for Robust Fine-Tuning of Tabular
    Foundation Models*, arXiv 2601.04110 (a baseline there).
    """

    problems = ("classification", "regression")

    def __init__(
        self,
        min_features: Share = 0.5,
        max_features: Share = 1.0,
        retarget: Chance = 0.0,
        max_classes: Classes = 10,
        min_query: Chance = 0.5,
        redraws: Annotated[int, Interval(ge=0, le=10_000)] = 10,
    ) -> None:
        if min_features > max_features:
            raise BadInput(
                f"TableAugment: min_features is {min_features}; expected at most max_features, "
                f"which is {max_features}."
            )
        self.min_features = min_features
        self.max_features = max_features
        self.retarget = retarget
        self.max_classes = max_classes
        self.min_query = min_query
        self.redraws = redraws

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Keep the training rows for `sample`; nothing is learnt and nothing drawn.

        Raises
        ------
        NotApplicable
            If the table holds no features, rows of fewer than two classes, or a numeric target
            that does not vary.
        """
        if not table.n_features:
            raise NotApplicable("TableAugment needs at least one feature.")
        if len(np.unique(table.y)) < 2:
            raise NotApplicable(
                f"TableAugment needs training rows of at least two {_values(table)}; those of "
                f"dataset '{table.name}' are of one."
            )
        self.table_ = table
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` training rows with replacement, all classes among them if there is room."""
        return self.table_.take(bootstrap_rows(self.table_.y, n, rng, _known(self.table_)))

    def task(self, support: Table, query: Table, rng: np.random.Generator) -> tuple[Table, Table]:
        """Turn one real task into a new one.

        Parameters
        ----------
        support, query : Table
            Real rows of the training part; no `Table.row_keys` of one stands in the other.
        rng : numpy.random.Generator

        Returns
        -------
        (support, query) : tuple of Table
            As many rows as came in, under one schema, with no row in both.

        Raises
        ------
        ValueError
            If the support holds fewer than two classes, or values of a numeric target, or every
            query row stands in it.
        """
        if len(np.unique(support.y)) < 2:
            raise ValueError(
                f"Table '{support.name}': the support holds one of the {_values(support)} only; "
                "TableAugment expects two. Split the real rows so that both parts have them."
            )
        for _ in range(self.redraws):
            task = self._draw_task(support, query, rng)
            if task is not None:
                return task
        task = resample(
            support,
            query,
            (len(support), len(query)),
            rng,
            min_query=0.0,
            at_least=_known(support),  # so that whoever could answer still can
        )
        if task is None:
            raise ValueError(
                f"Table '{support.name}': every row of the query stands in the support, too; "
                "TableAugment expects rows that are split by Table.row_keys()."
            )
        return task

    def _draw_task(
        self, support: Table, query: Table, rng: np.random.Generator
    ) -> tuple[Table, Table] | None:
        """One attempt; None if too few query rows are left, or none of a class in the support."""
        sizes = (len(support), len(query))
        if rng.random() < self.retarget:
            support, query = self._retarget(support, query, rng)
        features = self._draw_features(list(support.X.columns), rng)
        task = resample(
            support.select(features), query.select(features), sizes, rng, self.min_query
        )
        return task if task is not None and _is_answerable(*task) else None

    def _draw_features(self, features: list[str], rng: np.random.Generator) -> list[str]:
        """A random part of the features, in their order."""
        fewest = max(1, math.ceil(self.min_features * len(features)))
        most = max(fewest, math.floor(self.max_features * len(features)))
        kept = rng.choice(len(features), size=rng.integers(fewest, most + 1), replace=False)
        return [features[i] for i in np.sort(kept)]

    def _retarget(
        self, support: Table, query: Table, rng: np.random.Generator
    ) -> tuple[Table, Table]:
        """Predict a random column; the tables as they came if no column can be a target."""
        for i in rng.permutation(support.n_features):
            column = support.X.columns[i]
            as_target = self._column_as_classes if support.classes else self._column_as_numbers
            found = as_target(support, query, column, rng)
            if found is not None:
                labels, y_support, y_query = found
                return (
                    with_target(support, column, labels, y_support),
                    with_target(query, column, labels, y_query),
                )
        return support, query

    def _column_as_numbers(
        self, support: Table, query: Table, column: str, rng: np.random.Generator
    ) -> tuple[list[str], np.ndarray, np.ndarray] | None:
        """No labels, and a column's numbers (NaN where missing); None if it cannot be a target."""
        ours, theirs = support.X[column], query.X[column]
        if support.kinds[column] == "categorical" or ours.nunique() < 2 or theirs.isna().all():
            return None
        return [], ours.to_numpy(), theirs.to_numpy()

    def _column_as_classes(
        self, support: Table, query: Table, column: str, rng: np.random.Generator
    ) -> tuple[list[str], np.ndarray, np.ndarray] | None:
        """Class labels and codes (−1 where missing) of a column; None if it cannot be a target."""
        ours, theirs = support.X[column], query.X[column]
        if support.kinds[column] == "categorical":
            labels = [v for v in ours.cat.categories if (ours == v).any() or (theirs == v).any()]
            codes = [
                pd.Categorical(v, categories=labels).codes.astype(np.int64) for v in (ours, theirs)
            ]
        else:
            cuts = quantile_cuts(
                ours.dropna().to_numpy(), int(rng.integers(2, self.max_classes + 1))
            )
            labels = [f"bin {i}" for i in range(len(cuts) + 1)]
            codes = [
                np.where(v.isna(), -1, np.searchsorted(cuts, v.to_numpy(), side="right"))
                for v in (ours, theirs)
            ]
        enough = len(np.unique(codes[0][codes[0] >= 0])) >= 2 and (codes[1] >= 0).any()
        if not enough or len(labels) > self.max_classes:
            return None
        return labels, codes[0], codes[1]


def _values(table: Table) -> str:
    return "classes" if table.classes else "values of the target"


def _known(table: Table) -> int:
    """How many classes, or values of a numeric target, a draw of all rows must hold."""
    return len(np.unique(table.y)) if table.classes else 2


def _is_answerable(support: Table, query: Table) -> bool:
    """Whether the support tells of a class of the query; of numbers it always does."""
    return not support.classes or bool(np.isin(query.y, support.y).any())


def resample(
    support: Table,
    query: Table,
    sizes: tuple[int, int],
    rng: np.random.Generator,
    min_query: float,
    at_least: int = 2,
) -> tuple[Table, Table] | None:
    """Bootstrap support and query to ``sizes``, with no row of features in both.

    Returns None if less than a share ``min_query`` of the query's rows is left once those that
    stand in the bootstrapped support are out. The support keeps ``at_least`` so many classes, or
    values of a numeric target.
    """
    support = support.take(bootstrap_rows(support.y, sizes[0], rng, at_least))
    unseen = np.flatnonzero(~np.isin(query.row_keys(), support.row_keys()))
    if len(unseen) < max(1.0, min_query * len(query)):
        return None
    return support, query.take(rng.choice(unseen, size=sizes[1]))


def bootstrap_rows(y: np.ndarray, n: int, rng: np.random.Generator, at_least: int) -> np.ndarray:
    """Draw ``n`` row positions with replacement, from ``at_least`` classes or as many as fit.

    Each value of a numeric target counts as a class. A draw of too few classes is not repeated,
    which might never end, but mended: one row of each class, in random order, takes the place of
    the first drawn.
    """
    rows = rng.integers(len(y), size=n)
    if len(np.unique(y[rows])) < at_least:
        one_each = [rng.choice(np.flatnonzero(y == label)) for label in np.unique(y)]
        mended = rng.permutation(one_each)[:n]
        rows[: len(mended)] = mended
        rows = rng.permutation(rows)
    return rows


def quantile_cuts(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Observed values at which to cut into at most ``n_bins`` bins, none of them empty.

    A value that equals a cut belongs to the bin above it.
    """
    if not len(values):
        return values
    inner = np.arange(1, n_bins) / n_bins
    cuts = np.unique(np.quantile(values, inner, method="higher"))
    return cuts[cuts > values.min()]


def with_target(table: Table, column: str, labels: list[str], y: np.ndarray) -> Table:
    """The rows with a new target, ``column``; the old one is a feature of its own kind.

    ``y`` are codes of the labels, −1 where missing, or without labels numbers, NaN where missing.
    """
    old = table.target
    while old in table.X.columns:  # a target may bear the name of a feature
        old += "_"
    X = table.X.drop(columns=column)
    kind: Kind = "categorical" if labels else "numeric"
    X[old] = pd.Categorical.from_codes(table.y, pd.Index(table.classes)) if labels else table.y
    kinds = {**{c: k for c, k in table.kinds.items() if c != column}, old: kind}
    known = np.flatnonzero(y >= 0 if labels else ~np.isnan(y))
    return replace(
        table,
        X=X.iloc[known],
        y=y[known],
        kinds=kinds,
        classes=tuple(labels),
        target=column,
    )
