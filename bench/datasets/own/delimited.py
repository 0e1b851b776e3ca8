"""The fields of a CSV, read strictly: a row is never lost, nor cut, in silence.

A quote that does not close, text behind a closing quote and a row of another length are refused
with the line in the file. Backslashes before quotes (MySQL, Spark, R) are told from the grammar.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.datasets.own.characters import clean_name
from bench.datasets.own.raw import Raw, refuse_repeated
from bench.datasets.own.wording import shown
from bench.errors import TableError
from bench.phrases import counted

SEPARATORS = ",;\t|"
SAMPLED = 200  # records by which a separator is judged
_SEP_LINE = re.compile(r'\ufeff?"?sep=(.)"?[ \t;,]*(\r\n|\r|\n)', re.IGNORECASE)


@dataclass(frozen=True)
class Record:
    """One row of a file, and the lines that it stands on."""

    fields: list[str]
    first: int
    last: int


class Malformed(Exception):
    """The text breaks the grammar of CSV in the record that begins in this line."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def delimited(content: bytes, name: str, path: Path, separator: str | None, encoding: str) -> Raw:
    """Read a CSV with a header; all fields as text.

    Raises
    ------
    TableError
        If it is none, or a row of it cannot be told.
    """
    text, notes = decode(content, name, path, encoding)
    text, line = text.rstrip("\x1a"), 0  # as DOS ends a file
    announced = _SEP_LINE.match(text)
    if announced:  # Excel's own way to name the separator
        text, line = text[announced.end() :], 1
        separator = separator or announced[1]
        if not text.strip():
            raise TableError(f"Dataset '{name}': {path} is empty.")
    if separator is not None and len(separator) != 1:
        raise TableError(
            f"Dataset '{name}': {path} cannot be read as CSV: dataset.separator is one character, "
            f"not {shown(separator)}."
        )
    separator = separator or _separator(text)
    try:
        found = _rectangle(text, separator, line)
    except Malformed as reason:
        escaped = _with_backslashes(text, separator, line)
        if escaped is None:
            raise TableError(
                f"Dataset '{name}': {path} cannot be read as CSV: line {reason.line} {reason}."
            ) from None
        found = escaped
        notes.append(f"Dataset '{name}': backslashes before quotes were read as escapes.")
    header, body, remarks = found
    notes += [f"Dataset '{name}': {remark}" for remark in remarks]
    refuse_repeated([c for c in map(clean_name, header) if c], name)
    if not body:
        raise TableError(f"Dataset '{name}': the file has a header, but no rows.")
    frame = pd.DataFrame(dict(enumerate(zip(*(record.fields for record in body)))), dtype=object)
    frame.columns = pd.Index(header)
    return Raw(frame, separator, notes=tuple(notes))


# Text ---------------------------------------------------------------------------------------------


def decode(content: bytes, name: str, path: Path, encoding: str) -> tuple[str, list[str]]:
    """The file as text, and what to say of its encoding.

    Raises
    ------
    TableError
        If the encoding is another one, or none.
    """
    where = f"Dataset '{name}': {path}"
    marked, notes = _marked(content), []
    wide = None if marked else _wide(content)
    try:
        given = codecs.lookup(encoding).name
        if given == "utf-8":
            given = marked or given
        elif marked and not given.startswith(marked.removesuffix("-sig")):
            notes = [f"{where}: a byte order mark tells {marked}; it was not read as {encoding}."]
            given = marked
        if wide and given == "utf-8":
            raise TableError(f"{where} is {wide} text; say dataset.encoding={wide}.")
        text = content.decode(given)
    except TableError:
        raise
    except UnicodeDecodeError as error:
        # Windows' characters (€, curly quotes, dashes) lie where latin-1 has none.
        guess = "cp1252" if re.search(rb"[\x80-\x9f]", content) else "latin-1"
        raise TableError(
            f"{where} is no {error.encoding.removesuffix('-sig')} text (byte "
            f"{error.start}); name its encoding, for instance dataset.encoding={guess}."
        ) from None
    except (LookupError, ValueError):
        raise TableError(f"Dataset '{name}': there is no encoding '{encoding}'.") from None
    if "\0" in text:
        raise TableError(f"{where} is no text file, hence no CSV.")
    if not given.startswith("utf") and not content.isascii() and _is_utf8(content):
        notes = [f"{where} is UTF-8 text too; if its words look wrong, leave out dataset.encoding."]
    strange = re.search("[\x80-\x9f]", text)
    if strange and given.startswith("iso8859"):
        better = "cp1252 has them" if not notes else "utf-8 has them"
        raise TableError(
            f"{where} holds characters that {encoding} lacks (byte 0x{ord(strange[0]):x}); "
            f"dataset.encoding={better}."
        )
    return text, notes


def _marked(content: bytes) -> str | None:
    """The encoding that a byte order mark tells."""
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if content.startswith(codecs.BOM_UTF8) else None  # Excel writes it


def _wide(content: bytes) -> str | None:
    """UTF-16 or UTF-32 without its mark, in which the text has lines and separators."""
    if b"\0" not in content[:4096]:
        return None
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        size = int(encoding[4:6]) // 8
        text = content[: 4096 * size].decode(encoding, errors="replace")
        if "\0" not in text and re.search(r"[\r\n]", text) and set(text) & set(SEPARATORS):
            return encoding
    return None


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# The grammar --------------------------------------------------------------------------------------


def _records(text: str, separator: str, line: int) -> Iterator[Record]:
    """Rows of a CSV by the strict grammar, blank lines left out.

    Parameters
    ----------
    line : int
        Lines of the file before this text.

    Raises
    ------
    Malformed
    """
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=separator,
        strict=True,
        skipinitialspace=True,
    )
    while True:
        before = line + reader.line_num
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Malformed(before + 1, _reason(error)) from None
        if separator == " " and fields and not fields[-1]:
            fields = fields[:-1]  # blanks at the end of the line
        if fields and (len(fields) > 1 or fields[0].strip()):
            yield Record(fields, before + 1, line + reader.line_num)


def _reason(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end" in said:
        return "opens a quote that is never closed"
    if "expected after" in said:
        return (
            "has text behind a closing quote; write a quote within a quoted field twice, or close "
            "the one before"
        )
    if "field larger" in said:
        return (
            f"has a field longer than {csv.field_size_limit()} characters: a quote may be missing"
        )
    return f"breaks the grammar ({said})"


def _separator(text: str) -> str:
    """The one that cuts the first records into equally many fields, and the header into most."""
    samples = {mark: _sample(text, mark) for mark in SEPARATORS}
    best = max(SEPARATORS, key=lambda mark: _fitness(samples[mark]))
    if len(samples[best][0]) < 2 and _fitness(_sample(text, " "))[0]:
        return " "
    return best


def _sample(text: str, separator: str) -> list[list[str]]:
    found: list[list[str]] = []
    try:
        for record in itertools.islice(_records(text, separator, 0), SAMPLED):
            found.append(record.fields)
    except Malformed:
        found.append([])
    return found or [[]]


def _fitness(sample: Sequence[Sequence[str]]) -> tuple[int, int]:
    """How well a separator cuts: equally many fields in all rows, or one less in the header."""
    header, *body = [len(fields) for fields in sample]
    more = {size - header for size in body}
    rank = 0 if header < 2 else 2 if more <= {0} else 1 if more == {1} else 0
    return rank, header


def _with_backslashes(
    text: str, separator: str, line: int
) -> tuple[list[str], list[Record], list[str]] | None:
    r"""The rectangle of a file that writes \" for a quote within quotes, if it is one."""
    if '\\"' not in text:
        return None
    # Only these two are escapes here: a backslash before anything else is itself.
    doubled = re.sub(r'\\([\\"])', lambda found: '""' if found[1] == '"' else "\\", text)
    try:
        return _rectangle(doubled, separator, line)
    except Malformed:
        return None


# Rows of equal length -----------------------------------------------------------------------------


def _rectangle(text: str, separator: str, line: int) -> tuple[list[str], list[Record], list[str]]:
    """Header, rows of its length, and remarks.

    Raises
    ------
    Malformed
    """
    records = list(_records(text, separator, line))
    if not records:
        raise Malformed(line + 1, "and all others hold no field")
    first, *body = records
    header, remarks = first.fields, []
    size = len(header)
    if body and all(len(record.fields) == size + 1 for record in body):
        if not any(record.fields[-1].strip() for record in body):  # a separator ends each line
            body = [Record(r.fields[:-1], r.first, r.last) for r in body]
        elif separator in " \t" and len({record.fields[0] for record in body}) == len(body):
            # R's write.table; with commas it could be 1,750 cut in two
            header, size = ["", *header], size + 1
            remarks.append(
                "the header has one name less than the rows have fields; the first one "
                "was taken as the rows' names."
            )
    for record in body:
        if len(record.fields) != size:
            raise Malformed(
                record.first,
                f"has {len(record.fields)} fields, the header has {size} (separator {separator!r})",
            )
    _refuse_swallowed(body, size, separator)
    repeated = [record for record in body if record.fields == header]
    if repeated:
        body = [record for record in body if record.fields != header]
        remarks.append(
            f"{counted(len(repeated), 'row')} like the header (line {repeated[0].first}) left out."
        )
    return header, body, remarks


def _refuse_swallowed(body: Sequence[Record], size: int, separator: str) -> None:
    """Refuse a field that reads like the end of one row, whole rows, and the start of another.

    Two stray quotes make one field of the rows between them, and the grammar is content.
    """
    several = [record for record in body if record.last > record.first]
    if not several:
        return
    known = [
        {record.fields[i].strip() for record in body if record.last == record.first}
        for i in range(size)
    ]
    for record in several:
        for i, value in enumerate(record.fields):
            lines = re.split(r"\r\n|\r|\n", value)
            cut = [line.split(separator) for line in lines]
            if len(cut) < 2 or any(len(fields) != size for fields in cut[1:-1]):
                continue
            if i + len(cut[0]) != size or len(cut[-1]) != i + 1:
                continue
            columns = [*range(i + 1, size), *range(i)]
            pieces = [*cut[0][1:], *cut[-1][:-1]]
            if all(_fits(piece.strip(), known[c]) for piece, c in zip(pieces, columns)):
                raise Malformed(
                    record.first,
                    f"has a quoted field that runs to line {record.last} and holds what look like "
                    "rows: a quote is missing, or one too many",
                )


def _fits(piece: str, known: set[str]) -> bool:
    """Is this a value of a column as it has others?"""
    number = re.compile(r"[+-]?[\d.,]+")
    return piece in known or bool(
        number.fullmatch(piece) and any(number.fullmatch(value) for value in known)
    )
