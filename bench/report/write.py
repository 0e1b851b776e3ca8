"""Records → ``<results_dir>/report``: tables (CSV, Markdown, LaTeX), figures, and the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable
from rich.text import Text

from bench import files
from bench.analysis.frame import NAMING, NESTED
from bench.analysis.problems import PROBLEMS
from bench.analysis.settings import Analysis, settings
from bench.cell import journal
from bench.cell.identity import stale
from bench.cell.record import Record
from bench.cell.store import Store
from bench.errors import BAD_INPUT
from bench.files import Unsound, printable, write_whole
from bench.names import inside
from bench.phrases import begun, counted
from bench.report.chapter import Ambiguous, Chapter
from bench.report.contents import contents
from bench.report.figures import drawings
from bench.report.latex import document, latex
from bench.report.page import GLANCE, Content, InlineFigure, inline, page
from bench.report.planned import plan_of
from bench.report.table import Drawn, Section
from bench.report.tables import tables
from bench.report.transfer import tables as transfer
from bench.report.transfer.chapter import PREFIX
from bench.report.whole import unfinished

NARROWEST = 6  # characters that a column of numbers takes in the terminal, at least
FEW = 3  # faulty files that are named, and lost cells
LONGEST = 300  # characters of a lost cell's name: a journal may say anything
# Bytes of graphs that the page holds: one of a hundred columns has some 500,000.
MOST_OF_A_GRAPH, MOST_OF_ALL = 4 * 2**20, 32 * 2**20


def report(
    root: Path,
    chosen: Analysis | None = None,
    figures: bool = True,
    graphs: Sequence[tuple[str, str]] = (),
    command: str = "",
) -> int:
    """Aggregate the records under ``root``: print the main tables, and write everything.

    Parameters
    ----------
    root : path
        The results folder.
    chosen : Analysis, optional
        How the records are read; the defaults of ``conf/analysis.yaml``.
    figures : bool
        Whether figures are drawn and the page is written.
    graphs : sequence of (title, SVG text)
        Causal graphs for the page, before those that `python -m bench graph` left under ``root``.
    command : str
        What is to be run next, for the page; the tables are not printed then, as who says so has
        an answer of one's own.

    Returns
    -------
    int
        Exit code: 2 where there is nothing that could be reported, with a sentence printed.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a log has no width; 80 columns would cut the names
    records, faults = Store(root).survey()
    warnings = [*unfinished(root), *_faults(root, faults), *_stale(records)]
    if not records:
        _say(console, *warnings, f"No records under {root} that could be read.")
        return BAD_INPUT
    try:
        told, untold = contents(records, chosen or settings())
    except Ambiguous as reason:
        _say(console, f"{root} holds {reason}")
        return BAD_INPUT
    drawn, left_out = _graphs(root) if figures else ([], [])
    warnings += [*untold, *_gone(root, records), *left_out]
    if len(told) == 1:  # what is to be known of the folder stands in its only chapter
        told, warnings = [replace(told[0], warnings=[*warnings, *told[0].warnings])], []
    _say(console, *warnings)
    for chapter in reversed(told) if not command else ():  # what heads the page stands lowest
        _print(console, chapter)
    written = [*_write_numbers(root, told), *_write_texts(root, told, warnings)]
    if figures:
        _write_page(root, told, records, warnings, [*graphs, *drawn], written, command)
    _forget_other_chapters(root, told)
    _say(console, f"Tables: {root / 'report'}")
    return 0


def _faults(root: Path, faults: dict[Path, str]) -> list[str]:
    if not faults:
        return []
    named = "; ".join(
        printable(f"{p.relative_to(root)}: {why}", keep="") for p, why in list(faults.items())[:FEW]
    )
    more = f" (and {len(faults) - FEW} more)" if len(faults) > FEW else ""
    return [
        f"{len(faults)} of the files under cells/ cannot be used and count as missing: {named}"
        f"{more}. Running their cells again sets them aside and makes them anew."
    ]


def _stale(records: list[Record]) -> list[str]:
    old = stale(records)
    if not old:
        return []
    return [
        f"{len(old)} of {len(records)} records are stale: other code than the present one made "
        "them. Running the experiment again makes them anew."
    ]


def _gone(root: Path, records: list[Record]) -> list[str]:
    """Cells that the journal says were finished, and that have no record now."""
    read = journal.read(Store(root).journal)
    finished = {event["cell"] for event in read.events if event["event"] == "cell"}
    here = {" ".join(str(r["cell"][k]) for k in ("dataset", "fold", "method")) for r in records}
    lost = sorted(finished - here)
    if not lost:
        return []
    named = begun([printable(cell[:LONGEST], keep="") for cell in lost], FEW)
    return [
        f"{counted(len(lost), 'cell')} of the journal (dataset fold method) "
        f"have no record any more: {named}."
    ]


def _print(console: Console, chapter: Chapter) -> None:
    """The main tables, what is missing, and the answers."""
    if chapter.title:
        console.rule(chapter.title, align="left")
    for section in chapter.sections:
        if section.terminal:
            _show(console, section)
    _say(console, chapter.completeness, *chapter.warnings, "")
    for reply in chapter.replies:
        console.print(Text.assemble((reply.told, "bold"), f": {reply.because}"))
    _say(console, *chapter.headline, "")


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False)


def _show(console: Console, section: Section) -> None:
    if section.table is None:
        console.print(section.title, style="italic")
    elif len(section.table.columns) * NARROWEST > console.width:
        console.print(section.title, style="italic")
        _say(console, "Too wide for here: it stands in report/tables.md.")
    else:
        # Names and values come from data: rich would read [brackets] as its markup.
        drawn = RichTable(title=section.title, title_justify="left")
        drawn.add_column(escape(str(section.table.index.name or "")), no_wrap=True)
        for column in section.table.columns:
            drawn.add_column(escape(str(column)), justify="right")
        for name, row in section.table.iterrows():
            drawn.add_row(*map(escape, map(str, [name, *row])))
        console.print(drawn)
    if section.text:
        _say(console, section.text)
    console.print()


def _write_numbers(root: Path, told: Sequence[Chapter]) -> list[str]:
    """Write the tables' numbers as CSV; give the names of the files."""
    written = []
    for chapter in told:
        for table, numbers in chapter.tables:
            if table.is_written:
                flat = numbers.drop(columns=[*NESTED, *NAMING], errors="ignore")
                name, text = f"{chapter.prefix}{table.key}.csv", flat.to_csv(index=not table.row)
                write_whole(inside(inside(root, "report"), name), text.encode())
                written.append(name)
    return written


def _write_texts(root: Path, told: Sequence[Chapter], warnings: list[str]) -> list[str]:
    """Write the sections as Markdown and LaTeX; give the names of the files."""
    folder = inside(root, "report")
    parts = [*warnings, *(part for chapter in told for part in _in_markdown(chapter))]
    write_whole(inside(folder, "tables.md"), ("\n\n".join(parts) + "\n").encode())
    steady = [(chapter.title, _steady(chapter)) for chapter in told]
    for section in chain.from_iterable(sections for _, sections in steady):
        if section.table is not None:
            write_whole(inside(folder, "latex", f"{section.key}.tex"), latex(section).encode())
    write_whole(inside(folder, "tables.tex"), document(steady).encode())
    return ["tables.md", "tables.tex"]


def _steady(chapter: Chapter) -> list[Section]:
    """The sections that are alike in two runs of one experiment."""
    return [section for section in chapter.sections if not section.timed]


def _in_markdown(chapter: Chapter) -> Iterator[str]:
    if chapter.title:
        yield f"# {chapter.title}"
    yield from (f"* {reply.markdown}" for reply in chapter.replies)
    yield from (chapter.completeness, *chapter.warnings)
    yield from (f"* {line}" for line in chapter.headline)
    for section in _steady(chapter):
        yield from _markdown(section)


def _write_page(
    root: Path,
    told: Sequence[Chapter],
    records: list[Record],
    warnings: list[str],
    graphs: Sequence[tuple[str, str]],
    written: list[str],
    command: str,
) -> None:
    folder = inside(root, "report")
    figures = inside(folder, "figures")
    drawn: dict[str, list[InlineFigure]] = {}
    for chapter in told:
        drawn[f"{chapter.prefix}{GLANCE}"] = _write_figures(figures, chapter, chapter.glance)
        for section in chapter.sections:
            drawn[section.key] = _write_figures(figures, chapter, section.figures)
    content = Content(
        title=f"{root.resolve().name}: causal augmentation for fine-tuning",
        chapters=told,
        figures=drawn,
        records=records,
        warnings=warnings,
        files=sorted(written),
        graphs=graphs,
        plan=plan_of(root),
        command=command,
        loose={path.relative_to(root).as_posix() for path, _ in Store(root).walk()},
    )
    write_whole(inside(folder, "index.html"), page(content).encode())
    _forget_others(figures, {figure.name for figure in chain.from_iterable(drawn.values())})


def _forget_other_chapters(root: Path, told: Sequence[Chapter]) -> None:
    """Remove what a report of other chapters left, whose names would pass for today's."""
    folder, here = root / "report", {chapter.prefix for chapter in told}
    every = [(prefix, tables()) for prefix in ("", *(f"{problem}-" for problem in PROBLEMS))]
    every += [(f"{PREFIX}{prefix}", transfer.tables()) for prefix, _ in every]
    for prefix, held in every:
        for key in (table.key for table in held) if prefix not in here else ():
            for path in (folder / f"{prefix}{key}.csv", folder / "latex" / f"{prefix}{key}.tex"):
                if path.is_symlink() or path.is_file():
                    path.unlink()


def _forget_others(folder: Path, names: set[str]) -> None:
    """Remove figures of an earlier report that do not recur; last, so that it was whole so far."""
    for path in sorted(folder.glob("*")):
        is_old = path.suffix in (".svg", ".pdf", ".png") and path.stem not in names
        if is_old and (path.is_symlink() or not path.is_dir()):
            path.unlink()


def _write_figures(folder: Path, chapter: Chapter, draw: Sequence[Drawn]) -> list[InlineFigure]:
    """Write some figures; give them for the page."""
    written = []
    for drawing in drawings(chapter.read, draw):
        drawing.name = f"{chapter.prefix}{drawing.name}"
        svg = drawing.svg()
        write_whole(inside(folder, f"{drawing.name}.svg"), svg.encode())
        write_whole(inside(folder, f"{drawing.name}.png"), drawing.png())
        write_whole(inside(folder, f"{drawing.name}.pdf"), drawing.pdf())
        written.append(inline(drawing.name, drawing.title, drawing.caption, svg))
    return written


def _graphs(root: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """What `python -m bench graph … results_dir=ROOT` has drawn: DATASET-FOLD/PICTURE.svg.

    Gives (title, SVG text) of each, and a sentence where some cannot be shown. The page shows them
    as images, in which no script runs and nothing is fetched.
    """
    graphs: list[tuple[str, str]] = []
    faults: dict[Path, str] = {}
    left = MOST_OF_ALL
    for path, wrong in files.walk(root / "graphs", ".svg"):
        try:
            if wrong is not None:
                raise Unsound(wrong)
            text = files.content(path, min(MOST_OF_A_GRAPH, left)).decode("utf-8")
            if "<svg" not in text:
                raise Unsound("it is no SVG")
        except FileNotFoundError:
            continue
        except UnicodeDecodeError:
            faults[path] = "it is no SVG"
        except Unsound as reason:
            faults[path] = str(reason)
        else:
            left -= len(text.encode())
            graphs.append((printable(f"{path.parent.name}: {path.stem}"), text))
    if not faults:
        return graphs, []
    path, why = next(iter(faults.items()))
    named = printable(f"{path.relative_to(root)}: {why}", keep="")
    return graphs, [f"{len(faults)} of the graphs cannot be shown (for instance {named})."]


def _markdown(section: Section) -> list[str]:
    parts = [f"## {section.title}"]
    if section.table is not None:
        aligned = ("left", *("right" for _ in section.table.columns))
        # The numbers are strings already; tabulate would parse them and drop signs and zeros.
        parts.append(section.table.to_markdown(disable_numparse=True, colalign=aligned))
    return [*parts, section.text] if section.text else parts
