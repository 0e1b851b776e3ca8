"""What lies in a results folder: records, loose or packed; read alone, and nothing is moved."""

from __future__ import annotations

import fcntl
import heapq
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bench import files
from bench.cell.older import upgraded
from bench.cell.packed import MOST, NAME, Faults, Pack, value_of
from bench.cell.record import Record, fault, senseless
from bench.files import Unsound
from bench.names import check
from bench.ticking import ticking

Read = TypeVar("Read")
Found = tuple[Path, str | None]  # of `bench.files.walk`


class Entry(NamedTuple):
    """What was found under a record's name.

    Attributes
    ----------
    path : Path
        Where it lies; of a packed one, where it would lie.
    record : Record, optional
        It, if it is sound.
    wrong : str, optional
        Else what is wrong with it, in one clause.
    text : bytes
        Its file; of a packed one, its line.
    is_packed : bool
    """

    path: Path
    record: Record | None
    wrong: str | None
    text: bytes = b""
    is_packed: bool = False


class Reader:
    """The records of a results folder; a loose one goes before a packed one of its name.

    Parameters
    ----------
    root : path
        The results folder; it need not be there.
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

    @property
    def pack_path(self) -> Path:
        """Where records are packed (`bench.cell.packed`); runs write loose ones."""
        return self.root / NAME

    @property
    def is_there(self) -> bool:
        """Whether this is a results folder: something lies where records would."""
        return os.path.isdir(self.root / "cells") or os.path.lexists(self.pack_path)

    def examine(self, path: Path) -> tuple[Record | None, str | None]:
        """A sound record, or what is wrong with the file in one clause; nothing is moved.

        Raises
        ------
        FileNotFoundError
        """
        record, wrong = self._at(path)
        return (record, None) if record is not None else (None, wrong)

    def _at(self, path: Path) -> tuple[Record | None, str | None]:
        """The record of a name, if not a loose then a packed one; what is wrong with the loose."""
        for _ in range(2):  # between the two looks an `unpack` may have ended
            wrong = None
            try:
                loose = self.loose(path)
                if loose.record is not None:
                    return loose.record, None
                wrong = loose.wrong
            except FileNotFoundError:
                pass
            found = self._in_pack(path)
            if found is not None or wrong is not None:
                return (found.record if found else None), wrong
        raise FileNotFoundError(path)

    def loose(self, path: Path) -> Entry:
        """What a file holds.

        Raises
        ------
        FileNotFoundError
        """

        def read() -> tuple[Record, bytes]:
            text = files.content(path, MOST)
            record = _sound(files.parse_json(text))
            if path != self._path_of(record):
                raise Unsound("it does not belong under this name")
            return record, text

        found, wrong = _tried(read)
        return Entry(path, None, wrong) if found is None else Entry(path, found[0], None, found[1])

    def _path_of(self, record: Record) -> Path:
        return self.path(record["cell"], record["identity"]["hash"])

    def _in_pack(self, path: Path) -> Entry | None:
        """The packed record of a name, if there is a sound one; one part of the pack is read."""
        mark = path.stem.rpartition("-")[2].encode(errors="surrogateescape")
        try:
            with files.opened(self.pack_path) as file:
                pack = Pack(file)
                at = pack.where(self._place(path))
                for line in [] if at is None else pack.lines(at):
                    if mark in line:  # before anything is parsed
                        record, _ = _tried(partial(_sound_of, line))
                        if record is not None and self._path_of(record) == path:
                            return Entry(path, record, None, line, True)
        except (FileNotFoundError, Unsound):
            pass  # `fault_of_pack` tells it
        return None

    def _place(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.root)).as_posix()

    def fault_of_pack(self) -> str | None:
        """Why nothing can be read from the pack, in one clause, if there is one that is unsound."""
        with ExitStack() as opened:
            return self._open_pack(opened)[1]

    def look(self, cell: dict[str, Any], identity: str) -> tuple[Record | None, str | None]:
        """Examine the record of a cell; (None, None) where there is none."""
        try:
            return self.examine(self.path(cell, identity))
        except FileNotFoundError:
            return None, None

    def paths(self) -> list[Path]:
        """Where records lie, loose ones sound or not, in order."""
        return sorted({path for path, _ in self.walk()} | {e.path for e in self.packed()})

    def walk(self) -> list[tuple[Path, str | None]]:
        """Loose records, with what is wrong with what is no file (`bench.files.walk`)."""
        return files.walk(self.root / "cells", ".json")

    def entries(self) -> Iterator[Entry]:
        """Everything that lies here, in the order of the paths; the pack's faults come last.

        One after the other: what was given is not held.
        """
        with self._at_one_time() as (loose, pack, wrong):
            sound = None
            both = heapq.merge(
                self._all_loose(loose), self._all_packed(pack, wrong), key=lambda found: found.path
            )
            for entry in both:
                if not entry.is_packed or entry.path != sound:
                    yield entry
                sound = entry.path if entry.record is not None else sound

    def packed(self) -> Iterator[Entry]:
        """The entries of the pack alone."""
        with ExitStack() as opened:
            yield from self._all_packed(*self._open_pack(opened))

    @contextmanager
    def _at_one_time(self) -> Iterator[tuple[list[Found], Pack | None, str | None]]:
        """`walk` and the pack as they were at one time, the pack open; or what is wrong with it.

        A pack that came or went while the folder was walked may hold what was missed there.
        """
        while True:
            with ExitStack() as opened:
                before = self.state_of_pack()
                pack, wrong = self._open_pack(opened)
                loose = self.walk()
                if before == self.state_of_pack():
                    yield loose, pack, wrong
                    return

    def state_of_pack(self) -> tuple[int, ...] | None:
        """What changes when the pack does; None without one."""
        try:
            return state(self.pack_path)
        except OSError:
            return None

    def _open_pack(self, opened: ExitStack) -> tuple[Pack | None, str | None]:
        try:
            return Pack(opened.enter_context(files.opened(self.pack_path))), None
        except FileNotFoundError:
            return None, None
        except Unsound as wrong:
            return None, str(wrong)

    def _all_loose(self, found: list[Found]) -> Iterator[Entry]:
        for path, wrong in ticking(found, "records read"):
            try:
                yield Entry(path, None, wrong) if wrong else self.loose(path)
            except FileNotFoundError:  # a run has just set it aside, or it was packed
                entry = self._in_pack(path)
                if entry is not None:
                    yield entry

    def _all_packed(self, pack: Pack | None, wrong: str | None) -> Iterator[Entry]:
        if pack is not None:
            faults = Faults()
            for at in ticking(range(len(pack.frames)), "parts of the pack read"):
                found = self._of_frame(pack, at, faults)
                yield from (found[path] for path in sorted(found))
            wrong = faults.told()
        if wrong is not None:
            yield Entry(self.pack_path, None, wrong)

    def _of_frame(self, pack: Pack, at: int, faults: Faults) -> dict[Path, Entry]:
        """The sound records of a frame; what is wrong with the others is added to the faults."""
        found: dict[Path, Entry] = {}
        try:
            lines = pack.lines(at)
        except Unsound as reason:
            faults.add(str(reason), pack.frames[at].lines)
            return found
        for line in lines:
            record, wrong = _tried(partial(_sound_of, line))
            if record is None:
                faults.add(str(wrong))
                continue
            path = self._path_of(record)
            if path in found or pack.where(self._place(path)) != at:
                faults.add("it stands there twice" if path in found else "it belongs elsewhere")
                continue
            found[path] = Entry(path, record, None, line, True)
        return found

    def survey(self) -> tuple[list[Record], dict[Path, str]]:
        """Every sound record, and what is wrong with the other files."""
        sound: list[Record] = []
        faults: dict[Path, str] = {}
        for entry in self.entries():
            if entry.record is None:
                faults[entry.path] = str(entry.wrong)
            else:
                sound.append(entry.record)
        return sound, faults

    def records(self) -> Iterator[Record]:
        """Every sound record, in the order of their paths, one after the other."""
        for entry in self.entries():
            if entry.record is not None:
                yield entry.record

    def running(self) -> list[str]:
        """Cells that a process holds the lock of; a dead process holds none."""
        locks = files.walk(self.root / "locks", ".lock")
        return [path.stem.rpartition("-")[0] for path, wrong in locks if not wrong and _held(path)]


def state(path: Path) -> tuple[int, ...]:
    """What changes when a file does; its time, in ns, is first.

    Raises
    ------
    OSError
    """
    found = os.lstat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


def _sound(value: Any) -> Record:
    """A record from its JSON, or `Unsound`."""
    record: Record = upgraded(value)
    wrong = fault(record) if record is value else senseless(record)  # what was just sealed is whole
    if wrong is not None:
        raise Unsound(wrong)
    return record


def _sound_of(line: bytes) -> Record:
    """A packed record, or `Unsound`."""
    return _sound(value_of(line))


def _tried(read: Callable[[], Read]) -> tuple[Read | None, str | None]:
    """What is read, or what is wrong with it in one clause."""
    try:
        return read(), None
    except Unsound as reason:
        return None, str(reason)
    except FileNotFoundError:
        raise
    # Broad on purpose: bytes made to hurt raise whatever a decoder happens to. It's told as this
    # file's fault, by the error's name, and the thousand records beside it are read.
    except Exception as error:
        return None, f"it cannot be read ({type(error).__name__})"


def _held(path: Path) -> bool:
    """Whether a process holds a lock's file; asked without making, truncating or writing any."""
    try:
        with files.opened(path) as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except (Unsound, OSError):
        return False  # nobody can run a cell with a lock that cannot be opened
