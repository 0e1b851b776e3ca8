"""A score held to what its own file says of it, whoever wrote it."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from bench.errors import BadInput, sentence
from bench.predicted import Predicted, Predictions
from bench.score import Score, ScoreError, require_probabilities
from bench.value_score import require_values

ROUNDING = 1e-9  # by which the sum behind a score may leave its range


class FaultyScore(BadInput):
    """A score that is not what its own file says of it; the message names both."""


def held(score: Score, y: np.ndarray, predictions: Predictions) -> float | None:
    """The score; None where it does not exist.

    Raises
    ------
    ScoreError
        As `bench.score.require_probabilities` and `bench.value_score.require_values`.
    FaultyScore
        If its function raises anything else, or gives what it does not declare.
    """
    if isinstance(predictions, Predicted):
        require_values(y, predictions)
    else:
        require_probabilities(y, predictions)
    try:
        value = score.function(y, predictions)  # type: ignore[arg-type]  # as its kind of score
    except (ScoreError, MemoryError):
        raise
    except Exception as error:  # anybody's function: whatever it is, its file is to be named
        raise _faulty(score, f"raised {type(error).__name__}: {sentence(error)}") from error
    if value is not None and not isinstance(value, Real):
        raise _faulty(score, f"is a {type(value).__name__}, no number")
    if why := fault(score, value):
        raise _faulty(score, why)
    return None if value is None else float(value)


def fault(score: Score, value: float | None) -> str | None:
    """Why a value cannot be one of this score, in one clause after its name; None if it can."""
    if value is None:
        return None if score.may_lack else "is null, and it does not say that it may lack"
    if not math.isfinite(value):
        return f"is {value:g}, no finite number"
    if not score.lowest - ROUNDING <= value <= score.highest + ROUNDING:
        return f"is {value:g}, outside {score.lowest:g} … {score.highest:g}"
    return None


def _faulty(score: Score, what: str) -> FaultyScore:
    what = what.rstrip(".")
    return FaultyScore(f"The score {score.name} (bench/scores/{score.name}.py) {what}.")
