"""A table of one's own: a CSV or parquet file becomes a `Table`, or is refused in one sentence.

A column is never read as something else in silence, a row is never lost in silence, and a word that
a person typed is that word. Rows whose target is missing are left out; repeated rows are kept; both
are noted. What becomes of a column stands in `bench.datasets.own.kinds`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import pandas as pd

from bench.datasets.own import content
from bench.datasets.own.characters import clean_name
from bench.datasets.own.copies import remarks_on_copies, remarks_on_repeats
from bench.datasets.own.delimited import delimited
from bench.datasets.own.frame import Owned
from bench.datasets.own.kinds import features_of, surroundings
from bench.datasets.own.parquet import parquet
from bench.datasets.own.raw import Raw, with_clean_names, with_missing
from bench.datasets.own.schema import Schema
from bench.datasets.own.target import target_of
from bench.datasets.own.uses import chosen, convention_of, names, sides_of, words
from bench.datasets.own.wording import listed
from bench.datasets.splits import require_rows
from bench.errors import TableError
from bench.names import check, safe
from bench.phrases import counted
from bench.ranges import Classes, Domain, Positive, Text, checked
from bench.table import Problem, Table


@checked
def load_owned(
    path: str | Path | None,
    target: str | None,
    problem: Problem | None = None,
    categorical: Sequence[str] | str | None = None,
    drop: Sequence[str] | str = (),
    groups: Text | None = None,
    time: Text | None = None,
    name: Text | None = None,
    domain: Domain = "other",
    max_classes: Classes = 10,
    separator: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    day_first: bool | None = None,
    missing: Sequence[str] | str = (),
    encoding: str = "utf-8",
    max_megabytes: Positive = 1000,
) -> Owned:
    """Read a table from a CSV or parquet file, and tell how, to read later rows of it alike.

    What had to be done to it stands in the table's ``notes``.

    Parameters
    ----------
    path : str or Path
        The file, plain or packed. Parquet is told by its content, everything else is read as CSV
        with a header.
    target : str
        The column to predict: classes or a quantity.
    problem : {"classification", "regression"}, optional
        Which of both its values are. By default text, ``max_classes`` whole numbers or fewer, and
        any two numbers are classes; other numbers are a quantity.
    categorical : sequence of str, optional
        Columns that hold categories although they hold numbers; of the target, classes. Text is
        categorical anyway. A string is one name.
    drop : sequence of str
        Columns to leave out. A string is one name.
    groups : str, optional
        The column that says which rows belong together: no group stands on two sides of a split. It
        is no feature.
    time : str, optional
        The column of dates or numbers that says when each row was: what is tested lies after what
        is trained on. It is no feature.
    name : str, optional
        What the table is called; the file's name without its ending by default. The name decides
        the splits.
    domain : str
        ``healthcare``, ``finance`` or ``other``; results are also shown by domain.
    max_classes : int
        A target of more classes is refused.
    separator : str, optional
        Of a CSV; by default whichever of comma, semicolon, tab and bar (or else blanks) cuts the
        rows into equally many fields.
    decimal : str, optional
        The decimal mark of numbers in text; by default found in them.
    thousands : str, optional
        The mark of thousands; by default any that is not the decimal mark.
    day_first : bool, optional
        Whether 3/4/2024 is in April; by default found in the dates.
    missing : sequence of str
        Marks of a missing value beside those of `bench.datasets.own.raw.MISSING`.
    encoding : str
        Of a CSV.
    max_megabytes : float
        What the file may hold, unpacked.

    Returns
    -------
    Owned

    Raises
    ------
    TableError
        If the file cannot be used; one sentence that says which column and what to do.
    """
    if path is None or target is None:
        wanted = "path=FILE" if path is None else "target=COLUMN"
        raise TableError(f"Your own table needs {wanted}: dataset=csv path=FILE target=COLUMN.")
    path = content.as_written(Path(os.path.expanduser(str(path))))
    name = check("dataset", str(name)) if name else safe(content.stem(path))
    convention = convention_of(decimal, thousands, day_first, name)
    raw = _raw(path, name, float(max_megabytes), separator, encoding)
    target = clean_name(target)
    named = names(categorical)
    uses = {"categorical": named, "drop": names(drop), "target": [target]}
    uses |= {"groups": names(groups), "time": names(time)}
    raw = replace(raw, frame=with_missing(raw.frame, words(missing), name))
    frame, noted = chosen(raw, uses, name)
    frame, dropped = _with_target(frame, target, name)
    features = frame.drop(columns=[target, *uses["groups"], *uses["time"]]).reset_index(drop=True)
    around = surroundings(features, frozenset(named), raw.separator)
    declared = target in named or target in raw.declared
    y, classes, more = target_of(
        frame[target], name, problem, max_classes, convention, around, declared
    )
    ids, times, told = sides_of(frame, uses, convention, name, raw.separator)
    found = features_of(features, frozenset(named), convention, name, raw.separator, raw.declared)
    table = Table(name, found.X, y, found.kinds, classes, target, domain, groups=ids, times=times)
    require_rows(table)
    notes = (
        *raw.notes,
        *_no_header(raw, name),
        *noted,
        *dropped,
        *more,
        *told,
        *found.notes,
        *remarks_on_copies(table),
        *remarks_on_repeats(table),
    )
    schema = Schema(
        name,
        target,
        table.problem,
        classes,
        tuple(features.columns),
        found.columns,
        ignored=tuple(c for c in map(str, raw.frame) if c not in features and c != target),
        missing=tuple(words(missing)),
        separator=raw.separator,
        encoding=encoding,
    )
    return Owned(replace(table, notes=notes), schema)


@checked
@wraps(load_owned, assigned=("__annotations__",))
def load(*args: Any, **keys: Any) -> Table:
    """The table that `load_owned` reads, of the same parameters."""
    return load_owned(*args, **keys).table


def read_rows(
    path: str | Path,
    schema: Schema,
    separator: str | None = None,
    encoding: str | None = None,
    max_megabytes: Positive = 1000,
) -> tuple[Table, pd.DataFrame, list[str]]:
    """Later rows of a table, from a CSV or parquet file, read as the table was.

    Parameters
    ----------
    path : str or Path
    schema : Schema
        Of the table.
    separator, encoding : str, optional
        Of a CSV, where it is another than that of the table's file.
    max_megabytes : float
        What the file may hold, unpacked.

    Returns
    -------
    Table
        Nothing is known of its target; see `Schema.table`.
    DataFrame
        The file's own columns, in the order of its rows: identifiers, and whatever else there is.
    list of str
        Notes.

    Raises
    ------
    TableError
        If the file cannot be used, or a column or value does not fit.
    """
    path = content.as_written(Path(os.path.expanduser(str(path))))
    raw = _raw(
        path,
        schema.name,
        float(max_megabytes),
        separator or schema.separator,
        encoding or schema.encoding,
    )
    table, notes = schema.table(raw.frame, path.name, raw.separator)
    return table, raw.frame, [*raw.notes, *notes]


def _raw(path: Path, name: str, megabytes: float, separator: str | None, encoding: str) -> Raw:
    """A file's columns under clean names."""
    found = content.content(path, name, megabytes)
    if found.startswith(content.PARQUET):
        raw = parquet(found, name, megabytes)
    else:
        raw = delimited(found, name, path, separator, encoding)
    return with_clean_names(raw, name)


# Rows ---------------------------------------------------------------------------------------------


def _no_header(raw: Raw, name: str) -> list[str]:
    """What to say of columns whose names are values of theirs, as in a file without a header."""
    if raw.separator is None:
        return []
    own = [column for column in raw.frame if (raw.frame[column] == column).any()]
    if len(own) < 2:
        return []
    return [
        f"Dataset '{name}': columns {listed(own)} hold their own names as values; if the first "
        "line is a row, write a line of names before it."
    ]


def _with_target(
    frame: pd.DataFrame, target: str, name: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows whose target is known."""
    known = frame[target].notna()
    dropped = int((~known).sum())
    if dropped == len(frame):
        raise TableError(f"Dataset '{name}': target '{target}' is missing in every row.")
    if not dropped:
        return frame, ()
    note = f"Dataset '{name}': {counted(dropped, 'row')} without a value of '{target}' left out."
    return frame[known], (note,)
