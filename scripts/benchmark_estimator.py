"""Compare the estimator's speed and memory with AutoGluon's Mitra as shipped.

    python -m scripts.benchmark_estimator            # all comparisons
    python -m scripts.benchmark_estimator --quick    # a tenth of the rows and steps, run once
    python -m scripts.benchmark_estimator --only predict

    comparison  what is done                                        ours is held against
    predict     10,000 rows of 20 features by a saved mitra-nano    AutoGluon's Mitra of the same
                with 500 rows in context, from the folder to the    folder and rows; and ours that
                probabilities                                       reads all rows in one pass
    fit         500 rows of 20 features, with causal rows           AutoGluon's fine-tuning of as
                                                                    many steps, which makes no rows
    import      of the package, in a process that did nothing yet   AutoGluon's interface to Mitra

Each measurement is a fresh process of one thread, the sides take turns, and medians are compared.
Time is CPU time and wall time, imports included: who types a command waits for them. Memory is the
process's peak, libraries included.

Ends with lines ``RATIO <name> <value>``; above 1, ours is better.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bench.process import peak_memory_mb, reset_peak_memory
from scripts.benchmark_finetune import RATIOS, SHOWN
from scripts.fresh_process import Failed, result

FEATURES, CONTEXT = 20, 500
STEPS = 30


@dataclass(frozen=True)
class Task:
    """What every side of a comparison is given."""

    rows: int  # to be predicted
    steps: int  # of fine-tuning
    folder: str = ""  # of the saved model


Work = Callable[[], object]  # what is measured


def made(rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Features that depend on one another, and two classes that depend on some of them."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(rows, FEATURES))
    x = hidden @ np.tril(rng.normal(size=(FEATURES, FEATURES)), 0) / FEATURES**0.5
    y = (x[:, 0] + np.sin(2 * x[:, 1]) + 0.5 * rng.normal(size=rows) > 0).astype(int)
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(FEATURES)]), y


def prepare(folder: str) -> None:
    """Save a fine-tuned model that has all of the context's rows."""
    _fitted(steps=2, generator=None).save(folder)


def _fitted(steps: int, generator: str | None = "causal") -> object:
    from bench.estimator import FineTunedClassifier

    model = FineTunedClassifier(generator=generator, steps=steps, threads=1)
    return model.fit(*made(CONTEXT))


def predict_ours(task: Task) -> Work:
    X, _ = made(task.rows)

    def predict() -> object:
        from bench.estimator import FineTunedClassifier

        return FineTunedClassifier.load(task.folder, threads=1).predict_proba(X)

    return predict


def predict_whole(task: Task) -> Work:
    """Ours, but for the chunks."""
    from bench.estimator import fitted

    fitted.CHUNK = task.rows
    return predict_ours(task)


def predict_autogluon(task: Task) -> Work:
    X, _ = made(task.rows)
    context, y = made(CONTEXT)

    def predict() -> object:
        from autogluon.tabular.models.mitra.sklearn_interface import MitraClassifier

        model = MitraClassifier(
            hf_model=task.folder, device="cpu", fine_tune=False, n_estimators=1, verbose=False
        )
        return model.fit(context.to_numpy(), y).predict_proba(X.to_numpy())

    return predict


def fit_ours(task: Task) -> Work:
    return lambda: _fitted(task.steps)


def fit_autogluon(task: Task) -> Work:
    X, y = made(CONTEXT)

    def fit() -> object:
        from autogluon.tabular.models.mitra.sklearn_interface import MitraClassifier

        model = MitraClassifier(
            hf_model=task.folder,
            device="cpu",
            fine_tune_steps=task.steps,
            patience=10**6,
            n_estimators=1,
            verbose=False,
        )
        return model.fit(X.to_numpy(), y)

    return fit


def import_ours(task: Task) -> Work:
    return lambda: _import("bench.estimator")


def import_autogluon(task: Task) -> Work:
    return lambda: _import("autogluon.tabular.models.mitra.sklearn_interface")


def _import(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)


COMPARISONS: dict[str, dict[str, Callable[[Task], Work]]] = {
    "predict": {"ours": predict_ours, "autogluon": predict_autogluon, "whole": predict_whole},
    "fit": {"ours": fit_ours, "autogluon": fit_autogluon},
    "import": {"ours": import_ours, "autogluon": import_autogluon},
}


def measure(comparison: str, side: str, task: Task) -> dict[str, float]:
    """Run one side in this process."""
    work = COMPARISONS[comparison][side](task)
    reset_peak_memory()
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    started = resource.getrusage(resource.RUSAGE_CHILDREN)  # of an import
    return {
        "cpu": cpu + started.ru_utime + started.ru_stime,
        "wall": wall,
        "memory": max(peak_memory_mb(), started.ru_maxrss / 1024),
    }


def compare(comparison: str, task: Task, repeats: int) -> dict[str, dict[str, float]]:
    """Medians of each side over interleaved runs, a process each."""
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in COMPARISONS[comparison]}
    for repeat in range(repeats):
        for side, of_side in runs.items():
            try:
                run = result(measure, comparison, side, task, threads=1)
            except Failed as failure:
                raise SystemExit(f"{comparison}: {side} failed.\n{failure}") from None
            of_side.append(run)
            told = "  ".join(form.format(run[what]) for what, form in SHOWN.items())
            print(f"{comparison:8} {repeat + 1}/{repeats}  {side:10} {told}", flush=True)
    return {
        side: {what: statistics.median(run[what] for run in of_side) for what in of_side[0]}
        for side, of_side in runs.items()
    }


def ratios(comparison: str, medians: dict[str, dict[str, float]]) -> list[str]:
    """A line for each measure of each side that ours is held against."""
    return [
        f"RATIO {comparison}-{RATIOS[what]}-{side} {theirs / medians['ours'][what]:.2f}"
        for side in medians
        if side != "ours"
        for what, theirs in medians[side].items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side (default: 3)")
    parser.add_argument("--only", default="", metavar="TEXT", help="comparisons named like this")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, run once")
    args = parser.parse_args()
    task = Task(rows=1000, steps=3) if args.quick else Task(rows=10_000, steps=STEPS)
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        task = replace(task, folder=str(Path(folder) / "model"))
        result(prepare, task.folder, threads=1)
        for comparison in COMPARISONS:
            if args.only in comparison:
                medians = compare(comparison, task, 1 if args.quick else args.repeats)
                lines += ratios(comparison, medians)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
