"""What a file holds before anything is made of it: named columns of text or of typed values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bench.datasets.own.characters import clean_name, clean_text, visible
from bench.datasets.own.wording import MOST, listed, shown
from bench.datasets.own.wording import columns as named
from bench.datasets.own.written_numbers import PLAIN
from bench.errors import TableError

#: What stands for "no value". "None" and "none" do not: they are a level of many a real column.
MISSING = frozenset(
    {"", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "NULL", "null"}
)

FILE = "the file"  # what sentences call where columns come from


@dataclass(frozen=True, eq=False)
class Raw:
    """Columns as they came.

    Attributes
    ----------
    frame : DataFrame
        Text (object columns) or typed values, under the file's own names.
    separator : str, optional
        What cuts the fields of a CSV.
    index : frozenset of str
        Columns that were saved as a frame's index.
    nameless : frozenset of str
        Columns that have no name in the file; they are called by their position.
    declared : frozenset of str
        Columns that the file declares to be categories.
    notes : tuple of str
        What had to be done to read it.
    """

    frame: pd.DataFrame
    separator: str | None = None
    index: frozenset[str] = frozenset()
    nameless: frozenset[str] = frozenset()
    declared: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def refuse_repeated(columns: Iterable[str], name: str, source: str = FILE) -> None:
    """Refuse names of columns that stand in the source twice.

    Raises
    ------
    TableError
    """
    often = Counter(columns)
    twice = [column for column, count in often.items() if count > 1]
    if not twice:
        return
    one = len(twice) == 1
    hint = f"; rename {'one' if one else 'them'}."
    if any(map(str.isdigit, twice)) and source == FILE:
        hint = "; is the first line a header?"
    raise TableError(
        f"Dataset '{name}': {named(twice)} {'stands' if one else 'stand'} in {source} twice{hint}"
    )


def with_clean_names(raw: Raw, name: str, source: str = FILE) -> Raw:
    """Columns under clean names; one without a name is called by its position."""
    names, nameless, notes = [], set(), []
    for position, column in enumerate(map(str, raw.frame.columns), 1):
        clean = clean_name(column)
        if clean and visible(column) != column:
            notes.append(
                f"Dataset '{name}', column '{clean}': invisible marks in its name "
                f"({shown(column)}) were left out."
            )
        if not clean:
            clean = f"column_{position}"
            nameless.add(clean)
        names.append(clean)
    refuse_repeated(names, name, source)
    frame = raw.frame.copy(deep=False)
    frame.columns = pd.Index(names)
    return replace(
        raw,
        frame=frame,
        index=frozenset(map(clean_name, raw.index)),
        nameless=frozenset(nameless),
        declared=frozenset(map(clean_name, raw.declared)),
        notes=(*raw.notes, *notes),
    )


def tally(text: pd.Series) -> dict[str, int]:
    """Count how often each value of a column of text stands in it, the most frequent first."""
    return {str(value): int(count) for value, count in text.value_counts().items()}


def with_missing(frame: pd.DataFrame, marks: Sequence[str], name: str) -> pd.DataFrame:
    """Text composed (NFC) and without blanks around it, marks of a missing value as NaN.

    Parameters
    ----------
    marks : sequence of str
        Further marks than `MISSING`; one that is a number stands for every way to write it.

    Raises
    ------
    TableError
        If marks stand nowhere.
    """
    found, seen = without_marks(frame, marks)
    nowhere = [mark for mark in dict.fromkeys(map(clean_text, marks)) if mark not in seen | MISSING]
    if nowhere:
        raise TableError(
            f"Dataset '{name}': {listed(nowhere, MOST)} of dataset.missing "
            f"{'stands' if len(nowhere) == 1 else 'stand'} nowhere in the file."
        )
    return found


def without_marks(frame: pd.DataFrame, marks: Sequence[str]) -> tuple[pd.DataFrame, set[str]]:
    """What `with_missing` gives, wherever the marks stand, and those of them that stand there."""
    further = {clean_text(mark): number_of(mark) for mark in marks}
    seen: set[str] = set()
    columns = {column: _present(frame[column], further, seen) for column in frame.columns}
    return pd.DataFrame(columns, index=frame.index, columns=frame.columns), seen


def _present(
    values: pd.Series, further: dict[str, int | float | None], seen: set[str]
) -> pd.Series:
    """A column without its marks of a missing value; those of the further ones that it has."""
    numbers = {number: mark for mark, number in further.items() if number is not None}
    if values.dtype != object:
        if not numbers or not pd.api.types.is_numeric_dtype(values.dtype):
            return values
        if pd.api.types.is_bool_dtype(values.dtype):
            return values
        hits = [value for value in values.dropna().unique().tolist() if value in numbers]
        seen.update(numbers[value] for value in hits)
        return values.mask(values.isin(hits)) if hits else values

    def present(value: object) -> object:
        if not isinstance(value, str):
            return value
        text = clean_text(value)
        mark = text if text in further else _mark_of(text, numbers)
        if mark is not None:
            seen.add(mark)
        return np.nan if text in MISSING or mark is not None else text

    texts = {value for value in values if isinstance(value, str)}
    known = {text: present(text) for text in texts}
    return values.map(lambda value: known[value] if isinstance(value, str) else value)


def _mark_of(text: str, numbers: Mapping[int | float, str]) -> str | None:
    """The further mark that this text is, written in another way."""
    number = number_of(text) if numbers else None
    return None if number is None else numbers.get(number)


def number_of(text: str) -> int | float | None:
    """The finite number that a text is, as every program reads it; whole ones exactly."""
    if not PLAIN.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit() and len(text) < 400:  # of 400 digits none is finite
        return int(text)
    number = float(text)
    return number if np.isfinite(number) else None
