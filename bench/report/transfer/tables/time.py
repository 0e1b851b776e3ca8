"""What adapting costs."""

from __future__ import annotations

import pandas as pd

from bench.report.readable import whole
from bench.report.table import Column
from bench.report.transfer.reading import Reading, TransferTable, arms_and, by_arm


def _make(reading: Reading) -> pd.DataFrame:
    cells = reading.cells[reading.cells["status"] == "done"]
    seconds, adapting = (cells[name].astype(float) for name in ("seconds", "adapting"))
    by = cells["arm"]
    return pd.DataFrame(
        {
            "adapted": adapting.groupby(by).count(),
            "adapting": adapting.groupby(by).median(),
            "median": seconds.groupby(by).median(),
            "total": seconds.groupby(by).sum(),
            "cells": seconds.groupby(by).size(),
        }
    ).reset_index()


time = TransferTable(
    key="time",
    title="Time",
    make=_make,
    row="arm",
    rows=by_arm,
    columns=[
        Column("adapted", "fine-tunings on sources", whole),
        Column("adapting", "median seconds of one", "{:.1f}".format),
        Column("median", "median seconds a cell", "{:.1f}".format),
        Column("total", "all cells, minutes", lambda seconds: f"{seconds / 60:.1f}"),
        Column("cells", "cells", whole),
    ],
    caption=(
        "Wall time on the machine that made them. Cells with the same sources, arm and seed share "
        "their weights, which the first of them makes."
    ),
    behind=arms_and(),
    place=130,
    timed=True,
)
