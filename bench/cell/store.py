"""The result store: one JSON file a cell, written whole or not at all; or all of them packed."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench import files
from bench.cell.reader import Reader
from bench.cell.record import Record, encode, fault, seal
from bench.errors import BadInput
from bench.files import write_whole
from bench.names import check, inside

LONGEST_STEM = 200  # bytes of a name that is set aside: with the time and the ending, below 255


class Store(Reader):
    """Records under ``<results_dir>/cells`` or in its pack, and the journal of what finished when.

    Parameters
    ----------
    root : path
        The results folder; made when the first record is written.

    Examples
    --------
    >>> store = Store("results/embedded")
    >>> cell = {"dataset": "credit-g", "method": "causalmixft", "fold": 2}
    >>> print(store.path(cell, identity="0f3c9a7be1"))
    results/embedded/cells/credit-g/causalmixft/2-0f3c9a7b.json
    """

    def read(self, path: Path) -> Record | None:
        """A sound record, or None if there is none; for runs alone, as it may move a file.

        What is no sound record, or no pack, is moved to ``set_aside/`` with a note beside it.

        Raises
        ------
        BadInput
            If it cannot be moved.
        """
        try:
            record, wrong = self._at(path)
        except FileNotFoundError:
            record, wrong = None, None
        if wrong is not None:
            self.set_aside(path, wrong)
        if record is None and (unsound := self.fault_of_pack()) is not None:
            self.set_aside(self.pack_path, unsound)
        return record

    def write(self, record: Record) -> Path:
        """Seal and write a record: temporary file, fsync, rename.

        Raises
        ------
        OSError
            If it cannot be written (disk full, no permission); then nothing is left behind.
        BadInput
            If its place is not in the results folder, but where a link leads.
        AssertionError
            If it is none that could be read again: a bug of ours.
        """
        path = self.path(record["cell"], record["identity"]["hash"])
        inside(self.root, path.relative_to(self.root))
        sealed = seal(record)
        wrong = fault(sealed)
        assert wrong is None, f"A cell came to a record that is none: {wrong}."
        write_whole(path, encode(sealed).encode())
        return path

    @contextmanager
    def lock(self, cell: dict[str, Any], identity: str, wait: bool = True) -> Iterator[bool]:
        """Only one process at a time works on a cell; a dead process's lock is free at once.

        Gives whether the lock is ours; without ``wait``, it is not where another process has it.
        """
        dataset, method = (check(what, cell[what]) for what in ("dataset", "method"))
        name = "-".join([dataset.replace("/", "_"), method, identity[:16]])
        path = self.root / "locks" / f"{name}.lock"
        inside(self.root, "locks").mkdir(parents=True, exist_ok=True)
        self.clear(path)
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

    @contextmanager
    def housekeeping(self) -> Iterator[None]:
        """Only one process at a time packs or unpacks, and none while cells are being run.

        Raises
        ------
        BadInput
        """
        running = self.running()
        if running:
            raise BadInput(
                f"cells of '{self.root}' are being run ({files.printable(running[0])}); "
                "do it when they have ended."
            )
        path = inside(self.root, "locks") / "records"  # no cell's: those end in .lock
        path.parent.mkdir(parents=True, exist_ok=True)
        self.clear(path)
        try:
            with FileLock(path, timeout=0):
                yield
        except Timeout:
            raise BadInput(f"'{self.root}' is being packed or unpacked already.") from None

    @property
    def journal(self) -> Path:
        """One JSON line for each cell that ended, in order of time; only for showing progress."""
        return self.root / "journal.jsonl"

    def log(self, entry: dict[str, Any]) -> None:
        """Append a line to the journal; short appends of several processes do not mix."""
        self.root.mkdir(parents=True, exist_ok=True)
        line = (json.dumps({"time": time.time(), **entry}, ensure_ascii=False) + "\n").encode(
            errors="backslashreplace"
        )
        with self._open_journal() as file:
            if _is_cut_short(file):  # a full disk did; this event must not end in that line
                line = b"\n" + line
            written = file.write(line)
        if written != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.journal))

    def _open_journal(self) -> io.FileIO:
        """Open the journal for appending."""
        self.clear(self.journal)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return io.FileIO(os.open(self.journal, flags, 0o666), "a+")

    def clear(self, path: Path) -> None:
        """Set aside what stands where a file of ours belongs and is none: a FIFO would wait.

        Raises
        ------
        BadInput
            If it cannot be moved.
        """
        try:
            is_file = stat.S_ISREG(os.lstat(path).st_mode)
        except FileNotFoundError:
            return
        if not is_file:
            self._move(path, "it is no file")

    def set_aside(self, path: Path, reason: str) -> None:
        """Move what a run found and cannot use to ``set_aside/``, with a note; the journal tells.

        Raises
        ------
        BadInput
            If it cannot be moved.
        """
        if self._move(path, reason):
            self.log({"event": "set_aside", "path": str(path), "reason": reason})

    def _move(self, path: Path, reason: str) -> bool:
        """Whether it was there; a link, a FIFO or a folder moves as a file does."""
        below = path.relative_to(self.root)
        below = Path(*below.parts[1:]) if below.parts[0] == "cells" else below
        stem = below.stem.encode(errors="surrogateescape")[:LONGEST_STEM].decode(errors="replace")
        name = f"{stem}-{time.time_ns()}{below.suffix}"
        aside = inside(self.root, "set_aside", below.with_name(name))
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, aside)
        except FileNotFoundError:
            return False  # another process was faster
        except OSError as error:
            raise BadInput(
                f"{files.shown(str(path))} cannot be used, as {reason}, nor moved to "
                f"{self.root / 'set_aside'} ({error.strerror}); move it away by hand."
            ) from error
        note = f"{files.printable(path.name)} was set aside: {reason}.\n"
        aside.with_suffix(".txt").write_text(note, encoding="utf-8")
        return True


def _is_cut_short(file: io.FileIO) -> bool:
    """Whether a file does not end with the end of a line."""
    size = os.fstat(file.fileno()).st_size
    return size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
