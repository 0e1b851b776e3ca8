"""A cell's generator: fitted on its training rows, its rows shared and measured, its facts told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate

from bench.cell import synthetic
from bench.cell.provenance import versions
from bench.files import digest, parse_json
from bench.finetune.generated import (
    FreshRows,
    Generated,
    Parts,
    SharedTable,
    drawn,
    new_tasks,
    serving,
)
from bench.finetune.settings import Method
from bench.generator import Generator, InContextGenerator, TaskGenerator
from bench.models.base import Backbone
from bench.process import timed
from bench.quality.measures import quality
from bench.quality.structure import global_utility
from bench.quality.utility import utility
from bench.seeds import generator as seeded
from bench.table import Table

LONGEST_FACTS = 1_000_000  # characters; what is longer is refused


@dataclass(frozen=True)
class Generation:
    """What a generator came to.

    Attributes
    ----------
    made : Generated or None
        What the steps' tasks are made of; None without a generator.
    rows : Table or None
        The rows that are measured: the shared table, or a sample of fresh ones. None of a generator
        of tasks, whose columns change from one to the next.
    synthetic, timing : dict or None
        The record's ``synthetic`` and ``timings.generation``.
    """

    made: Generated | None = None
    rows: Table | None = None
    synthetic: dict[str, Any] | None = None
    timing: dict[str, Any] | None = None

    def tested(self, train: Table, test: Table, rng: np.random.Generator) -> Generation:
        """Add what reads test rows; like the test curves it is for analysis alone.

        Parameters
        ----------
        train, test : Table
            What the generator was fitted on; real rows that it never saw.
        rng : numpy.random.Generator
            Of `bench.quality.structure.global_utility`.
        """
        if self.synthetic is None or self.rows is None:
            return self
        worth = utility(self.rows, test)
        worth["global_utility"] = global_utility(train, self.rows, test, rng)
        told = {f"test_{name}": value for name, value in worth.items()}
        measured = {**self.synthetic["quality"], **told}
        return replace(self, synthetic={**self.synthetic, "quality": measured})


@dataclass(frozen=True)
class Maker:
    """Makes what a method's generator makes for a cell.

    Parameters
    ----------
    method : Method
    train : Table
        The training rows.
    backbone : Backbone
        The model that is about to be fine-tuned.
    model : mapping
        What names it (`bench.cell.model.known`).
    seed : tuple
        Named parts from which every seed of the cell derives.
    code : str
        The fingerprint of the code, which decides a shared table.
    folder : path
        Where shared tables lie.
    seconds : dict of str to float
        Takes the time that measuring took.
    """

    method: Method
    train: Table
    backbone: Backbone
    model: Mapping[str, Any]
    seed: Parts
    code: str
    folder: Path
    seconds: dict[str, float]

    def make(self) -> Generation:
        """The generator's rows or tasks.

        Raises
        ------
        NotApplicable, BrokenPromise
            If it cannot serve the table, or gives rows that cannot stand for the table's.
        """
        if self.method.generator is None:
            return Generation()
        generator = serving(instantiate(self.method.generator), self.train, self.backbone)
        if isinstance(generator, TaskGenerator):
            return Generation(new_tasks(generator, self.train, self.backbone, self.seed))
        return self._fresh(generator) if self.method.mixing.fresh else self._shared(generator)

    @property
    def _n(self) -> int:
        return self.method.mixing.rows_for(len(self.train))

    def _fresh(self, generator: Generator) -> Generation:
        rows, facts = self._drawn(generator, "quality sample")
        return Generation(
            FreshRows(generator, self._n, self.train, self.seed),
            rows,
            {"key": None, **synthetic.facts(rows, self.train), **facts},
        )

    def _shared(self, generator: Generator) -> Generation:
        reads_model = isinstance(generator, InContextGenerator)
        decides = {
            "train": self.train.fingerprint(),
            "generator": self.method.generator,
            "model": self.model if reads_model else None,
            "rows": self._n,
            "seed": list(self.seed),
            "code": self.code,
            "versions": versions(),
        }
        table, facts, timing = synthetic.shared(
            self.folder, decides, self.train, lambda: self._drawn(generator, "synthetic table")
        )
        return Generation(
            SharedTable(table),
            table,
            {"key": digest(decides)[:32], **synthetic.facts(table, self.train), **facts},
            {**timing, "phases": dict(generator.seconds_)},
        )

    def _drawn(self, generator: Generator, draw: str) -> tuple[Table, dict[str, Any]]:
        """Fit the generator and draw rows; with them what it tells, and how good they are."""
        rows = drawn(generator, self._n, self.train, self.seed, draw)
        with timed(self.seconds, "quality"):
            scores = quality(self.train, rows, seeded(*self.seed, "quality"))
        return rows, {"generator": _facts(generator), "quality": scores}


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
