"""What one table's folds say of each method, against the base model."""

from __future__ import annotations

import pandas as pd

from bench.analysis.advice import COLUMNS, FEWEST, proper_of
from bench.analysis.answer import Answer
from bench.phrases import counted, percent
from bench.report.advice import LIMITS, differences
from bench.report.columns import THOUSANDTHS
from bench.report.readable import p_value, share, signed, with_error, with_interval
from bench.report.table import Column, ReportTable


def _make(answer: Answer) -> pd.DataFrame:
    if answer.advice is None:
        return pd.DataFrame(columns=COLUMNS).set_index("method")
    return answer.advice.methods.set_index("method")


def _columns(answer: Answer, _rows: pd.DataFrame) -> list[Column]:
    score, level = f"test {answer.metric.turned_title()}", percent(answer.settings.confidence)
    return [
        Column(("gain", "se"), f"gain in {score}", with_error, f"{THOUSANDTHS} ± SE", better=1),
        Column(("gain", "low", "high"), "interval", _interval, f"{THOUSANDTHS} [{level}]"),
        Column("expected", "to be expected", signed, THOUSANDTHS),
        Column("p_holm", "p (Holm)", p_value),
        Column("proper", f"gain in {proper_of(answer.metric).turned_title()}", signed, THOUSANDTHS),
        Column("harm", "folds worse than the base", share, better=-1),
        Column("kept", "folds in which the base was kept", share),
        Column("seconds", "seconds a cell", "{:.1f}".format, better=-1),
    ]


def _interval(gain: float, low: float, high: float) -> str:
    return with_interval(gain, low, high, signed)


def _caption(answer: Answer, _rows: pd.DataFrame) -> str:
    advice = answer.advice
    assert advice is not None
    return (
        f"Means over {counted(advice.folds, 'fold')}, each against the base model with the same "
        "rows in context. Folds share rows: standard errors, intervals and p-values (one-sided) "
        "are of the corrected resampled t-test (Nadeau and Bengio 2003). Fine-tuning is advised at "
        f"p ≤ {advice.level:g} (Holm, over the methods), a level at which looking after every "
        f"fold from the {FEWEST}rd on, to stop or to go on, is allowed for; and if its "
        f"{proper_of(answer.metric).title} is not worse. To be expected: drawn to 0 by as much as "
        "the methods' gains are error (empirical Bayes), as the best of several is one by luck, "
        f"too. Not told: {LIMITS}."
    )


advice = ReportTable(
    key="advice",
    title="Advice for this table",
    make=_make,
    columns=_columns,
    caption=_caption,
    empty="",
    figures=[differences],
    place=5,
    terminal=True,
    always=True,
)
