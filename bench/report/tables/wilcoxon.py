"""Wilcoxon's signed-rank test of every method over datasets."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.references import DEFAULT, PRETRAINED
from bench.report.readable import p_value, whole
from bench.report.table import Column, ReportTable


def caption(answer: Answer, _rows: pd.DataFrame) -> str:
    """Which comparisons are below the level after correction."""
    table, settings = answer.tables["wilcoxon"], answer.settings
    text = (
        "Wilcoxon's signed-rank test over datasets (means over folds and seeds), two-sided; Holm's "
        "correction over the methods held against the same one. Effect: +1, better wherever they "
        "differ; −1, worse."
    )
    found = table[table["p_holm"] < settings.alpha]
    if found.empty:
        return f"{text} No comparison of {len(table)} is below {settings.alpha:g} after correction."
    named = ", ".join(
        f"{row['method']} {'over' if row['effect'] > 0 else 'under'} {row['against']} "
        f"({p_value(row['p_holm'])})"
        for row in found.to_dict("records")
    )
    return f"{text} Below {settings.alpha:g} after correction: {named}."


wilcoxon = ReportTable(
    key="wilcoxon",
    title="Wilcoxon tests",
    make=lambda answer: answer.tables["wilcoxon"],
    row="method",
    columns=[
        Column("against", "against"),
        Column("better", "tables better", whole),
        Column("worse", "tables worse", whole),
        Column("effect", "effect (rank-biserial)", "{:+.2f}".format),
        Column("p", "p", p_value),
        Column("p_holm", "p (Holm)", p_value),
    ],
    caption=caption,
    empty=f"Left out: it takes a method beside {DEFAULT} and {PRETRAINED}.",
    place=60,
)
