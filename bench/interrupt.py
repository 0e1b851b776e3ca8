"""A Ctrl-C that is not lost: where a library swallows the exception, the request is remembered."""

from __future__ import annotations

import signal
from types import FrameType


class Interrupt:
    """A handler of SIGINT that raises `KeyboardInterrupt`, and remembers that it was asked to.

    An exception that meets a callback from C, as threadpoolctl's when it lists the libraries, is
    printed and dropped by the interpreter; the sweep would go on as if nobody had asked.

    Attributes
    ----------
    asked : bool
    """

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        self.asked = True
        raise KeyboardInterrupt


def remember_interrupts() -> None:
    """Install an `Interrupt`, unless somebody has taken SIGINT over (a test runner, a shell)."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, Interrupt())


def stop_if_interrupted() -> None:
    """Raise `KeyboardInterrupt` if this process was asked to stop and went on all the same."""
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, Interrupt) and handler.asked:
        raise KeyboardInterrupt
