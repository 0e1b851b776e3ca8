"""Watches over a sweep from the process that started it: progress, time left, tables, exit code."""

from __future__ import annotations

import math
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from bench import journal
from bench.errors import BAD_INPUT
from bench.files import printable
from bench.store import Store


class Progress(Callback):
    """Shows a sweep's progress from its journal, and ends it with what failed and the tables.

    It only reads the journal, so it works wherever the jobs run: in this process, in others, or
    on a cluster with a shared file system.
    """

    def __getstate__(self) -> dict[str, Any]:
        """Launchers pickle callbacks along with each job; the watch stays where it began."""
        return {}

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        try:
            self._store = Store(config.results_dir)
        except OmegaConfBaseException:
            return  # Hydra would make a warning of it; it meets the same error next, and ends
        self._total = count_cells(config)
        self._offset = journal.size(self._store.journal)
        self._begun = time.monotonic()
        self._events: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        try:
            code = self._end()
        except Exception:  # Hydra would turn it into a warning, and the exit code into 0
            traceback.print_exc()
            code = 1
        if code:
            sys.exit(code)

    def _end(self) -> int:
        """Print the tables, what was not applicable and what failed; give the exit code."""
        from bench.report.tables import report

        self._stop.set()
        self._thread.join()
        failed = [e for e in self._events if e.get("status") == "failed"]
        refused = [e for e in self._events if e["event"] == "bad_input"]
        report(self._store.root)
        for event in self._events:
            if event.get("status") == "not_applicable":
                print(printable(f"NOT APPLICABLE {event['cell']}: {event['error']}"))
        for event in failed:
            told = f"FAILED {event['cell']}: {event['error']}\n  again: {event['again']}"
            print(printable(told))
        for event in refused:
            print(
                printable(f"REFUSED {event['cell']}: {event['reason']}\n  again: {event['again']}")
            )
        return 1 if failed else BAD_INPUT if refused else 0

    def _watch(self) -> None:
        ended = False
        while not ended:
            ended = self._stop.wait(0.5)
            for event in self._new_events():
                self._events.append(event)
                self._show(event)

    def _new_events(self) -> list[dict[str, Any]]:
        read = journal.read(self._store.journal, self._offset)
        self._offset = read.end
        return read.events

    def _show(self, event: dict[str, Any]) -> None:
        if event["event"] == "set_aside":
            print(printable(f"Set aside {event['path']}: {event['reason']}."), flush=True)
        if event["event"] != "cell":
            return
        cells = [e for e in self._events if e["event"] == "cell"]
        done, made = len(cells), sum(e["made"] for e in cells)
        state = event["status"] if event["made"] else f"{event['status']} before"
        left = "" if done == self._total else f" · {self._time_left(done, made)} left"
        print(
            f"[{done}/{self._total}] {event['cell']}: {state} ({event['seconds']:.1f} s){left}",
            flush=True,
        )

    def _time_left(self, done: int, made: int) -> str:
        if not made:
            return "unknown time"
        seconds = (time.monotonic() - self._begun) / made * (self._total - done)
        about = "about" if made == done else "at most about"  # some of the rest may be done too
        return f"{about} {seconds / 60:.0f} min" if seconds >= 90 else f"{about} {seconds:.0f} s"


def count_cells(config: DictConfig) -> int:
    """Cells of a sweep: the product of its swept values, times the methods of each job."""
    swept = config.hydra.sweeper.params or {}
    return cells_swept(swept, config.hydra.overrides.task, config.methods or [])


def cells_swept(params: Mapping[str, Any], words: Iterable[str], methods: Sequence[str]) -> int:
    """As `count_cells`, of the sweeper's parameters, the command line and the methods of a job.

    Raises
    ------
    ValueError, hydra.errors.HydraException
        If they are no overrides, or their number cannot be told.
    """
    overrides = [*(f"{k}={v}" for k, v in params.items()), *words]
    jobs: dict[str, int] = {}
    for override in OverridesParser.create().parse_overrides(overrides):
        # The command line's, said last, wins.
        jobs[override.get_key_element()] = _values(override) if override.is_sweep_override() else 1
    return math.prod(jobs.values()) * (len(methods) or 1)


def _values(override: Override) -> int:
    """How many values a sweep has; counted, not listed: a range may be endless."""
    sweep = override.value()
    if isinstance(sweep, ChoiceSweep):
        return len(sweep.list)
    if isinstance(sweep, RangeSweep) and sweep.step:
        return max(0, math.ceil((sweep.stop - sweep.start) / sweep.step))
    raise ValueError(f"'{override.input_line}' is no list of values.")
