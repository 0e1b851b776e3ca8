"""Waiting for an answer over the network as long as enough of it arrives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

LOOK = 0.05  # seconds between two looks at what has arrived
Result = TypeVar("Result")


class TooSlow(Exception):
    """Less arrives than was to be waited for; the message says how much."""


def while_it_arrives(
    work: Callable[[], Result], received: Callable[[], int], grace: float, least_rate: float
) -> Result:
    """Give what ``work`` gives, as long as enough is received.

    Work that is too slow is left to itself, in a thread that does not keep the process.

    Parameters
    ----------
    work : callable
    received : callable
        Bytes so far.
    grace : float
        Seconds for the start.
    least_rate : float
        Bytes a second from then on, on the whole; 0 waits for any.

    Raises
    ------
    TooSlow
        And whatever ``work`` does.

    Examples
    --------
    >>> while_it_arrives(lambda: 42, lambda: 0, grace=1.0, least_rate=1000.0)
    42
    """
    ended = threading.Event()
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        ended.set()

    begun = time.monotonic()
    threading.Thread(target=run, daemon=True).start()
    while not ended.wait(LOOK):
        seconds, came = time.monotonic() - begun, received()
        if least_rate and seconds > grace + came / least_rate:
            raise TooSlow(f"{came} bytes in {seconds:.0f} s")
    if errors:
        raise errors[0]
    return results[0]
