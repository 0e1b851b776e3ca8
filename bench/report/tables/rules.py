"""What each stopping rule would have kept, read from the curves of all runs."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.rules import ALL, WORST, titles_of_rules
from bench.phrases import counted
from bench.report.columns import THOUSANDTHS
from bench.report.readable import share, unsigned, with_error
from bench.report.table import Column, ReportTable, nothing

ERROR = f"{THOUSANDTHS} ± SE"


def _percent(value: float, error: float) -> str:
    return with_error(value, error, share)


def _size(value: float, error: float) -> str:
    return with_error(value, error, unsigned)


MEASURES = [
    Column("title", "keeps the step of"),
    Column(("gain", "gain_se"), "test gain", with_error, ERROR),
    Column(("over_own", "over_own_se"), "minus the runs' own", with_error, ERROR),
    Column(("harm", "harm_se"), "harm", _percent, "± SE"),
    Column(("worst", "worst_se"), "worst quarter", with_error, ERROR),
    Column(("regret", "regret_se"), "regret", _size, ERROR),
]


def _make(answer: Answer) -> pd.DataFrame:
    table = answer.rules.table
    order = {method: place for place, method in enumerate([ALL, *answer.methods])}
    place = table["method"].map(order).fillna(len(order))
    return table.assign(title=table["rule"].map(titles_of_rules()), place=place).sort_values(
        "place", kind="stable", ignore_index=True
    ).drop(columns="place")  # fmt: skip


def _left_out(answer: Answer) -> str:
    by_reason: dict[str, list[str]] = {}
    for rule, why in answer.rules.left_out.items():
        by_reason.setdefault(why, []).append(rule)
    told = "; ".join(f"{', '.join(rules)} ({why})" for why, rules in by_reason.items())
    return f" Left out: {told}." if told else ""


def _caption(answer: Answer, _rows: pd.DataFrame) -> str:
    found, title = answer.rules, answer.metric.turned_title()
    text = (
        f"{counted(found.runs, 'run')} of methods that fine-tune, each read by every rule from its "
        f"own validation curves; no run was repeated. Test gain: {title} over the pre-trained "
        "model's; minus the runs' own: over the step that they chose. Harm: share of runs that end "
        f"below the pre-trained model. Worst quarter: mean gain of the {WORST:.0%} of runs that "
        "gain least. Regret: what the best step on test gains more. Means over tables ± standard "
        "error over tables, folds and seeds averaged within."
    )
    if found.stopped:
        text += f" Patience ended {found.stopped} of them early; they are read as far as they went."
    if found.bags:
        text += f" Not read: {counted(found.bags, 'bag')}, whose children each have a step."
    return text + _left_out(answer)


def _empty(answer: Answer, _rows: pd.DataFrame) -> str:
    bags = answer.rules.bags
    return f"Left out: no record{' but of bags' if bags else ''} holds curves."


rules = ReportTable(
    key="rules",
    title="Stopping rules",
    make=_make,
    rows=lambda _answer, numbers: numbers[numbers["method"] == ALL],
    row="rule",
    columns=MEASURES,
    caption=_caption,
    empty=_empty,
    behind=nothing,
    place=42,
    terminal=True,
)
rules_by_method = ReportTable(
    key="rules_by_method",
    title="Stopping rules, by method",
    make=_make,
    rows=lambda _answer, numbers: numbers[numbers["method"] != ALL],
    row="method",
    columns=[Column("rule", "rule"), *MEASURES[1:]],
    caption="The numbers of the table before, of each method's runs.",
    empty=_empty,
    place=43,
    has_file=False,
)
