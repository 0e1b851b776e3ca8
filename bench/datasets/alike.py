"""Whether two tables hold the same rows, whatever their columns are called and in whatever order.

Values are compared by what they say: 3, 3.0 and "3" are one. Rescaled numbers are others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from pandas.util import hash_array

from bench import seeds
from bench.table import Table

LEAST_SHARE = 0.1  # of the smaller table's distinct rows; more of them in both is no chance
LEAST_ROWS = 10
LEAST_COLUMNS = 3  # matched ones
SAMPLE = 2000  # rows by which columns are matched
TRIED = 4  # columns of the other table with the most similar values, for one without a namesake
_MISSING = np.uint64(2**63)  # no number: those have 32 bits; hashes are made odd


def shared(one: Table, other: Table) -> int:
    """How many distinct rows of one table the other holds too; 0 where that is no more than chance.

    A row is found where the columns that match tell it from all others of its table, and the other
    table has the same values in them. Columns match by name or by their values, one by one, the
    most telling first, as long as rows are found. Rows that are found although the values of each
    column are shuffled are taken off: few binary columns agree by chance. Targets are left out.

    Parameters
    ----------
    one, other : Table
        Of any problem and size; missing equals missing.

    Returns
    -------
    int
        Above a tenth of the smaller table's distinct rows, and `LEAST_ROWS`; or 0.
    """
    ours, theirs = sorted([_cells(one), _cells(other)], key=lambda cells: len(cells.names))
    least = max(LEAST_ROWS, LEAST_SHARE * min(len(ours.rows), len(theirs.rows)))
    pairs = _matched(ours, theirs, least)
    if len(pairs) < LEAST_COLUMNS:
        return 0
    left, right = (list(side) for side in zip(*pairs, strict=True))
    known = _keys(theirs.rows[:, right])
    found = _found(ours.rows[:, left], known)
    rng = seeds.generator("alike")
    chance = _found(rng.permuted(ours.rows[:, left], axis=0), known)
    return found if found - chance > least else 0


@dataclass(frozen=True, eq=False)
class _Cells:
    """A table's distinct rows, a 64-bit word a value."""

    rows: np.ndarray  # (n_rows, n_columns), uint64
    names: list[str]
    known: list[np.ndarray]  # each column's distinct words, sorted
    shares: list[np.ndarray]  # of the rows, that have each of them


@lru_cache(maxsize=128)
def _cells(table: Table) -> _Cells:
    words = [_words(table.X[column]) for column in table.X.columns]
    varied = [i for i, column in enumerate(words) if len(np.unique(column)) > 1]
    names = [re.sub(r"[\W_]+", "", str(table.X.columns[i]).casefold()) for i in varied]
    stacked = np.column_stack([words[i] for i in varied]) if varied else np.empty((len(table), 0))
    rows = stacked.astype(np.uint64)[np.unique(_keys(stacked), return_index=True)[1]]
    counted = [np.unique(column, return_counts=True) for column in rows.T]
    return _Cells(rows, names, [known for known, _ in counted], [n / len(rows) for _, n in counted])


def _words(column: pd.Series) -> np.ndarray:
    """What each value says: a number to 24 bits, or a text without its case."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = np.array([_word(str(level)) for level in column.cat.categories], dtype=np.uint64)
        return np.append(levels, _MISSING)[column.cat.codes]
    numbers = column.to_numpy(np.float64)
    return np.where(np.isnan(numbers), _MISSING, _number(numbers))


def _word(level: str) -> np.uint64:
    try:
        return np.uint64(_number(np.array([float(level)]))[0])
    except ValueError:
        text = np.array([level.strip().casefold()], dtype=object)
        return np.uint64(hash_array(text, categorize=False)[0] | np.uint64(1 << 40))


def _number(numbers: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return (numbers + 0.0).astype(np.float32).view(np.uint32).astype(np.uint64)


def _keys(values: np.ndarray) -> np.ndarray:
    """One 64-bit key a row, shape (n_rows,)."""
    keys = np.zeros(len(values), dtype=np.uint64)
    for column in values.T:
        keys = _with(keys, column)
    return keys


def _with(keys: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Keys with one more value each; splitmix64's finalizer (Steele, Lea and Flood, 2014)."""
    mixed = keys * np.uint64(0x9E3779B97F4A7C15) + column.astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _found(values: np.ndarray, known: np.ndarray) -> int:
    """Rows that are told from all others by these values, and are known."""
    keys, counts = np.unique(_keys(values), return_counts=True)
    return int(np.isin(keys[counts == 1], known).sum())


def _matched(ours: _Cells, theirs: _Cells, least: float) -> list[tuple[int, int]]:
    """Pairs of columns, such that most rows are found by them."""
    sample = ours.rows[:: max(1, len(ours.rows) // SAMPLE)]  # sorted by their keys: any of them
    enough = least * len(sample) / max(1, len(ours.rows))
    pairs: list[tuple[int, int]] = []
    here, there = np.zeros(len(sample), np.uint64), np.zeros(len(theirs.rows), np.uint64)
    strange = [name not in theirs.names for name in ours.names]
    for i in sorted(range(len(strange)), key=lambda i: (strange[i], -len(ours.known[i]))):
        best = None
        for j in _candidates(ours, theirs, i, {j for _, j in pairs}):
            tried = _with(here, sample[:, i]), _with(there, theirs.rows[:, j])
            n = int(np.isin(tried[0], tried[1]).sum())
            if n > enough and (best is None or n > best[0]):
                best = (n, j, tried)
        if best is not None:
            _, j, (here, there) = best
            pairs.append((i, j))
    return pairs


def _candidates(ours: _Cells, theirs: _Cells, i: int, taken: set[int]) -> list[int]:
    """Columns of the other table that may be this one: of its name, else with such values."""
    free = [j for j in range(len(theirs.names)) if j not in taken]
    alike = {j: _overlap(ours, theirs, i, j) for j in free}
    alike = {j: share for j, share in alike.items() if share > 0}
    namesakes = [j for j in alike if theirs.names[j] == ours.names[i]]
    return namesakes or sorted(alike, key=lambda j: -alike[j])[:TRIED]


def _overlap(ours: _Cells, theirs: _Cells, i: int, j: int) -> float:
    """The rows' share that two columns' distributions have in common; 0 where they do not match."""
    both, left, right = np.intersect1d(
        ours.known[i], theirs.known[j], assume_unique=True, return_indices=True
    )
    if len(both) < max(2, LEAST_SHARE * min(len(ours.known[i]), len(theirs.known[j]))):
        return 0.0
    return float(np.minimum(ours.shares[i][left], theirs.shares[j][right]).sum())
