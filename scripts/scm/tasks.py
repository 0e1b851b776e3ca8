"""The tables that sides are timed on: embedded ones, or generated in any size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bench import seeds
from bench.table import Kind, Table

COLLINEAR, LEVELLED = "c", "l"  # after a size


@dataclass(frozen=True)
class Task:
    """One table, and what a phase needs of the phases before it.

    Parameters
    ----------
    name : str
        ``<columns>x<rows>`` of `mixture`, with ``c`` after it of `collinear`, with ``l`` of
        `levelled`, or an embedded table's name.
    seed : int
    threads : int
    graphs : list
        Matrices of edge probabilities, one a graph of PC or FCI, for the obvious mechanisms.
    dags : list
        Our DAGs, for the same learner's mechanisms.
    """

    name: str
    seed: int = 0
    threads: int = 1
    graphs: list[Any] = field(default_factory=list)
    dags: list[Any] = field(default_factory=list)

    def table(self) -> Table:
        if is_size(self.name):
            columns, rows = map(int, self.name.rstrip(COLLINEAR + LEVELLED).split("x"))
            made = {COLLINEAR: collinear, LEVELLED: levelled}.get(self.name[-1], mixture)
            return made(columns, rows, self.seed)
        from bench.datasets import embedded

        return embedded.load(self.name)

    def rng(self, role: str) -> np.random.Generator:
        return seeds.generator("benchmark_scm", self.name, self.seed, role)


def is_size(name: str) -> bool:
    """Whether it reads ``<columns>x<rows>``, with at most one letter for its kind after it."""
    plain = name[:-1] if name.endswith((COLLINEAR, LEVELLED)) else name
    columns, _, rows = plain.partition("x")
    return columns.isdigit() and rows.isdigit()


def mixture(columns: int, rows: int, seed: int) -> Table:
    """A table from a random linear SCM with hidden common causes; half of it categorical.

    Each column is a sum of hidden factors (one for six columns, 2.5 of them a column on average),
    of earlier columns (one on average) and of noise. Every second column is cut into two to five
    levels, every fourth is log-normal; the target has two classes, 70 to 30.
    """
    rng = seeds.generator("benchmark_scm", "mixture", columns, rows, seed)
    factors = rng.normal(size=(rows, max(2, columns // 6)))
    width = factors.shape[1]
    scores = np.empty((rows, columns + 1))
    for at in range(columns + 1):
        loads = rng.normal(size=width) * (rng.random(width) < 2.5 / width)
        score = factors @ loads + rng.normal(size=rows)
        for cause in rng.choice(at, size=min(at, rng.poisson(1.0)), replace=False):
            score += rng.uniform(0.4, 1.0) * rng.choice([-1, 1]) * scores[:, cause]
        scores[:, at] = (score - score.mean()) / score.std()
    X: dict[str, Any] = {}
    for at in range(columns):
        score = scores[:, at]
        if at % 2:
            shares = rng.dirichlet(np.full(rng.integers(2, 6), 5.0))
            cuts = np.quantile(score, np.cumsum(shares)[:-1])
            X[f"x{at}"] = pd.Categorical([f"level {c}" for c in np.searchsorted(cuts, score)])
        else:
            X[f"x{at}"] = np.exp(score) if at % 4 else score
    kinds: dict[str, Kind] = {
        f"x{at}": "categorical" if at % 2 else "numeric" for at in range(columns)
    }
    y = scores[:, -1] > np.quantile(scores[:, -1], 0.7)
    return Table(f"{columns}x{rows}", pd.DataFrame(X), y, kinds, ("no", "yes"), "y")


def collinear(columns: int, rows: int, seed: int) -> Table:
    """All columns of the same five factors, with a tenth of noise: hardly anything parts two."""
    rng = seeds.generator("benchmark_scm", "collinear", columns, rows, seed)
    factors = rng.normal(size=(rows, 5))
    scores = factors @ rng.normal(size=(5, columns)) + 0.1 * rng.normal(size=(rows, columns))
    names = [f"x{at}" for at in range(columns)]
    kinds: dict[str, Kind] = dict.fromkeys(names, "numeric")
    y = factors[:, 0] + 0.5 * rng.normal(size=rows) > 0
    X = pd.DataFrame(scores, columns=names)
    return Table(f"{columns}x{rows}{COLLINEAR}", X, y, kinds, ("no", "yes"), "y")


def levelled(columns: int, rows: int, seed: int) -> Table:
    """All columns of the same five factors, each cut into 10 to 30 levels, some of them rare."""
    rng = seeds.generator("benchmark_scm", "levelled", columns, rows, seed)
    factors = rng.normal(size=(rows, 5))
    X: dict[str, Any] = {}
    for at in range(columns):
        score = factors @ rng.normal(size=5) + rng.normal(size=rows)
        cuts = np.quantile(score, np.cumsum(rng.dirichlet(np.ones(rng.integers(10, 31))))[:-1])
        X[f"x{at}"] = pd.Categorical([f"level {c}" for c in np.searchsorted(cuts, score)])
    kinds: dict[str, Kind] = dict.fromkeys(X, "categorical")
    y = factors[:, 0] + 0.5 * rng.normal(size=rows) > 0
    return Table(f"{columns}x{rows}{LEVELLED}", pd.DataFrame(X), y, kinds, ("no", "yes"), "y")
