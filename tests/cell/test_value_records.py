"""The record of a numeric target: what it keeps, which scores it has, and what none can be."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from one_cell import run

from bench.analysis.rules import position
from bench.cell import identity, predictions
from bench.cell.agreement import Level, agreement
from bench.cell.check import inconsistencies
from bench.cell.identity import is_made_otherwise, score_fingerprints
from bench.cell.record import Record, fault, seal, without_predictions
from bench.cell.scored import computed, names
from bench.datasets.bags import Bag
from bench.datasets.embedded import load
from bench.datasets.splits import Fold
from bench.finetune.stopping import RULES
from bench.models.memory import CHUNK, Memory
from bench.predicted import Predicted
from bench.score import ScoreError
from bench.scores import SCORES, scores_of

MODEL = tiny_model.load(problem="regression")
OF_DISTRIBUTION = ("crps", "log_score")


def rounded(told: Predicted) -> Predicted:
    y = np.zeros(len(told))
    found = predictions.rounded({"test": told}, {"test": y}, np.zeros(0, dtype=np.int64))["test"]
    assert isinstance(found, Predicted)
    return found


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6),
    scale=st.sampled_from([1e-200, 1e-9, 0.3, 1.0, 7e5, 1e200]),
    offset=st.sampled_from([0.0, -3.0, 1e6]),
)
def test_what_is_kept_is_read_bit_for_bit_and_rounding_again_changes_nothing(
    values: list[float], scale: float, offset: float
) -> None:
    mean = scale * (np.array(values) + offset)
    kept = rounded(Predicted(mean, scale))
    assert np.array_equal(rounded(kept).mean, kept.mean)
    # Half a step of at most √2 times 2⁻¹⁸ deviations; and what a float of that size holds.
    assert (np.abs(kept.mean - mean) <= scale * (2.7e-6 + 1e-15 * abs(offset))).all()
    y = mean + scale / 3
    stored = predictions.kept({"test": y}, {w: {"test": kept} for w in predictions.WHEN}, y[:0])
    assert list(stored["steps"]) == ["pretrained"]
    assert json.loads(json.dumps(stored)) == stored
    labels, read = predictions.at(stored, "last", "test", 0)
    assert isinstance(read, Predicted)
    assert np.array_equal(labels, y)
    assert np.array_equal(read.mean, kept.mean)
    assert (read.scale, read.has_distribution) == (scale, False)


def test_the_layout_is_the_one_that_is_told() -> None:
    """Of a deviation of 3 the grid is 2⁻¹⁶, for 4 is the nearest power of two; −0 is 0."""
    told = rounded(Predicted(np.array([1 + 2**-17 + 1e-9, -1e-9]), 3.0))
    y = np.array([0.1, 2.0])
    kept = predictions.kept({"test": y}, {w: {"test": told} for w in predictions.WHEN}, y[:0])
    found = np.frombuffer(base64.b64decode(kept["steps"]["pretrained"]["test"]), dtype="<f8")
    assert found.tolist() == [1 + 2**-16, 0.0]
    assert not np.signbit(found[1])
    assert base64.b64decode(kept["labels"]["test"]) == y.astype("<f8").tobytes()
    assert kept["scale"] == 3.0


def test_too_many_are_not_kept_and_predictions_of_other_rows_are_refused() -> None:
    many = Predicted(np.zeros(predictions.LONGEST // 8), 1.0)
    steps = {when: {"test": many} for when in predictions.WHEN}
    assert predictions.kept({"test": many.mean}, steps, many.mean[:0]) == {}
    with pytest.raises(ScoreError, match=r"of shape \(2,\) and predictions of shape \(3,\)"):
        predictions.rounded(
            {"test": Predicted(np.zeros(3), 1.0)}, {"test": np.zeros(2)}, np.zeros(0)
        )


@pytest.fixture(scope="module")
def record() -> Record:
    words = ("finetune.steps=4", "finetune.lr=0.05", "finetune.keep=best")
    return seal(run(MODEL, load("servo"), *words))


def edited(record: Record, change: Callable[[Record], Any]) -> Record:
    copy = json.loads(json.dumps({k: v for k, v in record.items() if k != "checksum"}))
    change(copy)
    return seal(copy)


def test_every_score_is_that_of_the_predictions_to_the_bit(record: Record) -> None:
    assert (record["status"], record["error"]) == ("done", None)
    assert fault(record) is None
    assert list(inconsistencies(record)) == []
    assert record["metric"] == {"name": "rmse", "greater_is_better": False}
    assert record["data"]["classes"] == 0
    assert record["chosen_step"] > 0
    every = {score.name for score in scores_of("regression")}
    for when, parts in record["metrics"].items():
        for part, values in parts.items():
            assert set(values) == every
            assert None not in values.values()
            for name in every - set(OF_DISTRIBUTION):
                assert values[name] == computed(record, SCORES[name], when, part)
    assert set(names(record)) == set(record["provenance"]["scores"]) == every


def test_what_is_read_of_its_curves_is_what_the_run_kept(record: Record) -> None:
    rule = RULES[record["settings"]["finetune"]["select_by"]]
    assert record["curves"]["step"][position(record, rule)] == record["chosen_step"]
    assert position(record, RULES["never"]) == 0
    other = edited(record, lambda r: r.update(chosen_step=record["chosen_step"] - 1))
    assert any("by RMSE until log score is worse" in line for line in inconsistencies(other))


class Pointwise(tiny_model.Binned):
    """Tells a value a row alone."""

    def decode(self, outputs: np.ndarray, n_classes: int) -> Predicted:
        told = super().decode(outputs, n_classes)
        return Predicted(told.mean, told.scale)


class PointModel(tiny_model.ValueModel):
    def encoder(self, train: Any) -> Pointwise:
        return Pointwise(train)


def test_a_model_that_tells_no_distribution_is_stopped_by_rmse_and_a_note_says_so(
    record: Record,
) -> None:
    fields = {name: getattr(MODEL, name) for name in MODEL.__dataclass_fields__}
    words = ("finetune.steps=4", "finetune.lr=0.05", "finetune.keep=best")
    found = seal(run(PointModel(**fields), load("servo"), *words))
    assert (fault(found), list(inconsistencies(found))) == (None, [])
    assert found["data"]["notes"][-1] == (
        "The model tells no distribution: early stopping read RMSE, not RMSE until log score is "
        "worse."
    )
    curve = found["curves"]["validation"]["rmse"]
    assert found["curves"]["step"][curve.index(min(curve))] == found["chosen_step"]
    rule = RULES[found["settings"]["finetune"]["select_by"]]
    assert found["curves"]["step"][position(found, rule)] == found["chosen_step"]
    for parts in found["metrics"].values():
        assert {n for n, v in parts["test"].items() if v is None} == set(OF_DISTRIBUTION)
    assert set(found["curves"]["validation_se"]["log_score"]) == {None}
    assert (
        found["metrics"]["pretrained"]["test"]["rmse"]
        == (record["metrics"]["pretrained"]["test"]["rmse"])
    )


@pytest.mark.parametrize(
    ("name", "when", "told"),
    [
        ("rmse", "last", r"last test rmse is 0\.25, but [\d.]+ of its predictions"),
        ("spearman", "chosen", r"chosen test spearman is 0\.25, but [\d.]+ of its predictions"),
        ("log_score", "last", r"last test log_score is 0\.25, but its curve says .* at step 4"),
    ],
)
def test_an_edited_score_contradicts_the_rest(
    name: str, when: str, told: str, record: Record
) -> None:
    other = edited(record, lambda r: r["metrics"][when]["test"].update({name: 0.25}))
    assert any(re.fullmatch(told, line) for line in inconsistencies(other))


def test_predictions_that_no_score_can_be_told_of_contradict_the_rest(record: Record) -> None:
    other = edited(record, lambda r: r["predictions"].update(scale=5e-324))
    assert fault(other) is None
    told = r"pretrained test rmse_sd is [\d.]+, but its predictions have none"
    assert any(re.fullmatch(told, line) for line in inconsistencies(other))


def test_what_has_a_unit_is_held_to_a_share_of_itself(record: Record) -> None:
    small = edited(record, lambda r: _rescaled(r, 1e-9))
    value = small["metrics"]["last"]["test"]["rmse"]
    assert value < 1e-8
    told = [line for line in inconsistencies(small) if line.startswith("last test rmse is")]
    assert any("of its predictions" in line for line in told)


def put(*path: str, to: Any) -> Callable[[Record], None]:
    def change(node: Record) -> None:
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = to

    return change


def text(*values: float) -> str:
    return base64.b64encode(np.array(values, dtype="<f8").tobytes()).decode()


KEPT = "predictions"
FAULTS: dict[str, tuple[Callable[[Record], Any], str]] = {
    "no scale": (lambda r: r[KEPT].pop("scale"), "there is no scale above 0"),
    "scale 0": (put(KEPT, "scale", to=0.0), "there is no scale above 0"),
    "a scale that is text": (put(KEPT, "scale", to="1"), "'predictions.scale'"),
    "classes": (put(KEPT, "classes", to=[0, 1]), "there are classes, and the target is a number"),
    "cut": (put(KEPT, "steps", "pretrained", "test", to="AAAA"), "has 3 bytes, not 8 for each"),
    "cut labels": (put(KEPT, "labels", "test", to=text(1.0)), "has 8 bytes, not 8 for each of 56"),
    "no base64": (put(KEPT, "labels", "test", to="%%%="), "the test part of the labels is no base"),
    "no number": (
        put(KEPT, "steps", "pretrained", "validation", to=text(*[np.nan] * 23)),
        "the validation part of 'pretrained' holds what is no finite number",
    ),
    "no finite label": (
        put(KEPT, "labels", "validation", to=text(*[np.inf] * 23)),
        "the validation part of the labels holds what is no finite number",
    ),
    "no first": (lambda r: r[KEPT]["steps"].pop("pretrained"), "the pre-trained model are missing"),
    "below 0": (put("metrics", "last", "test", "rmse", to=-0.1), "rmse is -0.1, outside 0"),
    "above 1": (put("metrics", "last", "test", "r2", to=1.1), "r2 is 1.1, outside -inf … 1"),
    "below any density": (
        put("curves", "test", "log_score", to=[-37.0] * 5),
        "log_score is -37, outside -36",
    ),
    "a score that may not lack": (
        put("metrics", "chosen", "test", "mae", to=None),
        "mae is null, and it does not say that it may lack",
    ),
    "a score of classes": (
        put("metrics", "last", "test", "accuracy", to=0.5),
        "its metric rmse is for regression, accuracy is not",
    ),
    "a curve of classes": (
        put("curves", "validation", "log_loss", to=[0.5] * 5),
        "its metric rmse is for regression, log_loss is not",
    ),
    "classes in the data": (
        put("data", "classes", to=2),
        "its data has 2 classes, and rmse, its metric, is for regression",
    ),
    "ranked by a score of classes": (
        put("metric", to={"name": "roc_auc_ovo", "greater_is_better": True}),
        "its data has 0 classes, and roc_auc_ovo, its metric, is for classification",
    ),
    "ranked the wrong way": (put("metric", "greater_is_better", to=True), "of rmse the lower"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_damaged_part_is_a_fault_in_one_clause(kind: str, record: Record) -> None:
    change, clause = FAULTS[kind]
    assert clause in str(fault(edited(record, change)))


def test_a_changed_score_of_distributions_makes_the_record_stale_and_others_do_not(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = {}
    for name in ("crps", "r2", "rmse"):
        today = score_fingerprints() | {name: "0" * 64}
        with monkeypatch.context() as patch:
            patch.setattr(identity, "score_fingerprints", lambda today=today: today)
            stale[name] = is_made_otherwise(record, record["provenance"]["code"])
    assert stale == {"crps": True, "r2": False, "rmse": True}  # no curve of R², and none of CRPS


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize(
    ("sd", "level"), [(5e-7, Level.rounding), (0.009, Level.tolerance), (0.011, Level.apart)]
)
def test_scores_in_the_targets_unit_agree_within_deviations_of_it(
    sd: float, level: Level, keeps: bool, record: Record
) -> None:
    one = edited(record, lambda r: _rescaled(r, 1e4))
    by = sd * one["predictions"]["scale"]
    two = edited(one, lambda r: _moved(r["metrics"]["chosen"]["test"], "rmse", by))
    one, two = (r if keeps else without_predictions(r) for r in (one, two))
    found = agreement(one, two, 0.01)
    assert found.level is level
    assert found.largest == pytest.approx(sd, rel=1e-6)


def _rescaled(record: Record, factor: float) -> None:
    record["predictions"]["scale"] *= factor
    told = [of_part for parts in record["metrics"].values() for of_part in parts.values()]
    for values in told:
        for name in ("rmse", "mae", "crps"):
            values[name] *= factor


def _moved(scores: dict[str, float], name: str, by: float) -> None:
    scores[name] += by


@pytest.mark.long
def test_a_bag_tells_the_mean_of_its_childrens_means_and_no_distribution() -> None:
    table = load("servo")
    found = seal(run(MODEL, table, "finetune.bag=3", "finetune.steps=1"))
    assert (found["error"], fault(found), list(inconsistencies(found))) == (None, None, [])
    assert found["data"]["notes"][-1].startswith("Children's distributions are not put together")
    bag = Bag.of(table, 0, 3)
    scales = [child.train.y.std() for child in bag.children]
    kept = found["predictions"]
    assert kept["scale"] == pytest.approx(np.mean(scales))
    labels, told = predictions.at(kept, "pretrained", "validation", 0)
    assert isinstance(told, Predicted)
    assert np.array_equal(labels, bag.held_out.y)
    alone = [_pretrained(child) for child in bag.children]
    for place, child in zip(bag.places, alone, strict=True):
        assert told.mean[place] == pytest.approx(child["validation"].mean, abs=1e-5)
    _, told = predictions.at(kept, "pretrained", "test", 0)
    assert isinstance(told, Predicted)
    mean = np.mean([child["test"].mean for child in alone], axis=0)
    assert told.mean == pytest.approx(mean, abs=1e-5)
    for parts in found["metrics"].values():
        assert {n for n, v in parts["test"].items() if v is None} == set(OF_DISTRIBUTION)


def _pretrained(fold: Fold) -> dict[str, Predicted]:
    rng, memory = np.random.default_rng(0), Memory(scoring=CHUNK)
    score = MODEL.score(MODEL.encoder(fold.train), fold.train, fold.parts, rng, memory)
    return score(MODEL.module)


@pytest.mark.long
def test_a_run_that_diverges_is_a_failure_without_scores() -> None:
    found = seal(run(MODEL, load("servo"), "finetune.steps=3", "finetune.lr=1e38"))
    assert fault(found) is None
    assert found["metric"]["name"] == "rmse"
    assert (found["status"], found["metrics"], found["predictions"]) == ("failed", {}, {})
    assert found["error"]["type"] == "FloatingPointError"
