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

Shapes: ``n`` sequences of ``q`` queries and ``k`` keys, ``h`` heads of ``e`` dimensions each. Scores
stand transposed, keys before queries, (n·h, k, q): so the products above are the fast ones.
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


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Queries (n, q, h, e) attend to keys and values (n, k, h, e): (n, q, h, e).

    No gradient flows on the CPU; see `attend_packed`.
    """
    if query.device.type != "cpu":
        return _stock(query, key, value)
    out, _ = _forward(_by_head(query), _by_head(key), _by_head(value))
    return out.unflatten(0, (len(query), -1)).transpose(1, 2).to(query.dtype)


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


def _by_head(x: Tensor) -> Tensor:
    """(n, r, h, e) → (n·h, r, e), dense: strided matrices would cost more than this copy."""
    return x.transpose(1, 2).contiguous().flatten(0, 1)


class _Packed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, packed: Tensor, n_keys: int) -> Tensor:
        n, _, _, h, _ = packed.shape
        dense = packed.permute(2, 0, 3, 1, 4).contiguous()  # (3, n, h, q, e)
        query, key, value = dense.flatten(1, 2).unbind()
        out, log_sums = _forward(query, key[:, :n_keys], value[:, :n_keys])
        ctx.save_for_backward(dense, out, log_sums)
        ctx.n_keys = n_keys
        return out.unflatten(0, (n, h)).transpose(1, 2).to(packed.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        dense, out, log_sums = ctx.saved_tensors
        n_keys = ctx.n_keys
        dense_grad = torch.empty_like(dense)
        dense_grad[1:, :, :, n_keys:] = 0
        query, key, value = dense.flatten(1, 2).unbind()
        d_query, d_key, d_value = dense_grad.flatten(1, 2).unbind()
        _backward(
            _by_head(grads[0]),
            (query, key[:, :n_keys], value[:, :n_keys]),
            out,
            log_sums,
            (d_query, d_key[:, :n_keys], d_value[:, :n_keys]),
        )
        return dense_grad.permute(1, 3, 0, 2, 4), None


@torch.autocast("cpu", enabled=False)
def _forward(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """What the queries read (n·h, q, e), and their log-denominators (n·h, q, 1), as float32."""
    q, k = _scaled(query), key.float()
    values_and_one = _beside(value.float(), 1.0).transpose(1, 2)
    mixed = q.new_empty(len(q), values_and_one.shape[1], q.shape[1])
    for at, rows in _blocks(q, k):
        mixed[at, :, rows] = values_and_one[at].bmm(_scores(k[at], q[at, rows]).exp_())
    if _are_safe(mixed[:, -1]):
        shift: Tensor | float = 0.0
    else:
        shift = _largest_scores(q, k)
        q, k = _beside(q, -shift), _beside(k, 1.0)
        for at, rows in _blocks(q, k):
            mixed[at, :, rows] = values_and_one[at].bmm(_scores(k[at], q[at, rows]).exp_())
    mixed = mixed.transpose(1, 2)
    out, sums = mixed[..., :-1], mixed[..., -1:]
    return (out / sums).contiguous(), sums.log() + shift


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
    q, k, v, g = _scaled(query), key.float(), value.float(), grad.float()
    q_less_sum, k_and_one = _beside(q, -log_sums), _beside(k, 1.0)
    g_less_inner, v_and_one = _beside(g, -(g * out).sum(-1, keepdim=True)), _beside(v, 1.0)
    for at, rows in _blocks(q, k):
        weights = _scores(k_and_one[at], q_less_sum[at, rows]).exp_()
        d_scores = _scores(v_and_one[at], g_less_inner[at, rows]).mul_(weights)
        beta = 0 if rows.start == 0 else 1  # a sequence's blocks of queries share their keys
        d_value[at].baddbmm_(weights, g[at, rows], beta=beta)
        d_key[at].baddbmm_(d_scores, q[at, rows], beta=beta)
        d_query[at, rows].baddbmm_(d_scores.transpose(1, 2), k[at], beta=0, alpha=scale)


def _blocks(query: Tensor, key: Tensor) -> Iterator[tuple[slice, slice]]:
    """Sequences and queries of blocks of at most `BLOCK` scores; a sequence's blocks in order."""
    n, n_queries, _ = query.shape
    n_keys = key.shape[1]
    rows = min(n_queries, max(1, BLOCK // n_keys))
    sequences = max(1, BLOCK // (rows * n_keys))
    for i in range(0, n, sequences):
        for j in range(0, n_queries, rows):
            yield slice(i, i + sequences), slice(j, j + rows)


def _scaled(query: Tensor) -> Tensor:
    return query.float() * query.shape[-1] ** -0.5


def _beside(x: Tensor, column: Tensor | float) -> Tensor:
    """``x`` with one more column."""
    if isinstance(column, float):
        return F.pad(x, (0, 1), value=column)
    return torch.cat([x, column], dim=-1)


def _scores(left: Tensor, right: Tensor) -> Tensor:
    return left.bmm(right.transpose(1, 2))


def _largest_scores(query: Tensor, key: Tensor) -> Tensor:
    """Each query's largest score, (n·h, q, 1)."""
    largest = query.new_empty(len(query), 1, query.shape[1])
    for at, rows in _blocks(query, key):
        largest[at, :, rows] = _scores(key[at], query[at, rows]).amax(1, keepdim=True)
    return largest.transpose(1, 2)


def _are_safe(sums: Tensor) -> bool:
    low, high = sums.aminmax()
    return bool(low > SAFE[0]) and bool(high < SAFE[1])
