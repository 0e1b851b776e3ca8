"""Splits that keep groups whole: no patient, no customer on both sides."""

from __future__ import annotations

import warnings

import numpy as np

from bench.errors import TableError
from bench.phrases import counted, joined
from bench.seeds import derive
from bench.table import Table


def grouped_folds(table: Table, groups: np.ndarray, repeat: int, n_folds: int) -> np.ndarray:
    """The test fold of each row, shape (n_rows,); classes as even as whole groups allow."""
    return _dealt(_strata(table), groups, n_folds, derive("grouped split", table.name, repeat))


def grouped_validation(
    table: Table, groups: np.ndarray, outer: np.ndarray, index: int, share: float
) -> np.ndarray:
    """Whole groups of the outer training rows, about ``share`` of them; at least one stays.

    They are dealt into as many pieces as the smaller part fits into the whole. The piece is taken
    that costs the training part fewest classes, then the one that holds most, then the nearest in
    size, then the first.
    """
    y, smaller = _strata(table)[outer], min(share, 1 - share)
    most = min(len(np.unique(groups[outer])), int(np.bincount(y).max()))
    n_pieces = max(2, min(round(1 / smaller), most))
    seed = derive("grouped validation", table.name, index)
    piece = _dealt(y, groups[outer], n_pieces, seed)

    def fitness(in_validation: np.ndarray) -> tuple[int, int, float]:
        left, held = np.unique(y[~in_validation]), np.unique(y[in_validation])
        return len(left), len(held), -abs(in_validation.mean() - share)

    ways = [(piece == i) if share <= 0.5 else (piece != i) for i in range(n_pieces)]
    return outer[max(ways, key=fitness)]


def grouped_pieces(
    table: Table, groups: np.ndarray, outer: np.ndarray, index: int, n: int
) -> np.ndarray:
    """One of ``n`` pieces for each outer training row; at most as many as groups."""
    seed = derive("grouped bag", table.name, index, n)
    return _dealt(_strata(table)[outer], groups[outer], n, seed)


def _strata(table: Table) -> np.ndarray:
    """What is to be even in all pieces: the classes, or of a numeric target the rows alone."""
    return np.zeros(len(table), dtype=np.int64) if table.strata is None else table.strata


def _dealt(y: np.ndarray, groups: np.ndarray, n: int, seed: int) -> np.ndarray:
    """One of ``n`` pieces for each row; none is empty, as there are at least as many groups."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_splits=n, shuffle=True, random_state=seed % 2**32)
    pieces = np.empty(len(y), dtype=np.int64)
    with warnings.catch_warnings():  # a class with fewer rows than pieces is told by our own notes
        warnings.simplefilter("ignore", UserWarning)
        for i, (_, chosen) in enumerate(splitter.split(y, y, groups)):
            pieces[chosen] = i
    return pieces


def groups_of_classes(table: Table, groups: np.ndarray) -> dict[str, int]:
    """In how many groups each class stands that has rows."""
    codes = np.unique(table.y)
    return {table.classes[c]: len(np.unique(groups[table.y == c])) for c in codes}


def require_groups(table: Table, groups: np.ndarray, n_folds: int) -> None:
    """Refuse groups that no fold can keep whole.

    Raises
    ------
    TableError
    """
    n_groups = len(np.unique(groups))
    if n_groups < n_folds:
        raise TableError(
            f"Dataset '{table.name}': dataset.groups makes {counted(n_groups, 'group')}; "
            f"{n_folds} folds that keep groups whole need at least {n_folds}."
        )
    if table.strata is None:
        return
    lone = [label for label, n in groups_of_classes(table, groups).items() if n == 1]
    if len(lone) >= len(np.unique(table.y)) - 1:
        of = joined([f"'{label}'" for label in lone], "and")
        raise TableError(
            f"Dataset '{table.name}': class {of} of '{table.target}' stands in one group only, so "
            "no fold that keeps groups whole can train and test on two classes."
        )
