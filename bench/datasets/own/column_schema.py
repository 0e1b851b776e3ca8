"""How one column was read, to read later values of it alike."""

from __future__ import annotations

import decimal as decimals
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict

from bench.datasets.own.as_text import text_of_values
from bench.datasets.own.date_columns import Written, days_of_dates, written
from bench.datasets.own.exact_numbers import distances, exact
from bench.datasets.own.raw import number_of
from bench.datasets.own.strays import SHOWN, Unusable, is_mark
from bench.datasets.own.wording import listed, shown
from bench.datasets.own.written_numbers import (
    CODE,
    OTHER,
    PLAIN,
    decided,
    plain_form,
    proven,
    stripped,
)
from bench.phrases import counted
from bench.table import Kind

Content = np.ndarray | pd.Categorical
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?(E[+-]?[0-9]{1,3})?")
_NUMBERS = int | float | np.number | np.bool_ | decimals.Decimal


@dataclass(frozen=True)
class ColumnSchema:
    """What a column holds, and the convention by which it was read.

    Attributes
    ----------
    kind : {"numeric", "integer", "categorical"}
    holds : {"numbers", "dates", "categories"}
    levels : tuple of str
        Of categories, in order.
    decimal : str, optional
        The decimal mark of numbers in text, where anything told it.
    thousands : str, optional
        The only mark of thousands, if the user named it.
    day_first : bool, optional
        In dates such as 3/4/2024, where any were so written.
    smallest : str, optional
        What numbers beyond 2^53 are counted from, if they are.
    strays : tuple of str
        Texts that stood among its numbers or dates, and were taken as missing.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Kind
    holds: Literal["numbers", "dates", "categories"]
    levels: tuple[str, ...] = ()
    decimal: str | None = None
    thousands: str | None = None
    day_first: bool | None = None
    smallest: str | None = None
    strays: tuple[str, ...] = ()

    def fault(self) -> str | None:
        """What contradicts itself in it, as the end of a clause; None if nothing does."""
        if (self.kind == "categorical") != (self.holds == "categories"):
            return f"is {self.kind} and holds {self.holds}"
        if len(set(self.levels)) < len(self.levels):
            return "has a level twice"
        if (self.holds == "categories") != bool(self.levels):
            return f"holds {self.holds} of {counted(len(self.levels), 'level')}"
        if self.decimal not in (None, *OTHER) or self.thousands not in (None, *OTHER, *"' _"):
            return f"has marks {shown(self.decimal)} and {shown(self.thousands)}"
        if self.smallest is not None and not _NUMBER.fullmatch(self.smallest):
            return f"is counted from {shown(self.smallest)}, which is no number"
        return None

    def read(self, values: pd.Series) -> tuple[Content, list[str]]:
        """Later values of the column: levels or floats, missing as NaN, and remarks.

        Parameters
        ----------
        values : Series
            Text (missing as NaN) or typed values, under the rows' positions.

        Raises
        ------
        Unusable
            If a value is none of those that the column holds; the row is named.
        """
        if self.holds == "categories":
            return self._categories(values)
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(object)
        return self._dates(values) if self.holds == "dates" else self._numbers(values)

    def _categories(self, values: pd.Series) -> tuple[pd.Categorical, list[str]]:
        text, remarks = text_of_values(values), []
        strange = list(dict.fromkeys(text[text.notna() & ~text.isin(self.levels)]))
        meant = self._meant(strange) if strange else {}
        if meant:
            value, level = next(iter(meant.items()))
            more = f", and {len(meant) - 1} more so" if len(meant) > 1 else ""
            remarks.append(f"{shown(value)} was read as the level {shown(level)}{more}.")
            text = text.map(lambda value: meant.get(value, value), na_action="ignore")
        unseen = text[text.notna() & ~text.isin(self.levels)]
        if len(unseen):
            rows, levels = counted(len(unseen), "row"), listed(dict.fromkeys(unseen), SHOWN)
            remarks.append(f"{rows} with a level not seen before ({levels}), taken as missing.")
        return pd.Categorical(text.where(text.isin(self.levels)), list(self.levels)), remarks

    def _meant(self, texts: Sequence[str]) -> dict[str, str]:
        """For each text the one level that is the same number or truth value, if there is one.

        Programs write 1.0 for 1 in a column in which a number is missing, and TRUE for True.
        """
        levels: dict[int | float | str | None, list[str]] = defaultdict(list)
        for level in self.levels:
            levels[_meaning(level)].append(level)
        levels[None] = []  # of other text
        same = {text: levels.get(_meaning(text), []) for text in texts}
        return {text: found[0] for text, found in same.items() if len(found) == 1}

    # Numbers and dates ----------------------------------------------------------------------------

    def _numbers(self, values: pd.Series) -> tuple[np.ndarray, list[str]]:
        remarks: list[str] = []
        if not holds_numbers(values):
            values, remarks = self._known(values, self._plain, "number")
        floats = values.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        if self.smallest is not None:
            numbers = [exact(value, number) for value, number in zip(values, floats)]
            floats = distances(numbers, decimals.Decimal(self.smallest))
        infinite = np.isinf(floats)
        floats[infinite] = np.nan
        if infinite.any():
            rows = counted(int(infinite.sum()), "row")
            remarks.append(f"{rows} with an infinite value, taken as missing.")
        return floats, remarks

    def _plain(self, text: str) -> str | float | None:
        """A text as every program reads it, NaN where it means "no value"; None if it is neither.

        Raises
        ------
        Unusable
            If its marks can be read in two ways.
        """
        if text in self.strays:
            return np.nan
        number = stripped(text)
        if number is None:
            return text if PLAIN.fullmatch(text) else np.nan if is_mark(text) else None
        decimal = self.decimal or decided(proven([number.body]))
        if decimal is None:
            if "," in number.body:
                raise Unusable(
                    f"holds {shown(text)}, which can be read in two ways",
                    "write it without marks of thousands",
                )
            decimal = "."
        return plain_form(number, decimal, self.thousands)

    def _dates(self, values: pd.Series) -> tuple[np.ndarray, list[str]]:
        days = days_of_dates(values)
        if days is not None:
            return days, []
        known, remarks = self._known(values, self._days, "date")
        return known.to_numpy(dtype=np.float64, na_value=np.nan), remarks

    def _days(self, text: str) -> float | None:
        """Days since 1970-01-01, NaN where the text means "no value"; None if it is neither."""
        if text in self.strays:
            return np.nan
        date = None if PLAIN.fullmatch(text) else written(text)
        if date is None or date.short:
            return np.nan if is_mark(text) else None
        return date.days(self._first(date, text))

    def _first(self, date: Written, text: str) -> bool:
        if self.day_first is not None or date.order == "known":
            return bool(self.day_first)
        if date.first == date.second or date.second > 12:
            return False
        if date.first > 12 or date.order.strip() == ".":  # nobody writes the month first with dots
            return True
        raise Unusable(
            f"holds {shown(text)}, in which day and month cannot be told apart",
            "write dates as 2024-12-31",
        )

    def _known(
        self, values: pd.Series, read: Callable[[str], str | float | None], what: str
    ) -> tuple[pd.Series, list[str]]:
        """What the values mean, read as text, and remarks; one that means nothing is refused.

        Raises
        ------
        Unusable
        """
        text = text_of_values(values)
        known = {value: read(value) for value in dict.fromkeys(text.dropna())}
        wrong = text[[value in known and known[value] is None for value in text]]
        if not len(wrong):
            found = text.map(known)
            missed = text[found.isna() & text.notna()]
            rows, marks = counted(len(missed), "row"), listed(dict.fromkeys(missed), SHOWN)
            return found, [f"{rows} with {marks}, taken as missing."] if len(missed) else []
        row, value, others = int(wrong.index[0]) + 1, wrong.iloc[0], len(wrong) - 1
        mark = f" with {self.decimal!r} as its decimal mark" if self.decimal else ""
        mark = mark if what == "number" and stripped(value) else ""
        more = f" (as {'does one other' if others == 1 else f'do {others} others'})"
        raise Unusable(
            f"row {row} holds {shown(value)}, which is no {what}{mark}{more if others else ''}; "
            f"the fit had {what}s here",
            "correct it, or leave it empty if it means a missing value",
        )


def _meaning(level: str) -> int | float | str | None:
    """The number or the truth value that a level is, whatever its writing; None of other text."""
    if level.casefold() in ("true", "false"):
        return level.casefold()
    return None if CODE.fullmatch(level) else number_of(level)


def holds_numbers(values: pd.Series) -> bool:
    """Is each value a number by its type?"""
    if values.dtype != object:
        return pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind != "c"
    return all(isinstance(value, _NUMBERS) for value in values.dropna())


def with_marks(columns: Mapping[str, ColumnSchema]) -> dict[str, ColumnSchema]:
    """Columns that are written as text; what told no decimal mark has that of the others."""
    mark = decided(Counter(column.decimal for column in columns.values() if column.decimal))
    return {name: replace(c, decimal=c.decimal or mark) for name, c in columns.items()}
