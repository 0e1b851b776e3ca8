"""The synthetic table of (dataset, fold, generator, seed): made once, shared between methods."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from filelock import FileLock

from bench.identity import digest
from bench.store import write_whole
from bench.table import Table

TARGET = "__class_code__"


def shared(folder: Path, decides: dict[str, Any], train: Table, make: Any) -> tuple[Table, dict]:
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
        Gives the table when it is not there yet.

    Returns
    -------
    (table, timings)
        ``timings`` tells whether it was ``shared``, and the ``seconds`` that making it took.
    """
    path = folder / f"{digest(decides)[:32]}.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        start = time.perf_counter()
        table = _read(path, train)
        is_shared = table is not None
        if table is None:
            made = make()
            buffer = io.BytesIO()
            made.X.assign(**{TARGET: made.y}).to_parquet(buffer)
            write_whole(path, buffer.getvalue())
            # Read back, so that the first method gets the very table that the others get.
            table = _read(path, train)
            assert table is not None
        return table, {"shared": is_shared, "seconds": time.perf_counter() - start}


def _read(path: Path, train: Table) -> Table | None:
    """The table in a file; None if there is none, or a damaged one, which is then made anew."""
    try:
        frame = pd.read_parquet(path)
    except (OSError, pa.ArrowInvalid):
        return None
    return train.with_rows(frame.drop(columns=TARGET), frame[TARGET].to_numpy())


def facts(table: Table, train: Table) -> dict[str, Any]:
    """What a record keeps of a synthetic table: counts, and how many rows copy a real one."""
    copies = np.isin(table.row_keys(), train.row_keys())
    return {
        "rows": len(table),
        "class_counts": table.class_counts().tolist(),
        "copies_of_training_rows": int(copies.sum()),
        "fingerprint": table.fingerprint(),
    }
