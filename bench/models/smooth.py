"""A backbone as `bench.generator.InContextClassifier`: logits with a gradient to the query rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from bench.errors import ModelError
from bench.models.base import Backbone


@dataclass(frozen=True)
class Support:
    """Labelled rows; `logits` reads any number of queries against them."""

    backbone: Backbone
    module: nn.Module
    x: Tensor
    y: Tensor

    def logits(self, x_query: Tensor) -> Tensor:
        """Logits (q, n_outputs) of rows (q, f), with a gradient."""
        return self.backbone.logits(self.module, self.x[None], self.y[None], x_query[None])[0]


class SmoothClassifier:
    """A backbone's weights, read by its own logits.

    Parameters
    ----------
    backbone : Backbone
        Its weights are copied; it stays as it is.

    Raises
    ------
    ModelError
        If it is of a numeric target.
    """

    def __init__(self, backbone: Backbone) -> None:
        if backbone.problem == "regression":
            raise ModelError(
                "A model of a numeric target tells of no classes, whose logits this method follows."
            )
        self.backbone = backbone
        self.module: Any = backbone.copy().eval().requires_grad_(False)
        self.max_features = backbone.max_features
        self.max_support = backbone.max_context
        self.device = backbone.device

    def support(self, x: Tensor, y: Tensor) -> Any:
        """Take a support: rows (s, f), class codes (s,)."""
        return Support(self.backbone, self.module, x, y)
