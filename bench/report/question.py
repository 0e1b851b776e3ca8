"""The first line of README, page and terminal: the question's answer, by rule from the records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.references import DEFAULT
from bench.analysis.safety import (
    CAUSAL,
    Outcome,
    Safety,
    causal_methods,
    null_methods,
    safety,
)
from bench.phrases import counted, joined
from bench.report.looks import title
from bench.report.readable import share, with_interval

NAMED = 3  # methods that are named; of more, their number is told
TOLD = {
    Outcome.yes: "Causal augmentation makes fine-tuning safer",
    Outcome.no: "Causal augmentation does not make fine-tuning safer",
    Outcome.unknown: "Whether causal augmentation makes fine-tuning safer cannot be told",
}


class Opening(NamedTuple):
    """The answer, and what it rests on."""

    told: str
    because: str

    @property
    def text(self) -> str:
        """Both, as they are printed."""
        return f"{self.told}: {self.because}"

    @property
    def markdown(self) -> str:
        """Both, the answer in bold."""
        return f"**{self.told}**: {self.because}"


def opening(answer: Answer) -> Opening:
    """Answer the question of the title.

    The measure is harm: a run that ends worse on test rows than not fine-tuning. Its difference
    between causal rows mixed in and default fine-tuning tells if zero is not within two standard
    errors of it (`bench.analysis.safety`).
    """
    cells = answer.measured
    found = safety(cells, causal_methods(cells))
    if found is None:
        return Opening(f"{TOLD[Outcome.unknown]} here", _lacking(answer))
    where = "on this table" if found.tables == 1 else "here"
    return Opening(f"{TOLD[found.is_safer]} {where}", f"{_because(found)}{_nulls(found, cells)}")


def _lacking(answer: Answer) -> str:
    cells = answer.measured
    causal = causal_methods(cells)
    absent = [] if causal else [title(CAUSAL)]
    if not (cells["method_name"] == DEFAULT).any():
        absent.append(title(DEFAULT))
    if absent:
        return f"the records hold no score of {joined(absent, 'and')} (method={CAUSAL},{DEFAULT})."
    return (
        f"{_titles(causal)} and {title(DEFAULT)} of the same model have no dataset, fold and seed "
        "in common."
    )


def _nulls(found: Safety, cells: pd.DataFrame) -> str:
    """Which copies of real rows do as well: then it is the mixing, not the causes."""
    if found.is_safer is not Outcome.yes:
        return ""
    held = {null: safety(cells, [null]) for null in null_methods(cells)}
    as_well = [null for null, of in held.items() if of and of.is_safer is Outcome.yes]
    if not as_well:
        return ""
    return f" So do mere copies of real rows mixed in ({_titles(as_well)}): it may be the mixing."


def _titles(methods: Sequence[str]) -> str:
    if len(methods) > NAMED:
        return f"{len(methods)} variants"
    return joined(map(title, methods), "and")


def _because(found: Safety) -> str:
    on = (
        counted(found.folds, "fold") + " of one table"
        if found.tables == 1
        else counted(found.tables, "table")
    )
    runs = f"{counted(found.runs, 'run')} of {joined(found.models, 'and')} on {on}"
    if found.ties:
        return (
            f"with and without rows of structural causal models mixed in, all {runs} end with the "
            f"same score, {share(found.plain)} of them worse than not fine-tuning."
        )
    if not found.mixed and not found.plain:
        return f"neither with causal rows nor without is one of {runs} worse than not fine-tuning."
    return (
        f"with rows of structural causal models mixed in ({_titles(found.methods)}), "
        f"{share(found.mixed)} of {runs} end worse than not fine-tuning; on real rows alone, "
        f"{share(found.plain)}. {_difference(found)}"
    )


def _difference(found: Safety) -> str:
    over = "folds, which share rows" if found.tables == 1 else "tables"
    low, high = found.interval
    size = with_interval(found.mean, low, high, _points)
    if low != low:
        alone = "fold" if found.tables == 1 else "table"
        return f"That is {size} points; one {alone} alone tells nothing."
    zero = ", which includes zero" if found.is_safer is Outcome.unknown else ""
    return f"The difference is {size} points (mean over {over}, ± 2 standard errors){zero}."


def _points(part: float) -> str:
    return f"{round(100 * part, 1) + 0.0:+.1f}"  # a zero has no minus
