"""Every number that decides a fine-tuning run; Hydra validates `conf/finetune` against it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from annotated_types import Interval, Len
from omegaconf import MISSING

from bench.finetune.stopping import RULES
from bench.ranges import (
    Chance,
    Count,
    Level,
    NotNegative,
    OneOf,
    Part,
    Positive,
    Text,
    Whole,
    shown,
)

Times = Annotated[float, Interval(ge=0, le=1000)]
UNREAD = (0.0, 1.0)  # what a config holds where nothing reads it
MOST_EVALUATIONS = 20_000  # of a run: its record would be larger than what is read
LEAST = 0.01  # of the real rows: fewer rows of a generator are none
WISE_FT_GRID = (0.25, 0.5, 0.75, 1.0)  # of wise_ft: chosen; each is one more scoring an evaluation


class Rows(StrEnum):
    """Which rows a fine-tuning step sees."""

    real = "real"
    synthetic = "synthetic"
    mixed = "mixed"


# How early stopping reads the validation part: a member a rule, so that a new one needs no second
# list. mypy knows enums by members that are written out, and cannot follow it.
SelectBy = StrEnum("SelectBy", {name: name for name in RULES})  # type: ignore[misc]


class Keep(StrEnum):
    """Which evaluation's weights a run ends with."""

    best = "best"  # the one that the rule of `select_by` keeps
    last = "last"  # the last, so that the rule ends the run and chooses nothing


class Precision(StrEnum):
    """Arithmetic of a training step; weights stay float32, scoring has its own (`bench.models`)."""

    auto = "auto"  # bfloat16 on a GPU, float32 elsewhere
    float32 = "float32"
    bfloat16 = "bfloat16"


class Layers(StrEnum):
    """Which weights are trained."""

    all = "all"
    last_layer = "last_layer"  # which it is, the backbone tells


class Chosen(StrEnum):
    """The way to a number that is not given."""

    chosen = "chosen"


@dataclass
class Mixing:
    """How a generator's rows meet the real ones."""

    rows: Rows = Rows.real
    ratio: Times = 1.0  # synthetic rows a real row on both sides of a task (rows: mixed)
    fresh: bool = False  # new rows in each step instead of one table a cell
    size: Times = 1.0  # rows of a synthetic table, as a multiple of the training rows

    def rows_for(self, n_train: int) -> int:
        """How many rows a generator makes of so many training rows."""
        return round(self.size * n_train)


@dataclass
class Method:
    """A generator (or none) and how its rows meet the real ones."""

    name: str = MISSING  # what it may be: bench.names
    finetune: bool = True
    generator: dict[str, Any] | None = None
    mixing: Mixing = field(default_factory=Mixing)

    def contradiction(self) -> str | None:
        """What cannot be meant by these settings together, in one sentence."""
        rows = self.mixing.rows.value
        if self.generator is None:
            if self.mixing.rows is Rows.real:
                return self._without_effect()
            return (
                f"method.mixing.rows is {rows}, but there is no method.generator to make rows; "
                "expected real, or a method with a generator."
            )
        if not self.finetune:
            return (
                "method.finetune is false, so the rows of method.generator would be of no use; "
                "expected method.finetune=true, or method.generator=null (as method=pretrained)."
            )
        if self.mixing.rows is Rows.real:
            return (
                "method.mixing.rows is real, so the rows of method.generator would be of no use; "
                "expected mixed or synthetic, or method=default_ft."
            )
        if self.mixing.rows is Rows.mixed and self.mixing.ratio < LEAST:
            return (
                f"method.mixing.ratio is {self.mixing.ratio:g}; expected {LEAST} or more, or no "
                "row of the generator is mixed in."
            )
        if self.mixing.rows is Rows.synthetic and self.mixing.ratio not in UNREAD:
            return (
                f"method.mixing.ratio is {self.mixing.ratio:g}, but method.mixing.rows is "
                "synthetic, so that nothing is mixed; expected 1, or method.mixing.rows=mixed."
            )
        if self.mixing.size < LEAST:
            return (
                f"method.mixing.size is {self.mixing.size:g}; expected {LEAST} or more, or the "
                "generator makes no rows."
            )
        return None

    def _without_effect(self) -> str | None:
        """What nothing reads in a method without a generator."""
        kept = {"ratio": UNREAD, "size": UNREAD, "fresh": (False,)}
        given = {key: getattr(self.mixing, key) for key in kept}
        key = next((key for key in kept if given[key] not in kept[key]), None)
        if key is None:
            return None
        return (
            f"method.mixing.{key} is {shown(given[key])}, but there is no method.generator to make "
            f"rows; expected {shown(kept[key][0])}, or a method with a generator."
        )


@dataclass
class Finetune:
    """One fine-tuning run.

    A setting with a value here came later than records were made: at that value a run is, bit for
    bit, the one from before it (`deciding`).
    """

    steps: Annotated[int, Interval(ge=1, le=10**6)] = MISSING  # none: method=pretrained
    lr: Positive = MISSING
    warmup_steps: Whole = MISSING  # linear, from lr / warmup_steps
    weight_decay: NotNegative = MISSING  # AdamW
    clip_norm: Positive | None = MISSING  # of the gradient over all weights; null: none
    patience: Count = MISSING  # evaluations since the rule took one before stopping
    eval_every: Count = MISSING  # steps; the last is evaluated in any case
    select_by: SelectBy = MISSING
    keep: Keep = MISSING
    precision: Precision = MISSING
    query_share: Part = MISSING  # of a task's real rows
    max_support: Annotated[int, Interval(ge=2, le=10**9)] = MISSING  # real rows of a task's support
    max_query: Count = MISSING  # real rows of a task's query
    slice_logits: bool = MISSING  # loss over the table's classes only, not all the model's outputs
    # Patience may grow with the place of the best evaluation, from an offset, up to a most.
    patience_rate: Chance = 0.0
    patience_offset: Whole = 0
    max_patience: Count | None = None
    lr_binary: Positive | None = None  # of tables with two classes and no more rows than ...
    lr_binary_rows: Count = 16_384  # ... these, the validation part's included
    bag: Annotated[int, Interval(ge=1, le=100)] = 1  # children, each with a fold held out; 1: none
    heldout_in_support: bool = False  # of test rows; a child never trains on the fold it holds out
    ema: Level | None = None  # decay of an average over the steps, which is evaluated; null: none
    # α of the fine-tuned weights in a mean with the pre-trained, which is evaluated; chosen: on
    # validation rows. Null: 1.
    wise_ft: Level | Annotated[str, OneOf(Chosen)] | None = None
    l2_sp: Positive | None = None  # strength of a pull to the pre-trained weights; null: none
    trained: Layers = Layers.all

    def patience_after(self, best: int) -> int:
        """Evaluations without improvement after the best one before a run ends.

        With a rate it's AutoGluon 1.6.3's `AdaptiveES`, whose least patience is ``patience``.

        Parameters
        ----------
        best : int
            How many evaluations came before the best one; step 0 is the first.
        """
        grown = max(self.patience, round(self.patience_rate * best + self.patience_offset))
        return grown if self.max_patience is None else min(self.max_patience, grown)

    def lr_of(self, n_classes: int, n_rows: int) -> float:
        """The learning rate on a table with so many classes and rows to learn from."""
        is_small = n_classes == 2 and n_rows <= self.lr_binary_rows
        return self.lr if self.lr_binary is None or not is_small else self.lr_binary

    def on(self, n_classes: int, n_rows: int, max_support: int) -> tuple[Finetune, list[str]]:
        """The settings on such a table, with as much support as there is memory for; and notes."""
        lr, notes = self.lr_of(n_classes, n_rows), []
        if lr != self.lr:
            notes = [f"Two classes and {n_rows} rows to learn from: lr is {lr:g}, not {self.lr:g}."]
        return replace(self, lr=lr, max_support=max_support), notes

    def contradiction(self) -> str | None:
        """What cannot be meant by these settings together, in one sentence."""
        if self.heldout_in_support and self.bag == 1:
            return (
                "finetune.heldout_in_support is true, but finetune.bag is 1, so that no child "
                "holds a fold out; expected false, or finetune.bag=2 or more."
            )
        if self.max_patience is not None and self.max_patience < self.patience:
            return (
                f"finetune.max_patience is {self.max_patience}, below finetune.patience="
                f"{self.patience}; expected at least as much, or null."
            )
        if self.ema is not None and self.wise_ft is not None:
            return (
                f"finetune.ema is {self.ema:g} and finetune.wise_ft is {self.wise_ft}, but a run "
                "evaluates either an average of its weights or their mean with the pre-trained; "
                "expected null for one of them."
            )
        if self.wise_ft == Chosen.chosen and not RULES[self.select_by].reads:
            return (
                f"finetune.wise_ft is chosen by the score that finetune.select_by reads, and "
                f"{self.select_by} reads none; expected another finetune.select_by, or a number."
            )
        evaluations = self.steps // self.eval_every
        if evaluations <= MOST_EVALUATIONS:
            return None
        return (
            f"finetune.steps={self.steps} and finetune.eval_every={self.eval_every} are "
            f"{evaluations:,} evaluations, and a record holds {MOST_EVALUATIONS:,}; give "
            f"finetune.eval_every={math.ceil(self.steps / MOST_EVALUATIONS)} or more."
        )


@dataclass
class Transfer:
    """The tables that weights are fine-tuned on before a cell's own, and how."""

    method: Method = field(default_factory=Method)
    finetune: Finetune = field(default_factory=Finetune)
    domain: Text | None = None  # one, several with + between, or a word (conf/transfer)
    tables: Annotated[list[Text], Len(1)] | None = None  # as in dataset=NAME; null: the embedded
    leave_out: list[Text | None] = field(default_factory=list)  # are never sources
    alike: list[list[Text]] = field(default_factory=list)  # tables of one origin, a list each
    share: Part = 0.667  # of the sources; by the rest the step is chosen
    support: list[Count] = field(default_factory=list)  # rows in context that are read out as well

    def contradiction(self) -> str | None:
        """What cannot be meant by these settings together, in one sentence."""
        if not is_on(self):
            return None
        if not self.method.finetune:
            return (
                "transfer.method.finetune is false, so that nothing is learned of the sources; "
                "expected true, or transfer=none."
            )
        if self.finetune.bag > 1:
            return (
                f"transfer.finetune.bag is {self.finetune.bag}, but sources are learned by one "
                "model; expected 1."
            )
        return None


def is_on(transfer: Any) -> bool:
    """Whether a config's ``transfer`` names sources."""
    return transfer is not None and (transfer.domain is not None or transfer.tables is not None)


def deciding(finetune: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of fine-tuning without the later ones that ask for nothing: no identity names them.

    >>> deciding({"steps": 30, "bag": 1})
    {'steps': 30}
    """
    later = _later()
    return {k: v for k, v in finetune.items() if k not in later or v != later[k]}


def completed(finetune: Any) -> Any:
    """What an identity tells of fine-tuning, with the later settings that it does not name."""
    return {**_later(), **finetune} if isinstance(finetune, Mapping) else finetune


def all_steps(finetune: Mapping[str, Any]) -> int:
    """Steps of a cell's fine-tuning, those of all children.

    >>> all_steps({"steps": 30}), all_steps({"steps": 30, "bag": 8})
    (30, 240)
    """
    return int(finetune["steps"]) * int(finetune.get("bag", 1))


@cache
def _later() -> dict[str, Any]:
    return {f.name: f.default for f in fields(Finetune) if f.default != MISSING}
