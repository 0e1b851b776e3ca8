"""Bad input through the command line: one clear sentence, exit code 2, nothing written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sweeps import inside


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dataset=nope"], "Could not find 'dataset/nope'"),
        (["method=nope"], "Could not find 'method/nope'"),
        (
            ["finetune.stps=3"],
            "There is no setting 'finetune.stps'; did you mean 'finetune.steps'?",
        ),
        (["+finetune.stps=3"], "There is no setting 'finetune.stps'"),
        (["+fould=1"], "There is no setting 'fould'"),
        (["finetune.steps=many"], "is 'many'; expected a whole number from 1"),
        (
            ["method.mixing.rows=some"],
            "rows is 'some'; expected 'real', 'synthetic' or 'mixed'.",
        ),
        (["fold=30"], "splits go from 0 to 29"),
        (
            ["method=mixed_model", "+method.generator.foo=1"],
            "There is no setting 'method.generator.foo'",
        ),
        (["model=mitra_local"], "Missing mandatory value: model.path"),
        (["model=mitra_local", "model.path=conf"], "lacks config.json and model.safetensors"),
        (["dataset=csv", "path=nowhere.csv", "target=y"], "nowhere.csv"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    result = inside("run", "dataset=iris", *arguments, f"results_dir={folder}")
    assert result.returncode == 2
    assert sentence in result.stderr
    assert result.stderr.startswith("bench: ")
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stdout + result.stderr
    assert not folder.exists()


@pytest.mark.long
def test_a_refused_table_in_a_sweep_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    small = tmp_path / "small.csv"
    small.write_text("a,y\n1,0\n2,1\n")
    result = inside(
        "run", "-m", "dataset=csv,iris", f"path={small}", "target=y", "method=pretrained",
        f"results_dir={folder}",
    )  # fmt: skip
    assert result.returncode == 2
    assert "REFUSED csv 0" in result.stdout
    assert [path.parent.name for path in folder.glob("cells/*/*/*.json")] == ["pretrained"]


@pytest.mark.long
def test_own_table_runs_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "mein größter Test.csv"
    rows = [f"{i % 17},{'ja' if i % 3 else 'nein'},{'x' if i % 17 > 8 else 'y'}" for i in range(90)]
    path.write_text("\n".join(["länge,mit leer zeichen,ziel", *rows]), encoding="utf-8")
    folder = tmp_path / "results"
    result = inside(
        "run", "dataset=csv", f"path='{path}'", "target=ziel", "method=bootstrap",
        "finetune.steps=2", f"results_dir={folder}",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(list(folder.glob("cells/*/bootstrap/*.json"))) == 1


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], []])
def test_help_teaches(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 0
    for word in ("dataset=credit-g", "experiment=smoke", "mixed_model", "exit codes"):
        assert word in result.stdout


def test_an_unknown_verb_is_named() -> None:
    result = run("dance")
    assert result.returncode == 2
    assert "no verb 'dance'" in result.stderr
