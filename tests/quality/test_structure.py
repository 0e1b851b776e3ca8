"""Global utility is 1 of real rows, 0 of columns without dependence, and falls with each broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.quality import structure
from bench.quality.structure import global_utility
from bench.table import Table


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def chain(n: int, seed: int) -> Table:
    """Numbers a → b, levels c of b, and a class of c and of a: each depends on the one before."""
    draw = rng(seed)
    a = draw.normal(size=n)
    b = a + 0.3 * draw.normal(size=n)
    c = np.digitize(b + 0.2 * draw.normal(size=n), [-0.6, 0.6])
    y = (c + a + 0.5 * draw.normal(size=n) > 1).astype(int)
    X = pd.DataFrame({"a": a, "b": b, "c": pd.Categorical.from_codes(c, ["low", "mid", "top"])})
    kinds = {"a": "numeric", "b": "numeric", "c": "categorical"}
    return Table("chain", X, y, kinds, ("no", "yes"), "y")


def permuted(table: Table, *columns: str) -> Table:
    """Some columns, each permuted by itself."""
    X = table.X.copy()
    for i, name in enumerate(columns):
        X[name] = X[name].iloc[rng(i).permutation(len(X))].to_numpy()
    return table.with_rows(X, table.y)


def numbers(**columns: list[float]) -> Table:
    """A table of numbers; the column y is its target."""
    y = np.asarray(columns.pop("y"), dtype=float)
    X = pd.DataFrame({name: np.asarray(values, dtype=float) for name, values in columns.items()})
    return Table("t", X.set_axis(range(len(y))), y, dict.fromkeys(columns, "numeric"), (), "y")


def test_real_rows_are_worth_one_and_what_is_broken_is_missed():
    real, test = chain(300, 0), chain(300, 1)
    assert global_utility(real, real, test, rng()) == 1.0
    assert global_utility(real, chain(300, 2), test, rng()) == pytest.approx(1, abs=0.05)
    one = global_utility(real, permuted(real, "c"), test, rng())
    all_of_it = global_utility(real, permuted(real, "a", "b", "c"), test, rng())
    assert 0.3 < one < 0.9
    assert 0 <= all_of_it < 0.05


def test_the_value_of_four_rows_is_that_of_paper_and_pencil():
    """Too few rows for a split: trees tell the mean, ½; ridge regression of ranks is by hand."""
    ranks = np.array([1, 3, 5, 7]) / 8
    inside = ((ranks - 0.5) ** 2).sum() + 1  # ridge's penalty
    real = numbers(x=[1, 2, 3, 4], y=[10, 20, 30, 1000])
    other = numbers(x=[1, 2, 3, 4], y=[20, 10, 1000, 30])
    slopes = [(ranks - 0.5) @ (r - 0.5) / inside for r in (ranks, ranks[[1, 0, 3, 2]])]
    skills = [1 - (1 - slope / 2) ** 2 for slope in slopes]  # of either column
    assert skills[1] / skills[0] == pytest.approx(243 / 395)
    assert global_utility(real, other, real, rng()) == pytest.approx(243 / 395)
    # R² below 0 counts as none.
    assert global_utility(real, numbers(x=[1, 2, 3, 4], y=[4e3, 30, 2, 1]), real, rng()) == 0


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_units_and_outliers_do_not_matter(scale):
    draw = rng()
    x = draw.normal(size=(3, 60))
    plain = [numbers(x=v, y=v + draw.normal(size=60)) for v in x]
    skewed = [replace(t, X=np.exp(t.X) * scale, y=t.y**3) for t in plain]
    assert global_utility(*skewed, rng()) == pytest.approx(global_utility(*plain, rng()))


@pytest.mark.parametrize("hole", ["a", "c"])
def test_holes_are_read_and_rows_of_holes_alone_tell_nothing_of_a_column(hole):
    real, test = chain(120, 0), chain(120, 1)

    def with_holes(table: Table, share: float) -> Table:
        return table.with_rows(
            table.X.assign(**{hole: table.X[hole].where(rng().random(120) >= share)}), table.y
        )

    some, none = (
        global_utility(with_holes(real, 0.3), with_holes(real, s), test, rng()) for s in (0.3, 1)
    )
    assert some == 1.0
    assert 0 < none < 0.9


def test_a_level_alone_a_class_of_two_rows_and_few_rows_give_a_number_or_none():
    real = chain(60, 0)
    flat = real.with_rows(real.X.assign(c="low", a=1.0), np.r_[1, 1, np.zeros(58, int)])
    assert 0 <= global_utility(real, flat, chain(60, 1), rng()) < 0.5
    assert global_utility(flat, flat, flat.take([5]), rng()) is None  # one row has no spread
    assert global_utility(real.take([3]), real, real, rng()) is None  # of one row nothing is learnt
    alone = real.select([])
    assert global_utility(alone, alone, alone, rng()) is None  # no column to tell of the target


def test_independent_columns_have_no_structure_to_be_kept():
    draw = rng()
    real, test = (numbers(x=draw.normal(size=200), y=draw.normal(size=200)) for _ in range(2))
    assert global_utility(real, test, test, rng()) is None


def test_of_many_columns_the_target_and_a_bounded_number_are_predicted(monkeypatch):
    predicted = []

    def skill(side, unseen, column, seed):
        predicted.append(column)
        assert side.side_by_side.shape == (30, 401)  # all are predicted from
        return 0.5

    monkeypatch.setattr(structure, "_skill", skill)
    draw = rng()
    wide = numbers(**{f"x{i}": draw.normal(size=30) for i in range(400)}, y=draw.normal(size=30))
    assert global_utility(wide, wide, wide, rng()) == 1.0
    assert len(predicted) == 2 * structure.TARGETS
    assert 400 in predicted
    first = [*predicted]
    predicted.clear()
    global_utility(wide, wide, wide, rng(1))
    assert first != predicted


def test_the_rarest_of_many_levels_count_as_one():
    codes = np.r_[np.repeat(np.arange(12), 4), 12]
    places = structure._places(codes, 30)
    assert places[:10].tolist() == list(range(10))  # the most frequent, in order of their codes
    assert set(places[10:].tolist()) == {structure.LEVELS}
