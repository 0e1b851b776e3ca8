"""What predictions are held against while a run goes on: the rows of one table, or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from bench.models.base import Probabilities
from bench.predicted import problem_of
from bench.scores import drawn_scores
from bench.scores._change import ChangeErrors

Values = dict[str, float | None]  # by score; None where it does not exist


class Judge(Protocol):
    """Scores a run's predictions."""

    @property
    def parts(self) -> Sequence[str]:
        """Those that have curves; the choice of a step reads ``validation`` alone."""

    def problem(self, predictions: Probabilities) -> str:
        """What the predictions are for: classification or regression."""

    def scores(self, part: str, predictions: Probabilities) -> Values:
        """The scores of a part that a curve is drawn of.

        Raises
        ------
        FloatingPointError, ScoreError
            Of what are no predictions.
        """

    def errors(self, predictions: Probabilities) -> Values:
        """The standard error of each validation score's change since the first that were told."""


@dataclass
class OfRows:
    """Rows of one table, a part each.

    Parameters
    ----------
    labels : dict of part → ndarray (q,)
    """

    labels: Mapping[str, np.ndarray]
    _errors: ChangeErrors = field(init=False)

    def __post_init__(self) -> None:
        self._errors = ChangeErrors(self.labels["validation"])

    @property
    def parts(self) -> Sequence[str]:
        """Of the labels."""
        return list(self.labels)

    def problem(self, predictions: Probabilities) -> str:
        """As the validation rows' predictions are."""
        return problem_of(predictions["validation"])

    def scores(self, part: str, predictions: Probabilities) -> Values:
        """Of the part's rows."""
        return drawn_scores(self.labels[part], predictions[part])

    def errors(self, predictions: Probabilities) -> Values:
        """Paired by rows."""
        return self._errors.told(predictions["validation"])


@dataclass
class OfTables:
    """Several tables that were held out, each as good as another: what is read are their means.

    Parameters
    ----------
    labels : dict of table → ndarray (q,)
    """

    labels: Mapping[str, np.ndarray]

    @property
    def parts(self) -> Sequence[str]:
        """One: the tables together."""
        return ["validation"]

    def problem(self, predictions: Probabilities) -> str:
        """As the first table's predictions are: there is no other."""
        first: Any = next(iter(predictions.values()))
        return problem_of(first)

    def scores(self, part: str, predictions: Probabilities) -> Values:
        """The mean over the tables; None where a table has no such score."""
        of = {name: drawn_scores(y, predictions[name]) for name, y in self.labels.items()}
        return {name: _mean([of[table][name] for table in of]) for name in next(iter(of.values()))}

    def errors(self, predictions: Probabilities) -> Values:
        """None is told: tables are few, and rows of several are no sample of one population."""
        return {}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
