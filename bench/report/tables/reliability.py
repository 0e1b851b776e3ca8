"""What early stopping promised on validation, and what the test part gave."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.paired import against_references, seed_null
from bench.analysis.references import DEFAULT, References, references
from bench.phrases import counted
from bench.report.captions import Compared, beyond_chance
from bench.report.columns import (
    CORRELATION_GAP,
    GAP,
    NORMALIZED_GAP,
    REGRET,
    THOUSANDTHS,
    stated,
)
from bench.report.figures import curves, gains
from bench.report.published import published
from bench.report.readable import share, sign_three, signed, with_error
from bench.report.table import Column, ReportTable
from bench.score import Score


def _rows(answer: Answer, numbers: pd.DataFrame) -> pd.DataFrame:
    study = published(answer)
    return numbers if study is None else study.beside(numbers, study.gap)


def _columns(_answer: Answer, rows: pd.DataFrame) -> list[Column]:
    return [
        CORRELATION_GAP,
        Column("validation_gain", "validation gain", signed, THOUSANDTHS),
        Column("test_gain", "test gain", signed, THOUSANDTHS, better=1),
        Column("last_gain", "last step", signed, THOUSANDTHS, better=1),
        GAP,
        NORMALIZED_GAP,
        Column("harm", "harm", share, better=-1),
        REGRET,
        *stated(rows, "median gap"),
    ]


def early_stopping(
    table: pd.DataFrame, runs: pd.DataFrame, metric: Score, held: References | None = None
) -> str:
    """Below the table of `bench.analysis.reliability.reliability`, made of ``runs``."""
    held = references(runs) if held is None else held
    undefined, n = int(table["undefined"].sum()), int(table["runs"].sum())
    shown = (
        "Correlation gap: 1 − Spearman's correlation of the validation and the test curve. Gap: "
        "gain on validation − gain on test, of the chosen step; normalized by the unit's range. "
        "Regret: best step on test − chosen step."
    )
    if undefined:
        shown += (
            f" {undefined} of {counted(n, 'run')} have no correlation gap (a curve is constant or "
            "missing)."
        )
    if (runs["regret"] < 0).any():
        shown += " A bag's can be below 0: its curve is of common steps, each child has its own."
    promised = (
        "Chosen by validation, a step promises too much by construction: the mean gap is above 0 "
        f"for {(table['gap'] > 0).sum()} of {counted(len(table), 'method')}."
    )
    return " ".join([shown, promised, _gaps_against_default(runs, held)])


def _caption(answer: Answer, rows: pd.DataFrame) -> str:
    return early_stopping(rows, answer.readings, answer.metric, answer.references)


def _gaps_against_default(runs: pd.DataFrame, held: References) -> str:
    compared: list[Compared] = [
        ("correlation gap", against_references(runs, "correlation_gap", held.of), sign_three),
        ("gap ×1000", against_references(runs, "gap", held.of), signed),
    ]
    if held.main is None or compared[0][1].empty:
        return f"No gap is compared: that takes {DEFAULT} and another method that fine-tunes."
    verdict = beyond_chance(f"difference of a gap from {DEFAULT}'s", compared)
    correlation, gap = (seed_null(runs, name, held.main) for name in ("correlation_gap", "gap"))
    if correlation.empty or gap.empty:
        return verdict
    c, g = correlation.iloc[0], gap.iloc[0]
    return (
        f"{verdict} Re-seeding {held.main} alone moves the correlation gap by "
        f"{with_error(c['mean'], c['se'], sign_three)} and the gap ×1000 by "
        f"{with_error(g['mean'], g['se'])}."
    )


reliability = ReportTable(
    key="reliability",
    title="Early stopping",
    make=lambda answer: answer.tables["reliability"],
    rows=_rows,
    columns=_columns,
    caption=_caption,
    empty="Left out: no record holds a curve of this score.",
    figures=[gains, curves],
    place=40,
    terminal=True,
)
