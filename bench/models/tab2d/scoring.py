"""In-context scoring: the training rows are the support, validation and test rows the queries."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D

from bench.models.base import Encoder, Probabilities
from bench.models.memory import CHUNK, Memory
from bench.models.tab2d.forward import LARGEST, Context, unsound_weights
from bench.table import Table


@dataclass(frozen=True)
class Scoring:
    """The fixed arrays of one fold; `probabilities` reads them with whatever weights are given.

    The support is encoded once per call, and both parts attend to it.
    """

    encoder: Encoder
    x_support: torch.Tensor  # (1, s, f)
    y_support: torch.Tensor  # (1, s)
    queries: dict[str, torch.Tensor]  # part → (1, q, f)
    labels: dict[str, np.ndarray]  # part → (q,) of the table's class codes
    n_classes: int
    precision: torch.dtype = torch.float32
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
        precision: torch.dtype = torch.float32,
    ) -> Scoring:
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
            precision=precision,
            memory=memory or Memory(scoring=CHUNK),
        )

    def probabilities(self, module: Tab2D) -> Probabilities:
        """Class probabilities of each part's rows, shape (q, n_classes).

        Raises
        ------
        FloatingPointError
            If a weight or a logit is not finite, or huge: a softmax would make numbers of it that
            mean nothing.
        """
        unsound = unsound_weights(module)
        if unsound:
            raise FloatingPointError(f"The model cannot be scored: {unsound}.")

        def compute(chunk: int) -> Probabilities:
            with torch.autocast(
                self.x_support.device.type,
                self.precision,
                enabled=self.precision != torch.float32,
            ):
                context = Context.encode(module, self.x_support, self.y_support)
                logits = {part: context.logits(x, chunk)[0] for part, x in self.queries.items()}
            return {
                part: self.encoder.probabilities(_finite(of_part, part), self.n_classes)
                for part, of_part in logits.items()
            }

        n_queries = max((x.shape[1] for x in self.queries.values()), default=1)
        return self.memory.attempt("scoring", compute, self.x_support.shape[1], n_queries)


def _finite(logits: torch.Tensor, part: str) -> np.ndarray:
    """Logits (q, n_outputs) as an array; those of unused outputs tell of the model, too."""
    values = logits.cpu().numpy()
    bad = int((~(np.abs(values) < LARGEST)).any(axis=1).sum())  # NaN is not less
    if bad:
        raise FloatingPointError(
            f"The model's outputs are not finite for {bad} of {len(values)} {part} rows; its "
            "weights are damaged, too large, or were driven too far by fine-tuning."
        )
    return values
