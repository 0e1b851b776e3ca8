"""Task sources: an iterator of (support, query) tasks; the loop never asks where rows come from.

Every source splits real rows first and adds synthetic rows after, so that no row, no copy of one,
no row of its group, and no row made from it (`bench.table.Table.origins`) stands on both sides of a
task. Real rows are drawn from a seed that does not know the method: two methods on one fold see the
same real rows in each step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bench.finetune.generated import FreshRows, Generated, NewTasks, Parts, SharedTable
from bench.finetune.settings import Finetune, Mixing, Rows
from bench.finetune.splitting import (
    GroupedSplit,
    Sides,
    Strata,
    TaskError,
    by_appearance,
    lead_with_each_class,
)
from bench.generator import NotApplicable
from bench.models.base import Encoder
from bench.phrases import counted
from bench.seeds import generator as seeded
from bench.table import Table

MadeRows = SharedTable | FreshRows


@dataclass(frozen=True)
class Task:
    """One fine-tuning step's rows: features float32 (n, f), targets as they are encoded (n,)."""

    x_support: np.ndarray
    y_support: np.ndarray
    x_query: np.ndarray
    y_query: np.ndarray


class TaskSource(Protocol):
    """Where the loop gets its tasks."""

    def task(self, step: int) -> Task:
        """The task of a step (1, 2, …); the same step gives the same task.

        Raises
        ------
        TaskError
            If no task can be made of the rows at hand.
        """


@dataclass(frozen=True)
class Encoded:
    """Rows ready for the model."""

    x: np.ndarray
    y: np.ndarray
    strata: Strata

    @classmethod
    def of(cls, table: Table, encoder: Encoder) -> Encoded:
        """Encode a table's rows."""
        return cls(encoder.encode_x(table), encoder.encode_y(table.y), table.strata)

    def take(self, rows: np.ndarray) -> Encoded:
        """The rows at these positions (or under this mask), in order."""
        strata = None if self.strata is None else self.strata[rows]
        return Encoded(self.x[rows], self.y[rows], strata)

    def concat(self, other: Encoded) -> Encoded:
        """These rows followed by others of one table with them."""
        both = None
        if self.strata is not None and other.strata is not None:
            both = np.concatenate([self.strata, other.strata])
        x, y = np.concatenate([self.x, other.x]), np.concatenate([self.y, other.y])
        return Encoded(x, y, both)


def split_of(train: Table, settings: Finetune) -> GroupedSplit:
    """How real training rows are split in each step.

    Raises
    ------
    NotApplicable
        If they allow no task; the message says why in one sentence.
    """
    keys = Sides.of(train).keys(train)
    try:
        return GroupedSplit(keys, train.strata, settings.query_share)
    except TaskError as reason:
        why = _lower(reason)
        if train.groups is not None:
            parts = counted(len(np.unique(keys)), "part")
            what = "a task" if train.strata is None else "their classes"
            why = f"with groups and copies together they are {parts}, too few for {what}."
        raise NotApplicable(
            f"The training rows of dataset '{train.name}' make no task: {why}"
        ) from reason


class RealTasks:
    """Default fine-tuning: real training rows, split anew in each step.

    Parameters
    ----------
    share : float, optional
        Of the rows that a step would have, where others take the place of the rest.

    Raises
    ------
    NotApplicable
        As `split_of`.
    """

    def __init__(
        self,
        train: Table,
        encoder: Encoder,
        settings: Finetune,
        seed: Parts,
        share: float = 1.0,
    ) -> None:
        self.sides = Sides.of(train)
        self.keys = self.sides.keys(train)
        self.rows = Encoded.of(train, encoder)
        self._split = split_of(train, settings)
        self._settings = settings
        self._seed = seed
        self._share = share

    def draw(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the step's real support rows, and of query rows of the support's classes."""
        support, query = self._split.draw(seeded(*self._seed, "real rows", step))
        support = self._of_share(support[: self._settings.max_support])
        strata = self.rows.strata
        if strata is not None:
            query = query[np.isin(strata[query], strata[support])]
        return support, self._of_share(query[: self._settings.max_query])

    def _of_share(self, rows: np.ndarray) -> np.ndarray:
        return rows[: max(1, round(self._share * len(rows)))] if self._share < 1 else rows

    def task(self, step: int) -> Task:
        """A task of the step's real rows."""
        support, query = self.draw(step)
        return _task(self.rows.take(support), self.rows.take(query))


class SyntheticTasks:
    """Purely synthetic fine-tuning: both parts come from generated rows.

    Rows that were made from one real row, or one group's, stand on one side together. A generator
    whose rows make no task (all of one class, say) cannot serve the table, which is no failure of
    the run.

    Raises
    ------
    NotApplicable
        By `task`, if the generated rows allow none; the message says why in one sentence.
    """

    def __init__(
        self, made: MadeRows, encoder: Encoder, sides: Sides, settings: Finetune, seed: Parts
    ) -> None:
        self._rows = _Remembered(made, encoder, sides)
        self._settings = settings
        self._seed = seed

    def task(self, step: int) -> Task:
        """A task of the step's synthetic rows."""
        rows, keys = self._rows.at(step)
        try:
            return self._split(step, rows, keys)
        except TaskError as reason:
            raise NotApplicable(
                f"The synthetic rows make no task by themselves: {_lower(reason)}"
            ) from reason

    def _split(self, step: int, rows: Encoded, keys: np.ndarray) -> Task:
        split = GroupedSplit(by_appearance(keys), rows.strata, self._settings.query_share)
        support, query = split.draw(seeded(*self._seed, "synthetic rows", step))
        support, query = support[: self._settings.max_support], query[: self._settings.max_query]
        return _task(rows.take(support), rows.take(query))


class MixedTasks:
    """Real rows split as in `RealTasks`, then ``ratio`` synthetic rows a real row on both sides.

    A synthetic row that copies a real one (a bootstrap row always does), or was made from a single
    real one (a noise row), goes to its original's side; the others are split among themselves,
    copies together, so that both sides get what they ask for. Where the rows that may join a side
    are fewer, the task has fewer.
    """

    def __init__(
        self,
        real: RealTasks,
        made: MadeRows,
        ratio: float,
        encoder: Encoder,
        seed: Parts,
    ) -> None:
        self._real = real
        self._rows = _Remembered(made, encoder, real.sides)
        self._ratio = ratio
        self._seed = seed

    def task(self, step: int) -> Task:
        """A task of the step's real rows, with synthetic ones on both sides."""
        real, (rows, keys) = self._real.rows, self._rows.at(step)
        support, query = self._real.draw(step)
        extra_support, extra_query = self._extra(step, keys, support, query)
        mixed = real.take(support).concat(rows.take(extra_support))
        order = lead_with_each_class(np.arange(len(mixed.y)), mixed.strata)
        return _task(mixed.take(order), real.take(query).concat(rows.take(extra_query)))

    def _extra(
        self, step: int, made: np.ndarray, support: np.ndarray, query: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the synthetic rows that join each side, of the keys that they have."""
        rng = seeded(*self._seed, "synthetic rows", step)
        keys = self._real.keys
        with_support = np.isin(made, keys[support])
        with_query = np.isin(made, keys[query])
        # Rows of real origins that a cap left out of this step may join neither side: their
        # originals were dealt to one, and the other must not know them.
        free = np.flatnonzero(~np.isin(made, keys))
        wanted = round(self._ratio * len(support)), round(self._ratio * len(query))
        lacking = wanted[0] - int(with_support.sum()), wanted[1] - int(with_query.sum())
        in_query = _deal(made[free], _query_rows(len(free), wanted, lacking), rng)
        for_support = np.concatenate([np.flatnonzero(with_support), free[~in_query]])
        for_query = np.concatenate([np.flatnonzero(with_query), free[in_query]])
        return rng.permutation(for_support)[: wanted[0]], rng.permutation(for_query)[: wanted[1]]


def _query_rows(n: int, wanted: tuple[int, int], lacking: tuple[int, int]) -> int:
    """How many of ``n`` free rows to deal to the query, so that no side lacks more than it must.

    Copies have filled the sides in part already; ``lacking`` is what each still asks for.
    """
    support, query = (max(0, rows) for rows in lacking)
    if n < support + query:
        return round(n * query / (support + query))
    fair = round(n * wanted[1] / max(1, sum(wanted)))
    return min(max(fair, query), n - support)


def _deal(keys: np.ndarray, n_query: int, rng: np.random.Generator) -> np.ndarray:
    """Which rows go to the query: ``n_query`` at random, or nearly so: copies stay together."""
    group = by_appearance(keys)
    sizes = np.bincount(group)
    order = rng.permutation(len(sizes))
    middle = np.cumsum(sizes[order]) - sizes[order] / 2
    in_query = np.zeros(len(sizes), dtype=bool)
    in_query[order[middle < n_query]] = True
    return in_query[group]


class RetaskedTasks:
    """Each step a new task that a `TaskGenerator` makes of real rows, already split."""

    def __init__(self, real: RealTasks, train: Table, made: NewTasks, seed: Parts) -> None:
        self._real = real
        self._train = train
        self._made = made
        self._seed = seed

    def task(self, step: int) -> Task:
        """A new task of the step's real rows."""
        support, query = self._real.draw(step)
        rng = seeded(*self._seed, "new task", step)
        new_support, new_query = self._made.generator.task(
            self._train.take(support), self._train.take(query), rng
        )
        _require_learnable(new_support, self._train)
        encoder = self._made.encoder(new_support)
        return _task(Encoded.of(new_support, encoder), Encoded.of(new_query, encoder))


class InterleavedTasks:
    """Mixing for generators of tasks: ``ratio`` new tasks a real task, in random order."""

    def __init__(self, real: TaskSource, new: TaskSource, ratio: float, seed: Parts) -> None:
        self._real = real
        self._new = new
        self._ratio = ratio
        self._seed = seed

    def task(self, step: int) -> Task:
        """A new task, or one of real rows."""
        rng = seeded(*self._seed, "real or new", step)
        chosen = self._new if rng.random() < self._ratio / (1 + self._ratio) else self._real
        return chosen.task(step)


def build(
    mixing: Mixing,
    made: Generated | None,
    train: Table,
    encoder: Encoder,
    settings: Finetune,
    seed: Parts,
    in_place: bool = False,
) -> TaskSource:
    """The task source of a method.

    Parameters
    ----------
    mixing : Mixing
        How synthetic rows meet real ones.
    made : Generated or None
        What the method's generator makes; None for default fine-tuning.
    train : Table
        Real training rows.
    encoder : Encoder
        Fitted on ``train``.
    settings : Finetune
        How large a task is.
    seed : tuple
        Named parts from which every draw's seed derives; free of the method's name.
    in_place : bool, optional
        Whether rows that are mixed in take the place of real ones, so that a task has no more rows.

    Raises
    ------
    NotApplicable
        If real rows are part of its tasks, and the training rows allow none.
    """
    if isinstance(made, SharedTable | FreshRows) and mixing.rows is Rows.synthetic:
        # Without the real rows, which need not make a task.
        return SyntheticTasks(made, encoder, Sides.of(train), settings, seed)
    is_shared = in_place and mixing.rows is Rows.mixed and not isinstance(made, NewTasks)
    share = 1 / (1 + mixing.ratio) if is_shared else 1.0
    real = RealTasks(train, encoder, settings, seed, share)
    if made is None or mixing.rows is Rows.real:
        return real
    if isinstance(made, NewTasks):
        new = RetaskedTasks(real, train, made, seed)
        is_mixed = mixing.rows is Rows.mixed
        return InterleavedTasks(real, new, mixing.ratio, seed) if is_mixed else new
    return MixedTasks(real, made, mixing.ratio, encoder, seed)


def _lower(reason: TaskError) -> str:
    """Its sentence as the second part of another one."""
    return str(reason)[:1].lower() + str(reason)[1:]


class _Remembered:
    """Encodes a step's synthetic table, once for as long as it stays the same object."""

    def __init__(self, made: MadeRows, encoder: Encoder, sides: Sides) -> None:
        self._made = made
        self._encoder = encoder
        self._sides = sides
        self._table: Table | None = None

    def at(self, step: int) -> tuple[Encoded, np.ndarray]:
        """The rows, and the keys that tell copies, and rows of one origin or group."""
        table = self._made.at(step)
        if table is not self._table:
            self._table = table
            self._encoded = Encoded.of(table, self._encoder), self._sides.keys(table)
        return self._encoded


def _require_learnable(new: Table, train: Table) -> None:
    """Refuse a new task of another problem than the model's, or with one target to learn from."""
    if new.problem != train.problem:
        raise TaskError(f"A new task is for {new.problem}, and the table for {train.problem}.")
    if len(np.unique(new.y)) < 2:
        of_one = "have one target" if new.strata is None else "are all of one class"
        raise TaskError(f"The support rows {of_one}, so there is nothing to learn.")


def _task(support: Encoded, query: Encoded) -> Task:
    """A task without query rows of classes that the support cannot tell of."""
    if query.strata is not None and support.strata is not None:
        query = query.take(np.isin(query.strata, support.strata))
    if not len(query.y):
        raise TaskError("No query row is of a class that the support rows hold.")
    return Task(support.x, support.y, query.x, query.y)
