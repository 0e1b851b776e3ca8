"""How long the rest of a sweep takes: by method, from what its cells and those at hand took.

Cells that are done before cost next to nothing, so a pace in cells a minute would mislead.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from omegaconf import DictConfig

from bench.cell.model import name_of
from bench.cell.record import Record
from bench.files import plain
from bench.sweep.costs import LEAST_TABLES, Fit, Measured, Size

ENOUGH = 2  # made cells for each worker that tell how many run at once


@dataclass(frozen=True)
class Cell:
    """A cell as the words of a sweep name it."""

    job: int
    entry: str  # of methods
    dataset: str  # of the config group; what its table is called is known when a cell has ended
    fold: str
    seed: str


def cells(config: DictConfig) -> list[Cell]:
    """The cells of a sweep in order: the product of its swept values, each with its methods.

    Raises
    ------
    hydra.errors.HydraException
        If its words are no such values.
    """
    params = [f"{k}={v}" for k, v in (config.hydra.sweeper.params or {}).items()]
    hydra = GlobalHydra.instance()
    groups = hydra.config_loader() if hydra.is_initialized() else None  # what a glob may match
    parser = OverridesParser.create(config_loader=groups)
    words = parser.parse_overrides([*params, *config.hydra.overrides.task])
    # The command line's, said last, wins.
    values = {word.get_key_element(): _values(word) for word in words}
    chosen = config.hydra.runtime.choices
    found = []
    for job, picked in enumerate(itertools.product(*values.values())):
        of = dict(zip(values, picked, strict=True))
        entries = _entries(of["methods"]) if "methods" in of else config.methods
        for entry in entries or [of.get("method", chosen.method)]:
            found.append(
                Cell(
                    job,
                    str(entry),
                    of.get("dataset", chosen.dataset),
                    of.get("fold", str(config.fold)),
                    of.get("seed", str(config.seed)),
                )
            )
    return found


def _values(word: Override) -> list[str]:
    if word.is_sweep_override():
        return list(word.sweep_string_iterator())
    return [word.get_value_element_as_str()]


def _entries(words: str) -> list[str]:
    """The entries of ``methods=WORDS``, without Hydra's quotes."""
    value = OverridesParser.create().parse_override(f"methods={words}").value()
    entries = value if isinstance(value, list) else [value] if value is not None else []
    return [e.text if isinstance(e, QuotedString) else str(e) for e in entries]


class Times:
    """What cells took, by method and table."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))
        self._fits: dict[str, Fit] = {}

    def add(self, took: Measured) -> None:
        """Take in what a cell took."""
        self._of[took.method][took.dataset].append(took)
        self._fits.pop(took.method, None)

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
    _at_hand: Times = field(default_factory=Times)  # of records that were there
    _made: Times = field(default_factory=Times)  # of this sweep
    _fresh: Counter[tuple[str, str, str, str | None]] = field(default_factory=Counter)
    _alike: Counter[tuple[str, ...]] = field(default_factory=Counter)
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)  # entry → method
    _tables: dict[str, str] = field(default_factory=dict)  # of the config group → table
    _factors: list[float] = field(default_factory=list)  # of this sweep to those at hand
    _spans: list[tuple[float, float]] = field(default_factory=list)  # of made cells
    _gaps: list[float] = field(default_factory=list)  # before a cell that was done before
    _last: float | None = None
    _surprised: bool = False  # a cell was made that had seemed to be done

    def __post_init__(self) -> None:
        self._left = {(cell.job, cell.entry): cell for cell in self.cells}
        self._alike = Counter(_name(cell) for cell in self.cells)

    @classmethod
    def of(
        cls, config: DictConfig, records: Iterable[Record], elsewhere: Iterable[Measured] = ()
    ) -> TimeLeft:
        """Begin with a sweep's config, the records in its folder, and times of other folders.

        Of those count what the same model took with as many steps; how this machine differs is
        found out by the first cells that are made.
        """
        left = cls(cells(config), _workers(config))
        left.read(records, rerun=str(config.rerun))
        model, steps = name_of(plain(config.model)), (0, int(config.finetune.steps))
        for took in elsewhere:
            if took.model == model and took.size.steps in steps:
                left.know(took)
        return left

    def know(self, took: Measured) -> None:
        """Take in what a cell took in another folder."""
        self._at_hand.add(took)
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
        """Take in a cell that has ended, from the journal."""
        cell = self._left.pop((event.get("job"), event.get("entry")), None)
        if cell is None or event.get("size") is None:
            return  # of another sweep on the same folder, or of an older one
        self._names[cell.entry] = event["method"]
        self._tables[cell.dataset] = event["dataset"]
        rows, features, steps = event["size"]
        self._sizes[event["dataset"]] = (rows, features)
        if event["made"]:
            self._surprised |= self._share_done(cell) == 1.0
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
        about = "at least about" if unknown else "at most about" if self._surprised else "about"
        return f"{about} {duration(seconds)}"

    def seconds(self) -> tuple[float, int]:
        """Seconds left, and the number of cells that nothing is known of (they count zero)."""
        work, longest, skipped, unknown = 0.0, 0.0, 0.0, 0
        for cell in self._left.values():
            done = 0.0 if self._surprised else self._share_done(cell)
            skipped += done
            took = self._estimate(cell) if done < 1.0 else 0.0
            unknown += took is None
            work += (1 - done) * (took or 0.0)
            longest = max(longest, (1 - done) * (took or 0.0))
        gap = median(self._gaps) if self._gaps else 0.0
        return max(work / self._at_once(), longest) + skipped * gap, unknown

    def _estimate(self, cell: Cell) -> float | None:
        method, dataset = self._method(cell), self._table(cell)
        size = self._sizes.get(dataset)
        factor = median(self._factors) if self._factors else 1.0
        for found, scale in (
            (self._made.here(method, dataset), 1.0),
            (self._at_hand.here(method, dataset), factor),
            (self._made.elsewhere(method, size), 1.0),
            (self._at_hand.elsewhere(method, size), factor),
        ):
            if found is not None:
                return scale * found
        return None

    def _share_done(self, cell: Cell) -> float:
        """How many of the sweep's cells under a record's name have a good record: 0 … 1."""
        name = (self._table(cell), self._method(cell), cell.fold)
        records = self._fresh[*name, cell.seed] + self._fresh[*name, None]
        if not records:
            return 0.0
        return min(1.0, records / self._alike[_name(cell)])

    def _method(self, cell: Cell) -> str:
        if cell.entry in self._names:
            return self._names[cell.entry]
        first, *more = cell.entry.split() or [""]
        named = [word.partition("=")[2] for word in more if word.startswith("method.name=")]
        return named[-1] if named else first

    def _table(self, cell: Cell) -> str:
        return self._tables.get(cell.dataset, cell.dataset)

    def _at_once(self) -> float:
        """How many cells run at the same time."""
        begun, ended = zip(*self._spans, strict=True) if self._spans else ((), ())
        if len(self._spans) < ENOUGH * (self.workers or 1):
            return float(self.workers or 1)
        busy = sum(ended) - sum(begun)
        return max(busy / max(max(ended) - min(begun), 1e-9), 1e-9)


def _name(cell: Cell) -> tuple[str, ...]:
    """What cells of several settings have in common."""
    return cell.dataset, cell.entry, cell.fold, cell.seed


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
            record["settings"]["finetune"]["steps"] if tuned else 0,
        ),
        seconds=float(record["timings"]["seconds"]["total"]),
    )


def _workers(config: DictConfig) -> int | None:
    """Processes of the launcher; None where a cluster decides."""
    launcher = config.hydra.launcher
    jobs = launcher.get("n_jobs")
    if isinstance(jobs, int):  # joblib's; below 0 they count from the processors' number
        return jobs if jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + jobs)
    return 1 if str(launcher.get("_target_")).endswith("BasicLauncher") else None


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would use."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
