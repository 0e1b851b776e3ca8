"""What a fit leaves behind: a network, or a bag of them, and the rows that each reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from bench.datasets.own.schema import Schema
from bench.estimator.report import Report
from bench.finetune.generated import Parts
from bench.models.base import Backbone
from bench.models.memory import CHUNK, Memory
from bench.predicted import Predicted, Predictions
from bench.seeds import generator as seeded
from bench.table import Table

Progress = Callable[[int, int], None]  # is told how much is done, and of how much


@dataclass(frozen=True)
class Child:
    """A network, and the rows that it reads in context."""

    module: nn.Module
    context: Table


@dataclass(frozen=True)
class Fitted:
    """A fitted model.

    Attributes
    ----------
    backbone : Backbone
        The pre-trained model.
    children : tuple of Child
        One, or those of a bag.
    schema : Schema
        How later rows are read.
    labels : ndarray, optional
        Class k as the user wrote it.
    report : Report
    model : dict
        The model's plain config.
    seed : tuple
        Named parts from which derives which rows are the context where they are too many.
    """

    backbone: Backbone
    children: tuple[Child, ...]
    schema: Schema
    labels: np.ndarray | None
    report: Report
    model: dict[str, Any]
    seed: Parts

    def predict(self, table: Table, progress: Progress | None = None) -> Predictions:
        """What the model tells of a table's rows; of a bag the mean over its children.

        Parameters
        ----------
        table : Table
            Rows that the schema has read.
        progress : callable, optional

        Returns
        -------
        ndarray of shape (n_rows, n_classes), or Predicted
        """
        told = []
        for i, child in enumerate(self.children):
            told.append(self._of_child(child, table))
            if progress is not None:
                progress(i + 1, len(self.children))
        return mean_of(told)

    def _of_child(self, child: Child, table: Table) -> Predictions:
        encoder = self.backbone.encoder(child.context)
        rng = seeded(*self.seed, "context rows")
        parts, memory = {"rows": table}, Memory(scoring=CHUNK)
        score = self.backbone.score(encoder, child.context, parts, rng, memory)
        predictions: Predictions = score(child.module)["rows"]
        return predictions


def mean_of(told: list[Predictions]) -> Predictions:
    """The mean of several models' predictions; distributions are told by a single one alone."""
    if len(told) == 1:
        return told[0]
    of_values = [one for one in told if isinstance(one, Predicted)]
    if not of_values:
        return np.asarray(np.mean(told, axis=0))  # type: ignore[arg-type]  # all are arrays
    scale = sum(one.scale for one in of_values) / len(told)
    return Predicted(np.mean([one.mean for one in of_values], axis=0), scale)
