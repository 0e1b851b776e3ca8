"""Records of versions 2 to 5 are read as those of today, wherever records are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_records import failed, made

from bench.cell.older import upgraded
from bench.cell.packed import Pack, value_of
from bench.cell.predictions import WHEN, at, kept
from bench.cell.record import SCHEMA_VERSION, encode, fault, seal
from bench.cell.scored import contradictions, curve_of
from bench.cell.store import Store
from bench.cli import main
from bench.files import CONF, digest
from bench.finetune.settings import SelectBy
from bench.scores import SCORES, scores_of

SEALED = ("schema_version", "checksum", "transfer", "children", "predictions")


def as_version_5(record: dict[str, Any]) -> dict[str, Any]:
    """The record as the code of version 5 would have sealed it."""
    return sealed({k: v for k, v in record.items() if k not in (*SEALED[:2], "transfer")}, 5)


def as_version_4(record: dict[str, Any]) -> dict[str, Any]:
    """The record as the code of version 4 would have sealed it, without predictions."""
    kept = {k: v for k, v in record.items() if k not in SEALED}
    return sealed(kept | {"predictions": {}}, 4)


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
    untold = {} if version in (4, 5) else {"scores": {}}
    untold |= {"kernels": "not told"} if version == 2 else {}
    return seal({**record, "provenance": record["provenance"] | untold, "predictions": {}})


TUNED = made("heart", "default_ft", [0.7, 0.75, None], validation=[0.6, 0.8, 0.7], chosen=1)
TUNED["curves"]["train_loss"] = [None, 0.4, 0.3]
TUNED["curves"]["test"]["log_loss"] = [0.5, 0.4, 0.5]


def place(root: Path, content: dict[str, Any]) -> Path:
    path = Store(root).path(content["cell"], content["identity"]["hash"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(encode(content))
    return path


@pytest.mark.parametrize(
    ("version", "older"),
    [(2, as_version_2), (3, as_version_3), (4, as_version_4), (5, as_version_5)],
)
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
    classes = scores_of("classification")
    assert {score.name: score.greater_is_better for score in classes} == {
        "roc_auc_ovo": True,
        "roc_auc_ovr": True,
        "log_loss": False,
        "accuracy": True,
        "balanced_accuracy": True,
        "brier": False,
        "calibration_error": False,
    }


@pytest.mark.parametrize("taken", [(0, 3, 9), (0, 9, 9), (0, 0, 9), (0, 0, 0)])
def test_predictions_that_were_named_by_their_step_are_read_as_before(taken: tuple[int, ...]):
    """Version 4 kept those of a step once, under its number."""
    y = {"validation": np.arange(20) % 2, "test": np.arange(50) % 2}
    chances = {0: 0.25, 3: 0.5, 9: 0.75}
    of = {s: {p: np.tile([1 - c, c], (len(y[p]), 1)) for p in y} for s, c in chances.items()}
    texts = {}
    for step in {*taken}:
        one = kept(y, dict.fromkeys(WHEN, of[step]), np.arange(2))
        texts[str(step)] = one["steps"]["pretrained"]
    record = made("heart", "default_ft", [0.7, 0.7], validation=[0.6, 0.6])
    record |= {"chosen_step": taken[1], "last_step": taken[2]}
    record["curves"] = {"step": sorted({*taken})} if taken[2] else {}
    older = sealed(
        {k: v for k, v in record.items() if k not in SEALED}
        | {"predictions": {**one, "steps": texts}},
        4,
    )
    read = upgraded(older)
    assert fault(read) is None
    for when, step in zip(WHEN, taken, strict=True):
        for part in y:
            _, probabilities = at(read["predictions"], when, part, 2)
            assert probabilities == pytest.approx(of[step][part], abs=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("name", ["embedded", "pilot", "ablation", "safety"])
def test_every_kept_record_is_read_and_tells_what_it_told(name: str):
    folder = CONF.parent / "results/reference" / name
    with (folder / "records.jsonl.zst").open("rb") as file:
        packed = Pack(file)
        contents = [value_of(line) for i in range(len(packed.frames)) for line in packed.lines(i)]
    records = [upgraded(content) for content in contents]
    assert len(records) > 300
    assert [fault(record) for record in records] == [None] * len(records)
    for record, content in zip(records, contents, strict=True):
        same = ("identity", "metrics", "chosen_step", "last_step", "settings")
        assert all(record[key] == content[key] for key in same)
        for part in record["curves"].keys() & {"validation", "test"}:  # definitions are today's
            assert curve_of(record, "roc_auc_ovo", part) == record["curves"][part]["roc_auc_ovo"]
    assert [clause for record in records[::30] for clause in contradictions(record)] == []
