"""The scores of predictions, one file each, found by file: `NAME.py` holds the `Score` called NAME.

They know labels and predictions, and nothing of where those come from. Files whose names begin with
an underscore are what several share.
"""

from __future__ import annotations

from pkgutil import iter_modules, resolve_name
from typing import Any

import numpy as np

from bench.score import ClassScore, Score

RANKED = "roc_auc_ovo"  # what cells are compared by; each record says so itself


def _found() -> dict[str, Score]:
    """Every score, the one that cells are ranked by first.

    They are looked up by text alone: so no score is part of the code of a cell unless that names it
    (`bench.cell.meaning`), and a new file here makes no record stale.
    """
    names = [module.name for module in iter_modules(__path__) if module.name[0] != "_"]
    names.sort(key=lambda name: (name != RANKED, name))
    scores: dict[str, Score] = {n: resolve_name(f"{__name__}.{n}:{n}") for n in names}
    for name, score in scores.items():
        if score.name != name:
            raise ValueError(f"The score of bench/scores/{name}.py is called '{score.name}'.")
    return scores


SCORES = _found()
RANKED_BY = SCORES[RANKED]


def ranked(problem: str) -> Score:
    """The score that cells of a problem, classification or regression, are compared by."""
    # By text: a constant up here would be part of each score's definition.
    return SCORES["rmse" if problem == "regression" else RANKED]


def scores_of(problem: str) -> list[Score]:
    """Every score that tables of a problem have, the one they are compared by first."""
    found = [score for name, score in SCORES.items() if problem_of_score(name) == problem]
    return sorted(found, key=lambda score: score is not ranked(problem))


def problem_of_score(name: str) -> str:
    """What tables have a score, by its name: those for classification, or for regression."""
    return "classification" if isinstance(SCORES[name], ClassScore) else "regression"


def all_scores(y: np.ndarray, predictions: Any) -> dict[str, float | None]:
    """Every score of these predictions, by name.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Class codes, or values.
    predictions : ndarray of shape (n_rows, n_classes), or Predicted
        Probabilities, whose rows sum to one, or what was told of a numeric target.

    Raises
    ------
    ScoreError, FaultyScore
        As `bench.scores._held.held`.
    """
    return _told(_scores_of(predictions), y, predictions)


def drawn_scores(y: np.ndarray, predictions: Any) -> dict[str, float | None]:
    """Those of `all_scores` that a curve is drawn of."""
    return _told([score for score in _scores_of(predictions) if score.drawn], y, predictions)


def _told(scores: list[Score], y: np.ndarray, predictions: Any) -> dict[str, float | None]:
    # Imported here: what this file imports at its top is part of each score's definition.
    from bench.scores._held import held

    return {score.name: held(score, y, predictions) for score in scores}


def _scores_of(predictions: Any) -> list[Score]:
    is_classes = isinstance(predictions, np.ndarray)
    return scores_of("classification" if is_classes else "regression")
