"""Runs one cell, from its config to its record: table, split, generator, fine-tuning, scores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from threadpoolctl import threadpool_limits

from bench.cell import predictions
from bench.cell.adapted import adapt
from bench.cell.attempt import Attempt, Reached
from bench.cell.bagged import bagged
from bench.cell.config import CellConfig
from bench.cell.identity import HOW, SETTINGS
from bench.cell.model import MODEL_HOW, recorded
from bench.cell.provenance import error_of, provenance
from bench.cell.record import Record
from bench.datasets.bags import Bag
from bench.datasets.splits import Fold
from bench.files import plain
from bench.finetune.bagging import Bagged
from bench.finetune.loop import Finetuned
from bench.finetune.settings import is_on
from bench.generator import NotApplicable
from bench.models.base import Backbone
from bench.models.memory import CHUNK, LessSupport, Memory
from bench.process import Clock
from bench.scores import all_scores, ranked
from bench.table import Table

if (
    TYPE_CHECKING
):  # which tables these are, the identity tells: how they are found is no cell's code
    from bench.cell.corpus import Corpus


def run(
    cfg: DictConfig,
    cell: dict[str, Any],
    table: Table,
    backbone: Backbone,
    identity: dict[str, Any],
    code: str,
    scores: dict[str, str],
    corpus: Corpus | None = None,
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
    corpus : Corpus, optional
        The tables that the weights are fine-tuned on first, where the config's transfer is on.
    """
    config = cast(CellConfig, OmegaConf.to_object(cfg))
    _prepare(config, backbone.device)
    clock = Clock()
    reached, status, error = Reached(), "done", None
    try:
        # Sums of floats depend on the number of threads; torch is told above, BLAS and OpenMP here.
        with threadpool_limits(config.threads):
            for stage in stages(config, table, backbone, code, clock, corpus):
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
        "settings": settings_of(cfg),
        "data": reached.data,
        "metric": ranked(table.problem).as_metric(),
        "metrics": reached.metrics,
        "predictions": reached.predictions,
        "chosen_step": result.chosen_step if isinstance(result, Finetuned) else None,
        "last_step": result.last_step if isinstance(result, Finetuned) else None,
        "children": [asdict(c) for c in result.children] if isinstance(result, Bagged) else [],
        "curves": result.curves if result else {},
        "synthetic": reached.generation.synthetic,
        "transfer": reached.transfer.told if reached.transfer else None,
        "timings": {
            **clock.told(),
            "generation": reached.generation.timing,
            **({"transfer": reached.transfer.timing} if reached.transfer else {}),
        },
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
    config: CellConfig,
    table: Table,
    backbone: Backbone,
    code: str,
    clock: Clock,
    corpus: Corpus | None = None,
) -> Iterator[Reached]:
    """Compute a cell; after each stage, what it has come to.

    The cell begins anew with a smaller support where the device has no memory for it.

    Raises
    ------
    NotApplicable
        Of a table that the model cannot read, as of a generator.
    """
    if backbone.problem != table.problem:
        raise NotApplicable(
            f"Dataset '{table.name}' is for {table.problem}, this model for {backbone.problem}."
        )
    with clock.timed("prepare"):
        fold = _fold(config, table)
    seed = seed_of(table, config.fold, config.seed)
    attempt = Attempt(config, backbone, code, clock, Memory(scoring=CHUNK), seed)
    if corpus is not None:
        moved = adapt(config, corpus, backbone, code, clock)
        attempt = replace(attempt, backbone=moved.backbone, adapted=moved, published=backbone)
    while True:
        try:
            yield from _attempt(attempt, fold)
            return
        except LessSupport:
            continue


def _fold(config: CellConfig, table: Table) -> Fold | Bag:
    if config.method.finetune and config.finetune.bag > 1:
        return Bag.of(table, config.fold, config.finetune.bag)
    return Fold.of(table, config.fold, config.validation_share)


def _attempt(attempt: Attempt, fold: Fold | Bag) -> Iterator[Reached]:
    """Compute a cell with as much support as the attempt's memory allows."""
    ended = Reached()
    for ended in attempt.tuned(fold) if isinstance(fold, Fold) else bagged(attempt, fold):
        yield (reached := replace(ended, result=None))
    yield (reached := reached.noting(attempt.memory.notes))
    result, classes = ended.result, ended.classes
    assert result is not None
    assert classes is not None
    with attempt.clock.timed("metrics"):
        metrics = _metrics(result)
        kept = _kept(result, classes)
    if not kept:
        reached = reached.noting(["The predictions are too many to be kept."])
    reached = replace(reached, transfer=attempt.transferred(fold))
    yield replace(reached, result=result, metrics=metrics, predictions=kept)


def _metrics(result: Finetuned | Bagged) -> dict[str, Any]:
    return {
        when: {part: all_scores(result.labels[part], p[part]) for part in result.labels}
        for when, p in (
            ("pretrained", result.pretrained),
            ("chosen", result.chosen),
            ("last", result.last),
        )
    }


def _kept(result: Finetuned | Bagged, classes: np.ndarray) -> predictions.Kept:
    steps = {"pretrained": result.pretrained, "chosen": result.chosen, "last": result.last}
    return predictions.kept(result.labels, steps, classes)


def settings_of(cfg: DictConfig) -> dict[str, Any]:
    """What a record tells of its cell's settings."""
    every = plain(cfg)
    settings = {name: every[name] for name in SETTINGS}
    if is_on(cfg.transfer):
        settings["transfer"] = every["transfer"]
    for name, how in (("dataset", HOW), ("model", MODEL_HOW)):
        settings[name] = {k: v for k, v in settings[name].items() if k not in how}
    settings["model"] = recorded(settings["model"])
    return settings
