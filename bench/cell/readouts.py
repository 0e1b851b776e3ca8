"""What adapted weights are worth in context with few of the training rows: test scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.cell import predictions
from bench.finetune.generated import Parts
from bench.finetune.splitting import lead_with_each_class
from bench.models.base import Backbone
from bench.models.memory import CHUNK, Memory
from bench.scores import drawn_scores
from bench.seeds import generator as seeded
from bench.table import Table


def read_out(
    published: Backbone,
    adapted: Backbone,
    train: Table,
    test: Table,
    sizes: Sequence[int],
    seed: Parts,
) -> dict[str, Any]:
    """The test scores of both models with so many of the training rows as the support.

    Parameters
    ----------
    published, adapted : Backbone
        The model as it came, and with weights that were fine-tuned on other tables.
    train, test : Table
    sizes : sequence of int
        Those that are below the training rows are read out, each class having a row if it can.
    seed : tuple
        Named parts of the draws' seed; free of the arm's name, so that all arms see the same rows.

    Returns
    -------
    dict
        The record's ``transfer.in_context``.
    """
    rows = [size for size in sorted(set(sizes)) if size < len(train)]
    told: dict[str, list[dict[str, float | None]]] = {"pretrained": [], "adapted": []}
    for size in rows:
        drawn = seeded(*seed, "support", size).permutation(len(train))
        support = train.take(lead_with_each_class(drawn, train.strata)[:size]).prune_levels()
        encoder = published.encoder(support)
        score = published.score(
            encoder, support, {"test": test}, seeded(*seed, "context rows"), Memory(scoring=CHUNK)
        )
        score = predictions.rounding(score, {"test": test.y}, encoder.present_)
        for name, model in (("pretrained", published), ("adapted", adapted)):
            told[name].append(drawn_scores(test.y, score(model.module)["test"]))
    return {"rows": rows, **{name: _by_score(values) for name, values in told.items()}}


def _by_score(values: Sequence[dict[str, float | None]]) -> dict[str, list[float | None]]:
    return {name: [value[name] for value in values] for name in (values[0] if values else ())}
