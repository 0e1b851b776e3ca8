"""An estimator that was fitted, saved and loaded, or pickled, is the estimator."""

from __future__ import annotations

import io
import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny_tab2d import load as load_tiny

from bench.errors import ModelError
from bench.estimator import FineTunedClassifier, FineTunedRegressor

N = 40


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network, in a folder."""
    folder = tmp_path_factory.mktemp("checkpoint")
    backbone = load_tiny(10, problem="classification")
    backbone.save(backbone.module, folder)
    return folder


def rows() -> pd.DataFrame:
    """What people have: numbers, text, categories, dates and holes, under names of any kind."""
    rng = np.random.default_rng(0)
    job = rng.choice(["cook", "nurse", "tailor"], N).astype(object)
    job[::7] = None
    size = pd.Categorical(rng.choice(["L", "S"], N), categories=["XS", "S", "L"], ordered=True)
    age = pd.array(rng.integers(20, 70, N), dtype="Int64")
    age[3] = pd.NA
    when = pd.date_range("2024-01-01", periods=N)
    return pd.DataFrame(
        {"größe": rng.normal(size=N), " job ": job, "size": size, "age": age, "d": when}
    )


def classes() -> np.ndarray:
    return np.where(np.arange(N) % 3, "ill", "well")


@pytest.fixture(scope="module")
def classifier(checkpoint: Path) -> FineTunedClassifier:
    model = FineTunedClassifier(str(checkpoint), generator=None, steps=2, bag=2, random_state=7)
    return model.fit(rows(), classes())


@pytest.fixture(scope="module")
def regressor() -> FineTunedRegressor:
    model = FineTunedRegressor(generator=None, steps=1, random_state=3)
    return model.fit(rows()[["age", "größe"]].to_numpy(dtype=float), np.arange(N) / 3)


def unseen() -> pd.DataFrame:
    """Other rows, the columns in the order of the fit, with a level that was not there."""
    return rows().assign(**{" job ": "smith"})


def told(model: Any, X: Any) -> tuple[bytes, list[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the level
        return model.predict_proba(X).tobytes(), model.predict(X).tolist()


@pytest.mark.long
def test_a_classifier_is_loaded_as_it_was_saved(
    classifier: FineTunedClassifier, tmp_path: Path
) -> None:
    classifier.save(tmp_path / "model")
    loaded = FineTunedClassifier.load(tmp_path / "model")
    for X in (rows(), unseen()):
        assert told(loaded, X) == told(classifier, X)
    assert loaded.classes_.tolist() == classifier.classes_.tolist() == ["ill", "well"]
    assert loaded.feature_names_in_.tolist() == classifier.feature_names_in_.tolist()
    assert loaded.n_features_in_ == 5
    assert str(loaded) == str(classifier)
    assert {"steps": 2, "bag": 2, "generator": None}.items() <= loaded.get_params().items()


@pytest.mark.parametrize("names", [[0, 1], [2020, ""]])
def test_columns_without_names_are_read_as_before(
    names: list[Any], checkpoint: Path, tmp_path: Path
) -> None:
    X = rows()[["größe", "age"]].set_axis(names, axis=1)
    model = FineTunedClassifier(str(checkpoint), generator=None, steps=1).fit(X, classes())
    model.save(tmp_path / "model")
    loaded = FineTunedClassifier.load(tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert told(loaded, X) == told(model, X)
        assert (loaded.predict(X) == model.predict(X)).all()
    later = X[names[::-1]] if names == [0, 1] else X
    assert told(loaded, later) == told(model, later) == told(model, X)


def test_a_regressor_of_an_array_is_loaded_as_it_was_saved(
    regressor: FineTunedRegressor, tmp_path: Path
) -> None:
    X = rows()[["age", "größe"]].to_numpy(dtype=float)
    regressor.save(tmp_path / "model")
    loaded = FineTunedRegressor.load(tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # that it was fitted with names, or without
        np.testing.assert_array_equal(loaded.predict(X), regressor.predict(X))
    told = {"generator", "model", "random_state", "validation_share"}
    assert {k: loaded.get_params()[k] for k in told} == {k: regressor.get_params()[k] for k in told}
    with pytest.raises(ModelError, match="is for regression, FineTunedClassifier for class"):
        FineTunedClassifier.load(tmp_path / "model")


def _joblib(model: Any) -> Any:
    file = io.BytesIO()
    joblib.dump(model, file)
    return joblib.load(file)


@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), _joblib])
def test_a_pickled_one_predicts_the_same_bits_in_a_pipeline_too(
    classifier: FineTunedClassifier, copied: Any
) -> None:
    assert told(copied(make_pipeline(FunctionTransformer(), classifier)), unseen()) == told(
        classifier, unseen()
    )
    assert not hasattr(clone(copied(classifier)), "fitted_")
