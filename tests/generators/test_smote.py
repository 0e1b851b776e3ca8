"""SMOTE: rows between two real rows of one class, that tell where they come from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.generator import NotApplicable
from bench.table import Table
from generators.smote import SMOTE


def numbers(n: int = 60) -> Table:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    frame = pd.DataFrame(rng.normal(size=(n, 2)) + 3 * y[:, None], columns=["u", "v"])
    kinds = {"u": "numeric", "v": "numeric"}
    return Table("made", frame, y, kinds, ("a", "b", "c"), "class")


def with_levels(n: int = 60) -> Table:
    table = numbers(n)
    colour = pd.Categorical(np.array(["red", "green", "blue"])[table.y])
    kinds = {**table.kinds, "colour": "categorical"}
    return Table("made", table.X.assign(colour=colour), table.y, kinds, table.classes, "class")


def only_levels() -> Table:
    rng = np.random.default_rng(1)
    y = np.arange(60) % 2
    frame = pd.DataFrame({c: pd.Categorical(rng.choice(list("xyz"), size=60)) for c in "abcd"})
    return Table("made", frame, y, dict.fromkeys(frame, "categorical"), ("n", "p"), "class")


def drawn(table: Table, n: int = 200) -> tuple[Table, Table]:
    """Rows, and the real rows that they have as origins."""
    rows = SMOTE().fit(table, np.random.default_rng(0)).sample(n, np.random.default_rng(1))
    position = {key: i for i, key in enumerate(table.row_keys())}
    return rows, table.take([position[key] for key in rows.origins])


def test_a_row_lies_on_the_nearer_half_of_the_way_to_a_neighbour_of_its_class() -> None:
    table = numbers()
    rows, origins = drawn(table)
    assert (rows.y == origins.y).all()
    for label in range(3):
        real = table.X[table.y == label].to_numpy()
        mine = rows.y == label
        pairs = zip(rows.X[mine].to_numpy(), origins.X[mine].to_numpy(), strict=True)
        for row, origin in pairs:
            ways = real - origin
            lengths = np.linalg.norm(ways, axis=1)
            ways, lengths = ways[lengths > 0], lengths[lengths > 0]
            step = row - origin
            share = (ways @ step) / lengths**2
            beside = np.linalg.norm(step - share[:, None] * ways, axis=1)
            on_the_way = (beside < 1e-9) & (share > -1e-9) & (share < 0.5 + 1e-9)
            assert on_the_way.any()


def test_levels_are_those_of_most_neighbours() -> None:
    rows, _ = drawn(with_levels())
    assert (rows.X["colour"].astype(str) == np.array(["red", "green", "blue"])[rows.y]).all()


def test_a_table_of_levels_is_served_with_levels_of_its_rows() -> None:
    table = only_levels()
    rows, _ = drawn(table)
    for column in table.X.columns:
        assert set(rows.X[column].astype(str)) <= set("xyz")
    assert rows.class_counts().tolist() == [100, 100]


def test_holes_are_those_of_the_nearer_row() -> None:
    table = with_levels()
    X = table.X.copy()
    X.loc[::5, "u"] = np.nan
    X.loc[1::7, "colour"] = np.nan
    rows, origins = drawn(table.with_rows(X, table.y))
    assert (rows.X.isna() == origins.X.isna()).all(axis=None)
    assert rows.X["u"].isna().any()


def test_no_row_that_equals_a_real_row_has_another_origin() -> None:
    table = only_levels()
    rows, _ = drawn(table, 400)
    keys = rows.row_keys()
    copies = np.isin(keys, table.row_keys())
    assert copies.any()
    assert (keys[copies] == rows.origins[copies]).all()


def test_classes_have_their_training_shares() -> None:
    rows, _ = drawn(numbers(), 90)
    assert rows.class_counts().tolist() == [30, 30, 30]


def test_a_class_with_a_single_row_is_refused_by_name() -> None:
    table = numbers()
    y = np.where(table.y == 2, 0, table.y)
    y[0] = 2
    table = Table("made", table.X, y, table.kinds, table.classes, "class")
    with pytest.raises(NotApplicable, match="two rows of each class, but 'c' has one"):
        SMOTE().fit(table, np.random.default_rng(0))
