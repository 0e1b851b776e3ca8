"""The declarations of the embedded tables: the cards say what they say, and files are read so."""

from __future__ import annotations

import bz2
import io
import zipfile

import pytest
from pydantic import TypeAdapter, ValidationError

from bench.datasets import embedded
from scripts.build_datasets import describe, describe_target
from scripts.tables.readers import read
from scripts.tables.sources import PACKAGES, Source, sources

DECLARED = {source.name: source for source in sources()}
TOLD = ("title", "domain", "page", "licence", "citation", "tabarena", "target")


def declared(**changes) -> Source:
    """A small declaration, as if read from a YAML file."""
    about = dict.fromkeys(("title", "page", "licence", "citation"), "made up")
    about |= {"name": "small", "domain": "other", "package": "made-up", "file": "small.txt"}
    about |= {"columns": {"size": "integer", "colour": {"r": "red", "g": "green"}}}
    about |= {"target": "kind", "classes": ["no", "yes"]}
    return TypeAdapter(Source).validate_python(about | changes)


ARFF = """\
@attribute kind {no, yes}
@attribute colour {r, g}
@attribute size real
@data
no,r,1
yes,g,2
"""
ROWS = [[1.0, "red", "no"], [2.0, "green", "yes"]]


class TestDeclarations:
    def test_there_is_a_card_for_each(self):
        assert sorted(DECLARED) == embedded.names()

    @pytest.mark.parametrize("name", embedded.names())
    def test_the_card_says_what_is_declared(self, name):
        source, card = DECLARED[name], embedded.card(name)
        assert {key: getattr(source, key) for key in TOLD} == {key: card[key] for key in TOLD}
        assert (source.package, source.file) == (card["source"]["package"], card["source"]["file"])
        assert PACKAGES.get(source.package) in (card["source"]["version"], None)
        assert list(source.changes) == card["changes"][: len(source.changes)]
        assert list(source.classes.values()) == card["classes"]
        for column in card["columns"]:
            kind = source.columns[column["name"]]
            if isinstance(kind, dict):
                assert list(kind.values()) == column["levels"]
            else:
                assert kind == column["kind"]

    @pytest.mark.parametrize("name", [n for n in DECLARED if DECLARED[n].package not in PACKAGES])
    def test_what_scikit_learn_carries_is_built_the_same_again(self, name):
        frame, card = describe(DECLARED[name], read(DECLARED[name], b""))
        before = embedded.card(name)
        assert embedded.from_frame(frame, card).fingerprint() == before["fingerprint"]
        mine = {"sha256": None, "fingerprint": None, "source": None}  # a newer release may carry it
        assert {**card, **mine} == {**before, **mine}

    @pytest.mark.parametrize(
        "changes",
        [{"colour": "red"}, {"columns": {"a b": "integer", "b": "numeric"}}, {"sample": "many"}],
    )
    def test_a_key_that_says_nothing_sound_is_refused(self, changes):
        with pytest.raises(ValidationError):
            declared(**changes)


class TestReaders:
    @pytest.mark.parametrize(
        ("layout", "text"),
        [
            ({}, "1, r, no\n\n@attribute\n2, g, yes\n"),
            ({"separator": " ", "skip": "1"}, "size colour kind\n1  r no\n2 g   yes\n"),
            ({"target_first": "true"}, "no,1,r\nyes,2,g\n"),
            ({"row_names": "true"}, "a,1,r,no\nb,2,g,yes\n"),
            ({"row_names": "true", "target_first": "true"}, "a,no,1,r\nb,yes,2,g\n"),
            ({"format": "headed"}, "kind,left out,size,colour\nno,0,1,r\nyes,0,2,g\n"),
            ({"names": ["kind", "left out", "size", "colour"]}, "no,0,1,r\nyes,0,2,g\n"),
            ({"format": "arff"}, ARFF),
        ],
    )
    def test_the_same_table_in_every_layout(self, layout, text):
        frame = read(declared(layout=layout), text.encode())
        assert list(frame) == ["size", "colour", "kind"]
        assert frame.to_numpy().tolist() == ROWS

    def test_a_workbooks_first_sheet_is_read_without_its_header(self):
        cells = "".join(f"<c><v>{number}</v></c>" for number in (1, 2.5))
        rows = f"<row><c t='s'><v>0</v></c><c t='s'><v>1</v></c></row><row>{cells}</row>"
        sheet = f"<worksheet xmlns='made-up'><sheetData>{rows}</sheetData></worksheet>"
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as parts:
            parts.writestr("xl/worksheets/sheet1.xml", sheet)
        layout = {"format": "workbook", "skip": "1"}
        source = declared(layout=layout, columns={"size": "integer"}, target="price", classes={})
        assert read(source, file.getvalue()).to_numpy().tolist() == [[1.0, 2.5]]

    def test_a_target_without_classes_is_a_number(self):
        frame = read(declared(classes={}), b"1,r,2.5\n2,g,-1\n")
        assert frame["kind"].tolist() == [2.5, -1.0]
        with pytest.raises(ValueError, match="the target has missing values"):
            read(declared(classes={}), b"1,r,2.5\n2,g,?\n")
        told = describe_target(frame["kind"], [])["target_values"]
        assert told == {"mean": 0.75, "sd": 1.75, "lowest": -1.0, "highest": 2.5, "distinct": 2}

    def test_a_sample_of_numbers_is_drawn_from_all_rows_in_their_order(self):
        text = "".join(f"{i},{'rg'[i % 2]},{i}\n" for i in range(80))
        drawn = read(declared(sample="20", classes={}), text.encode())
        assert len(drawn) == drawn["size"].nunique() == 20
        assert drawn["size"].is_monotonic_increasing
        assert (drawn["size"] == drawn["kind"]).all()

    def test_compressed_text_is_unpacked(self):
        frame = read(declared(file="small.txt.bz2"), bz2.compress(b"1,r,no\n2,g,yes\n"))
        assert frame.to_numpy().tolist() == ROWS

    def test_a_missing_feature_is_missing_and_a_missing_target_is_refused(self):
        assert read(declared(), b"1,r,no\n?,g,yes\n")["size"].isna().tolist() == [False, True]
        with pytest.raises(ValueError, match="the target has missing values"):
            read(declared(), b"1,r,no\n2,g,yes\n1,r,?\n")

    @pytest.mark.parametrize("text", ["1,r,no\n2,b,yes\n", "1,r,no\n2,r,yes\n"])
    def test_codes_and_levels_are_the_same_set(self, text):
        with pytest.raises(ValueError, match="Column 'colour': codes"):
            read(declared(), text.encode())

    def test_a_fraction_is_no_integer(self):
        with pytest.raises(ValueError, match="'size' is declared integer, but holds fractions"):
            read(declared(), b"1.5,r,no\n2,g,yes\n")

    def test_a_sample_keeps_the_classes_shares_and_the_order(self):
        text = "".join(f"{i},{'rg'[i % 2]},{'yes' if i % 4 == 0 else 'no'}\n" for i in range(80))
        drawn = read(declared(sample="20"), text.encode())
        assert drawn["kind"].value_counts().to_dict() == {"no": 15, "yes": 5}
        assert drawn["size"].is_monotonic_increasing
