"""Sections → LaTeX tables (booktabs), and one document of all that compiles as it stands."""

from __future__ import annotations

from bench.report.table import Section

MOST_ROWS = 45  # of a table on one page; longer ones are longtables
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
    "≥": r"$\ge$",
    "≤": r"$\le$",
    "…": r"\ldots{}",
    "’": "'",
}

DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,landscape,margin=1.5cm]{geometry}
\usepackage{booktabs,longtable,graphicx}
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
    """A section's table with its caption; empty if it has none."""
    table = section.table
    if table is None:
        return ""
    heads = [str(table.index.name or ""), *map(str, table.columns)]
    body = [[str(name), *map(str, row)] for name, row in zip(table.index, table.to_numpy())]
    columns = "l" + "r" * (len(heads) - 1)
    lines = [" & ".join(map(escape, row)) + r" \\" for row in body]
    head = " & ".join(map(_heading, heads)) + r" \\"
    caption = rf"\caption{{{escape(section.title)}. {escape(section.text)}}}"
    label = rf"\label{{tab:{section.key}}}"
    if len(body) > MOST_ROWS:
        return "\n".join(
            [
                r"{\tiny\setlength{\tabcolsep}{2pt}",
                rf"\begin{{longtable}}{{{columns}}}",
                caption + label + r"\\",
                r"\toprule",
                head,
                r"\midrule\endhead",
                *lines,
                r"\bottomrule",
                r"\end{longtable}}",
                "",
            ]
        )
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering\small",
            caption,
            label,
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            head,
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            "",
        ]
    )


def _heading(text: str) -> str:
    """A column's heading, stacked by its words where it is long."""
    words = text.split(" ")
    if len(text) < 14 or len(words) == 1:
        return escape(text)
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) > 13:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    stacked = r"\\".join(map(escape, [*lines, line]))
    return rf"\shortstack[r]{{{stacked}}}"


def document(sections: list[Section]) -> str:
    """All sections' tables, read from ``latex/KEY.tex`` beside it."""
    inputs = [rf"\input{{latex/{s.key}}}" for s in sections if s.table is not None]
    return DOCUMENT % "\n\\clearpage\n".join(inputs)
