"""What a score is: a function of labels and predictions, and all that is known of it.

A score that does not exist by its definition is None. One that could only be computed from numbers
that are none (NaN, infinite, not probabilities) is never given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

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
    >>> from bench.scores.log_loss import log_loss
    >>> from bench.scores.roc_auc_ovo import roc_auc_ovo
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
    bench.score.ScoreError: The predicted probabilities of 1 of 1 rows do not sum to 1.
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
