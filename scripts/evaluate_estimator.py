"""Hold the estimator against the base model and default fine-tuning, on every embedded table.

    python -m scripts.evaluate_estimator --out runs.jsonl       # resumable: a line of JSON a run
    python -m scripts.evaluate_estimator --out runs.jsonl --problem regression
    python -m scripts.evaluate_estimator --out runs.jsonl --variants default "lr=3e-4" "bag=3"
    python -m scripts.evaluate_estimator --out runs.jsonl --only-tell   # the table of what there is

Of each split the training and the validation part are what one's own table would be; the test part
is what is predicted. The base model reads the same rows in context. A run harms if its test ROC-AUC
(RMSE of a numeric target, in deviations) is worse than the base's. Variants are parameters of the
estimator beside its defaults; `study` is default fine-tuning as the study has it: real rows alone,
the step of the best validation ROC-AUC (RMSE).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

from bench.datasets import embedded
from bench.datasets.splits import split
from bench.datasets.suites import suite
from bench.phrases import duration
from bench.predicted import Predictions
from bench.scores import SCORES
from bench.table import Problem, Table

VARIANTS = {"default": "", "study": "generator=null select_by=roc_auc_ovo lr=1e-4"}
# A rule is chosen on the tables of one half, and checked on the other.
HALVES = {
    "classification": {"12": "embedded12", "24": "embedded_rest"},
    "regression": {"12": "embedded_regression12", "5": "embedded_regression_rest"},
}
METRIC = {"classification": "roc_auc_ovo", "regression": "rmse_sd"}
SAME = 1e-12  # gains that are none


@dataclass(frozen=True)
class Run:
    """One fit, and what it predicts of the test part."""

    dataset: str
    fold: int
    variant: str

    @property
    def parameters(self) -> dict[str, Any]:
        """What the estimator is given."""
        words = VARIANTS.get(self.variant, self.variant).split()
        return dict(OmegaConf.to_container(OmegaConf.from_dotlist(words)))

    def told(self) -> dict[str, Any]:
        """Fit it and predict; what came of it, ready for JSON."""
        from bench.estimator import FineTunedClassifier, FineTunedRegressor
        from bench.estimator.fitted import Child

        table = embedded.load(self.dataset)
        rows = split(table, self.fold)
        given = table.take(np.union1d(rows.train, rows.validation))
        test = table.take(rows.test)
        kind = FineTunedRegressor if table.problem == "regression" else FineTunedClassifier
        begun = time.monotonic()
        model = kind(threads=1, eval_metric=METRIC[table.problem], **self.parameters)
        model.fit(given.X, given.y)
        seconds = time.monotonic() - begun
        fitted, report = model.fitted_, model.report_
        read, _ = fitted.schema.table(test.X)
        base = replace(
            fitted, children=(Child(fitted.backbone.module, fitted.children[0].context),)
        )
        scores = {
            name: _scores(test, given, one.predict(read))
            for name, one in (("base", base), ("chosen", fitted))
        }
        told = {"step": report.step, "promised": _gain_of(report), "seconds": round(seconds, 2)}
        return {**vars(self), "problem": table.problem, "rows": len(given), **scores, **told}


def _scores(test: Table, given: Table, predicted: Predictions) -> dict[str, float]:
    """The scores that the table tells; classes that no given row has get no probability."""
    if isinstance(predicted, np.ndarray):
        full = np.zeros((len(test), test.n_classes))
        full[:, np.unique(given.y)] = predicted
        return {name: SCORES[name].function(test.y, full) for name in ("roc_auc_ovo", "log_loss")}
    return {"rmse_sd": SCORES["rmse_sd"].function(test.y, predicted)}


def _gain_of(report: Any) -> float:
    if report.step == 0 or report.fine_tuned is None or report.base is None:
        return 0.0
    return float(SCORES[report.metric].oriented(report.fine_tuned - report.base))


def runs_of(
    problem: Problem, folds: Sequence[int], variants: Sequence[str], tables: Sequence[str]
) -> list[Run]:
    """Every run, those of the smallest tables first: what is done early tells most."""
    cells = {name: (len(t := embedded.load(name)) * t.n_features, name) for name in tables}
    ordered = sorted(tables, key=cells.__getitem__)
    return [Run(name, fold, of) for name in ordered for fold in folds for of in variants]


def done(out: Path) -> list[dict[str, Any]]:
    """The runs that a file holds; a line that was cut short is none."""
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    return list(_sound(lines))


def _sound(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue  # the process was killed as it wrote; the run is made again


def summary(told: Sequence[dict[str, Any]], problem: Problem) -> pd.DataFrame:
    """A row a variant: harm, mean gain ± its standard error over tables, worst, seconds.

    Read are the tables and folds that all variants have, so that they compare.
    """
    metric = METRIC[problem]
    runs = pd.DataFrame([one for one in told if one["problem"] == problem])
    oriented = SCORES[metric].oriented
    gains = [oriented(c[metric] - b[metric]) * 1000 for b, c in zip(runs["base"], runs["chosen"])]
    runs["gain"] = gains
    of_all = runs.groupby(["dataset", "fold"])["variant"].transform("nunique")
    runs = runs[of_all == runs["variant"].nunique()]
    out = {}
    for variant, of in runs.groupby("variant", sort=False):
        by_table = of.groupby("dataset")["gain"].mean()
        row = {
            "runs": len(of),
            "tables": len(by_table),
            "base kept": (of["step"] == 0).mean(),
            "harm": (of["gain"] < -SAME).mean(),
            "gain ×1000": by_table.mean(),
            "±": by_table.std() / np.sqrt(len(by_table)),
            "worst": of["gain"].min(),
            "promised ×1000": 1000 * of.groupby("dataset")["promised"].mean().mean(),
            "median s": statistics.median(of["seconds"]),
        }
        for half, name in HALVES[problem].items():
            of_half = of[of["dataset"].isin(suite(name).split(","))]
            row[f"harm of {half}"] = (of_half["gain"] < -SAME).mean()
            row[f"gain of {half}"] = of_half.groupby("dataset")["gain"].mean().mean()
        out[str(variant)] = row
    return pd.DataFrame.from_dict(out, orient="index")


def shown(found: pd.DataFrame) -> str:
    """As Markdown."""
    of_shares = [c for c in found if "harm" in c or c == "base kept"]
    text = found.copy().astype(object)
    for column in found:
        form = "{:.1%}" if column in of_shares else "{:+.2f}" if "gain" in column else "{:.4g}"
        text[column] = [form.format(value) for value in found[column]]
    return str(text.to_markdown(disable_numparse=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, and print the table; give the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--problem", choices=list(METRIC), default="classification")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS))
    parser.add_argument("--folds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--tables", nargs="+")
    parser.add_argument("--only-tell", action="store_true", help="run nothing")
    args = parser.parse_args(arguments)
    halves = [suite(name).split(",") for name in HALVES[args.problem].values()]
    tables = args.tables or [name for half in halves for name in half]
    known = {(one["dataset"], one["fold"], one["variant"]) for one in done(args.out)}
    todo = [
        run
        for run in runs_of(args.problem, args.folds, args.variants, tables)
        if (run.dataset, run.fold, run.variant) not in known
    ]
    if not args.only_tell:
        _run_all(todo, args.out)
    told = done(args.out)
    if not any(one["problem"] == args.problem for one in told):
        print(f"{args.out} holds no run of {args.problem}.", file=sys.stderr)
        return 1
    print(shown(summary(told, args.problem)))
    return 0


def _run_all(todo: Sequence[Run], out: Path) -> None:
    warnings.filterwarnings("ignore")
    begun = time.monotonic()
    for i, run in enumerate(todo, 1):
        line = json.dumps(run.told())
        with out.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        left = duration((time.monotonic() - begun) / i * (len(todo) - i))
        said = f"[{i}/{len(todo)}] {run.dataset} {run.fold} {run.variant} · about {left} left"
        print(said, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
