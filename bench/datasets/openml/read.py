"""OpenML tasks: a task's table and its official splits, read from a verified copy on this machine.

The first reader fetches (`bench.datasets.openml.fetch`, under a lock); what arrived is checked,
hashed and kept as parquet beside a card, in one folder a task. Every other reader, in whatever
process, reads that folder and nothing else: no network, no client, nothing unpickled.
"""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from annotated_types import Interval
from filelock import FileLock

from bench.datasets.card import from_frame
from bench.datasets.openml.task import (
    CARD,
    FOLDS,
    PARTS,
    ROWS,
    SERVER,
    VERSION,
    Asking,
    Task,
    check_expected,
    hashes,
)
from bench.errors import TableError
from bench.files import Unsound, content, parse_json
from bench.process import invoked
from bench.ranges import (
    Count,
    Domain,
    NotNegative,
    Patience,
    Positive,
    Seconds,
    Text,
    Whole,
    checked,
)
from bench.table import Table

LARGEST = 4 * 2**30  # bytes of a file of a copy that are read; TabArena's tables have some 10^8


class Absent(TableError):
    """There is no sound copy on this machine, and OpenML must not be asked."""


@checked
def load(
    task_id: Count | None,
    cache_dir: Text,
    name: Text | None = None,
    domain: Domain = "other",
    expected: dict[str, Whole] | None = None,
    server: Text = SERVER,
    timeout: Seconds = 20.0,
    tries: Annotated[int, Interval(ge=1, le=100)] = 3,
    patience: Patience = 10.0,
    format: Literal["parquet", "arff"] = "parquet",
    least_rate: NotNegative = 1000.0,
    most_mb: Positive = 1000.0,
    offline: bool = False,
) -> Table:
    """Read the table of an OpenML classification or regression task, with its official folds.

    Parameters
    ----------
    task_id : int
    cache_dir : str
        Where verified copies lie, ``<cache_dir>/openml/``.
    name : str, optional
        ``openml/<task_id>`` by default.
    domain : str
        ``healthcare``, ``finance`` or ``other``.
    expected
        See `Task`.
    server, timeout, tries, patience, format, least_rate, most_mb
        See `Asking`.
    offline : bool
        Never ask the server.

    Returns
    -------
    Table
        Its `Table.folds` are the task's: split *i* is repeat ``i // n_folds``, fold
        ``i % n_folds``.

    Raises
    ------
    TableError
        If the task cannot be had or used; one sentence that says what to do.
    """
    if task_id is None:
        raise TableError("An OpenML task needs its number: dataset=openml task_id=NUMBER.")
    asking = Asking(server.rstrip("/"), timeout, tries, patience, format, least_rate, most_mb)
    counts = dict(expected or {})
    wanted = Task(task_id, name or f"openml/{task_id}", domain, counts, asking)
    unknown = sorted(set(counts) - set(PARTS))
    if unknown:
        raise TableError(
            f"Dataset '{wanted.name}': expected has {', '.join(PARTS)}, not '{unknown[0]}'."
        )
    return _table(wanted, *_copy(wanted, cache_dir, offline))


def _copy(wanted: Task, cache_dir: str, offline: bool) -> tuple[dict[str, Any], bytes, bytes]:
    """Card, rows and folds of a task, from the copy on this machine or fetched to it."""
    folder = _place(wanted, cache_dir)
    found = _read(folder)
    if found is not None:
        return found
    if offline:
        state = "is damaged" if folder.exists() else "is not on this machine"
        raise Absent(
            f"Dataset '{wanted.name}' {state} and offline=true forbids asking OpenML; run "
            f"`{invoked()} fetch` for it where there is a network, with "
            f"openml.cache_dir={cache_dir}."
        )
    _make(folder.parent, wanted)
    # One process fetches, the others wait and read; the client's own cache races (openml 0.15.1).
    with FileLock(folder.with_suffix(".lock")):
        found = _read(folder)
        if found is None:
            from bench.datasets.openml.fetch import fetch

            shutil.rmtree(folder, ignore_errors=True)  # damaged: nothing of it is used
            fetch(wanted, folder)
            found = _read(folder)
            assert found is not None
    return found


def _place(wanted: Task, cache_dir: str) -> Path:
    """The folder of a task's verified copy; another server's task is another one."""
    host = re.sub(r"[^\w.-]+", "-", wanted.asking.server.partition("://")[2].partition("/api")[0])
    return Path(cache_dir).expanduser() / "openml" / host / str(wanted.task_id)


def _read(folder: Path) -> tuple[dict[str, Any], bytes, bytes] | None:
    """A folder's content, if it is whole and what was once verified; None otherwise."""
    try:
        card = parse_json(content(folder / CARD, LARGEST))
        rows, folds = content(folder / ROWS, LARGEST), content(folder / FOLDS, LARGEST)
    except (FileNotFoundError, Unsound):
        return None
    if not isinstance(card, dict) or card.get("version") != VERSION:
        return None
    return (card, rows, folds) if card.get("sha256") == hashes(card, rows, folds) else None


def _make(folder: Path, wanted: Task) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TableError(
            f"Dataset '{wanted.name}': {folder} cannot be made ({error.strerror}); "
            "name another folder with openml.cache_dir=FOLDER."
        ) from None


def _table(wanted: Task, card: dict[str, Any], rows: bytes, folds: bytes) -> Table:
    check_expected(card["counts"], wanted)
    about = {**card, "name": wanted.name, "domain": wanted.domain}
    table = from_frame(pd.read_parquet(io.BytesIO(rows)), about)
    by_repeat = pd.read_parquet(io.BytesIO(folds)).to_numpy().T
    return replace(table, notes=tuple(card["notes"]), folds=by_repeat.astype("int8"))
