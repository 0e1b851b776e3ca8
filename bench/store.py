"""The result store: one JSON file a cell, written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench.names import check, inside
from bench.record import Record, encode, fault, seal


class Store:
    """Records under ``<results_dir>/cells``, and the journal of what finished when.

    Parameters
    ----------
    root : path
        The results folder; made when the first record is written.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def path(self, cell: dict[str, Any], identity: str) -> Path:
        """Where the record of a cell lies.

        Raises
        ------
        BadInput
            If one of its names cannot be a folder's.
        """
        dataset, method = (check(what, cell[what]) for what in ("dataset", "method"))
        return self.root / "cells" / dataset / method / f"{cell['fold']}-{identity[:8]}.json"

    def examine(self, path: Path) -> tuple[Record | None, str | None]:
        """A sound record, or what is wrong with the file in one clause; nothing is moved.

        Raises
        ------
        FileNotFoundError
        """
        try:
            record = json.loads(path.read_bytes(), parse_constant=_refuse)
        except ValueError:
            return None, "it is no JSON: truncated or foreign"
        wrong = fault(record)
        if wrong is None and path != self.path(record["cell"], record["identity"]["hash"]):
            wrong = "it does not belong under this name"
        return (record, None) if wrong is None else (None, wrong)

    def read(self, path: Path) -> Record | None:
        """A sound record, or None if there is none.

        A truncated, foreign or edited one is moved to ``set_aside/`` with a note beside it.
        """
        try:
            record, wrong = self.examine(path)
        except FileNotFoundError:
            return None
        if wrong is not None:
            self._set_aside(path, wrong)
        return record

    def paths(self) -> list[Path]:
        """Where records lie, sound or not, in order."""
        return sorted((self.root / "cells").rglob("*.json"))

    def survey(self) -> tuple[list[Record], dict[Path, str]]:
        """Every sound record, and what is wrong with the other files; nothing is moved."""
        sound: list[Record] = []
        faults: dict[Path, str] = {}
        for path in self.paths():
            try:
                record, wrong = self.examine(path)
            except FileNotFoundError:
                continue  # a run has just set it aside
            if record is None:
                faults[path] = str(wrong)
            else:
                sound.append(record)
        return sound, faults

    def records(self) -> Iterator[Record]:
        """Every sound record, in the order of their paths."""
        for path in self.paths():
            record = self.read(path)
            if record is not None:
                yield record

    def write(self, record: Record) -> Path:
        """Seal and write a record: temporary file, fsync, rename.

        Raises
        ------
        OSError
            If it cannot be written (disk full, no permission); then nothing is left behind.
        BadInput
            If its place is not in the results folder, but where a link leads.
        """
        path = inside(self.root, self.path(record["cell"], record["identity"]["hash"]))
        write_whole(path, encode(seal(record)).encode())
        return path

    @contextmanager
    def lock(self, cell: dict[str, Any], identity: str, wait: bool = True) -> Iterator[bool]:
        """Only one process at a time works on a cell; a dead process's lock is free at once.

        Gives whether the lock is ours; without ``wait``, it is not where another process has it.
        """
        dataset, method = (check(what, cell[what]) for what in ("dataset", "method"))
        name = "-".join([dataset.replace("/", "_"), method, identity[:16]])
        path = inside(self.root, "locks", f"{name}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire() if wait else lock.acquire(timeout=0)
        except Timeout:
            if wait:
                raise
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    @property
    def journal(self) -> Path:
        """One JSON line for each cell that ended, in order of time; only for showing progress."""
        return self.root / "journal.jsonl"

    def log(self, entry: dict[str, Any]) -> None:
        """Append a line to the journal; short appends of several processes do not mix."""
        self.root.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"time": time.time(), **entry}, ensure_ascii=False) + "\n"
        with open(inside(self.root, self.journal.name), "ab", buffering=0) as file:
            written = file.write(line.encode())
        if written != len(line.encode()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.journal))

    def _set_aside(self, path: Path, reason: str) -> None:
        aside = self.root / "set_aside" / path.relative_to(self.root / "cells")
        aside = aside.with_name(f"{aside.stem}-{time.time_ns()}.json")
        inside(self.root, aside.relative_to(self.root)).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(path, aside)
        except FileNotFoundError:
            return  # another process was faster
        aside.with_suffix(".txt").write_text(f"{path.name} was set aside: {reason}.\n")
        self.log({"event": "set_aside", "path": str(path), "reason": reason})


def _refuse(constant: str) -> None:
    """JSON knows no NaN and no Infinity; Python's parser does, and records never hold them."""
    raise ValueError(f"{constant} is no JSON")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that any reader sees all of it or nothing, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself must survive a crash too
    finally:
        os.close(folder)
