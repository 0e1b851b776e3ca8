"""A table of one's own: a CSV or parquet file becomes a `Table`, or is refused in one sentence.

Missing are empty fields and the usual marks (`MISSING`). Rows whose target is missing are left out;
repeated rows are kept; both are noted. What becomes of a column stands in `bench.datasets.columns`.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from bench.datasets.columns import features_of, natural_order, rows, text_of
from bench.datasets.splits import require_rows
from bench.names import check, safe
from bench.table import Table, TableError

#: What stands for "no value". "None" and "none" do not: they are a level of many a real column.
MISSING = frozenset(
    {"", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "NULL", "null"}
)
SEPARATORS = ",;\t|"


def load(
    path: str | Path | None,
    target: str | None,
    categorical: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    name: str | None = None,
    domain: str = "other",
    max_classes: int = 10,
    separator: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
) -> Table:
    """Read a table from a CSV or parquet file; what had to be done to it stands in its ``notes``.

    Parameters
    ----------
    path : str or Path
        The file. Parquet is told by its content, everything else is read as CSV with a header.
    target : str
        The column to predict; its distinct values are the classes.
    categorical : sequence of str, optional
        Columns that hold categories although they hold numbers. Text is categorical anyway.
    drop : sequence of str
        Columns to leave out.
    name : str, optional
        What the table is called; the file's name without its ending by default. The name decides
        the splits.
    domain : str
        ``healthcare``, ``finance`` or ``other``; results are also shown by domain.
    max_classes : int
        How many classes the model can tell apart.
    separator : str, optional
        Of a CSV; by default whichever of comma, semicolon, tab and bar the header holds most.
    decimal : str
        The decimal mark of a CSV.
    encoding : str
        Of a CSV.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        If the file cannot be used; one sentence that says which column and what to do.
    """
    table, notes = read(
        path, target, categorical, drop, name, domain, max_classes, separator, decimal, encoding
    )
    return replace(table, notes=notes)


def read(
    path: str | Path | None,
    target: str | None,
    categorical: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    name: str | None = None,
    domain: str = "other",
    max_classes: int = 10,
    separator: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
) -> tuple[Table, tuple[str, ...]]:
    """As `load`, with the notes apart."""
    if path is None or target is None:
        missing = "path=FILE" if path is None else "target=COLUMN"
        raise TableError(f"Your own table needs {missing}: dataset=csv path=FILE target=COLUMN.")
    path = Path(str(path)).expanduser()
    name = check("dataset", str(name)) if name else safe(path.stem)
    content = _content(path, name)
    if content.startswith(b"PAR1"):
        frame = _parquet(content, name)
    else:
        frame = _csv(content, name, path, separator, encoding)
    frame, notes = _named_columns(frame, name)
    frame = frame.apply(_stripped)
    target = str(target)
    categorical = [str(column) for column in categorical or ()]
    drop = [str(column) for column in drop or ()]
    for column in (target, *categorical, *drop):
        _require(column, frame, name)
    if target in drop:
        raise TableError(
            f"Dataset '{name}': column '{target}' is the target and cannot be dropped."
        )
    frame = frame.drop(columns=drop)
    frame, dropped = _with_target(frame, target, name)
    y, classes = _labels(frame[target], name, target, max_classes)
    features = frame.drop(columns=target).reset_index(drop=True)
    X, kinds, more = features_of(features, frozenset(categorical), decimal, name)
    table = Table(name, X, y, kinds, classes, target, domain)
    require_rows(table)
    return table, (*notes, *dropped, *more, *_repeats(table))


# The file -----------------------------------------------------------------------------------------


def _content(path: Path, name: str) -> bytes:
    """The file's bytes; what is plainly neither text nor parquet is refused."""
    if str(path).startswith(("http:/", "https:/", "s3:/")):
        raise TableError(f"Dataset '{name}': {path} is no local file; download it first.")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise TableError(f"Dataset '{name}': there is no file {path}.") from None
    except IsADirectoryError:
        raise TableError(f"Dataset '{name}': {path} is a folder, not a file.") from None
    except OSError as error:
        why = error.strerror or "unknown reason"
        raise TableError(f"Dataset '{name}': {path} cannot be read ({why}).") from None
    if not content.strip():
        raise TableError(f"Dataset '{name}': {path} is empty.")
    packed = {b"PK\x03\x04": "a zip or Excel file", b"\x1f\x8b": "gzip-compressed"}
    for magic, what in packed.items():
        if content.startswith(magic):
            raise TableError(
                f"Dataset '{name}': {path} is {what}; save it as plain CSV or as parquet."
            )
    if path.suffix == ".parquet" and not content.startswith(b"PAR1"):
        raise TableError(f"Dataset '{name}': {path} is called parquet, but is no parquet file.")
    return content


def _parquet(content: bytes, name: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(content))
        _refuse_repeated([str(column) for column in file.schema_arrow.names], name)
        table = file.read()
        # Without pandas' metadata, by which a stored index would vanish from the columns.
        frame = table.replace_schema_metadata(None).to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, TableError):  # a ValueError too
            raise
        raise TableError(
            f"Dataset '{name}': the parquet file cannot be read; it is damaged or incomplete."
        ) from None
    if not len(frame):
        raise TableError(f"Dataset '{name}': the file has columns, but no rows.")
    return frame


def _csv(
    content: bytes, name: str, path: Path, separator: str | None, encoding: str
) -> pd.DataFrame:
    """All fields as text."""
    text = _decode(content, name, path, encoding)
    lines = io.StringIO(text, newline="")
    try:
        separator = separator or _separator(text)
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except (csv.Error, TypeError) as error:
        raise TableError(f"Dataset '{name}': {path} cannot be read as CSV ({error}).") from None
    header, body = [column.strip() for column in rows[0]], rows[1:]
    if not body:
        raise TableError(f"Dataset '{name}': the file has a header, but no rows.")
    for number, row in enumerate(body, 1):
        if len(row) != len(header):
            raise TableError(
                f"Dataset '{name}': row {number} has {len(row)} fields, the header has "
                f"{len(header)} (separator {separator!r}); is {path} a CSV?"
            )
    _refuse_repeated([column for column in header if column], name)
    frame = pd.DataFrame(dict(enumerate(zip(*body))), dtype=object)
    frame.columns = pd.Index(header)
    return frame


def _decode(content: bytes, name: str, path: Path, encoding: str) -> str:
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"  # Excel writes a byte order mark
    try:
        text = content.decode(encoding)
    except LookupError:
        raise TableError(f"Dataset '{name}': there is no encoding '{encoding}'.") from None
    except UnicodeDecodeError as error:
        guess = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
        raise TableError(
            f"Dataset '{name}': {path} is no {error.encoding.removesuffix('-sig')} text (byte "
            f"{error.start}); name its encoding, for instance dataset.encoding={guess}."
        ) from None
    if "\0" in text:
        raise TableError(f"Dataset '{name}': {path} is no text file, hence no CSV.")
    return text


def _separator(text: str) -> str:
    """The one that cuts the header into most fields, quotes respected."""
    header = next(line for line in text.splitlines() if line.strip())
    return max(SEPARATORS, key=lambda mark: len(next(csv.reader([header], delimiter=mark))))


# Columns ------------------------------------------------------------------------------------------


def _refuse_repeated(columns: Sequence[str], name: str) -> None:
    seen: set[str] = set()
    for column in columns:
        if column in seen:
            raise TableError(
                f"Dataset '{name}': column '{column}' stands in the file twice; rename one."
            )
        seen.add(column)


def _named_columns(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Column names as strings; nameless row numbers, as pandas writes them, are left out."""
    names, kept, notes = [], [], []
    for position, column in enumerate(frame.columns):
        text = str(column)
        if text in ("", "__index_level_0__") and _is_row_number(frame.iloc[:, position]):
            notes.append(
                f"Dataset '{name}': column {position + 1} has no name and counts the rows; "
                "it was kept out."
            )
            continue
        names.append(text or f"column_{position + 1}")
        kept.append(position)
    _refuse_repeated(names, name)
    frame = frame.iloc[:, kept]
    frame.columns = pd.Index(names)
    return frame, notes


def _is_row_number(values: pd.Series) -> bool:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    count = np.arange(len(numbers))
    return bool((numbers == count).all() or (numbers == count + 1).all())


def _stripped(values: pd.Series) -> pd.Series:
    """Text without blanks around it; marks of a missing value become NaN."""
    if values.dtype != object:
        return values

    def strip(value: object) -> object:
        if not isinstance(value, str):
            return value
        return np.nan if value.strip() in MISSING else value.strip()

    return values.map(strip, na_action="ignore")


def _require(column: str, frame: pd.DataFrame, name: str) -> None:
    if column in frame.columns:
        return
    close = difflib.get_close_matches(column, frame.columns, n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    shown = ", ".join(f"'{known}'" for known in frame.columns[:20])
    more = f" and {frame.shape[1] - 20} more" if frame.shape[1] > 20 else ""
    raise TableError(
        f"Dataset '{name}' has no column '{column}'{hint}; the file has {shown}{more}."
    )


def _with_target(
    frame: pd.DataFrame, target: str, name: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows whose target is known."""
    known = frame[target].notna()
    dropped = int((~known).sum())
    if dropped == len(frame):
        raise TableError(f"Dataset '{name}': target '{target}' is missing in every row.")
    if not dropped:
        return frame, ()
    note = f"Dataset '{name}': {rows(dropped)} without a value of '{target}' left out."
    return frame[known], (note,)


def _labels(
    values: pd.Series, name: str, target: str, max_classes: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class codes and class labels, in natural order."""
    labels = text_of(values, name, target)
    classes = tuple(sorted(set(labels), key=natural_order))
    if len(classes) < 2:
        raise TableError(
            f"Dataset '{name}': target '{target}' has only one class, '{classes[0]}'; "
            "classification needs at least two."
        )
    if len(classes) > max_classes:
        continuous = all(natural_order(label)[0] == 0 for label in classes)
        hint = " If it is a quantity, cut it into classes first." if continuous else ""
        raise TableError(
            f"Dataset '{name}': target '{target}' has {len(classes)} classes; "
            f"at most {max_classes} are possible.{hint}"
        )
    codes = {label: code for code, label in enumerate(classes)}
    return labels.map(codes).to_numpy(dtype=np.int64), classes


def _repeats(table: Table) -> list[str]:
    keys = pd.DataFrame({"row": table.row_keys(), "label": table.y})
    count = int(keys.duplicated().sum())
    if not count:
        return []
    verb = "repeats" if count == 1 else "repeat"
    return [f"Dataset '{table.name}': {rows(count)} {verb} an earlier row; kept as they are."]
