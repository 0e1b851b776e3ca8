"""The progress of a long loop: a line on standard error every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

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
