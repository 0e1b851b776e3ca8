"""Watches over a sweep from the process that started it: progress, time left, tables, exit code."""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, ListConfig
from omegaconf.errors import OmegaConfBaseException

from bench.errors import BAD_INPUT
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
        self._offset = _size(self._store)
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
                print(f"NOT APPLICABLE {event['cell']}: {event['error']}")
        for event in failed:
            print(f"FAILED {event['cell']}: {event['error']}\n  again: {event['again']}")
        for event in refused:
            print(f"REFUSED {event['cell']}: {event['reason']}\n  again: {event['again']}")
        return 1 if failed else BAD_INPUT if refused else 0

    def _watch(self) -> None:
        ended = False
        while not ended:
            ended = self._stop.wait(0.5)
            for event in self._new_events():
                self._events.append(event)
                self._show(event)

    def _new_events(self) -> list[dict[str, Any]]:
        if _size(self._store) <= self._offset:
            return []
        with open(self._store.journal, "rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [event for line in whole.splitlines() if (event := _event(line))]

    def _show(self, event: dict[str, Any]) -> None:
        if event["event"] == "set_aside":
            print(f"Set aside {event['path']}: {event['reason']}.", flush=True)
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
    params = [f"{k}={v}" for k, v in (config.hydra.sweeper.params or {}).items()]
    overrides = OverridesParser.create().parse_overrides([*params, *config.hydra.overrides.task])
    jobs: dict[str, int] = {}
    methods: ListConfig | None = config.methods
    for override in overrides:
        values = list(override.sweep_string_iterator()) if override.is_discrete_sweep() else [None]
        jobs[override.get_key_element()] = len(values)  # the command line's, said last, wins
    cells = len(methods) if methods else 1
    for count in jobs.values():
        cells *= count
    return cells


def _event(line: bytes) -> dict[str, Any] | None:
    """A line of the journal; None for one that a full disk cut short."""
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return event


def _size(store: Store) -> int:
    return store.journal.stat().st_size if store.journal.exists() else 0
