"""Prints an experiment's tables and writes them to ``<results_dir>/report`` as CSV and Markdown."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as RichTable

from bench.analysis.frame import UNIT, complete, frame
from bench.analysis.measures import improvements, per_dataset, summary
from bench.store import Store, write_whole

HEADINGS = {
    "rank": "average rank",
    "median": "median improvement",
    "iqr": "± IQR",
    "std": "± std",
    "mad": "± MAD",
    "raw_gain": "ROC-AUC gain ×1000",
    "harm": "worse than pre-trained",
    "units": "runs",
}


def report(root: Path) -> None:
    """Aggregate the records under ``root``: print the tables, and write them."""
    cells = frame(Store(root).records())
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a log has no width; 80 columns would cut the names
    if cells.empty:
        console.print(f"No records under {root}.")
        return
    twice = cells[cells.duplicated([*UNIT, "method"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        console.print(
            f"{root} holds records of several settings for one cell (for instance "
            f"{first['dataset']} fold {first['fold']} {first['method']}): give each its own "
            "results_dir, or delete the older ones.",
            markup=False,
        )
        return
    kept, left_out = complete(cells)
    lines = [_completeness(kept, left_out)]
    tables: dict[str, pd.DataFrame] = {}
    if len(kept):
        tables = {
            "summary": summary(kept),
            "per_dataset": per_dataset(kept),
            "improvements": improvements(kept),
        }
        lines.append(_reading(tables["improvements"]))
        _show(console, "Methods", _readable(tables["summary"]))
        shown = tables["per_dataset"][tables["summary"].index]
        _show(console, "Test ROC-AUC", shown.map("{:.3f}".format))
    for line in lines:
        console.print(line, markup=False, highlight=False)
    _write(root / "report", tables, lines, left_out)
    console.print(f"Tables: {root / 'report'}", markup=False, highlight=False)


def _completeness(kept: pd.DataFrame, left_out: pd.DataFrame) -> str:
    pairs = kept[UNIT].drop_duplicates()
    text = (
        f"{len(pairs)} dataset × fold × seed units over {pairs['dataset'].nunique()} datasets, "
        "complete for all methods shown."
    )
    lost = left_out[left_out["status"] != "done"]
    if len(left_out):
        counts = ", ".join(f"{n} {status}" for status, n in lost["status"].value_counts().items())
        text += f" Left out: {len(left_out[UNIT].drop_duplicates())} units ({counts})."
    return text


def _reading(gains: pd.DataFrame) -> str:
    unit = gains.drop_duplicates(UNIT)
    return (
        "Improvement: test ROC-AUC (one-vs-one), min–max over the methods and the pre-trained "
        "model within a unit, minus the pre-trained model's. The range so normalized is "
        f"{unit['range'].median():.4f} ROC-AUC at the median unit; {int(unit['tied'].sum())} units "
        "tie. Ranks: over datasets, folds averaged first."
    )


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    formats = {
        "rank": "{:.2f}",
        "median": "{:+.3f}",
        "iqr": "{:.3f}",
        "std": "{:.3f}",
        "mad": "{:.3f}",
        "units": "{:.0f}",
    }
    out = pd.DataFrame({k: table[k].map(f.format) for k, f in formats.items()})
    out.insert(5, "raw_gain", (table["raw_gain"] * 1000).map("{:+.2f}".format))
    out.insert(6, "harm", table["harm"].map("{:.0%}".format))
    return out.rename(columns=HEADINGS)


def _show(console: Console, title: str, table: pd.DataFrame) -> None:
    drawn = RichTable(title=title, title_justify="left")
    drawn.add_column(str(table.index.name or ""))
    for column in table.columns:
        drawn.add_column(str(column), justify="right")
    for name, row in table.iterrows():
        drawn.add_row(str(name), *map(str, row))
    console.print(drawn)


def _write(
    folder: Path, tables: dict[str, pd.DataFrame], lines: list[str], left_out: pd.DataFrame
) -> None:
    for name, table in tables.items():
        keep_index = name != "improvements"
        write_whole(folder / f"{name}.csv", _csv(table, keep_index))
    write_whole(folder / "left_out.csv", _csv(left_out, False))
    text = "\n\n".join(lines)
    if tables:
        text += "\n\n## Methods\n\n" + _readable(tables["summary"]).to_markdown()
        order = tables["summary"].index
        text += "\n\n## Test ROC-AUC\n\n"
        text += tables["per_dataset"][order].to_markdown(floatfmt=".4f")
    write_whole(folder / "tables.md", (text + "\n").encode())


def _csv(table: pd.DataFrame, index: bool) -> bytes:
    buffer = io.StringIO()
    table.to_csv(buffer, index=index)
    return buffer.getvalue().encode()
