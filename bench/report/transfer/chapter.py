"""The chapter on transfer, of records of one problem."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.frame import metric_of
from bench.analysis.settings import Analysis
from bench.analysis.transfer.answer import Answer, answer
from bench.cell.record import Record
from bench.phrases import counted, joined
from bench.report.chapter import Chapter, sections
from bench.report.transfer.figures import glance
from bench.report.transfer.question import counted_corpora, replies
from bench.report.transfer.reading import Reading, listed, origin
from bench.report.transfer.tables import tables
from bench.scores import SCORES

PREFIX = "transfer-"
TITLE = "Transfer across domains"


def transfer_chapter(records: Sequence[Record], chosen: Analysis, prefix: str = PREFIX) -> Chapter:
    """What records of transfer say; the others are what fine-tuning on the target is held against.

    Parameters
    ----------
    records : sequence of Record
        Of one problem, one at least of transfer.
    chosen : Analysis
        How they are read.
    prefix : str
        Of the files' names.

    Raises
    ------
    BadInput
        If they cannot tell the score that is asked for.
    """
    told = answer(records, chosen, metric_of(records, chosen.metric))
    assert told is not None
    reading = Reading.of(told, records)
    made = [(table, table.make(reading)) for table in tables()]
    held = [(table, numbers) for table, numbers in made if table.empty or not numbers.empty]
    return Chapter(
        read=reading,
        tables=held,
        sections=sections(reading, held, prefix),
        completeness=_completeness(told),
        replies=replies(told),
        headline=[],
        glance=[glance],
        looks={look.title: look for look in reading.looks.values()},
        cells=listed(reading),
        anchor=prefix.removesuffix("-"),
        warnings=_read_by(told, chosen.metric),
        prefix=prefix,
        title=TITLE,
    )


def _read_by(told: Answer, asked: str | None) -> list[str]:
    """A sentence where another score is read than was asked for."""
    if asked is None or asked == told.metric.name:
        return []
    return [
        f"analysis.metric={asked}: {SCORES[asked].title} is not told of every number of rows in "
        f"context, or has a unit, so that transfer is read by {told.metric.title}."
    ]


def _completeness(told: Answer) -> str:
    runs, lost = told.runs, told.unfinished
    if runs.empty:
        return f"No record of transfer is done; {counted(len(lost), 'record')} failed."
    sources = joined(map(origin, sorted(runs["source"].unique())), "and")
    corpora = counted_corpora(len(runs[["source", "seed"]].drop_duplicates()))
    text = (
        f"{counted(len(runs), 'run')} of {counted(runs['arm'].nunique(), 'arm')} on "
        f"{counted(runs['target'].nunique(), 'target')}, from {corpora} of {sources}."
    )
    left_out = f" Left out: {counted(len(lost), 'record')} without results." if len(lost) else ""
    return f"{text}{left_out}"
