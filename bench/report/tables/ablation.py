"""Is it the rows, or the mixing? Generators mixed and alone, held against each other."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.mixing import differences
from bench.analysis.paired import resolved
from bench.analysis.power import with_power
from bench.report.captions import resolving
from bench.report.columns import THOUSANDTHS, resolvable
from bench.report.readable import unsigned, with_error
from bench.report.table import Column, ReportTable

ASKED = {"mixing": "what mixing does", "rows": "whose rows"}


def _columns(answer: Answer, _rows: pd.DataFrame) -> list[Column]:
    return [
        Column("minus", "minus"),
        Column("question", "asks", ASKED.__getitem__),
        Column(("mean", "se"), f"test {answer.metric.turned_title()}", with_error, "×1000 ± SE"),
        *resolvable(answer),
        Column("absolute", "size of a run", unsigned, THOUSANDTHS),
        Column("tables", "tables"),
        Column("units", "runs"),
    ]


def caption(answer: Answer, rows: pd.DataFrame) -> str:
    """Which differences are larger than twice their standard error."""
    text = f"First minus second within a unit; SE over tables. {resolving(answer)}"
    known = rows[rows["tables"] > 1]
    found = known[resolved(known)]
    if found.empty:
        return f"{text} None of {len(rows)} is larger than twice its standard error."
    named = ", ".join(
        f"{generator} − {row['minus']} {with_error(row['mean'], row['se'])}"
        for generator, row in found.iterrows()
    )
    return f"{text} Larger than twice its standard error: {named}."


ablation = ReportTable(
    key="ablation",
    title="Ablation: rows or mixing",
    make=lambda answer: with_power(differences(answer.gains), answer.settings),
    row="generator",
    columns=_columns,
    caption=caption,
    empty="Left out: no generator was run both mixed and alone, and no two in the same way.",
    place=100,
)
