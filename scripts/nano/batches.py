"""Which tables a step of pre-training sees, and the processes that draw them ahead."""

from __future__ import annotations

import multiprocessing
import os
import queue
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from bench.files import plain
from generators.prior.settings import ClassPrior, Prior, ValuePrior
from generators.prior.tables import draw_batch

TRAINING_STREAM, VALIDATION_STREAM = 0, 1
PREFETCH = 8  # batches a worker may be ahead; bounds memory, decides no number

Batch = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Shape:
    """The shape of one batch."""

    tables: int
    support: int
    query: int
    features: int

    @property
    def tokens(self) -> int:
        return self.tables * (self.support + self.query) * (self.features + 1)


def make_prior(section: Any, changes: Any | None = None) -> Prior:
    """The prior of a section of the configuration, with the changes of another."""
    settings = plain(OmegaConf.create({**section, **(changes or {})}))
    kind = ClassPrior if "class_weights" in settings else ValuePrior
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()})


def prior_at(config: Any, step: int) -> Prior:
    """The prior at this step."""
    for changes in config.prior_before:
        if step < changes.step:
            return make_prior(config.prior, {k: v for k, v in changes.items() if k != "step"})
    return make_prior(config.prior)


def ramp(points: Sequence[Sequence[float]], step: int) -> float:
    """Piecewise linear through [step, value] points, constant outside."""
    steps, values = np.array(points, dtype=float).T
    return float(np.interp(step, steps, values))


def draw_shape(rng: np.random.Generator, config: Any, step: int) -> Shape:
    """The shape of a batch at this step, within its budget of tokens."""
    max_features = ramp(config.max_features, step)
    features = round(np.exp(rng.uniform(np.log(config.min_features), np.log(max_features))))
    support = int(rng.uniform(config.min_support, ramp(config.max_support, step)))
    budget = ramp(config.tokens, step)
    fewest, most = config.tables
    # Wide tables with many rows: fewer rows rather than a batch of one table.
    longest = config.oversize * budget / (fewest * (features + 1))
    support = min(support, max(config.min_support, int(longest / (1 + config.query_share))))
    query = int(np.clip(support * config.query_share, *config.query_rows))
    tables = int(budget / ((support + query) * (features + 1)))
    return Shape(int(np.clip(tables, fewest, most)), support, query, features)


def training_batch(config: Any, step: int) -> Batch:
    """The tables of one step: a function of the seed and the step alone."""
    rng = np.random.default_rng([config.seed, TRAINING_STREAM, step])
    shape, prior = draw_shape(rng, config.shapes, step), prior_at(config, step)
    return draw_batch(rng, shape.tables, shape.support, shape.query, shape.features, prior)


def validation_batches(config: Any) -> list[Batch]:
    """The fixed tables that the loss curve is measured on."""
    rng = np.random.default_rng([config.seed, VALIDATION_STREAM])
    part = config.validation
    prior = make_prior(config.prior, part.prior)
    return [draw_batch(rng, part.tables, s, part.query_rows, f, prior) for s, f in part.shapes]


def _produce(config: dict, steps: range, out: Any) -> None:
    """A worker: draw the batches of these steps, in order; end when the parent has gone."""
    settings = OmegaConf.create(config)
    parent = os.getppid()
    for step in steps:
        start = time.process_time()
        batch = training_batch(settings, step)
        item = (step, batch, time.process_time() - start)
        while os.getppid() == parent:
            try:
                out.put(item, timeout=5)
                break
            except queue.Full:
                continue
        else:
            out.cancel_join_thread()  # nobody will read what is left
            return


@contextmanager
def batches_from(config: Any, first: int) -> Iterator[Iterator[tuple[Batch, float]]]:
    """Batches of step ``first`` and on, each with the CPU seconds that drawing it took.

    Worker *w* draws every ``workers``-th step and they are read in turn, so neither the number of
    workers nor their speed changes what comes. Without workers this process draws them.
    """
    if config.workers == 0:
        yield _drawn_here(config, first)
        return
    context = multiprocessing.get_context("spawn")  # a forked torch can hang
    lines = [context.Queue(PREFETCH) for _ in range(config.workers)]
    workers = []
    for w, line in enumerate(lines):
        steps = range(first + w, config.steps, config.workers)
        worker = context.Process(target=_produce, args=(plain(config), steps, line), daemon=True)
        worker.start()
        workers.append(worker)
    try:
        yield _drawn_by(workers, lines, range(first, config.steps))
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _drawn_here(config: Any, first: int) -> Iterator[tuple[Batch, float]]:
    for step in range(first, config.steps):
        start = time.process_time()
        batch = training_batch(config, step)
        yield batch, time.process_time() - start


def _drawn_by(workers: list, lines: list, steps: range) -> Iterator[tuple[Batch, float]]:
    for turn, step in enumerate(steps):
        w = turn % len(workers)
        while True:
            try:
                made, batch, seconds = lines[w].get(timeout=10)
                break
            except queue.Empty:
                if not workers[w].is_alive():
                    raise RuntimeError("The process that draws tables has died.") from None
        assert made == step
        yield batch, seconds
