"""A table of the report, all of it in one object (`TableOf`), and as people read it."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import pandas as pd

from bench.analysis.answer import Answer
from bench.report.drawing import Drawing
from bench.report.readable import NONE

Behind = dict[str, list[str]]  # column of the cells → values: the cells behind a number
Lead = Callable[[int, str], Behind | None]  # position of a row, heading → what is behind
Rivals = Literal["column", "row", "label"]
Drawn = Callable[[Any], Drawing | None]  # draws a figure of what a chapter is made of
A = TypeVar("A")  # what a chapter's tables are made of
T = TypeVar("T")
Derived: TypeAlias = "T | Callable[[A, pd.DataFrame], T]"  # itself, or of answer and rows


@dataclass(frozen=True)
class Column:
    """A column as people read it.

    Parameters
    ----------
    of : str or tuple of str
        Columns of the numbers that its cells are made of; empty where the first has no value.
    heading : str
    show : callable
        A value of each → text.
    unit : str
        Behind the heading.
    better : int
        1: a greater value is better (of several, the first one's); −1: a smaller one; 0: neither.
    is_stated : bool
        Its values are another's, read and not measured: no cells are behind them.
    """

    of: str | tuple[str, ...]
    heading: str
    show: Callable[..., str] = str
    unit: str = ""
    better: int = 0
    is_stated: bool = False

    @property
    def head(self) -> str:
        """What stands over it."""
        return f"{self.heading} {self.unit}".strip()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the numbers that its cells are made of."""
        return (self.of,) if isinstance(self.of, str) else self.of

    def texts(self, rows: pd.DataFrame) -> list[str]:
        """Its cells."""
        values = zip(*(rows[name] for name in self.names), strict=True)
        return [NONE if pd.isna(first) else self.show(first, *more) for first, *more in values]


def _nothing(_row: int, _heading: str) -> Behind | None:
    return None


@dataclass(frozen=True)
class Section:
    """A table as people read it with the sentences around it, wherever it will be shown.

    Parameters
    ----------
    key : str
        Its anchor and file name.
    title : str
    table : DataFrame of str, optional
        None: it is left out, and ``text`` says why.
    text : str
        Below the table.
    behind : callable
        (position of a row, column) → which cells are behind that number.
    stated : set of str
        Columns whose values are another's (`Column.is_stated`).
    figures : sequence of callable
        What draws the figures below it.
    figures_first : bool
        Whether these stand above it.
    best : set of (position of a row, column)
        The best cells, each among its ``rivals``; none where all are alike.
    rivals : "column", "row" or "label"
        See `TableOf`.
    terminal : bool
        Whether it is one of the main ones: printed, and not folded on the page.
    timed : bool
        It holds wall times, which differ between two runs of one experiment.
    """

    key: str
    title: str
    table: pd.DataFrame | None
    text: str
    behind: Lead = _nothing
    stated: frozenset[str] = frozenset()
    figures: Sequence[Drawn] = ()
    figures_first: bool = False
    best: frozenset[tuple[int, str]] = frozenset()
    rivals: Rivals = "column"
    terminal: bool = False
    timed: bool = False


def named(_answer: object, rows: pd.DataFrame) -> Lead:
    """The cells behind a row that a method or a dataset names."""
    name = str(rows.index.name)

    def behind(row: int, _heading: str) -> Behind | None:
        return {name: [str(rows.index[row])]} if name in ("method", "dataset") else None

    return behind


def nothing(_answer: object, _rows: pd.DataFrame) -> Lead:
    """No cells: the numbers have none behind them one by one."""
    return _nothing


def pair(answer: Answer, rows: pd.DataFrame) -> Lead:
    """The cells behind a row that holds a method against default fine-tuning, or re-seeds that."""
    held = answer.references

    def behind(row: int, _heading: str) -> Behind | None:
        name = str(rows.index[row])
        if name in held.of:
            return {"method": sorted({name, held.of[name]})}
        return {"method": [d for d in held.defaults if name.startswith(d)][-1:]}

    return behind


@dataclass(frozen=True)
class TableOf(Generic[A]):
    """A table of the report: a file of its numbers, and a section of what people read of them.

    A module of its chapter's folder (`bench.report.tables`) holds it, and there is no other place
    to name it: it is printed, and written as CSV, Markdown, LaTeX and on the page. A callable here
    is given the answer that the chapter is made of, and the rows.

    Parameters
    ----------
    key : str
        Its anchor and the name of its files; no other table has it.
    make : callable
        Answer → its numbers; no rows: it is left out, and ``empty`` says why.
    title : str, or callable
        "": no section, the file alone.
    columns : sequence of Column, or callable
        What is shown of the numbers.
    caption : str, or callable
        Below the table.
    empty : str, or callable
        In its place; "": nothing stands there, nor is there a file.
    row : str
        The column of the numbers that names a row; "": their index does.
    rows : callable, optional
        (answer, numbers) → what is shown, where those are not the numbers as they are.
    figures : sequence of callable
        Answer → `bench.report.drawing.Drawing` or None, below it on the page.
    figures_first : bool
        Whether these stand above it.
    behind : callable
        (answer, rows) → what leads from a number to the cells behind it.
    rivals : "column", "row" or "label"
        What a cell is the best of: its column, its row (whose columns are of one kind then), or the
        rows of its column that have its row's name.
    place : int
        Where it stands among the sections; last, if it does not say.
    has_file : bool
        Whether the numbers are written as CSV.
    terminal : bool, or callable
        Whether it is one of the main ones: its section is printed too, and open on the page.
    timed : bool
        It holds wall times, which differ between two runs of one experiment: on the page alone.
    always : bool
        Made even where no unit is complete.
    """

    key: str
    make: Callable[[A], pd.DataFrame]
    title: str | Callable[[A], str] = ""
    columns: Derived[Sequence[Column], A] = ()
    caption: Derived[str, A] = ""
    empty: Derived[str, A] = "Left out: these records hold nothing of it."
    row: str = ""
    rows: Callable[[A, pd.DataFrame], pd.DataFrame] = lambda _answer, numbers: numbers
    figures: Sequence[Callable[[A], Drawing | None]] = ()
    figures_first: bool = False
    behind: Callable[[A, pd.DataFrame], Lead] = named
    rivals: Rivals = "column"
    place: int = 1000
    has_file: bool = True
    terminal: Derived[bool, A] = False
    timed: bool = False
    always: bool = False

    @property
    def is_written(self) -> bool:
        """Whether there is a file of its numbers: of wall times no two would be alike."""
        return self.has_file and not self.timed

    def section(self, answer: A, numbers: pd.DataFrame) -> Section:
        """Its numbers as people read them.

        Parameters
        ----------
        answer : object
            What the table was made of.
        numbers : DataFrame
            From ``make``.
        """

        def derived(what: Derived[T, A]) -> T:
            return what(answer, rows) if callable(what) else what

        rows = self.rows(answer, numbers)
        if self.row:
            rows = rows.set_index(self.row)
        title = self.title(answer) if callable(self.title) else self.title
        section = Section(
            self.key, title, None, "", figures=self.figures, figures_first=self.figures_first,
            terminal=derived(self.terminal), timed=self.timed,
        )  # fmt: skip
        if rows.empty:
            return replace(section, text=derived(self.empty))
        columns = derived(self.columns)
        table = pd.DataFrame({c.head: c.texts(rows) for c in columns}, index=rows.index)
        return replace(
            section,
            table=table,
            best=frozenset(_best(table, columns, rows, self.rivals)),
            rivals=self.rivals,
            text=derived(self.caption),
            behind=self.behind(answer, rows),
            stated=frozenset(column.head for column in columns if column.is_stated),
        )


ReportTable = TableOf[Answer]


def held_by(package: str) -> list[TableOf[Any]]:
    """Every table that a module of a folder holds, in the order in which they are read.

    Raises
    ------
    ValueError
        If two have the same key.
    """
    found: dict[str, TableOf[Any]] = {}
    path = import_module(package).__path__
    for module in sorted(info.name for info in pkgutil.iter_modules(path)):
        for value in vars(import_module(f"{package}.{module}")).values():
            if isinstance(value, TableOf) and found.setdefault(value.key, value) is not value:
                raise ValueError(f"Two tables of the report have the key '{value.key}'.")
    return sorted(found.values(), key=lambda table: (table.place, table.key))


def _best(
    table: pd.DataFrame, columns: Sequence[Column], rows: pd.DataFrame, rivals: Rivals
) -> Iterator[tuple[int, str]]:
    """The best cells: ties share it, as do cells that read alike; where all tie, none is."""
    cells = pd.DataFrame(
        [
            (i, column.head, label, column.better * value, text)
            for column in columns
            if column.better
            for i, (label, value, text) in enumerate(
                zip(rows.index, rows[column.names[0]], table[column.head], strict=True)
            )
        ],
        columns=["row", "column", "label", "value", "text"],
    ).dropna(subset=["value"])
    together = {"column": ["column"], "row": ["row"], "label": ["column", "label"]}
    for _, among in cells.groupby(together[rivals]):
        ends = among["value"] == among["value"].max()
        best = ends | among["text"].isin(among.loc[ends, "text"])
        if not best.all():
            yield from among.loc[best, ["row", "column"]].itertuples(index=False, name=None)
