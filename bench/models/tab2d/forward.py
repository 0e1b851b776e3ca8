"""The forward pass of AutoGluon's `Tab2D`, written for speed over the same module's parameters.

Equal to `Tab2D.forward` (autogluon.tabular 1.6.3, ``models/tab2d.py``) without padding, up to float
rounding. What it leaves out, and why that is exact:

- activation checkpointing of every layer: the backward pass computes again what is large beside
  what it costs (a feed-forward's hidden layer), and attention only where memory is short;
- separate passes for support and query: both see the same weights, and rows attend only to the
  support, so they travel stacked;
- in the last layer everything but the query's target token: nothing else is read;
- the support, once its keys and values are known (`Context`): later queries attend to those.

Shapes: ``b`` tasks, ``s`` support rows, ``q`` query rows, ``r`` rows of either, ``f`` features,
``t`` = ``f`` + 1 tokens a row (target first), ``d`` width, ``h`` heads. Activations are
``(r, b, t, d)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from autogluon.tabular.models.mitra._internal.models.tab2d import Layer, MultiheadAttention, Tab2D
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bench.models.scoring import LARGEST
from bench.models.tab2d.feed_forward import blocked_feed_forward

MEMORY = 2**29  # bytes that a CPU's training step may keep before it computes attention again
SHARE = 1 / 4  # and of a GPU's memory
FEW_KEYS, MANY_SCORES = 48, 2**23  # where unfused attention on a CPU is the faster, measured
N_QUANTILES = 999  # Tab2DQuantileEmbeddingX: q = 0.001 … 0.999


@dataclass(frozen=True)
class QuantileScale:
    """Where a value lies among the support's quantiles, standardized over the support.

    Source: `Tab2DQuantileEmbeddingX.forward`; here fitted once and applied to any number of
    queries, and without writing into its input.
    """

    quantiles: Tensor  # (b, f, N_QUANTILES)
    mean: Tensor  # (b, f, 1)
    deviation: Tensor  # (b, f, 1); infinite for a constant feature, which so becomes zero
    n_support: int

    @classmethod
    def fit(cls, x_support: Tensor) -> tuple[QuantileScale, Tensor]:
        """The scale of a support (b, s, f), and the support on that scale."""
        columns = x_support.transpose(1, 2).contiguous()
        n = columns.shape[-1]
        ordered = columns.sort(-1).values
        levels = torch.arange(1, N_QUANTILES + 1, dtype=torch.float, device=columns.device) / 1000
        position = levels * (n - 1)
        low, high = position.floor().long(), position.ceil().long()
        quantiles = torch.lerp(ordered[..., low], ordered[..., high], position - low)
        ranks = torch.searchsorted(quantiles, columns).float() / n
        mean = ranks.sum(-1, keepdim=True) / n
        ranks = ranks - mean
        variance = (ranks**2).sum(-1, keepdim=True) / n
        deviation = torch.where(variance == 0, torch.inf, variance.sqrt())
        scale = cls(quantiles, mean, deviation, n)
        return scale, (ranks / deviation).transpose(1, 2)

    def transform(self, x: Tensor) -> Tensor:
        """Rows (b, r, f) on the support's scale."""
        columns = x.transpose(1, 2).contiguous()
        ranks = torch.searchsorted(self.quantiles, columns).float() / self.n_support
        return ((ranks - self.mean) / self.deviation).transpose(1, 2)


def forward(model: Tab2D, x_support: Tensor, y_support: Tensor, x_query: Tensor) -> Tensor:
    """Logits of the query rows.

    Parameters
    ----------
    model : Tab2D
        For classes, for bins of a numeric target, or for its value.
    x_support, x_query : Tensor of shape (b, s, f) and (b, q, f)
        Preprocessed features, float32, finite.
    y_support : Tensor of shape (b, s)
        Class codes or bins below the model's number of outputs; of a model with a single output the
        scaled values.

    Returns
    -------
    Tensor of shape (b, q, n_outputs)
    """
    scale, support = QuantileScale.fit(x_support)
    query = scale.transform(x_query)
    n_support = support.shape[1]
    tokens = torch.cat(
        [_support_tokens(model, support, y_support), _query_tokens(model, query)], dim=0
    )
    recompute = torch.is_grad_enabled() and _is_large(tokens, len(model.layers))
    for layer in model.layers[:-1]:
        tokens = _layer(layer, tokens, n_support, recompute)
    return _read_out(model, _last_layer(model.layers[-1], tokens, n_support))


@dataclass(frozen=True)
class Context:
    """A support, encoded once: the keys and values its rows offer to queries in each layer.

    Only for scoring: no gradient flows into the weights or the support.
    """

    model: Tab2D
    scale: QuantileScale
    keys_values: tuple[tuple[Tensor, Tensor], ...]

    @classmethod
    @torch.no_grad()
    def encode(cls, model: Tab2D, x_support: Tensor, y_support: Tensor) -> Context:
        """Encode a support (1, s, f) with targets (1, s), as `forward` takes them."""
        scale, support = QuantileScale.fit(x_support)
        tokens = _support_tokens(model, support, y_support)
        kept = []
        for i, layer in enumerate(model.layers):
            normed = layer.layer_norm1(tokens)
            if i == len(model.layers) - 1:
                _require_bounded(tokens)
                kept.append(_keys_values(layer.attention1, normed))
                break
            query, key, value = _queries_keys_values(layer.attention1, normed)
            kept.append((key, value))
            tokens += _join_rows(layer.attention1, tokens.shape[1], query, key, value)
            tokens = _after_rows(layer, tokens)
        return cls(model, scale, tuple(kept))

    @torch.no_grad()
    def logits(self, x_query: Tensor, chunk: int = 256) -> Tensor:
        """Logits (1, q, n_outputs) of query rows (1, q, f), ``chunk`` rows at a time."""
        parts = [self._logits(rows) for rows in x_query.split(chunk, dim=1)]
        return torch.cat(parts, dim=1)

    def _logits(self, x_query: Tensor) -> Tensor:
        return self.read(self.scale.transform(x_query))

    def read(self, query: Tensor) -> Tensor:
        """Logits of rows (1, q, f) on the support's scale; a gradient flows back to them."""
        tokens = _query_tokens(self.model, query)
        for layer, (key, value) in zip(self.model.layers, self.keys_values, strict=True):
            query = _split_rows(layer.attention1, layer.attention1.q(layer.layer_norm1(tokens)))
            tokens = tokens + _join_rows(layer.attention1, tokens.shape[1], query, key, value)
            last = layer is self.model.layers[-1]
            if last:
                _require_bounded(tokens)
            tokens = _after_rows(layer, tokens, last)
        _require_bounded(tokens)
        return _read_out(self.model, tokens)


def _require_bounded(tokens: Tensor) -> None:
    """Refuse tokens whose variance overflows.

    A LayerNorm divides by its square root, which is then infinite: all that a row says would become
    zero, and the scores would look like any model's. Layers add to their tokens, so those before
    the last layer show what became too large in any.

    Raises
    ------
    FloatingPointError
    """
    largest = max(-float((ends := tokens.detach().aminmax()).min), float(ends.max))
    if not largest < LARGEST:  # NaN is not
        raise FloatingPointError(
            f"The model's activations reach {largest:.3g}, which float32 cannot square; its "
            "weights are damaged, too large, or were driven too far by fine-tuning."
        )


def _is_large(tokens: Tensor, n_layers: int) -> bool:
    """Whether a training step would keep too much: about 16 arrays of tokens a layer."""
    limit: float = MEMORY
    if tokens.is_cuda:
        limit = SHARE * torch.cuda.get_device_properties(tokens.device).total_memory
    return 16 * tokens.numel() * n_layers * tokens.element_size() > limit


# Embedding


def _feature_tokens(model: Tab2D, x: Tensor) -> Tensor:
    """(b, r, f) → (r, b, f, d)."""
    linear = model.x_embedding.x_embedding
    return torch.addcmul(linear.bias, x.transpose(0, 1)[..., None], linear.weight[:, 0])


def _support_tokens(model: Tab2D, x: Tensor, y: Tensor) -> Tensor:
    embedding = model.y_embedding.y_embedding
    read = y.long() if isinstance(embedding, nn.Embedding) else y[..., None]  # codes, or values
    target = embedding(read).transpose(0, 1)[:, :, None]
    return torch.cat([target, _feature_tokens(model, x)], dim=2)


def _query_tokens(model: Tab2D, x: Tensor) -> Tensor:
    b, q, _ = x.shape
    target = model.y_embedding.y_mask.weight.expand(q, b, 1, -1)
    return torch.cat([target, _feature_tokens(model, x)], dim=2)


# One layer: rows attend to the support's rows, then each row's tokens attend to each other


def _layer(layer: Layer, tokens: Tensor, n_support: int, recompute: bool) -> Tensor:
    attended = _call(recompute, _attend_rows, layer, tokens, n_support)
    tokens = _first_feed_forward(layer, tokens + attended, recompute)
    attended = _call(recompute, _attend_tokens, layer, tokens)
    return _second_feed_forward(layer, tokens + attended, recompute)


def _call(recompute: bool, block: Callable[..., Tensor], *inputs: Any) -> Tensor:
    """``block(*inputs)``; if ``recompute``, only the inputs are kept for the backward pass."""
    if recompute:
        kept: Tensor = checkpoint(block, *inputs, use_reentrant=False, preserve_rng_state=False)
        return kept
    return block(*inputs)


def _last_layer(layer: Layer, tokens: Tensor, n_support: int) -> Tensor:
    """Query rows' target tokens only: (r, b, t, d) → (q, b, 1, d)."""
    attention, batch = layer.attention1, tokens.shape[1]
    normed = layer.layer_norm1(tokens)
    query = _split_rows(attention, attention.q(normed[n_support:]))
    key, value = _keys_values(attention, normed[:n_support])
    attended = _join_rows(attention, batch, query, key, value)
    return _after_rows(layer, tokens[n_support:] + attended, last=True)


def _after_rows(layer: Layer, tokens: Tensor, last: bool = False) -> Tensor:
    """The rest of a layer, after its rows have attended; ``last`` keeps only the target token."""
    tokens = _first_feed_forward(layer, tokens)
    attended = _attend_tokens(layer, tokens, targets_only=last)
    tokens = tokens[:, :, : attended.shape[2]] + attended
    return _second_feed_forward(layer, tokens)


def _read_out(model: Tab2D, tokens: Tensor) -> Tensor:
    """(q, b, 1, d) → logits (b, q, n_outputs), float32: bfloat16 would make ties of them."""
    with torch.autocast(tokens.device.type, enabled=False):
        return model.final_layer(model.final_layer_norm(tokens[:, :, 0].float())).transpose(0, 1)


# Feed-forward


def _first_feed_forward(layer: Layer, x: Tensor, recompute: bool = False) -> Tensor:
    return _feed_forward(layer.layer_norm2, layer.linear1, layer.linear2, x, recompute)


def _second_feed_forward(layer: Layer, x: Tensor, recompute: bool = False) -> Tensor:
    return _feed_forward(layer.layer_norm4, layer.linear3, layer.linear4, x, recompute)


def _feed_forward(
    norm: nn.LayerNorm, inner: nn.Linear, outer: nn.Linear, x: Tensor, recompute: bool
) -> Tensor:
    """x + outer(gelu(inner(norm(x))))."""
    if x.device.type != "cpu":
        return x + _call(recompute, _plain_feed_forward, norm, inner, outer, x)
    return blocked_feed_forward(norm, inner, outer, x)


def _plain_feed_forward(
    norm: nn.LayerNorm, inner: nn.Linear, outer: nn.Linear, x: Tensor
) -> Tensor:
    y: Tensor = outer(F.gelu(inner(norm(x))))
    return y


# Attention


def _attend_rows(layer: Layer, tokens: Tensor, n_support: int) -> Tensor:
    """Rows attend to the support's rows, token by token: (r, b, t, d) → (r, b, t, d)."""
    attention = layer.attention1
    normed = layer.layer_norm1(tokens)
    query = _split_rows(attention, attention.q(normed))
    key, value = _keys_values(attention, normed[:n_support])
    return _join_rows(attention, tokens.shape[1], query, key, value)


def _attend_tokens(layer: Layer, tokens: Tensor, targets_only: bool = False) -> Tensor:
    """Tokens of a row attend to each other: (r, b, t, d) → (r, b, t or 1, d)."""
    attention = layer.attention2
    r, b, t, d = tokens.shape
    flat = layer.layer_norm3(tokens).view(r * b, t, d)
    if targets_only:
        query = attention.q(flat[:, :1])
        key, value = _project(flat, attention.k, attention.v)
    else:
        query, key, value = _project(flat, attention.q, attention.k, attention.v)
    heads = (attention.n_heads, -1)
    parts = [part.unflatten(-1, heads).transpose(1, 2) for part in (query, key, value)]
    mixed = _attend(*parts).transpose(1, 2)
    return attention.o(mixed.reshape(r, b, -1, d))


def _split_rows(attention: MultiheadAttention, x: Tensor) -> Tensor:
    """(r, b, t, d) → (b·t, h, r, d/h), without a copy: sequences of rows, one for each token."""
    return x.unflatten(-1, (attention.n_heads, -1)).flatten(1, 2).permute(1, 2, 0, 3)


def _project(x: Tensor, *linears: nn.Linear) -> tuple[Tensor, ...]:
    """Several linear maps of one input as a single matrix product."""
    weight = torch.cat([linear.weight for linear in linears])
    bias = torch.cat([linear.bias for linear in linears])
    return F.linear(x, weight, bias).chunk(len(linears), dim=-1)


def _queries_keys_values(attention: MultiheadAttention, x: Tensor) -> tuple[Tensor, ...]:
    parts = _project(x, attention.q, attention.k, attention.v)
    return tuple(_split_rows(attention, part) for part in parts)


def _keys_values(attention: MultiheadAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    key, value = _project(x, attention.k, attention.v)
    return _split_rows(attention, key), _split_rows(attention, value)


def _join_rows(
    attention: MultiheadAttention, batch: int, query: Tensor, key: Tensor, value: Tensor
) -> Tensor:
    """Rows attend to rows; (b·t, h, r, d/h) → (r, b, t, d)."""
    mixed = _attend(query, key, value).permute(2, 0, 1, 3)
    return attention.o(mixed.flatten(2)).unflatten(1, (batch, -1))


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot-product attention; (…, n, k), (…, m, k), (…, m, k) → (…, n, k).

    On a CPU the fused kernel is made for long sequences; two batched products are up to twice as
    fast for a table's few tokens a row, and up to six times in bfloat16.
    """
    length = key.shape[-2]
    n_scores = query.shape[:-1].numel() * length
    few = length <= FEW_KEYS or query.dtype == torch.bfloat16
    if query.device.type != "cpu" or not few or n_scores > MANY_SCORES:
        return F.scaled_dot_product_attention(query, key, value)
    scores = query @ (key * query.shape[-1] ** -0.5).transpose(-1, -2)
    return scores.softmax(-1) @ value
