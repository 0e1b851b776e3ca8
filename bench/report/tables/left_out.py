"""What is missing or failed."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.frame import UNIT
from bench.report.captions import completeness, lost_of
from bench.report.table import Column, ReportTable, nothing

SHOWN = [*UNIT, "method", "status", "error"]


def _lost(answer: Answer) -> pd.DataFrame:
    """A row a cell; the cells of an incomplete unit are not listed."""
    lost = pd.concat([lost_of(answer)[SHOWN], answer.unserved.reindex(columns=SHOWN)])
    nothing = answer.absent.assign(method="all", status="missing", error=None)
    both = pd.concat([lost.astype(object), nothing.astype(object)])
    return both.sort_values([*UNIT, "method"], key=lambda values: values.astype(str))


def _cells(answer: Answer) -> pd.DataFrame:
    """Every cell that no table is computed on."""
    both = [rows for rows in (answer.left_out, answer.unserved) if len(rows)]
    return pd.concat(both, ignore_index=True) if both else answer.left_out


left_out = ReportTable(key="left_out", make=_cells, row="method", always=True)
missing = ReportTable(
    key="missing",
    title="Left out",
    make=_lost,
    row="dataset",
    columns=[Column(name, name) for name in SHOWN[1:]],
    caption=lambda answer, _rows: completeness(answer),
    empty="Nothing: no cell is missing, none failed.",
    behind=nothing,
    place=140,
    has_file=False,
    always=True,
)
