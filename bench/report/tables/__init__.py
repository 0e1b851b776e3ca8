"""The tables of the report, found by file: every `ReportTable` that a module here holds.

They know the answer and what makes it readable, and no other table's file, nor where they go.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pandas as pd

from bench.analysis.answer import Answer
from bench.report.table import ReportTable, Section


def tables() -> list[ReportTable]:
    """Every table, in the order in which they are read.

    Raises
    ------
    ValueError
        If two have the same key.
    """
    found: dict[str, ReportTable] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for value in vars(import_module(f"{__name__}.{module}")).values():
            if isinstance(value, ReportTable) and found.setdefault(value.key, value) is not value:
                raise ValueError(f"Two tables of the report have the key '{value.key}'.")
    return sorted(found.values(), key=lambda table: (table.place, table.key))


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
