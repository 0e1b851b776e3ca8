"""Whether causal rows make fine-tuning safer: how often a run ends worse than not fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from bench.analysis.frame import IMPUTED, UNIT
from bench.analysis.paired import over_tables
from bench.analysis.references import references

CAUSAL = "causalmixft"  # the study's method
CAUSAL_ROWS = "SCM"  # the generator of causal rows
NULLS = ("Bootstrap", "Noise")  # generators of copies and near-copies of real rows
MIXED = "mixed"


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
    runs, folds, tables : int
        What both were run on.
    mixed, plain : float
        Share of the runs that ended worse, with rows mixed in and without.
    mean, se : float
        ``mixed`` − ``plain`` within units, averaged over tables, of a single one over folds; its
        standard error (NaN of one).
    ties : bool
        Both score the same in every run.
    """

    methods: tuple[str, ...]
    models: tuple[str, ...]
    runs: int
    folds: int
    tables: int
    mixed: float
    plain: float
    mean: float
    se: float
    ties: bool

    @property
    def interval(self) -> tuple[float, float]:
        """Two standard errors either way (`bench.analysis.paired.resolved`)."""
        return self.mean - 2 * self.se, self.mean + 2 * self.se

    @property
    def is_safer(self) -> Outcome:
        """Whether the interval lies below zero; above, the contrary is told."""
        low, high = self.interval
        if high < 0:
            return Outcome.yes
        return Outcome.no if low > 0 else Outcome.unknown


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
        `causal_methods`, or a null.

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
    tables, folds = (both.index.unique(level=name) for name in ("dataset", "fold"))
    difference = (both["mixed"] - both["plain"]).to_frame()
    if len(tables) == 1:  # the units to average are its folds, over seeds
        names = {"dataset": "table", "fold": "dataset"}
        difference.index.names = [names.get(str(name), name) for name in difference.index.names]
    (row,) = over_tables(difference).to_dict("records")
    return Safety(
        methods=tuple(map(str, both["method"].unique())),
        models=tuple(sorted(map(str, both["model"].unique()))),
        runs=len(both),
        folds=len(folds),
        tables=len(tables),
        mixed=float(both["mixed"].mean()),
        plain=float(both["plain"].mean()),
        mean=float(row["mean"]),
        se=float(row["se"]),
        ties=bool(both["ties"].all()),
    )
