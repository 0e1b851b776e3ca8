"""What the user says of a file's columns: which use each has, and how its numbers are written."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from bench.datasets.own.characters import clean_name
from bench.datasets.own.delimited import SEPARATORS
from bench.datasets.own.identifiers import without_index
from bench.datasets.own.raw import Raw
from bench.datasets.own.sides import groups_of, times_of
from bench.datasets.own.wording import columns, listed, shown
from bench.datasets.own.written_numbers import PLAIN, Convention
from bench.errors import TableError
from bench.phrases import joined

#: Uses of which a column can have one.
_APART = (
    ("categorical", "drop"),
    ("categorical", "groups"),
    ("categorical", "time"),
    ("target", "groups"),
    ("target", "time"),
)


def words(given: Sequence[str] | str | None) -> list[str]:
    """A list of words; a word alone is one, not a list of its letters."""
    if given is None:
        return []
    return [given] if isinstance(given, str) else [str(word) for word in given]


def names(given: Sequence[str] | str | None) -> list[str]:
    """Give names of columns in their clean form."""
    return [clean_name(word) for word in words(given)]


def convention_of(
    decimal: str | None, thousands: str | None, day_first: bool | None, name: str
) -> Convention:
    """How numbers and dates are written, as the user says it.

    Raises
    ------
    TableError
        If a mark is none.
    """
    if decimal not in (None, ".", ","):
        raise TableError(
            f"Dataset '{name}': dataset.decimal is '.' or ',' (or null: found), not "
            f"{shown(decimal)}."
        )
    if thousands is not None:
        thousands = {"’": "'"}.get(thousands, " " if thousands.isspace() else thousands)
        if len(thousands) != 1 or thousands not in ".,' _" or thousands == decimal:
            raise TableError(
                f"Dataset '{name}': dataset.thousands is one of '.', ',', an apostrophe, a blank "
                f"and '_', and not the decimal mark; {shown(thousands)} was given."
            )
    return Convention(decimal, thousands, day_first)


def chosen(
    raw: Raw, uses: Mapping[str, Sequence[str]], name: str
) -> tuple[pd.DataFrame, list[str]]:
    """The columns that are left: without those to drop and without a saved index; and notes.

    Parameters
    ----------
    raw : Raw
    uses : mapping of str to sequence of str
        Columns by their use: ``categorical``, ``drop``, ``target``, ``groups``, ``time``.
    name : str

    Raises
    ------
    TableError
        If there is no such column, or it has two uses that exclude each other.
    """
    if uses["groups"] and uses["time"]:
        raise TableError(
            f"Dataset '{name}': dataset.groups and dataset.time are two ways to split a table; "
            "give one of them."
        )
    _require(list(itertools.chain(*uses.values())), raw, name)
    (target,) = uses["target"]
    if target in uses["drop"]:
        raise TableError(
            f"Dataset '{name}': column '{target}' is the target and cannot be dropped."
        )
    for one, other in _APART:
        both = [column for column in uses[one] if column in uses[other]]
        if both:
            raise TableError(
                f"Dataset '{name}': {columns(both)} {'is' if len(both) == 1 else 'are'} "
                f"named in dataset.{one} and in dataset.{other}; a column can be one only."
            )
    kept = frozenset(itertools.chain(*uses.values()))
    frame, notes = without_index(raw, kept, name)
    sides = {*uses["groups"], *uses["time"]}  # no features anyway
    return frame.drop(columns=[c for c in uses["drop"] if c not in sides]), notes


def sides_of(
    frame: pd.DataFrame,
    uses: Mapping[str, Sequence[str]],
    convention: Convention,
    name: str,
    separator: str | None,
) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
    """The table's groups and its times, if it has any, and notes."""
    ids, times = None, None
    told: list[str] = []
    for column in uses["groups"]:
        ids, told = groups_of(frame[column], name, column, convention.decimal)
    for column in uses["time"]:
        times, told = times_of(frame[column], name, column, convention, separator)
    return ids, times, told


# Columns ------------------------------------------------------------------------------------------


def meant(absent: Sequence[str], there: Iterable[str]) -> str:
    """A question after the columns that were meant, or nothing."""
    known = {column.casefold(): column for column in there}
    close = [difflib.get_close_matches(column.casefold(), known, n=1) for column in absent]
    found = list(dict.fromkeys(f"'{known[match[0]]}'" for match in close if match))
    return f" (did you mean {joined(found, 'and')}?)" if found else ""


def _require(wanted: Sequence[str], raw: Raw, name: str) -> None:
    frame = raw.frame
    absent = [column for column in dict.fromkeys(wanted) if column not in frame.columns]
    if not absent:
        return
    hint = meant(absent, frame.columns)
    known = listed(frame.columns, 20)
    if raw.separator is not None and frame.shape[1] == 1:
        hint += f" (separator {raw.separator!r}; another one is named by dataset.separator)"
    elif raw.separator is not None and any(mark in c for c in frame.columns for mark in SEPARATORS):
        hint += f" (cut by {raw.separator!r}; another mark is named by dataset.separator)"
    elif raw.separator is not None and any(map(PLAIN.fullmatch, frame.columns)):
        hint += " (the first line is taken as the columns' names)"
    raise TableError(
        f"Dataset '{name}' has no {columns(absent, 'or')}{hint}; the file has {known}."
    )
