"""A launcher that cannot work here is refused in one sentence, before anything is written."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from bench.cli import main

WORDS = ["run", "-m", "dataset=iris", "method=pretrained"]


@pytest.fixture(autouse=True)
def _arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)  # `main` sets it for Hydra


def test_slurm_without_its_commands_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda program: None)
    results = tmp_path / "results"
    assert main([*WORDS, "hydra/launcher=submitit_slurm", f"results_dir={results}"]) == 2
    told = capsys.readouterr().err
    assert "hydra/launcher=submitit_slurm needs SLURM, and there is no srun and no sbatch" in told
    assert "hydra/launcher=joblib here." in told
    assert not results.exists()


@pytest.mark.parametrize("launcher", ["ray", "submitit_slurm", "submitit_local"])
def test_an_extra_that_is_not_installed_is_named(
    launcher: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    absent = ("ray", "submitit")
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name in absent else found(name)
    )
    assert main([*WORDS, f"hydra/launcher={launcher}"]) == 2
    told = capsys.readouterr().err
    assert f"hydra/launcher={launcher} belongs to an extra that is not installed" in told
    assert ".[cluster]" in told
