"""One fine-tuning of a cell: rows of a fold are scored, made more of, and trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bench.cell import predictions
from bench.cell.adapted import Adapted
from bench.cell.config import CellConfig
from bench.cell.generation import Generation, Maker
from bench.cell.model import known
from bench.cell.readouts import read_out
from bench.datasets.bags import Bag
from bench.datasets.splits import Fold
from bench.finetune.bagging import Bagged
from bench.finetune.generated import Parts
from bench.finetune.loop import Finetuned, Watch, finetune, untouched
from bench.finetune.settings import Finetune, Rows
from bench.finetune.sources import build, split_of
from bench.models.base import Backbone, Encoder, Score
from bench.models.memory import Memory
from bench.models.scoring import remarks
from bench.names import inside
from bench.process import Clock
from bench.seeds import generator as seeded
from bench.table import Table


@dataclass(frozen=True)
class Moved:
    """The record's ``transfer`` and ``timings.transfer``."""

    told: dict[str, Any]
    timing: dict[str, Any]


@dataclass(frozen=True)
class Reached:
    """What a cell, or a child of its bag, has come to so far; a failure keeps what was there.

    ``classes`` are the codes that its probabilities are of, none where the target is a number.
    ``transfer`` is the record's: what adapting its weights to other tables came to, if they were.
    """

    data: dict[str, Any] = field(default_factory=dict)
    generation: Generation = field(default_factory=Generation)
    transfer: Moved | None = None
    result: Finetuned | Bagged | None = None
    classes: np.ndarray | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    predictions: predictions.Kept = field(default_factory=dict)

    def noting(self, notes: list[str]) -> Reached:
        """A copy with more notes."""
        return replace(self, data={**self.data, "notes": [*self.data["notes"], *notes]})


@dataclass(frozen=True)
class Attempt:
    """A try at a cell, with as much support as there was memory for.

    Parameters
    ----------
    config : CellConfig
    backbone : Backbone
    code : str
        The fingerprint of the code.
    clock : Clock
        Takes the time of each phase.
    memory : Memory
    seed : tuple
        Named parts from which every seed of the cell derives; its own seed is the last.
    adapted : Adapted, optional
        What the backbone's weights are, where they were fine-tuned on other tables first ...
    published : Backbone, optional
        ... and the model as it came, which results are held against.
    """

    config: CellConfig
    backbone: Backbone
    code: str
    clock: Clock
    memory: Memory
    seed: Parts
    adapted: Adapted | None = None
    published: Backbone | None = None

    def tuned(
        self,
        fold: Fold,
        child: Parts = (),
        whole: Table | None = None,
        watch: Watch | None = None,
    ) -> Iterator[Reached]:
        """Fine-tune on a fold, or score it as it is; after each stage, what that came to.

        Parameters
        ----------
        fold : Fold
        child : tuple
            Names the child of a bag in all seeds.
        whole : Table, optional
            The support of the test rows, if it is not the fold's training rows.
        watch : callable, optional
            As of `bench.finetune.loop.finetune`.
        """
        method, train = self.config.method, fold.train
        seed = (*self.seed, *child)
        with self.clock.timed("prepare"):
            encoder = self.backbone.encoder(train)
            # Without the seed, which is no part of the pre-trained model's identity.
            score = self._score(fold, encoder, whole, (*self.seed[:-1], *child, "context rows"))
            most = self.memory.limit(self.backbone.max_context)
            notes = remarks(encoder, len(train if whole is None else whole), most)
            settings, told = self._settings(fold, len(encoder.present_))
            data = data_of(train, fold.parts, fold.notes)
            reached = Reached(data, classes=encoder.present_).noting([*notes, *told])
        yield reached
        if not method.finetune:
            with self.clock.timed("scoring"):
                result = self._untouched(score, fold.labels)
        else:
            if method.mixing.rows != Rows.synthetic:
                split_of(train, settings)  # before a generator works for nothing
            with self.clock.timed("generate"):
                generation = self._maker(train, seed).make()
            yield (reached := replace(reached, generation=generation))
            source = build(method.mixing, generation.made, train, encoder, settings, seed)
            with self.clock.timed("finetune"):
                result = finetune(
                    self.backbone,
                    source,
                    score,
                    fold.labels,
                    len(encoder.present_),
                    settings,
                    self.memory,
                    seed,
                    watch,
                )
            self._add(result.seconds)
            yield (reached := reached.noting(result.notes))
            if generation.rows is not None:
                with self.clock.timed("quality.test"):
                    rng, test = seeded(*seed, "quality.test"), fold.parts["test"]
                    reached = replace(reached, generation=generation.tested(train, test, rng))
        if method.finetune and self.published is not None:
            with self.clock.timed("scoring"):
                result = replace(result, pretrained=score(self.published.module))
        yield replace(reached, result=result)

    def _untouched(self, score: Score, labels: dict[str, np.ndarray]) -> Finetuned:
        if self.adapted is None or self.published is None:
            return untouched(self.backbone, score, labels)
        return self.adapted.in_context(score, self.published, labels)

    def transferred(self, fold: Fold | Bag) -> Moved | None:
        """What is told of other tables; None where the weights are as they came."""
        if self.adapted is None or self.published is None:
            return None
        train, test = (
            (fold.train, fold.parts["test"]) if isinstance(fold, Fold) else (fold.whole, fold.test)
        )
        with self.clock.timed("in_context"):
            sizes = self.config.transfer.support
            read = read_out(self.published, self.backbone, train, test, sizes, self.seed)
        return Moved({**self.adapted.told, "in_context": read}, self.adapted.timing)

    def _add(self, seconds: dict[str, float]) -> None:
        """Take in what parts of a fine-tuning took; a bag's are summed over its children."""
        for name, spent in seconds.items():
            phase = f"finetune.{name}"
            self.clock.seconds[phase] = self.clock.seconds.get(phase, 0.0) + spent

    def _score(self, fold: Fold, encoder: Encoder, whole: Table | None, seed: Parts) -> Score:
        """The model's score of a fold's parts, rounded to what a record keeps."""
        train, parts = fold.train, fold.parts
        if whole is None:
            score = self.backbone.score(encoder, train, parts, seeded(*seed), self.memory)
            return predictions.rounding(score, fold.labels, encoder.present_)
        validation, test = ({part: parts[part]} for part in ("validation", "test"))
        alone = self.backbone.score(encoder, train, validation, seeded(*seed), self.memory)
        # Encoded by all of its support, which may know levels and classes that the child does not.
        of_whole = self.backbone.encoder(whole)
        joined = self.backbone.score(of_whole, whole, test, seeded(*seed), self.memory)
        return predictions.rounding(
            lambda module: {**alone(module), **joined(module)}, fold.labels, of_whole.present_
        )

    def _settings(self, fold: Fold, n_classes: int) -> tuple[Finetune, list[str]]:
        """The settings of fine-tuning for a table of this size, and notes on them."""
        given = self.config.finetune
        n_rows = len(fold.train) + len(fold.parts["validation"])
        settings, notes = given.on(n_classes, n_rows, self.memory.limit(given.max_support))
        return settings, notes if self.config.method.finetune else []

    def _maker(self, train: Table, seed: Parts) -> Maker:
        folder = inside(self.config.results_dir, "synthetic")
        name = known(self.config.model, self.backbone)
        method, seconds = self.config.method, self.clock.seconds
        return Maker(method, train, self.backbone, name, seed, self.code, folder, seconds)


def data_of(train: Table, parts: dict[str, Table], notes: Iterable[str]) -> dict[str, Any]:
    """What a record tells of the rows of a split."""
    return {
        "rows": {"train": len(train), **{part: len(rows) for part, rows in parts.items()}},
        "features": train.n_features,
        "categorical": len(train.categorical),
        "classes": train.n_classes,
        "class_rows": train.class_counts().tolist() if train.classes else [],
        # Test rows whose features repeat a training row's: looking up is as good as learning.
        "duplicates": int(np.isin(parts["test"].row_keys(), train.row_keys()).sum()),
        "notes": list(notes),
    }
