"""A DataFrame's columns as a file's would come: text as text, typed values as they are.

Whatever a library keeps in a type of its own (pandas' strings, pyarrow's columns, sparse ones) is
what it stands for. Nothing of the frame is changed.
"""

from __future__ import annotations

import pandas as pd

from bench.datasets.own.parquet import column_of


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
        arrow = values.array.__arrow_array__()
        return pd.Series(column_of(arrow), index=values.index)
    if isinstance(kind, pd.SparseDtype):
        return pd.Series(values.to_numpy(), index=values.index)
    if isinstance(kind, pd.CategoricalDtype):
        return values.cat.rename_categories(list(map(_named, values.cat.categories))).astype(object)
    if isinstance(kind, pd.StringDtype):
        return values.astype(object).where(values.notna(), float("nan"))
    return values


def _named(category: object) -> object:
    """A category by what it shows, where it is no value that a file can hold."""
    return str(category) if isinstance(category, pd.Interval | pd.Period) else category
