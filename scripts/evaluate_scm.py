"""Judge the causal rows as training data, beside real rows and those of rivals.

    python -m scripts.evaluate_scm                          # SCM and its rivals, choice tables
    python -m scripts.evaluate_scm --methods scm --param n_dags=20 --param discovery.level=0.05
    python -m scripts.evaluate_scm --set confirm --ctgan --csv runs/rows.csv
    python -m scripts.evaluate_scm --problem regression --methods scm --param target=sink

Each method sees at most 500 training rows of an embedded table (inner training part of split 0, 1,
2; stratified) and gives as many rows. Two learners are trained on these and scored on the split's
test rows by ROC-AUC or R² (`bench.quality.utility`); the detector is to tell them from the test
rows too, and the other measures compare them with the training rows. Settings are chosen on the
tables of the set *choice* alone; those of *confirm* are looked at once, after the choice. The
validation rows are not used. The graphs behind the rows are judged by `scripts.evaluate_graphs`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import instantiate
from omegaconf import OmegaConf
from rich.table import Table as Shown
from sklearn.model_selection import train_test_split

from bench import seeds
from bench.datasets import embedded
from bench.datasets.splits import split
from bench.generator import Generator, NotApplicable
from bench.quality.measures import quality
from bench.quality.utility import utility
from bench.table import Table
from generators.bootstrap import Bootstrap
from scripts.evaluation import console, evaluate, number, parser, run_all

SETS = {
    "classification": {
        "choice": (
            *("vehicle", "breast-cancer", "wdbc", "credit-g", "heart-disease", "splice", "glass"),
            *("segment", "contraceptive"),
        ),
        "confirm": (
            *("diabetes", "australian", "maternal-health-risk", "hepatitis", "tae", "saheart"),
            *("pension-401k", "yeast", "wine-quality-red", "dermatology", "autos", "mammographic"),
        ),
    },
    "regression": {  # the choice leaves the tables of the experiment alone
        "choice": ("airfoil", "car-prices", "pension-participation", "qsar-fish-toxicity", "sleep"),
        "confirm": (
            *("medical-costs", "fertility", "financial-assets", "insurance-expenses", "concrete"),
            *("credit-amount", "bike-sharing", "diabetes-progression", "credit-balance"),
            *("auto-mpg", "ceo-salary", "servo"),
        ),
    },
}
# What the learners' predictions are worth: measure of `bench.quality.utility`, heading
WORTH = {"classification": ("tstr_roc_auc", "ROC-AUC"), "regression": ("tstr_r2", "R²")}
METHODS = ("bootstrap", "independent", "scm", "real+scm", "real+bootstrap")
TITLES = {
    "choice": "CHOICE tables: settings may be chosen here",
    "confirm": "CONFIRMATION tables: nothing may be chosen here",
    "tables": "tables asked for",
}
MAX_ROWS = 500
# Printed columns beside it: heading, measure of `bench.quality.measures`
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
            return [{**about, "method": "real", **utility(train, test)}]
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
                measured = utility(train.concat(made), test)
            rows.append({**about, "method": method, **measured})
        return rows


def parts(dataset: str, seed: int) -> tuple[Table, Table]:
    """Training rows (at most `MAX_ROWS`, levels as they know them) and test rows."""
    table = embedded.load(dataset)
    part = split(table, seed)
    rows = part.train
    if len(rows) > MAX_ROWS:
        random_state = seeds.derive("evaluate_scm rows", dataset, seed) % 2**32
        strata = None if table.strata is None else table.strata[rows]
        rows, _ = train_test_split(
            rows, train_size=MAX_ROWS, stratify=strata, random_state=random_state
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


def summary(measured: pd.DataFrame, worth: str) -> pd.DataFrame:
    """A row each method: means over tables of the means over splits.

    Returns
    -------
    DataFrame
        ``tables`` (where the method gave rows), ``worth`` under its name, ``difference`` to real
        rows on the same tables and splits, ``standard_error`` of it over tables, and the measures.
    """
    real = measured[measured["method"] == "real"].set_index(["dataset", "seed"])[worth]
    keys = pd.MultiIndex.from_frame(measured[["dataset", "seed"]])
    measured = measured.assign(
        difference=measured[worth].to_numpy() - real.reindex(keys).to_numpy()
    ).dropna(subset=worth)
    columns = [worth, "difference", *MEASURES.values()]
    by_table = measured.reindex(columns=["method", "dataset", *columns])
    by_table = by_table.groupby(["method", "dataset"], sort=False).mean()
    by_method = by_table.groupby("method", sort=False)
    out = by_method.mean()
    out.insert(0, "tables", by_method.size())
    out.insert(3, "standard_error", by_method["difference"].sem())
    return out


def show_rows(measured: pd.DataFrame, title: str, problem: str, per_table: bool) -> None:
    """Print the summary, and the worth of each table if wanted."""
    terminal, (worth, heading) = console(), WORTH[problem]
    shown = Shown("method", "tables", heading, "− real (SE)", *MEASURES, title=title)
    for method, row in summary(measured, worth).iterrows():
        difference = f"{row['difference']:+.4f} ({number(row['standard_error'], 4)})"
        rest = [number(row[m], 2 if m == "seconds" else 3) for m in MEASURES.values()]
        shown.add_row(str(method), f"{row['tables']:.0f}", number(row[worth], 4), difference, *rest)
    terminal.print(shown)
    if per_table:
        terminal.print(each_table(measured, title, worth, heading))
    for _, row in measured[measured["note"] != ""].iterrows():
        terminal.print(f"{row['method']} on {row['dataset']}, split {row['seed']}: {row['note']}")


def each_table(measured: pd.DataFrame, title: str, worth: str, heading: str) -> Shown:
    """What rows are worth, tables × methods, and the correlation error of the causal ones."""
    found = measured.pivot_table(worth, "dataset", "method", sort=False)
    causal = measured[measured["method"] == "scm"].groupby("dataset")["correlation_error"].mean()
    shown = Shown(heading, *found.columns, "correlation error (scm)", title=title)
    for dataset, row in found.iterrows():
        cells = [*row, causal.get(dataset, np.nan)]
        shown.add_row(str(dataset), *(number(value, 3) for value in cells))
    return shown


def measure(given: argparse.Namespace) -> pd.DataFrame:
    """Run what was asked for, and show it."""
    sets = SETS[given.problem]
    chosen = {name: sets[name] for name in (sets if given.set == "all" else [given.set])}
    if given.tables:
        others = sorted(set(given.tables) - set(embedded.names(given.problem)))
        if others:
            raise SystemExit(f"Table '{others[0]}' is none of {given.problem}; see --problem.")
        chosen = {"tables": tuple(given.tables)}
    wanted = [*given.methods, *["ctgan"] * given.ctgan]
    methods = [method for method in dict.fromkeys(wanted) if method != "real"]
    scm(given.param)  # refuses what no job could be run with
    todo = jobs(sum(chosen.values(), ()), given.seeds, methods, given.param)
    measures = [WORTH[given.problem][0], *MEASURES.values(), "detection_auc", "copies"]
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
        show_rows(measured[mine], title, given.problem, given.per_table)
    return measured.assign(params=" ".join(given.param))


def main(arguments: list[str] | None = None) -> None:
    line = parser(__doc__)
    every = [*METHODS, "real", "ctgan"]
    says = f"of {', '.join(every)}; real rows always run. Default: all but ctgan"
    line.add_argument(
        "--methods", nargs="+", default=METHODS, choices=every, metavar="M", help=says
    )
    line.add_argument("--ctgan", action="store_true", help="ctgan too: a minute a table and split")
    line.add_argument("--problem", choices=SETS, default="classification", help="of the tables")
    sets = [*SETS["classification"], "all"]
    line.add_argument("--set", choices=sets, default="choice", help="default: choice")
    says = "these embedded tables instead, all of the problem"
    names = embedded.names()
    line.add_argument("--tables", nargs="+", choices=names, metavar="T", help=says)
    says = """a parameter of SCM, in YAML, as often as needed: n_dags=20, discovery.level=0.05,
        'regressor={_target_: sklearn.linear_model.Ridge, alpha: 10}'"""
    line.add_argument("--param", action="append", default=[], metavar="KEY=VALUE", help=says)
    line.add_argument("--per-table", action="store_true", help="each table's own too")
    evaluate(measure, line, arguments)


if __name__ == "__main__":
    main()
