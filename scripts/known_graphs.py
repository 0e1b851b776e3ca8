"""Bayesian networks whose graphs are known: their files, rows drawn from them, distances to them.

The files are in ``scripts/networks/`` (see the README there).
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from causallearn.graph.Dag import Dag
from causallearn.graph.GraphNode import GraphNode
from causallearn.utils.DAG2CPDAG import dag2cpdag

FOLDER = Path(__file__).parent / "networks"
SMALL = ("asia", "sachs", "child")
LARGE = ("alarm", "mildew", "barley", "hepar2", "win95pts")  # 35 to 76 nodes
NAMES = SMALL + LARGE
SIZES = {"Small": SMALL, "Large": LARGE}

_VARIABLE = re.compile(r"variable\s+(\S+)\s*\{\s*type\s+discrete\s*\[\s*\d+\s*\]\s*\{([^}]*)\}")
_PROBABILITY = re.compile(r"probability\s*\(([^)|]*)(?:\|([^)]*))?\)\s*\{([^}]*)\}")
_ROW = re.compile(r"(?:\(([^)]*)\)|table)\s*([^;]*);")


@dataclass(frozen=True, eq=False)
class Network:
    """A discrete Bayesian network.

    Attributes
    ----------
    levels : dict of node to tuple of str
        In the file's order, which is also the order of columns and matrices.
    parents : dict of node to tuple of nodes
    tables : dict of node to ndarray of shape (levels of each parent …, levels of the node)
        Conditional probabilities; the last axis sums to one.
    """

    levels: dict[str, tuple[str, ...]]
    parents: dict[str, tuple[str, ...]]
    tables: dict[str, np.ndarray]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.levels)

    @property
    def adjacency(self) -> np.ndarray:
        """[i, j] is true where i → j, shape (p, p)."""
        position = {name: i for i, name in enumerate(self.names)}
        out = np.zeros((len(position), len(position)), dtype=bool)
        for child, parents in self.parents.items():
            for parent in parents:
                out[position[parent], position[child]] = True
        return out

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw rows, each node given its parents (forward sampling); columns are categorical."""
        graph = nx.from_numpy_array(self.adjacency, create_using=nx.DiGraph)
        codes: dict[str, np.ndarray] = {}
        for i in nx.lexicographical_topological_sort(graph):
            name = self.names[i]
            shares = self.tables[name][tuple(codes[parent] for parent in self.parents[name])]
            cumulated = np.broadcast_to(shares, (n, shares.shape[-1])).cumsum(axis=1)
            # The last level also takes what rounding in the file leaves below one.
            codes[name] = (rng.random((n, 1)) >= cumulated[:, :-1]).sum(axis=1)
        return pd.DataFrame(
            {c: pd.Categorical.from_codes(codes[c], self.levels[c]) for c in self.names}
        )


def load(name: str) -> Network:
    """One of `NAMES`, from its file."""
    return parse(gzip.decompress((FOLDER / f"{name}.bif.gz").read_bytes()).decode())


def parse(text: str) -> Network:
    """Read the interchange format BIF 0.15, as the Bayesian Network Repository writes it.

    Rows of a table are given one by one with the parents' levels, or as ``table`` for a node
    without parents. Rows are divided by their sum, which the files' decimals leave near one.

    Raises
    ------
    ValueError
        If a node has no table, a table lacks a row, or a row is not one of probabilities.
    """
    levels = {name: _words(values) for name, values in _VARIABLE.findall(text)}
    parents, tables = {}, {}
    for head, given, body in _PROBABILITY.findall(text):
        (name,) = _words(head)
        parents[name] = _words(given)
        tables[name] = _table(name, body, parents[name], levels)
    absent = levels.keys() - tables.keys()
    if absent:
        raise ValueError(f"Node '{min(absent)}' has no table of probabilities.")
    return Network(levels, {n: parents[n] for n in levels}, {n: tables[n] for n in levels})


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _table(
    name: str, body: str, parents: tuple[str, ...], levels: dict[str, tuple[str, ...]]
) -> np.ndarray:
    rows = {_words(given): _words(shares) for given, shares in _ROW.findall(body)}
    needed = list(product(*(levels[parent] for parent in parents)))
    if set(rows) != set(needed):
        raise ValueError(f"Node '{name}': its table must have a row for each state of its parents.")
    table = np.array([[float(share) for share in rows[given]] for given in needed])
    if table.shape[1] != len(levels[name]) or (table < 0).any():
        raise ValueError(f"Node '{name}': a row of its table is not one of probabilities.")
    if np.abs(table.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError(f"Node '{name}': a row of its table does not sum to one.")
    table = table / table.sum(axis=1, keepdims=True)
    return table.reshape([len(levels[parent]) for parent in parents] + [-1])


def cpdag(adjacency: np.ndarray) -> np.ndarray:
    """The completed partially directed graph of a DAG (causal-learn's ``dag2cpdag``).

    Parameters
    ----------
    adjacency : ndarray of bool, shape (p, p)
        [i, j]: i → j.

    Returns
    -------
    ndarray of bool, shape (p, p)
        [i, j] alone: i → j in every DAG of the equivalence class; both ways: undirected.
    """
    nodes = [GraphNode(str(i)) for i in range(len(adjacency))]
    dag = Dag(nodes)
    for i, j in zip(*np.nonzero(adjacency), strict=True):
        dag.add_directed_edge(nodes[i], nodes[j])
    graph = dag2cpdag(dag)
    order = [graph.get_node_map()[node] for node in nodes]
    marks = graph.graph[np.ix_(order, order)]  # [i, j]: the mark at i, −1 a tail and 1 an arrow
    return ((marks == -1) & (marks.T == 1)) | ((marks == -1) & (marks.T == -1))


def thresholded(probabilities: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """A graph from edge probabilities.

    Parameters
    ----------
    probabilities : ndarray of shape (p, p)
        [i, j] is the probability of i → j.
    margin : float
        Up to which difference the two directions count as equal.

    Returns
    -------
    ndarray of bool, shape (p, p)
        A pair is adjacent if its two probabilities sum to ½ or more; the larger one says which way
        (that entry alone is set), and both entries are set if they are equal: undirected.
    """
    rounding = 1e-9
    adjacent = probabilities + probabilities.T >= 0.5 - rounding
    forward = probabilities - probabilities.T >= -margin - rounding
    return adjacent & forward & ~np.eye(len(probabilities), dtype=bool)


def edges(graph: np.ndarray) -> int:
    """How many pairs are adjacent, whatever their direction."""
    return int(np.triu(graph | graph.T, 1).sum())


def skeleton_f1(graph: np.ndarray, truth: np.ndarray) -> float:
    """Harmonic mean of precision and recall over adjacent pairs, whatever their direction."""
    found, true = (np.triu(g | g.T, 1) for g in (graph, truth))
    wrong = (found != true).sum()
    hits = (found & true).sum()
    return float(2 * hits / (2 * hits + wrong)) if hits + wrong else 1.0


def hamming_distance(graph: np.ndarray, truth: np.ndarray) -> int:
    """Structural Hamming distance of two partially directed graphs.

    Pairs of nodes whose edge differs, each counted once: missing, extra, turned round, or directed
    in one graph and undirected in the other (Tsamardinos, Brown and Aliferis 2006, *The Max-Min
    Hill-Climbing Bayesian Network Structure Learning Algorithm*, Algorithm 4, on CPDAGs). The same
    as causal-learn's ``SHD``.
    """
    differs = (graph != truth) | (graph != truth).T
    return int(np.triu(differs, 1).sum())
