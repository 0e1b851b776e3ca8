"""What a sweep asks for: its cells by name, and how it runs them; nothing is composed for it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from omegaconf import DictConfig

from bench.cell.model import name_of
from bench.files import plain
from bench.finetune.settings import all_steps

MOST = 200_000  # cells that are named; a sweep may be endless


@dataclass(frozen=True)
class Cell:
    """A cell as the words of a sweep name it."""

    job: int
    entry: str  # of methods
    dataset: str  # of the config group; what its table is called is known when a cell has ended
    fold: str
    seed: str


@dataclass(frozen=True)
class Asked:
    """A sweep's words, read.

    Attributes
    ----------
    cells : list of Cell
        In order.
    workers : int or None
        How many cells run at once; None where a cluster decides.
    rerun : str
    model : str
        What people call its weights.
    steps : int
    """

    cells: list[Cell]
    workers: int | None
    rerun: str
    model: str
    steps: int

    @classmethod
    def of(cls, config: DictConfig) -> Asked:
        """Read the config that Hydra hands to a sweep.

        Raises
        ------
        hydra.errors.HydraException
            If its words are no values.
        """
        return cls(
            cells(config),
            workers(config.hydra.launcher),
            str(config.rerun),
            name_of(plain(config.model)),
            all_steps(config.finetune),
        )


def cells(config: DictConfig) -> list[Cell]:
    """The cells of a sweep in order: the product of its swept values, each with its methods.

    Raises
    ------
    hydra.errors.HydraException
        If its words are no such values.
    """
    hydra = config.hydra
    return named(
        [*(f"{k}={v}" for k, v in (hydra.sweeper.params or {}).items()), *hydra.overrides.task],
        config.methods or [],
        {**hydra.runtime.choices, "fold": config.fold, "seed": config.seed},
    )


def named(words: Iterable[str], methods: Sequence[str], single: Mapping[str, Any]) -> list[Cell]:
    """The cells that overrides stand for; what they do not name is ``single``."""
    hydra = GlobalHydra.instance()
    groups = hydra.config_loader() if hydra.is_initialized() else None  # what a glob may match
    parsed = OverridesParser.create(config_loader=groups).parse_overrides(list(words))
    # The command line's, said last, wins.
    values = {word.get_key_element(): _values(word) for word in parsed}
    found = []
    for job, picked in enumerate(itertools.product(*values.values())):
        of = {**single, **dict(zip(values, picked, strict=True))}
        entries = _entries(of["methods"]) if "methods" in of else list(map(str, methods))
        for entry in entries or [str(of.get("method"))]:
            where = (str(of.get(key)) for key in ("dataset", "fold", "seed"))
            found.append(Cell(job, entry, *where))
    return found


def _values(word: Override) -> list[str]:
    if word.is_sweep_override():
        return list(word.sweep_string_iterator())
    return [word.get_value_element_as_str()]


def _entries(words: str) -> list[str]:
    """The entries of ``methods=WORDS``, without Hydra's quotes."""
    value = OverridesParser.create().parse_override(f"methods={words}").value()
    entries = value if isinstance(value, list) else [value] if value is not None else []
    return [e.text if isinstance(e, QuotedString) else str(e) for e in entries]


def workers(launcher: Mapping[str, Any]) -> int | None:
    """Processes of a launcher; None where a cluster decides."""
    try:
        jobs = int(launcher["n_jobs"])  # joblib's; below 0 they count from the processors' number
    except (KeyError, TypeError, ValueError):
        return 1 if str(launcher.get("_target_")).endswith("BasicLauncher") else None
    return jobs if jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + jobs)
