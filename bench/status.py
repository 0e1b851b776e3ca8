"""`python -m bench status`: how far a sweep is, also one that runs in other processes or machines.

It only reads: records, the journal, the sweep's config that Hydra keeps beside them, and which
cells' locks are held.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bench.errors import BAD_INPUT, BadInput
from bench.record import STATUSES, Record
from bench.report.command import folder
from bench.store import Store

USAGE = "status [results_dir | experiment=NAME] [--watch]"
EVERY = 2.0  # seconds between two looks
SHOWN = 8  # running cells that are named


def main(arguments: list[str]) -> int:
    """Print how far the cells of a results folder are; give the exit code."""
    watches = "--watch" in arguments
    try:
        root = folder([a for a in arguments if a != "--watch"], USAGE, may_be_new=watches)
    except BadInput as reason:
        print(f"bench: {reason}", file=sys.stderr)
        return BAD_INPUT
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
    made: int
    refused: int
    begun: float

    @property
    def left(self) -> int:
        return max(0, self.cells - self.ended)

    def seconds_left(self, now: float) -> float | None:
        """At the pace so far; None before the first cell was made."""
        return (now - self.begun) / self.made * self.left if self.made else None


@dataclass
class Status:
    """What one look found."""

    root: Path
    counts: dict[str, Counter[str]]  # method → status (and "stale") → records
    faulty: int
    running: list[str]
    sweep: Sweep | None
    at: float

    @property
    def ended(self) -> bool:
        """Whether there is nothing to wait for."""
        left = self.sweep.left if self.sweep else 0
        return not self.running and left == 0


class Look:
    """Looks at a folder, reading again only the records that changed."""

    def __init__(self, root: Path) -> None:
        self._store = Store(root)
        self._known: dict[Path, tuple[tuple[int, int], Record | None]] = {}

    def now(self) -> Status:
        from bench.analysis.variants import names
        from bench.report.provenance import stale

        records, faulty = self._records()
        counts: dict[str, Counter[str]] = {}
        called = {id(r): name.method for r, name in zip(records, names(records), strict=True)}
        for record in records:
            counts.setdefault(called[id(record)], Counter())[record["status"]] += 1
        for record in stale(records):
            counts[called[id(record)]]["stale"] += 1
        now = time.time()
        return Status(self._store.root, counts, faulty, self._running(), self._sweep(), now)

    def _records(self) -> tuple[list[Record], int]:
        known, self._known = self._known, {}
        for path in self._store.paths():
            try:
                state = path.stat()
                key = (state.st_mtime_ns, state.st_size)
                seen = known.get(path)
                found = seen[1] if seen and seen[0] == key else self._store.examine(path)[0]
            except FileNotFoundError:
                continue  # it has just been set aside
            self._known[path] = (key, found)
        all_of_them = [record for _, record in self._known.values()]
        sound = [record for record in all_of_them if record is not None]
        return sound, len(all_of_them) - len(sound)

    def _running(self) -> list[str]:
        """Cells that a process holds the lock of; a dead process holds none."""
        return [
            path.stem.rpartition("-")[0]
            for path in sorted((self._store.root / "locks").glob("*.lock"))
            if _is_held(path)
        ]

    def _sweep(self) -> Sweep | None:
        config = self._store.root / "sweep" / "multirun.yaml"
        if not config.exists():
            return None
        from bench.progress import count_cells

        begun = config.stat().st_mtime
        events = [e for e in self._events() if e["time"] >= begun]
        cells = [e for e in events if e["event"] == "cell"]
        read = OmegaConf.load(config)
        assert isinstance(read, DictConfig)
        return Sweep(
            cells=count_cells(read),
            ended=len(cells),
            made=sum(e["made"] for e in cells),
            refused=sum(e["event"] == "bad_input" for e in events),
            begun=begun,
        )

    def _events(self) -> list[dict[str, Any]]:
        if not self._store.journal.exists():
            return []
        # A line that is being written has no end yet.
        whole = self._store.journal.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]


def _is_held(path: Path) -> bool:
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # a folder that cannot be written to: nobody runs in it from here


def shown(status: Status) -> Group:
    """The table, and the lines below it."""
    table = Table(title=str(status.root), title_justify="left")
    table.add_column("method", no_wrap=True)
    columns = [*STATUSES, "stale"]
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for method in sorted(status.counts):
        table.add_row(Text(method), *(str(status.counts[method][c]) for c in columns))
    total: Counter[str] = sum(status.counts.values(), Counter())
    table.add_section()
    table.add_row("all", *(str(total[c]) for c in columns))
    return Group(table, *(Text(line) for line in _lines(status)))


def _lines(status: Status) -> list[str]:
    lines = []
    if status.running:
        more = ", …" if len(status.running) > SHOWN else ""
        names = ", ".join(status.running[:SHOWN])
        lines.append(f"running: {len(status.running)} ({names}{more})")
    else:
        lines.append("running: none on this machine")
    sweep = status.sweep
    if sweep is None:
        lines.append("left: unknown; no sweep was started in this folder")
    else:
        time_left = sweep.seconds_left(status.at)
        pace = "" if not sweep.left else f", {_duration(time_left)} at the pace so far"
        lines.append(f"left: {sweep.left} of the last sweep's {sweep.cells} cells{pace}")
        if sweep.refused:
            lines.append(f"refused: {sweep.refused} tables could not be used (see journal.jsonl)")
        if sweep.left and not status.running:
            lines.append("The sweep does not seem to run: the same command goes on where it was.")
    if status.faulty:
        lines.append(f"faulty: {status.faulty} files that a run will set aside and make anew")
    return lines


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown time"
    if seconds >= 5400:
        return f"about {seconds / 3600:.1f} h"
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"
