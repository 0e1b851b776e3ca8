"""Every measure within groups of datasets: domain, size, classes, kinds of columns."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from bench.analysis.measures import summary
from bench.analysis.reliability import reliability
from bench.analysis.settings import Analysis
from bench.phrases import percent

NUMBER = re.compile(r"[0-9]+([.][0-9]+)?")
UNKNOWN = "unknown"  # no record of the dataset tells
NUMERIC = "numeric target"
MEASURES = ["rank", "median", "iqr", "std", "mad", "raw_gain", "harm", "units", "undefined"]
GAPS = ["correlation_gap", "gap", "normalized_gap", "regret"]


def groups_of(cells: pd.DataFrame, settings: Analysis) -> pd.DataFrame:
    """The groups of each dataset: ``domain``, ``rows``, ``target``, ``categorical``, ``imbalance``.

    Without ``target`` where all are numeric: one group would repeat the whole. Without
    ``imbalance`` where no record tells of it.
    """
    facts = cells.groupby("dataset", observed=True)[
        ["domain", "rows", "classes", "categorical_share", "rarest"]
    ].first()
    kinds = facts["classes"].map(target)
    groups = pd.DataFrame(
        {
            "domain": facts["domain"].fillna(UNKNOWN),
            "rows": _binned(facts["rows"], settings.rows, str),
            "target": kinds.where(facts["classes"].notna(), UNKNOWN),
            "categorical": _binned(facts["categorical_share"], settings.categorical_share, percent),
        }
    )
    if facts["rarest"].notna().any():
        groups["imbalance"] = _binned(facts["rarest"], settings.imbalance, str)
    return groups.drop(columns="target") if (kinds == NUMERIC).all() else groups


def target(classes: float) -> str:
    """What kind of target a number of classes tells of; 0 is told of a numeric one."""
    if not classes:
        return NUMERIC
    return "binary" if classes == 2 else "multiclass"


def _binned(values: pd.Series, edges: Sequence[float], show: Callable[[float], str]) -> pd.Series:
    shown = [show(edge) for edge in edges]
    between = [f"{a} to below {b}" for a, b in itertools.pairwise(shown)]
    names = np.array([f"below {shown[0]}", *between, f"{shown[-1]} or more"], dtype=object)
    named = pd.Series(names[np.digitize(values.fillna(0), edges)], index=values.index)
    return named.where(values.notna(), UNKNOWN)


def in_order(groups: pd.Series) -> list[str]:
    """The groups of one grouping: bins from below, others by name.

    >>> in_order(pd.Series(["1000 or more", "300 to below 1000", "below 300", "unknown"]))
    ['below 300', '300 to below 1000', '1000 or more', 'unknown']
    """

    def place(name: str) -> tuple[float, str]:
        edge = NUMBER.match(name)
        return (-math.inf if name.startswith("below ") else float(edge[0]) if edge else 0.0), name

    names = sorted(map(str, groups.unique()), key=place)
    return sorted(names, key=lambda name: name == UNKNOWN)


def datasets(cells: pd.DataFrame) -> pd.DataFrame:
    """One row a dataset: what it is, and how many test rows repeat a training row's features.

    Columns: ``domain``, ``rows``, ``features``, ``categorical_share``, ``classes``, ``folds``,
    ``test_rows`` and ``duplicates`` (means over folds) and ``duplicate_share``; NaN where the
    records do not tell.
    """
    by = cells.groupby("dataset", observed=True)
    facts = by[["domain", "rows", "features", "categorical_share", "classes"]].first()
    folds = cells.groupby(["dataset", "fold"], observed=True)[["test_rows", "duplicates"]].max()
    means = folds.groupby(level="dataset", observed=True).mean()
    facts["folds"] = by["fold"].nunique()
    return facts.join(means).assign(duplicate_share=means["duplicates"] / means["test_rows"])


def by_group(gains: pd.DataFrame, readings: pd.DataFrame, settings: Analysis) -> pd.DataFrame:
    """One row a grouping, group and method, with the measures of the methods and of early stopping.

    Parameters
    ----------
    gains : DataFrame
        From `bench.analysis.measures.improvements`.
    readings : DataFrame
        From `bench.analysis.reliability.runs`.

    Returns
    -------
    DataFrame
        ``grouping``, ``group``, ``method``, ``datasets``, then `MEASURES` and `GAPS`. Scores were
        normalized over all methods of a unit, so a group's numbers are the whole's, restricted.
    """
    groups = groups_of(gains, settings)
    parts = []
    for grouping in groups:
        of = groups[grouping]
        for group in in_order(of):
            inside = of.index[of == group]
            part = summary(gains[gains["dataset"].isin(inside)])[MEASURES]
            gaps = reliability(readings[readings["dataset"].isin(inside)])[GAPS]
            part = part.join(gaps).rename_axis("method").reset_index()
            part.insert(0, "grouping", str(grouping))
            part.insert(1, "group", group)
            part.insert(3, "datasets", len(inside))
            parts.append(part)
    return pd.concat(parts, ignore_index=True)
