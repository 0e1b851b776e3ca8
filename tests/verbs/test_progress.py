"""What a sweep says while it runs and when it ends, from its journal; its exit code."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from made_records import made
from omegaconf import DictConfig

from bench.cell.config import register
from bench.cell.store import Store
from bench.files import CONF
from bench.report import write as tables
from bench.verbs import _door as door
from bench.verbs._progress import Progress, refusals


def refused(fold: int, reason: str, cells: int = 2, dataset: str = "csv") -> dict[str, Any]:
    return {
        "event": "bad_input", "cell": f"{dataset} {fold}", "reason": reason, "cells": cells,
        "again": f"python -m bench run fold={fold}",
    }  # fmt: skip


def ended(fold: int, **changed: Any) -> dict[str, Any]:
    return {
        "event": "cell", "cell": f"iris {fold} pretrained", "status": "done", "made": True,
        "seconds": 3.0, "error": None, "again": f"python -m bench run fold={fold}", "job": fold,
        "entry": "pretrained", "method": "pretrained", "dataset": "iris", "size": [150, 4, 0],
    } | changed  # fmt: skip


def test_each_reason_is_told_once_with_its_cells_and_one_command() -> None:
    events = [refused(fold, "Column 'id' is an identifier.") for fold in range(5)]
    events += [refused(0, "It has one row.", 1, "own")]
    assert list(refusals(events, "python -m bench run -m dataset=csv,own")) == [
        "REFUSED csv 0, csv 1, csv 2, … (10 cells): Column 'id' is an identifier.",
        "REFUSED own 0 (1 cell): It has one row.",
        "  again: python -m bench run -m dataset=csv,own",
    ]
    assert list(refusals(events[-1:], "python -m bench run -m …")) == [
        "REFUSED own 0 (1 cell): It has one row.", "  again: python -m bench run fold=0",
    ]  # fmt: skip
    assert list(refusals([], "python -m bench run -m …")) == []


@pytest.fixture
def config(tmp_path: Path) -> DictConfig:
    """A sweep over three folds of iris, as Hydra hands it to a callback."""
    register()
    words = [f"results_dir={tmp_path / 'results'}", "dataset=iris", "method=pretrained"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", words, return_hydra_config=True)
    cfg.hydra.overrides.task = [*words, "fold=0,1,2"]
    cfg.hydra.runtime.choices = {"dataset": "iris", "method": "pretrained"}
    cfg.hydra.launcher = {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}
    return cfg


def swept(config: DictConfig, *events: dict[str, Any]) -> int:
    """Watch a sweep whose jobs write these events; its exit code."""
    watch = Progress()
    watch.on_multirun_start(config)
    for event in events:
        Store(config.results_dir).log(event)
    try:
        watch.on_multirun_end(config)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_a_sweep_of_refusals_makes_no_report_and_says_so(
    config: DictConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["python -m bench run", "-m", "fold=0,1,2", "path=a b.csv"])
    assert swept(config, *(refused(fold, "No.", 1) for fold in range(3))) == 2
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "3 cells; loading …",
        "No cell was run, so no report is made.",
        "REFUSED csv 0, csv 1, csv 2 (3 cells): No.",
        "  again: python -m bench run -m fold=0,1,2 'path=a b.csv'",
    ]


def test_cells_are_shown_with_the_time_left_and_the_report_is_announced(
    config: DictConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "report", lambda root: 0)
    assert swept(config, ended(0), ended(1, seconds=5.0)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "3 cells; loading …",
        "[1/3] iris 0 pretrained: done (3.0 s) · about 4 s left",
        "[2/3] iris 1 pretrained: done (5.0 s) · about 4 s left",
        "Making tables and figures …",
    ]


def test_a_resume_says_first_what_is_done_and_how_long_the_rest_takes(
    config: DictConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "report", lambda root: 0)
    monkeypatch.setattr("bench.cell.identity.stale", lambda records: [])
    record = made("iris", "pretrained", [0.7])
    record["timings"]["seconds"]["total"] = 40.0
    Store(config.results_dir).write(record)
    config.hydra.overrides.task = ["dataset=iris", "method=pretrained", "fold=0,1,2"]
    assert swept(config, ended(0, made=False)) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "3 cells; loading …",
        "1 of 3 cells are done; about 80 s left for the others",
        "[1/3] iris 0 pretrained: done before (3.0 s) · about 80 s left",
    ]


@pytest.mark.parametrize(
    ("events", "reported", "code"),
    [
        ([ended(0)], 0, 0),
        ([ended(0)], 2, 2),  # no report could be made: never 0
        ([ended(0), refused(1, "No.")], 0, 2),
        ([ended(0, status="failed", error="no luck"), refused(1, "No.")], 2, 1),
    ],
)
def test_the_exit_code_tells_of_cells_refusals_and_the_report(
    config: DictConfig, monkeypatch: pytest.MonkeyPatch,
    events: list[dict[str, Any]], reported: int, code: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(tables, "report", lambda root: reported)
    assert swept(config, *events) == code


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(28, "No space left on device", "r/tables.md"), 1, "No space left on device;"),
        (KeyError("x"), 3, "this is a bug of ours (KeyError: 'x')"),
    ],
)
def test_a_report_that_breaks_is_a_sentence_and_no_success(
    config: DictConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    error: Exception, code: int, words: str, tmp_path: Path,
) -> None:  # fmt: skip
    def broken(root: Path) -> int:
        raise error

    monkeypatch.setattr(tables, "report", broken)
    monkeypatch.setattr(door.tempfile, "tempdir", str(tmp_path))
    assert swept(config, ended(0)) == code
    told = capsys.readouterr().err
    assert words in told
    assert told.startswith("bench: ")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("fold=0,1,2", "3 cells; loading …"),
        ("seed=range(0,5)", "5 cells; loading …"),
        ("methods=[pretrained],[default_ft,scm]", "3 cells; loading …"),
        ("seed=interval(0,1)", "Loading …"),  # of which Hydra's sweeper says what is wrong
        ("dataset=glob(*)", "Loading …"),  # listed where Hydra is at hand, which it is not here
    ],
)
def test_the_cells_are_counted_before_the_first_whatever_is_swept(
    config: DictConfig, capsys: pytest.CaptureFixture[str], word: str, told: str
) -> None:
    config.hydra.overrides.task = [word]
    assert swept(config) == 2
    assert capsys.readouterr().out.splitlines()[0] == told


def test_a_watch_that_breaks_ends_neither_the_sweep_nor_its_report(
    config: DictConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise OSError(5, "Input/output error", "journal.jsonl")

    monkeypatch.setattr(Progress, "_show_new", broken)
    assert swept(config) == 1
    out, err = capsys.readouterr()
    assert err.startswith("bench: journal.jsonl: Input/output error;")
    assert "No cell was run" in out


def test_an_older_journals_lines_and_foreign_ones_are_borne(
    config: DictConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "report", lambda root: 0)
    new = ("job", "entry", "method", "dataset", "size")
    old = {key: value for key, value in ended(0).items() if key not in new}
    store = Store(config.results_dir)
    store.log(old)
    with open(store.journal, "a", encoding="utf-8") as file:
        file.write(json.dumps({"time": time.time(), "event": "dance"}) + "\nno JSON\n")
    watch = Progress()
    watch.on_multirun_start(config)
    store.log(old)
    watch.on_multirun_end(config)
    assert "[1/3] iris 0 pretrained: done (3.0 s) · unknown time left" in capsys.readouterr().out
