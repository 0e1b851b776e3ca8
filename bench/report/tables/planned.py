"""The question as it was asked beforehand: harm, the scores at three steps, groups of tables."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.planned import GROUPINGS, HARM, SAFE, Planned, Primary, Verdict, grouped
from bench.analysis.resolves import STEPS
from bench.analysis.rules import titles_of_rules
from bench.phrases import counted, joined
from bench.report.columns import THOUSANDTHS
from bench.report.drawing import GREY, INK, Drawing, side_by_side
from bench.report.looks import title
from bench.report.planned import primary
from bench.report.question import points
from bench.report.readable import NONE, p_value, share, unsigned, whole, with_error
from bench.report.table import Behind, Column, Lead, ReportTable
from bench.scores import SCORES

STEP_MARKS = {STEPS[0]: "o", SAFE: "s", STEPS[1]: "^"}
COLOURS: dict[Verdict | None, str] = {Verdict.better: "#1b7837", Verdict.worse: "#b2182b"}
POINTS = "points"


def _of(answer: Answer) -> Planned:
    assert answer.planned is not None  # else there are no rows
    return answer.planned


def _harm(answer: Answer) -> pd.DataFrame:
    """A row a method that the causal mix is held against."""
    if answer.planned is None:
        return pd.DataFrame()
    found = answer.planned.primary
    rows = [
        {
            "against": other,
            "harm": found.harm[other],
            "mean": change.mean,
            "se": change.se,
            "low": change.interval[0],
            "high": change.interval[1],
            "smallest": found.smallest[other],
            "tables": change.tables,
            "runs": change.units,
        }
        for other, change in found.changes.items()
    ]
    return pd.DataFrame(rows)


def _behind(answer: Answer, rows: pd.DataFrame) -> Lead:
    causal = _of(answer).primary.method
    groups = grouped(answer.kept, answer.settings) if "group" in rows else None

    def behind(row: int, _heading: str) -> Behind | None:
        name = rows["against"].iloc[row] if "against" in rows else rows.index[row]
        found: Behind = {"method": sorted({causal, str(name)})}
        if groups is not None:
            of = groups[rows.index[row]]
            found["dataset"] = list(map(str, of.index[of == rows["group"].iloc[row]]))
        return found

    return behind


def _harm_columns(answer: Answer, _rows: pd.DataFrame) -> list[Column]:
    power = share(answer.settings.power)
    return [
        Column("harm", "its own harm", share),
        Column(
            ("mean", "low", "high"),
            f"{title(_of(answer).primary.method)} minus it,",
            lambda mean, low, high: f"{points(mean)} [{points(low)}, {points(high)}]",
            POINTS,
        ),
        Column("smallest", f"found with {power} power from so many", points_from, POINTS),
        Column("tables", "tables", whole),
        Column("runs", "runs", whole),
    ]


def points_from(value: float) -> str:
    """A size in points."""
    return f"{100 * value:.1f}"


def _harm_caption(answer: Answer, _rows: pd.DataFrame) -> str:
    reply = primary(answer)
    assert reply is not None
    found = _of(answer).primary
    return (
        f"{reply.text} Harm: share of runs whose test {answer.metric.title} at the chosen step is "
        f"below the pre-trained model's; of {found.method} itself "
        f"{share(found.harm[found.method])}. Margin: {points_from(found.margin)} points."
        f"{_passed_over(found)}"
    )


def _passed_over(found: Primary) -> str:
    """Which other mixes of causal rows there are."""
    if not found.passed_over:
        return ""
    others = joined(map(title, found.passed_over), "and")
    return (
        " Of several causal mixes the one of the study's ratio is read, or the first by name; "
        f"'analysis.methods=[…]' reads {others}."
    )


def _step(answer: Answer, step: str) -> str:
    if step == SAFE:
        return f"by {titles_of_rules(answer.metric)[answer.settings.safe_rule]}"
    return {STEPS[0]: "chosen by the runs' rule", STEPS[1]: "last"}[step]


def _score_rows(answer: Answer, numbers: pd.DataFrame) -> pd.DataFrame:
    return numbers.assign(
        what=[SCORES[name].turned_title() for name in numbers["score"]],
        at=[_step(answer, step) for step in numbers["step"]],
    )


SCORE_COLUMNS = [
    Column("at", "step"),
    Column("against", "minus"),
    Column(("mean", "se"), "difference", with_error, THOUSANDTHS),
    Column("smallest", "resolves from", unsigned, THOUSANDTHS),
    Column(("better", "worse"), "tables better : worse", lambda a, b: f"{a:.0f} : {b:.0f}"),
    Column("p", "Wilcoxon p", p_value),
    Column("p_holm", "Holm", p_value),
    Column("verdict", "said"),
]


def _score_caption(answer: Answer, numbers: pd.DataFrame) -> str:
    found, settings = _of(answer), answer.settings
    margins = ", ".join(f"{SCORES[n].title} {m:g}" for n, m in settings.margins.items())
    text = (
        f"{title(found.primary.method)} minus each, turned so that above 0 is better; mean ± "
        f"standard error over tables. Better or worse: Holm's p over all "
        f"{counted(len(numbers), 'comparison')} is below {settings.alpha:g}; as good: mean ± 2 "
        f"standard errors lies within the margin ({margins}), each by itself. Resolves from: what "
        f"one test at {settings.alpha:g} over all of them, Holm's first step, finds with "
        f"{share(settings.power)} power."
    )
    if found.left_out:
        lacking = "; ".join(f"{what} ({why})" for what, why in found.left_out.items())
        text += f" Cannot be told: {lacking}."
    return text


def _difference(mean: float, se: float) -> str:
    return NONE if pd.isna(mean) else with_error(mean, se, points)


def _group_columns(answer: Answer, rows: pd.DataFrame) -> list[Column]:
    scores = [name for name in answer.settings.margins if name in rows]
    return [
        Column("group", "group"),
        Column("against", "minus"),
        Column("tables", "tables", whole),
        Column((HARM, f"{HARM}_se"), f"{HARM},", _difference, POINTS),
        *(
            Column((name, f"{name}_se"), SCORES[name].turned_title(), with_error, THOUSANDTHS)
            for name in scores
        ),
    ]


def _forest(answer: Answer) -> Drawing | None:
    """Every planned comparison with two standard errors, the margin shaded."""
    if answer.planned is None:
        return None
    found, settings = answer.planned, answer.settings
    others = list(dict.fromkeys([*found.primary.changes, *found.scores["against"]]))
    panels = [HARM, *dict.fromkeys(found.scores["score"])]
    figure, axes = side_by_side([3] * len(panels), 1.1 + 0.42 * len(others))
    for panel, axis in zip(panels, axes, strict=True):
        margin = found.primary.margin if panel == HARM else settings.margins[panel]
        scale = 100 if panel == HARM else 1000
        axis.axvspan(-scale * margin, scale * margin, color=GREY, alpha=0.13, linewidth=0)
        axis.axvline(0, color=INK, linewidth=0.8)
        for y, other in enumerate(others):
            for shift, (step, mark) in zip((-0.22, 0.0, 0.22), STEP_MARKS.items(), strict=True):
                row = _row(found, panel, step, other)
                if row is None:
                    continue
                mean, se, verdict = row
                colour = COLOURS.get(verdict, INK)
                ends = [scale * (mean - 2 * se), scale * (mean + 2 * se)]
                at = y + (0.0 if panel == HARM else shift)
                axis.plot(ends, [at, at], color=colour, linewidth=1.2)
                axis.plot(scale * mean, at, mark, color=colour, markersize=4)
        axis.set_yticks(range(len(others)), [title(other) for other in others])
        axis.tick_params(labelleft=axis is axes[0], length=0, axis="y")
        axis.set_ylim(len(others) - 0.4, -0.6)
        axis.grid(False, axis="y")
        name = HARM if panel == HARM else SCORES[panel].turned_title()
        axis.set_xlabel(f"{name}\n{POINTS if panel == HARM else THOUSANDTHS}", fontsize=8)
    caption = (
        f"{title(found.primary.method)} minus each, ± 2 standard errors over tables. Harm: left of "
        "0 is better; scores: right of 0. Circle: chosen step; square: by the safest rule; "
        "triangle: last step. Shaded: within the margin; coloured: told by Holm's p."
    )
    return Drawing("planned", "Is it safer, and is it the causes?", caption, figure)


def _row(
    found: Planned, panel: str, step: str, other: str
) -> tuple[float, float, Verdict | None] | None:
    if panel == HARM:
        change = found.primary.changes.get(other) if step == STEPS[0] else None
        return None if change is None else (change.mean, change.se, None)
    table = found.scores
    rows = table[
        (table["score"] == panel) & (table["step"] == step) & (table["against"] == other)
    ].to_dict("records")
    return (rows[0]["mean"], rows[0]["se"], rows[0]["verdict"]) if rows else None


planned = ReportTable(
    key="planned",
    title="Is it safer, and is it the causes?",
    make=_harm,
    row="against",
    columns=_harm_columns,
    caption=_harm_caption,
    empty="",
    figures=[_forest],
    behind=_behind,
    place=6,
    terminal=True,
)
planned_scores = ReportTable(
    key="planned_scores",
    title="Is it better, in three scores at three steps?",
    make=lambda answer: answer.planned.scores if answer.planned else pd.DataFrame(),
    rows=_score_rows,
    row="what",
    columns=SCORE_COLUMNS,
    caption=_score_caption,
    empty="",
    behind=_behind,
    place=7,
)
planned_groups = ReportTable(
    key="planned_groups",
    title="Safer and better, by groups of tables",
    make=lambda answer: answer.planned.groups if answer.planned else pd.DataFrame(),
    row="grouping",
    columns=_group_columns,
    caption=f"At the chosen step, by {', '.join(GROUPINGS)}; nothing is claimed of it.",
    empty="",
    behind=_behind,
    place=8,
)
