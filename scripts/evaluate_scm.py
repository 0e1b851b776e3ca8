"""Judge the causal rows as training data, beside real rows and those of rivals.

    python -m scripts.evaluate_scm                          # SCM and its rivals, choice tables
    python -m scripts.evaluate_scm --worth-only --methods smote scm 'scm:target=sink' real+scm
    python -m scripts.evaluate_scm --set all --ctgan --csv runs/rows.csv --resume
    python -m scripts.evaluate_scm --problem regression --methods scm --param target=sink
    python -m scripts.evaluate_scm --methods scm --own patients.csv:outcome --per-table

Each method sees at most 500 training rows of a table (inner training part of split 0, 1, 2;
stratified) and gives as many rows. Two learners are trained on these and scored on the split's test
rows by ROC-AUC or R² (`bench.quality.utility`), and by log-loss; the detector is to tell them from
the test rows too, and the other measures compare them with the training rows. Settings are chosen
on the tables of the set *choice* alone; those of *confirm* are looked at once, after the choice.
The validation rows are not used. The graphs behind the rows are judged by
`scripts.evaluate_graphs`.

A method is a generator of ``conf/method``, ``independent`` (each column permuted by itself),
``real+`` one of them, or one with parameters: ``NAME:key=value;key=value``. Variants of a generator
see the same draws. All methods are compared on the tables and splits where each of them has rows.

``--oracles`` asks instead what keeps SCM's rows from being worth what real ones are
(`scripts.rows.oracles`), ``--spread 10`` how much rows differ from seed to seed.
"""

from __future__ import annotations

import argparse

import pandas as pd

from bench.datasets import embedded
from bench.errors import BadInput
from scripts.evaluation import at_least_one, console, evaluate, parser
from scripts.rows import sources
from scripts.rows.jobs import jobs
from scripts.rows.kept import run_kept
from scripts.rows.oracles import ROWS, oracle_jobs, show_oracles
from scripts.rows.shown import WORTH, show_notes, show_rows
from scripts.rows.spread import repeated, spread_table
from scripts.rows.tables import SETS, load

METHODS = (
    *("bootstrap", "independent", "noise", "smote", "gaussian_copula", "bayesian_network", "arf"),
    "scm",
    *("real+scm", "real+smote", "real+bootstrap"),
)
TITLES = {
    "choice": "CHOICE tables: settings may be chosen here",
    "confirm": "CONFIRMATION tables: nothing may be chosen here",
    "tables": "tables asked for",
}


def datasets(given: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Names of the tables, by the set that they are in.

    Raises
    ------
    BadInput
        If one cannot be used, or is of the other problem.
    """
    if given.tables or given.own:
        asked = (*given.tables, *given.own)
        for name in asked:
            if load(name).problem != given.problem:
                raise BadInput(f"Table '{name}' is none of {given.problem}; see --problem.")
        return {"tables": asked}
    sets = SETS[given.problem]
    return {name: sets[name] for name in (sets if given.set == "all" else [given.set])}


def measure(given: argparse.Namespace) -> None:
    """Run what was asked for, and show it.

    Raises
    ------
    BadInput
        If a method, a table or the file cannot be used.
    """
    chosen, params = datasets(given), tuple(given.param)
    every = sum(chosen.values(), ())
    asked = [method for method in dict.fromkeys(given.methods) if method != "real"]
    once = ("ctgan",) if given.ctgan and "ctgan" not in asked else ()
    methods = [] if given.oracles else [*asked, *once]
    for source in dict.fromkeys(["scm", *(method.removeprefix("real+") for method in methods)]):
        # Refuses what no job could be run with.
        sources.generator(source, params if sources.base(source) == "scm" else ())
    settings = {"worth_only": given.worth_only, "in_context": given.in_context}
    if given.oracles:
        todo = oracle_jobs(every, given.seeds, params, **settings)
    else:
        todo = jobs(every, given.seeds, asked, params, once, **settings)
    if given.spread:
        todo = repeated(todo, given.spread)
    measured = ordered(run_kept(todo, given.jobs, given.csv, given.resume), every, methods)
    worth, heading = WORTH[given.problem]
    for name, mine in chosen.items():
        title = f"{TITLES[name]} · splits {given.seeds} · {' '.join(params) or 'defaults'}"
        of_set = measured[measured["dataset"].isin(mine)]
        if given.oracles:
            show_oracles(of_set, worth, f"{title} · {heading} that oracles close")
        elif given.spread:
            console().print(spread_table(of_set, worth, title))
            show_notes(of_set)
        else:
            show_rows(of_set, title, given.problem, given.per_table)


def ordered(measured: pd.DataFrame, tables: tuple[str, ...], methods: list[str]) -> pd.DataFrame:
    """As asked for, not as jobs happened to end."""
    orders = {"dataset": tables, "method": tuple(dict.fromkeys(("real", *methods, *ROWS)))}
    for column, order in orders.items():
        measured[column] = pd.Categorical(measured[column], order, ordered=True)
    measured = measured.sort_values(["method", "dataset", "seed"], ignore_index=True)
    return measured.astype(dict.fromkeys(orders, str))


def main(arguments: list[str] | None = None) -> None:
    line = parser(__doc__)
    says = f"see above; real rows always run. Generators: {', '.join(sources.names())}. Default: "
    says += " ".join(METHODS)
    line.add_argument("--methods", nargs="+", default=METHODS, metavar="M", help=says)
    says = "ctgan too, on the first split alone: half a minute a table; elsewhere by --methods"
    line.add_argument("--ctgan", action="store_true", help=says)
    line.add_argument("--problem", choices=SETS, default="classification", help="of the tables")
    sets = [*SETS["classification"], "all"]
    line.add_argument("--set", choices=sets, default="choice", help="default: choice")
    says = "these embedded tables instead, all of the problem"
    names = embedded.names()
    line.add_argument("--tables", nargs="+", choices=names, default=[], metavar="T", help=says)
    says = "tables of one's own instead, a file and its target each"
    line.add_argument("--own", nargs="+", default=[], metavar="PATH:TARGET", help=says)
    says = """a parameter of SCM, in YAML, as often as needed: n_dags=20, discovery.level=0.05,
        'regressor={_target_: sklearn.linear_model.Ridge, alpha: 10}'"""
    line.add_argument("--param", action="append", default=[], metavar="KEY=VALUE", help=says)
    line.add_argument("--per-table", action="store_true", help="each table's own too")
    says = "leave out all measures but the learners' own: several times faster"
    line.add_argument("--worth-only", action="store_true", help=says)
    says = "mitra-nano too, with the rows as its context"
    line.add_argument("--in-context", action="store_true", help=says)
    says = "what keeps SCM's rows from being worth real ones, table by table"
    line.add_argument("--oracles", action="store_true", help=says)
    says = "so many seeds of each method, on each of the tables and splits"
    line.add_argument("--spread", type=at_least_one, metavar="N", help=says)
    says = "go on from what the --csv holds, as far as settings and code are the same"
    line.add_argument("--resume", action="store_true", help=says)
    evaluate(measure, line, arguments)


if __name__ == "__main__":
    main()
