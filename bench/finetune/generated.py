"""What a generator makes for a cell: one table, fresh rows in each step, or a new task in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.generator import Generator, TaskGenerator, require_rows
from bench.models.base import Encoder
from bench.seeds import generator as seeded
from bench.table import Table

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
