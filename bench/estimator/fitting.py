"""One fit: rows are held out, the model is fine-tuned on the others, and the base kept or left.

All parts are those of a cell: encoder, generator, task source, loop and stopping rule.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np
from hydra.utils import instantiate

from bench.datasets.bags import notes_of, pieces_of
from bench.datasets.own.frame import Owned
from bench.datasets.splits import holdout
from bench.errors import BadInput
from bench.estimator.computing import computing
from bench.estimator.ending import Ending, Interrupted
from bench.estimator.fitted import Child, Fitted, Progress
from bench.estimator.outcome import Piece, Trajectory, Tuned, pooled, report_of
from bench.estimator.settings import Settings
from bench.finetune.generated import Generated, Parts, generated
from bench.finetune.loop import finetune, is_taken, untouched
from bench.finetune.sources import build
from bench.generator import Generator, NotApplicable
from bench.models.base import Backbone
from bench.models.loading import hub_in, load
from bench.models.memory import CHUNK, LessSupport, Memory, OutOfMemory
from bench.models.scoring import remarks
from bench.phrases import counted
from bench.process import timed
from bench.score import Score
from bench.scores import SCORES, problem_of_score, ranked
from bench.seeds import derive
from bench.seeds import generator as seeded
from bench.table import Table

GENERATOR_SHARE = 0.4  # of the time that is left, for a generator that takes a limit


def fit(
    owned: Owned,
    settings: Settings,
    validation: Table | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Fine-tune on a table of one's own, or keep the pre-trained model where that is safer.

    The first Ctrl-C ends it at the best step so far, as the time limit does.

    Parameters
    ----------
    owned : Owned
    settings : Settings
    validation : Table, optional
        Rows to choose the step by; else a share of the table's rows is held out.
    progress : callable, optional
        Is told how many steps are done, and of how many.

    Raises
    ------
    BadInput
        If the table, the settings or the model cannot be used.
    """
    table = owned.table
    metric = _metric(settings, table)
    with Ending(settings.time_limit) as ending, computing(settings.threads):
        seconds: dict[str, float] = {}
        with timed(seconds, "loading"), hub_in(settings.cache_dir):
            backbone = load(settings.model, table.problem)
        backbone.check(table)
        pieces, notes = _pieces(table, settings, validation)
        memory = Memory(scoring=CHUNK)
        while True:
            tuning = _Tuning(settings, backbone, metric, memory, ending, seconds, progress)
            try:
                tuned = tuning.all(pieces)
                break
            except LessSupport:
                continue
            except OutOfMemory as reason:
                raise BadInput(str(reason)) from reason
        with timed(seconds, "choosing"):
            is_base = _is_base(tuned, settings)
        children = _children(owned.table, settings, validation, backbone, tuned, is_base)
        notes += [*tuning.notes, *memory.notes]
        seconds["total"] = ending.seconds
        report = report_of(owned, settings, metric, tuned, children, is_base, notes, seconds)
    return Fitted(
        backbone,
        children,
        owned.schema,
        owned.labels,
        report,
        settings.model,
        settings.parts,
        settings.threads,
    )


def _metric(settings: Settings, table: Table) -> Score:
    name = settings.eval_metric
    if name is None:
        return ranked(table.problem)
    if problem_of_score(name) != table.problem:
        raise BadInput(
            f"eval_metric is '{name}', a score of {problem_of_score(name)}, and the target "
            f"'{table.target}' is one of {table.problem}."
        )
    return SCORES[name]


def _pieces(
    table: Table, settings: Settings, validation: Table | None
) -> tuple[list[Piece], list[str]]:
    """What is learnt from and held out: once, or by each child of a bag; and notes."""
    n, seed = settings.finetune.bag, derive(*settings.parts, "held out") % 2**31
    if validation is not None:
        if n > 1:
            raise BadInput(f"bag={n} holds out rows of its own; give bag=1, or no validation rows.")
        return [Piece(table.prune_levels(), validation)], [*validation.notes]
    if n == 1:
        rows, held_out, notes = holdout(table, settings.validation_share, seed)
        train = table.take(rows).prune_levels()
        return [Piece(train, table.take(held_out))], list(notes)
    rows = np.arange(len(table))
    piece = pieces_of(table, rows, seed, n, ("the table", "bag"))
    cut = [(table.take(piece != i), table.take(piece == i)) for i in range(n)]
    return [Piece(train.prune_levels(), held) for train, held in cut], notes_of(table, rows, piece)


@dataclass
class _Tuning:
    """Fine-tunes one piece after the other, with as much support as there was memory for."""

    settings: Settings
    backbone: Backbone
    metric: Score
    memory: Memory
    ending: Ending
    seconds: dict[str, float]
    progress: Progress | None
    notes: list[str] = field(default_factory=list)
    _steps: int = 0

    def all(self, pieces: list[Piece]) -> list[Tuned]:
        """What became of each; of a bag that was ended, of those that were begun."""
        tuned: list[Tuned] = []
        for i, piece in enumerate(pieces):
            if i and self.ending.is_over():
                self.notes.append(f"{i} of {counted(len(pieces), 'child')} were fine-tuned.")
                break
            self._steps = i * self.settings.finetune.steps
            left = self.ending.left
            share = None if left is None else left / (len(pieces) - i)
            until = None if share is None else self.ending.seconds + share
            seed = (*self.settings.parts, "child", i) if len(pieces) > 1 else self.settings.parts
            tuned.append(self._one(piece, seed, until))
        self.notes = list(dict.fromkeys(self.notes))
        return tuned

    def _one(self, piece: Piece, seed: Parts, until: float | None) -> Tuned:
        train, parts = piece.train, {"validation": piece.validation}
        labels = {"validation": piece.validation.y}
        with timed(self.seconds, "encoding"):
            encoder = self.backbone.encoder(train)
            rng = seeded(*seed, "context rows")
            score = self.backbone.score(encoder, train, parts, rng, self.memory)
        trajectory = Trajectory(self.metric, labels["validation"])
        given, n_rows = self.settings.finetune, len(train) + len(piece.validation)
        n_classes = len(encoder.present_)
        settings, notes = given.on(n_classes, n_rows, self.memory.limit(given.max_support))
        n_context = n_rows if self.settings.join_validation else len(train)
        most = self.memory.limit(self.backbone.max_context)
        self.notes += [*remarks(encoder, n_context, most), *notes]
        fault = ""
        try:
            made = self._made(train, seed, until)
            source = build(self.settings.method.mixing, made, train, encoder, settings, seed)
            result = finetune(
                self.backbone,
                source,
                score,
                labels,
                n_classes,
                settings,
                self.memory,
                seed,
                trajectory.add,
                self._ended(until),
            )
        except (NotApplicable, FloatingPointError, _Unmade) as reason:
            fault = f"nothing was fine-tuned: {reason}"
            self.notes.append(f"{fault[0].upper()}{fault[1:]}")
            with timed(self.seconds, "scoring"):
                result = untouched(self.backbone, score, labels)
            trajectory = Trajectory(self.metric, labels["validation"])
            trajectory.add(0, result.pretrained)
        if not fault:
            self._note(result.notes, result.seconds, result.last_step)
        before, after = (p["validation"] for p in (result.pretrained, result.chosen))
        steps = result.chosen_step, result.last_step
        return Tuned(piece, result.module, *steps, before, after, trajectory, fault)

    def _note(self, notes: list[str], seconds: dict[str, float], last_step: int) -> None:
        self.notes += notes
        for name, spent in seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
        if self.ending.was_interrupted:
            self.notes.append(f"Ctrl-C ended the fine-tuning after step {last_step}.")
        elif self.ending.is_over():
            self.notes.append(f"The time limit ended the fine-tuning after step {last_step}.")

    def _made(self, train: Table, seed: Parts, until: float | None) -> Generated | None:
        """What the generator makes; None without one."""
        if not self.settings.method.finetune:
            raise _Unmade("the method keeps the pre-trained model as it is.")
        generator = self._generator(until)
        if generator is None:
            return None
        try:
            with timed(self.seconds, "generating"), self.ending.leaving():
                made = generated(generator, self.settings.method.mixing, train, self.backbone, seed)
        except Interrupted:
            raise _Unmade("Ctrl-C came before the generator was done.") from None
        if self.ending.is_over(until):
            what = "Ctrl-C came" if self.ending.was_interrupted else "the time limit was over"
            raise _Unmade(f"{what} before the generator was done.")
        return made

    def _generator(self, until: float | None) -> Generator | None:
        """The generator, which takes a share of the time that is left, if it takes a limit."""
        given, config = self.settings.generator, self.settings.method.generator
        if given is None and config is None:
            return None
        generator: Generator = deepcopy(given) if given is not None else instantiate(config)
        if until is not None and hasattr(generator, "seconds"):
            share = max(0.001, (until - self.ending.seconds) * GENERATOR_SHARE)
            own = generator.seconds
            generator.seconds = share if own is None else min(own, share)
        return generator

    def _ended(self, until: float | None) -> Callable[[], bool]:
        """Asked after each step: whether it is the last; tells how many are done."""
        total = self.settings.finetune.steps * self.settings.finetune.bag

        def ended() -> bool:
            self._steps += 1
            if self.progress is not None:
                self.progress(self._steps, total)
            return self.ending.is_over(until)

        return ended


class _Unmade(Exception):
    """Why there is nothing to fine-tune on, in a clause."""


def _is_base(tuned: list[Tuned], settings: Settings) -> bool:
    """Whether the pre-trained model is kept: of a bag by all that its children held out."""
    if all(one.chosen_step == 0 for one in tuned):
        return True
    if len(tuned) == 1:
        return False
    y, before, after = pooled(tuned)
    return not is_taken({"validation": y}, settings.finetune, before, after)


def _children(
    table: Table,
    settings: Settings,
    validation: Table | None,
    backbone: Backbone,
    tuned: list[Tuned],
    is_base: bool,
) -> tuple[Child, ...]:
    """The networks with the rows that each reads, the held-out ones included if they may join."""
    if not settings.join_validation:
        contexts = [one.piece.train for one in tuned]
    elif validation is not None:
        # Whole numbers may have fractions in the rows that were handed in.
        contexts = [replace(table, kinds=validation.kinds).prune_levels().concat(validation)]
    else:
        contexts = [table.prune_levels()] * len(tuned)
    if is_base:
        return (Child(backbone.copy(), contexts[0]),)
    pairs = zip(tuned, contexts, strict=True)
    return tuple(
        # A copy lies in memory as a loaded one does: where weights lie decides the last bits.
        Child(backbone.copy() if one.fault else one.module, context)
        for one, context in pairs
    )
