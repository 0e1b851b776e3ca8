"""Cells of one table, fold after fold, for about as long as asked: all methods of a fold first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from omegaconf import DictConfig

from bench.cell.record import Record
from bench.cell.store import Store
from bench.errors import TableError
from bench.files import printable
from bench.sweep.job import Cell, require, run_cell
from bench.table import Table

Show = Callable[[Record, bool, "float | None"], None]  # record, was it made now, seconds left


@dataclass
class Study:
    """Runs the cells of a table's folds, in their order, until the time is over.

    Parameters
    ----------
    cells : sequence of (entry, DictConfig)
        Of one fold, as `bench.sweep.entries.cells_of` gives them; a fold's differ in its number.
    table : Table
    store : Store
    seconds : float
        That may be spent, from now.
    show : callable
        Is given each record, whether it was made now, and the seconds left, where they are known.
    """

    cells: Sequence[tuple[str, DictConfig]]
    table: Table
    store: Store
    seconds: float
    show: Show
    _begun: float = field(default_factory=lambda: time.perf_counter())
    _took: dict[str, list[float]] = field(default_factory=dict)  # entry → seconds of cells

    def folds(self, numbers: Sequence[int], fewest: int) -> Iterator[list[Record]]:
        """Run fold after fold; after each, its records.

        It ends before a fold that would not end within the time, but not before the ``fewest``. A
        fold that cannot be used with this table is left out, and told at the end.

        Raises
        ------
        BadInput
            If none can be used.
        """
        run, refused = 0, []
        for place, number in enumerate(numbers):
            try:
                cells, due = self._ready(number)
            except TableError as reason:  # of this fold, or else of all
                refused.append(reason)
                continue
            if due and run >= fewest and self._elapsed() + self.cost(due) > self.seconds:
                break
            left = max(fewest - run, len(numbers) - place)
            yield [self._run(cell, left, max(0, fewest - run)) for cell in cells]
            run += 1
        if refused and not run:
            raise refused[0]
        for why in refused:
            print(printable(f"Left out: {why}"))

    def _ready(self, number: int) -> tuple[list[Cell], list[Cell]]:
        """The cells of a fold, and those of them that are to be run, which can be."""
        cells = [self._cell(entry, cfg, number) for entry, cfg in self.cells]
        due = [cell for cell in cells if cell.is_due(self.store.read(cell.path))]
        for cell in due:
            require(cell)
        return cells, due

    def cost(self, cells: Iterable[Cell] | None = None) -> float:
        """Seconds that cells take, or a whole fold, by those of their methods so far."""
        entries = self._took if cells is None else [cell.entry for cell in cells]
        return sum(median(self._took[entry]) for entry in entries if entry in self._took)

    def _cell(self, entry: str, cfg: DictConfig, number: int) -> Cell:
        cfg = cfg.copy()
        cfg.fold = number
        words = (f"fold={number}", f"results_dir={self.store.root}")
        return Cell.of(cfg, entry, self.table, self.store, words)

    def _run(self, cell: Cell, folds: int, needed: int) -> Record:
        begun = time.perf_counter()
        ended = run_cell(cell, self.store)
        assert ended is not None  # it waits
        record, is_made = ended
        took = time.perf_counter() - begun if is_made else record["timings"]["seconds"]["total"]
        self._took.setdefault(cell.entry, []).append(took)
        known = len(self._took) == len(self.cells)
        self.show(record, is_made, self._left(folds, needed) if known else None)
        return record

    def _left(self, folds: int, needed: int) -> float:
        """Seconds until it ends, if nothing is clear before."""
        fold = self.cost()
        return min(max(self.seconds - self._elapsed(), needed * fold), folds * fold)

    def _elapsed(self) -> float:
        return time.perf_counter() - self._begun
