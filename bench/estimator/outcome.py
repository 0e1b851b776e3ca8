"""What a fit came to, in scores of the rows that were held out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import nn

from bench.datasets.own.frame import Owned
from bench.estimator import experience
from bench.estimator.fitted import Child
from bench.estimator.report import Report
from bench.estimator.settings import Settings
from bench.finetune.stopping import rule_for
from bench.models.base import Probabilities
from bench.models.loading import name_of
from bench.predicted import Predicted, Predictions
from bench.score import Score
from bench.scores._change import ChangeErrors
from bench.scores._held import held
from bench.table import Table


@dataclass(frozen=True)
class Piece:
    """What one fine-tuning learns from and holds out."""

    train: Table
    validation: Table


class Trajectory:
    """The score of each evaluation of a run, and the standard error of its change since the first.

    Parameters
    ----------
    metric : Score
    y : ndarray of shape (n_rows,)
        Targets of the rows that were held out.
    """

    def __init__(self, metric: Score, y: np.ndarray) -> None:
        self._metric = metric
        self._y = y
        self._errors = ChangeErrors(y)
        self.steps: list[int] = []
        self.scores: list[float | None] = []
        self.errors: list[float | None] = []

    def add(self, step: int, predictions: Probabilities) -> None:
        """Take in an evaluation; the first is the pre-trained model's."""
        validation = predictions["validation"]
        self.steps.append(step)
        self.scores.append(held(self._metric, self._y, validation))
        self.errors.append(self._errors.told(validation).get(self._metric.name))

    def best(self) -> int:
        """Where the best evaluation stands that is not the pre-trained model's; 0 if none does."""
        later = list(enumerate(self.scores))[1:]
        told = [(self._metric.oriented(s), -i) for i, s in later if s is not None]
        return -max(told)[1] if told else 0


@dataclass(frozen=True)
class Tuned:
    """What became of a piece: the chosen step's weights, and predictions of what it held out.

    ``fault`` says why nothing was fine-tuned, if so.
    """

    piece: Piece
    module: nn.Module
    chosen_step: int
    last_step: int
    before: Predictions
    after: Predictions
    trajectory: Trajectory
    fault: str = ""


def pooled(tuned: Sequence[Tuned]) -> tuple[np.ndarray, Probabilities, Probabilities]:
    """Targets of what all pieces held out, and predictions of base and fine-tuned models."""
    y = np.concatenate([one.piece.validation.y for one in tuned])
    before, after = (
        {"validation": _joined([getattr(one, when) for one in tuned])}
        for when in ("before", "after")
    )
    return y, before, after


def _joined(predictions: list[Predictions]) -> Predictions:
    """Predictions of several models, one below the other; distributions are left out."""
    of_values = [one for one in predictions if isinstance(one, Predicted)]
    shares = [one for one in predictions if isinstance(one, np.ndarray)]
    if shares:
        return np.concatenate(shares)
    scale = sum(one.scale for one in of_values) / len(of_values)
    return Predicted(np.concatenate([one.mean for one in of_values]), scale)


def report_of(
    owned: Owned,
    settings: Settings,
    metric: Score,
    tuned: Sequence[Tuned],
    children: Sequence[Child],
    base_kept: bool,
    notes: Sequence[str],
    seconds: Mapping[str, float],
) -> Report:
    """The report of a fit."""
    table, steps = owned.table, tuple(one.chosen_step for one in tuned)
    trajectory = tuned[0].trajectory
    if len(tuned) > 1:
        y, before, after = pooled(tuned)
        trajectory = Trajectory(metric, y)
        trajectory.add(0, before)
        trajectory.add(1, after)
    all_rows = len(tuned[0].piece.train) + len(tuned[0].piece.validation)
    of_step = steps[0] if len(tuned) == 1 else 1
    at = trajectory.best() if base_kept else trajectory.steps.index(of_step)
    base, tuned_score = trajectory.scores[0], trajectory.scores[at] if at else None
    expected = None
    if base is not None and tuned_score is not None and not base_kept:
        gain = metric.oriented(tuned_score - base)
        expected = experience.expected(metric.name, table.problem, all_rows, gain)
    return Report(
        problem=table.problem,
        model=name_of(settings.model),
        rows_from=_rows_from(settings),
        metric=metric.name,
        base=base,
        fine_tuned=tuned_score,
        se=trajectory.errors[at] if at else None,
        expected=expected and expected[0],
        expected_from=expected[1] if expected else "",
        step=0 if base_kept else round(float(np.mean(steps))),
        steps=max(one.last_step for one in tuned),
        chosen_steps=steps,
        base_kept=base_kept,
        why=rule_for(settings.finetune.select_by, table.problem).title,
        fault=next((one.fault for one in tuned if one.fault), "") if base_kept else "",
        rows={
            "all": all_rows,
            "train": len(tuned[0].piece.train),
            "validation": sum(len(one.piece.validation) for one in tuned),
            "context": len(children[0].context),
        },
        classes=table.classes,
        features=table.n_features,
        columns=table.notes,
        seconds={name: round(spent, 3) for name, spent in seconds.items()},
        notes=tuple(notes),
        settings=_plain(settings),
    )


def _rows_from(settings: Settings) -> str:
    """Where the rows came from that a model was fine-tuned on."""
    if settings.generator is None and settings.method.generator is None:
        return "real rows"
    mixing = settings.method.mixing
    with_real = f", {mixing.ratio:g} for each real row" if mixing.rows == "mixed" else " alone"
    return f"{settings.method.name} rows{with_real}"


def _plain(settings: Settings) -> dict[str, Any]:
    """The settings as plain JSON; a generator that was handed in by its class's name."""
    told = {
        **{name: value for name, value in vars(settings).items() if name != "generator"},
        "method": asdict(settings.method),
        "finetune": asdict(settings.finetune),
    }
    plain: dict[str, Any] = json.loads(json.dumps(told))
    return plain
