"""What a column of text looks like that is read as categories: numbers or dates in a writing of its
own are said to be such, since a person may not have meant them as categories.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from bench.datasets.own.wording import LONGEST, shown
from bench.datasets.own.written_numbers import CODE

_MONTH = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]*\.?"
_LOOKALIKES = {
    re.compile(r"(19|20)\d\d-(0[1-9]|1[0-2])"): "months",
    re.compile(rf"{_MONTH}[-/ ']{{1,2}}(\d\d|\d{{4}})|\d\d[-/ ]{_MONTH}", re.IGNORECASE): "months",
    re.compile(
        r"T?\d{1,2}[:.hH][0-5]\d([:.][0-5]\d([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?| ?Uhr|Z)"
        r"|T?\d{1,2}[:hH][0-5]\d(:[0-5]\d([.,]\d+)?)?"
    ): "times of day",
    re.compile(r"[+-]?\d+ days?,? \d{1,2}:.*|P(?=[\dT])[\dYMWDTHS.,]*[YMWDHS]"): "durations",
    re.compile(r"\d{4}[- ]?(Q[1-4]|W\d\d)|Q[1-4][-/ ]?\d{4}", re.IGNORECASE): "quarters or weeks",
    re.compile(r"\d{1,2}\.?[-/ ]*[^\W\d_]{3,}\.?[-/ ]*(\d\d|\d{4})"): "dates",
    # a year beside a word, or beside two more numbers, or eight digits of a date
    re.compile(
        r"(?=.*([^\W\d]{3}|\d\D+\d+\D+\d)).*(?<!\d)(19|20)\d\d(?!\d).*"
        r"|\D*(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])\D*"
    ): "dates or years",
    re.compile(r"\d+ ?/ ?\d+"): "two numbers",
    re.compile(r"(?:[~≈]|ca\.?) ?\d[\d.,]*"): "rough numbers",
    re.compile(r"0x[0-9a-f]+", re.IGNORECASE): "hexadecimal numbers",
}
_WITH_UNIT = re.compile(r"[$€£₹]?[+-]?\d+(?:[.,]\d+)?\s*([^\d\s+.,-]\D*)")
_UNITS = 3  # that may stand beside each other: 5K, 2M and 1B
#: Digits between signs as neither ranges (1-2), bounds (<5, 5+) nor versions (1.2.3) have them.
_ODD = re.compile(r"(?=.*\d)(?=.*[^\w\s.+<>=≤≥‐-―-])[\W\d_]*")
_INTERVAL = re.compile(r"[\[(\]][^,;]+[,;].+[\])\[]")  # (10,20], as cut() names its levels
_LETTERLESS = re.compile(r"(?=.*\d)[\W\d_]*")

_CODED = re.compile(r"[0-9]+[eE][0-9]+|0[0-9]+\.[0-9]+")
_VERSIONS = 50  # at most; a column with more levels is a measurement


def like_a_code(counts: Mapping[str, int]) -> str | None:
    """A number that is written as codes and versions are: 1.10 beside 1.9, 12E4, or 01.11.

    >>> like_a_code({"1.9": 3, "1.10": 2}), like_a_code({"2": 1, "12E4": 1})
    ('1.10', '12E4')
    >>> like_a_code({"1.90": 3, "1.10": 2, "2.5e+03": 1})
    """
    for level in counts:
        if not level.isdigit() and _CODED.fullmatch(level):
            return level
    if len(counts) > _VERSIONS:
        return None
    tenth = [level for level in counts if re.fullmatch(r"[0-9]{1,3}\.[0-9]0", level)]
    short = any(re.fullmatch(r"[0-9]{1,3}\.[1-9]", level) for level in counts)
    return tenth[0] if tenth and short else None


def lookalike(counts: Mapping[str, int]) -> str | None:
    """Say what most values look like, although they are read as categories; None if nothing.

    Parameters
    ----------
    counts : mapping of str to int
        Each value of the column, and how often it stands there.

    >>> lookalike({"60 kg": 3, "70 kg": 2, "82 kg": 1})
    "seems to hold numbers with 'kg' behind, such as '60 kg'"
    >>> lookalike({"1-2": 3, "3-4": 2, "5+": 1})
    >>> lookalike({"P046": 3, "P047": 2, "P1": 1})
    """
    total = sum(counts.values())
    counts = {level: n for level, n in counts.items() if len(level) <= LONGEST}

    def most(levels: Iterable[str], least: int = 3) -> bool:
        found = list(levels)
        return len(found) >= least and 2 * sum(counts[level] for level in found) > total

    codes = [level for level in counts if CODE.fullmatch(level)]
    if codes and most(level for level in counts if re.fullmatch(r"[+-]?[0-9]+", level)):
        return f"holds numbers with zeros in front, such as {shown(codes[0])}, as codes have"
    for pattern, what in _LOOKALIKES.items():
        like = [level for level in counts if pattern.fullmatch(level)]
        if most(like):
            return f"seems to hold {what} such as {shown(like[0])}"
    units = {level: found[1] for level in counts if (found := _WITH_UNIT.fullmatch(level))}
    often = [unit for unit, _ in Counter(units.values()).most_common(_UNITS)]
    for n in range(1, len(often) + 1):
        with_unit = [level for level in units if units[level] in often[:n]]
        if most(with_unit, 3 if n == 1 else 4 * n):
            named = " or ".join(map(shown, often[:n]))
            return f"seems to hold numbers with {named} behind, such as {shown(with_unit[0])}"
    odd = [v for v in counts if _ODD.fullmatch(v) and not _INTERVAL.fullmatch(v)]
    if most(odd) or (len(odd) > 2 and most(filter(_LETTERLESS.fullmatch, counts))):
        return f"seems to hold numbers in a writing of its own, such as {shown(odd[0])}"
    return None
