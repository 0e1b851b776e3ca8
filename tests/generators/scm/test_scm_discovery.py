"""The search for structure: its tests of independence, PC and FCI, their marks, awkward tables."""

from __future__ import annotations

import inspect
import json
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from itertools import combinations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from causallearn.graph.GeneralGraph import GeneralGraph
from causallearn.graph.GraphClass import CausalGraph
from causallearn.graph.GraphNode import GraphNode
from causallearn.search.ConstraintBased import FCI as rules
from causallearn.search.ConstraintBased.FCI import fci, getPossibleDsep
from causallearn.search.ConstraintBased.PC import pc
from causallearn.utils import cit
from causallearn.utils.FAS import fas
from causallearn.utils.PCUtils import Meek, UCSepset
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2, chi2_contingency, kstest
from test_generators import assert_fits, make_table, plain

from bench.datasets import embedded
from bench.generator import NotApplicable
from bench.table import Table
from generators.scm import SCM
from generators.scm.budget import Budget
from generators.scm.coding import Coding, NumericNode
from generators.scm.cpdag import cpdag
from generators.scm.discovery import (
    Categories,
    Discovery,
    discover,
    gaussian,
    make_test,
    weigh,
    weights,
)
from generators.scm.equivalence import class_of, greedy
from generators.scm.independence import IndependenceTest
from generators.scm.orientation import (
    ARROW,
    CIRCLE,
    NONE,
    TAIL,
    Bounds,
    _Marks,
    _Node,
    _orient,
    pag,
)
from generators.scm.skeleton import Skeleton, skeleton
from scripts import known_graphs

fixed = partial(SCM, selection="fixed")  # test_scm_selection.py tells of what a table chooses

# --- tests of independence --------------------------------------------------------------------


def coded(columns: dict[str, np.ndarray], y: np.ndarray | None = None) -> Coding:
    """The columns as nodes, in their order; the target is one more node, independent of them."""
    n = len(next(iter(columns.values())))
    y = np.random.default_rng(99).integers(2, size=n) if y is None else y
    return Coding().fit(make_table(columns, y))


def made_test(coding: Coding, name: str = "degenerate_gaussian") -> IndependenceTest:
    return make_test(coding.codes_, coding.nodes_, Discovery(test=name))


def independent_columns(n: int, each: int, seed: int) -> dict[str, np.ndarray]:
    """``each`` numeric columns of several shapes, then as many of three or four levels."""
    rng = np.random.default_rng(seed)
    shapes = (rng.normal, rng.lognormal, rng.random, rng.exponential)
    numeric = {f"x{i}": shapes[i % 4](size=n) for i in range(each)}
    levels = np.array(list("abcd"))
    shares = ([0.5, 0.3, 0.2], [0.25, 0.25, 0.25, 0.25])
    return numeric | {
        f"c{i}": rng.choice(levels[: len(p)], size=n, p=p)
        for i, p in enumerate(shares[i % 2] for i in range(each))
    }


def pairs_of(kind: str, each: int) -> list[tuple[int, int]]:
    numeric, levels = range(each), range(each, 2 * each)
    if kind == "mixed":
        return [(i, j) for i in numeric for j in levels]
    return list(combinations(numeric if kind == "numeric" else levels, 2))


@pytest.mark.parametrize("kind", ["numeric", "categorical", "mixed"])
@pytest.mark.parametrize(
    "name",
    [
        "degenerate_gaussian",
        "rank_gaussian",
        "chi_square",
    ],
)
def test_p_values_are_uniform_where_columns_are_independent(name: str, kind: str) -> None:
    """Kolmogorov–Smirnov over 190 to 400 pairs of columns, and the share of p <= 0.05."""
    each = 20
    test = made_test(coded(independent_columns(500, each, 0)), name)
    p = np.array([test(i, j) for i, j in pairs_of(kind, each)])
    assert kstest(p, "uniform").pvalue > 1e-3
    assert binom.ppf(1e-3, len(p), 0.05) <= (p <= 0.05).sum() <= binom.ppf(0.999, len(p), 0.05)


@pytest.mark.parametrize("given", ["numeric", "categorical", "both"])
def test_p_values_are_uniform_where_a_common_cause_is_given(given: str) -> None:
    """Columns that share one cause, strongly, and nothing else: 36 pairs a table, ten tables."""
    p = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        z, k = rng.normal(size=500), rng.integers(3, size=500)
        pull = z * (given != "categorical") + np.array([-1.0, 0.0, 1.0])[k] * (given != "numeric")
        columns = {f"x{i}": pull + rng.normal(size=500) for i in range(9)}
        test = made_test(coded(columns | {"z": z, "k": np.array(list("abc"))[k]}))
        causes = {"numeric": (9,), "categorical": (10,), "both": (9, 10)}[given]
        assert max(test(i, j) for i, j in combinations(range(9), 2)) < 1e-6
        p += [test(i, j, causes) for i, j in combinations(range(9), 2)]
    assert kstest(p, "uniform").pvalue > 1e-3


def dependent_columns(kind: str, seed: int) -> dict[str, np.ndarray]:
    """Two columns that explain an eighth or so of each other, 500 rows."""
    rng = np.random.default_rng(seed)
    x, code = rng.normal(size=500), rng.integers(3, size=500)
    letters = np.array(list("abc"))
    if kind == "numeric":
        return {"one": x, "other": np.exp(0.4 * x + rng.normal(size=500))}
    if kind == "categorical":
        again = np.where(rng.random(500) < 0.35, code, rng.integers(3, size=500))
        return {"one": letters[code], "other": letters[again]}
    return {"one": letters[code], "other": np.array([0.0, 0.8, -0.4])[code] + rng.normal(size=500)}


@pytest.mark.parametrize("kind", ["numeric", "categorical", "mixed"])
@pytest.mark.parametrize("name", ["degenerate_gaussian", "chi_square"])
def test_known_dependence_is_rejected(name: str, kind: str) -> None:
    for seed in range(20):
        test = made_test(coded(dependent_columns(kind, seed)), name)
        assert test(0, 1) < 1e-4
        assert test.information(0, 1) > 0.01


def test_of_two_numeric_columns_it_is_the_likelihood_ratio_of_their_correlation() -> None:
    """−(n − 5/2) log(1 − r²), χ² with one degree of freedom; in nats, −½ log(1 − r²)."""
    coding = coded(dependent_columns("numeric", 0))
    test = gaussian(coding.codes_, coding.nodes_, Discovery(ridge=0.0))
    r = np.corrcoef(coding.codes_[:, :2], rowvar=False)[0, 1]
    assert test(0, 1) == pytest.approx(chi2.sf(-(500 - 2.5) * np.log(1 - r**2), 1))
    assert test.information(0, 1) == pytest.approx(-0.5 * np.log(1 - r**2))


@given(st.permutations(range(6)))
@settings(max_examples=30, deadline=None)
def test_a_p_value_is_the_same_whichever_way_it_is_asked(order: list[int]) -> None:
    x, y, *rest = order
    test = made_test(coded(independent_columns(60, 3, 4)))
    p = test(x, y, rest)
    assert test(y, x, reversed(rest)) == p
    assert made_test(coded(independent_columns(60, 3, 4)))(y, x, rest) == p
    assert test.calls == 1


def test_repeated_constant_and_collinear_columns_are_no_error() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 200))
    codes = np.column_stack([a, a, np.zeros(200), b, (a + b) / np.sqrt(2)])
    test = gaussian(codes, [NumericNode(f"x{i}", a, False) for i in range(5)], Discovery())
    assert test(0, 1) < 1e-100
    assert test(0, 2) == test(2, 4, (0, 1)) == 1.0
    assert all(np.isfinite(test(0, 4, given)) for given in [(), (1,), (3,), (1, 2, 3)])
    assert test(0, 4, (3,)) < 1e-6


def test_a_level_of_one_row_is_no_evidence() -> None:
    """A row that shows a rare level in every column would else tie all columns together."""
    rng = np.random.default_rng(0)
    columns = {f"x{i}": rng.choice(list("abc"), 500).astype("<U9") for i in range(6)}
    for values in columns.values():
        values[0] = "unread"
    coding = coded(columns)
    pairs = list(combinations(range(6), 2))
    seen = gaussian(coding.codes_, coding.nodes_, Discovery(fewest=1))
    assert max(seen(i, j) for i, j in pairs) < 1e-20
    test = made_test(coding)
    assert min(test(i, j) for i, j in pairs) > 1e-3


# --- PC and FCI -------------------------------------------------------------------------------


class Registered(cit.CIT_Base):
    """Our test as one of causal-learn's."""

    def __init__(self, data: np.ndarray, test: IndependenceTest) -> None:
        super().__init__(data)
        self.method, self.test = "ours", test

    def __call__(self, x: int, y: int, given: Iterable[int] | None = None) -> float:
        return self.test(x, y, given)


class DSeparation(IndependenceTest):
    """What a sample without end would tell: d-separation in a DAG of which some nodes are seen."""

    method = "d_separation"

    def __init__(self, dag: nx.DiGraph, seen: list[int]) -> None:
        self.dag, self.seen, self.calls = dag, seen, 0

    def __call__(self, x: int, y: int, given: Iterable[int] | None = None) -> float:
        self.calls += 1
        nodes = {self.seen[z] for z in given or ()}
        return float(nx.is_d_separator(self.dag, {self.seen[x]}, {self.seen[y]}, nodes))

    def information(self, x: int, y: int) -> float:
        return 0.0


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> type:
    """causal-learn's `pc` and `fci` with our test, unbounded."""
    monkeypatch.setitem(cit._custom_ci_tests, "ours", Registered)

    class Reference:
        level = 0.01

        def __init__(self, test: IndependenceTest, n: int) -> None:
            self.test, self.data = test, np.zeros((50, n))

        def pc(self) -> np.ndarray:
            settings = {"show_progress": False, "test": self.test}
            return pc(self.data, self.level, "ours", **settings).G.graph

        def fci(self) -> np.ndarray:
            settings = {"show_progress": False, "test": self.test}
            return fci(self.data, "ours", self.level, **settings)[0].graph

        def search(self) -> Skeleton:
            """The skeleton, and for each separated pair the union of *all* sets that did so."""
            n = self.data.shape[1]
            test = Registered(self.data, self.test)
            nodes = [GraphNode(f"X{i + 1}") for i in range(n)]
            graph, sets, _ = fas(self.data, nodes, test, self.level, show_progress=False)
            neighbours = [set(np.flatnonzero(row).tolist()) for row in graph.graph]
            return Skeleton(neighbours, sets)

    return Reference


def ours(test: IndependenceTest, n: int, found: Skeleton | None = None) -> tuple:
    """The skeleton, PC's marks and FCI's, with no bound."""
    found = found or skeleton(test, n, 0.01, n, Budget())
    return found, cpdag(found, Budget()), pag(found, test, 0.01, Bounds(n, n, -1, n), Budget())


def random_dag(p: int, seed: int) -> nx.DiGraph:
    """Three edges a node and more, in a random order of nodes."""
    rng = np.random.default_rng(seed)
    place = rng.permutation(p)
    dag = nx.DiGraph()
    dag.add_nodes_from(range(p))
    chosen = [pair for pair in combinations(range(p), 2) if rng.random() < 3 / (p - 1)]
    dag.add_edges_from((int(place[i]), int(place[j])) for i, j in chosen)
    return dag


def mixed_rows(dag: nx.DiGraph, seed: int, n: int = 600) -> Coding:
    """Rows of an SCM over the DAG in which every third node has three levels."""
    rng = np.random.default_rng(seed)
    score: dict[int, np.ndarray] = {}
    columns: dict[str, np.ndarray] = {}
    for node in nx.topological_sort(dag):
        score[node] = rng.normal(size=n) + sum(0.7 * score[u] for u in dag.predecessors(node))
        if node % 3 == 2:
            code = np.searchsorted(np.quantile(score[node], [0.4, 0.7]), score[node])
            score[node] = np.array([-1.0, 0.0, 1.2])[code]
            columns[f"x{node}"] = np.array(list("abc"))[code]
        else:
            columns[f"x{node}"] = score[node]
    return coded({f"x{node}": columns[f"x{node}"] for node in sorted(dag)})


@pytest.mark.parametrize("seed", range(8))
def test_with_d_separation_as_test_the_graphs_are_causal_learns(seed: int, reference: type) -> None:
    """Of nine nodes out of eleven, two being hidden: every mark of PC and of FCI.

    All sets that separate a pair then agree on the middle nodes of its triples (it is in all of
    them or in none), so that it does not matter which of them a search keeps.
    """
    seen = sorted(np.random.default_rng(seed).permutation(11)[:9].tolist())
    test = DSeparation(random_dag(11, seed), seen)
    _, pc_marks, fci_marks = ours(test, 9)
    theirs = reference(test, 9)
    assert (pc_marks == theirs.pc()).all()
    assert (fci_marks == theirs.fci()).all()


@pytest.mark.parametrize("seed", range(8))
def test_on_rows_the_skeleton_is_causal_learns(seed: int, reference: type) -> None:
    """PC-stable's, whichever sets are tried first. We keep the first set that separates a pair,
    causal-learn the union of all of its size: ours is a part of theirs."""
    test = made_test(mixed_rows(random_dag(8, seed), seed))
    found, marks, _ = ours(test, 9)
    theirs = reference(test, 9)
    searched = theirs.search()
    assert ((marks != 0) == (theirs.pc() != 0)).all()
    assert found.neighbours == searched.neighbours
    assert set(found.separators) == set(searched.separators)
    assert all(given <= searched.separators[pair] for pair, given in found.separators.items())


@pytest.mark.parametrize("seed", range(8))
def test_on_rows_and_from_the_same_separating_sets_pcs_marks_are_causal_learns(
    seed: int, reference: type
) -> None:
    """Rows may hold several sets that separate a pair and disagree on a node between the two; it
    is a collider by one and none by another. Given the same sets the marks are the same."""
    test = made_test(mixed_rows(random_dag(8, seed), seed))
    theirs = reference(test, 9)
    _, marks, _ = ours(test, 9, theirs.search())
    assert (marks == theirs.pc()).all()


@pytest.mark.long
def test_on_rows_the_marks_are_causal_learns_where_no_choice_of_sets_decides(
    reference: type,
) -> None:
    """From our own search: PC's marks where our set and causal-learn's union agree on the middle
    node of every unshielded triple; FCI's too where, besides, no possible-d-separating set takes
    an edge away. Such sets causal-learn tries in another order (and skips the first of each size,
    for its generator of subsets overwrites the one that it has handed out)."""
    equal = {"pc": 0, "fci": 0}
    for seed in range(40):
        test = made_test(mixed_rows(random_dag(8, seed), seed))
        theirs = reference(test, 9)
        found, pc_marks, fci_marks = ours(test, 9)
        union = theirs.search().separators
        if not all(
            (middle in found.separators[x, y]) == (middle in union[x, y])
            for x, y in union
            for middle in found.neighbours[x] & found.neighbours[y]
        ):
            continue
        assert (pc_marks == theirs.pc()).all()
        equal["pc"] += 1
        reference_marks = theirs.fci()
        left = [int((marks != 0).sum()) for marks in (pc_marks, fci_marks, reference_marks)]
        if len(set(left)) == 1:
            assert (fci_marks == reference_marks).all()
            equal["fci"] += 1
    assert equal["pc"] >= 10
    assert equal["fci"] >= 5


@pytest.mark.parametrize("path", [2, 4, -1])
@pytest.mark.parametrize("seed", range(6))
def test_possible_d_separating_sets_are_causal_learns(seed: int, path: int) -> None:
    """On 30 nodes with random circles and arrows, six neighbours a node: every pair's set."""
    rng = np.random.default_rng(seed)
    n = 30
    joined = np.triu(rng.random((n, n)) < 6 / (n - 1), 1)
    marks = np.where(joined | joined.T, np.where(rng.random((n, n)) < 0.4, 1, 2), 0)
    neighbours = [set(np.flatnonzero(row).tolist()) for row in joined | joined.T]
    graph = causal_learns(marks)
    nodes, position = graph.get_nodes(), graph.get_node_map()
    prepared, beyond = _Marks(marks), 0
    for x, y in zip(*np.nonzero(joined), strict=True):
        theirs = getPossibleDsep(nodes[x], nodes[y], graph, path)
        ours = prepared.possible_dsep(int(x), int(y), path)
        assert ours == {position[node] for node in theirs}
        beyond += bool(ours - neighbours[x])
    assert beyond > 5


def causal_learns(marks: np.ndarray) -> GeneralGraph:
    """causal-learn's own graph with these marks; its nodes hashed by their positions."""
    graph = GeneralGraph([_Node(position) for position in range(len(marks))])
    graph.graph = marks.copy()
    return graph


def random_skeleton(seed: int) -> Skeleton:
    """Of 12 nodes, sparse to dense, separated by any sets: most triples contradict each other."""
    rng = np.random.default_rng(seed)
    n, density = 12, rng.uniform(0.2, 0.8)
    neighbours: list[set[int]] = [set() for _ in range(n)]
    separators: dict[tuple[int, int], set[int]] = {}
    for i, j in combinations(range(n), 2):
        if rng.random() < density:
            neighbours[i].add(j)
            neighbours[j].add(i)
        else:
            others = [node for node in range(n) if node not in (i, j)]
            given = {int(node) for node in rng.permutation(others)[: rng.integers(4)]}
            separators[i, j] = separators[j, i] = given
    return Skeleton(neighbours, separators)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_skeleton_pcs_marks_are_causal_learns(seed: int) -> None:
    """Colliders in conflict included: an edge keeps its first direction, and Meek's rules ask a
    table of ancestors that the order of edges decides."""
    found = random_skeleton(seed)
    causal = CausalGraph(12)
    causal.G = GeneralGraph(causal.G.nodes)
    causal.G.graph[found.joined] = TAIL
    for pair, between in found.separators.items():
        causal.sepset[pair] = [tuple(between)]
    theirs = Meek.meek(UCSepset.uc_sepset(causal, 2)).G.graph
    assert (cpdag(found, Budget()) == theirs).all()


class RandomTest(IndependenceTest):
    """p-values that hang together in no way."""

    method = "random"

    def __init__(self, seed: int) -> None:
        self.seed, self.calls = seed, 0

    def __call__(self, x: int, y: int, given: Iterable[int] | None = None) -> float:
        self.calls += 1
        key = [self.seed, min(x, y), max(x, y), *sorted(given or ())]
        return 0.03 * float(np.random.default_rng(key).random())

    def information(self, x: int, y: int) -> float:
        return 0.0


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_skeleton_fcis_marks_are_causal_learns(seed: int) -> None:
    """Without possible-d-separating sets; our graph answers the rules as causal-learn's does."""
    found, test, other = random_skeleton(seed), RandomTest(seed), RandomTest(seed)
    bounds = Bounds(depth=2, candidates=12, path=4, degree=0.0)
    graph = causal_learns(np.where(found.joined, CIRCLE, NONE))
    rules.rule0(graph, graph.get_nodes(), found.separators, None, False)
    _orient(graph, other, 0.01, bounds, dict(found.separators), Budget())
    assert (pag(found, test, 0.01, bounds, Budget()) == graph.graph).all()
    assert test.calls == other.calls


def marks_of(columns: dict[str, np.ndarray]) -> np.ndarray:
    """PC's marks between the columns."""
    test = made_test(coded(columns))
    n = len(columns)
    return cpdag(skeleton(test, n + 1, 0.01, 2, Budget()), Budget())[:n, :n]


def test_of_a_chain_pc_leaves_the_directions_open() -> None:
    """a → b → c, b of three levels: a — b — c, for c ← b ← a and a ← b → c say the same."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=1000)
    b = np.searchsorted([-0.5, 0.6], a + 0.7 * rng.normal(size=1000))
    c = np.array([0.0, 1.5, 0.7])[b] + rng.normal(size=1000)
    marks = marks_of({"a": a, "b": np.array(list("xyz"))[b], "c": c})
    assert marks.tolist() == [[0, TAIL, 0], [TAIL, 0, TAIL], [0, TAIL, 0]]


def collider(n: int = 1000) -> dict[str, np.ndarray]:
    """a → c ← b, b of two levels."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=n), rng.integers(2, size=n)
    return {"a": a, "b": np.array(["no", "yes"])[b], "c": a + b + 0.7 * rng.normal(size=n)}


def test_a_collider_is_oriented() -> None:
    assert marks_of(collider()).tolist() == [[0, 0, TAIL], [0, 0, TAIL], [ARROW, ARROW, 0]]


def test_edge_probabilities_of_a_collider_are_what_its_marks_weigh() -> None:
    """PC's a → c counts 1, FCI's a o→ c 0.75 one way and nothing the other."""
    coding = coded(collider())
    for algorithm, weight in (("pc", 1.0), ("fci", 0.75)):
        found, _ = discover(
            coding.codes_,
            coding.nodes_,
            np.random.default_rng(0),
            Discovery(algorithms=[algorithm], share=1.0),
        )
        assert found.matrix[:2, 2].tolist() == [weight, weight]
        assert found.matrix.sum() == 2 * weight
        assert found.resamples == {algorithm: 1}
    both, _ = discover(coding.codes_, coding.nodes_, np.random.default_rng(0), Discovery(share=1.0))
    assert both.matrix[:2, 2].tolist() == [0.875, 0.875]
    assert (both.adjacency >= 0.5).sum() == 4


# --- searches by score ------------------------------------------------------------------------

BY_SCORE = ("boss", "grasp", "ges")


def found_by(algorithm: str, columns: dict[str, np.ndarray], **bounds: float) -> tuple:
    """Marks weighed, and facts, of one search on all rows; the target is left out."""
    coding = coded(columns)
    chosen = Discovery(algorithms=[algorithm], share=1.0, **bounds)
    found, facts = discover(coding.codes_, coding.nodes_, np.random.default_rng(0), chosen)
    assert found.resamples == {algorithm: 1}
    return found.matrix[:-1, :-1].tolist(), facts


@pytest.mark.parametrize("algorithm", BY_SCORE)
def test_a_search_by_score_finds_a_collider_and_leaves_a_chain_undirected(algorithm: str) -> None:
    state = random.getstate()
    assert found_by(algorithm, collider())[0] == [[0, 0, 1], [0, 0, 1], [0, 0, 0]]
    rng = np.random.default_rng(1)
    a = rng.normal(size=500)
    b = np.array(list("xyz"))[np.digitize(a + rng.normal(size=500), [-0.5, 0.5])]
    c = np.array([-1.0, 0.0, 1.0])[np.digitize(a, [9]) + (b == "y") + 2 * (b == "z")]
    chain = found_by(algorithm, {"a": a, "b": b, "c": c + rng.normal(size=500)})[0]
    assert chain == [[0, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0]]
    assert random.getstate() == state


@pytest.mark.parametrize("algorithm", BY_SCORE)
def test_a_search_by_score_ends_at_its_bound_and_says_so(
    algorithm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = mixed_rows(random_dag(8, 1), 1).table_.X.to_dict("series")
    columns = {name: column.to_numpy() for name, column in columns.items()}
    _, whole = found_by(algorithm, columns)
    assert whole["cut"] == {}
    _, facts = found_by(algorithm, columns, max_tests=30)
    assert facts["cut"] == {"score search: scores": 1}
    assert facts["tests"] == 0  # no skeleton is searched that nobody asks for
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("seed", range(4))
def test_the_class_of_a_dag_is_causal_learns(seed: int) -> None:
    dag = random_dag(9, seed)
    into = nx.to_numpy_array(dag, nodelist=range(9)) > 0
    theirs = known_graphs.cpdag(into)
    marks = class_of([list(dag.predecessors(node)) for node in range(9)], Budget())
    assert (((marks == TAIL) & (marks.T != NONE)) == theirs).all()


@pytest.mark.parametrize("seed", range(4))
def test_greedy_search_by_a_score_that_knows_the_graph_finds_its_class(seed: int) -> None:
    """A score that is right about every set: each d-connected pair gains 1 given any set, and each
    parent costs a little. Such a score is consistent and decomposable on trees."""
    rng = np.random.default_rng(seed)
    tree = nx.DiGraph([(int(rng.integers(node)), node) for node in range(1, 7)])
    covariance = np.linalg.inv(np.eye(7) - 0.7 * nx.to_numpy_array(tree, nodelist=range(7)))
    covariance = covariance.T @ covariance

    def score(node: int, parents: Iterable[int]) -> float:
        at = sorted(parents)
        left = covariance[node, node] - covariance[node, at] @ np.linalg.solve(
            covariance[np.ix_(at, at)], covariance[at, node]
        )
        return -5000 * np.log(left) - 5 * len(at)

    *_, marks = greedy(score, 7, Budget())
    expected = class_of([list(tree.predecessors(node)) for node in range(7)], Budget())
    assert (marks == expected).all()


# --- cells ------------------------------------------------------------------------------------


def test_given_two_nodes_that_interact_the_cells_see_that_a_pair_is_independent() -> None:
    """Both are functions of whether a and b agree: no sum of what a and b do tells that."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(2, size=(2, 1000))
    agree = np.array(["no", "yes"])[((a == b) ^ (rng.random((2, 1000)) < 0.1)).astype(int)]
    letters = np.array(list("ab"))
    coding = coded({"a": letters[a], "b": letters[b], "x": agree[0], "y": agree[1]})
    assert made_test(coding)(2, 3, (0, 1)) < 1e-9
    test = made_test(coding, "mixed")
    assert test(2, 3, (0, 1)) > 0.05
    assert test(2, 3) < 1e-9
    assert test.first(2, 3, [(0, 1)], 0.01) == (0, 1)


def test_of_cells_it_is_pearsons_chi_square() -> None:
    """Within each stratum as SciPy has it, strata summed; no word where the rows are too few."""
    columns = independent_columns(600, 3, 1)
    coding = coded({name: columns[name] for name in ("c0", "c1", "c2")})
    test = make_test(coding.codes_, coding.nodes_, Discovery(test="mixed", fill=10.0))
    x, y, z = coding.codes_[:, :3].astype(int).T
    tables = [pd.crosstab(x[z == level], y[z == level]) for level in np.unique(z)]
    parts = [chi2_contingency(table, correction=False) for table in tables]
    expected = chi2.sf(sum(p.statistic for p in parts), sum(p.dof for p in parts))
    assert test._cells(0, 1, (2,)) == pytest.approx(expected)
    sparse = make_test(coding.codes_, coding.nodes_, Discovery(test="mixed", fill=100.0))
    assert sparse._cells(0, 1, (2,)) == 0.0


# --- weights ----------------------------------------------------------------------------------

MARKS = (TAIL, ARROW, CIRCLE)


@pytest.mark.parametrize("at_i", MARKS)
@pytest.mark.parametrize("at_j", MARKS)
def test_weights_do_not_depend_on_which_node_comes_first(at_i: int, at_j: int) -> None:
    one = weigh(np.array([[0, at_i], [at_j, 0]]), 0.25)
    other = weigh(np.array([[0, at_j], [at_i, 0]]), 0.25)
    assert (one == other.T).all()
    assert 0 < one.sum() <= 1


def test_every_pair_of_marks_is_in_the_table_once() -> None:
    table = weights(0.25)
    assert len({frozenset(pair) for pair in table}) == len(table) == 6
    for (at_i, at_j), (forth, back) in table.items():
        assert min(forth, back) >= 0
        assert forth + back <= 1
        if at_i == at_j:
            assert forth == back
        if at_i == ARROW != at_j:
            assert forth == 0  # an arrowhead at i: i is no cause of j
        if at_j == ARROW != at_i:
            assert back == 0


def test_the_weight_of_a_hidden_common_cause_can_be_set() -> None:
    marks = np.array([[0, ARROW], [ARROW, 0]])
    assert weigh(marks, bidirected=0.4).tolist() == [[0, 0.4], [0.4, 0]]


@pytest.mark.parametrize(("bidirected", "weight"), [(0.0, 0.5), (0.25, 0.75), (0.5, 1.0)])
def test_an_edge_that_may_be_a_hidden_common_cause_counts_as_an_even_bet(
    bidirected: float, weight: float
) -> None:
    marks = np.array([[0, CIRCLE], [ARROW, 0]])
    assert weigh(marks, bidirected).tolist() == [[0, weight], [0, 0]]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_probabilities_of_both_directions_add_up_to_one_at_most(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = int(rng.integers(2, 9))
    marks = np.zeros((p, p), dtype=int)
    for i, j in combinations(range(p), 2):
        if rng.random() < 0.6:
            marks[i, j], marks[j, i] = rng.choice(MARKS, size=2)
    assert_probabilities(weigh(marks, 0.25))
    assert ((weigh(marks, 0.25) + weigh(marks, 0.25).T > 0) == (marks != 0)).all()
    place = rng.permutation(p)
    again = weigh(marks[np.ix_(place, place)], 0.25)
    assert (again == weigh(marks, 0.25)[np.ix_(place, place)]).all()


def assert_probabilities(matrix: np.ndarray) -> None:
    assert (matrix >= 0).all()
    assert (matrix + matrix.T <= 1 + 1e-12).all()
    assert (np.diag(matrix) == 0).all()


# --- awkward tables ---------------------------------------------------------------------------


def normal_columns(n: int, p: int, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """``p`` normal columns, and a target that the first one decides in part."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return {f"x{i}": X[:, i] for i in range(p)}, (X[:, 0] + rng.normal(size=n) > 0).astype(int)


def awkward() -> dict[str, Table]:
    rng = np.random.default_rng(7)
    columns, y = normal_columns(200, 4)
    x = columns["x0"]
    rare = y.copy()
    rare[:2] = 2
    holes = {c: np.where(rng.random(200) < 0.2, np.nan, v) for c, v in columns.items()}
    levels = np.array([f"level {i}" for i in rng.permutation(np.arange(300) % 200)])
    constant = {"zero": np.zeros(200), "level": np.array(["only"] * 200)}
    total = {"sum": x + columns["x1"], "difference": x - columns["x1"], "third": x + columns["x2"]}
    return {
        "constant columns": make_table(columns | constant, y),
        "duplicate columns": make_table(columns | {"again": x, "and again": x}, y),
        "rescaled columns": make_table(columns | {"small": x * 1e-9, "minus": 7 - 1e6 * x}, y),
        "collinear columns": make_table(columns | total, y),
        "missing values": make_table(holes, y),
        "a column of which one value is known": make_table(
            columns | {"once": np.where(np.arange(200) == 5, 3.5, np.nan)}, y
        ),
        "a class with two rows": make_table(columns, rare),
        "200 levels": make_table(
            normal_columns(300, 3)[0] | {"levels": levels}, rng.integers(2, size=300)
        ),
        "more columns than rows": make_table(*normal_columns(20, 24)),
        "two columns": make_table(*normal_columns(200, 2)),
        "one column": make_table(*normal_columns(200, 1)),
        "a column that is the target": make_table(columns | {"t": np.array(["n", "y"])[y]}, y),
        "a number that is the target": make_table(columns | {"t": 3.0 * y}, y),
        "five rows": make_table(*normal_columns(5, 3)),
        "two rows": make_table(normal_columns(2, 3)[0], np.array([0, 1])),
        "one class": make_table(columns, np.zeros(200, dtype=int)),
    }


AWKWARD = awkward()


@pytest.mark.parametrize("target", ["root", "sink", "free"])
@pytest.mark.parametrize("name", list(AWKWARD))
def test_awkward_tables_are_served_without_a_warning(name: str, target: str) -> None:
    table = AWKWARD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)
        generator = fixed(Discovery(resamples=4), n_dags=4, target=target)
        generator.fit(table, np.random.default_rng(0))
        for n in (1, 3, 100):
            assert_fits(generator.sample(n, np.random.default_rng(n)), n, table, generator)
    assert_probabilities(generator.probabilities_.matrix)
    assert json.loads(json.dumps(generator.facts_)) == generator.facts_


@pytest.mark.parametrize("name", ["rank_gaussian", "chi_square", "mixed"])
def test_the_other_tests_serve_mixed_tables_too(name: str) -> None:
    coding = mixed_rows(random_dag(6, 0), 0)
    generator = fixed(Discovery(name, resamples=3), n_dags=2).fit(
        coding.table_, np.random.default_rng(0)
    )
    rows = generator.sample(50, np.random.default_rng(0))
    assert_fits(rows, 50, coding.table_, generator)
    assert generator.facts_["expected_edges"] > 1


def test_independent_columns_have_hardly_an_edge_and_rows_from_their_marginals() -> None:
    """Ten nodes, 45 pairs, of which a test at 0.01 should take less than one for dependent. The
    rows' marginals are the training rows' to within what a sample of 600 can deviate."""
    rng = np.random.default_rng(3)
    columns: dict[str, np.ndarray] = {f"x{i}": rng.gamma(2, size=300) for i in range(6)}
    columns |= {f"c{i}": rng.choice(list("abc"), size=300, p=[0.6, 0.3, 0.1]) for i in range(3)}
    table = make_table(columns, rng.integers(2, size=300))
    generator = fixed(repair=None).fit(table, np.random.default_rng(0))
    facts = generator.facts_
    assert facts["nodes"] == 10
    assert facts["expected_edges"] < 1
    assert facts["density"] == pytest.approx(facts["expected_edges"] / 45)
    assert facts["edges_a_dag"]["drawn"] == facts["edges_a_dag"]["repaired"] < 1
    assert facts["target_degree"] < 0.5
    rows = generator.sample(600, np.random.default_rng(1))
    for column in table.numeric:
        steps = np.searchsorted(np.sort(table.X[column]), rows.X[column]) / 300
        assert np.abs(np.sort(steps) - (np.arange(600) + 0.5) / 600).max() < 1.63 / np.sqrt(600)
    for column in table.categorical:
        share, drawn = (t.X[column].value_counts(normalize=True) for t in (table, rows))
        assert np.abs(drawn - share).max() < 4 * np.sqrt(0.25 / 600)


def test_the_repairs_false_edges_are_as_many_as_its_level_says() -> None:
    """Of 45 independent pairs a level of 0.1 takes 4.5, ±4 standard errors of a binomial."""
    table = make_table(normal_columns(400, 9)[0], np.random.default_rng(5).integers(2, size=400))
    counts = []
    for level in (1e-4, 0.1):
        generator = fixed(Discovery(resamples=2), n_dags=3, repair=level)
        facts = generator.fit(table, np.random.default_rng(0)).facts_["edges_a_dag"]
        assert facts["added"] == pytest.approx(facts["repaired"] - facts["drawn"])
        counts.append(facts["added"])
    assert counts[0] < 0.5
    assert counts[1] < 4.5 + 4 * np.sqrt(45 * 0.1 * 0.9)


def test_a_column_that_decides_the_target_comes_back_with_it() -> None:
    table = AWKWARD["a column that is the target"]
    generator = fixed(Discovery(resamples=4)).fit(table, np.random.default_rng(0))
    rows = generator.sample(400, np.random.default_rng(0))
    assert np.mean((rows.X["t"] == "y") == rows.y) > 0.95


def test_one_row_is_refused_in_a_sentence() -> None:
    with pytest.raises(NotApplicable, match="at least two training rows"):
        fixed().fit(AWKWARD["two rows"].take([0]), np.random.default_rng(0))


def as_found() -> str:
    """A graph and how many tests it took, as text."""
    coding = Coding().fit(embedded.load("credit-g"))
    settings = Discovery(resamples=1)
    found, facts = discover(coding.codes_, coding.nodes_, np.random.default_rng(0), settings)
    return f"{facts['tests']} {found.matrix.tobytes().hex()}"


ONE_PROCESS = f"""
import numpy as np
from bench.datasets import embedded
from generators.scm.coding import Coding
from generators.scm.discovery import Discovery, discover
{inspect.getsource(as_found)}
print(as_found(), end="")
"""


@pytest.mark.long
def test_string_hashes_decide_no_graph() -> None:
    """They differ from process to process, and causal-learn keeps nodes in sets."""
    told = {
        subprocess.run(
            [sys.executable, "-c", ONE_PROCESS],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {as_found()}  # by a third seed, which this process has drawn


def test_facts_are_free_of_times() -> None:
    """They are compared between runs; times stand apart."""
    coding = mixed_rows(random_dag(5, 0), 0)
    one, other = (fixed().fit(coding.table_, np.random.default_rng(0)) for _ in "ab")
    assert one.facts_ == other.facts_
    assert {"coding", "discovery", "graphs", "mechanisms", "discovery.pc"} <= set(one.seconds_)


def test_resamples_are_subsamples_of_the_rows() -> None:
    """A wide table gets fewer of them; with all rows one is enough."""
    columns, y = normal_columns(80, 5)
    coding = Coding().fit(make_table(columns, y))
    for chosen, count in (
        (Discovery(resamples=7), 7),
        (Discovery(wide=5, wide_resamples=2), 2),
        (Discovery(share=1.0), 1),
    ):
        found, _ = discover(coding.codes_, coding.nodes_, np.random.default_rng(0), chosen)
        assert found.resamples == {"pc": count, "fci": count}


def test_categorical_columns_alone_are_searched_with_numbers_of_their_own() -> None:
    own = Categories(level=0.2, resamples=7)
    few = Discovery(categories=own, resamples=4)
    nodes = Coding(30, True, True, 0.5).fit(plain()).nodes_
    assert few.of(nodes) is few  # numbers are among them
    levels = [node for node in nodes if node.cardinality]
    assert few.of(levels) == replace(few, test="mixed", level=0.2, share=0.9)
    assert replace(few, categories=None).of(levels).level == few.level
