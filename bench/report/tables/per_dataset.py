"""The mean test score of each dataset and method."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.report.figures import heat_map
from bench.report.table import Behind, Column, Lead, ReportTable


def _behind(_answer: Answer, rows: pd.DataFrame) -> Lead:
    def behind(row: int, method: str) -> Behind | None:
        return {"dataset": [str(rows.index[row])], "method": [method]}

    return behind


def _columns(answer: Answer, rows: pd.DataFrame) -> list[Column]:
    better = 1 if answer.metric.greater_is_better else -1
    return [Column(m, m, "{:.4f}".format, better=better) for m in map(str, rows)]


per_dataset = ReportTable(
    key="per_dataset",
    title=lambda answer: f"Test {answer.metric.title}",
    make=lambda answer: answer.tables["per_dataset"],
    columns=_columns,
    rivals="row",
    caption="Means over folds and seeds.",
    figures=[heat_map],
    behind=_behind,
    place=30,
    terminal=True,
)
