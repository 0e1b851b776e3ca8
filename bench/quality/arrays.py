"""A table as arrays: numbers, and level codes that another table's levels may decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from bench.magnitude import Magnitude
from bench.table import Table

LEAST, LARGEST = 1e-150, 1e150  # of a number whose squares can be added up in float64


@dataclass(frozen=True, eq=False)
class Columns:
    """A table as two arrays.

    Attributes
    ----------
    numbers : ndarray of float64, shape (n_rows, n_numeric)
        Missing is NaN; a numeric target, if it is there, is the last column. Their squares have a
        finite sum that is not 0: a column of another magnitude is read by a monotone map of it
        (`bench.magnitude`).
    codes : ndarray of int64, shape (n_rows, n_categorical)
        0 is missing or unknown; classes, if they are there, are the last column.
    sizes : tuple of int
        Codes that each categorical column may hold.
    """

    numbers: np.ndarray
    codes: np.ndarray
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, table: Table, like: Table | None = None, target: bool = True) -> Self:
        """A table's columns, coded by the levels of ``like``; by its own without."""
        like = table if like is None else like
        codes, sizes = [], []
        for column in like.categorical:
            levels = like.X[column].cat.categories
            text = table.X[column].astype(object)
            codes.append(pd.Categorical(text, categories=levels).codes.astype(np.int64) + 1)
            sizes.append(len(levels) + 1)
        if target and table.classes:
            codes.append(table.y + 1)
            sizes.append(table.n_classes + 1)
        return cls(
            _numbers(table, like, target and not table.classes),
            np.stack(codes, axis=1) if codes else np.zeros((len(table), 0), dtype=np.int64),
            tuple(sizes),
        )

    def one_hot(self) -> tuple[np.ndarray, np.ndarray]:
        """Indicators of all codes, shape (n_rows, Σ sizes), and the column each belongs to."""
        blocks = [np.eye(size)[c] for c, size in zip(self.codes.T, self.sizes, strict=True)]
        owner = np.repeat(np.arange(len(self.sizes)), self.sizes)
        return np.concatenate([np.zeros((len(self.codes), 0)), *blocks], axis=1), owner

    def side_by_side(self) -> np.ndarray:
        """Numbers, then codes as numbers, shape (n_rows, n_numeric + n_categorical)."""
        return np.concatenate([self.numbers, self.codes.astype(np.float64)], axis=1)


def _numbers(table: Table, like: Table, target: bool) -> np.ndarray:
    # Changed in place: the order in which an array lies in memory decides how its sums round.
    numbers = np.array(table.X[like.numeric].to_numpy(dtype=np.float64), order="K")
    for i, column in enumerate(like.numeric):
        magnitude = Magnitude.of(like.X[column].to_numpy(), LEAST, LARGEST)
        numbers[:, i] = magnitude(numbers[:, i])
    if not target:
        return numbers
    return np.column_stack([numbers, Magnitude.of(like.y, LEAST, LARGEST)(table.y)])


class Standardizer:
    """Standardized numbers (the mean for a missing one) and one-hot levels, as fitted rows say.

    Levels are not scaled, so that a rare one does not outweigh everything else.
    """

    def __init__(self, fitted: Columns) -> None:
        present = ~np.isnan(fitted.numbers)
        count = np.maximum(present.sum(axis=0), 1)
        self.mean = np.where(present, fitted.numbers, 0).sum(axis=0) / count
        squares = np.where(present, (fitted.numbers - self.mean) ** 2, 0).sum(axis=0) / count
        self.deviation = np.where(squares > 0, np.sqrt(squares), 1.0)

    def __call__(self, columns: Columns) -> np.ndarray:
        """Rows as numbers, shape (n_rows, n_numeric + Σ sizes)."""
        numbers = np.nan_to_num((columns.numbers - self.mean) / self.deviation)
        return np.concatenate([numbers, columns.one_hot()[0]], axis=1)


def at_most(table: Table, n: int, rng: np.random.Generator) -> Table:
    """The table, or n of its rows, drawn at random and in their order."""
    if len(table) <= n:
        return table
    return table.take(np.sort(rng.choice(len(table), size=n, replace=False)))
