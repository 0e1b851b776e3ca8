"""A target is classes or a quantity, as its values say or the user; a quantity has no hole."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

from bench.datasets.own import read as own
from bench.errors import TableError

N = 60
PRICES = [round(1000 + 137.25 * i, 2) for i in range(N)]
WHOLE = [1_750_000 * i - 3500 for i in range(N)]


@pytest.fixture
def load(tmp_path):
    """Write a target beside a feature, and read it back."""

    def load(target, suffix: str = ".csv", sep: str = ",", /, frame=None, **options):
        columns = {"b": np.arange(len(target)) ** 2 % 7 * 2.5} if frame is None else frame
        written = pd.DataFrame({**columns, "price": target})
        path = tmp_path / f"mine{suffix}"
        if suffix == ".csv":
            written.to_csv(path, index=False, sep=sep)
        else:
            written.to_parquet(path)
        return own.load(path, "price", **options)

    return load


@pytest.fixture
def refused(load):
    """The one sentence with which a target is refused."""

    def refused(*args, **options) -> str:
        with pytest.raises(TableError) as caught:
            load(*args, **options)
        sentence = str(caught.value)
        assert "\n" not in sentence
        return sentence.removeprefix("Dataset 'mine', target 'price': ")

    return refused


class TestDecided:
    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_numbers_are_a_quantity_and_it_is_said(self, load, suffix):
        table = load(PRICES, suffix)
        assert (table.problem, table.classes, table.y.tolist()) == ("regression", (), PRICES)
        assert table.notes == (
            "Dataset 'mine', target 'price': its 60 distinct numbers are a quantity: regression.",
        )

    @pytest.mark.parametrize(
        ("values", "classes"),
        [
            ([1, 2, 3], ("1", "2", "3")),
            ([1.0, 2.0, 3.0], ("1.0", "2.0", "3.0")),
            (list(range(10)), tuple(map(str, range(10)))),
            ([0.1, 0.2], ("0.1", "0.2")),
            (["1,5", "2,5"], ("1,5", "2,5")),
            (["1%", "2%", "3%"], ("1%", "2%", "3%")),
        ],
    )
    def test_few_whole_numbers_and_two_of_any_kind_are_classes(self, load, values, classes):
        table = load(values * N)
        assert table.classes == classes
        assert table.notes[0] == (
            f"Dataset 'mine', target 'price': its {len(values)} numbers are classes; with "
            "problem=regression they are a quantity."
        )

    @pytest.mark.parametrize(
        ("values", "n"), [(list(range(11)), 11), ([0, 0.5, 1], 3), ([1e99, 2.5, 3], 3)]
    )
    def test_more_of_them_or_fractions_are_a_quantity(self, load, values, n):
        table = load(values * N)
        assert table.y.tolist() == values * N
        also = "; with problem=classification they are classes" if n <= 10 else ""
        assert f"its {n} distinct numbers are a quantity: regression{also}." in table.notes[0]

    @pytest.mark.parametrize(
        "values",
        [
            ["low", "mid", "high"],
            [True, False],
            ["007", "011", "3"],
            [1.5, 2.5, "unknown"],
            [datetime.date(2024, 5, day) for day in (1, 2, 3)],
        ],
    )
    def test_all_else_is_classes_unsaid(self, load, values):
        table = load(values * 20)
        assert table.n_classes == len(values)
        assert not any("quantity" in note for note in table.notes)

    def test_the_user_decides(self, load):
        assert load([1, 2, 3] * 20, problem="regression").y.tolist() == [1, 2, 3] * 20
        assert load([0, 0.5, 1] * 20, problem="classification").classes == ("0.0", "0.5", "1.0")
        assert load([0, 0.5, 1] * 20, categorical="price").classes == ("0.0", "0.5", "1.0")
        assert load(list(range(20)) * 3, max_classes=20).n_classes == 20
        assert load(list(range(5)) * 12, max_classes=4).problem == "regression"
        for problem in ("regression", "classification"):
            notes = load([1, 2, 3] * 20, problem=problem).notes
            assert not any("quantity" in note for note in notes)

    def test_what_a_file_declares_to_be_categories_is_classes(self, load):
        grades = pd.Categorical([1.5, 2.5, 3.0] * 20)
        assert load(grades, ".parquet").n_classes == 3
        assert load(grades, ".parquet", problem="regression").y[:3].tolist() == [1.5, 2.5, 3.0]


def written(form: str, group: str = "", mark: str = ".") -> list[str]:
    """Prices in another writing."""
    return [form.format(f"{p:,.2f}".translate({44: group, 46: mark})) for p in PRICES]


class TestReadLikeAColumn:
    @pytest.mark.parametrize(
        ("values", "sep"),
        [
            (written("{}"), ","),
            (written("{}", mark=","), ";"),
            (written("{}", ".", ","), ";"),
            (written("${}", ","), ","),
            (written("{} €", "\u202f", ","), ";"),
            (written("CHF {}", "'"), ","),
            (written("{} %"), ","),
            (written("({})", ","), ","),
            (written("−{}"), ","),
            (["1e3", "2E+03", *written("{}")[2:]], ","),
            ([f"{n:,}" for n in WHOLE], ";"),
        ],
    )
    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_a_quantity_is_the_numbers_that_a_feature_would_be(self, load, suffix, values, sep):
        other = {"a": values, "b": range(0, 7 * N, 7)}
        as_feature = load(["p", "q"] * (N // 2), suffix, sep, frame=other)
        as_target = load(values, suffix, sep)
        np.testing.assert_array_equal(as_target.y, as_feature.X["a"])
        told = [note for note in as_feature.notes if "column 'a'" in note]
        said = [note.partition(": ")[2].replace("[a]", "[price]") for note in told]
        assert [n.partition(": ")[2] for n in as_target.notes][1:] == said

    @pytest.mark.parametrize(
        "values",
        [
            pd.array([*range(N - 2), 2**53 - 1, -5], dtype="Int64"),
            [decimal.Decimal(i) / 4 for i in range(N)],
            np.arange(N, dtype=np.float32) / 10,
            np.arange(N, dtype=np.uint8),
        ],
    )
    def test_the_types_of_parquet(self, load, values):
        table = load(values, ".parquet")
        assert table.y.tolist() == [float(v) for v in values]

    def test_whole_numbers_that_floats_merge_are_told_apart(self, load):
        table = load(pd.array([2**53 + i for i in range(N)], dtype="Int64"), ".parquet")
        assert table.y.tolist() == list(range(N))
        assert any("distance from the smallest" in note for note in table.notes)

    def test_the_decimal_mark_is_that_of_other_columns(self, load, refused):
        thousands = [f"{n}.{n + 100}" for n in range(100, 100 + N)]
        assert load(thousands).y[0] == 100.2
        others = {"a": written("{}", mark=",")}
        assert load(thousands, ".csv", ";", frame=others).y[0] == 100200
        unsure = [f"{n},{n + 100}" for n in range(100, 100 + N)]
        assert refused(unsure, ".csv", ";", frame={"a": range(N)}) == (
            "holds numbers that can be read in two ways, such as '159,259'; say which mark is the "
            "decimal one, dataset.decimal=',' or dataset.decimal='.'."
        )
        assert load(unsure, ".csv", ";", decimal=".").y[0] == 100200

    @pytest.mark.parametrize("mark", ["", "NA", "?", "-1", "call us"])
    def test_rows_without_a_value_are_left_out_as_those_without_a_class(self, load, mark):
        missing = mark if mark in ("-1", "call us") else ()
        table = load([mark, *PRICES[1:]], missing=missing)
        assert table.y.tolist() == PRICES[1:]
        assert "1 row without a value of 'price' left out." in table.notes[0]


class TestRefused:
    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_text_in_some_rows(self, refused, suffix):
        values = [str(p) for p in PRICES]
        assert refused([*values[:6], "call us", *values[7:]], suffix) == (
            "row 7 holds 'call us', which is no finite number; if that means a missing value, "
            "'dataset.missing=[call us]' leaves it out."
        )
        many = [*values[:6], "-", "n.a.", "-", *values[9:40], *["sold"] * 20]
        assert refused(many, suffix).startswith(
            "row 7 holds '-', which is no finite number (as do 22 others); if that means"
        )

    def test_the_row_is_the_file_s_though_rows_were_left_out(self, refused):
        values = ["", "", *map(str, PRICES[2:]), "-"]
        assert refused(values).startswith("row 61 holds '-'")

    @pytest.mark.parametrize(
        ("values", "suffix"),
        [
            ([*PRICES, np.inf], ".parquet"),
            ([*PRICES, -np.inf], ".csv"),
            ([*map(str, PRICES), "1e999"], ".csv"),
        ],
    )
    def test_infinite_values(self, refused, values, suffix):
        assert refused(values, suffix).startswith("row 61 holds '")
        assert "is no finite number; correct such rows" in refused(values, suffix)

    @pytest.mark.parametrize("problem", [None, "regression"])
    def test_dates(self, refused, problem):
        days = [datetime.date(2024, 1, 1) + datetime.timedelta(i) for i in range(N)]
        for suffix in (".csv", ".parquet"):
            assert refused(days, suffix, problem=problem) == (
                "holds dates such as '2024-01-01', which are no quantity; write them as numbers, "
                "such as days since the first."
            )
        assert "dates such as '2024-01-01', which" in refused(["no", *map(str, days)])

    @pytest.mark.parametrize("values", [["no", "yes"], [True, False]])
    def test_words_where_regression_is_asked_for(self, refused, values):
        assert refused(values * 30, problem="regression") == (
            f"row 1 holds '{values[0]}', which is no finite number (as do 59 others); without "
            "problem=regression its values are classes."
        )

    def test_codes_where_regression_is_asked_for(self, refused):
        codes = [f"{n:03d}" for n in range(N)]
        assert refused(codes, problem="regression") == (
            "holds numbers with zeros in front, such as '000', as codes have, hence no quantity."
        )
        assert "It holds numbers with zeros in front" in refused(codes)

    def test_several_units(self, refused):
        assert "holds several units" in refused([*written("{} €")[:30], *written("${}")[30:]])

    def test_classification_of_many_numbers(self, refused):
        assert refused(list(range(N)), problem="classification") == (
            "Dataset 'mine': target 'price' has 60 classes; at most 10 are possible. If it is a "
            "quantity, say problem=regression, or cut it into classes first."
        )
        assert refused([f"{n} kg" for n in range(N)]).endswith(
            "It seems to hold numbers with 'kg' behind, such as '0 kg'; write it as numbers if it "
            "is a quantity."
        )

    @pytest.mark.parametrize("values", [[2.5] * N, [7] * N, [7]])
    def test_constant_targets_and_a_single_row(self, refused, values):
        for problem in (None, "regression"):
            sentence = refused(values, frame={"a": range(len(values))}, problem=problem)
            assert sentence == f"has only one value, '{values[0]}'; at least two are needed."

    def test_numbers_whose_squares_no_float_holds(self, refused):
        sizes = [p * 1e300 for p in PRICES]
        assert refused(sizes) == "holds numbers as large as 9.09775e+303; write it in another unit."
        assert "holds numbers within 8.09775e-197 of each" in refused([p * 1e-200 for p in PRICES])

    def test_a_problem_that_there_is_not(self, load):
        with pytest.raises(ValueError, match="expected 'classification' or 'regression'"):
            load(PRICES, problem="ranking")


class TestNoted:
    def test_a_feature_that_is_the_target(self, load):
        feature = np.sin(np.arange(N) ** 2)
        y = np.array(PRICES) * (1 + 0.1 * feature)
        columns = {"dollars": np.round(1.1 * y + 3, 4), "x": feature, "close": y + feature}
        (note,) = [n for n in load(y, frame=columns).notes if "itself" in n]
        assert note == (
            "Dataset 'mine': column 'dollars' is 'price' itself, in its unit or another; leave "
            "out what follows from the target with 'dataset.drop=[dollars]'."
        )

    def test_a_target_that_numbers_the_rows(self, load):
        rows = np.random.default_rng(0).permutation(N)
        said = "has a value of its own in each row, as an identifier does."
        assert load(rows).notes[-1].endswith(said)
        assert not any(said in note for note in load(PRICES).notes)

    def test_repeated_rows_are_counted_by_their_number_too(self, load):
        frame = {"a": [1, 1, 1, *range(2, N - 1)]}
        notes = load([5.5, 5.5, 6.5, *PRICES[3:]], frame=frame).notes
        assert "1 row repeats an earlier row" in notes[-1]
