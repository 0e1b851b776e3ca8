"""The folds of a bag: each child learns from all pieces of the training part but one.

The training part is the outer split's: what a run without a bag divides into training and
validation rows. Its pieces are stratified by the classes, if there are any; groups stay whole; rows
that have times are cut into spans of time, so that a child's held-out rows lie together between
those that it learns from. The one row of a class is held out by none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.datasets.by_group import grouped_pieces
from bench.datasets.by_time import blocks
from bench.datasets.splits import Fold, dealt, shuffled, split
from bench.errors import TableError
from bench.seeds import derive
from bench.table import Table

HELD_BY_NONE = -1  # the piece of a class's only row


@dataclass(frozen=True, eq=False)
class Bag:
    """The folds of the children, and what they have in common.

    Attributes
    ----------
    whole : Table
        The training part of the outer split; its columns know the levels of these rows alone.
    held_out, test : Table
        All rows that a child holds out, and the rows that all are tested on.
    children : tuple of Fold
        A child's validation part is the piece that it holds out; all have one test part.
    places : tuple of ndarray
        Where the rows of each child's validation part stand in ``held_out``.
    notes : tuple of str
        The table's, and its split's.

    Examples
    --------
    >>> from bench.datasets.embedded import load
    >>> bag = Bag.of(load("iris"), 0, 8)
    >>> len(bag.whole), len(bag.held_out), len(bag.children)
    (100, 100, 8)
    >>> {part: len(rows) for part, rows in bag.children[0].parts.items()}
    {'validation': 13, 'test': 50}
    """

    whole: Table
    held_out: Table
    test: Table
    children: tuple[Fold, ...]
    places: tuple[np.ndarray, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, table: Table, index: int, n: int) -> Bag:
        """Cut a table for ``n`` children by `pieces`, which says what is refused."""
        rows = split(table, index)
        outer, piece = _outer(table, index), pieces(table, index, n)
        held_out = np.flatnonzero(piece != HELD_BY_NONE)
        test = table.take(rows.test)
        children = []
        for i in range(n):
            train = table.take(outer[piece != i]).prune_levels()
            parts = {"validation": table.take(outer[piece == i]), "test": test}
            children.append(Fold(train, parts, ()))
        return cls(
            table.take(outer).prune_levels(),
            table.take(outer[held_out]),
            test,
            tuple(children),
            tuple(np.searchsorted(held_out, np.flatnonzero(piece == i)) for i in range(n)),
            (*table.notes, *notes_of(table, outer, piece)),
        )

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """The targets of the rows that are predicted out of fold, and of the test part."""
        return {"validation": self.held_out.y, "test": self.test.y}


def require(table: Table, index: int, validation_share: float, n: int) -> None:
    """Refuse a table that cannot be split for one fine-tuning, or for a bag of ``n``.

    Raises
    ------
    TableError
        As `split` and `pieces`.
    """
    split(table, index, validation_share)
    if n > 1:
        pieces(table, index, n)


def pieces(table: Table, index: int, n: int) -> np.ndarray:
    """The child that holds out each row of a split's training part, in the table's order.

    Raises
    ------
    TableError
        As `split`; and where rows, groups or times are too few for ``n`` pieces, or a child would
        learn from one class or value.
    """
    return pieces_of(table, _outer(table, index), index, n, (f"split {index}", "finetune.bag"))


def pieces_of(
    table: Table, outer: np.ndarray, index: int, n: int, called: tuple[str, str]
) -> np.ndarray:
    """The child that holds out each of these rows, in their order.

    Parameters
    ----------
    table : Table
    outer : ndarray of int64
        Positions of the rows that are to be dealt out.
    index : int
        Part of the seed.
    n : int
        How many children there are.
    called : tuple of str
        What these rows, and the number of children, are called in sentences.

    Raises
    ------
    TableError
        As `pieces`.
    """
    of_rows, bag = called[0], f"{called[1]}={n}"

    def require(most: int, what: str) -> None:
        if most < n:
            raise TableError(
                f"Dataset '{table.name}': {of_rows} has {most} {what} to train on, too few for "
                f"{bag}; expected at most {most}."
            )

    y, seed = table.y[outer], derive("bag", table.name, index, n)
    if table.times is not None:
        times = table.times[outer]
        require(len(np.unique(times)) - 1, "different times, less one,")
        piece = blocks(times, n)
    elif table.groups is not None:
        most, of = len(np.unique(table.groups[outer])), "groups"
        if table.strata is not None:
            most, of = min(most, int(np.bincount(y).max())), "groups, or rows of a class,"
        require(most, of)
        piece = grouped_pieces(table, table.groups, outer, index, n)
    elif table.strata is None:
        require(len(outer), "rows")
        piece = shuffled(len(outer), n, seed)
    else:
        several = np.flatnonzero(np.bincount(y)[y] > 1)
        require(len(several), "rows")
        piece = np.full(len(outer), HELD_BY_NONE)
        by_hand = ("rare classes of a bag", table.name, index, n)
        piece[several] = dealt(y[several], n, seed, by_hand)
    for i in range(n):
        if len(np.unique(y[piece != i])) < 2:
            one = "class" if table.classes else "value"
            raise TableError(
                f"Dataset '{table.name}': with {bag} child {i} of {of_rows} would "
                f"learn from one {one} alone; take fewer children or another fold."
            )
    return piece


def _outer(table: Table, index: int) -> np.ndarray:
    """Positions of the rows that the outer split trains on, ascending."""
    rows = split(table, index)
    return np.union1d(rows.train, rows.validation)


def notes_of(table: Table, outer: np.ndarray, piece: np.ndarray) -> list[str]:
    """A sentence for each class that is held out by no child, or by some alone; one on times."""
    notes, n = [], int(piece.max()) + 1
    if table.times is not None:
        notes.append("What a child holds out lies in time between rows that it learns from.")
    for code in [] if table.strata is None else np.unique(table.strata[outer]):
        by = np.unique(piece[table.y[outer] == code])
        label = f"Class '{table.classes[code]}' of '{table.target}'"
        if HELD_BY_NONE in by:
            notes.append(f"{label} has one row to train on, which no child of the bag holds out.")
        elif len(by) < n:
            notes.append(f"{label} is held out by {len(by)} of {n} children.")
    return notes
