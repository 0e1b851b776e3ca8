"""What an offline sweep lacks is told before anything is run, each thing once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.cell.store import Store
from bench.cli import main

PAPER = ["experiment=paper", "dataset=tabarena/anneal,tabarena/diabetes", "fold=0,1"]


@pytest.fixture(autouse=True)
def _arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)  # `main` sets it for Hydra


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "lacking"),
    [
        ([], "the weights of autogluon/mitra-classifier;"),
        (["model=mitra_nano"], "the tables tabarena/anneal, tabarena/diabetes;"),
    ],
)
def test_a_sweep_that_lacks_everything_is_refused_at_once(
    words: list[str],
    lacking: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    here = ["offline=true", f"openml.cache_dir={tmp_path}", f"results_dir={tmp_path}/results"]
    assert main(["run", "-m", *PAPER, *words, *here]) == 2
    told = capsys.readouterr()
    assert f"offline=true, and this machine lacks {lacking}" in told.err
    assert "fetch` with the same words" in told.err
    assert "Traceback" not in told.out + told.err
    assert list(Store(tmp_path / "results").records()) == []
