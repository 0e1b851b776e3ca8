"""The synthetic table of (dataset, fold, generator, seed): made once, shared between methods.

A file that is not, bit for bit, what was once written for these parts is set aside, and its table
made again: same parts, same rows.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from bench import files
from bench.cell.store import Store
from bench.files import Unsound, digest, write_whole
from bench.table import Table

# Keys of the file's metadata: what is in it, and the hash of the whole file.
CARD, SEAL = b"bench.card", b"bench.sha256"
UNSEALED = b"0" * 64  # stands where the hash comes, while the file is hashed
_SEALED = re.compile(SEAL + rb"[^0-9a-f]{1,4}([0-9a-f]{64})")  # Thrift puts a length between them
# Columns are called by their places: a table's own names may be anything, these included.
LABEL, ORIGIN = "y", "origin"
LEAST = 16 * 2**20  # bytes of a file that are read whatever the table: what a generator found ...
VALUE = 64  # ... and for each value, with its level's text


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
        Everything that decides the rows: training rows, generator, size (``rows``), seed, code.
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
    store, lock = Store(folder.parent), path.with_suffix(".lock")
    store.clear(lock)
    with FileLock(lock):
        start = time.perf_counter()
        try:
            read = _read(path, decides, train)
        except FileNotFoundError:
            read = None
        except Unsound as wrong:
            store.set_aside(path, str(wrong))
            read = None
        is_shared = read is not None
        if read is None:
            write_whole(path, _encode(*_asked_for(make(), decides), decides))
            # Read back, so that the first method gets the very table that the others get.
            read = _read(path, decides, train)
        return *read, {"shared": is_shared, "seconds": time.perf_counter() - start}


def _asked_for(
    made: tuple[Table, dict[str, Any]], decides: dict[str, Any]
) -> tuple[Table, dict[str, Any]]:
    if len(made[0]) != decides["rows"]:
        raise ValueError(f"The generator drew {len(made[0])} rows, not {decides['rows']}.")
    return made


def _encode(table: Table, facts: dict[str, Any], decides: dict[str, Any]) -> bytes:
    columns = [
        table.X[name].astype(object).to_numpy()
        if kind == "categorical"
        else table.X[name].to_numpy()
        for name, kind in table.kinds.items()
    ]
    columns += [table.y] + ([] if table.origins is None else [table.origins])
    schema = _schema(table, table.origins is not None)
    arrays = [
        pa.array(values, type=field.type, from_pandas=True)
        for values, field in zip(columns, schema, strict=True)
    ]
    card = {
        "decides": digest(decides),
        "columns": list(map(str, table.X)),
        "fingerprint": table.fingerprint(),
        "facts": facts,
    }
    metadata = {CARD: json.dumps(card, allow_nan=False), SEAL: UNSEALED}
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema.with_metadata(metadata)), buffer)
    return _sealed(buffer.getvalue())


def _schema(table: Table, with_origins: bool) -> pa.Schema:
    kinds = enumerate(table.kinds.values())
    fields = [(f"x{i}", pa.string() if k == "categorical" else pa.float64()) for i, k in kinds]
    fields += [(LABEL, pa.from_numpy_dtype(table.y.dtype))]
    return pa.schema(fields + ([(ORIGIN, pa.uint64())] if with_origins else []))


def _sealed(content: bytes) -> bytes:
    """The file with the hash of all its bytes in it, its own place taken as `UNSEALED`."""
    begin, end = _place(content)
    return content[:begin] + hashlib.sha256(content).hexdigest().encode() + content[end:]


def _place(content: bytes) -> tuple[int, int]:
    found = list(_SEALED.finditer(content))
    if len(found) != 1:
        raise Unsound("it holds no hash of its content: truncated or foreign")
    return found[0].span(1)


def _read(path: Path, decides: dict[str, Any], train: Table) -> tuple[Table, dict[str, Any]]:
    """The table in a file.

    Raises
    ------
    FileNotFoundError
    Unsound
        If it is not what was once written for these parts.
    """
    rows = int(decides["rows"])
    content = files.content(path, LEAST + VALUE * rows * (train.n_features + 2))
    begin, end = _place(content)
    hashed = hashlib.sha256(content[:begin] + UNSEALED + content[end:]).hexdigest()
    if hashed.encode() != content[begin:end]:
        raise Unsound("its content does not match its hash: it was damaged or edited")
    try:
        table, card = _decoded(content, rows, train)
    except Unsound:
        raise
    # Broad on purpose: a file that was made to fit its hash may hold anything, and pyarrow and
    # pandas raise as they like. Such a file is damaged: set aside, and its rows made anew.
    except Exception as error:
        raise Unsound(f"its rows do not fit the table ({type(error).__name__}: {error})") from error
    if card["decides"] != digest(decides):
        raise Unsound("it is the table of another generator, other rows or another seed")
    if card["fingerprint"] != table.fingerprint():
        raise Unsound("its rows are not those that it says it holds")
    return table, card["facts"]


def _decoded(content: bytes, rows: int, train: Table) -> tuple[Table, dict[str, Any]]:
    file = pq.ParquetFile(io.BytesIO(content))
    if file.metadata.num_rows != rows or not rows:
        raise Unsound(f"it has {file.metadata.num_rows} rows, not the {rows} that were asked for")
    card = files.parse_json(file.schema_arrow.metadata[CARD])
    if set(card) != {"decides", "columns", "fingerprint", "facts"}:
        raise Unsound("its card is not as it should be")
    if card["columns"] != list(map(str, train.X)):
        raise Unsound("its columns are not the table's")
    with_origins = ORIGIN in file.schema_arrow.names
    if not file.schema_arrow.remove_metadata().equals(_schema(train, with_origins)):
        raise Unsound("a column is lost, is one too many, or of another type")
    frame: pd.DataFrame = file.read().to_pandas()
    origins = frame[ORIGIN].to_numpy() if with_origins else None
    X = frame.iloc[:, : train.n_features].set_axis(train.X.columns, axis=1)
    return train.with_rows(X, frame[LABEL].to_numpy(), origins), card


def facts(table: Table, train: Table) -> dict[str, Any]:
    """What a record keeps of a synthetic table: counts, and how many rows copy a real one."""
    copies = np.isin(table.row_keys(), train.row_keys())
    return {
        "rows": len(table),
        "class_counts": [] if table.strata is None else table.class_counts().tolist(),
        "copies_of_training_rows": int(copies.sum()),
        "fingerprint": table.fingerprint(),
    }
