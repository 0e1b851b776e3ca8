"""What a record keeps of predictions is what the cell scored, bit for bit, and is not believed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_records import adapted
from one_cell import run, tiny

from bench.cell import predictions
from bench.cell.check import inconsistencies
from bench.cell.record import Record, fault, seal
from bench.cell.scored import computed
from bench.datasets.embedded import load
from bench.models.base import Probabilities
from bench.score import ScoreError
from bench.scores import scores_of

PARTS = ("validation", "test")
few = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def logits(draw: st.DrawFn) -> np.ndarray:
    shape = draw(st.tuples(st.integers(1, 8), st.integers(1, 5)))
    scale = draw(st.sampled_from([1.0, 30.0, 700.0]))
    return draw(arrays(float, shape, elements=st.floats(-1, 1))) * scale


def softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def rounded(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    y = np.zeros(len(probabilities), dtype=np.int64)
    score = predictions.rounding(lambda _: {"test": probabilities}, {"test": y}, classes)
    return score(None)["test"]  # type: ignore[arg-type]


def at_all_steps(probabilities: np.ndarray) -> dict[str, Probabilities]:
    return {when: {"test": probabilities} for when in predictions.WHEN}


@pytest.mark.long
@few
@given(logits=logits())
def test_what_is_kept_is_read_bit_for_bit_and_rounding_again_changes_nothing(
    logits: np.ndarray,
) -> None:
    n, k = logits.shape
    classes, full = np.arange(k) * 2 + 1, np.zeros((n, 2 * k + 1))
    full[:, classes] = softmax(logits)
    kept = rounded(full, classes)
    assert np.array_equal(rounded(kept, classes), kept)
    assert kept == pytest.approx(full, abs=2e-6)
    assert kept.sum(axis=1) == pytest.approx(np.ones(n), abs=1e-12)
    assert not kept[:, ::2].any()
    y = np.arange(n) % k
    stored = predictions.kept({"test": y}, at_all_steps(kept), classes)
    labels, read = predictions.at(stored, "last", "test", 2 * k + 1)
    assert np.array_equal(read, kept)
    assert np.array_equal(labels, y)


def test_the_odds_between_classes_stay_where_the_first_is_beyond_all_bounds() -> None:
    (kept,) = rounded(softmax(np.array([[0.0, 60.0, 55.0]])), np.arange(3))
    assert np.log(kept[1] / kept[2]) == pytest.approx(5, abs=1e-5)
    assert 0 < kept[0] < 1e-13


def test_the_layout_is_the_one_that_is_told() -> None:
    """Log-odds against the first class in steps of 2⁻¹⁸, three bytes each, the lowest first."""
    p = rounded(softmax(np.array([[0.0, 1.0], [0.0, -2.0]])), np.arange(2))
    kept = predictions.kept({"test": np.array([1, 0])}, at_all_steps(p), np.arange(2))
    (of_all,) = kept["steps"].values()
    found = base64.b64decode(of_all["test"])
    steps = [int.from_bytes(found[i : i + 3], "little", signed=True) for i in (0, 3)]
    assert steps == [2**18, -(2**19)]
    assert base64.b64decode(kept["labels"]["test"]) == b"\x01\x00"
    assert p[0, 1] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-15)


def test_what_is_no_distribution_or_of_no_class_is_refused() -> None:
    for wrong in (np.nan, 1.5):
        with pytest.raises(ScoreError):
            rounded(np.array([[wrong, 0.5]]), np.arange(2))
    with pytest.raises(ScoreError, match="a class that no training row has"):
        rounded(np.array([[0.5, 0.5, 0.0]]), np.array([0, 2]))


def test_too_many_are_not_kept() -> None:
    p = np.full((predictions.LONGEST // 4, 2), 0.5)
    y = {"test": np.zeros(len(p), dtype=np.int64)}
    assert predictions.kept(y, at_all_steps(p), np.arange(2)) == {}


@pytest.mark.parametrize(
    ("read", "stored"),
    [("aaa", ["pretrained"]), ("abb", ["pretrained", "chosen"]), ("aab", ["pretrained", "last"])],
)
def test_each_is_stored_once_and_read_where_it_was_left_out(read: str, stored: list[str]) -> None:
    y, p = np.array([1, 0]), {"a": np.full((2, 2), 0.5), "b": np.array([[0.25, 0.75]] * 2)}
    p = {of: rounded(probabilities, np.arange(2)) for of, probabilities in p.items()}
    steps = {w: {"test": p[of]} for w, of in zip(predictions.WHEN, read, strict=True)}
    kept = predictions.kept({"test": y}, steps, np.arange(2))
    assert list(kept["steps"]) == stored
    for when, of in zip(predictions.WHEN, read, strict=True):
        assert np.array_equal(predictions.at(kept, when, "test", 2)[1], p[of])


@pytest.fixture(scope="module")
def record() -> Record:
    return seal(run(tiny(), load("iris"), "finetune.steps=3", "finetune.keep=last"))


def test_every_score_is_that_of_the_predictions_to_the_bit(record: Record) -> None:
    assert fault(record) is None
    assert list(record["predictions"]["steps"]) == ["pretrained", "chosen"]  # which is the last
    told = [
        (record["metrics"][when][part][score.name], computed(record, score, when, part))
        for when in record["metrics"]
        for part in PARTS
        for score in scores_of("classification")
    ]
    assert len(told) == 6 * len(scores_of("classification"))
    assert [(a, b) for a, b in told if a != b] == []
    assert list(inconsistencies(record)) == []


def test_a_setting_that_is_none_is_told_and_ends_no_check(record: Record) -> None:
    changed = deepcopy(record)
    changed["settings"]["finetune"]["keep"] = ["best"]
    assert any("settings are not those" in why for why in inconsistencies(changed))


def test_another_run_of_the_same_seed_keeps_the_same(record: Record) -> None:
    again = run(tiny(), load("iris"), "finetune.steps=3", "finetune.keep=last")
    for part in ("predictions", "metrics", "curves"):
        assert again[part] == record[part]


def test_an_edited_score_contradicts_the_predictions(record: Record) -> None:
    edited = {**record, "metrics": {**record["metrics"]}}
    last = record["metrics"]["last"]
    edited["metrics"]["last"] = {**last, "test": {**last["test"], "accuracy": 0.25}}
    (found,) = inconsistencies(edited)
    assert re.fullmatch(r"last test accuracy is 0\.25, but 0\.\d+ of its predictions", found)


def changed(*path: str, to: Any) -> Callable[[Record], None]:
    def change(kept: Record) -> None:
        for key in path[:-1]:
            kept = kept[key]
        kept[path[-1]] = to

    return change


FAULTS: dict[str, tuple[Callable[[Record], None], str]] = {
    "no base64": (changed("labels", "test", to="%%%="), "the test part of the labels is no base64"),
    "no ASCII": (changed("labels", "test", to="ä" * 4), "the test part of the labels is no base64"),
    "cut": (
        changed("steps", "chosen", "validation", to="AAAA"),
        "the validation part of 'chosen' has 3 bytes, not 6 for each of 20 rows",
    ),
    "a label beyond the classes": (
        changed("labels", "validation", to=base64.b64encode(b"\x07" * 20).decode()),
        "a validation label is 7, of 3 classes",
    ),
    "a class beyond": (changed("classes", to=[0, 1, 3]), "the classes are not some of the table's"),
    "classes twice": (changed("classes", to=[0, 1, 1]), "the classes are not some of the table's"),
    "no class": (changed("classes", to=[]), "the classes are not some of the table's"),
    "another step": (
        changed("steps", "2", to={"validation": "", "test": ""}),
        "'pretrained', 'chosen' or 'last'",
    ),
    "no first": (
        lambda kept: kept["steps"].pop("pretrained"),
        "those of the pre-trained model are missing",
    ),
    "one step twice": (
        lambda kept: kept["steps"].update(last=kept["steps"]["pretrained"]),
        "there are two of step 3",
    ),
    "a number for a text": (
        changed("steps", "chosen", "test", to=1),
        "'predictions.steps.chosen.test'",
    ),
    "a part lost": (
        changed("steps", "chosen", to={"test": ""}),
        "'predictions.steps.chosen.validation'",
    ),
    "null": (lambda kept: kept.clear() or kept.update(more=1), "'predictions.labels'"),
}


def test_step_0_is_the_pretrained_model_unless_fine_tuning_began_at_adapted_weights(
    record: Record,
) -> None:
    begun = record | {"chosen_step": 0}
    assert "there are two of step 0" in str(fault(seal(bare(begun))))
    assert fault(seal(bare(adapted(begun)))) is None
    as_it_is = adapted(begun | {"curves": {}})  # its steps are those on other tables
    assert fault(seal(bare(as_it_is))) is None
    kept = adapted(begun | {"curves": {}}, step=0)
    assert "there are two of step 0" in str(fault(seal(bare(kept))))
    at_last = as_it_is | {"predictions": record["predictions"] | {"steps": thrice(record)}}
    assert fault(seal(bare(at_last))) is None
    same = adapted(at_last, step=80)
    assert "there are two of step 80" in str(fault(seal(bare(same))))


def bare(record: Record) -> Record:
    return {k: v for k, v in record.items() if k not in ("checksum", "schema_version")}


def thrice(record: Record) -> dict[str, Any]:
    steps = record["predictions"]["steps"]
    return steps | {"last": steps["pretrained"]}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_damaged_part_is_a_fault_in_one_clause(kind: str, record: Record) -> None:
    change, clause = FAULTS[kind]
    edited = json.loads(json.dumps({k: v for k, v in record.items() if k != "checksum"}))
    change(edited["predictions"])
    assert clause in str(fault(seal(edited)))
