"""TabArena's split protocol: which rows train, which stop the training, which are the test.

10 repeats of stratified 3-fold cross-validation. Split *i* is repeat ``i // 3``, fold ``i % 3``;
two thirds of the rows are the outer training part, one third the test. The validation part is a
stratified 20 % of the outer training part, and the inner training part is what remains. Rows of a
numeric target are dealt out likewise, by the same seeds, without strata.

A table that comes with its source's own folds (`bench.table.Table.folds`: an OpenML task's) is
split by them, in the same order: split *i* is repeat ``i // n_folds``, fold ``i % n_folds``.

One whose rows belong to groups (``Table.groups``) has as many repeats and folds, and no group
stands in two parts of one (`bench.datasets.by_group`). One whose rows have times (``Table.times``)
has three windows that expand in time, and no repeats (`bench.datasets.by_time`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.datasets.by_group import grouped_folds, grouped_validation, require_groups
from bench.datasets.by_time import latest, ranks, require_times, windows
from bench.errors import TableError
from bench.files import sha256
from bench.phrases import counted
from bench.seeds import derive, generator
from bench.table import Table

N_REPEATS = 10
N_FOLDS = 3
N_SPLITS = N_REPEATS * N_FOLDS
VALIDATION_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Split:
    """Row positions of the three parts; together every row once, or those that are not later.

    Attributes
    ----------
    train : ndarray of int64
        Inner training part: what models, generators and preprocessors may see.
    validation : ndarray of int64
        For early stopping only.
    test : ndarray of int64
        For final scoring only.
    notes : tuple of str
        What could not be done as the protocol says, a sentence each. Empty as a rule.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Fold:
    """The rows of one split of a table.

    Attributes
    ----------
    train : Table
        What may be learnt from. Its columns know the levels of these rows alone: those that only
        validation or test rows show are unknown to all that is fitted.
    parts : dict of str to Table
        ``validation`` and ``test``.
    notes : tuple of str
        The table's, and its split's.

    Examples
    --------
    >>> from bench.datasets.embedded import load
    >>> fold = Fold.of(load("iris"), 0)
    >>> len(fold.train), {part: len(rows) for part, rows in fold.parts.items()}
    (80, {'validation': 20, 'test': 50})
    """

    train: Table
    parts: dict[str, Table]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, table: Table, index: int, validation_share: float = VALIDATION_SHARE) -> Fold:
        """Cut a table by `split`, which says what is refused."""
        rows = split(table, index, validation_share)
        parts = {"validation": table.take(rows.validation), "test": table.take(rows.test)}
        train = table.take(rows.train).prune_levels()
        return cls(train, parts, (*table.notes, *rows.notes))

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """The targets of each part."""
        return {part: rows.y for part, rows in self.parts.items()}


def split(table: Table, index: int, validation_share: float = VALIDATION_SHARE) -> Split:
    """The split of a table.

    Parameters
    ----------
    table : Table
        Its name and labels (of a numeric target, its name and number of rows) decide the split, and
        its folds, groups or times if it has any.
    index : int
        0 … 29, or as many as the source's own folds or the times make.
    validation_share : float
        Part of the outer training rows that is set aside for early stopping, in (0, 1). The test
        part does not depend on it.

    Returns
    -------
    Split
        Each part's rows in ascending order.

    Raises
    ------
    TableError
        If there is no such split, the share is outside (0, 1), or the table has too few rows,
        classes, values of the target, groups or times.

    Examples
    --------
    >>> from bench.datasets.embedded import load
    >>> parts = split(load("iris"), 0)
    >>> len(parts.train), len(parts.validation), len(parts.test)
    (80, 20, 50)
    """
    _check_index(table, index)
    _check_share(table, validation_share)
    require_rows(table)
    if table.times is not None:
        train, validation, test = windows(table.times, index, N_FOLDS, validation_share)
    else:
        repeat, fold = divmod(index, _shape(table)[1])
        folds = _folds(table, repeat)
        test = np.flatnonzero(folds == fold)
        outer = np.flatnonzero(folds != fold)
        validation = _validation(table, outer, index, validation_share)
        train = np.setdiff1d(outer, validation, assume_unique=True)
    _require_targets(table, train, index)
    parts = {"train": train, "validation": validation, "test": test}
    return Split(**parts, notes=_notes(table, parts))


def holdout(
    table: Table, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Training and validation rows of a table that has no test part.

    They are cut as a split's outer training rows are: stratified, groups whole, the latest in time.

    Parameters
    ----------
    table : Table
    share : float
        Part of the rows that is set aside, in (0, 1).
    seed : int

    Returns
    -------
    train, validation : ndarray of int64
        Positions, ascending.
    notes : tuple of str

    Raises
    ------
    TableError
        If the table has one class, value, group or time, or too few rows to learn from the others.
    """
    _check_share(table, share)
    _require_two(table)
    for what, values in (("group", table.groups), ("time", table.times)):
        if values is not None and len(np.unique(values)) < 2:
            raise TableError(
                f"Dataset '{table.name}': all rows are of one {what}, so none can be held out."
            )
    if table.times is not None:
        validation = latest(table.times, share)
    else:
        validation = _validation(table, np.arange(len(table)), seed, share)
    train = np.setdiff1d(np.arange(len(table)), validation, assume_unique=True)
    if len(np.unique(table.y[train])) < 2:
        one = "class" if table.classes else "value"
        raise TableError(
            f"Dataset '{table.name}': with a share of {share:g} held out of "
            f"{counted(len(table), 'row')}, those left to learn from have one {one} of "
            f"'{table.target}'; at least two are needed."
        )
    return train, validation, _notes(table, {"train": train, "validation": validation})


def protocol(table: Table) -> dict[str, Any]:
    """What decides a table's splits beside its rows and the split's index, for its identity."""
    stratified = "" if table.strata is None else "stratified "
    if table.times is not None:
        order = sha256(ranks(table.times).astype("<i8").tobytes())
        return {"protocol": f"{N_FOLDS} windows that expand in time", "times": order}
    if table.groups is not None:
        groups = sha256(table.groups.astype("<i8").tobytes())
        return {"protocol": f"grouped {stratified}10 x 3-fold", "groups": groups}
    if table.folds is None:
        return {"protocol": f"{stratified}10 x 3-fold"}
    content = np.ascontiguousarray(table.folds, dtype=np.int8).tobytes()
    n_repeats, n_folds = _shape(table)
    return {
        "protocol": f"the source's own {n_repeats} x {n_folds} folds",
        "folds": sha256(content),
    }


def n_splits(table: Table) -> int:
    """How many splits a table has."""
    n_repeats, n_folds = _shape(table)
    return n_repeats * n_folds


def _shape(table: Table) -> tuple[int, int]:
    """Repeats, and folds of each."""
    if table.times is not None:
        return 1, N_FOLDS
    if table.folds is None:
        return N_REPEATS, N_FOLDS
    return len(table.folds), int(table.folds.max()) + 1


def require_rows(table: Table) -> None:
    """Refuse a table with too few rows, classes, values, groups or times to be split.

    Raises
    ------
    TableError
        The sentence names the dataset, the target and the limit.
    """
    n_present = _require_two(table)
    # A row of every class (or of two values) in each part: with less, nothing is measured.
    n_wanted = n_present if table.classes else 2
    needed = N_FOLDS * n_wanted
    if len(table) < needed:
        of = f"{n_wanted} {'classes' if table.classes else 'rows'} of '{table.target}'"
        raise TableError(
            f"Dataset '{table.name}': {counted(len(table), 'row')} are too few for {N_FOLDS} folds "
            f"of {of}; at least {needed} are needed."
        )
    if table.groups is not None:
        require_groups(table, table.groups, N_FOLDS)
    if table.times is not None:
        require_times(table, table.times, N_FOLDS)


def _require_two(table: Table) -> int:
    """How many classes or values the target has, if those are two or more."""
    n_present, one = len(np.unique(table.y)), "class" if table.classes else "value"
    if n_present < 2:
        raise TableError(
            f"Dataset '{table.name}': target '{table.target}' has only one {one}; "
            f"{table.problem} needs at least two."
        )
    return n_present


def _require_targets(table: Table, train: np.ndarray, index: int) -> None:
    """Refuse a split that leaves one value to learn from, or by groups or times one class."""
    present = np.unique(table.y[train])
    if len(present) > 1:
        return
    if table.problem == "regression":
        raise TableError(
            f"Dataset '{table.name}': split {index} trains on rows whose '{table.target}' is "
            f"{present[0]:g} in each; take another fold."
        )
    if table.groups is not None or table.times is not None:
        why = "groups stay whole" if table.times is None else "no other occurs so early"
        raise TableError(
            f"Dataset '{table.name}': split {index} trains on class '{table.classes[present[0]]}' "
            f"of '{table.target}' alone, as {why}; take another fold."
        )


def _check_index(table: Table, index: int) -> None:
    if isinstance(index, bool) or not isinstance(index, int | np.integer):
        raise TableError(f"Dataset '{table.name}': a split is a whole number, not {index!r}.")
    n_repeats, n_folds = _shape(table)
    if not 0 <= index < n_repeats * n_folds:
        spans = f"{n_folds} windows that expand in time, and no repeats"
        folds = f"{n_repeats} repeats of {n_folds} folds"
        raise TableError(
            f"Dataset '{table.name}': there is no split {index}; splits go from 0 to "
            f"{n_repeats * n_folds - 1} ({folds if table.times is None else spans})."
        )


def _check_share(table: Table, share: float) -> None:
    if not 0 < share < 1:
        raise TableError(
            f"Dataset '{table.name}': the validation share must lie between 0 and 1, not {share}."
        )


def _folds(table: Table, repeat: int) -> np.ndarray:
    """The test fold of each row, shape (n_rows,)."""
    if table.folds is not None:
        return table.folds[repeat]
    if table.groups is not None:
        return grouped_folds(table, table.groups, repeat, N_FOLDS)
    seed = derive("outer split", table.name, repeat)
    if table.strata is None:
        return shuffled(len(table), N_FOLDS, seed)
    return dealt(table.strata, N_FOLDS, seed, ("rare classes", table.name, repeat))


def shuffled(n_rows: int, n: int, seed: int) -> np.ndarray:
    """One of ``n`` pieces for each row, shape (n_rows,), whatever its target."""
    from sklearn.model_selection import KFold

    pieces = np.empty(n_rows, dtype=np.int64)
    splitter = KFold(n_splits=n, shuffle=True, random_state=seed % 2**32)
    for piece, (_, chosen) in enumerate(splitter.split(pieces)):
        pieces[chosen] = piece
    return pieces


def dealt(strata: np.ndarray, n: int, seed: int, by_hand: tuple[str | int, ...]) -> np.ndarray:
    """One of ``n`` stratified pieces for each row, shape (n_rows,).

    Parameters
    ----------
    strata : ndarray of int64 (n_rows,)
    n : int
    seed : int
    by_hand : tuple
        Named parts of the seed for classes with fewer rows than pieces.
    """
    from sklearn.model_selection import StratifiedKFold

    # scikit-learn's seeds have 32 bits.
    splitter = StratifiedKFold(n_splits=n, shuffle=True, random_state=seed % 2**32)
    common = np.bincount(strata)[strata] >= n
    pieces = np.empty(len(strata), dtype=np.int64)
    rows = np.flatnonzero(common)
    if len(rows):
        for piece, (_, chosen) in enumerate(splitter.split(rows, strata[rows])):
            pieces[rows[chosen]] = piece
    rare = np.flatnonzero(~common)
    if len(rare):
        # scikit-learn raises or warns on classes with fewer members than folds, so these are
        # dealt out one by one, to the smallest fold first, members of one class to different folds.
        rng = generator(*by_hand)
        order = rng.permutation(n)
        sizes = np.bincount(pieces[rows], minlength=n)[order] if len(rows) else np.zeros(n)
        deal = order[np.argsort(sizes, kind="stable")]
        rare = rare[np.argsort(strata[rare], kind="stable")]
        pieces[rare] = deal[np.arange(len(rare)) % n]
    return pieces


def _validation(table: Table, outer: np.ndarray, index: int, share: float) -> np.ndarray:
    """A stratified share of the outer training rows; at least one row stays in each part.

    Of a numeric target two stay to train on, and the share is drawn without strata.
    """
    if table.groups is not None:
        return grouped_validation(table, table.groups, outer, index, share)
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    seed = derive("validation", table.name, index) % 2**32
    n_validation = max(int(np.ceil(share * len(outer) - 1e-9)), 1)  # 0.2 * 15 is above 3 in floats
    if table.strata is None:
        n_validation = max(min(n_validation, len(outer) - 2), 1)  # two values are learnt from
        _, chosen = next(ShuffleSplit(1, test_size=n_validation, random_state=seed).split(outer))
        return np.sort(outer[chosen])
    labels = table.strata[outer]
    counts = np.bincount(labels, minlength=table.n_classes)
    pool = np.flatnonzero(counts[labels] >= 2)  # the single member of a class stays in train
    n_classes = len(np.unique(labels[pool]))
    if n_classes > 1 and n_classes <= n_validation <= len(pool) - n_classes:
        splitter = StratifiedShuffleSplit(1, test_size=n_validation, random_state=seed)
        _, chosen = next(splitter.split(pool, labels[pool]))
        return np.sort(outer[pool[chosen]])
    # Fewer validation rows than classes: no stratification exists, so draw at random, but leave a
    # member of each class to train on.
    rng = generator("validation by hand", table.name, index)
    shuffled = rng.permutation(len(outer))
    _, first = np.unique(labels[shuffled], return_index=True)
    spare = np.setdiff1d(np.arange(len(outer)), shuffled[first])
    spare = spare if len(spare) else shuffled[1:]
    return np.sort(outer[rng.permutation(spare)[:n_validation]])


def _notes(table: Table, parts: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """A sentence for each class that some part of the split lacks, or that was dealt by hand.

    Of a numeric target, one for each part that cannot tell a good prediction from a mean.
    """
    if table.strata is None:
        constant = [part for part, rows in parts.items() if len(np.unique(table.y[rows])) < 2]
        return tuple(f"'{table.target}' has only one value in {part}." for part in constant)
    notes = []
    for code, count in enumerate(table.class_counts()):
        if count == 0:
            continue
        absent = [part for part, rows in parts.items() if not (table.y[rows] == code).any()]
        if not absent and count >= N_FOLDS:
            continue
        label = f"Class '{table.classes[code]}' of '{table.target}'"
        where = f"absent from {' and '.join(absent)}"
        if table.times is not None or (table.groups is not None and count >= N_FOLDS):
            notes += [f"{label} is {where}."] if absent else []
            continue
        also = f"; it is {where}" if absent else ""
        notes.append(f"{label} has {counted(count, 'row')}, too few to stratify{also}.")
    return tuple(notes)
