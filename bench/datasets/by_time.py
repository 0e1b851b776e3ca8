"""Splits by time: what is tested lies after what is trained on, in windows that expand.

The rows in order of time are cut into one span more than there are folds, as equal in rows as ties
allow: rows of one time stay together. Fold *i* trains on the spans 0 … *i* and tests on span
*i* + 1; rows after that stand in no part. Of the training rows the latest are the validation part.
"""

from __future__ import annotations

import numpy as np

from bench.errors import TableError
from bench.table import Table


def windows(
    times: np.ndarray, fold: int, n_folds: int, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of the training, validation and test rows, ascending."""
    order = np.argsort(times, kind="stable")
    # Places between two times, as numbers of rows before them.
    places = np.flatnonzero(np.diff(times[order])) + 1
    cuts = [*_cuts(places, len(times), n_folds), len(times)]
    start, end = cuts[fold], cuts[fold + 1]
    wanted = start - max(int(np.ceil(share * start - 1e-9)), 1)
    held_out = _nearest(places[places < start], wanted)
    train, validation, test = order[:held_out], order[held_out:start], order[start:end]
    return np.sort(train), np.sort(validation), np.sort(test)


def latest(times: np.ndarray, share: float) -> np.ndarray:
    """Positions of the latest rows, ascending: a share of them, as near as ties allow.

    There are two different times or more.
    """
    order = np.argsort(times, kind="stable")
    places = np.flatnonzero(np.diff(times[order])) + 1
    wanted = len(times) - max(int(np.ceil(share * len(times) - 1e-9)), 1)
    return np.sort(order[_nearest(places, wanted) :])


def blocks(times: np.ndarray, n: int) -> np.ndarray:
    """One of ``n`` spans of time for each row, shape (n_rows,), as equal in rows as ties allow.

    There are more than ``n`` different times.
    """
    order = np.argsort(times, kind="stable")
    places = np.flatnonzero(np.diff(times[order])) + 1
    of_row = np.empty(len(times), dtype=np.int64)
    of_row[order] = np.searchsorted(
        _cuts(places, len(times), n - 1), np.arange(len(times)), "right"
    )
    return of_row


def _cuts(places: np.ndarray, n_rows: int, n_folds: int) -> list[int]:
    """Where the spans end but the last, found from the last: each leaves room for those before.

    The first span holds two times, one to train on and one to validate on.
    """
    cuts, allowed = [], places
    for fold in reversed(range(n_folds)):
        wanted = n_rows * (fold + 1) / (n_folds + 1)
        cut = _nearest(allowed[fold + 1 :], wanted)
        cuts.append(cut)
        allowed = allowed[allowed < cut]
    return cuts[::-1]


def _nearest(places: np.ndarray, wanted: float) -> int:
    """The place nearest to the one that is wanted; the earlier of two."""
    return int(places[np.argmin(np.abs(places - wanted))])


def ranks(times: np.ndarray) -> np.ndarray:
    """The order of the rows in time, which decides the splits; equal times are equal."""
    return np.unique(times, return_inverse=True)[1].astype(np.int64)


def require_times(table: Table, times: np.ndarray, n_folds: int) -> None:
    """Refuse times of which too few differ.

    Raises
    ------
    TableError
    """
    distinct = len(np.unique(times))
    needed = n_folds + 2  # spans, and a validation part within the first
    if distinct < needed:
        raise TableError(
            f"Dataset '{table.name}': dataset.time tells {distinct} different times; {n_folds} "
            f"folds in which each part lies after the one before need at least {needed}."
        )
