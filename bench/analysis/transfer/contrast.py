"""Do causally generated rows help across domains? Their arm held against all others, in pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.safety import Outcome
from bench.analysis.settings import Analysis
from bench.analysis.significance import holm
from bench.analysis.transfer.crossed import Crossed, table
from bench.analysis.transfer.robustness import signed_ranks, smallest
from bench.analysis.transfer.runs import ACROSS, IN_CONTEXT, UNIT, gain
from bench.score import Score

CAUSAL = "causal"  # arms as conf/transfer names them
NULLS = ("bootstrap", "noise")  # leak-free, and without an idea
TOLD = ["arm", "against", "value", "low", "high", "targets", "corpora", "sources", "runs",
        "better", "worse", "effect", "p", "p_holm", "smallest"]  # fmt: skip


@dataclass(frozen=True)
class Primary:
    """The arm of causally generated rows minus the better leak-free null, and minus all others.

    Parameters
    ----------
    contrasts : DataFrame
        `contrasts`.
    better : str or None
        The null with the higher mean gain on the runs of the first contrast; None without one.
    helps : Outcome
        Yes if the interval lies above 0 against both nulls, no if below 0 against both; unknown
        also where one of them has no run.
    absent : tuple of str
        Arms that it takes, and that have no run in common.
    """

    contrasts: pd.DataFrame
    better: str | None
    helps: Outcome
    absent: tuple[str, ...]

    @property
    def row(self) -> dict[str, Any] | None:
        """The contrast against the better null, a column a key."""
        rows = self.contrasts.to_dict("records")
        return next(
            ({str(k): v for k, v in row.items()} for row in rows if row["against"] == self.better),
            None,
        )


def contrasts(runs: pd.DataFrame, metric: Score, settings: Analysis) -> pd.DataFrame:
    """The causal arm minus each other: across domains, in context, on the same target and corpus.

    Parameters
    ----------
    runs : DataFrame
        `bench.analysis.transfer.runs.transferred`.

    Returns
    -------
    DataFrame
        A row an arm that has a run in common: ``arm``, ``against``; ``value``, ``low``, ``high``
        (the mean difference, above 0 where ``arm`` is better, and its crossed interval);
        ``targets``, ``corpora`` of so many ``sources``, ``runs``; ``better`` and ``worse`` targets,
        ``effect``, ``p`` of Wilcoxon's test over targets' means, ``p_holm`` over all rows;
        ``smallest``, the difference that would have been found with the power of the settings.
    """
    column = gain(metric)
    is_read = (runs["direction"] == ACROSS) & (runs["on_target"] == IN_CONTEXT)
    # Two runs of one unit are averaged, as in every other measure of these runs.
    wide = runs[is_read].groupby([*UNIT, "arm"])[column].mean().unstack("arm")
    if CAUSAL not in wide:
        return pd.DataFrame(columns=TOLD)
    rows = []
    for other in wide.columns.drop(CAUSAL):
        differences = (wide[CAUSAL] - wide[other]).dropna().rename("difference").reset_index()
        if differences.empty:
            continue
        values = table(differences, "difference")
        crossed = Crossed.of(values, settings)
        of_targets = crossed.of_targets(values)
        found = crossed.estimate(crossed.mean(of_targets), values)
        rows.append(
            {
                **signed_ranks(CAUSAL, str(other), of_targets[0]),
                "arm": CAUSAL,
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "targets": found.targets,
                "corpora": found.corpora,
                "sources": differences["source"].nunique(),
                "runs": len(differences),
                "smallest": smallest(found, settings),
            }
        )
    told = pd.DataFrame(rows, columns=[name for name in TOLD if name != "p_holm"])
    return told.assign(p_holm=holm(told["p"].to_numpy(float)))[TOLD]


def primary(runs: pd.DataFrame, metric: Score, settings: Analysis) -> Primary:
    """Hold causally generated rows against the better leak-free null.

    The better one is the one that leaves them the least, as `bench.analysis.claims` takes the null
    with the farthest difference. What is so chosen looks better than it is; so nothing is told but
    what both nulls tell: each wrong verdict is as seldom as of one null that was named before.
    """
    found = contrasts(runs, metric, settings)
    held = found[found["against"].isin(NULLS)]
    is_read = (runs["direction"] == ACROSS) & (runs["on_target"] == IN_CONTEXT)
    there = set(runs.loc[is_read, "arm"])
    absent = tuple(a for a in (CAUSAL, *NULLS) if a not in there)
    if held.empty:
        return Primary(found, None, Outcome.unknown, absent)
    better = str(held.sort_values("value", kind="stable")["against"].iloc[0])
    helps = Outcome.unknown
    if len(held) == len(NULLS):
        if (held["low"] > 0).all():
            helps = Outcome.yes
        elif (held["high"] < 0).all():
            helps = Outcome.no
    return Primary(found, better, helps, absent)
