"""What measures of the synthetic rows have to do with what a run gained."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.quality_gains import gains_by_quality
from bench.report.columns import RUNS
from bench.report.figures import quality as figure
from bench.report.table import Column, ReportTable


def _columns(answer: Answer, _rows: pd.DataFrame) -> list[Column]:
    gained = f"Spearman with {answer.metric.title} gain"
    return [
        Column("measure", "measure", lambda name: str(name).replace("_", " ")),
        Column("median", "median", "{:.4g}".format),
        Column("spearman_raw_gain", gained, "{:+.2f}".format),
        Column("spearman_improvement", "Spearman with improvement", "{:+.2f}".format),
        RUNS,
    ]


quality = ReportTable(
    key="quality",
    title="Quality of the synthetic rows",
    make=lambda answer: gains_by_quality(answer.gains),
    row="method",
    columns=_columns,
    caption="Over runs, which share rows within a dataset: a description, no test.",
    empty="Left out: no record holds measures of its synthetic rows.",
    figures=[figure],
    place=110,
)
