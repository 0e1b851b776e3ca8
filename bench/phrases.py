"""Phrases that many sentences have: a number of things or seconds, lists of names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def counted(n: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "row"), counted(0, "row")
    ('1 row', '0 rows')
    """
    return f"{n} {noun}" + ("" if n == 1 else "s")


def joined(names: Iterable[str], word: str) -> str:
    """All names, at least one.

    >>> joined(["a"], "or"), joined(["a", "b", "c"], "and")
    ('a', 'a, b and c')
    """
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


def begun(names: Sequence[str], most: int) -> str:
    """The first names, and a sign that there are more.

    >>> begun(["a", "b"], 2), begun(["a", "b", "c"], 2)
    ('a, b', 'a, b, …')
    """
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def numbered(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are.

    >>> numbered(["a", "b"], 2), numbered(["a", "b", "c"], 2)
    ('a, b', 'a, b and 1 more')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def percent(value: float) -> str:
    """A share that somebody chose, in percent, as it was given.

    >>> percent(0.95), percent(0.999)
    ('95%', '99.9%')
    """
    return f"{100 * value:g}%"


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would use.

    >>> duration(7.2), duration(600)
    ('7 s', '10 min')
    """
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
