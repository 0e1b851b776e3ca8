"""`Table` refuses parts that do not fit, and tells equal content from changed content."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import TableError
from bench.table import Table

OTHER_NAN = np.array([0xFFF8000000000000], dtype=np.uint64).view(np.float64)[0]


def parts() -> dict[str, Any]:
    return {
        "name": "made",
        "X": pd.DataFrame(
            {
                "size": [0.5, np.nan, 0.0, 0.5],
                "count": [1.0, 2.0, np.nan, 1.0],
                "colour": pd.Categorical(
                    ["red", None, "blue", "red"], categories=["blue", "green", "red"]
                ),
            }
        ),
        "y": np.array([0, 1, 1, 0]),
        "kinds": {"size": "numeric", "count": "integer", "colour": "categorical"},
        "classes": ("no", "yes"),
        "target": "answer",
    }


def table(**changed: Any) -> Table:
    return Table(**(parts() | changed))


def with_column(column: str, values: Any) -> Table:
    return table(X=parts()["X"].assign(**{column: values}))


def colours(*values: str | None, levels: tuple[str, ...]) -> Table:
    return with_column("colour", pd.Categorical(values, levels))


class TestInvariants:
    def test_it_counts_features_classes_and_rows(self):
        t = table(classes=("no", "yes", "maybe"))
        assert (len(t), t.n_features, t.n_classes) == (4, 3, 3)
        assert (t.numeric, t.categorical) == (["size", "count"], ["colour"])
        assert t.class_counts().tolist() == [2, 2, 0]

    def test_the_index_is_the_position(self):
        X = parts()["X"].set_axis([7, 7, 3, 1])
        assert table(X=X).X.index.tolist() == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"y": [0, 1]}, "4 rows of features, 2 labels"),
            ({"y": [0, 1, 2, 0]}, "class codes outside 0 … 1"),
            ({"y": [0, -1, 1, 0]}, "class codes outside 0 … 1"),
            ({"kinds": {"size": "numeric"}}, "columns and kinds differ"),
            (
                {"kinds": parts()["kinds"] | {"size": "ordinal"}},
                "column 'size': unknown kind 'ordinal'",
            ),
            (
                {"kinds": parts()["kinds"] | {"size": "integer"}},
                "column 'size': integer, but holds fractions",
            ),
            (
                {"kinds": parts()["kinds"] | {"size": "categorical"}},
                "column 'size': categorical, but stored as float64",
            ),
            (
                {"kinds": parts()["kinds"] | {"colour": "numeric"}},
                "column 'colour': numeric, but stored as category",
            ),
            ({"X": parts()["X"].set_axis(["size", "size", "colour"], axis=1)}, "'size' stands in"),
        ],
    )
    def test_parts_that_do_not_fit_are_named(self, changed: dict[str, Any], sentence: str):
        with pytest.raises(TableError, match=r"^Table 'made'") as raised:
            table(**changed)
        assert sentence in str(raised.value)

    @pytest.mark.parametrize(
        ("column", "values", "sentence"),
        [
            ("size", [0.0, np.inf, 0.0, 0.0], "holds infinite values"),
            ("size", [1, 2, 3, 4], "stored as int64"),
            ("colour", pd.Categorical([1, 2, 1, 2]), "levels must be strings"),
        ],
    )
    def test_values_that_do_not_fit_are_named(self, column: str, values: Any, sentence: str):
        with pytest.raises(TableError, match=f"column '{column}'.*{sentence}"):
            with_column(column, values)


class TestParts:
    def test_take_follows_the_order_asked_for_and_keeps_the_schema(self):
        taken = table().take([3, 0, 2, 0])
        assert taken.y.tolist() == [0, 0, 1, 0]
        assert taken.X["count"].tolist()[:2] == [1.0, 1.0]
        assert np.isnan(taken.X["count"][2])
        assert taken.X["colour"].tolist() == ["red", "red", "blue", "red"]
        assert list(taken.X["colour"].cat.categories) == ["blue", "green", "red"]

    def test_take_nothing_gives_an_empty_table_of_the_schema(self):
        empty = table().take([])
        assert (len(empty), empty.kinds) == (0, table().kinds)

    def test_select_keeps_the_order_asked_for(self):
        selected = table().select(["colour", "size"])
        assert list(selected.X.columns) == ["colour", "size"]
        assert selected.kinds == {"colour": "categorical", "size": "numeric"}
        assert selected.y.tolist() == table().y.tolist()

    def test_new_rows_come_under_the_schema(self):
        rows = pd.DataFrame(
            {
                "colour": ["green", None],
                "extra": [9, 9],
                "count": [1.6, np.nan],
                "size": [1, 2],
            },
            index=[5, 5],
        )
        new = table().with_rows(rows, np.array([1, 0]))
        assert list(new.X.columns) == ["size", "count", "colour"]
        assert new.X["count"].tolist()[0] == 2.0
        assert np.isnan(new.X["count"][1])
        assert new.X["colour"].dtype == table().X["colour"].dtype
        assert new.X["colour"].tolist()[0] == "green"
        assert pd.isna(new.X["colour"][1])
        assert new.y.tolist() == [1, 0]

    def test_new_rows_without_a_column_are_refused(self):
        with pytest.raises(TableError, match="new rows lack column 'count'"):
            table().with_rows(parts()["X"].drop(columns="count"), parts()["y"])

    def test_new_rows_of_an_unknown_level_are_refused(self):
        rows = parts()["X"].assign(colour=["red", "pink", "blue", None])
        with pytest.raises(TableError, match="column 'colour': 'pink' is no known level"):
            table().with_rows(rows, parts()["y"])

    def test_concat_joins_rows_whatever_the_order_of_the_levels(self):
        other = with_column(
            "colour", pd.Categorical(["green", "red", None, "blue"], ["red", "green", "blue"])
        )
        both = table().concat(other, table())
        assert len(both) == 12
        assert both.y.tolist() == [0, 1, 1, 0] * 3
        assert both.X["colour"].dropna().tolist()[3:6] == ["green", "red", "blue"]
        assert list(both.X["colour"].cat.categories) == ["blue", "green", "red"]

    def test_pruning_forgets_levels_without_a_row_and_nothing_else(self):
        pruned = table().prune_levels()
        assert list(pruned.X["colour"].cat.categories) == ["blue", "red"]
        np.testing.assert_array_equal(pruned.row_keys(), table().row_keys())
        assert list(table().X["colour"].cat.categories) == ["blue", "green", "red"]

    def test_pruned_rows_do_not_tell_of_the_levels_of_others(self):
        """A level that only other rows show leaves no trace, wherever it stood among the levels."""
        rows = table().take([0, 3])
        X = parts()["X"].copy()
        X["colour"] = pd.Categorical(["red", "a", "z", "red"], categories=["a", "red", "z"])
        other = table(X=X).take([0, 3])
        assert rows.prune_levels().fingerprint() == other.prune_levels().fingerprint()


class TestFingerprint:
    def test_equal_content_has_equal_fingerprints(self):
        same = table(
            X=parts()["X"].set_axis([3, 2, 1, 0]),
            y=[0.0, 1.0, 1.0, 0.0],
            classes=np.array(["no", "yes"]),
        )
        assert same.fingerprint() == table().fingerprint()

    def test_bit_patterns_of_equal_values_do_not_count(self):
        same = with_column("size", [0.5, OTHER_NAN, -0.0, 0.5])
        assert same.fingerprint() == table().fingerprint()

    @pytest.mark.parametrize(
        "other",
        [
            with_column("size", [0.5, np.nan, 0.0, np.nextafter(0.5, 1)]),
            with_column("size", [0.5, 0.0, np.nan, 0.5]),
            with_column("count", [1.0, 2.0, 2.0, 1.0]),
            colours("red", None, "green", "red", levels=("blue", "green", "red")),
            colours("red", None, "blue", "red", levels=("blue", "red")),
            colours("red", None, "blue", "red", levels=("red", "green", "blue")),
            table(y=[0, 1, 1, 1]),
            table(classes=("yes", "no")),
            table(classes=("no", "yes", "maybe")),
            table(name="other"),
            table(target="question"),
            table(kinds=parts()["kinds"] | {"count": "numeric"}),
            table().take([1, 0, 2, 3]),
            table().take([0, 1, 2]),
            table().select(["count", "size", "colour"]),
            table().select(["size", "count"]),
            table(
                X=parts()["X"].rename(columns={"size": "Size"}),
                kinds={"Size": "numeric", "count": "integer", "colour": "categorical"},
            ),
        ],
    )  # fmt: skip
    def test_any_change_counts(self, other: Table):
        assert other.fingerprint() != table().fingerprint()

    @given(
        st.lists(st.floats(allow_infinity=False), min_size=1, max_size=6),
        st.lists(st.floats(allow_infinity=False), min_size=1, max_size=6),
    )
    def test_fingerprints_are_equal_just_where_values_are(self, one: list[float], two: list[float]):
        def of(values: list[float]) -> Table:
            return Table("t", pd.DataFrame({"x": values}), np.zeros(len(values)),
                         {"x": "numeric"}, ("a",), "y")  # fmt: skip

        equal = len(one) == len(two) and np.array_equal(one, two, equal_nan=True)
        assert (of(one).fingerprint() == of(two).fingerprint()) == equal


ORIGINS = np.array([2**63 + 1, 7, 7, 2**64 - 1], dtype=np.uint64)  # float64 has no room for them


class TestOrigins:
    def test_lineage_is_the_origin_where_there_is_one_else_the_rows_own_key(self):
        np.testing.assert_array_equal(table().lineage(), table().row_keys())
        np.testing.assert_array_equal(table(origins=ORIGINS).lineage(), ORIGINS)

    def test_they_travel_with_the_rows(self):
        derived = table(origins=ORIGINS)
        assert derived.take([3, 0, 0]).origins.tolist() == ORIGINS[[3, 0, 0]].tolist()
        assert derived.take(derived.y == 1).origins.tolist() == [7, 7]
        assert derived.select(["size"]).origins.tolist() == ORIGINS.tolist()
        assert derived.prune_levels().origins.tolist() == ORIGINS.tolist()
        assert table().take([0]).origins is None

    def test_new_rows_have_those_that_are_handed_in_with_them(self):
        X, y = parts()["X"], parts()["y"]
        assert table(origins=ORIGINS).with_rows(X, y).origins is None
        assert table().with_rows(X, y, ORIGINS).origins.tolist() == ORIGINS.tolist()

    def test_beside_derived_rows_the_others_are_their_own_origin(self):
        plain, derived = table(), table(origins=ORIGINS)
        expected = [*plain.row_keys(), *ORIGINS]
        assert plain.concat(derived).origins.tolist() == expected
        assert derived.concat(plain).origins.tolist() == [*ORIGINS, *plain.row_keys()]
        assert plain.concat(derived, plain).lineage().tolist() == [*expected, *plain.row_keys()]
        assert plain.concat(plain).origins is None

    @pytest.mark.parametrize(
        ("origins", "sentence"),
        [
            (ORIGINS[:3], r"4 rows of features, origins of shape \(3,\)"),
            (ORIGINS.astype(float), "origins are float64, not uint64 row keys"),
            (np.arange(4), "origins are int64, not uint64 row keys"),
        ],
    )
    def test_those_that_do_not_fit_are_refused(self, origins: np.ndarray, sentence: str):
        with pytest.raises(TableError, match=rf"^Table 'made': {sentence}\.$"):
            table(origins=origins)

    def test_they_count_in_the_fingerprint(self):
        prints = {
            t.fingerprint()
            for t in (table(), table(origins=ORIGINS), table(origins=ORIGINS[[0, 1, 1, 2]]))
        }
        assert len(prints) == 3

    def test_a_table_without_them_has_the_fingerprint_it_always_had(self):
        """Records made before there were origins stay valid: their identities hash this."""
        known = "7b1503be4a6be22c12a3e20f856c5c4231ec460659ddf08aaf373727ec1c4c92"
        assert table().fingerprint() == known


class TestRowKeys:
    def test_rows_with_equal_features_share_a_key_whatever_their_label(self):
        t = replace(table(), y=np.array([0, 1, 1, 1]))
        keys = t.row_keys()
        assert keys[0] == keys[3]
        assert len(np.unique(keys)) == 3

    def test_levels_count_by_their_text_not_by_their_code(self):
        colours = ["red", None, "blue", "red"]
        other = with_column("colour", pd.Categorical(colours, ["red", "pink", "blue"]))
        np.testing.assert_array_equal(other.row_keys(), table().row_keys())

    def test_missing_equals_missing_and_zero_equals_negative_zero(self):
        other = with_column("size", [0.5, OTHER_NAN, -0.0, 0.5])
        np.testing.assert_array_equal(other.row_keys(), table().row_keys())

    def test_missing_differs_from_every_value(self):
        X = pd.DataFrame({"x": pd.Categorical(["nan", "", "None", "<NA>", None])})
        t = Table("t", X, np.zeros(5), {"x": "categorical"}, ("a",), "y")
        assert len(np.unique(t.row_keys())) == 5

    def test_the_column_of_a_value_counts(self):
        X = pd.DataFrame({"x": [0.0, 1.0], "y": [1.0, 0.0]})
        t = Table("t", X, np.zeros(2), {"x": "numeric", "y": "numeric"}, ("a",), "z")
        assert len(np.unique(t.row_keys())) == 2

    def test_any_column_name_will_do(self):
        X = pd.DataFrame({"self": [1.0, 1.0, 2.0], "été 色": [0.0, -0.0, 0.0]})
        t = Table("t", X, np.zeros(3), {"self": "integer", "été 色": "integer"}, ("a",), "y")
        assert t.row_keys()[0] == t.row_keys()[1] != t.row_keys()[2]

    def test_without_features_all_rows_are_copies(self):
        assert len(np.unique(table().select([]).row_keys())) == 1

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([0.0, -0.0, 1.0, 0.1, float("nan")]),
                st.sampled_from(["a", "b", None]),
            ),
            min_size=1,
            max_size=12,
        )
    )
    def test_keys_are_equal_just_where_rows_are(self, rows: list[tuple[float, str | None]]):
        X = pd.DataFrame(
            {
                "x": [row[0] for row in rows],
                "c": pd.Categorical([row[1] for row in rows], categories=["b", "a"]),
            }
        )
        t = Table("t", X, np.zeros(len(X)), {"x": "numeric", "c": "categorical"}, ("k",), "y")
        keys = t.row_keys()
        plain = [("missing" if x != x else x + 0.0, level) for x, level in rows]
        for i, one in enumerate(plain):
            for j, two in enumerate(plain):
                assert (keys[i] == keys[j]) == (one == two)


def of_numbers(y: Any) -> Table:
    return Table("prices", pd.DataFrame({"size": [1.0, 2.0, 2.0]}), y, {"size": "integer"}, (), "y")


def test_a_numeric_target_is_of_floats_and_has_no_classes() -> None:
    table = of_numbers([1, 2.5, 4])
    assert (table.problem, table.n_classes, table.strata) == ("regression", 0, None)
    assert table.y.dtype == np.float64
    assert table.take([2, 0]).y.tolist() == [4.0, 1.0]
    assert table.concat(table.take([1])).y.tolist() == [1.0, 2.5, 4.0, 2.5]
    with pytest.raises(TableError, match="'prices' has a numeric target, and no classes to count"):
        table.class_counts()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_numeric_target_is_never_missing_or_infinite(bad: float) -> None:
    with pytest.raises(TableError, match="'y' is missing or infinite in 1 of 3 rows"):
        of_numbers([1.0, bad, 2.0])


def test_a_numeric_target_counts_in_the_fingerprint() -> None:
    first, zero, minus_zero = (of_numbers([1.0, 2.0, y]).fingerprint() for y in (3.0, 0.0, -0.0))
    assert first != zero == minus_zero
