"""What the records of transfer say, in one object for sentences, tables and figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from bench.analysis.settings import Analysis
from bench.analysis.transfer.contrast import Primary, contrasts, primary
from bench.analysis.transfer.robustness import (
    Check,
    brought,
    checks,
    curves,
    forgotten,
    matrix,
    per_target,
    robustness,
)
from bench.analysis.transfer.runs import (
    ACROSS,
    IN_CONTEXT,
    WITHIN,
    forgetting,
    is_transfer,
    over_published,
    read_by,
    readouts,
    transferred,
)
from bench.cell.record import Record
from bench.score import Score

CHECKED = (("permuted", ACROSS), ("real", WITHIN))  # arms as conf/transfer names them, and where


@dataclass(frozen=True)
class Last:
    """`robustness` and `contrasts` of the last step instead of the chosen one."""

    robustness: pd.DataFrame
    contrasts: pd.DataFrame


@dataclass(frozen=True)
class Answer:
    """What fine-tuning on other domains' tables brings, read by one score.

    Parameters
    ----------
    settings : Analysis
    metric : Score
        Its gains are read; of regression RMSE/σ, never RMSE.
    runs : DataFrame
        `bench.analysis.transfer.runs.transferred`.
    unfinished : DataFrame
        A row a record of transfer without results: ``target``, ``fold``, ``seed``, ``arm``,
        ``status``, ``error``.
    last : Last
        What the last step says, whatever the held-out tables chose; it decides nothing.
    matrix, robustness, curves, per_target, forgotten, brought : DataFrame
        As the functions of these names in `bench.analysis.transfer.robustness` give them.
    primary : Primary
    checks : tuple of Check
        Permuted labels, and tables of the target's own domain.
    """

    settings: Analysis
    metric: Score
    runs: pd.DataFrame
    unfinished: pd.DataFrame
    matrix: pd.DataFrame
    robustness: pd.DataFrame
    curves: pd.DataFrame
    per_target: pd.DataFrame
    forgotten: pd.DataFrame
    brought: pd.DataFrame
    primary: Primary
    checks: tuple[Check, Check]
    last: Last

    @property
    def across(self) -> pd.DataFrame:
        """`robustness` of the arms across domains, in context; by arm."""
        table = self.robustness
        is_read = (table["direction"] == ACROSS) & (table["on_target"] == IN_CONTEXT)
        return table[is_read].set_index("arm")


def answer(records: Iterable[Record], settings: Analysis, metric: Score) -> Answer | None:
    """Read records of transfer; those that are none are what fine-tuning is held against.

    Parameters
    ----------
    records : iterable of Record
        Of one problem.
    metric : Score
        `bench.analysis.frame.metric_of` of them; what is read of it says
        `bench.analysis.transfer.runs.read_by`.

    Returns
    -------
    Answer or None
        None where no record is of transfer.
    """
    records = list(records)
    of_transfer = [record for record in records if is_transfer(record)]
    if not of_transfer:
        return None
    metric = read_by(metric)
    runs = transferred(of_transfer)
    return Answer(
        settings=settings,
        metric=metric,
        runs=runs,
        unfinished=_unfinished(of_transfer),
        matrix=matrix(runs, metric, settings),
        robustness=robustness(runs, metric, settings),
        curves=curves(readouts(of_transfer), metric, settings),
        per_target=per_target(runs, metric),
        forgotten=forgotten(forgetting(of_transfer), metric, settings),
        brought=brought(over_published(records), metric, settings),
        primary=primary(runs, metric, settings),
        checks=checks(runs, metric, settings, CHECKED),
        last=_last(of_transfer, metric, settings),
    )


def _last(records: list[Record], metric: Score, settings: Analysis) -> Last:
    runs = transferred(records, "last")
    return Last(robustness(runs, metric, settings), contrasts(runs, metric, settings))


def _unfinished(records: list[Record]) -> pd.DataFrame:
    rows = [
        {
            "target": record["cell"]["dataset"],
            "fold": record["cell"]["fold"],
            "seed": record["cell"]["seed"],
            "arm": record["settings"]["transfer"]["method"]["name"],
            "status": record["status"],
            "error": record["error"]["message"] if record["error"] else None,
        }
        for record in records
        if record["status"] != "done" or record.get("transfer") is None
    ]
    return pd.DataFrame(rows, columns=["target", "fold", "seed", "arm", "status", "error"])
