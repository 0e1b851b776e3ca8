"""Two records of a cell agree to the bit, to rounding, within a tolerance, or not; and why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from made_records import adapted, failed, made

from bench.cell.agreement import Level, agreement, told

AUC = "roc_auc_ovo"
RECORD = made("iris", "ctgan", [0.7, 0.72, 0.71], finetune={"steps": 4, "select_by": AUC}, chosen=1)


def changed(*where: str, by: float, record: dict[str, Any] = RECORD) -> dict[str, Any]:
    """A copy, one number of which is moved."""
    copy = json.loads(json.dumps(record))
    node = copy
    for key in where[:-1]:
        node = node[key]
    node[where[-1]] += by
    return copy


def with_rows(record: dict[str, Any], fingerprint: str) -> dict[str, Any]:
    return {**record, "synthetic": {"fingerprint": fingerprint}}


@pytest.mark.parametrize(
    ("by", "level"),
    [
        (0.0, Level.bits),
        (1e-15, Level.rounding),
        (9.9e-7, Level.rounding),
        (1.1e-6, Level.tolerance),
        (-0.0099, Level.tolerance),
        (0.0101, Level.apart),
    ],
)
def test_the_chosen_steps_score_decides_the_level(by: float, level: Level) -> None:
    found = agreement(RECORD, changed("metrics", "chosen", "test", AUC, by=by), 0.01)
    assert found.level is level
    assert found.largest == pytest.approx(abs(by))
    assert bool(found.apart) == (level is Level.apart)


def test_the_pretrained_models_scores_are_held_whatever_the_rows() -> None:
    again = changed("metrics", "pretrained", "validation", AUC, by=0.02)
    found = agreement(with_rows(RECORD, "a"), with_rows(again, "b"), 0.01)
    assert found.level is Level.apart
    assert found.apart == ("metrics.pretrained.validation.roc_auc_ovo: record 0.7, now 0.72",)


def test_the_last_step_and_counts_of_classes_drift() -> None:
    record = changed("metrics", "last", "test", AUC, by=0.3)
    for of, value in ((record, 0.5), (again := json.loads(json.dumps(RECORD)), 0.9)):
        of["metrics"]["chosen"]["test"]["accuracy"] = value
    found = agreement(record, again, 0.01)
    assert (found.level, found.apart) == (Level.rounding, ())
    assert [line.partition(":")[0] for line in found.drift] == [
        "metrics.chosen.test.accuracy",
        "metrics.last.test.roc_auc_ovo",
    ]


def test_a_score_that_one_lacks_is_apart_and_one_that_only_one_knows_is_not_compared() -> None:
    lacks = json.loads(json.dumps(RECORD))
    lacks["metrics"]["chosen"]["test"][AUC] = None
    assert agreement(RECORD, lacks).level is Level.apart
    assert agreement(lacks, lacks).level is Level.bits
    fewer = json.loads(json.dumps(RECORD))
    del fewer["metrics"]["chosen"]["test"]["log_loss"]
    assert agreement(RECORD, fewer).level is Level.rounding
    assert agreement(fewer, RECORD).level is Level.rounding


def tie(validation: list[float], chosen: int, curve: list[float]) -> dict[str, Any]:
    finetune = {"steps": 4, "select_by": AUC}
    return made("iris", "scm", curve, validation=validation, finetune=finetune, chosen=chosen)


def test_another_step_that_is_as_good_is_told_and_no_difference() -> None:
    record = tie([0.7, 0.8, 0.801], 2, [0.7, 0.70, 0.75])
    again = tie([0.7, 0.802, 0.801], 1, [0.7, 0.70, 0.75])
    found = agreement(record, again, 0.01)
    assert (found.level, found.apart) == (Level.step, ())
    assert found.note.startswith("step 2 is chosen and the record's is 4: on both curves neither")
    assert found.largest == pytest.approx(0.05)


def test_a_tie_is_as_wide_as_the_tolerance() -> None:
    record = tie([0.7, 0.793, 0.801], 2, [0.7, 0.70, 0.75])
    again = tie([0.7, 0.802, 0.801], 1, [0.7, 0.709, 0.75])
    assert agreement(record, again, 0.01).level is Level.step
    assert agreement(record, again, 0.008).level is Level.apart


@pytest.mark.parametrize(
    "again",
    [
        tie([0.7, 0.85, 0.80], 1, [0.7, 0.70, 0.75]),  # its curve is another on validation
        tie([0.7, 0.802, 0.801], 1, [0.7, 0.70, 0.78]),  # … and on test, at the record's step
        tie([0.7, 0.802], 1, [0.7, 0.70]),  # it ended before the record's step
        tie([0.7, 0.802, 0.801], 2, [0.7, 0.70, 0.80]),  # the same step
    ],
)
def test_what_is_more_than_a_tie_is_apart(again: dict[str, Any]) -> None:
    record = tie([0.7, 0.8, 0.801], 2, [0.7, 0.70, 0.75])
    assert agreement(record, again, 0.01).level is Level.apart
    assert agreement(again, record, 0.01).level is Level.apart


def test_both_curves_must_find_the_steps_equally_good() -> None:
    """A step that one machine found better by far was no coin's choice."""
    record = tie([0.7, 0.790, 0.805], 2, [0.7, 0.70, 0.75])
    assert (
        agreement(record, tie([0.7, 0.799, 0.796], 1, [0.7, 0.7, 0.75]), 0.01).level is Level.apart
    )


@pytest.mark.parametrize(
    ("by", "level"),
    [(0.0, Level.bits), (0.01, Level.tolerance), (0.05, Level.rows), (0.0501, Level.apart)],
)
def test_other_synthetic_rows_are_held_to_five_times_the_tolerance(by: float, level: Level) -> None:
    again = changed("metrics", "chosen", "test", AUC, by=by - 1e-12 if by else by)
    other = "a" if level is Level.bits else "b"
    assert agreement(with_rows(RECORD, "a"), with_rows(again, other), 0.01).level is level
    if level is Level.rows:
        assert agreement(with_rows(RECORD, "a"), with_rows(again, "a"), 0.01).level is Level.apart
        found = agreement(with_rows(RECORD, "a"), with_rows(again, "b"), 0.01)
        assert found.note.endswith("its ROC-AUC is held to 0.05")
        assert found.drift[0].startswith("metrics.chosen.test.roc_auc_ovo: record 0.72, now 0.76")


def test_other_rows_with_the_same_scores_are_no_bits() -> None:
    assert agreement(with_rows(RECORD, "a"), with_rows(RECORD, "b")).level is Level.rounding


@pytest.mark.parametrize(
    ("by", "level"),
    [(0.0, Level.bits), (0.01, Level.tolerance), (0.05, Level.weights), (0.0501, Level.apart)],
)
def test_weights_that_were_adapted_otherwise_are_held_to_five_times_the_tolerance(
    by: float, level: Level
) -> None:
    one = changed("metrics", "chosen", "test", AUC, by=by - 1e-12 if by else by)
    record, same, other = adapted(RECORD), adapted(one, key="f" * 32), adapted(one, step=80)
    if level is Level.bits:
        assert agreement(record, same, 0.01).level is Level.bits  # a key hashes the code, too
        return
    assert agreement(record, same, 0.01).level is (Level.apart if by > 0.01 else level)
    found = agreement(record, other, 0.01)
    assert found.level is level
    assert ("of step 80 and the record's of 40" in found.note) == (level is Level.weights)
    same["transfer"]["curves"]["train_loss"][1] += 0.001
    assert agreement(record, same, 0.01).level is level


def test_failures_agree_without_scores() -> None:
    one, two = failed("iris", "scm"), failed("iris", "scm")
    assert agreement(one, two | {"data": {"notes": []}}).level is Level.scoreless
    found = agreement(one, RECORD)
    assert (found.level, found.apart) == (Level.apart, ("status: record failed, now done",))


def test_levels_are_counted_the_nearest_first() -> None:
    levels = [Level.rows, Level.bits, Level.rounding, Level.bits, Level.step, Level.scoreless]
    assert told(levels, 0.01) == (
        "2 to the bit, 1 without scores in both, 1 to rounding (1e-06), 1 with another step chosen "
        "that is as good within 0.01, 1 on other synthetic rows within 0.05"
    )
