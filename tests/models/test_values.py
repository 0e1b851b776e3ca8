"""`Tab2D` of a numeric target: what it reads and tells, held against AutoGluon's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from autogluon.tabular.models.mitra._internal.config.enums import Task
from autogluon.tabular.models.mitra._internal.data.preprocessor import Preprocessor
from autogluon.tabular.models.mitra.sklearn_interface import MitraRegressor
from autogluons import without_autocast
from hypothesis import given
from hypothesis import strategies as st
from tiny_tab2d import load as model

from bench.cell.model import identity_of
from bench.datasets import embedded
from bench.datasets.splits import Fold
from bench.errors import ModelError, TableError
from bench.models.memory import CHUNK, Memory
from bench.models.tab2d.checkpoint import Checkpoint, load
from bench.models.tab2d.scale import Scale
from bench.models.tab2d.values import HIGH, LOW, ValueEncoder
from bench.models.weights import CARRIED, NANO
from bench.table import Problem

LIMITS: dict[str, Any] = {"max_features": 500, "max_context": 8192, "device": "cpu"}


@pytest.fixture(scope="module")
def fold() -> Fold:
    return Fold.of(embedded.load("servo"), 0)


def told(backbone: Checkpoint, fold: Fold) -> Any:
    encoder = backbone.encoder(fold.train)
    rng, memory = np.random.default_rng(0), Memory(scoring=CHUNK)
    score = backbone.score(encoder, fold.train, fold.parts, rng, memory)
    return score(backbone.module)["test"]


def of_autogluon(backbone: Checkpoint, fold: Fold) -> np.ndarray:
    """AutoGluon's module and preprocessing, outputs (q,) or (q, n_outputs)."""
    encoder, test = backbone.encoder(fold.train), fold.parts["test"]
    x, x_query = encoder._codes(fold.train), encoder._codes(test)
    names = ("use_quantile_transformer", "use_feature_count_scaling", "use_random_transforms")
    names += ("shuffle_classes", "shuffle_features", "random_mirror_regression", "random_mirror_x")
    stock = Preprocessor(None, 0, 1, **dict.fromkeys(names, False), task=Task.REGRESSION)
    stock.fit(x, fold.train.y)
    y = torch.from_numpy(stock.transform_y(fold.train.y))[None]
    if backbone.max_classes > 1:
        edges = torch.linspace(LOW, HIGH, backbone.max_classes + 1)
        y = (torch.bucketize(y, edges) - 1).clamp(0, backbone.max_classes - 1)
    arrays = [torch.from_numpy(stock.transform_X(part))[None] for part in (x, x_query)]
    padding = [torch.zeros(1, n, dtype=torch.bool) for n in (arrays[0].shape[2], len(x), len(test))]
    with torch.no_grad():
        outputs = backbone.module(arrays[0].clone(), y, arrays[1].clone(), *padding)[0]
    if backbone.max_classes == 1:
        return stock.inverse_transform_y(outputs.numpy())
    centres = (edges[1:] + edges[:-1]) / 2
    return stock.inverse_transform_y((outputs.softmax(-1) @ centres).numpy())


@pytest.mark.parametrize("n_outputs", [1, 50])
def test_predictions_are_those_of_autogluons_own(n_outputs: int, fold: Fold) -> None:
    backbone = model(n_outputs)
    ours, theirs = told(backbone, fold), of_autogluon(backbone, fold)
    assert np.allclose(ours.mean, theirs, rtol=0, atol=1e-4)
    assert np.ptp(theirs) > 1e-3
    assert ours.scale == fold.train.y.std()


@pytest.mark.filterwarnings("ignore:In CPU autocast", "ignore:'pin_memory' argument")
def test_predictions_are_those_of_mitra_regressor(
    fold: Fold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AutoGluon's class, from the same files."""
    without_autocast(monkeypatch)
    model(1).module.save_pretrained(str(tmp_path))
    backbone = load(str(tmp_path), **LIMITS, problem="regression")
    theirs = MitraRegressor(
        hf_model=str(tmp_path), device="cpu", fine_tune=False, random_mirror_x=False,
        random_mirror_regression=False, verbose=False,
    )  # fmt: skip
    encoder = backbone.encoder(fold.train)
    x, x_query = (encoder._codes(part) for part in (fold.train, fold.parts["test"]))
    theirs.fit(x.copy(), fold.train.y, x.copy(), fold.train.y)
    expected = theirs.predict(x_query)
    assert np.allclose(told(backbone, fold).mean, expected, rtol=0, atol=1e-4)
    assert np.ptp(expected) > 1e-3


def test_bins_have_a_distribution_and_a_single_output_has_none(fold: Fold) -> None:
    assert not told(model(1), fold).has_distribution
    of_bins = told(model(50), fold)
    assert of_bins.mass.shape == (len(of_bins), 50)
    assert np.allclose(of_bins.mass.sum(axis=1), 1)
    low, high = fold.train.y.min(), fold.train.y.max()
    reach = low + (high - low) * np.array([LOW, HIGH])
    assert np.allclose(of_bins.edges[[0, -1]], reach)
    assert np.allclose(of_bins.mean, of_bins.mass @ (of_bins.edges[1:] + of_bins.edges[:-1]) / 2)


def test_a_value_is_read_as_its_bin_and_beyond_the_bins_as_the_last(fold: Fold) -> None:
    encoder = ValueEncoder(8).fit(fold.train)
    low, high = fold.train.y.min(), fold.train.y.max()
    scaled = np.array([-9, -0.5, -0.3, 0, 0.6, 1, 1.49, 9])
    read = encoder.encode_y(low + scaled * (high - low))
    assert read.tolist() == [0, 0, 0, 1, 4, 5, 7, 7]


def test_the_loss_is_cross_entropy_of_bins_and_squared_error_of_a_single_output() -> None:
    outputs, bins = torch.zeros(3, 50), torch.tensor([0, 7, 49])
    assert model(50).loss(outputs, bins, 50).item() == pytest.approx(np.log(50))
    values = torch.tensor([1.0, 2.0, 4.0])
    assert model(1).loss(torch.ones(3, 1), values, 1).item() == pytest.approx(10 / 3)


def test_a_model_of_the_other_problem_is_refused() -> None:
    with pytest.raises(ModelError, match=r"is for classification, .* use model=mitra_regressor or"):
        load(str(NANO), **LIMITS, problem="regression")
    with pytest.raises(ModelError, match=r"is for regression, .* use model=mitra or"):
        load(str(CARRIED["regression"]), **LIMITS)
    nano = load(None, **LIMITS, problem="regression")
    nano.check(embedded.load("servo"))
    with pytest.raises(ModelError, match="tells of no classes"):
        nano.smooth()
    assert nano.problem == "regression"  # a cell of classes is not applicable to it


# --- scales of the target -----------------------------------------------------------------------

FLOATS = st.floats(-1e300, 1e300)
KINDS = ("minmax", "normal")


@pytest.mark.parametrize("kind", KINDS)
@given(y=st.lists(FLOATS, min_size=2, max_size=30).map(np.array))
def test_a_scale_leads_back_and_keeps_the_order(kind: Any, y: np.ndarray) -> None:
    if np.ptp(y / 2) < 1e-290:
        return
    scale = Scale.of(y, kind, "made")
    scaled = scale.scaled(y)
    assert scaled.min() == 0
    assert scaled.max() == 1
    assert (np.diff(scaled[np.argsort(y, kind="stable")]) >= 0).all()
    reach = np.ptp(y / 2) * 2
    assert np.allclose(scale.back(scaled) / reach, y / reach, rtol=1e-9, atol=1e-8)
    ends = scale.back(np.array([-0.5, 1.5]))  # beyond the rows one range is one unit
    assert np.allclose(ends / reach, np.array([y.min() / reach - 0.5, y.max() / reach + 0.5]))


def test_an_outlier_squeezes_the_range_and_not_the_ranks() -> None:
    y = np.append(np.random.default_rng(0).normal(size=200), 1e6)
    squeezed, kept = (Scale.of(y, kind, "made").scaled(y[:-1]) for kind in KINDS)
    assert np.ptp(squeezed) < 1e-4
    assert np.ptp(kept) > 0.8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1e300, 2e300, -3e300], id="huge"),
        pytest.param([1e-300, 2e-300, 5e-300], id="tiny"),
        pytest.param([1e16, 1e16 + 2, 1e16 + 8], id="far from 0"),
        pytest.param([0.3, 0.1 + 0.2, 7.0], id="next to each other"),
        pytest.param([0.0] * 50 + [1.0], id="hardly any but one"),
    ],
)
def test_bins_tell_of_any_target(kind: Any, values: list[float], fold: Fold) -> None:
    y = np.resize(values, len(fold.train))
    encoder = ValueEncoder(50, kind).fit(replace(fold.train, y=y))
    assert np.isfinite(encoder.encode_y(np.append(y, [1e308, -1e308]))).all()
    outputs = np.random.default_rng(0).normal(size=(9, 50))
    predicted = encoder.decode(outputs, 0)  # which itself refuses what is no distribution
    middles = predicted.edges[1:] / 2 + predicted.edges[:-1] / 2
    assert np.allclose(predicted.mean, predicted.mass @ middles, rtol=1e-9)
    assert predicted.edges[0] < y.min() < y.max() < predicted.edges[-1]


def test_a_target_without_news_is_refused_in_one_sentence(fold: Fold) -> None:
    for y in (np.zeros(9), np.full(9, 1e308)):
        with pytest.raises(TableError, match="'servo' has one value of the target in all of its 9"):
            ValueEncoder(1).fit(replace(fold.train.take(range(9)), y=y))
    wide = np.array([1e308, -1e308, 0.0])
    with pytest.raises(TableError, match="whose range float64 cannot hold; divide them by"):
        ValueEncoder(1).fit(replace(fold.train.take(range(3)), y=wide))


def test_the_scale_names_a_model_of_numbers_alone_and_not_at_its_default() -> None:
    config = {"_target_": "bench.models.tab2d.checkpoint.load", "path": None}
    for problem in get_args(Problem):
        known = [
            identity_of(config | more, problem=problem)
            for more in ({}, {"target_scale": "minmax"}, {"target_scale": "normal"})
        ]
        assert known[0] == known[1]
        assert (known[1] != known[2]) == (problem == "regression")
        assert "problem" not in known[0]
