"""A chapter: all that a report says of one problem. No number of it joins another problem's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bench.analysis.answer import Answer, answer
from bench.analysis.deviation import in_one_deviation
from bench.analysis.frame import UNIT, frame, metric_of
from bench.analysis.problems import CLASSIFICATION, PROBLEMS, problem_of, problem_of_record
from bench.analysis.resolves import Told
from bench.analysis.settings import Analysis
from bench.analysis.variants import Name
from bench.cell.record import Record
from bench.errors import BadInput
from bench.report import verdict
from bench.report.captions import completeness
from bench.report.cells import Cells
from bench.report.glance import at_a_glance
from bench.report.looks import Look, looks
from bench.report.published import Elsewhere, elsewhere
from bench.report.question import Reply
from bench.report.replies import replies
from bench.report.table import Drawn, Section, TableOf
from bench.report.tables import filled
from bench.report.whole import lacking
from bench.scores import SCORES


class Ambiguous(ValueError):
    """Records of one cell that nothing tells apart; the message is the rest of a sentence."""


@dataclass(frozen=True)
class Chapter:
    """What is said of some records: of one problem, or of what went from some tables to others.

    Parameters
    ----------
    read : object
        What its tables and figures are made of; has the ``settings`` of the analysis.
    tables : list of (TableOf, DataFrame)
        With their numbers.
    sections : list of Section
        The tables as people read them.
    completeness : str
        What they are computed on, and what is missing.
    replies : list of Reply
        The answers that it opens with.
    headline : list of str
        More of them in short.
    glance : sequence of callable
        What draws the figures beside the answers.
    looks : mapping
        Row's or column's name → the mark before it.
    cells : Cells
        What is behind the numbers.
    anchor : str
        Where the page has it.
    warnings : list of str
    prefix : str
        What its anchors and files begin with; "" where there is no other chapter of its kind.
    title : str
        Its heading; "" where there is no other chapter.
    elsewhere : Elsewhere, optional
        What others state of another model.
    """

    read: Any
    tables: list[tuple[TableOf[Any], pd.DataFrame]]
    sections: list[Section]
    completeness: str
    replies: list[Reply]
    headline: list[str]
    glance: Sequence[Drawn]
    looks: Mapping[str, Look]
    cells: Cells
    anchor: str
    warnings: list[str]
    prefix: str = ""
    title: str = ""
    elsewhere: Elsewhere | None = None

    @classmethod
    def of(cls, read: Answer, prefix: str) -> Chapter:
        """The chapter of a problem's answer."""
        tables = list(filled(read))
        return cls(
            read=read,
            tables=tables,
            sections=sections(read, tables, prefix),
            completeness=completeness(read),
            replies=replies(read),
            headline=verdict.headline(read),
            glance=[at_a_glance],
            looks=looks(read.methods),
            cells=Cells.of(read),
            anchor=read.problem,
            warnings=lacking(read),
            prefix=prefix,
            title=read.problem.capitalize() if prefix else "",
            elsewhere=elsewhere() if read.problem == CLASSIFICATION else None,
        )


def sections(
    read: Any, tables: Sequence[tuple[TableOf[Any], pd.DataFrame]], prefix: str
) -> list[Section]:
    """The tables of a chapter as people read them, those that are no file alone."""
    shown = [table.section(read, numbers) for table, numbers in tables if table.title]
    return [replace(section, key=f"{prefix}{section.key}") for section in shown]


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
