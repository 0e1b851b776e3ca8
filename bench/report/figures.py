"""Figures of an answer, as PNG and SVG; nothing is computed here that a table does not hold.

Colours are Okabe and Ito's (2008), told apart by colour-blind readers, and never alone: methods are
also named, or have a marker of their own.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.analysis.answer import Answer
from bench.analysis.quality_gains import with_quality
from bench.analysis.variants import SEPARATOR
from bench.phrases import counted
from bench.seeds import generator

INK, LINE = "#1f2329", "#c9ced6"  # the page replaces both by its own colours
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A7A7A", "#A6761D"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
WIDTH = 7.2  # inches
LEGEND_LINE = 0.18  # inches, of one name in a legend
MOST_POINTS = 4000  # of a scatter that stay vectors
RC: Any = {  # the stubs know every key by name
    "font.size": 9.0,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that widths agree everywhere
    "svg.fonttype": "none",  # text stays text: searchable, small
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

    def png(self) -> bytes:
        """The figure as a PNG file."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
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


Draw = Callable[[Answer], Drawing | None]


def drawings(answer: Answer, figures: Sequence[Draw]) -> Iterator[Drawing]:
    """Those of some figures that these records allow."""
    for draw in figures:
        with mpl.rc_context(RC):
            drawing = draw(answer)
        if drawing is not None:
            yield drawing


def style(answer: Answer) -> dict[str, tuple[str, str]]:
    """Colour and marker of each method; in the order of their names, so that reports agree."""
    return {
        name: (COLOURS[i % len(COLOURS)], MARKERS[(i + i // len(COLOURS)) % len(MARKERS)])
        for i, name in enumerate(sorted(answer.methods))
    }


def improvements(answer: Answer) -> Drawing | None:
    """Distribution of every method's improvement over units."""
    table, methods = answer.tables["summary"], _tuned(answer)
    if not methods:
        return None
    runs = answer.tables["improvements"]
    figure, axes = _single(0.6 + 0.42 * len(methods))
    looks = style(answer)
    for y, method in enumerate(methods):
        values = runs.loc[runs["method"] == method, "improvement"].dropna().to_numpy()
        jitter = generator("figure", "jitter", method).uniform(-0.28, 0.28, len(values))
        colour, marker = looks[method]
        axes.scatter(
            values, y + jitter, s=11, color=colour, marker=marker, alpha=0.55, linewidths=0,
            rasterized=len(runs) > MOST_POINTS,
        )  # fmt: skip
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]) if len(values) else [np.nan] * 3
        axes.plot([low, high], [y, y], color=INK, linewidth=5, alpha=0.35, solid_capstyle="butt")
        axes.plot([middle, middle], [y - 0.3, y + 0.3], color=INK, linewidth=2)
    axes.axvline(0, color=INK, linewidth=0.8)
    _name_rows(axes, methods)
    axes.set_xlabel(f"improvement over the pre-trained model ({answer.settings.normalization})")
    caption = (
        "A point is a run (dataset, fold, seed); bar: interquartile range; stroke: median. "
        "Right of 0 is better than not fine-tuning. Best average rank on top; "
        f"{counted(int(table['units'].max()), 'run')} a method."
    )
    return Drawing("improvements", "Improvement over the pre-trained model", caption, figure)


def ranks(answer: Answer) -> Drawing | None:
    """Average ranks with bootstrap intervals and Nemenyi's critical difference."""
    table, test = answer.tables["summary"], answer.friedman
    methods = answer.methods
    if len(methods) < 2 or test is None or test.datasets < 2:
        return None  # on one dataset ranks vary in nothing
    figure, axes = _single(1.0 + 0.36 * len(methods))
    looks = style(answer)
    for y, method in enumerate(methods):
        row, (colour, marker) = table.loc[method], looks[method]
        axes.plot([row["rank_low"], row["rank_high"]], [y, y], color=colour, linewidth=2)
        axes.plot(row["rank"], y, marker=marker, color=colour, markersize=7)
        axes.annotate(
            f"{row['rank']:.2f}", (row["rank"], y), xytext=(0, 7), textcoords="offset points",
            ha="center", fontsize=8,
        )  # fmt: skip
    best = float(table["rank"].min())
    end = best + test.critical_difference
    axes.axvspan(best, end, color=LINE, alpha=0.35, linewidth=0)
    axes.annotate(
        "", (best, -0.85), (end, -0.85),
        arrowprops={"arrowstyle": "|-|", "mutation_scale": 3, "color": INK}, annotation_clip=False,
    )  # fmt: skip
    middle = (best + min(end, len(methods))) / 2
    text = f"critical difference {test.critical_difference:.2f}"
    axes.text(middle, -1.0, text, ha="center", va="bottom", fontsize=8)
    axes.set_xlim(0.7, len(methods) + 0.3)
    _name_rows(axes, methods, above=1.5)
    axes.set_xlabel("average rank over datasets (1 is best)")
    caption = (
        f"Average rank over {test.datasets} datasets with its "
        f"{answer.settings.confidence:.0%} bootstrap interval over datasets. Nemenyi: at level "
        f"{answer.settings.alpha:g}, a method in the shaded band cannot be told from the best."
    )
    return Drawing("ranks", "Average ranks and critical difference", caption, figure)


def heat_map(answer: Answer) -> Drawing | None:
    """Mean gain of each: datasets × methods, whichever are more down the side."""
    methods = _tuned(answer)
    if not methods:
        return None
    runs = answer.tables["improvements"]
    means = runs.groupby(["dataset", "method"], observed=True)["raw_gain"].mean()
    wide = 1000 * means.unstack("method")[methods]
    if len(methods) > len(wide):
        wide = wide.T
    figure, axes = _single(1.3 + 0.27 * len(wide))
    axes.grid(False)
    limit = max(float(np.nanquantile(np.abs(wide.to_numpy()), 0.95)), 1e-9)
    axes.imshow(wide.to_numpy(), cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto")
    for (i, j), value in np.ndenumerate(wide.to_numpy()):
        shade = "#ffffff" if abs(value) > 0.7 * limit else "#000000"
        axes.text(j, i, f"{value:+.1f}", ha="center", va="center", fontsize=7.5, color=shade)
    axes.set_xticks(range(wide.shape[1]), wide.columns, rotation=25, ha="right")
    axes.set_yticks(range(len(wide)), wide.index)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    caption = (
        f"Mean change in test {answer.metric.turned_title()} ×1000 by fine-tuning, folds and seeds "
        "averaged; orange is a gain, purple a loss. Colours end at the 95 % quantile of the sizes."
    )
    return Drawing("heat_map", "Gain by dataset and method", caption, figure)


def gains(answer: Answer) -> Drawing | None:
    """What validation promised against what the test part gave, a panel a method."""
    runs = answer.readings
    methods = [m for m in answer.methods if m in set(runs["method"])]
    if not methods:
        return None
    both = runs[["validation_gain", "test_gain"]] * 1000
    low, high = _limits(both.to_numpy())
    looks = style(answer)

    def panel(axes: Axes, method: str) -> None:
        mine = both[runs["method"] == method]
        colour, marker = looks[method]
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.plot([low, high], [low, high], color=INK, linewidth=0.8, linestyle="--")
        axes.scatter(
            mine["validation_gain"].clip(low, high), mine["test_gain"].clip(low, high),
            s=12, color=colour, marker=marker, alpha=0.5, linewidths=0,
            rasterized=len(runs) > MOST_POINTS,
        )  # fmt: skip
        axes.set(xlim=(low, high), ylim=(low, high), title=method.replace(SEPARATOR, "\n"))

    promised = f"validation gain of the chosen step, {answer.metric.title} ×1000"
    figure = _panels(methods, panel, promised, "test gain ×1000")
    caption = (
        "A point is a run. On the dashed line early stopping keeps what it promised; below it, "
        "it promised too much; below 0 the run was better not fine-tuned. Points beyond the "
        "central 98 % are drawn at the border."
    )
    return Drawing("gains", "Validation against test gain", caption, figure)


def curves(answer: Answer) -> Drawing | None:
    """Mean change of the score over the evaluations, a panel a method."""
    runs = answer.kept[answer.kept["test_curve"].map(len) > 1]
    methods = [m for m in answer.methods if m in set(runs["method"])]
    if not methods:
        return None
    looks = style(answer)
    parts = {"validation": "--", "test": "-"}
    bands = {(m, p): _band(runs[runs["method"] == m], f"{p}_curve") for m in methods for p in parts}
    edges = np.concatenate([x for mean, se in bands.values() for x in (mean - se, mean + se)])
    low, high = np.nanmin(edges), np.nanmax(edges)
    pad = 0.05 * (high - low) or 1.0

    def panel(axes: Axes, method: str) -> None:
        axes.axhline(0, color=INK, linewidth=0.6)
        for part, line in parts.items():
            mean, se = bands[method, part]
            shade = looks[method][0] if part == "test" else INK
            at = np.arange(len(mean))
            axes.fill_between(at, mean - se, mean + se, color=shade, alpha=0.15, linewidth=0)
            axes.plot(at, mean, color=shade, linestyle=line, linewidth=1.6, label=part)
        axes.set(ylim=(low - pad, high + pad), title=method.replace(SEPARATOR, "\n"))
        if method == methods[0]:
            axes.legend(fontsize=8, loc="best")

    score = answer.metric.turned_title()
    figure = _panels(methods, panel, "evaluation (0 is the pre-trained model)", f"{score} ×1000")
    caption = (
        f"Change in {score} since the pre-trained model, mean over datasets ± standard error. "
        "Dashed: validation, which early stopping reads; solid: test, for analysis only. A run "
        "that stopped early keeps its last value."
    )
    return Drawing("curves", "Fine-tuning curves", caption, figure)


def time(answer: Answer) -> Drawing | None:
    """Wall time of a cell against the mean gain."""
    methods = _tuned(answer)
    if not methods:
        return None
    seconds = answer.kept.groupby("method", observed=True)["seconds"].median()
    table = answer.tables["summary"]
    figure, axes = _single(max(3.4, 0.3 + LEGEND_LINE * len(methods)))
    for method in methods:
        row, (colour, marker) = table.loc[method], style(answer)[method]
        x, y = seconds[method], 1000 * row["raw_gain"]
        low, high = 1000 * row["raw_gain_low"], 1000 * row["raw_gain_high"]
        axes.plot([x, x], [low, high], color=colour, linewidth=1.2, alpha=0.6)
        axes.plot(x, y, marker=marker, color=colour, markersize=8, linestyle="", label=method)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="median wall time of a cell, seconds (log scale)")
    axes.set_ylabel(f"mean change in test {answer.metric.turned_title()} ×1000")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    caption = (
        "What a method costs and what it gives, with the gain's "
        f"{answer.settings.confidence:.0%} bootstrap interval over datasets. A synthetic table "
        "that two methods share is paid for by the one that came first."
    )
    return Drawing("time", "Time against improvement", caption, figure)


def quality(answer: Answer) -> Drawing | None:
    """Measures of the synthetic rows against the gain, a panel a measure."""
    measured = with_quality(answer.tables["improvements"])
    names = [c for c in map(str, measured) if c.startswith("quality.")]
    if not names:
        return None
    looks = style(answer)

    def panel(axes: Axes, name: str) -> None:
        for method, runs in measured.groupby("method", observed=True):
            colour, marker = looks[str(method)]
            axes.scatter(
                runs[name], 1000 * runs["raw_gain"], s=9, color=colour, marker=marker, alpha=0.5,
                linewidths=0, label=method, rasterized=len(measured) > MOST_POINTS,
            )  # fmt: skip
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_title(name.removeprefix("quality.").replace("_", " "))

    lines = math.ceil(measured["method"].nunique() / 4)
    figure = _panels(
        names, panel, "measure of the synthetic rows", "test gain ×1000",
        square=False, above=LEGEND_LINE * lines,
    )  # fmt: skip
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=8, markerscale=2)
    caption = "A point is a run of a method whose rows were measured. Correlations: see the table."
    return Drawing("quality", "Quality of the rows against the gain", caption, figure)


def _tuned(answer: Answer) -> list[str]:
    return [m for m in answer.methods if m not in answer.references.pretrained]


@contextmanager
def _canvas(height: float) -> Iterator[Figure]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    yield figure


def _single(height: float) -> tuple[Figure, Axes]:
    with _canvas(height) as figure:
        return figure, figure.add_subplot()


def _panels(
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
    with _canvas(0.6 + 1.9 * rows + above) as figure:
        grid = figure.subplots(rows, columns, squeeze=False, sharex=square, sharey=True)
        for axes, name in zip(grid.flat, names, strict=False):
            panel(axes, name)
        for axes in grid.flat[len(names) :]:
            axes.set_visible(False)
        figure.supxlabel(xlabel, fontsize=9)
        figure.supylabel(ylabel, fontsize=9)
    return figure


def _name_rows(axes: Axes, methods: list[str], above: float = 0.6) -> None:
    axes.set_yticks(range(len(methods)), methods)
    axes.set_ylim(len(methods) - 0.4, -above)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _limits(values: np.ndarray) -> tuple[float, float]:
    """A square that holds the central 98 %, and 0."""
    low, high = np.nanquantile(values, [0.01, 0.99]) if values.size else (0.0, 0.0)
    low, high = min(low, 0.0), max(high, 0.0)
    pad = 0.05 * (high - low) or 1.0
    return float(low - pad), float(high + pad)


def _band(runs: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error over datasets of the change since evaluation 0, ×1000."""
    longest = runs[column].map(len).max()
    changes = np.full((len(runs), longest), np.nan)
    for i, curve in enumerate(runs[column]):
        changes[i, : len(curve)] = curve
        changes[i, len(curve) :] = curve[-1]
    changes = 1000 * (changes - changes[:, :1])
    means = pd.DataFrame(changes).groupby(runs["dataset"].to_numpy()).mean()
    return means.mean().to_numpy(), means.sem().fillna(0).to_numpy()
