"""The question as it is asked beforehand: causal rows mixed in against all that they must beat.

The primary comparison is harm, against default fine-tuning and against each leak-free null, and has
one of five readings. The secondary ones, of classes, are three scores at three steps, with one
correction over all of them. What is read by groups of tables decides nothing. The margins, the
rule and the level are settings of the analysis; `results/reference/PLAN.md` says why they are what
they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.change import FEWEST, Change, change, over_units
from bench.analysis.complete import IMPUTED
from bench.analysis.frame import UNIT
from bench.analysis.groups import groups_of, in_order
from bench.analysis.paired import over_tables
from bench.analysis.power import with_power
from bench.analysis.references import References, references
from bench.analysis.resolves import STEPS, Told
from bench.analysis.rules import UNKNOWN, position, read_by
from bench.analysis.safety import MIXED, NULLS, RATIO, causal_methods, null_methods
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
    mixing = "mixing"  # fewer than without, but a null may do as well, or has no run
    no = "no"  # not fewer by the margin
    more = "more"  # more than without
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
        Those with as many rows a real one as ``method`` has, where there are such.
    better_null : str
        The one that leaves the causal mix the least.
    harm : dict of method → share of runs that end worse than not fine-tuning, mean over tables
    changes : dict of method → Change
        The causal mix minus it, ``default`` first.
    smallest : dict of method → float
        Difference that so many tables find with the power asked for; NaN of one table.
    models : tuple of str
    margin : float
    absent : tuple of str
        Generators of `bench.analysis.safety.NULLS` that no null is of.
    passed_over : tuple of str
        Other mixes of causal rows under the same settings: ``method`` is of the study's ratio, or
        else the first by name.
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
    absent: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def reading(self) -> Reading:
        """By the intervals of the differences, as planned; open where there are too few tables."""
        plain = self.changes[self.default]
        if plain.is_below:
            beyond = all(self.changes[null].is_below for null in self.nulls)
            return Reading.causes if beyond and not self.absent else Reading.mixing
        if plain.is_above:
            return Reading.more
        is_no = plain.tells and plain.interval[0] > -self.margin
        return Reading.no if is_no else Reading.open


@dataclass
class Planned:
    """All that was planned.

    Attributes
    ----------
    primary : Primary
    scores : DataFrame
        With `SCORE_COLUMNS`, a row a comparison of the causal mix: ``mean`` above 0 where it is
        better; ``better`` and ``worse`` tables; ``smallest`` difference that one test at the level
        of Holm's first step finds; ``p`` of Wilcoxon's signed-rank test over tables.
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
        What they were scored by; of another than what classes are ranked by, harm alone is read.

    Raises
    ------
    BadInput
        If there is no rule that ``safe_rule`` names.
    """
    _check(settings)
    held = references(cells)
    found = _primary(cells, held, settings)
    if found is None:
        return None
    if metric.name != RANKED_BY.name:
        return Planned(found, pd.DataFrame(columns=SCORE_COLUMNS), pd.DataFrame())
    causal = found.method
    others = [found.default, *found.nulls, *_rivals(cells, causal, held, settings)]
    values, left_out = _values(cells, [causal, *others], told, settings)
    return Planned(
        found,
        _scores(causal, others, values, settings),
        _groups(causal, others, values, grouped(cells, settings)),
        left_out,
    )


def _check(settings: Analysis) -> None:
    rules = list(read_by(RANKED_BY))
    if settings.safe_rule not in rules:
        raise BadInput(
            f"analysis.safe_rule: there is no stopping rule '{settings.safe_rule}';"
            f"{closest(settings.safe_rule, rules)} rules: {', '.join(rules)}."
        )


def _of_main(methods: list[str], held: References) -> list[str]:
    """Those that are held against the main default fine-tuning."""
    return [method for method in methods if held.of.get(method) == held.main]


def _alike(methods: list[str], causal: str, cells: pd.DataFrame) -> list[str]:
    """Of each generator the methods with the ratio of the causal mix; all, where none has it."""
    facts = cells.drop_duplicates("method").set_index("method")[["generator", "ratio"]]
    of = facts.loc[methods]
    is_alike = of["ratio"] == facts.loc[causal, "ratio"]
    keeps = is_alike | ~is_alike.groupby(of["generator"]).transform("any").astype(bool)
    return [method for method in methods if keeps[method]]


def _rivals(cells: pd.DataFrame, causal: str, held: References, settings: Analysis) -> list[str]:
    """The methods that mix rows of the rivals' generators in, under the same settings."""
    of = cells["generator"].isin(settings.rivals) & (cells["mixing"] == MIXED)
    rivals = sorted(map(str, cells.loc[of, "method"].unique()))
    return _alike(_of_main(rivals, held), causal, cells)


def _values(
    cells: pd.DataFrame, methods: list[str], told: Told, settings: Analysis
) -> tuple[dict[tuple[str, str], pd.DataFrame], dict[str, str]]:
    """Units × methods for harm and each score at each step that all records can tell."""
    cells = cells[cells["method"].isin(methods)]
    found = {(HARM, STEPS[0]): _harm(cells)}
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


def _harm(cells: pd.DataFrame) -> pd.DataFrame:
    """Whether a run ended worse than not fine-tuning; what never ran harmed nothing, and is NaN."""
    harm = (cells["score_chosen"] < cells["score_pretrained"]).astype(float)
    return _wide(cells, harm.where(cells["status"] != IMPUTED).to_numpy())


def _wide(cells: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    return cells.assign(value=values).pivot(index=UNIT, columns="method", values="value")


def _primary(cells: pd.DataFrame, held: References, settings: Analysis) -> Primary | None:
    """None without the causal mix, its default fine-tuning, a null, or a unit of all three."""
    default = held.main
    mixes, nulls = (_of_main(of(cells), held) for of in (causal_methods, null_methods))
    if default is None or not mixes or not nulls:
        return None
    ratios = cells.drop_duplicates("method").set_index("method")["ratio"]
    mixes.sort(key=lambda method: (ratios[method] != RATIO, method))
    causal, nulls = mixes[0], _alike(nulls, mixes[0], cells)
    harm = _harm(cells)[[causal, default, *nulls]].dropna()
    if harm.empty:
        return None
    changes = {other: change(harm[causal] - harm[other]) for other in (default, *nulls)}
    over = [of.tables if of.tables > 1 else of.folds for of in changes.values()]
    rows = pd.DataFrame({"se": [of.se for of in changes.values()], "tables": over})
    smallest = with_power(rows, settings)["smallest"]
    models = cells.loc[cells["method"] == causal, "model"].dropna().unique()
    there = set(cells.loc[cells["method"].isin(nulls), "generator"])
    return Primary(
        method=causal,
        default=default,
        nulls=tuple(nulls),
        better_null=max(nulls, key=lambda null: changes[null].mean),
        harm={method: over_units(harm[method]) for method in (causal, *changes)},
        changes=changes,
        smallest=dict(zip(changes, map(float, smallest), strict=True)),
        models=tuple(sorted(map(str, models))),
        margin=settings.harm_margin,
        absent=tuple(name for name in NULLS if name not in there),
        passed_over=tuple(mixes[1:]),
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
    each = replace(settings, alpha=settings.alpha / len(rows))  # Holm's first step
    table = with_power(pd.DataFrame(rows), each)
    table["p_holm"] = holm(table["p"].to_numpy())
    table["verdict"] = list(_verdicts(table, settings))
    return table[SCORE_COLUMNS]


def _verdicts(table: pd.DataFrame, settings: Analysis) -> Iterator[Verdict]:
    for row in table.to_dict("records"):
        low, high = row["mean"] - 2 * row["se"], row["mean"] + 2 * row["se"]
        margin = settings.margins[row["score"]]
        if row["p_holm"] < settings.alpha:
            # The test is of ranks: where a few large differences turn the mean, neither is told.
            signs = np.sign(row["mean"]), np.sign(row["effect"])
            yield {(1, 1): Verdict.better, (-1, -1): Verdict.worse}.get(signs, Verdict.untold)
        elif row["tables"] < FEWEST:
            yield Verdict.untold
        else:
            yield Verdict.as_good if -margin < low and high < margin else Verdict.untold


def grouped(cells: pd.DataFrame, settings: Analysis) -> pd.DataFrame:
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
        for group in in_order(groups[grouping]):
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
