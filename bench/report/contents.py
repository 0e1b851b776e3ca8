"""Which chapters a folder's records make: of what is transferred, and one a problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.analysis.problems import PROBLEMS, problem_of_record
from bench.analysis.settings import Analysis
from bench.analysis.transfer.runs import is_transfer
from bench.analysis.variants import names
from bench.cell.record import Record
from bench.errors import BadInput
from bench.report.captions import variants
from bench.report.chapter import Chapter, chapters
from bench.report.transfer.chapter import PREFIX, transfer_chapter


def contents(records: Sequence[Record], chosen: Analysis) -> tuple[list[Chapter], list[str]]:
    """The chapters, and a sentence for all that is left out of them or told apart.

    Records of transfer make chapters of their own: they are no methods among methods.

    Raises
    ------
    Ambiguous, BadInput
        As `bench.report.chapter.chapters`; likewise where records of transfer alone cannot tell
        what is asked for.
    """
    plain = [record for record in records if not is_transfer(record)]
    told: list[Chapter] = []
    untold: list[str] = []
    if plain:
        named = names(plain)
        told, untold = chapters(plain, named, chosen)
        untold += variants(plain, named)
    first: list[Chapter] = []
    moved = {problem_of_record(record) for record in records if is_transfer(record)}
    for problem in [problem for problem in PROBLEMS if problem in moved]:
        own = [record for record in records if problem_of_record(record) == problem]
        prefix = PREFIX if len(moved) == 1 else f"{PREFIX}{problem}-"
        try:
            chapter = transfer_chapter(own, chosen, prefix)
        except BadInput as reason:
            if not told and not first:
                raise
            untold.append(f"Nothing is said of transfer ({problem}): {reason}")
            continue
        title = chapter.title if len(moved) == 1 else f"{chapter.title}: {problem}"
        first.append(replace(chapter, title=title))
    return _titled([*first, *told]), untold


def _titled(told: Sequence[Chapter]) -> list[Chapter]:
    """With headings where there are several; the only chapter needs none."""
    if len(told) == 1:
        return [replace(told[0], title="")]
    return [
        chapter if chapter.title else replace(chapter, title=chapter.anchor.capitalize())
        for chapter in told
    ]
