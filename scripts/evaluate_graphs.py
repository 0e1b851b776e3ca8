"""Judge the causal graphs that the SCM finds, on networks whose graph is known.

    python -m scripts.evaluate_graphs                        # 8 to 20 nodes, then 35 to 76
    python -m scripts.evaluate_graphs --networks asia --rows 500 --param level=0.01
    python -m scripts.evaluate_graphs --networks alarm --variant 'level=0.05;share=0.9'

Rows are drawn from Bayesian networks (`scripts.known_graphs`). The aggregated edge probabilities,
by default and in variants of the search on the same subsamples (with the test of the single runs,
"aggregated, χ²", and those asked for), and one run each of causal-learn's `pc` and `fci` (χ² test,
α = 0.05) on the same rows, are made graphs by one rule: marks are weighed as in
`generators.scm.discovery`, a pair is adjacent from probability ½ on, directed the likelier way,
undirected if that is not likelier by ``--margin`` (so is ↔). Shown are the skeleton's F1 and the
structural Hamming distance to the network's CPDAG: pairs whose edge is missing, extra, turned
round, or directed in one graph only.

Resampling is known to emulate a stricter level. So "matched" runs are controls: of the levels
0.3 to 0.0001, the one at which the run has as many edges as the aggregate of these rows (nearest;
of two, the stricter; found by going from 0.05 towards it), whatever the truth.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
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
LIKE_FOR_LIKE: dict[str, Any] = {"test": "chi_square", "level": 0.05, "depth": 3, "share": 0.8}
LIKE_FOR_LIKE["categories"] = None  # these numbers are for them too
OF_CATEGORIES = {"test", "level", "share", "resamples"}  # asked for, they are not set aside

LEVELS = (0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)
USUAL = 0.05

Single = Callable[[pd.DataFrame, float], np.ndarray]  # rows and a level to edge probabilities


@dataclass(frozen=True)
class GraphsJob:
    """Rows of one network, and the graphs that each algorithm finds in them."""

    network: str
    rows: int
    seed: int
    settings: dict[str, Discovery]
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

        def judge(method: str, search: Callable[[], np.ndarray], level: float = np.nan) -> int:
            start = time.perf_counter()
            probabilities = np.zeros(truth.shape)
            probabilities[np.ix_(varies, varies)] = search()
            seconds = time.perf_counter() - start
            graph = known_graphs.thresholded(probabilities, self.margin)
            measures = {
                "skeleton_f1": known_graphs.skeleton_f1(graph, truth),
                "hamming_distance": known_graphs.hamming_distance(graph, truth),
                "edges": known_graphs.edges(graph),
            }
            where = {"network": self.network, "rows": self.rows, "seed": self.seed}
            found.append(where | {"method": method} | measures)
            found[-1] |= {"level": level, "seconds": seconds}
            return known_graphs.edges(graph)

        edges = [
            judge(name, partial(aggregated, X, deepcopy(rng), settings))
            for name, settings in self.settings.items()
        ]
        for name, single in SINGLES.items():
            runs = Runs(single, X)
            judge(name, partial(runs.at, USUAL), USUAL)
            level = runs.matched(edges[0], self.margin)
            judge(f"{name}, matched", partial(runs.at, level), level)
            found[-1]["seconds"] = np.nan  # it was run to find the level
        return found


class Runs:
    """One algorithm's single runs on the same rows, at several levels; each is run once."""

    def __init__(self, single: Single, X: pd.DataFrame) -> None:
        self._single, self._X = single, X
        self._known: dict[float, np.ndarray] = {}

    def at(self, level: float) -> np.ndarray:
        if level not in self._known:
            self._known[level] = self._single(self._X, level)
        return self._known[level]

    def matched(self, edges: int, margin: float) -> float:
        """The level of `LEVELS` with so many edges, or nearest to that; see the module."""

        def surplus(level: float) -> int:
            return known_graphs.edges(known_graphs.thresholded(self.at(level), margin)) - edges

        sign = np.sign(surplus(USUAL))
        passed = [level for level in LEVELS if (level <= USUAL if sign > 0 else level >= USUAL)]
        tried = []
        for level in passed if sign > 0 else reversed(passed):
            tried.append((abs(surplus(level)), level))
            if sign * surplus(level) <= 0:
                break
        return min(tried)[1]


def aggregated(X: pd.DataFrame, rng: np.random.Generator, settings: Discovery) -> np.ndarray:
    """Edge probabilities of categorical columns, as `generators.scm.SCM` would find them."""
    nodes = [CategoricalNode.of(X[column], max_levels=30) for column in X]
    codes = np.stack([node.encode(X[node.name]) for node in nodes], axis=1)
    return discover(codes, nodes, rng, settings)[0].matrix


def one_pc(X: pd.DataFrame, level: float = USUAL) -> np.ndarray:
    """causal-learn's PC with its defaults and the χ² test; the CPDAG's marks, weighed."""
    from causallearn.search.ConstraintBased.PC import pc

    graph = pc(_level_codes(X), level, "chisq", show_progress=False).G.graph
    return weigh(graph, DISCOVERY.bidirected)


def one_fci(X: pd.DataFrame, level: float = USUAL) -> np.ndarray:
    """causal-learn's FCI with the χ² test; the PAG's marks, weighed.

    Conditioning sets and paths of possible-d-separating sets of at most 3 nodes, for without a
    bound its time explodes on dense graphs.
    """
    from causallearn.search.ConstraintBased.FCI import fci

    with contextlib.redirect_stdout(io.StringIO()):  # it prints edges whatever `verbose` says
        graph, _ = fci(
            _level_codes(X), "chisq", level, depth=3, max_path_length=3, show_progress=False
        )
    return weigh(graph.graph, DISCOVERY.bidirected)


SINGLES: dict[str, Single] = {"one pc": one_pc, "one fci": one_fci}


def _level_codes(X: pd.DataFrame) -> np.ndarray:
    return np.stack([X[column].cat.codes.to_numpy(np.int64) for column in X], axis=1)


def searches(given: argparse.Namespace) -> dict[str, Discovery]:
    """The aggregated searches by name: the one that is judged first."""
    first = _settings(given.param)
    out = {"aggregated": first, "aggregated, χ²": replace(first, **LIKE_FOR_LIKE)}
    for variant in given.variant:
        out[variant] = _settings(given.param + variant.split(";"))
    return out


def _settings(params: list[str]) -> Discovery:
    config = OmegaConf.from_dotlist([param.strip().removeprefix("discovery.") for param in params])
    if not OF_CATEGORIES.isdisjoint(config):
        config.setdefault("categories", None)
    return instantiate(
        {"_target_": "generators.scm.discovery.Discovery", "_convert_": "all", **config}
    )


def measure(given: argparse.Namespace) -> pd.DataFrame:
    """Run what was asked for, and show it."""
    settings = searches(given)
    todo = [
        GraphsJob(network, rows, seed, settings, given.margin)
        for network in given.networks
        for rows in given.rows
        for seed in given.seeds
    ]
    measured = pd.DataFrame(run_all(todo, given.jobs))
    for size, networks in known_graphs.SIZES.items():
        part = measured[measured["network"].isin(networks)]
        if len(part):
            title = f"{size} networks · {len(given.seeds)} samples each"
            show(part, f"{title} · {' '.join(given.param) or 'defaults'}", given.networks)
    return measured.assign(params=" ".join(given.param))


def show(measured: pd.DataFrame, title: str, networks: list[str]) -> None:
    """Means over samples ± their standard errors; last, over networks, of each sample's mean."""
    shown = Shown("network", "rows", "method", *COLUMNS.values(), title=title)
    by = ["network", "rows", "method"]
    order = [network for network in networks if network in set(measured["network"])]
    groups = measured.groupby(by, sort=False)[list(COLUMNS)]
    means, errors = groups.mean().reindex(order, level="network"), groups.sem()
    for at, row in means.iterrows():
        network, rows, method = at
        shown.add_row(network, str(rows), method, *_cells(row, errors.loc[at]))
    shown.add_section()
    samples = measured.groupby(["method", "rows", "seed"], sort=False)[list(COLUMNS)].mean()
    overall = samples.groupby(["rows", "method"], sort=False)
    for (rows, method), row in (
        overall.mean().sort_index(level="rows", sort_remaining=False).iterrows()
    ):
        shown.add_row("mean", str(rows), method, *_cells(row, overall.sem().loc[(rows, method)]))
    console().print(shown)


COLUMNS = {
    "skeleton_f1": "skeleton F1",
    "hamming_distance": "Hamming distance",
    "edges": "edges",
    "level": "level",
    "seconds": "s",
}
DIGITS = {"skeleton_f1": 3, "hamming_distance": 1}  # of means with standard errors


def _cells(mean: pd.Series, error: pd.Series) -> list[str]:
    with_errors = [
        number(mean[name], digits)
        + ("" if np.isnan(error[name]) else f" ± {number(error[name], digits)}")
        for name, digits in DIGITS.items()
    ]
    rest = {"edges": 1, "level": 4, "seconds": 2}
    return with_errors + [number(mean[name], digits) for name, digits in rest.items()]


def main(arguments: list[str] | None = None) -> None:
    line = parser(__doc__)
    names = known_graphs.NAMES
    line.add_argument("--networks", nargs="+", choices=names, default=names, metavar="N")
    line.add_argument("--rows", nargs="+", type=int, default=[500, 2000], help="500 2000")
    says = "a parameter of the search, in YAML, as often as needed: level=0.05, test=chi_square"
    line.add_argument("--param", action="append", default=[], metavar="KEY=VALUE", help=says)
    says = "one more search, as KEY=VALUE;KEY=VALUE on top of --param; as often as needed"
    line.add_argument("--variant", action="append", default=[], metavar="V", help=says)
    says = "difference of the two directions' probabilities up to which an edge is undirected; 0.3"
    line.add_argument("--margin", type=float, default=0.3, help=says)
    evaluate(measure, line, arguments)


if __name__ == "__main__":
    main()
