"""Later rows of a table are read exactly as the first ones were."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from bench.datasets import embedded
from bench.datasets.own.frame import Owned, owned
from bench.datasets.own.read import load, load_owned, read_rows
from bench.datasets.own.schema import Schema
from bench.errors import BadInput, TableError
from bench.table import Table

N = 24  # rows of a small table


def require_same(one: Table, other: Table) -> None:
    """Hold two tables' columns against each other, to the bit."""
    assert dict(one.kinds) == dict(other.kinds)
    assert one.classes == other.classes
    pd.testing.assert_frame_equal(one.X, other.X, check_exact=True)


def again(schema: Schema) -> Schema:
    """The schema as JSON, and back."""
    found = Schema.of_json(json.loads(json.dumps(schema.as_json())))
    assert found == schema
    return found


def written(column: list[object]) -> pd.DataFrame:
    """A frame with that column and a plain one beside it; a target of two classes."""
    rows = np.arange(len(column))
    return pd.DataFrame({"c": column, "b": rows % 5 * 1.5, "y": np.where(rows % 2, "no", "yes")})


@pytest.fixture
def fitted(tmp_path: Path):
    """A frame of text written as CSV and read, with its schema from JSON."""

    def fitted(frame: pd.DataFrame, **keys) -> tuple[Owned, Schema]:
        path = tmp_path / "train.csv"
        frame.to_csv(path, index=False)
        found = load_owned(path, "y", **keys)
        require_same(found.table, load(path, "y", **keys))
        return found, again(found.schema)

    return fitted


def later(frame: pd.DataFrame, folder: Path, schema: Schema, **keys):
    """The rows of a frame, from a CSV, under a schema."""
    path = folder / "new.csv"
    frame.to_csv(path, index=False)
    return read_rows(path, schema, **keys)


# The same rows ------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("name", ["hepatitis", "penguins", "servo"])
def test_an_embedded_table_is_the_same_later_from_a_file_and_a_frame(name: str, tmp_path: Path):
    table = embedded.load(name)
    y = np.array(table.classes)[table.y] if table.classes else table.y
    frame = table.X.assign(**{table.target: y})
    path = tmp_path / f"{name}.csv"
    frame.to_csv(path, index=False)
    found = load_owned(path, table.target, problem=table.problem)
    rows, raw, notes = read_rows(path, again(found.schema))
    require_same(rows, found.table)
    assert len(raw) == len(table)
    assert list(raw) == list(frame)
    assert notes == [f"{name}.csv: its target '{table.target}' has no part in what is told."]
    mine = owned(table.X, y, problem=table.problem)
    turned, _ = again(mine.schema).table(frame[frame.columns[::-1]])
    require_same(turned, mine.table)
    few, _ = mine.schema.table(table.X.iloc[:1])  # one row tells nothing of its column
    require_same(few, mine.table.take([0]))


WRITINGS = {
    "numbers": [f"{i * 0.37:.2f}" for i in range(N)],
    "comma": [f"{i},{i % 10}" for i in range(N)],
    "grouped": [f"1.{i:03d},5" for i in range(N)],
    "percent": [f"{i} %" for i in range(N)],
    "strays": ["-" if i == 3 else "x7" if i == 5 else f"{i}.5" for i in range(N)],
    "day first": [f"{i + 1:02d}/03/2024" for i in range(N)],
    "dates with strays": ["soon" if i == 4 else f"2024-02-{i + 1:02d}" for i in range(N)],
    "huge": [str(2**60 + i) for i in range(N)],
    "infinite": ["inf" if i == 2 else f"{i}.25" for i in range(N)],
    "codes": [f"00{i % 4}" for i in range(N)],
    "words": [["red", "blue", "", "NA"][i % 4] for i in range(N)],
    "booleans": [str(i % 3 == 0) for i in range(N)],
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_any_writing_is_read_as_at_the_fit_in_each_row_alone(writing, fitted, tmp_path: Path):
    frame = written(WRITINGS[writing])
    found, schema = fitted(frame)
    rows, _, _ = later(frame, tmp_path, schema)
    require_same(rows, found.table)
    for row in (2, 3, 4, 5):
        alone, _ = schema.table(frame.iloc[[row]])
        pd.testing.assert_frame_equal(alone.X, found.table.take([row]).X, check_exact=True)


NUMBERS = [
    "1",
    "2.5",
    "1,5",
    "1.234",
    "1.000,5",
    "12 %",
    "inf",
    "007",
    "1e3",
    "(4)",
    "€ 5",
    "1_000",
]
HUGE = ["1e400", "99999999999999999999", "99999999999999999998"]
DATES = ["03/04/2024", "25/04/2024", "2024-01-02", "Mar 3, 2021"]
WORDS = ["a", "?", "-", "", "None", "True", "x", "'5"]
cells = st.sampled_from([*NUMBERS, *HUGE, *DATES, *WORDS])


@pytest.mark.long
@settings(max_examples=20, deadline=None)
@given(st.lists(cells, min_size=1, max_size=3), st.lists(cells, min_size=20, max_size=30))
def test_whatever_a_fit_accepts_it_accepts_again(palette: list[str], column: list[str]):
    values = [palette[i % len(palette)] if i % 5 else cell for i, cell in enumerate(column)]
    frame = written(values)
    try:
        found = owned(frame[["c", "b"]], frame["y"])
    except TableError:
        return
    rows, _ = again(found.schema).table(frame[["b", "c"]])
    require_same(rows, found.table)


# What the fit found decides -----------------------------------------------------------------------


def test_what_is_ambiguous_alone_is_read_by_the_convention_of_the_fit(fitted):
    column = {
        "day": [f"{i + 1:02d}/03/2024" for i in range(N)],
        "comma": [f"{i},{i % 10}5" for i in range(N)],
        "whole": [str(i) for i in range(N)],  # by the mark of the others
    }
    _, schema = fitted(pd.DataFrame({**column, "y": ["a", "b"] * (N // 2)}), separator=",")
    rows, _ = schema.table(
        pd.DataFrame({"day": ["04/03/2024"], "comma": ["1,234"], "whole": "2,5"})
    )
    assert rows.X.iloc[0].tolist() == [19786.0, 1.234, 2.5]
    assert rows.kinds["whole"] == "numeric"  # a fraction among whole numbers is none the less one


def test_marks_of_the_user_are_missing_later_too_wherever_they_stand(fitted):
    frame = written(["-9" if i == 3 else str(i % 7) for i in range(N)])
    _, schema = fitted(frame, missing=["-9"])
    rows, notes = schema.table(pd.DataFrame({"c": ["1", "-9.0", "NA"], "b": [-9, 1, 2]}))
    assert rows.X["c"].isna().tolist() == [False, True, True]
    assert rows.X["b"].isna().tolist() == [True, False, False]
    assert not notes


def test_columns_without_use_are_not_needed_and_new_ones_are_told(fitted, tmp_path: Path):
    frame = written(["u", "v"] * (N // 2)).assign(same=1, empty="", id=range(N), who=range(N))
    frame.insert(0, "", range(N))  # a saved index
    _found, schema = fitted(frame, drop=["id"], groups="who")
    assert schema.features == ("c", "b", "same", "empty")
    assert list(schema.kinds) == ["c", "b"]
    _, raw, notes = later(frame.drop(columns="y"), tmp_path, schema)
    assert not notes
    assert raw["id"].tolist() == frame["id"].astype(str).tolist()
    _, _, notes = later(frame[["b", "c"]].assign(age=3, sex=1), tmp_path, schema)
    assert notes == ["new.csv: columns 'age' and 'sex' are new since the fit, and ignored."]


def test_what_does_not_fit_is_a_note_or_a_sentence(fitted):
    _, schema = fitted(written(["1", "2"] * (N // 2)), categorical="c")
    new = pd.DataFrame({"c": ["1", "2.0", "3", "4"], "b": ["1", "-", "inf", "2"]})
    rows, notes = schema.table(new)
    assert rows.X["c"].astype(object).fillna("").tolist() == ["1", "2", "", ""]
    assert notes == [
        "X, column 'c': '2.0' was read as the level '2'.",
        "X, column 'c': 2 rows with a level not seen before ('3', '4'), taken as missing.",
        "X, column 'b': 1 row with '-', taken as missing.",
        "X, column 'b': 1 row with an infinite value, taken as missing.",
    ]


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ({"b": [1]}, "X has no column 'c', which the fit had; there are 'b'."),
        ({"C": ["u"], "b": [1]}, "X has no column 'c' (did you mean 'C'?)"),
        ({"c": [], "b": []}, "X has no rows."),
        (
            {"c": ["u"] * 3, "b": ["1", "many", "few"]},
            "X, column 'b': row 2 holds 'many', which is no number (as does one other); the fit "
            "had numbers here; correct it, or leave it empty if it means a missing value.",
        ),
        ({"c": ["u"], "b": ["1,5,6"]}, "'1,5,6', which is no number with '.' as its decimal mark;"),
        ({"c": ["u"], "b": [pd.Timestamp("2024-01-01")]}, "which is no number"),
        ({"c": [["u"]], "b": [1]}, "X, column 'c': holds values of type list"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(new, told: str, fitted):
    _, schema = fitted(written(["u", "v"] * (N // 2)))
    with pytest.raises(TableError) as error:
        schema.table(pd.DataFrame(new))
    assert told in str(error.value)


def test_open_conventions_are_asked_for_when_it_matters():
    frame = pd.DataFrame({"n": [str(i) for i in range(N)], "d": "2024-01-02"})
    frame.loc[::2, "d"] = "2024-05-06"
    schema = owned(frame, ["a", "b"] * (N // 2)).schema
    rows, _ = schema.table(pd.DataFrame({"n": ["2,5"], "d": ["13/02/2024"]}))  # proves itself
    assert rows.X.iloc[0].tolist() == [2.5, 19766.0]
    for n, d, told in [
        ("1,500", "", "'1,500', which can be read in two ways"),
        ("1", "3/4/2024", "day and"),
        ("1", "45000", "'45000', which is no date;"),
    ]:
        with pytest.raises(TableError, match=told):
            schema.table(pd.DataFrame({"n": [n], "d": [d]}))


def test_another_separator_is_asked_for_and_can_be_given(fitted, tmp_path: Path):
    frame = written(["u", "v"] * (N // 2))
    found, schema = fitted(frame)
    path = tmp_path / "new.csv"
    frame.to_csv(path, index=False, sep=";")
    with pytest.raises(TableError, match="cut by ','; another mark is named by separator"):
        read_rows(path, schema)
    require_same(read_rows(path, schema, separator=";")[0], found.table)
    path.write_text("c,b\n")
    with pytest.raises(TableError, match="has a header, but no rows"):
        read_rows(path, schema)


@pytest.mark.parametrize(
    ("levels", "later", "told"),
    [
        (["1", "0"], ["1.0", 0.0, "01", "0e0", "word"], ["1", "0", None, "0", None]),
        (["TRUE", "FALSE"], [True, "false", "yes", 1], ["TRUE", "FALSE", None, None]),
        (["1", "1.0", "2"], ["1.0", "1.00", "2", None], ["1.0", None, "2", None]),
    ],
)
def test_a_level_in_another_writing_is_that_level_if_it_is_one(levels, later, told):
    column = [levels[row % len(levels)] for row in range(N)]
    schema = owned(written(column)[["c"]], ["a", "b"] * (N // 2), categorical="c").schema
    rows, _ = schema.table(pd.DataFrame({"c": pd.Series(later, dtype=object)}))
    assert rows.X["c"].astype(object).where(rows.X["c"].notna(), None).tolist() == told


def test_columns_without_any_value_are_missing_whatever_their_type():
    frame = written(["u", "v"] * (N // 2)).assign(d=pd.date_range("2024", periods=N))
    schema = owned(frame[["b", "c", "d"]], frame["y"]).schema
    for nothing in (None, np.nan, pd.NaT, "", "NA"):
        rows, notes = schema.table(pd.DataFrame({name: [nothing] * 2 for name in "bcd"}))
        assert rows.X.isna().all(axis=None)
        assert not notes


# As JSON ------------------------------------------------------------------------------------------


NESTED: list = []
for _ in range(5_000):  # deeper than any reader goes
    NESTED = [NESTED]


def damaged(change) -> dict:
    frame = written([f"{i},5" for i in range(N)]).assign(w=["u", "v"] * (N // 2))
    found = copy.deepcopy(owned(frame[["c", "w"]], frame["y"]).schema.as_json())
    change(found)
    return found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s.pop("columns"), "columns: Field required"),
        (lambda s: s.update(_target_="os.system"), "_target_: Unexpected keyword argument"),
        (lambda s: s.update(classes=["yes"]), "classification, and its classes are 'yes'"),
        (lambda s: s.update(classes=["yes", "yes", "no"]), "a class stands in it twice"),
        (lambda s: s.update(features=["w", "c"]), "or in another order"),
        (lambda s: s.update(features=[1]), "features.0: Input should be a valid string"),
        (lambda s: s["columns"]["w"].update(levels=[]), "column 'w' holds categories of 0 levels"),
        (lambda s: s["columns"]["w"].update(kind="numeric"), "'w' is numeric and holds categories"),
        (lambda s: s["columns"]["c"].update(decimal="!"), "column 'c' has marks '!' and 'None'"),
        (lambda s: s["columns"]["c"].update(smallest="1e999999999"), "counted from '1e999999999'"),
        (lambda s: s["columns"]["c"].update(run="x"), "columns.c.run: Unexpected"),
        (lambda s: s.update(problem="magic"), "problem: Input should be"),
    ],
)
def test_a_damaged_schema_is_one_sentence(change, told: str):
    with pytest.raises(BadInput) as error:
        Schema.of_json(damaged(change))
    assert str(error.value).startswith("The schema is damaged: ")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("found", [None, [], "x", 3, {"name": float("nan")}, {1: {2}}, NESTED])
def test_what_is_no_schema_is_one_sentence(found):
    with pytest.raises(BadInput, match="The schema is damaged"):
        Schema.of_json(found)


def test_a_frame_is_the_same_as_its_files_later(tmp_path: Path):
    frame = written(["u", None, "v"] * (N // 3)).assign(
        t=pd.date_range("2024", periods=N, tz="CET")
    )
    found = owned(frame.drop(columns="y"), frame["y"])
    text = pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype=str, keep_default_na=False)
    require_same(found.schema.table(text)[0], found.table)
    path = tmp_path / "new.parquet"
    frame.to_parquet(path)
    rows, raw, _ = read_rows(path, found.schema)
    require_same(rows, found.table)
    assert list(raw) == list(frame)
