"""Cells whose weights were fine-tuned on other tables, as a person runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sweeps import BENCH, bench, inside, records, results

from bench.cell.record import fault

CONF = Path(__file__).parents[1] / "support" / "conf"
SMOKE = "experiment=transfer_smoke"
ON = "transfer.domain=across transfer.tables=[haberman,hepatitis,breast-cancer]"
METHODS = (
    "methods=[pretrained,"
    f"'pretrained transfer=real {ON} method.name=real',"
    f"'default_ft transfer=bootstrap {ON} method.name=bootstrap-default_ft']"
)
CUT = [SMOKE, "seed=0", METHODS, "finetune.steps=2", "transfer.finetune.steps=2"]
TWO_WORKERS = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cut sweep, in one process."""
    folder = tmp_path_factory.mktemp("reference") / "results"
    run = inside("run", *CUT, f"results_dir={folder}")
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.mark.long
def test_the_smoke_in_short_ends_in_sound_records(reference: Path) -> None:
    made = records(reference)
    assert len(made) == 3
    assert [fault(record) for record in made.values()] == [None] * 3
    assert sum(record["transfer"] is not None for record in made.values()) == 2


@pytest.mark.slow
def test_one_worker_and_two_adapt_the_same_weights(reference: Path, tmp_path: Path) -> None:
    run = bench("run", *CUT, f"results_dir={tmp_path}", *TWO_WORKERS)
    assert run.returncode == 0, run.stdout + run.stderr
    assert results(tmp_path) == results(reference)


@pytest.mark.slow
def test_a_killed_sweep_is_finished_by_running_it_again(reference: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*BENCH, "run", *CUT, f"results_dir={tmp_path}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("weights/*.lock")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(records(tmp_path)) < 3
    run = inside("run", *CUT, f"results_dir={tmp_path}")
    assert run.returncode == 0, run.stdout + run.stderr
    assert results(tmp_path) == results(reference)


@pytest.mark.slow
def test_the_whole_smoke_ends_in_sound_records(tmp_path: Path) -> None:
    run = bench("run", SMOKE, f"results_dir={tmp_path}")
    assert run.returncode == 0, run.stdout + run.stderr
    made = records(tmp_path)
    assert len(made) > 9
    assert {record["status"] for record in made.values()} == {"done"}
    assert [fault(record) for record in made.values()] == [None] * len(made)
    keys = {r["transfer"]["key"] for r in made.values() if r["transfer"]}
    assert len(keys) == 4 * 2  # of four arms and two seeds


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["transfer.domain=other", "transfer.leave_out=[]"], "The target 'iris' is among its own"),
        (["transfer.domain=space"], "transfer.domain names 'space', of which there is no source"),
        (["transfer.tables=[tae,glass,concrete]"], "transfer.tables names 'concrete', a table of "),
        (
            ["transfer.tables=[tae,penguins,digits]", "model=tiny", "model.max_classes=3"],
            "transfer: 'digits' cannot be a source: Dataset 'digits' has 10 classes",
        ),
        (["transfer=reel"], "reel"),
        (["methods=['pretrained fold=1']"], "sets 'fold=1'; an entry may set"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_sentence(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)  # `main` sets it for Hydra
    arm = [] if words[0].startswith("transfer=") else ["transfer=real"]
    run = inside(
        "run", "--config-dir", str(CONF), "dataset=iris", *arm, *words, f"results_dir={tmp_path}"
    )
    assert run.returncode == 2
    assert told in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.count("\n") == 1
    assert not records(tmp_path)
