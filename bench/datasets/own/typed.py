"""A DataFrame's columns as a file's would come: text as text, typed values as they are.

Whatever a library keeps in a type of its own (pandas' strings, pyarrow's columns, sparse ones) is
what it stands for. Nothing of the frame is changed.
"""

from __future__ import annotations

import pandas as pd

from bench.datasets.own.parquet import column_of

_NO_VALUES = pd.DatetimeIndex | pd.TimedeltaIndex | pd.PeriodIndex | pd.IntervalIndex


def as_read(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with columns of types that files have, under the rows' positions."""
    if not frame.columns.is_unique:  # which `refuse_repeated` tells by name
        return frame
    plain = {name: _plain(values) for name, values in frame.items()}
    return pd.DataFrame(plain, index=frame.index, columns=frame.columns).reset_index(drop=True)


def declared(frame: pd.DataFrame) -> frozenset[str]:
    """The columns that are categories by their type."""
    return frozenset(str(name) for name, kind in frame.dtypes.items() if _is_category(kind))


def _is_category(kind: object) -> bool:
    import pyarrow as pa

    if isinstance(kind, pd.ArrowDtype):
        return pa.types.is_dictionary(kind.pyarrow_dtype)
    return isinstance(kind, pd.CategoricalDtype)


def _plain(values: pd.Series) -> pd.Series:
    kind = values.dtype
    if isinstance(kind, pd.ArrowDtype):
        return column_of(values.array.__arrow_array__()).set_axis(values.index)
    if isinstance(kind, pd.SparseDtype):
        return pd.Series(values.to_numpy(), index=values.index)
    if isinstance(kind, pd.CategoricalDtype):
        levels = values.cat.categories
        if isinstance(levels, _NO_VALUES):  # named as pandas writes them to a file
            values = values.cat.rename_categories(list(levels.astype(str)))
        return values.astype(object)
    if isinstance(kind, pd.StringDtype):
        return values.astype(object).where(values.notna(), float("nan"))
    return values
