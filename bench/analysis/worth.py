"""Whether fine-tuning is worth it: default fine-tuning's test score against not fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.analysis.change import Change, change, over_units
from bench.analysis.complete import IMPUTED
from bench.analysis.frame import UNIT
from bench.analysis.references import references


@dataclass(frozen=True)
class Worth:
    """What default fine-tuning changes.

    Parameters
    ----------
    method : str
        The variant of it that most methods are held against.
    models : tuple of str
    change : Change
        Of the test score, turned so that greater is better.
    by_table : Series
        The same of each table, greatest first.
    harm : float
        Share of the runs that end worse than not fine-tuning.
    ties : bool
        No run ends with another score than it began with.
    """

    method: str
    models: tuple[str, ...]
    change: Change
    by_table: pd.Series
    harm: float
    ties: bool


def worth(cells: pd.DataFrame) -> Worth | None:
    """Hold default fine-tuning against the pre-trained model, which each of its cells has scored.

    Parameters
    ----------
    cells : DataFrame
        Cells that have a score (`bench.analysis.answer.Answer.measured`).

    Returns
    -------
    Worth or None
        None where no cell is of default fine-tuning.
    """
    method = references(cells).main
    mine = cells[(cells["method"] == method) & (cells["status"] != IMPUTED)].set_index(UNIT)
    gains = (mine["score_chosen"] - mine["score_pretrained"]).dropna()
    if method is None or gains.empty:
        return None
    return Worth(
        method=method,
        models=tuple(sorted(map(str, mine["model"].unique()))),
        change=change(gains),
        by_table=(
            gains.groupby(level="dataset").mean().sort_values(ascending=False, kind="stable")
        ),
        harm=over_units((gains < 0).astype(float)),
        ties=bool((gains == 0).all()),
    )
