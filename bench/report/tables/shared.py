"""Every method minus default fine-tuning on all units that these two have, whatever others lack."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.paired import NULL, against_default
from bench.analysis.power import with_power
from bench.analysis.references import DEFAULT
from bench.report.captions import resolving
from bench.report.columns import THOUSANDTHS, resolvable
from bench.report.readable import unsigned, with_error
from bench.report.table import Column, ReportTable, nothing


def _rows(answer: Answer, numbers: pd.DataFrame) -> pd.DataFrame:
    """The chosen step; nothing where each pair shares just the units of all."""
    rows = against_default(numbers[numbers["against"] != NULL], "chosen")
    units = len(answer.kept.drop_duplicates(["dataset", "fold", "seed"]))
    return rows if (rows["units"] > units).any() else rows.iloc[:0]


shared = ReportTable(
    key="shared",
    title="Paired on their own units",
    make=lambda answer: with_power(answer.shared, answer.settings),
    rows=_rows,
    row="method",
    columns=lambda answer, _rows: [
        Column("against", "minus"),
        Column(
            ("mean", "se"),
            f"test {answer.metric.turned_title()}",
            with_error,
            f"{THOUSANDTHS} ± SE",
        ),
        *resolvable(answer),
        Column("absolute", "size of a run", unsigned, THOUSANDTHS),
        Column("tables", "tables"),
        Column("units", "runs"),
    ],
    caption=lambda answer, _rows: (
        "Each row is of all units that its two methods have: compare it with 0, not with another "
        f"row. {resolving(answer)}"
    ),
    empty=f"Left out: no method shares more units with its {DEFAULT} than all methods do.",
    behind=nothing,
    place=55,
    always=True,
)
