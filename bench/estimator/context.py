"""A model's context in a parquet file, and read again to the bit; nothing in it is believed.

A column has its name, the target stands last. Numbers are doubles and levels text; a missing value
is null. Which levels a column knows, and their order, stands in the file's metadata.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from bench.datasets.own.schema import Schema
from bench.errors import TableError
from bench.files import Unsound, parse_json, shown
from bench.table import Kind, Table

if TYPE_CHECKING:  # only where a model is saved or loaded
    import pyarrow as pa

COLUMNS = b"bench.columns"  # metadata: of each feature its kind, or the levels that it knows
MOST_VALUES = 2**28  # values of a context that are read: a file can say much in few bytes


def encode(table: Table) -> bytes:
    """A parquet file of a table's rows, without groups, times and origins, which no model reads.

    Raises
    ------
    TableError
        If it holds text that is none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [
        list(table.X[name].cat.categories) if kind == "categorical" else kind
        for name, kind in table.kinds.items()
    ]
    try:
        arrays = [
            pa.array(values, pa.float64(), from_pandas=True)
            if isinstance(known, str)
            else pa.array(values.astype(object), pa.string(), from_pandas=True)
            for (_, values), known in zip(table.X.items(), columns, strict=True)
        ]
        rows = pa.Table.from_arrays([*arrays, pa.array(table.y)], names=[*table.X, table.target])
    except UnicodeError as error:
        raise TableError(
            f"Table '{table.name}' holds text that is no Unicode, which no file can keep: {error}."
        ) from error
    buffer = io.BytesIO()
    pq.write_table(rows.replace_schema_metadata({COLUMNS: json.dumps(columns)}), buffer)
    return buffer.getvalue()


def decode(content: bytes, schema: Schema) -> Table:
    """The rows of such a file, under the schema of the table that they are of.

    Raises
    ------
    Unsound
        If they are not of this schema, or nothing that `encode` writes.
    """
    try:
        return _decoded(content, schema)
    except Unsound:
        raise
    except TableError as error:
        raise Unsound(f"its rows are none of the table's: {error}") from error
    # Broad on purpose: a file may hold anything, and pyarrow and pandas raise as they like.
    except Exception as error:
        raise Unsound(f"it is no parquet file that can be read ({type(error).__name__})") from error


def _decoded(content: bytes, schema: Schema) -> Table:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(io.BytesIO(content))
    n_rows, n_columns = file.metadata.num_rows, file.metadata.num_columns
    if not 0 < n_rows * n_columns <= MOST_VALUES:
        raise Unsound(
            f"it has {n_rows:,} rows of {n_columns:,} columns; expected are 1 to {MOST_VALUES:,} "
            "values"
        )
    like = _without_rows(schema, _columns(file.schema_arrow, schema))
    _check_types(file.schema_arrow, like)
    # As places in a dictionary: a long text that stands in every row is one text in memory.
    rows = pq.ParquetFile(io.BytesIO(content), read_dictionary=like.categorical).read()
    X = pd.DataFrame({name: rows.column(i).to_pandas() for i, name in enumerate(like.X)})
    # Of levels in their own dtype pandas would lose a NUL at the end of a text.
    X = X.astype(dict.fromkeys(like.categorical, object))
    y = rows.column(n_columns - 1)
    if y.null_count:
        raise Unsound("a row of it has no target")
    return like.with_rows(X, y.to_numpy())


def _columns(found: pa.Schema, schema: Schema) -> list[Any]:
    """Each feature's kind or levels, if they are those of the table's columns."""
    given, expected = found.names, [*schema.kinds, schema.target]
    if given != expected:
        others = [name for name in given if name not in expected]
        absent = [name for name in expected if name not in given]
        told = f"has {shown(others[0])} too" if others else "has another order"
        told = f"lacks {shown(absent[0])}" if absent else told
        raise Unsound(f"its columns are not the schema's: it {told}")
    columns = parse_json((found.metadata or {}).get(COLUMNS, b"null"))
    if not isinstance(columns, list) or len(columns) != len(schema.kinds):
        raise Unsound("it does not say which levels its columns know")
    for (name, kind), known in zip(schema.kinds.items(), columns, strict=True):
        # Whole numbers may have fractions in the rows by which the step was chosen.
        possible = {"integer": ("integer", "numeric"), "numeric": ("numeric",)}.get(kind, ())
        if not (isinstance(known, list) if kind == "categorical" else known in possible):
            raise Unsound(f"its column {shown(name)} is {shown(known)}, in the schema {kind}")
    return columns


def _without_rows(schema: Schema, columns: list[list[str] | str]) -> Table:
    levels = dict(zip(schema.kinds, columns, strict=True))
    X = pd.DataFrame(
        {
            name: np.empty(0) if isinstance(known, str) else pd.Categorical([], known)
            for name, known in levels.items()
        },
        columns=list(levels),
    )
    kinds = {c: known if isinstance(known, str) else "categorical" for c, known in levels.items()}
    of_kinds = cast(dict[str, Kind], kinds)
    return Table(schema.name, X, np.empty(0), of_kinds, schema.classes, schema.target)


def _check_types(found: pa.Schema, like: Table) -> None:
    import pyarrow as pa

    types = [pa.string() if kind == "categorical" else pa.float64() for kind in like.kinds.values()]
    types += [pa.int64() if like.classes else pa.float64()]
    for expected, field in zip(types, found, strict=True):
        if field.type != expected:
            raise Unsound(f"its column {shown(field.name)} is of type {field.type}")
