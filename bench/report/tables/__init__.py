"""The tables of the report, found by file: every `ReportTable` that a module here holds.

They know the answer and what makes it readable, and no other table's file, nor where they go.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from bench.analysis.answer import Answer
from bench.report.table import ReportTable, Section, held_by


def tables() -> list[ReportTable]:
    """Every table, in the order in which they are read.

    Raises
    ------
    ValueError
        If two have the same key.
    """
    return held_by(__name__)


def filled(answer: Answer) -> Iterator[tuple[ReportTable, pd.DataFrame]]:
    """Every table that these records allow, with its numbers."""
    for table in tables():
        if answer.tables or table.always:
            numbers = table.make(answer)
            if table.empty or not numbers.empty:
                yield table, numbers


def sections(answer: Answer) -> list[Section]:
    """Every section that these records allow; one that they do not allow says why."""
    return [table.section(answer, numbers) for table, numbers in filled(answer) if table.title]
