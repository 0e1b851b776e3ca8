"""What becomes of a column of one's own table: its kind, inferred from its content.

==========================================  ========================================================
column                                      becomes
==========================================  ========================================================
named in ``categorical``                    categorical, whatever it holds
numbers, all whole                          integer (codes of categories must be named!)
numbers                                     numeric; ±inf becomes missing
text, or numbers written as 007             categorical
text with nearly as many values as rows     refused: it can be dropped or named in ``categorical``
yes/no, true/false, booleans                categorical
dates and times (ISO 8601, or a date type)  numeric: days since 1970-01-01, UTC
constant or without any value               kept out, noted
nested values, bytes, durations             refused
==========================================  ========================================================
"""

from __future__ import annotations

import datetime
import decimal as decimals
import re

import numpy as np
import pandas as pd

from bench.table import Kind, TableError

#: A text column with more distinct values than this, and than half its rows, is free text.
MAX_LEVELS_OF_FEW_ROWS = 20

_CODE = re.compile(r"[+-]?0\d+")  # 007 is a code; 0.7 and 0 are numbers
_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?"
)


def features_of(
    frame: pd.DataFrame, categorical: frozenset[str], decimal: str, name: str
) -> tuple[pd.DataFrame, dict[str, Kind], list[str]]:
    """Feature columns with their kinds, and what must be noted about them."""
    columns: dict[str, np.ndarray | pd.Categorical] = {}
    kinds: dict[str, Kind] = {}
    notes = []
    for column in frame.columns:
        where = f"Dataset '{name}', column '{column}'"
        values = frame[column]
        if not values.notna().any():
            notes.append(f"{where}: holds no value; it was kept out.")
            continue
        content, remarks = (
            (_categories(values, name, column), [])
            if column in categorical
            else _inferred(values, name, column, decimal)
        )
        notes += [f"{where}: {remark}" for remark in remarks]
        if pd.Series(content).nunique() < 2:
            notes.append(f"{where}: has only one value; it was kept out.")
            continue
        columns[column] = content
        kinds[column] = _kind(content)
    if not columns:
        raise TableError(f"Dataset '{name}': no feature column with two or more values is left.")
    return pd.DataFrame(columns, index=range(len(frame))), kinds, notes


def _kind(content: np.ndarray | pd.Categorical) -> Kind:
    if isinstance(content, pd.Categorical):
        return "categorical"
    present = content[~np.isnan(content)]
    return "integer" if (present == np.round(present)).all() else "numeric"


def _inferred(
    values: pd.Series, name: str, column: str, decimal: str
) -> tuple[np.ndarray | pd.Categorical, list[str]]:
    """Numbers or categories, by the rules at the head of this file, and remarks."""
    if isinstance(values.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(values.dtype):
        return _categories(values, name, column), []
    if pd.api.types.is_numeric_dtype(values.dtype):
        return _finite(values, name, column)
    days = _days(values)
    if days is not None:
        return days, ["dates were turned into days since 1970-01-01."]
    present = values.dropna()
    if all(isinstance(value, bool | np.bool_) for value in present):
        return _categories(values, name, column), []
    if all(isinstance(value, decimals.Decimal | int | float) for value in present):
        return _finite(values.astype(np.float64), name, column)
    text = text_of(values, name, column)
    numbers = _numbers(text, decimal)
    if numbers is not None:
        return _finite(numbers, name, column)
    _refuse_free_text(text, name, column, decimal)
    return _categories(values, name, column), []


def _finite(values: pd.Series, name: str, column: str) -> tuple[np.ndarray, list[str]]:
    """Floats; ±inf is no measurement that a model could learn from, hence missing."""
    if pd.api.types.is_complex_dtype(values.dtype):
        raise TableError(
            f"Dataset '{name}', column '{column}': complex numbers cannot be used; "
            f"leave it out with 'dataset.drop=[{column}]'."
        )
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    infinite = np.isinf(numbers)
    numbers[infinite] = np.nan
    remarks = []
    if infinite.any():
        remarks.append(f"{rows(int(infinite.sum()))} with an infinite value, taken as missing.")
    if len(numbers) > 2 and (np.diff(numbers) == 1).all():
        remarks.append("seems to count the rows; if it does, leave it out with dataset.drop.")
    return numbers, remarks


def _numbers(text: pd.Series, decimal: str) -> pd.Series | None:
    """The text's numbers, or None if some of it is no number."""
    present = text.dropna()
    if present.map(lambda value: bool(_CODE.fullmatch(value))).any():
        return None
    if decimal != ".":
        text = text.str.replace(decimal, ".", regex=False)
    numbers = pd.to_numeric(text, errors="coerce").astype(np.float64)
    return numbers if numbers.notna().sum() == len(present) else None


def _days(values: pd.Series) -> np.ndarray | None:
    """Days since 1970-01-01 (UTC), or None if these are no dates."""
    present = values.dropna()
    is_date = pd.api.types.is_datetime64_any_dtype(values.dtype) or all(
        isinstance(value, datetime.date)
        or (isinstance(value, str) and bool(_DATE.fullmatch(value)))
        for value in present
    )
    if not is_date:
        return None
    try:
        moments = pd.to_datetime(values, utc=True, format="ISO8601", errors="raise")
    except (ValueError, TypeError, OverflowError):
        return None  # 2024-13-45 looks like a date, but is none
    days = (moments - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)
    return days.to_numpy(dtype=np.float64)


def _refuse_free_text(text: pd.Series, name: str, column: str, decimal: str) -> None:
    present = text.dropna()
    levels = present.nunique()
    if levels <= max(MAX_LEVELS_OF_FEW_ROWS, len(present) / 2):
        return
    where = f"Dataset '{name}', column '{column}'"
    marks = present.str.replace(decimal, ".", regex=False) if decimal != "." else present
    parsed = pd.to_numeric(marks, errors="coerce").notna()
    if parsed.mean() > 0.5 and not parsed.all():
        raise TableError(
            f"{where}: holds numbers, but also text such as '{present[~parsed].iloc[0]}'; "
            f"empty those fields, or leave the column out with 'dataset.drop=[{column}]'."
        )
    raise TableError(
        f"{where}: is free text or an identifier ({levels} distinct values in {len(present)} "
        f"rows); leave it out with 'dataset.drop=[{column}]'."
    )


def _categories(values: pd.Series, name: str, column: str) -> pd.Categorical:
    text = text_of(values, name, column)
    levels = sorted(set(text.dropna()), key=natural_order)
    return pd.Categorical(text, categories=levels)


def text_of(values: pd.Series, name: str, column: str) -> pd.Series:
    """Each value as text, whole numbers without a fraction; missing stays NaN."""
    return values.astype(object).map(lambda value: _text(value, name, column), na_action="ignore")


def _text(value: object, name: str, column: str) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    plain = str | bool | np.bool_ | int | float | np.integer | np.floating
    if isinstance(value, plain | decimals.Decimal | datetime.date):
        return str(value)
    raise TableError(
        f"Dataset '{name}', column '{column}': values of type {type(value).__name__} cannot be "
        f"used; leave it out with 'dataset.drop=[{column}]'."
    )


def natural_order(label: str) -> tuple[int, float, str]:
    """Sort key: numbers by value, then text."""
    try:
        number = float(label)
    except ValueError:
        return (1, 0.0, label)
    return (0, number, label) if np.isfinite(number) else (1, 0.0, label)


def rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
