"""What each stopping rule would have kept, read from the curves of all runs."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.rules import ALL, WORST, read_by
from bench.finetune.stopping import roc_auc_ovo_veto as veto
from bench.phrases import counted
from bench.report.columns import THOUSANDTHS
from bench.report.readable import share, unsigned, with_error
from bench.report.table import Column, ReportTable, nothing
from bench.scores import SCORES

ERROR = f"{THOUSANDTHS} ± SE"


def _percent(value: float, error: float) -> str:
    return with_error(value, error, share)


def _size(value: float, error: float) -> str:
    return with_error(value, error, unsigned)


MEASURES = [
    Column(("gain", "gain_se"), "gain", with_error, ERROR),
    Column(("over_own", "over_own_se"), "minus the runs' own", with_error, ERROR),
    Column(("harm", "harm_se"), "harm", _percent, "± SE"),
    Column(("worst", "worst_se"), "worst quarter", with_error, ERROR),
    Column(("regret", "regret_se"), "regret", _size, ERROR),
]


def _make(answer: Answer) -> pd.DataFrame:
    table = answer.rules.table
    order = {method: place for place, method in enumerate([ALL, *answer.methods])}
    place = table["method"].map(order).fillna(len(order))
    return table.iloc[place.argsort(kind="stable")].reset_index(drop=True)


def _defined(answer: Answer, rows: pd.DataFrame) -> str:
    """What the rules read that are no score by itself; worse is worse than at step 0."""
    every = read_by(answer.metric)
    there = {n: rule for n, rule in every.items() if n in rows.index and n not in SCORES}
    told = [f"{name}: {rule.title}" for name, rule in there.items() if rule.reads]
    if veto.name in there:
        guard = SCORES[there[veto.name].reads[-1]].title.capitalize()
        told[-1] += f". {guard} is worse where it is above step 0's, which the veto goes back to"
    return f"{'; '.join(told)}." if told else ""


def _left_out(answer: Answer) -> str:
    by_reason: dict[str, list[str]] = {}
    for rule, why in answer.rules.left_out.items():
        by_reason.setdefault(why, []).append(rule)
    told = "; ".join(f"{', '.join(rules)} ({why})" for why, rules in by_reason.items())
    return f" Left out: {told}." if told else ""


def _caption(answer: Answer, rows: pd.DataFrame) -> str:
    found, title = answer.rules, answer.metric.turned_title()
    text = (
        f"{counted(found.runs, 'run')} that fine-tune, each read by every rule from its own "
        f"validation curves; none was repeated. Gain: test {title} over the pre-trained model's; "
        "minus the runs' own: over the step that they chose. Harm: runs that end worse than the "
        f"pre-trained model. Worst quarter: mean gain of the {WORST:.0%} that gain least. Regret: "
        "what the best step on test gains more. Means over tables ± standard error, folds and "
        f"seeds averaged within. {_defined(answer, rows)}"
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
    columns=[Column("rule", "rule"), *MEASURES],
    caption="The numbers of the table before, of each method's runs.",
    empty=_empty,
    place=43,
    has_file=False,
)
