"""Whose fault it is that a table or a model cannot be had: the person's, or a bug of ours."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from bench.cell.checking import called
from bench.cli import main
from bench.datasets import embedded
from bench.errors import BadInput

OURS = {"_target_": "bench.datasets.embedded.load", "name": "iris"}


def theirs(fault: str) -> Any:
    """A loader of a user's own, whose fault it is whatever it raises, through code of ours too."""
    if fault == "ours":
        return embedded.load("iris")
    raise {"key": KeyError("target"), "type": TypeError("no rows")}[fault]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in our own loader: it takes a text for a path."""
    monkeypatch.setattr(embedded, "DATA", "nowhere")


@pytest.mark.usefixtures("broken")
def test_a_bug_in_a_loader_of_ours_goes_on_as_it_is() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        called(OURS, "dataset")


@pytest.mark.usefixtures("broken")
def test_a_bug_in_a_loader_of_ours_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)  # `main` sets it for Hydra
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / "results"
    assert main(["run", "dataset=iris", "method=pretrained", f"results_dir={folder}"]) == 3
    told = capsys.readouterr().err
    assert "this is a bug of ours (TypeError: unsupported operand type(s) for /" in told
    assert told.count("\n") == 1
    assert not folder.exists()


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("key", "'target'"),
        ("type", "The dataset's config does not fit its class: no rows"),
        ("ours", "does not fit its class: unsupported operand"),
    ],
)
def test_what_a_loader_of_the_users_raises_is_their_input(fault: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        called({"_target_": f"{__name__}.theirs", "fault": fault}, "dataset")


def test_what_a_loader_of_ours_refuses_or_a_library_raises_is_the_users_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="no embedded dataset 'irs'; did you mean 'iris'"):
        called({**OURS, "name": "irs"}, "dataset")
    with pytest.raises(BadInput, match="got an unexpected keyword"):
        called({**OURS, "named": "iris"}, "dataset")
    (tmp_path / "iris.json").write_text("{")  # what it raises, it raises in the standard library
    monkeypatch.setattr(embedded, "DATA", tmp_path)
    with pytest.raises(BadInput, match="Expecting property name"):
        called(OURS, "dataset")
