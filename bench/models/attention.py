"""Scaled dot-product attention for many short, narrow heads on the CPU; on a GPU it is PyTorch's.

`Tab2D` attends within rows (hundreds of sequences of a few dozen tokens) and within columns (dozens
of sequences of hundreds of rows), with heads of 16 to 128 dimensions. On such shapes PyTorch's
kernel for the CPU (2.13, ``scaled_dot_product_attention``) spends most of its time outside
arithmetic. Here blocks of scores stay in the cache, and matrix products do nearly everything:

- a column of ones beside the values makes a product return the softmax's denominators too;
- a column beside queries and keys makes a product return scores minus each query's log-denominator,
  and one beside gradients and values the inner derivative of the softmax;
- scores are exponentiated as they are, and shifted by their maximum only where the denominators
  tell that float32's safe range was left. Softmax is the same under any shift.

Nothing of the size of the scores is kept for the backward pass: it computes them again, as flash
attention does (Dao et al. 2022, algorithm 4). Arithmetic is float32, whatever the inputs are.

Shapes: ``n`` sequences of ``q`` queries and ``k`` keys, ``h`` heads of ``e`` dimensions each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 2**18  # scores at a time: 1 MiB, half of a usual second-level cache
SAFE = (1e-20, 1e20)  # denominators between which no term over- or underflows harmfully

Index = tuple[slice, slice, int]  # sequences, positions, head


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Queries (n, q, h, e) attend to keys and values (n, k, h, e): (n, q, h, e), dense.

    The inputs may have any strides; the result's dimensions lie in memory in ``query``'s order.
    No gradient flows on the CPU; see `attend_packed`.
    """
    if query.device.type != "cpu":
        return _stock(query, key, value)
    return _forward(query, key, value)[0]


def attend_packed(packed: Tensor, n_keys: int) -> Tensor:
    """All positions attend to the first ``n_keys`` ones: (n, q, 3, h, e) → (n, q, h, e).

    Differentiable. Queries, keys and values come packed, as one matrix product makes them, so that
    their gradients need not be put together again.
    """
    if packed.device.type != "cpu":
        query, key, value = packed.unbind(2)
        return _stock(query, key[:, :n_keys], value[:, :n_keys])
    attended: Tensor = _Packed.apply(packed, n_keys)  # type: ignore[no-untyped-call]
    return attended


def _stock(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    parts = [part.transpose(1, 2) for part in (query, key, value)]
    return F.scaled_dot_product_attention(*parts).transpose(1, 2)


class _Packed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, packed: Tensor, n_keys: int) -> Tensor:
        query, key, value = packed.unbind(2)
        out, log_sums = _forward(query, key[:, :n_keys], value[:, :n_keys])
        ctx.save_for_backward(packed, out, log_sums)
        ctx.n_keys = n_keys
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        packed, out, log_sums = ctx.saved_tensors
        n_keys = ctx.n_keys
        packed_grad = torch.empty_like(packed)
        packed_grad[:, n_keys:, 1:] = 0
        query, key, value = packed.unbind(2)
        d_query, d_key, d_value = packed_grad.unbind(2)
        _backward(
            grads[0],
            (query, key[:, :n_keys], value[:, :n_keys]),
            out,
            log_sums,
            (d_query, d_key[:, :n_keys], d_value[:, :n_keys]),
        )
        return packed_grad, None


@torch.autocast("cpu", enabled=False)
def _forward(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """What the queries read, and the logarithms of their softmax denominators, (n, q, h, 1)."""
    out = torch.empty_like(query)  # keeps the order of the dimensions in memory
    log_sums = query.new_empty((*query.shape[:-1], 1), dtype=torch.float32)
    for at, keys in _blocks(query, key):
        q, k, v = _scaled(query[at]), key[keys].float(), value[keys].float()
        v_and_one = F.pad(v, (0, 1), value=1.0)
        shift: Tensor | float = 0.0
        mixed = _scores(q, k).exp_().bmm(v_and_one)
        if not _is_safe(mixed[..., -1:]):
            scores = _scores(q, k)
            shift = scores.amax(-1, keepdim=True)
            mixed = scores.sub_(shift).exp_().bmm(v_and_one)
        sums = mixed[..., -1:]
        out[at] = mixed[..., :-1].div_(sums)
        log_sums[at] = sums.log() + shift
    return out, log_sums


@torch.autocast("cpu", enabled=False)
def _backward(
    grad: Tensor,
    inputs: tuple[Tensor, Tensor, Tensor],
    out: Tensor,
    log_sums: Tensor,
    grads: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Fill ``grads`` with the gradients of query, key and value."""
    query, key, value = inputs
    d_query, d_key, d_value = grads
    scale = query.shape[-1] ** -0.5
    for at, keys in _blocks(query, key):
        q, k, v = _scaled(query[at]), key[keys].float(), value[keys].float()
        g = grad[at].float()
        inner = (g * out[at]).sum(-1, keepdim=True)
        weights = _scores(torch.cat([q, -log_sums[at]], -1), F.pad(k, (0, 1), value=1.0)).exp_()
        d_scores = _scores(torch.cat([g, -inner], -1), F.pad(v, (0, 1), value=1.0)).mul_(weights)
        d_query[at] = d_scores.bmm(k).mul_(scale)
        first = at[1].start == 0
        _put(d_key[keys], d_scores.transpose(1, 2).bmm(q), first)
        _put(d_value[keys], weights.transpose(1, 2).bmm(g), first)


def _blocks(query: Tensor, key: Tensor) -> Iterator[tuple[Index, Index]]:
    """Where the queries, and where the keys, of each block of at most `BLOCK` scores lie."""
    n, n_queries, n_heads, _ = query.shape
    n_keys = key.shape[1]
    rows = min(n_queries, max(1, BLOCK // n_keys))
    sequences = max(1, BLOCK // (rows * n_keys))
    for head in range(n_heads):
        for i in range(0, n, sequences):
            some = slice(i, i + sequences)
            for j in range(0, n_queries, rows):
                yield (some, slice(j, j + rows), head), (some, slice(None), head)


def _scaled(query: Tensor) -> Tensor:
    return query.float() * query.shape[-1] ** -0.5


def _scores(left: Tensor, right: Tensor) -> Tensor:
    return left.bmm(right.transpose(1, 2))


def _is_safe(sums: Tensor) -> bool:
    low, high = sums.aminmax()
    return bool(low > SAFE[0]) and bool(high < SAFE[1])


def _put(target: Tensor, part: Tensor, first: bool) -> None:
    """A sequence's blocks of queries add to the gradients of the same keys."""
    if first:
        target.copy_(part)
    else:
        target.add_(part)
