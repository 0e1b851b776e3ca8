"""The standard error of a score's change is DeLong's, or that of a mean of paired differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.finetune.loop import redrawn
from bench.finetune.settings import Finetune, Keep, SelectBy
from bench.predicted import Predicted
from bench.scores import SCORES, scores_of
from bench.scores._change import BY_ROW, ChangeErrors

OF_CLASSES, OF_VALUES = (
    [score.name for score in scores_of(problem) if score.name in BY_ROW]
    for problem in ("classification", "regression")
)
# In columns of two: a score of the second class, before and after.
FOUR = np.array([[0.2, 0.2], [0.6, 0.4], [0.4, 0.6], [0.8, 0.8]])
OF_FOUR = np.array([0, 0, 1, 1])


def of_two(p: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - p, p])


def drawn(n_classes: int, n_rows: int = 60, decimals: int = 2) -> tuple[np.ndarray, Any, Any]:
    """Labels and two predictions of them, with ties."""
    rng = np.random.default_rng(n_classes)
    y = np.concatenate([np.repeat(np.arange(n_classes), 3), rng.integers(0, n_classes, n_rows)])
    logits = rng.normal(size=(len(y), n_classes)) + 1.5 * np.eye(n_classes)[y]
    both = []
    for noise in (0.0, 0.7):
        p = np.exp((logits + noise * rng.normal(size=logits.shape)).round(decimals))
        both.append(p / p.sum(axis=1, keepdims=True))
    return y, *both


def error_of(name: str, y: np.ndarray, before: np.ndarray, after: np.ndarray) -> float | None:
    of_rows = BY_ROW[name]
    return of_rows.change_error(y, of_rows.values(y, before), of_rows.values(y, after))


def jackknifed(name: str, y: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    """Standard error from leaving out one row after the other, within classes or without."""
    function = SCORES[name].function
    left_out = np.array(
        [
            function(y[rows], after[rows]) - function(y[rows], before[rows])
            for rows in (np.arange(len(y)) != i for i in range(len(y)))
        ]
    )
    groups = [y == c for c in np.unique(y)] if BY_ROW[name].within_classes else [y == y]
    return float(np.sqrt(sum(left_out[g].var() * (g.sum() - 1) for g in groups)))


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("name", OF_CLASSES)
def test_it_is_what_leaving_out_rows_says(name: str, n_classes: int) -> None:
    y, before, after = drawn(n_classes)
    # Of a mean, and of a mean of pairs of classes, exactly; one-vs-rest moves the classes' shares.
    apart = 0.05 if name == "roc_auc_ovr" and n_classes > 2 else 1e-9
    assert error_of(name, y, before, after) == pytest.approx(
        jackknifed(name, y, before, after), rel=apart
    )


def of_values(seed: int, n_rows: int = 200) -> tuple[np.ndarray, Predicted, Predicted]:
    """Values and two predictions of them, of which the second is the better."""
    rng = np.random.default_rng(seed)
    y, edges = rng.normal(size=n_rows), np.linspace(-4, 4, 9)

    def told(noise: float) -> Predicted:
        mean = y + noise * rng.normal(size=n_rows)
        mass = np.exp(-((edges[:-1] + 0.5 - mean[:, None]) ** 2))
        return Predicted(mean, 2.0, mass / mass.sum(axis=1, keepdims=True), edges)

    return y, told(0.8), told(0.6)


def taken(predicted: Predicted, rows: np.ndarray) -> Predicted:
    assert predicted.mass is not None
    return Predicted(predicted.mean[rows], predicted.scale, predicted.mass[rows], predicted.edges)


@pytest.mark.parametrize("name", OF_VALUES)
def test_of_values_it_is_what_leaving_out_rows_says(name: str) -> None:
    y, before, after = of_values(0)
    function = SCORES[name].function
    kept = [np.arange(len(y)) != i for i in range(len(y))]
    left_out = np.array(
        [function(y[r], taken(after, r)) - function(y[r], taken(before, r)) for r in kept]  # type: ignore
    )
    jackknife = float(np.sqrt(left_out.var() * (len(y) - 1)))
    apart = 0.02 if name.startswith("rmse") else 1e-9  # a root's change to first order; of means
    assert error_of(name, y, before, after) == pytest.approx(jackknife, rel=apart)  # type: ignore


def test_of_values_by_hand_and_of_a_model_that_tells_no_distribution() -> None:
    """Errors 1 and 7, then 1 and 1: mean squares 25 and 1, so that the root changes by −4."""
    y, before, after = np.zeros(2), Predicted(np.array([1.0, 7.0]), 2.0), np.array([1.0, -1.0])
    errors = ChangeErrors(y)
    assert errors.told(before) == {"rmse": 0.0, "log_score": None, "mae": 0.0, "rmse_sd": 0.0}
    told = errors.told(Predicted(after, 2.0))
    squares = [1 / (2 * 1) - 1 / (2 * 5), 1 / (2 * 1) - 49 / (2 * 5)]
    assert told["rmse"] == pytest.approx(np.std(squares, ddof=1) / np.sqrt(2))
    assert told["rmse_sd"] == pytest.approx(told["rmse"] / 2)  # type: ignore[operator]
    assert told["mae"] == pytest.approx(np.std([0, -6], ddof=1) / np.sqrt(2))
    assert told["log_score"] is None
    perfect = ChangeErrors(y)
    assert perfect.told(Predicted(y, 2.0))["rmse"] == perfect.told(Predicted(y, 2.0))["rmse"] == 0


def test_of_two_classes_it_is_delongs() -> None:
    """From the covariance of the structural components of both predictions, pair by pair."""
    y, before, after = drawn(2)
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)

    def outscores(p: np.ndarray, i: int, j: int) -> float:
        return 1.0 if p[i, 1] > p[j, 1] else 0.5 if p[i, 1] == p[j, 1] else 0.0

    wins = [[[outscores(p, i, j) for j in negatives] for i in positives] for p in (before, after)]
    of_positives = [[sum(row) / len(negatives) for row in w] for w in wins]
    of_negatives = [[sum(c) / len(positives) for c in zip(*w, strict=True)] for w in wins]
    covariance = np.cov(of_positives) / len(positives) + np.cov(of_negatives) / len(negatives)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    for name in ("roc_auc_ovo", "roc_auc_ovr"):
        assert error_of(name, y, before, after) == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_four_rows_by_hand() -> None:
    before, after = map(of_two, FOUR.T)
    # Shares that are outscored, of class 0 and 1: (1, ½), (½, 1) before and 1 after: of each class
    # the changes 0 and ½ have the variance ⅛, and two rows.
    assert error_of("roc_auc_ovo", OF_FOUR, before, after) == pytest.approx(np.sqrt(2 * 0.125 / 2))
    losses = [0, np.log(1 - 0.6) - np.log(1 - 0.4), np.log(0.4) - np.log(0.6), 0]
    expected = np.std(losses, ddof=1) / 2
    assert error_of("log_loss", OF_FOUR, before, after) == pytest.approx(expected)
    squares = [0, 2 * (0.4**2 - 0.6**2), 2 * (0.4**2 - 0.6**2), 0]
    assert error_of("brier", OF_FOUR, before, after) == pytest.approx(np.std(squares, ddof=1) / 2)


@pytest.mark.parametrize("name", OF_CLASSES)
def test_constant_predictions_are_told_without_error(name: str) -> None:
    y = np.array([0, 0, 1, 1, 2, 2])
    one, two = np.full((6, 3), 1 / 3), np.tile([0.5, 0.3, 0.2], (6, 1))
    found = error_of(name, y, one, two)
    if name.startswith("roc_auc"):
        assert found == 0  # all rows tie, before and after
    assert error_of(name, y, one, one) == 0


def test_of_a_class_with_one_row_or_of_one_class_it_cannot_be_told() -> None:
    single = ChangeErrors(np.array([0, 0, 0, 1]))
    p = of_two(FOUR[:, 0])
    assert single.told(p) == {"roc_auc_ovo": None, "brier": 0.0, "log_loss": 0.0}
    told = single.told(of_two(FOUR[:, 1]))
    assert told["roc_auc_ovo"] is None
    assert told["log_loss"] is not None
    assert told["log_loss"] > 0
    of_one_class = ChangeErrors(np.zeros(4, dtype=int))
    assert of_one_class.told(p) == {"roc_auc_ovo": None, "brier": 0.0, "log_loss": 0.0}
    assert ChangeErrors(np.zeros(1, dtype=int)).told(p[:1])["log_loss"] is None


def test_a_run_tells_it_at_each_evaluation_of_the_validation_part_alone() -> None:
    before, after = map(of_two, FOUR.T)
    labels = {"validation": OF_FOUR, "test": OF_FOUR}
    settings = Finetune(steps=4, select_by=SelectBy.last, keep=Keep.best)

    def errors(test: np.ndarray) -> dict[str, Any]:
        of_steps = [(0, before), (2, after), (4, before)]
        evaluations = [(step, 0.1, {"validation": p, "test": test}) for step, p in of_steps]
        curves = redrawn(labels, settings, evaluations)
        found: dict[str, Any] = curves["validation_se"]
        return found

    found = errors(after)
    assert set(found) == {score.name for score in scores_of("classification") if score.drawn}
    assert found["roc_auc_ovo"] == [0.0, pytest.approx(np.sqrt(0.125)), 0.0]
    assert errors(before) == found
