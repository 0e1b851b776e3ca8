"""A cell of several children: each is fine-tuned as a cell is, and their predictions put together.

A child's generator learns from its own training rows alone, never from the fold that it holds out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bench.cell import predictions
from bench.cell.attempt import Attempt, Reached, data_of
from bench.cell.generation import Generation
from bench.datasets.bags import Bag
from bench.finetune.bagging import Bagging
from bench.finetune.loop import Finetuned
from bench.predicted import Predicted


def bagged(attempt: Attempt, bag: Bag) -> Iterator[Reached]:
    """Fine-tune the children one after the other; after each stage, what the bag has come to."""
    classes, settings = np.unique(bag.whole.y), attempt.config.finetune
    reached = Reached(_data(bag), classes=classes)

    rounded = partial(predictions.rounded, labels=bag.labels, classes=classes)
    bagging = Bagging(bag.places, bag.labels, settings, rounded)
    whole = bag.whole if settings.heldout_in_support else None
    notes: list[list[str]] = []
    for i, fold in enumerate(bag.children):
        child = Reached()
        for stage in attempt.tuned(fold, ("child", i), whole, bagging.watch):
            child = stage
            yield reached
        assert isinstance(child.result, Finetuned)
        data = child.data
        bagging.add(child.result, {part: data["rows"][part] for part in ("train", "validation")})
        notes.append(data["notes"])
        reached = replace(reached, generation=_summed(reached.generation, child.generation))
    with attempt.clock.timed("bagging"):
        result = bagging.ended()
    yield replace(reached, result=result).noting([*_told(notes), *_unpooled(child)])


def _data(bag: Bag) -> dict[str, Any]:
    """What a record tells of a bag's rows: those that no child holds out stand in ``train``."""
    parts = {"validation": bag.held_out, "test": bag.test}
    told = data_of(bag.whole, parts, bag.notes)
    return {**told, "rows": {**told["rows"], "train": len(bag.whole) - len(bag.held_out)}}


def _summed(before: Generation, more: Generation) -> Generation:
    """The first child's rows stand for all; what making them took is summed."""
    one, two = before.timing, more.timing
    if one is None or two is None:
        return more
    phases = {
        name: one["phases"].get(name, 0.0) + two["phases"].get(name, 0.0)
        for name in {**one["phases"], **two["phases"]}
    }
    summed = {
        "shared": one["shared"] and two["shared"],
        "seconds": one["seconds"] + two["seconds"],
        "phases": phases,
    }
    return replace(before, timing=summed)


def _unpooled(child: Reached) -> Iterator[str]:
    """What children told, as this one did, and their bag does not."""
    assert child.result is not None
    test = child.result.pretrained["test"]
    if isinstance(test, Predicted) and test.has_distribution:
        yield "Children's distributions are not put together: the bag has no score of them."


def _told(notes: list[list[str]]) -> list[str]:
    """The children's notes, each once, with how many children it is of unless it is of all."""
    counts = Counter(note for told in notes for note in told)
    return [
        note if n == len(notes) else f"{n} of {len(notes)} children: {note}"
        for note, n in counts.items()
    ]
