"""Figures of an answer; nothing is computed here that a table does not hold.

A method has the same look in all of them (`bench.report.looks`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from bench.analysis.answer import Answer
from bench.analysis.quality_gains import with_quality
from bench.analysis.rates import by_rate
from bench.analysis.settings import Normalization
from bench.analysis.variants import shown
from bench.phrases import percent
from bench.report.drawing import (
    GREY,
    INK,
    LEGEND_LINE,
    LINE,
    RC,
    Drawing,
    legend_above,
    marks,
    name_rows,
    panels,
    points,
    single,
    stacked,
    two_by_two,
)
from bench.report.looks import looks
from bench.seeds import generator

UNITS = {  # of an improvement
    Normalization.minmax: "share of the unit's range (min–max)",
    Normalization.raw: "{score}",
    Normalization.pretrained_to_best: "share of the way to the unit's best",
    Normalization.error_reduction: "share of that model's error",
}
CROWDED = 20  # columns of a heat map, its names counted, beyond which its numbers are small
MEASURES = {  # of `bench.quality.measures`: a title, and its unit
    "copies": ("copies of real rows", "share of rows"),
    "correlation_error": ("error of correlations", "mean absolute difference"),
    "detection_auc": ("told from real rows", "ROC-AUC"),
    "distance_to_closest": ("closest real row", "× that of real rows"),
    "frechet_distance": ("Fréchet distance", "squared, 2 components"),
    "marginal_distance": ("distance of marginals", "mean, 0 to 1"),
    "test_global_utility": ("all columns, from others", "R², × that of real rows"),
    "test_tstr_r2": ("trained on them", "R² on real rows"),
    "test_tstr_roc_auc": ("trained on them", "ROC-AUC on real rows"),
}
SHORT, NARROW = 10, 24  # rows of a heat map whose bar's label is broken, and letters of its lines
LINEAR = 5  # gain ×1000 up to which its scale is linear, where learning rates go far beyond
TICKS = (-200, -100, -50, -20, -10, -5, 0, 5, 10, 20, 50)


def drawings(answer: Any, figures: Sequence[Callable[[Any], Drawing | None]]) -> Iterator[Drawing]:
    """Those of some figures that the records of an answer allow."""
    for draw in figures:
        with mpl.rc_context(RC):
            drawing = draw(answer)
            if drawing is not None:
                drawing.settle()
        if drawing is not None:
            yield drawing


def improvements(answer: Answer) -> Drawing | None:
    """Distribution of every method's improvement over units."""
    table, methods = answer.tables["summary"], tuned(answer)
    if not methods:
        return None
    runs = answer.tables["improvements"]
    figure, axes = single(0.6 + 0.42 * len(methods))
    seen = looks(answer.methods)
    for y, method in enumerate(methods):
        values = runs.loc[runs["method"] == method, "improvement"].dropna().to_numpy()
        jitter = generator("figure", "jitter", method).uniform(-0.28, 0.28, len(values))
        points(axes, values, y + jitter, seen[method], len(runs))
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]) if len(values) else [np.nan] * 3
        axes.plot(
            [low, high], [y, y], color=INK, linewidth=5, alpha=0.3, solid_capstyle="butt", zorder=1
        )  # below the points
        axes.plot([middle, middle], [y - 0.3, y + 0.3], color=INK, linewidth=2)
    axes.axvline(0, color=INK, linewidth=0.8)
    name_rows(axes, [seen[method] for method in methods])
    unit = UNITS[answer.settings.normalization].format(score=f"test {answer.metric.turned_title()}")
    axes.set_xlabel(f"improvement over the pre-trained model,\n{unit}")
    caption = (
        f"A point is a run, {int(table['units'].max())} a method; bar: interquartile range; "
        "stroke: median."
    )
    return Drawing("improvements", "Improvement over the pre-trained model", caption, figure)


def ranks(answer: Answer) -> Drawing | None:
    """Average ranks with bootstrap intervals and Nemenyi's critical difference."""
    table, test = answer.tables["summary"], answer.friedman
    methods = answer.methods
    if len(methods) < 2 or test is None or test.datasets < 2:
        return None  # on one dataset ranks vary in nothing
    figure, axes = single(1.0 + 0.36 * len(methods))
    seen = looks(answer.methods)
    for y, method in enumerate(methods):
        row, look = table.loc[method], seen[method]
        axes.plot([row["rank_low"], row["rank_high"]], [y, y], color=look.colour, linewidth=2)
        axes.plot(row["rank"], y, **marks(look, 7))
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
    name_rows(axes, [seen[method] for method in methods], above=1.5)
    axes.set_xlabel("average rank over datasets (1 is best)")
    caption = (
        "In the shaded band none can be told from the best (Nemenyi, level "
        f"{answer.settings.alpha:g})."
    )
    return Drawing("ranks", "Average ranks and critical difference", caption, figure)


def heat_map(answer: Answer) -> Drawing | None:
    """Mean gain of each: datasets × methods, whichever are more down the side."""
    methods = tuned(answer)
    if not methods:
        return None
    runs = answer.tables["improvements"]
    means = runs.groupby(["dataset", "method"], observed=True)["raw_gain"].mean()
    wide = 1000 * means.unstack("method")[methods]
    wide.columns = [look.title for look in looks(methods).values()]
    if len(methods) > len(wide):
        wide = wide.T
    figure, axes = single(1.3 + 0.27 * len(wide))
    axes.grid(False)
    limit = max(float(np.nanquantile(np.abs(wide.to_numpy()), 0.95)), 1e-9)
    image = axes.imshow(wide.to_numpy(), cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto")
    named = max(len(str(name)) for name in wide.index)  # names take a column's room each 4 signs
    size = 7.5 if wide.shape[1] + named / 4 <= CROWDED else 5.0
    for (i, j), value in np.ndenumerate(wide.to_numpy()):
        shade = "#ffffff" if abs(value) > 0.6 * limit else "#000000"
        axes.text(j, i, signed(value), ha="center", va="center", fontsize=size, color=shade)
    label = f"mean change in test {answer.metric.turned_title()} ×1000"
    bar = figure.colorbar(
        image, ax=axes, extend="both", pad=0.015, fraction=0.045, aspect=4 + 1.5 * len(wide),
        label=fill(label, NARROW, break_on_hyphens=False) if len(wide) < SHORT else label,
    )  # fmt: skip
    bar.outline.set_visible(False)
    axes.set_xticks(range(wide.shape[1]), wide.columns, rotation=25, ha="right")
    axes.set_yticks(range(len(wide)), wide.index)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    caption = "Orange: gain; purple: loss; colours end at the 95% quantile."
    return Drawing("heat_map", "Gain by dataset and method", caption, figure)


def gains(answer: Answer) -> Drawing | None:
    """What validation promised against what the test part gave, a panel a method."""
    runs = answer.readings
    methods = [m for m in answer.methods if m in set(runs["method"])]
    if not methods:
        return None
    both = runs[["validation_gain", "test_gain"]] * 1000
    low, high = _limits(both.to_numpy())
    seen = looks(answer.methods)

    def panel(axes: Axes, method: str) -> None:
        mine = both[runs["method"] == method]
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.plot(
            [low, high], [low, high], color=INK, linewidth=0.8, linestyle="--",
            label="test gain = validation gain",
        )  # fmt: skip
        x, y = (mine[name].clip(low, high) for name in ("validation_gain", "test_gain"))
        points(axes, x, y, seen[method], len(runs), clip_on=False)
        axes.set(xlim=(low, high), ylim=(low, high), title=stacked(seen[method]))

    score = answer.metric.turned_title()
    figure = panels(
        methods, panel, f"validation gain of the chosen step, {score} ×1000",
        f"test gain, {score} ×1000", above=LEGEND_LINE,
    )  # fmt: skip
    legend_above(figure, ncols=1)
    caption = (
        "Below the dashed line validation promised a run too much; below 0 it was better not "
        "fine-tuned. The outer 2 % lie on the border."
    )
    return Drawing("gains", "Validation against test gain", caption, figure)


def curves(answer: Answer) -> Drawing | None:
    """Mean change of the score over the evaluations, a panel a method."""
    runs = answer.kept[answer.kept["test_curve"].map(len) > 1]
    methods = [m for m in answer.methods if m in set(runs["method"])]
    if not methods:
        return None
    seen = looks(answer.methods)
    parts: dict[str, Any] = {"validation": "--", "test": "-"}
    bands = {(m, p): _band(runs[runs["method"] == m], f"{p}_curve") for m in methods for p in parts}
    edges = np.concatenate([x for mean, se in bands.values() for x in (mean - se, mean + se)])
    low, high = np.nanmin(edges), np.nanmax(edges)
    pad = 0.05 * (high - low) or 1.0

    def panel(axes: Axes, method: str) -> None:
        axes.axhline(0, color=INK, linewidth=0.6)
        for part, line in parts.items():
            mean, se = bands[method, part]
            shade = seen[method].colour if part == "test" else GREY
            at = np.arange(len(mean))
            axes.fill_between(at, mean - se, mean + se, color=shade, alpha=0.15, linewidth=0)
            axes.plot(at, mean, color=shade, linestyle=line, linewidth=1.6, label=part)
        axes.set(ylim=(low - pad, high + pad), title=stacked(seen[method]))

    score = answer.metric.turned_title()
    figure = panels(
        methods, panel, "number of the evaluation (0 is the pre-trained model)",
        f"change in {score} ×1000", above=LEGEND_LINE,
    )  # fmt: skip
    legend_above(
        figure,
        ncols=2,
        handles=[Line2D([], [], color=INK, linestyle=line, label=p) for p, line in parts.items()],
    )
    caption = (
        "Mean over datasets ± SE; test is for analysis only. A run that stopped keeps its last "
        "value."
    )
    return Drawing("curves", "Fine-tuning curves", caption, figure)


def rates(answer: Answer) -> Drawing | None:
    """Gain and harm against the learning rate, a line a method that was run under several."""
    table = by_rate(answer.kept, answer.settings)
    swept = [(str(line), of) for line, of in table.groupby("line") if len(of) > 1]
    if not swept:
        return None
    seen = looks([line for line, _ in swept])
    figure, grid = two_by_two(4.6)
    for column, step in enumerate(("chosen", "last")):
        for axes, what, scale in zip(grid[:, column], ("gain", "harm"), (1000, 100), strict=True):
            axes.axhline(0, color=INK, linewidth=0.6)
            for place, (line, of) in enumerate(swept):
                # Beside each other, so that no interval hides another.
                x = of["lr"] * 1.04 ** (place - (len(swept) - 1) / 2)
                y, low, high = (scale * of[f"{what}_{step}{end}"] for end in ("", "_low", "_high"))
                axes.vlines(x, low, high, color=seen[line].colour, linewidth=1, alpha=0.6)
                axes.plot(x, y, **marks(seen[line], 5), linewidth=1.2, label=seen[line].title)
        grid[0, column].set(xscale="log", title=f"{step} step")
    gains = np.nan_to_num(1000 * table.filter(regex="^gain_").to_numpy(float))
    grid[0, 0].set_yscale("symlog", linthresh=LINEAR)
    # Of its own, it would end at the outermost marker's middle.
    bottom, top = min(float(gains.min()), 0.0), max(float(gains.max()), 0.0)
    grid[0, 0].set_ylim(1.3 * bottom - 1, 1.3 * top + 1)
    grid[0, 0].set_ylabel(f"test gain, {answer.metric.turned_title()} ×1000")
    grid[1, 0].set_ylabel("runs harmed, %")
    _tick(grid[0, 0].yaxis, TICKS, lambda gain: signed(gain, 0))
    tried = sorted({lr for _, of in swept for lr in of["lr"]})
    _tick(grid[1, 0].xaxis, tried, lambda lr: shown(float(f"{lr:.6g}")))
    figure.supxlabel("learning rate (log scale)", fontsize=9)
    legend_above(figure, ncols=4)
    caption = (
        "Mean over tables with its "
        f"{percent(answer.settings.confidence)} bootstrap interval over tables. Harmed: worse on "
        f"test than not fine-tuning. Beyond ±{LINEAR} the scale of the gain is logarithmic."
    )
    return Drawing("rates", "Gain and harm by learning rate", caption, figure)


def _tick(axis: Axis, at: Sequence[float], show: Callable[[float], str]) -> None:
    """Ticks at some places and no others."""
    axis.set_major_locator(FixedLocator(at))
    axis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
    axis.set_minor_locator(NullLocator())


def time(answer: Answer) -> Drawing | None:
    """Wall time of a cell against the mean gain."""
    methods = tuned(answer)
    if not methods:
        return None
    seconds = answer.kept.groupby("method", observed=True)["seconds"].median()
    table = answer.tables["summary"]
    figure, axes = single(max(3.4, 0.3 + LEGEND_LINE * len(methods)))
    seen = looks(answer.methods)
    for method in methods:
        row, look = table.loc[method], seen[method]
        x, y = seconds[method], 1000 * row["raw_gain"]
        low, high = 1000 * row["raw_gain_low"], 1000 * row["raw_gain_high"]
        axes.plot([x, x], [low, high], color=look.colour, linewidth=1.2, alpha=0.6)
        axes.plot(x, y, **marks(look, 8), linestyle="", label=look.title)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="median wall time of a cell, seconds (log scale)")
    axes.set_ylabel(f"mean change in test {answer.metric.turned_title()} ×1000")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    caption = (
        f"{percent(answer.settings.confidence)} bootstrap intervals. A synthetic table that "
        "methods share is paid for by the first."
    )
    return Drawing("time", "Time against improvement", caption, figure)


def quality(answer: Answer) -> Drawing | None:
    """Measures of the synthetic rows against the gain, a panel a measure."""
    measured = with_quality(answer.tables["improvements"])
    names = [c for c in map(str, measured) if c.startswith("quality.")]
    if not names:
        return None
    seen = looks(answer.methods)

    def panel(axes: Axes, name: str) -> None:
        for method, runs in measured.groupby("method", observed=True):
            look = seen[str(method)]
            points(axes, runs[name], 1000 * runs["raw_gain"], look, len(measured), label=look.title)
        axes.axhline(0, color=INK, linewidth=0.6)
        measure = name.removeprefix("quality.")
        title, unit = MEASURES.get(measure, (measure.replace("_", " "), ""))
        axes.set_title(title)
        axes.set_xlabel(unit, fontsize=8)

    lines = math.ceil(measured["method"].nunique() / 3)
    figure = panels(
        names, panel, "measure of the synthetic rows",
        f"test gain, {answer.metric.turned_title()} ×1000",
        square=False, above=LEGEND_LINE * lines,
    )  # fmt: skip
    legend_above(figure, ncols=3, markerscale=2)
    caption = "A point is a run."
    return Drawing("quality", "Quality of the rows against the gain", caption, figure)


def tuned(answer: Answer) -> list[str]:
    """The methods that fine-tune, best average rank first."""
    return [m for m in answer.methods if m not in answer.references.pretrained]


def signed(value: float, digits: int = 1) -> str:
    """With its sign, and a 0 without one."""
    is_zero = round(value, digits) == 0
    return f"{abs(value) if is_zero else value:{'' if is_zero else '+'}.{digits}f}".replace(
        "-", "−"
    )


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
