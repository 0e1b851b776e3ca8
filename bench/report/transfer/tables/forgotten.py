"""Is what was known forgotten: the source tables that were held out, before and after."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.phrases import percent
from bench.report.columns import THOUSANDTHS
from bench.report.readable import hundredths, share, whole, with_interval
from bench.report.table import Column
from bench.report.transfer.reading import (
    FROM,
    Reading,
    TransferTable,
    arms_and,
    by_arm,
    order_of_origin,
    origin,
    sorted_by,
)


def _make(reading: Reading) -> pd.DataFrame:
    """With the step that was chosen, over runs."""
    by = ["source", "arm"]
    steps = reading.answer.runs.groupby(by, observed=True)["step"]
    told = pd.DataFrame({"step": steps.median(), "unmoved": steps.agg(lambda s: (s == 0).mean())})
    return reading.answer.forgotten.merge(told.reset_index(), on=by, how="left")


forgotten = TransferTable(
    key="forgotten",
    title="What is forgotten of held-out sources",
    make=_make,
    row="arm",
    rows=lambda reading, numbers: sorted_by(by_arm(reading, numbers), "source", order_of_origin),
    columns=lambda reading, _rows: [
        Column("source", FROM, origin),
        Column(
            ("mean", "low", "high"), "mean gain", partial(with_interval, show=hundredths),
            f"{THOUSANDTHS} [{percent(reading.settings.confidence)} interval]",
        ),
        Column("step", "median step", whole),
        Column("unmoved", "base model kept", share),
        Column("targets", "held-out tables"),
        Column("corpora", "corpora"),
    ],
    caption=lambda reading, _rows: (
        f"{reading.metric.title} of the adapted model minus the base model's on source tables "
        "that were held out: below 0 the model has forgotten. By these tables the step was chosen, "
        "step 0 (the base model) among them, so that this flatters. Base model kept: runs "
        "whose step is 0."
    ),
    behind=arms_and("source"),
    place=50,
)  # fmt: skip
