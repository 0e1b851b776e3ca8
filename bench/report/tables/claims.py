"""The study's claims beside what is found here, and whether they hold."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.change import FEWEST
from bench.analysis.claims import COLUMNS, HOLDS, STUDY
from bench.analysis.claims import claims as held
from bench.analysis.problems import CLASSIFICATION
from bench.analysis.references import DEFAULT
from bench.analysis.safety import CAUSAL, null_methods
from bench.phrases import counted, joined, percent
from bench.report.looks import title
from bench.report.published import Published, stated_figures
from bench.report.readable import sign_three, sign_two, three, two, with_interval
from bench.report.table import Column, ReportTable, nothing

WORDS = {
    "first": "{0} ranks first",
    "above_default": "{0}: a higher median improvement than {1}",
    "gains": "{0}: a median improvement above 0",
    "narrower": "{0}: a narrower spread than {1}",
    "smaller_gap": "{0}: a smaller correlation gap than {1}",
    "loses": "{0}: a median improvement below 0",
}
AGAINST = {"first", "above_default", "narrower", "smaller_gap"}  # held against another method


def numbers(answer: Answer) -> pd.DataFrame:
    """`bench.analysis.claims.claims` of an answer; no rows where nothing is complete.

    Nor of another problem than the study's.
    """
    if answer.gains.empty or answer.problem != CLASSIFICATION:
        return pd.DataFrame(columns=COLUMNS)
    nulls = [name for name in null_methods(answer.kept) if name in answer.methods]
    return held(answer.gains, answer.readings, nulls, answer.settings)


def readable(answer: Answer, rows: pd.DataFrame) -> pd.DataFrame:
    """A row a claim, in words."""
    study = stated_figures()
    told = [
        {
            "claim": WORDS[row["claim"]].format(title(row["method"]), title(DEFAULT)),
            "study": stated_of(study, row["claim"], row["method"]),
            "here": _here(row, "", row["claim"]),
            "holds": _verdict(row),
            "null": _null(row),
        }
        for row in rows.to_dict("records")
    ]
    return pd.DataFrame(told, columns=["claim", "study", "here", "holds", "null"])


def stated_of(study: Published, claim: str, method: str) -> str:
    """What the study states of a claim."""
    figures = study.gap if claim == "smaller_gap" else study.improvement
    if claim == "first":
        return study.rank[method]
    own = figures[method]
    return f"{own} against {figures[DEFAULT]}" if claim in AGAINST else own


def _here(row: dict[Any, Any], prefix: str, claim: str) -> str:
    names = ("value", "against", "difference", "low", "high")
    value, against, mean, low, high = (float(row[prefix + name]) for name in names)
    is_rank, is_length = claim == "first", claim in ("narrower", "smaller_gap")
    show = two if is_rank else three if is_length else sign_three
    difference = with_interval(mean, low, high, sign_two if is_rank else sign_three)
    if claim not in AGAINST or pd.isna(mean):
        return difference
    return f"{show(value)} against {show(against)}: {difference}"


def _verdict(row: dict[Any, Any]) -> str:
    also = row["holds"] == HOLDS and row["null_holds"] == HOLDS
    return f"{row['holds']}, but so for a null" if also else str(row["holds"])


def _null(row: dict[Any, Any]) -> str:
    if not isinstance(row["null"], str):
        return ""
    return f"{title(row['null'])} {_here(row, 'null_', str(row['claim']))}"


def _empty(answer: Answer, _rows: pd.DataFrame) -> str:
    if answer.problem != CLASSIFICATION:
        return (
            f"Left out: what the study claims, and what others publish, is of {CLASSIFICATION}; "
            f"these records are of {answer.problem}."
        )
    family = answer.kept.groupby("method_name")["method"].nunique()
    several = sorted(name for name in STUDY if family.get(name, 0) > 1)
    if several:
        return (
            "Left out: a claim is of one setting of a method, and there are several of "
            f"{joined(several, 'and')}; 'analysis.methods=[…]' reads one of each."
        )
    return f"Left out: it takes {CAUSAL} and {DEFAULT}, or one of the study's other methods."


def _caption(answer: Answer, _rows: pd.DataFrame) -> str:
    study = stated_figures()
    return (
        f"The study: {study.short}, with {' and '.join(study.models)} on other tables; nothing is "
        f"computed with its figures. A claim holds where the {percent(answer.settings.confidence)} "
        f"interval over {counted(answer.datasets, 'table')} lies on its side of zero, and does not "
        "where it lies on the other (to rank first: where that of one rival alone does, by "
        f"Bonferroni over all); of fewer than {FEWEST} tables nothing is told. Null: copies of "
        "real rows mixed in, the farthest for which it holds, or else the farthest. Correlation "
        "gap: 1 − Spearman's correlation of the validation and the test curve, the median."
    )


claims = ReportTable(
    key="claims",
    title="Claims of the study",
    make=numbers,
    rows=readable,
    row="claim",
    columns=[
        Column("holds", "holds?"),
        Column("here", "here"),
        Column("study", "the study", is_stated=True),
        Column("null", "the same of a null"),
    ],
    caption=_caption,
    empty=_empty,
    behind=nothing,
    place=5,
)
