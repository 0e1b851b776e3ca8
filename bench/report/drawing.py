"""What all figures are made with and of: style, canvas, panels, a method's marks, files."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path

from bench.analysis.variants import SEPARATOR
from bench.report.looks import Look

INK, LINE = "#1f2329", "#c9ced6"  # the page replaces both by its own colours
GREY = "#666666"
WIDTH = 7.2  # inches
NARROW = 5.2  # of what stands beside text
LEGEND_LINE = 0.18  # inches, of one name in a legend
MOST_POINTS = 4000  # of a scatter that stay vectors
RC: Any = {  # the stubs know every key by name
    "font.size": 9.0,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that widths agree everywhere
    "svg.fonttype": "none",  # text stays text: searchable, small
    "pdf.fonttype": 42,  # TrueType, embedded: what journals ask for
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.0,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a name is no formula
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@dataclass
class Drawing:
    """A figure under its file name, with what it shows."""

    name: str
    title: str
    caption: str
    figure: Figure

    def settle(self) -> None:
        """Place everything once: each of the files would do it again, at a third of its time."""
        layout = self.figure.get_layout_engine()
        if layout is not None:
            layout.execute(self.figure)
            self.figure.set_layout_engine("none")

    def png(self) -> bytes:
        """The figure as a PNG file."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
        return buffer.getvalue()

    def pdf(self) -> bytes:
        """The figure as a PDF file: vectors, fonts embedded, no date."""
        buffer = io.BytesIO()
        with mpl.rc_context(RC):
            facts = {"CreationDate": None, "Creator": None, "Producer": None, "Title": self.title}
            self.figure.savefig(buffer, format="pdf", metadata=facts)
        return buffer.getvalue()

    def svg(self) -> str:
        """The same text for the same figure: no date, ids from content, made unique by the name."""
        buffer = io.StringIO()
        with mpl.rc_context({**RC, "svg.hashsalt": self.name}):
            self.figure.savefig(
                buffer,
                format="svg",
                transparent=True,
                metadata={"Date": None, "Creator": None, "Title": self.title},
            )
        text = buffer.getvalue()
        text = re.sub(r'\bid="', f'id="{self.name}-', text)
        text = re.sub(r"url\(#", f"url(#{self.name}-", text)
        return re.sub(r'href="#', f'href="#{self.name}-', text)


def marks(look: Look, size: float) -> dict[str, Any]:
    """How matplotlib is to draw a method's markers."""
    return {
        "marker": look.marker,
        "markersize": size,
        "color": look.colour,
        "fillstyle": look.fill,
        "markerfacecoloralt": "none",
        "markeredgewidth": 0.12 * size,
    }


def points(axes: Axes, x: Any, y: Any, look: Look, drawn: int, **more: Any) -> None:
    """A method's runs, of ``drawn`` in all."""
    raster = drawn > MOST_POINTS
    axes.plot(x, y, **marks(look, 3.4), linestyle="", alpha=0.55, rasterized=raster, **more)


def stacked(look: Look) -> str:
    """A title in lines, for a panel is narrow."""
    return look.title.replace(SEPARATOR, "\n").replace(", ", "\n")


def mark(look: Look) -> str:
    """A method's marker as a small SVG, to stand in a line of text."""
    filling: Any = look.fill  # matplotlib checks it
    style = MarkerStyle(look.marker, filling)
    parts = [(style.get_path(), style.get_transform(), look.fill != "none")]
    if (rest := style.get_alt_path()) is not None:
        parts.append((rest, style.get_alt_transform(), False))
    drawn = "".join(
        f'<path d="{_svg_path(path.transformed(transform))}"'
        f' fill="{look.colour if filled else "none"}"/>'
        for path, transform, filled in parts
    )
    return (
        '<svg class="mark" viewBox="-0.8 -0.8 1.6 1.6" aria-hidden="true" '
        f'stroke="{look.colour}" stroke-width="0.12">{drawn}</svg>'
    ).replace(INK, "currentColor")


def _svg_path(path: Path) -> str:
    """Curves as their chords: a marker is a few pixels."""
    corners: Any
    (corners,) = path.to_polygons(closed_only=False)
    return "M" + " ".join(f"{x:.2f},{-y:.2f}" for x, y in corners) + "Z"


def legend_above(figure: Figure, ncols: int, **more: Any) -> None:
    """A legend over all panels: of the first one's, or of the handles that are given."""
    handles, _ = figure.axes[0].get_legend_handles_labels()
    more = {"handles": handles} | more
    figure.legend(loc="outside upper center", ncols=ncols, fontsize=8, **more)


def single(height: float) -> tuple[Figure, Axes]:
    """A figure of one panel; ``height`` in inches."""
    figure = _canvas(height)
    return figure, figure.add_subplot()


def two_by_two(height: float) -> tuple[Figure, np.ndarray]:
    """Four panels, those of a row on one scale; ``height`` in inches."""
    figure = _canvas(height)
    return figure, figure.subplots(2, 2, sharex=True, sharey="row")


def pair(height: float) -> tuple[Figure, Axes, Axes]:
    """A narrow figure of two panels with the same rows."""
    figure = _canvas(height, NARROW)
    left, right = figure.subplots(1, 2, sharey=True)
    return figure, left, right


def side_by_side(columns: Sequence[int], height: float) -> tuple[Figure, list[Axes]]:
    """Panels as wide as they have columns; ``height`` in inches."""
    figure = _canvas(height)
    grid = figure.subplots(1, len(columns), squeeze=False, width_ratios=columns)
    return figure, list(grid.flat)


def panels(
    names: list[str],
    panel: Callable[[Axes, str], None],
    xlabel: str,
    ylabel: str,
    square: bool = True,
    above: float = 0.0,
) -> Figure:
    """Panels side by side, four in a row; ``above``: inches for what stands over them."""
    columns = min(len(names), 4)
    rows = math.ceil(len(names) / columns)
    figure = _canvas(0.6 + 1.9 * rows + above)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=square, sharey=True)
    for axes, name in zip(grid.flat, names, strict=False):
        panel(axes, name)
    for at in range(len(names), rows * columns):
        grid.flat[at].set_visible(False)
        grid.flat[at - columns].tick_params(labelbottom=True)  # the lowest of its column now
    figure.supxlabel(xlabel, fontsize=9)
    figure.supylabel(ylabel, fontsize=9)
    return figure


def _canvas(height: float, width: float = WIDTH) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def name_rows(axes: Axes, rows: list[Look], above: float = 0.6, most: int = 60) -> None:
    """Methods down the side, the first on top.

    ``above``: rows for what stands over them; ``most``: characters of a line of a name.
    """
    names = [fill(look.title, most, break_on_hyphens=False) for look in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -above)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
