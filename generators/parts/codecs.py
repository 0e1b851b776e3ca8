"""Columns as models of numbers read them: standardised numbers, one-hot levels, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.table import Table


def raw_values(table: Table) -> np.ndarray:
    """Numbers and level codes of a table, NaN where missing, shape (n_rows, n_features)."""
    columns = [
        table.X[c].cat.codes.to_numpy(dtype=np.float64)
        if kind == "categorical"
        else table.X[c].to_numpy()
        for c, kind in table.kinds.items()
    ]
    values = np.column_stack(columns) if columns else np.empty((len(table), 0))
    for i, kind in enumerate(table.kinds.values()):
        if kind == "categorical":
            values[values[:, i] < 0, i] = np.nan
    return values


def is_whole(y: np.ndarray) -> bool:
    """Whether a numeric target holds whole numbers only; it has no kind that would tell."""
    return bool((y == np.round(y)).all())


@dataclass(frozen=True)
class NumberColumn:
    """A numeric or integer column: one standardised column, or none if it is constant."""

    observed: np.ndarray
    unit: float
    mean: float
    std: float
    integer: bool

    @classmethod
    def learn(cls, values: np.ndarray, integer: bool) -> NumberColumn:
        """Learn from values of shape (n_rows,), NaN where missing."""
        observed = values[~np.isnan(values)]
        unit = float(np.abs(observed).max(initial=0.0)) or 1.0  # squares of huge values overflow
        scaled = observed / unit
        varies = len(observed) and observed.min() < observed.max()
        return cls(
            observed=observed,
            unit=unit,
            mean=float(scaled.mean()) if varies else 0.0,
            std=float(scaled.std()) if varies else 0.0,
            integer=integer,
        )

    @property
    def width(self) -> int:
        """How many columns it becomes."""
        return int(self.std > 0)

    def fill(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Observed values, drawn at random, where values are missing."""
        return fill_missing(values, self.observed, rng)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Standardised numbers, shape (n_rows, width)."""
        if not self.width:
            return np.empty((len(values), 0))
        return ((values / self.unit - self.mean) / self.std)[:, None]

    def decode(self, block: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Numbers of standardised ones; those of an integer column are whole."""
        if not self.width:
            return np.full(len(block), self.observed[0] if len(self.observed) else np.nan)
        values = (block[:, 0] * self.std + self.mean) * self.unit
        return np.round(values) if self.integer else values

    def clip(self, values: np.ndarray) -> np.ndarray:
        """Numbers cut to the range of the training rows."""
        return values.clip(self.observed.min(), self.observed.max()) if self.width else values


@dataclass(frozen=True)
class LevelColumn:
    """A categorical column: one-hot columns for its levels, or none if it has one level only.

    ``place[code]`` is the level's one-hot column (−1: it does not occur); ``shares[k]`` the
    training share of each code within one-hot column ``k``.
    """

    observed: np.ndarray
    place: np.ndarray
    shares: np.ndarray

    @classmethod
    def learn(cls, codes: np.ndarray, max_levels: int) -> LevelColumn:
        """Learn from level codes of shape (n_rows,), NaN where missing."""
        observed = codes[~np.isnan(codes)]
        counts = np.bincount(observed.astype(np.int64))
        frequent_first = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
        place = np.full(len(counts), -1)
        place[frequent_first] = np.arange(len(frequent_first)).clip(max=max(max_levels, 2) - 1)
        shares = np.zeros((place.max(initial=-1) + 1, len(counts)))
        shares[place[frequent_first], frequent_first] = counts[frequent_first]
        return cls(observed, place, shares / shares.sum(axis=1, keepdims=True))

    @property
    def width(self) -> int:
        """How many columns it becomes."""
        return len(self.shares) if len(self.shares) > 1 else 0

    def fill(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Observed codes, drawn at random, where codes are missing."""
        return fill_missing(values, self.observed, rng)

    def encode(self, codes: np.ndarray) -> np.ndarray:
        """Indicators of the codes, shape (n_rows, width)."""
        if not self.width:
            return np.empty((len(codes), 0))
        return np.eye(self.width)[self.place[codes.astype(np.int64)]]

    def decode(self, block: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The codes of the largest indicators; where several share one, drawn in their shares."""
        if not self.width:
            return np.full(len(block), self.observed[0] if len(self.observed) else np.nan)
        return draw_each(self.shares[block.argmax(axis=1)], rng).astype(np.float64)

    def clip(self, codes: np.ndarray) -> np.ndarray:
        """The codes as they are: none lies outside."""
        return codes


def fill_missing(values: np.ndarray, observed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Replace NaN by observed values drawn at random; nothing to draw from leaves NaN."""
    absent = np.isnan(values)
    if not absent.any() or not len(observed):
        return values
    filled = values.copy()
    filled[absent] = rng.choice(observed, size=int(absent.sum()))
    return filled


def draw_each(probability: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One position from each row of probabilities of shape (n, k), shape (n,)."""
    cumulative = np.cumsum(probability, axis=1)
    points = rng.random((len(probability), 1)) * cumulative[:, -1:]
    return (points >= cumulative).sum(axis=1).clip(max=probability.shape[1] - 1)
