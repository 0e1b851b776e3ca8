"""In-context scoring: the training rows are the support, validation and test rows the queries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from bench.models.base import Encoder, Probabilities, Read
from bench.models.memory import CHUNK, Memory
from bench.predicted import Predictions
from bench.table import Table

LARGEST = torch.finfo(torch.float32).max ** 0.5  # of a weight or token: a LayerNorm squares it


@dataclass(frozen=True)
class Scoring(ABC):
    """The fixed arrays of one fold; `probabilities` reads them with whatever weights are given."""

    encoder: Encoder
    x_support: Tensor  # (1, s, f)
    y_support: Tensor  # (1, s)
    queries: dict[str, Tensor]  # part → (1, q, f)
    labels: dict[str, np.ndarray]  # part → (q,) of the table's targets
    n_classes: int
    memory: Memory = field(default_factory=lambda: Memory(scoring=CHUNK))

    @classmethod
    def prepare(
        cls,
        encoder: Encoder,
        train: Table,
        parts: dict[str, Table],
        device: torch.device,
        max_context: int,
        rng: np.random.Generator,
        memory: Memory | None = None,
        **more: Any,
    ) -> Self:
        """Encode a fold; more than ``max_context`` training rows are sub-sampled at random."""
        rows = np.arange(len(train))
        if len(rows) > max_context:
            rows = np.sort(rng.choice(rows, size=max_context, replace=False))
        x = encoder.encode_x(train)[rows]
        y = encoder.encode_y(train.y)[rows]
        return cls(
            encoder=encoder,
            x_support=torch.from_numpy(x)[None].to(device),
            y_support=torch.from_numpy(y)[None].to(device),
            queries={
                part: torch.from_numpy(encoder.encode_x(table))[None].to(device)
                for part, table in parts.items()
            },
            labels={part: table.y for part, table in parts.items()},
            n_classes=train.n_classes,
            memory=memory or Memory(scoring=CHUNK),
            **more,
        )

    @abstractmethod
    def reads(self, module: Any) -> Callable[[Tensor, int], Tensor]:
        """Encode the support, if a model can, for any number of queries.

        Returns
        -------
        callable
            Rows (1, q, f), and how many are read at a time → logits (q, n_outputs).
        """

    def probabilities(self, module: nn.Module) -> Probabilities:
        """Predictions of each part's rows: probabilities (q, n_classes), or `Predicted`.

        Raises
        ------
        FloatingPointError
            If a weight or a logit is not finite, or huge: a softmax would make numbers of it that
            mean nothing.
        """
        _require_sound(module)

        def compute(chunk: int) -> Probabilities:
            with torch.no_grad(), _evaluating(module):
                read = self.reads(module)
                logits = {part: read(x, chunk) for part, x in self.queries.items()}
            return {part: self._decoded(of_part, part) for part, of_part in logits.items()}

        n_queries = max((x.shape[1] for x in self.queries.values()), default=1)
        return self.memory.attempt("scoring", compute, self.n_support, n_queries)

    def reader(self, module: nn.Module) -> Read:
        """Reads other rows than the parts', as many times as there are; see `Backbone.reader`.

        Raises
        ------
        FloatingPointError
            As `probabilities`.
        """
        _require_sound(module)
        with torch.no_grad(), _evaluating(module):
            read = self.memory.attempt("scoring", lambda _: self.reads(module), self.n_support, 1)

        def of_rows(rows: Table) -> Predictions:
            x = torch.from_numpy(self.encoder.encode_x(rows))[None].to(self.x_support.device)
            with torch.no_grad(), _evaluating(module):
                logits = self.memory.attempt("scoring", partial(read, x), self.n_support, len(rows))
            return self._decoded(logits, "new")

        return of_rows

    @property
    def n_support(self) -> int:
        """Rows of the support."""
        return self.x_support.shape[1]

    def _decoded(self, logits: Tensor, part: str) -> Predictions:
        return self.encoder.decode(_finite(logits, part), self.n_classes)


@dataclass(frozen=True)
class ByLogits(Scoring):
    """Scoring by a `Backbone`'s logits alone: each chunk of queries reads the whole support."""

    read: Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor] = field(kw_only=True)

    def reads(self, module: nn.Module) -> Callable[[Tensor, int], Tensor]:
        """As of every `Scoring`."""

        def logits(x: Tensor, chunk: int) -> Tensor:
            chunks = x.split(chunk, dim=1)
            return torch.cat(
                [self.read(module, self.x_support, self.y_support, rows)[0] for rows in chunks]
            )

        return logits


def remarks(encoder: Encoder, n_rows: int, most: int) -> list[str]:
    """What a person should know of how so many training rows are read, of which ``most`` fit."""
    notes = []
    if n_rows > most:
        notes.append(f"In scoring, {most} of {n_rows} training rows are the context.")
    if encoder.rescaled_:
        first, others = encoder.rescaled_[0], len(encoder.rescaled_) - 1
        more = f" (and {others} others)" if others else ""
        notes.append(
            f"Column '{first}'{more} holds numbers beyond float32; the model reads them in their "
            "order, on another scale."
        )
    return notes


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Within it the module drops nothing out, as it may in training."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _require_sound(module: nn.Module) -> None:
    if unsound := unsound_weights(module):
        raise FloatingPointError(f"The model cannot be scored: {unsound}.")


def unsound_weights(model: nn.Module) -> str | None:
    """What is wrong with weights of which no number can come; None if nothing is.

    Attention and activation functions can hide what is not finite, or so large that its square is
    not.
    """
    for name, weights in model.state_dict().items():
        if not weights.numel() or not weights.is_floating_point():
            continue
        lowest, highest = (float(end) for end in weights.aminmax())  # of 75 million none is copied
        largest = max(-lowest, highest)
        if not largest < LARGEST:  # NaN is not
            reached = "NaN" if largest != largest else f"{largest:.3g}"
            return (
                f"its weights '{name}' reach {reached}, expected are finite numbers below "
                f"{LARGEST:.3g}"
            )
    return None


def _finite(logits: Tensor, part: str) -> np.ndarray:
    """Logits (q, n_outputs) as an array; those of unused outputs tell of the model, too."""
    values = logits.float().cpu().numpy()
    bad = int((~(np.abs(values) < LARGEST)).any(axis=1).sum())  # NaN is not less
    if bad:
        raise FloatingPointError(
            f"The model's outputs are not finite for {bad} of {len(values)} {part} rows; its "
            "weights are damaged, too large, or were driven too far by fine-tuning."
        )
    return values
