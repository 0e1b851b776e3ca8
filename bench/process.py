"""What the system knows of this process: peak memory, its parent, its processor, a clock."""

from __future__ import annotations

import multiprocessing
import os
import platform
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_PROCESSORS = Path("/proc/cpuinfo")
EVERY = 0.5  # seconds between two looks for the parent


INVOKED = "CAUSALMIXFT_INVOKED"  # environment variable with the command that a person typed


def invoked() -> str:
    """What starts a verb here: `causalmixft` of an installed package, or `python -m bench`."""
    return os.environ.get(INVOKED, "python -m bench")


def reset_peak_memory() -> None:
    """Forget the peak of earlier cells of this process, where the kernel can (Linux)."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return  # then the peak is that of the whole process so far


def peak_memory_mb() -> float:
    """Peak resident memory in MiB since `reset_peak_memory`."""
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def processor() -> str:
    """The processor's model; `platform.processor` is empty on Linux."""
    return _told_of_processor().get("model name") or platform.processor() or platform.machine()


def generation() -> list[str]:
    """Which generation the processor is, as far as the system tells: one name covers several."""
    told = _told_of_processor()
    return [f"{key} {told[key]}" for key in ("cpu family", "model", "stepping") if key in told]


def _told_of_processor() -> dict[str, str]:
    """What Linux tells of the first processor; nothing elsewhere."""
    if not _PROCESSORS.exists():
        return {}
    first, _, _ = _PROCESSORS.read_text(encoding="utf-8").partition("\n\n")
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


@contextmanager
def timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    """Add the wall time of a block to ``seconds[phase]``, also when it raises."""
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[phase] = seconds.get(phase, 0.0) + time.perf_counter() - start


class Clock:
    """What a computation costs, from the moment that this is made.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time of phases.
    """

    def __init__(self) -> None:
        reset_peak_memory()
        self.seconds: dict[str, float] = {}
        self._started = time.time()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def timed(self, phase: str) -> AbstractContextManager[None]:
        """Add the wall time of a block to a phase's."""
        return timed(self.seconds, phase)

    def told(self) -> dict[str, Any]:
        """The costs so far: ``started``, ``seconds``, ``cpu_seconds``, ``peak_memory_mb``."""
        return {
            "started": self._started,
            "seconds": {**self.seconds, "total": time.perf_counter() - self._wall},
            "cpu_seconds": time.process_time() - self._cpu,
            "peak_memory_mb": peak_memory_mb(),
        }


@cache
def end_with_parent() -> None:
    """Let this process end soon after the one whose worker it is, however that one ended.

    A joblib worker whose driver was killed would compute on, and keep its terminal busy. A process
    that is nobody's worker, or another machine's (SLURM, Ray), is left alone. The kernel's own
    means (PR_SET_PDEATHSIG) looks at the parent's *thread*, and joblib's may end before it does.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        threading.Thread(target=_end_without, args=(parent.pid,), daemon=True).start()


def _end_without(parent: int) -> None:
    while os.getppid() == parent:  # an orphan gets another
        time.sleep(EVERY)
    os._exit(1)  # as a kill would: what it holds is free, what it wrote is whole
