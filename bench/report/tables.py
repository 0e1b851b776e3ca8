"""Prints an experiment's tables and writes them to ``<results_dir>/report`` as CSV and Markdown."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as RichTable

from bench.analysis.ablation import ablation, designs
from bench.analysis.frame import CURVES, UNIT, complete, frame
from bench.analysis.measures import improvements, per_dataset, summary
from bench.analysis.paired import DEFAULT, paired
from bench.analysis.reliability import reliability, runs
from bench.report import readings
from bench.report.readable import (
    EARLY_STOPPING,
    METHODS,
    readable,
    readable_ablation,
    readable_pairs,
)
from bench.store import Store, write_whole

WITH_INDEX = {"summary", "per_dataset", "reliability", "ablation"}


@dataclass
class Section:
    """A table as people read it (None: it is left out), and the sentences below it."""

    title: str
    table: pd.DataFrame | None
    text: str = ""


def report(root: Path) -> None:
    """Aggregate the records under ``root``: print the tables, and write them."""
    records = list(Store(root).records())
    cells = frame(records)
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
    tables = _tables(kept) | {"ablation": ablation(kept, designs(records))} if len(kept) else {}
    sections = _sections(kept, tables) if tables else []
    for section in sections:
        _show(console, section)
    text = readings.completeness(kept, left_out)
    console.print(text, markup=False, highlight=False)
    _write(root / "report", {**tables, "left_out": left_out}, sections, text)
    console.print(f"Tables: {root / 'report'}", markup=False, highlight=False)


def _tables(kept: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """File name → table, best average rank first where a row is a method."""
    methods = summary(kept)
    by_method = reliability(runs(kept))
    return {
        "summary": methods,
        "per_dataset": per_dataset(kept),
        "improvements": improvements(kept),
        "reliability": by_method.reindex([m for m in methods.index if m in by_method.index]),
        "paired": paired(kept),
    }


def _sections(kept: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> list[Section]:
    order = list(tables["summary"].index)
    return [
        Section(
            "Methods",
            readable(tables["summary"], METHODS),
            readings.improvement(tables["improvements"]),
        ),
        Section("Test ROC-AUC", tables["per_dataset"][order].map("{:.4f}".format)),
        _early_stopping(kept, tables["reliability"]),
        _paired(tables["paired"], order),
        *_ablation(tables["ablation"]),
    ]


def _early_stopping(kept: pd.DataFrame, table: pd.DataFrame) -> Section:
    if table.empty:
        why = "Left out: no record holds a curve, so no method was fine-tuned."
        return Section("Early stopping", None, why)
    text = readings.early_stopping(table, runs(kept))
    return Section("Early stopping", readable(table, EARLY_STOPPING), text)


def _paired(table: pd.DataFrame, order: list[str]) -> Section:
    title = f"Paired with {DEFAULT}"
    if DEFAULT not in order:
        return Section(title, None, f"Left out: {DEFAULT} is not among the methods.")
    if len(order) == 1:
        return Section(title, None, f"Left out: {DEFAULT} is the only method.")
    return Section(title, readable_pairs(table, order), readings.pairs(table))


def _ablation(table: pd.DataFrame) -> list[Section]:
    """The generators that ran in several ways; no section where none did."""
    if table.empty:
        return []
    text = (
        "Each generator alone (synthetic) and beside real rows (mixed, synthetic rows a real row): "
        "what the mixing gives, every generator gets, the nulls (Bootstrap, Noise) among them; "
        "what a generator gives must go beyond."
    )
    return [Section("Generator × mixing × ratio", readable_ablation(table), text)]


def _show(console: Console, section: Section) -> None:
    if section.table is None:
        console.print(section.title, style="italic")
    else:
        drawn = RichTable(title=section.title, title_justify="left")
        drawn.add_column(str(section.table.index.name or ""), no_wrap=True)
        for column in section.table.columns:
            drawn.add_column(str(column), justify="right")
        for name, row in section.table.iterrows():
            drawn.add_row(str(name), *row)
        console.print(drawn)
    if section.text:
        console.print(section.text, markup=False, highlight=False)
    console.print()


def _write(
    folder: Path, tables: dict[str, pd.DataFrame], sections: list[Section], text: str
) -> None:
    for name, table in tables.items():
        flat = table.drop(columns=CURVES, errors="ignore")  # a list is no cell of a CSV
        write_whole(folder / f"{name}.csv", _csv(flat, name in WITH_INDEX))
    parts = [text, *(part for section in sections for part in _markdown(section))]
    write_whole(folder / "tables.md", ("\n\n".join(parts) + "\n").encode())


def _markdown(section: Section) -> list[str]:
    parts = [f"## {section.title}"]
    if section.table is not None:
        aligned = ("left", *("right" for _ in section.table.columns))
        # The numbers are strings already; tabulate would parse them and drop signs and zeros.
        parts.append(section.table.to_markdown(disable_numparse=True, colalign=aligned))
    return [*parts, section.text] if section.text else parts


def _csv(table: pd.DataFrame, index: bool) -> bytes:
    buffer = io.StringIO()
    table.to_csv(buffer, index=index)
    return buffer.getvalue().encode()
