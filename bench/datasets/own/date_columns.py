"""A column of dates: days since 1970-01-01 (UTC) by the calendar, in any year from 1 to 9999.

No date goes through nanoseconds, which end in 1677 and 2262 and wrap silently.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.datasets.own.remedies import Column
from bench.datasets.own.strays import TwoReadings, Unusable, set_aside, telling
from bench.datasets.own.wording import shown
from bench.datasets.own.written_numbers import PLAIN, QUOTES, uniform

EPOCH = datetime.date(1970, 1, 1).toordinal()
SECONDS = 86_400
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<named>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_CLOCK = r"(?P<h>\d{1,2})(?P<c>[:.h])(?P<min>\d{2})(?:(?P=c)(?P<s>\d{2}(?:[.,]\d{1,9})?))?"
_ZONE = r"(?P<zone>Z|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?(?: UTC)?|UTC|GMT)"
_TIME = rf"(?:(?:T|,? +|[-:]){_CLOCK}(?: ?(?P<half>[ap])\.? ?m\.?| Uhr)? ?{_ZONE}?)?"
_DAY, _ST = r"(?P<d>\d{1,2})", "(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:[a-z]{3,9},? +)?"
_GAP = r"[-\s./]"
_ISO = re.compile(rf"(?P<y>\d{{4}})-(?P<m>\d{{2}})-(?P<d>\d{{2}}){_TIME}", re.ASCII | re.IGNORECASE)
_FORMS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"(?P<y>\d{{4}})(?P<sep>[-/. _:]|\. )(?P<m>\d{{1,2}})(?P=sep){_DAY}\.?{_TIME}",
        rf"(?P<a>\d{{1,2}})(?P<sep>[-/.])(?P<b>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}|\d{{2}}){_TIME}",
        rf"(?P<a>\d{{1,2}})(?P<sep>[ _]|\. )(?P<b>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}){_TIME}",
        rf"{_WEEKDAY}{_DAY}{_ST}{_GAP}*{_MONTH}\.?[-\s,./]*(?P<y>\d{{4}}|\d{{2}}){_TIME}",
        rf"{_WEEKDAY}{_MONTH}\.?{_GAP}+{_DAY}{_ST},?{_GAP}+(?P<y>\d{{4}}){_TIME}",
        rf"{_WEEKDAY}{_MONTH} +{_DAY} {_CLOCK} (?:{_ZONE} )?(?P<y>\d{{4}})",  # as C writes it
        rf"(?P<y>\d{{4}}){_GAP}*{_MONTH}{_GAP}*{_DAY}{_TIME}",
        rf"(?P<y>\d{{4}})[年년] ?(?P<m>\d{{1,2}})[月월] ?{_DAY}[日일]{_TIME}",
    )
)
MOST_SIGNS = 60  # of the longest writing of a date
_BASIC = re.compile(
    r"(?P<y>\d{4})-?(?P<m>\d{2})-?(?P<d>\d{2})T(?P<h>\d{2})(?P<min>\d{2})"
    r"(?P<s>\d{2}(?:[.,]\d{1,9})?)?(?P<half>[ap])?(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)


@dataclass(frozen=True)
class Written:
    """A date as it is written: ``first`` and ``second`` are day and month in an order to be found.

    Attributes
    ----------
    year, first, second : int
    order : str
        ``known`` (month, then day), or the mark between day and month.
    short : bool
        The year has two digits.
    seconds : float
        Since midnight, UTC.
    iso : bool
    """

    year: int
    first: int
    second: int
    order: str
    short: bool
    seconds: float
    iso: bool

    def days(self, day_first: bool) -> float | None:
        """Days since 1970-01-01, or None if the calendar has no such date."""
        month, day = self.first, self.second
        if self.order != "known" and day_first:
            month, day = day, month
        try:
            whole = datetime.date(self.year, month, day).toordinal() - EPOCH
        except ValueError:
            return None
        return whole + self.seconds / SECONDS


def written(text: str) -> Written | None:
    """Read one date; None if this is none."""
    found = _ISO.fullmatch(text)
    iso = found is not None
    if found is None:
        if len(text) > MOST_SIGNS or not any(map(str.isdigit, text)):
            return None
        plain = uniform(text)[0].strip(QUOTES)
        found = next(
            (hit for form in (_ISO, *_FORMS, _BASIC) if (hit := form.fullmatch(plain))), None
        )
    if found is None:
        return None
    part: dict[str, Any] = {"half": None, "zone": None, **found.groupdict()}
    seconds = _seconds(part)
    if seconds is None:
        return None
    named = part.get("named")
    month = _MONTHS.index(named[:3].lower()) + 1 if named else part.get("m")
    ordered = month is not None
    return Written(
        year=int(part["y"]),
        first=int(month if month is not None else part["a"]),
        second=int(part["d"] if ordered else part["b"]),
        order="known" if ordered else part["sep"],
        short=len(part["y"]) == 2,
        seconds=seconds,
        iso=iso,
    )


def _seconds(part: Mapping[str, str | None]) -> float | None:
    """Seconds since midnight in UTC; None if no clock shows that time."""
    if part["h"] is None:
        return 0.0
    hour, minute = int(part["h"]), int(str(part["min"]))
    second = float((part["s"] or "0").replace(",", "."))
    if part["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if part["half"] in "pP" else 0)
    midnight = (hour, minute, second) == (24, 0, 0)
    if not midnight and (hour > 23 or minute > 59 or second >= 61):  # 60 is a leap second
        return None
    offset = 0
    if zone := re.search(r"([+-])(\d{2}):?(\d{2})?", part["zone"] or ""):
        offset = (int(zone[2]) * 60 + int(zone[3] or 0)) * (-60 if zone[1] == "-" else 60)
    return hour * 3600 + minute * 60 + second - offset


def days_of_text(
    text: pd.Series, counts: Mapping[str, int], column: Column, day_first: bool | None
) -> tuple[np.ndarray, list[str], bool | None] | None:
    """Days since 1970-01-01, missing as NaN, and remarks; None if most values are no dates.

    With them whether the day stands first, where the dates' writing leaves it open.

    Raises
    ------
    Unusable
        If day and month, or the century, cannot be told, or there is too much else.
    """
    words = [level for level in counts if not PLAIN.fullmatch(level)]  # no number is a date
    if not words:
        return None
    total = telling(counts)
    dates = {level: date for level in words if (date := written(level)) is not None}
    if 2 * sum(counts[level] for level in dates) <= total:
        return None
    first = _day_first(dates, counts, column, day_first)
    days = {level: day for level, date in dates.items() if (day := date.days(first)) is not None}
    if 2 * sum(counts[level] for level in days) <= total:
        return None
    short = [level for level in days if dates[level].short]
    if short:
        raise Unusable(
            f"holds dates whose year has two digits, such as {shown(short[0])}",
            f"write years with four, or {column.categorical} if these are no dates",
        )
    others = [level for level in days if not dates[level].iso]
    orders = any(dates[level].order != "known" for level in others)
    form = f" ({'day' if first else 'month'} first)" if orders else ""
    what = f"dates such as {shown(others[0])}{form}" if others else "dates"
    remark = f"{what} were turned into days since 1970-01-01"
    strays = {level: counts[level] for level in counts if level not in days}
    if strays:
        remark += f"; {set_aside(strays, sum(counts.values()), 'dates', column)}"
    found = first if orders else None
    return text.map(days).to_numpy(dtype=np.float64), [remark + "."], found


def _day_first(
    dates: Mapping[str, Written], counts: Mapping[str, int], column: Column, given: bool | None
) -> bool:
    """Whether the day stands before the month, as the dates themselves prove."""
    if given is not None:
        return given
    open_ = {level: date for level, date in dates.items() if date.order != "known"}
    day = sum(counts[level] for level, date in open_.items() if date.first > 12 >= date.second)
    month = sum(counts[level] for level, date in open_.items() if date.second > 12 >= date.first)
    if bool(day) != bool(month):
        return bool(day)
    unsure = [level for level, date in open_.items() if date.first != date.second]
    if not unsure:
        return False
    if not day and all(date.order.strip() == "." for date in open_.values()):
        return True  # nobody writes the month first with dots
    raise TwoReadings(
        f"holds dates in which day and month cannot be told apart, such as {shown(unsure[0])}",
        f"say which one comes first, {column.day_first}",
    )


def days_of_dates(values: pd.Series) -> np.ndarray | None:
    """Days since 1970-01-01 of a column of a date type, or of Python's dates; None of any other."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        moments = pd.DatetimeIndex(values)
        stamps = (moments if moments.tz is None else moments.tz_convert(None)).to_numpy()
        day = SECONDS * _PER_SECOND[np.datetime_data(stamps.dtype)[0]]
        counted = stamps.view(np.int64)
        days = counted // day + (counted % day) / day
        return np.where(np.isnat(stamps), np.nan, days)
    present = values.dropna()
    if not len(present) or not all(isinstance(value, datetime.date) for value in present):
        return None
    return values.map(_day_of, na_action="ignore").to_numpy(dtype=np.float64)


def _day_of(value: datetime.date) -> float:
    days = float(value.toordinal() - EPOCH)
    if not isinstance(value, datetime.datetime):
        return days
    offset = value.utcoffset() or datetime.timedelta()
    clock = datetime.timedelta(
        hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
    )
    return days + (clock - offset) / datetime.timedelta(days=1)


def looks_like_dates(numbers: np.ndarray) -> bool:
    """Are these whole numbers dates without marks, such as 20241231?"""
    present = np.unique(numbers[~np.isnan(numbers)])
    if len(present) < 2 or not ((present >= 1900_01_01) & (present <= 2100_12_31)).all():
        return False
    for value in present[:1000]:
        year, rest = divmod(int(value), 10_000)
        try:
            datetime.date(year, rest // 100, rest % 100)
        except ValueError:
            return False
    return True
