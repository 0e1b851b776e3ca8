"""Numbers of the analysis → strings for people: headings, units, signs; no number is made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from bench.analysis.paired import NULL, against_default

NONE = "–"
Column = tuple[str, str, Callable[[Any], str]]  # column of the analysis, heading, format


def signed(value: float) -> str:
    """ROC-AUC ×1000 with its sign."""
    return f"{1000 * value:+.2f}"


def unsigned(value: float) -> str:
    """ROC-AUC ×1000, of what is never below 0."""
    return f"{1000 * value:.2f}"


def with_interval(value: float, low: float, high: float, show: Callable[[float], str]) -> str:
    """``value [low, high]``; the value alone where one dataset gives no interval."""
    if pd.isna(value):
        return NONE
    return show(value) if pd.isna(low) else f"{show(value)} [{show(low)}, {show(high)}]"


def with_error(mean: float, error: float, show: Callable[[float], str] = signed) -> str:
    """``mean ± error``; the mean alone where one table gives no standard error."""
    return show(mean) if pd.isna(error) else f"{show(mean)} ± {show(error).lstrip('+')}"


def three(value: float) -> str:
    return f"{value:.3f}"


def share(value: float) -> str:
    return f"{value:.0%}"


def whole(value: float) -> str:
    return f"{value:.0f}"


def sign_three(value: float) -> str:
    return f"{value:+.3f}"


def p_value(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


METHODS: list[Column] = [
    ("rank", "average rank", "{:.2f}".format),
    ("median", "median improvement", sign_three),
    ("iqr", "± IQR", three),
    ("std", "± std", three),
    ("mad", "± MAD", three),
    ("raw_gain", "ROC-AUC gain ×1000", signed),
    ("harm", "worse than pre-trained", share),
    ("units", "runs", whole),
]

EARLY_STOPPING: list[Column] = [
    ("correlation_gap", "median corr. gap", three),
    ("validation_gain", "validation gain ×1000", signed),
    ("test_gain", "test gain ×1000", signed),
    ("last_gain", "last step ×1000", signed),
    ("gap", "gap ×1000", signed),
    ("normalized_gap", "median norm. gap", sign_three),
    ("harm", "harm", share),
    ("regret", "regret ×1000", unsigned),
]

WILCOXON: list[Column] = [
    ("against", "against", str),
    ("better", "tables better", whole),
    ("worse", "tables worse", whole),
    ("effect", "effect (rank-biserial)", "{:+.2f}".format),
    ("p", "p", p_value),
    ("p_holm", "p (Holm)", p_value),
]

LEADERBOARD: list[Column] = [
    ("elo", "Elo", whole),
    ("elo_low", "Elo, low", whole),
    ("elo_high", "Elo, high", whole),
    ("winrate", "win rate", share),
    ("improvability", "improvability", "{:.2%}".format),
]

GROUPS: list[Column] = [
    ("group", "group", str),
    ("method", "method", str),
    ("datasets", "datasets", whole),
    ("rank", "average rank", "{:.2f}".format),
    ("median", "median improvement", sign_three),
    ("iqr", "± IQR", three),
    ("std", "± std", three),
    ("mad", "± MAD", three),
    ("raw_gain", "ROC-AUC gain ×1000", signed),
    ("harm", "worse than pre-trained", share),
    ("correlation_gap", "median corr. gap", three),
    ("gap", "gap ×1000", signed),
    ("normalized_gap", "median norm. gap", sign_three),
    ("regret", "regret ×1000", unsigned),
    ("units", "runs", whole),
]

WAYS: list[Column] = [
    ("mixing", "rows", str),
    ("ratio", "ratio", "{:g}".format),
    ("methods", "method", str),
    ("rank", "average rank", "{:.2f}".format),
    ("median", "median improvement", sign_three),
    ("iqr", "± IQR", three),
    ("raw_gain", "ROC-AUC gain ×1000", signed),
    ("harm", "worse than pre-trained", share),
    ("units", "runs", whole),
]

QUALITY: list[Column] = [
    ("measure", "measure", lambda name: str(name).replace("_", " ")),
    ("median", "median", "{:.4g}".format),
    ("spearman_raw_gain", "Spearman with ROC-AUC gain", "{:+.2f}".format),
    ("spearman_improvement", "Spearman with improvement", "{:+.2f}".format),
    ("units", "runs", whole),
]

DATASETS: list[Column] = [
    ("domain", "domain", str),
    ("rows", "rows", whole),
    ("features", "features", whole),
    ("categorical_share", "categorical", share),
    ("classes", "classes", whole),
    ("folds", "folds", whole),
    ("duplicates", "duplicated test rows", "{:.1f}".format),
    ("duplicate_share", "of the test rows", "{:.1%}".format),
]

TIME: list[Column] = [
    ("median", "median seconds a cell", "{:.1f}".format),
    ("highest", "longest", "{:.1f}".format),
    ("total", "all cells, minutes", lambda seconds: f"{seconds / 60:.1f}"),
    ("cells", "cells", whole),
]


def readable(table: pd.DataFrame, columns: list[Column]) -> pd.DataFrame:
    """The columns of a table with one row a method, as strings under their headings."""
    return pd.DataFrame(
        {
            heading: [NONE if pd.isna(value) else show(value) for value in table[name]]
            for name, heading, show in columns
        },
        index=table.index,
    )


def readable_pairs(pairs: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """Differences from default fine-tuning, a row a method in ``order``; nulls stand last.

    Where several variants of it are references, a column says which was subtracted.
    """
    chosen, last = (_by_method(against_default(pairs, step)) for step in ("chosen", "last"))
    null = pairs["against"] == NULL
    nulls = [_by_method(pairs[null & (pairs["step"] == step)]) for step in ("chosen", "last")]
    rows = [_pair(m, chosen[m], last[m]) for m in order if m in chosen]
    for m, at_chosen in nulls[0].items():
        label = NULL if len(nulls[0]) == 1 else f"{m}, another seed"
        rows.append(_pair(label, at_chosen, nulls[1][m]) | {"minus": NONE})
    shown = pd.DataFrame(rows).set_index("method")
    several = len({row["against"] for row in chosen.values()}) > 1
    return shown if several else shown.drop(columns="minus")


def _by_method(pairs: pd.DataFrame) -> dict[str, dict[Any, Any]]:
    return {row["method"]: row for row in pairs.to_dict("records")}


def _pair(name: str, chosen: dict[Any, Any], last: dict[Any, Any]) -> dict[str, str]:
    return {
        "method": name,
        "minus": str(chosen["against"]),
        "chosen step ×1000 ± SE": with_error(chosen["mean"], chosen["se"]),
        "last step ×1000 ± SE": with_error(last["mean"], last["se"]),
        "size a run, chosen": unsigned(chosen["absolute"]),
        "size a run, last": unsigned(last["absolute"]),
        "tables": str(chosen["tables"]),
        "runs": str(chosen["units"]),
    }
