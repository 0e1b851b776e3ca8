"""How good the causal rows are, and how good the graphs behind them.

    python -m scripts.evaluate_scm rows                          # SCM and its rivals, choice tables
    python -m scripts.evaluate_scm rows --methods scm --param n_dags=20 --param discovery.level=0.05
    python -m scripts.evaluate_scm rows --set confirm --ctgan --csv runs/rows.csv
    python -m scripts.evaluate_scm graphs                        # asia, sachs, child, alarm

`rows`: each method sees at most 500 training rows of an embedded table (inner training part of
split 0, 1, 2; stratified) and gives as many rows. Two learners are trained on these and scored on
the split's test rows (`bench.quality.measures.tstr_roc_auc`); the detector is to tell them from
the test rows too, and the other measures compare them with the training rows. Settings are chosen
on the tables of the set *choice* alone; those of *confirm* are looked at once, after the choice.
The validation rows are not used.

`graphs`: rows drawn from four Bayesian networks whose graph is known (`scripts.known_graphs`). The
aggregated edge probabilities, by default and with the test of the single runs ("aggregated, χ²"),
and one run each of causal-learn's `pc` and `fci` (χ² test, α = 0.05) on the same rows, are made
graphs by one rule: marks are weighed as in `generators.scm.discovery`, a pair is adjacent from
probability ½ on, directed the likelier way, undirected if that is not likelier by ``--margin`` (so
is ↔). Shown are the skeleton's F1 and the structural Hamming distance to the network's CPDAG: pairs
whose edge is missing, extra, turned round, or directed in one graph only.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from joblib import Parallel, delayed, parallel_config
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table as Shown
from sklearn.model_selection import train_test_split

from bench import seeds
from bench.datasets import embedded
from bench.datasets.splits import split
from bench.generator import Generator, NotApplicable
from bench.quality.measures import quality, tstr_roc_auc
from bench.table import Table
from generators.bootstrap import Bootstrap
from generators.scm.coding import CategoricalNode
from generators.scm.discovery import Discovery, discover, weigh
from scripts import known_graphs

SETS = {
    "choice": (
        *("vehicle", "breast-cancer", "wdbc", "credit-g", "heart-disease", "splice", "glass"),
        *("segment", "contraceptive"),
    ),
    "confirm": (
        *("diabetes", "australian", "maternal-health-risk", "hepatitis", "tae", "saheart"),
        *("pension-401k", "yeast", "wine-quality-red", "dermatology", "autos", "mammographic"),
    ),
}
METHODS = ("bootstrap", "independent", "scm", "real+scm", "real+bootstrap")
TITLES = {
    "choice": "CHOICE tables: settings may be chosen here",
    "confirm": "CONFIRMATION tables: nothing may be chosen here",
    "tables": "tables asked for",
}
MAX_ROWS = 500
WIDTH = 150  # of printed tables, where there is no terminal to ask
# Printed columns beside the ROC-AUC: heading, measure of `bench.quality.measures`
MEASURES = {
    "correlation error": "correlation_error",
    "marginal distance": "marginal_distance",
    "detection AUC": "detection_auc_unseen",
    "closest": "distance_to_closest",
    "Fréchet": "frechet_distance",
    "fit + draw, s": "seconds",
}


class IndependentColumns(Generator):
    """Each column, the target too, permuted by itself: perfect marginals, no dependence."""

    def fit(self, table: Table, rng: np.random.Generator) -> IndependentColumns:
        self.table_ = table
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        columns = {
            name: column.iloc[self._positions(n, rng)].reset_index(drop=True)
            for name, column in self.table_.X.items()
        }
        X = pd.DataFrame(columns, index=range(n))
        return self.table_.with_rows(X, self.table_.y[self._positions(n, rng)])

    def _positions(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.resize(rng.permutation(len(self.table_)), n)


def ctgan() -> Generator:
    """CTGAN with its library's 300 epochs; imported only where it is asked for."""
    from generators.ctgan import CTGAN

    return CTGAN()


def scm(params: list[str]) -> Generator:
    """`generators.scm.SCM` with parameters as on Hydra's command line.

    Parameters
    ----------
    params : list of str
        ``key=value``, the value in YAML; ``a.b=value`` sets a part of the parameter ``a``, and
        ``_target_`` in it names its class. ``discovery`` needs no ``_target_``.
    """
    config: dict[str, Any] = OmegaConf.to_container(OmegaConf.from_dotlist(params))
    if "discovery" in config:
        config["discovery"] = {"_target_": "generators.scm.Discovery", **config["discovery"]}
    return instantiate({"_target_": "generators.scm.SCM", "_convert_": "all", **config})


def generators(params: list[str]) -> dict[str, Callable[[], Generator]]:
    """Makers of the generators, by the name of the method."""
    return {
        "bootstrap": Bootstrap,
        "independent": IndependentColumns,
        "scm": lambda: scm(params),
        "ctgan": ctgan,
    }


@dataclass(frozen=True)
class RowsJob:
    """One table, one split, one source of rows, used alone, beside real rows, or both."""

    dataset: str
    seed: int
    source: str
    methods: tuple[str, ...]
    params: tuple[str, ...]

    def run(self) -> list[dict[str, Any]]:
        """One row of measures each method."""
        train, test = parts(self.dataset, self.seed)
        about = {"dataset": self.dataset, "seed": self.seed, "rows": len(train), "note": ""}
        if self.source == "real":
            return [{**about, "method": "real", "tstr_roc_auc": tstr_roc_auc(train, test)}]
        rng = seeds.generator("evaluate_scm", self.dataset, self.seed, self.source)
        start = time.perf_counter()
        try:
            generator = generators(list(self.params))[self.source]().fit(train, rng)
            made = generator.sample(len(train), rng)
        except NotApplicable as refusal:
            return [{**about, "method": method, "note": str(refusal)} for method in self.methods]
        about["seconds"] = time.perf_counter() - start
        rows = []
        for method in self.methods:
            if method == self.source:
                measured = quality(train, made, rng, test)
            else:
                measured = {"tstr_roc_auc": tstr_roc_auc(train.concat(made), test)}
            rows.append({**about, "method": method, **measured})
        return rows


def parts(dataset: str, seed: int) -> tuple[Table, Table]:
    """Training rows (at most `MAX_ROWS`, stratified; levels as they know them) and test rows."""
    table = embedded.load(dataset)
    part = split(table, seed)
    rows = part.train
    if len(rows) > MAX_ROWS:
        random_state = seeds.derive("evaluate_scm rows", dataset, seed) % 2**32
        rows, _ = train_test_split(
            rows, train_size=MAX_ROWS, stratify=table.y[rows], random_state=random_state
        )
    return table.take(np.sort(rows)).prune_levels(), table.take(part.test)


def jobs(
    datasets: Iterable[str], splits: Iterable[int], methods: list[str], params: list[str]
) -> list[RowsJob]:
    """What there is to run; the real rows come first, because all methods are held against them."""
    sources: dict[str, list[str]] = {"real": ["real"]}
    for method in methods:
        sources.setdefault(method.removeprefix("real+"), []).append(method)
    return [
        RowsJob(dataset, seed, source, tuple(wanted), tuple(params))
        for dataset in datasets
        for seed in splits
        for source, wanted in sources.items()
    ]


def run_all(todo: list[Any], workers: int) -> Iterator[Any]:
    """Run jobs on some workers, one thread each, and say on the way how much time is left."""
    start = time.monotonic()
    with parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        results = Parallel(return_as="generator_unordered")(delayed(job.run)() for job in todo)
    for done, rows in enumerate(results, 1):
        left = (time.monotonic() - start) / done * (len(todo) - done)
        last = " ".join(str(rows[-1][key]) for key in rows[-1] if key in PROGRESS)
        print(f"[{done}/{len(todo)}] {last} · about {left:.0f} s left", file=sys.stderr, flush=True)
        yield from rows


PROGRESS = ("dataset", "network", "seed", "rows", "method")


def summary(measured: pd.DataFrame) -> pd.DataFrame:
    """A row each method: means over tables of the means over splits.

    Returns
    -------
    DataFrame
        ``tables`` (where the method gave rows), ``roc_auc``, ``difference`` to real rows on the
        same tables and splits, ``standard_error`` of it over tables, and the measures.
    """
    real = measured[measured["method"] == "real"].set_index(["dataset", "seed"])["tstr_roc_auc"]
    keys = pd.MultiIndex.from_frame(measured[["dataset", "seed"]])
    measured = measured.assign(
        difference=measured["tstr_roc_auc"].to_numpy() - real.reindex(keys).to_numpy()
    ).dropna(subset="tstr_roc_auc")
    columns = ["tstr_roc_auc", "difference", *MEASURES.values()]
    by_table = measured.reindex(columns=["method", "dataset", *columns])
    by_table = by_table.groupby(["method", "dataset"], sort=False).mean()
    by_method = by_table.groupby("method", sort=False)
    out = by_method.mean()
    out.insert(0, "tables", by_method.size())
    out.insert(3, "standard_error", by_method["difference"].sem())
    return out


def show_rows(measured: pd.DataFrame, title: str, per_table: bool) -> None:
    """Print the summary, and the ROC-AUC of each table if wanted."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    shown = Shown("method", "tables", "ROC-AUC", "− real (SE)", *MEASURES, title=title)
    for method, row in summary(measured).iterrows():
        difference = f"{row['difference']:+.4f} ({_number(row['standard_error'], 4)})"
        rest = [_number(row[m], 2 if m == "seconds" else 3) for m in MEASURES.values()]
        area = _number(row["tstr_roc_auc"], 4)
        first = "–" if method == "real" else difference
        shown.add_row(str(method), f"{row['tables']:.0f}", area, first, *rest)
    console.print(shown)
    if per_table:
        console.print(areas_of_tables(measured, title))
    for _, row in measured[measured["note"] != ""].iterrows():
        console.print(f"{row['method']} on {row['dataset']}, split {row['seed']}: {row['note']}")


def areas_of_tables(measured: pd.DataFrame, title: str) -> Shown:
    """ROC-AUC, tables × methods, and beside it the correlation error of the causal rows."""
    areas = measured.pivot_table("tstr_roc_auc", "dataset", "method", sort=False)
    causal = measured[measured["method"] == "scm"].groupby("dataset")["correlation_error"].mean()
    shown = Shown("ROC-AUC", *areas.columns, "correlation error (scm)", title=title)
    for dataset, row in areas.iterrows():
        cells = [*row, causal.get(dataset, np.nan)]
        shown.add_row(str(dataset), *(_number(value, 3) for value in cells))
    return shown


def _number(value: float, digits: int) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def rows_part(given: argparse.Namespace) -> pd.DataFrame:
    """The part `rows`."""
    chosen = {name: SETS[name] for name in (SETS if given.set == "all" else [given.set])}
    if given.tables:
        chosen = {"tables": tuple(given.tables)}
    wanted = [*given.methods, *["ctgan"] * given.ctgan]
    methods = [method for method in dict.fromkeys(wanted) if method != "real"]
    try:
        scm(given.param)
    except InstantiationException as refusal:
        raise SystemExit(f"--param: {refusal}") from None
    todo = jobs(sum(chosen.values(), ()), given.seeds, methods, given.param)
    measures = ["tstr_roc_auc", *MEASURES.values(), "detection_auc", "copies"]
    measured = pd.DataFrame(run_all(todo, given.jobs))
    measured = measured.reindex(columns=["method", "dataset", "seed", "rows", "note", *measures])
    names = {"dataset": sum(chosen.values(), ()), "method": ("real", *methods)}
    for column, order in names.items():  # as asked for, not as jobs happened to end
        measured[column] = pd.Categorical(measured[column], order, ordered=True)
    measured = measured.sort_values(["method", "dataset", "seed"], ignore_index=True)
    measured = measured.astype(dict.fromkeys(names, str))
    measured.insert(0, "set", "")
    for name, datasets in chosen.items():
        mine = measured["dataset"].isin(datasets)
        measured.loc[mine, "set"] = name
        title = f"{TITLES[name]} · splits {given.seeds} · {' '.join(given.param) or 'defaults'}"
        show_rows(measured[mine], title, given.per_table)
    return measured.assign(params=" ".join(given.param))


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

    return weigh(pc(_level_codes(X), 0.05, "chisq", show_progress=False).G.graph)


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
    return weigh(graph.graph)


def _level_codes(X: pd.DataFrame) -> np.ndarray:
    return np.stack([X[column].cat.codes.to_numpy(np.int64) for column in X], axis=1)


def graphs_part(given: argparse.Namespace) -> pd.DataFrame:
    """The part `graphs`."""
    params = [param.removeprefix("discovery.") for param in given.param]
    settings = Discovery(**OmegaConf.to_container(OmegaConf.from_dotlist(params)))
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
    Console(width=None if sys.stdout.isatty() else WIDTH).print(shown)
    return measured.assign(params=" ".join(params))


def _graph_cells(row: pd.Series) -> list[str]:
    measures = {"skeleton_f1": 3, "hamming_distance": 1, "seconds": 2}
    return [_number(row[measure], digits) for measure, digits in measures.items()]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    both = argparse.ArgumentParser(add_help=False)
    both.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    both.add_argument("--jobs", type=int, default=2, help="processes; default: 2")
    both.add_argument("--csv", type=Path, help="write every measurement there")
    commands = top.add_subparsers(dest="part", required=True)
    shared = {"description": __doc__, "formatter_class": formatter, "parents": [both]}
    _add_rows(commands.add_parser("rows", help="rows to train on, against real ones", **shared))
    _add_graphs(commands.add_parser("graphs", help="graphs found, against known ones", **shared))
    return top


def _add_rows(rows: argparse.ArgumentParser) -> None:
    every = [*METHODS, "real", "ctgan"]
    says = f"of {', '.join(every)}; real rows always run. Default: all but ctgan"
    rows.add_argument(
        "--methods", nargs="+", default=METHODS, choices=every, metavar="M", help=says
    )
    rows.add_argument("--ctgan", action="store_true", help="ctgan too: a minute a table and split")
    rows.add_argument("--set", choices=[*SETS, "all"], default="choice", help="default: choice")
    says = "these embedded tables instead"
    names = embedded.names()
    rows.add_argument("--tables", nargs="+", choices=names, metavar="T", help=says)
    says = """a parameter of SCM, in YAML, as often as needed: n_dags=20, discovery.level=0.05,
        'regressor={_target_: sklearn.linear_model.Ridge, alpha: 10}'"""
    rows.add_argument("--param", action="append", default=[], metavar="KEY=VALUE", help=says)
    rows.add_argument("--per-table", action="store_true", help="the ROC-AUC of each table too")
    rows.set_defaults(run=rows_part)


def _add_graphs(graphs: argparse.ArgumentParser) -> None:
    names = known_graphs.NAMES
    graphs.add_argument("--networks", nargs="+", choices=names, default=names, metavar="N")
    graphs.add_argument("--rows", nargs="+", type=int, default=[500, 2000], help="500 2000")
    says = "a parameter of the search, in YAML, as often as needed: level=0.05, test=chi_square"
    graphs.add_argument("--param", action="append", default=[], metavar="KEY=VALUE", help=says)
    says = "difference of the two directions' probabilities up to which an edge is undirected; 0.3"
    graphs.add_argument("--margin", type=float, default=0.3, help=says)
    graphs.set_defaults(run=graphs_part)


def main(arguments: list[str] | None = None) -> None:
    given = parser().parse_args(arguments)
    start = time.monotonic()
    measured = given.run(given)
    if given.csv:
        given.csv.parent.mkdir(parents=True, exist_ok=True)
        measured.to_csv(given.csv, index=False)
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
