"""Tables without holes, for models that take none: missing values filled, and put back after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from bench.generator import NotApplicable
from bench.table import Table
from generators.parts.codecs import LevelColumn, NumberColumn, is_whole, raw_values

LABEL = "label"  # the target's column beside those of `Completion.compact`
ALL = 10**6  # levels: none of them shares a one-hot column


@dataclass(frozen=True)
class Completion:
    """What is needed to complete a table's rows, and to make rows of its schema of complete ones.

    A missing value is filled with an observed value of its column, drawn at random, which keeps the
    column's distribution. A complete row holds numbers and level codes.

    Attributes
    ----------
    schema : Table
        The table without its rows.
    columns : tuple
        One a feature; a constant one has no ``width``.
    missing_rates : ndarray of shape (n_features,)
    target : NumberColumn or None
        A numeric target; None where there are classes.
    """

    schema: Table
    columns: tuple[NumberColumn | LevelColumn, ...]
    missing_rates: np.ndarray
    target: NumberColumn | None

    @classmethod
    def learn(cls, table: Table, who: str, max_levels: int = ALL) -> Self:
        """Learn from the training rows.

        Where a column has more than ``max_levels`` levels, its rarest share a one-hot column.

        Raises
        ------
        NotApplicable
            In the name of ``who``, if there are rows of fewer than two classes, a numeric target
            does not vary, or no feature does.
        """
        if len(np.unique(table.y)) < 2:
            needed = "of at least two classes" if table.classes else "whose target varies"
            raise NotApplicable(f"{who} needs training rows {needed}.")
        values = raw_values(table)
        columns = tuple(
            LevelColumn.learn(values[:, i], max_levels)
            if kind == "categorical"
            else NumberColumn.learn(values[:, i], kind == "integer")
            for i, kind in enumerate(table.kinds.values())
        )
        if not any(column.width for column in columns):
            raise NotApplicable(f"{who} needs at least one feature that varies.")
        target = None if table.classes else NumberColumn.learn(table.y, is_whole(table.y))
        return cls(table.take([]), columns, np.isnan(values).mean(axis=0), target)

    def encode_y(self, y: np.ndarray) -> np.ndarray:
        """The target as a column beside those of `compact`: class codes, standardised numbers."""
        return y if self.target is None else self.target.encode(y)[:, 0]

    def decode_y(self, values: np.ndarray, clip: bool = True) -> np.ndarray:
        """Targets of such a column; numbers whole where all training rows' are."""
        if self.target is None:
            return values.astype(np.int64)
        y = self.target.decode(values.astype(np.float64)[:, None])
        return self.target.clip(y) if clip else y

    @property
    def levels(self) -> list[str]:
        """The categorical columns of `compact` frames."""
        kinds = self.schema.kinds.values()
        return [
            f"x{i}" for i, kind in enumerate(kinds) if kind == "categorical" and self._varies(i)
        ]

    def _varies(self, i: int) -> bool:
        return self.columns[i].width > 0

    def fill(self, table: Table, rng: np.random.Generator) -> np.ndarray:
        """Complete rows, shape (n_rows, n_features); a column without any value stays missing."""
        values = raw_values(table)
        return np.column_stack(
            [column.fill(values[:, i], rng) for i, column in enumerate(self.columns)]
        )

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Standardised numbers and one-hot levels of complete rows, shape (n_rows, width)."""
        return np.hstack([c.encode(values[:, i]) for i, c in enumerate(self.columns)])

    def decode(self, Z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Complete rows from encoded ones; a one-hot block becomes its highest level."""
        ends = np.cumsum([column.width for column in self.columns])
        return np.column_stack(
            [
                column.decode(Z[:, end - column.width : end], rng)
                for column, end in zip(self.columns, ends, strict=True)
            ]
        )

    def compact(self, values: np.ndarray) -> pd.DataFrame:
        """Columns ``x0``, ``x1``, … of features that vary: standardised numbers, level codes."""
        varying = [i for i in range(len(self.columns)) if self._varies(i)]
        return pd.DataFrame(
            {
                f"x{i}": values[:, i].astype(np.int64)
                if f"x{i}" in self.levels
                else self.columns[i].encode(values[:, i])[:, 0]
                for i in varying
            }
        )

    def spread(self, frame: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
        """Complete rows from `compact` ones."""
        values = []
        for i, column in enumerate(self.columns):
            if f"x{i}" in self.levels:
                values.append(frame[f"x{i}"].to_numpy(dtype=np.float64))
            elif self._varies(i):
                block = frame[f"x{i}"].to_numpy(dtype=np.float64)[:, None]
                values.append(column.decode(block, rng))
            else:
                values.append(column.decode(np.empty((len(frame), 0)), rng))
        return np.column_stack(values)

    def holes(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Values to go missing, at each column's training rate, shape (n, n_features), bool."""
        return rng.random((n, len(self.columns))) < self.missing_rates

    def clip(self, values: np.ndarray) -> np.ndarray:
        """Complete rows in the training range."""
        return np.column_stack([c.clip(values[:, i]) for i, c in enumerate(self.columns)])

    def table(self, values: np.ndarray, y: np.ndarray, holes: np.ndarray) -> Table:
        """Complete rows under the table's schema, with these holes."""
        frame: dict[str, np.ndarray | pd.Categorical] = {}
        for i, (name, kind) in enumerate(self.schema.kinds.items()):
            kept = np.where(holes[:, i], np.nan, values[:, i])
            if kind == "categorical":
                codes = np.nan_to_num(kept, nan=-1.0).astype(np.int64)
                frame[name] = pd.Categorical.from_codes(codes, self.schema.X[name].cat.categories)
            else:
                frame[name] = kept
        return self.schema.with_rows(pd.DataFrame(frame, index=range(len(y))), y)
