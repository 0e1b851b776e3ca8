"""What does not fit among a column's numbers or dates: a few marks of "no value", or a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from bench.datasets.own.remedies import Column, Shell
from bench.datasets.own.wording import LONGEST, shown

#: Share of the present values that may be taken as missing although they could mean something.
FEW = 0.05
SHOWN = 3  # marks that a note names

_WORDS = re.compile(
    r"none|nil|nan|null|na(?:_\w+_)?|nat|n\.a\.?|n/[ad]|n\.?d\.?|k\.a\.|o\.a\.|s/o|missing|unknown|undefined|tbd|void|empty"
    r"|blank|x{1,3}|not (?:available|applicable|known)|no data|unbekannt"
    r"|keine angabe|inconnue?|desconocido",
    re.IGNORECASE,
)
#: What programs write: spreadsheets' errors, MySQL's and DBeaver's null, Stata's and C's.
_SIGNS = re.compile(
    r"#[¡¿]?[^\W\d_]+(?:/[A-Z0-9])?[!?]?|err:\d+|\\N|[<\[(](?:null|na|none|missing|blank)[>\])]"
    r"|\.[a-z_]|[+-]?1\.#(?:[qs]nan|ind|inf)0*|\$null\$|[+-]?nan\((?:s?nan|ind)\)",
    re.IGNORECASE,
)
_NO_DATE = r"0000[-/.]\d\d[-/.]\d\d(?:[T ]00:00(?::00(?:\.0+)?)?)?Z?|00[-/.]00[-/.]0000"
_MARK = re.compile(rf"[\W_]+|{_SIGNS.pattern}|{_WORDS.pattern}|{_NO_DATE}", re.IGNORECASE)


class Unusable(Exception):
    """A column cannot be used as it is.

    Parameters
    ----------
    why : str
        What is wrong with it, to follow its name.
    remedy : str, optional
        What decides; leaving the column out helps always.
    """

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(why)
        self.why, self.remedy = why, remedy


class TwoReadings(Unusable):
    """A column can be read in two ways; the remedy is the key that decides, whatever it is for."""


def is_mark(text: str) -> bool:
    """Does this say "no value": signs alone, a spreadsheet's error, or a word for it?

    >>> is_mark("-"), is_mark("#DIV/0!"), is_mark("None"), is_mark(">89")
    (True, True, True, False)
    """
    return _MARK.fullmatch(text) is not None


def signs_among_words(levels: Iterable[str]) -> list[str]:
    """Levels of signs alone, or a spreadsheet's errors, if there are words or numbers beside them.

    >>> signs_among_words(["+", "-"]), signs_among_words(["-", "none", "red"])
    ([], ['-'])
    """
    every = sorted(levels)
    signs = [level for level in every if is_mark(level) and not _WORDS.fullmatch(level)]
    return signs if len(signs) < len(every) - 1 else []


def telling(counts: Mapping[str, int]) -> int:
    """How many values of a column tell what it holds: all but marks of "no value".

    Where marks are most of it, two other levels are not enough to tell.
    """
    found = [count for text, count in counts.items() if is_mark(text)]
    marks, levels = sum(found), len(counts) - len(found)
    total = sum(counts.values())
    return total if 2 * marks >= total and levels < 3 else total - marks


def set_aside(strays: Mapping[str, int], present: int, what: str, column: Column) -> str:
    """What a note says of values that are taken as missing among a column's numbers or dates.

    Parameters
    ----------
    strays : mapping of str to int
        The values that are none, and how often each one stands there.
    present : int
        Values in the column.
    what : str
        ``numbers`` or ``dates``.
    column : Column

    Raises
    ------
    Unusable
        If they are too many to be mere marks.
    """
    often = sorted(strays, key=lambda text: (-strays[text], text))
    meaning = [text for text in often if not is_mark(text)]
    count = sum(strays[text] for text in meaning)
    if count > max(1, FEW * present):
        raise Unusable(
            f"holds {what}, but also text such as {shown(meaning[0])} ({count} of {present} "
            f"values are no {what})",
            f"name what means a missing value with {as_missing(meaning, column.said)}, or, if "
            f"these are categories, {column.categorical}",
        )
    named = [f"{shown(text)} ({strays[text]})" for text in often[:SHOWN]]
    more = [f"{len(often) - SHOWN} more"] if len(often) > SHOWN else []
    verb = "is" if len(often) == 1 else "are"
    return f"{', '.join([*named, *more])} {verb} taken as missing"


def as_missing(marks: Sequence[str], said: Shell) -> str:
    """What takes marks as missing, with those that a person can type."""
    short = [mark for mark in marks if mark.isprintable() and len(mark) <= LONGEST][:SHOWN]
    return said.missing(short) if short else said.any_missing
