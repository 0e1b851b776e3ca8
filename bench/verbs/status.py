"""`python -m bench status`: how far a sweep is, also one that runs in other processes or machines.

It only reads: records, the journal, the sweep's config that Hydra keeps beside them, and which
cells' locks are held.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from bench.cell import journal
from bench.cell.reader import Entry, state
from bench.cell.record import STATUSES, Record
from bench.cell.store import Store
from bench.phrases import begun, counted
from bench.verbs._folder import folder
from bench.verbs._terminal import plain

if TYPE_CHECKING:  # Hydra and numpy: only where there is a sweep
    from bench.sweep.asked import Asked
    from bench.sweep.costs import Measured
    from bench.sweep.kept import Kept
    from bench.sweep.time_left import TimeLeft

HELP = "what is done, running, failed, stale, left: status [results_dir] [--watch]"
PLACE = 5
ONLY_PRINT = True
USAGE = "status [results_dir | experiment=NAME] [--watch]"
EVERY = 2.0  # seconds between two looks
SHOWN = 8  # running cells that are named
FEW = 3  # faulty files that are named


def main(arguments: list[str]) -> int:
    """Print how far the cells of a results folder are; give the exit code."""
    watches = "--watch" in arguments
    root = folder([a for a in arguments if a != "--watch"], USAGE, may_be_new=watches)
    look = Look(root)
    console = Console()
    if not watches:
        console.print(shown(look.now()))
        return 0
    with suppress(KeyboardInterrupt):  # that is how one stops looking
        _watch(look, console)
    return 0


def _watch(look: Look, console: Console) -> None:
    """Look again until nothing is left; a log gets a table only where something changed."""
    if not console.is_terminal:
        last: Status | None = None
        while last is None or not last.ended:
            now = look.now()
            if last is None or now.counts != last.counts:
                console.print(shown(now))
            last = now
            time.sleep(0 if now.ended else EVERY)
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            now = look.now()
            live.update(shown(now), refresh=True)
            if now.ended:
                return
            time.sleep(EVERY)


@dataclass
class Sweep:
    """The last sweep of a folder: its cells, and what the journal says of them."""

    cells: int
    ended: int
    refused: int  # cells of jobs that cannot be run
    done_before: int = 0  # of those left: they only have to be passed
    time_left: str = "unknown time"

    @property
    def left(self) -> int:
        """What is refused is left to nobody."""
        return max(0, self.cells - self.ended - self.refused)


@dataclass
class Status:
    """What one look found."""

    root: Path
    counts: dict[str, Counter[str]]  # method → status (and "stale") → records
    faults: dict[Path, str]
    running: list[str]
    sweep: Sweep | None
    amiss: list[str] = field(default_factory=list)  # sentences on what else could not be read

    @property
    def ended(self) -> bool:
        """Whether there is nothing to wait for."""
        left = self.sweep.left if self.sweep else 0
        return not self.running and left == 0


class Look:
    """Looks at a folder, reading again only the records that changed."""

    def __init__(self, root: Path) -> None:
        self._store = Store(root)
        self._known: dict[Path, tuple[tuple[int, ...], Entry]] = {}
        self._packed: tuple[tuple[int, ...] | None, list[Entry]] = None, []
        self._swept: tuple[tuple[int, ...], Kept | str] | None = None
        self._elsewhere: list[Measured] | None = None

    def now(self) -> Status:
        """The folder as it is at this moment."""
        from bench.analysis.variants import names
        from bench.cell.identity import stale

        records, faults = self._records()
        counts: dict[str, Counter[str]] = {}
        called = {id(r): name.method for r, name in zip(records, names(records), strict=True)}
        for record in records:
            counts.setdefault(called[id(record)], Counter())[record["status"]] += 1
        old = stale(records)
        for record in old:
            counts[called[id(record)]]["stale"] += 1
        sweep, amiss = self._sweep(records)
        return Status(self._store.root, counts, faults, self._store.running(), sweep, amiss)

    def _records(self) -> tuple[list[Record], dict[Path, str]]:
        loose = self._loose()
        sound = {entry.path for entry in loose if entry.record is not None}
        found = loose + [entry for entry in self._of_pack() if entry.path not in sound]
        records = [entry.record for entry in found if entry.record is not None]
        return records, {entry.path: entry.wrong for entry in found if entry.wrong is not None}

    def _loose(self) -> list[Entry]:
        known, self._known = self._known, {}
        for path, wrong in self._store.walk():
            try:
                key = state(path)
                seen = known.get(path)
                if wrong is not None:
                    self._known[path] = key, Entry(path, None, wrong)
                elif seen is not None and seen[0] == key:
                    self._known[path] = seen
                else:
                    self._known[path] = key, self._store.loose(path)._replace(text=b"")
            except FileNotFoundError:
                continue  # it has just been set aside
        return [entry for _, entry in self._known.values()]

    def _of_pack(self) -> list[Entry]:
        key = self._store.state_of_pack()
        if key != self._packed[0]:
            self._packed = key, [entry._replace(text=b"") for entry in self._store.packed()]
        return self._packed[1]

    def _sweep(self, records: list[Record]) -> tuple[Sweep | None, list[str]]:
        """The last sweep, and sentences on what of it cannot be read."""
        config = self._store.root / "sweep" / "multirun.yaml"
        try:
            changed = state(config)
        except OSError:
            return None, []
        from bench.sweep.kept import kept  # Hydra: only where there is a sweep

        if self._swept is None or self._swept[0] != changed:
            self._swept = changed, kept(config)
        swept = self._swept[1]
        if isinstance(swept, str):
            return None, [f"{config} cannot be used: {swept}"]
        read = journal.read(self._store.journal)
        begun, events = journal.of_last_sweep(read.events)
        sweep = Sweep(
            cells=swept.cells,
            ended=journal.n_ended(events),
            refused=sum(e.get("cells", 1) for e in events if e["event"] == "bad_input"),
        )
        if sweep.left:
            earlier = [r for r in records if r["timings"]["started"] < begun]
            left = self._time_left(swept.asked, earlier, events)
            sweep.done_before, sweep.time_left = left.done(), left.text()
        return sweep, _amiss(self._store.journal, read)

    def _time_left(
        self, asked: Asked, earlier: list[Record], events: list[journal.Event]
    ) -> TimeLeft:
        """What the records and the sweep's own cells tell; what lay between two runs counts not."""
        from bench.sweep.costs import measured
        from bench.sweep.time_left import TimeLeft

        if self._elsewhere is None:
            root = self._store.root
            self._elsewhere = list(measured(root.parent, but=root))
        left = TimeLeft.of(asked, earlier, self._elsewhere)
        for event in events:
            left.add(event)
        return left


def _amiss(path: Path, read: journal.Read) -> list[str]:
    if read.fault is not None:
        return [f"{path} cannot be used: {read.fault}"]
    if read.skipped:
        return [f"{path} has {counted(read.skipped, 'line')} passed over, which no event stands in"]
    return []


def shown(status: Status) -> Group:
    """The table, and the lines below it."""
    table = Table(title=plain(status.root), title_justify="left")
    table.add_column("method", overflow="fold")  # with its settings it is longer than a terminal
    columns = [*STATUSES, "stale"]
    for title in (column.replace("_", " ") for column in columns):
        table.add_column(title, justify="right", min_width=len(title))
    for method in sorted(status.counts):
        table.add_row(plain(method), *(str(status.counts[method][c]) for c in columns))
    total: Counter[str] = sum(status.counts.values(), Counter())
    table.add_section()
    table.add_row("all", *(str(total[c]) for c in columns))
    return Group(table, *(plain(line) for line in _lines(status)))


def _lines(status: Status) -> list[str]:
    lines = []
    if status.running:
        lines.append(f"running: {len(status.running)} ({begun(status.running, SHOWN)})")
    else:
        lines.append("running: none on this machine")
    sweep = status.sweep
    if sweep is None:
        lines.append("left: unknown; no sweep was started in this folder")
    else:
        line = f"left: {sweep.left} of the last sweep's {counted(sweep.cells, 'cell')}"
        line += f", {sweep.done_before} of them done before" if sweep.done_before else ""
        lines.append(line + (f", {sweep.time_left}" if sweep.left else ""))
        if sweep.refused:
            lines.append(
                f"refused: {counted(sweep.refused, 'cell')}, with the reasons in journal.jsonl"
            )
        if sweep.left and not status.running:
            lines.append("The sweep does not seem to run: the same command goes on where it was.")
    if status.faults:
        named = "; ".join(
            f"{path.relative_to(status.root)}: {why}"
            for path, why in list(status.faults.items())[:FEW]
        )
        more = "; …" if len(status.faults) > FEW else ""
        lines.append(
            f"faulty: {counted(len(status.faults), 'file')}, which a run of their cells sets aside "
            f"and makes anew ({named}{more})"
        )
    return [*lines, *(f"{line}." for line in status.amiss)]
