"""The labels of the target: each one as it was typed, and one label for what is one value."""

from __future__ import annotations

import decimal
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from bench.datasets.own.characters import visible
from bench.datasets.own.remedies import Shell
from bench.datasets.own.strays import is_mark, signs_among_words
from bench.datasets.own.wording import listed
from bench.datasets.own.written_numbers import (
    PLAIN,
    QUOTED_CODE,
    Stripped,
    decided,
    plain_form,
    proven,
    stripped,
)

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_TWINS = dict(
    zip(map(ord, "АВЕКМНОРСТХаеорсухіΑΒΕΖΗΙΚΜΝΟΡΤΥΧο"), "ABEKMHOPCTXaeopcyxiABEZHIKMNOPTYXo")
)
_QUOTES = {ord("\u2019"): "'", ord("\u2018"): "'", ord("\u201c"): '"', ord("\u201d"): '"'}


#: Blanks, controls, joiners, fillers, selectors of a variant and tags.
_UNSEEN = re.compile(
    "[\\s\x00-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e01ef]+"
)


def natural_order(label: str) -> tuple[int, float, str]:
    """Sort key: numbers by value, then text."""
    try:
        number = float(label)
    except ValueError:
        return (1, 0.0, label)
    return (0, number, label) if np.isfinite(number) else (1, 0.0, label)


def alike(levels: Iterable[str]) -> list[list[str]]:
    """Group levels that differ in nothing but case, blanks, and marks that nobody sees.

    >>> alike(["Yes", "yes", "New  York", "New York", "Rome"])
    [['New  York', 'New York'], ['Yes', 'yes']]
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for level in levels:
        groups[_seen(level) or level].append(level)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def remarks_on_alike(levels: Iterable[str], what: str, kept: str) -> list[str]:
    """What to say of levels that look alike; ``what`` they are called and ``kept`` as."""
    return [
        f"{what} {listed(group)} differ only in case, blanks or marks that look alike; they stay "
        f"{kept} of their own."
        for group in alike(levels)
    ]


def _seen(level: str) -> str:
    """What a reader takes in of a label: no case, no blanks, no dot behind, no marks unseen."""
    if not level.isascii():
        level = unicodedata.normalize("NFKC", visible(level)).translate(_DASHES | _QUOTES | _TWINS)
    level = _UNSEEN.sub("", level).casefold()
    return level.strip("\"'").rstrip(".") or level


def one_form(text: pd.Series, decimal_mark: str | None = None) -> tuple[pd.Series, list[str]]:
    """Labels in which numbers of one value are one label, and remarks, if all are numbers.

    Parameters
    ----------
    decimal_mark : str, optional
        As the user gives it; else the one that the labels prove.
    """
    numbers = {label: stripped(label) for label in sorted(set(text))}
    known = {label: number for label, number in numbers.items() if number is not None}
    if len(known) < len(numbers) or len({number.unit for number in known.values()}) > 1:
        return text, []
    if any(QUOTED_CODE.fullmatch(label) for label in known):
        return text, []  # 007 and 7 are codes, and two
    proof = decided(proven(number.body for number in known.values()))
    plain = all(map(PLAIN.fullmatch, known)) or not any(
        set(n.body) & {".", ","} for n in known.values()
    )
    mark = decimal_mark or ("." if plain else proof)
    if mark is None:  # 1,000 beside 1000 could be 1
        twins = [same for m in ".," for same in _by_value(known, m).values() if len(same) > 1]
        kept = "may be one number; they stay classes of their own."
        return text, [f"labels {listed(same)} {kept}" for same in twins[:1]]
    groups = _by_value(known, mark).values()
    shortest = {form: min(same, key=lambda f: (len(f), f)) for same in groups for form in same}
    remarks = [
        f"labels {listed(same)} are one number, hence one class."
        for same in groups
        if len(same) > 1
    ]
    return (text.map(shortest) if remarks else text), remarks


def _by_value(numbers: Mapping[str, Stripped], mark: str) -> dict[decimal.Decimal, list[str]]:
    """Labels by their value under this decimal mark; nothing if one of them has none."""
    by_value: dict[decimal.Decimal, list[str]] = defaultdict(list)
    for label, number in numbers.items():
        form = plain_form(number, mark, None)
        try:
            if form is None or not np.isfinite(float(form)):
                return {}
            by_value[decimal.Decimal(form)].append(label)
        except decimal.InvalidOperation:  # an exponent of twenty digits
            return {}
    return by_value


def remarks_on(classes: tuple[str, ...], counts: dict[str, int], said: Shell) -> list[str]:
    """What to say of labels that may be one class written in two ways, or no class at all."""
    remarks = remarks_on_alike(classes, "labels", "classes")
    numbers = [label for label in classes if PLAIN.fullmatch(label)]
    mostly = 2 * sum(counts[label] for label in numbers) > sum(counts.values())
    marks = [c for c in classes if is_mark(c)] if mostly else signs_among_words(classes)
    if marks:
        remarks.append(
            f"label {listed(marks)} is a class of its own; if it means a missing value, say "
            f"{said.missing(marks)}."
        )
    return remarks
