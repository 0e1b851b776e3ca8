"""Columns that several tables of the report show."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.power import MOST
from bench.report.published import STATED
from bench.report.readable import NONE, share, sign_three, signed, three, two, unsigned, whole
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


def beside(*values: float, show: Callable[[float], str] = unsigned) -> str:
    """Numbers of several steps in one cell."""
    if all(pd.isna(value) for value in values):
        return NONE
    return " / ".join(NONE if pd.isna(value) else show(value) for value in values)


def resolvable(answer: Answer, *suffixes: str) -> list[Column]:
    """What the tables of a paired difference resolve (`bench.analysis.power.with_power`).

    The suffixes are those of the differences that stand `beside` each other.
    """

    def columns(of: str) -> tuple[str, ...]:
        # The first is never missing: a cell is empty where all of the others are.
        return ("tables", *(f"{of}{suffix}" for suffix in suffixes or ("",)))

    small = f"tables for {answer.settings.small_difference:g}"
    return [
        Column(columns("smallest"), "resolves from", lambda _, *of: beside(*of), THOUSANDTHS),
        Column(columns("needed"), small, lambda _, *of: beside(*of, show=_tables)),
    ]


def _tables(value: float) -> str:
    return whole(value) if math.isfinite(value) else f">{MOST}"
