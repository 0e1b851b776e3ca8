"""Every number that decides a fine-tuning run; Hydra validates `conf/finetune` against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from omegaconf import MISSING


class Rows(StrEnum):
    """Which rows a fine-tuning step sees."""

    real = "real"
    synthetic = "synthetic"
    mixed = "mixed"


class Score(StrEnum):
    """What early stopping reads on the validation part."""

    roc_auc_ovo = "roc_auc_ovo"
    log_loss = "log_loss"


class Keep(StrEnum):
    """Which step's weights a run ends with."""

    best = "best"
    last = "last"


class Precision(StrEnum):
    """Arithmetic of a training step; weights stay float32, scoring has its own (`bench.models`)."""

    auto = "auto"  # bfloat16 on a GPU, float32 elsewhere
    float32 = "float32"
    bfloat16 = "bfloat16"


@dataclass
class Mixing:
    """How a generator's rows meet the real ones."""

    rows: Rows = Rows.real
    ratio: float = 1.0  # synthetic rows a real row on both sides of a task (rows: mixed)
    fresh: bool = False  # new rows in each step instead of one table a cell
    size: float = 1.0  # rows of a synthetic table, as a multiple of the training rows


@dataclass
class Method:
    """A generator (or none) and how its rows meet the real ones."""

    name: str = MISSING
    finetune: bool = True
    generator: dict[str, Any] | None = None
    mixing: Mixing = field(default_factory=Mixing)


@dataclass
class Finetune:
    """One fine-tuning run."""

    steps: int = MISSING
    lr: float = MISSING
    warmup_steps: int = MISSING  # linear, from lr / warmup_steps
    weight_decay: float = MISSING  # AdamW
    clip_norm: float | None = MISSING  # of the gradient over all weights; null: none
    patience: int = MISSING  # evaluations without improvement before stopping
    eval_every: int = MISSING  # steps
    select_by: Score = MISSING
    keep: Keep = MISSING
    precision: Precision = MISSING
    query_share: float = MISSING  # of a task's real rows
    max_support: int = MISSING  # real rows of a task's support
    max_query: int = MISSING  # real rows of a task's query
    slice_logits: bool = MISSING  # loss over the table's classes only, not all the model's outputs
