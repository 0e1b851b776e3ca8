"""In-context scoring with `Tab2D`: the support is encoded once, and all queries attend to it."""

from __future__ import annotations

from collections.abc import Callable
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

    def reads(self, module: Tab2D) -> Callable[[Tensor, int], Tensor]:
        """As of every `bench.models.scoring.Scoring`."""
        with self._arithmetic():
            context = Context.encode(module, self.x_support, self.y_support)

        def logits(x: Tensor, chunk: int) -> Tensor:
            with self._arithmetic():
                return context.logits(x, chunk)[0]

        return logits

    def _arithmetic(self) -> torch.autocast:
        is_short = self.precision != torch.float32
        return torch.autocast(self.x_support.device.type, self.precision, enabled=is_short)
