"""Every generator as it was run: alone, and mixed with the real rows."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.mixing import WAY
from bench.analysis.mixing import ways as numbers
from bench.report.columns import HARM, IQR, MEDIAN, RUNS, gain, rank
from bench.report.table import Behind, Column, Lead, ReportTable


def _columns(answer: Answer, _rows: pd.DataFrame) -> list[Column]:
    way = [Column("mixing", "rows"), Column("ratio", "ratio", "{:g}".format)]
    return [*way, Column("methods", "method"), rank(answer), MEDIAN, IQR, gain(answer), HARM, RUNS]


def _behind(answer: Answer, rows: pd.DataFrame) -> Lead:
    made = answer.kept[[*WAY, "method"]].drop_duplicates()
    numbers = rows.reset_index()

    def behind(row: int, _heading: str) -> Behind | None:
        way = (made[WAY] == numbers.loc[row, WAY]).all(axis=1)
        return {"method": sorted(made.loc[way, "method"])}

    return behind


ways = ReportTable(
    key="ways",
    title="Generators and mixing",
    make=lambda answer: numbers(answer.gains),
    row="generator",
    columns=_columns,
    caption="Ratio: synthetic rows a real row. What the nulls (Bootstrap, Noise) reach is the "
    "mixing; what goes beyond, the generator.",
    empty="Left out: no method has a generator.",
    behind=_behind,
    place=90,
    terminal=lambda _answer, rows: bool(rows.index.has_duplicates),
)
