"""A stopping rule reads the validation scores so far, and nothing else."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BadInput
from bench.finetune.stopping import (
    COUNTERPARTS,
    RULES,
    Evaluations,
    StoppingRule,
    rule_for,
    rules_of,
    smoothed,
)
from bench.scores import SCORES, scores_of

FEW = st.integers(0, 4).map(float)  # so few values that ties are common
RUNS = st.lists(st.tuples(FEW, FEW, FEW), min_size=1, max_size=10)

# A run by hand: greater is better, so log-loss is negated. Step 3 ranks best; its log-loss is worse
# than at step 0. The last three have the best mean. Step 1 gains 0.03 with an error of 0.04.
AUC = [0.70, 0.73, 0.72, 0.80, 0.79]
LOSS = [-0.60, -0.58, -0.55, -0.61, -0.59]
ERRORS: list[float | None] = [0.00, 0.04, 0.01, 0.05, 0.05]


def told(
    auc: list[float] = AUC, loss: list[float] = LOSS, errors: list[float | None] = ERRORS
) -> Evaluations:
    scores = {"roc_auc_ovo": auc, "log_loss": loss, "brier": loss}
    return Evaluations(len(auc), scores, dict.fromkeys(scores, errors))


def up_to(end: int, run: Evaluations) -> Evaluations:
    scores, errors = ({k: v[:end] for k, v in of.items()} for of in (run.scores, run.errors))
    return Evaluations(end, scores, errors)


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("roc_auc_ovo", 3),
        ("log_loss", 2),
        ("roc_auc_ovo_veto", 0),
        ("until_worse", 1),
        ("until_worse_se", 2),
        ("smoothed", 4),  # 0.7700 over 0.7500 of step 3
        ("one_se", 2),
        ("last", 4),
        ("never", 0),
    ],
)
def test_a_run_by_hand(rule: str, kept: int) -> None:
    assert RULES[rule].keeps(told()) == kept


def test_the_veto_reads_the_log_loss_of_the_best_step_alone() -> None:
    """It takes no second best: where the best may not be kept, the pre-trained model is."""
    kept = [RULES["roc_auc_ovo_veto"].keeps(up_to(end, told())) for end in range(1, 6)]
    assert kept == [0, 1, 1, 0, 0]
    as_at_zero = [-0.60, -0.58, -0.55, -0.60, -0.59]
    assert RULES["roc_auc_ovo_veto"].keeps(told(loss=as_at_zero)) == 3


def test_once_log_loss_is_worse_than_at_step_0_nothing_is_taken_any_more() -> None:
    worse_once = [-0.60, -0.60, -0.61, -0.50, -0.50]
    assert RULES["until_worse"].keeps(told(loss=worse_once)) == 1
    assert RULES["until_worse"].keeps(told(auc=[0.7, 0.6, 0.9, 0.9, 0.9], loss=worse_once)) == 0


def test_the_first_means_are_of_what_there_is() -> None:
    assert smoothed.keeps(told(auc=[0.7, 0.9, 0.7, 0.7, 0.7])) == 1  # 0.8 over 0.766…
    assert smoothed.keeps(told(auc=[0.7, 0.7, 0.7, 0.7, 0.7])) == 0
    assert smoothed.keeps(told(auc=[0.006, 0.006, 0.006])) == 0  # though (3 * 0.006) / 3 > 0.006


@pytest.mark.parametrize(
    ("errors", "kept"),
    [
        ([0.0, 0.5, 0.5, 0.25, 0.0], 3),
        ([0.0, 0.5, 0.5, 0.5, 0.5], 0),  # a gain of just its error is not beyond it
        ([0.0, None, None, 0.5, 0.25], 4),  # none is told
    ],
)
def test_the_first_gain_beyond_its_error_is_kept(errors: list[float | None], kept: int) -> None:
    halves = [0.0, 0.5, 0.5, 0.5, 0.5]
    assert RULES["one_se"].keeps(told(auc=halves, errors=errors)) == kept


@pytest.mark.parametrize(
    ("errors", "kept"),
    [
        ([0.0, 0.125, 0.125, 0.0, 0.0], 1),  # of two that are clear the one with the higher ROC-AUC
        ([0.0, 0.2, 0.2, 0.0, 0.0], 2),  # a gain of 1.25 errors is none that is clear
        ([0.0, None, None, 0.0, 0.0], 0),  # none is told before log-loss is worse
    ],
)
def test_of_clear_gains_in_log_loss_the_best_roc_auc_is_kept(
    errors: list[float | None], kept: int
) -> None:
    exact = [-1.0, -0.75, -0.5, -2.0, -0.5]  # step 4 comes after one that was worse
    rule = RULES["until_worse_se"]
    assert rule.keeps(told(loss=exact, errors=errors)) == kept
    assert rule.keeps(told(auc=[0.75, 0.75, 0.5, 0.9, 0.9], loss=exact, errors=errors)) == 0


OF_CLASSES = rules_of("classification")


@pytest.mark.parametrize("rule", OF_CLASSES.values(), ids=lambda rule: rule.name)
@given(run=RUNS)
@settings(max_examples=30)
def test_with_one_evaluation_more_it_is_the_same_the_newest_or_the_first(
    rule: StoppingRule, run: list[tuple[float, float, float]]
) -> None:
    auc, loss, errors = map(list, zip(*run, strict=True))
    whole = told(auc, loss, errors)
    kept = [rule.keeps(up_to(end, whole)) for end in range(1, whole.count + 1)]
    assert kept[0] == 0
    assert all(now in (0, before, n) for n, (before, now) in enumerate(pairwise(kept), 1))


@given(auc=st.lists(FEW, min_size=1, max_size=10))
def test_by_a_score_it_is_the_first_of_the_highest(auc: list[float]) -> None:
    assert RULES["roc_auc_ovo"].keeps(told(auc)) == auc.index(max(auc))


def test_where_a_score_does_not_exist_log_loss_is_read() -> None:
    lacking = {"roc_auc_ovo"}
    read = {name: rule.where_lacking(lacking).name for name, rule in RULES.items()}
    assert read == {
        name: "log_loss" if "roc_auc_ovo" in rule.reads else name for name, rule in RULES.items()
    }
    of_values = rules_of("regression")
    assert {name: rule.where_lacking({"log_score"}).name for name, rule in of_values.items()} == {
        name: "rmse" if "log_score" in rule.reads else name for name, rule in of_values.items()
    }
    assert {name for name, by in read.items() if by != name} == {
        "roc_auc_ovo",
        "roc_auc_ovo_veto",
        "until_worse",
        "until_worse_se",
        "smoothed",
        "one_se",
    }


def test_every_drawn_score_is_a_rule_by_itself() -> None:
    assert {rule for rule in RULES if rule in SCORES} == {s for s in SCORES if SCORES[s].drawn}


NAMED = [name for name in OF_CLASSES if name not in SCORES]


def test_a_numeric_target_has_every_rule_once() -> None:
    drawn = [score.name for score in scores_of("regression") if score.drawn]
    assert sorted(rules_of("regression")) == sorted([*drawn, *NAMED])
    assert sorted(OF_CLASSES) == sorted(["brier", "roc_auc_ovo", "log_loss", *NAMED])
    assert RULES["brier"].on("regression") is None
    assert RULES["roc_auc_ovo"].on("regression") is RULES["rmse"]
    assert RULES["log_loss"].on("regression") is RULES["log_score"]


@pytest.mark.parametrize("name", RULES)
def test_what_it_reads_are_scores_of_the_problem(name: str) -> None:
    rule = RULES[name]
    for problem in ("classification", "regression"):
        has = {score.name for score in scores_of(problem)}
        turned = {COUNTERPARTS.get(score, score) for score in rule.reads}
        if not has.issuperset(rule.reads) and not has.issuperset(turned):
            with pytest.raises(BadInput, match=f"select_by={name} reads .* no table for {problem}"):
                rule_for(name, problem)
            assert rule.on(problem) is None
        else:
            on = rule_for(name, problem)
            assert has.issuperset(on.reads)
            assert "ROC-AUC" not in on.title or problem == "classification"
            assert (on.name == name) == (name not in COUNTERPARTS or problem == "classification")


@pytest.mark.parametrize("name", NAMED)
def test_on_a_numeric_target_it_keeps_what_it_keeps_of_the_same_curve(name: str) -> None:
    """RMSE in the place of ROC-AUC, and the log score in log-loss's."""
    run = told()
    scores = {"rmse": AUC, "log_score": LOSS}
    curve = Evaluations(run.count, scores, dict.fromkeys(scores, ERRORS))
    assert rule_for(name, "regression").keeps(curve) == RULES[name].keeps(run)
