"""Whether synthetic rows of more use bring more: their utility against the gain they bring."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.utility_gains import (
    FEWEST,
    GAINS,
    MEASURES,
    gains_by_utility,
    made_tables,
)
from bench.phrases import counted
from bench.report.drawing import INK, LEGEND_LINE, Drawing, legend_above, points, side_by_side
from bench.report.looks import of_rows
from bench.report.readable import sign_two, with_interval
from bench.report.table import Column, ReportTable, nothing

HEIGHT = 2.9  # inches, without its legend
UNITS = {"global utility": "1: every column learnt as from real rows", "target utility": ""}
SCORED = {"classification": "ROC-AUC on real rows", "regression": "R² on real rows"}
BEST = {"global utility": 1.0}  # as good as real rows


def _make(answer: Answer) -> pd.DataFrame:
    table = gains_by_utility(made_tables(answer.gains), answer.settings)
    return table if (table["tables"] >= FEWEST).any() else table.iloc[:0]


def _with_interval(value: float, low: float, high: float) -> str:
    return with_interval(value, low, high, sign_two)


def _caption(_answer: Answer, rows: pd.DataFrame) -> str:
    told = " ".join(_told(str(name), row) for name, row in rows.iterrows() if _is_main(row))
    return (
        f"{told} Spearman's ρ with bootstrap intervals over tables. Within a table its generators "
        "are ranked by means over folds and seeds; over all, tables differ in difficulty, too."
    )


def _is_main(row: pd.Series) -> bool:
    return row["over"] == GAINS["raw_gain"]


def _told(measure: str, row: pd.Series) -> str:
    """What the records say of a measure, in a sentence."""
    if row["tables"] < FEWEST:
        return _untold(measure, row["tables"])
    rows = f"within a table, rows of more {measure} gain more"
    if row["within_low"] > 0:
        return f"{rows.capitalize()}."
    if row["within_high"] < 0:
        return f"{rows.capitalize().removesuffix('more')}less."
    return f"Whether {rows} cannot be told."


def _untold(measure: str, tables: int) -> str:
    return (
        f"{measure.capitalize()} is told of the rows of {counted(tables, 'table')}, and this takes "
        f"{FEWEST}; older records lack it."
    )


def _empty(answer: Answer, _rows: pd.DataFrame) -> str:
    made = made_tables(answer.gains)
    most = max((made.loc[made[m].notna(), "dataset"].nunique() for m in MEASURES), default=0)
    return (
        f"Left out: the utility of synthetic rows is told of {counted(most, 'table')}, and this "
        f"takes {FEWEST}."
    )


def scatter(answer: Answer) -> Drawing | None:
    """Global utility and target utility of generators' rows against the gain, side by side."""
    made = made_tables(answer.gains)
    table = gains_by_utility(made, answer.settings)
    table = table[[_is_main(row) for _, row in table.iterrows()]].set_index("measure")
    shown = [str(name) for name in table.index[table["tables"] >= FEWEST]]
    if not shown:
        return None
    seen = of_rows(sorted(made["generator"].unique()))
    lines = -(-len(seen) // 4)
    figure, grid = side_by_side([1] * len(shown), HEIGHT + LEGEND_LINE * lines)
    for axes, measure in zip(grid, shown, strict=True):
        axes.axhline(0, color=INK, linewidth=0.6)
        if measure in BEST:
            axes.axvline(BEST[measure], color=INK, linewidth=0.6, linestyle="--")
        for generator, look in seen.items():
            mine = made[made["generator"] == generator]
            y = 1000 * mine["raw_gain"]
            points(axes, mine[measure], y, look, len(made), label=look.title)
        axes.set(title=measure, xlabel=UNITS[measure] or SCORED[answer.problem])
    grid[0].set_ylabel(f"test gain, {answer.metric.turned_title()} ×1000")
    legend_above(figure, ncols=4, markerscale=2)
    found = " ".join(_found(name, table.loc[name]) for name in table.index)
    caption = (
        "A point is a generator's rows for one training part, the mean over the ways in which a "
        f"model was fine-tuned on them. {found}"
    )
    return Drawing("utility", "Utility of the rows against the gain", caption, figure)


def _found(measure: str, row: pd.Series) -> str:
    if row["tables"] < FEWEST:
        return _untold(measure, row["tables"])
    within, pooled = (
        _with_interval(row[of], row[f"{of}_low"], row[f"{of}_high"]) for of in ("within", "pooled")
    )
    return (
        f"{measure.capitalize()} on {row['tables']} tables: ρ {within} within a table, {pooled} "
        f"over all points. {_told(measure, row)}"
    )


utility = ReportTable(
    key="utility",
    title="Do better rows bring more?",
    make=_make,
    row="measure",
    columns=[
        Column("over", "gain over"),
        Column(("within", "within_low", "within_high"), "ρ within a table", _with_interval),
        Column(("pooled", "pooled_low", "pooled_high"), "ρ over all", _with_interval),
        Column("tables", "tables"),
        Column("points", "generators' rows"),
    ],
    caption=_caption,
    empty=_empty,
    figures=[scatter],
    behind=nothing,
    place=115,
)
