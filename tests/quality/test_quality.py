"""The measures of synthetic rows have the values that one works out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kruskal, ks_2samp, spearmanr
from sdmetrics.single_column import KSComplement, TVComplement
from sklearn.metrics import roc_auc_score

from bench.datasets import embedded
from bench.datasets.splits import split
from bench.quality import measures
from bench.quality.arrays import Columns
from bench.quality.measures import quality
from bench.quality.utility import tstr_r2, tstr_roc_auc, utility
from bench.table import Table
from scripts.rows.sources import IndependentColumns

NAN = np.nan


def table(y, numeric=None, categorical=None, classes=("no", "yes"), levels=None) -> Table:
    """Columns n0, n1, … and c0, c1, … under one schema."""
    columns: dict[str, object] = {}
    kinds = {}
    for i, values in enumerate(numeric or []):
        columns[f"n{i}"] = np.asarray(values, dtype=np.float64)
        kinds[f"n{i}"] = "numeric"
    for i, values in enumerate(categorical or []):
        columns[f"c{i}"] = pd.Categorical(list(values), categories=list(levels or "abc"))
        kinds[f"c{i}"] = "categorical"
    X = pd.DataFrame(columns, index=range(len(y)))
    return Table("t", X, np.asarray(y), kinds, tuple(classes), "target")


def parts(name: str, rows: int = 500) -> tuple[Table, Table]:
    whole = embedded.load(name)
    part = split(whole, 0)
    chosen = np.random.default_rng(0).permutation(part.train)[:rows]
    return whole.take(chosen).prune_levels(), whole.take(part.test)


@pytest.fixture(scope="module")
def vehicle() -> tuple[Table, Table]:
    return parts("vehicle")


@pytest.fixture(scope="module")
def heart() -> tuple[Table, Table]:
    return parts("heart-disease")


@pytest.mark.long
@pytest.mark.parametrize("name", ["vehicle", "heart-disease", "hepatitis"])
def test_a_table_against_itself_is_perfect_and_all_copies(name):
    train, test = parts(name)
    scores = quality(train, train, np.random.default_rng(0), test)
    assert scores == {
        "marginal_distance": 0.0,
        "correlation_error": 0.0,
        "detection_auc": 0.5,
        "distance_to_closest": 0.0,
        "copies": 1.0,
        "frechet_distance": pytest.approx(0, abs=1e-9),
        "tstr_roc_auc": tstr_roc_auc(train, test),
        "detection_auc_unseen": scores["detection_auc_unseen"],
        "global_utility": 1.0,
    }
    assert scores["tstr_roc_auc"] > 0.7


# ---------------------------------------------------------------- marginals
def test_the_marginal_distance_of_numbers_is_the_kolmogorov_smirnov_statistic():
    real = table([0, 0, 1, 1], numeric=[[1, 2, 3, 4]])
    synthetic = table([0, 0, 1, 1], numeric=[[3, 4, 5, 6]])
    # F(2) = ½ against 0, and the target's margins agree: (½ + 0) / 2.
    assert measures.marginal_distance(real, synthetic) == pytest.approx(0.25)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=80), rng.normal(0.5, 2, size=80)
    y = np.zeros(80, dtype=int)
    ours = 2 * measures.marginal_distance(table(y, numeric=[a]), table(y, numeric=[b]))
    assert ours == pytest.approx(ks_2samp(a, b).statistic)


def test_the_marginal_distance_of_levels_and_target_is_total_variation():
    real = table([0, 0, 1, 1], categorical=["aabb"])
    synthetic = table([0, 1, 1, 1], categorical=["abcc"])
    # c0: ½(|½ − ¼| + |½ − ¼| + |0 − ½|) = ½; target: ½(¼ + ¼) = ¼.
    assert measures.marginal_distance(real, synthetic) == pytest.approx((0.5 + 0.25) / 2)


def test_a_missing_value_counts_as_a_level():
    y = [0, 0, 1, 1]
    numbers = measures.marginal_distance(
        table(y, numeric=[[1, 2, 3, 4]]), table(y, numeric=[[NAN, 2, 3, NAN]])
    )
    levels = measures.marginal_distance(
        table(y, categorical=["aabb"]), table(y, categorical=[["a", "a", "b", NAN]])
    )
    # Numbers: below ∞ there is all of one and half of the other. Levels: a quarter has moved.
    assert numbers == pytest.approx(0.5 / 2)
    assert levels == pytest.approx(0.25 / 2)


# ---------------------------------------------------------------- dependence
def test_numbers_are_associated_by_spearmans_rho():
    rng = np.random.default_rng(0)
    a = rng.normal(size=60)
    b = np.exp(a) + rng.normal(size=60)
    matrix = measures.association(Columns.of(table([0, 1] * 30, numeric=[a, b])))
    assert matrix[0, 1] == pytest.approx(spearmanr(a, b).statistic)


def test_a_number_and_a_level_are_associated_by_their_correlation_ratio():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1], 30)
    a = rng.normal(size=60) + groups
    matrix = measures.association(Columns.of(table(groups, numeric=[a])))
    eta_squared = kruskal(a[:30], a[30:]).statistic / 59
    assert matrix[0, 1] == pytest.approx(np.sqrt(1 - (1 - eta_squared) * 59 / 58))


def test_levels_are_associated_by_the_bias_corrected_v_of_cramer():
    # 2×2 table 20, 10, 10, 20: φ² = χ²/n = 1/9, less 1/59; levels 2 − 1/59.
    y = np.repeat([0, 0, 1, 1], [20, 10, 10, 20])
    column = "a" * 20 + "b" * 10 + "a" * 10 + "b" * 20
    matrix = measures.association(Columns.of(table(y, categorical=[column])))
    assert matrix[0, 1] == pytest.approx(np.sqrt((1 / 9 - 1 / 59) / (1 - 1 / 59)))


def test_what_is_decided_has_association_one_and_what_is_constant_none():
    y = np.repeat([0, 1], 20)
    rows = table(
        y, numeric=[np.full(40, 3.0)], categorical=["a" * 20 + "b" * 20, "c" * 40], levels="abc"
    )
    matrix = measures.association(Columns.of(rows))
    expected = np.zeros((4, 4))
    expected[np.ix_([1, 3], [1, 3])] = 1.0
    np.testing.assert_allclose(matrix, expected, atol=1e-12)


def test_the_sign_of_a_dependence_counts():
    a = np.arange(20.0)
    y = [0, 1] * 10
    same, turned = table(y, numeric=[a, a]), table(y, numeric=[a, -a])
    target_part = abs(measures.association(Columns.of(same))[0, 2])
    assert measures.correlation_error(same, turned) == pytest.approx(2 / 3, abs=target_part)
    assert measures.correlation_error(same, turned) >= 2 / 3


def test_independent_columns_keep_the_marginals_and_lose_the_dependence(vehicle):
    train, test = vehicle
    rng = np.random.default_rng(0)
    permuted = IndependentColumns().fit(train, rng).sample(len(train), rng)
    scores = quality(train, permuted, rng, test)
    assert scores["marginal_distance"] == 0
    assert scores["correlation_error"] > 0.3
    assert scores["detection_auc"] > 0.95
    assert scores["tstr_roc_auc"] < 0.65
    assert scores["global_utility"] < 0.15
    assert scores["distance_to_closest"] > 2
    assert scores["copies"] == 0


# ---------------------------------------------------------------- detection
def test_fresh_rows_of_the_same_distribution_are_hard_to_tell():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(600, 4))
    y = (rows.sum(axis=1) > 0).astype(int)
    halves = [table(y[p], numeric=list(rows[p].T)) for p in (slice(300), slice(300, 600))]
    assert measures.detection_auc(*halves, rng) == pytest.approx(0.5, abs=0.06)


def test_shifted_rows_are_told_and_a_wrong_label_alone_too():
    rng = np.random.default_rng(0)
    a = rng.normal(size=300)
    y = (a > 0).astype(int)
    real = table(y, numeric=[a])
    assert measures.detection_auc(real, table(y, numeric=[a + 5]), rng) > 0.95
    assert measures.detection_auc(real, table(1 - y, numeric=[a]), rng) > 0.95


# ---------------------------------------------------------------- train on synthetic, test on real
def test_a_class_without_a_synthetic_row_gets_probability_zero():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    a = y * 10 + rng.normal(size=120)
    names = ("low", "middle", "high")
    test = table(y, numeric=[a], classes=names)
    without = table(y[:80], numeric=[a[:80]], classes=names)
    # Class 2 scores 0 everywhere: against 0 and 1 its own column says nothing (½), while theirs
    # tell 1 from 2 no more than 2 looks like 1, and 0 from 2 fully.
    assert tstr_roc_auc(test, test) == 1.0
    probabilities = np.zeros((120, 3))
    probabilities[np.arange(120), np.minimum(y, 1)] = 1
    expected = roc_auc_score(y, probabilities, multi_class="ovo")
    assert tstr_roc_auc(without, test) == pytest.approx(expected, abs=0.08)


def test_rows_of_one_class_teach_nothing():
    test = table([0, 1, 0, 1], numeric=[[1, 2, 3, 4]])
    assert tstr_roc_auc(table([1, 1], numeric=[[1, 2]]), test) == 0.5


def test_the_test_rows_may_hold_levels_that_the_synthetic_rows_do_not_know():
    train = table([0, 1] * 30, categorical=["ab" * 30], levels="ab")
    test = table([0, 1, 0, 1], categorical=["abcc"], levels="abc")
    assert 0.5 <= tstr_roc_auc(train, test) <= 1


# ---------------------------------------------------------------- numeric targets
def quantities(y, **columns) -> Table:
    made = table([0] * len(y), **columns)
    return replace(made, y=np.asarray(y, dtype=np.float64), classes=())


def test_a_numeric_target_is_one_more_numeric_column():
    real = quantities([1, 2, 3, 4], categorical=["aabb"])
    synthetic = quantities([3, 4, 5, 6], categorical=["abbb"])
    # F(2) of the target: ½ against 0; c0: total variation ¼.
    assert measures.marginal_distance(real, synthetic) == pytest.approx((0.5 + 0.25) / 2)
    rng = np.random.default_rng(0)
    a = rng.normal(size=60)
    y = np.exp(a) + rng.normal(size=60)
    matrix = measures.association(Columns.of(quantities(y, numeric=[a])))
    assert matrix.shape == (2, 2)
    assert matrix[0, 1] == pytest.approx(spearmanr(a, y).statistic)
    assert measures.correlation_error(
        quantities(y, numeric=[a]), quantities(-y, numeric=[a])
    ) == pytest.approx(2 * abs(matrix[0, 1]))
    other = quantities(y + 5, numeric=[a])
    assert measures.detection_auc(quantities(y, numeric=[a]), other, rng) > 0.9


def test_a_line_is_worth_what_it_explains_and_the_mean_of_others_nothing():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 200))
    train, test = (quantities(3 * x, numeric=[x]) for x in a)
    (name, worth), *none = utility(train, test).items()
    assert (name, none) == ("tstr_r2", [])
    assert 0.95 < worth < 1
    # Ridge regression of a constant, and boosting, predict it: below the test rows' mean by bias².
    away = replace(train, y=np.full(200, test.y.mean() + 2 * test.y.std()))
    assert tstr_r2(away, test) == pytest.approx(-4)
    assert tstr_r2(away.select([]), test.select([])) == pytest.approx(-4)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_the_worth_of_rows_does_not_hang_on_the_targets_unit(scale):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 100))
    plain = [quantities(v + 0.5, numeric=[v]) for v in x]
    scaled = [replace(t, y=t.y * scale) for t in plain]
    assert tstr_r2(*scaled) == pytest.approx(tstr_r2(*plain))
    scores = quality(*scaled, rng, scaled[1])
    assert "tstr_roc_auc" not in scores
    assert np.isfinite(list(scores.values())).all()


def test_a_target_that_does_not_vary_on_test_rows_has_no_worth():
    real = quantities([1, 2, 3, 4], numeric=[[1, 2, 3, 4]])
    assert utility(real, real.take([2, 2])) == {"tstr_r2": None}


# ---------------------------------------------------------------- closeness
def test_the_distance_to_the_closest_row_is_gowers_in_units_of_the_real_rows():
    real = table([0, 0, 1, 1], numeric=[[0, 4, 8, 10]], categorical=["aabb"], levels="ab")
    # Among real rows: (.4 + 0)/2, (.4 + 0)/2, (.2 + 0)/2, (.2 + 0)/2; median .15.
    synthetic = table([0, 1], numeric=[[2, 20]], categorical=["ab"], levels="ab")
    # 2, a: (.2 + 0)/2 = .1; 20, b: at most one range away, (1 + 0)/2 = .5; median .3.
    assert measures.distance_to_closest(real, synthetic) == pytest.approx(0.3 / 0.15)


def test_a_missing_value_is_one_range_away_from_any_number_and_equal_to_a_missing_one():
    real = table([0, 1, 1], numeric=[[0, 1, 4]])
    holes = table([0], numeric=[[NAN]])
    # Among real rows ¼, ¼, ¾; median ¼.
    assert measures.distance_to_closest(real, holes) == pytest.approx(1 / 0.25)
    real = table([0, 1, 1, 1], numeric=[[0, 1, 4, NAN]])
    assert measures.distance_to_closest(real, holes) == 0.0


def test_copies_are_counted_by_their_features_whatever_their_label():
    real = table([0, 1], numeric=[[1, 2]], categorical=["ab"])
    synthetic = table([1, 1, 0, 0], numeric=[[1, 2, 2, 3]], categorical=["abaa"])
    assert measures.copies(real, synthetic) == 0.5


def test_the_frechet_distance_of_a_shift_is_its_squared_length_in_standard_deviations():
    rng = np.random.default_rng(0)
    a = rng.normal(5, 3, size=200)
    y = rng.integers(2, size=200)
    real, shifted = table(y, numeric=[a]), table(y, numeric=[a + 2 * a.std()])
    assert measures.frechet_distance(real, shifted) == pytest.approx(4)
    # A column twice as wide about its mean: (1 − 2)², less what it shares with the target.
    wide = table(y, numeric=[a.mean() + 2 * (a - a.mean())])
    assert measures.frechet_distance(real, wide) == pytest.approx(1, abs=0.05)


# ---------------------------------------------------------------- the whole
def test_same_generator_same_scores(heart):
    train, test = heart
    scores = [quality(train, test, np.random.default_rng(5)) for _ in range(2)]
    assert scores[0] == scores[1]


def test_odd_columns_give_numbers_and_no_warnings(recwarn):
    y = [0, 1] * 10
    real = table(
        y,
        numeric=[np.full(20, NAN), np.full(20, 2.0), np.r_[NAN, np.arange(19.0)]],
        categorical=[[NAN] * 20, "a" * 20],
    )
    scores = quality(real, real, np.random.default_rng(0), real)
    assert scores.pop("global_utility") is None  # nothing tells of anything
    assert np.isfinite(list(scores.values())).all()
    assert scores["correlation_error"] == 0
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


def test_a_table_of_few_rows_or_no_features_gives_numbers_or_none():
    one = table([1], numeric=[[1.0]])
    none = table([0, 1, 0, 1])
    assert quality(one, one, np.random.default_rng(0))["detection_auc"] is None
    assert quality(none, none, np.random.default_rng(0))["marginal_distance"] == 0


def test_tables_of_other_schemas_and_empty_ones_are_refused():
    real = table([0, 1], numeric=[[1, 2]])
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="must share columns, kinds and classes"):
        quality(real, table([0, 1], categorical=["ab"]), rng)
    with pytest.raises(ValueError, match="needs real and synthetic rows"):
        quality(real, real.take([]), rng)


# ---------------------------------------------------------------- against sdmetrics
def test_marginal_distance_is_one_minus_the_mean_of_sdmetrics_complements():
    """On complete data; KSComplement and TVComplement leave missing values out."""
    train, _ = parts("credit-g")
    rng = np.random.default_rng(0)
    made = IndependentColumns().fit(train, rng).sample(400, rng)
    assert train.X.notna().all(axis=None)
    complements = [
        (
            TVComplement if train.kinds[c] == "categorical" else
            KSComplement
        ).compute(train.X[c], made.X[c])
        for c in train.X.columns
    ]  # fmt: skip
    complements.append(TVComplement.compute(pd.Series(train.y), pd.Series(made.y)))
    assert 1 - measures.marginal_distance(train, made) == pytest.approx(np.mean(complements))
