"""The ``transfer`` of a record: on which tables weights were fine-tuned first, and what came of it.

Layout: ``{key, weights, domains, sources, held_out, dropped, chosen_step, last_step, curves,
forgetting, in_context}``. ``key`` names the weights' file, ``weights`` is their SHA-256; all cells
of a folder that start from them tell the same, but for ``in_context``. ``sources`` are the tables
that were learned from, ``held_out`` those on which the step was chosen, ``dropped`` those that
could be neither, each with why. ``curves`` are ``{step, train_loss, held_out: {score: list}}``,
means over the tables that were held out; ``forgetting`` is, for each of them, ``{pretrained |
adapted: {score: value}}``, the published model's and the adapted one's; ``in_context`` ``{rows,
pretrained | adapted: {score: list}}``, scores of the target's test rows with so many of its
training rows in context. Null where a score does not exist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from bench.cell.fields import Amount, Closed, Count, Curve, Drawn, Name, Scores, Sha256
from bench.files import shown

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Support = Annotated[int, Field(ge=1, lt=2**53)]


class Learned(Closed):
    """The curves of fine-tuning on other tables."""

    step: list[Count]
    train_loss: Curve
    held_out: Drawn

    @model_validator(mode="after")
    def _rectangular(self) -> Learned:
        if not self.step or self.step[0] != 0:
            raise ValueError("step does not begin with 0")
        if any(a >= b for a, b in zip(self.step, self.step[1:])):
            raise ValueError("step does not ascend")
        curves = {f"held_out.{name}": curve for name, curve in self.held_out.items()}
        for name, curve in {"train_loss": self.train_loss, **curves}.items():
            if len(curve) != len(self.step):
                raise ValueError(f"{name} has {len(curve)} values, step has {len(self.step)}")
        if None in self.train_loss[1:]:
            raise ValueError("train_loss is null after step 0")
        return self


class Forgetting(Closed):
    """What both models score on a table that was held out."""

    pretrained: Scores
    adapted: Scores

    @model_validator(mode="after")
    def _of_the_same_scores(self) -> Forgetting:
        if self.pretrained.keys() != self.adapted.keys():
            raise ValueError("pretrained and adapted have not the same scores")
        return self


class Readouts(Closed):
    """What both models score on the target's test rows with fewer training rows in context."""

    rows: list[Support]
    pretrained: Drawn
    adapted: Drawn

    @model_validator(mode="after")
    def _one_a_size(self) -> Readouts:
        if any(a >= b for a, b in zip(self.rows, self.rows[1:])):
            raise ValueError("rows does not ascend")
        if self.pretrained.keys() != self.adapted.keys():
            raise ValueError("pretrained and adapted have not the same scores")
        for when, curves in (("pretrained", self.pretrained), ("adapted", self.adapted)):
            for name, values in curves.items():
                if len(values) != len(self.rows):
                    raise ValueError(
                        f"{when}.{name} has {len(values)} values, rows has {len(self.rows)}"
                    )
        return self


class Transferred(Closed):
    """What fine-tuning on other tables came to."""

    key: Key
    weights: Sha256
    domains: Annotated[list[Name], Field(min_length=1)]
    sources: list[Name]
    held_out: list[Name]
    dropped: dict[Name, str]
    chosen_step: Count
    last_step: Count
    curves: Learned
    forgetting: dict[str, Forgetting]
    in_context: Readouts

    @model_validator(mode="after")
    def _consistent(self) -> Transferred:
        if self.domains != sorted(set(self.domains)):
            raise ValueError("domains are not names in order, each once")
        counts = Counter([*self.sources, *self.held_out, *self.dropped])
        twice = [name for name, n in counts.items() if n > 1]
        if twice:
            raise ValueError(f"{shown(twice[0])} is twice among sources, held_out and dropped")
        if self.forgetting.keys() != set(self.held_out):
            raise ValueError("forgetting is not of the tables of held_out")
        chosen, last = self.chosen_step, self.last_step
        if chosen > last:
            raise ValueError(f"its chosen step {chosen} is after its last, {last}")
        if last != self.curves.step[-1] or chosen not in self.curves.step:
            raise ValueError(f"its steps {chosen} and {last} are not those of its curves")
        return self

    def scored(self) -> Iterator[str]:
        """The names of the scores that it holds values of."""
        yield from self.curves.held_out
        for told in self.forgetting.values():
            yield from told.pretrained
        yield from self.in_context.pretrained

    def fault(self, target: str, train_rows: int | None) -> str | None:
        """Why it can be no transfer to a table of so many training rows, in a clause.

        None for the rows where a support is no fold's training part.
        """
        if target in {*self.sources, *self.held_out}:
            return f"{shown(target)} is a target, and its source"
        rows = self.in_context.rows
        if train_rows is not None and rows and rows[-1] >= train_rows:
            return f"{rows[-1]} rows in context are not fewer than its {train_rows} training rows"
        return None


class Adaptation(Closed):
    """What having the adapted weights took, and whether another cell had made them."""

    shared: bool
    seconds: Amount
