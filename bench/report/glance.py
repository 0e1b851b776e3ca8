"""The figure beside the answers: gain and harm of every method, with intervals."""

from __future__ import annotations

from bench.analysis.answer import Answer
from bench.analysis.safety import causal_methods
from bench.phrases import percent
from bench.report.drawing import INK, Drawing, marks, name_rows, pair
from bench.report.figures import tuned
from bench.report.looks import looks

MOST = 12  # methods
LONGEST = 24  # characters of a line of a name: two panels share a narrow figure


def at_a_glance(answer: Answer) -> Drawing | None:
    """Mean gain of every method, and how many runs it harms, with intervals."""
    every = tuned(answer)
    always = {answer.references.main, *causal_methods(answer.kept)}
    methods = [m for place, m in enumerate(every) if place < MOST or m in always]
    if not methods:
        return None
    table, seen = answer.tables["summary"], looks(answer.methods)
    has_long = any(len(seen[method].title) > LONGEST for method in methods)
    figure, *both = pair(0.85 + (0.38 if has_long else 0.27) * len(methods))
    of = {"raw_gain": (1000, both[0]), "harm": (100, both[1])}
    for y, method in enumerate(methods):
        row, look = table.loc[method].to_dict(), seen[method]
        for name, (scale, axes) in of.items():
            ends = [scale * row[f"{name}_{end}"] for end in ("low", "high")]
            axes.plot(ends, [y, y], color=look.colour, linewidth=2)
            axes.plot(scale * row[name], y, **marks(look, 6))
    for axes in both:
        axes.axvline(0, color=INK, linewidth=0.8)
        name_rows(axes, [seen[method] for method in methods], most=LONGEST)
    both[0].set_xlabel(f"gain: test\n{answer.metric.turned_title()} ×1000", fontsize=8)
    both[1].set_xlabel("harm: % of runs that\nend worse than pre-trained", fontsize=8)
    most = "" if len(methods) == len(every) else f"; {len(methods)} of {len(every)} methods"
    several = f", with {percent(answer.settings.confidence)} bootstrap intervals over datasets"
    within = several if answer.datasets > 1 else ""
    caption = f"Against not fine-tuning (0){within}; best average rank on top{most}."
    return Drawing("at_a_glance", "Gain and harm", caption, figure)
