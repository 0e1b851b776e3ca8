"""A cell of a bag: its children are cells of their own folds, put together, and nothing leaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_model
from omegaconf import OmegaConf
from one_cell import composed, folder_of_rows, run

from bench.cell import predictions
from bench.cell.attempt import Attempt
from bench.cell.run import seed_of
from bench.cli import main
from bench.datasets.bags import Bag, pieces
from bench.datasets.embedded import load
from bench.datasets.splits import split
from bench.finetune.loop import finetune
from bench.finetune.sources import RealTasks
from bench.models.memory import CHUNK, Memory
from bench.process import Clock
from bench.seeds import generator as seeded
from bench.table import Table

BAG = ("finetune.bag=3", "finetune.steps=2", "finetune.patience=9")
MODEL = tiny_model.load()


def at(record: dict[str, Any], when: str, part: str) -> np.ndarray:
    return predictions.at(record["predictions"], when, part, record["data"]["classes"])[1]


def children(table: Table, *words: str) -> list[Any]:
    """What each child of a bag comes to."""
    config = OmegaConf.to_object(
        composed(("dataset=iris", *BAG, *words, f"results_dir={folder_of_rows()}"))
    )
    seed = seed_of(table, 0, 0)
    attempt = Attempt(config, MODEL, "code", Clock(), Memory(scoring=CHUNK), seed)
    bag = Bag.of(table, 0, 3)
    return [[*attempt.tuned(fold, ("child", i))][-1] for i, fold in enumerate(bag.children)]


def with_row(table: Table, row: int) -> Table:
    """The table with other features in one row."""
    X = table.X.copy()
    X.iloc[row] = X.iloc[(row + 1) % len(X)].to_numpy() * 1.5
    return replace(table, X=X)


def test_its_probabilities_are_the_mean_of_children_run_by_hand():
    table = load("iris")
    record = run(MODEL, table, *BAG)
    config = OmegaConf.to_object(composed(("dataset=iris", *BAG)))
    bag, seed = Bag.of(table, 0, 3), ("cell", "iris", 0, 0)
    out_of_fold = np.zeros((len(bag.held_out), 3))
    tests = []
    for i, (fold, place) in enumerate(zip(bag.children, bag.places, strict=True)):
        encoder, memory = MODEL.encoder(fold.train), Memory(scoring=CHUNK)
        score = MODEL.score(encoder, fold.train, fold.parts, seeded("context"), memory)
        source = RealTasks(fold.train, encoder, config.finetune, (*seed, "child", i))
        made = finetune(MODEL, source, score, fold.labels, 3, config.finetune, memory)
        tests.append(made.last["test"])
        out_of_fold[place] = made.last["validation"]
        assert record["children"][i]["chosen_step"] == made.chosen_step
        assert record["children"][i]["rows"] == {"train": len(fold.train), "validation": len(place)}
    assert np.abs(at(record, "last", "test") - np.mean(tests, axis=0)).max() < 1e-5
    assert np.abs(at(record, "last", "validation") - out_of_fold).max() < 1e-5
    assert record["data"]["rows"] == {"train": 0, "validation": 100, "test": 50}
    assert record["curves"]["step"] == [0, 1, 2]
    assert record["curves"]["test"]["log_loss"][-1] == record["metrics"]["last"]["test"]["log_loss"]


@pytest.mark.parametrize("joined", ["true", "false"])
def test_another_test_row_changes_its_own_prediction_and_nothing_else(joined: str):
    table = load("iris")
    words = (*BAG, f"finetune.heldout_in_support={joined}")
    row = int(split(table, 0).test[7])
    one, two = run(MODEL, table, *words), run(MODEL, with_row(table, row), *words)
    changed = (at(one, "last", "test") != at(two, "last", "test")).any(axis=1)
    assert changed.sum() == 1
    for when in ("pretrained", "chosen", "last"):
        assert (at(one, when, "validation") == at(two, when, "validation")).all()
    for key in ("children", "data"):
        assert one[key] == two[key]
    for key in ("step", "train_loss", "validation"):
        assert one["curves"][key] == two["curves"][key]


def test_with_the_held_out_fold_in_its_support_a_child_reads_all_rows_at_prediction():
    table = load("iris")
    bag = Bag.of(table, 0, 3)
    joined = run(MODEL, table, *BAG, "finetune.heldout_in_support=true")
    apart = run(MODEL, table, *BAG)
    everything = MODEL.score(
        MODEL.encoder(bag.whole), bag.whole, {"test": bag.test}, seeded("context"), Memory()
    )(MODEL.module)["test"]
    assert np.abs(at(joined, "pretrained", "test") - everything).max() < 1e-5
    assert np.abs(at(apart, "pretrained", "test") - everything).max() > 1e-4
    assert (at(joined, "last", "validation") == at(apart, "last", "validation")).all()


@pytest.mark.long
def test_a_child_s_synthetic_rows_know_nothing_of_the_fold_that_it_holds_out():
    table = load("iris")
    words = ("method=noise", "method.mixing.fresh=false")
    outer = np.setdiff1d(np.arange(len(table)), split(table, 0).test)
    row = int(outer[pieces(table, 0, 3) == 1][4])
    one, two = (children(t, *words) for t in (table, with_row(table, row)))
    same = [
        a.generation.rows.fingerprint() == b.generation.rows.fingerprint()
        for a, b in zip(one, two, strict=True)
    ]
    assert same == [False, True, False]
    keys = {child.generation.synthetic["key"] for child in one}
    assert len(keys) == 3


def test_a_class_with_fewer_rows_than_children_is_no_hindrance():
    iris = load("iris")
    few = np.r_[np.arange(100), [100, 101, 102]]
    record = run(MODEL, iris.take(few), *BAG[1:], "finetune.bag=8")
    assert record["status"] == "done"
    assert len(record["children"]) == 8
    assert any("is held out by" in note for note in record["data"]["notes"])


@pytest.mark.long
def test_a_bag_of_one_is_no_bag():
    record = run(MODEL, load("iris"), "finetune.bag=1")
    assert record["children"] == []
    assert "bag" not in record["identity"]["parts"]["finetune"]
    other = run(MODEL, load("iris"), "finetune.bag=2")
    assert other["identity"]["parts"]["finetune"]["bag"] == 2


def test_the_pre_trained_model_is_in_no_bag():
    one, two = (run(MODEL, load("iris"), "method=pretrained", f"finetune.bag={n}") for n in (1, 4))
    assert one["identity"] == two["identity"]
    assert one["predictions"] == two["predictions"]
    assert two["children"] == []


@pytest.mark.long
def test_the_verbs_read_its_record_and_make_it_again(tmp_path: Path, capsys: pytest.CaptureFixture):
    folder = str(tmp_path / "bags")
    words = ["dataset=iris", "method=default_ft", "finetune.bag=2", "finetune.steps=2"]
    assert main(["run", *words, f"results_dir={folder}"]) == 0
    assert main(["verify", folder]) == 0
    assert "Reproduced: 1 of 1 cell, 1 to the bit." in capsys.readouterr().out
    assert main(["show", "iris/default_ft/0", folder]) == 0
    assert "children:\n- chosen_step:" in capsys.readouterr().out
    assert main(["status", folder]) == 0
    assert main(["diff", folder, folder]) == 0


@pytest.mark.parametrize("word", ["finetune.bag=0", "finetune.heldout_in_support=true"])
def test_what_cannot_be_bagged_is_told_before_anything_is_written(word: str, tmp_path: Path):
    words = ["dataset=iris", "method=default_ft", word, f"results_dir={tmp_path / 'none'}"]
    assert main(["run", *words]) == 2
    assert not (tmp_path / "none").exists()
