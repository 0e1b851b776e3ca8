"""One sweep through every launcher: the records are those of the basic one, bit for bit.

joblib is held to this by `test_sweep`; those here need more time, or a cluster.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sweeps import BENCH, METHODS, SWEEP, records, results, sweep

SLURM_LOCAL = Path(__file__).parents[2] / "scripts" / "slurm_local.sh"
SLURM = [
    "hydra/launcher=submitit_slurm", "hydra.launcher.partition=local",
    "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=null",
]  # fmt: skip
LAUNCHERS = {
    "joblib": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    "submitit_local": ["hydra/launcher=submitit_local"],
    "ray": [
        "hydra/launcher=ray", "+hydra.launcher.ray.init.num_cpus=2",
        "+hydra.launcher.ray.init.include_dashboard=false",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("basic") / "results"
    run = sweep(folder)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_records_are_the_basic_launchers(basic: Path, tmp_path: Path, launcher: str) -> None:
    folder = tmp_path / "results"
    run = sweep(folder, *LAUNCHERS[launcher])
    assert run.returncode == 0, run.stdout + run.stderr
    assert results(folder) == results(basic)
    # The watch saw every cell, wherever it ran.
    assert f"[{2 * len(METHODS)}/{2 * len(METHODS)}]" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", *LAUNCHERS])
def test_a_failed_cell_is_exit_status_1_with_the_command_that_re_runs_it(
    tmp_path: Path, launcher: str
) -> None:
    folder = tmp_path / "results"
    run = sweep(folder, "finetune.lr=1e9", *LAUNCHERS.get(launcher, []))  # the loss overflows
    assert run.returncode == 1, run.stdout + run.stderr
    statuses = {name: record["status"] for name, record in records(folder).items()}
    failed = [name for name, status in statuses.items() if status == "failed"]
    assert len(failed) == 2 * (len(METHODS) - 1)  # all but the pre-trained model
    assert run.stdout.count("FAILED ") == len(failed)
    assert run.stdout.count("again: python -m bench run ") == len(failed)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a one-node SLURM of our own."""
    if os.geteuid() or not shutil.which("slurmctld"):
        pytest.skip("a local SLURM needs root, and the packages that scripts/slurm_local.sh names")
    folder = tmp_path_factory.mktemp("slurm")
    up = subprocess.run([SLURM_LOCAL, "up", folder], capture_output=True, text=True, check=False)
    assert up.returncode == 0, up.stderr
    words = up.stdout.split()[1:]
    settings = dict(word.partition("=")[::2] for word in words)
    yield {
        **os.environ,
        "SLURM_CONF": settings["SLURM_CONF"],
        "PATH": settings["PATH"].replace("$PATH", os.environ["PATH"]),
    }
    subprocess.run([SLURM_LOCAL, "down", folder], check=True)


@pytest.mark.slurm
def test_slurm_gives_the_basic_launchers_records_after_a_cancelled_task_too(
    tmp_path: Path, slurm: dict[str, str]
) -> None:
    basic, folder = tmp_path / "basic", tmp_path / "results"
    longer = "finetune.steps=30"  # so that the task still runs when it is cancelled
    assert sweep(basic, longer).returncode == 0
    command = [*BENCH, "run", *SWEEP, longer, *SLURM, f"results_dir={folder}"]
    process = subprocess.Popen(
        command, env=slurm, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not list(folder.glob("cells/iris/*/*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    job = _squeue(slurm)[0].partition("_")[0]
    subprocess.run(["scancel", f"{job}_0"], env=slurm, check=True)  # iris, in its first methods
    told = process.communicate(timeout=300)
    assert process.returncode == 1, told
    assert "the launcher lost a job" in told[1]
    assert "run the same command again to go on" in told[1]
    while _squeue(slurm):  # the other task runs on
        time.sleep(0.2)
    survived = records(folder)
    assert 1 <= len(survived) < 2 * len(METHODS)

    run = subprocess.run(command, env=slurm, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert results(folder) == results(basic)
    assert {name: records(folder)[name] for name in survived} == survived


def _squeue(environment: dict[str, str]) -> list[str]:
    """Tasks that wait or run, as JOB_TASK."""
    listed = subprocess.run(
        ["squeue", "-h", "-r", "-o", "%i"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return listed.stdout.split()


@pytest.mark.slow
def test_a_sweep_whose_output_nobody_reads_any_more_is_done_all_the_same(
    basic: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    words = [*BENCH, "run", *SWEEP, *LAUNCHERS["joblib"], f"results_dir={folder}"]
    run = subprocess.run(
        ["bash", "-c", f"{shlex.join(words)} | head -1; exit ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == f"{2 * len(METHODS)} cells; loading …\n"
    assert results(folder) == results(basic)
    assert (folder / "report" / "index.html").exists()
