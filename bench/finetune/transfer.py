"""Fine-tuning on several tables: each step is a task of one, and the step is chosen on others.

All arms have one budget: a task of a table has as many rows as one of its real rows would have,
whatever they are, and the same table comes in the same step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from bench.finetune.generated import Generated, Parts
from bench.finetune.judging import OfTables
from bench.finetune.loop import Finetuned, finetune
from bench.finetune.settings import Finetune, Mixing
from bench.finetune.sources import RealTasks, Task, TaskSource, build
from bench.models.base import Backbone, Probabilities, Score
from bench.models.memory import Memory
from bench.seeds import generator as seeded
from bench.table import Problem, Table

# Classes at least, where each task tells how many its table has; of numbers there are none.
AT_LEAST: dict[Problem, int] = {"classification": 1, "regression": 0}


@dataclass(frozen=True)
class Source:
    """A table that is learned from.

    Parameters
    ----------
    train : Table
        Its training rows.
    tasks : TaskSource
        What the steps are that it is drawn for.
    """

    train: Table
    tasks: TaskSource

    @classmethod
    def of(
        cls,
        train: Table,
        made: Generated | None,
        mixing: Mixing,
        backbone: Backbone,
        settings: Finetune,
        seed: Parts,
    ) -> Source:
        """A source whose tasks have as many rows as those of its real rows.

        Parameters
        ----------
        made : Generated or None
            What the arm's generator makes of the training rows.
        mixing : Mixing
            How that meets the real ones.
        seed : tuple
            Named parts from which every draw's seed derives; free of the arm's name.

        Raises
        ------
        NotApplicable
            If the training rows allow no task.
        """
        encoder, seed = backbone.encoder(train), (*seed, "source", train.name)
        support, query = RealTasks(train, encoder, settings, seed).draw(1)
        settings = replace(settings, max_support=len(support), max_query=len(query))
        return cls(train, build(mixing, made, train, encoder, settings, seed, in_place=True))


class OneTableAStep:
    """Draws a table for each step, with a chance that grows with the square root of its rows.

    Parameters
    ----------
    sources : sequence of Source
    seed : tuple
        Named parts of the draws' seed; free of the arm's name.
    """

    def __init__(self, sources: Sequence[Source], seed: Parts) -> None:
        self._sources = sources
        roots = np.sqrt([len(source.train) for source in sources])
        self._chances = roots / roots.sum()
        self._seed = seed

    def task(self, step: int) -> Task:
        """A task of the step's table."""
        rng = seeded(*self._seed, "table", step)
        return self._sources[rng.choice(len(self._sources), p=self._chances)].tasks.task(step)


def learned(
    backbone: Backbone,
    sources: Sequence[Source],
    held_out: dict[str, Score],
    labels: dict[str, np.ndarray],
    settings: Finetune,
    seed: Parts,
) -> Finetuned:
    """Fine-tune a copy of the model on the sources; the step is chosen on tables held out.

    Parameters
    ----------
    backbone : Backbone
        Left unchanged.
    sources : sequence of Source
    held_out : dict of table → callable
        Module → predictions of the part ``validation`` of a table that no step learns from.
    labels : dict of table → ndarray (q,)
        What these are held against.
    settings : Finetune
    seed : tuple
        Named parts from which derives what is drawn.

    Returns
    -------
    Finetuned
        Its predictions and labels are of each held-out table; its ``validation`` curves are the
        means over them. It has the last step's weights, too.

    Raises
    ------
    LessSupport, OutOfMemory, FloatingPointError, NotApplicable, TaskError
        As `bench.finetune.loop.finetune`.
    """

    def score(module: nn.Module) -> Probabilities:
        return {name: of_table(module)["validation"] for name, of_table in held_out.items()}

    tasks, judge = OneTableAStep(sources, seed), OfTables(labels)
    known = AT_LEAST[backbone.problem]
    return finetune(
        backbone,
        tasks,
        score,
        labels,
        known,
        settings,
        Memory(),
        seed,
        judge=judge,
        holds_last=True,
    )
