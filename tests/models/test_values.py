"""`Tab2D` of a numeric target: what it reads and tells, held against AutoGluon's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from autogluon.tabular.models.mitra._internal.config.enums import Task
from autogluon.tabular.models.mitra._internal.data.preprocessor import Preprocessor
from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D

from bench.datasets import embedded
from bench.datasets.splits import Fold
from bench.errors import ModelError, TableError
from bench.models.memory import CHUNK, Memory
from bench.models.tab2d.checkpoint import Checkpoint, load
from bench.models.tab2d.values import HIGH, LOW, ValueEncoder
from bench.models.weights import NANO

LIMITS: dict[str, Any] = {"max_features": 500, "max_context": 8192, "device": "cpu"}


def model(n_outputs: int) -> Checkpoint:
    torch.manual_seed(0)
    module = Tab2D(
        dim=16,
        dim_output=n_outputs,
        n_layers=2,
        n_heads=2,
        task="REGRESSION",
        use_pretrained_weights=False,
        path_to_weights="",
        device="cpu",
    )
    return Checkpoint(
        module=module.eval(),
        max_classes=n_outputs,
        max_features=500,
        max_context=8192,
        device=torch.device("cpu"),
        problem="regression",
    )


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
        y = torch.bucketize(y, edges[1:-1], right=True)
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
    read = encoder.encode_y(low + scaled * (high - low) + 1e-9)
    assert read.tolist() == [0, 0, 0, 2, 4, 6, 7, 7]


def test_the_loss_is_cross_entropy_of_bins_and_squared_error_of_a_single_output() -> None:
    outputs, bins = torch.zeros(3, 50), torch.tensor([0, 7, 49])
    assert model(50).loss(outputs, bins, 50).item() == pytest.approx(np.log(50))
    values = torch.tensor([1.0, 2.0, 4.0])
    assert model(1).loss(torch.ones(3, 1), values, 1).item() == pytest.approx(10 / 3)


def test_a_model_of_the_other_problem_is_refused() -> None:
    with pytest.raises(ModelError, match="is for classification, not for regression"):
        load(str(NANO), **LIMITS, problem="regression")
    nano = load(None, **LIMITS, problem="regression")
    nano.check(embedded.load("servo"))
    with pytest.raises(TableError, match="for classification, this model for regression"):
        nano.check(embedded.load("iris"))
