"""A score is a file; whatever score is there keeps what it says of itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.score import ClassScore
from bench.scores import RANKED_BY, SCORES

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
