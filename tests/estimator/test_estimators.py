"""The two estimators keep scikit-learn's contract, and read what people's tables hold."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from bench.estimator import FineTunedClassifier, FineTunedRegressor

TINY = {"_target_": "tiny_model.load"}
N = 60
ESTIMATORS = {"classification": FineTunedClassifier, "regression": FineTunedRegressor}
FAILS_OF_REGRESSION = {  # what the contract asks for and is not kept, and why
    "check_regressors_train": "the tests' model predicts too badly, mitra-nano does not",
}


def estimator(problem: str = "classification", **given: Any) -> Any:
    return ESTIMATORS[problem](
        **{"model": TINY, "generator": None, "steps": 2, "threads": 1, **given}
    )


@pytest.mark.long
@parametrize_with_checks([estimator()])
def test_a_classifier_keeps_scikit_learn_s_contract(estimator: Any, check: Any) -> None:
    held_to(estimator, check)


@pytest.mark.slow  # most of it is the classifier's
@parametrize_with_checks(
    [estimator("regression")], expected_failed_checks=lambda _: FAILS_OF_REGRESSION
)
def test_a_regressor_keeps_scikit_learn_s_contract(estimator: Any, check: Any) -> None:
    held_to(estimator, check)


def held_to(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.fixture(scope="module")
def X() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=N),
            "text": rng.choice(["a", "b", "ü"], N),
            "category": pd.Categorical(rng.choice(["x", "y"], N)),
            "flag": rng.random(N) > 0.5,
            "day": pd.date_range("2020-01-01", periods=N),
            "Whole": pd.array(rng.integers(0, 5, N), dtype="Int64"),
            "string": pd.array(rng.choice(["q", "r"], N), dtype="string"),
        },
        index=rng.permutation(N) * 7,
    )
    frame.iloc[3, 0], frame.iloc[5, 1], frame.iloc[7, 5] = np.nan, None, pd.NA
    return frame


@pytest.fixture(scope="module")
def y(X: pd.DataFrame) -> np.ndarray:
    return np.where(X["number"].fillna(0) > 0, "yes", "no")


class TestATableOfOnesOwn:
    def test_columns_of_all_types_are_read_and_nothing_is_changed(self, X: Any, y: Any) -> None:
        before = X.copy(deep=True), y.copy()
        model = estimator(select_by="last").fit(X, y)
        told = model.predict_proba(X.sample(frac=1, random_state=1)[X.columns])
        pd.testing.assert_frame_equal(X, before[0])
        assert (y == before[1]).all()
        assert told.shape == (N, 2)
        assert model.classes_.tolist() == ["no", "yes"]
        assert model.score(X, y) > 0.5

    def test_truth_values_of_pandas_are_predicted_as_such(self, X: Any, y: Any) -> None:
        model = estimator().fit(X, pd.array(y == "yes", dtype="boolean"))
        assert model.classes_.tolist() == [False, True]
        assert model.classes_.dtype == bool

    def test_a_column_that_is_called_as_the_target_is_a_feature(self, X: Any, y: Any) -> None:
        named = X.rename(columns={"text": "y"})
        model = estimator().fit(named, y)
        assert model.fitted_.schema.target == "y_"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.predict(named)

    def test_columns_may_be_named_by_their_places_in_numpy_s_numbers(self, X: Any, y: Any) -> None:
        model = estimator().fit(X, y, categorical=[np.int64(5)])
        assert model.fitted_.schema.kinds["Whole"] == "categorical"

    def test_numbers_as_names_are_names(self, X: Any, y: Any) -> None:
        plain = X[["number", "text", "flag"]].set_axis([0, 1, 2], axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = estimator(select_by="last").fit(plain, y)
            told = model.predict_proba(plain)
            assert (model.predict_proba(plain[[2, 0, 1]]) == told).all()
            assert (model.predict_proba(plain.to_numpy()) == told).all()
        assert not hasattr(model, "feature_names_in_")
        years = plain.set_axis([2020, 2021, ""], axis=1)
        model = estimator().fit(years, y)
        assert model.feature_names_in_.tolist() == ["2020", "2021", "column_3"]
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(plain.set_axis([2020, 2021, 2022], axis=1))

    @pytest.mark.parametrize("labels", [[0, 1], [True, False], ["b", "a"], [2.0, 7.0]])
    def test_predictions_are_labels_as_they_were_given(self, X: Any, y: Any, labels: Any) -> None:
        given = np.where(y == "yes", labels[0], labels[1])
        predicted = estimator().fit(X, given).predict(X)
        assert predicted.dtype == given.dtype
        assert set(predicted) <= set(given)

    def test_a_level_not_seen_before_is_warned_of_once_a_call(self, X: Any, y: Any) -> None:
        model = estimator().fit(X, y)
        with pytest.warns(UserWarning, match="'new'") as told:
            model.predict(X.assign(text="new"))
        assert len(told) == 1

    def test_an_array_is_read_by_the_places_of_its_columns(self, X: Any, y: Any) -> None:
        array = X.to_numpy()
        model = estimator().fit(array, y, categorical=[5])
        assert not hasattr(model, "feature_names_in_")
        assert model.fitted_.schema.kinds["x5"] == "categorical"
        with pytest.warns(UserWarning, match="fitted without feature names"):
            named = model.predict_proba(X)
        assert (model.predict_proba(array) == named).all()

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"y": ["a"] * N}, "y has only one class, 'a'"),
            ({"y": np.arange(N) % 11}, "y has 11 classes; at most 10"),
            ({"X": np.ones((N, 2))}, "no feature column with two or more values"),
            ({"X": np.eye(N, 501) + np.arange(N)[:, None] % 2}, "501 features"),
            ({"X": pd.DataFrame(np.eye(N, 2), columns=["a", " a"])}, "'a' stands in X twice"),
            ({"X_val": np.eye(N)}, "X_val and y_val belong together"),
            (
                {"X": np.array([[f"l\ud800{i % 2}"] for i in range(N)])},
                "X holds text that is no Uni",
            ),
            ({"categorical": ["no"]}, "no column 'no'"),
            ({"categorical": [7]}, "categorical names column 7; X has 7"),
            ({"categorical": [True, False]}, "categorical holds True; expected columns' names or"),
            ({"categorical": [1.5]}, "categorical holds 1.5; expected columns' names or places"),
            ({"y": np.array(["a", 1] * (N // 2), dtype=object)}, "types that have no order"),
        ],
    )
    def test_what_cannot_be_used_is_told_in_a_sentence(
        self, X: Any, y: Any, change: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(ValueError, match=told):
            estimator().fit(**{"X": X, "y": y, **change})

    def test_rows_without_a_target_are_left_out_and_noted(self, X: Any, y: Any) -> None:
        target = pd.Series(y).mask(np.arange(N) % 10 == 0)
        for given in (target, target.to_numpy(), target.where(target.isna(), target == "yes")):
            model = estimator().fit(X, given)
            assert any("6 rows without a value" in note for note in model.report_.columns)
        assert model.classes_.tolist() == [False, True]

    def test_handed_in_validation_rows_are_read_alike(self, X: Any, y: Any) -> None:
        model = estimator(select_by="last").fit(X[:40], y[:40], X[40:], y[40:])
        assert model.report_.rows["validation"] == N - 40
        with pytest.raises(ValueError, match="y_val holds 'maybe'"):
            estimator().fit(X[:40], y[:40], X[40:], np.full(N - 40, "maybe"))
        with pytest.raises(ValueError, match="y_val has no value in 20 of 20 rows"):
            estimator().fit(X[:40], y[:40], X[40:], np.full(N - 40, None))
        with pytest.raises(ValueError, match=r"y_val row 1 holds '(yes|no)', which is no number"):
            estimator("regression").fit(X[:40], np.arange(40) / 7, X[40:], y[40:])

    def test_handed_in_values_are_read_as_those_that_are_fitted(self, X: Any) -> None:
        values = np.arange(N) + 0.5
        text = np.array([f"${number:.2f}" for number in values], dtype=object)
        bases = [
            estimator("regression").fit(X[:40], given[:40], X[40:], given[40:]).report_.base
            for given in (text, values)
        ]
        assert bases[0] == bases[1]
        days, endless = pd.date_range("2024", periods=20), np.full(20, np.inf)
        faults = ((days, "which is no number"), (endless, "no finite number in 20 rows"))
        for odd, told in faults:
            with pytest.raises(ValueError, match=told):
                estimator("regression").fit(X[:40], values[:40], X[40:], odd)

    def test_later_values_are_read_by_the_mark_that_they_prove(self, X: Any) -> None:
        values = np.arange(N) * 250.5 + 1000
        german = np.array(
            [f"{number:_.2f}".replace(".", ",").replace("_", ".") for number in values]
        )
        bases = [
            estimator("regression").fit(X[:40], given[:40], X[40:], given[40:]).report_.base
            for given in (german, values)
        ]
        assert bases[0] == bases[1]

    def test_validation_rows_that_are_learnt_from_are_noted(self, X: Any, y: Any) -> None:
        model = estimator().fit(X, y, X[50:], y[50:])
        assert any("10 of 10 rows of X_val stand in X too" in n for n in model.report_.notes)

    def test_what_keeps_the_base_unasked_is_warned_of(self, X: Any) -> None:
        with pytest.warns(UserWarning, match="base model is kept: .*SMOTE serves classification"):
            estimator("regression", generator="smote").fit(X, np.arange(N) / 7)


class TestHabits:
    def test_it_prints_its_report_once_it_is_fitted(self, X: Any, y: Any) -> None:
        model = estimator()
        assert str(model) == repr(model)
        model.fit(X, y)
        assert str(model) == str(model.report_)
        assert repr(model).startswith("FineTunedClassifier(")
        assert "FineTunedClassifier" in model._repr_html_()
        assert clone(model).get_params() == model.get_params()

    @pytest.mark.parametrize("problem", ESTIMATORS)
    def test_it_pickles_in_a_pipeline(self, X: Any, y: Any, problem: str) -> None:
        y = y if problem == "classification" else np.arange(N) / 7
        line = make_pipeline(FunctionTransformer(), estimator(problem, select_by="last", bag=2))
        line.fit(X, y)
        assert (pickle.loads(pickle.dumps(line)).predict(X) == line.predict(X)).all()

    def test_it_is_searched_and_cross_validated(self, X: Any, y: Any) -> None:
        search = GridSearchCV(estimator(), {"lr": [1e-3, 1e-2]}, cv=2).fit(X, y)
        assert search.best_params_["lr"] in (1e-3, 1e-2)
        scores = cross_val_score(estimator(), X, y, cv=2, scoring="roc_auc")
        assert (scores > 0.5).all()

    @pytest.mark.parametrize("seed", [3, np.random.RandomState(3), None])
    def test_any_random_state(self, X: Any, y: Any, seed: Any) -> None:
        model = estimator(random_state=seed).fit(X, y)
        again = clone(model).fit(X, y)
        assert (model.fitted_.seed == again.fitted_.seed) == isinstance(seed, int)

    def test_a_random_state_that_no_file_could_keep_is_refused_before_the_fit(
        self, X: Any, y: Any
    ) -> None:
        with pytest.raises(ValueError, match=r"^random_state is \d+; expected a number of 64 bits"):
            estimator(random_state=2**70).fit(X, y)

    def test_parameters_may_be_numbers_of_numpy_as_grids_have_them(self, X: Any, y: Any) -> None:
        given = {"steps": np.int64(2), "lr": np.float32(1e-3), "bag": np.int64(2)}
        more = {"time_limit": np.int64(99), "threads": np.int64(1), "join_validation": np.True_}
        model = estimator(**given, **more).fit(X, y)
        assert model.report_.settings["finetune"]["steps"] == 2
        assert type(model.get_params()["steps"]) is np.int64  # parameters are never changed

    def test_rows_that_are_none_are_told_in_a_sentence(self, X: Any, y: Any) -> None:
        with pytest.raises(ValueError, match="Expected 2D array"):
            estimator().fit(X, y).predict(None)

    def test_it_says_how_long_the_rest_takes_if_it_is_asked(
        self, X: Any, y: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bench.estimator.estimators.EVERY", 0.0)
        estimator(verbose=0).fit(X, y)
        assert capsys.readouterr() == ("", "")
        estimator(verbose=1).fit(X, y)
        assert "2 of 2 steps" in capsys.readouterr().err
