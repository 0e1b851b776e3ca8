"""`python -m bench unpack`: a pack's records as files again, bit for bit; then the pack goes."""

from __future__ import annotations

import os

from bench.cell.packed import text_of
from bench.cell.reader import Entry
from bench.cell.store import Store
from bench.errors import BadInput
from bench.files import Unsound, printable, write_whole
from bench.names import inside
from bench.verbs._folder import folder

HELP = "the records of a pack as files again: unpack [results_dir]"
PLACE = 14
USAGE = "unpack [results_dir | experiment=NAME]"


def main(arguments: list[str]) -> int:
    """Unpack a results folder; give the exit code: 1 where the pack is damaged."""
    store = Store(folder(arguments, USAGE))
    if not os.path.lexists(store.pack_path):
        raise BadInput(f"there is no '{store.pack_path}' to unpack.")
    written, kept, wrong = 0, 0, None
    with store.housekeeping():
        for entry in store.packed():
            try:
                if entry.record is None:
                    raise Unsound(str(entry.wrong))
                new = _write(store, entry)
                written, kept = written + new, kept + (not new)
            except Unsound as reason:
                wrong = wrong or str(reason)
        if wrong is None:
            store.pack_path.unlink()
        else:
            store.set_aside(store.pack_path, wrong)
    also = f"; {kept:,} lay there already, and stay" if kept else ""
    print(f"{written:,} records written under {store.root / 'cells'}{also}.")
    if wrong is not None:
        aside = store.root / "set_aside"
        print(printable(f"{store.pack_path} was moved to {aside}: {wrong}.", keep=""))
    return int(wrong is not None)


def _write(store: Store, entry: Entry) -> bool:
    """Write a record's file, unless a sound one is there; give whether it was written.

    Raises
    ------
    Unsound
        If the file would be too large to be read.
    """
    text = text_of(entry.text)
    try:
        found = store.loose(entry.path)
    except FileNotFoundError:
        pass
    else:
        if found.record is not None:
            return False  # loose ones go before packed ones
        store.set_aside(entry.path, str(found.wrong))
    write_whole(inside(store.root, entry.path.relative_to(store.root)), text)
    return True
