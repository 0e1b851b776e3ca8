"""Numbers as people and programs write them: 1,750 or 1.750,00 €, 5 %, (12), −3, 1,5E+03.

A column is read by one convention: its decimal mark is given, or is the one that most of its values
prove, or that the file's other columns prove. Where nothing proves it and it matters, nothing is
guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.datasets.own.characters import visible

#: "As they stand": what every program reads alike.
PLAIN = re.compile(
    r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity)",
    re.IGNORECASE,
)
CODE = re.compile(r"[+-]?0[0-9]+")  # 007 is a code; 0.7 and 0 are numbers
WHOLE = re.compile(r"[+-]?[0-9]+(\.0*)?")

_MINUS = "\u2010\u2011\u2012\u2013\u2212\ufe58\ufe63\u207b\u208b"
_IN_ASCII = {
    **dict.fromkeys(_MINUS, "-"),
    **dict.fromkeys("\u2019\u02bc\u00b4", "'"),
    **{"\u066b": ".", "\u066c": "'"},  # Arabic marks
    "\u221e": "inf",
}
_QUOTED = re.compile(
    "=?\"(.+)\"|=?'(.+)'|`(.+)`|[\u2018\u201c\u201e\u00ab](.+)['\u201c\u201d\u00bb]"
)
QUOTES = "=\"'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"  # what may stand around a number
QUOTED_CODE = re.compile(rf"[{QUOTES}]*[+-]?0[0-9]+[{QUOTES}]*")
#: Currencies in letters, beside all signs of Unicode's category Sc.
_CURRENCIES = (
    r"(?:(?:USD?|CAD?|AUD?|HKD?|NTD?|NZD?|MXN?|A|C|R|S) ?\$|S/\.?|B/\.|USD|EUR|EUROS?|GBP"
    r"|CHF|JPY|CNY|RMB|INR|SEK|NOK|DKK|ISK|Rp\.?|PLN|CZK|HUF|RON|BGN|RUB|UAH|TRY|ILS|AED|SAR|ZAR|NGN|KES|GHS|EGP|MAD"
    r"|BRL|MXN|ARS|CLP|COP|PEN|CAD|AUD|NZD|SGD|HKD|TWD|KRW|THB|IDR|MYR|PHP|VND|PKR|BDT|LKR"
    r"|Rs\.?|SFr\.?|Fr\.|kr\.?|zł|Kč|Ft|TL|руб\.?)"
)
_WORD_BEFORE = re.compile(rf"{_CURRENCIES}(?=[\s\d(.,+-])", re.IGNORECASE)
_WORD_BEHIND = re.compile(rf"(?<=[\s\d).,-]){_CURRENCIES}$", re.IGNORECASE)
OTHER = {".": ",", ",": "."}  # what groups thousands where the one is the decimal mark
PERCENT = "%\u2030\u066a\ufe6a"
MOST_SIGNS = 400  # more digits make no finite number
_PRICE = re.compile(r"(.*[0-9])[.,]-{1,2}")  # 500.- and 5,--
_DIGITS = re.compile(r"[.,' _]*[0-9][0-9.,' _]*")
_UNSURE = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_SIMPLE = re.compile(r"([+-]?)([.,]?[0-9][0-9.,' _]*)")
_EXPONENT = re.compile(r"(?:[eE]([+-]?[0-9]+)|[dD]([+-][0-9]+)| ?[×x*] ?10\^?([+-]?[0-9]+))$")


@dataclass(frozen=True)
class Convention:
    """How numbers and dates are written; ``None`` where it is to be found.

    Attributes
    ----------
    decimal : str, optional
        The decimal mark, a dot or a comma.
    thousands : str, optional
        The mark of thousands; the only one that is taken for one.
    day_first : bool, optional
        In dates such as 3/4/2024.
    """

    decimal: str | None = None
    thousands: str | None = None
    day_first: bool | None = None

    @property
    def told(self) -> str | None:
        """The decimal mark, if it is given, or follows from that of thousands."""
        return self.decimal or OTHER.get(self.thousands or "")


@dataclass(frozen=True)
class Stripped:
    """A number without what stands around its digits.

    Attributes
    ----------
    negative : bool
    body : str
        Digits with decimal and grouping marks.
    exponent : str
        ``"e3"``, or nothing.
    around : frozenset of str
        What was taken away, as a note shows it.
    unit : str
        The percent sign or the currency.
    """

    negative: bool
    body: str
    exponent: str
    around: frozenset[str]
    unit: str


def stripped(text: str) -> Stripped | None:
    """Take away signs, parentheses, currencies and percent signs; None if no digits are left."""
    if len(text) > MOST_SIGNS:
        return None
    simple = _SIMPLE.fullmatch(text)
    if simple:
        return Stripped(simple[1] == "-", simple[2], "", frozenset(), "")
    rest, around = uniform(text)
    signs, parentheses, unit = "", False, ""
    while True:
        rest = rest.strip(" ")
        quoted = None if "quotes" in around else _QUOTED.fullmatch(rest)
        if quoted:  # exported twice, or made text for a spreadsheet
            rest = next(filter(None, quoted.groups()))
            around.add("quotes")
        elif rest[:1] == "(" and rest[-1:] == ")" and not parentheses:
            rest, parentheses = rest[1:-1], True
            around.add("parentheses for minus")
        elif rest[-1:] == "-" and (price := _PRICE.fullmatch(rest)):
            rest = price[1]
            around.add("'.-'")
        elif rest[:1] in ("+", "-") and not signs:
            signs, rest = rest[0], rest[1:]
        elif rest[-1:] == "-" and not signs:  # but 3+ is three or more
            signs, rest = "-", rest[:-1]
            around.add("minus behind")
        elif rest[:1] == "'" and rest[1:2] != "'":  # so spreadsheets mark a number as text
            rest = rest[1:]
            around.add("an apostrophe in front")
        elif not unit and (found := _unit(rest)):
            unit, rest = found
            around.add(f"'{unit}'")
        else:
            break
    exponent = _EXPONENT.search(rest)
    power = next((p for p in exponent.groups() if p), "") if exponent else ""
    if exponent and exponent[1] is None:
        around.add("powers of ten")
    rest = rest[: exponent.start()] if exponent else rest
    if not _DIGITS.fullmatch(rest) or (signs and parentheses):
        return None
    minus = signs == "-" or parentheses
    return Stripped(minus, rest, f"e{power}" if power else "", frozenset(around), unit)


def uniform(text: str) -> tuple[str, set[str]]:
    """Digits, signs, apostrophes and blanks in one form each, and what was not in it."""
    if text.isascii():
        return re.sub(r"\s", " ", text), set()
    around: set[str] = set()
    written = []
    for c in visible(text):
        if "\uff01" <= c <= "\uff5e":  # as East Asian programs write what ASCII has
            around.add("full-width signs")
            c = chr(ord(c) - 0xFEE0)
        if c in _MINUS:
            around.add(f"'{c}' for minus")
        if c.isspace():
            c = " "
        elif not c.isascii() and unicodedata.category(c) == "Nd":
            around.add("digits of another script")
            c = str(unicodedata.digit(c))
        written.append(_IN_ASCII.get(c, c))
    return "".join(written), around


def _unit(text: str) -> tuple[str, str] | None:
    """A currency or percent sign at either end, and what is left without it."""
    if not text:
        return None
    before, behind = (text[0], text[1:]), (text[-1], text[:-1])
    for sign, rest in (behind, before):  # in front as Turkish has it
        if sign in PERCENT:
            return sign, rest
    if word := _WORD_BEFORE.match(text):
        return word[0], text[word.end() :]
    if word := _WORD_BEHIND.search(text):
        return word[0], text[: word.start()]
    for sign, rest in (before, behind):
        if unicodedata.category(sign) == "Sc":
            return sign, rest
    return None


# Marks --------------------------------------------------------------------------------------------


def proof(body: str) -> str | None:
    """The decimal mark that one number proves, if it does.

    >>> proof("1.5"), proof("1.234.567"), proof("1.234,5"), proof("0,123"), proof("1,234")
    ('.', ',', ',', ',', None)
    """
    marks = [c for c in body if c in ".,"]
    if not marks:
        return None
    if len(set(marks)) == 2:
        return marks[-1] if marks.count(marks[-1]) == 1 else None
    if len(marks) > 1:
        return OTHER[marks[0]]
    return None if _UNSURE.fullmatch(body) else marks[0]


def proven(bodies: Mapping[str, int] | Iterable[str]) -> Counter[str]:
    """How many of these numbers prove which decimal mark."""
    counted = bodies if isinstance(bodies, Mapping) else Counter(bodies)
    found: Counter[str] = Counter()
    for body, count in counted.items():
        mark = proof(body)
        if mark is not None:
            found[mark] += count
    return found


def decided(votes: Counter[str]) -> str | None:
    """The decimal mark that more numbers prove than prove the other one."""
    return None if votes["."] == votes[","] else max(votes, key=votes.__getitem__)


def plain_form(number: Stripped, decimal: str, thousands: str | None) -> str | None:
    """The number as every program reads it, or None if it breaks the convention."""
    whole, mark, fraction = number.body.partition(decimal)
    grouping = {c for c in whole if c in ".,' _"}
    if not (fraction.isdigit() or not fraction) or len(grouping) > 1:
        return None
    if grouping:
        (group,) = grouping
        if thousands is not None and group != thousands:
            return None
        groups = whole.split(group)
        sizes = [len(g) for g in groups]
        by_three = all(size == 3 for size in sizes[1:]) and 1 <= sizes[0] <= 3
        indian = sizes[-1] == 3 and all(s == 2 for s in sizes[1:-1]) and 1 <= sizes[0] <= 2
        if not (by_three or indian) or groups[0].startswith("0"):
            return None
        whole = "".join(groups)
    if not whole and not fraction:
        return None
    return (
        f"{'-' if number.negative else ''}{whole}{'.' if mark else ''}{fraction}{number.exponent}"
    )


def grouping_of(body: str, decimal: str) -> str | None:
    """The mark of thousands in a number."""
    found = re.search(r"[.,' _]", body.partition(decimal)[0])
    return found[0] if found else None
