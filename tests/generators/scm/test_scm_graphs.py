"""DAGs drawn from edge probabilities, and their repair on the rows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import rankdata

from generators.scm.coding import NumericNode
from generators.scm.discovery import Discovery
from generators.scm.discovery import gaussian as degenerate_gaussian
from generators.scm.graphs import (
    Dag,
    EdgeProbabilities,
    Growing,
    Target,
    as_digraph,
    order,
    oriented,
    sample_dag,
)
from generators.scm.independence import DegenerateGaussian
from generators.scm.repair import MarkovRepair


def probabilities(matrix: np.ndarray) -> EdgeProbabilities:
    names = tuple(f"x{i}" for i in range(len(matrix)))
    return EdgeProbabilities(names, matrix)


def sampled(matrix: np.ndarray, rng: np.random.Generator, **settings: float) -> Dag:
    usual = {"max_parents": 5, "noise": 0.25}
    return sample_dag(probabilities(matrix), rng, **usual | settings)


@st.composite
def matrices(draw: Callable) -> np.ndarray:
    """Any matrix of edge probabilities: each pair's total in [0, 1], split between directions."""
    p = draw(st.integers(2, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    matrix = np.zeros((p, p))
    for i, j in combinations(range(p), 2):
        total = rng.choice([0.0, rng.random(), 1.0])
        forward = rng.choice([0.0, 0.5, 1.0, rng.random()])
        matrix[i, j], matrix[j, i] = total * forward, total * (1 - forward)
    return matrix


def edges(dag: Dag) -> set[tuple[int, int]]:
    return {(cause, effect) for effect, causes in enumerate(dag) for cause in causes}


# --- drawing ----------------------------------------------------------------------------------


@given(matrix=matrices(), seed=st.integers(0, 1000), max_parents=st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_a_drawn_graph_is_acyclic_keeps_the_cap_and_has_only_possible_edges(
    matrix: np.ndarray, seed: int, max_parents: int
) -> None:
    dag = sampled(matrix, np.random.default_rng(seed), max_parents=max_parents)
    assert nx.is_directed_acyclic_graph(as_digraph(dag))
    assert max(map(len, dag)) <= max_parents
    assert all(matrix[cause, effect] > 0 for cause, effect in edges(dag))
    assert all(list(parents) == sorted(set(parents)) for parents in dag)


@given(matrix=matrices(), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_the_same_seed_draws_the_same_graph(matrix: np.ndarray, seed: int) -> None:
    one, other = (sampled(matrix, np.random.default_rng(seed)) for _ in "ab")
    assert one == other


def frequencies(matrix: np.ndarray, draws: int, **settings: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    count = np.zeros_like(matrix)
    for _ in range(draws):
        for cause, effect in edges(sampled(matrix, rng, **settings)):
            count[cause, effect] += 1
    return count / draws


def assert_binomial(share: np.ndarray, expected: np.ndarray, draws: int) -> None:
    """Within 4.5 standard errors, which all of 100 shares keep with probability 0.9993."""
    error = np.sqrt(expected * (1 - expected) / draws)
    assert (np.abs(share - expected) <= 4.5 * error + 1e-12).all()


def test_edges_come_with_their_probabilities_where_no_cycle_can_close() -> None:
    """One order of nodes: no edge can close a cycle, so none is turned or left out."""
    matrix = np.triu(np.random.default_rng(1).random((6, 6)), 1)
    assert_binomial(frequencies(matrix, 4000, max_parents=6), matrix, 4000)


def test_both_directions_of_a_lone_edge_come_with_their_probabilities() -> None:
    matrix = np.zeros((5, 5))
    matrix[0, 1], matrix[1, 0] = 0.2, 0.5
    matrix[3, 2], matrix[2, 3] = 0.75, 0.25
    assert_binomial(frequencies(matrix, 4000), matrix, 4000)


def test_the_order_of_pairs_decides_nothing_where_no_cycle_can_close() -> None:
    matrix = np.triu(np.full((5, 5), 0.4), 1)
    for noise in (0.0, 5.0):
        share = frequencies(matrix, 3000, max_parents=5, noise=noise)
        assert_binomial(share, matrix, 3000)


def test_in_a_cycle_the_weakest_edge_gives_way() -> None:
    """0 → 1 → 2 is certain; 2 → 0 closes a cycle, has no other direction, and is left out."""
    matrix = np.zeros((3, 3))
    matrix[0, 1] = matrix[1, 2] = 1.0
    matrix[2, 0] = 0.5
    for seed in range(20):
        dag = sampled(matrix, np.random.default_rng(seed), noise=0.0)
        assert edges(dag) == {(0, 1), (1, 2)}


def test_an_edge_that_would_close_a_cycle_is_turned_if_it_may() -> None:
    matrix = np.zeros((3, 3))
    matrix[0, 1] = matrix[1, 2] = 1.0
    matrix[2, 0], matrix[0, 2] = 0.9, 0.05
    drawn = [edges(sampled(matrix, np.random.default_rng(seed), noise=0.0)) for seed in range(200)]
    assert all(found in ({(0, 1), (1, 2)}, {(0, 1), (1, 2), (0, 2)}) for found in drawn)
    assert np.mean([(0, 2) in found for found in drawn]) == pytest.approx(0.95, abs=0.05)


def test_an_edge_over_the_cap_on_parents_is_turned_if_it_may() -> None:
    """Node 3 takes one of three certain causes; those that may be its effects become so."""
    matrix = np.zeros((4, 4))
    matrix[0, 3] = 1.0
    matrix[1, 3], matrix[3, 1] = 0.9, 0.05
    matrix[2, 3] = 0.9
    for seed in range(50):
        rng = np.random.default_rng(seed)
        found = edges(sampled(matrix, rng, max_parents=1, noise=0.0))
        assert (0, 3) in found
        assert found <= {(0, 3), (3, 1)}


def test_a_growing_graph_refuses_each_edge_that_closes_a_cycle() -> None:
    growing = Growing(4, 4, ((), (0,), (1,), ()))
    assert not growing.add(2, 0)
    assert not growing.add(0, 0)
    assert growing.add(2, 3)
    assert not growing.add(3, 0)
    assert growing.dag() == ((), (0,), (1,), (2,))


@given(matrix=matrices(), seed=st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_a_target_that_is_root_or_sink_has_edges_of_one_direction_only(
    matrix: np.ndarray, seed: int
) -> None:
    target = len(matrix) - 1
    given = probabilities(matrix)
    for way, end in ((Target.root, 1), (Target.sink, 0)):
        aimed = oriented(given, way)
        assert aimed.adjacency == pytest.approx(given.adjacency)
        dag = sample_dag(aimed, np.random.default_rng(seed), max_parents=9, noise=0.25)
        assert all(edge[end] != target for edge in edges(dag))
    assert oriented(given, Target.free) is given


# --- the Markov repair ------------------------------------------------------------------------


def linear_rows(dag: Dag, n: int, seed: int) -> np.ndarray:
    """Normal scores of a linear Gaussian SCM whose edges have weights of 0.5 to 0.9, ±."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n, len(dag)))
    for node in order(dag):
        weights = rng.uniform(0.5, 0.9, len(dag[node])) * rng.choice([-1, 1], len(dag[node]))
        X[:, node] = X[:, list(dag[node])] @ weights + rng.normal(size=n)
    return ndtri((rankdata(X, axis=0) - 0.5) / n)


def random_dag(p: int, density: float, seed: int) -> Dag:
    rng = np.random.default_rng(seed)
    matrix = np.triu((rng.random((p, p)) < density).astype(float), 1)
    place = rng.permutation(p)
    return sampled(matrix[np.ix_(place, place)], rng, max_parents=p)


def gaussian(codes: np.ndarray) -> DegenerateGaussian:
    nodes = [NumericNode(f"x{i}", column, False) for i, column in enumerate(codes.T)]
    return degenerate_gaussian(codes, nodes, Discovery())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("cap", [2, 7])
def test_a_repaired_graph_keeps_what_was_drawn_and_is_markov(seed: int, cap: int) -> None:
    """It contains the drawn edges, all edges follow the drawn graph's order, and no predecessor
    is dependent on a node given its parents at the level, unless the cap is reached."""
    test = gaussian(linear_rows(random_dag(7, 0.5, seed), 600, seed))
    matrix = np.triu(np.full((7, 7), 0.2), 1)
    drawn = sampled(matrix, np.random.default_rng(seed), max_parents=cap)
    repaired = MarkovRepair(test, 0.05, cap)(drawn)
    place = {node: at for at, node in enumerate(order(drawn))}
    assert edges(drawn) <= edges(repaired)
    assert all(place[cause] < place[effect] for cause, effect in edges(repaired))
    assert max(map(len, repaired)) <= cap
    for node, parents in enumerate(repaired):
        if len(parents) == cap:
            continue
        others = [u for u in range(7) if place[u] < place[node] and u not in parents]
        assert all(test(node, u, parents) > 0.05 for u in others)
    assert len(edges(repaired)) > len(edges(drawn))


def test_a_correct_graph_gains_nothing_at_a_strict_level() -> None:
    """At 1e-5 the up to 28 tests of each of ten graphs reject one with probability 0.003."""
    for seed in range(10):
        dag = random_dag(8, 0.4, seed)
        test = gaussian(linear_rows(dag, 600, 100 + seed))
        assert MarkovRepair(test, 1e-5, 8)(dag) == dag


def test_a_dropped_edge_comes_back() -> None:
    """0 → 1 → 2 ← 3 and 0 → 2; every edge is dropped in turn, the order of nodes kept."""
    dag: Dag = ((), (0,), (0, 1, 3), ())
    test = gaussian(linear_rows(dag, 600, 3))
    for cause, effect in edges(dag):
        left = tuple(
            tuple(p for p in parents if (p, node) != (cause, effect))
            for node, parents in enumerate(dag)
        )
        repaired = edges(MarkovRepair(test, 1e-5, 4)(left))
        assert {(cause, effect), (effect, cause)} & repaired


def test_from_an_empty_graph_the_repair_finds_a_markov_model() -> None:
    """Of a chain in its own order that is the chain."""
    chain: Dag = ((), (0,), (1,), (2,), (3,))
    test = gaussian(linear_rows(chain, 800, 4))
    assert MarkovRepair(test, 1e-5, 5)(((),) * 5) == chain


def test_the_surest_parents_come_first_where_the_cap_leaves_room_for_one() -> None:
    rng = np.random.default_rng(5)
    causes = rng.normal(size=(600, 3))
    effect = causes @ [0.3, 0.9, 0.5] + rng.normal(size=600)
    test = gaussian(ndtri((rankdata(np.column_stack([causes, effect]), axis=0) - 0.5) / 600))
    for cap, parents in ((1, (1,)), (2, (1, 2)), (3, (0, 1, 2))):
        assert MarkovRepair(test, 1e-4, cap)(((),) * 4)[3] == parents


@pytest.mark.parametrize("way", ["first", "last"])
def test_a_target_that_is_root_or_sink_stays_so(way: str) -> None:
    dag = random_dag(6, 0.6, 1)
    test = gaussian(linear_rows(dag, 600, 6))
    repaired = MarkovRepair(test, 0.1, 6)(((),) * 6, **{way: 3})
    directions = [edge.index(3) for edge in edges(repaired) if 3 in edge]
    assert directions
    assert set(directions) == ({0} if way == "first" else {1})
