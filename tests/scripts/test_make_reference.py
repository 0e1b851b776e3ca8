"""The kept runs are made one after the other, go on where they were, and nothing is made twice."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from bench.cell.store import Store
from bench.sweep.costs import Costs
from scripts.make_reference import LEFT, main
from scripts.reference.time_left import Estimate

RUNS = """
folders:
  - name: one
    experiments: ["smoke dataset=tae 'methods=[pretrained,default_ft,bootstrap]' finetune.steps=2"]
    predictions: true
    keeps: [figures/improvements.png]
  - name: two
    experiments:
      - "smoke dataset=tae 'methods=[pretrained,default_ft]' finetune.steps=2"
      - "smoke dataset=iris 'methods=[pretrained,default_ft]' finetune.steps=2"
    predictions: false
"""
FIRST = ["--only", "one"]


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    (tmp_path / "runs.yaml").write_text(RUNS)
    return tmp_path / "runs.yaml"


def run(asked: Path, results: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    where = ["--file", str(asked), "--results", str(results), "--workers", "1"]
    monkeypatch.setattr(sys, "argv", ["make_reference", *where, *words])
    return main()


def places(root: Path) -> list[str]:
    return [f"{r['cell']['dataset']} {r['cell']['method']}" for r in Store(root).records()]


@pytest.mark.slow
def test_a_run_is_kept_half_done_goes_on_elsewhere_and_is_not_made_again(
    asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    assert run(asked, here, monkeypatch, *FIRST) == 0
    kept = here / "reference" / "one"
    assert places(kept) == ["tae bootstrap", "tae default_ft", "tae pretrained"]
    assert all(record["predictions"] for record in Store(kept).records())
    assert (kept / "report" / "summary.csv").is_file()
    large = [path.name for path in kept.rglob("*") if path.suffix in (".png", ".svg", ".html")]
    assert large == ["improvements.png"]

    # What the first made already is brought to the second; of it half is there, and is kept.
    capsys.readouterr()
    assert run(asked, here, monkeypatch, "--keep") == LEFT
    said = capsys.readouterr().out
    assert "two: 2 records brought from other experiments" in said
    assert "two: 2 cells left; 2 records in" in said
    assert places(here / "reference/unfinished/two") == ["tae default_ft", "tae pretrained"]

    # Another machine has what was committed alone.
    shutil.copytree(here / "reference", there / "reference")
    assert run(asked, there, monkeypatch, "--plan") == 0
    assert "two: 2 cells to run" in capsys.readouterr().out
    assert run(asked, there, monkeypatch) == 0
    assert sorted(places(there / "reference/two")) == [
        "iris default_ft",
        "iris pretrained",
        "tae default_ft",
        "tae pretrained",
    ]
    assert not any(record["predictions"] for record in Store(there / "reference/two").records())
    assert not (there / "reference/unfinished/two").exists()
    assert len((there / "two" / "journal.jsonl").read_text().splitlines()) == 6  # 2 were there

    before = (there / "reference/two/records.jsonl.zst").read_bytes()
    shutil.rmtree(there / "two")
    capsys.readouterr()
    assert run(asked, there, monkeypatch) == 0
    said = capsys.readouterr().out
    assert "cells to run" not in said
    assert "nothing is left to run" in said
    assert (there / "reference/two/records.jsonl.zst").read_bytes() == before


@pytest.mark.slow
def test_a_cell_of_two_folders_is_run_for_the_first_alone(
    asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    one, two = ["pretrained", "default_ft"], ["default_ft", "pretrained"]
    asked.write_text(
        "folders:\n"
        + "".join(
            f"  - name: {name}\n    predictions: false\n    experiments:\n"
            f"      - \"smoke dataset=tae 'methods=[{','.join(methods)}]' finetune.steps=2\"\n"
            for name, methods in {"one": one, "two": two}.items()
        )
    )
    assert run(asked, tmp_path, monkeypatch) == 0
    said, progress = capfd.readouterr()
    assert "All: 2 cells to run" in said
    assert "2 of 2 cells" in progress
    assert "two: 2 records brought from other experiments" in said
    assert not (tmp_path / "two" / "journal.jsonl").exists()
    for name in ("one", "two"):
        assert sorted(places(tmp_path / "reference" / name)) == ["tae default_ft", "tae pretrained"]
        assert said.count(f"{name}: whole; 2 records") == 1


def test_where_nothing_is_left_no_time_is_guessed() -> None:
    assert Estimate(Costs(), workers=2).left([]) == "nothing left"


def test_what_is_no_kept_run_is_said(
    asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(asked, tmp_path, monkeypatch, "--only", "three") == 2
    assert "no kept run 'three'" in capsys.readouterr().err
    asked.write_text(RUNS.replace("predictions: true", "predictions: perhaps"))
    assert run(asked, tmp_path, monkeypatch) == 2
    assert "folders.0.predictions" in capsys.readouterr().err


def test_a_damaged_pack_stops_it_before_anything_is_run(
    asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "reference/unfinished/one/records.jsonl.zst"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no pack")
    assert run(asked, tmp_path, monkeypatch, *FIRST) == 2
    assert "unfinished/one/records.jsonl.zst' cannot be used" in capsys.readouterr().err
    assert not (tmp_path / "one").exists()
