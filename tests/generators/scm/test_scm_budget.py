"""Bounds of a fit's work: each phase ends at its own, says so, and leaves something sound."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from test_generators import assert_fits, make_table
from test_scm_discovery import (
    RandomTest,
    assert_probabilities,
    coded,
    mixed_rows,
    random_dag,
    random_skeleton,
)

from bench.table import Table
from generators.scm import CLASSIFIER, REGRESSOR, SCM, orientation
from generators.scm.budget import PATIENCE, Budget, stopwatch
from generators.scm.coding import Coding
from generators.scm.cpdag import cpdag
from generators.scm.discovery import Discovery, discover, make_test
from generators.scm.exogenous import ExogenousNoise
from generators.scm.graphs import Dag, order
from generators.scm.independence import DegenerateGaussian
from generators.scm.mechanisms import Residuals, affordable_rows, fit_mechanism, propagate
from generators.scm.model import StructuralModels
from generators.scm.orientation import ARROW, CIRCLE, NONE, TAIL, Bounds, _colliders, pag
from generators.scm.repair import MarkovRepair
from generators.scm.skeleton import Skeleton, skeleton
from scripts.scm.tasks import Task

fixed = partial(SCM, selection="fixed")  # test_scm_selection.py tells of what a table chooses


class Ticks:
    """A clock that is a second on each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def ticking(seconds: float | None) -> Budget:
    return Budget(seconds, Ticks())


def dense_table() -> Coding:
    """Thirteen columns with one common cause."""
    rng = np.random.default_rng(8)
    common = rng.normal(size=(300, 1))
    X = common + 0.7 * rng.normal(size=(300, 12))
    return coded({f"x{i}": X[:, i] for i in range(12)})


def searched(coding: Coding, **bounds: object) -> tuple[np.ndarray, dict]:
    settings = replace(Discovery(resamples=3, seconds=None), **bounds)
    found, facts = discover(coding.codes_, coding.nodes_, np.random.default_rng(0), settings)
    return found.matrix, facts


# --- the clock --------------------------------------------------------------------------------


def test_the_clock_tells_computing_and_a_part_of_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = {"thread": 5.0, "wall": 70.0}
    monkeypatch.setattr(time, "thread_time", lambda: now["thread"])
    monkeypatch.setattr(time, "perf_counter", lambda: now["wall"])
    clock = stopwatch()
    now |= {"thread": 8.0, "wall": 74.0}
    assert clock() == 3.0
    now["wall"] = 70.0 + 5 * PATIENCE
    assert clock() == 5.0


def test_a_part_of_a_budget_ends_with_the_whole_and_shares_its_notes() -> None:
    now = [10.0]
    whole = Budget(16.0, lambda: now[0])
    assert whole.part(4.0).seconds == 14.0
    assert whole.part(40.0).seconds == whole.part(None).seconds == 16.0
    assert whole.share(1 / 3).seconds == 12.0
    assert Budget(None, lambda: now[0]).share(0.5).seconds is None
    now[0] = 17.0
    assert whole.share(0.5).seconds == 16.0  # nothing is left: no part is given more
    assert whole.share(0.5).late("repair")
    assert whole.cut == {"repair: time": 1}


# --- bounds in counts cut at the same place ---------------------------------------------------


def test_a_bound_on_tests_cuts_at_the_same_place_and_says_so() -> None:
    coding = dense_table()
    whole, facts = searched(coding)
    assert facts["cut"] == {}
    for bound in (50, 300):
        one, cut = searched(coding, max_tests=bound)
        again, same = searched(coding, max_tests=bound)
        assert (one == again).all()
        assert cut["cut"] == same["cut"]
        assert cut["tests"] == same["tests"] < facts["tests"]
        assert cut["cut"]["skeleton: tests"] == 3  # every resample's
        assert not (one == whole).all()
        assert_probabilities(one)


def test_no_pair_is_begun_beyond_the_bound_on_tests() -> None:
    """Of one pair of 13 nodes, at depth 2, there are 55 sets at most."""
    coding = dense_table()
    test = make_test(coding.codes_, coding.nodes_, Discovery())
    skeleton(test, 13, 0.01, 2, Budget(), max_tests=100)
    assert 100 < test.calls <= 100 + 55


def test_bounds_that_are_not_reached_change_nothing() -> None:
    coding = dense_table()
    whole, facts = searched(coding, max_tests=None, max_questions=None)
    same, bounded = searched(coding, max_tests=10**6, max_questions=10**6)
    assert (whole == same).all()
    assert bounded["cut"] == {}
    assert bounded["tests"] == facts["tests"]


def test_a_dense_graph_does_without_possible_d_separating_sets_and_says_so() -> None:
    coding = mixed_rows(random_dag(8, 0), 0)
    assert searched(coding, degree=8.0)[1]["cut"] == {}
    facts = searched(coding, degree=0.5)[1]
    assert facts["cut"] == {"possible-d-sep: degree": 3}  # every resample's


@pytest.mark.parametrize("seed", range(4))
def test_marks_that_no_rule_reaches_are_circles_and_no_edge_is_lost(seed: int) -> None:
    found = random_skeleton(seed)
    bounds = Bounds(depth=2, candidates=12, path=4, degree=0.0)
    whole = pag(found, RandomTest(seed), 0.01, bounds, Budget())
    begun = _colliders(found.joined, found.separators)
    differing = 0
    for most in (0, 30, 100, 300, 1000, 3000):
        budget = Budget()
        marks = pag(found, RandomTest(seed), 0.01, replace(bounds, questions=most), budget)
        assert ((marks != NONE) == found.joined).all()
        assert (marks == whole)[marks != begun].all()
        assert (marks == begun).all() or most
        differing += not (marks == whole).all()
        assert not (marks != whole).any() or budget.cut["FCI rules: questions"] == 1
    assert differing


# --- the clock cuts each phase ----------------------------------------------------------------


def test_pairs_that_the_skeleton_has_no_time_for_stay_neighbours() -> None:
    coding, budget = dense_table(), ticking(20.0)
    test = make_test(coding.codes_, coding.nodes_, Discovery())
    found = skeleton(test, 13, 0.01, 2, budget)
    assert budget.cut == {"skeleton: time": 1}
    assert test.calls == 20  # after the 21st pair it is late; one of them had been asked before
    apart = {(i, j) for i, j in found.separators if i < j}
    assert apart == {(i, j) for i in range(13) for j in range(i + 1, 13) if not found.joined[i, j]}


def a_collider_and_its_child() -> Skeleton:
    """0 → 2 ← 1, and 2 — 3, which Meek's first rule directs."""
    apart: dict[tuple[int, int], set[int]] = {(0, 1): set(), (0, 3): {2}, (1, 3): {2}}
    return Skeleton([{2}, {2}, {0, 1, 3}, {2}], apart | {(j, i): s for (i, j), s in apart.items()})


def test_without_time_pcs_colliders_are_oriented_and_the_rest_is_undirected() -> None:
    found, budget = a_collider_and_its_child(), ticking(0.0)
    marks = cpdag(found, budget)
    assert budget.cut == {"PC rules: time": 1}
    assert marks[2].tolist() == [ARROW, ARROW, 0, TAIL]
    assert (marks[3, 2], cpdag(found, Budget())[3, 2]) == (TAIL, ARROW)


@pytest.mark.parametrize("looks", range(1, 9))
def test_pcs_rules_end_between_two_edges_and_what_they_have_directed_stays(
    looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generators.scm.cpdag.LOOK", 1)
    found, budget = a_collider_and_its_child(), ticking(float(looks))
    marks, whole, begun = cpdag(found, budget), cpdag(found, Budget()), cpdag(found, ticking(0.0))
    assert budget.cut == {"PC rules: time": 1}
    assert budget.clock() == looks + 2
    assert ((marks == whole) | (marks == begun)).all()


def test_without_time_fcis_colliders_are_oriented_and_the_rest_is_circles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orientation, "LOOK", 1)
    found, budget = a_collider_and_its_child(), ticking(0.0)
    bounds = Bounds(depth=2, candidates=12, path=4, degree=8.0)
    marks = pag(found, RandomTest(0), 0.01, bounds, budget)
    assert budget.cut == {"possible-d-sep: time": 1, "FCI rules: time": 1}
    assert marks[2].tolist() == [ARROW, ARROW, NONE, CIRCLE]
    whole = pag(found, RandomTest(0), 0.01, replace(bounds, degree=0.0), Budget())
    assert (whole[2, 3], whole[3, 2], marks[3, 2]) == (TAIL, ARROW, CIRCLE)


def test_a_repair_that_is_cut_keeps_the_edges_found_so_far() -> None:
    coding, budget = dense_table(), ticking(6.0)
    test = make_test(coding.codes_, coding.nodes_, Discovery())
    assert isinstance(test, DegenerateGaussian)
    empty: Dag = ((),) * 13
    mend = MarkovRepair(test, 0.3, 5)
    whole, cut = mend(empty), mend(empty, budget=budget)
    assert budget.cut == {"repair: time": 1}
    assert cut == (*whole[:6], *empty[6:])
    assert sum(map(len, whole[:6])) > 5
    assert order(cut) == list(range(13))


def models_of(coding: Coding, dags: list[Dag], budget: Budget, **bounds: float) -> StructuralModels:
    parts = (REGRESSOR, CLASSIFIER, Residuals.in_sample, 0)
    return StructuralModels(coding, dags, *parts, bounds.get("max_work"), budget)


def test_a_budget_that_is_used_up_is_lengthened_where_something_must_be_done() -> None:
    now = [12.0]
    late = Budget(10.0, lambda: now[0])
    assert late.at_least(1.0).seconds == 13.0
    assert late.left == -2.0
    assert late.at_least(0.0).left == 0.0
    assert Budget(20.0, lambda: now[0]).at_least(1.0).seconds == 20.0
    assert Budget(None).at_least(1.0).seconds is None
    assert late.at_least(1.0).cut is late.cut


CHAIN, FORK = ((), (0,), (1,), (2,)), ((), (0,), (0,), (0,))


@pytest.mark.parametrize(
    ("seconds", "dags", "cut"),
    [
        (5.0, [CHAIN, FORK], {}),  # a fork's first edge is a chain's too
        (4.0, [CHAIN], {"mechanisms: time": 1}),
        (3.0, [CHAIN], {"mechanisms: time": 1}),
        (2.0, [((), (0,), (1,), ())], {"mechanisms: time": 1, "mechanisms: parents": 1}),
        (0.0, [((), (), (), ())], {"mechanisms: time": 1, "mechanisms: parents": 1}),
    ],
)
def test_graphs_that_there_is_no_time_to_fit_are_left_out_and_one_is_kept(
    seconds: float, dags: list[Dag], cut: dict[str, int]
) -> None:
    rng = np.random.default_rng(3)
    coding = coded({name: rng.normal(size=60) for name in "abc"})
    budget = ticking(seconds)
    models = models_of(coding, [CHAIN, FORK], budget)
    assert models.dags == dags
    assert len(models.models) == len(dags)
    assert budget.cut == cut
    drawn = models.sample(
        40,
        np.random.default_rng(0),
        balanced=True,
        candidates=4,
        fewest_candidates=50,
        noise=ExogenousNoise.independent,
    )
    assert np.isfinite(drawn).all()


def levels_of(n: int, *counts: int) -> Coding:
    """Columns of so many levels; 1: numbers."""
    rng = np.random.default_rng(2)
    columns: dict[str, np.ndarray] = {}
    for at, count in enumerate(counts):
        numbers = rng.normal(size=n)
        codes = rng.permutation(np.arange(n) % count)
        columns[f"x{at}"] = numbers if count == 1 else np.array([f"l{code}" for code in codes])
    return coded(columns)


def test_rows_that_a_mechanism_can_afford() -> None:
    """Of 300 columns 45,150 products: with more of them than rows, these are the smaller matrix."""
    wide = levels_of(900, 1, *[30] * 10)
    assert affordable_rows(wide, 0, range(1, 11), 1e10) == int((1e10 / 45150) ** 0.5)
    assert affordable_rows(wide, 0, [1], 1e10) == int(1e10 / 465**2)
    assert affordable_rows(wide, 1, range(2, 11), 1e10) == int(1e10 / (100 * 270 * 30))
    assert affordable_rows(wide, 0, range(1, 11), 1.0) == 100
    assert affordable_rows(wide, 0, range(1, 11), None) == 900


@pytest.mark.parametrize("node", [0, 1])
def test_a_mechanism_of_too_much_work_is_fitted_to_fewer_rows_and_the_record_says_so(
    node: int,
) -> None:
    coding, budget = levels_of(900, 1, 3, 4, 1), Budget()
    dag = tuple((2, 3) if at == node else () for at in range(5))
    models = models_of(coding, [dag], budget, max_work=1000.0)
    assert budget.cut == {"mechanisms: rows": 1}
    whole = models_of(coding, [dag], budget)
    u = np.random.default_rng(0).random(900)
    parents = coding.codes_[:, [2, 3]]
    drawn, same = (
        propagate(m.models[0].causal_mechanism(node), parents, u) for m in (models, whole)
    )
    assert not (drawn == same).all()
    if node == 0:
        assert len(models.models[0].causal_mechanism(0).noise_model.data) == 100


def test_a_prediction_in_parts_is_that_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    coding = levels_of(300, 1, 5, 1)
    rest = (REGRESSOR, CLASSIFIER, Residuals.in_sample, 0)
    model = fit_mechanism(coding, 0, [1, 2], *rest).prediction_model
    whole = model.predict(coding.codes_[:, [1, 2]])
    monkeypatch.setattr("generators.scm.mechanisms.CELLS", 36 * 7)  # seven rows of six columns
    np.testing.assert_allclose(model.predict(coding.codes_[:, [1, 2]]), whole, rtol=1e-9)
    assert len(model.predict(np.zeros((0, 2)))) == 0


def test_scores_stay_finite_along_a_chain_that_squares_them() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    coding = coded({"x": x, "y": x**2})
    rest = (REGRESSOR, CLASSIFIER, Residuals.in_sample, 0)
    mechanism = fit_mechanism(coding, 1, [0], *rest)
    far = propagate(mechanism, np.array([[1e6], [-1e6], [0.0]]), np.full(3, 0.5))
    assert set(np.abs(far[:2])) == {1000.0}
    assert abs(far[2]) < 5


# --- the whole fit ----------------------------------------------------------------------------


NO_TIME = 1e-9  # seconds: over before anything is begun


def test_no_time_at_all_still_gives_rows_and_says_what_was_cut() -> None:
    coding = dense_table()
    matrix, facts = searched(coding, seconds=NO_TIME)
    assert_probabilities(matrix)
    assert {"skeleton: time", "resamples: time"} <= set(facts["cut"])
    for settings in ({"discovery": Discovery(seconds=NO_TIME)}, {"seconds": NO_TIME}):
        generator = fixed(**settings).fit(coding.table_, np.random.default_rng(0))
        assert generator.facts_["cut"]["skeleton: time"] == 1
        assert generator.facts_["resamples"] == {"pc": 1, "fci": 1}
        assert ("repair: time" in generator.facts_["cut"]) == ("seconds" in settings)
        assert ("mechanisms: time" in generator.facts_["cut"]) == ("seconds" in settings)
        assert_fits(generator.sample(40, np.random.default_rng(0)), 40, coding.table_, generator)


def collinear(columns: int, rows: int) -> Table:
    """All columns of five factors."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(rows, 5))
    X = factors @ rng.normal(size=(5, columns)) + 0.1 * rng.normal(size=(rows, columns))
    y = (factors[:, 0] > 0).astype(int)
    return make_table({f"v{i}": X[:, i] for i in range(columns)}, y)


def test_every_phase_gets_a_share_whatever_the_phase_before_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a clock that each look moves: the search takes two thirds, the repair half of the rest."""
    whole = ticking(900.0)
    monkeypatch.setattr("generators.scm.Budget", lambda seconds: whole)
    generator = fixed(Discovery(seconds=None)).fit(collinear(30, 60), np.random.default_rng(0))
    cut = generator.facts_["cut"]
    assert "skeleton: time" in cut or "resamples: time" in cut
    assert len(generator.dags_) >= 1
    assert whole.clock() <= 1000  # ends near it
    assert all(sorted(parents) == list(parents) for dag in generator.dags_ for parents in dag)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["300x300c", "376x281", "131x222l", "400x50"])
def test_wide_tables_are_cut_by_counts_alone(size: str) -> None:
    table = Task(size).table()
    generator = SCM().fit(table, np.random.default_rng(0))
    assert not [what for what in generator.facts_["cut"] if what.endswith("time")]
    assert len(generator.dags_) == generator.n_dags
    assert generator.facts_["tests"] <= 5 * (300_000 + 400**2 / 2)  # of five subsamples
    assert_fits(generator.sample(300, np.random.default_rng(1)), 300, table, generator)
