"""The synthetic table of (dataset, fold, generator, seed): made once, shared between methods."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from bench.identity import digest
from bench.store import write_whole
from bench.table import Table

TARGET = "__class_code__"
FACTS = b"bench.facts"  # key of the file's metadata
ORIGINS = "__origin__"  # only where the rows were made each from one real row


def shared(
    folder: Path,
    decides: dict[str, Any],
    train: Table,
    make: Callable[[], tuple[Table, dict[str, Any]]],
) -> tuple[Table, dict[str, Any], dict[str, Any]]:
    """Read the table that these parts decide, or make it and keep it.

    Parameters
    ----------
    folder : path
        ``<results_dir>/synthetic``.
    decides : dict
        Everything that decides the rows: training rows, generator, size, seed, code.
    train : Table
        The schema of the rows.
    make : callable
        Gives the table, and the generator's own facts, when it is not there yet.

    Returns
    -------
    (table, facts, timings)
        ``timings`` tells whether it was ``shared``, and the ``seconds`` that making it took.
    """
    path = folder / f"{digest(decides)[:32]}.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        start = time.perf_counter()
        read = _read(path, train)
        is_shared = read is not None
        if read is None:
            write_whole(path, _encode(*make()))
            # Read back, so that the first method gets the very table that the others get.
            read = _read(path, train)
            assert read is not None
        return *read, {"shared": is_shared, "seconds": time.perf_counter() - start}


def _encode(table: Table, facts: dict[str, Any]) -> bytes:
    origins = {} if table.origins is None else {ORIGINS: table.origins}
    columns = pa.Table.from_pandas(table.X.assign(**{TARGET: table.y}, **origins))
    metadata = {**columns.schema.metadata, FACTS: json.dumps(facts, allow_nan=False)}
    buffer = io.BytesIO()
    pq.write_table(columns.replace_schema_metadata(metadata), buffer)
    return buffer.getvalue()


def _read(path: Path, train: Table) -> tuple[Table, dict[str, Any]] | None:
    """The table in a file; None if there is none, or a damaged one, which is then made anew."""
    try:
        columns = pq.read_table(path)
    except (OSError, pa.ArrowInvalid):
        return None
    frame: pd.DataFrame = columns.to_pandas()
    origins = frame[ORIGINS].to_numpy() if ORIGINS in frame else None
    table = train.with_rows(frame.drop(columns=TARGET), frame[TARGET].to_numpy(), origins)
    return table, json.loads(columns.schema.metadata[FACTS])


def facts(table: Table, train: Table) -> dict[str, Any]:
    """What a record keeps of a synthetic table: counts, and how many rows copy a real one."""
    copies = np.isin(table.row_keys(), train.row_keys())
    return {
        "rows": len(table),
        "class_counts": table.class_counts().tolist(),
        "copies_of_training_rows": int(copies.sum()),
        "fingerprint": table.fingerprint(),
    }
