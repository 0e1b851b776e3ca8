"""A parquet file's columns with their exact values: no integer through a float, no date wrapped."""

from __future__ import annotations

import io
import json
from typing import Any

import pandas as pd

from bench.datasets.own.content import MEGABYTE
from bench.datasets.own.raw import Raw, refuse_repeated
from bench.errors import TableError


def parquet(content: bytes, name: str, megabytes: float) -> Raw:
    """Read a parquet file.

    Raises
    ------
    TableError
        If it is damaged, has no rows, or holds more than it may.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Spark's dates of INT96 reach beyond what nanoseconds can tell (pyarrow: they wrap).
        file = pq.ParquetFile(io.BytesIO(content), coerce_int96_timestamp_unit="us")
        refuse_repeated([str(column) for column in file.schema_arrow.names], name)
        about = file.metadata
        groups = (about.row_group(i) for i in range(about.num_row_groups))
        # A million equal values are a few bytes in the file, and eight million in memory.
        unpacked = 8 * about.num_rows * about.num_columns
        stored = sum(group.total_byte_size for group in groups)
        if max(stored, unpacked) > megabytes * MEGABYTE:
            raise TableError(
                f"Dataset '{name}': the parquet file holds more than {megabytes:g} MB; "
                f"dataset.max_megabytes={2 * megabytes:g} would allow more."
            )
        table = file.read()
        noted = _pandas(table.schema)
        # Without pandas' metadata, by which a stored index would vanish from the columns.
        table = table.replace_schema_metadata(None)
        declared = {f.name for f in table.schema if pa.types.is_dictionary(f.type)}
        frame = pd.DataFrame({f.name: column_of(table[f.name]) for f in table.schema})
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError) as error:
        if isinstance(error, TableError):  # a ValueError too
            raise
        raise TableError(
            f"Dataset '{name}': the parquet file cannot be read; it is damaged or incomplete."
        ) from None
    if not len(frame):
        raise TableError(f"Dataset '{name}': the file has columns, but no rows.")
    columns = [c for c in noted.get("columns", []) if isinstance(c, dict)]
    declared |= {c.get("field_name") for c in columns if c.get("pandas_type") == "categorical"}
    index = {c for c in noted.get("index_columns", []) if isinstance(c, str)}
    return Raw(frame, index=frozenset(index), declared=frozenset(map(str, declared)))


def column_of(column: Any) -> pd.Series:
    """One pyarrow column in pandas: integers may be missing, dates may lie beyond year 9999."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        # Moments are stored in UTC; the zone is a name that this machine may not know.
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    elif pa.types.is_time64(column.type):  # Python's times have no nanoseconds
        column = column.cast(pa.time64("us"), safe=False)
    integers = {
        getattr(pa, kind.lower())(): getattr(pd, f"{kind}Dtype")()
        for kind in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
    }
    try:
        return column.to_pandas(types_mapper=integers.get)
    except (ValueError, OverflowError):  # a year that Python's dates do not know
        return column.to_pandas(types_mapper=integers.get, date_as_object=False)


def _pandas(schema: Any) -> dict[str, list[Any]]:
    """What pandas noted in a schema of a frame's index and types; a damaged note is none."""
    try:
        about = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    except ValueError:
        return {}
    lists = about.items() if isinstance(about, dict) else ()
    return {key: value for key, value in lists if isinstance(value, list)}
