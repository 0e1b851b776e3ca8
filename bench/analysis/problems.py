"""Which problem records are of: classes and numbers are told apart, and never read together."""

from __future__ import annotations

from bench.cell.record import Record
from bench.score import Score
from bench.scores import problem_of_score
from bench.value_score import ValueScore

PROBLEMS = CLASSIFICATION, REGRESSION = ("classification", "regression")  # as they are told
# Ranked by → read by: of targets in several units there is no mean. Within a run both order alike,
# and within a fold, where all are divided by one deviation (`bench.analysis.deviation`).
WITHOUT_UNIT = {"rmse": "rmse_sd"}


def problem_of(score: Score) -> str:
    """What a score is a score of."""
    return problem_of_score(score.name)


def problem_of_record(record: Record) -> str:
    """By the score that a record is ranked by, which one of a failed cell tells too."""
    return problem_of_score(record["metric"]["name"])


def has_unit(score: Score) -> bool:
    """Whether a score is in its target's own unit, so that of several tables there is no mean."""
    return isinstance(score, ValueScore) and score.has_unit
