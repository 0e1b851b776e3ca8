"""The scores of predictions, one object each; equal to scikit-learn's, computed once an evaluation.

A new score is one more `Score` in this module: the record's schema, early stopping, the analysis
and the report read what they need to know of it there.

ROC-AUC is written here because a curve needs it at every step: scikit-learn's takes 2 ms a pair of
classes, which at ten classes outweighs the model. The tests hold it against scikit-learn.

A score that does not exist by its definition is None. One that could only be computed from numbers
that are none (NaN, infinite, not probabilities) is never given: every function refuses them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeVar

import numpy as np

EPSILON = np.finfo(np.float64).eps  # as sklearn.metrics.log_loss clips probabilities
UNITY = 1e-5  # how far a row's sum may lie from one: float32 softmax over ten classes is far within
Values = TypeVar("Values", bound=Any)  # a number, an array, a table


class ScoreError(ValueError):
    """Labels or probabilities that no score can be told of; the message is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score, and all that is known of it.

    Parameters
    ----------
    name : str
        In records and settings.
    title : str
        For people.
    kind : str, optional
        Which of several of that title it is, told where there is room.
    short : str, optional
        What columns of tables begin with; the name by default.
    function : callable
        Labels (n_rows,) and predictions of the kind that it is a score of → its value.
    greater_is_better : bool
    lowest, highest : float
        The range; its better end is finite.
    may_lack : bool
        Whether it may not exist (None).
    drawn : bool
        Whether each evaluation of a fine-tuning tells it: it has curves, and early stopping may
        read it.
    counts : bool
        Whether it counts predicted classes: where a last bit decides one, it moves by a whole row.
    """

    name: str
    title: str
    kind: str = ""
    short: str = ""
    function: Callable[[np.ndarray, np.ndarray], float | None]
    greater_is_better: bool
    lowest: float
    highest: float
    may_lack: bool = False
    drawn: bool = False
    counts: bool = False

    @property
    def prefix(self) -> str:
        """What columns of tables that hold it begin with."""
        return self.short or self.name

    @property
    def full_title(self) -> str:
        """The title with its kind."""
        return f"{self.title} ({self.kind})" if self.kind else self.title

    @property
    def best(self) -> float:
        """The best value that there is."""
        return self.highest if self.greater_is_better else self.lowest

    def turned_title(self, full: bool = False) -> str:
        """What `oriented` values are of, and their differences: above 0 is better."""
        title = self.full_title if full else self.title
        return title if self.greater_is_better else f"negated {title}"

    def oriented(self, values: Values) -> Values:
        """Values turned so that greater is better, and turned ones back: both negate or neither."""
        return values if self.greater_is_better else -values

    def as_metric(self) -> dict[str, Any]:
        """What a record says of the score that it is ranked by."""
        return {"name": self.name, "greater_is_better": self.greater_is_better}


class ClassScore(Score):
    """A score of predicted class probabilities, shape (n_rows, n_classes).

    Examples
    --------
    >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8]])
    >>> roc_auc_ovo(np.array([0, 0, 1, 1]), probabilities)
    0.75
    >>> roc_auc_ovo(np.array([0, 0, 0, 0]), probabilities) is None
    True
    >>> round(log_loss(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]])), 4)
    0.6931
    >>> log_loss(np.array([0]), np.array([[0.5, 0.6]]))
    Traceback (most recent call last):
        ...
    bench.metrics.ScoreError: The predicted probabilities of 1 of 1 rows do not sum to 1.
    """

    def __call__(self, y: np.ndarray, probabilities: np.ndarray) -> float | None:
        """The score; None where it does not exist.

        Raises
        ------
        ScoreError
            As `require_probabilities`.
        """
        require_probabilities(y, probabilities)
        return self.function(y, probabilities)


def binary_roc_auc(positive: np.ndarray, score: np.ndarray) -> float:
    """Probability that a positive outscores a negative, ties half (Mann–Whitney U / n₊n₋).

    Parameters
    ----------
    positive : ndarray of bool, shape (n_rows,)
        Both kinds must be there.
    score : ndarray of shape (n_rows,)
        Finite.

    Raises
    ------
    ScoreError
    """
    if positive.ndim != 1 or positive.shape != score.shape or positive.dtype != bool:
        raise ScoreError(
            f"ROC-AUC needs one mark and one score a row, not {positive.dtype} marks of shape "
            f"{positive.shape} and scores of shape {score.shape}."
        )
    if positive.all() or not positive.any():
        raise ScoreError("ROC-AUC needs rows of two classes, these are of one.")
    if not np.isfinite(score).all():
        raise ScoreError(f"ROC-AUC needs finite scores; {_count(~np.isfinite(score))} are not.")
    return _rank_area(positive, score)


def _rank_area(positive: np.ndarray, score: np.ndarray) -> float:
    from scipy.stats import rankdata  # takes a second to load, and whoever reads records ranks none

    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    u = rankdata(score)[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(u / (n_positive * n_negative))


def _roc_auc_ovo(y: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Macro average over the pairs of classes that have rows (Hand & Till 2001).

    None if fewer than two classes have rows. Equals ``sklearn.metrics.roc_auc_score(...,
    multi_class="ovo")`` where all classes have rows.
    """
    present = np.unique(y)
    if len(present) < 2:
        return None
    if probabilities.shape[1] == 2:
        return _rank_area(y == 1, probabilities[:, 1])
    scores = []
    for a, b in combinations(present, 2):
        rows = (y == a) | (y == b)
        is_a = y[rows] == a
        scores.append(_rank_area(is_a, probabilities[rows, a]))
        scores.append(_rank_area(~is_a, probabilities[rows, b]))
    return float(np.mean(scores))


def _roc_auc_ovr(y: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Macro average over the classes that have rows; None if fewer than two have."""
    present = np.unique(y)
    if len(present) < 2:
        return None
    if probabilities.shape[1] == 2:
        return _rank_area(y == 1, probabilities[:, 1])
    return float(np.mean([_rank_area(y == c, probabilities[:, c]) for c in present]))


def _log_loss(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-likelihood in nats; probabilities are clipped at the float's epsilon."""
    likelihood = probabilities[np.arange(len(y)), y].clip(EPSILON, 1 - EPSILON)
    return float(-np.log(likelihood).mean())


def _accuracy(y: np.ndarray, probabilities: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == y).mean())


def _balanced_accuracy(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean share of rows that are right, over the classes that have rows."""
    chosen = probabilities.argmax(axis=1)
    return float(np.mean([(chosen[y == c] == c).mean() for c in np.unique(y)]))


def _brier(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Multiclass: the mean squared distance to the one-hot label."""
    one_hot = np.eye(probabilities.shape[1])[y]
    return float(((probabilities - one_hot) ** 2).sum(axis=1).mean())


roc_auc_ovo = ClassScore(
    name="roc_auc_ovo",
    title="ROC-AUC",
    kind="one-vs-one",
    short="auc",
    function=_roc_auc_ovo,
    greater_is_better=True,
    lowest=0.0,
    highest=1.0,
    may_lack=True,
    drawn=True,
)
roc_auc_ovr = ClassScore(
    name="roc_auc_ovr",
    title="ROC-AUC (one-vs-rest)",
    function=_roc_auc_ovr,
    greater_is_better=True,
    lowest=0.0,
    highest=1.0,
    may_lack=True,
)
log_loss = ClassScore(
    name="log_loss",
    title="log-loss",
    function=_log_loss,
    greater_is_better=False,
    lowest=0.0,
    highest=float("inf"),
    drawn=True,
)
accuracy = ClassScore(
    name="accuracy",
    title="accuracy",
    function=_accuracy,
    greater_is_better=True,
    lowest=0.0,
    highest=1.0,
    counts=True,
)
balanced_accuracy = ClassScore(
    name="balanced_accuracy",
    title="balanced accuracy",
    function=_balanced_accuracy,
    greater_is_better=True,
    lowest=0.0,
    highest=1.0,
    counts=True,
)
brier = ClassScore(
    name="brier",
    title="Brier score",
    function=_brier,
    greater_is_better=False,
    lowest=0.0,
    highest=2.0,
)

RANKED_BY: Score = roc_auc_ovo  # what cells are compared by; each record says so itself
SCORES: dict[str, Score] = {s.name: s for s in list(globals().values()) if isinstance(s, Score)}
_CLASS_SCORES = [score for score in SCORES.values() if isinstance(score, ClassScore)]


def all_scores(y: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """Every `ClassScore` of `SCORES`, by name.

    Parameters
    ----------
    y : ndarray of int, shape (n_rows,)
    probabilities : ndarray of shape (n_rows, n_classes)
        Rows sum to one.

    Raises
    ------
    ScoreError
        As `require_probabilities`.
    """
    return {score.name: score(y, probabilities) for score in _CLASS_SCORES}


def drawn_scores(y: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """Those of `all_scores` that a curve is drawn of."""
    return {score.name: score(y, probabilities) for score in _CLASS_SCORES if score.drawn}


def require_probabilities(y: np.ndarray, probabilities: np.ndarray) -> None:
    """Refuse what is no class code and one distribution over the classes a row.

    Raises
    ------
    ScoreError
        If there are no rows, the shapes do not fit, a label is no class code, a probability is
        not finite or outside 0 … 1, or a row's sum is not one.
    """
    if probabilities.ndim != 2 or y.shape != probabilities.shape[:1] or not probabilities.size:
        raise ScoreError(
            "A score needs a label and a row of probabilities for each of some rows, not labels of "
            f"shape {y.shape} and probabilities of shape {probabilities.shape}."
        )
    n_rows, n_classes = probabilities.shape
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= n_classes:
        raise ScoreError(f"Labels must be whole numbers from 0 to {n_classes - 1}.")
    if not np.isfinite(probabilities).all():
        bad = _count(~np.isfinite(probabilities).all(axis=1))
        raise ScoreError(f"The predicted probabilities of {bad} of {n_rows} rows are not finite.")
    if probabilities.min() < 0:
        raise ScoreError(f"A predicted probability is {probabilities.min():.3g}, below 0.")
    apart = np.abs(probabilities.sum(axis=1) - 1)
    if apart.max() > UNITY:
        bad = _count(apart > UNITY)
        raise ScoreError(f"The predicted probabilities of {bad} of {n_rows} rows do not sum to 1.")


def _count(marks: np.ndarray) -> int:
    return int(marks.sum())
