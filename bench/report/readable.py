"""Numbers of the analysis → strings for people: headings, units, signs; no number is made here."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bench.analysis.paired import DEFAULT, NULL

NONE = "–"
Column = tuple[str, str, Callable[[float], str]]  # column of the analysis, heading, format


def signed(value: float) -> str:
    """ROC-AUC ×1000 with its sign."""
    return f"{1000 * value:+.2f}"


def unsigned(value: float) -> str:
    """ROC-AUC ×1000, of what is never below 0."""
    return f"{1000 * value:.2f}"


def with_error(mean: float, error: float, show: Callable[[float], str] = signed) -> str:
    """``mean ± error``; the mean alone where one table gives no standard error."""
    return show(mean) if pd.isna(error) else f"{show(mean)} ± {show(error).lstrip('+')}"


METHODS: list[Column] = [
    ("rank", "average rank", "{:.2f}".format),
    ("median", "median improvement", "{:+.3f}".format),
    ("iqr", "± IQR", "{:.3f}".format),
    ("std", "± std", "{:.3f}".format),
    ("mad", "± MAD", "{:.3f}".format),
    ("raw_gain", "ROC-AUC gain ×1000", signed),
    ("harm", "worse than pre-trained", "{:.0%}".format),
    ("units", "runs", "{:.0f}".format),
]

EARLY_STOPPING: list[Column] = [
    ("correlation_gap", "median corr. gap", "{:.3f}".format),
    ("validation_gain", "validation gain ×1000", signed),
    ("test_gain", "test gain ×1000", signed),
    ("last_gain", "last step ×1000", signed),
    ("gap", "gap ×1000", signed),
    ("normalized_gap", "median norm. gap", "{:+.3f}".format),
    ("harm", "harm", "{:.0%}".format),
    ("regret", "regret ×1000", unsigned),
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
    """Differences from default fine-tuning, a row a method in ``order``; the null stands last."""
    shown = pairs[pairs["against"].isin([DEFAULT, NULL])]
    names = shown["method"].where(shown["against"] != NULL, NULL)
    rows = []
    for name in [name for name in [*order, NULL] if name in set(names)]:
        chosen, last = (shown[(names == name) & (shown["step"] == s)] for s in ("chosen", "last"))
        (c,), (e,) = chosen.to_dict("records"), last.to_dict("records")
        rows.append(
            {
                "method": name,
                "chosen step ×1000 ± SE": with_error(c["mean"], c["se"]),
                "last step ×1000 ± SE": with_error(e["mean"], e["se"]),
                "size a run, chosen": unsigned(c["absolute"]),
                "size a run, last": unsigned(e["absolute"]),
                "tables": str(c["tables"]),
                "runs": str(c["units"]),
            }
        )
    return pd.DataFrame(rows).set_index("method")


def readable_ablation(table: pd.DataFrame) -> pd.DataFrame:
    """`METHODS`' columns, a row a generator, mixing and ratio."""
    shown = readable(table, METHODS)
    shown.insert(0, "rows", table["rows"])
    shown.insert(1, "ratio", [NONE if pd.isna(r) else f"{r:g}" for r in table["ratio"]])
    shown.index = pd.Index(table["generator"].fillna(NONE), name="generator")
    return shown
