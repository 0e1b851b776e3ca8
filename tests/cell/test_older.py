"""Records of versions 2 and 3 are read as those of today, wherever records are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_records import failed, made

from bench.cell.record import SCHEMA_VERSION, encode, fault, seal
from bench.cell.store import Store
from bench.cli import main
from bench.files import digest
from bench.finetune.settings import SelectBy
from bench.scores import SCORES

SEALED = ("schema_version", "checksum", "predictions")


def as_version_3(record: dict[str, Any]) -> dict[str, Any]:
    """The record as the code of version 3 would have sealed it."""
    made = {k: v for k, v in record["provenance"].items() if k != "scores"}
    kept = {k: v for k, v in record.items() if k not in SEALED}
    return sealed(kept | {"provenance": made}, 3)


def as_version_2(record: dict[str, Any]) -> dict[str, Any]:
    """The record as the code of version 2 would have sealed it."""
    curves = {k: v for k, v in record["curves"].items() if isinstance(v, list)}
    for part in ("validation", "test"):
        drawn = record["curves"].get(part, {})
        curves |= {f"{part}_{score}": curve for score, curve in drawn.items()}
    made = {k: v for k, v in record["provenance"].items() if k not in ("kernels", "scores")}
    kept = {k: v for k, v in record.items() if k not in (*SEALED, "metric")}
    return sealed(kept | {"curves": curves, "provenance": made})


def sealed(body: dict[str, Any], version: int = 2) -> dict[str, Any]:
    whole = {**body, "schema_version": version}
    return {**whole, "checksum": digest(whole)}


def brought_up(record: dict[str, Any], version: int = 2) -> dict[str, Any]:
    """As the record is read once it was older: no definitions, and before that, no kernels."""
    untold = {"scores": {}} | ({"kernels": "not told"} if version == 2 else {})
    return seal({**record, "provenance": record["provenance"] | untold, "predictions": {}})


TUNED = made("heart", "default_ft", [0.7, 0.75, None], validation=[0.6, 0.8, 0.7], chosen=1)
TUNED["curves"]["train_loss"] = [None, 0.4, 0.3]
TUNED["curves"]["test"]["log_loss"] = [0.5, 0.4, 0.5]


def place(root: Path, content: dict[str, Any]) -> Path:
    path = Store(root).path(content["cell"], content["identity"]["hash"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(encode(content))
    return path


@pytest.mark.parametrize(("version", "older"), [(2, as_version_2), (3, as_version_3)])
@pytest.mark.parametrize(
    "record", [TUNED, made("heart", "pretrained", [0.7]), failed("heart", "scm")]
)
def test_it_is_read_as_the_same_record_of_today(
    record: dict[str, Any],
    version: int,
    older: Callable[[dict[str, Any]], dict[str, Any]],
    tmp_path: Path,
):
    path = place(tmp_path, older(record))
    written = path.read_bytes()
    read, wrong = Store(tmp_path).examine(path)
    assert wrong is None
    assert read == brought_up(record, version)
    assert read["schema_version"] == SCHEMA_VERSION
    assert fault(read) is None
    assert path.read_bytes() == written  # reading changes no file


def test_a_folder_may_hold_both(tmp_path: Path):
    other = made("heart", "scm", [0.7, 0.9])
    place(tmp_path, as_version_2(TUNED))
    place(tmp_path, seal(other))
    sound, faults = Store(tmp_path).survey()
    assert faults == {}
    assert sound == [brought_up(TUNED), seal(other)]


def test_it_is_packed_and_unpacked_as_it_is(tmp_path: Path):
    path = place(tmp_path, as_version_2(TUNED))
    written = path.read_bytes()
    assert main(["pack", str(tmp_path)]) == 0
    assert not path.exists()
    assert list(Store(tmp_path).records()) == [brought_up(TUNED)]
    assert main(["unpack", str(tmp_path)]) == 0
    assert path.read_bytes() == written


def edited(change: Callable[[dict[str, Any]], Any], anew: bool) -> dict[str, Any]:
    content = json.loads(json.dumps(as_version_2(TUNED)))
    change(content)
    return sealed({k: v for k, v in content.items() if k != "checksum"}) if anew else content


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], Any], bool, str]] = {
    "a score edited": (
        lambda r: r["metrics"]["chosen"]["test"].update(roc_auc_ovo=0.99),
        False,
        "does not match its checksum",
    ),
    "a key lost": (lambda r: r.pop("curves"), True, "keys differ from the schema's: ['curves']"),
    "a key too early": (
        lambda r: r.update(predictions={}),
        True,
        "keys differ from the schema's: ['predictions']",
    ),
    "curves: null": (lambda r: r.update(curves=None), True, "'curves' is not as the schema has it"),
    "curves: []": (lambda r: r.update(curves=[1]), True, "'curves' is not as the schema has it"),
    "a curve of no score": (
        lambda r: r["curves"].update(test_f2=[0, 0, 0]),
        True,
        "there is no score 'f2'",
    ),
    "a curve of no part": (
        lambda r: r["curves"].update(train_log_loss=[0, 0, 0]),
        True,
        "'curves.train'",
    ),
    "a curve of today": (
        lambda r: r["curves"].update(validation={"log_loss": [0, 0, 0]}),
        True,
        "'curves.validation",
    ),
    "a ragged curve": (
        lambda r: r["curves"]["test_log_loss"].pop(),
        True,
        "test.log_loss has 2 values, step has 3",
    ),
    "version 2.0": (lambda r: r.update(schema_version=2.0), False, "schema version 2.0, expected"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_was_no_record_then_is_none_now(kind: str, tmp_path: Path):
    change, anew, clause = FAULTS[kind]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(edited(change, anew)))
    read, wrong = Store(tmp_path).examine(path)
    assert read is None
    assert clause in str(wrong)


def test_early_stopping_may_read_what_is_drawn_and_nothing_else():
    scores = {choice.value for choice in SelectBy} & set(SCORES)
    assert scores == {s.name for s in SCORES.values() if s.drawn}
    assert {score.name: score.greater_is_better for score in SCORES.values()} == {
        "roc_auc_ovo": True,
        "roc_auc_ovr": True,
        "log_loss": False,
        "accuracy": True,
        "balanced_accuracy": True,
        "brier": False,
    }
