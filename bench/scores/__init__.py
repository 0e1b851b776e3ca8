"""The scores of predictions, one file each, found by file: `NAME.py` holds the `Score` called NAME.

They know labels and predictions, and nothing of where those come from. Files whose names begin with
an underscore are what several share.
"""

from __future__ import annotations

from pkgutil import iter_modules, resolve_name

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


def all_scores(y: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """Every `ClassScore`, by name.

    Parameters
    ----------
    y : ndarray of int, shape (n_rows,)
    probabilities : ndarray of shape (n_rows, n_classes)
        Rows sum to one.

    Raises
    ------
    ScoreError, FaultyScore
        As `bench.scores._held.held`.
    """
    return _told(_class_scores(), y, probabilities)


def drawn_scores(y: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """Those of `all_scores` that a curve is drawn of."""
    return _told([score for score in _class_scores() if score.drawn], y, probabilities)


def _told(
    scores: list[ClassScore], y: np.ndarray, probabilities: np.ndarray
) -> dict[str, float | None]:
    # Imported here: what this file imports at its top is part of each score's definition.
    from bench.scores._held import held

    return {score.name: held(score, y, probabilities) for score in scores}


def _class_scores() -> list[ClassScore]:
    return [score for score in SCORES.values() if isinstance(score, ClassScore)]
