"""A limit of time and of memory around what nobody vouches for."""

from __future__ import annotations

import re
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class TooLong(BaseException):
    """The time is over; no `Exception`, which a cell would make a record of."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """End what is done within after some seconds, and give it no more memory than there is.

    The time is limited in the main thread alone, which gets the signal.

    Raises
    ------
    TooLong, MemoryError
    """

    def end(*_: Any) -> None:
        raise TooLong(f"it was stopped after {seconds:.0f} s, far beyond the time that it tells")

    is_main = threading.current_thread() is threading.main_thread()
    with _memory():
        before = signal.signal(signal.SIGALRM, end) if is_main else None
        try:
            if is_main:
                signal.setitimer(signal.ITIMER_REAL, seconds)
            yield
        finally:
            if is_main:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)


@contextmanager
def _memory() -> Iterator[None]:
    """Refuse what memory there is not, where the system tells; else it would end the process."""
    available = re.search(r"MemAvailable:\s+(\d+) kB", _text(Path("/proc/meminfo")))
    used = re.search(r"VmData:\s+(\d+) kB", _text(Path("/proc/self/status")))
    if not available or not used:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = 1024 * (int(available[1]) + int(used[1]))
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
