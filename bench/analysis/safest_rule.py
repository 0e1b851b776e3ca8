"""The stopping rule that harms least and keeps the gain, beside how the runs were stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.analysis.change import Change, change, over_units
from bench.analysis.frame import UNIT
from bench.analysis.resolves import Told
from bench.analysis.rules import ALL, ORACLE, ByRule, position, read_by, with_curves
from bench.cell.record import Record
from bench.finetune.stopping import StoppingRule, never
from bench.score import Score

KEPT = 0.9  # of the runs' own gain, by a rule that is called safer
EQUAL = 1e-12  # gains that lie no further apart are the same


@dataclass(frozen=True)
class SafestRule:
    """What a rule would have changed.

    Parameters
    ----------
    name, title : str
    rules : int
        That it was chosen from, when all was over.
    models : tuple of str
        Of the runs.
    harm, own_harm : float
        Share of the runs that end worse than not fine-tuning: by the rule, and as they were
        stopped.
    harm_change, gain_change : Change
        Of the share and of the gain, the rule minus how the runs were stopped.
    gains : bool
        The runs as they were stopped gain, on average.
    harming_less : list of tuple
        Rules of less harm, which do not keep the gain: name, harm, and the part of the runs' own
        gain that they keep.
    """

    name: str
    title: str
    rules: int
    models: tuple[str, ...]
    harm: float
    own_harm: float
    harm_change: Change
    gain_change: Change
    gains: bool
    harming_less: list[tuple[str, float, float]]

    @property
    def harms_less(self) -> bool:
        """Whether it does at all, if by chance."""
        return self.harm < self.own_harm


def _followed(table: pd.DataFrame) -> pd.DataFrame:
    """The rules that a run which fine-tunes could follow, over all runs."""
    return table[(table["method"] == ALL) & ~table["rule"].isin([ORACLE, never.name])]


def chosen_rule(table: pd.DataFrame) -> str | None:
    """The rule of least harm, over all runs, of those that keep the gain of the runs as they were.

    It does not where it loses more than a tenth of it, or by more than twice the loss's standard
    error: that alone would let a rule pass that hardly fine-tunes, where gains differ much between
    tables. Of equals that of the greater gain. Never to fine-tune is the answer to another
    question, and no rule here.

    Parameters
    ----------
    table : DataFrame
        `bench.analysis.rules.ByRule.table`.
    """
    rows = _followed(table)
    lost = -rows["over_own"]
    own = (rows["gain"] + lost).clip(lower=0)
    rows = rows[(lost <= 2 * rows["over_own_se"].fillna(0)) & (lost <= (1 - KEPT) * own + EQUAL)]
    if rows.empty:
        return None
    return str(rows.sort_values(["harm", "gain"], ascending=[True, False])["rule"].iloc[0])


def safest_rule(cells: pd.DataFrame, told: Told, found: ByRule, metric: Score) -> SafestRule | None:
    """Hold `chosen_rule` against how the runs were stopped, run by run.

    Parameters
    ----------
    cells, told, metric
        What ``found`` was read from.
    found : ByRule
        `bench.analysis.rules.by_rule`.

    Returns
    -------
    SafestRule or None
        None where the curves tell no rule.
    """
    name = chosen_rule(found.table)
    if name is None:
        return None
    rule = read_by(metric)[name]
    runs, of_runs, _ = with_curves(cells, told)
    runs = runs.set_index([*UNIT, "method"])
    gains = pd.DataFrame(
        {"rule": _gains(list(runs["test_curve"]), of_runs, rule)}, index=runs.index
    )
    gains["own"] = runs["score_chosen"] - runs["score_pretrained"]
    if gains.isna().any(axis=None):
        return None
    harms = (gains < 0).astype(float)
    followed = _followed(found.table).set_index("rule")
    fewer = followed[followed["harm"] < followed.loc[name, "harm"]].sort_values("harm")
    own = fewer["gain"] - fewer["over_own"]
    return SafestRule(
        name=name,
        title=rule.title,
        rules=len(_followed(found.table)),
        models=tuple(sorted(map(str, runs["model"].unique()))),
        harm=over_units(harms["rule"]),
        own_harm=over_units(harms["own"]),
        harm_change=change(harms["rule"] - harms["own"]),
        gain_change=change(gains["rule"] - gains["own"]),
        gains=over_units(gains["own"]) > 0,
        harming_less=list(zip(fewer.index, fewer["harm"], fewer["gain"] / own, strict=True)),
    )


def _gains(
    curves: Sequence[Sequence[float]], records: Sequence[Record], rule: StoppingRule
) -> list[float]:
    """The gain of each run at the step that a rule keeps; NaN where the score has no curve."""
    kept = [position(record, rule) for record in records]
    return [
        curve[at] - curve[0] if curve else float("nan")
        for curve, at in zip(curves, kept, strict=True)
    ]
