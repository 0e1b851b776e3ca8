"""The page: one HTML file that needs no network, with every table, figure and cell.

Whatever came from data is escaped by the template; only the style, the script and the figures'
SVG, all made here, are not.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from bench.cell.record import Record, as_yaml
from bench.report import provenance
from bench.report.captions import repaired
from bench.report.chapter import Chapter
from bench.report.drawing import INK, LINE, mark
from bench.report.looks import title
from bench.report.table import Behind, Section

HERE = Path(__file__).parent
GLANCE = "at_a_glance"


@dataclass(frozen=True)
class InlineFigure:
    """A figure as the page holds it."""

    name: str
    title: str
    caption: str
    svg: Markup


@dataclass
class Content:
    """What the page is made of."""

    title: str
    chapters: Sequence[Chapter]
    figures: dict[str, list[InlineFigure]]  # below the section of that key; beside answers, GLANCE
    records: list[Record]
    warnings: list[str]  # of no chapter alone
    files: list[str]
    graphs: Sequence[tuple[str, str]] = ()  # title, SVG text
    plan: str = ""  # that was written beforehand, as HTML (`bench.report.planned.plan_of`)
    command: str = ""  # what is to be run next
    loose: Collection[str] = ()  # where records lie in files of their own, below the results folder


def page(content: Content) -> str:
    """The HTML of the report.

    ``content.graphs`` are shown as images, so that a script inside one could not run.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    graphs = [(name, base64.b64encode(svg.encode()).decode()) for name, svg in content.graphs]
    settings = content.chapters[0].read.settings  # every chapter's
    return environment.get_template("page.html.j2").render(
        title=content.title,
        css=_own("page.css"),
        js=_own("page.js"),
        warnings=content.warnings,
        command=content.command,
        plan=content.plan,
        chapters=[_chapter(chapter, content) for chapter in content.chapters],
        rows=_rows,
        title_of=title,
        figures=content.figures,
        graphs=graphs,
        repaired=repaired(content.records),
        analysis=[(name, _text(value)) for name, value in asdict(settings).items()],
        settings=as_yaml(provenance.settings_of(content.records)),
        provenance=provenance.facts(content.records),
        data=provenance.data_hashes(content.records),
        files=content.files,
    )


def _chapter(chapter: Chapter, content: Content) -> dict[str, Any]:
    """What the template says of a chapter."""
    return {
        "prefix": chapter.prefix,
        "title": chapter.title,
        "anchor": chapter.anchor,
        "completeness": chapter.completeness,
        "replies": chapter.replies,
        "titles": {s.key: s.title for s in chapter.sections if s.table is not None},
        "elsewhere": chapter.elsewhere,
        "warnings": chapter.warnings,
        "headline": chapter.headline,
        "sections": chapter.sections,
        "at_a_glance": content.figures[f"{chapter.prefix}{GLANCE}"],
        "marks": {m: Markup(mark(look)) for m, look in chapter.looks.items()},
        "cells": chapter.cells.listed(content.loose),
    }


def inline(name: str, title: str, caption: str, svg: str) -> InlineFigure:
    """A figure's SVG for the page: its ink and lines in the page's colours, light or dark."""
    text = svg[svg.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace("*{stroke", "svg *{stroke")  # matplotlib's style would reach all the page
    text = text.replace(INK, "currentColor").replace(LINE, "var(--line)")
    text = text.replace("<svg ", f'<svg role="img" aria-label="{Markup.escape(title)}" ', 1)
    return InlineFigure(name, title, caption, Markup(text))


def _own(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))


def _rows(section: Section) -> list[tuple[str, list[tuple[str, str, Behind | None]]]]:
    """Name of each row → heading, text and what is behind it, of each column."""
    table = section.table
    if table is None:
        return []
    columns = list(map(str, table.columns))
    return [
        (
            str(name),
            [
                (column, text, None if column in section.stated else section.behind(i, column))
                for column, text in zip(columns, row, strict=True)
            ],
        )
        for i, (name, row) in enumerate(zip(table.index, table.to_numpy(), strict=True))
    ]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
