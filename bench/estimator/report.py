"""What a fit came to, for a person: the base model's score beside the fine-tuned one's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from bench.errors import BadInput
from bench.files import printable, shown
from bench.phrases import begun, counted
from bench.scores import SCORES

SHOWN = 3  # classes that a line names


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a fit came to; all of it is JSON-ready.

    Attributes
    ----------
    problem : {"classification", "regression"}
    model, rows_from : str
        The pre-trained model, and where the rows came from that it was fine-tuned on.
    metric : str
        The name of the score that is told, of validation rows.
    base, fine_tuned : float or None
        The pre-trained model's score, and the fine-tuned one's: of the step that was chosen, or of
        the best one where the base was kept. None where a score does not exist.
    se : float or None
        Standard error of their difference, over the validation rows.
    expected : float or None
        The gain that experience lets one expect on new rows, above 0 is better; None where nothing
        is known or the base was kept.
    expected_from : str
        Its source.
    step, steps : int
        The step that was chosen, 0 is the base, of a bag the mean; and how many there were.
    chosen_steps : tuple of int
        Of each child.
    base_kept : bool
    why : str
        The rule that decided between base and fine-tuned model.
    fault : str
        Why nothing was fine-tuned, if so.
    rows : dict of str to int
        How many there are in ``all``, each fine-tuning trains on (``train``), were held out
        (``validation``), and are the ``context`` of predictions.
    classes : tuple of str
    features : int
    columns : tuple of str
        What was done to the columns.
    seconds : dict of str to float
        Wall time of the phases, and in ``total`` of all.
    notes : tuple of str
    settings : dict
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    problem: str
    model: str
    rows_from: str
    metric: str
    base: float | None
    fine_tuned: float | None
    se: float | None
    expected: float | None
    expected_from: str
    step: int
    steps: int
    chosen_steps: tuple[int, ...]
    base_kept: bool
    why: str
    fault: str
    rows: Mapping[str, int]
    classes: tuple[str, ...]
    features: int
    columns: tuple[str, ...]
    seconds: Mapping[str, float]
    notes: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def gain(self) -> float | None:
        """The fine-tuned model's score minus the base model's, turned so that above 0 is better."""
        if self.base is None or self.fine_tuned is None:
            return None
        return float(SCORES[self.metric].oriented(self.fine_tuned - self.base))

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return asdict(self)

    @classmethod
    def of_json(cls, found: Any) -> Report:
        """The report that `as_json` told.

        Raises
        ------
        BadInput
            If it is damaged.
        """
        try:
            # As JSON, in which a list may be a tuple, and nothing but what is declared is made.
            report = _adapter().validate_json(json.dumps(found), strict=True)
        except ValidationError as violation:
            error = violation.errors(include_url=False)[0]
            where = ".".join(map(str, error["loc"])) or "it"
            raise BadInput(f"The report of the fit is damaged: {where}: {error['msg']}.") from None
        if not {*report.rows} >= {"all", "validation"} or "total" not in report.seconds:
            raise BadInput("The report of the fit is damaged: it does not count rows or seconds.")
        if report.metric not in SCORES:
            raise BadInput(
                f"The report of the fit tells {shown(report.metric)}, which is no score here."
            )
        return report

    def __str__(self) -> str:
        return "\n".join(
            f"{name + ':':<12}{line}"
            for name, line in (
                ("model", self._what()),
                ("validation", self._scores()),
                ("expect", self._expected()),
                ("chosen", self._chosen()),
                ("time", self._time()),
                ("next", self._next()),
            )
        )

    def _what(self) -> str:
        done = "kept as it is" if self.base_kept else f"fine-tuned on {self.rows_from}"
        table = f"{counted(self.rows['all'], 'row')}, {counted(self.features, 'feature')}"
        classes = begun([printable(name, keep="") for name in self.classes], SHOWN)
        of = f"{len(self.classes)} classes ({classes})"
        what = of if self.classes else "a numeric target"
        changed = f", {counted(len(self.columns), 'note')} on columns" if self.columns else ""
        return f"{self.model}, {done}; {table}, {what}{changed}"

    def _scores(self) -> str:
        score, n = SCORES[self.metric], counted(self.rows["validation"], "row")
        if self.base is None:
            return f"{score.title} does not exist on these {n}"
        told = f"{score.title} {self.base:.4g} → "
        if self.fine_tuned is None:
            return f"{score.title} {self.base:.4g} of the base model ({n}); no step was evaluated"
        error = "" if self.se is None else f" ± {self.se:.2g}"
        better = "" if score.greater_is_better else ", lower is better"
        gain = self.fine_tuned - self.base
        return f"{told}{self.fine_tuned:.4g} ({gain:+.2g}{error}, {n}{better})"

    def _expected(self) -> str:
        if self.base_kept:
            return "what the base model gives"
        if self.expected is None:
            return "less than on validation, by which the step was chosen"
        better = "better" if self.expected >= 0 else "worse"
        return f"about {abs(self.expected):.2g} {better} on new rows ({self.expected_from})"

    def _chosen(self) -> str:
        if self.fault:
            return f"the base: {self.fault}"
        children = len(self.chosen_steps)
        if self.base_kept:
            return f"the base: none of {counted(self.steps, 'step')} was taken by {self.why}"
        of_bag = f", the mean of {children} children" if children > 1 else ""
        return f"step {self.step} of {self.steps}{of_bag}, by {self.why}"

    def _time(self) -> str:
        parts = [f"{name} {spent:.0f} s" for name, spent in self.seconds.items() if spent >= 1]
        total = self.seconds["total"]
        others = [part for part in parts if not part.startswith("total ")]
        return f"{total:.0f} s" + (f" ({', '.join(others)})" if others else "")

    def _next(self) -> str:
        if self.notes:
            return f"read report_.notes ({len(self.notes)}), then .save(folder) and .predict(X)"
        return "keep it with .save(folder), use it with .predict(X)"


@cache
def _adapter() -> TypeAdapter[Report]:
    return TypeAdapter(Report)
