"""Leak-free support/query splits: rows that share all their features never stand on both sides.

Nor do rows of one group, where the training rows have groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.table import Table

Strata = np.ndarray | None  # the class code of each row; None where the target is a number


class TaskError(ValueError):
    """No task can be made of these rows; the message says why in one sentence."""


@dataclass(frozen=True, eq=False)
class Sides:
    """Which row keys stand on one side of a task: equal ones, and those of one group.

    Two groups that share a row, or copies of one, are as one.

    Attributes
    ----------
    known : ndarray of uint64
        The keys of grouped training rows, ascending; none without groups.
    first : ndarray of uint64
        For each of them the smallest that it stands with.
    """

    known: np.ndarray
    first: np.ndarray

    @classmethod
    def of(cls, train: Table) -> Sides:
        """What a training part's groups ask for."""
        if train.groups is None:
            return cls(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint64))
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        known, key = np.unique(train.lineage(), return_inverse=True)
        codes, group = np.unique(train.groups, return_inverse=True)
        size = len(known) + len(codes)
        edges = coo_array((np.ones(len(key)), (key, len(known) + group)), shape=(size, size))
        parts = connected_components(edges, directed=False)[1][: len(known)]
        _, smallest, part = np.unique(parts, return_index=True, return_inverse=True)
        return cls(known, known[smallest[part]])

    def keys(self, table: Table) -> np.ndarray:
        """A key a row, shape (n_rows,), uint64: rows with one key stand on one side."""
        keys = table.lineage()
        if not len(self.known):
            return keys
        place = np.minimum(np.searchsorted(self.known, keys), len(self.known) - 1)
        return np.where(self.known[place] == keys, self.first[place], keys)


class GroupedSplit:
    """Random stratified splits of rows into support and query, copies kept together.

    Rows are copies of each other if their keys (`Sides.keys`) are equal, whatever their labels: a
    group is dealt out as a whole, under the class of its first row. Rows of a numeric target are
    dealt out as if they were of one class.

    Parameters
    ----------
    keys : ndarray of uint64, shape (n_rows,)
    strata : ndarray of int, shape (n_rows,), or None
        `bench.table.Table.strata`.
    query_share : float
        Aimed-at share of each class's rows in the query part.

    Raises
    ------
    TaskError
        If there is no split to ask about: the rows are of one class, or share all their features,
        or what is taken out as a query leaves one class, or none of its own, in the support; of a
        numeric target if it leaves a single row.
    """

    def __init__(self, keys: np.ndarray, strata: Strata, query_share: float) -> None:
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        if strata is not None and len(np.unique(strata)) < 2:
            raise TaskError("All rows are of one class, so there is nothing to learn from them.")
        if len(first) < 2:
            raise TaskError("All rows share the same features, so no query row is new.")
        self._strata = strata
        self._group = group
        self._sizes = np.bincount(group)
        y = np.zeros(len(keys), dtype=np.int64) if strata is None else strata
        self._class_of_group = y[first]
        self._staying = 2 if strata is None else 1  # groups of a class that are never dealt out
        self._query_share = query_share
        self._holders = [np.unique(group[y == label]) for label in np.unique(y)]
        self._spare = self._spare_groups()
        if not len(self._spare):
            raise TaskError(
                "There are two rows, and without the one that is asked about a single one is left."
                if strata is None
                else "Each class has a single distinct row, so no query row is of a class that the "
                "support rows still hold."
            )

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the support and of the query rows, each in random order.

        The support begins with one row of every class that it holds, so that any prefix that is
        long enough knows all of them. Every class has a row in the support, unless each group is
        the only one to hold some class; two have, and some query row is of a class in the support.
        Of a numeric target it has two rows, and there is a query row.
        """
        in_query = np.zeros(len(self._sizes), dtype=bool)
        for label in np.unique(self._class_of_group):
            groups = rng.permutation(np.flatnonzero(self._class_of_group == label))
            groups = groups[: -self._staying]
            rows = self._sizes[self._class_of_group == label].sum()
            filled = np.cumsum(self._sizes[groups])
            in_query[groups[filled <= max(1, round(self._query_share * rows))]] = True
        for holders in self._holders:
            if in_query[holders].all():  # a class that no group is dealt out under
                in_query[rng.choice(holders)] = False
        if not in_query.any():
            in_query[self._smallest_spare_group(rng)] = True
        query_row = in_query[self._group]
        support = rng.permutation(np.flatnonzero(~query_row))
        query = rng.permutation(np.flatnonzero(query_row))
        return lead_with_each_class(support, self._strata), query

    def _smallest_spare_group(self, rng: np.random.Generator) -> int:
        """A group to ask about when every class has a single one, or too large ones."""
        order = rng.permutation(self._spare)
        return int(order[np.argmin(self._sizes[order])])

    def _spare_groups(self) -> np.ndarray:
        """Groups that can be a query by themselves; if there are any, those that cost no class."""
        if self._strata is None:
            return np.flatnonzero(self._sizes.sum() - self._sizes >= 2)
        sole = [holders[0] for holders in self._holders if len(holders) == 1]
        dispensable = np.setdiff1d(np.arange(len(self._sizes)), np.array(sole, dtype=int))
        # Each group is the only one to hold some class: one that holds another class, too, can be
        # asked about that, if two classes are left.
        shared = [holders for holders in self._holders if len(holders) > 1]
        lost = np.bincount(np.array(sole, dtype=int), minlength=len(self._sizes))
        left = len(self._holders) - lost
        answerable = np.unique(np.concatenate([np.zeros(0, dtype=int), *shared]))
        return dispensable if len(dispensable) else answerable[left[answerable] >= 2]


def by_appearance(keys: np.ndarray) -> np.ndarray:
    """Keys as numbers from 0 in the order in which they appear, equal where they are equal.

    A key is a hash of a row. Made rows differ in their last bits from processor to processor, and
    what is drawn must not: dealt out in the order of hashes, they would make other tasks on each.

    >>> by_appearance(np.array([907, 3, 907, 512]))
    array([0, 1, 0, 2])
    """
    return pd.factorize(keys)[0]


def lead_with_each_class(rows: np.ndarray, strata: Strata) -> np.ndarray:
    """Reorder: first one row of each class, then the others, each in the order given."""
    if strata is None:
        return rows
    _, leaders = np.unique(strata[rows], return_index=True)
    rest = np.setdiff1d(np.arange(len(rows)), leaders)
    return rows[np.concatenate([np.sort(leaders), rest])]
