"""Fine-tuning ends with the weights of the step it chose, and chooses by validation alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D
from recipes import recipe

from bench.finetune.loop import Finetuned, Probabilities, finetune
from bench.finetune.settings import Keep, SelectBy
from bench.finetune.sources import RealTasks
from bench.finetune.stopping import RULES, Evaluations, rules_of
from bench.models.tab2d.checkpoint import Checkpoint
from bench.models.tab2d.encoder import Encoder
from bench.models.tab2d.scoring import Scoring
from bench.scores import SCORES
from bench.scores.log_loss import log_loss
from bench.scores.roc_auc_ovo import roc_auc_ovo
from bench.seeds import generator as seeded
from bench.table import Table

RECIPE = replace(
    recipe(max_support=64, max_query=32, query_share=0.3),
    steps=8,
    lr=3e-3,
    warmup_steps=3,
    weight_decay=0.01,
    patience=100,
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def pretrained() -> Tab2D:
    """A tiny model with random weights."""
    torch.manual_seed(3)
    return Tab2D(
        dim=16,
        dim_output=10,
        n_layers=2,
        n_heads=2,
        task="CLASSIFICATION",
        use_pretrained_weights=False,
        path_to_weights="",
        device="cpu",
    ).eval()


def backbone() -> Checkpoint:
    return Checkpoint(pretrained(), 10, 500, 8192, torch.device("cpu"))


@cache
def easy(n: int = 120) -> Table:
    """Two classes that one feature tells apart."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    X = pd.DataFrame({"tells": y * 2 + rng.normal(size=n) * 0.5, "noise": rng.normal(size=n)})
    kinds = {"tells": "numeric", "noise": "numeric"}
    return Table("easy", X, y, kinds, ("no", "yes"), "class")


@cache
def fold() -> tuple[Table, Encoder, Scoring]:
    train = easy().take(range(70))
    parts = {"validation": easy().take(range(70, 95)), "test": easy().take(range(95, 120))}
    encoder = Encoder(10).fit(train)
    cpu = torch.device("cpu")
    return train, encoder, Scoring.prepare(encoder, train, parts, cpu, 8192, seeded("context"))


def run(
    labels: dict[str, np.ndarray] | None = None,
    score: Callable[[Tab2D], Probabilities] | None = None,
    ended: Callable[[], bool] | None = None,
    **settings: Any,
) -> Finetuned:
    train, encoder, scoring = fold()
    recipe = replace(RECIPE, **settings)
    source = RealTasks(train, encoder, recipe, ("cell", "easy", 0, 0))
    return finetune(
        backbone(),
        source,
        score or scoring.probabilities,
        labels or scoring.labels,
        2,
        recipe,
        ended=ended,
    )


def scripted(values: list[float]) -> Callable[[Tab2D], Probabilities]:
    """A score that gives the true class of validation rows these probabilities, call by call."""
    labels = fold()[2].labels
    calls = iter(values)

    def score(module: Tab2D) -> Probabilities:
        values = {"validation": next(calls), "test": 0.5}
        return {
            part: np.where(np.eye(2)[y] == 1, values[part], 1 - values[part])
            for part, y in labels.items()
        }

    return score


def same_weights(one: Tab2D, two: Tab2D) -> bool:
    theirs = two.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


def assert_same(one: Probabilities, two: Probabilities) -> None:
    assert list(one) == list(two)
    for part in one:
        np.testing.assert_array_equal(one[part], two[part])


class TestLearning:
    def test_it_learns_an_easy_table(self):
        result = run(steps=60, eval_every=10, lr=1e-2)
        y = result.labels["test"]
        assert (
            roc_auc_ovo(y, result.pretrained["test"]) < 0.9 < roc_auc_ovo(y, result.chosen["test"])
        )
        assert log_loss(y, result.chosen["test"]) < 0.5 < log_loss(y, result.pretrained["test"])

    def test_the_pretrained_model_stays_as_it_was(self):
        before = copy.deepcopy(pretrained())
        result = run()
        assert same_weights(pretrained(), before)
        assert not pretrained().training
        assert not same_weights(result.module, before)
        assert all(p.grad is None for p in pretrained().parameters())

    def test_same_seed_same_bits(self):
        one = run()
        torch.manual_seed(99)
        np.random.seed(99)  # noqa: NPY002 (the global state must not matter)
        two = run()
        assert one.curves == two.curves
        assert one.chosen_step == two.chosen_step
        assert same_weights(one.module, two.module)
        assert_same(one.last, two.last)

    def test_the_warm_up_reaches_the_nominal_rate(self, monkeypatch: pytest.MonkeyPatch):
        rates: list[float] = []

        class Spy(torch.optim.AdamW):
            def step(self, *args: Any, **kwargs: Any) -> Any:
                rates.append(self.param_groups[0]["lr"])
                return super().step(*args, **kwargs)

        monkeypatch.setattr(torch.optim, "AdamW", Spy)
        run(steps=5, lr=0.03, warmup_steps=3)
        assert rates == pytest.approx([0.01, 0.02, 0.03, 0.03, 0.03])
        rates.clear()
        run(steps=2, lr=0.03, warmup_steps=0)
        assert rates == [0.03, 0.03]

    def test_gradients_are_clipped_to_the_norm_asked_for(self, monkeypatch: pytest.MonkeyPatch):
        norms: list[float] = []

        class Spy(torch.optim.AdamW):
            def step(self, *args: Any, **kwargs: Any) -> Any:
                grads = [
                    p.grad.flatten() for p in self.param_groups[0]["params"] if p.grad is not None
                ]
                norms.append(float(torch.cat(grads).norm()))
                return super().step(*args, **kwargs)

        monkeypatch.setattr(torch.optim, "AdamW", Spy)
        run(steps=2, clip_norm=None)
        assert max(norms) > 0.01
        norms.clear()
        run(steps=2, clip_norm=0.01)
        assert norms == pytest.approx([0.01, 0.01], rel=1e-3)


class TestChoice:
    def test_step_zero_is_kept_when_nothing_is_better(self):
        result = run(score=scripted([0.8] + [0.8, 0.7] * 4), steps=8)
        assert (result.chosen_step, result.last_step) == (0, 8)
        assert same_weights(result.module, pretrained())
        assert_same(result.chosen, result.pretrained)

    def test_the_best_step_is_chosen_and_the_first_of_equals(self):
        result = run(score=scripted([0.5, 0.6, 0.9, 0.7, 0.9]), steps=4)
        assert (result.chosen_step, result.last_step) == (2, 4)
        assert result.chosen["validation"].max() == 0.9
        assert result.curves["validation"]["log_loss"] == pytest.approx(
            [-np.log(p) for p in (0.5, 0.6, 0.9, 0.7, 0.9)]
        )

    def test_roc_auc_is_maximized(self):
        """Probabilities of the true class below one half order the rows the wrong way round."""
        result = run(score=scripted([0.4, 0.6, 0.4, 0.9]), steps=3, select_by=SelectBy.roc_auc_ovo)
        assert result.curves["validation"]["roc_auc_ovo"] == [0.0, 1.0, 0.0, 1.0]
        assert result.chosen_step == 1

    @pytest.mark.parametrize("keep", list(Keep))
    @pytest.mark.parametrize("select_by", ["log_loss", "roc_auc_ovo_veto", "one_se", "never"])
    def test_the_weights_are_those_of_the_chosen_step(self, keep: Keep, select_by: str):
        """A rate this high ruins the model in the end, so that best and last differ."""
        by = SelectBy[select_by]
        result = run(steps=12, lr=1e-2, warmup_steps=1, keep=keep, select_by=by)
        scoring, drawn = fold()[2], result.curves["validation"]
        turned = {name: list(map(SCORES[name].oriented, drawn[name])) for name in drawn}
        errors = result.curves["validation_se"]
        chosen = RULES[select_by].keeps(Evaluations(13, turned, errors))
        assert result.chosen_step == (chosen if keep == Keep.best else 12)
        if by == SelectBy.log_loss and keep == Keep.best:
            assert 0 < result.chosen_step == int(np.argmin(drawn["log_loss"]))
        if keep == Keep.last:
            assert_same(result.chosen, result.last)
        assert_same(scoring.probabilities(result.module), result.chosen)
        assert_same(scoring.probabilities(pretrained()), result.pretrained)

    def test_a_worse_last_step_does_not_leak_into_the_chosen_weights(self):
        """What autogluon.tabular 1.6.3 does on CPU: its best weights follow the live ones."""
        scoring, seen = fold()[2], []

        def score(module: Tab2D) -> Probabilities:
            seen.append(copy.deepcopy(module))
            scores = scoring.probabilities(module)
            p = [0.5, 0.9, 0.2, 0.1][len(seen) - 1]
            y = scoring.labels["validation"]
            return scores | {"validation": np.where(np.eye(2)[y] == 1, p, 1 - p)}

        result = run(score=score, steps=3, lr=0.05)
        assert (result.chosen_step, result.last_step) == (1, 3)
        assert same_weights(result.module, seen[1])
        assert not same_weights(result.module, seen[3])
        np.testing.assert_array_equal(
            scoring.probabilities(result.module)["test"], result.chosen["test"]
        )
        assert not np.array_equal(result.chosen["test"], result.last["test"])
        assert not result.module.training

    def test_the_choice_never_reads_the_test_part(self):
        one = run(steps=6, lr=1e-2)
        labels = fold()[2].labels
        two = run(labels | {"test": seeded("mix").permutation(labels["test"])}, steps=6, lr=1e-2)
        assert one.chosen_step == two.chosen_step
        assert same_weights(one.module, two.module)
        assert one.curves["validation"]["log_loss"] == two.curves["validation"]["log_loss"]
        assert one.curves["test"]["log_loss"] != two.curves["test"]["log_loss"]

    @pytest.mark.parametrize(("at", "chosen", "last"), [(1, 0, 0), (3, 2, 2), (4, 4, 4), (5, 4, 4)])
    def test_one_that_is_ended_has_the_best_step_that_was_evaluated_till_then(
        self, at: int, chosen: int, last: int
    ):
        asked = iter(range(1, 9))
        result = run(
            score=scripted([0.5, 0.6, 0.7, 0.8, 0.9]),
            eval_every=2,
            ended=lambda: next(asked) == at,
        )
        assert (result.chosen_step, result.last_step) == (chosen, last)
        assert next(asked) == at + 1

    def test_patience_counts_evaluations_without_gain(self):
        result = run(
            score=scripted([0.5, 0.6, 0.6, 0.5, 0.7, 0.6, 0.6, 0.6, 0.9]), steps=20, patience=3
        )
        assert (result.chosen_step, result.last_step) == (4, 7)

    def test_patience_may_grow_with_the_place_of_the_best_evaluation(self):
        """Step 4 is the best: 3 evaluations more, half of its place and one."""
        values = [0.5, 0.6, 0.6, 0.5, 0.7, 0.6, 0.6, 0.6, 0.6, 0.9]
        growing = {"patience": 2, "patience_rate": 0.5, "patience_offset": 1}
        assert run(score=scripted(values), steps=20, **growing).last_step == 3
        growing["patience"] = 3
        assert run(score=scripted(values), steps=20, **growing).last_step == 7
        growing |= {"patience_rate": 1.0}
        assert run(score=scripted(values), steps=9, **growing).last_step == 9

    def test_a_vetoed_best_step_gives_the_pretrained_weights_back(self):
        """Step 1 is taken; step 2 ranks better and is hardly sure of anything: nothing is kept."""
        scoring = fold()[2]
        y = scoring.labels["validation"]
        evaluations = iter([(9, 0.55), (5, 0.6), (0, 0.501)])  # rows on the wrong side, and how far

        def score(module: Tab2D) -> Probabilities:
            wrong, p = next(evaluations)
            of_label = np.where(np.arange(len(y)) < wrong, 1 - p, p)
            rows = np.where(np.eye(2)[y] == 1, of_label[:, None], 1 - of_label[:, None])
            return {"validation": rows, "test": scoring.probabilities(module)["test"]}

        result = run(score=score, steps=2, select_by=SelectBy.roc_auc_ovo_veto)
        drawn = result.curves["validation"]
        assert drawn["roc_auc_ovo"] == sorted(drawn["roc_auc_ovo"])
        assert drawn["log_loss"][1] < drawn["log_loss"][0] < drawn["log_loss"][2]
        assert (result.chosen_step, result.last_step) == (0, 2)
        assert same_weights(result.module, pretrained())
        assert_same(result.chosen, result.pretrained)

    def test_patience_counts_evaluations_since_the_rule_took_another(self):
        values = [0.5, 0.6, 0.6, 0.6, 0.6]
        assert run(score=scripted(values), steps=4, patience=2).last_step == 3
        assert run(score=scripted(values), steps=4, patience=2, keep=Keep.last).chosen_step == 3
        for by, last_step in ((SelectBy.never, 2), (SelectBy.last, 4)):
            result = run(score=scripted(values), steps=4, patience=2, select_by=by)
            assert result.last_step == last_step

    def test_a_rule_cannot_keep_what_is_not_held(self, monkeypatch: pytest.MonkeyPatch):
        back = replace(RULES["last"], keeps=lambda told: max(0, told.count - 2))
        monkeypatch.setitem(RULES, "last", back)
        with pytest.raises(RuntimeError, match="last keeps evaluation 1 of 0 to 2 after 0"):
            run(steps=2, select_by=SelectBy.last)

    @pytest.mark.parametrize("select_by", ["roc_auc_ovo", "roc_auc_ovo_veto", "one_se"])
    def test_a_validation_part_of_one_class_is_read_by_its_log_loss(self, select_by: str):
        labels = fold()[2].labels
        ones = {"validation": np.ones_like(labels["validation"]), "test": labels["test"]}
        result = run(ones, steps=4, lr=1e-2, select_by=SelectBy[select_by])
        assert result.curves["validation"]["roc_auc_ovo"] == [None] * 5
        assert result.chosen_step == int(np.argmin(result.curves["validation"]["log_loss"]))
        assert len(result.notes) == 1
        assert f"read log-loss, not {RULES[select_by].title}" in result.notes[0]
        assert run(steps=1).notes == []


class TestCurves:
    @pytest.mark.parametrize(
        ("steps", "every", "expected"),
        [(4, 1, [0, 1, 2, 3, 4]), (6, 3, [0, 3, 6]), (7, 3, [0, 3, 6, 7]), (2, 9, [0, 2])],
    )
    def test_one_entry_an_evaluation_the_last_step_included(
        self, steps: int, every: int, expected: list[int]
    ):
        curves = run(steps=steps, eval_every=every).curves
        assert curves["step"] == expected
        assert list(curves) == ["step", "train_loss", "validation", "test", "validation_se"]
        drawn = ["roc_auc_ovo", "brier", "log_loss"]
        assert list(curves["test"]) == list(curves["validation"]) == drawn
        lists = [curves["train_loss"], *curves["test"].values(), *curves["validation"].values()]
        assert {len(values) for values in lists} == {len(expected)}

    def test_the_training_loss_is_the_mean_since_the_evaluation_before(self):
        each, thirds = run(steps=7).curves, run(steps=7, eval_every=3).curves
        losses = each["train_loss"]
        assert losses[0] is thirds["train_loss"][0] is None
        assert thirds["train_loss"][1:] == [
            np.mean(losses[1:4]),
            np.mean(losses[4:7]),
            losses[7],
        ]

    def test_the_curves_meet_the_probabilities(self):
        result = run(steps=5, lr=1e-2)
        for part, y in result.labels.items():
            curve = result.curves[part]["roc_auc_ovo"]
            assert curve[0] == roc_auc_ovo(y, result.pretrained[part])
            assert curve[result.chosen_step] == roc_auc_ovo(y, result.chosen[part])
            assert result.curves[part]["log_loss"][-1] == log_loss(y, result.last[part])

    def test_time_is_told_by_phase(self):
        assert set(run(steps=1).seconds) == {"tasks", "training", "scoring"}


class TestFailure:
    def test_a_loss_that_is_not_finite_ends_the_run(self):
        with pytest.raises(FloatingPointError, match="loss is nan at step 2"):
            run(steps=5, eval_every=5, lr=float("inf"), warmup_steps=0)

    @pytest.mark.parametrize("select_by", [SelectBy[name] for name in rules_of("classification")])
    def test_a_score_that_is_not_finite_ends_the_run(self, select_by: SelectBy):
        """The last step's weights see no loss any more; their scores must tell."""
        with pytest.raises(FloatingPointError):
            run(steps=1, lr=float("inf"), warmup_steps=0, select_by=select_by)
