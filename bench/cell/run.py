"""Runs one cell, from its config to its record: table, split, generator, fine-tuning, scores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from threadpoolctl import threadpool_limits

from bench.cell import predictions
from bench.cell.config import CellConfig
from bench.cell.generation import Generation, Maker
from bench.cell.identity import HOW, SETTINGS
from bench.cell.model import MODEL_HOW, known
from bench.cell.provenance import error_of, provenance
from bench.cell.record import Record
from bench.datasets.splits import Fold
from bench.files import plain
from bench.finetune.loop import Finetuned, finetune, untouched
from bench.finetune.settings import Rows
from bench.finetune.sources import build, split_of
from bench.generator import NotApplicable
from bench.models.base import Backbone
from bench.models.memory import CHUNK, LessSupport, Memory
from bench.names import inside
from bench.process import Clock
from bench.scores import RANKED_BY, all_scores
from bench.seeds import generator as seeded
from bench.table import Table


@dataclass(frozen=True)
class Reached:
    """What a cell has come to so far; a failure keeps what was there."""

    data: dict[str, Any] = field(default_factory=dict)
    generation: Generation = field(default_factory=Generation)
    result: Finetuned | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    predictions: predictions.Kept = field(default_factory=dict)

    def noting(self, notes: list[str]) -> Reached:
        """A copy with more notes."""
        return replace(self, data={**self.data, "notes": [*self.data["notes"], *notes]})


def run(
    cfg: DictConfig,
    cell: dict[str, Any],
    table: Table,
    backbone: Backbone,
    identity: dict[str, Any],
    code: str,
    scores: dict[str, str],
) -> Record:
    """Compute a cell and give its record; whatever goes wrong becomes a record too.

    Parameters
    ----------
    cfg : DictConfig
        Resolved against `bench.cell.config.Config`.
    cell : dict
        The cell's names (`bench.cell.record`, ``cell``).
    table : Table
        The whole dataset.
    backbone : Backbone
    identity, code, scores
        From `bench.cell.identity`; the last are the fingerprints of the scores.
    """
    config = cast(CellConfig, OmegaConf.to_object(cfg))
    _prepare(config, backbone.device)
    clock = Clock()
    reached, status, error = Reached(), "done", None
    try:
        # Sums of floats depend on the number of threads; torch is told above, BLAS and OpenMP here.
        with threadpool_limits(config.threads):
            for stage in stages(config, table, backbone, code, clock):
                reached = stage
    except NotApplicable as reason:
        status, error = "not_applicable", error_of(reason)
    # The one place that catches everything: a failure is a record. Some libraries call sys.exit.
    except (Exception, SystemExit) as reason:
        status, error = "failed", error_of(reason)
    result = reached.result
    held = {name: scores[name] for name in reached.metrics.get("chosen", {}).get("test", {})}
    return {
        "status": status,
        "cell": cell,
        "identity": identity,
        "settings": _settings(cfg),
        "data": reached.data,
        "metric": RANKED_BY.as_metric(),
        "metrics": reached.metrics,
        "predictions": reached.predictions,
        "chosen_step": result.chosen_step if result else None,
        "last_step": result.last_step if result else None,
        "curves": result.curves if result else {},
        "synthetic": reached.generation.synthetic,
        "timings": {**clock.told(), "generation": reached.generation.timing},
        "provenance": provenance(
            code, held, config.threads, backbone.device, config.finetune.precision
        ),
        "error": error,
    }


def seed_of(table: Table, fold: int, seed: int) -> tuple[str | int, ...]:
    """The named parts from which every seed of a cell derives; free of the method's name."""
    return ("cell", table.name, fold, seed)


def _prepare(config: CellConfig, device: torch.device) -> None:
    """Set what is the process's own: threads, determinism, its share of the memory."""
    torch.set_num_threads(config.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is not deterministic else
    torch.use_deterministic_algorithms(True)
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(config.gpu_share, device)


def stages(
    config: CellConfig, table: Table, backbone: Backbone, code: str, clock: Clock
) -> Iterator[Reached]:
    """Compute a cell; after each stage, what it has come to.

    The cell begins anew with a smaller support where the device has no memory for it.
    """
    with clock.timed("prepare"):
        fold = Fold.of(table, config.fold, config.validation_share)
    memory = Memory(scoring=CHUNK)
    while True:
        try:
            yield from _attempt(config, fold, backbone, code, clock, memory)
            return
        except LessSupport:
            continue


def _attempt(
    config: CellConfig, fold: Fold, backbone: Backbone, code: str, clock: Clock, memory: Memory
) -> Iterator[Reached]:
    method, train, seed = config.method, fold.train, seed_of(fold.train, config.fold, config.seed)
    settings = replace(config.finetune, max_support=memory.limit(config.finetune.max_support))
    with clock.timed("prepare"):
        encoder = backbone.encoder(train)
        # Without the seed, which is no part of the pre-trained model's identity.
        rng = seeded(*seed[:-1], "context rows")
        score = backbone.score(encoder, train, fold.parts, rng, memory)
        score = predictions.rounding(score, fold.labels, encoder.present_)
        notes = [*_on_context(len(train), memory.limit(backbone.max_context))]
        notes += _on_scale(encoder.rescaled_)
        reached = Reached(_data(fold)).noting(notes)
    yield reached
    if not method.finetune:
        with clock.timed("scoring"):
            result = untouched(backbone, score, fold.labels)
    else:
        if method.mixing.rows != Rows.synthetic:
            split_of(train, settings)  # before a generator works for nothing
        with clock.timed("generate"):
            folder = inside(config.results_dir, "synthetic")
            name = known(config.model, backbone)
            maker = Maker(method, train, backbone, name, seed, code, folder, clock.seconds)
            generation = maker.make()
        yield (reached := replace(reached, generation=generation))
        source = build(method.mixing, generation.made, train, encoder, settings, seed)
        with clock.timed("finetune"):
            n_classes = len(encoder.present_)
            result = finetune(
                backbone, source, score, fold.labels, n_classes, settings, memory, seed
            )
        clock.seconds |= {f"finetune.{name}": spent for name, spent in result.seconds.items()}
        yield (reached := reached.noting(result.notes))
        if generation.rows is not None:
            with clock.timed("quality.test"):
                reached = replace(reached, generation=generation.tested(fold.parts["test"]))
    yield (reached := reached.noting(memory.notes))
    with clock.timed("metrics"):
        metrics = _metrics(result)
        kept = _kept(result, encoder.present_)
    if not kept:
        reached = reached.noting(["The predictions are too many to be kept."])
    yield replace(reached, result=result, metrics=metrics, predictions=kept)


def _on_context(n_train: int, most: int) -> Iterator[str]:
    if n_train > most:
        yield f"In scoring, {most} of {n_train} training rows are the context."


def _on_scale(rescaled: tuple[str, ...]) -> Iterator[str]:
    if rescaled:
        others = f" (and {len(rescaled) - 1} others)" if len(rescaled) > 1 else ""
        yield (
            f"Column '{rescaled[0]}'{others} holds numbers beyond float32; the model reads them in "
            "their order, on another scale."
        )


def _data(fold: Fold) -> dict[str, Any]:
    train, parts = fold.train, fold.parts
    return {
        "rows": {"train": len(train), **{part: len(rows) for part, rows in parts.items()}},
        "features": train.n_features,
        "categorical": len(train.categorical),
        "classes": train.n_classes,
        # Test rows whose features repeat a training row's: looking up is as good as learning.
        "duplicates": int(np.isin(parts["test"].row_keys(), train.row_keys()).sum()),
        "notes": list(fold.notes),
    }


def _metrics(result: Finetuned) -> dict[str, Any]:
    return {
        when: {part: all_scores(result.labels[part], p[part]) for part in result.labels}
        for when, p in (
            ("pretrained", result.pretrained),
            ("chosen", result.chosen),
            ("last", result.last),
        )
    }


def _kept(result: Finetuned, classes: np.ndarray) -> predictions.Kept:
    steps = {0: result.pretrained, result.chosen_step: result.chosen, result.last_step: result.last}
    return predictions.kept(result.labels, steps, classes)


def _settings(cfg: DictConfig) -> dict[str, Any]:
    every = plain(cfg)
    settings = {name: every[name] for name in SETTINGS}
    for name, how in (("dataset", HOW), ("model", MODEL_HOW)):
        settings[name] = {k: v for k, v in settings[name].items() if k not in how}
    return settings
