"""Bagging: the predictions of children, each fine-tuned with another fold held out, put together.

As AutoGluon bags its models (Erickson et al. 2020), and Mitra v2's recipe does: a test row's
probabilities are the mean over children, a training row's are those of the child that held it out.
So are the means of a numeric target. Distributions are not put together: the mixture's bins would
be those of all children, for each evaluation of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.finetune.loop import Finetuned, redrawn
from bench.finetune.settings import Finetune
from bench.models.base import Probabilities
from bench.predicted import Predicted, Predictions


@dataclass(frozen=True)
class Child:
    """What is kept of a child: its steps, and how many rows it learnt from and held out."""

    chosen_step: int
    last_step: int
    rows: dict[str, int]


@dataclass
class Bagged:
    """What a bag leaves behind.

    Attributes
    ----------
    children : list of Child
    pretrained, chosen, last : dict of part → ndarray (q, n_classes), or Predicted
        Put together of the children's, each at its own step.
    labels : dict of part → ndarray (q,)
        ``validation``: of all rows that a child held out.
    curves : dict
        As of a `Finetuned`, of predictions put together, for the evaluations that all children
        came to.
    """

    children: list[Child]
    pretrained: Probabilities
    chosen: Probabilities
    last: Probabilities
    labels: dict[str, np.ndarray]
    curves: dict[str, Any]


class _Pool:
    """Predictions that are put together, child by child."""

    def __init__(self, n_held_out: int) -> None:
        self._n_held_out = n_held_out
        self._children = 0
        self._scales: list[float] = []  # of a numeric target, a child each

    def add(self, place: np.ndarray, predicted: Probabilities) -> None:
        test, held_out = (_averaged(predicted[part]) for part in ("test", "validation"))
        if not self._children:
            self._test = np.zeros_like(test)
            self._validation = np.full((self._n_held_out, *test.shape[1:]), np.nan)
        self._test += test
        self._validation[place] = held_out
        self._children += 1
        if isinstance(predicted["test"], Predicted):
            self._scales.append(predicted["test"].scale)

    def told(self) -> Probabilities:
        told = {"validation": self._validation, "test": self._test / self._children}
        if not self._scales:
            return told
        scale = sum(self._scales) / self._children  # children learn from all rows but a piece
        return {part: Predicted(mean, scale) for part, mean in told.items()}


def _averaged(predictions: Predictions) -> np.ndarray:
    """What a bag takes the mean of."""
    return predictions.mean if isinstance(predictions, Predicted) else predictions


class Bagging:
    """Takes in one child after the other; nothing of a child's weights is kept.

    Parameters
    ----------
    places : sequence of ndarray
        Where the rows that each child holds out stand among all of them.
    labels : dict of part → ndarray (q,)
    settings : Finetune
    rounded : callable
        What predictions are to be before they are scored, for a mean of rounded ones is not.
    """

    def __init__(
        self,
        places: Sequence[np.ndarray],
        labels: Mapping[str, np.ndarray],
        settings: Finetune,
        rounded: Callable[[Probabilities], Probabilities],
    ) -> None:
        self._places = places
        self._labels = dict(labels)
        self._settings = settings
        self._rounded = rounded
        self._children: list[Child] = []
        self._at = {when: self._pool() for when in ("pretrained", "chosen", "last")}
        self._evaluations: list[_Pool] = []  # those that all children so far came to
        self._seen = 0  # of the present child's
        self._curves: list[dict[str, Any]] = []

    def _pool(self) -> _Pool:
        return _Pool(len(self._labels["validation"]))

    def watch(self, step: int, probabilities: Probabilities) -> None:
        """Take in an evaluation of the present child."""
        if not self._children:
            self._evaluations.append(self._pool())
        if self._seen < len(self._evaluations):
            self._evaluations[self._seen].add(self._places[len(self._children)], probabilities)
        self._seen += 1

    def add(self, result: Finetuned, rows: dict[str, int]) -> None:
        """Take in what the present child came to; the next one is the present then."""
        place = self._places[len(self._children)]
        for when, pool in self._at.items():
            pool.add(place, getattr(result, when))
        del self._evaluations[self._seen :]
        self._seen = 0
        self._curves.append(result.curves)
        self._children.append(Child(result.chosen_step, result.last_step, rows))

    def ended(self) -> Bagged:
        """What the children came to together."""
        return Bagged(
            children=self._children,
            **{when: self._rounded(pool.told()) for when, pool in self._at.items()},
            labels=self._labels,
            curves=redrawn(self._labels, self._settings, self._together()),
        )

    def _together(self) -> list[tuple[int, float | None, Probabilities]]:
        steps, losses = self._curves[0]["step"], [c["train_loss"] for c in self._curves]
        return [
            (
                steps[i],
                None if i == 0 else float(np.mean([loss[i] for loss in losses])),
                self._rounded(pool.told()),
            )
            for i, pool in enumerate(self._evaluations)
        ]
