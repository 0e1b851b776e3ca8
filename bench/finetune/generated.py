"""What a generator makes for a cell: one table, fresh rows in each step, or a new task in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.finetune.settings import Mixing
from bench.generator import Generator, InContextGenerator, TaskGenerator, require_rows
from bench.models.base import Backbone, Encoder
from bench.seeds import generator as seeded
from bench.table import Table
from bench.ticking import watched

Parts = tuple[str | int, ...]  # of a seed


@dataclass(frozen=True)
class SharedTable:
    """One synthetic table, the same in each step."""

    table: Table

    def at(self, step: int) -> Table:
        """A step's rows."""
        return self.table


@dataclass(frozen=True)
class FreshRows:
    """New rows in each step.

    Parameters
    ----------
    generator : Generator
        Fitted on ``train``.
    n : int
        Rows of a step.
    train : Table
    seed : tuple
        Named parts from which each step's seed derives.
    """

    generator: Generator
    n: int
    train: Table
    seed: Parts

    def at(self, step: int) -> Table:
        """A step's rows, which keep what was promised."""
        rows = self.generator.sample(self.n, seeded(*self.seed, "fresh rows", step))
        return require_rows(rows, self.n, self.train, self.generator.stays_in_range)


@dataclass(frozen=True)
class NewTasks:
    """A new task in each step, made of real rows that are already split.

    A new task is a new table: ``encoder`` gives one of its own, fitted on its support.
    """

    generator: TaskGenerator
    encoder: Callable[[Table], Encoder]


Generated = SharedTable | FreshRows | NewTasks


def serving(generator: Generator, train: Table, backbone: Backbone) -> Generator:
    """The generator, with the model that is about to be fine-tuned if it asks for one.

    Raises
    ------
    NotApplicable
        If it does not serve tables of this problem.
    """
    generator.check(train)  # before a model of another problem is made smooth for it
    if isinstance(generator, InContextGenerator):
        generator.over(backbone.smooth())
    return generator


def new_tasks(generator: TaskGenerator, train: Table, backbone: Backbone, seed: Parts) -> NewTasks:
    """Fit a generator of tasks."""
    generator.fit(train, seeded(*seed, "generator"))
    return NewTasks(generator, backbone.encoder)


def drawn(generator: Generator, n: int, train: Table, seed: Parts, draw: str) -> Table:
    """Fit a generator and draw rows, which keep what was promised.

    Parameters
    ----------
    draw : str
        Names what the rows are for, in their seed.

    Raises
    ------
    NotApplicable, BrokenPromise
        If it cannot serve the table, or gives rows that cannot stand for the table's.
    """
    with watched(lambda: generator.doing):
        generator.fit(train, seeded(*seed, "generator"))
    rows = generator.sample(n, seeded(*seed, draw))
    return require_rows(rows, n, train, generator.stays_in_range)


def generated(
    generator: Generator, mixing: Mixing, train: Table, backbone: Backbone, seed: Parts
) -> Generated:
    """What a generator makes for one fine-tuning; it is fitted here, and its rows are not measured.

    Raises
    ------
    NotApplicable, BrokenPromise
        As `serving` and `drawn`.
    """
    serving(generator, train, backbone)
    if isinstance(generator, TaskGenerator):
        return new_tasks(generator, train, backbone, seed)
    n = mixing.rows_for(len(train))
    if mixing.fresh:
        generator.fit(train, seeded(*seed, "generator"))
        return FreshRows(generator, n, train, seed)
    return SharedTable(drawn(generator, n, train, seed, "synthetic table"))
