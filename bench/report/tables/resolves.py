"""What resolves: every score that the records can tell, each method minus default fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.frame import UNIT
from bench.analysis.paired import resolved
from bench.analysis.problems import has_unit
from bench.analysis.references import DEFAULT
from bench.analysis.resolves import FOLDS, by_chance
from bench.phrases import counted, joined, numbered
from bench.report.columns import THOUSANDTHS
from bench.report.readable import p_value, signed, tenths, with_error
from bench.report.table import Column, Derived, ReportTable, pair
from bench.score import Score
from bench.scores import SCORES

MARK = "*"  # beyond two standard errors
NAMED = 4  # comparisons that are named where so few remain after correction
ROUGH = 1e-3  # a standard error from which on tenths of a thousandth say enough
BRACKETS = str.maketrans("", "", "()")  # in a heading they take room and say nothing
SHOWN = ("mean", "se", "resolved")
BELOW = (
    "As of the chosen step, but at the end of fine-tuning, which no validation score chose. "
    f"{MARK}: beyond 2 standard errors."
)


def _rows(answer: Answer, numbers: pd.DataFrame, step: str) -> pd.DataFrame:
    """A row a method, best average rank first, and `SHOWN` of each score beside each other."""
    rows = numbers[numbers["step"] == step].assign(resolved=lambda table: resolved(table))
    if rows.empty:
        return rows
    wide = rows.pivot(index=["method", "against"], columns="score", values=list(SHOWN))
    wide.columns = wide.columns.map(lambda names: _of(*names))
    order = {name: place for place, name in enumerate(answer.methods)}
    wide = wide.sort_index(level="method", key=lambda names: names.map(order))
    return wide.reset_index()


def _of(what: str, score: str) -> str:
    return f"{score}_{what}"


def _columns(answer: Answer, rows: pd.DataFrame) -> list[Column]:
    several = len(rows["against"].unique()) > 1
    scores = list(dict.fromkeys(answer.tables["resolves"]["score"]))
    return [
        *([Column("against", "minus")] if several else []),
        *(
            Column(
                tuple(_of(what, score) for what in SHOWN),
                SCORES[score].turned_title().translate(BRACKETS),
                partial(_difference, show=_precision(rows[_of("se", score)])),
                THOUSANDTHS,
            )
            for score in scores
        ),
    ]


def _precision(errors: pd.Series) -> Callable[[float], str]:
    """As many decimals as the standard errors of a column carry."""
    return tenths if errors.dropna().median() >= ROUGH else signed


def _difference(mean: float, error: float, beyond: bool, show: Callable[[float], str]) -> str:
    # Without blanks: seven scores beside each other leave a terminal no room.
    return with_error(mean, error, show).replace(" ", "") + (MARK if beyond else "")


def _caption(answer: Answer, _rows: pd.DataFrame) -> str:
    numbers = answer.tables["resolves"]
    kind, n = numbers["over"].iloc[0], int(numbers["n"].max())
    hint = ", which share rows: marks are hints" if kind == FOLDS else ""
    return " ".join(
        [
            f"Test scores of each method minus {DEFAULT}'s on the same dataset, fold and seed, "
            "each turned so that above 0 is better; mean ± standard error over "
            f"{counted(n, kind.removesuffix('s'))}{hint}.",
            _marks(answer, numbers),
            *_lacking(answer, numbers),
        ]
    )


def _marks(answer: Answer, numbers: pd.DataFrame) -> str:
    """How many comparisons are marked, how many chance would mark, how many Holm leaves."""
    known = numbers[numbers["se"].notna()]
    if known.empty:
        return f"No standard error without two {numbers['over'].iloc[0]}: nothing can be marked."
    marked = int(resolved(known).sum())
    alpha = answer.settings.alpha
    left = known[known["p_holm"] < alpha]
    text = (
        f"{MARK}: beyond 2 standard errors, as are {marked} of "
        f"{counted(len(known), 'comparison')} of both steps; chance alone marks "
        f"{by_chance(known):.1f} on average, in clusters, since scores of the same predictions go "
        "together."
    )
    if left.empty:
        return f"{text} After Holm's correction over all none is below {alpha:g}."
    told = [
        f"{row['method']} {SCORES[row['score']].title} {row['step']} ({p_value(row['p_holm'])})"
        for row in left.sort_values("p").to_dict("records")
    ]
    return f"{text} After Holm's correction below {alpha:g}: {numbered(told, NAMED)}."


def _lacking(answer: Answer, numbers: pd.DataFrame) -> list[str]:
    """Scores that some runs have not: by their definition, or in their records."""
    sentences = []
    units = numbers.groupby("score", sort=False)["units"].min()
    all_units = len(answer.kept.drop_duplicates(UNIT))
    if (units < all_units).any():
        told = [
            f"{SCORES[str(score)].full_title} of {n}"
            for score, n in units[units < all_units].items()
        ]
        sentences.append(
            f"Not every score exists in each of {counted(all_units, 'unit')} (a class without "
            f"test rows, a cell without a record): {', '.join(told)} for the method with fewest."
        )
    common, partly = answer.told.scores(answer.kept["identity"])
    away: dict[str, list[str]] = {}
    for score in common:
        if score.name not in set(numbers["score"]):
            away.setdefault(_why(answer, score), []).append(score.full_title)
    sentences += [f"Left out, since {why}: {joined(of, 'and')}." for why, of in away.items()]
    if partly:
        sentences.append(
            f"Left out, since not all records can tell {'it' if len(partly) == 1 else 'them'}: "
            f"{joined([score.full_title for score in partly], 'and')}."
        )
    return sentences


def _why(answer: Answer, score: Score) -> str:
    """Why a score that all records can tell is not held against others."""
    if has_unit(score):
        return "they are in each target's own unit"
    if np.isnan(answer.told.values(score, answer.kept["identity"])).all():
        return "it takes what no model here tells"
    return "each cell has another score's values"


def _table(
    key: str, step: str, place: int, caption: Derived[str, Answer], has_file: bool
) -> ReportTable:
    return ReportTable(
        key=key,
        title=f"What resolves: {step} step",
        make=lambda answer: answer.tables["resolves"],
        rows=partial(_rows, step=step),
        row="method",
        columns=_columns,
        caption=caption,
        empty=f"Left out: it takes a method beside {DEFAULT}, and records that tell its scores.",
        behind=pair,
        place=place,
        has_file=has_file,
        terminal=True,
    )


resolves = _table("resolves", "chosen", 51, _caption, has_file=True)
resolves_last = _table("resolves_last", "last", 52, BELOW, has_file=False)
