"""`python -m bench diff A B`: two results folders, cell by cell and table by table."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from bench.analysis.variants import Name, names
from bench.cell.record import Record, in_common, results_of
from bench.cell.store import Store
from bench.errors import BadInput
from bench.files import printable
from bench.phrases import counted, joined
from bench.scores import SCORES
from bench.verbs._folder import folder
from bench.verbs._terminal import console, plain, say

HELP = "two results folders, cell by cell and table by table: diff A B"
PLACE = 7
ONLY_PRINT = True
USAGE = "diff A B"
CELL = ("dataset", "fold", "seed", "method")
MOST = 10  # differences that are listed
Key = tuple[object, ...]


def main(arguments: list[str]) -> int:
    """Compare two folders; give the exit code: 0 where all results agree, 1 where not."""
    if len(arguments) != 2:
        raise BadInput(f"Two results folders: {USAGE}.")
    roots = [folder([name], USAGE) for name in arguments]
    a, b = _named([_read(root) for root in roots])
    compared = compare(a, b)
    out = console()
    ranked_by = {SCORES[record["metric"]["name"]].title for record in [*a.values(), *b.values()]}
    _print(out, compared, roots, joined(sorted(ranked_by), "or"))
    tables = _tables(a, b)
    if tables is not None:
        out.print(tables)
    return 0 if compared.agrees else 1


@dataclass
class Compared:
    """Cells of two folders by what became of them."""

    same: list[Key]  # the same bits, but for timings
    provenance: list[Key]  # the same results, made by other code, versions or machines
    other: pd.DataFrame  # one row a cell whose results differ
    only: tuple[list[Key], list[Key]]

    @property
    def agrees(self) -> bool:
        """Whether both hold the same cells with the same results."""
        return self.other.empty and not any(self.only)


def compare(a: dict[Key, Record], b: dict[Key, Record]) -> Compared:
    """Compare the records of the same names (dataset, fold, seed, method).

    Returns
    -------
    Compared
        ``other`` has the cell's names, ``what`` differs, and ``a``, ``b``, ``change``: the test
        score of the chosen step.
    """
    same, provenance, rows = [], [], []
    for key in sorted(set(a) & set(b), key=str):
        one, two = in_common(results_of(a[key]), results_of(b[key]))
        if one == two:
            same.append(key)
            continue
        parts = [name for name in one if one[name] != two[name]]
        if parts == ["provenance"]:
            provenance.append(key)
            continue
        scores = [_score(record) for record in (a[key], b[key])]
        rows.append(
            {
                **dict(zip(CELL, key, strict=True)),
                "what": ", ".join(parts),
                "a": scores[0],
                "b": scores[1],
                "change": scores[1] - scores[0],
            }
        )
    columns = [*CELL, "what", "a", "b", "change"]
    only = (sorted(set(a) - set(b), key=str), sorted(set(b) - set(a), key=str))
    return Compared(same, provenance, pd.DataFrame(rows, columns=columns), only)


def _read(root: Path) -> list[Record]:
    records, faults = Store(root).survey()
    if faults:
        path, why = next(iter(faults.items()))
        many = f"{counted(len(faults), 'file')} under {root}"
        amiss = f"{many} cannot be used, for instance {path}: {why}."
        print(printable(amiss, keep=""))
    if not records:
        raise BadInput(f"no records under '{root}' that could be read.")
    return records


def _named(folders: list[list[Record]]) -> list[dict[Key, Record]]:
    """The records of each folder by the names of their cells.

    Where a folder holds several records of a cell, its table's and method's names tell them apart
    as a report of both folders would; else a cell is compared whatever its settings.
    """
    together = iter(names([record for records in folders for record in records]))
    called = [[(record, next(together)) for record in records] for records in folders]
    several: set[tuple[str, str]] = set()  # (what, name) that needs telling apart
    for of in called:
        cells: dict[Key, set[tuple[str, str]]] = defaultdict(set)
        for record, name in of:
            cells[_plain(record)] |= {("dataset", name.dataset), ("method", name.method)}
        for (dataset, _, _, method), found in cells.items():
            kinds = Counter(what for what, _ in found)
            several |= {("dataset", str(dataset))} if kinds["dataset"] > 1 else set()
            several |= {("method", str(method))} if kinds["method"] > 1 else set()
    return [{_key(record, name, several): record for record, name in of} for of in called]


def _plain(record: Record) -> Key:
    return tuple(record["cell"][name] for name in CELL)


def _key(record: Record, name: Name, several: set[tuple[str, str]]) -> Key:
    dataset, fold, seed, method = _plain(record)
    return (
        name.dataset if ("dataset", dataset) in several else dataset,
        fold,
        seed,
        name.method if ("method", method) in several else method,
    )


def _score(record: Record) -> float:
    score = record["metrics"].get("chosen", {}).get("test", {}).get(record["metric"]["name"])
    return float("nan") if score is None else float(score)


def _print(out: Console, compared: Compared, roots: list[Path], score: str) -> None:
    say(out, f"{_cells(len(compared.same), 'is', 'are')} the same, bit for bit.")
    if compared.provenance:
        say(
            out,
            f"{_cells(len(compared.provenance), 'has', 'have')} the same results, made by other "
            "code, versions or machines.",
        )
    for root, only in zip(roots, compared.only, strict=True):
        if only:
            named = "; ".join(" ".join(map(str, key)) for key in only[:MOST])
            more = " …" if len(only) > MOST else ""
            say(out, f"{_cells(len(only), 'is', 'are')} only in {root}: {named}{more}.")
    other = compared.other
    say(out, f"{_cells(len(other), 'differs in its', 'differ in their')} results.")
    if other.empty:
        return
    title = f"Largest changes in test {score} of the chosen step"
    table = Table(title=title, title_justify="left")
    for column in (*CELL, "what differs", "A", "B", "B − A"):
        table.add_column(column)
    by_size = other.reindex(other["change"].abs().sort_values(ascending=False).index)
    for row in by_size.head(MOST).to_dict("records"):
        scores = (f"{row['a']:.4f}", f"{row['b']:.4f}", f"{row['change']:+.4f}")
        table.add_row(*(plain(row[c]) for c in CELL), row["what"], *scores)
    out.print(table)


def _cells(count: int, one: str, several: str) -> str:
    """A number of cells, and the verb that goes with it."""
    return f"{counted(count, 'cell')} {one if count == 1 else several}"


def _shown(value: float, form: str) -> str:
    return "–" if math.isnan(value) else form.format(value)


def _tables(a: dict[Key, Record], b: dict[Key, Record]) -> Table | None:
    """The methods' tables side by side, each on its own complete units."""
    from bench.analysis.answer import answer
    from bench.analysis.frame import frame, metric_of
    from bench.analysis.settings import settings

    def cells(records: dict[Key, Record]) -> pd.DataFrame:
        alone = names(records.values())
        called = [
            replace(name, dataset=str(key[0]), method=str(key[-1]))
            for key, name in zip(records, alone, strict=True)
        ]
        return frame(records.values(), called)

    metric = metric_of([*a.values(), *b.values()])
    one, two = (answer(cells(records), settings(), metric) for records in (a, b))
    if not one.tables or not two.tables:
        return None
    left, right = one.tables["summary"], two.tables["summary"]
    table = Table(title="Methods, A → B", title_justify="left")
    table.add_column("method")
    shown = {"rank": "{:.2f}", "median": "{:+.3f}", "raw_gain": "{:+.5f}", "units": "{:.0f}"}
    for column in shown:
        table.add_column(column, justify="right")
    for method in [*left.index, *(m for m in right.index if m not in left.index)]:
        pairs = ([t[c].get(method, float("nan")) for t in (left, right)] for c in shown)
        table.add_row(
            plain(method),
            *(" → ".join(_shown(v, f) for v in pair) for f, pair in zip(shown.values(), pairs)),
        )
    return table
