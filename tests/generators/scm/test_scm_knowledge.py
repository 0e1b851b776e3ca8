"""What a person knows of causes: every graph respects it, and what cannot be so is one sentence."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from documents import ROOT, blocks
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig
from test_generators import make_table

from bench.cell.known import told as content_of
from bench.datasets.embedded import load
from bench.errors import BadInput
from bench.table import Table
from generators.scm import SCM, Target
from generators.scm.discovery import Discovery
from generators.scm.graphs import Dag, EdgeProbabilities, sample_dag
from generators.scm.knowledge import Content, Fact, Known, contradiction, facts_of

fixed = partial(SCM, selection="fixed")  # test_scm_selection.py tells of what a table chooses

FEATURES = ("age", "sex", "bmi", "smoker", "glucose")
NAMES = (*FEATURES, "target")
FAST = {"discovery": Discovery(resamples=2, level=0.2), "n_dags": 3}


def patients(n: int = 80, seed: int = 0) -> Table:
    """Every column depends on all before it, so that every pair may get an edge."""
    rng = np.random.default_rng(seed)
    columns: dict[str, np.ndarray] = {}
    total = np.zeros(n)
    for name in FEATURES:
        total = 0.6 * total + rng.normal(size=n)
        columns[name] = total.copy()
    columns["sex"] = np.where(columns["sex"] > 0, "f", "m")
    return make_table(columns, (total + rng.normal(size=n) > 0).astype(int))


def names_of(graph_names: tuple[str, ...], dag: Dag) -> set[tuple[str, str]]:
    return {(graph_names[c], graph_names[e]) for e, causes in enumerate(dag) for c in causes}


@st.composite
def knowledge(draw: Callable) -> dict[str, Any]:
    """Anything that holds together: all of it agrees with one order of the columns."""
    order = draw(st.permutations(NAMES))
    cuts = sorted(draw(st.sets(st.integers(1, len(order) - 1), max_size=3)))
    tiers = [list(order[a:b]) for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    forward = list(combinations(order, 2))
    required = draw(st.sets(st.sampled_from(forward), max_size=3))
    others = [edge for edge in permutations(NAMES, 2) if edge not in required]
    forbidden = draw(st.sets(st.sampled_from(others), max_size=5))
    roots = [n for n in order[:2] if draw(st.booleans()) and all(n != e for _, e in required)]
    sinks = [n for n in order[-2:] if draw(st.booleans()) and all(n != c for c, _ in required)]
    told = {
        "tiers": [t for t in tiers if draw(st.booleans())],
        "forbidden": [list(edge) for edge in sorted(forbidden)],
        "required": [list(edge) for edge in sorted(required)],
        "roots": roots,
        "sinks": sinks,
    }
    return {key: value for key, value in told.items() if value}


def broken(told: dict[str, Any], edges: set[tuple[str, str]]) -> list[str]:
    """What a graph's edges do against what is known."""
    tier = {name: at for at, names in enumerate(told.get("tiers", [])) for name in names}
    graph = nx.DiGraph(edges)
    reached = [(c, e) for c in graph for e in nx.descendants(graph, c)]  # through others, too
    found = [
        f"{c} … {e} runs back in time" for c, e in reached if tier.get(c, -1) > tier.get(e, 99)
    ]
    found += [f"{e} is forbidden" for e in map(tuple, told.get("forbidden", [])) if e in edges]
    found += [f"{e} is required" for e in map(tuple, told.get("required", [])) if e not in edges]
    found += [f"{e} is a root" for _, e in edges if e in told.get("roots", [])]
    return found + [f"{c} is a sink" for c, _ in edges if c in told.get("sinks", [])]


def fitted(told: dict[str, Any], table: Table | None = None, **settings: Any) -> SCM:
    table = table or patients()
    return fixed(**FAST | {"knowledge": told} | settings).fit(table, np.random.default_rng(1))


@pytest.mark.long
@given(told=knowledge(), target=st.sampled_from(Target), cap=st.integers(3, 5))
@settings(max_examples=10, deadline=None)
def test_every_graph_respects_what_is_known(told: dict, target: Target, cap: int) -> None:
    """Drawn and repaired ones, whichever way the target's edges are set to point."""
    scm = fitted(told, target=target, max_parents=cap) if told else fitted({"roots": ["sex"]})
    assert len(scm.dags_) == 3
    for dag in (*scm.drawn_, *scm.dags_):
        assert broken(told, names_of(scm.graph_.names, dag)) == []
        assert max(map(len, dag)) <= cap
    assert len(scm.sample(20, np.random.default_rng(2))) == 20


@given(told=knowledge(), seed=st.integers(0, 1000), cap=st.integers(3, 6))
@settings(max_examples=40, deadline=None)
def test_a_drawn_graph_respects_it_whatever_the_probabilities(
    told: dict, seed: int, cap: int
) -> None:
    rng = np.random.default_rng(seed)
    matrix = np.triu(rng.choice([0, 0.5, 1], size=(6, 6)), 1)
    forth = rng.random((6, 6))
    matrix = matrix * forth + (matrix * (1 - forth)).T
    place = {name: at for at, name in enumerate(NAMES)}
    known = Known.of(facts_of(told), place, ()).aimed(Target.root)
    found = known.applied(EdgeProbabilities(NAMES, matrix))
    dag = sample_dag(
        found, rng, max_parents=cap, noise=0.25, required=known.required, tiers=known.tiers
    )
    assert broken(told, names_of(NAMES, dag)) == []
    assert found.adjacency.max(initial=0.0) <= 1
    order = known.order(dag)
    assert all(order.index(c) < order.index(e) for e, causes in enumerate(dag) for c in causes)


def test_what_cannot_point_one_way_points_the_other() -> None:
    """The mass of a direction that may not be goes to the other; a required edge is sure."""
    facts = facts_of({"tiers": [["age"], ["bmi"]], "required": [["sex", "age"]], "roots": ["sex"]})
    known = Known.of(facts, {"age": 0, "sex": 1, "bmi": 2, "y": 3}, ())
    matrix = np.zeros((4, 4))
    matrix[0, 2], matrix[2, 0], matrix[2, 3] = 0.25, 0.5, 0.3
    found = known.applied(EdgeProbabilities(("age", "sex", "bmi", "y"), matrix)).matrix
    assert found[0, 2] == 0.75
    assert found[2, 0] == 0.0
    assert found[1, 0] == 1.0
    assert found[2, 3] == 0.3


def test_of_the_targets_edges_what_is_known_decides_before_the_setting() -> None:
    scm = fitted({"tiers": [["glucose", "bmi"], ["target"]]}, target="root", repair=0.9)
    edges = set.union(*(names_of(scm.graph_.names, dag) for dag in scm.dags_))
    at_target = {edge for edge in edges if "target" in edge}
    assert ("glucose", "target") in at_target
    assert all((edge[1] == "target") == (edge[0] in ("glucose", "bmi")) for edge in at_target)


def test_the_order_of_repair_waits_for_earlier_tiers() -> None:
    """Without a drawn edge, too: else the later column could be no effect of the earlier."""
    facts = facts_of({"tiers": [["c"], ["a"]], "sinks": ["b"]})
    known = Known.of(facts, {"a": 0, "b": 1, "c": 2, "y": 3}, ())
    assert known.order(((), (), (), ())) == [2, 0, 3, 1]


@pytest.mark.parametrize(
    "more",
    [
        {"knowledge": {"required": [["age", "sex"], ["sex", "bmi"]]}},
        {"knowledge": None, "dag": [["age", "sex"], ["sex", "bmi"]]},
    ],
)
def test_when_time_is_up_required_edges_stay(more: dict[str, Any]) -> None:
    scm = fitted({}, seconds=1e-9, **more)
    assert {("age", "sex"), ("sex", "bmi")} <= names_of(scm.graph_.names, scm.dags_[0])


# --- columns that are no nodes ------------------------------------------------------------------


def test_a_column_that_does_not_vary_in_a_fold_is_no_fault() -> None:
    table = patients()
    still = table.with_rows(table.X.assign(bmi=1.0), table.y)
    scm = fitted({"required": [["age", "bmi"], ["age", "sex"]], "sinks": ["bmi"]}, still)
    assert ("age", "sex") in names_of(scm.graph_.names, scm.dags_[0])
    assert "no effect here: required age → bmi" in scm.graph_.notes
    assert "no effect here: sink bmi" in scm.facts_["known"]


def test_what_is_known_of_a_twin_goes_to_the_column_that_stands_for_it() -> None:
    table = patients()
    table = make_table(
        {**{n: table.X[n] for n in FEATURES}, "pounds": 2.2 * table.X["bmi"]}, table.y
    )
    told = {
        "required": [["pounds", "age"]],
        "forbidden": [["bmi", "pounds"]],
        "tiers": [["pounds"], ["bmi"]],
    }
    scm = fitted(told, table)
    assert ("bmi", "age") in names_of(scm.graph_.names, scm.dags_[0])
    assert [note for note in scm.graph_.notes if note.startswith("no effect")] == [
        "no effect here: tier 1 of 'pounds', since columns repeat each other",
        "no effect here: forbidden bmi → pounds, since columns repeat each other",
    ]


def test_a_column_that_is_left_out_keeps_its_dependence_on_the_target_alone() -> None:
    """Its values, missing ones too, are those of training rows of the class; no node is made."""
    table = patients(200)
    X = table.X.assign(
        glucose=np.where(np.arange(200) % 4 == 0, np.nan, 10.0 * table.y + table.X["sex"].cat.codes)
    )
    scm = fitted({"leave_out": ["glucose"]}, table.with_rows(X, table.y))
    rows = scm.sample(150, np.random.default_rng(0))
    assert "glucose" not in scm.graph_.names
    assert rows.X["glucose"].isna().mean() == pytest.approx(0.25, abs=0.12)
    present = rows.X["glucose"].dropna()
    assert (present // 10 == rows.y[present.index]).all()
    assert any(note.startswith("left out of the graph: glucose") for note in scm.graph_.notes)


# --- a whole graph ------------------------------------------------------------------------------


def test_a_given_graph_is_the_one_that_rows_come_from() -> None:
    edges = [("age", "sex"), ("sex", "target"), ("age", "target"), ("age", "sex")]
    scm = fitted({}, knowledge=None, dag=edges)
    assert scm.facts_["tests"] == 0
    assert [names_of(scm.graph_.names, dag) for dag in scm.dags_] == [set(edges)]
    assert set(scm.graph_.probabilities.ravel()) == {0.0, 1.0}
    assert scm.graph_.notes == (
        "without an edge, so independent of all others: bmi, smoker, glucose",
    )


def test_in_a_given_graph_a_repeated_column_is_a_node() -> None:
    """Merged with the column that it repeats, its edges could go in a circle."""
    table = patients()
    table = make_table(
        {**{n: table.X[n] for n in FEATURES}, "pounds": 2.2 * table.X["bmi"]}, table.y
    )
    edges = [("bmi", "age"), ("age", "pounds")]
    scm = fitted({}, table, knowledge=None, dag=edges)
    assert names_of(scm.graph_.names, scm.dags_[0]) == set(edges)


# --- what cannot be so --------------------------------------------------------------------------

OLD, REQUIRED = ["age", "sex"], "knowledge: the edge age → sex is required, but"


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"tiers": [["age"], ["smokr"]]},
            "knowledge names 'smokr', which is no column of table 'made'; did you mean 'smoker'? "
            "there are age, sex,",
        ),
        (
            {"leave_out": ["patient number"]},
            "no column of table 'made'; one that is dropped is not named here, and there are age,",
        ),
        ({"tiers": [["age"], ["sex", "age"]]}, "knowledge: 'age' stands in two tiers."),
        (
            {"tiers": [["sex"], ["age"]], "required": [OLD]},
            f"{REQUIRED} 'age' stands in a later tier than 'sex'.",
        ),
        ({"forbidden": [OLD], "required": [OLD]}, f"{REQUIRED} it is forbidden."),
        ({"roots": ["sex"], "required": [OLD]}, f"{REQUIRED} 'sex' is a root."),
        ({"sinks": ["age"], "required": [OLD]}, f"{REQUIRED} 'age' is a sink."),
        (
            {"required": [["age", "bmi"], ["bmi", "sex"], ["sex", "age"]]},
            "the required edges go in a circle: age → bmi → sex → age.",
        ),
        (
            {"required": [["age", "bmi"], ["bmi", "sex"]], "tiers": [["sex"], ["age"]]},
            "the required edges age → bmi → sex lead back into an earlier tier.",
        ),
        ({"required": [["age", "age"]]}, "age → age leads from a column to itself."),
        (
            {"required": [[cause, "target"] for cause in ("age", "bmi", "sex")]},
            "3 causes of 'target' are required, more than the 2 of max_parents.",
        ),
        ({"leave_out": ["target"]}, "'target' is the target, and cannot be left out."),
        ({"leave_out": ["age"], "roots": ["age"]}, "'age' is left out and named elsewhere"),
        ({"leave_out": list(FEATURES)}, "every column is left out"),
        ({}, "knowledge says nothing; expected tiers, forbidden, required, roots, sinks, leave_"),
    ],
)
def test_what_cannot_be_so_is_refused_in_one_sentence(told: dict, sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        fixed(knowledge=told, max_parents=2).check(patients())
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"tierz": [["age"]]}, "There is no setting 'SCM: knowledge.tierz'; did you mean 'tiers'?"),
        ({"tiers": "age"}, "SCM: knowledge.tiers is 'age'; expected a list that is not empty"),
        ({"tiers": [["age", 3]]}, "each entry a text that is not empty"),
        ({"forbidden": [["age"]]}, "each entry a list of length 2, each entry a text"),
        ({"roots": []}, "knowledge.roots is []; expected a list that is not empty"),
        (["age"], "SCM: knowledge is ['age']; expected settings of tiers, forbidden,"),
    ],
)
def test_what_is_no_knowledge_is_refused_before_any_table(told: Any, sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        fixed(knowledge=told)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"dag": [["age", "sex"], ["sex", "bmi"], ["bmi", "age"]]},
            "dag: the edges go in a circle: age → sex → bmi → age.",
        ),
        (
            {"dag": [["age", "sx"]]},
            "dag names 'sx', which is no column of table 'made'; did you mean 'sex'?",
        ),
        ({"dag": [["age", "sex"]], "knowledge": {"roots": ["age"]}}, "give one of them"),
    ],
)
def test_a_graph_that_is_none_is_refused(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        fixed(**more).check(patients())
    assert sentence in str(refused.value)


def test_a_column_that_reading_kept_out_is_noted() -> None:
    noted = replace(
        patients(), notes=("Dataset 'x', column 'id': has only one value; it was kept out.",)
    )
    scm = fitted({"tiers": [["id", "age"], ["bmi"]], "leave_out": ["sex"]}, noted)
    assert "'id' was kept out of the table; it is no node" in scm.graph_.notes


def test_facts_that_hold_together_contradict_nothing() -> None:
    assert contradiction([Fact("root", ("a",)), Fact("required", ("a", "b"))], 1) is None


# --- what the README shows ------------------------------------------------------------------------


def test_what_the_readme_shows_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {block.language: block.text for block in blocks(ROOT / "generators/scm/README.md")}
    monkeypatch.chdir(tmp_path)
    Path("knowledge.yaml").write_text(shown["yaml"])
    Path("edges.csv").write_text(shown["text"])
    heart = load("heart-disease")
    (held,) = content_of(DictConfig({"knowledge": "knowledge.yaml"})).values()
    fixed(knowledge=held).check(heart)
    assert set(held) == set(Content.__annotations__)
    (edges,) = content_of(DictConfig({"dag": "edges.csv"})).values()
    fixed(dag=edges).check(heart)
    example = doctest.DocTestParser().get_doctest(shown["python"], {}, "README", None, 0)
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example).failed == 0
