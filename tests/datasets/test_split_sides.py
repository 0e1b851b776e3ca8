"""Splits that keep groups whole, and splits by time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.datasets.splits import N_SPLITS, Fold, Split, holdout, protocol, split
from bench.errors import TableError
from bench.seeds import generator
from bench.table import Table


def table_of(y: list[int], **sides: np.ndarray) -> Table:
    """Rows that differ, of these classes."""
    X = pd.DataFrame({"x": np.arange(len(y), dtype=float)})
    classes = tuple(f"c{i}" for i in range(max(y) + 1))
    return Table("made-up", X, np.array(y), {"x": "numeric"}, classes, "class", **sides)


def patients(n: int = 30, visits: int = 4) -> Table:
    """Patients with as many visits each, of which one in three is ill at each of them."""
    groups = np.repeat(np.arange(n), visits)
    order = generator("patients", n).permutation(n * visits)
    return table_of((groups % 3 == 0).astype(int)[order].tolist(), groups=groups[order])


def of_values(table: Table) -> Table:
    """The same rows with a numeric target."""
    return replace(table, y=generator("values").normal(size=len(table)), classes=())


def parts(part: Split) -> list[np.ndarray]:
    return [part.train, part.validation, part.test]


class TestGroups:
    def test_equal_groups_split_into_thirds_and_a_fifth(self) -> None:
        """20 of 30 patients train and validate, 4 of those validate; a third of each are ill."""
        table = patients()
        for index in range(N_SPLITS):
            part = split(table, index)
            sizes = [len(np.unique(table.groups[rows])) for rows in parts(part)]
            assert sizes == [16, 4, 10]
            assert [len(rows) for rows in parts(part)] == [64, 16, 40]
            ill = [int(table.y[rows].sum()) // 4 for rows in parts(part)]
            assert ill in ([6, 1, 3], [5, 2, 3], [5, 1, 4], [4, 2, 4])
            assert part.notes == ()

    @settings(max_examples=40, deadline=None)
    @given(
        sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), min_size=3, max_size=20),
        share=st.sampled_from([0.05, 0.2, 0.35, 0.5, 0.8]),
        repeat=st.integers(0, 9),
    )
    def test_no_group_stands_on_two_sides_and_every_row_is_tested_once_a_repeat(
        self, sizes, share, repeat
    ):
        """Groups of any size, each with two classes, some with a third one."""
        kinds = [[0, 1] * pairs + [2] * rest for pairs, rest in sizes]
        groups = np.repeat(np.arange(len(kinds)), [len(kind) for kind in kinds])
        table = table_of([label for kind in kinds for label in kind], groups=groups)
        n = len(table)
        assume(n >= 9)
        found = [split(table, 3 * repeat + fold, share) for fold in range(3)]
        tested = np.concatenate([part.test for part in found])
        assert sorted(tested) == list(range(n))
        for part in found:
            assert sorted(np.concatenate(parts(part))) == list(range(n))
            held = [set(groups[rows]) for rows in parts(part)]
            assert all(held)
            assert sum(map(len, held)) == len(set.union(*held))

    def test_groups_of_values_split_into_thirds_and_a_fifth(self) -> None:
        table = of_values(patients())
        for index in range(6):
            part = split(table, index)
            assert [len(np.unique(table.groups[rows])) for rows in parts(part)] == [16, 4, 10]
            assert sorted(np.concatenate(parts(part))) == list(range(len(table)))
            assert part.notes == ()

    @settings(max_examples=15, deadline=None)
    @given(
        sizes=st.lists(st.integers(2, 9), min_size=3, max_size=20),
        share=st.sampled_from([0.05, 0.2, 0.5, 0.8]),
        repeat=st.integers(0, 9),
    )
    def test_no_group_of_values_stands_on_two_sides(self, sizes, share, repeat):
        groups = np.repeat(np.arange(len(sizes)), sizes)
        table = of_values(table_of([0] * len(groups), groups=groups))
        tested: list[int] = []
        for fold in range(3):
            part = split(table, 3 * repeat + fold, share)
            tested += part.test.tolist()
            assert sorted(np.concatenate(parts(part))) == list(range(len(groups)))
            held = [set(groups[rows]) for rows in parts(part)]
            assert all(held)
            assert sum(map(len, held)) == len(set.union(*held))
        assert sorted(tested) == list(range(len(groups)))

    @pytest.mark.parametrize("table", [patients(), of_values(patients())])
    def test_repeats_deal_the_groups_anew_by_named_seeds(self, table) -> None:
        tests = {tuple(split(table, 3 * repeat).test) for repeat in range(10)}
        assert len(tests) == 10
        assert tuple(split(replace(table, name="another"), 0).test) not in tests
        np.testing.assert_array_equal(split(table, 0).test, split(table, 0).test)

    def test_a_known_split_stays_what_it_was(self) -> None:
        """Records of other machines and releases refer to these rows."""
        table = patients(9, 2)
        part = split(table, 0)
        assert [sorted(set(table.groups[rows].tolist())) for rows in parts(part)] == [
            [0, 1, 5, 7],
            [3, 8],
            [2, 4, 6],
        ]

    def test_the_share_of_validation_is_met_as_groups_allow(self) -> None:
        """Of 20 patients with four visits: one at the least, whole ones always."""
        shares = {0.01: 4, 0.05: 4, 0.1: 8, 0.2: 16, 0.25: 20, 0.35: 28, 0.5: 40, 0.65: 52, 0.8: 64}
        assert {s: len(split(patients(), 0, s).validation) for s in shares} == shares

    def test_a_class_that_a_part_lacks_is_noted(self) -> None:
        """Class 2 is one patient's, so one part alone has it."""
        groups = np.repeat(np.arange(12), 5)
        y = np.where(groups == 11, 2, groups % 2).tolist()
        table = table_of(y, groups=groups)
        notes = [split(table, fold).notes for fold in range(3)]
        assert ("Class 'c2' of 'class' is absent from train and validation.",) in notes
        assert all(len(note) == 1 for note in notes)

    def test_what_no_fold_can_keep_whole_is_refused(self) -> None:
        y = [0, 1] * 10
        with pytest.raises(TableError, match=r"makes 2 groups; 3 folds .* need at least 3"):
            split(table_of(y, groups=np.arange(20) // 10), 0)
        with pytest.raises(TableError, match="class 'c1' of 'class' stands in one group only"):
            split(table_of([0] * 15 + [1] * 5, groups=np.arange(20) // 5), 0)
        with pytest.raises(TableError, match=r"makes 2 groups; 3 folds .* need at least 3"):
            split(of_values(table_of(y, groups=np.arange(20) // 10)), 0)

    def test_they_belong_to_what_decides_the_numbers(self) -> None:
        table = patients()
        alone = replace(table, groups=None)
        other = replace(table, groups=table.groups // 2)
        assert protocol(table)["protocol"] == "grouped stratified 10 x 3-fold"
        assert protocol(alone) == {"protocol": "stratified 10 x 3-fold"}
        assert protocol(of_values(table))["protocol"] == "grouped 10 x 3-fold"
        assert protocol(table) != protocol(other)
        assert table.fingerprint() == alone.fingerprint() == other.fingerprint()

    def test_they_travel_with_rows_and_not_with_made_ones(self) -> None:
        table = patients()
        fold = Fold.of(table, 0)
        np.testing.assert_array_equal(fold.train.groups, table.groups[split(table, 0).train])
        assert table.with_rows(table.X, table.y).groups is None
        assert table.concat(table).groups is None
        with pytest.raises(TableError, match=r"120 rows of features, groups of shape \(1, 120\)"):
            replace(table, groups=table.groups[None])


def by_time(times: list[float], y: list[int] | None = None) -> Table:
    y = [i % 2 for i in range(len(times))] if y is None else y
    return table_of(y, times=np.array(times, dtype=float))


class TestTime:
    def test_forty_days_make_three_windows_that_expand(self) -> None:
        """Four spans of ten days; of the days before a span the latest fifth validate."""
        day = generator("days").permutation(40)
        table = by_time(day.tolist())
        found = [[sorted(day[rows]) for rows in parts(split(table, fold))] for fold in range(3)]
        spans = [(8, 10, 20), (16, 20, 30), (24, 30, 40)]
        assert found == [
            [list(range(a)), list(range(a, b)), list(range(b, c))] for a, b, c in spans
        ]
        assert split(table, 0).notes == ()
        for fold in range(3):  # a numeric target is split where classes are
            for one, two in zip(parts(split(table, fold)), parts(split(of_values(table), fold))):
                np.testing.assert_array_equal(one, two)

    @settings(max_examples=60, deadline=None)
    @given(
        times=st.lists(st.integers(0, 12), min_size=6, max_size=40),
        share=st.sampled_from([0.05, 0.2, 0.5, 0.9]),
    )
    def test_parts_follow_each_other_and_rows_of_one_time_stay_together(self, times, share):
        """Both classes at each time."""
        table = by_time(np.repeat(times, 2).tolist())
        if len(set(times)) < 5:
            with pytest.raises(TableError, match="need at least 5"):
                split(table, 0, share)
            return
        tested: list[int] = []
        for fold in range(3):
            part = split(table, fold, share)
            train, validation, test = (table.times[rows] for rows in parts(part))
            assert train.max() < validation.min() <= validation.max() < test.min()
            outer = set(np.concatenate([part.train, part.validation]).tolist())
            assert outer == set(np.flatnonzero(table.times < test.min()).tolist())
            assert not tested or set(tested) <= outer
            tested += part.test.tolist()
        first = np.flatnonzero(table.times < table.times[tested].min())  # the first span
        assert sorted([*tested, *first]) == list(range(len(table)))

    def test_ties_move_a_cut_to_the_nearest_place_between_times(self) -> None:
        """Years that grow, as years of customers do: 10, 20, 40, 80, 160 and 320 rows."""
        years = np.repeat([2019, 2020, 2021, 2022, 2023, 2024], [10, 20, 40, 80, 160, 320])
        table = by_time(years.tolist())
        found = [[set(years[rows]) for rows in parts(split(table, fold))] for fold in range(3)]
        assert found == [
            [{2019, 2020}, {2021}, {2022}],
            [{2019, 2020, 2021}, {2022}, {2023}],
            [{2019, 2020, 2021, 2022}, {2023}, {2024}],
        ]

    def test_there_are_no_repeats(self) -> None:
        with pytest.raises(TableError) as caught:
            split(by_time(list(range(20))), 3)
        assert str(caught.value) == (
            "Dataset 'made-up': there is no split 3; splits go from 0 to 2 "
            "(3 windows that expand in time, and no repeats)."
        )

    def test_too_few_times_are_refused(self) -> None:
        with pytest.raises(TableError, match=r"tells 4 different times; 3 folds .* at least 5"):
            split(by_time([1, 2, 3, 4] * 5), 0)

    def test_a_class_that_comes_late_is_noted_or_refused(self) -> None:
        late = [0, 1] * 15 + [2] * 10
        notes = [split(by_time(list(range(40)), late), fold).notes for fold in range(3)]
        assert notes[0] == ("Class 'c2' of 'class' is absent from train and validation and test.",)
        ill_late = [0] * 20 + [0, 1] * 10
        with pytest.raises(TableError) as caught:
            split(by_time(list(range(40)), ill_late), 0)
        assert str(caught.value) == (
            "Dataset 'made-up': split 0 trains on class 'c0' of 'class' alone, as no other occurs "
            "so early; take another fold."
        )
        assert len(split(by_time(list(range(40)), ill_late), 2).test) == 10

    def test_they_belong_to_what_decides_the_numbers(self) -> None:
        table = by_time(list(range(20)))
        squared = replace(table, times=table.times**2)  # the same order
        reverse = replace(table, times=-table.times)
        assert protocol(table) == protocol(squared) != protocol(reverse)
        assert protocol(table)["protocol"] == "3 windows that expand in time"
        assert table.fingerprint() == replace(table, times=None).fingerprint()
        assert table.take([0, 1]).times is None
        assert table.with_rows(table.X, table.y).times is None


class TestWithoutATestPart:
    @settings(max_examples=40, deadline=None)
    @given(
        y=st.lists(st.integers(0, 2), min_size=4, max_size=40),
        share=st.sampled_from([0.05, 0.2, 0.5, 0.9]),
        by=st.sampled_from(["classes", "values", "groups", "times"]),
    )
    def test_rows_are_held_out_as_a_split_does(self, y: list[int], share: float, by: str) -> None:
        """Each row is in one part, two targets are learnt from, and sides stay whole."""
        sides = np.arange(len(y)) // 3
        given = {"groups": sides} if by == "groups" else {}
        given |= {"times": -sides.astype(float)} if by == "times" else {}
        table = table_of(y, **given)
        table = of_values(table) if by == "values" else table
        try:
            train, validation, _ = holdout(table, share, 3)
        except TableError as refused:
            assume("two" not in str(refused))  # classes, values or rows
            raise
        assert sorted([*train, *validation]) == list(range(len(y)))
        assert len(validation) > 0
        assert len(np.unique(table.y[train])) > 1
        if given:
            assert not set(sides[train]) & set(sides[validation])
        if by == "times":
            assert sides[train].min() > sides[validation].max()

    def test_a_fifth_of_a_hundred_rows_is_stratified_and_of_a_seed(self) -> None:
        table = table_of([0] * 75 + [1] * 25)
        one, again, other = (holdout(table, 0.2, seed)[1] for seed in (1, 1, 2))
        assert np.bincount(table.y[one]).tolist() == [15, 5]
        np.testing.assert_array_equal(one, again)
        assert not np.array_equal(one, other)

    def test_a_class_that_is_left_out_is_noted(self) -> None:
        _, _, notes = holdout(table_of([0] * 20 + [1]), 0.2, 0)
        assert notes == (
            "Class 'c1' of 'class' has 1 row, too few to stratify; it is absent from validation.",
        )

    @pytest.mark.parametrize("side", ["group", "time"])
    def test_one_side_is_refused(self, side: str) -> None:
        table = table_of([0, 1] * 5, **{f"{side}s": np.zeros(10)})
        with pytest.raises(TableError, match=f"all rows are of one {side}"):
            holdout(table, 0.2, 0)
