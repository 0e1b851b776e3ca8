"""Do work in a process of its own, so that its time, its memory and its threads are its own.

The functions handed over stand at the top of a module: the new process imports them by name.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")
CONTEXT = multiprocessing.get_context("spawn")  # a forked process begins with its parent's memory
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# Python clears the semaphores of a process that was ended, and would warn of it.
QUIET = {"PYTHONWARNINGS": "ignore:resource_tracker"}


class Failed(Exception):
    """The work ended with an error; the message is what the process had printed, traceback last."""


def result(work: Callable[..., T], *given: Any, threads: int | None = None) -> T:
    """What a function returns; see `stream`."""
    (returned,) = stream(_only, work, *given, threads=threads)
    return returned


def stream(
    work: Callable[..., Iterable[T]],
    *given: Any,
    threads: int | None = None,
    limit: float | None = None,
) -> Iterator[T]:
    """What a function yields, as it comes; nothing that it prints is shown.

    Parameters
    ----------
    threads : int, optional
        Numerical threads; by default as many as the libraries take.
    limit : float, optional
        Seconds from the first event on, when imports are done. Then the process ends, and those
        that it has started.

    Raises
    ------
    Failed
        If the function raises, or its process dies.
    TimeoutError
        If the limit comes before the end.
    """
    reader, writer = CONTEXT.Pipe(duplex=False)
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as printed:
        process = CONTEXT.Process(target=_send, args=(writer, printed.name, work, given))
        with _environment(QUIET | (dict.fromkeys(THREADS, str(threads)) if threads else {})):
            process.start()
        writer.close()
        try:
            yield from _received(reader, limit)
        except BaseException:  # the limit, or nobody listens any more
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            process.join()
        if process.exitcode:
            raise Failed(printed.read().strip() or f"ended with exit code {process.exitcode}")


def _only(work: Callable[..., T], *given: Any) -> Iterator[T]:
    yield work(*given)


def _send(writer: Connection, printed: str, work: Callable[..., Iterable[Any]], given: Any) -> None:
    """The new process: its printing goes to a file, its events to the one who asked."""
    os.setsid()  # what it starts can be ended with it
    with open(printed, "a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    for event in work(*given):
        writer.send(event)


def _received(reader: Connection, limit: float | None) -> Iterator[Any]:
    end = None
    while reader.poll(None if end is None else max(0.0, end - time.monotonic())):
        try:
            event = reader.recv()
        except EOFError:
            return
        if limit is not None and end is None:
            end = time.monotonic() + limit
        yield event
    raise TimeoutError(f"It did not end within {limit} s.")


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for what is started in the block."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
