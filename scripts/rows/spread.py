"""How much a table's rows differ from seed to seed: in what they are worth, and in seconds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
from rich.table import Table as Shown

from scripts.evaluation import number
from scripts.rows.jobs import RowsJob
from scripts.rows.shown import MEASURES

DIGITS = 4


def repeated(jobs: Iterable[RowsJob], times: int) -> list[RowsJob]:
    """Each job with as many seeds; real rows have none."""
    return [
        replace(job, draw=draw) for job in jobs for draw in range(times) if job.source != "real"
    ]


def spread_table(measured: pd.DataFrame, worth: str, title: str) -> Shown:
    """Mean, standard deviation, least and most of each measure and phase, by table and method."""
    shown = Shown("table", "method", "seeds", "", "mean", "sd", "least", "most", title=title)
    names = {worth: worth, **{measure: heading for heading, measure in MEASURES.items()}}
    for (dataset, method), rows in measured.groupby(["dataset", "method"], sort=False):
        phases = rows["phases"].dropna().map(json.loads).tolist()
        took = pd.DataFrame(phases).rename(columns="{}, s".format)
        numbers = rows[[m for m in names if m in rows]].rename(columns=names)
        every = pd.concat([numbers.reset_index(drop=True), took], axis=1).astype(float)
        for at, (name, values) in enumerate(every.dropna(axis=1, how="all").items()):
            about = ("", "", "") if at else (str(dataset), str(method), str(values.count()))
            told = (values.mean(), values.std(), values.min(), values.max())
            shown.add_row(*about, str(name), *(number(value, DIGITS) for value in told))
        shown.add_section()
    return shown
