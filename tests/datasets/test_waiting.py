"""What comes over a line is waited for as long as enough of it arrives."""

from __future__ import annotations

import threading
import time

import pytest

from bench.waiting import TooSlow, while_it_arrives


def test_the_result_is_the_works() -> None:
    assert while_it_arrives(lambda: 42, lambda: 0, grace=1.0, least_rate=1000.0) == 42


def test_an_error_is_the_works() -> None:
    with pytest.raises(ZeroDivisionError):
        while_it_arrives(lambda: 1 // 0, lambda: 0, grace=1.0, least_rate=1000.0)


def test_what_stands_still_is_left_to_itself_soon_after_its_grace() -> None:
    ends = threading.Event()
    begun = time.monotonic()
    with pytest.raises(TooSlow, match="7 bytes in 0 s"):
        while_it_arrives(ends.wait, lambda: 7, grace=0.1, least_rate=100.0)
    assert 0.17 < time.monotonic() - begun < 5
    ends.set()


@pytest.mark.parametrize(("received", "least_rate"), [(10**6, 1000.0), (0, 0.0)])
def test_enough_or_any_is_waited_for(received: int, least_rate: float) -> None:
    def work() -> str:
        time.sleep(0.3)
        return "whole"

    assert while_it_arrives(work, lambda: received, grace=0.05, least_rate=least_rate) == "whole"
