"""Values as text, as a person would type them: what levels and labels are told by."""

from __future__ import annotations

import datetime
import decimal as decimals

import numpy as np
import pandas as pd

from bench.datasets.own.strays import Unusable
from bench.errors import TableError


def is_text(values: pd.Series) -> bool:
    """Is every present value a text?"""
    return values.dtype == object and all(isinstance(value, str) for value in values.dropna())


def text_of(values: pd.Series, name: str, column: str) -> pd.Series:
    """Each value as text, whole numbers without a fraction; missing stays NaN.

    Raises
    ------
    TableError
        If a value is neither text, a number nor a date.
    """
    try:
        return text_of_values(values)
    except Unusable as reason:
        raise TableError(f"Dataset '{name}', column '{column}': {reason.why}.") from None


def text_of_values(values: pd.Series) -> pd.Series:
    """Give each value as `text_of` does; what is none is `Unusable`."""
    if is_text(values):
        return values
    if values.dtype in (np.float16, np.float32):
        # 0.1 of 32 bits is 0.1 to people; as a float of 64 bits it is 0.10000000149011612
        objects = pd.Series(list(values.to_numpy()), index=values.index, dtype=object)
    else:
        objects = values.astype(object)
    return objects.map(_text, na_action="ignore").astype(object)


def _text(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    plain = str | bool | np.bool_ | int | float | np.integer | np.floating
    if isinstance(value, plain | decimals.Decimal | datetime.date):
        return str(value)
    raise Unusable(f"holds values of type {type(value).__name__}, which cannot be used")
