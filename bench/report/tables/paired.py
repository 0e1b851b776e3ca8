"""Every method minus default fine-tuning on the same units, and what re-seeding alone does."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.paired import NULL, against_default, fine_tuned
from bench.analysis.power import with_power
from bench.analysis.references import DEFAULT, PRETRAINED, References
from bench.report.captions import Compared, beyond_chance, resolving
from bench.report.columns import THOUSANDTHS, beside, resolvable
from bench.report.readable import signed, unsigned, with_error
from bench.report.table import Column, ReportTable, pair
from bench.score import Score


def _rows(answer: Answer, numbers: pd.DataFrame) -> pd.DataFrame:
    """A row a method, best average rank first, the last step beside the chosen; nulls stand last.

    A null is named for what it is, and nothing is subtracted from it.
    """
    if not answer.references.of:
        return numbers.iloc[:0]
    held = numbers[numbers["against"] != PRETRAINED]
    chosen, last = (held[held["step"] == step] for step in ("chosen", "last"))
    wide = chosen.merge(last, on=["method", "against"], suffixes=("", "_last"))
    null = wide["against"] == NULL
    order = {name: place for place, name in enumerate(answer.methods)}
    wide["place"] = wide["method"].map(order).where(~null, len(order))
    named = wide["method"] + ", another seed" if null.sum() > 1 else NULL
    wide["method"] = wide["method"].where(~null, named)
    wide["against"] = wide["against"].where(~null)
    return wide.sort_values("place", kind="stable")


def _columns(answer: Answer, rows: pd.DataFrame) -> list[Column]:
    error = "×1000 ± SE"
    several = len(rows["against"].dropna().unique()) > 1
    return [
        *([Column("against", "minus")] if several else []),
        Column(("mean", "se"), "chosen step", with_error, error),
        Column(("mean_last", "se_last"), "last step", with_error, error),
        *resolvable(answer, "", "_last"),
        Column(("absolute", "absolute_last"), "size of a run", beside, THOUSANDTHS),
        Column("tables", "tables"),
        Column("units", "runs"),
    ]


def _empty(answer: Answer, _rows: pd.DataFrame) -> str:
    if not answer.references.defaults:
        return f"Left out: {DEFAULT} is not among the methods."
    if len(answer.methods) == 1:
        return f"Left out: {DEFAULT} is the only method."
    return f"Left out: no method is of the same model as a {DEFAULT}."


def pairs(table: pd.DataFrame, metric: Score, held: References | None = None) -> str:
    """Below the table of `bench.analysis.paired.paired`."""
    chosen, last = (against_default(table, step).set_index("method") for step in ("chosen", "last"))
    shown = (
        f"Test {metric.turned_title()} minus {DEFAULT}'s within a unit; SE over tables. Size: "
        f"mean absolute difference.{_references(held)}"
    )
    steps: list[Compared] = [
        (f"{step} step ×1000", rows, signed) for step, rows in (("chosen", chosen), ("last", last))
    ]
    verdict = beyond_chance(f"difference from {DEFAULT}", steps)
    null = table[(table["against"] == NULL) & (table["step"] == "chosen")]
    if null.empty:
        alone = "One seed: a difference may be nothing but re-seeding."
        return f"{shown} {verdict} {alone}"
    return f"{shown} {verdict} {_null(null.iloc[0], chosen[chosen.index.isin(fine_tuned(table))])}"


def _caption(answer: Answer, _rows: pd.DataFrame) -> str:
    told = pairs(answer.tables["paired"], answer.metric, answer.references)
    return f"{told} {resolving(answer)} Slash: last step."


def _references(held: References | None) -> str:
    """Which default fine-tuning, where there are several."""
    if held is None:
        return ""
    text = ""
    if len(held.defaults) > 1:
        text += (
            f" There are {len(held.defaults)} variants of {DEFAULT}: a method is held against that "
            "of its own model and fine-tuning settings; the other variants and the pre-trained "
            "model are held against that which most methods of their model are "
            f"({held.main})."
        )
    if held.unlike:
        unlike = ", ".join(f"{method} (against {held.of[method]})" for method in held.unlike)
        text += f" Of other fine-tuning settings than their reference, so no fair pair: {unlike}."
    if held.without:
        text += f" Without a {DEFAULT} of their model: {', '.join(held.without)}."
    return text


def _null(null: pd.Series, methods: pd.DataFrame) -> str:
    runs = methods["absolute"]
    span = f"{unsigned(runs.min())} to {unsigned(runs.max())}"
    beside = f"; another method instead, by {span}" if len(runs) else ""
    text = (
        f"Re-seeding {null['method']} alone moves the chosen step of a run by "
        f"{unsigned(null['absolute'])}{beside}. Re-seeding moves the mean by "
        f"{with_error(null['mean'], null['se'])} (one seed against one seed, so about √2 times as "
        "wide as a difference over all seeds)."
    )
    if abs(null["mean"]) > 2 * null["se"]:
        text += " That null is itself larger than twice its standard error: do not trust the bound."
    return text


paired = ReportTable(
    key="paired",
    title=f"Paired with {DEFAULT}",
    make=lambda answer: with_power(answer.tables["paired"], answer.settings),
    rows=_rows,
    row="method",
    columns=_columns,
    caption=_caption,
    empty=_empty,
    behind=pair,
    place=50,
    terminal=True,
)
