"""The standard error of a score's change between two predictions of the same rows.

It is paired: of each row counts by how much what it adds to the score changed. A score has one if
a `ByRow` of its name stands in this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.predicted import Predicted, Predictions, problem_of
from bench.score import Score
from bench.scores import scores_of
from bench.scores._distribution import negative_log_density, ranked_probability
from bench.scores._errors import root_mean_square, scaled_errors
from bench.scores.log_loss import EPSILON
from bench.value_score import ValueScore

FEWEST = 2  # rows of which a spread can be told


@dataclass(frozen=True, kw_only=True)
class ByRow:
    """What each row adds to a score.

    Parameters
    ----------
    name : str
        The score's.
    values : callable
        Labels (n_rows,) of two classes or more and probabilities (n_rows, n_classes) → (n_rows,);
        or values and `Predicted`, with a distribution where the score reads one.
    within_classes : bool
        Whether the score is a sum of means over each class's rows; else one mean over all rows.
    """

    name: str
    values: Callable[[np.ndarray, Any], np.ndarray]
    within_classes: bool = False

    def change_error(self, y: np.ndarray, before: np.ndarray, after: np.ndarray) -> float | None:
        """The standard error of the score's change, of what each row added to it before and after.

        None where a mean is one of a single row.
        """
        changes = after - before
        parts = [changes[y == c] for c in np.unique(y)] if self.within_classes else [changes]
        if min(map(len, parts)) < FEWEST:
            return None
        return float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)))


class ChangeErrors:
    """Standard errors of the change of each score that is drawn, since the first predictions.

    None where the score does not exist, or a class has a single row and the score averages over
    classes.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Class codes, or values.

    Examples
    --------
    >>> errors = ChangeErrors(np.array([0, 0, 1, 1]))
    >>> one, two = (np.column_stack([1 - p, p]) for p in np.array([[1, 3, 2, 4], [1, 2, 3, 4]]) / 5)
    >>> errors.told(one)["roc_auc_ovo"], errors.told(two)["roc_auc_ovo"]  # ROC-AUC 0.75, then 1
    (0.0, 0.3535533905932738)
    """

    def __init__(self, y: np.ndarray) -> None:
        self._y = y
        self._first: dict[str, np.ndarray] = {}

    def told(self, predictions: Predictions) -> dict[str, float | None]:
        """The errors by score, of predictions and the first that were told."""
        out: dict[str, float | None] = {}
        for score in scores_of(problem_of(predictions)):
            if score.drawn and (of_rows := BY_ROW.get(score.name)):
                out[score.name] = self._error(score, of_rows, predictions)
        return out

    def _error(self, score: Score, of_rows: ByRow, predictions: Predictions) -> float | None:
        if self._lacks(score, predictions):
            return None
        values = of_rows.values(self._y, predictions)
        first = self._first.setdefault(score.name, values)
        return of_rows.change_error(self._y, first, values)

    def _lacks(self, score: Score, predictions: Predictions) -> bool:
        if isinstance(score, ValueScore):
            assert isinstance(predictions, Predicted)
            return score.of_distribution and not predictions.has_distribution
        return score.may_lack and len(np.unique(self._y)) < FEWEST


def _share_below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The share of the others that each score exceeds, ties half: a row's placement.

    Of positives among negatives, and negatives among positives, these are the structural
    components of DeLong et al. (1988); the mean of either is the ROC-AUC.
    """
    ordered = np.sort(others)
    below, not_above = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    return (below + not_above) / (2 * len(others))


def _ovo(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """A row's placements, averaged over the pairs of classes that the ROC-AUC is averaged over."""
    rows = {c: np.flatnonzero(y == c) for c in np.unique(y)}
    of_two_columns = probabilities.shape[1] == 2
    out = np.zeros(len(y))
    for positive, of_class in rows.items():
        if of_two_columns and positive == 0:
            continue  # the other column tells the same pair
        score, others = probabilities[:, positive], np.flatnonzero(y != positive)
        out[others] += 1 - _share_below(score[others], score[of_class])
        for negatives in [of for c, of in rows.items() if c != positive]:
            out[of_class] += _share_below(score[of_class], score[negatives])
    return out / (1 if of_two_columns else len(rows) * (len(rows) - 1))


def _ovr(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """As one-vs-one; as a negative a row counts with its class's share of the negatives."""
    if probabilities.shape[1] == 2:
        return _ovo(y, probabilities)
    out = np.zeros(len(y))
    classes, counts = np.unique(y, return_counts=True)
    of_own_class = counts[np.searchsorted(classes, y)]
    for positive in classes:
        score, is_positive = probabilities[:, positive], y == positive
        positives, others = score[is_positive], score[~is_positive]
        share = of_own_class[~is_positive] / len(others)
        out[is_positive] += _share_below(positives, others)
        out[~is_positive] += share * (1 - _share_below(others, positives))
    return out / len(classes)


def _log_loss(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    likelihood = probabilities[np.arange(len(y)), y].clip(EPSILON, 1 - EPSILON)
    out: np.ndarray = -np.log(likelihood)
    return out


def _brier(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    out: np.ndarray = ((probabilities - np.eye(probabilities.shape[1])[y]) ** 2).sum(axis=1)
    return out


def _accuracy(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    out: np.ndarray = (probabilities.argmax(axis=1) == y).astype(float)
    return out


def _balanced_accuracy(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    return _accuracy(y, probabilities) / len(np.unique(y))


def _rmse_sd(y: np.ndarray, predicted: Predicted) -> np.ndarray:
    """By how much a row moves the root of the mean square, to first order (delta method)."""
    errors = scaled_errors(y, predicted)
    of_all = root_mean_square(errors)
    return errors**2 / (2 * of_all) if of_all > 0 else np.zeros(len(y))


def _rmse(y: np.ndarray, predicted: Predicted) -> np.ndarray:
    return predicted.scale * _rmse_sd(y, predicted)


def _mae(y: np.ndarray, predicted: Predicted) -> np.ndarray:
    return predicted.scale * np.abs(scaled_errors(y, predicted))


_OF_ROWS = [
    ByRow(name="roc_auc_ovo", values=_ovo, within_classes=True),
    ByRow(name="roc_auc_ovr", values=_ovr, within_classes=True),
    ByRow(name="log_loss", values=_log_loss),
    ByRow(name="brier", values=_brier),
    ByRow(name="accuracy", values=_accuracy),
    ByRow(name="balanced_accuracy", values=_balanced_accuracy, within_classes=True),
    ByRow(name="rmse", values=_rmse),
    ByRow(name="rmse_sd", values=_rmse_sd),
    ByRow(name="mae", values=_mae),
    ByRow(name="log_score", values=negative_log_density),
    ByRow(name="crps", values=ranked_probability),
]
BY_ROW = {of_rows.name: of_rows for of_rows in _OF_ROWS}
