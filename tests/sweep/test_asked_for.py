"""What is asked for with settings that cannot be, or that have changed, through the verbs."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from bench.cell.store import Store
from bench.cli import main


@pytest.fixture(autouse=True)
def _arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)  # `main` sets it for Hydra


def own_table(folder: Path) -> Path:
    path = folder / "mine.csv"
    path.write_text("2.10,2.1,v\n" + "".join(f"{i % 3},{i % 2},{i * 7 % 11}\n" for i in range(60)))
    return path


def test_a_senseless_job_of_a_sweep_is_refused_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reported = []
    monkeypatch.setattr("bench.report.write.report", lambda root, *_: reported.append(root) or 0)
    words = ["dataset=iris", "method=pretrained", "gpu_share=0,1", f"results_dir={tmp_path}"]
    ours = ["--config-dir", str(tmp_path)]
    assert main(["run", "-m", *ours, *words]) == 2
    assert reported == [tmp_path]
    assert [record["status"] for record in Store(tmp_path).records()] == ["done"]
    told = capsys.readouterr()
    assert "REFUSED iris" in told.out
    assert "gpu_share is 0.0; expected a number from 0.01 to 1." in told.out
    assert f"again: python -m bench run {shlex.join(ours)} dataset=iris" in told.out
    assert "Traceback" not in told.out + told.err


@pytest.mark.long
def test_a_file_means_ones_own_table_and_its_names_are_as_typed(tmp_path: Path) -> None:
    path = own_table(tmp_path)
    words = [f"path={path}", "target=2.10", "method=pretrained", f"results_dir={tmp_path}/r"]
    assert main(["run", *words]) == 0
    (record,) = Store(tmp_path / "r").records()
    assert record["data"]["classes"] == 3  # of '2.10'; '2.1' has two
    assert record["cell"]["domain"] == "other"
    bits = record["metrics"]

    assert main(["run", *words, "dataset.domain=healthcare"]) == 0
    (record,) = Store(tmp_path / "r").records()
    assert record["cell"]["domain"] == "healthcare"
    assert record["settings"]["dataset"]["domain"] == "healthcare"
    assert record["metrics"] == bits
    events = (tmp_path / "r" / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["made"] for line in events] == [True, False]

    assert main(["run", *words, "dataset.domain=retail"]) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["plan", "dataset=csv", "path=nope.csv", "target=y"], "there is no file nope.csv"),
        (["plan", "fold=-1"], "fold is -1; expected a whole number from 0"),
        (["run", "methods=[3]"], "'method/3'"),
        (["run", "method=scm", "methods=[ctgan]"], "has no effect"),
        (["run", "experiment=smoke", "hydra.mode=RUN", "method=scm"], "write methods=[scm]"),
        (["run", "method=scm", "method.generator.discovery.levels=1"], "levels is 1; expected"),
        (["run", "methods=[pretrained,scm method.generator.n_dags=0]"], "n_dags is 0; expected"),
        (["run", "method=ctgan", "+method.generator.epoch=3"], "did you mean 'epochs'?"),
        (["report", ""], "results_dir is ''"),
        (["status", "results_dir="], "results_dir is ''"),
        (["diff", "/dev/null", "."], "which is a file, not a folder"),
        (["stauts"], "did you mean 'status'?"),
    ],
)
def test_a_sentence_and_nothing_written(
    words: list[str], told: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert "Traceback" not in printed.err + printed.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("swept", ["finetune.lr=1e-4,abc", "fold=0,x", "offline=false,3"])
def test_a_job_of_another_type_is_refused_and_the_others_run(
    swept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.report.write.report", lambda *_: 0)
    words = ["dataset=iris", "methods=[pretrained]", swept, f"results_dir={tmp_path}"]
    assert main(["run", "-m", *words]) == 2
    assert [record["status"] for record in Store(tmp_path).records()] == ["done"]
    told = capsys.readouterr()
    key, wrong = swept.partition("=")[0], swept.rpartition(",")[2]
    assert f"{key} is {wrong}" in told.out.replace("'", "")
    assert told.out.count("REFUSED iris") == 1
    assert f"{key}={wrong}" in told.out.rpartition("again: ")[2]


def test_a_sweep_without_a_job_that_can_be_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["dataset=iris", "finetune.lr=abc,x", f"results_dir={tmp_path}"]
    assert main(["run", "-m", *words]) == 2
    assert "finetune.lr is 'abc'; expected a number above 0" in capsys.readouterr().err
    assert list(Store(tmp_path).records()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["hydra=3"], "the settings cannot be composed"),
        (["--resolve"], "--resolve has no effect without --cfg job"),
        (["method.generator.epochs=2"], "is read by the generator of method=NAME, as method=ctgan"),
        (["method=default_ft", "method.mixing.ratio=5"], "there is no method.generator"),
        (["method=ctgan", "method.mixing.ratio=0.5"], "or method.mixing.rows=mixed"),
        (["method=bootstrap", "method.mixing.ratio=1e-9"], "no row of the generator is mixed in"),
        (["method.finetune=false"], "without fine-tuning it is method=pretrained"),
        (["methods=[pretrained method.finetune=true]"], "Entry 'pretrained method.finetune=true'"),
        (["method=bootstrap", "method.mixing.size=1e-9"], "the generator makes no rows"),
    ],
)
def test_words_that_cannot_be_meant_are_bad_input(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "dataset=iris", f"results_dir={tmp_path}/r", *words]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


@pytest.mark.long
def test_settings_of_a_list_of_methods_are_its_entries(tmp_path: Path) -> None:
    words = ["methods=[bootstrap,noise]", "method.mixing.ratio=0.5", "finetune.steps=1"]
    assert main(["run", "dataset=iris", *words, f"results_dir={tmp_path}"]) == 0
    ratios = [r["settings"]["method"]["mixing"]["ratio"] for r in Store(tmp_path).records()]
    assert ratios == [0.5, 0.5]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["graph", "-m", "fold=0,1"], "graph draws one fold of one method"),
        (["graph", "methods=[scm]"], "graph draws one fold of one method"),
        (["graph", "dataset=iris", "method.generator.n_dags=0"], "method.generator.n_dags is 0;"),
        (["status", "--wathc", "x"], "There is no flag '--wathc'; did you mean '--watch'?"),
        (["report", "x", "--analysis"], "There is no flag '--analysis'"),
        (["xyz"], "no verb 'xyz'; expected one of these."),
    ],
)
def test_what_a_verb_does_not_take_is_bad_input(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, f"results_dir={tmp_path}"]) == 2
    assert told in capsys.readouterr().err


def test_help_is_ours_wherever_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["run", "-m", "-h"], ["verify", "x", "--help"], ["plan", "dataset=iris", "-h"]):
        assert main(words) == 0
        assert "exit codes: 0 all cells done" in capsys.readouterr().out
    assert main(["verify", "-h"]) == 0
    assert "[hours=1]" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("causalmixft 0.")


@pytest.mark.parametrize("entry", ["scm method.mixing.ratio=-1", "scm finetune.steps=x"])
def test_the_entry_of_methods_that_is_senseless_is_named(
    entry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["dataset=iris", f"methods=[pretrained,'{entry}']", f"results_dir={tmp_path}/r"]
    assert main(["run", *words]) == 2
    key = entry.partition(" ")[2].partition("=")[0]
    assert f"bench: Entry '{entry}' of methods: {key} is " in capsys.readouterr().err
    assert not (tmp_path / "r" / "cells").exists()
