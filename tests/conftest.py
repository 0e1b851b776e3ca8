"""Options of the test suite, and what holds for all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

# Before numpy and torch are imported, and for the processes that tests start: workers with several
# threads each wait for one another (fitting CTGAN six times as long). Tests of threads set theirs.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from composing import composing, reading_once  # noqa: E402
from hypothesis import settings as property_tests  # noqa: E402

from bench.analysis import leaderboard as board  # noqa: E402 (after the threads are set)
from bench.report.drawing import Drawing  # noqa: E402

PICTURES = {"png": Drawing.png, "pdf": Drawing.pdf}

# How long an example takes says how busy the machine is.
property_tests.register_profile("untimed", deadline=None)
property_tests.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--method-dir",
        action="append",
        default=[],
        metavar="DIR",
        help="also hold the generators of the method YAMLs in DIR to the conformance suite; their "
        "classes must be importable (may be given several times)",
    )
    parser.addoption(
        "--model-dir",
        action="append",
        default=[],
        metavar="DIR",
        help="also hold the models of DIR/model/*.yaml to their conformance suite; their loaders "
        "must be importable (may be given several times)",
    )


@pytest.fixture
def configs() -> Iterator[None]:
    """Hydra composes `conf/` while a test of these runs."""
    with composing():
        yield


@pytest.fixture(scope="session", autouse=True)
def _read_configs_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        reading_once(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def _few_rounds_of_elo() -> Iterator[None]:
    """Reports within the tests bootstrap Elo in 2 rounds, not in 100, a second each time.

    Elo itself is held against bencheval in `test_certainty`, which calls it with all of them.
    """
    whole = board.leaderboard
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            board,
            "leaderboard",
            lambda cells, settings, metric: whole(cells, replace(settings, elo_rounds=2), metric),
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_pictures_for_print() -> Iterator[None]:
    """Reports leave PNG and PDF empty, half of their time, but in their own tests (`pictures`)."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in PICTURES:
            patch.setattr(Drawing, kind, lambda drawing: b"")
        yield


@pytest.fixture(scope="module")
def pictures() -> Iterator[None]:
    """The pictures for print are drawn while a module's tests run."""
    with pytest.MonkeyPatch.context() as patch:
        for kind, drawn in PICTURES.items():
            patch.setattr(Drawing, kind, drawn)
        yield
