"""Tasks drawn from what mitra-nano was pre-trained on; the control for more training of any kind.

It reads nothing of the real rows but how many they are, and how many columns and classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import numpy as np
import pandas as pd

from bench.generator import NotApplicable, TaskGenerator
from bench.table import Kind, Table
from generators.prior.settings import (
    ClassPrior,
    ClassSettings,
    ValuePrior,
    ValueSettings,
    made,
)
from generators.prior.tables import draw_table, is_tame
from generators.prior.targets import ClassTarget, Target, ValueTarget

FEWEST = 2, 32  # features and rows that the prior's mechanisms are drawn for; what is over is cut
REDRAWS = 1000  # a few suffice; the bound is there so that no task is waited for in vain


class PretrainingPrior(TaskGenerator):
    """Each task a fresh synthetic table, as large as the real task whose place it takes.

    Support and query have as many rows as they came with, features (two at least, which the
    prior's mechanisms ask for) and classes of the support (at most as many as the prior knows; of
    those a drawn table may show fewer, as in pre-training). All features are numeric, as the prior
    codes levels too. A query row that also stands in the support is passed over for the next one
    that doesn't; a table of so few levels that too few are left is drawn anew.

    `sample` puts such a table under the schema of the fitted one: levels by their order, classes
    by their codes. It means nothing there, and leaves the ranges of the training rows.

    Parameters
    ----------
    classes, numbers : mapping
        The prior of tables whose target is a class, and of those whose target is a number
        (`generators.prior.settings`).

    References
    ----------
    ``scripts/pretrain_nano.py`` for the pre-training, from whose last steps the settings are.
    """

    problems = ("classification", "regression")
    stays_in_range = False
    keeps_classes = False

    def __init__(self, classes: ClassSettings, numbers: ValueSettings) -> None:
        self.classes = classes
        self.numbers = numbers

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Keep the schema for `sample`; nothing is learnt and nothing drawn.

        Raises
        ------
        NotApplicable
            If the rows are of fewer than two classes, or of one value of a numeric target.
        """
        if len(np.unique(table.y)) < 2:
            of = "classes" if table.classes else "values of the target"
            raise NotApplicable(f"A task of the pre-training prior has at least two {of}.")
        self.table_ = table
        return self

    def task(self, support: Table, query: Table, rng: np.random.Generator) -> tuple[Table, Table]:
        """Draw a task as large as the real one.

        Raises
        ------
        NotApplicable
            If the rows are too few for a task, or no table that was drawn makes one.
        """
        if len(support) < 2 or not len(query):
            raise NotApplicable("A task of the pre-training prior has a query, two support rows.")
        for X, y in self._drawn(support, len(support) + 2 * len(query), rng):
            rows = _as_table(X, y, support)
            made, asked = _parted(rows, len(support), len(query))
            labels = np.concatenate([made.y, asked.y])
            if len(asked) == len(query) and self._target(support).usable(labels, len(made)):
                return made, asked
        raise NotApplicable(f"Of {REDRAWS} tables of the pre-training prior none made a task.")

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows of one table of the prior under the schema of the fitted table."""
        table = self.table_
        X, y = next(self._drawn(table, n, rng))
        known = np.unique(table.y)
        columns = {
            column: _under(table, column, X[:n, j]) for j, column in enumerate(table.X.columns)
        }
        frame = pd.DataFrame(columns, index=range(n))
        return table.with_rows(frame, known[y[:n] % len(known)] if table.classes else y[:n])

    def _drawn(
        self, like: Table, n: int, rng: np.random.Generator
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Tables of ``n`` rows, or a few more, and as many features and classes."""
        target = self._target(like)
        features, rows = (max(a, b) for a, b in zip(FEWEST, (like.n_features, n), strict=True))
        for _ in range(REDRAWS):
            X, y = draw_table(rng, rows, features, target)
            if is_tame(X) and np.isfinite(y).all():
                yield X.astype(np.float64), y

    def _target(self, like: Table) -> Target:
        if not like.classes:
            return ValueTarget(made(ValuePrior, self.numbers))
        prior = made(ClassPrior, self.classes)
        most = len(prior.class_weights) + 1
        return ClassTarget(min(max(2, len(np.unique(like.y))), most), prior)


def _as_table(X: np.ndarray, y: np.ndarray, like: Table) -> Table:
    """Rows of the prior under a schema of their own."""
    names = [f"feature {j + 1}" for j in range(X.shape[1])]
    kinds: dict[str, Kind] = dict.fromkeys(names, "numeric")
    classes = tuple(f"class {c}" for c in range(int(y.max()) + 1)) if like.classes else ()
    frame = pd.DataFrame(X, columns=names)
    return Table(like.name, frame, y, kinds, classes, target="target", domain=like.domain)


def _parted(rows: Table, n_support: int, n_query: int) -> tuple[Table, Table]:
    """The first rows, and the next ones of which none stands among these: fewer if there are."""
    keys = rows.row_keys()
    new = n_support + np.flatnonzero(~np.isin(keys[n_support:], keys[:n_support]))
    return rows.take(range(n_support)), rows.take(new[:n_query])


def _under(table: Table, column: str, values: np.ndarray) -> pd.Series:
    """A column of the prior as one of the table's: its ranks for levels, whole for integers."""
    if table.kinds[column] != "categorical":
        return pd.Series(values)
    levels = table.X[column].cat.categories
    if not len(levels):
        return pd.Series([None] * len(values), dtype=object)
    codes = np.unique(values, return_inverse=True)[1] % len(levels)
    return pd.Series(levels.to_numpy(dtype=object)[codes])
