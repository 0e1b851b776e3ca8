"""Fine-tuning on several tables has one budget in all arms, and one table a step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
import tiny_model
from hydra.utils import instantiate
from omegaconf import OmegaConf
from one_cell import composed

from bench.datasets import embedded
from bench.datasets.splits import Fold
from bench.finetune.generated import generated
from bench.finetune.sources import MixedTasks, Task
from bench.finetune.transfer import OneTableAStep, Source

MODEL = tiny_model.load()
SEED = ("transfer", 0)
TABLES = ("penguins", "hepatitis", "bone-marrow")  # without copies, of so many features: 6, 19, …
ARMS = ("real", "bootstrap", "noise", "permuted")
STEPS = range(1, 25)


@cache
def sources(arm: str) -> tuple[Source, ...]:
    words = ("dataset=iris", "method=pretrained", f"transfer={arm}", "transfer.tables=[a]")
    transfer = OmegaConf.to_object(composed(words)).transfer
    made = []
    for name in TABLES:
        train, method = Fold.of(embedded.load(name), 0, 0.2).train, transfer.method
        rows = (
            None
            if method.generator is None
            else generated(
                instantiate(method.generator), method.mixing, train, MODEL, (*SEED, "rows of", name)
            )
        )
        made.append(Source.of(train, rows, method.mixing, MODEL, transfer.finetune, SEED))
    return tuple(made)


def shape(task: Task) -> np.ndarray:
    """Features, support rows, query rows."""
    return np.array([task.x_support.shape[1], len(task.y_support), len(task.y_query)])


@pytest.mark.long
@pytest.mark.parametrize("arm", ARMS[1:])
def test_all_arms_see_one_table_a_step_and_as_many_rows(arm: str) -> None:
    real, other = (OneTableAStep(sources(name), SEED) for name in ("real", arm))
    shapes = np.array([[shape(of.task(step)) for step in STEPS] for of in (real, other)])
    assert (shapes[0, :, 0] == shapes[1, :, 0]).all()
    assert len(set(shapes[0, :, 0])) == len(TABLES)
    assert np.abs(shapes[0] - shapes[1]).max() <= 1


@pytest.mark.parametrize("arm", ["bootstrap", "noise"])
def test_half_of_mixed_rows_are_real_and_no_row_meets_its_copy(arm: str) -> None:
    for source in sources(arm):
        tasks = source.tasks
        assert isinstance(tasks, MixedTasks)
        for step in range(1, 6):
            support, query = tasks._real.draw(step)
            _, keys = tasks._rows.at(step)
            with_support, with_query = tasks._extra(step, keys, support, query)
            assert abs(len(support) - len(with_support)) <= 1
            assert abs(len(query) - len(with_query)) <= 1
            left = {*tasks._real.keys[support], *keys[with_support]}
            assert not left & {*tasks._real.keys[query], *keys[with_query]}


@pytest.mark.parametrize("arm", ["real", "bootstrap"])
def test_no_row_is_support_and_query_at_once(arm: str) -> None:
    steps = OneTableAStep(sources(arm), SEED)
    for task in map(steps.task, range(1, 9)):
        known = {row.tobytes() for row in task.x_support}
        assert not known & {row.tobytes() for row in task.x_query}


class Named:
    """Tasks that are told apart by their table."""

    def __init__(self, name: int) -> None:
        self.name = name

    def task(self, step: int) -> tuple[int, int]:
        return self.name, step


def drawn(steps: Sequence[int], seed: tuple[str | int, ...] = SEED) -> list[tuple[int, int]]:
    iris = embedded.load("iris")
    of = [Source(iris.take(np.arange(n)), Named(n)) for n in (16, 64, 144)]
    tasks = OneTableAStep(of, seed)
    return [tasks.task(step) for step in steps]


def test_a_table_is_drawn_as_often_as_the_root_of_its_rows_says() -> None:
    tables, often = np.unique([name for name, _ in drawn(range(3000))], return_counts=True)
    assert list(tables) == [16, 64, 144]
    assert often / 3000 == pytest.approx([4 / 24, 8 / 24, 12 / 24], abs=0.03)


def test_a_step_has_its_task_whatever_came_before() -> None:
    assert drawn(range(50, 0, -1))[::-1] == drawn(range(1, 51))
    assert drawn(range(50)) != drawn(range(50), ("transfer", 1))
    steps = OneTableAStep(sources("noise"), SEED)
    first, again = steps.task(3), (steps.task(1), steps.task(3))[1]
    assert np.array_equal(first.x_support, again.x_support)
    assert np.array_equal(first.y_query, again.y_query)
