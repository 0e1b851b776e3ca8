"""A folder that is written whole or not at all, also where another one takes its place."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE, EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """A new folder beside ``path``, which takes that place once the block has ended.

    What lies at ``path`` is there until then, and is gone after. Whatever is raised meanwhile,
    nothing is left of the new one, and what was there before stays.

    Raises
    ------
    OSError
        If it cannot be written, or ``path`` is no folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # of a process that died
    temporary.mkdir()
    try:
        yield temporary
        for place in [*temporary.rglob("*"), temporary]:
            _sync(place)
        _put(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # what was written; or, by now, what was there
    _sync(path.parent)  # the rename itself must survive a crash too


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put(new: Path, path: Path) -> None:
    try:
        os.rename(new, path)  # onto nothing, or an empty folder
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not _exchanged(new, path):
            _in_two_steps(new, path)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether two folders changed places at once: only Linux can, and not on every disk."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and not rename(
        HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE
    )


def _in_two_steps(new: Path, path: Path) -> None:
    """The same; a process that is killed in between leaves the old one under a hidden name."""
    aside = new.with_suffix(".old")
    os.rename(path, aside)
    try:
        os.rename(new, path)
    except OSError:
        os.rename(aside, path)
        raise
    shutil.rmtree(aside, ignore_errors=True)
