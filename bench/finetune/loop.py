"""The fine-tuning loop: tasks in, curves and a chosen step out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.finetune.averaging import Evaluated, evaluated
from bench.finetune.generated import Parts
from bench.finetune.judging import Judge, OfRows, Values
from bench.finetune.l2_sp import add_pull
from bench.finetune.settings import Finetune, Keep, Layers, Precision
from bench.finetune.sources import Task, TaskSource
from bench.finetune.stopping import Evaluations, StoppingRule, rule_for
from bench.models import base
from bench.models.base import Backbone, Probabilities
from bench.models.memory import Memory
from bench.process import timed
from bench.score import ScoreError
from bench.scores import SCORES
from bench.seeds import derive

Watch = Callable[[int, Probabilities], None]  # is told each evaluation's step and predictions
LACKS = {  # why a score does not exist that a rule reads
    "classification": "The validation rows are of one class",
    "regression": "The model tells no distribution",
}


@dataclass
class Finetuned:
    """What a run leaves behind.

    Attributes
    ----------
    module : torch.nn.Module
        With the weights of the chosen step.
    chosen_step, last_step : int
        0 is the pre-trained model.
    pretrained, chosen, last : dict of part → ndarray (q, n_classes), or Predicted
        Predictions at those steps.
    labels : dict of part → ndarray (q,)
        The targets that they are held against.
    curves : dict
        Lists with one entry an evaluation: ``step``, ``train_loss`` (mean since the evaluation
        before; None at step 0), and in a dict for every part one for each score that is drawn
        (`bench.scores.SCORES`), None where it does not exist; in ``validation_se`` the standard
        error of its validation change since step 0, None where it cannot be told.
    notes : list of str
    seconds : dict of str → float
        Wall time spent in ``tasks``, ``training`` and ``scoring``.
    last_weights : dict of str → Tensor
        The module's state at the last step, where that was asked for.
    """

    module: nn.Module
    chosen_step: int
    last_step: int
    pretrained: Probabilities
    chosen: Probabilities
    last: Probabilities
    labels: dict[str, np.ndarray]
    curves: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    last_weights: dict[str, Tensor] = field(default_factory=dict)


def untouched(backbone: Backbone, score: base.Score, labels: dict[str, np.ndarray]) -> Finetuned:
    """The pre-trained model, scored as it is."""
    scored = score(backbone.module)
    return Finetuned(backbone.module, 0, 0, scored, scored, scored, labels, curves={})


def finetune(
    backbone: Backbone,
    source: TaskSource,
    score: base.Score,
    labels: dict[str, np.ndarray],
    n_classes: int,
    settings: Finetune,
    memory: Memory | None = None,
    seed: Parts = ("training",),
    watch: Watch | None = None,
    ended: Callable[[], bool] | None = None,
    judge: Judge | None = None,
    holds_last: bool = False,
) -> Finetuned:
    """Fine-tune a copy of the model and choose a step by its validation scores.

    Step 0, the pre-trained model, is a candidate; by a score a later step is chosen only if it is
    strictly better (`bench.finetune.stopping`). The kept weights are true copies (autogluon.tabular
    1.6.3 keeps references to the live weights on CPU, so its best checkpoint is its last).

    Parameters
    ----------
    backbone : Backbone
        Left unchanged.
    source : TaskSource
        Gives the task of steps 1 … ``settings.steps``.
    score : callable
        Module → predictions of the parts ``validation`` and ``test``. The choice reads
        ``validation`` alone; ``test`` only fills its (analysis) curve.
    labels : dict of part → ndarray (q,)
        What a run leaves behind with its predictions.
    n_classes : int
        Classes that the training rows hold, the length of the sliced logits; 1 where each task
        tells them.
    settings : Finetune
    memory : Memory, optional
        Query rows of a ``training`` pass; all of a task's, until the memory runs out.
    seed : tuple
        Named parts from which derives what a model itself draws in a step, as dropout does.
    watch : callable, optional
        Is told of each evaluation.
    ended : callable, optional
        Is asked after each step, and its evaluation if it has one, whether the run ends with that.
    judge : Judge, optional
        Holds predictions against something else than the labels of one table.
    holds_last : bool, optional
        Whether the last step's weights are left behind as well.

    Raises
    ------
    LessSupport, OutOfMemory
        If the device's memory is too small (`bench.models.memory`).
    FloatingPointError
        If the loss or the predictions are not finite, or stop being so.
    NotApplicable
        If the table, or the generator's rows, allow no task.
    TaskError
        If a generator of tasks gave none.
    """
    run = _Run(score, labels, settings, backbone.module, watch, judge)
    training = _Training(backbone, n_classes, settings, memory or Memory(), seed)
    weights = evaluated(settings, training.module, backbone.module)
    run.evaluate(0, None, weights)
    losses: list[float] = []
    for step in range(1, settings.steps + 1):
        with timed(run.seconds, "tasks"):
            task = source.task(step)
        with timed(run.seconds, "training"):
            losses.append(training.step(step, task))
            weights.follow()
        if step % settings.eval_every == 0 or step == settings.steps:
            run.evaluate(step, float(np.mean(losses)), weights)
            losses.clear()
            if run.is_out_of_patience:
                break
        if ended is not None and ended():
            break
    return run.finish(weights.module, holds_last)


def redrawn(
    labels: dict[str, np.ndarray],
    settings: Finetune,
    evaluations: Sequence[tuple[int, float | None, Probabilities]],
) -> dict[str, Any]:
    """The curves of evaluations of which each tells its step, training loss and predictions."""
    return _rerun(labels, settings, evaluations).curves


def is_taken(
    labels: dict[str, np.ndarray],
    settings: Finetune,
    pretrained: Probabilities,
    tuned: Probabilities,
) -> bool:
    """Whether the stopping rule takes these predictions for the pre-trained model's."""
    return _rerun(labels, settings, [(0, None, pretrained), (1, None, tuned)]).taken == 1


def _rerun(
    labels: dict[str, np.ndarray],
    settings: Finetune,
    evaluations: Sequence[tuple[int, float | None, Probabilities]],
) -> _Run:
    """A run through evaluations that were made before, without weights."""
    nothing = Evaluated(nn.Module())
    given = iter([probabilities for _, _, probabilities in evaluations])
    run = _Run(lambda _: next(given), labels, settings, nothing.module)
    for step, train_loss, _ in evaluations:
        run.evaluate(step, train_loss, nothing)
    return run


class _Training:
    """A copy of the weights, and what changes it."""

    def __init__(
        self,
        backbone: Backbone,
        n_classes: int,
        settings: Finetune,
        memory: Memory,
        seed: Parts,
    ) -> None:
        self.module = backbone.copy().train()
        self._backbone = backbone
        self._n_classes = n_classes
        self._settings = settings
        self._memory = memory
        self._seed = seed
        trained = list(self.module.parameters())
        if settings.trained is Layers.last_layer:
            trained = backbone.last_layer(self.module)
            self.module.requires_grad_(False)
            for weights in trained:
                weights.requires_grad_()
        # Fused, one pass over the weights instead of ten; where they are 75 million, that is felt.
        self._optimizer = torch.optim.AdamW(
            trained,
            lr=settings.lr,
            weight_decay=settings.weight_decay,
            fused=True,
        )

    def step(self, step: int, task: Task) -> float:
        """Learn from a task; give its loss."""
        settings, optimizer = self._settings, self._optimizer
        for group in optimizer.param_groups:
            group["lr"] = settings.lr * min(1.0, step / max(1, settings.warmup_steps))

        def gradients(chunk: int) -> float:
            optimizer.zero_grad()  # also what an attempt that ran out of memory left
            with _drawing(self._backbone.device, *self._seed, "step", step):
                return self._gradients(task, chunk)

        loss = self._memory.attempt("training", gradients, len(task.x_support), len(task.x_query))
        if not math.isfinite(loss):
            raise FloatingPointError(f"The training loss is {loss} at step {step}.")
        if settings.l2_sp is not None:
            add_pull(self.module, self._backbone.module, settings.l2_sp)
        if settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), settings.clip_norm)
        optimizer.step()
        optimizer.zero_grad()  # here, so that no gradients wait through the evaluation
        return loss

    def _gradients(self, task: Task, chunk: int) -> float:
        """Accumulate the gradient of the mean loss, some query rows at a time; give the loss."""
        device = self._backbone.device
        x_support, y_support, x_query, y_query = (
            torch.from_numpy(part)[None].to(device)
            for part in (task.x_support, task.y_support, task.x_query, task.y_query)
        )
        is_short = is_bfloat16(self._settings.precision, device)
        total = 0.0
        for x, y in zip(x_query.split(chunk, dim=1), y_query.split(chunk, dim=1), strict=True):
            with torch.autocast(device.type, torch.bfloat16, enabled=is_short):
                logits = self._backbone.logits(self.module, x_support, y_support, x)[0]
            share = y.shape[1] / y_query.shape[1]
            known = self._n_outputs(logits, y_support)
            loss = self._backbone.loss(logits.float(), y[0], known) * share
            loss.backward()
            total += loss.item()
        return total

    def _n_outputs(self, logits: Tensor, y_support: Tensor) -> int:
        """Outputs that the loss reads: all, or those of the classes that there are."""
        if not self._settings.slice_logits or not self._n_classes:
            return logits.shape[-1]
        return max(self._n_classes, int(y_support.max()) + 1)


@contextmanager
def _drawing(device: torch.device, *seed: str | int) -> Iterator[None]:
    """Torch draws from this seed within it, and goes on behind it as if nothing had been drawn."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(derive(*seed))
        yield


def is_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether training steps on this device are computed in bfloat16."""
    if precision == Precision.auto:
        return device.type == "cuda"
    return precision == Precision.bfloat16


def _turned(name: str, value: float | None) -> float:
    assert value is not None, "where a score lacks, one that exists is read"
    return SCORES[name].oriented(value)


class _Run:
    """Evaluations so far: the curves, and true copies of the kept step's weights."""

    def __init__(
        self,
        score: base.Score,
        labels: dict[str, np.ndarray],
        settings: Finetune,
        pretrained: nn.Module,
        watch: Watch | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._score = score
        self._watch = watch
        self._labels = labels
        self._judge = judge or OfRows(labels)
        self._settings = settings
        self._seen: dict[str, list[float]] = {}  # what the rule reads, greater is better
        self.taken = 0  # position of the evaluation that the rule keeps
        self.evaluations_without_gain = 0  # since the rule took another
        self._kept = 0  # position of the evaluation that the run keeps
        self._untouched: dict[str, Tensor] = pretrained.state_dict()  # nobody changes those
        self._weights = self._untouched
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []
        self.curves: dict[str, Any] = {"step": [], "train_loss": []}
        self.curves |= {part: {} for part in [*self._judge.parts, "validation_se"]}
        self._rule: StoppingRule | None = None  # until the first predictions tell which

    def evaluate(self, step: int, train_loss: float | None, weights: Evaluated) -> None:
        with timed(self.seconds, "scoring"):
            try:
                probabilities = weights.score(self._score, self._worth)
                scores = {p: self._judge.scores(p, probabilities) for p in self._judge.parts}
                errors = self._judge.errors(probabilities)
            except (FloatingPointError, ScoreError) as reason:
                raise FloatingPointError(f"At step {step}: {reason}") from reason
            self.curves["step"].append(step)
            self.curves["train_loss"].append(train_loss)
            for part, values in {**scores, "validation_se": errors}.items():
                for name, value in values.items():
                    self.curves[part].setdefault(name, []).append(value)
        if self._watch is not None:
            self._watch(step, probabilities)
        self._rule_of(probabilities, scores["validation"])
        self._keep_if_taken(step, probabilities, weights.module)

    def _worth(self, probabilities: Probabilities) -> float:
        """What they come to in the first score that the rule reads, greater is better."""
        scores = self._judge.scores("validation", probabilities)
        name = self._rule_of(probabilities, scores).reads[0]
        return _turned(name, scores[name])

    def _rule_of(self, probabilities: Probabilities, scores: Values) -> StoppingRule:
        """The rule that is asked for, as these predictions and scores allow; once and for all."""
        if self._rule is None:
            problem = self._judge.problem(probabilities)
            asked = rule_for(self._settings.select_by, problem)
            self._rule = asked.where_lacking([name for name in scores if scores[name] is None])
            if self._rule is not asked:
                self.notes.append(
                    f"{LACKS[problem]}: early stopping read {self._rule.title}, not {asked.title}."
                )
        return self._rule

    @property
    def is_out_of_patience(self) -> bool:
        """Whether the rule took none of as many evaluations in a row."""
        taken = len(self.curves["step"]) - 1 - self.evaluations_without_gain
        return self.evaluations_without_gain >= self._settings.patience_after(taken)

    def _keep_if_taken(self, step: int, probabilities: Probabilities, module: nn.Module) -> None:
        newest = len(self.curves["step"]) - 1
        by_rule = self._by_rules_reading(newest)
        is_another = newest == 0 or by_rule != self.taken
        self.evaluations_without_gain = 0 if is_another else self.evaluations_without_gain + 1
        self.taken, before = by_rule, self._kept
        self._kept = newest if self._settings.keep == Keep.last else by_rule
        self._last = probabilities
        if step == 0:
            self._pretrained = self._chosen = probabilities
        elif self._kept == newest:
            self._chosen, self._weights = probabilities, {}  # there are never two copies
            self._weights = {k: v.clone() for k, v in module.state_dict().items()}
        elif self._kept == 0 != before:
            self._chosen, self._weights = self._pretrained, self._untouched

    def _by_rules_reading(self, newest: int) -> int:
        """The position of the evaluation that the rule keeps, the newest one included."""
        assert self._rule is not None, "there are predictions"
        for name in self._rule.reads:
            value = _turned(name, self.curves["validation"][name][-1])
            self._seen.setdefault(name, []).append(value)
        errors = self.curves.get("validation_se", {})
        kept = self._rule.keeps(Evaluations(newest + 1, self._seen, errors))
        if kept not in (0, self.taken, newest):
            raise RuntimeError(
                f"The stopping rule {self._rule.name} keeps evaluation {kept} of 0 to {newest} "
                f"after {self.taken}, whose weights alone are held with the newest and step 0's."
            )
        return kept

    def finish(self, module: nn.Module, holds_last: bool = False) -> Finetuned:
        state = module.state_dict() if holds_last else {}
        last_weights = {name: values.clone() for name, values in state.items()}
        module.load_state_dict(self._weights)
        return Finetuned(
            module=module.eval(),
            chosen_step=self.curves["step"][self._kept],
            last_step=self.curves["step"][-1],
            pretrained=self._pretrained,
            chosen=self._chosen,
            last=self._last,
            labels=self._labels,
            curves=self.curves,
            notes=self.notes,
            seconds=self.seconds,
            last_weights=last_weights,
        )
