"""How long the rest of a sweep takes: by method, from what its cells and those at hand took.

Cells that are done before cost next to nothing, so a pace in cells a minute would mislead.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.cell.record import Record
from bench.finetune.settings import all_steps
from bench.phrases import duration
from bench.sweep.asked import Asked, Cell
from bench.sweep.costs import LEAST_TABLES, Fit, Measured, Size

ENOUGH = 2  # made cells for each worker that tell how many run at once


class Times:
    """What cells took, by method and table."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))
        self._fits: dict[str, Fit] = {}

    def add(self, took: Measured) -> None:
        """Take in what a cell took."""
        self._of[took.method][took.dataset].append(took)
        self._fits.pop(took.method, None)

    def kinds(self) -> list[tuple[str, str]]:
        """The pairs of method and table that there are times of."""
        return [(method, table) for method, of in self._of.items() for table in of if of[table]]

    def here(self, method: str, dataset: str) -> float | None:
        """Seconds of the method's cells on this table, the median."""
        found = self._of[method][dataset]
        return median(took.seconds for took in found) if found else None

    def elsewhere(self, method: str, size: tuple[int, int] | None) -> float | None:
        """Seconds of the method's cells on other tables, for a table's (rows, features)."""
        by_table = {name: of for name, of in self._of[method].items() if of}
        everything = [took for of in by_table.values() for took in of]
        if not everything:
            return None
        if size is None or len(by_table) < LEAST_TABLES:
            return median(took.seconds for took in everything)
        if method not in self._fits:
            self._fits[method] = Fit.of(everything)
        return self._fits[method].seconds(Size(*size, everything[-1].size.steps))


@dataclass
class TimeLeft:
    """Follows a sweep's journal.

    Parameters
    ----------
    cells : list of Cell
        All of them.
    workers : int or None
        How many cells run at once, where it is known.
    """

    cells: list[Cell]
    workers: int | None = None
    _left: dict[tuple[Any, Any], Cell] = field(default_factory=dict)
    _made: Times = field(default_factory=Times)  # of this sweep
    _at_hand: Times = field(default_factory=Times)  # of records that were there
    _afar: Times = field(default_factory=Times)  # of other folders, perhaps other machines
    _fresh: Counter[tuple[str, str, str, str | None]] = field(default_factory=Counter)
    _alike: Counter[tuple[str, ...]] = field(default_factory=Counter)
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)  # entry → method
    _tables: dict[str, str] = field(default_factory=dict)  # of the config group → table
    _factors: list[float] = field(default_factory=list)  # of this sweep to those at hand
    _spans: list[tuple[float, float]] = field(default_factory=list)  # of made cells
    _gaps: list[float] = field(default_factory=list)  # before a cell that was done before
    _last: float | None = None
    # By entry, of cells that had seemed to be done: those that were, and those that were made.
    _passed: Counter[str] = field(default_factory=Counter)
    _surprising: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._left = {(cell.job, cell.entry): cell for cell in self.cells}
        self._alike = Counter(map(_alike, self.cells))

    @classmethod
    def of(
        cls, asked: Asked, records: Iterable[Record], elsewhere: Iterable[Measured] = ()
    ) -> TimeLeft:
        """Begin with what a sweep asks for, the records in its folder, and times of other folders.

        Of those count what the same model took with as many steps; how this machine differs is
        told by the cells that were made here.
        """
        left = cls(asked.cells, asked.workers)
        left.read(records, asked.rerun)
        for took in elsewhere:
            if took.model == asked.model and took.size.steps in (0, asked.steps):
                left.know(took)
        return left

    def know(self, took: Measured) -> None:
        """Take in what a cell took in another folder."""
        self._afar.add(took)
        self._sizes.setdefault(took.dataset, (took.size.rows, took.size.features))

    def read(self, records: Iterable[Record], rerun: str) -> None:
        """Take in records: what they took, and which need not be made again."""
        from bench.cell.identity import stale

        sound = list(records)
        old = {id(record) for record in stale(sound)} if rerun == "needed" else set()
        for record in sound:
            cell, data = record["cell"], record["data"]
            tuned = record["settings"]["method"]["finetune"]
            if record["status"] == "done":
                self._at_hand.add(_measured(record))
                self._sizes[cell["dataset"]] = (sum(data["rows"].values()), data["features"])
            again = rerun == "all" or id(record) in old
            if not again and (record["status"] != "failed" or rerun == "none"):
                # One that is not fine-tuned has the same record for all seeds.
                seed = str(cell["seed"]) if tuned else None
                self._fresh[cell["dataset"], cell["method"], str(cell["fold"]), seed] += 1

    def add(self, event: dict[str, Any]) -> None:
        """Take in what the journal tells: a cell that has ended, or a job that is refused."""
        if event["event"] == "bad_input":
            self._refuse(event["cell"], event.get("cells", 1))
        elif event["event"] == "cell":
            self._end(event)

    def _refuse(self, label: str, count: int) -> None:
        """A job's cells are left to nobody; its label is their dataset and fold."""
        named = [key for key, of in self._left.items() if f"{of.dataset} {of.fold}" == label]
        for key in named[:count]:
            del self._left[key]

    def _end(self, event: dict[str, Any]) -> None:
        cell = self._left.pop((event.get("job"), event.get("entry")), None)
        if cell is None or event.get("size") is None:
            return  # of another sweep on the same folder, or of an older one
        self._names[cell.entry] = event["method"]
        self._tables[cell.dataset] = event["dataset"]
        if self._share_named(cell) == 1.0:
            (self._surprising if event["made"] else self._passed)[cell.entry] += 1
        rows, features, steps = event["size"]
        self._sizes[event["dataset"]] = (rows, features)
        if event["made"]:
            before = self._at_hand.here(event["method"], event["dataset"])
            if before:
                self._factors.append(event["seconds"] / before)
            self._spans.append((event["time"] - event["seconds"], event["time"]))
            if event["status"] == "done":
                size = Size(rows, features, steps)
                took = Measured("", "", event["dataset"], event["method"], size, event["seconds"])
                self._made.add(took)
        elif self._last is not None:
            self._gaps.append(event["time"] - self._last)
        self._last = event["time"]

    def text(self) -> str:
        """The time left, in words."""
        seconds, unknown = self.seconds()
        if unknown and seconds == 0:
            return "unknown time"
        return f"{'at least about' if unknown else 'about'} {duration(seconds)}"

    def done(self) -> int:
        """How many of the cells that have not ended need not be made."""
        return round(sum(map(self._share_done, self._left.values())))

    def seconds(self) -> tuple[float, int]:
        """Seconds left, and the number of cells that nothing is known of (they count zero)."""
        work, longest, skipped, unknown = 0.0, 0.0, 0.0, 0
        pace = median(self._factors) if self._factors else 1.0
        pace_afar = self._pace_afar(pace)
        for cell in self._left.values():
            done = self._share_done(cell)
            skipped += done
            took = self._estimate(cell, pace, pace_afar) if done < 1.0 else 0.0
            unknown += took is None
            work += (1 - done) * (took or 0.0)
            longest = max(longest, (1 - done) * (took or 0.0))
        gap = median(self._gaps) if self._gaps else 0.0
        return max(work / self._at_once(), longest) + skipped * gap, unknown

    def _estimate(self, cell: Cell, pace: float, pace_afar: float) -> float | None:
        """Seconds of a cell: by cells of this table, the nearest first, then by other tables."""
        method, dataset = self._method(cell), self._table(cell)
        size = self._sizes.get(dataset)
        known = ((self._made, 1.0), (self._at_hand, pace), (self._afar, pace_afar))
        for times, scale in known:
            if (found := times.here(method, dataset)) is not None:
                return scale * found
        for times, scale in known:
            if (found := times.elsewhere(method, size)) is not None:
                return scale * found
        return None

    def _pace_afar(self, pace: float) -> float:
        """How much longer cells take here than in other folders, by those known of both."""
        ratios = []
        for method, dataset in self._afar.kinds():
            made, before = (of.here(method, dataset) for of in (self._made, self._at_hand))
            ours = made if made is not None or before is None else pace * before
            theirs = self._afar.here(method, dataset)
            if ours and theirs:
                ratios.append(ours / theirs)
        return median(ratios) if ratios else 1.0

    def _share_done(self, cell: Cell) -> float:
        """How likely a cell is done: 0 … 1. Records under its name may be of other settings."""
        passed, surprising = self._passed[cell.entry], self._surprising[cell.entry]
        held = passed / (passed + surprising) if surprising else 1.0
        return held * self._share_named(cell)

    def _share_named(self, cell: Cell) -> float:
        """How many of the sweep's cells under a record's name have a good record: 0 … 1."""
        name = (self._table(cell), self._method(cell), cell.fold)
        records = self._fresh[*name, cell.seed] + self._fresh[*name, None]
        if not records:
            return 0.0
        return min(1.0, records / self._alike[_alike(cell)])

    def _method(self, cell: Cell) -> str:
        if cell.entry in self._names:
            return self._names[cell.entry]
        return _named(cell.entry)

    def _table(self, cell: Cell) -> str:
        return self._tables.get(cell.dataset, cell.dataset)

    def _at_once(self) -> float:
        """How many cells run at the same time, of the time in which any does."""
        if len(self._spans) < ENOUGH * (self.workers or 1):
            return float(self.workers or 1)
        busy, covered, until = 0.0, 0.0, -math.inf
        for begun, ended in sorted(self._spans):
            busy += ended - begun
            covered += max(0.0, ended - max(begun, until))
            until = max(until, ended)
        return busy / covered if covered else 1.0


def _alike(cell: Cell) -> tuple[str, ...]:
    """What cells of several settings have in common."""
    return cell.dataset, _named(cell.entry), cell.fold, cell.seed


def _named(entry: str) -> str:
    """What an entry of ``methods`` calls its method."""
    first, *more = entry.split() or [""]
    named = [word.partition("=")[2] for word in more if word.startswith("method.name=")]
    return named[-1] if named else first


def _measured(record: Record) -> Measured:
    tuned = record["settings"]["method"]["finetune"]
    return Measured(
        model=record["cell"]["model"],
        device=record["provenance"]["device"],
        dataset=record["cell"]["dataset"],
        method=record["cell"]["method"],
        size=Size(
            sum(record["data"]["rows"].values()),
            record["data"]["features"],
            all_steps(record["settings"]["finetune"]) if tuned else 0,
        ),
        seconds=float(record["timings"]["seconds"]["total"]),
    )
