"""Known networks are read as published, sampled as their tables say, and measured fairly."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from scripts import known_graphs
from scripts.known_graphs import Network, cpdag, hamming_distance, skeleton_f1, thresholded

CHAIN = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=bool)
COLLIDER = np.array([[0, 1, 0], [0, 0, 0], [0, 1, 0]], dtype=bool)
BOTH_WAYS = CHAIN | CHAIN.T
NOTHING = np.zeros((3, 3), dtype=bool)


@pytest.mark.parametrize(
    ("name", "nodes", "arcs"),
    [
        ("asia", 8, 8),
        ("sachs", 11, 17),
        ("child", 20, 25),
        ("alarm", 37, 46),
        pytest.param("mildew", 35, 46, marks=pytest.mark.long),
        ("barley", 48, 84),
        ("hepar2", 70, 123),
        ("win95pts", 76, 112),
    ],
)
def test_a_network_has_its_published_size_and_rows_of_probabilities(name, nodes, arcs):
    network = known_graphs.load(name)
    assert len(network.names) == nodes
    assert network.adjacency.sum() == arcs
    for node, table in network.tables.items():
        parents = [len(network.levels[parent]) for parent in network.parents[node]]
        assert table.shape == (*parents, len(network.levels[node]))
        assert table.min() >= 0
        np.testing.assert_allclose(table.sum(axis=-1), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", known_graphs.NAMES)
def test_a_file_is_the_one_that_the_readme_describes(name):
    content = (known_graphs.FOLDER / f"{name}.bif.gz").read_bytes()
    readme = (known_graphs.FOLDER / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() in readme


def test_a_table_is_read_by_the_levels_of_the_parents_and_not_by_their_order():
    text = """
    variable a { type discrete [ 2 ] { yes, no }; }
    variable b { type discrete [ 3 ] { <5, 5-12, 12+ }; }
    probability ( b | a ) { (no) 0.1, 0.2, 0.7; (yes) 0.5, 0.5, 0.0; }
    probability ( a ) { table 0.25, 0.75; }
    """
    network = known_graphs.parse(text)
    assert network.names == ("a", "b")
    assert network.levels["b"] == ("<5", "5-12", "12+")
    np.testing.assert_array_equal(network.tables["b"], [[0.5, 0.5, 0], [0.1, 0.2, 0.7]])
    np.testing.assert_array_equal(network.tables["a"], [0.25, 0.75])
    np.testing.assert_array_equal(network.adjacency, [[False, True], [False, False]])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("(yes) 0.5, 0.5;", "a row for each state"),
        ("(yes) 0.5, 0.5; (no) 0.5, 0.6;", "does not sum to one"),
        ("(yes) 0.5, 0.5; (no) 1.5, -0.5;", "not one of probabilities"),
    ],
)
def test_a_broken_table_is_refused_by_the_name_of_its_node(body, says):
    text = f"""
    variable a {{ type discrete [ 2 ] {{ yes, no }}; }}
    variable b {{ type discrete [ 2 ] {{ yes, no }}; }}
    probability ( a ) {{ table 0.5, 0.5; }}
    probability ( b | a ) {{ {body} }}
    """
    with pytest.raises(ValueError, match=f"Node 'b'.*{says}"):
        known_graphs.parse(text)


def test_sampled_rows_have_the_networks_marginals_and_its_conditional_shares():
    asia = known_graphs.load("asia")
    rows = asia.sample(40_000, np.random.default_rng(0))
    assert tuple(rows.columns) == asia.names
    yes = rows == "yes"
    # By hand: P(tub) = .01·.05 + .99·.01, P(lung) = .5·.1 + .5·.01, P(bronc) = .5·.6 + .5·.3,
    # either = tub or lung, which are independent.
    expected = {"asia": 0.01, "tub": 0.0104, "lung": 0.055, "bronc": 0.45, "either": 0.064828}
    for node, share in expected.items():
        assert yes[node].mean() == pytest.approx(share, abs=4 * np.sqrt(share / 40_000))
    assert (yes["either"] == (yes["tub"] | yes["lung"])).all()
    assert yes.loc[yes["smoke"], "lung"].mean() == pytest.approx(0.1, abs=0.01)
    assert yes.loc[~yes["smoke"], "lung"].mean() == pytest.approx(0.01, abs=0.004)


def test_a_node_listed_before_its_parent_is_drawn_after_it():
    network = Network(
        {"child": ("0", "1"), "parent": ("0", "1")},
        {"child": ("parent",), "parent": ()},
        {"child": np.eye(2)[::-1], "parent": np.array([0.5, 0.5])},
    )
    rows = network.sample(100, np.random.default_rng(0))
    assert (rows["child"].astype(str) != rows["parent"].astype(str)).all()


def test_same_generator_same_rows():
    child = known_graphs.load("child")
    first, second = (child.sample(50, np.random.default_rng(3)) for _ in range(2))
    assert first.equals(second)


def test_a_chain_can_be_turned_round_and_a_collider_cannot():
    np.testing.assert_array_equal(cpdag(CHAIN), BOTH_WAYS)
    np.testing.assert_array_equal(cpdag(COLLIDER), COLLIDER)


def test_the_equivalence_class_of_asia_leaves_three_edges_open():
    asia = known_graphs.load("asia")
    graph = cpdag(asia.adjacency)
    undirected = {frozenset(np.array(asia.names)[[i, j]]) for i, j in np.argwhere(graph & graph.T)}
    assert undirected == {
        frozenset(("asia", "tub")),
        frozenset(("smoke", "lung")),
        frozenset(("smoke", "bronc")),
    }
    np.testing.assert_array_equal(graph | graph.T, asia.adjacency | asia.adjacency.T)


def test_half_a_probability_makes_an_edge_and_a_tie_makes_it_undirected():
    probabilities = np.array([[0, 0.25, 0.3], [0.25, 0, 0.49], [0.2, 0, 0]])
    expected = [[False, True, True], [True, False, False], [False, False, False]]
    np.testing.assert_array_equal(thresholded(probabilities), expected)
    wider = [[False, True, True], [True, False, False], [True, False, False]]
    np.testing.assert_array_equal(thresholded(probabilities, margin=0.1), wider)


def test_the_skeleton_ignores_directions_and_counts_misses_and_extras():
    assert skeleton_f1(CHAIN, COLLIDER) == 1.0
    assert skeleton_f1(NOTHING, CHAIN) == 0.0
    assert skeleton_f1(NOTHING, NOTHING) == 1.0
    one_extra = CHAIN.copy()
    one_extra[0, 2] = True
    assert skeleton_f1(one_extra, CHAIN) == pytest.approx(2 * 2 / (3 + 2))


def test_the_hamming_distance_counts_each_pair_that_differs_once():
    assert hamming_distance(CHAIN, CHAIN) == 0
    assert hamming_distance(NOTHING, CHAIN) == 2  # missing
    assert hamming_distance(CHAIN, NOTHING) == 2  # extra
    assert hamming_distance(CHAIN.T, CHAIN) == 2  # turned round: not a miss and an extra
    assert hamming_distance(BOTH_WAYS, CHAIN) == 2  # undirected against directed
    assert hamming_distance(COLLIDER, CHAIN) == 1


def test_the_hamming_distance_is_that_of_causal_learn():
    from causallearn.graph.Dag import Dag
    from causallearn.graph.GraphNode import GraphNode
    from causallearn.graph.SHD import SHD

    rng = np.random.default_rng(0)
    for _ in range(10):
        graphs = [np.triu(rng.random((6, 6)) < 0.4, 1) for _ in range(2)]
        dags = []
        for graph in graphs:
            nodes = [GraphNode(str(i)) for i in range(6)]
            dag = Dag(nodes)
            for i, j in np.argwhere(graph):
                dag.add_directed_edge(nodes[i], nodes[j])
            dags.append(dag)
        assert hamming_distance(*graphs) == SHD(*dags).get_shd()
