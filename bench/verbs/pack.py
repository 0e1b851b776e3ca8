"""`python -m bench pack`: all records of a results folder in one small file, `records.jsonl.zst`.

Whole or not at all: the pack is read back and held against the records before it takes its place,
and a file goes only where the pack gives it back bit for bit, but for the predictions where those
are left out (``predictions=false``). What is no sound record stays loose.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from bench import files
from bench.cell.packed import Pack, line_of, text_of, write
from bench.cell.reader import Entry
from bench.cell.record import encode, without_predictions
from bench.cell.store import Store
from bench.errors import BadInput
from bench.files import Unsound, printable
from bench.names import inside
from bench.phrases import counted
from bench.verbs._folder import folder

HELP = "all records of a folder in one small file: pack [results_dir] [predictions=false]"
PLACE = 13
USAGE = "pack [results_dir | experiment=NAME] [predictions=false]"
KEPT, LEFT_OUT = "predictions=true", "predictions=false"
FEW = 3  # files that stay loose and are named


def main(arguments: list[str]) -> int:
    """Pack a results folder; give the exit code: 1 where something has to stay loose."""
    store = Store(folder([a for a in arguments if a not in (KEPT, LEFT_OUT)], USAGE))
    with store.housekeeping():
        packing = Packing(store, with_predictions=LEFT_OUT not in arguments)
        packing.write()
        packing.remove()
    told, size = f"{packing.count:,} records", store.pack_path.stat().st_size
    print(f"{told} in {store.pack_path}: {size:,} bytes, {packing.size:,} as files.")
    if packing.left_out:
        print(
            f"{counted(packing.left_out, 'record')} without predictions: of those no score can be "
            "computed that is not in them."
        )
    left = [f"{path.relative_to(store.root)}: {wrong}" for path, wrong in packing.left.items()]
    if left:
        named = "; ".join(left[:FEW]) + ("; …" if left[FEW:] else "")
        many = f"{len(left)} files are no sound records and stay"
        said = many if left[1:] else "1 file is no sound record and stays"
        print(printable(f"{said}: {named}.", keep=""))
    return int(bool(left))


class Packing:
    """What becomes of a folder's records.

    Parameters
    ----------
    with_predictions : bool
        Whether what a record keeps of predictions is packed.

    Attributes
    ----------
    count, size : int
        Records that are packed, and the bytes of their files.
    left_out : int
        Records whose predictions are not packed.
    left : dict of path → what is wrong there
    """

    def __init__(self, store: Store, with_predictions: bool = True) -> None:
        self.store = store
        self.with_predictions = with_predictions
        self.count = self.size = self.left_out = 0
        self.left: dict[Path, str] = {}
        self._read = hashlib.sha256()

    def write(self) -> None:
        """Write the pack, read it back, and put it in its place; else all stays as it was.

        Raises
        ------
        BadInput
            If there is nothing to pack, or the pack that is there is damaged.
        OSError
            If it cannot be written, or what is read back is something else.
        """
        place = inside(self.store.root, self.store.pack_path.name)
        with files.writing_whole(place) as file:
            write(file, self._lines())
            if not self.count:
                raise BadInput(f"no sound records under '{self.store.root}'.")
            file.flush()
            if not self._is_in(file):
                raise OSError(errno.EIO, "what is read back is not what was written")

    def _lines(self) -> Iterator[tuple[str, bytes]]:
        """(place, line) of every sound record; of one that lies here twice, the loose one's."""
        for entry in self.store.entries():
            if entry.path == self.store.pack_path:
                raise BadInput(
                    f"'{entry.path}' is damaged, as {entry.wrong}; `unpack` saves what is sound."
                )
            if entry.record is None:
                self.left[entry.path] = str(entry.wrong)
                continue
            text = self._text(entry)
            line = line_of(text)
            self.left_out += not self.with_predictions and bool(entry.record["predictions"])
            self.count += 1
            self.size += len(text)
            _add(self._read, text)
            yield entry.path.relative_to(self.store.root).as_posix(), line

    def _text(self, entry: Entry) -> bytes:
        """What is packed of a sound record: its file, or one of it without predictions."""
        record = entry.record
        if record and record["predictions"] and not self.with_predictions:
            return encode(without_predictions(record)).encode()
        return text_of(entry.text) if entry.is_packed else entry.text

    def _is_in(self, file: BinaryIO) -> bool:
        """Whether a pack gives back every file that was read, bit for bit."""
        found = hashlib.sha256()
        try:
            pack = Pack(file)
            for at in range(len(pack.frames)):
                for line in pack.lines(at):
                    _add(found, text_of(line))
        except Unsound:
            return False
        return found.hexdigest() == self._read.hexdigest()

    def remove(self) -> None:
        """Remove each file that the pack gives back bit for bit, and the folders left empty."""
        root = self.store.root.resolve()
        for entry in self.store.packed():
            if entry.path.resolve() != root / entry.path.relative_to(self.store.root):
                continue  # a link leads to a file that is another's
            with suppress(FileNotFoundError, Unsound):
                if self._text(self.store.loose(entry.path)) == text_of(entry.text):
                    os.unlink(entry.path)
                    _remove_empty(entry.path.parent, self.store.root)


def _add(digest: hashlib._Hash, text: bytes) -> None:
    digest.update(b"%d:" % len(text) + text)


def _remove_empty(place: Path, root: Path) -> None:
    with suppress(OSError):  # it is not empty
        while place != root:
            place.rmdir()
            place = place.parent
