"""What a report wrote, and whether a table is the same in all of it."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.analysis.frame import NAMING, NESTED
from bench.report.latex import BEST_OF, escape
from bench.report.looks import title, titled
from bench.report.table import Section, TableOf


class Reported(NamedTuple):
    """A report on disk, what it printed, and what it was made of."""

    folder: Path
    printed: str
    numbers: dict[str, pd.DataFrame]
    sections: dict[str, Section]
    prefix: str = ""  # of its chapter

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


def in_all_outputs(table: TableOf[Any], whole: Reported) -> None:
    """Hold a table to its CSV, and its section to page, Markdown, LaTeX and terminal."""
    file = whole.folder / f"{whole.prefix}{table.key}.csv"
    assert file.exists() == (table.has_file and not table.timed)
    if file.exists():
        numbers = whole.numbers[table.key]
        read = pd.read_csv(file, index_col=None if table.row else 0)
        expected = numbers.drop(columns=[*NESTED, *NAMING], errors="ignore")
        assert list(read) == list(expected)
        for column in expected.select_dtypes("number"):
            np.testing.assert_allclose(read[column], expected[column], rtol=1e-12)
    assert (table.key in whole.sections) == bool(table.title)
    if table.title:
        section = whole.sections[table.key]
        assert section.table is not None, f"the records should give {table.key} something to show"
        in_page(section, whole.text("index.html"))
        if table.timed:
            assert f"## {section.title}" not in whole.text("tables.md")
            assert not (whole.folder / "latex" / f"{whole.prefix}{table.key}.tex").exists()
        else:
            in_markdown(section, whole.text("tables.md"))
            assert f"latex/{whole.prefix}{table.key}}}" in whole.text("tables.tex")
            in_latex(section, whole.text(f"latex/{whole.prefix}{table.key}.tex"))
        assert is_printed(section, whole.printed) == section.terminal


def cells(section: Section, *before: list[str]) -> list[list[str]]:
    assert section.table is not None
    rows = zip(section.table.index, section.table.to_numpy(), strict=True)
    return [*before, *([str(name), *row] for name, row in rows)]


def in_page(section: Section, page: str) -> None:
    (inside,) = re.findall(rf'<section id="{section.key}"[^>]*>.*?</section>', page, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", inside, re.DOTALL)
    texts = [[plain(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]
    assert section.table is not None
    head, *body = cells(section, [section.table.index.name or "", *section.table])
    if section.table.index.name == "method":  # the name that people know, then the config's
        body = [[f"{title(n)} {n}" if title(n) != n else n, *row] for n, *row in body]
    assert texts == [head, *body]
    assert plain(re.findall(r"<h2>.*?</h2>", inside)[0]) == section.title
    assert plain(re.findall(r'<p class="note">.*?</p>', inside)[0]) == section.text


def plain(fragment: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", fragment))


def in_markdown(section: Section, text: str) -> None:
    _, _, behind = text.partition(f"## {section.title}\n\n")
    table, caption, *_ = behind.split("\n\n")
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert lines[2:] == cells(section)
    assert caption.strip() == section.text


def in_latex(section: Section, text: str) -> None:
    stop = "" if section.title.endswith("?") else "."
    told = f"{section.title}{stop} {section.text}"
    told += f" Bold: the best of {BEST_OF[section.rivals]}." if section.best else ""
    assert rf"\caption{{{escape(titled(told))}}}\label{{tab:{section.key}}}" in text
    assert text.count(r"\textbf{") == len(section.best)
    named = section.table.reset_index(names=str(section.table.index.name or ""))
    for head in {"method", "against"} & {*named}:
        named[head] = [", ".join(map(title, cell.split(", "))) for cell in named[head].map(str)]
    lines = text.replace(r"\textbf{", "").replace("}", "").replace("$-$", "-").splitlines()
    rows = [line.removesuffix(r" \\").split(" & ") for line in lines]
    expected = [[escape(cell).replace("$-$", "-").replace("}", "") for cell in row]
                for row in named.to_numpy().astype(str)]  # fmt: skip
    if section.rivals == "row":  # the scores may be turned
        assert {cell for row in rows for cell in row} >= {cell for row in expected for cell in row}
    else:
        assert [row for row in rows if row in expected] == expected


def is_printed(section: Section, printed: str) -> bool:
    """Its title and caption; the terminal breaks lines where it likes."""
    words = " ".join(printed.split())
    return f"{section.title} ┏" in words and " ".join(section.text.split()) in words
