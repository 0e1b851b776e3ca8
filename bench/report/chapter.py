"""A chapter: all that a report says of one problem. No number of it joins another problem's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bench.analysis.answer import Answer, answer
from bench.analysis.deviation import in_one_deviation
from bench.analysis.frame import UNIT, frame, metric_of
from bench.analysis.problems import PROBLEMS, problem_of, problem_of_record
from bench.analysis.resolves import Told
from bench.analysis.settings import Analysis
from bench.analysis.variants import Name
from bench.cell.record import Record
from bench.errors import BadInput
from bench.report.table import ReportTable, Section
from bench.report.tables import filled
from bench.report.whole import lacking
from bench.scores import SCORES


class Ambiguous(ValueError):
    """Records of one cell that nothing tells apart; the message is the rest of a sentence."""


@dataclass(frozen=True)
class Chapter:
    """What is said of the records of one problem.

    Parameters
    ----------
    read : Answer
    tables : list of (ReportTable, DataFrame)
        With their numbers.
    sections : list of Section
        The tables as people read them.
    warnings : list of str
    prefix : str
        What its anchors and files begin with; "" where there is no other chapter.
    """

    read: Answer
    tables: list[tuple[ReportTable, pd.DataFrame]]
    sections: list[Section]
    warnings: list[str]
    prefix: str = ""

    @property
    def title(self) -> str:
        """Its heading; "" where there is no other chapter."""
        return self.read.problem.capitalize() if self.prefix else ""

    @classmethod
    def of(cls, read: Answer, prefix: str) -> Chapter:
        """The chapter of an answer."""
        tables = list(filled(read))
        shown = [table.section(read, numbers) for table, numbers in tables if table.title]
        shown = [replace(section, key=f"{prefix}{section.key}") for section in shown]
        return cls(read, tables, shown, lacking(read), prefix)


def chapters(
    records: Sequence[Record], named: Sequence[Name], chosen: Analysis
) -> tuple[list[Chapter], list[str]]:
    """A chapter for each problem that there are records of, and a sentence for each left out.

    Left out is a problem whose records cannot tell what is asked for, if others can.

    Raises
    ------
    Ambiguous
    BadInput
        If no problem's records can tell what is asked for.
    """
    read: list[Answer] = []
    refused: dict[str, BadInput] = {}
    for problem in PROBLEMS:
        of = [problem_of_record(record) == problem for record in records]
        if not any(of):
            continue
        own = in_one_deviation(r for r, is_own in zip(records, of, strict=True) if is_own)
        called = [name for name, is_own in zip(named, of, strict=True) if is_own]
        try:
            read.append(_read(own, called, chosen))
        except BadInput as reason:
            refused[problem] = reason
    if not read:
        asked = SCORES.get(chosen.metric or "")
        meant = refused.get(problem_of(asked)) if asked else None
        raise meant or next(iter(refused.values()))
    made = [Chapter.of(of, f"{of.problem}-" if len(read) > 1 else "") for of in read]
    return made, [f"Nothing is said of {problem}: {why}" for problem, why in refused.items()]


def _read(records: list[Record], named: list[Name], chosen: Analysis) -> Answer:
    metric = metric_of(records, chosen.metric)
    cells = frame(records, named, metric)
    twice = cells[cells.duplicated([*UNIT, "method"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        raise Ambiguous(
            "several records of one cell whose settings are the same (for instance "
            f"{first['dataset']} fold {first['fold']} {first['method']}): delete all but one."
        )
    return answer(cells, chosen, metric, Told(records))
