"""A column of text that is mostly numbers, read by one convention, or refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from bench.datasets.own.raw import tally
from bench.datasets.own.remedies import Column
from bench.datasets.own.strays import TwoReadings, Unusable, set_aside, telling
from bench.datasets.own.wording import shown
from bench.datasets.own.written_numbers import (
    OTHER,
    PERCENT,
    PLAIN,
    Convention,
    Stripped,
    decided,
    grouping_of,
    plain_form,
    proven,
    stripped,
)

_UNSURE_DOT = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")


@dataclass(frozen=True)
class Surroundings:
    """What the rest of the file tells about one of its columns.

    Attributes
    ----------
    separator : str, optional
        Of a CSV.
    proven : callable
        Gives how many of the file's columns prove which decimal mark.
    """

    separator: str | None = None
    proven: Callable[[], Counter[str]] = Counter


def plain_numbers(
    text: pd.Series,
    counts: Mapping[str, int],
    column: Column,
    convention: Convention,
    around: Surroundings,
) -> tuple[pd.Series, list[str], str | None] | None:
    """A column's numbers as every program reads them, missing as NaN, and remarks.

    With them the decimal mark, where there are marks. None, if no more than half of its present
    values are numbers.

    Raises
    ------
    Unusable
        If they can be read in two ways, or hold too much else.
    """
    plain = {level for level in counts if PLAIN.fullmatch(level)}
    if len(plain) == len(counts) and convention.decimal != "," and convention.thousands != ".":
        elsewhere = around.proven() if _unsure_dot(counts, convention) else Counter(".")
        if elsewhere["."] > elsewhere[","]:
            return text, [], mark_seen(".", counts)
        if elsewhere["."] == elsewhere[","] and not _grouped(counts):
            said = "'.' was taken as the decimal mark; if it groups thousands"
            return text, [f"{said}, say {column.decimal(',')}."], "."
    numbers = {level: number for level in counts if (number := stripped(level)) is not None}
    infinite = {level: level for level in plain - set(numbers)}
    total = telling(counts)
    if not _most({**numbers, **infinite}, counts, total):
        return None
    decimal, remarks = _decimal(numbers, counts, column, convention, around)
    forms = _forms(numbers, decimal, convention)
    if not _most({**forms, **infinite}, counts, total):
        if _most(_forms(numbers, OTHER[decimal], Convention()), counts, total):
            other = next(level for level in numbers if level not in forms)
            raise Unusable(
                f"holds numbers such as {shown(other)}, in which '{decimal}' cannot be the decimal "
                "mark",
                f"{column.said.any_decimal}, or {column.categorical} if they are categories",
            )
        return None
    _refuse_mixed_units({level: numbers[level] for level in forms}, column)
    forms |= infinite
    strays = {level: counts[level] for level in counts if level not in forms}
    ways = _disguises({level: numbers[level] for level in forms if level in numbers}, decimal)
    how = "; ".join([*ways, *remarks])
    remark = f"was read as numbers{f' ({how})' if how else ''}"
    if strays:
        remark += f"; {set_aside(strays, sum(counts.values()), 'numbers', column)}"
    seen = mark_seen(decimal, (number.body for number in numbers.values()))
    return text.map(forms), [remark + "."] if how or strays else [], seen


def mark_seen(decimal: str, bodies: Iterable[str]) -> str | None:
    """The decimal mark, if any of these numbers has a mark that tells or obeys it."""
    return decimal if any("." in body or "," in body for body in bodies) else None


def prove(text: pd.Series) -> str | None:
    """The decimal mark that most of a column's values prove, if it holds mostly numbers."""
    counts = tally(text)
    if all(map(PLAIN.fullmatch, counts)):
        return decided(proven(counts))
    numbers = {level: number for level in counts if (number := stripped(level)) is not None}
    if not numbers or not _most(numbers, counts, telling(counts)):
        return None
    return decided(proven(_bodies(numbers, counts)))


def _most(some: Mapping[str, object], counts: Mapping[str, int], total: int) -> bool:
    return 2 * sum(counts[level] for level in some) > total


def _bodies(numbers: Mapping[str, Stripped], counts: Mapping[str, int]) -> Counter[str]:
    bodies: Counter[str] = Counter()
    for level, number in numbers.items():
        bodies[number.body] += counts[level]
    return bodies


def _forms(numbers: Mapping[str, Stripped], decimal: str, convention: Convention) -> dict[str, str]:
    forms = {
        level: plain_form(number, decimal, convention.thousands)
        for level, number in numbers.items()
    }
    return {level: form for level, form in forms.items() if form is not None}


def _decimal(
    numbers: Mapping[str, Stripped],
    counts: Mapping[str, int],
    column: Column,
    convention: Convention,
    around: Surroundings,
) -> tuple[str, list[str]]:
    """The decimal mark, and what must be said of how it was found."""
    if convention.told is not None:
        return convention.told, []
    bodies = _bodies(numbers, counts)
    votes = proven(bodies)
    if mark := decided(votes):
        return mark, []
    examples = {mark: body for body in bodies for mark in ".," if mark in body}
    if not examples:
        return ".", []
    elsewhere = around.proven()
    if not votes and (mark := decided(elsewhere)):
        return mark, ["the decimal mark is that of other columns"]
    if not votes and len(examples) == 1 and "." in examples and not _grouped(counts):
        return ".", [
            f"'.' taken as the decimal mark; if it groups thousands: {column.decimal(',')}"
        ]
    if not votes and len(examples) == 1 and around.separator == ",":
        return ".", [f"if ',' is the decimal mark: {column.decimal(',')}"]
    raise TwoReadings(
        "holds numbers that can be read in two ways, such as "
        f"{shown(next(iter(examples.values())))}",
        f"say which mark is the decimal one, {column.decimal(',')} or {column.decimal('.')}",
    )


def _unsure_dot(counts: Mapping[str, int], convention: Convention) -> bool:
    """Are these 1.234 and 2.345, which do not tell what the dot is?"""
    dotted = [level for level in counts if "." in level]
    given = convention.decimal or convention.thousands
    return not given and bool(dotted) and all(map(_UNSURE_DOT.fullmatch, dotted))


def _grouped(counts: Mapping[str, int]) -> bool:
    """Are these 500, 1.750 and 24.250? Decimals would have one or two places here and there."""
    dotted = [level for level in counts if "." in level]
    return len(dotted) > 2 and any(re.fullmatch(r"\D*[1-9][0-9]{2}\D*", level) for level in counts)


def _refuse_mixed_units(numbers: Mapping[str, Stripped], column: Column) -> None:
    """Refuse several currencies, and percentages beside plain numbers: 0.05 is 5 %, or is not."""
    units = {number.unit.casefold(): level for level, number in numbers.items() if number.unit}
    remedy = f"write all in one, or {column.categorical} if they are categories"
    if len(units) > 1:
        first, second = list(units.values())[:2]
        raise Unusable(f"holds several units, such as {shown(first)} and {shown(second)}", remedy)
    if set(units) & set(PERCENT):
        bare = [
            level
            for level, number in numbers.items()
            if not number.unit and re.search("[1-9]", number.body)
        ]
        if bare:
            percent = next(iter(units.values()))
            raise Unusable(
                f"holds percentages such as {shown(percent)} and plain numbers such as "
                f"{shown(bare[0])}",
                remedy,
            )


def _disguises(numbers: Mapping[str, Stripped], decimal: str) -> list[str]:
    """What stood around and between the digits, in words."""
    left = sorted({what for number in numbers.values() for what in number.around})
    groups = {
        group for n in numbers.values() if (group := grouping_of(n.body, decimal)) is not None
    }
    ways = []
    if decimal == "," and any("," in number.body for number in numbers.values()):
        ways.append("',' is the decimal mark")
    if groups:
        marks = ["blanks" if group == " " else shown(group) for group in sorted(groups)]
        ways.append(f"{' and '.join(marks)} taken as the mark of thousands")
    if left:
        ways.append(f"without {', '.join(left)}")
    return ways
