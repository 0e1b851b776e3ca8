"""What generators make of a numeric target: kept by copies, a column or a node like any other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf
from test_generators import (
    METHODS,
    make_table,
    numbers,
    only_categorical,
    plain,
    split_by_keys,
    whole_numbers,
)

from bench.errors import TableError
from bench.generator import BrokenPromise, Generator, NotApplicable, require_rows
from bench.table import Table, for_problem
from generators.bootstrap import Bootstrap
from generators.gaussian_copula import GaussianCopula
from generators.mixed_model import CLASSIFIERS, MixedModel
from generators.noise import Noise
from generators.parts.completion import Completion
from generators.scm import SCM, Target
from generators.scm.coding import Coding
from generators.scm.discovery import Discovery
from generators.table_augment import TableAugment

fixed = partial(SCM, selection="fixed")  # test_scm_selection.py tells of what a table chooses

FAST = Discovery(resamples=2)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def linear(n: int = 400) -> Table:
    """Cause → target → effect, and a column of noise."""
    draws = rng(1).normal(size=(4, n))
    y = draws[0] + 0.5 * draws[1]
    return make_table({"cause": draws[0], "effect": y + 0.5 * draws[2], "other": draws[3]}, y * 10)


# --- who serves what --------------------------------------------------------------------------


class OfClasses(Generator):
    """As a contributor writes it who knows of no numbers: it deals rows out by their classes."""

    def fit(self, table: Table, rng: np.random.Generator) -> OfClasses:
        self.table_, self.counts_ = table, table.class_counts()
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        return self.table_.take(rng.choice(len(self.table_), size=n))


def test_a_generator_that_says_nothing_of_numbers_is_asked_for_none() -> None:
    generator = OfClasses()
    with pytest.raises(NotApplicable) as refusal:
        generator.fit(numbers(), rng())
    assert str(refusal.value) == (
        "OfClasses serves classification only (its `problems`), and dataset 'made' is one of "
        "regression."
    )
    assert not vars(generator)


def test_one_that_inherits_from_a_generator_of_numbers_serves_them() -> None:
    class Copies(Bootstrap):
        def fit(self, table: Table, rng: np.random.Generator) -> Copies:
            return super().fit(table=table, rng=rng)

    assert len(Copies().fit(numbers(), rng()).sample(5, rng())) == 5


@pytest.mark.parametrize("generator", [MixedModel(), TableAugment(), GaussianCopula()])
def test_a_target_that_does_not_vary_teaches_nothing(generator: Generator) -> None:
    with pytest.raises(NotApplicable, match=r"target") as refusal:
        generator.fit(replace(numbers(), y=np.full(90, 3.5)), rng())
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(("y", "told"), [(99.0, "gave 99 in column 'target'"), (4.0, None)])
def test_the_range_that_is_promised_is_the_targets_too(y: float, told: str | None) -> None:
    table = linear()
    rows = replace(table.take([0, 1]), y=np.array([0.5, y]))
    assert require_rows(rows, 2, table, stays_in_range=told is None) is rows
    if told:
        with pytest.raises(BrokenPromise, match=told):
            require_rows(rows, 2, table, stays_in_range=True)


def test_rows_of_classes_do_not_stand_for_rows_of_numbers() -> None:
    table = linear()
    rows = replace(table.take([0]), y=np.array([0]), classes=("no", "yes"))
    with pytest.raises(BrokenPromise, match="other columns or classes"):
        require_rows(rows, 1, table, stays_in_range=True)


def test_a_target_of_no_number_is_refused_where_rows_are_made() -> None:
    with pytest.raises(TableError, match="missing or infinite in 1 of 1 rows"):
        linear().with_rows(linear().X[:1], np.array([np.inf]))


# --- copies and near copies -------------------------------------------------------------------


def test_a_bootstrap_of_numbers_draws_each_row_for_itself() -> None:
    """About 1 − 1/e of them; shares of every single value would draw each exactly once."""
    rows = Bootstrap().fit(linear(), rng()).sample(400, rng(2))
    assert len(set(rows.row_keys())) / 400 == pytest.approx(1 - np.exp(-1), abs=0.05)


def test_a_changed_row_keeps_the_target_of_its_original() -> None:
    table = numbers()
    rows = Noise().fit(table, rng()).sample(300, rng(1))
    known = dict(zip(table.row_keys().tolist(), table.y.tolist(), strict=True))
    assert rows.y.tolist() == [known[origin] for origin in rows.origins.tolist()]
    assert not np.isin(rows.row_keys(), table.row_keys()).all()


# --- new tasks --------------------------------------------------------------------------------


def test_a_new_target_of_a_task_of_numbers_is_a_number() -> None:
    table = numbers()
    generator = TableAugment(min_features=1.0, retarget=1.0).fit(table, rng())
    targets = set()
    for seed in range(8):
        support, query = generator.task(*split_by_keys(table, seed), rng(seed))
        assert (support.problem, query.problem) == ("regression", "regression")
        assert support.kinds["target"] == query.kinds["target"] == "numeric"
        assert not set(support.row_keys()) & set(query.row_keys())
        assert set(support.y) <= set(table.X[support.target])
        assert set(support.X["target"]) <= set(table.y)
        targets.add(support.target)
    assert targets == {"size", "weight", "count"}


def test_where_no_column_is_a_number_the_target_stays() -> None:
    table = replace(only_categorical(), y=rng().normal(size=80), classes=())
    generator = TableAugment(retarget=1.0).fit(table, rng())
    support, query = generator.task(*split_by_keys(table, 0), rng())
    assert (support.target, query.target) == ("target", "target")


# --- a column like any other ------------------------------------------------------------------


def test_a_target_of_whole_numbers_comes_back_whole_and_in_range() -> None:
    table = whole_numbers()
    rows = Completion.learn(table, "A test")
    scores = rows.encode_y(table.y)
    assert scores.mean() == pytest.approx(0)
    assert scores.std() == pytest.approx(1)
    assert rows.decode_y(scores).tolist() == table.y.tolist()
    far = rows.decode_y(np.array([-9.0, 0.01, 9.0]))
    assert far.tolist() == [table.y.min(), round(far[1]), table.y.max()]


@pytest.mark.long
def test_a_copula_keeps_what_columns_tell_of_the_target() -> None:
    table = linear()
    rows = GaussianCopula("copulas.univariate.GaussianUnivariate").fit(table, rng())
    made = rows.sample(400, rng(1))
    for column in table.X:
        real, drawn = (np.corrcoef(t.X[column], t.y)[0, 1] for t in (table, made))
        assert drawn == pytest.approx(real, abs=0.1)


# --- Mixed-Model ------------------------------------------------------------------------------


def learner(kind: str, **settings: object) -> MixedModel:
    return MixedModel(1, 1, classifiers={kind: CLASSIFIERS[kind]}, **settings)


@pytest.mark.parametrize("kind", [kind for kind in CLASSIFIERS if kind != "naive_bayes"])
def test_every_regressor_serves_numbers(kind: str) -> None:
    rows = learner(kind).fit(numbers(), rng()).sample(50, rng())
    assert len(set(rows.y)) > 10


def test_what_mixed_model_says_of_numbers_holds_on_real_rows() -> None:
    table = linear()
    made = learner("logistic_regression").fit(table, rng()).sample(400, rng())
    slopes, *_ = np.linalg.lstsq(made.X, made.y, rcond=None)
    real, *_ = np.linalg.lstsq(table.X, table.y, rcond=None)
    assert slopes == pytest.approx(real, abs=1.0)
    assert np.std(made.y - made.X @ slopes) == pytest.approx(
        np.std(table.y - table.X @ real), rel=0.2
    )


def test_labels_without_noise_are_the_regressors_own() -> None:
    made = learner("logistic_regression", labels="argmax").fit(linear(), rng()).sample(200, rng())
    inside = (made.y > made.y.min()) & (made.y < made.y.max())  # not cut to the range
    X = np.column_stack([made.X[inside], np.ones(inside.sum())])
    left = np.linalg.lstsq(X, made.y[inside], rcond=None)[1]
    assert left.sum() == pytest.approx(0, abs=1e-9)


def test_a_zoo_without_a_regressor_says_so() -> None:
    with pytest.raises(NotApplicable, match="classifiers are naive_bayes only"):
        learner("naive_bayes").fit(numbers(), rng())


# --- structural causal models -----------------------------------------------------------------


def test_a_setting_may_be_another_for_numbers_and_no_cell_of_classes_tells_of_it() -> None:
    node = OmegaConf.to_container(OmegaConf.load(METHODS / "scm.yaml").generator)
    assert for_problem(node, "classification") == {**node, "target": "root"}
    assert for_problem(node, "regression") == {**node, "target": "sink"}
    assert for_problem([{"target": "free"}, None], "regression") == [{"target": "free"}, None]
    for table, target in ((linear(60), Target.sink), (plain(), Target.root)):
        assert fixed(FAST, n_dags=1).fit(table, rng()).target_ is target


@pytest.mark.long
@pytest.mark.parametrize("target", list(Target))
def test_a_numeric_target_is_a_node_of_the_graph(target: Target) -> None:
    table = linear()
    generator = fixed(FAST, n_dags=2, target=target).fit(table, rng())
    node = len(generator.graph_.names) - 1
    for dag in generator.dags_:
        children = sum(node in parents for parents in dag)
        assert (len(dag[node]) == 0) or target != Target.root
        assert (children == 0) or target != Target.sink
        assert len(dag[node]) + children >= 2  # cause and effect
    made = generator.sample(400, rng(1))
    for column in table.X:
        real, drawn = (np.corrcoef(t.X[column], t.y)[0, 1] for t in (table, made))
        assert drawn == pytest.approx(real, abs=0.1)
    assert np.quantile(made.y, [0.1, 0.5, 0.9]) == pytest.approx(
        np.quantile(table.y, [0.1, 0.5, 0.9]), abs=2.0
    )  # of a standard deviation of 11


def test_values_are_missing_where_the_target_is_as_in_the_training_rows_they_were_missing_at() -> (
    None
):
    table = linear()
    X = table.X.assign(other=table.X["other"].where(table.y < 0))
    coding = Coding().fit(replace(table, X=X))
    made = coding.decode(coding.codes_[rng().integers(400, size=2000)], rng(1))
    missing = made.X["other"].isna().to_numpy()
    low, high = np.quantile(table.y, [0.35, 0.65])
    assert missing[made.y > high].all()
    assert not missing[made.y < low].any()
    assert missing.mean() == pytest.approx(X["other"].isna().mean(), abs=0.05)


def test_a_numeric_target_of_few_values_keeps_them() -> None:
    table = whole_numbers()
    coding = Coding().fit(table)
    scores = rng().normal(size=200)
    codes = np.zeros((200, len(coding.nodes_)))
    codes[:, coding.target] = scores
    made = coding.decode(codes, rng(1))
    assert set(made.y) <= set(table.y)
    assert coding.decode(coding.codes_, rng(1)).y.tolist() == table.y.tolist()
    assert pd.Series(made.y).corr(pd.Series(scores), method="spearman") > 0.95
