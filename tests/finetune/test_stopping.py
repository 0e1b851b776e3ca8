"""A stopping rule reads the validation scores so far, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.finetune.stopping import StoppingRule, best, last

SCORES = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=12)


def kept(rule: StoppingRule, scores: list[float]) -> int:
    """The position that a run of these evaluations ends with."""
    position = 0
    for end in range(2, len(scores) + 1):
        position = end - 1 if rule.takes(scores[:end], position) else position
    return position


@given(SCORES)
def test_the_best_is_the_first_of_the_highest(scores: list[float]) -> None:
    assert kept(best, scores) == scores.index(max(scores))


@given(SCORES)
def test_the_last_is_the_last(scores: list[float]) -> None:
    assert kept(last, scores) == len(scores) - 1
