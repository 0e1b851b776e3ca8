"""A table from Python: whatever pandas and numpy keep columns and labels in, or one sentence."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from bench.datasets.own.frame import owned
from bench.errors import TableError

N = 24
ROWS = np.arange(N)
HOLES = ROWS % 5 == 0
REAL = np.random.default_rng(0).normal(size=N)
CODES = ROWS % 2
WORDS = np.array(["no", "yes"])[CODES]
DAYS = pd.Series(pd.date_range("2024-01-01", periods=N))
HERE = DAYS.dt.tz_localize("Asia/Kolkata")


def beside(column: pd.Series) -> pd.DataFrame:
    """A frame with the column and a plain one, under an index that counts for nothing."""
    return pd.DataFrame({"c": column, "real": REAL}).set_axis(ROWS[::-1] * 7)


COLUMNS = {
    "Int64": (pd.Series(ROWS % 7, dtype="Int64").mask(HOLES), "integer"),
    "uint8": (pd.Series(ROWS % 7, dtype="uint8"), "integer"),
    "float32": (pd.Series(REAL.astype(np.float32)), "numeric"),
    "boolean": (pd.Series(CODES == 1, dtype="boolean").mask(HOLES), "categorical"),
    "string": (pd.Series(WORDS, dtype="string").mask(HOLES), "categorical"),
    "strings of numbers": (pd.Series(REAL.round(2).astype(str), dtype="string"), "numeric"),
    "arrow integers": (pd.Series(ROWS % 7, dtype="int64[pyarrow]").mask(HOLES), "integer"),
    "arrow text": (pd.Series(WORDS, dtype=pd.ArrowDtype(pa.string())), "categorical"),
    "arrow moments": (HERE.astype("timestamp[us, Asia/Kolkata][pyarrow]"), "numeric"),
    "arrow days": (DAYS.dt.date.astype(pd.ArrowDtype(pa.date32())), "integer"),
    "arrow dictionary": (
        pd.Series(WORDS).astype(pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
        "categorical",
    ),
    "moments of a zone": (HERE, "numeric"),
    "days with holes": (DAYS.mask(HOLES), "integer"),
    "days before 1677": (pd.Series([datetime.date(1500, 1, 1 + i) for i in ROWS]), "integer"),
    "decimals": (pd.Series([decimal.Decimal(f"{i}.5") for i in ROWS]), "numeric"),
    "objects": (pd.Series([None if i % 5 == 0 else np.int64(i % 4) for i in ROWS]), "integer"),
    "objects of both": (pd.Series(["a", 1, 2.5, True] * 6, dtype=object), "categorical"),
    "categories of numbers": (pd.Series(ROWS % 3).astype("category"), "categorical"),
    "categories with holes": (pd.Series([1.0, np.nan, 2.0] * 8).astype("category"), "categorical"),
    "categories of intervals": (pd.cut(pd.Series(REAL), 3), "categorical"),
    "sparse": (pd.Series(pd.arrays.SparseArray(ROWS % 3 * 1.0)), "integer"),
    "infinities": (pd.Series(np.where(HOLES, np.inf, REAL)), "numeric"),
    "beyond 2^53": (pd.Series([2**60 + i for i in range(N)]), "integer"),
}


@pytest.mark.parametrize("kept_as", COLUMNS)
def test_a_column_is_read_whatever_pandas_keeps_it_in(kept_as: str):
    column, kind = COLUMNS[kept_as]
    frame = beside(column)
    before = frame.copy(deep=True)
    found = owned(frame, WORDS)
    pd.testing.assert_frame_equal(frame, before)
    assert found.table.kinds["c"] == kind
    missing = [pd.isna(value) or value == np.inf for value in column.astype(object)]
    assert found.table.X["c"].isna().tolist() == missing
    rows, _ = found.schema.table(frame.iloc[::-1])
    pd.testing.assert_frame_equal(
        rows.X, found.table.take(ROWS[::-1]).X, check_exact=True
    )  # to the bit, whatever the rows' order


LABELS = {
    "numbers": (CODES, [0, 1]),
    "whole floats": (CODES * 1.0, [0.0, 1.0]),
    "text": (WORDS, ["no", "yes"]),
    "objects": (WORDS.astype(object), ["no", "yes"]),
    "booleans": (CODES == 1, [False, True]),
    "a list": (WORDS.tolist(), ["no", "yes"]),
    "a series": (pd.Series(CODES, index=ROWS[::-1] + 9, name="who"), [0, 1]),
    "categories": (pd.Series(WORDS, dtype="category"), ["no", "yes"]),
    "categories of numbers": (pd.Categorical(CODES + 3), [3, 4]),
    "nullable": (pd.Series(CODES, dtype="Int64"), [0, 1]),
    "tens": (np.where(CODES == 1, "9", "10"), ["10", "9"]),  # as numpy sorts text
}


@pytest.mark.parametrize("kept_as", LABELS)
def test_labels_are_what_was_given_in_the_order_of_numpy(kept_as: str):
    y, labels = LABELS[kept_as]
    found = owned(REAL[:, None] * [1, 2], y, problem="classification")
    assert found.labels is not None
    assert found.labels.tolist() == labels
    assert found.labels[found.table.y].tolist() == np.asarray(y).tolist()
    assert found.table.classes == tuple(str(label).removesuffix(".0") for label in labels)
    assert list(found.table.X) == ["x0", "x1"]


def test_rows_without_a_label_are_left_out_and_said_to_be():
    y = [None if i == 3 else word for i, word in enumerate(WORDS)]
    found = owned(REAL[:, None], y, groups=ROWS // 2)
    assert len(found.table) == N - 1
    assert found.table.groups is not None
    assert found.table.groups[2:5].tolist() == [1, 2, 2]
    assert "Dataset 'table': 1 row without a value of y left out." in found.table.notes


def test_what_is_not_named_is_told_as_in_a_file():
    assert owned(REAL[:, None], REAL * 2 + 1).table.problem == "regression"
    assert owned(REAL[:, None], CODES, problem="regression").table.y.dtype == np.float64
    days = owned(REAL[:, None], WORDS, times=DAYS).table.times
    assert days is not None
    assert days[:2].tolist() == [19723.0, 19724.0]


TEXT = [f"note {value}" for value in REAL]


@pytest.mark.parametrize(
    ("X", "y", "told"),
    [
        (sparse.csr_matrix(REAL[:, None]), CODES, "X is sparse; give X.toarray()."),
        (REAL, CODES, "X has 1 dimension; expected rows and columns."),
        (REAL[:0, None], CODES[:0], "X has no rows."),
        (REAL[:, None], CODES[1:], "y has 23 values, X has 24 rows."),
        (REAL[:, None], np.c_[CODES, CODES], "y has 2 dimensions; expected a value a row."),
        (REAL[:, None], CODES * 0, "y has only one class, '0'; classification needs at least two."),
        (REAL[:, None], ROWS, "y has 24 classes; at most 10 are possible; if it is a quantity, a "),
        (REAL[:, None], [None] * N, "Dataset 'table': y has no value."),
        (
            REAL[:, None],
            pd.Series([1, "a"] * 12),
            "no order (int, str); make them text with y.astype",
        ),
        (np.ones((N, 2)), CODES, "no feature column with two or more values is left."),
        (beside(pd.Series([[i] for i in ROWS])), CODES, "'c': holds values of type list"),
        (
            pd.DataFrame(np.c_[REAL, REAL], columns=["a", "a "]),
            CODES,
            "'a' stands in X twice; rename",
        ),
        (beside(pd.Series(TEXT)), CODES, "leave it out with X.drop(columns=['c'])."),
        (pd.DataFrame({3: TEXT, 4: REAL}), CODES, "leave it out with X.drop(columns=[3])."),
        (np.c_[REAL.astype(object), TEXT], CODES, "leave it out with np.delete(X, [1], axis=1)."),
        (
            beside(pd.Series([f"{i},{100 + i}" for i in range(1, N + 1)])),
            CODES,
            "say which mark is the decimal one, "
            "X['c'].str.replace('.', '').str.replace(',', '.').astype(float) or "
            "X['c'].str.replace(',', '').astype(float), or leave",
        ),
        (
            beside(pd.Series([f"0{1 + i % 9}/0{1 + i % 7}/2024" for i in ROWS])),
            CODES,
            "comes first, pd.to_datetime(X['c'], dayfirst=True) or dayfirst=False, or leave it out",
        ),
        (
            beside(pd.Series([f"v{i % 3}" if i < 4 else str(i) for i in ROWS])),
            CODES,
            "name what means a missing value with X.replace(['v0', 'v1', 'v2'], float('nan')), or, "
            "if these are categories, categorical=['c'], or leave it out with X.drop",
        ),
    ],
)
def test_what_cannot_be_used_is_one_sentence_in_the_words_of_python(X, y, told: str):
    with pytest.raises(TableError) as error:
        owned(X, y, problem="classification")
    assert told in str(error.value)
    assert "dataset." not in str(error.value)


def test_remedies_of_a_numeric_target_are_of_y():
    y = [*REAL[:-1].round(2).astype(str), "?!x"]
    with pytest.raises(TableError, match=r"y\.replace\(\['\?!x'\], float\('nan'\)\) leaves it out"):
        owned(REAL[:, None] ** 2, y, problem="regression")


def test_remedies_of_times_are_of_times():
    days = pd.Series([f"0{1 + i % 9}/0{1 + i % 7}/2024" for i in ROWS])
    with pytest.raises(TableError, match=r"pd\.to_datetime\(times, dayfirst=True\)"):
        owned(REAL[:, None], CODES, times=days)


def test_no_note_names_a_key_of_the_command_line():
    frame = beside(pd.Series(ROWS)).assign(
        code=[f"{i % 3}.{i % 2}0" if i % 2 else f"{i % 3}.9" for i in ROWS],
        patient_id=np.r_[ROWS[:-1], 0] + 5,
        sign=["-" if i % 6 == 0 else WORDS[i] for i in ROWS],
        dots=[f"{1 + i % 9}.{100 + i}" for i in ROWS],
    )
    notes = owned(frame, REAL * 3, problem="regression").table.notes
    assert not [note for note in notes if "dataset." in note]
    assert [note for note in notes if "X.drop(columns=['c'])" in note]
    assert [note for note in notes if "name it in groups" in note]
    assert [note for note in notes if "X.replace(['-'], float('nan'))" in note]
    assert [
        note for note in notes if "is 'y' itself" in note and "X.drop(columns=['real'])" in note
    ]
