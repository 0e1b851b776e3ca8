"""`python -m bench diff A B`: is what a results folder tells reproduced by another one?

Cell by cell, by the names of the cells, whatever code, machine and version of the record made them;
then the methods, on the units that both hold.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from bench.analysis.variants import Name, names
from bench.cell import predictions
from bench.cell.agreement import TOLERANCE, Agreement, Level, agreement, told
from bench.cell.check import inconsistencies, other_code, other_machine, other_settings
from bench.cell.record import Record, in_common
from bench.cell.store import Store
from bench.errors import BadInput
from bench.files import printable
from bench.phrases import counted, joined, numbered
from bench.scores import SCORES
from bench.verbs._folder import folder
from bench.verbs._terminal import console, plain, say

HELP = "is A reproduced by B, two results folders, cell by cell: diff A B [tolerance=0.01]"
PLACE = 7
ONLY_PRINT = True
USAGE = "diff A B [tolerance=0.01]"
ABOUT = """
Is A reproduced by B? Every cell of A is looked up in B by its names (dataset, fold, seed,
method), whatever code, machine or version made it; B may hold more. The scores of the pre-
trained model and of the chosen step agree to the bit, to rounding (1e-6, as other processors
round), within the tolerance, or not; another step that is as good, and other synthetic rows
within five times the tolerance, are counted apart. The same code on the same machine is held to
the bit, other settings to rounding. A record whose scores, step or settings the rest of it
contradicts reproduces nothing.
The last line says "Reproduced: ..." (exit code 0) or "Not reproduced: ..." (exit code 1).
"""
CELL = ("dataset", "fold", "seed", "method")
MOST = 10  # cells that are listed
FEW = 4  # differences of settings, code and machines that are listed
NEAR = (Level.bits, Level.scoreless, Level.rounding)  # whatever both were asked for
Key = tuple[object, ...]


def main(arguments: list[str]) -> int:
    """Compare two folders; give the exit code: 0 where A is reproduced by B, 1 where not."""
    tolerance, named = _options(arguments)
    if len(named) != 2:
        raise BadInput(f"Two results folders: {USAGE}.")
    roots = [folder([name], USAGE) for name in named]
    a, b = _named([_read(root) for root in roots])
    compared = compare(a, b, tolerance)
    out = console()
    _print(out, compared, roots)
    _print_methods(out, a, b)
    say(out, compared.verdict)
    return 0 if compared.agrees else 1


def _options(arguments: list[str]) -> tuple[float, list[str]]:
    """The tolerance, and the other words."""
    words = [word for word in arguments if word.startswith("tolerance=")]
    tolerance = TOLERANCE
    for word in words:
        try:
            tolerance = float(word.partition("=")[2])
        except ValueError:
            tolerance = math.nan
        if not 0 <= tolerance < math.inf:
            raise BadInput(f"'{word}': tolerance is a number that is not below 0. {USAGE}.")
    return tolerance, [word for word in arguments if word not in words]


@dataclass(frozen=True)
class Pair:
    """A cell of both folders."""

    key: Key
    agreement: Agreement
    made: list[str]  # what of code, versions and machine is other
    asked: list[str]  # what both were asked for, and differently
    is_same_code: bool  # the same cell, by the same code on the same machine
    wrong: list[str]  # what in either is contradicted by the rest of it
    scores: tuple[float, float]  # of the chosen step on the test part, as the cell is ranked
    probability: (
        float  # farthest apart of two that are predicted there; NaN where they are not kept
    )

    @property
    def is_reproduced(self) -> bool:
        """Whether they agree as far as two such records may be held to, and each with itself."""
        level = self.agreement.level
        if self.wrong:
            return False
        if self.is_same_code:
            return level in (Level.bits, Level.scoreless)
        return level in NEAR if self.asked else level is not Level.apart

    @property
    def why(self) -> str:
        """Why it is not reproduced."""
        if self.wrong:
            return self.wrong[0]
        farthest = self.agreement.farthest
        if self.agreement.level is Level.apart and farthest is None:
            return self.agreement.apart[0]
        by = "" if farthest is None else f"{farthest.name} by {farthest.size:.2g}"
        if self.is_same_code:
            return f"{by or 'results'}, same machine"
        return f"{by}, {self.asked[0]}" if self.asked else by

    @classmethod
    def of(cls, key: Key, a: Record, b: Record, tolerance: float) -> Pair:
        """Compare what both hold."""
        one, two = in_common(a, b)
        code, machine = other_code(a, b), other_machine(a, b)
        is_same_cell = a["identity"]["hash"] == b["identity"]["hash"]
        return cls(
            key,
            agreement(one, two, tolerance),
            [*(["code"] if code else []), *machine],
            other_settings(a, b),
            is_same_cell and not code and not machine,
            [f"{name}: {why}" for name, r in (("A", a), ("B", b)) for why in inconsistencies(r)],
            (_score(a), _score(b)),
            _farthest_probability(one, two),
        )


@dataclass(frozen=True)
class Compared:
    """Cells of two folders, held against each other."""

    tolerance: float
    pairs: list[Pair]
    only: tuple[list[Key], list[Key]]

    @property
    def other(self) -> list[Pair]:
        """Those that are not reproduced."""
        return [pair for pair in self.pairs if not pair.is_reproduced]

    @property
    def agrees(self) -> bool:
        """Whether every cell of A is reproduced by B, which may hold more."""
        return not self.other and not self.only[0]

    @property
    def verdict(self) -> str:
        """The last line: is it reproduced?"""
        cells = counted(len(self.pairs) + len(self.only[0]), "cell")
        if self.agrees:
            levels = told((pair.agreement.level for pair in self.pairs), self.tolerance)
            return f"Reproduced: {len(self.pairs)} of {cells}, {levels}."
        if not self.pairs:
            return "Not reproduced: no cell is in both."
        found = {"differ": len(self.other), "are not in B": len(self.only[0])}
        one = {"differ": "differs", "are not in B": "is not in B"}
        why = [f"{n} of {cells} {one[w] if n == 1 else w}" for w, n in found.items() if n]
        return f"Not reproduced: {', '.join(why)}."


def compare(a: dict[Key, Record], b: dict[Key, Record], tolerance: float = TOLERANCE) -> Compared:
    """Compare the records of the same names (dataset, fold, seed, method)."""
    both = sorted(set(a) & set(b), key=str)
    only = (sorted(set(a) - set(b), key=str), sorted(set(b) - set(a), key=str))
    return Compared(tolerance, [Pair.of(key, a[key], b[key], tolerance) for key in both], only)


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


def _farthest_probability(a: Record, b: Record) -> float:
    if not a["predictions"] or not b["predictions"] or a["data"] != b["data"]:
        return math.nan
    one, two = (
        predictions.at(r["predictions"], "chosen", "test", r["data"]["classes"])[1] for r in (a, b)
    )
    return predictions.apart(one, two)


def _print(out: Console, compared: Compared, roots: list[Path]) -> None:
    pairs, tolerance = compared.pairs, compared.tolerance
    levels = told((pair.agreement.level for pair in pairs), tolerance)
    say(out, f"{_cells(len(pairs))} in both{f': {levels}' if pairs else ''}.")
    for called, root, only in zip("AB", roots, compared.only, strict=True):
        if only:
            listed = "; ".join(" ".join(map(str, key)) for key in only[:MOST])
            more = " …" if len(only) > MOST else ""
            say(out, f"{_cells(len(only))} only in {called}, {root}: {listed}{more}.")
    for what, told_of in (("made by", "made"), ("asked for", "asked")):
        lines = Counter(line for pair in pairs for line in getattr(pair, told_of))
        found = [f"{line} in {counted(n, 'cell')}" for line, n in lines.most_common()]
        if found:
            say(out, f"B was {what} other {numbered(found, FEW)}.")
    if pairs:
        out.print(_by_method(pairs, tolerance))
    if compared.other:
        out.print(_farthest(compared.other))


def _by_method(pairs: list[Pair], tolerance: float) -> Table:
    """How many cells of each method agree how far."""
    found = sorted({pair.agreement.level for pair in pairs})
    table = Table(title="How far the cells agree", title_justify="left")
    table.add_column("method", no_wrap=True)
    levels = [level.titled(tolerance) for level in found]
    for title in ("cells", *levels, "farthest score", "farthest probability"):
        table.add_column(title, justify="right")
    of_method: dict[object, list[Pair]] = defaultdict(list)
    for pair in pairs:
        of_method[pair.key[-1]].append(pair)
    for method, all_of_it in of_method.items():
        counts = Counter(pair.agreement.level for pair in all_of_it)
        apart = [
            max(pair.agreement.largest for pair in all_of_it),
            max((p.probability for p in all_of_it if p.probability >= 0), default=math.nan),
        ]
        shown = [str(counts[level]) for level in found] + [_shown(far, "{:.2g}") for far in apart]
        table.add_row(plain(method), str(len(all_of_it)), *shown)
    return table


def _farthest(pairs: list[Pair]) -> Table:
    """The cells that are not reproduced, the farthest first."""
    of = f"the {MOST} farthest of {len(pairs)}" if len(pairs) > MOST else "the farthest first"
    title = f"Not reproduced, {of} (A, B: the test score of the chosen step)"
    table = Table(title=title, title_justify="left")
    for column in (*CELL, "what differs", "A", "B", "B − A"):
        table.add_column(column)
    ordered = sorted(pairs, key=lambda pair: pair.agreement.largest, reverse=True)
    for pair in ordered[:MOST]:
        (one, two), cells = pair.scores, (plain(name) for name in pair.key)
        shown = (_shown(one, "{:.4f}"), _shown(two, "{:.4f}"), _shown(two - one, "{:+.4f}"))
        table.add_row(*cells, plain(pair.why), *shown)
    return table


def _cells(count: int) -> str:
    """A number of cells, and the verb that goes with it."""
    return f"{counted(count, 'cell')} {'is' if count == 1 else 'are'}"


def _shown(value: float, form: str) -> str:
    return "–" if math.isnan(value) else form.format(value)


def _print_methods(out: Console, a: dict[Key, Record], b: dict[Key, Record]) -> None:
    """The methods' tables side by side, one for each score that cells are ranked by in both."""
    both = [key for key in a if key in b and a[key]["status"] == b[key]["status"] == "done"]
    keys_of: dict[tuple[str, ...], list[Key]] = defaultdict(list)
    for key in both:
        keys_of[tuple(records[key]["metric"]["name"] for records in (a, b))].append(key)
    for ranked_by, keys in sorted(keys_of.items()):
        if len(set(ranked_by)) > 1:
            titles = joined(sorted(SCORES[name].title for name in ranked_by), "and")
            say(out, f"No table of methods: they are ranked by {titles}.")
        else:
            _print_ranked(out, *({key: records[key] for key in keys} for records in (a, b)))


def _print_ranked(out: Console, a: dict[Key, Record], b: dict[Key, Record]) -> None:
    """The methods of the same cells, which are ranked by one score, on complete units."""
    from bench.analysis.answer import answer
    from bench.analysis.frame import frame, metric_of
    from bench.analysis.settings import settings

    def cells(done: dict[Key, Record]) -> pd.DataFrame:
        alone = names(done.values())
        called = [
            replace(name, dataset=str(key[0]), method=str(key[-1]))
            for key, name in zip(done, alone, strict=True)
        ]
        return frame(done.values(), called)

    metric = metric_of(a.values())
    one, two = (answer(cells(records), settings(), metric) for records in (a, b))
    if not one.tables or not two.tables:
        return
    out.print(_methods(one.tables["summary"], two.tables["summary"], metric.title))


def _methods(left: pd.DataFrame, right: pd.DataFrame, score: str) -> Table:
    units = counted(int(left["units"].max()), "unit")
    table = Table(title=f"Methods on the {units} complete in both, A → B", title_justify="left")
    table.add_column("method", no_wrap=True)
    shown = {
        "rank": ("average rank", "{:.2f}"),
        "median": ("median improvement", "{:+.3f}"),
        "raw_gain": (f"mean gain in {score}", "{:+.5f}"),
    }
    for title, _ in shown.values():
        table.add_column(title, justify="right")
    for method in left.index:
        pairs = ((left[c][method], right[c][method]) for c in shown)
        values = zip(pairs, shown.values(), strict=True)
        row = (" → ".join(_shown(v, form) for v in pair) for pair, (_, form) in values)
        table.add_row(plain(method), *row)
    return table
