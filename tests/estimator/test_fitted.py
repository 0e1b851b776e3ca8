"""What a fit leaves behind predicts in chunks, and travels between processes and machines."""

from __future__ import annotations

import io
import pickle
from copy import deepcopy
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from fitted_models import bits, fitted, table
from tiny_model import load as load_tiny
from tiny_tab2d import load as load_binned

from bench.errors import ModelError
from bench.estimator.fitted import Child, Fitted
from bench.models.memory import CHUNK, LessSupport, Memory
from bench.models.tab2d.forward import Context
from bench.predicted import Predicted, Predictions
from bench.seeds import generator as seeded

LONG = 2 * CHUNK + 10  # rows: three chunks


def at_once(model: Fitted) -> Predictions:
    """What the first child tells of all rows in one table."""
    child, backbone = model.children[0], model.backbone
    encoder, rng = backbone.encoder(child.context), seeded(*model.seed, "context rows")
    rows = {"rows": table(LONG, backbone.problem)}
    return backbone.score(encoder, child.context, rows, rng, Memory(scoring=CHUNK))(child.module)[
        "rows"
    ]


def numbers(told: Predictions) -> np.ndarray:
    return told.mean if isinstance(told, Predicted) else told


@pytest.mark.parametrize("problem", ["classification", "regression"])
def test_chunks_come_to_what_all_rows_come_to_at_once(problem: Any) -> None:
    model = fitted(problem)
    told = model.predict(table(LONG, problem))
    np.testing.assert_array_equal(numbers(told), numbers(at_once(model)))


def test_a_distribution_is_told_chunk_by_chunk() -> None:
    model = fitted("regression")
    binned = load_binned(20)
    rows = model.children[0].context
    whole = replace(model, backbone=binned, children=(Child(binned.module, rows),))
    told, expected = whole.predict(table(LONG, "regression")), at_once(whole)
    assert isinstance(told, Predicted)
    np.testing.assert_array_equal(told.mass, expected.mass)
    np.testing.assert_array_equal(told.edges, expected.edges)


def test_a_model_of_any_class_predicts_in_chunks() -> None:
    backbone = load_tiny()
    rows = table()
    model = replace(fitted(), backbone=backbone, children=(Child(backbone.module, rows),))
    np.testing.assert_allclose(model.predict(table(LONG)), at_once(model), rtol=0, atol=1e-6)


def test_a_bag_tells_the_mean_and_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bag = fitted(moved=(0.0, 0.01), held_out=True)
    encoded = []
    encode = Context.encode
    monkeypatch.setattr(Context, "encode", lambda *a: encoded.append(1) or encode(*a))
    done: list[tuple[int, int]] = []
    told = bag.predict(table(LONG), lambda *rows: done.append(rows))
    alone = [replace(bag, children=(child,)).predict(table(LONG)) for child in bag.children]
    np.testing.assert_allclose(told, np.mean(alone, axis=0), rtol=0, atol=1e-15)
    assert done == [(n, LONG) for n in (128, 256, 261, 389, 517, LONG)]
    assert len(encoded) == 4, "each child's context once for all rows"


def test_with_little_memory_all_rows_are_read_with_the_same_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The memory runs out behind the first chunk: what that came to is left behind."""
    model = fitted()
    attempt, calls = Memory.attempt, []

    def short(self: Memory, kind: str, compute: Any, n_support: int, n_queries: int) -> Any:
        calls.append(n_support)
        if len(calls) == 3:
            self.support = 20
            raise LessSupport
        return attempt(self, kind, compute, n_support, n_queries)

    monkeypatch.setattr(Memory, "attempt", short)
    told = model.predict(table(LONG))
    assert calls == [30] * 3 + [20] * 4
    backbone = replace(model.backbone, max_context=20)
    np.testing.assert_array_equal(told, replace(model, backbone=backbone).predict(table(LONG)))


def test_what_is_no_number_is_a_sentence() -> None:
    model = fitted()
    for weights in model.children[0].module.parameters():
        weights.data.fill_(torch.nan)
    with pytest.raises(ModelError, match=r"weights .* reach NaN"):
        model.predict(table())


def _joblib(model: Fitted) -> Fitted:
    file = io.BytesIO()
    joblib.dump(model, file)
    return joblib.load(file)


@pytest.mark.parametrize(
    "copied", [lambda model: pickle.loads(pickle.dumps(model)), _joblib, deepcopy]
)
def test_a_copy_predicts_the_same_bits(copied: Any) -> None:
    model = fitted(moved=(0.0, 0.01), held_out=True, threads=1)
    copy = copied(model)
    assert bits(copy) == bits(model)
    assert copy.report == model.report
    assert copy.children[0].module is not model.children[0].module


def test_no_weight_on_a_gpu_is_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    """`meta` stands for a device that whoever reads it has not."""
    model = fitted()
    asked: list[torch.device] = []
    monkeypatch.setattr(Fitted, "on", lambda self, device: asked.append(device) or model)
    there = replace(model, backbone=replace(model.backbone, device=torch.device("cuda")))
    read = pickle.loads(pickle.dumps(there))
    assert asked == [torch.device("cpu")]
    assert bits(read) == bits(model)


def test_threads_are_as_they_were_behind_a_prediction() -> None:
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        fitted(threads=1).predict(table(), lambda *rows: seen.append(torch.get_num_threads()))
        seen.append(torch.get_num_threads())
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 2]
