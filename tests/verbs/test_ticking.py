"""What takes long says how far it is; what does not says nothing."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from bench import ticking as module
from bench.ticking import Left, ticking, watched


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that go by with two looks at the clock."""
    takes, now = [0.0], [0.0]

    def monotonic() -> float:
        now[0] += takes[0] / 2
        return now[0]

    monkeypatch.setattr(module.time, "monotonic", monotonic)
    return takes


def test_a_line_now_and_then(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    clock[0] = 2.0
    assert list(ticking(["a"] * 2000, "records read", every=1000)) == ["a"] * 2000
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "999 of 2,000 records read …\n1,999 of 2,000 records read …\n"


def test_without_a_length(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    clock[0] = 2.0
    assert list(ticking((i for i in range(4)), "jobs looked at", every=3)) == [0, 1, 2, 3]
    assert capsys.readouterr().err == "2 jobs looked at …\n"


def test_what_is_quick_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(ticking(range(1000), "records read")) == list(range(1000))
    assert capsys.readouterr() == ("", "")


def test_the_time_left_is_of_the_pace_since_the_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    left = Left("steps")
    for step, now[0] in ((1, 100.0), (4, 103.0), (5, 104.0), (30, 130.0)):
        left(step, 30)
    assert capsys.readouterr().err == "4 of 30 steps · about 26 s left\n30 of 30 steps\n"


def test_a_watched_block_says_on_a_terminal_what_is_told_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = threading.Event()

    def told() -> str:
        asked.set()
        return "" if not said else "repair: 9 s"

    said: list[bool] = []
    with watched(told, 0.001):
        assert not asked.wait(0.02)  # no terminal: nobody asks
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with watched(told, 0.001):
        assert asked.wait(5)
        assert capsys.readouterr().err == ""  # nothing is told yet
        said.append(True)
        until = time.monotonic() + 5
        while not (line := capsys.readouterr().err) and time.monotonic() < until:
            time.sleep(0.001)
    assert line.startswith("repair: 9 s …\n")
