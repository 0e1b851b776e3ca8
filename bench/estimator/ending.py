"""When a fit ends before its last step: its time is up, or the person pressed Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while something runs that can only be left, not ended."""


class Ending:
    """Knows whether a fit is to end; the first Ctrl-C within it ends it, the second interrupts.

    Only the main thread can listen; whoever listened before does so again afterwards.

    Parameters
    ----------
    time_limit : float, optional
        Seconds from now.
    """

    def __init__(self, time_limit: float | None) -> None:
        self._begun = time.monotonic()
        self._limit = time_limit
        self._leaves = False
        self._before: Any = None
        self.was_interrupted = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before not in (None, signal.SIG_IGN):  # none of Python's; or nobody listens
                self._before = before
                signal.signal(signal.SIGINT, self._told)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _told(self, _: int, frame: FrameType | None) -> None:
        self._restore()
        self.was_interrupted = True
        if self._leaves:
            raise Interrupted

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Within it Ctrl-C raises `Interrupted` at once."""
        self._leaves = True
        try:
            yield
        finally:
            self._leaves = False

    @property
    def seconds(self) -> float:
        """Since the fit began."""
        return time.monotonic() - self._begun

    @property
    def left(self) -> float | None:
        """Seconds that are left; None without a limit."""
        return None if self._limit is None else self._limit - self.seconds

    def is_over(self, until: float | None = None) -> bool:
        """Whether the fit is to end, or has come to ``until`` seconds."""
        limits = [limit for limit in (self._limit, until) if limit is not None]
        return self.was_interrupted or any(self.seconds >= limit for limit in limits)
