"""Splits follow TabArena's protocol, whatever the classes look like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from bench.datasets import splits
from bench.errors import TableError
from bench.seeds import derive, generator
from bench.table import Table


def table_of(counts: list[int], name: str = "made-up") -> Table:
    """A table with this many rows of each class, mixed."""
    y = generator("order", len(counts)).permutation(np.repeat(np.arange(len(counts)), counts))
    return Table(
        name=name,
        X=pd.DataFrame({"x": np.arange(len(y), dtype=float)}),
        y=y,
        kinds={"x": "numeric"},
        classes=tuple(f"c{i}" for i in range(len(counts))),
        target="class",
    )


def values_of(n: int, name: str = "made-up") -> Table:
    """A table with this many rows and a numeric target."""
    y = generator("values", n).normal(size=n)
    X = pd.DataFrame({"x": np.arange(n, dtype=float)})
    return Table(name, X, y, {"x": "numeric"}, (), "value")


BOTH = pytest.mark.parametrize("table", [table_of([30, 20]), values_of(50)])


def parts_of(table: Table, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    part = splits.split(table, index)
    return part.train, part.validation, part.test


class TestSplits:
    @pytest.mark.parametrize("table", [table_of([60, 39]), values_of(99)])
    def test_a_hundred_rows_split_as_tabarena_does(self, table):
        train, validation, test = parts_of(table, 0)
        assert (len(train), len(validation), len(test)) == (52, 14, 33)

    @pytest.mark.parametrize("table", [table_of([20, 10]), values_of(30)])
    def test_thirty_splits_are_ten_repeats_of_three_folds(self, table):
        tests = [splits.split(table, i).test for i in range(30)]
        for repeat in range(10):
            together = np.concatenate(tests[3 * repeat : 3 * repeat + 3])
            assert sorted(together) == list(range(30))
        assert len({tuple(rows) for rows in tests}) == 30

    @BOTH
    def test_a_split_is_the_same_whenever_it_is_asked_for(self, table):
        first = parts_of(table, 4)
        np.random.seed(1)  # noqa: NPY002 (the global state must not matter)
        np.random.rand(10)  # noqa: NPY002
        splits.split(table, 9)
        for one, two in zip(first, parts_of(table, 4)):
            np.testing.assert_array_equal(one, two)

    def test_a_known_split_stays_what_it_was(self):
        """Records of other machines and releases refer to these rows."""
        part = splits.split(table_of([9, 6]), 0)
        assert part.test.tolist() == [2, 11, 12, 13, 14]
        assert part.validation.tolist() == [1, 3]
        part = splits.split(values_of(15), 0)
        assert part.test.tolist() == [4, 8, 10, 11, 14]
        assert part.validation.tolist() == [9, 13]

    @BOTH
    def test_the_features_do_not_decide_the_split(self, table):
        other = replace(table, X=pd.DataFrame({"z": np.zeros(50)}), kinds={"z": "numeric"})
        for one, two in zip(parts_of(table, 7), parts_of(other, 7)):
            np.testing.assert_array_equal(one, two)

    def test_values_decide_no_split_and_are_dealt_out_as_scikit_learn_does(self):
        table = values_of(50)
        other = replace(table, y=np.sort(table.y))
        for one, two in zip(parts_of(table, 7), parts_of(other, 7)):
            np.testing.assert_array_equal(one, two)
        folds = KFold(3, shuffle=True, random_state=derive("outer split", "made-up", 2) % 2**32)
        for fold, (_, test) in enumerate(folds.split(np.zeros(50))):
            np.testing.assert_array_equal(splits.split(table, 6 + fold).test, test)

    @BOTH
    def test_the_name_decides_the_split(self, table):
        one, two = (splits.split(replace(table, name=name), 0).test for name in ("a", "b"))
        assert one.tolist() != two.tolist()

    @pytest.mark.parametrize("table", [table_of([60, 30]), values_of(90)])
    def test_the_validation_share_leaves_the_test_part_alone(self, table):
        fifth, half = splits.split(table, 2), splits.split(table, 2, validation_share=0.5)
        np.testing.assert_array_equal(fifth.test, half.test)
        assert (len(fifth.validation), len(half.validation)) == (12, 30)

    @settings(max_examples=60, deadline=None)
    @given(
        counts=st.lists(st.integers(3, 60), min_size=2, max_size=6),
        index=st.integers(0, splits.N_SPLITS - 1),
    )
    def test_parts_are_disjoint_cover_all_and_are_stratified(self, counts, index):
        table = table_of(counts)
        train, validation, test = parts_of(table, index)
        assert sorted(np.concatenate([train, validation, test])) == list(range(len(table)))
        outer = np.concatenate([train, validation])
        assert abs(len(test) - len(table) / 3) <= len(counts)
        assert len(validation) == int(np.ceil(round(0.2 * len(outer), 9)))
        per_class = [np.bincount(table.y[rows], minlength=len(counts)) for rows in (outer, test)]
        assert (np.abs(per_class[1] - np.array(counts) / 3) < 1).all()
        assert (np.bincount(table.y[train], minlength=len(counts)) > 0).all()
        if len(validation) >= len(counts):
            in_validation = np.bincount(table.y[validation], minlength=len(counts))
            ideal = per_class[0] * len(validation) / len(outer)
            assert (np.abs(in_validation - ideal) <= 1 + 1e-9).all()

    @settings(max_examples=30, deadline=None)
    @given(
        n=st.integers(6, 90),
        index=st.integers(0, splits.N_SPLITS - 1),
        share=st.sampled_from([0.05, 0.2, 0.5, 0.99]),
    )
    def test_parts_of_values_are_disjoint_cover_all_and_are_even(self, n, index, share):
        part = splits.split(values_of(n), index, share)
        parts = [part.train, part.validation, part.test]
        assert sorted(np.concatenate(parts)) == list(range(n))
        assert all((np.diff(rows) > 0).all() for rows in parts)
        assert n // 3 <= len(part.test) <= -(-n // 3)
        n_outer = n - len(part.test)
        assert len(part.validation) == min(int(np.ceil(round(share * n_outer, 9))), n_outer - 2)
        assert part.notes == tuple(
            f"'value' has only one value in {name}."
            for name, rows in zip(("train", "validation", "test"), parts)
            if len(rows) == 1
        )

    @settings(max_examples=60, deadline=None)
    @given(
        common=st.lists(st.integers(12, 40), min_size=1, max_size=3),
        rare=st.lists(st.integers(1, 2), min_size=1, max_size=4),
        index=st.integers(0, splits.N_SPLITS - 1),
    )
    def test_rare_classes_are_dealt_out_and_noted(self, common, rare, index):
        table = table_of(common + rare)
        part = splits.split(table, index)
        everything = np.concatenate([part.train, part.validation, part.test])
        assert sorted(everything) == list(range(len(table)))
        for code, count in enumerate(common + rare):
            about = [note for note in part.notes if f"Class 'c{code}' " in note]
            assert len(about) == (1 if count < 3 else 0)
            assert (np.bincount(table.y[part.test], minlength=code + 1)[code] <= 1) or count > 2

    def test_a_note_says_which_part_lacks_the_class(self):
        table = table_of([20, 10, 1])
        (note,) = next(
            part.notes
            for part in (splits.split(table, i) for i in range(3))
            if (table.y[part.test] == 2).any()
        )
        assert note == (
            "Class 'c2' of 'class' has 1 row, too few to stratify; "
            "it is absent from train and validation."
        )

    def test_classes_without_rows_are_ignored(self):
        table = table_of([20, 10, 0])
        assert splits.split(table, 0).notes == ()


class TestBadInput:
    @pytest.mark.parametrize("index", [-1, 30, 1000])
    def test_a_split_out_of_range_is_refused(self, index):
        with pytest.raises(TableError, match=f"no split {index}; splits go from 0 to 29"):
            splits.split(table_of([9, 9]), index)

    @pytest.mark.parametrize("index", ["0", 1.0, None, True])
    def test_a_split_is_a_whole_number(self, index):
        with pytest.raises(TableError, match="a split is a whole number"):
            splits.split(table_of([9, 9]), index)

    @pytest.mark.parametrize("share", [0, 1, -0.2, 1.5])
    def test_a_share_outside_zero_and_one_is_refused(self, share):
        with pytest.raises(TableError, match="validation share must lie between 0 and 1"):
            splits.split(table_of([9, 9]), 0, share)

    def test_too_few_rows_are_refused(self):
        with pytest.raises(TableError, match="'made-up': 5 rows are too few for 3 folds of 2"):
            splits.split(table_of([3, 2]), 0)

    def test_one_class_is_refused(self):
        with pytest.raises(TableError, match="target 'class' has only one class"):
            splits.split(table_of([30, 0]), 0)

    @pytest.mark.parametrize(
        ("y", "said"),
        [
            ([1.5] * 9, "target 'value' has only one value; regression needs at least two."),
            ([1.5], "target 'value' has only one value; regression needs at least two."),
            (
                [1.0, 2, 3, 4, 5],
                "5 rows are too few for 3 folds of 2 rows of 'value'; at least 6 are needed.",
            ),
        ],
    )
    def test_values_that_cannot_be_split_are_refused(self, y, said):
        with pytest.raises(TableError) as caught:
            splits.split(replace(values_of(len(y)), y=np.array(y)), 0)
        assert str(caught.value) == f"Dataset 'made-up': {said}"

    def test_a_training_part_of_one_value_is_refused(self):
        rare = replace(values_of(30), y=np.array([7.0] + [5.0] * 29))
        with pytest.raises(TableError) as caught:
            splits.split(rare, 1)
        assert str(caught.value) == (
            "Dataset 'made-up': split 1 trains on rows whose 'value' is 5 in each; take another "
            "fold."
        )
        assert splits.split(rare, 0).notes == tuple(
            f"'value' has only one value in {part}." for part in ("validation", "test")
        )

    @settings(max_examples=80, deadline=None)
    @given(
        counts=st.lists(st.integers(0, 4), min_size=1, max_size=12),
        index=st.integers(0, splits.N_SPLITS - 1),
    )
    def test_the_smallest_tables_split_or_are_refused(self, counts, index):
        table = table_of(counts)
        try:
            part = splits.split(table, index)
        except TableError:
            return
        assert min(len(part.train), len(part.validation), len(part.test)) >= 1


class TestSeeds:
    def test_parts_are_joined_unambiguously(self):
        assert derive("ab", "c") != derive("a", "bc")
        assert derive("1") != derive(1)
        assert derive("a", 1, 2) != derive("a", 12)

    def test_order_matters_and_the_value_is_fixed(self):
        assert derive("a", "b") != derive("b", "a")
        assert derive("dataset", 3) == derive("dataset", np.int64(3)) == 3191332675986561139

    @given(st.lists(st.text() | st.integers(), min_size=1, max_size=4))
    def test_seeds_have_63_bits(self, parts):
        assert 0 <= derive(*parts) < 2**63

    def test_a_generator_is_fresh_each_time(self):
        assert generator("a").integers(1 << 30) == generator("a").integers(1 << 30)

    @pytest.mark.parametrize("parts", [(), (1.5,), (None,), (True,)])
    def test_other_parts_are_refused(self, parts):
        with pytest.raises(TypeError):
            derive(*parts)


class TestTheSourcesOwnFolds:
    """A table that comes with folds is split by them, in TabArena's order."""

    FOLDS = np.array([[0, 1, 2, 0, 1, 2] * 5, [2, 2, 1, 1, 0, 0] * 5], dtype=np.int8)

    def table(self, folds: np.ndarray | None = FOLDS) -> Table:
        X = pd.DataFrame({"x": np.arange(30.0)})
        y = np.arange(30) % 2
        return Table("own", X, y, {"x": "numeric"}, ("a", "b"), "y", folds=folds)

    @pytest.mark.parametrize("index", range(6))
    def test_split_i_is_repeat_i_over_3_fold_i_modulo_3(self, index: int) -> None:
        part = splits.split(self.table(), index)
        assert part.test.tolist() == np.flatnonzero(self.FOLDS[index // 3] == index % 3).tolist()
        assert sorted([*part.train, *part.validation, *part.test]) == list(range(30))

    def test_there_are_as_many_splits_as_the_source_has(self) -> None:
        with pytest.raises(TableError, match=r"no split 6; splits go from 0 to 5 \(2 repeats of 3"):
            splits.split(self.table(), 6)

    def test_rows_that_are_never_a_test_row_train(self) -> None:
        holdout = np.where(np.arange(30) < 10, 0, -1)[None].astype(np.int8)
        part = splits.split(self.table(holdout), 0)
        assert part.test.tolist() == list(range(10))
        assert sorted([*part.train, *part.validation]) == list(range(10, 30))

    def test_they_belong_to_what_decides_the_numbers(self) -> None:
        own, other = self.table(), self.table(self.FOLDS[::-1])
        assert splits.protocol(own) != splits.protocol(other)
        assert splits.protocol(own)["protocol"] == "the source's own 2 x 3 folds"
        assert splits.protocol(self.table(None)) == {"protocol": "stratified 10 x 3-fold"}
        assert splits.protocol(values_of(30)) == {"protocol": "10 x 3-fold"}
        assert own.fingerprint() == other.fingerprint() == self.table(None).fingerprint()

    def test_chosen_or_changed_rows_have_none(self) -> None:
        table = self.table()
        assert table.take([0, 1]).folds is None
        assert table.with_rows(table.X, table.y).folds is None
        assert table.concat(table).folds is None
        with pytest.raises(TableError, match=r"folds of shape \(2, 29\)"):
            self.table(self.FOLDS[:, 1:])
