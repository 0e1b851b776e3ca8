"""The folds of a bag hold out every row once, and keep together what belongs together."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.datasets.bags import HELD_BY_NONE, Bag, pieces, require
from bench.datasets.splits import split
from bench.errors import TableError
from bench.table import Table

OFTEN = [0, 1] * 30


def table_of(y: list[int], **sides: np.ndarray) -> Table:
    """Rows that tell their place, of these classes."""
    X = pd.DataFrame({"x": np.arange(len(y), dtype=float)})
    classes = tuple(f"c{i}" for i in range(max(y) + 1))
    return Table("made-up", X, np.array(y), {"x": "numeric"}, classes, "class", **sides)


def patients(n: int = 30) -> Table:
    """Patients with four visits each, one in three of them ill."""
    groups = np.repeat(np.arange(n), 4)
    return table_of((groups % 3 == 0).astype(int).tolist(), groups=groups)


def of_values(table: Table) -> Table:
    """The same rows with a numeric target."""
    y = np.random.default_rng(1).normal(size=len(table))
    return replace(table, y=y, classes=())


@settings(max_examples=8, deadline=None)
@given(n=st.integers(2, 9), rare=st.integers(2, 12), index=st.integers(0, 29))
def test_each_training_row_is_held_out_by_one_child_and_no_class_is_lost(n, rare, index):
    """Also where a class has fewer rows than there are children."""
    table = table_of(OFTEN + [2] * rare)
    bag, rows = Bag.of(table, index, n), split(table, index)
    outer = np.union1d(rows.train, rows.validation)
    found = np.concatenate([child.parts["validation"].X["x"] for child in bag.children])
    singles = outer[np.bincount(table.y[outer])[table.y[outer]] == 1]
    assert sorted(found) == sorted(set(outer) - set(singles))
    for child, place in zip(bag.children, bag.places, strict=True):
        held_out = child.parts["validation"].X["x"].to_numpy()
        assert (bag.held_out.X["x"].to_numpy()[place] == held_out).all()
        assert sorted([*child.train.X["x"], *held_out]) == outer.tolist()
        assert set(child.train.y) == set(bag.whole.y)
        assert (child.parts["test"].X["x"].to_numpy() == rows.test).all()
    sizes = [len(place) for place in bag.places]
    assert max(sizes) - min(sizes) <= 3  # one a class


def test_the_only_row_of_a_class_is_trained_on_by_all_and_said():
    table = table_of([*OFTEN, 2, 2])
    index = next(i for i in range(30) if (table.y[split(table, i).test] == 2).sum() == 1)
    bag = Bag.of(table, index, 4)
    assert 2 not in bag.held_out.y
    assert all((child.train.y == 2).sum() == 1 for child in bag.children)
    assert bag.notes[-1] == (
        "Class 'c2' of 'class' has one row to train on, which no child of the bag holds out."
    )


@settings(max_examples=8, deadline=None)
@given(n=st.integers(2, 9), index=st.integers(0, 29))
def test_each_training_row_of_values_is_held_out_by_one_child(n, index):
    table = of_values(table_of(OFTEN))
    bag, rows = Bag.of(table, index, n), split(table, index)
    outer = np.union1d(rows.train, rows.validation)
    found = np.concatenate([child.parts["validation"].X["x"] for child in bag.children])
    assert sorted(found) == outer.tolist()
    for child, place in zip(bag.children, bag.places, strict=True):
        held_out = child.parts["validation"].X["x"].to_numpy()
        assert (bag.held_out.X["x"].to_numpy()[place] == held_out).all()
        assert sorted([*child.train.X["x"], *held_out]) == outer.tolist()
    sizes = [len(place) for place in bag.places]
    assert max(sizes) - min(sizes) <= 1
    assert bag.notes == ()
    np.testing.assert_array_equal(bag.labels["validation"], table.y[outer])


@pytest.mark.parametrize("table", [patients(), of_values(patients())])
def test_groups_stay_whole(table):
    outer = np.union1d(split(table, 0).train, split(table, 0).validation)
    piece = pieces(table, 0, 8)
    assert set(piece) == set(range(8))
    for group in np.unique(table.groups[outer]):
        assert len(set(piece[table.groups[outer] == group])) == 1


@pytest.mark.parametrize("made", [lambda table: table, of_values])
def test_what_a_child_of_a_table_with_times_holds_out_is_a_span_of_time(made):
    times = np.random.default_rng(0).integers(0, 40, size=120)
    table = made(table_of([0, 1] * 60, times=times))
    outer = np.union1d(split(table, 2).train, split(table, 2).validation)
    piece = pieces(table, 2, 5)
    spans = [times[outer][piece == i] for i in range(5)]
    assert all(a.max() < b.min() for a, b in pairwise(spans))
    assert "lies in time between rows that it learns from" in Bag.of(table, 2, 5).notes[-1]


@pytest.mark.parametrize("labels", [table_of(OFTEN), of_values(table_of(OFTEN))])
def test_the_pieces_are_as_even_as_what_a_fold_is(labels):
    assert np.bincount(pieces(labels, 0, 8)).tolist() == [5] * 8
    assert (pieces(labels, 0, 8) != pieces(labels, 3, 8)).any()


@pytest.mark.parametrize(
    ("table", "n", "words"),
    [
        (table_of([0, 1] * 5), 9, "split 0 has 6 rows to train on, too few for finetune.bag=9"),
        (patients(6), 8, "has 4 groups, or rows of a class, to train on"),
        (table_of([0, 1] * 6, times=np.arange(12)), 8, "has 2 different times, less one,"),
        (of_values(table_of([0, 1] * 5)), 9, "split 0 has 6 rows to train on, too few for"),
        (of_values(patients(6)), 8, "has 4 groups to train on"),
    ],
)
def test_a_bag_that_cannot_be_dealt_is_refused_in_one_sentence(table, n, words):
    with pytest.raises(TableError, match=words):
        require(table, 0, 0.2, n)
    require(table, 0, 0.2, 1)


def test_a_child_that_would_learn_from_one_class_is_refused():
    # All rows of one class come first, so that one child holds out all of them.
    table = table_of([1] * 5 + [0] * 115, times=np.arange(120))
    with pytest.raises(TableError, match="child 0 of split 2 would learn from one class alone"):
        pieces(table, 2, 5)


def test_a_child_that_would_learn_from_one_value_is_refused():
    table = replace(table_of([0] * 120, times=np.arange(120)), classes=())
    jump = np.repeat([0.5, 2.0], [5, 115])  # all of one value come first
    with pytest.raises(TableError, match="child 0 of split 2 would learn from one value alone"):
        pieces(replace(table, y=jump), 2, 5)


@pytest.mark.parametrize("table", [table_of(OFTEN), of_values(table_of(OFTEN))])
def test_a_source_s_own_folds_are_cut_likewise(table):
    own = replace(table, folds=np.array([np.arange(60) % 3], dtype=np.int8))
    assert HELD_BY_NONE not in pieces(own, 1, 4)
