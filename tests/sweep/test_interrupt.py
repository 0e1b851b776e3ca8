"""Ctrl-C is never lost, whoever swallows the exception."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator

import pytest

from bench.sweep.interrupt import Interrupt, Terminated, remember_interrupts, stop_if_interrupted


@pytest.fixture(autouse=True)
def default_handlers() -> Iterator[None]:
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


def interrupted_in_a_callback_from_c() -> None:
    """Python prints an exception that meets C, and goes on."""

    @ctypes.PYFUNCTYPE(ctypes.c_int)
    def callback() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return sum(range(1000))  # the handler runs between two instructions

    callback()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_a_callback_swallows_is_remembered() -> None:
    remember_interrupts()
    stop_if_interrupted()
    interrupted_in_a_callback_from_c()
    with pytest.raises(KeyboardInterrupt):
        stop_if_interrupted()


def test_otherwise_it_is_pythons_own() -> None:
    remember_interrupts()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_sigterm_stops_as_an_interrupt_does_and_is_told_apart() -> None:
    remember_interrupts()
    with pytest.raises(Terminated):
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Terminated):  # remembered, whoever swallowed it
        stop_if_interrupted()


def test_a_handler_of_somebody_else_is_left_alone() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    remember_interrupts()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    stop_if_interrupted()


def test_a_process_starts_without_a_request() -> None:
    assert not Interrupt().asked
