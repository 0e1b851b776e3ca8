"""A score is a file; whatever score is there keeps what it says of itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.errors import BadInput
from bench.score import ClassScore
from bench.scores import RANKED_BY, SCORES
from bench.scores._held import held

CLASS_SCORES = [score for score in SCORES.values() if isinstance(score, ClassScore)]
Y = np.array([0, 1, 2, 2, 1, 0])


def test_the_one_that_cells_are_ranked_by_is_first_and_its_file_names_each() -> None:
    assert next(iter(SCORES.values())) is RANKED_BY
    assert {name: score.name for name, score in SCORES.items()} == {name: name for name in SCORES}


@pytest.mark.parametrize("score", CLASS_SCORES, ids=lambda score: score.name)
class TestEachScore:
    def test_certainty_that_is_right_is_its_best(self, score: ClassScore) -> None:
        assert score(Y, np.eye(3)[Y]) == pytest.approx(score.best, abs=1e-9)

    def test_it_is_worse_and_within_its_range_elsewhere(self, score: ClassScore) -> None:
        rng = np.random.default_rng(0)
        for _ in range(20):
            value = score(Y, rng.dirichlet(np.ones(3), size=len(Y)))
            assert value is not None
            assert math.isfinite(value)
            assert score.lowest <= value <= score.highest
            assert score.oriented(value) <= score.oriented(score.best)

    def test_it_lacks_where_one_class_has_rows_only_if_it_says_so(self, score: ClassScore) -> None:
        value = score(np.zeros(3, dtype=int), np.full((3, 2), 0.5))
        assert (value is None) == score.may_lack


def of(function: Callable[..., Any]) -> ClassScore:
    """A contributor's score, which declares 0 … 1."""
    return ClassScore(
        name="mine",
        title="mine",
        function=function,
        greater_is_better=True,
        lowest=0.0,
        highest=1.0,
    )


def _raises(*_: np.ndarray) -> float:
    raise KeyError("no luck")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda *_: 1.7, "is 1.7, outside 0 … 1"),
        (lambda *_: np.float32(-0.1), "is -0.1, outside 0 … 1"),
        (lambda *_: math.nan, "is nan, no finite number"),
        (lambda *_: math.inf, "is inf, no finite number"),
        (lambda *_: None, "is null, and it does not say that it may lack"),
        (lambda *_: [0.5], "is a list, no number"),
        (_raises, "raised KeyError: 'no luck'"),
    ],
)
def test_one_that_is_not_what_it_declares_is_told_by_name_and_file(
    function: Callable[..., Any], told: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        held(of(function), Y, np.eye(3)[Y])
    assert str(refusal.value) == f"The score mine (bench/scores/mine.py) {told}."


def test_a_number_of_another_library_is_one() -> None:
    assert type(held(of(lambda *_: np.float32(0.5)), Y, np.eye(3)[Y])) is float


@pytest.mark.parametrize("name", [score.name for score in CLASS_SCORES])
def test_all_rows_tie_and_a_class_has_no_row(name: str) -> None:
    """Three classes of which the last has no row, five rows, each with one third for each class."""
    y = np.array([0, 0, 0, 1, 1])
    expected = {
        "roc_auc_ovo": 0.5,  # each pair ties, which counts half
        "roc_auc_ovr": 0.5,
        "accuracy": 3 / 5,  # of equal probabilities the first class's
        "balanced_accuracy": 1 / 2,  # of the two classes that have rows
        "brier": 4 / 9 + 1 / 9 + 1 / 9,
        "log_loss": math.log(3),
        "calibration_error": 3 / 5 - 1 / 3,
    }
    assert SCORES[name](y, np.full((5, 3), 1 / 3)) == pytest.approx(expected[name])  # type: ignore[operator]
