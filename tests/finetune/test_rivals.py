"""Cheap rivals of augmentation, by hand on linear modules: which weights are trained, and kept."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from recipes import recipe
from torch import Tensor, nn

from bench.errors import ModelError
from bench.finetune.averaging import Averaged, Evaluated, Interpolated, evaluated
from bench.finetune.l2_sp import add_pull
from bench.finetune.loop import Finetuned, finetune
from bench.finetune.settings import WISE_FT_GRID, Chosen, Finetune, Keep, Layers, SelectBy
from bench.finetune.sources import Task
from bench.models.base import Encoder, Probabilities
from bench.models.in_context import InContext
from bench.table import Table

RECIPE = replace(recipe(), steps=6, lr=0.05, warmup_steps=0, weight_decay=0.1, patience=100)
EMA, HALF, BY_VALIDATION = {"ema": 0.75}, {"wise_ft": 0.5}, {"wise_ft": Chosen.chosen}


class Line(nn.Module):
    """One weight, and a count that is no weight."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([weight]))
        self.register_buffer("seen", torch.tensor(0))


def moved(module: Line, weight: float, seen: int = 0) -> None:
    with torch.no_grad():
        module.weight.fill_(weight)
        module.seen.fill_(seen)


class TwoLayers(InContext):
    """Logits of a query row by two linear maps; the support is not read."""

    def encoder(self, train: Table) -> Encoder:
        raise NotImplementedError

    def logits(self, module: nn.Module, x: Tensor, y: Tensor, x_query: Tensor) -> Tensor:
        return module(x_query)

    def last_layer(self, module: nn.Module) -> list[nn.Parameter]:
        return list(module[-1].parameters())


def backbone() -> TwoLayers:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).eval()
    return TwoLayers(module, 2, 3, 100, torch.device("cpu"))


RNG = np.random.default_rng(0)
ROWS = {part: RNG.normal(size=(12, 3)).astype(np.float32) for part in ("validation", "test")}
LABELS = {part: (x[:, 0] > 0).astype(np.int64) for part, x in ROWS.items()}


class Tasks:
    """Twelve rows a step, whose class the first feature tells."""

    def task(self, step: int) -> Task:
        rng = np.random.default_rng(step)
        x = rng.normal(size=(12, 3)).astype(np.float32)
        y = (x[:, 0] > 0).astype(np.int64)
        return Task(x[:4], np.array([0, 1, 0, 1]), x, y)


@torch.no_grad()
def predicted(module: nn.Module) -> Probabilities:
    return {p: module(torch.from_numpy(x)).double().softmax(1).numpy() for p, x in ROWS.items()}


def run(labels: dict[str, np.ndarray] = LABELS, **settings: Any) -> tuple[Finetuned, list[Any]]:
    """A run, and the weights that each of its scorings saw."""
    seen = []

    def score(module: nn.Module) -> Probabilities:
        seen.append(copy.deepcopy(list(module.parameters())))
        return predicted(module)

    return finetune(backbone(), Tasks(), score, labels, 2, replace(RECIPE, **settings)), seen


def equal(one: list[Tensor], two: list[Tensor]) -> bool:
    return all(map(torch.equal, one, two))


# --- which weights are evaluated ----------------------------------------------------------------


def test_the_default_evaluates_the_trained_weights_themselves() -> None:
    trained, pretrained = Line(1.0), Line(1.0)
    found = evaluated(recipe(), trained, pretrained)
    assert type(found) is Evaluated
    assert found.module is trained


def test_an_average_by_hand() -> None:
    trained = Line(1.0)
    averaged = Averaged(trained, 0.75)
    assert averaged.module.weight.item() == 1.0
    moved(trained, 3.0, seen=1)
    averaged.follow()  # 0.75 · 1 + 0.25 · 3
    assert averaged.module.weight.item() == 1.5
    moved(trained, 5.5, seen=2)
    averaged.follow()  # 0.75 · 1.5 + 0.25 · 5.5
    assert averaged.module.weight.item() == 2.5
    assert averaged.module.seen.item() == 2
    assert trained.weight.item() == 5.5


def test_a_mean_by_hand() -> None:
    trained, pretrained = Line(1.0), Line(1.0)
    half = Interpolated(trained, pretrained, [0.5])
    moved(trained, 4.0, seen=3)
    weights = half.score(lambda module: {"seen": module.weight.tolist()}, lambda _: 0.0)
    assert weights == {"seen": [2.5]}
    assert (half.module.seen.item(), trained.weight.item(), pretrained.weight.item()) == (3, 4, 1)


@pytest.mark.parametrize(
    ("worth", "alpha"),
    [([1, 2, 3, 2], 0.75), ([1, 2, 2, 2], 0.5), ([1, 1, 1, 1], 0.25), ([0, 0, 0, 1], 1.0)],
)
def test_of_several_means_the_one_worth_most_the_first_of_equals(
    worth: list[float], alpha: float
) -> None:
    trained, pretrained = Line(0.0), Line(0.0)
    several = Interpolated(trained, pretrained, WISE_FT_GRID)
    moved(trained, 1.0)
    given = iter(worth)
    found = several.score(lambda module: {"at": module.weight.item()}, lambda _: next(given))
    assert found == {"at": alpha}
    assert several.module.weight.item() == alpha


def test_all_means_of_a_run_that_has_not_moved_are_the_pretrained_model_to_the_bit() -> None:
    for settings in (EMA, HALF, BY_VALIDATION):
        _, seen = run(**settings)
        assert equal(seen[0], list(backbone().module.parameters()))


# --- in a run -----------------------------------------------------------------------------------


def test_a_run_evaluates_the_average_of_the_weights_that_it_would_have_had() -> None:
    _, trained = run()
    result, averaged = run(**EMA)
    hand = trained[0]
    for step in range(1, 7):
        hand = [0.75 * a + 0.25 * w for a, w in zip(hand, trained[step], strict=True)]
        torch.testing.assert_close(averaged[step], hand, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(
        result.curves["train_loss"][1:], run()[0].curves["train_loss"][1:]
    )
    assert np.abs(result.last["test"] - run()[0].last["test"]).max() > 1e-3


def test_a_run_evaluates_weights_half_way_to_those_it_would_have_had() -> None:
    _, trained = run()
    _, means = run(**HALF)
    for w, mean in zip(trained, means, strict=True):
        half = [a + (b - a) / 2 for a, b in zip(trained[0], w, strict=True)]
        torch.testing.assert_close(mean, half, rtol=0, atol=1e-7)


def test_alpha_is_chosen_by_the_score_that_the_choice_of_a_step_reads() -> None:
    result, seen = run(**BY_VALIDATION)
    assert len(seen) == 7 * len(WISE_FT_GRID)
    fixed = [run()[0]] + [run(wise_ft=alpha)[0] for alpha in WISE_FT_GRID[:-1]]
    losses = [one.curves["validation"]["log_loss"] for one in fixed]
    assert result.curves["validation"]["log_loss"] == np.min(losses, axis=0).tolist()


@pytest.mark.parametrize("keep", list(Keep))
@pytest.mark.parametrize("settings", [EMA, HALF, BY_VALIDATION])
def test_what_is_evaluated_is_kept(settings: dict[str, Any], keep: Keep) -> None:
    result, _ = run(keep=keep, **settings)
    assert result.chosen_step > 0
    for part, probabilities in predicted(result.module).items():
        np.testing.assert_array_equal(probabilities, result.chosen[part])


@pytest.mark.parametrize("settings", [EMA, HALF, BY_VALIDATION])
def test_no_choice_reads_the_test_part(settings: dict[str, Any]) -> None:
    turned = LABELS | {"test": 1 - LABELS["test"]}
    (one, first), (two, second) = run(**settings), run(turned, **settings)
    assert all(map(equal, first, second))
    assert equal(list(one.module.parameters()), list(two.module.parameters()))
    assert one.curves["test"] != two.curves["test"]


# --- the pull to the pre-trained weights --------------------------------------------------------


def test_the_pulls_gradient_is_its_strength_times_the_distance() -> None:
    trained, pretrained = Line(5.0), Line(1.0)
    trained.weight.grad = torch.tensor([0.25])
    add_pull(trained, pretrained, 0.5)
    assert trained.weight.grad.item() == 0.25 + 0.5 * (5.0 - 1.0)
    penalty = 0.5 / 2 * (trained.weight - pretrained.weight.detach()).square().sum()
    (gradient,) = torch.autograd.grad(penalty, trained.weight)
    assert gradient.item() == 2.0
    assert pretrained.weight.grad is None


def test_a_pull_keeps_a_run_near_the_pretrained_weights() -> None:
    def distance(seen: list[list[Tensor]]) -> float:
        return sum((a - b).norm().item() for a, b in zip(seen[0], seen[-1], strict=True))

    _, free = run()
    _, slightly = run(l2_sp=1e-9)
    _, held = run(l2_sp=10.0)
    assert distance(held) < 0.5 * distance(free)
    assert distance(slightly) == pytest.approx(distance(free), rel=1e-4)
    assert equal(held[1], free[1]), "the first step begins where nothing pulls"


# --- the last layer alone -----------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"l2_sp": 1.0}, EMA, HALF])
def test_all_weights_but_the_last_layers_keep_their_bits(settings: dict[str, Any]) -> None:
    result, seen = run(trained=Layers.last_layer, keep=Keep.last, **settings)
    before = list(backbone().module.parameters())
    after = list(result.module.parameters())
    assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [True] * 2 + [
        False
    ] * 2
    _, free = run()
    assert equal(seen[1], free[1]) is False


def test_the_last_layer_takes_the_step_that_it_would_take_alone() -> None:
    """AdamW moves a weight by its own gradient: without a clipped norm others don't count."""
    alone, whole = run(trained=Layers.last_layer, clip_norm=None)[1], run(clip_norm=None)[1]
    assert equal(alone[1][2:], whole[1][2:])


def test_a_model_without_a_last_layer_says_so() -> None:
    without = type("Whole", (TwoLayers,), {"last_layer": InContext.last_layer})
    module = backbone().module
    settings = replace(RECIPE, trained=Layers.last_layer)
    with pytest.raises(ModelError, match=r"of class Whole tells of no last layer.*trained=all"):
        finetune(
            without(module, 2, 3, 100, torch.device("cpu")), Tasks(), predicted, LABELS, 2, settings
        )


# --- contradictions -----------------------------------------------------------------------------


def test_an_average_and_a_mean_exclude_each_other() -> None:
    both: Finetune = replace(RECIPE, **EMA, **BY_VALIDATION)
    said = both.contradiction()
    assert said is not None
    assert said.startswith("finetune.ema is 0.75 and finetune.wise_ft is chosen, but")
    blind = replace(RECIPE, **BY_VALIDATION, select_by=SelectBy.last)
    assert "last reads none" in str(blind.contradiction())
    assert replace(RECIPE, **EMA, l2_sp=1.0, trained=Layers.last_layer).contradiction() is None
