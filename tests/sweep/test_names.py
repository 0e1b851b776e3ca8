"""A name that becomes a file's stays where files of its kind lie; others are refused in words."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import made

from bench.cell.record import seal
from bench.cell.store import Store
from bench.cli import main
from bench.errors import BadInput
from bench.files import write_whole
from bench.names import LONGEST, check, fault, inside, safe

HOSTILE = [
    *("", " ", ".", "..", "../../../evil", "/tmp/evil", "a/b", ".hidden", "a\\b", "a\0b", "a\nb"),
    *("a\x1b[31mb", "\udcff", "\u202ename", "a" * (LONGEST + 1), "ü" * LONGEST, "x.json"),
    *(None, 3, [], ["a"], {"a": 1}, True),
]


CELL = {"dataset": "iris", "method": "scm"}


class TestCheck:
    @pytest.mark.parametrize("name", HOSTILE)
    @pytest.mark.parametrize("what", ["method", "domain", "experiment"])
    def test_what_leads_elsewhere_is_refused_in_one_printable_sentence(self, what: str, name):
        with pytest.raises(BadInput, match=what) as refused:
            check(what, name)
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) < 300

    @pytest.mark.parametrize(
        "name", ["ctgan-mixed", "größer 2", "[a]=b", "default_ft · lr=0.0003", "-x", "a.b", "日本"]
    )
    def test_what_people_write_is_taken_as_it_is(self, name: str):
        assert check("method", name) == name
        assert check("dataset", f"tabarena/{name}") == f"tabarena/{name}"

    @pytest.mark.parametrize("name", ["a/b/c", "a//b", "/a", "a/", "a/..", "../a", "./a", "a/.b"])
    def test_a_dataset_has_two_levels_at_most_and_both_are_names(self, name: str):
        assert fault("dataset", name)

    @settings(max_examples=50)
    @given(st.text())
    def test_whatever_is_taken_stays_below_its_folder(self, name: str):
        if fault("dataset", name) is None:
            path = Store("/r").path({"dataset": name, "method": "m", "fold": 0}, "0" * 64)
            assert inside("/r/cells", path) == path
            assert ".." not in path.parts
            assert len(path.name.encode()) <= 255

    @settings(max_examples=50)
    @given(st.text(alphabet=st.characters(exclude_categories=())))
    def test_a_safe_name_is_one_whatever_it_was_made_from(self, text: str):
        assert fault("dataset", safe(text)) is None

    def test_long_names_that_differ_at_their_end_stay_different(self):
        assert safe("a" * 300 + "b") != safe("a" * 300 + "c")
        assert safe("my table (2).csv") == "my-table-2-.csv"


class TestInside:
    def test_a_link_that_leads_out_is_refused_and_one_that_stays_is_not(self, tmp_path: Path):
        root = tmp_path / "results"
        (root / "real").mkdir(parents=True)
        (root / "out").symlink_to(tmp_path)
        (root / "in").symlink_to(root / "real")
        (root / "loop").symlink_to(root / "loop")
        assert inside(root, "in", "x") == root / "in" / "x"
        for parts in (("out", "x"), ("..", "x"), ("/etc/x",), ("loop", "x"), ("a\0",)):
            with pytest.raises(BadInput):
                inside(root, *parts)

    def test_a_results_folder_may_itself_be_a_link(self, tmp_path: Path):
        (tmp_path / "scratch").mkdir()
        (tmp_path / "results").symlink_to(tmp_path / "scratch")
        Store(tmp_path / "results").write(made("iris", "scm", [0.7]))
        assert list((tmp_path / "scratch").rglob("*.json"))


class TestStore:
    def test_a_folder_that_is_named_from_here_is_here(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        written = Store("results/single").write(made("iris", "scm", [0.7]))
        assert [p.relative_to(tmp_path) for p in tmp_path.rglob("*.json")] == [written]
        assert written.is_relative_to("results/single/cells")

    @pytest.mark.parametrize("part", ["cells", "cells/iris"])
    def test_no_record_is_written_through_a_link(self, part: str, tmp_path: Path):
        elsewhere, link = tmp_path / "elsewhere", tmp_path / "results" / part
        elsewhere.mkdir()
        link.parent.mkdir(parents=True)
        link.symlink_to(elsewhere)
        with pytest.raises(BadInput, match="leads out of"):
            Store(tmp_path / "results").write(made("iris", "scm", [0.7]))
        assert not list(elsewhere.iterdir())

    def test_a_link_in_the_temporary_files_place_is_not_followed(self, tmp_path: Path):
        elsewhere = tmp_path / "elsewhere"
        (tmp_path / f".x.{os.getpid()}.tmp").symlink_to(elsewhere)
        write_whole(tmp_path / "x", b"content")
        assert (tmp_path / "x").read_bytes() == b"content"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["x"]

    def test_nor_are_locks(self, tmp_path: Path):
        elsewhere, root = tmp_path / "elsewhere", tmp_path / "results"
        root.mkdir()
        (root / "locks").symlink_to(elsewhere)
        with pytest.raises(BadInput, match="leads out of"), Store(root).lock(CELL, "0" * 64):
            pass
        assert not elsewhere.exists()

    def test_a_journal_that_is_a_link_is_set_aside(self, tmp_path: Path):
        elsewhere, store = tmp_path / "elsewhere", Store(tmp_path / "results")
        store.root.mkdir()
        store.journal.symlink_to(elsewhere)
        store.log({"event": "cell"})
        assert not elsewhere.exists()
        assert not store.journal.is_symlink()

    @pytest.mark.parametrize("name", HOSTILE)
    @pytest.mark.parametrize("what", ["dataset", "method", "domain", "model"])
    def test_a_record_that_is_called_so_is_a_fault_of_its_file(self, what, name, tmp_path: Path):
        if name == "a/b" and what in ("dataset", "model"):
            return  # two levels are theirs
        record = made("iris", "scm", [0.7])
        record["cell"][what] = name
        path = tmp_path / "cells" / "iris" / "scm" / f"0-{record['identity']['hash'][:8]}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(seal(record)))
        found, wrong = Store(tmp_path).examine(path)
        assert found is None
        assert wrong


def test_a_report_is_not_written_through_a_link(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, elsewhere = tmp_path / "results", tmp_path / "elsewhere"
    (elsewhere / "figures").mkdir(parents=True)
    (elsewhere / "figures" / "mine.txt").write_text("kept")
    for record in (made("iris", "pretrained", [0.7]), made("iris", "scm", [0.7, 0.8])):
        Store(root).write(record)
    (root / "report").symlink_to(elsewhere)
    assert main(["report", str(root)]) == 2
    assert "leads out of" in capsys.readouterr().err
    assert [p.name for p in elsewhere.rglob("*")] == ["figures", "mine.txt"]


@pytest.mark.parametrize("verb", ["report", "status", "verify"])
def test_an_experiment_is_no_way_out_of_results(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, "experiment=../../etc"]) == 2
    error = capsys.readouterr().err
    assert "experiment name '../../etc' takes no '/'" in error
    assert len(error.strip().splitlines()) == 1


def code_of(arguments: list[str]) -> int | str | None:
    """The exit code: a sweep's end leaves Hydra by `SystemExit`."""
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code


@pytest.mark.long
@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["method.name=../../../evil"], "The method name '../../../evil' takes no '/'"),
        (["method.name=/tmp/evil"], "takes no '/'"),
        (["method.name=''"], "The method name '' is empty"),
        (["method.name=."], "begins with a dot"),
        (["experiment_name=../../evil"], "The experiment name '../../evil' takes no '/'"),
        (["experiment_name=.."], "begins with a dot"),
        (["methods=[pretrained,'default_ft method.name=../x']"], "The method name '../x'"),
        (
            ["dataset=csv", "path={csv}", "target=y", "dataset.name=../../x"],
            "takes at most one '/'",
        ),
        (
            ["dataset=csv", "path={csv}", "target=y", "dataset.domain=../x"],
            "domain is '../x'; expected",
        ),
    ],
)
@pytest.mark.parametrize("multirun", [[], ["-m"]])
def test_run_refuses_before_anything_is_written(
    overrides: list[str],
    told: str,
    multirun: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = "".join(f"{i},{i % 2}\n" for i in range(60))
    (tmp_path / "mine.csv").write_text("a,y\n" + rows)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)  # `main` sets it for Hydra
    words = [word.format(csv=tmp_path / "mine.csv") for word in overrides]
    assert code_of(["run", *multirun, "dataset=iris", *words]) == 2
    printed = capsys.readouterr()
    assert told in printed.err + printed.out
    assert "Traceback" not in printed.err + printed.out
    records = list(tmp_path.rglob("*.json"))
    assert not records
    if not multirun:
        assert [p.name for p in tmp_path.iterdir()] == ["mine.csv"]
