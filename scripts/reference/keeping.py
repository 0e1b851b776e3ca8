"""How records come to a folder of kept runs: brought from elsewhere, packed, and reported on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from bench.cell.store import Store
from bench.errors import BadInput
from bench.report.write import report
from bench.verbs.pack import Packing
from scripts.reference.asked import Cell, done
from scripts.reference.folders import Folder

Cells = dict[PurePosixPath, Cell]
SMALL = (".csv", ".svg")  # of a drawn graph; the page holds its pictures
LARGE = (".html", ".png", ".svg", ".pdf")  # of a report, beside the tables


def brought(
    folder: Folder, cells: Cells, results: Path, others: Iterable[Folder]
) -> dict[str, int]:
    """Bring what is asked for and was made before into the folder where it is made.

    A cell that several folders hold is made once, for whichever is first. Records come from
    whatever machine made them, which they name; those of other folders come with predictions where
    these are kept.

    Returns
    -------
    dict of where → how many
    """
    work = folder.work(results)
    have = {cell.place for cell, _ in done(work, cells)}
    found = dict.fromkeys(("kept", "other experiments"), 0)
    for store in (folder.unfinished(results), folder.kept(results)):
        found["kept"] += _copied(_sound(store), work, cells, have)
    if len(have) < len(cells):
        for other in others:
            for store in (other.work(results), other.unfinished(results), other.kept(results)):
                found["other experiments"] += _copied(
                    _sound(store), work, cells, have, whole=folder.predictions
                )
    return {where: n for where, n in found.items() if n}


def _sound(store: Store) -> Store:
    """The store, if its pack can be read.

    Raises
    ------
    BadInput
    """
    if wrong := store.fault_of_pack():
        raise BadInput(f"'{store.pack_path}' cannot be used, as {wrong}; remove it or restore it.")
    return store


def _copied(
    store: Store,
    work: Store,
    cells: Cells,
    have: set[PurePosixPath],
    whole: bool = False,
) -> int:
    """How many records were written that were not there; ``have`` then has them."""
    count = 0
    for cell, record in done(store, cells):
        lacks = whole and record["status"] == "done" and not record["predictions"]
        if cell.place in have or lacks:
            continue
        work.write({key: value for key, value in record.items() if key != "checksum"})
        have.add(cell.place)
        count += 1
    return count


def packed(folder: Folder, cells: Cells, results: Path) -> tuple[Path, bool]:
    """Pack what is asked for and done: to where it is kept if that is all, else as unfinished.

    Returns
    -------
    (folder, is_whole)

    Raises
    ------
    BadInput
        If nothing is done.
    """
    with TemporaryDirectory(dir=results, prefix=".reference-") as place:
        whole = Store(place)
        count = 0
        for _, record in done(folder.work(results), cells):
            whole.write({key: value for key, value in record.items() if key != "checksum"})
            count += 1
        Packing(whole, with_predictions=folder.predictions).write()
        is_whole = count == len(cells)
        goal = folder.kept(results) if is_whole else folder.unfinished(results)
        goal.root.mkdir(parents=True, exist_ok=True)
        os.replace(whole.pack_path, goal.pack_path)
    if is_whole:
        shutil.rmtree(folder.unfinished(results).root, ignore_errors=True)
    return goal.root, is_whole


def _drawn(table: str, root: Path) -> None:
    """Draw what causal discovery finds in the first split of a table, for the page."""
    words = [f"dataset={table}", "fold=0", f"results_dir={root}"]
    command = [sys.executable, "-m", "bench", "graph", *words]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        raise BadInput(f"no graph of '{table}' can be drawn: {ended.stderr.strip()}")


def reported(folder: Folder, root: Path) -> None:
    """Make the report of a kept folder; of its large files only those stay that are asked for.

    Raises
    ------
    BadInput
        If it cannot be made, or lacks a file that is asked for.
    """
    made = root / "report"
    for stale in (made, root / "graphs"):
        shutil.rmtree(stale, ignore_errors=True)
    for table in folder.graphs:
        _drawn(table, root)
    with redirect_stdout(StringIO()) as told:
        code = report(root)
    if code:
        raise BadInput(f"no report can be made of '{root}': {told.getvalue().strip()}")
    for picture in root.glob("graphs/*/*"):
        if picture.suffix not in SMALL:
            picture.unlink()
    keeps = {made / name for name in folder.keeps}
    for lacking in sorted(path for path in keeps if not path.is_file()):
        raise BadInput(f"the report of '{root}' has no '{lacking.relative_to(made)}'.")
    for path in sorted(made.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.suffix in LARGE and path not in keeps:
            path.unlink()
