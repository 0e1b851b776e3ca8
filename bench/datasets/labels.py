"""The labels of the target: each one as it was typed, and one label for what is one value."""

from __future__ import annotations

import decimal
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pandas as pd

from bench.datasets.characters import visible
from bench.datasets.strays import is_mark, signs_among_words
from bench.datasets.wording import listed, setting
from bench.datasets.written_numbers import CODE, PLAIN

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_QUOTES = {ord("\u2019"): "'", ord("\u2018"): "'", ord("\u201c"): '"', ord("\u201d"): '"'}


def natural_order(label: str) -> tuple[int, float, str]:
    """Sort key: numbers by value, then text."""
    try:
        number = float(label)
    except ValueError:
        return (1, 0.0, label)
    return (0, number, label) if np.isfinite(number) else (1, 0.0, label)


def alike(levels: Iterable[str]) -> list[list[str]]:
    """Groups of levels that differ in nothing but case, blanks, and marks that nobody sees.

    >>> alike(["Yes", "yes", "New  York", "New York", "Rome"])
    [['New  York', 'New York'], ['Yes', 'yes']]
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for level in levels:
        seen = unicodedata.normalize("NFKC", visible(level)).translate(_DASHES | _QUOTES)
        key = re.sub(r"[\s\u200c\u200d]+", "", seen.casefold())
        groups[key or level].append(level)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def one_form(text: pd.Series) -> tuple[pd.Series, list[str]]:
    """Labels in which numbers of one value are one label, and remarks, if all are numbers."""
    labels = sorted(set(text))
    if not all(PLAIN.fullmatch(label) and np.isfinite(float(label)) for label in labels):
        return text, []
    if any(CODE.fullmatch(label) for label in labels):
        return text, []  # 007 and 7 are codes, and two
    by_value: dict[decimal.Decimal, list[str]] = defaultdict(list)
    try:
        for label in labels:
            by_value[decimal.Decimal(label)].append(label)
    except decimal.InvalidOperation:  # an exponent of twenty digits
        return text, []
    chosen: dict[str, str] = {}
    remarks = []
    for forms in by_value.values():
        shortest = min(forms, key=lambda form: (len(form), form))
        chosen |= dict.fromkeys(forms, shortest)
        if len(forms) > 1:
            remarks.append(f"labels {listed(forms)} are one number, hence one class.")
    return text.map(chosen), remarks


def remarks_on(classes: tuple[str, ...], counts: dict[str, int]) -> list[str]:
    """What to say of labels that may be one class written in two ways, or no class at all."""
    remarks = [
        f"labels {listed(group)} differ only in case, blanks or marks that look alike; they stay "
        "classes of their own."
        for group in alike(classes)
    ]
    numbers = [label for label in classes if PLAIN.fullmatch(label)]
    mostly = 2 * sum(counts[label] for label in numbers) > sum(counts.values())
    marks = [c for c in classes if is_mark(c)] if mostly else signs_among_words(classes)
    if marks:
        remarks.append(
            f"label {listed(marks)} is a class of its own; if it means a missing value, say "
            f"{setting('missing', marks)}."
        )
    return remarks
