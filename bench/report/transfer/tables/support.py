"""Fewer rows in context: mean gain over the number of the target's training rows."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.phrases import percent
from bench.report.columns import THOUSANDTHS
from bench.report.readable import hundredths, three, with_interval
from bench.report.table import Column
from bench.report.transfer.figures import learning_curves
from bench.report.transfer.reading import (
    DIRECTION,
    Reading,
    TransferTable,
    arms_and,
    beside,
    by_arm,
    order_of_direction,
    sorted_by,
)


def _rows(reading: Reading, numbers: pd.DataFrame) -> pd.DataFrame:
    """A row a direction and arm, with the columns of each number of rows side by side."""
    targets = numbers.groupby(["direction", "arm"], observed=True)["targets"].max()
    rows = beside(numbers, ["direction", "arm"], "rows", ["mean", "low", "high"])
    rows = by_arm(reading, rows.join(targets, on=["direction", "arm"]))
    return sorted_by(rows, "direction", order_of_direction)


def _columns(reading: Reading, rows: pd.DataFrame) -> list[Column]:
    level = f"{THOUSANDTHS} [{percent(reading.settings.confidence)} interval]"
    sizes = reading.answer.curves["rows"].cat.categories
    return [
        Column("direction", DIRECTION),
        *(
            Column(
                (f"{size} mean", f"{size} low", f"{size} high"),
                f"{size} rows",
                partial(with_interval, show=hundredths),
                level,
            )
            for size in sizes
            if f"{size} mean" in rows
        ),
        Column("targets", "targets"),
    ]


def _caption(reading: Reading, _rows: pd.DataFrame) -> str:
    bases = reading.answer.curves.groupby("rows", observed=True)["base"].mean()
    told = ", ".join(
        f"{three(reading.metric.oriented(base))} ({size})" for size, base in bases.items()
    )
    return (
        f"Mean gain in test {reading.metric.turned_title()} over the base model with the same "
        "rows of the target in context, of targets that were read with each number of rows. The "
        f"base model scores {told}."
    )


support = TransferTable(
    key="support",
    title="With fewer rows in context",
    make=lambda reading: reading.answer.curves,
    row="arm",
    rows=_rows,
    columns=_columns,
    caption=_caption,
    figures=[learning_curves],
    behind=arms_and("direction"),
    place=30,
)
