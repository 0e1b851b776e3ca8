"""Columns that several tables of the report show."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.report.published import STATED
from bench.report.readable import share, sign_three, signed, three, two, unsigned, whole
from bench.report.table import Column

THOUSANDTHS = "×1000"
MEDIAN = Column("median", "median improvement", sign_three, better=1)
IQR = Column("iqr", "± IQR", three)
SPREADS = (IQR, Column("std", "± std", three), Column("mad", "± MAD", three))
HARM = Column("harm", "worse than pre-trained", share)
RUNS = Column("units", "runs", whole)
CORRELATION_GAP = Column("correlation_gap", "median corr. gap", three, better=-1)
GAP = Column("gap", "gap", signed, THOUSANDTHS)
NORMALIZED_GAP = Column("normalized_gap", "median norm. gap", sign_three)
REGRET = Column("regret", "regret", unsigned, THOUSANDTHS, better=-1)


def rank(answer: Answer) -> Column:
    """The average rank; of one dataset it is none, and its heading says so."""
    heading = "average rank" if answer.datasets > 1 else "rank on the one dataset"
    return Column("rank", heading, two, better=-1)


def gain(answer: Answer) -> Column:
    """The change of the score that the records are ranked by."""
    return Column("raw_gain", f"{answer.metric.title} gain", signed, THOUSANDTHS, better=1)


def stated(rows: pd.DataFrame, what: str) -> list[Column]:
    """The study's own figures, where `bench.report.published` put them beside the rows."""
    return [Column(STATED, f"{STATED}: {what}", is_stated=True)] if STATED in rows else []
