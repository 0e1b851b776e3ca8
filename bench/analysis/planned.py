"""The question as it is asked beforehand: causal rows mixed in against all that they must beat.

The primary comparison is harm, against default fine-tuning and against each leak-free null, and has
one of four readings. The secondary ones are three scores at three steps, with one correction over
all of them. What is read by groups of tables decides nothing. The margins, the rule and the level
are settings of the analysis; `results/reference/PLAN.md` says why they are what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.change import Change, change
from bench.analysis.frame import UNIT
from bench.analysis.groups import groups_of
from bench.analysis.paired import over_tables
from bench.analysis.power import with_power
from bench.analysis.references import references
from bench.analysis.resolves import STEPS, Told
from bench.analysis.rules import UNKNOWN, position, read_by
from bench.analysis.safety import MIXED, causal_methods, null_methods
from bench.analysis.settings import Analysis
from bench.analysis.significance import compared, holm
from bench.errors import BadInput, closest
from bench.phrases import counted
from bench.score import Score
from bench.scores import RANKED_BY, SCORES

SAFE = "safe"  # the step that the safest rule keeps, beside those of `STEPS`
BEFOREHAND = "known beforehand"  # when the question was asked
GROUPINGS = ("domain", "rows", "imbalance", BEFOREHAND)
HARM = "harm"
SCORE_COLUMNS = [
    *("score", "step", "against", "mean", "se", "tables", "better", "worse"),
    *("smallest", "p", "p_holm", "verdict"),
]


class Reading(StrEnum):
    """What the primary comparison says."""

    causes = "causes"  # fewer runs are harmed than without, and than with either null
    mixing = "mixing"  # fewer than without, but a null may do as well
    no = "no"  # not fewer by the margin
    open = "open"


class Verdict(StrEnum):
    """What a secondary comparison says."""

    better = "better"
    worse = "worse"
    as_good = "as good"
    untold = "cannot be told"


@dataclass(frozen=True)
class Primary:
    """Harm with causal rows mixed in, against default fine-tuning and each null.

    Attributes
    ----------
    method, default : str
    nulls : tuple of str
    better_null : str
        The one that leaves the causal mix the least.
    harm : dict of method → share of runs that end worse than not fine-tuning
    changes : dict of method → Change
        The causal mix minus it, ``default`` first.
    smallest : dict of method → float
        Difference that so many tables find with the power asked for; NaN of one table.
    models : tuple of str
    margin : float
    """

    method: str
    default: str
    nulls: tuple[str, ...]
    better_null: str
    harm: dict[str, float]
    changes: dict[str, Change]
    smallest: dict[str, float]
    models: tuple[str, ...]
    margin: float

    @property
    def reading(self) -> Reading:
        """By the intervals of the differences, as planned."""
        plain = self.changes[self.default]
        if plain.is_below:
            beyond = all(self.changes[null].is_below for null in self.nulls)
            return Reading.causes if beyond else Reading.mixing
        return Reading.no if plain.interval[0] > -self.margin else Reading.open


@dataclass
class Planned:
    """All that was planned.

    Attributes
    ----------
    primary : Primary
    scores : DataFrame
        With `SCORE_COLUMNS`, a row a comparison of the causal mix: ``mean`` above 0 where it is
        better; ``better`` and ``worse`` tables; ``p`` of Wilcoxon's signed-rank test over tables.
    groups : DataFrame
        A row a grouping, group and method against which: ``tables``, and ``mean`` and ``se`` of
        harm and of each score (``harm``, ``harm_se``, …) at the step that the runs chose.
    left_out : dict of str → str
        What cannot be told of these records, each with why.
    """

    primary: Primary
    scores: pd.DataFrame
    groups: pd.DataFrame
    left_out: dict[str, str] = field(default_factory=dict)


def planned(cells: pd.DataFrame, told: Told, metric: Score, settings: Analysis) -> Planned | None:
    """Read cells as planned; None where they have not what the primary comparison needs.

    Parameters
    ----------
    cells : DataFrame
        Complete units (`bench.analysis.complete.complete`).
    told : Told
        The records that they were made of.
    metric : Score
        What they were scored by; harm is asked of what cells are ranked by alone.

    Raises
    ------
    BadInput
        If there is no rule that ``safe_rule`` names.
    """
    _check(settings)
    names = _methods(cells)
    if metric.name != RANKED_BY.name or names is None:
        return None
    causal, default, nulls = names
    rivals = _mixed(cells, settings.rivals)
    others = [default, *nulls, *rivals]
    values, left_out = _values(cells, [causal, *others], told, settings)
    found = _primary(causal, default, nulls, values[HARM, STEPS[0]], cells, settings)
    return Planned(
        found,
        _scores(causal, others, values, settings),
        _groups(causal, others, values, _grouped(cells, settings)),
        left_out,
    )


def _check(settings: Analysis) -> None:
    rules = list(read_by(RANKED_BY))
    if settings.safe_rule not in rules:
        raise BadInput(
            f"analysis.safe_rule: there is no stopping rule '{settings.safe_rule}';"
            f"{closest(settings.safe_rule, rules)} rules: {', '.join(rules)}."
        )


def _methods(cells: pd.DataFrame) -> tuple[str, str, tuple[str, ...]] | None:
    """The causal mix, its default fine-tuning, and the nulls of the same; of the main model."""
    held = references(cells)
    of_main = [m for m in causal_methods(cells) if held.of.get(m) == held.main is not None]
    if not of_main or held.main is None:
        return None
    nulls = tuple(m for m in null_methods(cells) if held.of.get(m) == held.main)
    return (of_main[0], held.main, nulls) if nulls else None


def _mixed(cells: pd.DataFrame, generators: list[str]) -> list[str]:
    """The methods that mix rows of these generators in."""
    of = cells["generator"].isin(generators) & (cells["mixing"] == MIXED)
    return sorted(map(str, cells.loc[of, "method"].unique()))


def _values(
    cells: pd.DataFrame, methods: list[str], told: Told, settings: Analysis
) -> tuple[dict[tuple[str, str], pd.DataFrame], dict[str, str]]:
    """Units × methods for harm and each score at each step that all records can tell."""
    cells = cells[cells["method"].isin(methods)]
    harm = (cells["score_chosen"] < cells["score_pretrained"]).astype(float)
    found = {(HARM, STEPS[0]): _wide(cells, harm.to_numpy())}
    left_out = {}
    for name in settings.margins:
        at_steps = told.values(SCORES[name], cells["identity"])
        for place, step in enumerate(STEPS):
            if np.isnan(at_steps[:, place]).any():
                left_out[f"{SCORES[name].title} of the {step} step"] = "not all records hold it"
            else:
                found[name, step] = _wide(cells, at_steps[:, place])
        safe = _at_safe(cells, told, SCORES[name], settings.safe_rule)
        lacking = int(np.isnan(safe).sum())
        if lacking:
            runs = counted(lacking, "run")
            left_out[f"{SCORES[name].title} by {settings.safe_rule}"] = f"{runs} hold no such curve"
        else:
            found[name, SAFE] = _wide(cells, safe)
    return found, left_out


def _at_safe(cells: pd.DataFrame, told: Told, score: Score, rule_name: str) -> np.ndarray:
    """A test score at the step that the safest rule keeps, from each run's curves."""
    rule = read_by(RANKED_BY)[rule_name]
    out = []
    for identity in cells["identity"]:
        record = told.record(identity)
        curve = record["curves"].get("test", {}).get(score.name, ()) if record else ()
        kept = position(record, rule) if record and curve else UNKNOWN
        value = curve[kept] if kept != UNKNOWN else None
        out.append(nan if value is None else value)
    turned: np.ndarray = score.oriented(np.array(out, dtype=float).round(12))
    return turned


def _wide(cells: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    return cells.assign(value=values).pivot(index=UNIT, columns="method", values="value")


def _primary(
    causal: str,
    default: str,
    nulls: tuple[str, ...],
    harm: pd.DataFrame,
    cells: pd.DataFrame,
    settings: Analysis,
) -> Primary:
    held = [default, *nulls]
    changes = {other: change(harm[causal] - harm[other]) for other in held}
    over = [of.tables if of.tables > 1 else of.folds for of in changes.values()]
    rows = pd.DataFrame({"se": [of.se for of in changes.values()], "tables": over})
    smallest = with_power(rows, settings)["smallest"]
    models = cells.loc[cells["method"] == causal, "model"].unique()
    return Primary(
        method=causal,
        default=default,
        nulls=nulls,
        better_null=max(nulls, key=lambda null: changes[null].mean),
        harm={method: float(harm[method].mean()) for method in [causal, *held]},
        changes=changes,
        smallest=dict(zip(held, map(float, smallest), strict=True)),
        models=tuple(sorted(map(str, models))),
        margin=settings.harm_margin,
    )


def _scores(
    causal: str,
    others: list[str],
    values: dict[tuple[str, str], pd.DataFrame],
    settings: Analysis,
) -> pd.DataFrame:
    rows = []
    for (score, step), wide in values.items():
        for other in others if score != HARM else ():
            differences = wide[causal] - wide[other]
            means = differences.groupby(level="dataset").mean()
            row: dict[Any, Any] = over_tables(differences.to_frame()).iloc[0].to_dict()
            test = compared(causal, other, means)
            rows.append({**row, **test, "score": score, "step": step})
    if not rows:
        return pd.DataFrame(columns=SCORE_COLUMNS)
    table = with_power(pd.DataFrame(rows), settings)
    table["p_holm"] = holm(table["p"].to_numpy())
    table["verdict"] = list(_verdicts(table, settings))
    return table[SCORE_COLUMNS]


def _verdicts(table: pd.DataFrame, settings: Analysis) -> Iterator[Verdict]:
    for row in table.to_dict("records"):
        low, high = row["mean"] - 2 * row["se"], row["mean"] + 2 * row["se"]
        margin = settings.margins[row["score"]]
        if row["p_holm"] < settings.alpha:
            yield Verdict.better if row["mean"] > 0 else Verdict.worse
        else:
            yield Verdict.as_good if -margin < low and high < margin else Verdict.untold


def _grouped(cells: pd.DataFrame, settings: Analysis) -> pd.DataFrame:
    """The groups of each table, by what was known of it, too, where that divides them."""
    groups = groups_of(cells, settings)
    is_unseen = groups.index.isin(settings.unseen)
    if is_unseen.any() and not is_unseen.all():
        groups[BEFOREHAND] = np.where(is_unseen, "unseen", "seen")
    return groups


def _groups(
    causal: str,
    others: list[str],
    values: dict[tuple[str, str], pd.DataFrame],
    groups: pd.DataFrame,
) -> pd.DataFrame:
    chosen = {score: wide for (score, step), wide in values.items() if step == STEPS[0]}
    rows = []
    for grouping in [name for name in GROUPINGS if name in groups]:
        for group in sorted(groups[grouping].unique()):
            inside = groups.index[groups[grouping] == group]
            for other in others:
                row: dict[str, object] = {"grouping": grouping, "group": group, "against": other}
                row["tables"] = len(inside)
                for score, wide in chosen.items():
                    part = wide[wide.index.isin(inside, level="dataset")]
                    differences = (part[causal] - part[other]).to_frame()
                    (of,) = over_tables(differences).to_dict("records")
                    row |= {score: of["mean"], f"{score}_se": of["se"]}
                rows.append(row)
    return pd.DataFrame(rows)
