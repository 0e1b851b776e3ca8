"""From which domain to which: mean gain of each arm."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.analysis.transfer.runs import IN_CONTEXT, OTHERS
from bench.phrases import percent
from bench.report.readable import hundredths, with_interval
from bench.report.table import Behind, Column, Lead
from bench.report.transfer.figures import heat_map
from bench.report.transfer.reading import (
    ALL_OTHERS,
    FROM,
    Reading,
    TransferTable,
    beside,
    by_arm,
    in_context,
    order_of,
    order_of_origin,
    origins,
    sorted_by,
)

TO = "to "


def _rows(reading: Reading, numbers: pd.DataFrame) -> pd.DataFrame:
    """A row a source and arm, with the columns of each target domain side by side."""
    held = in_context(numbers)
    held = held.assign(origin=origins(held))
    rows = beside(held, ["origin", "arm"], "target_domain", ["mean", "low", "high"])
    return sorted_by(by_arm(reading, rows), "origin", order_of_origin)


def _columns(_reading: Reading, rows: pd.DataFrame) -> list[Column]:
    domains = [str(c).removesuffix(" mean") for c in rows if str(c).endswith(" mean")]
    return [
        Column("origin", FROM),
        *(
            Column((f"{d} mean", f"{d} low", f"{d} high", "origin"), f"{TO}{d}", partial(_cell, d))
            for d in sorted(domains, key=order_of)
        ),
    ]


def _cell(domain: str, value: float, low: float, high: float, origin: str) -> str:
    own = "*" if domain in origin.split(" + ") else ""
    return f"{with_interval(value, low, high, hundredths)}{own}"


def _behind(_reading: Reading, rows: pd.DataFrame) -> Lead:
    def behind(row: int, heading: str) -> Behind | None:
        if not heading.startswith(TO):
            return None
        own = rows.iloc[row]
        if pd.isna(own[f"{heading.removeprefix(TO)} mean"]):
            return None
        origin = own["origin"]  # domains, or all others together: those differ with the target
        together = origin == ALL_OTHERS
        of = {"direction": OTHERS} if together else {"source": origin.replace(" + ", "+")}
        of |= {"target_domain": heading.removeprefix(TO), "on_target": IN_CONTEXT}
        return {"arm": [own["name"]]} | {column: [value] for column, value in of.items()}

    return behind


matrix = TransferTable(
    key="matrix",
    title="Gain ×1000 from domain to domain",
    make=lambda reading: reading.answer.matrix,
    row="arm",
    rows=_rows,
    columns=_columns,
    caption=lambda reading, _rows: (
        f"Gain: test {reading.metric.turned_title()} of the adapted model minus the base "
        "model's, both in context with all training rows of the target; a mean over targets of "
        "means over corpora (a corpus is what a seed draws from a source's tables), with its "
        f"{percent(reading.settings.confidence)} interval, which draws targets and corpora anew; "
        "of one target there is none. *: the target's own domain, the target itself left out."
    ),
    behind=_behind,
    figures=[heat_map],
    figures_first=True,
    place=10,
    terminal=True,
)
