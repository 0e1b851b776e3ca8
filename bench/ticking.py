"""The progress of a long loop: a line on standard error every few seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from multiprocessing import parent_process
from typing import TypeVar

from bench.phrases import duration

EVERY = 3.0  # seconds between two lines; what is done sooner says nothing
Item = TypeVar("Item")


def ticking(items: Iterable[Item], what: str, every: float = EVERY) -> Iterator[Item]:
    """Give the items one by one, and say now and then how many there were.

    Parameters
    ----------
    items : iterable
        With a length, if it has one.
    what : str
        What they are, in the plural.
    every : float
        Seconds.
    """
    total = f" of {len(items):,}" if isinstance(items, Sized) else ""
    said = time.monotonic()
    for i, item in enumerate(items):
        if time.monotonic() - said >= every:
            said = time.monotonic()
            print(f"{i:,}{total} {what} …", file=sys.stderr, flush=True)
        yield item


class Left:
    """Is told how much is done, and says now and then on standard error how long the rest takes.

    Parameters
    ----------
    what : str
        What is counted, in the plural.
    every : float
        Seconds.
    """

    def __init__(self, what: str, every: float = EVERY) -> None:
        self._what = what
        self._every = every
        self._said = time.monotonic()
        self._first: tuple[float, int] | None = None  # what comes before is of another pace

    def __call__(self, done: int, total: int) -> None:
        """Take in that ``done`` of ``total`` are done."""
        now = time.monotonic()
        self._first = self._first or (now, done)
        begun, before = self._first
        if now - self._said < self._every or done == before:
            return
        self._said = now
        seconds = (now - begun) / (done - before) * (total - done)
        left = f" · about {duration(seconds)} left" if done < total else ""
        print(f"{done:,} of {total:,} {self._what}{left}", file=sys.stderr, flush=True)


@contextmanager
def watched(told: Callable[[], str], every: float = 3 * EVERY) -> Iterator[None]:
    """Say now and then, while a block runs, what is ``told`` of it then.

    On a terminal alone, and not in a worker, of which there may be many.

    Parameters
    ----------
    told : callable
        Asked from another thread; where it tells nothing, nothing is said.
    every : float
        Seconds.
    """
    if not sys.stderr.isatty() or parent_process() is not None:
        yield
        return
    ended = threading.Event()

    def say() -> None:
        while not ended.wait(every):
            line = told()
            if line:
                print(f"{line} …", file=sys.stderr, flush=True)

    threading.Thread(target=say, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
