"""Scores of a numeric target are scikit-learn's and scipy's; those of a distribution integrals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn import metrics

from bench.errors import BadInput
from bench.predicted import Predicted
from bench.score import ScoreError
from bench.scores import SCORES, all_scores, drawn_scores, ranked, scores_of
from bench.scores._distribution import (
    EPSILON,
    MOST,
    negative_log_density,
    ranked_probability,
)
from bench.scores._held import held
from bench.value_score import ValueScore

VALUE_SCORES = [score for score in scores_of("regression") if isinstance(score, ValueScore)]
OF_DISTRIBUTION = {score.name for score in VALUE_SCORES if score.of_distribution}
few = settings(max_examples=20, deadline=None, derandomize=True)


def drawn(seed: int, n: int = 40, n_bins: int = 7) -> tuple[np.ndarray, Predicted]:
    """Values, some beyond all bins and some on a bound, and predictions with bins of any width."""
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.normal(scale=30, size=n_bins + 1)).round(2) + 1e-3 * np.arange(n_bins + 1)
    mass = rng.dirichlet(np.full(n_bins, 0.4), size=n)
    y = rng.normal(scale=30, size=n)
    y[:3] = edges[[0, -1, n_bins // 2]]
    return y, Predicted(rng.normal(scale=30, size=n), float(rng.uniform(5, 50)), mass, edges)


@few
@given(seed=st.integers(0, 99))
def test_they_are_scikit_learns_and_scipys(seed: int) -> None:
    y, predicted = drawn(seed)
    predicted.mean[::3] = predicted.mean[0].round()  # ties
    found = all_scores(y, predicted)
    rmse = metrics.root_mean_squared_error(y, predicted.mean)
    expected = {
        "rmse": rmse,
        "mae": metrics.mean_absolute_error(y, predicted.mean),
        "r2": metrics.r2_score(y, predicted.mean),
        "rmse_sd": rmse / predicted.scale,
        "spearman": stats.spearmanr(y, predicted.mean).statistic,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)


def distribution_function(predicted: Predicted, row: int) -> Callable[[float], float]:
    assert predicted.mass is not None
    assert predicted.edges is not None
    sums = np.concatenate([[0], np.cumsum(predicted.mass[row])])
    edges = predicted.edges
    return lambda x: float(np.interp(x, edges, sums, left=0, right=1))


@pytest.mark.parametrize("seed", range(2))
def test_crps_is_the_integral_and_log_score_the_slope_of_the_distribution_function(
    seed: int,
) -> None:
    y, predicted = drawn(seed, n=9)
    assert predicted.edges is not None
    ends = [*predicted.edges, *y]
    crps, logs = ranked_probability(y, predicted), negative_log_density(y, predicted)
    for row, value in enumerate(y):
        F = distribution_function(predicted, row)
        kinks = np.unique([e for e in ends if min(ends) < e < max(ends)])
        integral, _ = integrate.quad(
            lambda x, F=F, value=value: (F(x) - (x >= value)) ** 2,
            min(ends),
            max(ends),
            points=kinks,
            limit=200,
        )
        assert crps[row] == pytest.approx(integral, abs=1e-6)
        inside = predicted.edges[0] < value < predicted.edges[-1]
        slope = (F(value + 1e-7) - F(value - 1e-7)) / 2e-7 if inside else 0.0
        if value not in predicted.edges:
            told = -math.log(max(slope * predicted.scale, EPSILON))
            assert logs[row] == pytest.approx(told, abs=1e-5)
    assert all_scores(y, predicted)["crps"] == pytest.approx(crps.mean())
    assert all_scores(y, predicted)["log_score"] == pytest.approx(logs.mean())


def test_a_distribution_by_hand() -> None:
    """Half of the mass on 0 … 1, half on 1 … 3; the training targets' deviation is 2."""
    mass, edges = np.array([[0.5, 0.5]] * 4), np.array([0.0, 1.0, 3.0])
    told = Predicted(np.full(4, 1.25), 2.0, mass, edges)
    y = np.array([-1.0, 0.5, 1.0, 3.0])
    floor = -math.log(EPSILON)  # a value that has no density
    densities = [0.5 / 1 * 2, 0.5 / 1 * 2, 0.5 / 2 * 2]  # a bound is of the bin below
    densities_told = negative_log_density(y, told)
    assert densities_told == pytest.approx([floor, *(-np.log(densities))])
    for last_bit in (-1e-15, 1e-15):
        assert (negative_log_density(y * (1 + last_bit), told) == densities_told).all()
    whole = 1 * 0.25 / 3 + 2 * (0.25 + 0.5 + 1) / 3  # of F²
    past = 1 * (1 + 0.5 + 0.25) / 3 + 2 * 0.25 / 3  # of (1 − F)²
    split = 0.5 * 0.0625 / 3 + 0.5 * (0.5625 + 0.375 + 0.25) / 3 + 2 * 0.25 / 3
    at_one = 1 * 0.25 / 3 + 2 * 0.25 / 3
    assert ranked_probability(y, told) == pytest.approx([1 + past, split, at_one, whole])


def test_rows_are_read_some_at_a_time_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    y, predicted = drawn(0)
    at_once = ranked_probability(y, predicted)
    monkeypatch.setattr("bench.scores._distribution.MOST", 3 * 8)
    assert MOST > 3 * 8
    assert ranked_probability(y, predicted) == pytest.approx(at_once, rel=1e-12)


@few
@given(seed=st.integers(0, 99), factor=st.sampled_from([1e-9, 0.5, 1e9]))
def test_in_another_unit_only_those_that_have_the_unit_change(seed: int, factor: float) -> None:
    y, told = drawn(seed)
    assert told.edges is not None
    other = Predicted(told.mean * factor, told.scale * factor, told.mass, told.edges * factor)
    before, after = all_scores(y, told), all_scores(y * factor, other)
    for score in VALUE_SCORES:
        by = factor if score.has_unit else 1.0
        assert after[score.name] == pytest.approx(by * before[score.name], rel=1e-7)  # type: ignore[operator]


@pytest.mark.parametrize("score", VALUE_SCORES, ids=lambda score: score.name)
def test_the_values_themselves_are_the_best(score: ValueScore) -> None:
    y = np.array([0.5, 1.5, 2.5, 7.5])
    edges = np.concatenate([y - 1e-9, y + 1e-9])
    edges.sort()
    mass = (edges[:-1] < y[:, None]) & (y[:, None] < edges[1:])  # a spike at each
    best = -math.log(2.0 / 2e-9) if score.name == "log_score" else score.best
    assert score(y, Predicted(y, 2.0, mass.astype(float), edges)) == pytest.approx(best, abs=1e-6)
    for seed in range(5):
        value = score(*drawn(seed))
        assert value is not None
        assert score.lowest <= value <= score.highest
        assert score.oriented(value) < score.oriented(score.best)


def test_what_does_not_exist_is_none() -> None:
    y, told = np.array([1.0, 2.0, 4.0]), np.array([0.5, 1.5, 4.0])
    found = all_scores(y, Predicted(told, 1.0))
    assert {name for name, value in found.items() if value is None} == OF_DISTRIBUTION
    assert sorted(OF_DISTRIBUTION) == ["crps", "log_score"]
    constant = all_scores(np.ones(3), Predicted(told, 1.0))
    assert (constant["r2"], constant["spearman"]) == (None, None)
    assert all_scores(y, Predicted(np.ones(3), 1.0))["spearman"] is None
    assert all(SCORES[n].may_lack for n in (*OF_DISTRIBUTION, "r2", "spearman"))


def test_a_problem_has_its_own_scores() -> None:
    y, predicted = drawn(0)
    assert list(all_scores(y, predicted)) == [score.name for score in scores_of("regression")]
    assert next(iter(all_scores(y, predicted))) == ranked("regression").name == "rmse"
    assert set(drawn_scores(y, predicted)) == {"rmse", "mae", "rmse_sd", "log_score"}
    assert {s.name for s in scores_of("regression")} | {
        s.name for s in scores_of("classification")
    } == set(SCORES)


EDGES = np.array([0.0, 1.0, 3.0])
HALVES = np.array([[0.5, 0.5], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("mean", "scale", "mass", "edges", "sentence"),
    [
        ([1.0, math.nan], 1.0, None, None, "predicted values of 1 of 2 rows are not finite"),
        ([[1.0], [2.0]], 1.0, None, None, "A value a row is predicted"),
        ([1.0, 2.0], 0.0, None, None, "deviation of the training targets is 0; expected"),
        ([1.0, 2.0], math.nan, None, None, "deviation of the training targets is nan; expected"),
        ([1.0, 2.0], 1.0, HALVES, None, "masses of shape \\(2, 2\\) and bounds of shape None"),
        ([1.0, 2.0], 1.0, HALVES, EDGES[:2], "masses of shape \\(2, 2\\) and bounds"),
        ([1.0, 2.0], 1.0, HALVES, EDGES[::-1], "bounds .* are not finite and ascending"),
        ([1.0, 2.0], 1.0, HALVES, [0.0, 1.0, 1.0], "bounds .* are not finite and ascending"),
        ([1.0, 2.0], 1.0, HALVES * [1.5, 0.5] * [1, -1], EDGES, "of 2 of 2 rows hold a mass"),
        ([1.0, 2.0], 1.0, HALVES * [[1], [np.nan]], EDGES, "of 1 of 2 rows hold a mass"),
        ([1.0, 2.0], 1.0, HALVES * [[1], [1.1]], EDGES, "of 1 of 2 rows do not sum to 1"),
    ],
)
def test_what_is_no_prediction_is_refused_in_one_sentence(
    mean: object, scale: float, mass: np.ndarray | None, edges: object, sentence: str
) -> None:
    with pytest.raises(ScoreError, match=sentence):
        Predicted(np.array(mean), scale, mass, None if edges is None else np.array(edges))


def test_values_that_are_none_or_of_other_rows_are_refused() -> None:
    told = Predicted(np.array([1.0, 2.0]), 1.0)
    for y, sentence in (
        (np.array([1.0]), "of shape \\(1,\\) and predictions of shape \\(2,\\)"),
        (np.array([1.0, np.inf]), "The values of 1 of 2 rows are not finite"),
    ):
        with pytest.raises(ScoreError, match=sentence):
            all_scores(y, told)


def test_a_contributors_score_that_is_not_what_it_declares_is_told_by_name_and_file() -> None:
    mine = ValueScore(
        name="mine",
        title="mine",
        function=lambda y, predicted: -1.0,
        greater_is_better=False,
        lowest=0.0,
        highest=math.inf,
    )
    with pytest.raises(BadInput, match=r"score mine \(bench/scores/mine.py\) is -1, outside 0"):
        held(mine, np.array([1.0]), Predicted(np.array([1.0]), 1.0))
