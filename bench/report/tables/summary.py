"""How the methods do: a row a method, best average rank first; and every run's improvement."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.frame import UNIT
from bench.analysis.paired import resolved
from bench.analysis.settings import Normalization
from bench.phrases import counted
from bench.report import verdict
from bench.report.captions import ONE_DATASET, error_of
from bench.report.columns import HARM, MEDIAN, RUNS, SPREADS, gain, rank, stated
from bench.report.figures import improvements as figure
from bench.report.published import STATED, published
from bench.report.table import Column, ReportTable

SCALES = {
    Normalization.minmax: ("{score}, min–max scaled within a unit, minus the pre-trained model's"),
    Normalization.raw: "{score} minus the pre-trained model's",
    Normalization.pretrained_to_best: (
        "{score} on the scale from the pre-trained model (0) to the unit's best (1)"
    ),
    Normalization.error_reduction: (
        "the share of the pre-trained model's error, {error}, that is gone"
    ),
}


def _rows(answer: Answer, numbers: pd.DataFrame) -> pd.DataFrame:
    study = published(answer)
    return numbers if study is None else study.beside(numbers, study.improvement)


def _columns(answer: Answer, rows: pd.DataFrame) -> list[Column]:
    spreads = sorted(SPREADS, key=lambda column: column.of != answer.settings.spread)
    beside = stated(rows, "median improvement")
    return [rank(answer), MEDIAN, *spreads, gain(answer), HARM, RUNS, *beside]


def caption(answer: Answer, rows: pd.DataFrame) -> str:
    """What an improvement is, how far apart the methods lie, and where that misleads."""
    settings, unit = answer.settings, answer.tables["improvements"].drop_duplicates(UNIT)
    metric = answer.metric
    scale = SCALES[settings.normalization].format(
        score=f"test {metric.turned_title(full=True)}", error=error_of(metric, "test", full=True)
    )
    text = (
        f"Improvement ({settings.normalization}): {scale}. A unit spans "
        f"{unit['range'].median():.4f} {metric.title} at the median: where that is small, "
        f"normalizing magnifies noise. {int(unit['tied'].sum())} of {counted(len(unit), 'unit')} "
        "tie and count as 0."
    )
    if answer.datasets == 1:
        text += f" {ONE_DATASET}"
        if len(rows) > 1 and not resolved(verdict.between_folds(answer)).any():
            text += " Its folds resolve no difference: improvements on it are noise too."
    small = settings.small_difference
    if unit["range"].median() < small and len(rows) > 1:
        text += f" Below {small:g} read the {metric.title} gain, not the improvement."
    if unit["tied"].all() and len(rows) > 1:
        text += " All methods tie, so that the order of the rows says nothing."
    undefined = int(rows["undefined"].sum())
    if undefined:
        text += (
            f" {counted(undefined, 'run')} have no improvement on this scale (it has no length and "
            "they lost) and are passed over, which flatters: read minmax or raw beside it."
        )
    if STATED in rows:
        study = published(answer)
        assert study is not None
        text += f" Published: {study.source}, not measured here."
    return text


summary = ReportTable(
    key="summary",
    title="Methods",
    make=lambda answer: answer.tables["summary"],
    rows=_rows,
    columns=_columns,
    caption=caption,
    figures=[figure],
    place=10,
    terminal=True,
)
improvements = ReportTable(
    key="improvements", make=lambda answer: answer.tables["improvements"], row="method"
)
