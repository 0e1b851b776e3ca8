"""The shape of a cell's config: Hydra refuses unknown keys and wrong types against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from typing import Annotated, Any

from annotated_types import Interval, Len
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from bench.datasets.openml import tabarena
from bench.datasets.suites import suite
from bench.finetune.settings import Finetune, Method, Transfer
from bench.names import check
from bench.ranges import (
    Count,
    Folder,
    NotNegative,
    Part,
    Patience,
    Positive,
    Seconds,
    Seed,
    Single,
    Source,
    Text,
    Whole,
)

BY_OPENML = Source("openml", implied=False)


class Rerun(StrEnum):
    """Which records of earlier runs are made anew."""

    needed = "needed"  # failed, and stale: made by other code
    failed = "failed"  # failed only; stale records are kept, and shown as stale
    all = "all"
    none = "none"


@dataclass
class OpenML:
    """How OpenML is asked, and where verified copies of its tables lie."""

    cache_dir: Annotated[Text, Folder(), BY_OPENML] = MISSING
    server: Annotated[Text, Single(), BY_OPENML] = MISSING
    # Seconds that the server may be silent, attempts for each file, and seconds after the first
    # within which another may begin.
    timeout: Annotated[Seconds, BY_OPENML] = MISSING
    tries: Annotated[int, Interval(ge=1, le=100), BY_OPENML] = MISSING
    patience: Annotated[Patience, BY_OPENML] = MISSING
    # parquet | arff: which file is asked for first; the table is the same.
    format: Annotated[Text, BY_OPENML] = MISSING
    # Bytes a second that a file must bring after twice the timeout, and megabytes that it may have.
    least_rate: Annotated[NotNegative, BY_OPENML] = MISSING
    most_mb: Annotated[Positive, BY_OPENML] = MISSING


@dataclass
class CellConfig:
    """What a cell is computed with."""

    dataset: dict[str, Any] = MISSING
    method: Method = field(default_factory=Method)
    model: dict[str, Any] = MISSING
    finetune: Finetune = field(default_factory=Finetune)
    transfer: Transfer = field(default_factory=Transfer)
    fold: Whole = MISSING
    seed: Seed = MISSING
    validation_share: Part = MISSING
    threads: Annotated[int, Interval(ge=1, le=1024)] = MISSING
    device: Text = MISSING
    # Of a GPU's memory, for each process.
    gpu_share: Annotated[float, Interval(ge=0.01, le=1)] = MISSING
    results_dir: Annotated[Text, Folder()] = MISSING


@dataclass
class Config(CellConfig):
    """One cell, or one dataset and fold with several methods."""

    rerun: Rerun = MISSING
    experiment_name: Annotated[Text, Single()] = MISSING
    # Null: the one method chosen by method=; else names of methods, each with overrides of its own
    # if there are any: "ctgan method.generator.epochs=50".
    methods: Annotated[list[Text], Len(1)] | None = None
    path: Annotated[Text, Source("csv")] | None = None  # dataset=csv: the file
    target: Annotated[Text, Source("csv")] | None = None  # dataset=csv: the target column
    problem: Annotated[Text, Source("csv")] | None = None  # dataset=csv: what the target is
    knowledge: Annotated[Text, Single()] | None = None  # a file: what is known of causes
    dag: Annotated[Text, Single()] | None = None  # a file: the edges of a whole graph
    task_id: Annotated[Count, Source("openml")] | None = None  # dataset=openml: the task
    openml: OpenML = field(default_factory=OpenML)
    offline: bool = MISSING  # never ask OpenML or the hub


def alone_and_mixed(plain: list[str], generators: list[str], ratios: list[float]) -> list[str]:
    """Entries of ``methods``: the plain ones, then each generator alone and mixed at each ratio.

    Each is named after its way: ``ctgan-synthetic``, ``ctgan-mixed-0.5``; one with a name of its
    own, ``scm method.name=mine dag=edges.csv``, after that: ``mine-synthetic``.
    """
    entries = list(plain)
    for generator in generators:
        method, *more = generator.split()
        own = [word for word in more if word.startswith("method.name=")]
        name = own[-1].partition("=")[2] if own else method
        more = [word for word in more if word not in own]
        ways = {"synthetic": ["rows=synthetic"]}
        ways |= {f"mixed-{ratio:g}": ["rows=mixed", f"ratio={ratio:g}"] for ratio in ratios}
        for way, mixing in ways.items():
            settings = [f"method.mixing.{setting}" for setting in mixing]
            entries.append(" ".join([method, f"method.name={name}-{way}", *settings, *more]))
    return entries


def each_with(plain: list[str], *crossed: list[str]) -> list[str]:
    """Entries of ``methods``: the plain ones, then others with each of some settings.

    ``crossed`` holds pairs of lists, entries and the settings that each of them is run with.
    """
    pairs = zip(crossed[::2], crossed[1::2], strict=True)
    return [
        *plain,
        *(f"{entry} {s}" for entries, settings in pairs for s in settings for entry in entries),
    ]


def transferred(plain: list[str], *crossed: list[str]) -> list[str]:
    """Entries of ``methods``: the plain ones, then others from weights fine-tuned elsewhere.

    ``crossed`` holds triples of lists: arms, domains of sources, and methods on the target, each of
    which is run with each. They are named after all three: ``causal-across``,
    ``causal-across-default_ft``.

    >>> transferred(["pretrained"], ["real"], ["across"], ["pretrained", "default_ft"])[1:]
    ['pretrained transfer=real transfer.domain=across method.name=real-across', \
'default_ft transfer=real transfer.domain=across method.name=real-across-default_ft']
    """
    entries = list(plain)
    for arms, domains, methods in zip(crossed[::3], crossed[1::3], crossed[2::3], strict=True):
        for domain, arm, method in product(domains, arms, methods):
            name, *more = arm.split()
            called = "-".join([name, domain, *([method] if method != plain[0] else [])])
            words = [f"transfer={name}", f"transfer.domain={domain}", *more]
            entries.append(" ".join([method, *words, f"method.name={called}"]))
    return entries


def register() -> None:
    """Make the schema known to Hydra; `conf/config.yaml` begins with it."""
    ConfigStore.instance().store(name="schema", node=Config)
    OmegaConf.register_new_resolver("suite", suite, replace=True)
    OmegaConf.register_new_resolver("tabarena_suite", tabarena.suite, replace=True)
    OmegaConf.register_new_resolver("tabarena_regression", tabarena.regression_suite, replace=True)
    OmegaConf.register_new_resolver("alone_and_mixed", alone_and_mixed, replace=True)
    OmegaConf.register_new_resolver("each_with", each_with, replace=True)
    OmegaConf.register_new_resolver("transferred", transferred, replace=True)
    OmegaConf.register_new_resolver("checked", check, replace=True)
