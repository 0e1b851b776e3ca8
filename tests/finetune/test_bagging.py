"""Predictions of children put together; patience that adapts; a learning rate of small tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from autogluon.core.utils.early_stopping import AdaptiveES
from hypothesis import given, settings
from hypothesis import strategies as st
from recipes import recipe
from torch import nn

from bench.finetune.bagging import Bagging
from bench.finetune.loop import Finetuned
from bench.scores.log_loss import log_loss

LABELS = {"validation": np.array([0, 1, 1, 0]), "test": np.array([1, 0, 1])}
PLACES = [np.array([0, 2]), np.array([1, 3])]


def predicted(rng: np.random.Generator, place: np.ndarray) -> dict[str, np.ndarray]:
    of_class = {"validation": rng.uniform(0.1, 0.9, len(place)), "test": rng.uniform(0.1, 0.9, 3)}
    return {part: np.stack([p, 1 - p], axis=1) for part, p in of_class.items()}


def bagged(lengths: list[int], chosen: list[int]):
    """A bag of children that came to so many evaluations; with it what each told, in order."""
    bagging = Bagging(PLACES, LABELS, recipe(), lambda p: p)
    rng, told = np.random.default_rng(0), []
    for place, length, best in zip(PLACES, lengths, chosen, strict=True):
        evaluations = [predicted(rng, place) for _ in range(length)]
        for step, probabilities in enumerate(evaluations):
            bagging.watch(step, probabilities)
        curves = {"step": list(range(length)), "train_loss": [None, *np.arange(1.0, length)]}
        ends = evaluations[0], evaluations[best], evaluations[-1]
        one_class = {"validation": LABELS["validation"][place], "test": LABELS["test"]}
        made = Finetuned(nn.Module(), best, length - 1, *ends, one_class, curves)
        bagging.add(made, {"train": 2, "validation": 2})
        told.append(evaluations)
    return bagging.ended(), told


def test_test_rows_are_averaged_and_held_out_rows_are_their_own_child_s():
    bag, told = bagged([5, 5], [3, 0])
    for when, at in (("pretrained", (0, 0)), ("chosen", (3, 0)), ("last", (4, 4))):
        found = getattr(bag, when)
        one, two = (of[i] for of, i in zip(told, at, strict=True))
        assert np.allclose(found["test"], (one["test"] + two["test"]) / 2, atol=1e-15)
        assert (found["validation"][[0, 2]] == one["validation"]).all()
        assert (found["validation"][[1, 3]] == two["validation"]).all()
    assert [(child.chosen_step, child.last_step) for child in bag.children] == [(3, 4), (0, 4)]


@pytest.mark.parametrize("lengths", [[5, 3], [3, 5]])
def test_curves_are_of_the_evaluations_that_all_children_came_to(lengths: list[int]):
    bag, told = bagged(lengths, [1, 2])
    assert bag.curves["step"] == [0, 1, 2]
    assert bag.curves["train_loss"] == [None, 1.0, 2.0]
    for i, value in enumerate(bag.curves["test"]["log_loss"]):
        mean = np.mean([of[i]["test"] for of in told], axis=0)
        assert value == pytest.approx(log_loss(LABELS["test"], mean), abs=1e-12)
    out_of_fold = np.empty((4, 2))
    for of, place in zip(told, PLACES, strict=True):
        out_of_fold[place] = of[2]["validation"]
    assert bag.curves["validation"]["log_loss"][2] == log_loss(LABELS["validation"], out_of_fold)


@settings(max_examples=30)
@given(
    least=st.integers(1, 60),
    more=st.integers(0, 60),
    rate=st.sampled_from([0.0, 0.2, 0.3, 1.0]),
    offset=st.integers(0, 30),
    best=st.integers(0, 1000),
)
def test_patience_grows_as_autogluon_s(least, more, rate, offset, best):
    ours = replace(
        recipe(),
        patience=least,
        max_patience=least + more,
        patience_rate=rate,
        patience_offset=offset,
    )
    theirs = AdaptiveES(rate, offset, least, least + more)
    theirs.update(best, is_best=True)
    assert ours.patience_after(best) == theirs.patience


def test_patience_is_constant_unless_it_is_asked_to_grow():
    assert {replace(recipe(), patience=7).patience_after(best) for best in range(50)} == {7}


@pytest.mark.parametrize(
    ("n_classes", "n_rows", "lr"),
    [(2, 100, 3e-6), (2, 101, 1e-5), (3, 100, 1e-5)],
)
def test_small_binary_tables_may_have_a_learning_rate_of_their_own(n_classes, n_rows, lr):
    mitra_v2 = replace(recipe(), lr=1e-5, lr_binary=3e-6, lr_binary_rows=100)
    assert mitra_v2.lr_of(n_classes, n_rows) == lr
    assert recipe().lr_of(2, 1) == recipe().lr


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"heldout_in_support": True}, "finetune.bag is 1, so that no child holds a fold out"),
        ({"patience": 9, "max_patience": 8}, "max_patience is 8, below finetune.patience=9"),
    ],
)
def test_settings_that_contradict_each_other_are_told(given, words):
    assert words in (replace(recipe(), **given).contradiction() or "")
    assert recipe().contradiction() is None
