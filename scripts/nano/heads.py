"""What the model's outputs are to say, and how wrong they are: classes, or bins of a number.

A head turns the target of a batch into what the model reads and scores its outputs. It knows
tensors only, no data set.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generators.prior.targets import IGNORE
from scripts.nano.batches import ramp

LOW, HIGH = -0.5, 1.5  # of the bins, where the support's values lie between 0 and 1


class Head(ABC):
    """What differs between a model of classes and one of numbers."""

    task: str  # as `Tab2D` calls it

    @abstractmethod
    def prepare(self, model: nn.Module) -> None:
        """Change fresh weights before the first step."""

    @abstractmethod
    def read(self, y: Tensor) -> Tensor:
        """The support's target as the model reads it: codes (b, s)."""

    @abstractmethod
    def loss(self, logits: Tensor, y: Tensor, step: int) -> Tensor:
        """Mean loss of logits (b, q, n_outputs) against the queries' target (b, q)."""


class Classes(Head):
    """Cross-entropy over all the model's outputs, so that it learns which classes exist."""

    task = "CLASSIFICATION"

    def prepare(self, model: nn.Module) -> None:
        """Nothing: classes have no order."""

    def read(self, y: Tensor) -> Tensor:
        """Class codes as they are."""
        return y

    def loss(self, logits: Tensor, y: Tensor, step: int) -> Tensor:
        """Cross-entropy; rows of `IGNORE` do not count."""
        return F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=IGNORE)


@dataclass(frozen=True)
class Bins(Head):
    """Equal bins of a min–max scaled number, from `LOW` to `HIGH`; what lies beyond is at the ends.

    The model knows a bin by its own embedding, and would have to learn from data alone that
    neighbours are alike. So embedding and last layer start as smooth functions of the bin's centre,
    and the loss is the cross-entropy to a normal distribution about the true value, wide at first.

    Parameters
    ----------
    n_bins : int
    blur : list of [step, value]
        Standard deviation of that distribution, linear in between, on the target's scale.
    """

    n_bins: int
    blur: Sequence[Sequence[float]]
    task = "REGRESSION"

    @property
    def edges(self) -> Tensor:
        """The bins' edges (n_bins + 1,)."""
        return torch.linspace(LOW, HIGH, self.n_bins + 1)

    @property
    def centres(self) -> Tensor:
        """The bins' centres (n_bins,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @torch.no_grad()
    def prepare(self, model: nn.Module) -> None:
        """Waves of the centre, slow ones mostly, for the embedding and for the last layer."""
        dim = model.final_layer.in_features
        rates = torch.exp(torch.empty(dim).uniform_(math.log(0.5), math.log(12.0)))
        phases = torch.empty(dim).uniform_(0, 2 * math.pi)
        waves = torch.sin((self.centres[:, None] - 0.5) * rates + phases)
        model.y_embedding.y_embedding.weight.copy_(math.sqrt(2) * waves)
        model.final_layer.weight.copy_(waves / math.sqrt(dim))
        model.final_layer.bias.copy_(-0.5 * ((self.centres - 0.5) / 0.35) ** 2)

    def read(self, y: Tensor) -> Tensor:
        """The bin of each value, the lower one for a value on a bound, as AutoGluon reads it."""
        codes = ((y - LOW) * (self.n_bins / (HIGH - LOW))).ceil().long() - 1
        return codes.clamp(0, self.n_bins - 1)

    def loss(self, logits: Tensor, y: Tensor, step: int) -> Tensor:
        """Cross-entropy to a blurred value."""
        y = y.clamp(LOW, HIGH)
        blur = ramp(self.blur, step)
        below = torch.special.ndtr((self.edges[1:-1] - y[..., None]) / blur)
        ends = below.new_zeros(*y.shape, 1)
        shares = torch.cat([ends, below, ends + 1], -1).diff(dim=-1)
        return -(shares * logits.log_softmax(-1)).sum(-1).mean()


def make_head(config: Any) -> Head:
    """The head that the configuration's ``model.task`` names; classes where it names none."""
    if config.model.get("task", Classes.task) == Bins.task:
        return Bins(config.model.dim_output, config.blur)
    return Classes()
