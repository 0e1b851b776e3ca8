"""A table whose training rows make no task is not applicable, by name; it is no failure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from one_cell import run, tiny

from bench.datasets.splits import split
from bench.table import Table


def table(name: str, a: np.ndarray, y: np.ndarray) -> Table:
    classes = tuple(f"class {i}" for i in range(int(y.max()) + 1))
    return Table(name, pd.DataFrame({"a": a.astype(float)}), y, {"a": "integer"}, classes, "target")


HALF, THIRDS = np.arange(40) % 2, np.arange(60) % 3
LONE = (np.arange(8) == 7).astype(int)  # the second class has one row
NO_TASK = {
    "one distinct row a class": table("twice", HALF, HALF),
    "three of them": table("thrice", THIRDS, THIRDS),
    "all rows equal": table("flat", np.ones(40), HALF),
    "a training part of one class": table("lone", np.arange(8), LONE),
}


def fold_of(made: Table) -> int:
    """The fold whose training part lacks a class, if there is one."""
    parts = [made.y[split(made, fold).train] for fold in range(3)]
    return int(np.argmin([len(np.unique(y)) for y in parts]))


@pytest.mark.parametrize(
    "method", ["default_ft", "bootstrap", "noise", "table_augment", "causalmixft"]
)
@pytest.mark.parametrize("what", NO_TASK)
def test_it_is_not_applicable_to_whatever_trains_on_real_rows(what: str, method: str) -> None:
    made = NO_TASK[what]
    record = run(tiny(), made, f"method={method}", f"fold={fold_of(made)}")
    assert record["status"] == "not_applicable", record["error"]
    told = record["error"]["message"]
    assert f"dataset '{made.name}'" in told
    assert told.endswith(".")
    assert (record["metrics"], record["curves"], record["synthetic"]) == ({}, {}, None)


@pytest.mark.long
@pytest.mark.parametrize("what", NO_TASK)
def test_the_pretrained_model_needs_no_task(what: str) -> None:
    made = NO_TASK[what]
    record = run(tiny(), made, "method=pretrained", f"fold={fold_of(made)}")
    assert record["status"] == "done", record["error"]


def test_rows_that_are_made_around_two_points_make_a_task_where_these_do_not() -> None:
    record = run(tiny(), NO_TASK["one distinct row a class"], "method=gaussian_copula")
    assert record["status"] == "done", record["error"]


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_a_class_of_one_row_or_a_part_of_one_class_still_runs(fold: int) -> None:
    """Where training holds both: what validation or the test lacks is noted, not made up."""
    made = NO_TASK["a training part of one class"]
    record = run(tiny(), made, "method=default_ft", f"fold={fold}")
    if fold == fold_of(made):
        assert record["status"] == "not_applicable"
        return
    assert record["status"] == "done", record["error"]
    assert record["metrics"]["last"]["test"]["roc_auc_ovo"] is None
    assert record["metrics"]["last"]["test"]["log_loss"] > 0
