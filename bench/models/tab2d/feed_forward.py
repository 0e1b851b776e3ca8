"""A Transformer's feed-forward on a CPU, a block of tokens at a time (for `forward`)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

BLOCK = 2**18  # numbers of the hidden layer at a time: 1 MiB stays in the cache


def blocked_feed_forward(
    norm: nn.LayerNorm, inner: nn.Linear, outer: nn.Linear, x: Tensor
) -> Tensor:
    """x + outer(gelu(inner(norm(x)))) for contiguous x (…, d); under autocast, in its dtype."""
    autocast = torch.is_autocast_enabled("cpu")
    dtype = torch.get_autocast_dtype("cpu") if autocast else x.dtype
    parameters = (norm.weight, norm.bias, inner.weight, inner.bias, outer.weight, outer.bias)
    with torch.autocast("cpu", enabled=False):
        y: Tensor = _BlockedFeedForward.apply(x, *parameters, norm.eps, dtype)
    return y


class _BlockedFeedForward(torch.autograd.Function):
    """What lies between input and output stays in the processor's cache.

    The hidden layer is four times as wide as the tokens: it would be most of what a training step
    keeps in memory. The backward pass computes it again instead, which costs one matrix product
    in nine and is won back on memory traffic. Matrix products are computed in ``dtype``, all else
    in float32, as autocast does.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gain: Tensor,
        shift: Tensor,
        w1: Tensor,
        b1: Tensor,
        w2: Tensor,
        b2: Tensor,
        eps: float,
        dtype: torch.dtype,
    ) -> Tensor:
        ctx.save_for_backward(x, gain, shift, w1, b1, w2)
        ctx.eps, ctx.dtype = eps, dtype
        y = x + b2
        w1, b1, w2 = w1.to(dtype), b1.to(dtype), w2.to(dtype)
        for rows, out in zip(_blocks(x, w1), _blocks(y, w1), strict=True):
            normed = F.layer_norm(rows, rows.shape[-1:], gain, shift, eps).to(dtype)
            _add_product(out, F.gelu(F.linear(normed, w1, b1)), w2.t())
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, gain, shift, w1, b1, w2 = ctx.saved_tensors
        width, dtype = [x.shape[-1]], ctx.dtype
        dy = grads[0].contiguous()
        dx = torch.empty_like(dy)
        if not any(ctx.needs_input_grad[1:]):
            return _through_frozen(ctx, dy, dx), *[None] * 8
        d_gain, d_shift, d_w1, d_b1, d_w2 = (
            torch.zeros_like(parameter) for parameter in (gain, shift, w1, b1, w2)
        )
        w1, b1, w2 = w1.to(dtype), b1.to(dtype), w2.to(dtype)
        aten = torch.ops.aten
        for rows, d_out, d_in in zip(_blocks(x, w1), _blocks(dy, w1), _blocks(dx, w1), strict=True):
            normed, mean, rstd = aten.native_layer_norm(rows, width, gain, shift, ctx.eps)
            low, d_low = normed.to(dtype), d_out.to(dtype)
            hidden = F.linear(low, w1, b1)
            _add_product(d_w2, d_low.t(), F.gelu(hidden))
            d_hidden = aten.gelu_backward(d_low @ w2, hidden)
            _add_product(d_w1, d_hidden.t(), low)
            d_b1 += d_hidden.sum(0, dtype=d_b1.dtype)
            d_normed = (d_hidden @ w1).to(x.dtype)
            through, d_gain_rows, d_shift_rows = aten.native_layer_norm_backward(
                d_normed, rows, width, mean, rstd, gain, shift, [True, True, True]
            )
            d_gain += d_gain_rows
            d_shift += d_shift_rows
            torch.add(d_out, through, out=d_in)
        return dx, d_gain, d_shift, d_w1, d_b1, d_w2, dy.flatten(0, -2).sum(0), None, None


def _add_product(out: Tensor, a: Tensor, b: Tensor) -> None:
    """out += a @ b; a float32 sum of products in the factors' dtype."""
    if out.dtype == a.dtype:
        out.addmm_(a, b)
    else:
        out += a @ b


def _through_frozen(ctx: Any, dy: Tensor, dx: Tensor) -> Tensor:
    """The backward pass where no weight asks for a gradient: a third of the products less."""
    x, gain, shift, w1, b1, w2 = ctx.saved_tensors
    width, dtype, aten = [x.shape[-1]], ctx.dtype, torch.ops.aten
    w1, b1, w2 = w1.to(dtype), b1.to(dtype), w2.to(dtype)
    for rows, d_out, d_in in zip(_blocks(x, w1), _blocks(dy, w1), _blocks(dx, w1), strict=True):
        normed, mean, rstd = aten.native_layer_norm(rows, width, gain, shift, ctx.eps)
        hidden = F.linear(normed.to(dtype), w1, b1)
        d_normed = (aten.gelu_backward(d_out.to(dtype) @ w2, hidden) @ w1).to(x.dtype)
        through, _, _ = aten.native_layer_norm_backward(
            d_normed, rows, width, mean, rstd, gain, shift, [True, False, False]
        )
        torch.add(d_out, through, out=d_in)
    return dx


def _blocks(x: Tensor, inner: Tensor) -> tuple[Tensor, ...]:
    """Views of some tokens each, (·, d), whose hidden layer takes about `BLOCK` numbers."""
    return x.view(-1, x.shape[-1]).split(max(512, BLOCK // len(inner)))
