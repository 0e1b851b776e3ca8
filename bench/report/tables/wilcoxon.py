"""Wilcoxon's signed-rank test of every method over datasets."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.references import DEFAULT, PRETRAINED
from bench.analysis.significance import wilcoxon_tests
from bench.report.readable import p_value, whole
from bench.report.table import Column, ReportTable


def caption(answer: Answer, rows: pd.DataFrame) -> str:
    """Which comparisons are below the level after correction."""
    settings = answer.settings
    text = (
        "Two-sided, over datasets; Holm's over the methods held against the same one. Effect "
        "+1: better wherever they differ."
    )
    found = rows[rows["p_holm"] < settings.alpha]
    if found.empty:
        return f"{text} None of {len(rows)} is below {settings.alpha:g} after correction."
    named = ", ".join(
        f"{method} {'over' if row['effect'] > 0 else 'under'} {row['against']} "
        f"({p_value(row['p_holm'])})"
        for method, row in found.iterrows()
    )
    return f"{text} Below {settings.alpha:g} after correction: {named}."


wilcoxon = ReportTable(
    key="wilcoxon",
    title="Wilcoxon tests",
    make=lambda answer: wilcoxon_tests(answer.kept),
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
