"""Fitted models that no fit made: a tiny `Tab2D` whose weights were moved, and rows to read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from tiny_tab2d import load

from bench.datasets.own.column_schema import ColumnSchema
from bench.datasets.own.schema import Schema
from bench.estimator.fitted import Child, Fitted
from bench.estimator.report import Report
from bench.predicted import Predicted
from bench.table import Problem, Table

LEVELS = ["z", "b", "ü", "", "never"]  # in no order, the last without a row


def table(n: int = 30, problem: Problem = "classification") -> Table:
    """Numbers, whole numbers and levels, with holes; a level and a class without a row."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "age": rng.normal(size=n) / 3,
            "sibs": rng.integers(0, 9, n).astype(float),
            "job": pd.Categorical.from_codes(rng.integers(-1, 4, n), LEVELS),
            "empty": pd.Categorical([None] * n, []),
        }
    )
    X.loc[:4, "age"] = [np.nan, -0.0, 5e-324, 1e300, 0.1]
    kinds: Any = {"age": "numeric", "sibs": "integer", "job": "categorical", "empty": "categorical"}
    if problem == "regression":
        return Table("staff", X, rng.normal(size=n) * 100, kinds, (), "pay")
    return Table("staff", X, rng.integers(0, 2, n) * 2, kinds, ("left", "none", "stayed"), "end")


def fitted(
    problem: Problem = "classification",
    moved: tuple[float, ...] = (0.01,),
    held_out: bool = False,
    **changed: Any,
) -> Fitted:
    """As if fitted: children whose weights were moved by so much."""
    backbone = load(10 if problem == "classification" else 1, problem=problem)
    rows = table(problem=problem)
    children = []
    for i, by in enumerate(moved):
        module = backbone.copy()
        for weights in module.parameters():
            weights.data += by
        others = np.arange(len(rows)) % len(moved) != i
        children.append(Child(module, rows.take(others) if held_out else rows))
    labels = None if problem == "regression" else np.array([3, 5, 9])
    model = {"_target_": "a.loader", "path": None, "device": "cpu"}
    whole = Fitted(
        backbone, tuple(children), schema_of(rows), labels, report(rows), model, ("fit", 0)
    )
    return replace(whole, **changed)


def schema_of(rows: Table) -> Schema:
    """As if read from a file with a level more in each column."""
    columns = {
        column: ColumnSchema(kind, "categories", (*rows.X[column].cat.categories, "more"))
        if kind == "categorical"
        else ColumnSchema(kind, "numbers")
        for column, kind in rows.kinds.items()
    }
    return Schema(rows.name, rows.target, rows.problem, rows.classes, tuple(rows.X), columns)


def report(rows: Table) -> Report:
    return Report(
        problem=rows.problem,
        model="mitra_nano",
        rows_from="real rows",
        metric="log_loss" if rows.classes else "log_score",
        base=0.5,
        fine_tuned=0.1 + 0.2,
        se=None,
        expected=None,
        expected_from="",
        step=3,
        steps=8,
        chosen_steps=(3,),
        base_kept=False,
        why="lower",
        fault="",
        rows={"all": 30, "train": 24, "validation": 6, "context": 30},
        classes=rows.classes,
        features=4,
        columns=("Column 'ü' …",),
        seconds={"total": 1.5},
        notes=(),
        settings={"model": {}, "cache_dir": None},
    )


def bits(model: Fitted) -> bytes:
    told = model.predict(table(problem=model.schema.problem))
    return told.mean.tobytes() if isinstance(told, Predicted) else told.tobytes()
