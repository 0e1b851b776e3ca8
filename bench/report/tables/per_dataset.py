"""The mean test score of each dataset and method."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.measures import per_dataset as means
from bench.analysis.problems import has_unit
from bench.analysis.resolves import STEPS
from bench.report.figures import heat_map
from bench.report.readable import digits
from bench.report.table import Behind, Column, Lead, ReportTable, nothing
from bench.score import Score
from bench.scores import ranked


def _behind(_answer: Answer, rows: pd.DataFrame) -> Lead:
    def behind(row: int, method: str) -> Behind | None:
        return {"dataset": [str(rows.index[row])], "method": [method]}

    return behind


def _columns(score: Score, rows: pd.DataFrame, show: Callable[[float], str]) -> list[Column]:
    better = 1 if score.greater_is_better else -1
    return [Column(m, m, show, better=better) for m in map(str, rows)]


def _in_units(answer: Answer) -> pd.DataFrame:
    """Of the score that cells are ranked by, where another is read since that one has a unit."""
    score = ranked(answer.problem)
    if not has_unit(score) or answer.metric is score:
        return pd.DataFrame()
    values = answer.told.values(score, answer.kept["identity"])[:, STEPS.index("chosen")]
    return score.oriented(means(answer.kept.assign(score_chosen=values))[answer.methods])


per_dataset = ReportTable(
    key="per_dataset",
    title=lambda answer: f"Test {answer.metric.title}",
    make=lambda answer: answer.tables["per_dataset"],
    columns=lambda answer, rows: _columns(answer.metric, rows, "{:.4f}".format),
    rivals="row",
    caption="Means over folds and seeds.",
    figures=[heat_map],
    behind=_behind,
    place=30,
    terminal=True,
)
in_units = ReportTable(
    key="per_dataset_in_units",
    title=lambda answer: f"Test {ranked(answer.problem).title}",
    make=_in_units,
    columns=lambda answer, rows: _columns(ranked(answer.problem), rows, digits),
    rivals="row",
    caption="Means over folds and seeds, in the unit of each dataset's target.",
    empty="",
    behind=nothing,
    place=31,
)
