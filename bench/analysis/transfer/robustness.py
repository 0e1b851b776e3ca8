"""Is the adapted model robust, and still accurate? Each arm held against the published model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.power import with_power
from bench.analysis.safety import Outcome
from bench.analysis.settings import Analysis
from bench.analysis.significance import compared, holm
from bench.analysis.transfer.crossed import Crossed, Estimate, mean_of, means, table
from bench.analysis.transfer.runs import ACROSS, IN_CONTEXT, UNIT, WITHIN, gain
from bench.score import Score

PUBLISHED = "published"
CELL = ["on_target", "source", "target_domain", "is_in_domain", "direction", "arm"]
ARM = ["on_target", "direction", "arm"]
WAY = ["on_target", "direction"]


def matrix(runs: pd.DataFrame, metric: Score, settings: Analysis) -> pd.DataFrame:
    """Mean gain from each source domain, in each target domain, by each arm.

    Parameters
    ----------
    runs : DataFrame
        `bench.analysis.transfer.runs.transferred`.
    metric : Score
        One of `bench.analysis.transfer.runs.scores_read`.

    Returns
    -------
    DataFrame
        A row a cell with values: ``on_target``, ``source``, ``target_domain``, ``is_in_domain``,
        ``direction``, ``arm``, and the columns of `bench.analysis.transfer.crossed.means`.
    """
    return means(runs, CELL, gain(metric), settings)


def curves(readouts: pd.DataFrame, metric: Score, settings: Analysis) -> pd.DataFrame:
    """Mean gain over the number of rows in context, of targets that were read at every number.

    Parameters
    ----------
    readouts : DataFrame
        `bench.analysis.transfer.runs.readouts`.

    Returns
    -------
    DataFrame
        A row a direction, arm and number of rows: ``direction``, ``arm``, ``rows`` (ordered), the
        columns of `bench.analysis.transfer.crossed.means`, and ``base``, the published model's mean
        score, turned so that greater is better.
    """
    column, start = gain(metric), f"base_{metric.name}"
    read = readouts.dropna(subset=[column])
    sizes = read["rows"].nunique()
    whole = read.groupby("target")["rows"].transform("nunique") == sizes
    by = ["direction", "arm", "rows"]
    found = means(read[whole], by, column, settings)
    bases = read[whole].groupby([*by, "target"], observed=True)[start].mean()
    found = found.join(bases.groupby(by, observed=True).mean().rename("base"), on=by)
    found["rows"] = pd.Categorical(found["rows"], readouts["rows"].cat.categories, ordered=True)
    return found


def per_target(runs: pd.DataFrame, metric: Score) -> pd.DataFrame:
    """Mean gain of each arm on each target from each source.

    Returns
    -------
    DataFrame
        ``target_domain``, ``target``, ``source``, ``direction``, ``on_target``, ``arm``; ``base``
        (the published model's score as recorded), ``mean``, ``sd`` (over corpora; NaN of one),
        ``harm`` (share of the corpora with a gain below 0), ``corpora``, ``folds``.
    """
    by = ["target_domain", "target", "source", "direction", "on_target", "arm"]
    column = gain(metric)
    known = runs.dropna(subset=[column])
    folds = known.groupby([*by, "seed"], observed=True)[[column, f"base_{metric.name}"]].mean()
    groups = folds.groupby(by, observed=True)
    found = pd.DataFrame(
        {
            "base": metric.oriented(groups[f"base_{metric.name}"].mean()),
            "mean": groups[column].mean(),
            "sd": groups[column].std(),
            "harm": (folds[column].round(12) < 0).groupby(by, observed=True).mean(),
            "corpora": groups.size(),
            "folds": known.groupby(by, observed=True)["fold"].nunique(),
        }
    )
    return found.reset_index()


def robustness(runs: pd.DataFrame, metric: Score, settings: Analysis) -> pd.DataFrame:
    """What each arm does to targets, against the published model; folds are averaged first.

    Parameters
    ----------
    runs : DataFrame
        `bench.analysis.transfer.runs.transferred`.

    Returns
    -------
    DataFrame
        A row an arm in each ``direction`` and way ``on_target``. ``NAME_low`` and ``NAME_high``
        are the ends of the interval of NAME (`bench.analysis.transfer.crossed`).

        ``mean``
            Mean gain, over targets of the mean over corpora.
        ``harm``
            Share of (target, corpus) with a gain below 0, targets counting alike.
        ``clear_harm``
            Likewise of those with a loss of more than ``transfer_margin``.
        ``worst``
            Mean gain of the worst ``worst_share`` of targets.
        ``lowest``, ``lowest_target``
            The largest loss, as a gain, of a (target, corpus); and where.
        ``spread``
            Standard deviation over the corpora of a source within a target, pooled.
        ``kept``
            Whether accuracy is kept (`non_inferior`); ``kept_targets`` of ``targets`` have a mean
            gain above −``transfer_margin``.
        ``gap``
            Within minus across, on the same targets (`gap`); NaN in other directions than across.
        ``p``, ``p_holm``
            Of Wilcoxon's test of the targets' means; Holm's over the arms of this direction.
        ``smallest``
            The mean gain that would have been found with the power of the settings.
        ``targets``, ``corpora``, ``runs``
            What it rests on; ``unmoved``, the share of the runs whose weights are the published
            ones, as no step on the sources was better than none.
        ``lacking``
            Runs that another arm of the same direction has on a target, fold and corpus that this
            one has none on.
    """
    column = gain(metric)
    known = runs.dropna(subset=[column])
    parts = []
    for (way, where), of in known.groupby(WAY, observed=True):
        units = len(of[UNIT].drop_duplicates())
        rows = [
            {
                "on_target": way,
                "direction": where,
                "arm": arm,
                **_measures(own, column, settings),
                **(gap(known, str(way), str(arm), metric, settings) if where == ACROSS else {}),
                "runs": len(own),
                "unmoved": float((own["step"] == 0).mean()),
                "lacking": units - len(own[UNIT].drop_duplicates()),
            }
            for arm, own in of.groupby("arm", observed=True)
        ]
        part = pd.DataFrame(rows)
        parts.append(part.assign(p_holm=holm(part["p"].to_numpy(float))))
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return found.reindex(columns=COLUMNS)


def _ends(*names: str) -> list[str]:
    return [column for name in names for column in (name, f"{name}_low", f"{name}_high")]


COLUMNS = [
    *ARM, *_ends("mean", "harm"), "clear_harm", *_ends("worst"), "lowest", "lowest_target",
    "spread", "kept", "kept_targets", *_ends("gap"), "p", "p_holm", "smallest",
    "targets", "corpora", "runs", "unmoved", "lacking",
]  # fmt: skip


def _measures(runs: pd.DataFrame, column: str, settings: Analysis) -> dict[str, Any]:
    values = table(runs, column).round(12)
    crossed = Crossed.of(values, settings)
    of_targets = crossed.of_targets(values)
    mean = crossed.estimate(crossed.mean(of_targets), values)
    harmed = (values < 0).astype(float).where(values.notna())
    harm = crossed.estimate(crossed.mean(crossed.of_targets(harmed)), values)
    worst = crossed.estimate(crossed.worst(of_targets, settings.worst_share), values)
    lost = (values < -settings.transfer_margin).astype(float).where(values.notna())
    by_target = values.min(axis=1)
    return {
        **mean.named("mean"),
        **harm.named("harm"),
        "clear_harm": float(lost.mean(axis=1).mean()),
        **worst.named("worst"),
        "lowest": float(by_target.min()),
        "lowest_target": str(by_target.idxmin()),
        "spread": spread(values),
        "kept": non_inferior(mean, settings.transfer_margin),
        "kept_targets": int((of_targets[0] > -settings.transfer_margin).sum()),
        "p": signed_ranks("", PUBLISHED, of_targets[0])["p"],
        "smallest": smallest(mean, settings),
        "targets": mean.targets,
        "corpora": mean.corpora,
    }


def signed_ranks(arm: str, against: str, differences: np.ndarray) -> dict[str, object]:
    """Wilcoxon's test of targets' mean differences: `bench.analysis.significance.compared`.

    Those of 0, which say nothing and of which there are many where weights stay as they were, are
    left out first: the test is exact without them, and takes seconds with them.

    Parameters
    ----------
    differences : ndarray of shape (targets,)
        NaN is passed over.
    """
    return compared(arm, against, pd.Series(differences[np.nan_to_num(differences) != 0]))


def spread(values: pd.DataFrame) -> float:
    """Standard deviation over a source's corpora within a target, pooled; NaN of single ones.

    Parameters
    ----------
    values : DataFrame
        Targets × corpora (`bench.analysis.transfer.crossed.table`).
    """
    by_source = values.T.groupby(level="source")
    freedom = (by_source.count() - 1).clip(lower=0)
    squares = (by_source.var() * freedom).to_numpy()  # NaN of a single one, which has no freedom
    total = float(freedom.to_numpy().sum())
    return float(np.sqrt(np.nansum(squares) / total)) if total else float("nan")


def non_inferior(gained: Estimate, margin: float) -> Outcome:
    """Whether no more than a margin is lost: yes above −margin, no below, as the interval tells."""
    if gained.low > -margin:
        return Outcome.yes
    return Outcome.no if gained.high < -margin else Outcome.unknown


def smallest(found: Estimate, settings: Analysis) -> float:
    """The mean that would have been found with the settings' power, from the bootstrap's error."""
    row = pd.DataFrame({"se": [found.se], "tables": [found.targets]})
    return float(with_power(row, settings)["smallest"].iloc[0])


def gap(
    runs: pd.DataFrame, way: str, arm: str, metric: Score, settings: Analysis
) -> dict[str, float]:
    """Mean gain from the target's own domain minus from the other one, on targets that have both.

    Returns
    -------
    dict
        ``gap``, ``gap_low``, ``gap_high``; empty where no target has both.
    """
    own = runs[(runs["on_target"] == way) & (runs["arm"] == arm)]
    # From its own domain alone, as the other side is from one domain alone.
    is_within = (own["direction"] == WITHIN) & (own["source"] == own["target_domain"])
    sides = [table(own[side], gain(metric)) for side in (is_within, own["direction"] == ACROSS)]
    shared = sides[0].index.intersection(sides[1].index)
    if shared.empty:
        return {}
    corpora = sides[0].columns.union(sides[1].columns)
    crossed = Crossed(shared, corpora, settings)
    within, across = (crossed.of_targets(side) for side in sides)
    found = crossed.estimate(crossed.mean(within - across), sides[1].loc[shared])
    return found.named("gap")


def forgotten(held_out: pd.DataFrame, metric: Score, settings: Analysis) -> pd.DataFrame:
    """Mean gain of each arm on the source tables that it held out, by source domain.

    Parameters
    ----------
    held_out : DataFrame
        `bench.analysis.transfer.runs.forgetting`.

    Returns
    -------
    DataFrame
        ``source``, ``arm``, and the columns of `bench.analysis.transfer.crossed.means`; ``targets``
        are held-out tables.
    """
    return means(held_out, ["source", "arm"], gain(metric), settings)


def brought(tuned: pd.DataFrame, metric: Score, settings: Analysis) -> pd.DataFrame:
    """What fine-tuning on the target brings from adapted weights over that from published ones.

    Parameters
    ----------
    tuned : DataFrame
        `bench.analysis.transfer.runs.over_published`.

    Returns
    -------
    DataFrame
        ``on_target``, ``direction``, ``arm``, and the columns of
        `bench.analysis.transfer.crossed.means`.
    """
    return means(tuned, ARM, gain(metric), settings)


@dataclass(frozen=True)
class Check:
    """Whether the experiment sees what it must: a statement that has to hold, and its number."""

    key: str
    arm: str
    direction: str
    gained: Estimate | None
    holds: Outcome


def checks(
    runs: pd.DataFrame, metric: Score, settings: Analysis, arms: Sequence[tuple[str, str]]
) -> tuple[Check, Check]:
    """Permuted labels do not help across domains, and tables of the target's own domain do.

    The first holds where the interval of the mean gain lies below the margin, and fails where it
    lies above 0, be it by little; the second holds where it lies above 0, and fails where it lies
    below. All in context.

    Parameters
    ----------
    arms : pair of (arm, direction)
        Of the permuted labels, and of the target's domain.
    """
    found = []
    for arm, where in arms:
        is_it = (runs["arm"] == arm) & (runs["direction"] == where)
        of = runs[is_it & (runs["on_target"] == IN_CONTEXT)].dropna(subset=[gain(metric)])
        found.append(mean_of(of, gain(metric), settings) if len(of) else None)
    permuted, own = found
    return (
        Check("permuted", *arms[0], permuted, _is_no_help(permuted, settings.transfer_margin)),
        Check("own_domain", *arms[1], own, _is_help(own)),
    )


def _is_no_help(gained: Estimate | None, margin: float) -> Outcome:
    if gained is None:
        return Outcome.unknown
    if gained.low > 0:
        return Outcome.no
    return Outcome.yes if gained.high < margin else Outcome.unknown


def _is_help(gained: Estimate | None) -> Outcome:
    if gained is None:
        return Outcome.unknown
    if gained.low > 0:
        return Outcome.yes
    return Outcome.no if gained.high < 0 else Outcome.unknown
