"""One label is one class, however it is written; what only looks alike is said."""

from __future__ import annotations

import decimal

import numpy as np
import pandas as pd
import pytest

from bench.datasets.own import read as csvfile
from bench.datasets.own.labels import alike


@pytest.fixture
def read(tmp_path):
    """Labels beside a feature, written and read back: the classes, and the notes on them."""

    def read(labels, suffix: str = ".csv", **options):
        frame = pd.DataFrame({"b": np.arange(len(labels)) * 2.0 % 7, "y": labels})
        path = tmp_path / f"mine{suffix}"
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        table = csvfile.load(path, "y", **options)
        return table, [note for note in table.notes if "target" in note]

    return read


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
class TestOneClass:
    def test_numbers_of_one_value_are_one_class(self, read, suffix):
        table, notes = read(["1", "1.0", "1.00", "2"] * 15, suffix)
        assert table.classes == ("1", "2")
        assert np.bincount(table.y).tolist() == [45, 15]
        assert "labels '1', '1.0', '1.00' are one number, hence one class" in notes[0]

    def test_numbers_beside_words_and_codes_are_as_typed(self, read, suffix):
        assert read(["1", "1.0", "none"] * 20, suffix)[0].classes == ("1", "1.0", "none")
        assert read(["07", "7"] * 30, suffix)[0].classes == ("07", "7")
        assert read(["2.10", "2.20"] * 30, suffix)[0].classes == ("2.10", "2.20")

    @pytest.mark.parametrize(
        ("labels", "classes"),
        [
            (["0,5", "0,50", "1,5"], ("0,5", "1,5")),
            (["5%", "5.0 %", "10%"], ("10%", "5%")),
            (["−1", "-1", "1"], ("-1", "1")),
            (["1", "+1", "'1", "2"], ("1", "2")),
        ],
    )
    def test_numbers_are_one_class_in_any_writing(self, read, suffix, labels, classes):
        table, notes = read(labels * 15, suffix)
        assert table.classes == classes
        assert "are one number, hence one class" in notes[0]

    def test_what_may_be_one_number_is_said(self, read, suffix):
        table, notes = read(["1,000", "1000", "2000"] * 15, suffix)
        assert table.n_classes == 3
        assert "'1,000', '1000' may be one number" in notes[0]
        assert read(["1,000", "1000", "2000"] * 15, suffix, decimal=".")[0].n_classes == 2

    def test_composed_and_decomposed_letters(self, read, suffix):
        table, notes = read(["K\u00f6ln", "Ko\u0308ln", "Ulm", "Ulm"] * 15, suffix)
        assert (table.classes, notes) == (("Köln", "Ulm"), [])

    @pytest.mark.parametrize(
        "forms",
        [
            ["Yes", "yes", "no"],
            ["New  York", "New York", "Rome"],
            ["ok\u200b", "ok", "bad"],
            ["a\u00a0b", "a b", "c"],
            ["5–10", "5-10", "x"],
            ["<=50K.", "<=50K", ">50K"],
            ['"a"', "a", "c"],
            ["\u0410", "A", "B"],
            *([f"a{mark}b", "ab", "c"] for mark in "\u034f\u180e\u2062\u3164\ufe0f\x01\U000e0061"),
        ],
    )
    def test_labels_that_look_alike_are_noted_and_stay_apart(self, read, suffix, forms):
        table, notes = read(forms * 20, suffix)
        assert table.n_classes == 3
        assert "differ only in case, blanks or marks that look alike" in notes[0]

    def test_a_mark_among_numbers_is_noted(self, read, suffix):
        table, notes = read([*["0", "1"] * 25, *["-"] * 10], suffix)
        assert table.classes == ("0", "1", "-")
        assert "label '-' is a class of its own" in notes[0]
        assert "'-' is a class" in read([*["ill", "well"] * 25, *["-"] * 10], suffix)[1][0]
        assert read(["+", "-"] * 30, suffix)[1] == []
        assert read(["none", "mild", "severe"] * 20, suffix)[1] == []
        assert read([*["0", "1"] * 25, *["-"] * 10], suffix, missing="-")[0].classes == ("0", "1")


def test_labels_with_absurd_exponents_are_as_typed(read):
    assert read(["1e-" + "9" * 30, "1"] * 30)[0].classes == ("1e-" + "9" * 30, "1")


class TestParquet:
    def test_floats_of_32_bits_are_what_people_write(self, read):
        labels = np.array([0.1, 0.2] * 30, dtype=np.float32)
        assert read(labels, ".parquet")[0].classes == ("0.1", "0.2")
        assert read(labels.astype(np.float16), ".parquet")[0].classes == ("0.1", "0.2")

    def test_whole_numbers_beside_missing_ones_are_exact(self, read):
        labels = pd.array([2**53, 2**53 + 1, None] * 20, dtype="Int64")
        table, _ = read(labels, ".parquet")
        assert table.classes == ("9007199254740992", "9007199254740993")
        assert len(table) == 40

    def test_decimals(self, read):
        labels = [decimal.Decimal("1.50"), decimal.Decimal("2.00")] * 30
        assert read(labels, ".parquet")[0].classes == ("1.50", "2.00")

    def test_dictionaries_are_text_like_any_other(self, tmp_path):
        frame = pd.DataFrame(
            {
                "a": range(60),
                "c": pd.Categorical(["x", "x ", "?", "NA", "z", "z"] * 10),
                "y": pd.Categorical(["p", "q ", "?"] * 20),
            }
        )
        frame.to_parquet(tmp_path / "mine.parquet")
        table = csvfile.load(tmp_path / "mine.parquet", "y")
        assert (table.classes, len(table)) == (("p", "q"), 40)
        assert list(table.X["c"].cat.categories) == ["x", "z"]

    def test_numbers_that_are_declared_to_be_categories_are_levels(self, tmp_path):
        frame = pd.DataFrame({"c": pd.Categorical([3, 1, 2] * 20), "b": range(0, 120, 2)})
        frame.assign(y=["p", "q"] * 30).to_parquet(tmp_path / "mine.parquet")
        table = csvfile.load(tmp_path / "mine.parquet", "y")
        assert list(table.X["c"].cat.categories) == ["1", "2", "3"]

    def test_declared_categories_stay_so_and_it_is_said(self, tmp_path):
        ages = [*map(str, range(20, 79)), "-"]
        frame = pd.DataFrame({"age": pd.Categorical(ages), "y": ["p", "q"] * 30})
        frame.to_parquet(tmp_path / "mine.parquet")
        table = csvfile.load(tmp_path / "mine.parquet", "y")
        assert table.kinds == {"age": "categorical"}
        assert "the file declares it to be categories" in table.notes[0]


def test_levels_that_look_alike_are_noted(tmp_path):
    frame = pd.DataFrame({"c": ["Yes", "yes", "no"] * 20, "y": ["p", "q"] * 30})
    frame.to_csv(tmp_path / "mine.csv", index=False)
    table = csvfile.load(tmp_path / "mine.csv", "y")
    assert table.X["c"].nunique() == 3
    assert "column 'c': levels 'Yes', 'yes' differ only in case" in table.notes[0]


def test_what_looks_alike():
    assert alike(["Yes", "yes ", "Ｙes", "no"]) == [["Yes", "yes ", "Ｙes"]]
    assert alike(["+", "-", "a", "b"]) == []
