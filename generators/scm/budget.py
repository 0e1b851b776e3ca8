"""Bounds on the work of one fit, and what they cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from operator import itemgetter

PATIENCE = 4.0  # seconds of waiting that count as one of computing


def stopwatch() -> Callable[[], float]:
    """A clock that tells the seconds that this thread has computed since now.

    A busy machine then cuts where an idle one does. What computes elsewhere (a learner in other
    processes, say) is waited for, and waiting counts too: every `PATIENCE` seconds as one.
    """
    thread, wall = time.thread_time(), time.perf_counter()

    def seconds() -> float:
        return max(time.thread_time() - thread, (time.perf_counter() - wall) / PATIENCE)

    return seconds


@dataclass
class Budget:
    """Bounds on the work, and what they cut.

    A bound in counts cuts at the same place whatever machine it runs on; ``seconds`` is the clock's
    last word, and a result that it cut is not reproducible. Either is reported.

    Parameters
    ----------
    seconds : float or None
        Reading of ``clock`` after which no more is begun.
    clock : callable, default: `stopwatch`
        Seconds since the budget was made.

    Attributes
    ----------
    cut : dict of str to int
        ``phase: bound``, and how often it cut.
    looks : dict of str to float
        Reading of the clock when a phase last asked whether it is late.
    """

    seconds: float | None = None
    clock: Callable[[], float] = field(default_factory=stopwatch)
    cut: dict[str, int] = field(default_factory=dict)
    looks: dict[str, float] = field(default_factory=dict)

    def part(self, seconds: float | None) -> Budget:
        """So many seconds from now, but no more than there are; notes and looks are common."""
        if seconds is None:
            return replace(self)
        end = self.clock() + seconds
        return replace(self, seconds=end if self.seconds is None else min(end, self.seconds))

    def share(self, of: float) -> Budget:
        """This share of the time that is left."""
        return self.part(None if self.seconds is None else of * max(self.left, 0.0))

    def at_least(self, seconds: float) -> Budget:
        """The time that is left, or so many seconds from now where that is more."""
        if self.seconds is None:
            return replace(self)
        return replace(self, seconds=max(self.seconds, self.clock() + seconds))

    @property
    def left(self) -> float:
        """Seconds; below 0 where it is late."""
        return float("inf") if self.seconds is None else self.seconds - self.clock()

    def late(self, phase: str) -> bool:
        """Whether the time is up; if so it is noted what was cut."""
        self.looks[phase] = now = self.clock()
        return self.seconds is not None and now > self.seconds and self.note(f"{phase}: time")

    @property
    def doing(self) -> str:
        """The phase that looked last, and how much of the time was gone then."""
        latest = max([*self.looks.items()], key=itemgetter(1), default=None)
        if latest is None:
            return ""
        phase, seconds = latest
        of = "" if self.seconds is None else f" of at most {self.seconds:.0f}"
        return f"{phase}: {seconds:.0f} s{of}"

    def beyond(self, count: int, most: int | None, phase: str, of: str) -> bool:
        """Whether a count is beyond its bound, or the time is up; noted too."""
        if most is not None and count > most:
            return self.note(f"{phase}: {of}")
        return self.late(phase)

    def note(self, what: str) -> bool:
        """Count that this was cut, ``phase: bound``."""
        self.cut[what] = self.cut.get(what, 0) + 1
        return True
