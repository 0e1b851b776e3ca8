"""Rows that were handed in to choose the step by, read as those that are fitted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d

from bench.datasets.own.as_text import is_text, text_of_values
from bench.datasets.own.column_schema import ColumnSchema
from bench.datasets.own.frame import Owned
from bench.datasets.own.number_columns import prove
from bench.datasets.own.schema import Schema
from bench.datasets.own.strays import Unusable
from bench.datasets.own.typed import as_read
from bench.datasets.own.wording import shown
from bench.datasets.own.written_numbers import decided
from bench.errors import TableError
from bench.phrases import counted
from bench.table import Table


def validation(owned: Owned, X_val: pd.DataFrame | None, y_val: Any) -> Table | None:
    """The rows as a table; their notes are the fit's.

    Parameters
    ----------
    owned : Owned
        What is fitted.
    X_val : DataFrame, optional
        Under the names that the schema knows; None where none were handed in.
    y_val : array_like, shape (n_rows,)

    Raises
    ------
    TableError
        If they cannot be read as those that are fitted; one sentence.
    """
    if X_val is None:
        return None
    table, notes = owned.schema.table(X_val)
    y = np.asarray(column_or_1d(y_val))
    if len(y) != len(table):
        raise TableError(f"y_val has {counted(len(y), 'value')}, X_val {len(table)} rows.")
    if lacking := int(pd.isna(y).sum()):
        raise TableError(
            f"y_val has no value in {lacking} of {counted(len(y), 'row')}; leave those rows out of "
            "X_val and y_val."
        )
    if copies := int(np.isin(table.row_keys(), owned.table.row_keys()).sum()):
        notes.append(
            f"{copies} of {counted(len(y), 'row')} of X_val stand in X too: the model has learnt "
            "them, and the scores on them say little of new rows."
        )
    labels = owned.labels
    codes = _numbers(y_val, owned.schema) if labels is None else _codes(y, labels)
    return replace(table, y=codes, notes=tuple(notes))


def quantities(values: pd.Series, schema: Schema) -> tuple[np.ndarray, list[str]]:
    """Later values of a target of numbers, missing as NaN, and remarks.

    The decimal mark is the one that they prove together, or else that of the table's columns.

    Raises
    ------
    Unusable
        If one is no number.
    """
    text = text_of_values(values)
    of_columns = Counter(column.decimal for column in schema.columns.values() if column.decimal)
    mark = (prove(text) if is_text(values) else None) or decided(of_columns)
    found, remarks = ColumnSchema("numeric", "numbers", decimal=mark).read(values)
    if mark is None and is_text(values):
        unsure = text[text.str.fullmatch(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}", na=False)]
        if len(unsure):
            remarks.append(f"'.' was taken as the decimal mark in {shown(unsure.iloc[0])}.")
    return np.asarray(found, dtype=np.float64), remarks


def _numbers(y_val: Any, schema: Schema) -> np.ndarray:
    """Later values of a quantity, a finite one in each row."""
    values = as_read(pd.Series(y_val).reset_index(drop=True).to_frame("y_val"))["y_val"]
    try:
        numbers, _ = quantities(values, schema)
    except Unusable as reason:
        raise TableError(f"y_val {reason.why}, and y holds numbers.") from reason
    if lacking := int(np.isnan(numbers).sum()):
        raise TableError(f"y_val has no finite number in {counted(lacking, 'row')}.")
    return numbers


def _codes(y: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Values as places among the labels of those that were fitted."""
    known = np.isin(y, labels)
    if not known.all():
        raise TableError(f"y_val holds '{y[~known][0]}', a class that y has no row of.")
    return np.searchsorted(labels, y)
