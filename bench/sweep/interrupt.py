"""A request to stop that is not lost: where a library swallows the exception, it is remembered."""

from __future__ import annotations

import signal
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM: a scheduler or a person wants this process to end."""


class Interrupt:
    """A signal's handler that raises, and remembers that it was asked to.

    An exception that meets a callback from C, as threadpoolctl's when it lists the libraries, is
    printed and dropped by the interpreter; the sweep would go on as if nobody had asked.

    Parameters
    ----------
    kind : type of exception
        What it raises.

    Attributes
    ----------
    asked : bool
    """

    def __init__(self, kind: type[KeyboardInterrupt] = KeyboardInterrupt) -> None:
        self.kind = kind
        self.asked = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        self.asked = True
        raise self.kind


def remember_interrupts() -> None:
    """Install an `Interrupt` for what nobody has taken over (a test runner, a shell, a cluster)."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, Interrupt())
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, Interrupt(Terminated))


def stop_if_interrupted() -> None:
    """Raise again if this process was asked to stop and went on all the same."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(signum)
        if isinstance(handler, Interrupt) and handler.asked:
            raise handler.kind
