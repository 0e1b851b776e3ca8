"""Can the experiment see anything: what must not help does not, and what must help does."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.analysis.transfer.robustness import Check
from bench.phrases import percent
from bench.report.columns import THOUSANDTHS
from bench.report.readable import hundredths, with_interval
from bench.report.table import Behind, Column, Lead
from bench.report.transfer.reading import OUTCOMES, Reading, TransferTable

STATEMENTS = {
    "permuted": "Sources whose labels are permuted do not help",
    "own_domain": "Tables of the target's own domain help",
}
HOLDING = "holds"


def _make(reading: Reading) -> pd.DataFrame:
    return pd.DataFrame([_row(check) for check in reading.answer.checks])


def _row(check: Check) -> dict[str, object]:
    row = {"check": check.key, "arm": check.arm, "direction": check.direction}
    found = check.gained
    numbers = ("value", "low", "high", "targets", "corpora")
    return row | {n: getattr(found, n) if found else None for n in numbers} | {"holds": check.holds}


def _behind(_reading: Reading, rows: pd.DataFrame) -> Lead:
    def behind(row: int, heading: str) -> Behind | None:
        if heading == HOLDING:
            return None
        own = rows.iloc[row]
        told = {"arm": own["arm"], "direction": own["direction"], "on_target": "in context"}
        return {name: [str(value)] for name, value in told.items()}

    return behind


checks = TransferTable(
    key="checks",
    title="Can this experiment see anything?",
    make=_make,
    row="check",
    rows=lambda _, numbers: numbers.assign(check=numbers["check"].map(STATEMENTS)),
    columns=lambda reading, _rows: [
        Column("holds", HOLDING, OUTCOMES.__getitem__),
        Column(
            ("value", "low", "high"), "mean gain", partial(with_interval, show=hundredths),
            f"{THOUSANDTHS} [{percent(reading.settings.confidence)} interval]",
        ),
        Column("targets", "targets", "{:.0f}".format),
        Column("corpora", "corpora", "{:.0f}".format),
    ],
    caption=lambda reading, _rows: (
        "In context with all training rows. Permuted labels (across domains) do not help where the "
        f"interval lies below +{1000 * reading.settings.transfer_margin:g} ×1000, and fail this if "
        "it lies above 0; real rows of the target's own domain, the target left out, help where it "
        "lies above 0, and fail if it lies below. Where either does not hold, the answer above is "
        "of an experiment that is too small or too weak to see its question."
    ),
    behind=_behind,
    place=25,
)  # fmt: skip
