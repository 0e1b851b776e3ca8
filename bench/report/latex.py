"""Sections → LaTeX tables for two columns (booktabs), and one document of all that compiles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.report.looks import title, titled
from bench.report.table import Section

COLUMN, PAGE = 230.0, 487.0  # points: what the columns and pages of common styles have at least
# Sizes of type that are tried, the greatest first: points an em (Computer Modern is wider where it
# is smaller), and between two columns.
SIZES = {"small": (9.2, 8.0), "footnotesize": (8.4, 7.0), "scriptsize": (7.9, 5.0)}
MOST_ROWS = 45  # on one page; what is longer goes on in another float
LONGEST = 40  # characters of a cell that are not broken into lines
SCALED = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%" + "\n"
BEST_OF = {"column": "its column", "row": "its row", "label": "its column and group"}
JOINT = re.compile(r" |(?<=[a-z]{4}[-_])(?=\w{3})")  # of ROC-AUC is none
MINUS = re.compile(r"(?<![\w.])-(?=\d)")
# Widths of letters in em, of all others ½.
NARROW, WIDE = dict.fromkeys("ijl.,:;|'![]() ", 0.3), dict.fromkeys("mwMW%+−±×<>=", 0.8)
SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",  # behind a line break it would be its optional argument
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "−": r"$-$",
    "→": r"$\to$",
    "√": r"$\surd$",
    "χ": r"$\chi$",
    "ρ": r"$\rho$",
    "σ": r"$\sigma$",
    "≥": r"$\ge$",
    "≤": r"$\le$",
    "…": r"\ldots{}",
    "’": "'",
}

DOCUMENT = r"""\documentclass[10pt,twocolumn]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,margin=1.8cm]{geometry}
\usepackage{booktabs,graphicx}
\setlength{\belowcaptionskip}{6pt}
\begin{document}
%s
\end{document}
"""


def escape(text: str) -> str:
    """Text as LaTeX; what its fonts cannot set is named by its code point."""
    return "".join(SPECIAL.get(c) or _letter(c) for c in text)


def _letter(character: str) -> str:
    if character.isspace():
        return " "
    # T1 covers Latin-1 and the dashes; anything else would stop the compiler.
    known = character.isprintable() and (ord(character) < 0x100 or character in "–—ŒœŸ")
    return character if known else f"[U+{ord(character):04X}]"


def latex(section: Section) -> str:
    """A section's table as floats for a paper of two columns; empty if it has none.

    It takes one column where that is wide enough, in type of 8 points at least, else both; what no
    size of type fits, is scaled. Methods have their titles, and the best cells are bold.
    """
    if section.table is None:
        return ""
    grid = _Grid.of(section)
    if section.rivals == "row":
        grid = min(grid, grid.turned(), key=lambda way: sum(way.widths()))
    wide = not grid.fits(COLUMN, smallest="footnotesize")
    caption = f"{section.title}{'' if section.title.endswith('?') else '.'} {section.text}"
    caption += f" Bold: the best of {BEST_OF[section.rivals]}." if section.best else ""
    parts = [grid.rows[at : at + MOST_ROWS] for at in range(0, len(grid.rows), MOST_ROWS)]
    floats = [
        _float(
            grid,
            rows,
            wide,
            section.rivals == "label",
            rf"\caption{{{escape(titled(caption))}}}\label{{tab:{section.key}}}"
            if at == 0
            else rf"Table~\ref{{tab:{section.key}}}, continued.\\[1ex]",
        )
        for at, rows in enumerate(parts)
    ]
    return "\\clearpage\n".join(floats)


@dataclass(frozen=True)
class _Cell:
    text: str
    bold: bool = False

    @property
    def code(self) -> str:
        text = MINUS.sub("−", self.text)
        return rf"\textbf{{{escape(text)}}}" if self.bold else escape(text)

    @property
    def width(self) -> float:
        """In em, about; bold is wider."""
        em = sum(NARROW.get(c) or WIDE.get(c) or (0.72 if c.isupper() else 0.5) for c in self.text)
        return em * (1.15 if self.bold else 1.0)


@dataclass(frozen=True)
class _Grid:
    """A table's headings and cells, the names of its rows among them."""

    heads: list[str]
    rows: list[list[_Cell]]

    @classmethod
    def of(cls, section: Section) -> _Grid:
        assert section.table is not None
        table = section.table
        heads = [str(table.index.name or ""), *map(str, table.columns)]
        of_methods = [i for i, head in enumerate(heads) if head in ("method", "against")]
        rows = []
        for at, (name, cells) in enumerate(zip(table.index, table.to_numpy(), strict=True)):
            texts = [str(name), *map(str, cells)]
            for i in of_methods:
                texts[i] = ", ".join(map(title, texts[i].split(", ")))
            best = [(at, head) in section.best for head in heads[1:]]
            rows.append([_Cell(*both) for both in zip(texts, [False, *best], strict=True)])
        return cls([titled(title(head)) for head in heads], rows)

    def turned(self) -> _Grid:
        """With rows for columns."""
        names = [row[0].text for row in self.rows]
        columns = zip(*(row[1:] for row in self.rows), strict=True)
        rows = [[_Cell(head), *cells] for head, cells in zip(self.heads[1:], columns, strict=True)]
        return _Grid(["", *names], rows)

    def widths(self) -> list[float]:
        """Of each column, in em."""
        return [
            max([*(min(row[i].width, LONGEST / 2) for row in self.rows), *map(_width, words)])
            for i, words in enumerate(map(_words, self.heads))
        ]

    def size(self, room: float, smallest: str = "scriptsize") -> str | None:
        """The greatest size of type in which it takes no more than ``room`` points."""
        em, n = sum(self.widths()), len(self.heads)
        for size, (points, gap) in SIZES.items():
            if em * points + (n - 1) * gap <= room:
                return size
            if size == smallest:
                break
        return None

    def fits(self, room: float, smallest: str = "scriptsize") -> bool:
        """Whether there is such a size."""
        return self.size(room, smallest) is not None

    def columns(self, size: str) -> list[str]:
        """LaTeX's letters for the columns: names and text to the left, numbers to the right."""
        kinds = []
        for i in range(len(self.heads)):
            cells = [row[i].text for row in self.rows]
            if max(map(len, cells)) > LONGEST:
                wide = LONGEST / 2 * SIZES[size][0]
                kinds.append(rf"p{{{wide:.0f}pt}}")
            else:
                words = i == 0 or any(text[:1].isalpha() for text in cells)
                kinds.append("l" if words else "r")
        return kinds


def _words(heading: str) -> list[str]:
    """What stays on one line: a heading is broken at blanks, and where a long name has a joint."""
    return JOINT.split(heading)


def _width(text: str) -> float:
    return _Cell(text).width


def _float(grid: _Grid, rows: list[list[_Cell]], wide: bool, ruled: bool, caption: str) -> str:
    """One table, or a part of it; all parts look alike."""
    kind, room = ("table*", PAGE) if wide else ("table", COLUMN)
    size = grid.size(room)
    start, end = ("", "") if size else (SCALED, "}")
    size = size or "scriptsize"
    letters = grid.columns(size)
    heads = [
        _heading(head, width, letter)
        for head, width, letter in zip(grid.heads, grid.widths(), letters, strict=True)
    ]
    lines = [
        rf"\begin{{{kind}}}[tbp]",
        r"\centering",
        caption,
        rf"\{size}\setlength{{\tabcolsep}}{{{SIZES[size][1] / 2:g}pt}}",
        rf"{start}\begin{{tabular}}{{@{{}}{''.join(letters)}@{{}}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *_lines(rows, ruled),
        r"\bottomrule",
        rf"\end{{tabular}}{end}",
        rf"\end{{{kind}}}",
        "",
    ]
    return "\n".join(lines)


def _lines(rows: list[list[_Cell]], ruled: bool) -> Iterator[str]:
    """Rows; with a rule between groups, which their first cells name."""
    for before, row in zip([rows[0], *rows], rows, strict=False):
        if ruled and before[0] != row[0]:
            yield r"\midrule"
        yield " & ".join(cell.code for cell in row) + r" \\"


def _heading(text: str, width: float, letter: str) -> str:
    """A column's heading, stacked by its words where it is wider than its cells."""
    lines = [""]
    for word in _words(text):
        gap = "" if lines[-1][-1:] in ("", "-", "_") else " "
        if lines[-1] and _width(f"{lines[-1]}{gap}{word}") > width:
            lines.append(word)
        else:
            lines[-1] += gap + word
    stacked = r"\\".join(map(escape, lines))
    side = "r" if letter == "r" else "l"
    return rf"\shortstack[{side}]{{{stacked}}}" if len(lines) > 1 else stacked


def document(chapters: Sequence[tuple[str, Sequence[Section]]]) -> str:
    """All tables of chapters (heading or "", sections), read from ``latex/KEY.tex`` beside it."""
    inputs: list[str] = []
    for heading, sections in chapters:
        own = [rf"\input{{latex/{s.key}}}" for s in sections if s.table is not None]
        if heading and own:
            own[0] = rf"\section*{{{escape(heading)}}}" + f"\n{own[0]}"
        inputs += own
    return DOCUMENT % "\n\\clearpage\n".join(inputs)
