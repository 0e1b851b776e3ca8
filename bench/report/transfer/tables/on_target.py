"""Fine-tuning on the target too: from adapted weights against from the base model's."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.analysis.transfer.runs import IN_CONTEXT
from bench.phrases import percent
from bench.report.columns import THOUSANDTHS
from bench.report.looks import title
from bench.report.readable import hundredths, share, with_interval
from bench.report.table import Column
from bench.report.transfer.reading import (
    DIRECTION,
    ON_TARGET,
    Reading,
    TransferTable,
    arms_and,
    by_arm,
    order_of_direction,
    sorted_by,
)

KEYS = ["on_target", "direction", "arm"]


def _make(reading: Reading) -> pd.DataFrame:
    """Against the base model, and against the same fine-tuning from its weights."""
    table = reading.answer.robustness
    tuned = table[table["on_target"] != IN_CONTEXT]
    over = reading.answer.brought.rename(
        columns={"mean": "brought", "low": "brought_low", "high": "brought_high",
                 "targets": "brought_targets"}
    )  # fmt: skip
    names = ["mean", "mean_low", "mean_high", "harm", "targets", "corpora", "runs"]
    more = ["brought", "brought_low", "brought_high", "brought_targets"]
    words = dict.fromkeys(KEYS, object)  # also where there is no row
    held, over = tuned[[*KEYS, *names]].astype(words), over[[*KEYS, *more]].astype(words)
    return held.merge(over, on=KEYS, how="left")


def _rows(reading: Reading, numbers: pd.DataFrame) -> pd.DataFrame:
    rows = sorted_by(by_arm(reading, numbers), "direction", order_of_direction)
    return rows.sort_values("on_target", kind="stable")


def _columns(reading: Reading, _rows: pd.DataFrame) -> list[Column]:
    level = f"{THOUSANDTHS} [{percent(reading.settings.confidence)} interval]"
    show = partial(with_interval, show=hundredths)
    return [
        Column("on_target", ON_TARGET, title),
        Column("direction", DIRECTION),
        Column(("brought", "brought_low", "brought_high"), "over base weights", show, level),
        Column("brought_targets", "targets", "{:.0f}".format),
        Column(("mean", "mean_low", "mean_high"), "over not fine-tuning", show, level),
        Column("harm", "harm", share),
        Column("corpora", "corpora"),
        Column("runs", "runs"),
    ]


on_target = TransferTable(
    key="on_target",
    title="After fine-tuning on the target",
    make=_make,
    row="arm",
    rows=_rows,
    columns=_columns,
    caption=lambda reading, _rows: (
        f"Test {reading.metric.turned_title()} after fine-tuning on the target from adapted "
        "weights. Over base weights: minus the same fine-tuning of the base model (same method, "
        "settings, target, fold and seed; none where that has no record here). Over not "
        "fine-tuning: minus the base model in context; harm: share below it."
    ),
    empty="Left out: no record is of fine-tuning on the target from adapted weights.",
    behind=arms_and("direction", "on_target"),
    place=40,
)
