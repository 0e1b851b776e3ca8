"""What keeps SCM's rows from being worth what real ones are: each part replaced by an oracle.

With R the training rows, A all rows of the table (the test rows too: an oracle may) and S the rows
of an SCM fitted on R, the gap is worth(R) − worth(S), worth being ROC-AUC of learners trained on
the rows and scored on the test rows. An oracle closes worth(its rows) − worth(S) of it; its rows
are as many as R's, but where it says more.

=================== ========= ======================================================================
oracle              part      its rows
=================== ========= ======================================================================
full DAGs           structure each node's parents are the nodes before it in the order of SCM's DAG,
                              the `max_parents` that are the most strongly associated with it
DAGs of A           structure the DAGs of an SCM fitted on A, their mechanisms fitted on R
neighbours          mechanism SCM's DAGs; a node's value is that of one of the `NEAREST` rows of R
                              whose parents are nearest: no form is assumed
mechanisms of A     mechanism SCM's DAGs, their mechanisms fitted on A
more rows           sampling  S, `MORE` times as many
=================== ========= ======================================================================

The part of the oracle that closes most is the class of the table, if that is `LEAST` of the gap,
and the gap is above `SMALL`. Beside them, no oracle of a part, but the two sides of the joint
distribution and what the wiring itself costs:

* *both parts*: the full DAGs with neighbours as their mechanisms;
* *own DAGs*: SCM's DAGs, given to it one by one and fitted on R, as in the oracles above (which
  take `DAGS` of them);
* *real features*: those of R, with classes drawn as a forest predicts them that learnt from S
  (`MORE` times); *real target*: the features of S, classes of a forest that learnt from A;
* *both real*: the features of R, classes of a forest that learnt from A.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table as Shown
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import NearestNeighbors

from bench.errors import BadInput
from bench.quality.arrays import Columns
from bench.table import Table
from generators.scm import SCM
from generators.scm.coding import Coding
from generators.scm.graphs import Dag, order
from generators.scm.mechanisms import design
from scripts.evaluation import console, number
from scripts.rows import sources
from scripts.rows.jobs import RowsJob, code
from scripts.rows.shown import show_notes
from scripts.rows.tables import load, parts

NEAREST = 5
MORE = 10
TREES = 200
DAGS = 5
LEAST, SMALL = 0.25, 0.01
JITTER = 1e-3  # of equal neighbours, any may be the nearest
PARTS = {
    "full DAGs": "structure",
    "DAGs of A": "structure",
    "neighbours": "mechanism",
    "mechanisms of A": "mechanism",
    "more rows": "sampling",
}
BESIDE = ("both parts", "own DAGs", "real features", "real target", "both real")
ROWS = ("real", "scm", *PARTS, *BESIDE)
Edges = list[tuple[str, str]]


@dataclass(frozen=True)
class OracleJob(RowsJob):
    """The oracles on one table and split."""

    @property
    def settings(self) -> str:
        """As of every job; its rows are no other job's."""
        return f"{super().settings} · oracles"

    def _rows(self) -> list[dict[str, Any]]:
        train, test = parts(self.dataset, self.seed)
        return [
            {"method": name, "rows": len(made), **self._worth(made, test)}
            for name, made in self._made(train, self._rng())
        ]

    def _made(self, train: Table, rng: np.random.Generator) -> Iterator[tuple[str, Table]]:
        n, every = len(train), load(self.dataset)
        model = self._scm().fit(train, rng)
        made, more = model.sample(n, rng), model.sample(MORE * n, rng)
        coding, own = model.models_.coding, edges(model)
        informed = edges(self._scm().fit(every, rng))
        names = {*coding.names, *coding.twins_}
        known = [[edge for edge in dag if names.issuperset(edge)] for dag in informed]
        most = model.max_parents
        every_parent = [full_dag(coding, dag, most) for dag in some(model.dags_)]
        full = [named(dag, coding) for dag in every_parent]
        yield "real", train
        yield "scm", made
        yield "full DAGs", self._given(full, train, n, rng)
        yield "DAGs of A", self._given(known, train, n, rng)
        yield "neighbours", neighbours(coding, model.dags_, n, rng)
        yield "mechanisms of A", self._given(own, every, n, rng)
        yield "more rows", more
        yield "both parts", neighbours(coding, every_parent, n, rng)
        yield "own DAGs", self._given(own, train, n, rng)
        yield "real features", relabelled(train, more, rng)
        yield "real target", relabelled(made, every, rng)
        yield "both real", relabelled(train, every, rng)

    def _scm(self) -> SCM:
        model = sources.generator("scm", self.params)
        assert isinstance(model, SCM)
        return model

    def _given(self, dags: list[Edges], table: Table, n: int, rng: np.random.Generator) -> Table:
        """Rows of one SCM whose graphs are these, its mechanisms fitted on a table."""
        fitted = []
        for dag in dags:
            model = self._scm()
            model.dag = dag
            fitted.append(model.fit(table, rng).models_)
        model.models_.dags = [dag for each in fitted for dag in each.dags]
        model.models_.models = [scm for each in fitted for scm in each.models]
        return model.sample(n, rng)


def oracle_jobs(
    datasets: tuple[str, ...], splits: list[int], params: tuple[str, ...], **settings: bool
) -> list[OracleJob]:
    """A job each table and split, of classes alone.

    Raises
    ------
    BadInput
        If a table's target is a number.
    """
    for dataset in datasets:
        if not load(dataset).classes:
            raise BadInput(
                f"--oracles tells of classes, and the target of '{dataset}' is a number."
            )
    known = {"params": params, "code": code("scm"), **settings}
    return [OracleJob(name, seed, "scm", ROWS, **known) for name in datasets for seed in splits]


def edges(model: SCM) -> list[Edges]:
    """The edges of each of a fitted SCM's DAGs, by name."""
    return [named(dag, model.models_.coding) for dag in some(model.dags_)]


def some(dags: list[Dag]) -> list[Dag]:
    """At most `DAGS` of them, from the first to the last: they may have been drawn in ways."""
    return [dags[at] for at in np.unique(np.linspace(0, len(dags) - 1, DAGS).round().astype(int))]


def named(dag: Dag, coding: Coding) -> Edges:
    """The DAG's edges by name; a twin is an effect of the node that stands for it."""
    names = coding.names
    found = [(names[parent], names[node]) for node, parents in enumerate(dag) for parent in parents]
    return found + [(other, twin) for twin, (other, _) in coding.twins_.items()]


def full_dag(coding: Coding, dag: Dag, max_parents: int) -> Dag:
    """Every node before it in the DAG's order is a node's parent, if it is not too weak a one.

    Strength is the largest absolute correlation between the two nodes' columns (`design`).
    """
    columns = [
        design(codes, [node.cardinality])
        for codes, node in zip(coding.codes_.T, coding.nodes_, strict=True)
    ]
    scaled = [(c - c.mean(axis=0)) / np.maximum(c.std(axis=0), 1e-12) for c in columns]
    out, before = [()] * len(dag), []
    for node in order(dag):
        strength = [-np.abs(scaled[node].T @ scaled[other]).max() for other in before]
        strongest = np.argsort(strength, kind="stable")[:max_parents]
        out[node] = tuple(sorted(before[place] for place in strongest))
        before.append(node)
    return tuple(out)


def neighbours(coding: Coding, dags: list[Dag], n: int, rng: np.random.Generator) -> Table:
    """Rows of the DAGs whose mechanisms are the training rows nearest in the parents' space."""
    parts_ = []
    for dag, share in zip(dags, np.array_split(np.arange(n), len(dags)), strict=True):
        codes = np.zeros((len(share), len(dag)))
        for node in order(dag):
            known = np.flatnonzero(~coding.missing_[:, node])
            donors = known[rng.integers(len(known), size=len(share))]
            if dag[node] and len(share):
                theirs = _place(coding, dag[node], coding.codes_[known], rng)
                near = NearestNeighbors(n_neighbors=min(NEAREST, len(known))).fit(theirs)
                mine = _place(coding, dag[node], codes, rng)
                found = near.kneighbors(mine, return_distance=False)
                drawn = rng.integers(found.shape[1], size=len(share))
                donors = known[found[np.arange(len(share)), drawn]]
            codes[:, node] = coding.codes_[donors, node]
        parts_.append(codes)
    return coding.decode(np.concatenate(parts_), rng)


def _place(
    coding: Coding, parents: tuple[int, ...], codes: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    shape = [coding.nodes_[parent].cardinality for parent in parents]
    at = design(codes[:, list(parents)], shape)
    return np.column_stack([at, JITTER * rng.random(len(at))])


def relabelled(features: Table, learnt: Table, rng: np.random.Generator) -> Table:
    """Rows with these features, their classes drawn as a forest predicts that learnt others."""
    forest = RandomForestClassifier(TREES, min_samples_leaf=3, random_state=0)
    forest.fit(Columns.of(learnt, target=False).side_by_side(), learnt.y)
    asked = Columns.of(features, like=learnt, target=False).side_by_side()
    below = forest.predict_proba(asked).cumsum(axis=1)
    place = (below < rng.random((len(below), 1))).sum(axis=1).clip(max=below.shape[1] - 1)
    return features.with_rows(features.X, forest.classes_[place])


def classed(gap: float, closed: pd.Series) -> str:
    """The part whose oracle closes most of a gap; ``closed`` by oracle."""
    if not gap > SMALL:
        return "no gap"
    best = closed[list(PARTS)].astype(float)
    return PARTS[best.idxmax()] if best.max() >= LEAST * gap else "none"


def oracle_table(measured: pd.DataFrame, worth: str, title: str) -> Shown:
    """What of the gap each oracle closes, table by table, and the table's class."""
    found = measured.pivot_table(worth, "dataset", "method", sort=False)
    found = found.reindex(columns=ROWS).dropna(subset=["real", "scm"])
    gap = found["real"] - found["scm"]
    closed = found[[*PARTS, *BESIDE]].sub(found["scm"], axis=0)
    classes = [classed(gap[dataset], row) for dataset, row in closed.iterrows()]
    heads = [*(f"{name}\n{part}" for name, part in PARTS.items()), *BESIDE]
    shown = Shown("table", "real − scm", *heads, "class", title=title, padding=0)
    for name, at, row, kind in zip(closed.index, gap, closed.to_numpy(), classes, strict=True):
        shown.add_row(str(name), number(at, 3), *(_signed(v) for v in row), kind)
    shown.add_section()
    shown.add_row("mean", number(gap.mean(), 3), *(_signed(v) for v in closed.mean()), "")
    counts = (f"{kind} {classes.count(kind)}" for kind in dict.fromkeys(classes))
    shown.caption = f"Classes: {', '.join(counts)}."
    return shown


def show_oracles(measured: pd.DataFrame, worth: str, title: str) -> None:
    """Print it, and what failed."""
    console().print(oracle_table(measured, worth, title))
    show_notes(measured)


def _signed(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:+.3f}"
