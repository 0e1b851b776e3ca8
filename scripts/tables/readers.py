"""From a source's file, as its package ships it, to a frame of numbers and documented levels."""

from __future__ import annotations

import bz2
import io
import zipfile
from collections.abc import Mapping
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from bench.seeds import generator
from scripts.tables.sources import Kind, Layout, Source

MISSING = ["", "?", "NA"]


def read(source: Source, content: bytes) -> pd.DataFrame:
    """The source's table: numbers, and strings with documented levels; the target comes last.

    Parameters
    ----------
    content : bytes
        Of the source's file; unused where scikit-learn carries the table.

    Raises
    ------
    ValueError
        If a column is not what it is declared to be.
    """
    raw = raw_columns(source, content)
    if source.prepare is not None:
        raw = PREPARATIONS[source.prepare](raw)
    raw = raw.mask(raw.isin(MISSING))
    frame = pd.DataFrame({name: convert(raw, name, kind) for name, kind in source.columns.items()})
    if source.classes:
        frame[source.target] = translate(raw, source.target, source.classes)
    else:
        frame[source.target] = convert(raw, source.target, "numeric")
    if frame[source.target].isna().any():
        raise ValueError(f"{source.name}: the target has missing values.")
    return subsample(frame, source)


def raw_columns(source: Source, content: bytes) -> pd.DataFrame:
    """The declared columns as strings, by name."""
    if source.file.endswith(".bz2"):
        content = bz2.decompress(content)
    if source.file.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(archive.namelist()[0])
    layout, names = source.layout, [*source.columns, source.target]
    if layout.target_first:
        names = [source.target, *source.columns]
    if layout.row_names:
        names = ["", *names]
    names = list(layout.names) or names
    if layout.format == "scikit-learn":
        frame = carried(source.file, layout.options, names)
    else:
        frame = FORMATS[layout.format](content, layout, names)
    return frame[[*source.columns, source.target]]


# Formats ------------------------------------------------------------------------------------------


def delimited(content: bytes, layout: Layout, names: list[str]) -> pd.DataFrame:
    """Text without a header; ARFF-like ``@`` and ``%`` lines are skipped."""
    lines = content.decode().splitlines()[layout.skip :]
    lines = [line for line in lines if line.strip() and line[0] not in "@%$"]
    if layout.separator == " ":
        rows = [line.split() for line in lines]
    else:
        rows = [[value.strip() for value in line.split(layout.separator)] for line in lines]
    return pd.DataFrame(rows, columns=names, dtype=str)


def headed(content: bytes, layout: Layout, names: list[str]) -> pd.DataFrame:
    """Text whose header names the columns."""
    text, sep = io.BytesIO(content), layout.separator
    return pd.read_csv(text, sep=sep, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def arff(content: bytes, layout: Layout, names: list[str]) -> pd.DataFrame:
    """ARFF whose attributes are declared in the file."""
    lines = content.decode("latin-1").splitlines()
    declared = [line.split()[1] for line in lines if line.startswith("@attribute")]
    start = lines.index("@data") + 1
    rows = [line.split(",") for line in lines[start:] if line.strip()]
    return pd.DataFrame(rows, columns=declared, dtype=str)


def workbook(content: bytes, layout: Layout, names: list[str]) -> pd.DataFrame:
    """The numbers of an Excel file's first sheet, in which no cell is empty."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheet = ElementTree.fromstring(parts.read("xl/worksheets/sheet1.xml"))
    rows = [[cell.findtext("{*}v") for cell in row] for row in sheet.iterfind(".//{*}row")]
    return pd.DataFrame(rows[layout.skip :], columns=names, dtype=str)


FORMATS = {"delimited": delimited, "headed": headed, "arff": arff, "workbook": workbook}


def carried(function: str, options: Mapping[str, bool], names: list[str]) -> pd.DataFrame:
    """A table that scikit-learn carries itself."""
    from sklearn import datasets

    bunch = getattr(datasets, function)(**options)
    frame = pd.DataFrame(bunch.data, columns=names[:-1]).astype(str)
    return frame.assign(**{names[-1]: bunch.target.astype(str)})


# Preparations -------------------------------------------------------------------------------------


def australian_age(frame: pd.DataFrame) -> pd.DataFrame:
    """Put back the decimal point of A2: ages from 13.75 to 80.25 have two digits before it."""
    digits = frame["A2"].str.removesuffix(".0")
    age = digits.str[:2] + "." + digits.str[2:].where(digits.str.len() > 2, "0")
    assert age.astype(float).between(13.75, 80.25).all()
    return frame.assign(A2=age)


def mortgage_codes(frame: pd.DataFrame) -> pd.DataFrame:
    """The study's codes for "not known" become missing values."""
    codes = {"gdlin": 666, "lines": 999999, "term": 999999, "liq": 999999, "review": 999}
    for column, code in codes.items():
        known = pd.to_numeric(frame[column], errors="coerce") < code
        frame = frame.assign(**{column: frame[column].where(known, "")})
    return frame.replace(r"\.0$", "", regex=True)


def known_price(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows whose price is known."""
    return frame[~frame["price"].isin(MISSING)].reset_index(drop=True)


def any_pension(frame: pd.DataFrame) -> pd.DataFrame:
    """Of a pension's value remains whether there is one."""
    return frame.assign(pension=(frame["pension"].astype(float) > 0).astype(int).astype(str))


def whole_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Codes are written without a decimal point."""
    return frame.replace(r"\.0$", "", regex=True)


PREPARATIONS = {
    work.__name__: work
    for work in (any_pension, australian_age, known_price, mortgage_codes, whole_numbers)
}


# Columns and rows ---------------------------------------------------------------------------------


def convert(raw: pd.DataFrame, name: str, kind: Kind) -> pd.Series:
    """A feature column as numbers or level names."""
    if isinstance(kind, Mapping):
        return translate(raw, name, kind)
    if kind == "categorical":
        return raw[name]
    numbers = pd.to_numeric(raw[name]).astype(np.float64)
    present = numbers.dropna()
    if kind == "integer" and (present != present.round()).any():
        raise ValueError(f"Column '{name}' is declared {kind}, but holds fractions.")
    return numbers


def translate(raw: pd.DataFrame, name: str, levels: Mapping[str, str]) -> pd.Series:
    """Replace codes by levels; a code without a level is an error, and so is the reverse."""
    codes = set(raw[name].dropna())
    if codes != set(levels):
        raise ValueError(f"Column '{name}': codes {sorted(codes ^ set(levels))} do not match.")
    return raw[name].map(levels)


def subsample(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """`source.sample` rows, drawn within the classes if there are any, in the source's order."""
    if source.sample is None:
        return frame
    share = source.sample / len(frame)
    rng = generator("embedded sample", source.name)
    chosen: list[int] = []
    labels = frame[source.target].to_numpy()
    within = [np.flatnonzero(labels == label) for label in source.classes.values()]
    for rows in within or [np.arange(len(frame))]:
        chosen += rng.choice(rows, size=round(share * len(rows)), replace=False).tolist()
    return frame.iloc[sorted(chosen)].reset_index(drop=True)
