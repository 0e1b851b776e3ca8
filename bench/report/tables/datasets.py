"""What the datasets are, and how many of their test rows repeat a training row."""

from __future__ import annotations

from bench.analysis.groups import datasets as numbers
from bench.report.readable import NONE, share, whole
from bench.report.table import Column, ReportTable

datasets = ReportTable(
    key="datasets",
    title="Datasets",
    make=lambda answer: numbers(answer.kept),
    columns=[
        Column("domain", "domain"),
        Column("rows", "rows", whole),
        Column("features", "features", whole),
        Column("categorical_share", "categorical", share),
        Column("classes", "classes", whole),
        Column("folds", "folds", whole),
        Column("duplicates", "duplicated test rows", "{:.1f}".format),
        Column("duplicate_share", "of the test rows", "{:.1%}".format),
    ],
    caption="Duplicated: with all features of a training row, so that looking up is as good as "
    f"learning. {NONE}: not recorded.",
    place=120,
)
