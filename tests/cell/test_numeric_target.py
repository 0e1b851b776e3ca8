"""A cell of a numeric target goes the way of one of classes: nothing leaks, the same bits twice."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import tiny_model
from one_cell import run

from bench.cell.check import inconsistencies
from bench.cell.record import Record, fault, results_of, seal
from bench.datasets.splits import split
from bench.table import Table

MODEL = tiny_model.load(problem="regression")
METHODS = ("pretrained", "default_ft", "bootstrap", "noise", "table_augment", "mixed_model")
WORDS = ("finetune.steps=2", "finetune.lr=0.01")


@cache
def houses(n: int = 60) -> Table:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "area": rng.normal(size=n),
            "rooms": rng.integers(1, 6, size=n).astype(float),
            "town": pd.Categorical(rng.choice(["a", "b", "c"], size=n)),
        }
    )
    X.loc[::9, "area"] = np.nan
    price = 1000 * (2 * X["area"].fillna(0) + X["rooms"] + 0.1 * rng.normal(size=n))
    kinds = {"area": "numeric", "rooms": "integer", "town": "categorical"}
    return Table("houses", X, price.to_numpy(), kinds, (), "price")


@cache
def record(method: str, *words: str) -> Record:
    return run(MODEL, houses(), f"method={method}", *WORDS, *words)


def seen(made: Record) -> dict:
    """What a record tells of all that was learnt and chosen before the test rows were scored."""
    return {
        "chosen": (made["chosen_step"], made["last_step"]),
        "curves": {k: made["curves"].get(k) for k in ("train_loss", "validation", "validation_se")},
        "validation": {when: of["validation"] for when, of in made["metrics"].items()},
        "rows": made["synthetic"] and made["synthetic"]["fingerprint"],
    }


def with_values(table: Table, rows: np.ndarray) -> Table:
    """Other features and targets in these rows."""
    X, y = table.X.copy(), table.y.copy()
    X.loc[rows, "area"] = -50.0
    y[rows] = -1e6
    return replace(table, X=X, y=y)


@pytest.mark.parametrize("method", METHODS)
def test_it_ends_in_a_sound_record(method: str) -> None:
    made = record(method)
    assert made["status"] == "done", made["error"]
    assert fault(seal(made)) is None
    assert list(inconsistencies(made)) == []
    assert made["metric"] == {"name": "rmse", "greater_is_better": False}
    assert made["data"]["classes"] == 0
    assert made["metrics"]["chosen"]["test"]["rmse"] > 0
    assert not {"roc_auc_ovo", "log_loss"} & made["metrics"]["chosen"]["test"].keys()


@pytest.mark.parametrize("method", ["default_ft", "bootstrap", "table_augment"])
def test_the_same_cell_has_the_same_bits_and_another_seed_others(method: str) -> None:
    one = record(method)
    again = run(MODEL, houses(), f"method={method}", *WORDS)
    assert results_of(again) == results_of(one)
    other = record(method, "seed=1")
    assert other["metrics"]["pretrained"] == one["metrics"]["pretrained"]
    assert other["metrics"]["last"] != one["metrics"]["last"]


@pytest.mark.parametrize("method", ["default_ft", "bootstrap", "table_augment", "mixed_model"])
def test_the_test_rows_change_nothing_that_is_learnt(method: str) -> None:
    table = with_values(houses(), split(houses(), 0).test)
    other = run(MODEL, table, f"method={method}", *WORDS)
    assert seen(other) == seen(record(method))
    assert other["metrics"]["last"]["test"] != record(method)["metrics"]["last"]["test"]


def test_the_validation_rows_choose_and_teach_nothing() -> None:
    table = with_values(houses(), split(houses(), 0).validation)
    other, one = run(MODEL, table, "method=bootstrap", *WORDS), record("bootstrap")
    assert other["metrics"]["last"]["test"] == one["metrics"]["last"]["test"]
    assert other["curves"]["train_loss"] == one["curves"]["train_loss"]
    assert other["synthetic"]["fingerprint"] == one["synthetic"]["fingerprint"]
    assert other["metrics"]["last"]["validation"] != one["metrics"]["last"]["validation"]


@pytest.mark.parametrize("method", ["smote", "tabebm"])
def test_a_method_for_classes_alone_is_not_applicable_in_one_sentence(method: str) -> None:
    made = record(method)
    assert made["status"] == "not_applicable"
    assert made["error"]["message"].endswith(".")
    assert "houses" in made["error"]["message"]
    assert made["metric"]["name"] == "rmse"


def test_a_learning_rate_of_two_classes_is_none_of_numbers() -> None:
    made = record("default_ft", "finetune.lr_binary=1.0")
    assert made["curves"]["train_loss"] == record("default_ft")["curves"]["train_loss"]


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ("finetune.ema=0.9",),
        ("finetune.wise_ft=0.5",),
        ("finetune.wise_ft=chosen",),
        ("finetune.l2_sp=0.1",),
        ("finetune.bag=2",),
        ("finetune.bag=2", "finetune.heldout_in_support=true"),
        ("finetune.keep=last",),
        ("finetune.select_by=one_se",),
    ],
)
def test_every_way_to_fine_tune_serves_it(words: tuple[str, ...]) -> None:
    made = record("default_ft", *words)
    assert made["status"] == "done", made["error"]
    assert list(inconsistencies(made)) == []
    assert len(made["curves"]["validation"]["rmse"]) == 3
