"""Tables that hold the same rows are found, whatever was done to them; others are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from bench.datasets import embedded
from bench.datasets.alike import LEAST_ROWS, LEAST_SHARE, shared
from bench.table import Table

# What two embedded tables have in common because they were made from one.
RELATED = {
    ("autos", "car-prices"): 201,
    ("credit-amount", "credit-g"): 1000,
    ("financial-assets", "pension-401k"): 251,
}


def of(X: pd.DataFrame, table: Table) -> Table:
    """The table with other columns."""
    kinds = {c: "numeric" if X[c].dtype == np.float64 else "categorical" for c in X.columns}
    return replace(table, name="other", X=X, kinds=kinds)


def permuted(table: Table, rng: np.random.Generator, share: float = 1.0) -> Table:
    return table.take(rng.permutation(len(table))[: int(share * len(table))])


def renamed(table: Table, rng: np.random.Generator) -> Table:
    columns = rng.permutation(table.X.columns)
    X = table.X[columns].set_axis([f"v{i}" for i in range(len(columns))], axis=1)
    return replace(of(X, table), target="label")


def halved(table: Table, rng: np.random.Generator) -> Table:
    columns = rng.permutation(table.X.columns)[: max(3, table.n_features * 2 // 3)]
    return of(table.X[columns], table)


def widened(table: Table, rng: np.random.Generator) -> Table:
    strange = {f"strange{i}": rng.integers(0, 4, len(table)).astype(float) for i in range(4)}
    return of(table.X.assign(**strange), table)


def recoded(table: Table, rng: np.random.Generator) -> Table:
    """Whole numbers as text, others to 32 bits, texts in capitals."""
    X = table.X.copy()
    for column, kind in table.kinds.items():
        if kind == "categorical":
            X[column] = X[column].cat.rename_categories(lambda level: f" {level.upper()}")
        elif kind == "integer":
            text = X[column].map(lambda x: None if np.isnan(x) else f"{x:.0f}")
            X[column] = pd.Categorical(text)
        else:
            X[column] = X[column].astype(np.float32).astype(np.float64)
    return of(X, table)


def a_third(table: Table, rng: np.random.Generator) -> Table:
    return renamed(permuted(table, rng, 0.34), rng)


@pytest.mark.parametrize("change", [permuted, renamed, halved, widened, recoded, a_third])
@pytest.mark.parametrize("name", ["haberman", "credit-g", "breast-w", "wdbc", "iris"])
def test_a_changed_copy_is_found_from_both_sides(
    name: str, change: Callable[[Table, np.random.Generator], Table]
) -> None:
    table = embedded.load(name)
    other = change(table, np.random.default_rng(3))
    n = shared(table, other)
    rows = min(len(t.X.assign(y=t.y).drop_duplicates()) for t in (table, other))
    assert n == shared(other, table)
    assert LEAST_SHARE * rows < n <= rows
    if change in (permuted, renamed, recoded):
        assert n == rows


@pytest.mark.parametrize("name", ["haberman", "credit-g", "iris"])
def test_other_labels_hide_no_copy(name: str) -> None:
    table = embedded.load(name)
    other = replace(table, y=np.random.default_rng(0).permutation(table.y))
    assert shared(table, other) > LEAST_SHARE * len(table)


def test_the_labels_tell_rows_of_a_full_design_from_chance() -> None:
    car = embedded.load("car")  # every combination of its levels once
    assert shared(car, renamed(car, np.random.default_rng(0))) == len(car)
    assert shared(car, replace(car, y=np.roll(car.y, 500), target="another")) == 0


@pytest.mark.parametrize(("share", "is_found"), [(0.2, True), (0.05, False)])
def test_a_tenth_of_the_rows_is_the_limit(share: float, is_found: bool) -> None:
    table, n = embedded.load("wdbc"), 569
    rng = np.random.default_rng(0)
    new = table.X.apply(lambda column: rng.permutation(column))  # nobody's rows
    kept = int(share * n)
    other = of(pd.concat([table.X[:kept], new[kept:]], ignore_index=True), table)
    assert shared(table, other) == (kept if is_found else 0)


@pytest.mark.long
def test_no_two_embedded_tables_share_rows_but_those_of_one_origin() -> None:
    tables = {name: embedded.load(name) for name in embedded.names()}
    found = {
        pair: n for pair in combinations(tables, 2) if (n := shared(*(tables[p] for p in pair)))
    }
    assert found == RELATED


def random(rng: np.random.Generator, n_rows: int, n_columns: int, n_values: int) -> Table:
    X = pd.DataFrame(rng.integers(0, n_values, (n_rows, n_columns)).astype(float))
    X.columns = [f"x{i}" for i in range(n_columns)]
    y = np.arange(n_rows) % 2
    kinds = dict.fromkeys(X.columns, "numeric")
    return Table(name="t", X=X, y=y, kinds=kinds, classes=("a", "b"), target="y", domain="other")


@pytest.mark.parametrize(
    ("n_columns", "n_values"), [(1, 500), (3, 5), (3, 7), (8, 2), (10, 2), (4, 7), (20, 2)]
)
def test_columns_of_few_values_agree_by_chance_alone(n_columns: int, n_values: int) -> None:
    rng = np.random.default_rng(7)
    one, other = (random(rng, 300, n_columns, n_values) for _ in range(2))
    assert shared(one, other) == 0


def test_fewer_than_three_columns_tell_nothing() -> None:
    table = random(np.random.default_rng(7), 300, 2, 10_000)
    assert shared(table, replace(table, target="another")) > 0
    assert shared(table.select(["x0"]), table) == 0


def test_a_table_without_a_column_that_varies_is_like_no_other() -> None:
    still, iris = random(np.random.default_rng(0), 30, 5, 1), embedded.load("iris")
    assert shared(still, iris) == shared(iris, still) == shared(still, still) == 0


def test_missing_equals_missing_and_zero_equals_zero() -> None:
    table = random(np.random.default_rng(1), 60, 4, 50)
    table.X.iloc[::3, 0] = np.nan
    table.X.iloc[1::3, 1] = 0.0
    other = of(table.X.copy(), table)
    other.X.iloc[1::3, 1] = -0.0
    assert shared(table, other) == 60 > LEAST_ROWS
