"""Cells, sweeps and the store as a person meets them: through the command line, on real tables."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sweeps import BENCH, METHODS, SWEEP, bench, inside, records, results, sweep

from bench.cell.record import fault, seal


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep in this process: two tables, one fold, all methods, three steps."""
    folder = tmp_path_factory.mktemp("reference") / "results"
    run = inside("run", *SWEEP, f"results_dir={folder}")
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.mark.long
def test_a_sweep_leaves_a_sound_record_for_every_cell(reference: Path) -> None:
    made = records(reference)
    assert sorted({r["cell"]["method"] for r in made.values()}) == sorted(METHODS)
    assert len(made) == 2 * len(METHODS)
    assert [fault(record) for record in made.values()] == [None] * len(made)
    assert {record["status"] for record in made.values()} == {"done"}
    for record in made.values():
        scores = record["metrics"]["pretrained"]["test"]
        assert set(scores) == {
            "roc_auc_ovo", "roc_auc_ovr", "log_loss", "accuracy", "balanced_accuracy", "brier",
            "calibration_error",
        }  # fmt: skip


def test_all_methods_start_from_the_same_pretrained_scores(reference: Path) -> None:
    for dataset in ("iris", "haberman"):
        started = [
            json.dumps(record["metrics"]["pretrained"], sort_keys=True)
            for record in records(reference).values()
            if record["cell"]["dataset"] == dataset
        ]
        assert len(set(started)) == 1


def test_a_sweep_prints_and_writes_its_tables(reference: Path) -> None:
    summary = (reference / "report" / "summary.csv").read_text().splitlines()
    assert summary[0].startswith("method,rank,median,iqr")
    assert len(summary) == 1 + len(METHODS)
    assert "complete for all methods shown" in (reference / "report" / "tables.md").read_text()


@pytest.mark.slow
def test_one_worker_and_two_give_the_same_bits(reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    run = sweep(folder, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert run.returncode == 0, run.stdout + run.stderr
    assert results(folder) == results(reference)


@pytest.mark.long
def test_the_same_cell_alone_and_in_a_sweep_gives_the_same_bits(
    reference: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    run = inside(
        "run", "dataset=haberman", "method=bootstrap", "finetune.steps=3", f"results_dir={folder}"
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (name,) = results(folder)
    assert results(folder)[name] == results(reference)[name]


@pytest.mark.long
def test_a_finished_sweep_does_no_cell_again(reference: Path) -> None:
    before = {name: record["timings"] for name, record in records(reference).items()}
    run = inside("run", *SWEEP, f"results_dir={reference}")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("done before") == 2 * len(METHODS)
    assert {name: record["timings"] for name, record in records(reference).items()} == before


@pytest.mark.long
def test_a_killed_sweep_is_finished_by_running_it_again(reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    process = subprocess.Popen(
        [*BENCH, "run", *SWEEP, f"results_dir={folder}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(list(folder.rglob("cells/**/*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    survived = records(folder)
    assert 3 <= len(survived) < 2 * len(METHODS)
    assert [fault(record) for record in survived.values()] == [None] * len(survived)

    run = inside("run", *SWEEP, f"results_dir={folder}")
    assert run.returncode == 0, run.stdout + run.stderr
    assert results(folder) == results(reference)
    again = records(folder)
    assert {name: again[name]["timings"] for name in survived} == {
        name: record["timings"] for name, record in survived.items()
    }
    for table in ("summary.csv", "per_dataset.csv", "tables.md"):
        assert (folder / "report" / table).read_text() == (reference / "report" / table).read_text()


@pytest.mark.long
def test_damaged_and_stale_records_are_made_anew(reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    cells = folder / "cells"
    subprocess.run(["cp", "-r", reference, folder], check=True)
    names = list(records(folder))
    truncated, edited, stale = (cells / name for name in names[:3])
    truncated.write_bytes(truncated.read_bytes()[:100])
    record = json.loads(edited.read_text())
    record["metrics"]["chosen"]["test"]["roc_auc_ovo"] = 0.999
    edited.write_text(json.dumps(record))
    record = json.loads(stale.read_text())
    record["provenance"]["code"] = "0" * 64
    stale.write_text(
        json.dumps(
            seal({k: v for k, v in record.items() if k not in ("schema_version", "checksum")})
        )
    )

    run = inside("run", *SWEEP, f"results_dir={folder}")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("Set aside") == 2
    assert "its content does not match its checksum" in run.stdout
    assert run.stdout.count("done before") == 2 * len(METHODS) - 3
    assert results(folder) == results(reference)
    assert len(list((folder / "set_aside").rglob("*.txt"))) == 2


@pytest.mark.slow  # two workers of one sweep, and a cell that another is at, are in every run
def test_two_sweeps_on_one_folder_share_the_work(reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    words = ["dataset=iris" if word.startswith("dataset=") else word for word in SWEEP]
    both = [
        subprocess.Popen(
            [*BENCH, "run", *words, f"results_dir={folder}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    of_iris = {name: made for name, made in results(reference).items() if "iris" in name}
    assert results(folder) == of_iris
    events = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    ended = [event for event in events if event["event"] == "cell"]
    assert len(ended) == 2 * len(METHODS)
    assert sum(event["made"] for event in ended) == len(METHODS)


@pytest.mark.long
def test_a_folder_may_be_called_as_a_reference_is_written(tmp_path: Path) -> None:
    run = inside(
        "run", "dataset=iris", "method=pretrained", f'results_dir="{tmp_path}/\\${{home}}"'
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(records(tmp_path / "${home}")) == 1


@pytest.mark.long
def test_a_full_disk_loses_nothing(reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    cell = ["run", "dataset=haberman", "method=default_ft", "finetune.steps=3"]
    limit = (2000, 2000)  # bytes a file may have: less than a record has
    run = bench(
        *cell,
        f"results_dir={folder}",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert run.returncode == 1
    assert "File too large; nothing that was done is lost" in run.stderr
    assert [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"] == []

    run = inside(*cell, f"results_dir={folder}")
    assert run.returncode == 0, run.stdout + run.stderr
    (name,) = results(folder)
    assert results(folder)[name] == results(reference)[name]


GENERATOR = '''
"""Every row a copy of the first one of its class, each number nudged; a stranger's method."""

import numpy as np

from bench.table import Table
from bench.generator import Generator


class Nudged(Generator):
    stays_in_range = False

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def fit(self, table: Table, rng: np.random.Generator) -> "Nudged":
        self.table_ = table
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        rows = self.table_.take(rng.integers(len(self.table_), size=n))
        X = rows.X.copy()
        for column in rows.numeric:
            X[column] += self.scale * X[column].std() * rng.normal(size=n)
        return rows.with_rows(X, rows.y)
'''
METHOD = """
name: nudged
generator:
  _target_: {module}.Nudged
  scale: 0.1
mixing:
  rows: mixed
"""


@pytest.fixture
def stranger(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder outside the project with one YAML and the class file `of` that it names."""
    folder = tmp_path / "stranger"
    (folder / "conf" / "method").mkdir(parents=True)
    module = f"nudged_in_{request.node.name}"  # no other test's: a process imports it once
    (folder / f"{module}.py").write_text(GENERATOR)
    (folder / "conf" / "method" / "nudged.yaml").write_text(METHOD.format(module=module))
    return folder


def of(stranger: Path) -> Path:
    (file,) = stranger.glob("*.py")
    return file


@pytest.fixture
def at_hand(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where this process finds the class."""
    monkeypatch.syspath_prepend(stranger)
    return stranger


@pytest.mark.long
def test_adding_a_method_takes_one_class_file_and_one_yaml(
    stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stranger / "results"
    arguments = [
        "run", "--config-dir", str(stranger / "conf"), "-m", "dataset=haberman",
        "methods=[default_ft,nudged]", "finetune.steps=2", f"results_dir={folder}",
        "hydra/launcher=joblib", "hydra.launcher.n_jobs=1",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(stranger)}
    run = bench(*arguments, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr
    (record,) = (r for r in records(folder).values() if r["cell"]["method"] == "nudged")
    assert record["status"] == "done"
    assert record["synthetic"]["rows"] == record["data"]["rows"]["train"]
    assert record["settings"]["method"]["generator"]["scale"] == 0.1

    # An edit of the stranger's file makes its record stale, and only that one. This process has
    # not imported it yet.
    of(stranger).write_text(GENERATOR + "\nprint('edited')\n")
    monkeypatch.syspath_prepend(stranger)
    run = inside(*arguments)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "default_ft: done before" in run.stdout
    assert "nudged: done (" in run.stdout


@pytest.mark.long
def test_a_generator_that_breaks_is_a_failed_record_and_other_cells_go_on(at_hand: Path) -> None:
    broken = GENERATOR.replace("self.table_ = table", "raise RuntimeError('no luck today')")
    of(at_hand).write_text(broken)
    folder = at_hand / "results"
    run = inside(
        "run", "--config-dir", str(at_hand / "conf"), "-m", "dataset=haberman",
        "methods=[nudged,pretrained]", f"results_dir={folder}",
    )  # fmt: skip
    assert run.returncode == 1
    made = {r["cell"]["method"]: r for r in records(folder).values()}
    assert made["pretrained"]["status"] == "done"
    assert made["nudged"]["status"] == "failed"
    assert made["nudged"]["error"]["message"] == "no luck today"
    assert "RuntimeError" in made["nudged"]["error"]["traceback"]
    assert made["nudged"]["metrics"] == {}
    assert "FAILED haberman 0 nudged: no luck today" in run.stdout
    assert "methods=[nudged]" in run.stdout  # the command that runs it again
    left_out = (folder / "report" / "left_out.csv").read_text()
    assert "failed" in left_out


@pytest.mark.long
def test_rows_of_one_class_alone_are_not_applicable_and_serve_mixed(at_hand: Path) -> None:
    """A deep model may forget a class: its rows make no task, which is no failure of the run."""
    one_class = GENERATOR.replace(
        "return rows.with_rows(X, rows.y)", "return rows.with_rows(X, np.zeros(n, dtype=int))"
    )
    assert one_class != GENERATOR
    of(at_hand).write_text(one_class)
    folder = at_hand / "results"
    alone = "nudged method.name=alone method.mixing.rows=synthetic"
    run = inside(
        "run", "--config-dir", str(at_hand / "conf"), "-m", "dataset=haberman",
        f"methods=['{alone}',nudged,pretrained]", "finetune.steps=2", f"results_dir={folder}",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    made = {r["cell"]["method"]: r for r in records(folder).values()}
    assert {name: r["status"] for name, r in made.items()} == {
        "alone": "not_applicable", "nudged": "done", "pretrained": "done",
    }  # fmt: skip
    assert made["alone"]["error"]["message"] == (
        "The synthetic rows make no task by themselves: "
        "all rows are of one class, so there is nothing to learn from them."
    )
    assert (
        "NOT APPLICABLE haberman 0 alone: The synthetic rows make no task by themselves"
        in run.stdout
    )
    assert made["alone"]["metrics"] == {}
    assert made["alone"]["synthetic"]["quality"]["marginal_distance"] > 0  # of the rows, kept
    left_out = (folder / "report" / "left_out.csv").read_text()
    assert "not_applicable" in left_out
    assert "make no task by themselves" in left_out


@pytest.mark.long
def test_a_table_that_a_generator_refuses_is_not_applicable(at_hand: Path) -> None:
    refusing = GENERATOR.replace(
        "self.table_ = table", "raise NotApplicable('It needs dates.')"
    ).replace("import Generator", "import Generator, NotApplicable")
    of(at_hand).write_text(refusing)
    folder = at_hand / "results"
    run = inside(
        "run", "--config-dir", str(at_hand / "conf"), "dataset=haberman", "method=nudged",
        f"results_dir={folder}",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    (record,) = records(folder).values()
    assert record["status"] == "not_applicable"
    assert record["error"]["message"] == "It needs dates."
    assert record["metrics"] == {}
