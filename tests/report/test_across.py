"""The research question in three sentences, of made records: whichever way it went."""

from __future__ import annotations

from typing import Any

import pytest
from made_transfers import study

from bench.analysis.settings import settings
from bench.analysis.transfer.answer import answer
from bench.report.across import replies
from bench.report.question import Reply
from bench.scores import SCORES
from bench.scores.roc_auc_ovo import roc_auc_ovo

READ = settings(["analysis.resamples=100"])
ARMS = ("causal", "bootstrap", "noise", "permuted")
ONE = {"finance": ["credit-g"]}


def told(
    arms: tuple[str, ...] = ARMS, own: float | None = None, metric: Any = roc_auc_ovo, **of: Any
) -> list[Reply]:
    """The replies to records whose arms gain what ``gains`` says, ± 0.001 by corpus."""
    gains = of.pop("gains", {})
    records = study(arms, lambda arm, t, seed: gains.get(arm, 0) + 0.001 * (seed % 2), **of)
    if own is not None:
        records += study(["real"], lambda *_: own, within=True, **of)
    found = answer(records, READ, metric)
    assert found is not None
    return replies(found)


@pytest.mark.parametrize(
    ("causal", "beginning"),
    [
        (0.02, "Causally generated rows help across domains: causal minus noise, the better"),
        (-0.02, "Causally generated rows cost across domains"),
        (0.01, "Whether causally generated rows help across domains cannot be told"),
    ],
)
def test_it_helps_costs_or_cannot_be_told(causal: float, beginning: str) -> None:
    first, *_ = told(gains={"causal": causal, "noise": 0.01})
    assert first.text.startswith(beginning)
    difference = f"{1000 * (causal - 0.01):+.2f}"
    assert f"is {difference} [{difference}, {difference}]" in first.text
    assert f"minus bootstrap {1000 * causal:+.2f}" in first.text
    assert "8 targets and 10 corpora" in first.text
    assert "Holm over 3 arms" in first.text


def test_a_null_that_was_chosen_by_these_runs_is_no_verdict_alone() -> None:
    first, *_ = told(gains={"noise": 0.01})
    assert first.told.startswith("Whether")
    assert first.text.endswith("chosen by these same runs, so that a verdict takes both.")


def test_one_null_alone_is_no_verdict() -> None:
    first, *_ = told(arms=("causal", "noise"), gains={"causal": 0.02})
    assert first.told.startswith("Whether")
    assert "noise, the only leak-free null with runs, is +20.00" in first.text
    assert first.text.endswith("; a verdict takes both nulls.")


def test_accuracy_and_harm_are_told_of_the_published_model() -> None:
    _, kept, _ = told(gains={"causal": -0.0005})
    assert kept.text == (
        "Accuracy is kept: the mean gain of causal over the published model is -0.10 [-0.39, "
        "+0.21], where -5.00 may be lost, and 8 of 8 targets lose less than that; it harms 60% of "
        "the pairs of target and corpus (bootstrap 0%, noise 0%, permuted 0%); its worst 25% of "
        "targets gain -0.10, and the lowest gain is -0.50 (australian)."
    )
    assert told(gains={"causal": -0.01})[1].told == "Accuracy is not kept"


@pytest.mark.parametrize(
    ("permuted", "own", "beginning"),
    [
        (-0.01, 0.01, "The experiment sees what it must: permuted labels do not help (-9.60"),
        (0.01, 0.01, "The experiment does not see what it must: permuted labels help, which"),
        (-0.01, -0.01, "The experiment does not see what it must"),
        (-0.01, None, "Whether the experiment sees what it must cannot be told"),
    ],
)
def test_whether_the_experiment_could_tell(
    permuted: float, own: float | None, beginning: str
) -> None:
    *_, last = told(gains={"permuted": permuted}, own=own)
    assert last.text.startswith(beginning)


def test_arms_without_runs_are_named() -> None:
    first, kept, last = told(arms=("real",))
    assert "causal, bootstrap and noise have no run." in first.text
    assert kept.because == "causal has no run across domains, in context."
    assert "permuted labels have no run (arm permuted, across)" in last.text


@pytest.mark.parametrize(
    ("seeds", "targets", "why"),
    [
        ((0,), ONE, "one target alone gives no interval"),
        ((0, 1), ONE, "one target alone gives no interval"),
        ((0,), None, "of one corpus a source, what others would tell is not in it"),
    ],
)
def test_what_rests_on_little_says_so(seeds: Any, targets: Any, why: str) -> None:
    first, *_ = told(seeds=seeds, targets=targets, gains={"causal": 0.02})
    assert why in first.text


def test_numeric_targets_are_told_in_their_own_score() -> None:
    first, *_ = told(numeric=True, metric=SCORES["rmse"], gains={"causal": 0.02})
    assert "help across domains: causal minus" in first.text
    assert "test negated RMSE / σ ×1000" in first.text
