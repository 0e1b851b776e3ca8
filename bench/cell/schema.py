"""The record's schema as one model, which every record is checked against, written or read.

Null is allowed only where the schema says that a value does not exist: ROC-AUC of a part of one
class, the training loss before the first step, a measure of synthetic rows that have no columns for
it, and what a cell that is not done has not come to.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator

from bench.cell import predictions
from bench.cell.curves import Curves
from bench.cell.fields import (
    Amount,
    Closed,
    Count,
    Name,
    Open,
    ScoreName,
    Scores,
    Sha256,
    Whole,
    none_of_empty,
)
from bench.cell.settled import Settings
from bench.cell.transferred import Adaptation, Transferred
from bench.files import shown
from bench.scores import SCORES, problem_of_score

Status = Literal["done", "failed", "not_applicable"]


class Cell(Closed):
    """What a record calls its cell."""

    dataset: Name
    domain: Name
    method: Name
    fold: Count
    seed: Whole
    model: Name


class Model(Open):
    """The weights, by their hash."""

    weights: str


class Parts(Open):
    """What decides a cell's numbers."""

    dataset: str
    model: Model
    seed: Whole = 0  # absent where the numbers do not depend on it


class Identity(Closed):
    """The parts that decide the numbers, and their hash."""

    hash: Sha256
    parts: Parts


class Rows(Closed):
    """How many rows each part has."""

    train: Count
    validation: Count
    test: Count


class Data(Closed):
    """What is told of the table."""

    rows: Rows
    features: Count
    categorical: Count
    classes: Count
    class_rows: list[Count] = Field(default_factory=list)  # none in older records
    duplicates: Count
    notes: list[str]


class Metric(Closed):
    """The score that decides, and its direction."""

    name: str
    greater_is_better: bool

    @model_validator(mode="after")
    def _is_a_score(self) -> Metric:
        if self.name not in SCORES:
            raise ValueError(f"there is no score {shown(self.name)}")
        if self.greater_is_better != SCORES[self.name].greater_is_better:
            better = "greater" if SCORES[self.name].greater_is_better else "lower"
            raise ValueError(f"of {self.name} the {better} is better")
        return self


class PartScores(Closed):
    """The scores of each part."""

    validation: Scores
    test: Scores


class Metrics(Closed):
    """The scores before fine-tuning, at the chosen step and at the last."""

    pretrained: PartScores
    chosen: PartScores
    last: PartScores


class PartTexts(Closed):
    """Bytes of each part, as text."""

    validation: str
    test: str


class Predictions(Closed):
    """What is held against the rest of the record by `bench.cell.predictions.fault`."""

    classes: list[Count] | None = None  # of a numeric target the scale stands in their place
    scale: float | None = None
    labels: PartTexts
    steps: dict[Literal["pretrained", "chosen", "last"], PartTexts]


class ChildRows(Closed):
    """How many rows a child of a bag was fine-tuned on, and chosen by."""

    train: Count
    validation: Count


class Child(Closed):
    """One fine-tuning of a bag."""

    chosen_step: Count
    last_step: Count
    rows: ChildRows

    @model_validator(mode="after")
    def _chose_what_it_came_to(self) -> Child:
        if self.chosen_step > self.last_step:
            raise ValueError(
                f"its chosen step {self.chosen_step} is after its last, {self.last_step}"
            )
        return self


class Synthetic(Closed):
    """What is told of synthetic rows."""

    key: str | None
    rows: Count
    class_counts: list[Count]  # none where the target is a number
    copies_of_training_rows: Count
    fingerprint: Sha256
    generator: dict[str, Any]
    quality: dict[str, float | None]

    @model_validator(mode="after")
    def _adds_up(self) -> Synthetic:
        of_classes = sum(self.class_counts) if self.class_counts else self.rows
        if of_classes != self.rows or self.copies_of_training_rows > self.rows:
            raise ValueError("its counts do not add up to its rows")
        return self


class Generation(Closed):
    """What a generator took, and whether another cell had drawn its rows."""

    shared: bool
    seconds: Amount
    phases: dict[str, Amount]


class Timings(Open):
    """When the cell began, and what it took."""

    started: Amount
    seconds: dict[str, Amount]
    cpu_seconds: Amount
    peak_memory_mb: Amount
    generation: Generation | None
    transfer: Adaptation | None = None

    @model_validator(mode="after")
    def _has_total(self) -> Timings:
        if "total" not in self.seconds:
            raise ValueError("seconds has no total")
        return self


class Provenance(Closed):
    """The code, the libraries and the machine that made the record."""

    code: str
    scores: dict[ScoreName, Sha256]
    versions: dict[str, str]
    python: str
    platform: str
    processor: str
    kernels: str
    threads: Count
    device: str
    precision: str


class Failure(Closed):
    """What a failed cell raised."""

    type: str
    message: str
    traceback: str


class RecordSchema(Closed):
    """A whole record."""

    schema_version: int
    status: Status
    cell: Cell
    identity: Identity
    settings: Settings
    data: Annotated[Data | None, BeforeValidator(none_of_empty)]
    metric: Metric
    metrics: Annotated[Metrics | None, BeforeValidator(none_of_empty)]
    predictions: Annotated[Predictions | None, BeforeValidator(none_of_empty)]
    chosen_step: Count | None
    last_step: Count | None
    children: list[Child]
    curves: Annotated[Curves | None, BeforeValidator(none_of_empty)]
    synthetic: Synthetic | None
    transfer: Transferred | None
    timings: Timings
    provenance: Provenance
    error: Failure | None
    checksum: str

    @model_validator(mode="after")
    def _of_one_problem(self) -> RecordSchema:
        """Hold what is told of the target, and the scores, to the metric's problem."""
        problem = problem_of_score(self.metric.name)
        if self.data is not None and bool(self.data.classes) != (problem == "classification"):
            raise ValueError(
                f"its data has {self.data.classes} classes, and {self.metric.name}, its metric, is "
                f"for {problem}"
            )
        for name in sorted(self._scored() & set(SCORES)):
            if problem_of_score(name) != problem:
                raise ValueError(f"its metric {self.metric.name} is for {problem}, {name} is not")
        return self

    def _scored(self) -> set[str]:
        """The names of all scores that it holds a value of."""
        metrics, curves = self.metrics, self.curves
        told = (metrics.pretrained, metrics.chosen, metrics.last) if metrics else ()
        named = {name for of in told for part in (of.validation, of.test) for name in part}
        named |= {*curves.validation, *curves.test} if curves else set()
        return named | ({*self.transfer.scored()} if self.transfer else set())

    @model_validator(mode="after")
    def _transferred(self) -> RecordSchema:
        """Hold what the transfer came to against its settings, the target and its rows."""
        if self.transfer is None:
            if self.settings.transfer is not None and self.status == "done":
                raise ValueError("it is done without the transfer that its settings ask for")
            return self
        if self.settings.transfer is None:
            raise ValueError("it has a transfer, and its settings have none")
        rows = self.data.rows.train if self.data and not self.children else None
        if wrong := self.transfer.fault(self.cell.dataset, rows):
            raise ValueError(f"its transfer does not fit: {wrong}")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> RecordSchema:
        steps = (self.chosen_step, self.last_step)
        if self.status != "done":
            if self.error is None:
                raise ValueError(f"it is {self.status} without an error")
            found = (self.metrics, self.predictions, self.curves, self.children or None, *steps)
            if found != (None,) * 6:
                raise ValueError(f"it is {self.status} and has results")
            return self
        if self.error is not None:
            raise ValueError("it is done and has an error")
        is_bag = bool(self.children)
        if self.metrics is None or self.data is None or (None in steps and not is_bag):
            raise ValueError("it is done without results")
        if is_bag and steps != (None, None):
            raise ValueError("it has children, and steps of its own")
        scored = (self.metrics.pretrained, self.metrics.chosen, self.metrics.last)
        if not all(self.metric.name in part for s in scored for part in (s.validation, s.test)):
            raise ValueError(f"it is done without {self.metric.name}, its metric")
        strange = sorted(self._scored() - set(SCORES) - set(self.provenance.scores))
        if strange:
            raise ValueError(f"there is no score {shown(strange[0])}")
        if self.synthetic is not None and bool(self.synthetic.class_counts) != bool(
            self.data.classes
        ):
            raise ValueError("its rows or its synthetic rows have classes, and not both")
        if not is_bag:
            self._check_steps(*(step or 0 for step in steps))
        if self.predictions is not None:
            kept = self.predictions.model_dump(exclude_none=True)
            rows = self.data.rows.model_dump(exclude={"train"})
            wrong = predictions.fault(kept, rows, self.data.classes)
            if wrong is not None:
                raise ValueError(f"its predictions do not fit: {wrong}")
        return self

    def _check_steps(self, chosen: int, last: int) -> None:
        """Hold the steps of what is no bag against each other, the curves and the predictions."""
        if chosen > last:
            raise ValueError(f"its chosen step {chosen} is after its last, {last}")
        if self.curves is not None and (
            last != self.curves.step[-1] or chosen not in self.curves.step
        ):
            raise ValueError(f"its steps {chosen} and {last} are not those of its curves")
        kept = self.predictions.steps if self.predictions is not None else {}
        if self.transfer is not None and self.curves is None:
            own = (self.transfer.chosen_step, self.transfer.last_step)
            if (chosen, last) != own:
                raise ValueError(f"its steps {chosen} and {last} are not those of its transfer")
        # Where fine-tuning began at adapted weights, its step 0 is no pre-trained model.
        is_start = chosen == 0 and (self.transfer is None or self.curves is None)
        if (is_start and "chosen" in kept) or (chosen == last and "last" in kept):
            raise ValueError(f"its predictions do not fit: there are two of step {chosen}")


_SCHEMA = TypeAdapter(RecordSchema)


def fault(record: Any) -> str | None:
    """What of a record is not as the schema has it, in one clause; None if all is."""
    try:
        _SCHEMA.validate_python(record)
    except ValidationError as error:
        return _told(error)
    return None


def _told(error: ValidationError) -> str:
    """The first thing that is wrong, and how many more are."""
    first, *more = error.errors(include_url=False, include_context=False)
    place = ".".join(map(str, first["loc"]))
    text = first["msg"].removeprefix("Value error, ")
    where = f"its {shown(place)} is not as the schema has it: " if place else ""
    given = f", not {shown(first['input'])}" if first["msg"].startswith("Input should") else ""
    others = f" (and {len(more)} more)" if more else ""
    return f"{where}{text[:1].lower()}{text[1:]}{given}{others}"
