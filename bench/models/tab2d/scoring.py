"""In-context scoring with `Tab2D`: the support is encoded once, and both parts attend to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D
from torch import Tensor

from bench.models import scoring
from bench.models.tab2d.forward import Context


@dataclass(frozen=True)
class Scoring(scoring.Scoring):
    """`bench.models.scoring.Scoring`, in the arithmetic of ``precision``."""

    precision: torch.dtype = torch.float32

    def logits(self, module: Tab2D, chunk: int) -> dict[str, Tensor]:
        """As of every `bench.models.scoring.Scoring`."""
        device, is_short = self.x_support.device.type, self.precision != torch.float32
        with torch.autocast(device, self.precision, enabled=is_short):
            context = Context.encode(module, self.x_support, self.y_support)
            return {part: context.logits(x, chunk)[0] for part, x in self.queries.items()}
