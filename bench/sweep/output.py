"""Standard output that cannot end a run: any encoding, a closed pipe, a full disk, none at all.

What breaks is noted, and from then on what is printed goes nowhere: a sweep's work is its records.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any, TextIO

STDIN, STDOUT, STDERR = 0, 1, 2  # descriptors that a program may count on


class Sink(io.RawIOBase):
    """A descriptor that is written to until it breaks; what comes then is dropped.

    Parameters
    ----------
    fd : int
    raises : bool
        Whether the first fault is raised as well as noted: for what only prints, there is nothing
        left to do.

    Attributes
    ----------
    fault : OSError or None
        What broke it.
    """

    def __init__(self, fd: int, raises: bool) -> None:
        self._fd = fd
        self.raises = raises
        self.fault: OSError | None = None

    def writable(self) -> bool:
        """True, as of any stream that is written to."""
        return True

    def fileno(self) -> int:
        """The descriptor that it writes to."""
        return self._fd

    def isatty(self) -> bool:
        """Whether a person reads it in a terminal."""
        return os.isatty(self._fd)

    def write(self, data: Any) -> int:
        """Write, or note why that fails and write nothing from then on."""
        if self.fault is not None:
            return len(data)
        try:
            return self._written(data)
        except OSError as error:
            self.fault = error
            self._goes_nowhere()
            if self.raises:
                raise
            return len(data)

    def _written(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        while left:
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:  # a pipe that some other program made so: it is only full
                select.select([], [self._fd], [])
        return len(data)

    def _goes_nowhere(self) -> None:
        """Spare libraries that write past Python the fault, and the interpreter's last flush."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._fd)
        os.close(nowhere)


def steady(raises: bool = False) -> None:
    """Make both standard streams of this process `Sink`s; a stream of somebody else is left alone.

    Characters that a stream's encoding lacks are replaced: ``?``, or their code on standard error.
    """
    closed = [fd for fd in (STDIN, STDOUT, STDERR) if not _is_open(fd)]
    for _ in closed:  # else the next file that is opened would take the number, and the prints
        os.open(os.devnull, os.O_RDWR)
    sys.stdout = _steady(sys.stdout, sys.__stdout__, STDOUT, "replace", raises)
    sys.stderr = _steady(sys.stderr, sys.__stderr__, STDERR, "backslashreplace", False)
    if STDOUT in closed:
        sink = _sink()
        assert sink is not None
        sink.fault = OSError(errno.EBADF, "it is closed")


def fault() -> OSError | None:
    """What broke standard output, after writing what was left to write."""
    sink = _sink()
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError as error:  # told below, where it is ours
            return error
    return sink.fault if sink else None


def _sink() -> Sink | None:
    raw = _raw(sys.stdout)
    return raw if isinstance(raw, Sink) else None


def _raw(stream: Any) -> Any:
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)  # PYTHONUNBUFFERED leaves the buffer out


def _steady(stream: Any, original: Any, fd: int, errors: str, raises: bool) -> TextIO:
    raw = _raw(stream)
    if isinstance(raw, Sink):
        raw.raises = raises
        return stream
    if stream is not None and (stream is not original or not isinstance(raw, io.FileIO)):
        return stream  # a test runner's or a notebook's
    sink: Any = Sink(fd, raises)
    if stream is None:
        return io.TextIOWrapper(sink, encoding="utf-8", errors=errors)
    stream.flush()
    return io.TextIOWrapper(
        sink if stream.buffer is raw else io.BufferedWriter(sink),
        encoding=stream.encoding,
        errors=errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
