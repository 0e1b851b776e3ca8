"""Every measure within groups of datasets."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.groups import groups_of
from bench.report.columns import (
    CORRELATION_GAP,
    GAP,
    HARM,
    MEDIAN,
    NORMALIZED_GAP,
    REGRET,
    RUNS,
    SPREADS,
    gain,
    rank,
)
from bench.report.readable import whole
from bench.report.table import Behind, Column, Lead, ReportTable


def _columns(answer: Answer, _rows: pd.DataFrame) -> list[Column]:
    ours = [Column("method", "method"), Column("datasets", "datasets", whole), rank(answer)]
    gaps = [CORRELATION_GAP, GAP, NORMALIZED_GAP, REGRET]
    return [*ours, MEDIAN, *SPREADS, gain(answer), HARM, *gaps, RUNS]


def _behind(answer: Answer, rows: pd.DataFrame) -> Lead:
    of = groups_of(answer.kept, answer.settings)[rows["grouping"].iloc[0]]

    def behind(row: int, _heading: str) -> Behind | None:
        inside = of.index[of == rows.index[row]]
        return {"dataset": list(map(str, inside)), "method": [str(rows["method"].iloc[row])]}

    return behind


def _by(
    grouping: str, title: str, place: int, empty: str = "Left out: all targets are numeric."
) -> ReportTable:
    """The rows of one grouping; their numbers are in the file of all."""

    def make(answer: Answer) -> pd.DataFrame:
        table = answer.tables["groups"]
        return table[table["grouping"] == grouping]

    return ReportTable(
        key=f"by_{grouping}",
        title=title,
        make=make,
        row="group",
        columns=_columns,
        caption="Of the group's datasets alone.",
        behind=_behind,
        rivals="label",
        place=place,
        empty=empty,  # a dataset is in each other grouping
        has_file=False,
    )


groups = ReportTable(key="groups", make=lambda answer: answer.tables["groups"], row="group")
by_domain = _by("domain", "By domain", 80)
by_rows = _by("rows", "By number of rows", 81)
by_target = _by("target", "By binary and multiclass", 82)
by_categorical = _by("categorical", "By share of categorical features", 83)
by_imbalance = _by(
    "imbalance",
    "By rows of the rarest class over an even share",
    84,
    empty="",
)
