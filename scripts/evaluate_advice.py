"""Judge `bench advise`: does it say so where nothing helps, and where fine-tuning is needed?

    python -m scripts.evaluate_advice                      # 20 seeds of both: an hour on one core
    python -m scripts.evaluate_advice --seeds 0 1 --folds 4

Where *nothing* helps is an embedded table whose target is permuted, another one each seed of a few.
*Stripes* need fine-tuning: the class is whether the sum of two numbers lies in an even stripe, of
which there are six; the model's prior has hardly such a table, and in context it sees none.
By mitra-nano fine-tuning was advised in 0 of 20 studies of nothing (5 folds each), in 18 of 20 of
stripes (8 at most). Records lie under the folder, so that the same command goes on where it was; a
study that is done is read again.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from bench.analysis.settings import settings
from bench.datasets import embedded
from bench.errors import BadInput
from bench.report.looks import title
from bench.seeds import generator
from bench.verbs._hydra import with_config
from bench.verbs.advise import FIRST, Asked, study
from scripts.evaluation import console, evaluate, parser, run_all

TABLES = ("haberman", "iris", "tae", "penguins")  # small ones
ALL_DAY = 1440.0  # minutes: the folds end a study
ROWS, STRIPES = 400, 3  # of stripes: three to a unit of the sum


def nothing(seed: int) -> pd.DataFrame:
    """A real table with its target permuted."""
    table = embedded.load(TABLES[seed % len(TABLES)])
    labels = np.array(table.classes)[table.y]
    return table.X.assign(y=generator("nothing", seed).permutation(labels))


def stripes(seed: int) -> pd.DataFrame:
    """Two numbers, and whether their sum lies in an even stripe."""
    x = generator("stripes", seed).uniform(size=(ROWS, 2)).round(4)
    is_even = np.floor(STRIPES * x.sum(axis=1)) % 2 == 0
    return pd.DataFrame(x, columns=["a", "b"]).assign(y=np.where(is_even, "even", "odd"))


KINDS: dict[str, Callable[[int], pd.DataFrame]] = {"nothing": nothing, "stripes": stripes}
WANTED = {"nothing": ("keep", "unknown"), "stripes": ("finetune",)}


@dataclass(frozen=True)
class Job:
    """One study."""

    kind: str
    seed: int
    folder: Path
    folds: int
    words: tuple[str, ...] = ()

    def run(self) -> list[dict[str, Any]]:
        """The advice, as a row."""
        name = f"{self.kind}-{self.seed}"
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.csv"
        KINDS[self.kind](self.seed).to_csv(path, index=False)
        asked = Asked(minutes=ALL_DAY, folds=self.folds, results_dir=str(self.folder / name))
        words = ["dataset=csv", f"path={path}", "target=y", *self.words]
        rows: list[dict[str, Any]] = []

        def work(cfg: DictConfig) -> int:
            advice = study(asked, cfg, settings()).advice
            spent = advice.methods["seconds"].sum() * advice.folds
            facts = {"method": advice.method, "gain": advice.gain, "folds": advice.folds}
            told = {"kind": self.kind, "seed": self.seed, "advice": str(advice.kind)}
            p = advice.methods["p_holm"].min()
            rows.append({**told, **facts, "p_holm": p, "seconds": spent})
            return 0

        with redirect_stdout(io.StringIO()):
            with_config("advise", [*FIRST, *words], work)
        return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the studies that are asked for, and print how each kind was judged."""
    line = parser(__doc__)
    line.set_defaults(seeds=list(range(20)), jobs=1)
    line.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    line.add_argument("--folds", type=int, default=8, help="at most, of a study; default: 8")
    line.add_argument("--folder", type=Path, default=Path("runs/advice"), help="of the records")
    line.add_argument("--set", nargs="+", default=[], help="words for each study")
    try:
        evaluate(_measured, line, arguments)
    except BadInput as refusal:
        line.error(str(refusal))


def _measured(given: argparse.Namespace) -> pd.DataFrame:
    words = tuple(given.set)
    todo = [
        Job(kind, seed, given.folder, given.folds, words)
        for seed in given.seeds
        for kind in given.kinds
    ]
    measured = pd.DataFrame(run_all(todo, given.jobs))
    out = console()
    shown = measured.sort_values(["kind", "seed"]).assign(
        method=[title(str(method)) for method in measured["method"]]
    )
    out.print(shown.round(4).to_string(index=False), markup=False, highlight=False)
    for line in verdicts(measured):
        out.print(line, markup=False, highlight=False)
    return measured


def verdicts(measured: pd.DataFrame) -> list[str]:
    """How many studies of each kind came to what is wanted of it."""
    lines = []
    for kind, of in measured.groupby("kind"):
        right = int(of["advice"].isin(WANTED[str(kind)]).sum())
        found = of["advice"].value_counts().sort_index()
        counts = ", ".join(f"{n} {advice}" for advice, n in found.items())
        lines.append(f"{kind}: {right} of {len(of)} as it should be ({counts})")
    return lines


if __name__ == "__main__":
    main()
