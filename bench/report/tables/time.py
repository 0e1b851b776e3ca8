"""What a method costs."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.report.figures import time as figure
from bench.report.readable import whole
from bench.report.table import Column, ReportTable


def _make(answer: Answer) -> pd.DataFrame:
    by = answer.kept.groupby("method", observed=True)["seconds"]
    columns = {"median": by.median(), "highest": by.max(), "total": by.sum(), "cells": by.size()}
    return pd.DataFrame(columns).loc[answer.methods]


time = ReportTable(
    key="time",
    title="Time",
    make=_make,
    columns=[
        Column("median", "median seconds a cell", "{:.1f}".format),
        Column("highest", "longest", "{:.1f}".format),
        Column("total", "all cells, minutes", lambda seconds: f"{seconds / 60:.1f}"),
        Column("cells", "cells", whole),
    ],
    caption="Wall time on the machine that made them.",
    figures=[figure],
    place=130,
    timed=True,
)
