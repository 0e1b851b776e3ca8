"""A score that is added is read of older records; which change of a score makes them stale."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from made_records import made
from one_cell import run, tiny

from bench.analysis.frame import frame
from bench.cell import identity, predictions, scored
from bench.cell.check import compare, disagreeing
from bench.cell.identity import code_fingerprint, is_made_otherwise, is_stale, score_fingerprints
from bench.cell.record import Record, fault, in_common, seal
from bench.cell.targets import by_role, modules
from bench.datasets.embedded import load
from bench.scores import SCORES, scores_of
from bench.scores.accuracy import accuracy
from bench.scores.log_loss import log_loss


def _certainty(y: np.ndarray, probabilities: np.ndarray) -> float:
    return float(probabilities.max(axis=1).mean())


certainty = replace(accuracy, name="certainty", title="certainty", function=_certainty)


@pytest.fixture(scope="module")
def record() -> Record:
    record = run(tiny(), load("iris"), "finetune.steps=2", "method=default_ft")
    named = modules(list(by_role(record["settings"]).values()))
    made_by = record["provenance"] | {"code": code_fingerprint(named)}
    return seal({**record, "provenance": made_by})


@pytest.fixture
def added(record: Record, monkeypatch: pytest.MonkeyPatch) -> Record:
    """The record, once there is a score more."""
    with_it = score_fingerprints() | {"certainty": "ce" * 32}
    monkeypatch.setitem(SCORES, "certainty", certainty)
    monkeypatch.setattr(identity, "score_fingerprints", lambda: with_it)
    monkeypatch.setattr(scored, "score_fingerprints", lambda: with_it)
    return record


class Changed:
    """Today's definition of a score is another than the record's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch = monkeypatch

    def __call__(self, name: str, **definition: Any) -> None:
        today = score_fingerprints() | {name: "0" * 64}
        self.patch.setitem(SCORES, name, replace(SCORES[name], **definition))
        self.patch.setattr(identity, "score_fingerprints", lambda: today)
        self.patch.setattr(scored, "score_fingerprints", lambda: today)


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Changed:
    return Changed(monkeypatch)


def by_hand(record: Record, when: str, part: str) -> float:
    _, probabilities = predictions.at(record["predictions"], when, part, 3)
    return float(probabilities.max(axis=1).mean())


def test_a_record_tells_the_definition_of_every_score_that_it_holds(record: Record) -> None:
    today = score_fingerprints()
    of_classes = {score.name: today[score.name] for score in scores_of("classification")}
    assert record["provenance"]["scores"] == of_classes
    assert set(record["metrics"]["last"]["test"]) == set(of_classes)
    assert not is_stale(record)


def test_an_added_score_makes_nothing_stale_and_is_read_of_the_predictions(added: Record) -> None:
    assert not is_stale(added)
    assert fault(added) is None
    assert scored.names(added)[-1] == "certainty"
    for when in ("pretrained", "chosen", "last"):
        for part in ("validation", "test"):
            value = scored.score_of(added, "certainty", when, part)
            assert value == by_hand(added, when, part)
    assert scored.curve_of(added, "certainty", "test") == []


def test_without_predictions_an_added_score_is_not_told(added: Record) -> None:
    bare = {**added, "predictions": {}}
    assert "certainty" not in scored.names(bare)
    assert scored.score_of(bare, "certainty", "chosen", "test") is None
    assert not is_stale(bare)


def test_a_changed_score_without_curves_is_computed_anew(record: Record, changed: Changed) -> None:
    before = record["metrics"]["chosen"]["test"]["accuracy"]
    changed("accuracy", function=lambda y, p: 1 - accuracy.function(y, p))
    assert scored.score_of(record, "accuracy", "chosen", "test") == 1 - before
    assert not is_stale(record)
    # Where it cannot be, the recorded value is read, and a run makes the record anew.
    bare = {**record, "predictions": {}}
    assert scored.score_of(bare, "accuracy", "chosen", "test") == before
    assert is_stale(bare)


def test_a_changed_score_with_curves_makes_the_record_stale(
    record: Record, changed: Changed
) -> None:
    changed("log_loss", function=lambda y, p: 2 * log_loss.function(y, p))
    assert is_stale(record)
    assert is_made_otherwise(record, record["provenance"]["code"])
    assert scored.curve_of(record, "log_loss", "test") == []  # of another definition than its value
    assert len(scored.curve_of(record, "roc_auc_ovo", "test")) == 3


def test_a_score_that_is_gone_is_no_fault_but_where_it_chose_the_step(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = {k: v for k, v in score_fingerprints().items() if k != "log_loss"}
    monkeypatch.setattr(identity, "score_fingerprints", lambda: today)
    with patch.dict(SCORES):  # which puts it back at its place
        del SCORES["log_loss"]
        assert fault(record) is None
        assert not is_stale(_stopped_by("roc_auc_ovo", record))
        assert is_stale(_stopped_by("log_loss", record))
        assert is_stale(_stopped_by("roc_auc_ovo_veto", record))  # which reads both


def _stopped_by(rule: str, record: Record) -> Record:
    tuning = {**record["settings"]["finetune"], "select_by": rule}
    return {**record, "settings": {**record["settings"], "finetune": tuning}}


def test_other_scores_and_no_predictions_are_no_other_results(added: Record) -> None:
    again = deepcopy(added)
    again["provenance"]["scores"] = score_fingerprints() | {"certainty": "ce" * 32}
    for parts in again["metrics"].values():
        for scores in parts.values():
            scores["certainty"] = 0.5
    assert compare(added, again, 0.0).differences == []
    assert disagreeing([added, again]) == {}
    bare = {**added, "predictions": {}}
    one, two = in_common(bare, again)
    assert one["metrics"] == two["metrics"]
    assert one["predictions"] == two["predictions"] == {}


def test_a_measure_of_the_rows_that_one_lacks_is_no_other_result(record: Record) -> None:
    told = {"key": "k", "quality": {"copies": 0.0, "test_global_utility": 0.8}}
    newer, older = (
        {**record, "synthetic": {**told, "quality": dict([*told["quality"].items()][:n])}}
        for n in (2, 1)
    )
    assert compare(older, newer, 0.0).differences == []
    newer["synthetic"]["quality"]["copies"] = 1.0
    (line,) = compare(older, newer, 0.0).differences
    assert line.startswith("synthetic.quality.copies")
    assert compare(older, {**newer, "synthetic": None}, 0.0).differences


def test_another_probability_is_a_difference(record: Record) -> None:
    other = {**record, "predictions": {**record["predictions"], "classes": [0, 1]}}
    assert compare(record, other, 0.0).differences == ["predictions: other labels or probabilities"]


def test_older_records_are_read_as_they_were_recorded() -> None:
    older = seal(made("heart", "default_ft", [0.7, 0.8]))
    older["provenance"] = {**older["provenance"], "scores": {}}
    cells = frame([older])
    assert cells["score_chosen"].tolist() == [0.8]
    assert cells["test_curve"].tolist() == [(0.7, 0.8)]
