"""Runs one cell, from its config to its record: table, split, generator, fine-tuning, scores."""

from __future__ import annotations

import json
import os
import platform
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from threadpoolctl import threadpool_limits

from bench.cell import synthetic
from bench.cell.identity import HOW, SETTINGS
from bench.cell.record import Record
from bench.datasets.splits import split as outer_split
from bench.files import digest, parse_json, plain
from bench.finetune.loop import Finetuned, finetune, is_bfloat16
from bench.finetune.settings import Finetune, Method, Rows
from bench.finetune.sources import build, split_of
from bench.generator import (
    Generator,
    InContextGenerator,
    NotApplicable,
    TaskGenerator,
    require_rows,
)
from bench.metrics import RANKED_BY, all_scores
from bench.models.memory import LessSupport, Room
from bench.models.tab2d.checkpoint import Checkpoint
from bench.models.tab2d.encoder import Encoder
from bench.models.tab2d.scoring import CHUNK, Scoring
from bench.models.tab2d.smooth import SmoothClassifier
from bench.names import inside
from bench.process import peak_memory_mb, reset_peak_memory, timed
from bench.quality.measures import quality, tstr_roc_auc
from bench.seeds import generator as seeded
from bench.table import Table

# Characters that a record keeps; what a generator tells of itself is refused where it is longer.
LONGEST_MESSAGE, LONGEST_TRACEBACK, LONGEST_FACTS = 4_000, 100_000, 1_000_000
LIBRARIES = (
    *("torch", "numpy", "scipy", "pandas", "scikit-learn", "autogluon.tabular"),
    *("causal-learn", "dowhy", "networkx", "ctgan", "copulas", "imbalanced-learn"),
)


@dataclass
class _Work:
    """What a cell has come to so far; a failure keeps what was there."""

    data: dict[str, Any] = field(default_factory=dict)
    synthetic: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    generation: dict[str, Any] | None = None


def run(
    cfg: DictConfig,
    cell: dict[str, Any],
    table: Table,
    checkpoint: Checkpoint,
    identity: dict[str, Any],
    code: str,
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
    checkpoint : Checkpoint
    identity, code
        From `bench.cell.identity`.
    """
    torch.set_num_threads(cfg.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is not deterministic else
    torch.use_deterministic_algorithms(True)
    if checkpoint.device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(float(cfg.gpu_share), checkpoint.device)
    reset_peak_memory()
    started, clock, cpu = time.time(), time.perf_counter(), time.process_time()
    work = _Work()
    status, error, result, metrics = "done", None, None, {}
    try:
        # Sums of floats depend on the number of threads; torch is told above, BLAS and OpenMP here.
        with threadpool_limits(int(cfg.threads)):
            computed = _compute(cfg, table, checkpoint, code, work)
            metrics = _metrics(computed, work)
            result = computed  # whose every score could be told
    except NotApplicable as reason:
        status, error = "not_applicable", _error(reason)
    # The one place that catches everything: a failure is a record. Some libraries call sys.exit.
    except (Exception, SystemExit) as reason:
        status, error = "failed", _error(reason)
    return {
        "status": status,
        "cell": cell,
        "identity": identity,
        "settings": _settings(cfg),
        "data": work.data,
        "metric": RANKED_BY.as_metric(),
        "metrics": metrics,
        "chosen_step": result.chosen_step if result else None,
        "last_step": result.last_step if result else None,
        "curves": result.curves if result else {},
        "synthetic": work.synthetic,
        "timings": {
            "started": started,
            "seconds": {**work.seconds, "total": time.perf_counter() - clock},
            "cpu_seconds": time.process_time() - cpu,
            "peak_memory_mb": peak_memory_mb(),
            "generation": work.generation,
        },
        "provenance": {
            "code": code,
            "versions": _versions(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "processor": _processor_of(checkpoint.device),
            "threads": int(cfg.threads),
            "device": str(checkpoint.device),
            "precision": _precision(cfg, checkpoint.device),
        },
        "error": error,
    }


def training_rows(cfg: DictConfig, table: Table) -> Table:
    """The rows that a cell's generator, encoder and fine-tuning may learn from."""
    train = table.take(outer_split(table, cfg.fold, cfg.validation_share).train)
    # Levels that only validation or test rows show are unknown to all that is fitted.
    return train.prune_levels()


def seed_of(cfg: DictConfig, table: Table) -> tuple[str | int, ...]:
    """The named parts from which every seed of a cell derives; free of the method's name."""
    return ("cell", table.name, int(cfg.fold), int(cfg.seed))


def _compute(
    cfg: DictConfig, table: Table, checkpoint: Checkpoint, code: str, work: _Work
) -> Finetuned:
    """Attempt the cell; anew with a smaller support where the device has no memory for it."""
    room = Room(scoring=CHUNK)
    while True:
        try:
            result = _attempt(cfg, table, checkpoint, code, work, room)
        except LessSupport:
            continue
        work.data["notes"] += room.notes
        return result


def _attempt(
    cfg: DictConfig, table: Table, checkpoint: Checkpoint, code: str, work: _Work, room: Room
) -> Finetuned:
    method = cast(Method, OmegaConf.to_object(cfg.method))
    settings = cast(Finetune, OmegaConf.to_object(cfg.finetune))
    settings.max_support = room.limit(settings.max_support)
    context = room.limit(checkpoint.max_context)
    with timed(work.seconds, "prepare"):
        fold = outer_split(table, cfg.fold, cfg.validation_share)
        train = training_rows(cfg, table)
        parts = {"validation": table.take(fold.validation), "test": table.take(fold.test)}
        seed = seed_of(cfg, table)
        encoder = Encoder(checkpoint.max_classes).fit(train)
        scoring = Scoring.prepare(
            encoder,
            train,
            parts,
            checkpoint.device,
            context,
            # Without the seed, which is no part of the pre-trained model's identity.
            seeded("cell", table.name, int(cfg.fold), "context rows"),
            room,
            checkpoint.scoring,
        )
        notes = [*table.notes, *fold.notes]
        if len(train) > context:
            notes.append(f"In scoring, {context} of {len(train)} training rows are the context.")
        if encoder.rescaled_:
            notes.append(
                f"Column '{encoder.rescaled_[0]}'{_and_others(encoder.rescaled_)} holds numbers "
                "beyond float32; the model reads them in their order, on another scale."
            )
        work.data = _data(table, train, parts, notes)
    if not method.finetune:
        with timed(work.seconds, "scoring"):
            return _untouched(scoring, checkpoint)
    if method.mixing.rows != Rows.synthetic:
        split_of(train, settings)  # before a generator works for nothing
    with timed(work.seconds, "generate"):
        generator, rows = _generate(cfg, method, train, checkpoint, seed, code, work)
    table_for_all_steps = None if method.mixing.fresh else rows
    source = build(method.mixing, generator, table_for_all_steps, train, encoder, settings, seed)
    with timed(work.seconds, "finetune"):
        result = finetune(
            checkpoint.module,
            source,
            scoring.probabilities,
            scoring.labels,
            len(encoder.present_),
            settings,
            room,
        )
    work.seconds |= {f"finetune.{name}": spent for name, spent in result.seconds.items()}
    work.data["notes"] += result.notes
    if work.synthetic is not None and rows is not None:
        with timed(work.seconds, "quality.test"):
            area = tstr_roc_auc(rows, parts["test"])  # analysis alone, like the test curves
            work.synthetic["quality"]["test_tstr_roc_auc"] = area
    return result


def _untouched(scoring: Scoring, checkpoint: Checkpoint) -> Finetuned:
    """The pre-trained model, scored as it is."""
    probabilities = scoring.probabilities(checkpoint.module)
    return Finetuned(
        module=checkpoint.module,
        chosen_step=0,
        last_step=0,
        pretrained=probabilities,
        chosen=probabilities,
        last=probabilities,
        labels=scoring.labels,
        curves={},
    )


def _generate(
    cfg: DictConfig,
    method: Method,
    train: Table,
    checkpoint: Checkpoint,
    seed: tuple[str | int, ...],
    code: str,
    work: _Work,
) -> tuple[Generator | None, Table | None]:
    """The method's generator, and its rows: the one synthetic table, or a sample of fresh ones.

    None of a generator of tasks, whose columns change from one to the next.
    """
    if method.generator is None:
        return None, None
    generator: Generator = instantiate(method.generator)
    reads_model = isinstance(generator, InContextGenerator)
    if isinstance(generator, InContextGenerator):
        generator.over(SmoothClassifier(checkpoint))
    n = round(method.mixing.size * len(train))

    def make(draw: str) -> tuple[Table, dict[str, Any]]:
        generator.fit(train, seeded(*seed, "generator"))
        rows = generator.sample(n, seeded(*seed, draw))
        require_rows(rows, n, train, generator.stays_in_range)
        with timed(work.seconds, "quality"):
            scores = quality(train, rows, seeded(*seed, "quality"))
        return rows, {"generator": _facts(generator), "quality": scores}

    if isinstance(generator, TaskGenerator):
        return generator.fit(train, seeded(*seed, "generator")), None
    if method.mixing.fresh:
        table, facts = make("quality sample")
        work.synthetic = {"key": None, **synthetic.facts(table, train), **facts}
        return generator, table
    decides = {
        "train": train.fingerprint(),
        "generator": plain(cfg.method.generator),
        "model": checkpoint.weights_hash if reads_model else None,
        "rows": n,
        "seed": list(seed),
        "code": code,
        "versions": _versions(),
    }
    folder = inside(cfg.results_dir, "synthetic")
    table, facts, timing = synthetic.shared(folder, decides, train, lambda: make("synthetic table"))
    work.generation = {**timing, "phases": dict(generator.seconds_)}
    work.synthetic = {"key": digest(decides)[:32], **synthetic.facts(table, train), **facts}
    return generator, table


def _facts(generator: Generator) -> dict[str, Any]:
    """What a generator tells of itself, as a record gives it back.

    Raises
    ------
    ValueError, TypeError
        If it is not JSON, or of no size for a record.
    """
    _require_finite(generator.facts_)
    text = json.dumps(dict(generator.facts_))
    if len(text) > LONGEST_FACTS:
        raise ValueError(f"The generator's facts have {len(text):,} characters.")
    return dict(parse_json(text.encode()))


def _require_finite(facts: Any) -> None:
    """Refuse what a generator tells of itself if it holds NaN or infinity, which no record can."""
    if isinstance(facts, Mapping | list | tuple):
        for part in facts.values() if isinstance(facts, Mapping) else facts:
            _require_finite(part)
    elif isinstance(facts, float) and not np.isfinite(facts):
        raise FloatingPointError(f"The generator's facts hold a number that is none: {facts}.")


def _data(table: Table, train: Table, parts: dict[str, Table], notes: list[str]) -> dict[str, Any]:
    return {
        "rows": {"train": len(train), **{part: len(rows) for part, rows in parts.items()}},
        "features": table.n_features,
        "categorical": len(table.categorical),
        "classes": table.n_classes,
        # Test rows whose features repeat a training row's: looking up is as good as learning.
        "duplicates": int(np.isin(parts["test"].row_keys(), train.row_keys()).sum()),
        "notes": notes,
    }


def _metrics(result: Finetuned, work: _Work) -> dict[str, Any]:
    with timed(work.seconds, "metrics"):
        return {
            when: {
                part: all_scores(result.labels[part], probabilities[part]) for part in result.labels
            }
            for when, probabilities in (
                ("pretrained", result.pretrained),
                ("chosen", result.chosen),
                ("last", result.last),
            )
        }


def _settings(cfg: DictConfig) -> dict[str, Any]:
    settings = {name: plain(cfg)[name] for name in SETTINGS}
    for name in ("dataset", "model"):
        settings[name] = {k: v for k, v in settings[name].items() if k not in HOW}
    return settings


def _and_others(names: tuple[str, ...]) -> str:
    return f" (and {len(names) - 1} others)" if len(names) > 1 else ""


def _error(reason: BaseException) -> dict[str, str]:
    """What a record keeps of an error: text that can be written, and no more than can be read."""
    told = traceback.TracebackException.from_exception(reason)  # bears one that cannot tell itself
    # Torch puts the frames of its C++ behind; they stay in the traceback.
    message = str(told).partition("\nException raised from ")[0]
    return {
        "type": type(reason).__name__,
        "message": _written(message, LONGEST_MESSAGE),
        "traceback": _written("".join(told.format()), LONGEST_TRACEBACK),
    }


def _written(text: str, most: int) -> str:
    """Text in UTF-8, which names of files need not be; of a long one the begin and the end."""
    if len(text) > most:
        text = f"{text[: most // 2]} … {text[-most // 2 :]}"
    return text.encode(errors="backslashreplace").decode()


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


def _processor_of(device: torch.device) -> str:
    """What computes: the GPU's name, or the processor's."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()


def _precision(cfg: DictConfig, device: torch.device) -> str:
    """Arithmetic of the training steps."""
    return "bfloat16" if is_bfloat16(cfg.finetune.precision, device) else "float32"


def _processor() -> str:
    """The processor's model, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
