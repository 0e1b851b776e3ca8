"""A backbone of which two things suffice: how it encodes rows, and logits of query rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.models.base import Backbone, Encoder, Score
from bench.models.memory import Memory
from bench.models.scoring import ByLogits
from bench.models.smooth import SmoothClassifier
from bench.table import Table


@dataclass(frozen=True)
class InContext(Backbone):
    """A `Backbone` whose scores and smooth classifier follow from its `logits`.

    Each chunk of query rows reads the whole support again; one that can encode it once may give a
    `score` and a `smooth` of its own.
    """

    def score(
        self,
        encoder: Encoder,
        train: Table,
        parts: dict[str, Table],
        rng: np.random.Generator,
        memory: Memory,
    ) -> Score:
        """As of every `Backbone`."""
        context = memory.limit(self.max_context)
        return ByLogits.prepare(
            encoder, train, parts, self.device, context, rng, memory, read=self.logits
        ).probabilities

    def smooth(self) -> SmoothClassifier:
        """`logits` themselves, whose gradient flows to the rows if they are smooth in them."""
        return SmoothClassifier(self)
