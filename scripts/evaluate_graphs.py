"""Judge the causal graphs that the SCM finds, on networks whose graph is known.

    python -m scripts.evaluate_graphs                        # asia, sachs, child, alarm
    python -m scripts.evaluate_graphs --networks asia --rows 500 --param level=0.01

Rows are drawn from four Bayesian networks (`scripts.known_graphs`). The aggregated edge
probabilities, by default and with the test of the single runs ("aggregated, χ²"), and one run each
of causal-learn's `pc` and `fci` (χ² test, α = 0.05) on the same rows, are made graphs by one rule:
marks are weighed as in `generators.scm.discovery`, a pair is adjacent from probability ½ on,
directed the likelier way, undirected if that is not likelier by ``--margin`` (so is ↔). Shown are
the skeleton's F1 and the structural Hamming distance to the network's CPDAG: pairs whose edge is
missing, extra, turned round, or directed in one graph only.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import instantiate
from omegaconf import OmegaConf
from rich.table import Table as Shown

from bench import seeds
from generators.scm.coding import CategoricalNode
from generators.scm.discovery import DISCOVERY, Discovery, discover, weigh
from scripts import known_graphs
from scripts.evaluation import console, evaluate, number, parser, run_all

# The test of the single runs, at their level and depth, and most of the rows that they see.
LIKE_FOR_LIKE = {"test": "chi_square", "level": 0.05, "depth": 3, "share": 0.8}


@dataclass(frozen=True)
class GraphsJob:
    """Rows of one network, and the graphs that each algorithm finds in them."""

    network: str
    rows: int
    seed: int
    settings: Discovery
    margin: float

    def run(self) -> list[dict[str, Any]]:
        """One row of measures each algorithm."""
        network = known_graphs.load(self.network)
        truth = known_graphs.cpdag(network.adjacency)
        rng = seeds.generator("evaluate_scm graphs", self.network, self.rows, self.seed)
        drawn = network.sample(self.rows, rng)
        varies = drawn.nunique().to_numpy() > 1  # a constant column has no edges
        X = drawn.loc[:, varies]
        found = []
        algorithms = {
            "aggregated": lambda: aggregated(X, rng, self.settings),
            "aggregated, χ²": lambda: aggregated(X, rng, replace(self.settings, **LIKE_FOR_LIKE)),
            "one pc": lambda: one_pc(X),
            "one fci": lambda: one_fci(X),
        }
        for name, search in algorithms.items():
            start = time.perf_counter()
            probabilities = np.zeros(truth.shape)
            probabilities[np.ix_(varies, varies)] = search()
            seconds = time.perf_counter() - start
            graph = known_graphs.thresholded(probabilities, self.margin)
            found.append(
                {
                    "network": self.network,
                    "rows": self.rows,
                    "seed": self.seed,
                    "method": name,
                    "skeleton_f1": known_graphs.skeleton_f1(graph, truth),
                    "hamming_distance": known_graphs.hamming_distance(graph, truth),
                    "seconds": seconds,
                }
            )
        return found


def aggregated(X: pd.DataFrame, rng: np.random.Generator, settings: Discovery) -> np.ndarray:
    """Edge probabilities of categorical columns, as `generators.scm.SCM` would find them."""
    nodes = [CategoricalNode.of(X[column], max_levels=30) for column in X]
    codes = np.stack([node.encode(X[node.name]) for node in nodes], axis=1)
    return discover(codes, nodes, rng, settings)[0].matrix


def one_pc(X: pd.DataFrame) -> np.ndarray:
    """causal-learn's PC with its defaults and the χ² test; the CPDAG's marks, weighed."""
    from causallearn.search.ConstraintBased.PC import pc

    graph = pc(_level_codes(X), 0.05, "chisq", show_progress=False).G.graph
    return weigh(graph, DISCOVERY.bidirected)


def one_fci(X: pd.DataFrame) -> np.ndarray:
    """causal-learn's FCI with the χ² test; the PAG's marks, weighed.

    Conditioning sets and paths of possible-d-separating sets of at most 3 nodes, for without a
    bound its time explodes on dense graphs.
    """
    from causallearn.search.ConstraintBased.FCI import fci

    with contextlib.redirect_stdout(io.StringIO()):  # it prints edges whatever `verbose` says
        graph, _ = fci(
            _level_codes(X), "chisq", 0.05, depth=3, max_path_length=3, show_progress=False
        )
    return weigh(graph.graph, DISCOVERY.bidirected)


def _level_codes(X: pd.DataFrame) -> np.ndarray:
    return np.stack([X[column].cat.codes.to_numpy(np.int64) for column in X], axis=1)


def measure(given: argparse.Namespace) -> pd.DataFrame:
    """Run what was asked for, and show it."""
    params = [param.removeprefix("discovery.") for param in given.param]
    config = OmegaConf.from_dotlist(params)
    settings = instantiate({"_target_": "generators.scm.Discovery", "_convert_": "all", **config})
    todo = [
        GraphsJob(network, rows, seed, settings, given.margin)
        for network in given.networks
        for rows in given.rows
        for seed in given.seeds
    ]
    measured = pd.DataFrame(run_all(todo, given.jobs))
    title = f"Known networks · {len(given.seeds)} samples each · {' '.join(params) or 'defaults'}"
    heads = ["skeleton F1", "Hamming distance", "s"]
    shown = Shown("network", "rows", "method", *heads, title=title)
    means = measured.groupby(["network", "rows", "method"], sort=False).mean()
    means = means.reindex(given.networks, level="network")
    overall = measured.groupby("method", sort=False).mean(numeric_only=True)
    for (network, rows, method), row in means.iterrows():
        shown.add_row(network, str(rows), method, *_graph_cells(row))
    shown.add_section()
    for method, row in overall.iterrows():
        shown.add_row("mean", "", str(method), *_graph_cells(row))
    console().print(shown)
    return measured.assign(params=" ".join(params))


def _graph_cells(row: pd.Series) -> list[str]:
    measures = {"skeleton_f1": 3, "hamming_distance": 1, "seconds": 2}
    return [number(row[measure], digits) for measure, digits in measures.items()]


def main(arguments: list[str] | None = None) -> None:
    line = parser(__doc__)
    names = known_graphs.NAMES
    line.add_argument("--networks", nargs="+", choices=names, default=names, metavar="N")
    line.add_argument("--rows", nargs="+", type=int, default=[500, 2000], help="500 2000")
    says = "a parameter of the search, in YAML, as often as needed: level=0.05, test=chi_square"
    line.add_argument("--param", action="append", default=[], metavar="KEY=VALUE", help=says)
    says = "difference of the two directions' probabilities up to which an edge is undirected; 0.3"
    line.add_argument("--margin", type=float, default=0.3, help=says)
    evaluate(measure, line, arguments)


if __name__ == "__main__":
    main()
