"""How far fine-tuning may overshoot: gain and harm by learning rate, and where the gain is lost."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.rates import by_rate, lines, margins
from bench.analysis.references import DEFAULT
from bench.analysis.variants import shown
from bench.phrases import percent
from bench.report.columns import THOUSANDTHS
from bench.report.figures import rates as figure
from bench.report.readable import share, signed, two, with_interval
from bench.report.table import Behind, Column, Lead, ReportTable

STEPS = {"chosen": "chosen step", "last": "last step"}


def _columns(answer: Answer, _rows: pd.DataFrame) -> list[Column]:
    level = f"[{percent(answer.settings.confidence)} interval]"
    columns = [Column("lr", "learning rate", shown)]
    for step, titled in STEPS.items():
        for what, show, unit in (
            ("gain", signed, f"{THOUSANDTHS} {level}"),
            ("harm", share, level),
        ):
            name = f"{what}_{step}"
            of = (name, f"{name}_low", f"{name}_high")
            columns.append(Column(of, f"{titled}: {what}", partial(with_interval, show=show), unit))
    return columns


def _caption(answer: Answer, _rows: pd.DataFrame) -> str:
    return (
        f"Test {answer.metric.turned_title()} over the pre-trained model's, and the share of runs "
        "that end below it: means over tables, intervals by resampling tables."
    )


safety = ReportTable(
    key="safety",
    title="Gain and harm by learning rate",
    make=lambda answer: by_rate(answer.kept, answer.settings),
    columns=_columns,
    caption=_caption,
    empty="",
    figures=[figure],
    place=45,
)


def rate(value: float, tried: tuple[float, float]) -> str:
    """A learning rate with two digits; one outside of those that were tried as a bound.

    >>> [rate(lr, (3e-5, 1e-3)) for lr in (0.0, 0.000216, math.inf)]
    ['below 3e-5', '2.2e-4', 'beyond 1e-3']
    """
    if value == 0:
        return f"below {shown(tried[0])}"
    if math.isinf(value):
        return f"beyond {shown(tried[1])}"
    digits, power = f"{value:.1e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def _margin_columns(answer: Answer, rows: pd.DataFrame) -> list[Column]:
    level = f"[{percent(answer.settings.confidence)} interval]"
    columns = []
    for step in ("last", "chosen"):
        margin, factor = (
            (f"{what}_{step}", f"{what}_{step}_low", f"{what}_{step}_high")
            for what in ("margin", "factor")
        )
        tried = ("lowest", "highest")
        columns += [
            Column((*margin, *tried), f"{STEPS[step]}: up to", _up_to, level),
            Column(factor, f"{STEPS[step]}: ×", partial(with_interval, show=two), level),
        ]
    several = len(rows["against"].dropna().unique()) > 1
    return [*columns, *([Column("against", "× of")] if several else [])]


def _up_to(value: float, low: float, high: float, *tried: float) -> str:
    lowest, highest = tried
    return with_interval(value, low, high, partial(rate, tried=(lowest, highest)))


def _margin_caption(answer: Answer, rows: pd.DataFrame) -> str:
    """What a margin is, and whose is wider."""
    lowest, highest = shown(float(rows["lowest"].min())), shown(float(rows["highest"].max()))
    text = (
        "Up to this learning rate the mean gain over tables is not below zero; above, it is at "
        f"every one that was tried ({lowest} to {highest}; linear in its logarithm between two). "
    )
    if rows["against"].isna().all():
        return f"{text}None is compared: that takes {DEFAULT} at the same learning rates."
    told = [
        f"{word} ({step} step): {', '.join(map(str, rows.index[beyond]))}."
        for step in ("last", "chosen")
        for word, beyond in (
            ("Wider", rows[f"factor_{step}_low"] > 1),
            ("Narrower", rows[f"factor_{step}_high"] < 1),
        )
        if beyond.any()
    ]
    return (
        f"{text}×: over {DEFAULT}'s; a margin outside of what was tried counts as its end. "
        f"{' '.join(told) or 'None can be told from 1.'}"
    )


def _behind(answer: Answer, rows: pd.DataFrame) -> Lead:
    methods = lines(answer.kept).reset_index().groupby("line")["method"].agg(list)

    def behind(row: int, _heading: str) -> Behind | None:
        return {"method": methods[str(rows.index[row])]}

    return behind


margin = ReportTable(
    key="margin",
    title="How far the learning rate may go",
    make=lambda answer: margins(answer.kept, answer.references, answer.settings),
    row="method",
    columns=_margin_columns,
    caption=_margin_caption,
    empty="",
    behind=_behind,
    place=44,
    terminal=True,
)
