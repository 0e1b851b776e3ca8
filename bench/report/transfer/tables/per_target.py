"""Each target table: what each arm brings from each source."""

from __future__ import annotations

import pandas as pd

from bench.report.columns import THOUSANDTHS
from bench.report.readable import hundredths, share
from bench.report.table import Behind, Column, Lead
from bench.report.transfer.reading import (
    FROM,
    Reading,
    TransferTable,
    beside,
    in_context,
    order_of,
    origin,
)


def _rows(reading: Reading, numbers: pd.DataFrame) -> pd.DataFrame:
    """In context, a row a target and source, an arm a column; means and shares of harm."""
    held = in_context(numbers)
    by = ["target_domain", "target", "source", "direction"]
    base = held.groupby(by, observed=True)[["base", "corpora", "folds"]].max()
    rows = beside(held, by, "arm", ["mean", "harm"]).join(base, on=by)
    at = rows["target_domain"].map(order_of)
    return rows.assign(at=at).sort_values(["at", "target", "source"])


def _columns(reading: Reading, rows: pd.DataFrame) -> list[Column]:
    arms = [arm for arm in reading.looks if f"{arm} mean" in rows]
    return [
        Column("target_domain", "domain"),
        Column("source", FROM, origin),
        Column("base", f"base model: {reading.metric.title}", "{:.4f}".format),
        *(
            Column((f"{arm} mean", f"{arm} harm"), reading.looks[arm].title, _with_harm, better=1)
            for arm in arms
        ),
        Column("corpora", "corpora"),
        Column("folds", "folds"),
    ]


def _with_harm(mean: float, harm: float) -> str:
    return f"{hundredths(mean)} ({share(harm)})"


def _behind(reading: Reading, rows: pd.DataFrame) -> Lead:
    arms = {look.title: arm for arm, look in reading.looks.items()}

    def behind(row: int, heading: str) -> Behind | None:
        own = rows.iloc[row]
        if heading not in arms or pd.isna(own[f"{arms[heading]} mean"]):
            return None
        told = {"target": rows.index[row], "source": own["source"], "arm": arms[heading],
                "on_target": "in context"}  # fmt: skip
        return {name: [str(value)] for name, value in told.items()}

    return behind


per_target = TransferTable(
    key="per_target",
    title="Each target table",
    make=lambda reading: reading.answer.per_target,
    row="target",
    rows=_rows,
    columns=_columns,
    caption=lambda reading, _rows: (
        f"Mean gain in test {reading.metric.turned_title()} {THOUSANDTHS} over folds and corpora, "
        "in context with all training rows; in brackets the share of corpora that harm. Base "
        "model: its own score."
    ),
    behind=_behind,
    rivals="row",
    place=70,
)
