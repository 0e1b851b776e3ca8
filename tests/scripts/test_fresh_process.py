"""A fresh process gives what the work gives, has threads of its own, and ends when it is to end."""

from __future__ import annotations

import math
import os
import subprocess
import time

import pytest

from scripts.fresh_process import Failed, result, stream


def test_the_result_is_that_of_another_process(capfd):
    assert result(os.getppid) == os.getpid()
    assert result(print, "nobody sees this") is None
    assert capfd.readouterr() == ("", "")


def test_threads_are_bounded_there_and_not_here(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert result(os.getenv, "OMP_NUM_THREADS", threads=3) == "3"
    assert "OMP_NUM_THREADS" not in os.environ


def test_what_came_before_an_error_is_there_and_the_error_is_told():
    events = stream(map, math.sqrt, [4, 9, -1])
    assert [next(events), next(events)] == [2, 3]
    with pytest.raises(Failed, match=r"Traceback(.|\n)*ValueError: math domain error$"):
        next(events)


def test_a_process_that_dies_has_failed():
    with pytest.raises(Failed, match="exit code 7"):
        result(os._exit, 7)


def beating(file):
    """Start a process that writes on and on; then take for ever."""
    subprocess.Popen(["sh", "-c", f"while :; do echo >> '{file}'; sleep 0.02; done"])
    yield "begun"
    time.sleep(600)


def test_the_limit_ends_it_and_what_it_has_started(tmp_path):
    file = tmp_path / "beats"
    events = stream(beating, str(file), limit=0.3)
    assert next(events) == "begun"
    with pytest.raises(TimeoutError):
        next(events)
    beats = file.stat().st_size
    time.sleep(0.3)
    assert beats == file.stat().st_size > 1


def test_it_ends_when_nobody_listens_any_more(tmp_path):
    file = tmp_path / "beats"
    events = stream(beating, str(file))
    next(events)
    while not file.exists():
        time.sleep(0.01)
    events.close()
    beats = file.stat().st_size
    time.sleep(0.3)
    assert beats == file.stat().st_size
