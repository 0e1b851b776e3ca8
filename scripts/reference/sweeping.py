"""One experiment run as by `make reproduce`, with one progress line over all of them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.cell import journal
from bench.cell.store import Store
from scripts.reference.asked import Cell, words
from scripts.reference.time_left import Estimate

EVERY = 2.0  # seconds between two looks at the journal
SELDOM = 60.0  # seconds between two lines where no terminal is
LOG = "reference.log"


@dataclass
class Progress:
    """The cells that are left, and a line on them.

    Parameters
    ----------
    left : list of Cell
        Of all experiments.
    total : int
        Cells of all experiments, those that were done before included.
    estimate : Estimate
    """

    left: list[Cell]
    total: int
    estimate: Estimate
    _of: dict[tuple[str, ...], list[Cell]] = field(default_factory=lambda: defaultdict(list))
    _shown: float = 0.0

    def __post_init__(self) -> None:
        for cell in self.left:
            self._of[cell.place.parts[1:-1]].append(cell)

    def made(self, dataset: str, method: str, seconds: float, is_new: bool) -> None:
        """Note a cell that has ended."""
        waiting = self._of[*Path(dataset).parts, method]
        if waiting and is_new:
            self.estimate.learn(waiting.pop(), seconds)

    def show(self, experiment: str, is_last: bool = False) -> None:
        """Print the line; without a terminal one a minute."""
        is_terminal = sys.stderr.isatty()
        if not is_last and not is_terminal and time.monotonic() - self._shown < SELDOM:
            return
        self._shown = time.monotonic()
        waiting = [cell for of in self._of.values() for cell in of]
        line = (
            f"{self.total - len(waiting):,} of {self.total:,} cells · {experiment} · "
            f"{self.estimate.left(waiting)}"
        )
        end = "\n" if is_last or not is_terminal else ""
        print(f"\r\033[K{line}" if is_terminal else line, end=end, file=sys.stderr, flush=True)


def sweep(
    experiment: str, work: Store, workers: int, progress: Progress, is_over: Callable[[], bool]
) -> int:
    """Run an experiment in a process of its own; what it prints goes to a log beside its records.

    When the time is over it is asked to end: no record is lost, and none is half.

    Returns
    -------
    int
        Its exit code.
    """
    work.root.mkdir(parents=True, exist_ok=True)
    where = [
        f"results_dir={work.root}",
        "hydra/launcher=joblib",
        f"hydra.launcher.n_jobs={workers}",
    ]
    command = [sys.executable, "-m", "bench", "run", *words(experiment), *where]
    at = journal.size(work.journal)
    with (work.root / LOG).open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            asked = False
            while process.poll() is None:
                time.sleep(EVERY)
                at = _follow(work, at, progress)
                progress.show(experiment)
                if is_over() and not asked:
                    process.terminate()  # not SIGINT: in the background that is ignored
                    asked = True
        except KeyboardInterrupt:  # the terminal has told the process as well
            process.wait()
            raise
        finally:
            _follow(work, at, progress)
            progress.show(experiment, is_last=True)
    return process.returncode


def _follow(work: Store, at: int, progress: Progress) -> int:
    found = journal.read(work.journal, at)
    for event in found.events:
        if event["event"] == "cell" and event.get("dataset") and event["status"] != "failed":
            progress.made(event["dataset"], event["method"], event["seconds"], event["made"])
    return found.end
