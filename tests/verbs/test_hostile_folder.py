"""A results folder that was made to mislead: links out of it, escapes, counts without sense."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
import torch
from made_records import failed, made
from omegaconf import DictConfig, OmegaConf
from safetensors.torch import load_file, save_file

from bench.analysis.settings import settings as reading
from bench.cell import journal
from bench.cell.store import Store
from bench.cli import main
from bench.errors import ModelError
from bench.models.tab2d.checkpoint import load
from bench.models.weights import FILES, NANO, files
from bench.report.write import report
from bench.sweep import costs
from bench.sweep.costs import Costs, Size
from bench.verbs._door import of_the_system
from bench.verbs._progress import Progress

ESCAPE = "\x1b[31m"
EVENT = {
    **{"time": 1.0, "event": "cell", "cell": "heart 0 scm", "status": "done", "made": True},
    **{"seconds": 1.0, "error": None, "again": "bench run"},
}


def folder_of(root: Path) -> Path:
    for record in (made("heart", "pretrained", [0.7]), made("heart", "scm", [0.7, 0.8])):
        Store(root).write(record)
    return root


@pytest.mark.parametrize("name", ["cells", "locks", "graphs"])
def test_a_linked_folder_is_not_walked(name: str, tmp_path: Path):
    far = folder_of(tmp_path / "far")
    (tmp_path / "near").mkdir()
    link = tmp_path / "near" / name
    link.symlink_to(far / "cells")
    if name == "cells":
        sound, faults = Store(tmp_path / "near").survey()
        assert (sound, list(faults)) == ([], [link])
        assert len(list(costs.measured(tmp_path))) == 2  # those of `far`, once
    else:
        folder_of(tmp_path / "near")
        assert main(["status", str(tmp_path / "near")]) == 0


@pytest.mark.parametrize("part", ["rows", "features"])
def test_a_plan_bears_records_of_no_rows_and_devices_with_escapes(
    part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for dataset in ("a", "b", "c"):
        record = made(dataset, "default_ft", [0.7, 0.8])
        record["data"][part] = 0 if part == "features" else dict.fromkeys(record["data"][part], 0)
        record["provenance"]["device"] = f"{ESCAPE}gpu"
        Store(tmp_path / "near").write(record)
    words = ["dataset=credit-g", "method=default_ft", f"results_dir={tmp_path / 'mine'}"]
    assert main(["plan", *words]) == 0
    told = capsys.readouterr().out
    assert "fitted to 3 records of 3 tables" in told
    assert "\x1b" not in told
    assert Costs.fit(costs.measured(tmp_path)).errors
    assert Size(0, 0, 0).row() == Size(1, 1, 0).row() == [0.0, 0.0, 0.0]


@pytest.mark.long
def test_a_journal_of_millions_of_lines_is_read_in_seconds(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"{}\n" * 5_000_000 + json.dumps(EVENT).encode() + b"\n")
    begun = time.perf_counter()
    read = journal.read(path)
    assert time.perf_counter() - begun < 20
    assert (len(read.events), read.skipped) == (1, 5_000_000)


def test_a_journals_sizes_are_counts(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    sizes = ([0, 1, 2], [1, -1, 2], [1, 2, 2**60])
    path.write_text("".join(json.dumps(EVENT | {"size": size}) + "\n" for size in sizes))
    assert [event["size"] for event in journal.read(path).events] == [[0, 1, 2]]


def test_a_report_lists_its_own_files_and_holds_no_escapes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    root = folder_of(tmp_path / "r")
    record = failed("heart", "default_ft", f"no {ESCAPE}luck")
    Store(root).write(record)
    lost = EVENT | {"cell": f"{ESCAPE}gone 0 scm" + "x" * 5000}
    (root / "journal.jsonl").write_text(json.dumps(lost) + "\n")
    folder = root / "report"
    (folder / "figures" / "old.svg").mkdir(parents=True)
    (folder / "javascript:alert(1).csv").touch()
    (folder / os.fsdecode(b"\xff.csv")).touch()
    assert report(root, reading(["analysis.resamples=20"])) == 0
    printed = capsys.readouterr().out
    assert r"\x1b[31mgone" in printed
    assert len(printed) < 5000
    written = [path for path in folder.rglob("*") if path.suffix in (".html", ".md", ".csv")]
    assert "\x1b" not in printed + "".join(path.read_text() for path in written)
    page = (folder / "index.html").read_text()
    assert "no \\x1b[31mluck" in page.replace("\\\\", "\\")
    assert 'href="left_out.csv"' in page
    assert "javascript:" not in page


def test_a_sweep_of_more_cells_than_can_be_said_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    root = folder_of(tmp_path / "r")
    ranges = ", ".join(f'k{i}: "range(0,999999999999)"' for i in range(500))
    (root / "sweep").mkdir()
    (root / "sweep" / "multirun.yaml").write_text(
        "methods: [scm]\nhydra:\n  sweeper:\n    params: {" + ranges + "}\n"
        "  overrides:\n    task: []\n"
    )
    assert main(["status", str(root)]) == 0
    assert "it asks for more cells" in " ".join(capsys.readouterr().out.split())


def test_what_stands_in_a_folders_place_is_to_be_moved_away():
    told = of_the_system(FileExistsError(17, "File exists", "/r/report"))
    assert told.endswith("run it again once what stands there is moved away.")
    assert "a → a" not in of_the_system(IsADirectoryError(21, "Is a directory", "a", None, "a"))


@pytest.mark.slow
def test_more_evaluations_than_a_record_holds_are_refused(capsys: pytest.CaptureFixture[str]):
    words = ["method=default_ft", "finetune.steps=100000", "finetune.eval_every=4"]
    assert main(["plan", "dataset=credit-g", *words]) == 2
    assert "25,000 evaluations, and a record holds 20,000" in capsys.readouterr().err
    assert main(["plan", "dataset=credit-g", *words[:2], "finetune.eval_every=5"]) == 0


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(path.parents[2] / "far")])
def test_a_sweep_writes_through_nothing_that_stands_in_its_way(make, tmp_path: Path, monkeypatch):
    far = tmp_path / "far"
    far.write_text("mine")
    place = tmp_path / "r" / "sweep" / "multirun.yaml"
    place.parent.mkdir(parents=True)
    make(place)
    monkeypatch.setattr(Progress, "_watch", lambda _: None)
    Progress().on_multirun_start(sweep_of(tmp_path / "r"))
    assert not os.path.lexists(place)
    assert far.read_text() == "mine"


def test_a_sweeps_folder_that_leads_elsewhere_is_refused(tmp_path: Path):
    (tmp_path / "r").mkdir()
    (tmp_path / "far").mkdir()
    (tmp_path / "r" / "sweep").symlink_to(tmp_path / "far")
    with pytest.raises(SystemExit) as end:
        Progress().on_multirun_start(sweep_of(tmp_path / "r"))
    assert end.value.code == 2


@pytest.mark.parametrize("words", ["range(0,inf)", "range(0,nan)", "range(-inf,0)"])
def test_a_sweep_without_end_is_refused(words: str, tmp_path: Path, capsys):
    with pytest.raises(SystemExit) as end:
        Progress().on_multirun_start(sweep_of(tmp_path / "r", f"seed={words}"))
    assert end.value.code == 2
    assert "has no end" in capsys.readouterr().err


def sweep_of(root: Path, *words: str) -> DictConfig:
    return OmegaConf.create(
        {
            "results_dir": str(root),
            "methods": ["pretrained"],
            "fold": 0,
            "seed": 0,
            "hydra": {
                "launcher": {"_target_": "BasicLauncher"},
                "sweeper": {"params": {}},
                "overrides": {"task": [*words]},
                "runtime": {"choices": {"dataset": "haberman", "method": "pretrained"}},
            },
        }
    )


class TestCheckpoint:
    @pytest.mark.parametrize(
        ("changed", "clause"),
        [
            ({"n_layers": 10**9}, "its n_layers is 1000000000, not a number from 1 to 1,000"),
            ({"n_heads": -1}, "its n_heads is -1"),
            ({"dim": "64"}, "its dim is '64'"),
            ({"dim": True}, "its dim is True"),
            ({"dim": float("nan")}, "NaN is no number"),
        ],
    )
    def test_a_network_that_nobody_has_is_refused_before_it_is_built(
        self, changed: dict[str, object], clause: str, tmp_path: Path
    ):
        folder = checkpoint(tmp_path)
        shape = json.loads((NANO / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(shape | changed))
        with pytest.raises(ModelError, match=re.escape(clause)):
            load(str(folder), max_features=10, max_context=10)

    def test_weights_that_are_no_real_numbers_are_refused(self, tmp_path: Path):
        folder = checkpoint(tmp_path)
        weights = load_file(NANO / "model.safetensors")
        save_file({k: v.to(torch.complex64) for k, v in weights.items()}, folder / FILES[1])
        with pytest.raises(ModelError, match="no real numbers"):
            load(str(folder), max_features=10, max_context=10)

    def test_a_file_of_a_terabyte_is_not_hashed(self, tmp_path: Path):
        folder = checkpoint(tmp_path)
        os.truncate(folder / FILES[1], 2**40)
        with pytest.raises(ModelError, match="more than 17,179,869,184 bytes"):
            files(str(folder))


def checkpoint(folder: Path) -> Path:
    for name in FILES:
        (folder / name).write_bytes((NANO / name).read_bytes())
    return folder
