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
WHOLE = 1 << 20  # shares are whole numbers: no last bit decides
MOST_WORDS = 4096  # of a column, by which it is matched
SAMPLE = 500  # rows by which columns are matched
TRIED = 4  # columns of the other table with the most similar values, for one without a namesake


def shared(one: Table, other: Table) -> int:
    """How many distinct rows of one table the other holds too; 0 where that is no more than chance.

    A row is found where the columns that match tell it from all others of its table, and the other
    table has the same values in them. Columns match by name or by their values, one by one, the
    most telling first, as long as rows are found; a target is a column like others. Rows that are
    found although the values of each column are shuffled do not count: of few binary columns all
    are. What a text is coded by, or a number scaled by, is not seen through.

    Parameters
    ----------
    one, other : Table
        Of any problem and size; missing equals missing.

    Returns
    -------
    int
        Above a tenth of the smaller table's distinct rows, and `LEAST_ROWS`; or 0.
    """
    ours, theirs = sorted([_cells(one), _cells(other)], key=lambda c: c.rows.shape[::-1])
    least = max(LEAST_ROWS, LEAST_SHARE * min(len(ours.rows), len(theirs.rows)))
    pairs = _matched(ours, theirs, least)
    # The last ones may be columns of another kind that look alike.
    for n in range(len(pairs), LEAST_COLUMNS - 1, -1):
        left, right = (list(side) for side in zip(*pairs[:n], strict=True))
        found, chance = _found(ours.rows[:, left], _keys(theirs.rows[:, right]))
        if found - chance > least:
            return found
    return 0


@dataclass(frozen=True, eq=False)
class _Cells:
    """A table's distinct rows, a 32-bit word a value."""

    rows: np.ndarray  # (n_rows, n_columns), uint32; in the order of their keys
    names: list[str]  # of the columns, as far as they tell
    words: np.ndarray  # the distinct ones of each column, at most `MOST_WORDS`; sorted
    columns: np.ndarray  # in which each of them stands
    shares: np.ndarray  # of that column's rows that have it, of `WHOLE`
    sizes: np.ndarray  # words of each column


@lru_cache(maxsize=128)
def _cells(table: Table) -> _Cells:
    target = (
        pd.Categorical.from_codes(table.y, pd.Index(table.classes)) if table.classes else table.y
    )
    frame = [*table.X.items(), (table.target, pd.Series(target))]
    told = [(name, words) for name, c in frame if (words := _words(c)).min() < words.max()]
    names = [re.sub(r"[\W_]+", "", str(name).casefold()) for name, _ in told]
    empty = np.empty((len(table), 0), np.uint32)
    stacked = np.column_stack([words for _, words in told] or [empty])
    rows = stacked[np.unique(_keys(stacked), return_index=True)[1]]
    counted = [_counted(column) for column in rows.T]
    sizes = np.array([len(known) for known, _ in counted], dtype=np.int64)
    words = np.concatenate([known for known, _ in counted] or [np.empty(0, np.uint32)])
    shares = np.concatenate([n for _, n in counted] or [np.empty(0, np.int64)])
    columns, order = np.repeat(np.arange(len(sizes)), sizes), np.argsort(words, kind="stable")
    return _Cells(rows, names, words[order], columns[order], shares[order], sizes)


def _counted(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A column's words and their shares; of many, those that any such column would keep."""
    known, counts = np.unique(column, return_counts=True)
    if len(known) > MOST_WORDS:
        kept = np.argsort(_with(np.zeros(len(known), np.uint64), known))[:MOST_WORDS]
        known, counts = known[kept], counts[kept]
    return known, counts * WHOLE // max(1, counts.sum())


def _words(column: pd.Series) -> np.ndarray:
    """What each value says: a number to 24 bits, or a text without its case."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = np.array([_word(str(level)) for level in column.cat.categories], np.uint32)
        return np.append(levels, _bits(np.array([np.nan])))[column.cat.codes]
    return _bits(column.to_numpy(np.float64))


def _word(level: str) -> np.uint32:
    try:
        return np.uint32(_bits(np.array([float(level)]))[0])
    except ValueError:
        text = np.array([level.strip().casefold()], dtype=object)
        return np.uint32(hash_array(text, categorize=False)[0] >> np.uint64(32))


def _bits(numbers: np.ndarray) -> np.ndarray:
    """Numbers as 32 bits; equal ones, and those that are missing, have the same."""
    with np.errstate(over="ignore", invalid="ignore"):
        short = numbers.astype(np.float32) + np.float32(0)
    return np.where(np.isnan(short), np.float32(np.nan), short).view(np.uint32)


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


def _found(values: np.ndarray, known: np.ndarray) -> tuple[int, float]:
    """Rows that are told from all others by these values, and known; and how many by chance."""
    keys, counts = np.unique(_keys(values), return_counts=True)
    told = keys[counts == 1]
    shuffled = seeds.generator("alike").permuted(values, axis=0)
    chance = np.isin(np.unique(_keys(shuffled)), known).mean() * len(told)
    return int(np.isin(told, known).sum()), float(chance)


def _matched(ours: _Cells, theirs: _Cells, least: float) -> list[tuple[int, int]]:
    """Pairs of columns, such that most rows are found by them."""
    likeness = _likeness(ours, theirs)
    here, there = ours.rows[:: -(-len(ours.rows) // SAMPLE)], theirs.rows
    enough = len(here) * least / len(ours.rows) / 2  # a sample may hold fewer
    keys, known = np.zeros(len(here), np.uint64), np.zeros(len(there), np.uint64)
    pairs: list[tuple[int, int]] = []
    for i in _order(ours, theirs, likeness):
        best, most = None, enough
        for j in _candidates(ours, theirs, likeness, i, {j for _, j in pairs}):
            one, other = _with(keys, here[:, i]), _with(known, there[:, j])
            found = np.isin(one, other)
            if found.sum() > most:
                best, most = (j, one, other, found), found.sum()
        if best is not None:
            j, one, other, found = best
            pairs.append((i, j))
            both = np.isin(other, one)  # no other row is ever found again
            here, keys, there, known = here[found], one[found], there[both], other[both]
    return pairs


def _order(ours: _Cells, theirs: _Cells, likeness: np.ndarray) -> list[int]:
    """The columns: first those with a namesake, then those that tell most of the same."""
    doublings = np.frexp(ours.sizes)[1] - 1  # log2, whole: exact on every processor
    telling = likeness.max(axis=1, initial=0) * doublings
    strange = [name not in theirs.names for name in ours.names]
    return sorted(range(len(strange)), key=lambda i: (strange[i], -telling[i]))


def _candidates(
    ours: _Cells, theirs: _Cells, likeness: np.ndarray, i: int, taken: set[int]
) -> list[int]:
    """Columns of the other table that may be this one: of its name, else with such values."""
    free = [int(j) for j in np.flatnonzero(likeness[i]) if j not in taken]
    namesakes = [j for j in free if theirs.names[j] == ours.names[i]]
    return namesakes or sorted(free, key=lambda j: -likeness[i, j])[:TRIED]


def _likeness(ours: _Cells, theirs: _Cells) -> np.ndarray:
    """What the distributions of two columns have in common, of `WHOLE`.

    Shape (n_columns, n_columns of the other), whole numbers; 0 where few values are the same.
    """
    # Each place of a word in one table with each of the same word in the other.
    begin, end = (np.searchsorted(theirs.words, ours.words, side) for side in ("left", "right"))
    n = end - begin
    left = np.repeat(np.arange(len(n)), n)
    right = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + np.repeat(begin, n)
    shape = len(ours.sizes), len(theirs.sizes)
    pairs = ours.columns[left] * shape[1] + theirs.columns[right]
    common = np.minimum(ours.shares[left], theirs.shares[right])
    size = shape[0] * shape[1]
    found = np.bincount(pairs, common, size).astype(np.int64).reshape(shape)  # exact: whole numbers
    both = np.bincount(pairs, minlength=size).reshape(shape)
    least = np.minimum(ours.sizes[:, None], theirs.sizes[None, :]) * LEAST_SHARE
    return np.where(both >= np.maximum(2, least), found, 0)
