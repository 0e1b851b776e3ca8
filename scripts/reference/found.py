"""What each kept run found, and who made it, in Markdown: by rule from its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import isnan
from pathlib import Path

from bench.analysis.answer import Answer
from bench.analysis.rates import margins
from bench.analysis.settings import settings
from bench.cell.identity import stale
from bench.cell.record import Record
from bench.cell.store import Store
from bench.errors import BadInput
from bench.phrases import joined
from bench.report.contents import contents
from bench.report.looks import title
from bench.report.readable import two, with_interval
from bench.report.tables.safety import rate
from scripts.reference.folders import folders

FOUND_BEGIN, FOUND_END = "<!-- found: begin -->", "<!-- found: end -->"
LEFT_OUT = "What this cannot tell"  # of each; the page has it


def found(kept: Path) -> str:
    """A paragraph a kept run, in the order in which they are made.

    Raises
    ------
    BadInput
        If a folder's records cannot be read.
    """
    parts = []
    for folder in folders():
        root = kept / folder.name
        if Store(root).is_there:
            parts.append("\n".join(_of(root)))
    return "\n\n".join(parts)


def _of(root: Path) -> Iterator[str]:
    records, faults = Store(root).survey()
    if not records or faults:
        raise BadInput(f"'{root}' holds {len(records)} sound records and {len(faults)} faulty.")
    seconds = sum(record["timings"]["seconds"]["total"] for record in records)
    yield (
        f"**[`{root.name}`]({root.name}/report/tables.md)**: {len(records):,} records, "
        f"{seconds / 60:.0f} minutes of one core; {origin(records)}{_other_code(records)}.\n"
    )
    for chapter in contents(records, settings())[0]:
        for reply in chapter.replies:
            if reply.told != LEFT_OUT:
                yield f"* {reply.markdown}"
        yield from _margins(chapter.read)


def _margins(read: object) -> Iterator[str]:
    """Up to which learning rate methods gain, where they have several."""
    if not isinstance(read, Answer) or not read.tables:
        return
    table = margins(read.kept, read.references, read.settings)
    told = []
    for name, row in table.set_index("method").iterrows() if len(table) else ():
        upto = rate(row["margin_last"], (row["lowest"], row["highest"]))
        ends = (row["factor_last_low"], row["factor_last_high"])
        times = f" (× {with_interval(row['factor_last'], *ends, two)})"
        told.append(f"{title(str(name))} {upto}{'' if isnan(row['factor_last']) else times}")
    if told:
        yield f"* Up to which learning rate the last step gains: {'; '.join(told)}."


def origin(records: list[Record]) -> str:
    """Which machines made records, and by which torch."""
    machines = Counter(
        f"{r['provenance']['processor']}, {r['provenance']['threads']} thread a cell, "
        f"torch {r['provenance']['versions'].get('torch', '?')}"
        for r in records
    )
    if len(machines) == 1:
        return next(iter(machines))
    return joined([f"{machine} ({n:,} records)" for machine, n in machines.most_common()], "and")


def _other_code(records: list[Record]) -> str:
    """How many of the records today's code would make anew."""
    n = len(stale(records))
    if not n:
        return ""
    return f"; {'all' if n == len(records) else n} of them made by earlier code"
