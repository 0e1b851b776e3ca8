"""Oracles replace a part of an SCM each; the one that closes most names what is missing."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bench.table import Table
from generators.scm.coding import Coding
from scripts.rows.jobs import RowsJob
from scripts.rows.oracles import (
    BESIDE,
    PARTS,
    ROWS,
    OracleJob,
    classed,
    full_dag,
    neighbours,
    oracle_table,
    relabelled,
)
from scripts.rows.spread import repeated, spread_table

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr("scripts.rows.oracles.TREES", 5)


def interaction() -> Table:
    """Two columns of two levels, and a class of which either alone tells nothing."""
    a, b = np.tile([0, 0, 1, 1], 25), np.tile([0, 1, 0, 1], 25)
    X = pd.DataFrame({"a": pd.Categorical(a.astype(str)), "b": pd.Categorical(b.astype(str))})
    kinds = dict.fromkeys("ab", "categorical")
    return Table("made", X, a ^ b, kinds, ("no", "yes"), "y")


def printed(shown) -> str:
    terminal = Console(width=250, file=io.StringIO())
    terminal.print(shown)
    return terminal.file.getvalue()


def of_exclusive_or(rows: Table) -> np.ndarray:
    a, b = (rows.X[name].astype(int).to_numpy() for name in "ab")
    return rows.y == a ^ b


def test_neighbours_assume_no_form_of_a_mechanism():
    coding = Coding().fit(interaction())
    whole = neighbours(coding, [((), (), (0, 1))], 300, RNG)
    assert of_exclusive_or(whole).all()
    assert len(set(whole.X["a"].astype(str) + whole.X["b"].astype(str))) == 4
    single = neighbours(coding, [((), (), (0,))], 300, RNG)
    assert 0.35 < of_exclusive_or(single).mean() < 0.65


def test_in_a_full_dag_the_strongest_of_the_nodes_before_are_parents():
    z = np.random.default_rng(0).normal(size=(4, 200))
    X = pd.DataFrame({"a": z[0], "b": z[1], "c": z[0] + 0.1 * z[2], "d": z[1] + 0.1 * z[3]})
    kinds = dict.fromkeys("abcd", "numeric")
    coding = Coding().fit(Table("made", X, (z[0] > 0).astype(int), kinds, ("no", "yes"), "y"))
    chain = ((), (0,), (1,), (2,), (3,))
    assert full_dag(coding, chain, 4) == ((), (0,), (0, 1), (0, 1, 2), (0, 1, 2, 3))
    assert full_dag(coding, chain, 1) == ((), (0,), (0,), (1,), (0,))


def test_classes_are_those_that_the_other_rows_teach():
    table = interaction()
    turned = table.with_rows(table.X, 1 - table.y)
    assert not of_exclusive_or(relabelled(table, turned, RNG)).any()


@pytest.mark.parametrize(
    ("gap", "closes", "kind"),
    [
        (0.1, 0.06, "mechanism"),
        (0.1, 0.02, "none"),
        (0.009, 0.009, "no gap"),
        (-0.1, 0.0, "no gap"),
    ],
)
def test_a_table_is_of_the_part_whose_oracle_closes_most(gap, closes, kind):
    closed = pd.Series(0.01, index=list(PARTS))
    closed["mechanisms of A"] = closes
    closed["real target"] = 1.0  # no part's oracle
    assert classed(gap, closed) == kind


@pytest.mark.long
def test_every_oracle_gives_rows_and_the_table_shows_what_it_closes(monkeypatch):
    table = interaction()
    monkeypatch.setattr("scripts.rows.oracles.load", lambda name: table)
    monkeypatch.setattr("scripts.rows.oracles.parts", lambda name, seed: (table, table))
    worth = {name: {"tstr_roc_auc": 0.5 + 0.01 * at} for at, name in enumerate(ROWS)}
    left = iter(worth.values())
    monkeypatch.setattr("scripts.rows.jobs.worth", lambda train, test: next(left))
    few = ("n_dags=1", "discovery.resamples=1", "selection=fixed")
    rows = OracleJob("made", 0, "scm", ROWS, few, code="any").run()
    assert [row["method"] for row in rows] == list(ROWS)
    assert [row["rows"] for row in rows] == [1000 if r == "more rows" else 100 for r in ROWS]
    shown = printed(oracle_table(pd.DataFrame(rows), "tstr_roc_auc", "made"))
    assert all(name in shown for name in (*PARTS, *BESIDE))
    assert "-0.010" in shown


def test_spread_is_told_of_what_rows_are_worth_and_of_each_phase():
    jobs = [RowsJob("tae", 0, "real", ("real",)), RowsJob("tae", 0, "scm", ("scm",))]
    several = repeated(jobs, 3)
    assert [job.draw for job in several] == [0, 1, 2]
    assert len({job.settings for job in several}) == 3
    rows = [("tae", "scm", 0.7, '{"graphs": 1.0}'), ("tae", "scm", 0.9, '{"graphs": 2.0}')]
    measured = pd.DataFrame(rows, columns=["dataset", "method", "tstr_roc_auc", "phases"])
    shown = printed(spread_table(measured, "tstr_roc_auc", "made"))
    lines = [line for line in shown.splitlines() if "tstr" in line or "graphs" in line]
    told = [[cell.strip() for cell in line.split("│")[4:9]] for line in lines]
    assert told[0] == ["tstr_roc_auc", "0.8000", "0.1414", "0.7000", "0.9000"]
    assert told[1][:2] == ["graphs, s", "1.5000"]
