"""The shape of a cell's config: Hydra refuses unknown keys and wrong types against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from bench.datasets.tabarena import suite
from bench.finetune.settings import Finetune, Method
from bench.names import check


class Rerun(StrEnum):
    """Which records of earlier runs are made anew."""

    needed = "needed"  # failed, and stale: made by other code
    failed = "failed"  # failed only; stale records are kept, and shown as stale
    all = "all"
    none = "none"


@dataclass
class OpenML:
    """How OpenML is asked, and where verified copies of its tables lie."""

    cache_dir: str = MISSING
    server: str = MISSING
    timeout: float = MISSING  # seconds that the server may be silent
    tries: int = MISSING  # attempts for each file ...
    patience: float = MISSING  # ... none of which begins later than this after the first; seconds
    format: str = MISSING  # parquet | arff: which file is asked for first; the table is the same
    least_rate: float = MISSING  # bytes a second that a file must bring, after twice the timeout
    most_mb: float = MISSING  # megabytes that a file may have, unpacked


@dataclass
class Config:
    """One cell, or one dataset and fold with several methods."""

    dataset: dict[str, Any] = MISSING
    method: Method = field(default_factory=Method)
    model: dict[str, Any] = MISSING
    finetune: Finetune = field(default_factory=Finetune)
    fold: int = MISSING
    seed: int = MISSING
    validation_share: float = MISSING
    threads: int = MISSING
    device: str = MISSING
    gpu_share: float = MISSING  # of a GPU's memory, for each process
    rerun: Rerun = MISSING
    experiment_name: str = MISSING
    results_dir: str = MISSING
    methods: list[str] | None = None  # null: the one method chosen by method=; else names of
    # methods, each with overrides of its own if there are any: "ctgan method.generator.epochs=50"
    path: str | None = None  # dataset=csv: the file
    target: str | None = None  # dataset=csv: the target column
    task_id: int | None = None  # dataset=openml: the task
    openml: OpenML = field(default_factory=OpenML)
    offline: bool = MISSING  # never ask OpenML or the hub


def register() -> None:
    """Make the schema known to Hydra; `conf/config.yaml` begins with it."""
    ConfigStore.instance().store(name="schema", node=Config)
    OmegaConf.register_new_resolver("tabarena_suite", suite, replace=True)
    OmegaConf.register_new_resolver("checked", check, replace=True)
