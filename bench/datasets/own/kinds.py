"""What becomes of a column of one's own table: its kind, inferred from its content.

==========================================  ========================================================
column                                      becomes
==========================================  ========================================================
named in ``categorical``                    categorical, whatever it holds, as typed
numbers, all whole                          integer (codes of categories must be named!)
numbers                                     numeric; ±inf becomes missing
mostly numbers or dates in any writing      those; the few marks between them missing, noted
numbers that can be read in two ways        refused with the key that decides
text, or numbers written as 007             categorical
numbers or dates in a writing of their own  categorical, noted
numbers that versions and codes look like   numbers, noted
text with nearly as many values as rows     refused: it can be dropped or named in ``categorical``
yes/no, true/false, booleans                categorical
dates and times, or a date type             numeric: days since 1970-01-01, UTC
constant or without any value               kept out, noted
nested values, bytes, durations             refused
==========================================  ========================================================
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from bench.datasets.own import identifiers
from bench.datasets.own.as_text import is_text, text_of_values
from bench.datasets.own.column_schema import ColumnSchema, Content, holds_numbers, with_marks
from bench.datasets.own.date_columns import days_of_dates, days_of_text, looks_like_dates
from bench.datasets.own.exact_numbers import EXACT, exact, floats_of
from bench.datasets.own.labels import natural_order, remarks_on_alike
from bench.datasets.own.lookalikes import like_a_code, lookalike
from bench.datasets.own.number_columns import Surroundings, plain_numbers, prove
from bench.datasets.own.raw import tally
from bench.datasets.own.remedies import SHELL, Column, Shell
from bench.datasets.own.strays import FEW, Unusable, signs_among_words
from bench.datasets.own.wording import MOST, listed, shown
from bench.datasets.own.written_numbers import QUOTED_CODE, Convention
from bench.errors import TableError
from bench.phrases import counted
from bench.table import Kind

#: A text column with more distinct values than this, and than half its rows, is free text.
MAX_LEVELS_OF_FEW_ROWS = 20


@dataclass(frozen=True)
class Features:
    """Feature columns, and how each one was read.

    Attributes
    ----------
    X : DataFrame
    columns : dict of str to ColumnSchema
    notes : list of str
        What must be noted about them.
    """

    X: pd.DataFrame
    columns: dict[str, ColumnSchema]
    notes: list[str]

    @property
    def kinds(self) -> dict[str, Kind]:
        """The columns' kinds."""
        return {name: column.kind for name, column in self.columns.items()}


@dataclass(frozen=True)
class Found:
    """What a column holds, remarks, and the convention that it told; see `ColumnSchema`."""

    content: Content
    remarks: list[str]
    dates: bool = False
    written: bool = False
    decimal: str | None = None
    day_first: bool | None = None
    smallest: str | None = None

    def schema(self, values: pd.Series, convention: Convention) -> ColumnSchema:
        """How later values of the column, which these were read from, are to be read."""
        if isinstance(self.content, pd.Categorical):
            return ColumnSchema("categorical", "categories", tuple(self.content.categories))
        missed = values[np.isnan(self.content)].dropna() if values.dtype == object else ()
        first = self.day_first if convention.day_first is None else convention.day_first
        return ColumnSchema(
            _kind(self.content),
            "dates" if self.dates else "numbers",
            decimal=self.decimal or (convention.told if self.written else None),
            thousands=convention.thousands,
            day_first=first if self.dates else None,
            smallest=self.smallest,
            strays=tuple(dict.fromkeys(text for text in missed if isinstance(text, str))),
        )


def features_of(
    frame: pd.DataFrame,
    categorical: frozenset[str],
    convention: Convention,
    name: str,
    separator: str | None = None,
    declared: frozenset[str] = frozenset(),
    said: Shell = SHELL,
) -> Features:
    """Feature columns with their kinds, how they were read, and what must be noted about them.

    Parameters
    ----------
    frame : DataFrame
        Text (missing as NaN) and typed values.
    categorical : frozenset of str
        Columns that are categories, whatever they hold.
    convention : Convention
    name : str
        The table's.
    separator : str, optional
        Of the file, if it was a CSV.
    declared : frozenset of str
        Columns that the file declares to be categories.
    said : Shell
        What a person types to have it read otherwise.

    Raises
    ------
    TableError
        If a column cannot be used; all of them are named.
    """
    around = surroundings(frame, categorical, separator)
    contents: dict[str, Content] = {}
    columns: dict[str, ColumnSchema] = {}
    written: list[str] = []
    notes: list[str] = []
    unusable: dict[str, Unusable] = {}
    for column in frame.columns:
        where = f"Dataset '{name}', column '{column}'"
        values = frame[column]
        if not values.notna().any():
            notes.append(f"{where}: holds no value; it was kept out.")
            continue
        try:
            if column in categorical:
                found = _categories(values)
            else:
                told = Column(column, said)
                found = _inferred(values, told, convention, around, column in declared)
        except Unusable as reason:
            unusable[column] = reason
            continue
        notes += [f"{where}: {remark}" for remark in found.remarks]
        if pd.Series(found.content).nunique() < 2:
            notes.append(f"{where}: has only one value; it was kept out.")
            continue
        contents[column] = found.content
        columns[column] = found.schema(values, convention)
        written += [column] * found.written
    if unusable:
        raise TableError(_refusal(unusable, name, said))
    if not contents:
        raise TableError(f"Dataset '{name}': no feature column with two or more values is left.")
    columns |= with_marks({column: columns[column] for column in written})
    return Features(pd.DataFrame(contents, index=range(len(frame))), columns, notes)


def surroundings(
    frame: pd.DataFrame, categorical: frozenset[str], separator: str | None
) -> Surroundings:
    """What these columns tell of how numbers are written in their file; found when asked for."""

    @cache
    def proven() -> Counter[str]:
        texts = [frame[c] for c in frame if c not in categorical and is_text(frame[c])]
        return Counter(mark for text in texts if (mark := prove(text)))

    return Surroundings(separator, proven)


def _refusal(unusable: dict[str, Unusable], name: str, said: Shell) -> str:
    """One sentence that names every column that cannot be used, and what helps."""
    drop = said.drop(unusable)
    if len(unusable) == 1:
        ((column, reason),) = unusable.items()
        remedy = f"{reason.remedy}, or leave it out" if reason.remedy else "leave it out"
        return f"Dataset '{name}', column '{column}': {reason.why}; {remedy} with {drop}."
    reasons = [
        f"'{column}' {reason.why}" + (f" ({reason.remedy})" if reason.remedy else "")
        for column, reason in unusable.items()
    ]
    more = f"; and {len(reasons) - MOST} more" if len(reasons) > MOST else ""
    return (
        f"Dataset '{name}': {len(unusable)} columns cannot be used as they are: "
        f"{'; '.join(reasons[:MOST])}{more}; leave out those that are not mended with {drop}."
    )


def _kind(content: np.ndarray) -> Kind:
    present = content[~np.isnan(content)]
    return "integer" if (present == np.round(present)).all() else "numeric"


def _inferred(
    values: pd.Series,
    column: Column,
    convention: Convention,
    around: Surroundings,
    declared: bool,
) -> Found:
    """Numbers or categories, by the rules at the head of this file, and remarks."""
    noted = identifiers.remark(values, column)
    more = [noted] if noted else []
    if declared:
        found = _categories(values)
        more = [*_declared(values, column, convention, around), *more]
        return replace(found, remarks=found.remarks + more)
    read = _typed(values, column)
    if read is None:
        text = text_of_values(values)
        read = _read(text, column, convention, around) or _as_categories(text, column)
    return replace(read, remarks=read.remarks + more)


def _declared(
    values: pd.Series, column: Column, convention: Convention, around: Surroundings
) -> list[str]:
    """What to say of categories by type that are numbers or dates by content."""
    if not is_text(values):
        return []
    try:
        numbers = _read(values, column, convention, around) is not None
    except Unusable:
        numbers = True
    remark = "holds numbers or dates, but the file declares it to be categories; so it was read."
    return [remark] if numbers else []


def _as_categories(text: pd.Series, column: Column) -> Found:
    """Text as categories, unless it is free text."""
    _refuse_free_text(text, column)
    found = _categories(text)
    remarks = list(found.remarks)
    like = lookalike(tally(text))
    if like:
        remarks.append(f"{like}; taken as categories.")
    signs = signs_among_words(set(text.dropna()))
    if signs:
        missing = column.said.missing(signs)
        remarks.append(
            f"{listed(signs)} stays a level; if it means a missing value, say {missing}."
        )
    return replace(found, remarks=remarks)


def _typed(values: pd.Series, column: Column) -> Found | None:
    """A column whose values have a type of their own; None if they are text."""
    if isinstance(values.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(values.dtype):
        return _categories(values)
    if pd.api.types.is_numeric_dtype(values.dtype):
        if pd.api.types.is_complex_dtype(values.dtype):
            raise Unusable("holds complex numbers, which cannot be used")
        if pd.api.types.is_integer_dtype(values.dtype):
            return _exact(values, column)
        return _finite(Found(_floats(values), []))
    days = days_of_dates(values)
    if days is not None:
        return Found(days, ["dates were turned into days since 1970-01-01."], dates=True)
    present = values.dropna()
    if all(isinstance(value, bool | np.bool_) for value in present):
        return _categories(values)
    if holds_numbers(present):
        return _exact(values, column)
    return None


def quantities_of(
    values: pd.Series, column: Column, convention: Convention, around: Surroundings
) -> tuple[np.ndarray, list[str]] | None:
    """A column's numbers, or its dates in days since 1970-01-01, and remarks; None if it is text.

    Raises
    ------
    Unusable
        If they can be read in two ways, or hold too much else.
    """
    found = _typed(values, column) or _read(text_of_values(values), column, convention, around)
    if found is None or isinstance(found.content, pd.Categorical):
        return None
    return found.content, found.remarks


def _floats(values: pd.Series) -> np.ndarray:
    return values.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)


def _exact(values: pd.Series, column: Column) -> Found:
    """Floats; where some are so large that neighbours merge, those of the exact values.

    Parameters
    ----------
    values : Series
        Integers, decimals or text that every program reads.
    """
    numbers = _floats(values)
    if not (np.abs(numbers) >= EXACT).any():
        return _finite(Found(numbers, []))
    exactly = [exact(value, number) for value, number in zip(values, numbers)]
    floats, remarks, smallest = floats_of(exactly, column)
    return _finite(Found(floats, remarks, smallest=None if smallest is None else str(smallest)))


def _read(
    text: pd.Series, column: Column, convention: Convention, around: Surroundings
) -> Found | None:
    """The dates or numbers that a column of text holds, if it mostly does."""
    counts = tally(text)
    days = days_of_text(text, counts, column, convention.day_first)
    if days is not None:
        return Found(days[0], days[1], dates=True, written=True, day_first=days[2])
    codes = [level for level in counts if QUOTED_CODE.fullmatch(level)]
    if sum(counts[level] for level in codes) > FEW * sum(counts.values()):
        return None
    found = plain_numbers(text, counts, column, convention, around)
    if found is None:
        return None
    plain, remarks, decimal = found
    code = next(iter(codes), None) or like_a_code(counts)
    if code:
        remarks = [
            *remarks,
            f"{shown(code)} was read as a number; if it is a code: {column.categorical}.",
        ]
    numbers = _exact(plain, column)
    return replace(numbers, remarks=[*remarks, *numbers.remarks], written=True, decimal=decimal)


def _finite(found: Found) -> Found:
    """Floats; ±inf is no measurement that a model could learn from, hence missing."""
    numbers, remarks = np.asarray(found.content), found.remarks
    infinite = np.isinf(numbers)
    numbers[infinite] = np.nan
    if infinite.any():
        count = counted(int(infinite.sum()), "row")
        remarks = [*remarks, f"{count} with an infinite value, taken as missing."]
    if looks_like_dates(numbers):
        example = int(numbers[~np.isnan(numbers)][0])
        remarks = [*remarks, f"seems to hold dates such as {example}; they were read as numbers."]
    return replace(found, remarks=remarks)


# Text ---------------------------------------------------------------------------------------------


def _refuse_free_text(text: pd.Series, column: Column) -> None:
    present = text.dropna()
    levels = present.nunique()
    if levels <= max(MAX_LEVELS_OF_FEW_ROWS, len(present) / 2):
        return
    size = f"({levels} distinct values in {counted(len(present), 'row')})"
    like = lookalike(tally(text))
    if like:
        raise Unusable(
            f"{like} {size}",
            "write them as numbers if they are a quantity, or as categories with "
            f"{column.categorical}",
        )
    raise Unusable(f"is free text or an identifier {size}")


def _categories(values: pd.Series) -> Found:
    text = text_of_values(values)
    levels = sorted(set(text.dropna()), key=natural_order)
    content = pd.Categorical(text, categories=levels)
    return Found(content, remarks_on_alike(levels, "levels", "levels"))
