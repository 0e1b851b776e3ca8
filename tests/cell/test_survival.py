"""Whatever ends a sweep early, no record is lost, and nothing recorded runs twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from composing import composing
from hydra import compose
from sweeps import BENCH, METHODS, SWEEP, bench, records, results, sweep

from bench.cell.identity import identity
from bench.cell.record import fault
from bench.cell.store import Store
from bench.datasets import embedded

CELL = ["run", "dataset=haberman", "method=pretrained"]


def heeding_interrupts() -> None:
    """A shell's background jobs ignore SIGINT, and all that they start; a person's do not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(folder: Path, *more: str) -> subprocess.Popen[str]:
    """A sweep in a process group of its own."""
    return subprocess.Popen(
        [*BENCH, "run", *SWEEP, f"results_dir={folder}", *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=heeding_interrupts,
    )  # fmt: skip


def wait_for_records(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(list(folder.glob("cells/**/*.json"))) < count and time.monotonic() < deadline:
        time.sleep(0.02)


def made_again(folder: Path) -> list[str]:
    """Cells that the journal says were made more than once."""
    events = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    made = [event["cell"] for event in events if event.get("made")]
    return sorted({cell for cell in made if made.count(cell) > 1})


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_ctrl_c_stops_and_says_how_to_go_on(tmp_path: Path, workers: int) -> None:
    folder = tmp_path / "results"
    joblib = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={workers}"] if workers > 1 else []
    # Too many cells for a busy machine to be through with before it lets this process look.
    process = started(folder, *joblib, f"seed={','.join(map(str, range(20)))}")
    wait_for_records(folder, 1)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does, to the workers too
    _, told = process.communicate(timeout=15)  # within seconds
    assert process.returncode == 130
    assert "bench: stopped; run the same command again to go on." in told
    assert "Traceback" not in told
    kept = records(folder)
    assert 1 <= len(kept) < 20 * 2 * len(METHODS)
    assert [fault(record) for record in kept.values()] == [None] * len(kept)


def workers_of(driver: int) -> list[int]:
    """Processes of a driver's group, without itself."""
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [
        int(pid)
        for pid, group, state in rows
        if int(group) == driver != int(pid) and not state.startswith("Z")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_driver_however_it_ends(tmp_path: Path, how: signal.Signals) -> None:
    folder = tmp_path / "results"
    seeds = f"seed={','.join(map(str, range(50)))}"
    process = started(folder, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", seeds)
    wait_for_records(folder, 1)
    assert len(workers_of(process.pid)) >= 2
    process.send_signal(how)  # the driver alone
    # Both pipes close when the last process that holds them is gone.
    _, told = process.communicate(timeout=10)
    deadline = time.monotonic() + 3  # a process gives its pipes back before it is gone
    while workers_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workers_of(process.pid) == []
    if how == signal.SIGTERM:
        assert process.returncode == 143
        assert told.endswith("bench: ended by SIGTERM; run the same command again to go on.\n")
    assert "Traceback" not in told
    kept = records(folder)
    assert [fault(record) for record in kept.values()] == [None] * len(kept)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting needs root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow  # `test_sweep` has a quick one, with a limit on the size of files
def test_a_full_disk_loses_nothing_and_room_completes_it(small_disk: Path) -> None:
    folder = small_disk / "results"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(60 * 1024))  # leaves room for locks, not for a record
    run = bench(*CELL, f"results_dir={folder}")
    assert run.returncode == 1
    assert "No space left on device" in run.stderr
    assert "nothing that was done is lost, run it again" in run.stderr
    assert records(folder) == {}
    assert [path.name for path in folder.rglob("*.tmp")] == []

    ballast.unlink()
    run = bench(*CELL, f"results_dir={folder}")
    assert run.returncode == 0, run.stderr
    (record,) = records(folder).values()
    assert (fault(record), record["status"]) == (None, "done")


@pytest.mark.slow
def test_a_disk_that_fills_up_in_a_sweep_keeps_what_was_done(small_disk: Path) -> None:
    folder = small_disk / "results"
    run = sweep(folder)
    assert run.returncode == 1
    assert "No space left on device" in run.stdout + run.stderr
    before = records(folder)
    assert 0 < len(before) < 2 * len(METHODS)
    assert [fault(record) for record in before.values()] == [None] * len(before)

    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    run = sweep(folder)
    assert run.returncode == 0, run.stdout + run.stderr
    after = records(folder)
    assert len(after) == 2 * len(METHODS)
    assert {name: after[name] for name in before} == before


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_sweep_killed_at_ten_random_moments_equals_an_undisturbed_one(
    tmp_path: Path, workers: int
) -> None:
    joblib = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={workers}"] if workers > 1 else []
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "killed"
    begun = time.monotonic()
    assert sweep(undisturbed, *joblib).returncode == 0
    whole = time.monotonic() - begun

    rng = random.Random(0)
    survived: dict[str, dict] = {}
    for _ in range(10):
        process = started(folder, *joblib)
        # Ten moments from the start of the first job to after the end of the last.
        time.sleep(rng.uniform(0.2, 0.8) * whole)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        now = records(folder)
        assert [fault(record) for record in now.values()] == [None] * len(now)
        # None is lost, none was made again: timings and checksums are what they were.
        assert {name: now.get(name) for name in survived} == survived
        survived = now

    run = sweep(folder, *joblib)
    assert run.returncode == 0, run.stdout + run.stderr
    assert {name: records(folder)[name] for name in survived} == survived
    assert results(folder) == results(undisturbed)
    assert made_again(folder) == []
    for table in ("summary.csv", "per_dataset.csv"):
        killed, whole_one = (root / "report" / table for root in (folder, undisturbed))
        assert killed.read_text() == whole_one.read_text()


@pytest.mark.slow
def test_a_cell_that_another_sweep_is_at_is_left_for_last(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    words = ["dataset=haberman", "methods=[pretrained,default_ft]", "finetune.steps=2"]
    with composing():
        cfg = compose("config", ["dataset=haberman", "method=pretrained", "finetune.steps=2"])
    busy = identity(cfg, embedded.load("haberman"))["hash"]
    command = [*BENCH, "run", "-m", *words, f"results_dir={folder}"]
    with Store(folder).lock({"dataset": "haberman", "method": "pretrained"}, busy):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        wait_for_records(folder, 1)
        assert [r["cell"]["method"] for r in records(folder).values()] == ["default_ft"]
    process.communicate(timeout=60)
    assert process.returncode == 0
    begun, *ended = [json.loads(line) for line in (folder / "journal.jsonl").open()]
    assert begun["event"] == "sweep"
    assert [event["cell"] for event in ended] == ["haberman 0 default_ft", "haberman 0 pretrained"]
