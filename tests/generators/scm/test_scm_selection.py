"""What a table chooses: the ways to its rows, and the mechanisms of its nodes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from test_generators import make_table, plain

from bench.table import Table
from generators.scm import SCM
from generators.scm.discovery import Discovery
from generators.scm.forest import ConditionalForest, ForestFCM
from generators.scm.graphs import Target
from generators.scm.ladder import LADDER, Ladder, Rungs, lowest, rungs
from generators.scm.learners import LeaveOneOutRidge
from generators.scm.selection import CHOICE, Choice, chosen
from generators.scm.ways import Way

FAST = Discovery(resamples=2)


def exclusive_or(n: int = 240) -> Table:
    """A class that no column tells anything of by itself."""
    rng = np.random.default_rng(3)
    a, b, c = rng.normal(size=(3, n))
    return make_table({"a": a, "b": b, "c": c}, ((a > 0) ^ (b > 0)).astype(np.int64))


def told(table: Table, **settings: object) -> dict:
    return SCM(FAST, n_dags=3, **settings).fit(table, np.random.default_rng(0)).facts_


# --- what is chosen ------------------------------------------------------------------------------


def test_where_only_trees_see_the_class_the_way_of_trees_is_chosen() -> None:
    facts = told(exclusive_or())["selection"]
    assert facts["folds"] == CHOICE.folds
    assert 0 not in facts["chosen"]  # straight lines
    scores = facts["scores"]
    assert set(scores) == {"0", "1", "2", "0+1", "0+2", "1+2", "0+1+2"}
    taken = "+".join(map(str, facts["chosen"]))
    assert scores[taken] > 0.65 > 0.55 > scores["0"]


def test_the_choice_is_told_in_words_and_is_plain_json() -> None:
    facts = told(plain())
    assert json.loads(json.dumps(facts)) == facts
    assert facts["selection"]["ways"] == [
        "target root, repair 0.3, mechanisms own",
        "target root, repair 0.999, mechanisms forest",
        "target sink, repair 0.999, mechanisms forest",
    ]


def test_fixed_takes_the_settings_as_they_are_given() -> None:
    facts = told(plain(), selection="fixed")
    assert "selection" not in facts
    assert "rungs" not in facts


@pytest.mark.parametrize(
    ("table", "choice"),
    [
        pytest.param(plain(40, 20), CHOICE, id="two rows a class"),
        pytest.param(plain(), Choice(columns=4), id="more columns than may choose"),
        pytest.param(plain(12), Choice(fewest=5), id="fewer rows than a choice needs"),
    ],
)
def test_a_table_that_cannot_choose_takes_what_is_preferred(table: Table, choice: Choice) -> None:
    facts = told(table, choice=replace(choice, prefer=(0, 2)))["selection"]
    assert (facts["chosen"], facts["folds"], facts["scores"]) == ([0, 2], 0, {})


def test_a_class_of_few_rows_is_told_and_drawn() -> None:
    table = plain(60, 2)
    y = np.where(np.arange(60) < 2, 2, table.y)
    scm = SCM(FAST, n_dags=2).fit(
        replace(table, y=y, classes=("a", "b", "rare")), np.random.default_rng(0)
    )
    assert scm.facts_["few_rows"] == {"rare": 2}
    assert scm.sample(60, np.random.default_rng(0)).class_counts().tolist() == [29, 29, 2]


def test_no_row_chooses_that_it_was_learnt_from() -> None:
    table, seen = plain(60), []

    def make(rows: Table) -> list[Table]:
        seen.append(rows)
        return [rows, rows]

    choice = Choice(errors=1e6)
    mixture, facts = chosen(table, 2, make, choice, np.random.default_rng(0), lambda: False)
    assert [len(rows) for rows in seen] == [40, 40, 40]
    left = [set(table.row_keys()) - set(rows.row_keys()) for rows in seen]
    assert set.union(*left) == set(table.row_keys())  # each row chooses, in one fold
    assert sum(map(len, left)) == len(table)
    assert (mixture, facts["folds"]) == ((0, 1), 3)  # none is so far ahead: the preferred one


def test_a_mixture_must_be_clearly_ahead() -> None:
    table = exclusive_or(120)
    worthless = replace(table, y=np.roll(table.y, 1))

    def make(rows: Table) -> list[Table]:
        return [worthless.take(np.arange(len(rows))), rows]

    def mixture(errors: float) -> tuple[int, ...]:
        choice = Choice(prefer=(0,), errors=errors)
        return chosen(table, 2, make, choice, np.random.default_rng(0), lambda: False)[0]

    assert mixture(1.0) == (1,)
    assert mixture(1e6) == (0,)


def test_when_the_time_is_up_the_folds_that_there_are_decide() -> None:
    calls: list[int] = []

    def is_late() -> bool:
        calls.append(1)
        return len(calls) > 2

    table = plain(60)
    _, facts = chosen(table, 1, lambda rows: [rows], CHOICE, np.random.default_rng(0), is_late)
    assert facts["folds"] == 2


def test_the_ways_take_turns_among_the_graphs() -> None:
    scm = SCM(FAST, n_dags=5, choice=Choice(prefer=(1, 2), columns=1))
    scm.fit(plain(), np.random.default_rng(0))
    target = scm.models_.coding.target
    is_sink = [not any(target in parents for parents in dag) for dag in scm.dags_]
    assert is_sink == [False, True, False, True, False]


def test_of_a_given_graph_the_mechanisms_alone_are_chosen() -> None:
    scm = SCM(dag=[("target", "size"), ("size", "weight")]).fit(plain(), np.random.default_rng(0))
    assert len(scm.dags_) == 1
    assert [way.split(", ")[-1] for way in scm.facts_["selection"]["ways"]] == [
        "mechanisms own",
        "mechanisms forest",
    ]


def test_a_numeric_target_chooses_by_r2() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 150))
    facts = told(make_table({"a": a, "b": b}, 3 * a + rng.normal(size=150)))["selection"]
    assert facts["ways"][0] == "target sink, repair 0.3, mechanisms own"
    assert 0.5 < max(facts["scores"].values()) <= 1


# --- ladders -------------------------------------------------------------------------------------


def line(x: np.ndarray) -> np.ndarray:
    return x


def wave(x: np.ndarray) -> np.ndarray:
    return np.sin(3 * x)


@pytest.mark.parametrize(("shape", "rung"), [(line, "own"), (wave, "forest")])
def test_a_node_has_the_lowest_rung_that_its_rows_do_not_speak_against(
    shape: Callable[[np.ndarray], np.ndarray], rung: str
) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, size=300)
    y = shape(x) + 0.2 * rng.normal(size=300)
    ways_up = rungs(LeaveOneOutRidge((1.0,)), 0, False, LADDER)
    best, likelihoods = lowest(x[:, None], y, 0, ways_up, LADDER, seed=0)
    assert best == rung
    assert set(likelihoods) == {"own", "forest"}
    assert max(likelihoods.values()) <= 0


def test_likely_mechanisms_differ_from_node_to_node() -> None:
    rng = np.random.default_rng(1)
    y = np.arange(300) % 2
    a = rng.uniform(-2, 2, size=300) + y
    straight, bent = a + 0.2 * rng.normal(size=300), np.sin(3 * a) + 0.2 * rng.normal(size=300)
    table = make_table({"a": a, "straight": straight, "bent": bent}, y)
    edges = [("target", "a"), ("a", "straight"), ("a", "bent")]
    scm = SCM(dag=edges, selection="fixed", ladder=Ladder(rungs=Rungs.likely))
    told = scm.fit(table, np.random.default_rng(0)).facts_["rungs"]["likely"]
    assert (told["straight"], told["bent"]) == ("own", "forest")


def test_a_class_of_too_few_rows_for_folds_has_the_lowest_rung() -> None:
    y = np.array([0.0] * 30 + [1.0] * 2)
    X = np.arange(32.0)[:, None]
    assert lowest(X, y, 2, {"own": None, "forest": None}, LADDER, 0) == ("own", {})


# --- forests -------------------------------------------------------------------------------------


def test_the_weights_of_a_forest_sum_to_one_and_leave_out_the_unlike() -> None:
    rng = np.random.default_rng(0)
    X = np.repeat([0.0, 10.0], 50)[:, None]
    y = X[:, 0] + rng.normal(size=100)
    forest = ConditionalForest(trees=5, leaf=1, seed=0).fit(X, y)
    ((_, weights),) = forest.weights(np.array([[0.0], [10.0]]))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights[0, 50:].sum() == weights[1, :50].sum() == 0
    unseen = forest.unseen()
    assert (np.diag(unseen) == 0).all()  # no row stands for itself


@pytest.mark.parametrize("between", [False, True])
def test_a_forests_node_is_a_monotone_function_of_its_noise(between: bool) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    node = ForestFCM(ConditionalForest(4, 1, 0), lambda codes: codes, 0, between)
    node.fit(X, y)
    drawn = np.ravel(node.evaluate(np.repeat(X[:1], 50, axis=0), np.linspace(0.01, 0.99, 50)))
    assert (np.diff(drawn) >= -1e-12).all()
    assert y.min() <= drawn.min() <= drawn.max() <= y.max()
    assert np.isin(drawn, y).all() == (not between)


def test_an_unknown_way_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="rungs is 'up'; expected 'own', 'likely' or 'forest'"):
        Way(Target.root, 0.3, "up")
