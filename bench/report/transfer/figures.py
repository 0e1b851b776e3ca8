"""Figures of the chapter on transfer; nothing is drawn that a table does not hold."""

from __future__ import annotations

from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from bench.analysis.transfer.runs import ACROSS, OTHERS, WITHIN
from bench.phrases import percent
from bench.report.drawing import (
    INK,
    LEGEND_LINE,
    Drawing,
    legend_above,
    marks,
    name_rows,
    pair,
    panels,
    side_by_side,
)
from bench.report.figures import signed
from bench.report.transfer.reading import (
    Reading,
    in_context,
    order_of,
    order_of_origin,
    origins,
)

ENDS = ("mean", "low", "high")
FEW = 3  # thousandths up to which two decimals tell more than one
FULL = 13  # letters that fill a cell
ACROSS_ALL = 70  # letters that stand over all panels of a row
WRAPPED = 17  # letters of an arm's name in a line
# Direction → line of a learning curve; others are left to the table.
LINES: dict[str, tuple[str, Any]] = {
    ACROSS: ("#D55E00", "-"),
    WITHIN: ("#0072B2", "--"),
    OTHERS: ("#666666", ":"),
}


class Shades(NamedTuple):
    """Colours of gains, of both ends alike."""

    limit: float
    of: ScalarMappable


def glance(reading: Reading) -> Drawing | None:
    """Mean gain and harm of every arm across domains, with intervals."""
    table = reading.answer.across
    arms = [arm for arm in reading.looks if arm in table.index]
    if not arms:
        return None
    figure, *both = pair(0.75 + 0.27 * len(arms))
    of = {"mean": (1000, both[0]), "harm": (100, both[1])}
    for y, arm in enumerate(arms):
        row, look = table.loc[arm].to_dict(), reading.looks[arm]
        for name, (scale, axes) in of.items():
            ends = [scale * row[f"{name}_{end}"] for end in ("low", "high")]
            axes.plot(ends, [y, y], color=look.colour, linewidth=2)
            axes.plot(scale * row[name], y, **marks(look, 6))
    for axes in both:
        axes.axvline(0, color=INK, linewidth=0.8)
        name_rows(axes, [reading.looks[arm] for arm in arms])
    both[0].set_xlabel(f"gain: test {reading.metric.turned_title()} ×1000", fontsize=8)
    both[1].set_xlabel("harm: % of runs that end worse", fontsize=8)
    caption = (
        "Across domains, in context, against the base model (0), with "
        f"{percent(reading.settings.confidence)} bootstrap intervals over targets and corpora."
    )
    return Drawing("at_a_glance", "Gain and harm across domains", caption, figure)


def heat_map(reading: Reading) -> Drawing | None:
    """Mean gain: a row an arm, a column a target's domain, a panel a source."""
    table = in_context(reading.answer.matrix)
    arms = [arm for arm in reading.looks if arm in set(table["arm"])]
    if not arms:
        return None
    table = table.assign(origin=origins(table))
    of = {str(name): part for name, part in table.groupby("origin")}
    order = sorted(of, key=order_of_origin)
    domains = {name: sorted(set(of[name]["target_domain"]), key=order_of) for name in order}
    limit = 1000 * max(float(table["mean"].abs().quantile(0.95)), 1e-12)
    shades = Shades(limit, ScalarMappable(Normalize(-limit, limit), "PuOr_r"))
    widths = [len(domains[name]) for name in order]
    figure, axes = side_by_side(widths, 1.0 + 0.38 * len(arms))
    for ax, name in zip(axes, order, strict=True):
        _panel(ax, of[name], arms, domains[name], shades)
        letters = ACROSS_ALL * len(domains[name]) // sum(widths)
        ax.set_title(fill(f"from {name}", letters, break_long_words=False))
    titles = [fill(reading.looks[arm].title, WRAPPED) for arm in arms]
    axes[0].set_yticks(range(len(arms)), titles, fontsize=8)
    figure.supxlabel("to tables of", fontsize=9)
    bar = figure.colorbar(
        shades.of, ax=axes, extend="both", pad=0.01, fraction=0.025, aspect=35,
        label=f"mean gain, test {reading.metric.turned_title()} ×1000",
    )  # fmt: skip
    bar.outline.set_visible(False)
    framed = " Framed: the target's own domain, the target itself left out."
    has_own = bool(table["is_in_domain"].any())
    caption = (
        "Mean gain over the base model, in context, and its "
        f"{percent(reading.settings.confidence)} interval; bold where that leaves 0 out. Orange: "
        f"gain; purple: loss; colours end at the 95% quantile.{framed if has_own else ''}"
    )
    return Drawing("heat_map", "Gain from domain to domain, by arm", caption, figure)


def _panel(
    axes: Axes, cells: pd.DataFrame, arms: list[str], domains: list[str], shades: Shades
) -> None:
    digits = 2 if shades.limit < FEW else 1
    axes.grid(False)
    axes.set(xlim=(-0.5, len(domains) - 0.5), ylim=(len(arms) - 0.5, -0.5))
    for row in cells.to_dict("records"):
        x, y = domains.index(row["target_domain"]), arms.index(row["arm"])
        value, low, high = (1000 * row[name] for name in ("mean", "low", "high"))
        ink = "#ffffff" if abs(value) > 0.6 * shades.limit else "#000000"
        shade = shades.of.to_rgba(value)
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, color=shade, linewidth=0))
        if row["is_in_domain"]:
            inner = (x - 0.46, y - 0.46)
            axes.add_patch(Rectangle(inner, 0.92, 0.92, fill=False, edgecolor=ink, linewidth=0.9))
        of_text: Any = {"ha": "center", "va": "center", "color": ink}
        weight = "bold" if low > 0 or high < 0 else "normal"
        has_ends = not np.isnan(low)
        at = y - 0.13 if has_ends else y
        axes.text(x, at, signed(value, digits), fontsize=8, weight=weight, **of_text)
        if has_ends:
            ends = f"[{low:.{digits}f}, {high:.{digits}f}]".replace("-", "−")
            size = 5.6 if len(ends) < FULL else 5.0
            axes.text(x, y + 0.22, ends, fontsize=size, **of_text)
    axes.set_xticks(range(len(domains)), domains, fontsize=7)
    axes.set_yticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def learning_curves(reading: Reading) -> Drawing | None:
    """Mean gain over the number of rows in context, a panel an arm."""
    table = reading.answer.curves
    table = table[table["direction"].isin(LINES)]
    sizes = list(table["rows"].cat.categories)
    arms = [arm for arm in reading.looks if arm in set(table["arm"])]
    if not arms or len(sizes) < 2:
        return None
    ends = 1000 * table[["mean", "low", "high"]].to_numpy()
    low, high = min(float(np.nanmin(ends)), 0.0), max(float(np.nanmax(ends)), 0.0)
    pad = 0.05 * (high - low) or 1.0

    def panel(axes: Axes, arm: str) -> None:
        axes.axhline(0, color=INK, linewidth=0.6)
        for name, (colour, line) in LINES.items():
            own = table[(table["arm"] == arm) & (table["direction"] == name)].sort_values("rows")
            x, (y, below, above) = own["rows"].cat.codes, (1000 * own[of] for of in ENDS)
            axes.fill_between(x, below, above, color=colour, alpha=0.15, linewidth=0)
            axes.plot(x, y, color=colour, linestyle=line, marker=".", label=name)
        axes.set_xticks(range(len(sizes)), sizes)
        axes.set_xlim(-0.2, len(sizes) - 0.8)
        axes.set(ylim=(low - pad, high + pad))
        axes.set_title(fill(reading.looks[arm].title, WRAPPED))

    figure = panels(
        arms, panel, "rows of the target in context",
        f"gain in test {reading.metric.turned_title()} ×1000", above=LEGEND_LINE,
    )  # fmt: skip
    there = [name for name in LINES if name in set(table["direction"])]
    drawn = [
        Line2D([], [], color=LINES[name][0], linestyle=LINES[name][1], marker=".", label=name)
        for name in there
    ]
    legend_above(figure, ncols=len(drawn), handles=drawn)
    caption = (
        "Mean gain over the base model with the same rows in context, over targets and "
        f"corpora; bands: {percent(reading.settings.confidence)} intervals."
    )
    return Drawing("learning_curves", "Gain by number of rows in context", caption, figure)
