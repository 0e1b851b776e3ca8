"""The result store: one JSON file a cell, written whole or not at all."""

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
from bench.cell.record import Record, encode, fault, seal
from bench.errors import BadInput
from bench.files import Unsound, write_whole
from bench.names import check, inside
from bench.ticking import ticking

# Bytes of a record. The reference's 1,104 have at most 10,505; ten thousand evaluations would make
# one of 1 MB. Parsed, the worst that fits into this takes 100 MB for a moment.
MOST = 4 * 2**20
LONGEST_STEM = 200  # bytes of a name that is set aside: with the time and the ending, below 255


class Store:
    """Records under ``<results_dir>/cells``, and the journal of what finished when.

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
            record = files.parse_json(files.content(path, MOST))
            wrong = fault(record)
        except Unsound as reason:
            return None, str(reason)
        except FileNotFoundError:
            raise
        except Exception as error:  # whatever a file holds, the others are read
            return None, f"it cannot be read ({type(error).__name__})"
        if wrong is None and path != self.path(record["cell"], record["identity"]["hash"]):
            wrong = "it does not belong under this name"
        return (record, None) if wrong is None else (None, wrong)

    def look(self, cell: dict[str, Any], identity: str) -> tuple[Record | None, str | None]:
        """As `examine`, of the record of a cell; (None, None) where there is none."""
        try:
            return self.examine(self.path(cell, identity))
        except FileNotFoundError:
            return None, None

    def read(self, path: Path) -> Record | None:
        """A sound record, or None if there is none; for runs alone, as it may move a file.

        What is no sound record is moved to ``set_aside/`` with a note beside it.

        Raises
        ------
        BadInput
            If it cannot be moved.
        """
        try:
            record, wrong = self.examine(path)
        except FileNotFoundError:
            return None
        if wrong is not None:
            self.set_aside(path, wrong)
        return record

    def paths(self) -> list[Path]:
        """Where records lie, sound or not, in order."""
        return [path for path, _ in self.walk()]

    def walk(self) -> list[tuple[Path, str | None]]:
        """The same, with what is wrong with what is no file (`bench.files.walk`)."""
        return files.walk(self.root / "cells", ".json")

    def survey(self) -> tuple[list[Record], dict[Path, str]]:
        """Every sound record, and what is wrong with the other files; nothing is moved."""
        sound: list[Record] = []
        faults: dict[Path, str] = {}
        for path, wrong in ticking(self.walk(), "records read"):
            try:
                record, wrong = (None, wrong) if wrong else self.examine(path)
            except FileNotFoundError:
                continue  # a run has just set it aside
            if record is None:
                faults[path] = str(wrong)
            else:
                sound.append(record)
        return sound, faults

    def records(self) -> Iterator[Record]:
        """Every sound record, in the order of their paths."""
        yield from self.survey()[0]

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
        """For appending."""
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
