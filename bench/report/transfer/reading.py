"""What the chapter on transfer is made of: the answer, its arms as people read them, its cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bench.analysis.safety import Outcome
from bench.analysis.settings import Analysis
from bench.analysis.transfer.answer import Answer
from bench.analysis.transfer.runs import (
    ACROSS,
    IN_CONTEXT,
    OTHERS,
    WITHIN,
    base,
    gain,
    is_transfer,
)
from bench.cell.record import Record
from bench.files import printable
from bench.report.cells import Cells
from bench.report.looks import Look, arm_looks
from bench.report.table import Behind, Lead, TableOf
from bench.score import Score

OUTCOMES = {Outcome.yes: "yes", Outcome.no: "no", Outcome.unknown: "cannot be told"}
# Column of the page's cells → decimals; None for what is no fraction.
COLUMNS: dict[str, int | None] = {
    "target": None,
    "target_domain": None,
    "fold": None,
    "seed": None,
    "source": None,
    "direction": None,
    "arm": None,
    "on_target": None,
    "status": None,
    "counted": None,
    "base": 4,
    "adapted": 4,
    "gain": 4,
    "step": None,
    "seconds": 1,
    "adapting": 1,
    "error": None,
}
ORDER = ("target", "fold", "source", "arm", "on_target", "seed")
UNCOUNTED = "the others came to no result."
FROM, DIRECTION, ON_TARGET = NAMES = ("from", "direction", "on the target")  # headings of words
ALL_OTHERS = "all other domains"
DOMAINS = ("healthcare", "finance", "other")  # in the order in which they are read


@dataclass(frozen=True)
class Reading:
    """What the records of transfer say, and the records' own facts.

    Parameters
    ----------
    answer : Answer
    facts : DataFrame
        A row a record, by its identity: what its cell is called, ``status``, ``error``,
        ``seconds``, and ``adapting``, those that adapting the weights took; missing where another
        cell had done so.
    """

    answer: Answer
    facts: pd.DataFrame

    @classmethod
    def of(cls, answer: Answer, records: Iterable[Record]) -> Reading:
        """Read the records that an answer is of."""
        rows = [_fact(record) for record in records if is_transfer(record)]
        facts = pd.DataFrame(rows).drop_duplicates("identity")
        return cls(answer, facts.set_index("identity"))

    @property
    def settings(self) -> Analysis:
        """How the records are read."""
        return self.answer.settings

    @property
    def metric(self) -> Score:
        """What gains are of."""
        return self.answer.metric

    @cached_property
    def looks(self) -> dict[str, Look]:
        """The look of each arm, in the order in which they are read."""
        return arm_looks({*self.answer.runs["arm"], *self.answer.unfinished["arm"]})

    @cached_property
    def cells(self) -> pd.DataFrame:
        """A row a record, with `COLUMNS` and what leads to it (`bench.report.cells.Cells`)."""
        runs, metric = self.answer.runs, self.metric
        start, gained = runs[base(metric)], runs[gain(metric)]
        done = runs.assign(
            counted="yes",
            base=metric.oriented(start),
            adapted=metric.oriented(start + gained),
            gain=gained,
        )
        done = done.join(self.facts.drop(columns=done.columns, errors="ignore"), on="identity")
        lost = self.facts[~self.facts.index.isin(runs["identity"])].reset_index()
        columns = [*COLUMNS, "identity", "dataset_name", "method_name"]
        parts = [done, lost.assign(counted="no")]
        both = [part.reindex(columns=columns).astype(object) for part in parts if len(part)]
        return pd.concat(both, ignore_index=True).sort_values([*ORDER])


TransferTable = TableOf[Reading]


def _fact(record: Record) -> dict[str, Any]:
    cell, transfer = record["cell"], record["settings"]["transfer"]
    took = record["timings"].get("transfer")
    return {
        "identity": record["identity"]["hash"],
        "target": cell["dataset"],
        "target_domain": cell["domain"],
        "dataset_name": cell["dataset"],
        "method_name": cell["method"],
        "fold": cell["fold"],
        "seed": cell["seed"],
        "arm": transfer["method"]["name"],
        "source": printable(str(transfer.get("domain") or "")),
        "status": record["status"],
        "error": printable(record["error"]["message"]) if record["error"] else None,
        "seconds": record["timings"]["seconds"]["total"],
        "adapting": took["seconds"] if took and not took["shared"] else None,
    }


def listed(reading: Reading) -> Cells:
    """Every cell of transfer, for the page."""
    return Cells(reading.cells, COLUMNS, UNCOUNTED)


def by_arm(reading: Reading, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of their arms, called by titles; ``name`` is what the records call them."""
    place = {arm: at for at, arm in enumerate(reading.looks)}
    ordered = rows.sort_values("arm", key=lambda arms: arms.map(place), kind="stable")
    titles = [reading.looks[arm].title for arm in ordered["arm"]]
    return ordered.assign(name=ordered["arm"], arm=titles)


def beside(
    numbers: pd.DataFrame, by: Sequence[str], across: str, values: Sequence[str]
) -> pd.DataFrame:
    """A row each of ``by``, with a column ``PLACE VALUE`` of each place of ``across`` and value."""
    parts = [
        part.set_index([*by])[[*values]].add_prefix(f"{place} ")
        for place, part in numbers.groupby(across, observed=True)
    ]
    return pd.concat(parts, axis=1).reset_index() if parts else numbers.iloc[:0][[*by]]


def in_context(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of what is done without fine-tuning on the target."""
    return rows[rows["on_target"] == IN_CONTEXT]


def arms_and(*columns: str) -> Callable[[Reading, pd.DataFrame], Lead]:
    """What leads to the cells of a row's arm, and of its values in some columns."""

    def lead(_reading: Reading, rows: pd.DataFrame) -> Lead:
        def behind(row: int, heading: str) -> Behind | None:
            own = rows.iloc[row]
            of = {"arm": own["name"]} | {name: own[name] for name in columns}
            return None if heading in NAMES else {name: [str(of[name])] for name in of}

        return behind

    return lead


def order_of(domain: str) -> tuple[int, str]:
    """Where a domain stands among others."""
    return (DOMAINS.index(domain) if domain in DOMAINS else len(DOMAINS), domain)


def order_of_direction(name: str) -> tuple[int, str]:
    """Across first, then within, then the others."""
    order = (ACROSS, WITHIN, OTHERS)
    return (order.index(name) if name in order else len(order), name)


def sorted_by(rows: pd.DataFrame, column: str, order: Callable[[str], Any]) -> pd.DataFrame:
    """Rows in the order of a column's words, else as they are."""
    places = {name: at for at, name in enumerate(sorted(set(rows[column]), key=order))}
    return rows.sort_values(column, key=lambda names: names.map(places), kind="stable")


def origin(source: str) -> str:
    """Source domains as people read them.

    >>> origin("finance+other")
    'finance + other'
    """
    return source.replace("+", " + ")


def origins(rows: pd.DataFrame) -> list[str]:
    """Of each row the source domains; all but its target's domain go by one name, if they can."""
    both = zip(rows["direction"], rows["source"], strict=True)
    found = [ALL_OTHERS if where == OTHERS else origin(source) for where, source in both]
    keys = rows[["on_target", "target_domain", "arm"]].assign(origin=found)
    return [origin(source) for source in rows["source"]] if keys.duplicated().any() else found


def order_of_origin(name: str) -> tuple[bool, int, tuple[int, str]]:
    """Single domains first, all others last."""
    return (name == ALL_OTHERS, name.count("+"), order_of(name))
