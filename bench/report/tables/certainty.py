"""How certain a rank, an improvement and a gain are: intervals, Friedman's test, Nemenyi's."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.references import DEFAULT
from bench.phrases import percent
from bench.report import verdict
from bench.report.columns import HARM, MEDIAN, gain, rank
from bench.report.figures import ranks
from bench.report.readable import p_value, with_interval
from bench.report.table import Column, ReportTable

BEST, OWN_DEFAULT = "p_best", "p_default"


def _make(answer: Answer) -> pd.DataFrame:
    """The summary, with p-values against the best, where one method is, and default fine-tuning."""
    numbers, p, held = answer.tables["summary"], answer.tables["nemenyi"], answer.references
    if answer.datasets < 2:
        return numbers  # ranks on one dataset vary in nothing
    best = verdict.first(answer)
    if len(best) == 1:
        numbers = numbers.assign(**{BEST: p[best[0]]})
    if held.defaults:
        of = held.of | {default: default for default in held.defaults}
        numbers = numbers.assign(**{OWN_DEFAULT: pd.Series({m: p[of[m]][m] for m in of})})
    return numbers


def _columns(answer: Answer, rows: pd.DataFrame) -> list[Column]:
    level = f"[{percent(answer.settings.confidence)} interval]"
    columns = [
        Column(
            (f"{column.of}", f"{column.of}_low", f"{column.of}_high"),
            f"{column.head} {level}",
            partial(with_interval, show=column.show),
            better=column.better,
        )
        for column in (rank(answer), MEDIAN, gain(answer), HARM)
    ]
    against = {BEST: "the best", OWN_DEFAULT: DEFAULT}
    tests = {name: f"Nemenyi p against {whom}" for name, whom in against.items() if name in rows}
    return [*columns, *(Column(name, heading, p_value) for name, heading in tests.items())]


def caption(answer: Answer, _rows: pd.DataFrame) -> str:
    """Friedman's test and Nemenyi's critical difference."""
    test, settings = answer.friedman, answer.settings
    assert test is not None
    what = "Intervals: bootstrap over datasets."
    if not test.exists:
        return (
            f"{what} No Friedman test: it takes two datasets and three methods that differ, here "
            f"are {test.datasets} and {test.methods}."
        )
    differ = test.p < settings.alpha
    text = (
        f"{what} Friedman: χ² = {test.statistic:.2f}, p = {p_value(test.p)}: the ranks "
        + ("differ" if differ else "cannot be told from chance")
        + f". Nemenyi: methods differ whose ranks are {test.critical_difference:.2f} apart"
    )
    apart = [f"{better} from {worse}" for better, worse in verdict.apart(answer)]
    return f"{text}; {', '.join(apart) if apart else 'no two are'}."


certainty = ReportTable(
    key="certainty",
    title="Certainty",
    make=_make,
    columns=_columns,
    caption=caption,
    figures=[ranks],
    place=20,
    has_file=False,
)
nemenyi = ReportTable(key="nemenyi", make=lambda answer: answer.tables["nemenyi"])
