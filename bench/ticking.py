"""Tells how far something is that takes longer than a person likes to wait."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

EVERY = 3.0  # seconds between two lines; what is done sooner says nothing
Item = TypeVar("Item")


def ticking(items: Iterable[Item], what: str, every: float = EVERY) -> Iterator[Item]:
    """Give the items one by one, with a line on standard error now and then.

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
    told = time.monotonic()
    for i, item in enumerate(items):
        if time.monotonic() - told >= every:
            told = time.monotonic()
            print(f"{i:,}{total} {what} …", file=sys.stderr, flush=True)
        yield item
