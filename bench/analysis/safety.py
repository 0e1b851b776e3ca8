"""Whether causal rows make fine-tuning safer: how often a run ends worse than not fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from bench.analysis.change import Change, change, over_units
from bench.analysis.complete import IMPUTED
from bench.analysis.frame import UNIT
from bench.analysis.references import references

CAUSAL = "causalmixft"  # the study's method
CAUSAL_ROWS = "SCM"  # the generator of causal rows
NULLS = ("Bootstrap", "Noise")  # generators of copies and near-copies of real rows
MIXED = "mixed"
RATIO = 1.0  # synthetic rows a real one, as the study mixes them


class Outcome(StrEnum):
    """What a difference with its interval tells."""

    yes = "yes"
    no = "no"
    unknown = "unknown"


@dataclass(frozen=True)
class Safety:
    """Runs that end worse on test rows than not fine-tuning: with rows mixed in, and without.

    Parameters
    ----------
    methods : tuple of str
        Those that mix rows in.
    models : tuple of str
    mixed, plain : float
        Share of the runs that ended worse, with rows mixed in and without; mean over tables.
    change : Change
        ``mixed`` − ``plain`` within the units that both were run on.
    ties : bool
        Both score the same in every run.
    """

    methods: tuple[str, ...]
    models: tuple[str, ...]
    mixed: float
    plain: float
    change: Change
    ties: bool

    @property
    def is_safer(self) -> Outcome:
        """Whether the interval lies below zero; above, the contrary is told."""
        if self.change.is_below:
            return Outcome.yes
        return Outcome.no if self.change.is_above else Outcome.unknown


def causal_methods(cells: pd.DataFrame) -> list[str]:
    """The methods that mix rows of structural causal models in: the study's, or else any."""
    of = cells["method_name"] == CAUSAL
    if not of.any():
        of = (cells["generator"] == CAUSAL_ROWS) & (cells["mixing"] == MIXED)
    return sorted(map(str, cells.loc[of, "method"].unique()))


def null_methods(cells: pd.DataFrame) -> list[str]:
    """The methods that mix in what is no more than copies of real rows: nulls of augmentation."""
    of = cells["generator"].isin(NULLS) & (cells["mixing"] == MIXED)
    return sorted(map(str, cells.loc[of, "method"].unique()))


def safety(cells: pd.DataFrame, methods: Sequence[str]) -> Safety | None:
    """Hold methods that mix rows in against default fine-tuning, on all that both were run on.

    Parameters
    ----------
    cells : DataFrame
        Cells that have a score (`bench.analysis.answer.Answer.measured`).
    methods : sequence of str
        `causal_methods`.

    Returns
    -------
    Safety or None
        None where no unit has both.
    """
    cells = cells[cells["status"] != IMPUTED]  # what never ran harmed nothing
    of = references(cells).of
    pairs = {method: of[method] for method in methods if method in of}
    if not pairs:
        return None
    harm = (cells["score_chosen"] < cells["score_pretrained"]).astype(float)
    wide = cells.assign(harm=harm).pivot(index=UNIT, columns="method")
    parts = [
        pd.DataFrame(
            {
                "mixed": wide["harm"][method],
                "plain": wide["harm"][default],
                "ties": wide["score_chosen"][method] == wide["score_chosen"][default],
                "model": wide["model"][method],
                "method": method,
            }
        ).dropna()
        for method, default in pairs.items()
    ]
    both = pd.concat(parts)
    if both.empty:
        return None
    return Safety(
        methods=tuple(map(str, both["method"].unique())),
        models=tuple(sorted(map(str, both["model"].unique()))),
        mixed=over_units(both["mixed"]),
        plain=over_units(both["plain"]),
        change=change(both["mixed"] - both["plain"]),
        ties=bool(both["ties"].all()),
    )
