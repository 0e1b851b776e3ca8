"""Watches over a sweep from the process that started it: progress, time left, tables, exit code."""

from __future__ import annotations

import shlex
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from bench.cell import journal
from bench.cell.store import Store
from bench.errors import BAD_INPUT, BadInput
from bench.files import printable
from bench.names import inside
from bench.phrases import begun, counted
from bench.sweep.asked import MOST, Asked, cells
from bench.sweep.costs import measured
from bench.sweep.folders import writable
from bench.sweep.jobs import count_cells
from bench.sweep.launcher import require_programs
from bench.sweep.time_left import TimeLeft
from bench.verbs._door import say_why

EVERY = 0.5  # seconds between two looks at the journal
FEW = 3  # tables and folds that are named


class Progress(Callback):
    """Shows a sweep's progress from its journal, and ends it with what failed and the tables.

    It only reads the journal, so it works wherever the jobs run: in this process, in others, or
    on a cluster with a shared file system.
    """

    def __getstate__(self) -> dict[str, Any]:
        """Launchers pickle callbacks along with each job; the watch stays where it began."""
        return {}

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Make ready the folder, count the cells and begin to watch; by Hydra."""
        try:
            require_programs(config)
            self._store = Store(writable(config.results_dir))
            # Hydra writes there next, whatever stands in that place.
            self._store.clear(inside(self._store.root, "sweep") / "multirun.yaml")
            self._total = _total(config)
            self._offset = journal.size(self._store.journal)
        except OmegaConfBaseException:
            return  # Hydra would make a warning of it; it meets the same error next, and ends
        except Exception as error:  # likewise
            sys.exit(say_why(error))
        self._config = config
        self._begun = time.time()
        self._events: list[dict[str, Any]] = []
        self._broken: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        print(
            f"{counted(self._total, 'cell')}; loading …" if self._total else "Loading …", flush=True
        )
        self._thread.start()

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Say how it ended, and exit where not all went well; by Hydra."""
        try:
            code = self._end()
        except Exception as error:  # Hydra would turn it into a warning, and the exit code into 0
            code = say_why(error)
        if code:
            sys.exit(code)

    def _end(self) -> int:
        """Print the tables, what was not applicable and what failed; give the exit code."""
        self._stop.set()
        self._thread.join()
        if self._broken is not None:
            say_why(self._broken)
        reported = self._report()
        failed = [e for e in self._events if e.get("status") == "failed"]
        for event in self._events:
            if event.get("status") == "not_applicable":
                print(printable(f"NOT APPLICABLE {event['cell']}: {event['error']}"))
        for event in failed:
            words = f"FAILED {event['cell']}: {event['error']}\n  again: {event['again']}"
            print(printable(words))
        refused = [e for e in self._events if e["event"] == "bad_input"]
        for line in refusals(refused, f"{sys.argv[0]} {shlex.join(sys.argv[1:])}"):
            print(printable(line))
        if failed or self._broken is not None:
            return 1
        return BAD_INPUT if refused else reported

    def _report(self) -> int:
        """Make the report where there is anything to report on; give its exit code."""
        if not any(event["event"] == "cell" for event in self._events):
            print("No cell was run, so no report is made.")
            return BAD_INPUT
        from bench.report.write import report

        print("Making tables and figures …", flush=True)
        return report(self._store.root)

    def _watch(self) -> None:
        try:
            left = self._time_left()
            self._show_done(left)
            ended = False
            while not ended:
                ended = self._stop.wait(EVERY)
                self._show_new(left)
        except Exception as error:  # told at the end: a sweep's work is its records
            self._broken = error

    def _time_left(self) -> TimeLeft:
        """What is known of the time before the first cell has ended."""
        if not 0 < self._total <= MOST:
            return TimeLeft([])
        records = Store(self._store.root).survey()[0]
        earlier = [r for r in records if r["timings"]["started"] < self._begun]
        elsewhere = measured(self._store.root.parent, but=self._store.root)
        return TimeLeft.of(Asked.of(self._config), earlier, elsewhere)

    def _show_done(self, left: TimeLeft) -> None:
        """What is done before, ahead of the first cell: none of it is made again."""
        if done := left.done():
            rest = "" if done >= self._total else f"; {left.text()} left for the others"
            print(f"{done} of {counted(self._total, 'cell')} are done{rest}", flush=True)

    def _show_new(self, left: TimeLeft) -> None:
        read = journal.read(self._store.journal, self._offset)
        self._offset = read.end
        for event in read.events:
            left.add(event)
        time_left = left.text() if read.events else ""
        for event in read.events:
            self._events.append(event)
            self._show(event, time_left)

    def _show(self, event: dict[str, Any], time_left: str) -> None:
        if event["event"] == "set_aside":
            print(printable(f"Set aside {event['path']}: {event['reason']}."), flush=True)
        if event["event"] != "cell":
            return
        done = sum(e["event"] == "cell" for e in self._events)
        state = event["status"] if event["made"] else f"{event['status']} before"
        left = "" if done >= self._total else f" · {time_left} left"
        words = f"{event['cell']}: {state} ({event['seconds']:.1f} s){left}"
        print(printable(f"[{done}/{self._total}] {words}"), flush=True)


def refusals(events: Sequence[Mapping[str, Any]], command: str) -> Iterator[str]:
    """What was refused and why, each reason once, and the command that tries again, once.

    Parameters
    ----------
    events : sequence of the journal's
    command : str
        The whole sweep's: what is done is not done again.
    """
    by_reason: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        by_reason.setdefault(event["reason"], []).append(event)
    for reason, alike in by_reason.items():
        labels = list(dict.fromkeys(event["cell"] for event in alike))
        count = sum(event.get("cells", 1) for event in alike)
        yield f"REFUSED {begun(labels, FEW)} ({counted(count, 'cell')}): {reason}"
    if events:
        yield f"  again: {events[0]['again'] if len(events) == 1 else command}"


def _total(config: DictConfig) -> int:
    """Cells of a sweep; 0 where they cannot be told, of which the sweeper says why."""
    try:
        counted = count_cells(config)
    except BadInput:
        raise  # it has no end
    except ValueError:
        counted = 0  # a glob, which is listed; or an interval, which no sweeper here takes
    try:
        return len(cells(config)) if counted <= MOST else counted
    except (HydraException, ValueError, NotImplementedError):
        return counted
