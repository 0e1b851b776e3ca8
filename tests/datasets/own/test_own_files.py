"""A file of one's own is read whole and as what it is, or named for what it is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import socket
import sqlite3
import subprocess
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.cli import main
from bench.datasets.own import read as csvfile
from bench.datasets.own.wording import setting
from bench.errors import BadInput, TableError

DROP = f"'dataset.drop=[{','.join(f'text{i}' for i in range(30))}]'"
BODY = "a,b,y\n" + "1,x,p\n2,z,q\n" * 10


@pytest.fixture
def read(tmp_path):
    """Write text or bytes to a file, read it back."""

    def read(content: str | bytes, target: str = "y", name: str = "mine.csv", **options):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return csvfile.load(path, target, **options)

    return read


def refused(read, content, target="y", name="mine.csv", **options) -> str:
    with pytest.raises(TableError) as caught:
        read(content, target, name, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestRowsAreNotLost:
    ROWS = tuple(f"{i % 7},small,{'pq'[i % 2]}" for i in range(200))

    def lines(self, changes: dict[int, str]) -> str:
        """A file of 200 rows, with other ones in these lines (the header is line 1)."""
        rows = list(self.ROWS)
        for line, row in changes.items():
            rows[line - 2] = row
        return "\n".join(["a,size,y", *rows]) + "\n"

    def test_a_quote_that_never_closes(self, read):
        sentence = refused(read, self.lines({152: '3,"small,q'}))
        assert "line 152 opens a quote that is never closed" in sentence

    def test_text_behind_a_closing_quote(self, read):
        sentence = refused(read, self.lines({52: '1,"big,q', 152: '3,"big,q'}))
        assert "line 52 has text behind a closing quote" in sentence

    def test_rows_between_two_stray_quotes(self, read):
        for last in (53, 54, 152):
            sentence = refused(read, self.lines({52: '1,"small,q', last: '3,small",p'}))
            assert f"line 52 has a quoted field that runs to line {last}" in sentence

    def test_a_row_of_another_length_names_its_line(self, read):
        sentence = refused(read, self.lines({77: "1,small,q,oops"}))
        assert "line 77 has 4 fields, the header has 3" in sentence
        several = '"a\nb",size,y\n"1\n1",small,p\n\n2,q\n'
        assert "line 6 has 2 fields" in refused(read, several)

    def test_line_breaks_in_quotes_are_text(self, read):
        body = "a,where,y\n" + '1,"Main St\nSpringfield, IL",p\n2,"Elm St\nOgden",q\n' * 10
        table = read(body)
        assert len(table) == 20
        assert list(table.X["where"].cat.categories) == [
            "Elm St\nOgden",
            "Main St\nSpringfield, IL",
        ]

    def test_quotes_within_a_word_are_text(self, read):
        table = read("size,y\n" + '5" pipe,p\n6" pipe,q\n' * 10)
        assert list(table.X["size"].cat.categories) == ['5" pipe', '6" pipe']

    def test_backslashes_before_quotes(self, read):
        body = "a,b,y\n" + '1,"say \\"hi\\"",p\n2,"c:\\temp",q\n3,"5\\"",q\n' * 10
        table = read(body)
        assert list(table.X["b"].cat.categories) == ['5"', "c:\\temp", 'say "hi"']
        assert any("backslashes before quotes" in note for note in table.notes)
        plain = read("a,b,y\n" + '1,c:\\temp,p\n2,"d:\\",q\n' * 10)
        assert list(plain.X["b"].cat.categories) == ["c:\\temp", "d:\\"]

    def test_the_end_of_a_dos_file(self, read):
        assert len(read(BODY.replace("\n", "\r\n") + "\x1a")) == 20

    def test_blank_lines_separators_at_the_end_and_repeated_headers(self, read):
        table = read("a,b,y\n\n" + "1,x,p,\n  \n2,z,q,\n" * 10)
        assert (len(table), list(table.kinds)) == (20, ["a", "b"])
        table = read(BODY + BODY)
        assert len(table) == 40
        assert "1 row like the header (line 22) left out" in " ".join(table.notes)

    def test_a_number_cut_in_two_is_no_row_name(self, read):
        body = "a,y\n" + "".join(f"{i},$1,{100 + i % 2}\n" for i in range(20))
        assert "line 2 has 3 fields, the header has 2" in refused(read, body)
        assert "line 3 has 2 fields" in refused(read, "Report 2024\n\na,y\n" + "1,p\n2,q\n" * 9)

    def test_blanks_before_a_quote_open_it(self, read):
        table = read("a, b, y\n" + '1, "x, 0", "p"\n2, "x, 1", "q"\n' * 10)
        assert list(table.X["b"].cat.categories) == ["x, 0", "x, 1"]

    def test_a_file_without_a_header_is_asked_about(self, read):
        assert "is the first line a header?" in refused(read, "1,1,p\n2,2,q\n" * 10)

    def test_a_first_line_that_is_no_header_is_asked_about(self, read):
        body = "5.1,3.5,setosa\n4.9,3.0,virginica\n" + "4.7,3.2,setosa\n5.1,3.5,virginica\n" * 9
        assert "the first line is taken as the columns' names" in refused(read, body, "class")
        table = read(body, "setosa")
        assert "'5.1', '3.5', 'setosa' hold their own names as values" in table.notes[0]

    def test_a_name_with_other_separators_is_asked_about(self, read):
        body = "a,1;b,2;y\n" + "1,5;2,5;p\n2,5;3,5;q\n" * 10
        assert "dataset.separator" in refused(read, body)
        assert list(read(body, separator=";").kinds) == ["a,1", "b,2"]

    def test_rs_row_names_without_a_header(self, read):
        body = '"a" "b" "y"\n' + "".join(
            f'"{i}" {i % 3} 1.5{i % 2} "{"pq"[i % 2]}"\n' for i in range(20)
        )
        table = read(body)
        assert list(table.kinds) == ["a", "b"]
        assert any("counts the rows" in note for note in table.notes)

    @pytest.mark.long
    @settings(
        max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        first=st.integers(2, 201),
        second=st.integers(2, 201),
        places=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    )
    def test_two_stray_quotes_anywhere_lose_no_row(self, read, first, second, places):
        rows = ["a,size,y", *self.ROWS]
        for line, place in zip((first, second), places):
            row = rows[line - 1]
            rows[line - 1] = row[:place] + '"' + row[place:]
        try:
            found = len(read("\n".join(rows) + "\n", categorical=["a"]))
        except TableError as reason:
            found = str(reason)
        assert found == 200 or " line " in str(found)


class TestSeparators:
    def test_excels_own_line(self, read):
        for line in ("sep=;", '"sep=;"', "SEP=;", "\ufeffsep=;"):
            table = read(line + "\r\na;b;y\r\n" + "1;2,5;p\r\n2;3,5;q\r\n" * 10)
            assert table.X["b"].tolist()[:2] == [2.5, 3.5]
        assert "line 4 has 2 fields" in refused(read, "sep=;\na;b;y\n1;2;p\n1;2\n")

    def test_quoted_line_breaks_and_marks_in_the_header(self, read):
        body = '"Alter\n(Jahre)";"a, b, c";y\n' + "1;2;p\n2;3;q\n" * 10
        assert list(read(body).kinds) == ["Alter (Jahre)", "a, b, c"]
        assert list(read(body, categorical="Alter\n(Jahre)").kinds) == ["Alter (Jahre)", "a, b, c"]

    def test_a_mark_in_the_header_that_cuts_no_row_is_none(self, read):
        body = "price, EUR, net;y\n" + "1,5;p\n2,5;q\n" * 10
        assert read(body).X["price, EUR, net"].tolist()[:2] == [1.5, 2.5]

    def test_blanks(self, read):
        table = read("a   b  y\n" + "1   2.5 p\n10  3.5 q \n" * 10)
        assert table.X["a"].tolist()[:2] == [1, 10]

    def test_a_file_of_one_column_says_how_to_name_its_separator(self, read):
        assert "dataset.separator" in refused(read, "a^b^y\n" + "1^2^p\n2^3^q\n" * 10)
        assert len(read("a^b^y\n" + "1^2^p\n2^3^q\n" * 10, separator="^")) == 20


class TestPacked:
    @pytest.mark.parametrize(
        ("ending", "pack"),
        [
            ("gz", gzip.compress),
            ("bz2", bz2.compress),
            ("xz", lzma.compress),
            ("zst", lambda b: pa.compress(b, codec="zstd", asbytes=True)),
        ],
    )
    def test_packed_files_are_read(self, read, ending, pack):
        packed = pack(BODY.encode())
        table = read(packed, name=f"mine.csv.{ending}")
        assert (table.name, len(table)) == ("mine", 20)
        assert "damaged" in refused(read, packed[: len(packed) // 2], name=f"mine.csv.{ending}")

    def test_a_zip_of_one_file_is_read(self, read):
        assert len(read(zipped({"deep/mine.csv": BODY, "__MACOSX/._mine.csv": "x"}))) == 20
        assert "of 2 files" in refused(read, zipped({"a.csv": BODY, "b.csv": BODY}))
        assert "a spreadsheet" in refused(read, zipped({"[Content_Types].xml": "", "xl/a.xml": ""}))

    def test_packed_parquet(self, read, tmp_path):
        pd.read_csv(io.StringIO(BODY)).to_parquet(tmp_path / "t.parquet")
        packed = gzip.compress((tmp_path / "t.parquet").read_bytes())
        assert len(read(packed, name="mine.parquet.gz")) == 20

    def test_many_equal_rows_of_a_small_parquet_file_are_refused(self, read, tmp_path):
        rows = pd.DataFrame({"a": np.zeros(200_000), "y": ["p", "q"] * 100_000})
        rows.to_parquet(tmp_path / "t.parquet")
        content = (tmp_path / "t.parquet").read_bytes()
        assert len(content) < 100_000
        assert "holds more than 1 MB" in refused(read, content, max_megabytes=1)

    def test_what_unpacks_without_end_is_refused(self, read):
        bomb = gzip.compress(b"a,y\n" + b"1,p\n" * 2_000_000)
        assert len(bomb) < 100_000
        sentence = refused(read, bomb, max_megabytes=1)
        assert "holds more than 1 MB; dataset.max_megabytes=2" in sentence
        assert "more than 1 MB" in refused(
            read, zipped({"m.csv": "a" * 2_000_000}), max_megabytes=1
        )
        assert "more than 1 MB" in refused(read, b"a" * 2_000_000, max_megabytes=1)


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def feather() -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame({"a": [1]}).to_feather(buffer)
    return buffer.getvalue()


def numpy_file() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def database(tmp_path) -> bytes:
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("create table t (a)")
    return (tmp_path / "db").read_bytes()


class TestForeign:
    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "an old Excel file (.xls)"),
            (feather(), "a feather (Arrow) file"),
            (b"ORC\x00rest", "an ORC file"),
            (b"\x89HDF\r\n\x1a\nrest", "an HDF5 file"),
            (pickle.dumps({"a": [1]}), "a Python pickle"),
            (numpy_file(), "a NumPy file"),
            (b"%PDF-1.7 rest", "a PDF"),
            (b"\x89PNG\r\n\x1a\nrest", "an image"),
            ("<!DOCTYPE html><html></html>", "a web page (HTML)"),
            ("\ufeff<?xml version='1.0'?><a/>", "an XML file"),
            ('[{"a": 1, "y": "p"}]', "a JSON file"),
            ('{"a": 1, "y": "p"}\n{"a": 2, "y": "q"}\n', "a JSON file"),
            ("% iris\n@RELATION iris\n@DATA\n", "an ARFF file"),
            (b"$FL2@(#) SPSS", "an SPSS file"),
            (b"<stata_dta><header>", "a Stata file"),
            (gzip.compress(b"RDX3\nX\n\0\0", mtime=0), "an R workspace"),
            ("version https://git-lfs.github.com/spec/v1\noid", "a pointer to a Git LFS file"),
        ],
    )
    def test_other_files_are_named_for_what_they_are(self, read, content, what):
        assert f"is {what}" in refused(read, content)

    def test_a_database(self, read, tmp_path):
        assert "is an SQLite database" in refused(read, database(tmp_path))

    def test_a_pickle_is_never_loaded(self, read, tmp_path):
        class Trap:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "sprung"),)

        for protocol in range(6):
            with pytest.raises(TableError):
                read(pickle.dumps(Trap(), protocol=protocol))
        assert not (tmp_path / "sprung").exists()

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
    def test_encodings_with_a_mark_are_told_by_it(self, read, encoding):
        mark = "\ufeff" if encoding == "utf-16-be" else ""
        table = read((mark + "größe,y\n" + "1,p\n2,q\n" * 10).encode(encoding))
        assert list(table.kinds) == ["größe"]

    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
    @pytest.mark.parametrize("name", ["b", "größe", "имя", "名字"])
    def test_wide_encodings_without_a_mark_are_named(self, read, encoding, name):
        content = f"{name},y\n" + "1,p\n2,q\n" * 10
        sentence = refused(read, content.encode(encoding))
        assert f"dataset.encoding={encoding}" in sentence
        assert list(read(content.encode(encoding), encoding=encoding).kinds) == [name]

    def test_utf_8_is_not_read_as_another_in_silence(self, read):
        body = "größe,y\n" + "1,ja\n2,nö\n" * 10
        table = read(body.encode(), encoding="cp1252")
        assert table.classes == ("ja", "nÃ¶")
        assert (
            "is UTF-8 text too; if its words look wrong, leave out dataset.encoding"
            in (table.notes[0])
        )
        table = read(body.encode("utf-8-sig"), "größe", encoding="cp1252")
        assert (table.target, list(table.kinds)) == ("größe", ["y"])
        assert "a byte order mark tells utf-8-sig" in table.notes[0]

    def test_encodings_that_are_none_or_another(self, read):
        body = "preis €,y\n" + "1,p\n2,q\n" * 10
        assert list(read(body.encode("cp1252"), encoding="cp1252").kinds) == ["preis €"]
        sentence = refused(read, body.encode("cp1252"), encoding="latin-1")
        assert "dataset.encoding=cp1252" in sentence
        for name in ("base64", "undefined", "no\0ne", "zlib"):
            assert "there is no encoding" in refused(read, BODY, encoding=name)


class TestNoRegularFile:
    def test_pipes_devices_and_loops_are_not_opened(self, tmp_path, monkeypatch):
        pipe, loop, link = tmp_path / "pipe", tmp_path / "loop", tmp_path / "zero"
        os.mkfifo(pipe)
        loop.symlink_to(loop)
        link.symlink_to("/dev/zero")
        with socket.socket(socket.AF_UNIX) as server:
            monkeypatch.chdir(tmp_path)  # a socket's path may be short only
            server.bind("socket")
            for path in (pipe, link, tmp_path / "socket", "/dev/null"):
                with pytest.raises(TableError, match="is a pipe or a device, not a file"):
                    csvfile.load(path, "y")
        with pytest.raises(TableError, match="cannot be read"):
            csvfile.load(loop, "y")
        with pytest.raises(TableError, match="cannot be read"):
            csvfile.load("a\0b", "y")
        with pytest.raises(TableError, match="there is no file"):
            csvfile.load("~no-such-person/a.csv", "y")
        with pytest.raises(TableError, match="cannot be read"):
            csvfile.load("x" * 5000, "y")

    def test_a_sparse_file_is_not_read(self, tmp_path):
        path = tmp_path / "mine.csv"
        with path.open("wb") as file:
            file.truncate(10**12)
        with pytest.raises(TableError, match="holds more than 1000 MB"):
            csvfile.load(path, "y")


class TestNames:
    def test_names_are_composed_and_visible(self, read):
        body = "b,Gro\u0308ße\n" + "1,p\n2,q\n" * 10
        assert read(body, "Größe").target == "Größe"
        assert read(body, "Gro\u0308ße").target == "Größe"
        table = read("\ufeff\u200by,a\n" + "p,1\nq,2\n" * 10)
        assert (table.target, list(table.kinds)) == ("y", ["a"])
        assert "invisible marks in its name ('\\u200by')" in table.notes[0]

    @pytest.mark.parametrize(
        "name", ["__origin__", "__class_code__", "2.10", "a=b", "[x]", "null", "\U0001f600", "a'b"]
    )
    def test_any_name_may_be_a_features(self, read, name):
        table = read(f'"{name}",y\n' + "1,p\n2,q\n" * 10)
        assert list(table.kinds) == [name]

    def test_a_shell_takes_what_a_sentence_names_as_words_only(self):
        names = ["`id`", "$HOME", "$(id)", "a!b", 'a"b', "a'b", "a\\'b", "\\", "a b", "x;y"]
        typed = " ".join(setting("drop", [name]) for name in names)
        said = subprocess.run(
            ["bash", "-c", f"printf '%s\\n' {typed}"], capture_output=True, check=True
        ).stdout.decode()
        parser = OverridesParser.create()
        assert [parser.parse_override(line).value() for line in said.splitlines()] == [
            [name] for name in names
        ]

    def test_a_word_is_one_name(self, read):
        body = "a,b,ab,y\n" + "1,2,3,p\n2,3,4,q\n" * 10
        assert list(read(body, drop="ab").kinds) == ["a", "b"]
        table = read(body, categorical="ab")
        assert table.kinds == {"a": "integer", "b": "integer", "ab": "categorical"}
        assert "no column 'zip'" in refused(read, body, drop="zip")
        assert "can be one only" in refused(read, body, drop="a", categorical="a")

    def test_settings_that_are_none(self, read):
        assert "dataset.decimal is '.' or ','" in refused(read, BODY, decimal=";")
        assert "dataset.thousands is one of" in refused(read, BODY, thousands=".", decimal=".")
        for wrong in ({"day_first": "perhaps"}, {"domain": "zoo"}, {"max_megabytes": 0}):
            (key,) = wrong
            with pytest.raises(BadInput, match=f"{key} is .*; expected"):
                read(BODY, **wrong)


class TestRowNumbers:
    """A frame sorted by class, shuffled and saved with its index tells the class by it."""

    N = 60

    def frame(self) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"a": rng.normal(size=self.N), "y": ["p", "q"] * (self.N // 2)})
        return frame.sort_values("y").reset_index(drop=True).sample(frac=1, random_state=0)

    @pytest.mark.parametrize(
        "label", ["", "Unnamed: 0", "Unnamed: 0.1", "index", "rownames", "__index_level_0__"]
    )
    @pytest.mark.parametrize("share", [1.0, 0.8])
    def test_a_saved_index_is_kept_out_in_any_order(self, tmp_path, label, share):
        frame = self.frame().sample(frac=share, random_state=1)
        frame.to_csv(tmp_path / "mine.csv", index_label=label or None)
        table = csvfile.load(tmp_path / "mine.csv", "y")
        assert list(table.kinds) == ["a"]
        assert "counts the rows" in table.notes[0]

    def test_an_index_that_repeats_is_noted(self, tmp_path):
        frame = self.frame().sample(n=self.N, replace=True, random_state=0)
        for label in ("", "Unnamed: 0"):
            frame.to_csv(tmp_path / "mine.csv", index_label=label or None)
            (note, *_) = csvfile.load(tmp_path / "mine.csv", "y").notes
            assert "if it numbers the rows, leave it out with" in note

    @pytest.mark.parametrize("label", [None, "index", "patient"])
    def test_from_parquet_too(self, tmp_path, label):
        self.frame().rename_axis(label).to_parquet(tmp_path / "mine.parquet")
        table = csvfile.load(tmp_path / "mine.parquet", "y")
        assert list(table.kinds) == ["a"]
        assert "counts the rows" in table.notes[0]

    def test_it_is_kept_where_it_is_named(self, tmp_path):
        frame = self.frame().assign(index=range(self.N))
        frame.to_csv(tmp_path / "mine.csv", index=False)
        assert "index" in csvfile.load(tmp_path / "mine.csv", "y", categorical="index").kinds
        assert csvfile.load(tmp_path / "mine.csv", "y", drop="index").kinds == {"a": "numeric"}

    @pytest.mark.parametrize(
        "name",
        ["id", "ID", "PassengerId", "patient_no", "customerid", "Row", "#", "uuid", "Kunden-Nr."],
    )
    @pytest.mark.parametrize("first", [1, 1000])
    def test_identifiers_are_noted_with_what_to_type(self, tmp_path, name, first):
        frame = self.frame()
        frame[name] = np.random.default_rng(1).permutation(self.N) * 3 + first
        frame.to_csv(tmp_path / "mine.csv", index=False)
        table = csvfile.load(tmp_path / "mine.csv", "y")
        assert name in table.kinds
        assert "has a value of its own in each row" in table.notes[0]
        assert "dataset.drop=[" in table.notes[0]
        assert name in table.notes[0].partition("dataset.drop=")[2]

    @pytest.mark.parametrize("name", ["zeta", "X", "排"])
    def test_numbers_too_dense_to_be_measured_are_noted(self, tmp_path, name):
        frame = self.frame()
        frame[name] = np.random.default_rng(1).permutation(self.N) * 2 + 100
        frame["level"] = range(0, 2 * self.N, 2)
        frame["far"] = np.random.default_rng(2).choice(10_000, self.N, replace=False)
        frame.to_csv(tmp_path / "mine.csv", index=False)
        (note,) = csvfile.load(tmp_path / "mine.csv", "y").notes
        assert f"column '{name}': has a value of its own in each row" in note

    def test_all_free_text_is_named_in_one_refusal(self, tmp_path):
        frame = self.frame()
        frame["who"] = [f"person {i}" for i in range(self.N)]
        frame["said"] = [f"words, {i} of them" for i in range(self.N)]
        frame["dose"] = ["low" if i % 4 == 0 else str(i) for i in range(self.N)]
        frame.to_csv(tmp_path / "mine.csv", index=False)
        with pytest.raises(TableError) as caught:
            csvfile.load(tmp_path / "mine.csv", "y")
        sentence = str(caught.value)
        assert "3 columns cannot be used" in sentence
        assert "'dataset.drop=[who,said,dose]'" in sentence
        assert "'dataset.missing=[low]'" in sentence

    def test_a_dozen_of_many_are_explained_and_all_can_be_left_out(self, tmp_path, capsys):
        """The door tells it whole: the key that helps stands at the end."""
        texts = {f"text{i}": [f"person {row}" for row in range(self.N)] for i in range(30)}
        path = tmp_path / "mine.csv"
        self.frame().assign(**texts).to_csv(path, index=False)
        words = ["dataset=csv", f"path={path}", "target=y", f"results_dir={tmp_path}"]
        assert main(["run", *words, "method=pretrained"]) == 2
        sentence = capsys.readouterr().err.strip()
        assert sentence.startswith("bench: Dataset 'mine': 30 columns cannot be used as they are")
        assert sentence.count("is free text or an identifier") == 12
        assert "'text11' is free text" in sentence
        assert f"; and 18 more; leave out those that are not mended with {DROP}." in sentence
        drop = DROP.partition("[")[2].strip("]'").split(",")
        assert list(csvfile.load(path, "y", drop=drop).kinds) == list(self.frame().columns[:-1])

    def test_every_column_that_is_not_there_is_named(self, read):
        assert refused(read, BODY, drop=["c", "bb"], categorical=["ab"], groups="who") == (
            "Dataset 'mine' has no columns 'ab', 'c', 'bb' or 'who' (did you mean 'b'?); "
            "the file has 'a', 'b', 'y'."
        )
        many = [f"n{i}" for i in range(20)]
        sentence = refused(read, BODY, drop=many)
        assert "no columns 'n0', 'n1'" in sentence
        assert "'n11' and 8 more; the file has" in sentence

    def test_every_column_of_two_uses_or_two_places_is_named(self, read):
        assert refused(read, BODY, drop=["a", "b"], categorical=["b", "a"]) == (
            "Dataset 'mine': columns 'b' and 'a' are named in dataset.categorical and in "
            "dataset.drop; a column can be one only."
        )
        assert refused(read, "a,b,b,a,c,y\n1,2,3,4,5,p\n") == (
            "Dataset 'mine': columns 'a' and 'b' stand in the file twice; rename them."
        )
        assert refused(read, BODY, missing=["-9", "x", "-8"]) == (
            "Dataset 'mine': '-9', '-8' of dataset.missing stand nowhere in the file."
        )


def test_a_files_name_is_found_in_either_form_and_its_neighbours_are_offered(
    tmp_path: Path,
) -> None:
    decomposed = tmp_path / unicodedata.normalize("NFD", "größe.csv")
    decomposed.write_text("a,y\n" + "".join(f"{i % 7},{i % 2}\n" for i in range(60)))
    typed = tmp_path / unicodedata.normalize("NFC", "größe.csv")
    assert csvfile.load(str(typed), "y").name == unicodedata.normalize("NFC", "größe")
    with pytest.raises(TableError, match=r"there is no file .*gröse\.csv; did you mean"):
        csvfile.load(str(tmp_path / "gröse.csv"), "y")
    with pytest.raises(ValueError, match="name is ''; expected a text that is not empty or null"):
        csvfile.load(str(typed), "y", name="")
