"""Is it the causality: the arm of causally generated rows minus each other one."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.analysis.transfer.contrast import NULLS
from bench.phrases import percent
from bench.report.columns import THOUSANDTHS
from bench.report.readable import hundredths, p_value, sign_two, unsigned, with_interval
from bench.report.table import Behind, Column, Lead
from bench.report.transfer.reading import Reading, TransferTable, by_arm


def _rows(reading: Reading, numbers: pd.DataFrame) -> pd.DataFrame:
    rows = by_arm(reading, numbers.rename(columns={"arm": "ours", "against": "arm"}))
    return rows.rename(columns={"arm": "minus"})


def _columns(reading: Reading, _rows: pd.DataFrame) -> list[Column]:
    level = f"{percent(reading.settings.confidence)}"
    return [
        Column(
            ("value", "low", "high"), "difference", partial(with_interval, show=hundredths),
            f"{THOUSANDTHS} [{level} interval]",
        ),
        Column("smallest", "resolves from", unsigned, THOUSANDTHS),
        Column("p_holm", "p (Holm)", p_value),
        Column("effect", "effect (rank-biserial)", sign_two),
        Column(("better", "worse", "targets"), "targets better / worse", "{} / {} of {}".format),
        Column("corpora", "corpora"),
    ]  # fmt: skip


def _caption(reading: Reading, _rows: pd.DataFrame) -> str:
    looks = reading.looks
    nulls = [looks[null].title for null in NULLS if null in looks]
    named = " and ".join(nulls)
    return (
        f"{looks['causal'].title} minus another arm, across domains, in context with all training "
        f"rows: differences of test {reading.metric.turned_title()} on the same target, fold and "
        "corpus, above 0 where causally generated rows are better. They help if the interval lies "
        f"above 0 against each null ({named}), and cost if it lies below 0 against each. p: "
        "Wilcoxon's test over targets' means; Holm: over all rows here. Resolves from: the "
        f"difference that would have been found with {percent(reading.settings.power)} power."
    )


def _behind(_reading: Reading, rows: pd.DataFrame) -> Lead:
    def behind(row: int, _heading: str) -> Behind | None:
        own = rows.iloc[row]
        return {
            "arm": [own["ours"], own["name"]], "direction": ["across"], "on_target": ["in context"]
        }  # fmt: skip

    return behind


contrasts = TransferTable(
    key="contrasts",
    title="Causally generated rows against other arms",
    make=lambda reading: reading.answer.primary.contrasts,
    row="minus",
    rows=_rows,
    columns=_columns,
    caption=_caption,
    empty="Left out: no other arm has a run in common with that of causally generated rows.",
    behind=_behind,
    place=15,
    terminal=True,
)
last = TransferTable(
    key="contrasts_last",
    title="Causally generated rows against other arms, at the last step",
    make=lambda reading: reading.answer.last.contrasts,
    row="minus",
    rows=_rows,
    columns=_columns,
    caption=(
        "As above, but of the last step on the sources, whatever the held-out ones chose: it "
        "decides nothing."
    ),
    empty="",
    behind=_behind,
    place=16,
)
