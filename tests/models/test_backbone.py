"""The contract of a backbone suffices: a model that is nothing like `Tab2D` goes a cell's way."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from one_cell import run
from tiny_model import load

from bench.datasets import embedded
from bench.errors import TableError


@pytest.mark.parametrize(
    "method", ["default_ft", "pretrained", "table_augment", "tabebm method.generator.steps=2"]
)
def test_a_cell_runs_over_a_model_of_another_kind(method: str) -> None:
    name, *more = method.split()
    recipe = ["finetune.steps=6", "finetune.lr=0.05", "finetune.keep=last"]
    backbone = load()
    weights = copy.deepcopy(backbone.module.state_dict())
    record = run(backbone, embedded.load("haberman"), *recipe, f"method={name}", *more)
    assert record["status"] == "done", record["error"]
    for name, kept in backbone.module.state_dict().items():
        assert torch.equal(kept, weights[name]), "fine-tuning works on a copy"
    scores: dict[str, Any] = record["metrics"]
    assert scores["pretrained"]["test"]["roc_auc_ovo"] > 0.5
    before, after = (scores[when]["validation"]["log_loss"] for when in ("pretrained", "last"))
    assert (after != before) == (method != "pretrained")


def test_what_a_model_draws_in_training_is_the_cells_own_and_scores_draw_nothing() -> None:
    """Dropout once drew from whatever torch had come to, and noise was in the scores."""
    records = []
    for state in (1, 2):
        torch.manual_seed(state)
        backbone = load()
        backbone.module.drop.p = 0.5
        recipe = ["finetune.steps=3", "finetune.lr=0.05", "finetune.eval_every=1"]
        records.append(run(backbone, embedded.load("haberman"), *recipe, "method=default_ft"))
        assert torch.initial_seed() == state, "what others draw is not touched"
    assert records[0]["curves"] == records[1]["curves"]
    dull = run(load(), embedded.load("haberman"), *recipe, "method=default_ft")
    assert dull["metrics"]["pretrained"] == records[0]["metrics"]["pretrained"]
    assert dull["curves"]["train_loss"] != records[0]["curves"]["train_loss"]


def test_what_is_beyond_its_limits_is_refused() -> None:
    iris = embedded.load("iris")
    load().check(iris)
    with pytest.raises(TableError, match="'iris' has 3 classes, this model takes at most 2"):
        load(max_classes=2).check(iris)
    with pytest.raises(TableError, match="'iris' has 4 features, this model takes at most 3"):
        load(max_features=3).check(iris)
