"""What the datasets are, and how many of their test rows repeat a training row."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.groups import NUMERIC
from bench.analysis.groups import datasets as numbers
from bench.analysis.problems import CLASSIFICATION
from bench.report.readable import NONE, share, whole
from bench.report.table import Column, ReportTable


def _columns(answer: Answer, _rows: pd.DataFrame) -> list[Column]:
    heading = "classes" if answer.problem == CLASSIFICATION else "target"
    return [
        Column("domain", "domain"),
        Column("rows", "rows", whole),
        Column("features", "features", whole),
        Column("categorical_share", "categorical", share),
        Column("classes", heading, lambda n: whole(n) if n else NUMERIC),
        Column("folds", "folds", whole),
        Column("duplicates", "duplicated test rows", "{:.1f}".format),
        Column("duplicate_share", "of the test rows", "{:.1%}".format),
    ]


datasets = ReportTable(
    key="datasets",
    title="Datasets",
    make=lambda answer: numbers(answer.kept),
    columns=_columns,
    caption="Duplicated: with all features of a training row, so that looking up is as good as "
    f"learning. {NONE}: not recorded.",
    place=120,
)
