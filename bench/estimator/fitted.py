"""What a fit leaves behind: a network, or a bag of them, and the rows that each reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.datasets.own.schema import Schema
from bench.errors import ModelError
from bench.estimator.computing import computing
from bench.estimator.report import Report
from bench.finetune.generated import Parts
from bench.models.base import Backbone
from bench.models.memory import CHUNK, LessSupport, Memory, OutOfMemory
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
    threads : int, optional
        Of predicting; None leaves them as they are.
    """

    backbone: Backbone
    children: tuple[Child, ...]
    schema: Schema
    labels: np.ndarray | None
    report: Report
    model: dict[str, Any]
    seed: Parts
    threads: int | None = None

    def predict(self, table: Table, progress: Progress | None = None) -> Predictions:
        """What the model tells of a table's rows; of a bag the mean over its children.

        Rows are read a chunk at a time, so that memory need not grow with them but for the result.

        Parameters
        ----------
        table : Table
            Rows that the schema has read.
        progress : callable, optional
            Is told how many rows are done, and of how many.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), or Predicted

        Raises
        ------
        ModelError
            If the device has no memory even for few rows, or the model tells what are no numbers.
        """
        with computing(self.threads):
            memory = Memory(scoring=CHUNK)
            while True:
                try:
                    return mean_of(self._told(table, memory, progress))
                except LessSupport:  # all rows are read with the same context
                    continue
                except (OutOfMemory, FloatingPointError) as error:
                    raise ModelError(str(error)) from error

    def _told(self, table: Table, memory: Memory, progress: Progress | None) -> list[Predictions]:
        """What each child tells of the rows; no more than one's context is held at once."""
        told, n_children = [], len(self.children)
        for i, child in enumerate(self.children):
            chunks = []
            for chunk in self._chunks(child, table, memory):
                chunks.append(chunk)
                if progress is not None:
                    n_done = i * len(table) + sum(map(len, chunks))
                    progress(n_done // n_children, len(table))
            told.append(joined(chunks))
        return told

    def _chunks(self, child: Child, table: Table, memory: Memory) -> Iterator[Predictions]:
        rng = seeded(*self.seed, "context rows")
        encoder = self.backbone.encoder(child.context)
        read = self.backbone.reader(encoder, child.context, rng, memory)(child.module)
        for begin in range(0, len(table), CHUNK):
            yield read(table.take(range(begin, min(begin + CHUNK, len(table)))))

    def on(self, device: torch.device) -> Fitted:
        """The same on another device."""
        backbone = replace(self.backbone, module=self.backbone.copy().to(device), device=device)
        children = (
            Child(deepcopy(child.module).to(device), child.context) for child in self.children
        )
        return replace(self, backbone=backbone, children=tuple(children))

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: no weights on a GPU, which whoever reads it may not have."""
        device = self.backbone.device
        there = self if device.type == "cpu" else self.on(torch.device("cpu"))
        return {**vars(there), "device": device}

    def __setstate__(self, state: dict[str, Any]) -> None:
        device = state.pop("device")
        vars(self).update(state)
        if device.type == "cuda" and torch.cuda.is_available():
            vars(self).update(vars(self.on(torch.device("cuda"))))


def joined(chunks: list[Predictions]) -> Predictions:
    """Predictions of rows that were read one chunk after the other."""
    of_classes = [chunk for chunk in chunks if isinstance(chunk, np.ndarray)]
    if of_classes:
        return np.concatenate(of_classes)
    of_values = [chunk for chunk in chunks if isinstance(chunk, Predicted)]
    mean = np.concatenate([chunk.mean for chunk in of_values])
    if of_values[0].mass is None:
        return replace(of_values[0], mean=mean)
    return replace(of_values[0], mean=mean, mass=np.concatenate([c.mass for c in of_values]))


def mean_of(told: list[Predictions]) -> Predictions:
    """The mean of several models' predictions; distributions are told by a single one alone."""
    if len(told) == 1:
        return told[0]
    of_classes = [one for one in told if isinstance(one, np.ndarray)]
    if of_classes:
        return np.asarray(np.mean(of_classes, axis=0))
    of_values = [one for one in told if isinstance(one, Predicted)]
    scale = sum(one.scale for one in of_values) / len(told)
    return Predicted(np.mean([one.mean for one in of_values], axis=0), scale)
