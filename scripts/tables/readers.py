"""From a source's file, as its package ships it, to a frame of numbers and documented levels."""

from __future__ import annotations

import bz2
import io
from collections.abc import Mapping

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
    frame[source.target] = translate(raw, source.target, source.classes)
    if frame[source.target].isna().any():
        raise ValueError(f"{source.name}: the target has missing values.")
    return subsample(frame, source)


def raw_columns(source: Source, content: bytes) -> pd.DataFrame:
    """The declared columns as strings, by name."""
    if source.file.endswith(".bz2"):
        content = bz2.decompress(content)
    layout, names = source.layout, [*source.columns, source.target]
    if layout.target_first:
        names = [source.target, *source.columns]
    if layout.row_names:
        names = ["", *names]
    if layout.format == "scikit-learn":
        frame = carried(source.file, names)
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


FORMATS = {"delimited": delimited, "headed": headed, "arff": arff}


def carried(function: str, names: list[str]) -> pd.DataFrame:
    """A table that scikit-learn carries itself."""
    from sklearn import datasets

    bunch = getattr(datasets, function)()
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


PREPARATIONS = {work.__name__: work for work in (australian_age, mortgage_codes)}


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
    """`source.sample` rows, drawn within the classes, in the source's order."""
    if source.sample is None:
        return frame
    share = source.sample / len(frame)
    rng = generator("embedded sample", source.name)
    chosen: list[int] = []
    labels = frame[source.target].to_numpy()
    for label in source.classes.values():
        rows = np.flatnonzero(labels == label)
        chosen += rng.choice(rows, size=round(share * len(rows)), replace=False).tolist()
    return frame.iloc[sorted(chosen)].reset_index(drop=True)
