"""`Tab2D` as an in-context classifier whose logits have a gradient with respect to the query rows.

Its quantile embedding (`Tab2DQuantileEmbeddingX`, ``torch.bucketize``) counts the support's
quantiles below a value, a staircase without a gradient. Here a value's count is interpolated
linearly between the support's neighbouring distinct values. That is the same at every support
value and outside their range; in between it differs by at most the counts that lie between the two
neighbours: one quantile of 999 in a column of many values, where the staircase's own quantiles are
interpolated likewise; most of the range between two levels of a one-hot column, where the staircase
jumps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.models import smooth
from bench.models.tab2d.forward import Context, QuantileScale


@dataclass(frozen=True)
class SmoothScale:
    """`QuantileScale` with linear interpolation between the support's values.

    Attributes
    ----------
    scale : QuantileScale
    values : Tensor of shape (b, f, s)
        The support's values, ascending.
    heights : Tensor of shape (b, f, s)
        Where each of them lies on the scale.
    """

    scale: QuantileScale
    values: Tensor
    heights: Tensor

    @classmethod
    def fit(cls, x_support: Tensor) -> SmoothScale:
        """The scale of a support (b, s, f)."""
        scale, heights = QuantileScale.fit(x_support)
        # Equal values have equal heights, and a greater value no smaller height: sorted apart, they
        # still belong together.
        return cls(
            scale,
            x_support.transpose(1, 2).sort(-1).values.contiguous(),
            heights.transpose(1, 2).sort(-1).values.contiguous(),
        )

    def transform(self, x: Tensor) -> Tensor:
        """Rows (b, r, f) on the support's scale, with a gradient.

        Beyond the support's values the gradient is 0, as it is everywhere on the staircase.
        """
        columns = x.transpose(1, 2).contiguous()
        last = self.values.shape[-1] - 1
        above = torch.searchsorted(self.values, columns.detach(), right=True)
        low, high = (above - 1).clamp(min=0), above.clamp(max=last)
        x0, x1 = self.values.gather(-1, low), self.values.gather(-1, high)
        y0, y1 = self.heights.gather(-1, low), self.heights.gather(-1, high)
        width = x1 - x0
        share = (columns - x0) / torch.where(width > 0, width, torch.inf)
        inside = torch.lerp(y0, y1, share)
        outside = (above == 0) | (above > last)
        height = torch.where(outside, self.scale.transform(x).transpose(1, 2), inside)
        return height.transpose(1, 2)


@dataclass(frozen=True)
class Support:
    """A support, encoded once; `logits` reads any number of queries against it."""

    context: Context
    scale: SmoothScale

    def logits(self, x_query: Tensor) -> Tensor:
        """Logits (q, n_outputs) of rows (q, f), with a gradient."""
        return self.context.read(self.scale.transform(x_query[None]))[0]


class SmoothClassifier(smooth.SmoothClassifier):
    """A `Tab2D` checkpoint, its support encoded once and its embedding interpolated."""

    def support(self, x: Tensor, y: Tensor) -> Support:
        """Encode a support: rows (s, f), class codes (s,)."""
        return Support(Context.encode(self.module, x[None], y[None]), SmoothScale.fit(x[None]))
