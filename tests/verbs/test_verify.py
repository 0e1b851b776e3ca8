"""verify: a record is what the code makes, or it is said why not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_records import adapted, made
from openml_server import generated, serving
from sweeps import inside

from bench.cell.agreement import Level
from bench.cell.check import compare, disagreeing, inconsistencies
from bench.cell.record import encode, results_of, seal
from bench.cell.store import Store
from bench.cli import main
from bench.sweep.remake import Today, remade

AUC = "roc_auc_ovo"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real cells: the pre-trained model and three steps of fine-tuning with bootstrap rows."""
    folder = tmp_path_factory.mktemp("verify") / "results"
    run = inside(
        "run", "dataset=iris", "methods=[pretrained,bootstrap]", "finetune.steps=4",
        f"results_dir={folder}",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture
def edited(reference: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the reference with a record changed, its checksum made anew or not."""

    def of(method: str, change: Callable[[Any], None], resealed: bool) -> Path:
        folder = tmp_path / "results"
        shutil.copytree(reference, folder)
        (path,) = (folder / "cells" / "iris" / method).glob("*.json")
        record = json.loads(path.read_text())
        change(record)
        if resealed:
            record = seal({k: v for k, v in record.items() if k != "checksum"})
        path.write_text(encode(record))
        return folder

    return of


def better(record: Any) -> None:
    record["metrics"]["chosen"]["test"][AUC] = 0.999


def more_accurate(record: Any) -> None:
    """An edit that a record does not betray by itself: accuracy stands in no curve."""
    record["predictions"] = {}
    record["metrics"]["chosen"]["test"]["accuracy"] = 0.999


@pytest.mark.long
def test_a_sound_folder_passes_bit_for_bit(
    reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(reference), "--all"]) == 0
    printed = capsys.readouterr().out
    assert printed.count(": reproduced to the bit\n") == 2
    assert printed.splitlines()[-2:] == [
        "2 records held against themselves, 0 do not hold; 2 of 2 cells made again.",
        "Reproduced: 2 of 2 cells, 2 to the bit.",
    ]


@pytest.mark.long
def test_records_of_another_processor_are_reproduced_to_rounding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Torch's plainest kernels stand for those of another processor."""
    words = ["dataset=iris", "methods=[pretrained,bootstrap,causalmixft]", "finetune.steps=2"]
    run = subprocess.run(
        [sys.executable, "-m", "bench", "run", *words, f"results_dir={tmp_path}"],
        env={**os.environ, "ATEN_CPU_CAPABILITY": "default"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert main(["verify", str(tmp_path), "--all"]) == 0
    printed = capsys.readouterr().out
    assert printed.count(": reproduced to rounding (1e-06)\n") == 3
    last = printed.splitlines()[-1]
    assert last.startswith("Reproduced: 3 of 3 cells, 3 to rounding (1e-06); other kernels (torch ")


def test_an_edited_metric_is_found_by_its_checksum(
    edited: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(edited("bootstrap", better, resealed=False)), "n=0"]) == 1
    printed = capsys.readouterr().out
    assert printed.endswith("\nNot reproduced: 1 record of the folder does not hold.\n")
    assert "FAULTY" in printed
    assert "it was edited or damaged" in printed


def test_a_resealed_edit_contradicts_the_curves(
    edited: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(edited("bootstrap", better, resealed=True)), "n=0"]) == 1
    printed = capsys.readouterr().out
    assert "CONTRADICTS ITSELF iris fold 0 bootstrap" in printed
    assert "chosen test roc_auc_ovo is 0.999, but its curve says" in printed


def test_a_sound_cell_under_another_name_clears_no_edited_one(
    edited: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = edited("bootstrap", better, resealed=True)
    (path,) = (folder / "cells" / "iris" / "bootstrap").glob("*.json")
    sound = json.loads(path.read_text())
    sound["metrics"]["chosen"]["test"][AUC] = sound["curves"]["test"][AUC][
        sound["curves"]["step"].index(sound["chosen_step"])
    ]
    sound["cell"]["method"] = sound["settings"]["method"]["name"] = "zz"
    Store(folder).write({key: value for key, value in sound.items() if key != "checksum"})
    assert main(["verify", str(folder), "n=0"]) == 1
    printed = capsys.readouterr().out
    assert printed.count("CONTRADICTS ITSELF") == 1
    assert "CONTRADICTS ITSELF iris fold 0 bootstrap" in printed
    assert printed.endswith("\nNot reproduced: 1 record of the folder does not hold.\n")


@pytest.mark.long
def test_a_resealed_edit_that_contradicts_nothing_is_found_by_making_the_cell_again(
    edited: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(edited("bootstrap", more_accurate, resealed=True)), "--all"]) == 1
    printed = capsys.readouterr().out
    assert "DIFFERS (bit for bit" in printed
    assert "metrics.chosen.test.accuracy: record 0.999" in printed
    assert "the record was edited, or the cell is not deterministic" in printed
    assert printed.endswith("\nNot reproduced: 1 of 2 cells made again differs.\n")


@pytest.mark.long
def test_the_choice_of_cells_is_seeded(reference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(reference), "n=1", "seed=3"]) == 0
    first = capsys.readouterr().out
    assert main(["verify", str(reference), "n=1", "seed=3"]) == 0
    assert capsys.readouterr().out == first
    assert "1 of 2 cells made again" in first


class TestCompare:
    RECORD = made("iris", "scm", [0.7, 0.72])

    def test_elsewhere_scores_may_differ_within_the_tolerance(self):
        other = self.RECORD["provenance"] | {"processor": "another one"}
        near = made("iris", "scm", [0.7, 0.724], provenance=other)
        outcome = compare(self.RECORD, near, 0.01)
        assert outcome.differences == []
        assert outcome.level is Level.tolerance
        assert outcome.elsewhere == "processor (a processor → another one)"

    def test_beyond_it_the_cause_is_named(self):
        other = self.RECORD["provenance"] | {"versions": {"torch": "2.14.0"}}
        far = made("iris", "scm", [0.7, 0.75], provenance=other)
        outcome = compare(self.RECORD, far, 0.01)
        assert any(d.startswith("metrics.chosen.test.roc_auc_ovo") for d in outcome.differences)
        assert outcome.causes == ["other torch (2.13.0 → 2.14.0)"]

    def test_what_the_last_step_and_predicted_classes_drift_is_a_note(self):
        other = self.RECORD["provenance"] | {"kernels": "torch AVX2"}
        again = json.loads(json.dumps(self.RECORD)) | {"provenance": other}
        again["metrics"]["last"]["test"]["roc_auc_ovo"] += 0.05
        again["metrics"]["chosen"]["test"]["accuracy"] = 0.5
        record = json.loads(json.dumps(self.RECORD))
        record["metrics"]["chosen"]["test"]["accuracy"] = 0.6
        outcome = compare(record, again, 0.01)
        assert outcome.differences == []
        assert [line.partition(":")[0] for line in outcome.drift] == [
            "metrics.chosen.test.accuracy", "metrics.last.test.roc_auc_ovo",
        ]  # fmt: skip
        again["metrics"]["chosen"]["test"]["roc_auc_ovo"] += 0.05
        (held,) = compare(record, again, 0.01).differences
        assert held.startswith("metrics.chosen.test.roc_auc_ovo")

    def test_other_data_is_the_cause_where_the_table_changed(self):
        other = json.loads(json.dumps(self.RECORD))
        other["identity"]["parts"]["dataset"] = "another"
        assert compare(self.RECORD, other, 0.01).causes == [
            "the table is not the one that the record was made from"
        ]

    def test_a_sound_record_contradicts_nothing(self):
        assert list(inconsistencies(self.RECORD)) == []

    def test_adapted_weights_are_held_to_the_bit_but_for_their_key(self):
        record, code = adapted(self.RECORD), {**self.RECORD["provenance"], "code": "beef" * 16}
        again = adapted(self.RECORD, key="f" * 32)
        assert compare(record, again, 0.01).differences == [
            f"transfer.key: record {record['transfer']['key']}, now {'f' * 32}"
        ]
        assert compare(record, {**again, "provenance": code}, 0.01).differences == []
        other = adapted(self.RECORD, weights="f" * 64)
        assert [d[:16] for d in compare(record, other, 0.01).differences] == ["transfer.weights"]

    def test_what_is_told_of_adapted_weights_must_fit_together(self):
        record = adapted(self.RECORD)
        record["metrics"]["pretrained"]["test"]["roc_auc_ovo"] = 0.5  # of the published weights
        assert list(inconsistencies(record)) == []
        assert disagreeing([record, adapted(self.RECORD, dropped={})]) == {}
        record["transfer"]["forgetting"]["ilpd"]["adapted"]["roc_auc_ovo"] = 0.9
        told = record["settings"]["transfer"]["finetune"]
        told["select_by"] = "roc_auc_ovo"
        record["transfer"]["chosen_step"] = 80
        chosen, forgot = inconsistencies(record)
        assert chosen == "its transfer's chosen step is 80, but by ROC-AUC it would be 40"
        assert forgot == (
            "adapted roc_auc_ovo of the tables held out is 0.86 on average, but their curve says "
            "0.8 on average at step 80"
        )
        others = [adapted(made("iris", "scm", [0.7, 0.72], fold=fold)) for fold in (1, 2)]
        ((_, (why,)),) = disagreeing([record, *others]).items()
        assert why == "its adapted weights are not those of the other cells that started from them"
        record["identity"]["parts"]["transfer"]["finetune"] = {"select_by": "log_loss"}
        (*_, settings) = (w for w in inconsistencies(record) if "settings" in w)
        assert "transfer.finetune.select_by (log_loss → roc_auc_ovo)" in settings


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["n=some"], "n is a number"), (["n=-1"], "not below 0"), (["nowhere"], "no records under")],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], told: str, reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = [] if arguments == ["nowhere"] else [str(reference)]
    assert main(["verify", *arguments, *more]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 1


def test_an_empty_folder_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (Store(tmp_path).root / "cells").mkdir()
    assert main(["verify", str(tmp_path)]) == 2
    assert "no records under" in capsys.readouterr().err


@pytest.mark.long
def test_a_record_of_an_openml_task_is_made_again_from_this_machines_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with serving() as server:
        server.add(generated(7))
        run = inside(
            "run", "dataset=openml", "task_id=7", "method=pretrained",
            f"openml.server={server.url}", f"results_dir={tmp_path}/results",
        )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    (record,) = Store(tmp_path / "results").records()
    # The server is gone; which one it was decides where the copy lies.
    today = Today.of([f"openml.server={server.url}"])
    assert results_of(seal(remade(record, today))) == results_of(record)


def test_records_of_before_kernels_were_told_are_held_to_the_tolerance() -> None:
    """One name, "AMD EPYC", is several generations: nobody knows that the bits should be these."""
    record = made("iris", "default_ft", [0.7, 0.75])
    before = {**record, "provenance": {**record["provenance"], "kernels": "not told"}}
    outcome = compare(before, record, 0.01)
    assert outcome.elsewhere == "kernels (not told → torch DEFAULT)"
    assert outcome.differences == []
    assert compare(record, record, 0.01).elsewhere == ""


def test_of_kernels_those_are_told_that_differ() -> None:
    one, two = (made("iris", "scm", [0.7]) for _ in range(2))
    one["provenance"]["kernels"] = "torch AVX2, OpenBLAS Haswell, model 1"
    two["provenance"]["kernels"] = "torch AVX512, OpenBLAS Haswell, model 1, stepping 2"
    told = compare(one, two, 0.01).elsewhere
    assert told == "kernels (torch AVX2 → torch AVX512, stepping 2)"


def test_where_nothing_is_made_again_nothing_is_told(
    reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(reference), "n=0"]) == 0
    assert capsys.readouterr().out.endswith("\nNot told: no cell was made again.\n")


def test_help_says_what_it_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--help"]) == 0
    out = capsys.readouterr().out
    assert "Are the records what the code makes?" in out
    assert '"Not reproduced: ..." (exit code 1)' in out
