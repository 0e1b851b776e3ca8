"""The title's question: does causal augmentation make it safer? By rule from the records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from typing import NamedTuple

from bench.analysis.answer import Answer
from bench.analysis.change import FEWEST, Change
from bench.analysis.references import DEFAULT
from bench.analysis.safety import (
    CAUSAL,
    Outcome,
    Safety,
    causal_methods,
    safety,
)
from bench.phrases import counted, joined
from bench.report.looks import title
from bench.report.readable import share, with_interval

NAMED = 3  # methods that are named; of more, their number is told
TOLD = {
    Outcome.yes: "Augmentation makes fine-tuning safer; whether it is the causes cannot be told",
    Outcome.no: "Causal augmentation makes fine-tuning less safe",
    Outcome.unknown: "Whether causal augmentation makes fine-tuning safer cannot be told",
}


class Reply(NamedTuple):
    """A question's answer, what it rests on, and the key of the table that holds it ("": none)."""

    told: str
    because: str
    table: str = ""

    @property
    def text(self) -> str:
        """Both, as they are printed."""
        return f"{self.told}: {self.because}"

    @property
    def markdown(self) -> str:
        """Both, the answer in bold."""
        return f"**{self.told}**: {self.because}"


def opening(answer: Answer) -> Reply:
    """Answer the question of the title where no null is beside it (else: `bench.report.planned`).

    The measure is harm: a run that ends worse on test rows than not fine-tuning. Its difference
    between causal rows mixed in and default fine-tuning tells if zero is not within two standard
    errors of it (`bench.analysis.safety`).
    """
    cells = answer.measured
    found = safety(cells, causal_methods(cells))
    if found is None:
        return Reply(f"{TOLD[Outcome.unknown]} here", _lacking(answer))
    told = f"{TOLD[found.is_safer]} {where(found.change)}"
    return Reply(told, _because(found), "summary")


def _lacking(answer: Answer) -> str:
    cells = answer.measured
    causal = causal_methods(cells)
    absent = [] if causal else [title(CAUSAL)]
    if not (cells["method_name"] == DEFAULT).any():
        absent.append(title(DEFAULT))
    if absent:
        return f"the records hold no score of {joined(absent, 'and')} (method={CAUSAL},{DEFAULT})."
    both = f"{titles_of(causal)} and {title(DEFAULT)}"
    return f"{both} of the same model have no dataset, fold and seed in common."


def titles_of(methods: Sequence[str]) -> str:
    """What people call some methods, or how many they are."""
    if len(methods) > NAMED:
        return f"{len(methods)} variants"
    return joined(map(title, methods), "and")


def _because(found: Safety) -> str:
    runs = runs_of(found.change, found.models)
    if found.ties:
        return (
            f"with and without rows of structural causal models mixed in, all {runs} end with the "
            f"same score, {share(found.plain)} of them worse than not fine-tuning."
        )
    if not found.mixed and not found.plain:
        return f"neither with causal rows nor without is one of {runs} worse than not fine-tuning."
    return (
        f"with rows of structural causal models mixed in ({titles_of(found.methods)}), "
        f"{share(found.mixed)} of {runs} end worse than not fine-tuning; on real rows alone, "
        f"{share(found.plain)}. The difference is {sized(found.change, points, ' points')}."
    )


def where(change: Change) -> str:
    """What a change is told of."""
    return "on this table" if change.tables == 1 else "here"


def runs_of(change: Change, models: Sequence[str]) -> str:
    """Which runs a change was averaged over."""
    on = (
        counted(change.folds, "fold") + " of one table"
        if change.tables == 1
        else counted(change.tables, "table")
    )
    alike = "" if change.is_even else ", weighed alike,"  # else shares are plain ones
    return f"{counted(change.units, 'run')} of {joined(models, 'and')} on {on}{alike}"


def sized(change: Change, show: Callable[[float], str], unit: str = "") -> str:
    """A change with its interval, and whether that tells it from zero."""
    size = f"{with_interval(change.mean, *change.interval, show)}{unit}{interval_of(change)}"
    tells = isnan(change.se) or not change.interval[0] <= 0 <= change.interval[1]
    return f"{size}{'' if tells else ', which includes zero'}"


def interval_of(change: Change) -> str:
    """What a change's interval is over, as it stands behind it; of one table alone its folds."""
    if isnan(change.se):
        return f"; one {'fold' if change.tables == 1 else 'table'} alone tells nothing"
    over = "folds, which share rows" if change.tables == 1 else "tables"
    too_few = "" if change.tells else f"; of fewer than {FEWEST} tables nothing is told"
    return f" (mean over {over}, ± 2 standard errors{too_few})"


def points(part: float) -> str:
    """A difference of shares in points of percent."""
    return f"{round(100 * part, 1) + 0.0:+.1f}"  # a zero has no minus
