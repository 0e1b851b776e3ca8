"""A file of one's own becomes the table it should be, or is refused in one clear sentence."""

from __future__ import annotations

import datetime
import decimal
import inspect
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.datasets import embedded
from bench.datasets.own import read as csvfile
from bench.errors import BadInput, TableError
from bench.table import Table

N = 30
LABELS = ["sick", "well"] * (N // 2)


@pytest.fixture
def write(tmp_path):
    """Write columns beside a target 'y' as CSV or parquet, and give the path."""

    def write(suffix: str = ".csv", /, **columns) -> Path:
        frame = pd.DataFrame({"a": np.arange(N) * 1.5, **columns, "y": LABELS})
        path = tmp_path / f"mine{suffix}"
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        return path

    return write


@pytest.fixture
def text(tmp_path):
    """Write text or bytes, and give the path."""

    def text(content: str | bytes, name: str = "mine.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return text


def refused(path: Path, target: str = "y", **options) -> str:
    """The sentence with which the file is refused."""
    with pytest.raises(TableError) as caught:
        csvfile.load(path, target, **options)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    sentence = str(caught.value)
    assert sentence.startswith("Dataset 'mine'")
    assert "\n" not in sentence
    return sentence


class TestKinds:
    def test_numbers_text_and_booleans(self, write):
        table = csvfile.load(
            write(
                whole=[1, 2, 3] * 10,
                half=[0.5, 1, 2] * 10,
                colour=["red", "green", "blue"] * 10,
                flag=[True, False] * 15,
            ),
            "y",
        )
        assert table.kinds == {
            "a": "numeric",
            "whole": "integer",
            "half": "numeric",
            "colour": "categorical",
            "flag": "categorical",
        }
        assert list(table.X["colour"].cat.categories) == ["blue", "green", "red"]
        assert list(table.X["flag"].cat.categories) == ["False", "True"]
        assert table.classes == ("sick", "well")
        assert table.y.tolist() == [0, 1] * 15
        assert (table.name, table.target, table.notes) == ("mine", "y", ())

    def test_parquet_and_csv_give_the_same_table(self, write):
        columns = {
            "whole": [1, 2, 3] * 10,
            "gaps": [0.5, None, 2] * 10,
            "colour": ["red", None, "blue"] * 10,
            "flag": [True, False] * 15,
        }
        tables = [csvfile.load(write(suffix, **columns), "y") for suffix in (".csv", ".parquet")]
        assert tables[0].fingerprint() == tables[1].fingerprint()

    def test_named_columns_are_categorical_whatever_they_hold(self, write):
        path = write(code=[10, 9, 1] * 10, few=[1.0, 2.5, np.nan] * 10)
        table = csvfile.load(path, "y", categorical=["code", "few"])
        assert list(table.X["code"].cat.categories) == ["1", "9", "10"]
        assert list(table.X["few"].cat.categories) == ["1.0", "2.5"]
        assert table.X["few"].isna().sum() == 10

    def test_naming_an_identifier_as_categorical_is_the_users_choice(self, write):
        path = write(who=[f"person {i}" for i in range(N)])
        assert csvfile.load(path, "y", categorical=["who"]).kinds["who"] == "categorical"

    def test_numbers_with_leading_zeros_are_codes(self, write):
        table = csvfile.load(write(zip=["007", "010", "123"] * 10), "y")
        assert table.kinds["zip"] == "categorical"
        assert "007" in table.X["zip"].cat.categories

    def test_dates_become_days(self, write):
        days = [datetime.date(1970, 1, 2) + datetime.timedelta(days=i) for i in range(N)]
        moments = pd.date_range("2020-01-01 12:00", periods=N, freq="h")
        for suffix in (".csv", ".parquet"):
            table = csvfile.load(write(suffix, day=days, moment=moments), "y")
            assert table.X["day"].tolist() == list(range(1, N + 1))
            assert table.X["moment"][0] == 18262.5
            assert any(
                "column 'day': dates were turned into days since 1970-01-01" in n
                for n in table.notes
            )

    def test_other_types_of_parquet(self, write):
        table = csvfile.load(
            write(
                ".parquet",
                money=[decimal.Decimal("1.50"), decimal.Decimal("2"), None] * 10,
                maybe=pd.array([1, None, 3] * 10, dtype="Int64"),
                sure=pd.array([True, None, False] * 10, dtype="boolean"),
                levels=pd.Categorical(["x", "z", "x"] * 10, categories=["z", "y", "x"]),
                small=np.array([1, 2, 3] * 10, dtype=np.float16),
            ),
            "y",
        )
        assert list(table.kinds.values())[1:] == [
            "numeric",
            "integer",
            "categorical",
            "categorical",
            "integer",
        ]
        assert list(table.X["levels"].cat.categories) == ["x", "z"]
        assert list(table.X["sure"].cat.categories) == ["False", "True"]


class TestHandled:
    def test_missing_values_are_missing(self, write):
        table = csvfile.load(
            write(
                n=["1", "?", "NA", "2", "null"] * 6,
                c=["red", "", "nan"] * 9 + ["None", "red", "blue"],
            ),
            "y",
        )
        assert table.X["n"].isna().sum() == 18
        assert table.X["c"].isna().sum() == 18
        assert "None" in table.X["c"].cat.categories

    def test_infinite_values_are_taken_as_missing_and_noted(self, write):
        for suffix in (".csv", ".parquet"):
            path = write(suffix, big=[np.inf, -np.inf, 1.5, 2, 3] * 6)
            table = csvfile.load(path, "y")
            assert table.X["big"].isna().sum() == 12
            assert table.notes == (
                "Dataset 'mine', column 'big': 12 rows with an infinite value, taken as missing.",
            )

    def test_constant_and_empty_columns_are_kept_out_and_noted(self, write):
        path = write(one=[7] * N, none=[None] * N, nearly=["x"] * 29 + [None], two=["p", "q"] * 15)
        table = csvfile.load(path, "y")
        assert list(table.kinds) == ["a", "two"]
        assert table.notes == (
            "Dataset 'mine', column 'one': has only one value; it was kept out.",
            "Dataset 'mine', column 'none': holds no value; it was kept out.",
            "Dataset 'mine', column 'nearly': has only one value; it was kept out.",
        )

    def test_rows_without_a_target_are_left_out_and_noted(self, tmp_path):
        frame = pd.DataFrame({"a": range(0, 60, 2), "y": [None, "p", "q"] * 10})
        for name, save in (("mine.csv", frame.to_csv), ("mine.parquet", frame.to_parquet)):
            save(tmp_path / name, index=False)
            table = csvfile.load(tmp_path / name, "y")
            assert len(table) == 20
            assert table.notes == ("Dataset 'mine': 10 rows without a value of 'y' left out.",)

    def test_repeated_rows_are_kept_and_noted(self, text):
        path = text("a,b,y\n" + "1,2,p\n2,3,q\n" * 5 + "1,2,q\n")
        table = csvfile.load(path, "y")
        assert len(table) == 11
        assert table.notes == ("Dataset 'mine': 8 rows repeat an earlier row; kept as they are.",)

    def test_unicode_and_spaces_in_names_and_levels(self, write):
        table = csvfile.load(
            write(**{"größe in m": [1.5, 2.5] * 15, "色": ["赤", "青"] * 15, "a,b": [1, 2] * 15}),
            "y",
        )
        assert list(table.kinds) == ["a", "größe in m", "色", "a,b"]
        assert set(table.X["色"]) == {"赤", "青"}

    def test_blanks_around_names_and_values_do_not_count(self, text):
        table = csvfile.load(text("a , y\n" + "1, van \n2,van\n3, bus\n" * 5), "y")
        assert table.classes == ("bus", "van")

    def test_pandas_row_numbers_are_kept_out(self, tmp_path):
        frame = pd.DataFrame({"a": np.arange(N) * 1.5, "y": LABELS})
        frame.to_csv(tmp_path / "mine.csv")
        table = csvfile.load(tmp_path / "mine.csv", "y")
        assert list(table.kinds) == ["a"]
        assert "counts the rows" in table.notes[0]

    def test_a_column_that_counts_the_rows_is_noted(self, write):
        table = csvfile.load(write(id=range(100, 100 + N)), "y")
        assert "id" in table.kinds
        assert table.notes == (
            "Dataset 'mine', column 'id': has a value of its own in each row, as an identifier "
            "does; if it is one, leave it out with 'dataset.drop=[id]'.",
        )

    def test_classes_are_in_natural_order(self, text):
        rows = "".join(f"{i},{(i % 3) * 5}\n" for i in range(0, 60, 2))
        assert csvfile.load(text("a,y\n" + rows), "y").classes == ("0", "5", "10")

    def test_a_class_may_be_called_none(self, text):
        table = csvfile.load(text("a,y\n" + "1,none\n2,mild\n" * 6), "y")
        assert table.classes == ("mild", "none")

    @pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
    def test_the_separator_is_found(self, text, mark):
        body = "a,b,y\n" + "1,x,p\n2,z,q\n" * 5
        table = csvfile.load(text(body.replace(",", mark)), "y")
        assert list(table.kinds) == ["a", "b"]

    def test_decimal_commas_and_quotes(self, text):
        path = text('"a;b";y\n' + "1,5;p\n2,5;q\n" * 5)
        table = csvfile.load(path, "y", decimal=",")
        assert table.X["a;b"].tolist()[:2] == [1.5, 2.5]

    def test_a_byte_order_mark_and_other_encodings(self, text):
        body = "größe,y\n" + "1,p\n2,q\n" * 5
        for encoding, given_as in (("utf-8-sig", "utf-8"), ("latin-1", "latin-1")):
            table = csvfile.load(text(body.encode(encoding)), "y", encoding=given_as)
            assert list(table.kinds) == ["größe"]

    def test_dropped_columns_are_gone(self, write):
        path = write(who=[f"person {i}" for i in range(N)])
        assert list(csvfile.load(path, "y", drop=["who"]).kinds) == ["a"]

    def test_the_name_is_the_files_and_can_be_a_folder(self, write):
        assert csvfile.load(write(), "y").name == "mine"
        assert csvfile.load(write(), "y", name="my data/é").name == "my data/é"
        with pytest.raises(BadInput, match="takes at most one '/'"):
            csvfile.load(write(), "y", name="../my data/é")

    def test_notes_stand_in_the_table(self, write):
        (note,) = csvfile.load(write(one=[7] * N), "y").notes
        assert "column 'one': has only one value" in note

    def test_an_embedded_table_survives_the_way_through_a_file(self, tmp_path):
        table = embedded.load("credit-g")
        frame = table.X.assign(**{"class": np.array(table.classes)[table.y]})
        frame.to_csv(tmp_path / "credit.csv", index=False)
        back = csvfile.load(tmp_path / "credit.csv", "class")
        assert back.kinds == table.kinds
        for column in table.kinds:
            assert (back.X[column].astype(object) == table.X[column].astype(object)).all()

    def test_the_config_names_every_parameter(self):
        config, top = (
            yaml.safe_load((Path(__file__).parents[3] / "conf" / name).read_text(encoding="utf-8"))
            for name in ("dataset/csv.yaml", "config.yaml")
        )
        assert config.pop("_target_") == "bench.datasets.own.read.load"
        parameters = inspect.signature(csvfile.load).parameters
        assert list(config) == list(parameters)
        defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
        assert len(defaults) == len(parameters) - 2
        # What can be set without 'dataset.' has its default at the top.
        given = {k: top[k] if config[k] == f"${{{k}}}" else config[k] for k in defaults}
        assert {k: v or None for k, v in given.items()} == {
            k: v or None for k, v in defaults.items()
        }


class TestRefusedColumns:
    def test_a_missing_target_names_the_closest_and_all_columns(self, write):
        sentence = refused(write(outcome=["p", "q"] * 15), "outcom")
        assert sentence == (
            "Dataset 'mine' has no column 'outcom' (did you mean 'outcome'?); "
            "the file has 'a', 'outcome', 'y'."
        )

    def test_columns_named_in_options_must_exist(self, write):
        assert "no column 'zz'" in refused(write(), categorical=["zz"])
        assert "no column 'zz'" in refused(write(), drop=["zz"])
        assert "is the target and cannot be dropped" in refused(write(), drop=["y"])

    def test_one_class(self, text):
        sentence = refused(text("a,y\n" + "1,p\n2,p\n" * 5))
        assert "target 'y' has only one class, 'p'" in sentence

    def test_too_many_classes(self, write):
        path = write(grade=list(range(15)) * 2)
        assert csvfile.load(path, "grade").problem == "regression"
        assert refused(path, "grade", problem="classification") == (
            "Dataset 'mine': target 'grade' has 15 classes; at most 10 are possible. "
            "If it is a quantity, say problem=regression, or cut it into classes first."
        )
        sentence = refused(write(grade=[f"g{i}" for i in range(15)] * 2), "grade")
        assert sentence == "Dataset 'mine': target 'grade' has 15 classes; at most 10 are possible."
        path = write(grade=[f"g{i}" for i in range(10)] * 3)
        assert csvfile.load(path, "grade").n_classes == 10
        assert "has 10 classes; at most 9 are possible" in refused(path, "grade", max_classes=9)

    def test_a_target_without_values(self, write):
        assert "target 'none' is missing in every row" in refused(write(none=[None] * N), "none")

    def test_too_few_rows(self, text):
        sentence = refused(text("a,y\n1,p\n2,q\n3,p\n"))
        assert "3 rows are too few for 3 folds of 2 classes of 'y'; at least 6" in sentence

    def test_free_text_says_how_to_drop_it(self, write):
        sentence = refused(write(comment=[f"patient number {i} says" for i in range(N)]))
        assert sentence == (
            "Dataset 'mine', column 'comment': is free text or an identifier (30 distinct values "
            "in 30 rows); leave it out with 'dataset.drop=[comment]'."
        )

    def test_numbers_with_much_other_text_say_which(self, write):
        sentence = refused(write(dose=[str(i) for i in range(N - 3)] + ["low"] * 3))
        assert "column 'dose': holds numbers, but also text such as 'low' (3 of 30" in sentence
        assert "'dataset.missing=[low]'" in sentence

    def test_impossible_dates_are_text(self, write):
        impossible = [f"2020-13-{10 + i}" for i in range(N)]
        sentence = "column 'day': seems to hold dates or years such as '2020-13-10'"
        assert sentence in refused(write(day=impossible))

    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_no_usable_feature(self, tmp_path, suffix):
        frame = pd.DataFrame({"one": [1] * N, "y": LABELS})
        path = tmp_path / f"mine{suffix}"
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        assert "no feature column with two or more values is left" in refused(path)

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            ([[1, 2], [3]] * 15, "ndarray"),
            ([{"k": 1}] * N, "dict"),
            ([b"x", b"y"] * 15, "bytes"),
            ([datetime.time(1, 2), datetime.time(3)] * 15, "time"),
            (pd.to_timedelta([1, 2] * 15, unit="h"), "Timedelta"),
        ],
    )
    def test_values_that_are_neither_numbers_nor_categories(self, write, values, kind):
        sentence = refused(write(".parquet", odd=values))
        assert f"column 'odd': holds values of type {kind}, which cannot be used" in sentence

    def test_names_that_stand_twice(self, text):
        assert "column 'a' stands in the file twice" in refused(text("a,a ,y\n1,2,p\n"))

    def test_names_that_stand_twice_in_parquet(self, tmp_path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table([[1, 2], [3, 4], ["p", "q"]], names=["a", "a", "y"])
        pq.write_table(table, tmp_path / "mine.parquet")
        assert "column 'a' stands in the file twice" in refused(tmp_path / "mine.parquet")


class TestRefusedFiles:
    def test_no_such_file(self, tmp_path):
        assert "there is no file" in refused(tmp_path / "mine.csv")

    def test_a_folder(self, tmp_path):
        (tmp_path / "mine.csv").mkdir()
        assert "is a folder" in refused(tmp_path / "mine.csv")

    def test_an_address(self):
        with pytest.raises(TableError, match="is no local file; download it first"):
            csvfile.load("https://example.org/mine.csv", "y")

    @pytest.mark.parametrize("content", ["", "\n \n"])
    def test_an_empty_file(self, text, content):
        assert "is empty" in refused(text(content))

    def test_a_header_alone(self, text):
        assert "a header, but no rows" in refused(text("a,y\n"))

    def test_rows_of_another_length(self, text):
        sentence = refused(text("a,y\n1,p\n2,q,oops\n"))
        assert "line 3 has 3 fields, the header has 2" in sentence
        assert "line 2 has 1 fields" in refused(text("a,y\nhello\n"))

    def test_the_wrong_encoding(self, text):
        sentence = refused(text("größe,y\n1,p\n".encode("latin-1")))
        assert "is no utf-8 text (byte 2)" in sentence
        assert "dataset.encoding=latin-1" in sentence
        sentence = refused(text("größe;preis €,y\n1,p\n".encode("cp1252")))
        assert "dataset.encoding=cp1252" in sentence
        assert "no encoding 'klingon'" in refused(text("a,y\n1,p\n"), encoding="klingon")

    def test_other_kinds_of_file(self, text):
        assert "a zip or Excel file" in refused(text(b"PK\x03\x04rest"))
        assert "gzip-compressed" in refused(text(b"\x1f\x8brest"))
        assert "is no text file" in refused(text(b"a,y\n\x00\x01,p\n"))
        assert "is called parquet" in refused(text("a,y\n1,p\n", "mine.parquet"))

    def test_a_page_of_prose(self, text):
        assert "Dataset 'mine'" in refused(text("<html>\n<body>no, such, thing</body>\n</html>"))

    def test_half_a_parquet_file(self, write):
        path = write(".parquet")
        path.write_bytes(path.read_bytes()[:300])
        assert "damaged or incomplete" in refused(path)

    def test_separators_that_are_none(self, text):
        assert "cannot be read as CSV" in refused(text("a,y\n1,p\n"), separator="::")

    def test_a_parquet_file_without_rows(self, tmp_path):
        pd.DataFrame({"a": [], "y": []}).to_parquet(tmp_path / "mine.parquet")
        assert "no rows" in refused(tmp_path / "mine.parquet")


CELLS = st.sampled_from(
    [
        "",
        "?",
        "NA",
        "1",
        "2.5",
        "-3",
        "inf",
        "007",
        "yes",
        "no",
        "é",
        "2020-01-01",
        "x y",
        '"',
        "1e400",
    ]
)


class TestAnything:
    @settings(
        max_examples=120,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=0, max_size=40))
    def test_any_cells_make_a_table_or_a_sentence(self, rows, tmp_path):
        path = tmp_path / "mine.csv"
        pd.DataFrame(rows, columns=["a", "b", "y"]).to_csv(path, index=False)
        self.loads_or_is_refused(path)

    def test_damaged_files_make_a_table_or_a_sentence(self, write):
        rng = random.Random(0)
        for suffix in (".csv", ".parquet"):
            path = write(suffix, c=["x", "y", "z"] * 10)
            sound = path.read_bytes()
            for _ in range(60):
                damaged = bytearray(sound)
                for _ in range(rng.randint(1, 8)):
                    damaged[rng.randrange(len(damaged))] = rng.randrange(256)
                path.write_bytes(bytes(damaged[: rng.randint(1, len(damaged))]))
                self.loads_or_is_refused(path)

    @staticmethod
    def loads_or_is_refused(path: Path) -> None:
        try:
            table = csvfile.load(path, "y")
        except TableError:
            return
        assert isinstance(table, Table)
