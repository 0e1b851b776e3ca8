"""Is it the rows, or the mixing? Generators alone and mixed, paired on the same units."""

from __future__ import annotations

import pandas as pd

from bench.analysis.frame import UNIT
from bench.analysis.measures import average_ranks
from bench.analysis.paired import over_tables

WAY = ["generator", "mixing", "ratio"]
COLUMNS = ["question", "generator", "minus", "mean", "se", "absolute", "tables", "units"]
MIXED, ALONE = "mixed", "synthetic"


def ways(gains: pd.DataFrame) -> pd.DataFrame:
    """One row a generator, mixing and ratio: how its methods do.

    Parameters
    ----------
    gains : DataFrame
        From `bench.analysis.measures.improvements`; rows without a generator are passed over.

    Returns
    -------
    DataFrame
        ``generator``, ``mixing``, ``ratio``, ``methods`` (their names), ``rank`` (the methods' mean
        average rank among all methods), ``median`` and ``iqr`` of the improvement, ``raw_gain``,
        ``harm``, ``units``. A generator's rows stand together, alone before mixed; the generator
        with the best rank in any of its ways stands first.
    """
    made = gains[[*WAY, "method", "improvement", "raw_gain"]].dropna(subset=["generator"])
    columns = [*WAY, "methods", "rank", "median", "iqr", "raw_gain", "harm", "units"]
    ranks = average_ranks(gains)
    rows = []
    for way, runs in made.groupby(WAY, observed=True):
        spread = runs["improvement"].quantile([0.25, 0.75])
        rows.append(
            {
                **dict(zip(WAY, way, strict=True)),
                "methods": ", ".join(sorted(map(str, runs["method"].unique()))),
                "rank": ranks[runs["method"].unique()].mean(),
                "median": runs["improvement"].dropna().median(),
                "iqr": spread[0.75] - spread[0.25],
                "raw_gain": runs["raw_gain"].mean(),
                "harm": (runs["raw_gain"] < 0).mean(),
                "units": len(runs),
            }
        )
    table = pd.DataFrame(rows, columns=columns)
    best = table.groupby("generator")["rank"].transform("min")
    order = table.assign(best=best, mixed=table["mixing"] == MIXED)
    order = order.sort_values(["best", "generator", "mixed", "ratio"])
    return table.loc[order.index].reset_index(drop=True)


def differences(gains: pd.DataFrame) -> pd.DataFrame:
    """What mixing does, and what each generator's rows do, as paired differences in test score.

    Returns
    -------
    DataFrame
        A row a comparison, columns `COLUMNS`, the last five from `over_tables`. ``mixing``: a
        generator mixed minus the same generator alone, for those that were run both ways.
        ``rows``: a generator minus another one, both mixed; and both alone.
    """
    made = gains.dropna(subset=["generator"])
    # Like is held against like: the same model, the same fine-tuning.
    alike = [c for c in ("baseline", "tuning") if c in made and made[c].notna().all()]
    by = [*UNIT, *alike, "generator", "mixing"]
    scores = made.groupby(by, observed=True)["score_chosen"].mean()
    wide = scores.unstack(["generator", "mixing"])
    found = set(zip(made["generator"], made["mixing"]))
    mixed, alone = (sorted(g for g, mixing in found if mixing == way) for way in (MIXED, ALONE))
    pairs = {("mixing", g, f"{g} alone"): ((g, MIXED), (g, ALONE)) for g in mixed if g in alone}
    for way, generators in ((MIXED, mixed), (ALONE, alone)):
        for i, one in enumerate(generators):
            for other in generators[i + 1 :]:
                named = ("rows", f"{one} {_told(way)}", f"{other} {_told(way)}")
                pairs[named] = ((one, way), (other, way))
    if not pairs:
        return pd.DataFrame(columns=COLUMNS)
    paired = pd.DataFrame({name: wide[a] - wide[b] for name, (a, b) in pairs.items()})
    table = over_tables(paired)
    names = pd.DataFrame(list(pairs), columns=COLUMNS[:3], index=table.index)
    return names.join(table).reset_index(drop=True)


def _told(way: str) -> str:
    return "alone" if way == ALONE else way
