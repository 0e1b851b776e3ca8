"""Do rows of more use bring more? The utility of each generator's rows against what they gain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from bench.analysis.frame import UNIT
from bench.analysis.intervals import draws, ends
from bench.analysis.quality_gains import with_quality
from bench.analysis.references import references
from bench.analysis.settings import Analysis

MEASURES = {  # of rows, by what records call it; of one problem there is one
    "global utility": ("test_global_utility",),
    "target utility": ("test_tstr_roc_auc", "test_tstr_r2"),
}
GAINS = {"raw_gain": "not fine-tuning", "over_default": "default fine-tuning"}  # over what
WAY = r"-(?:synthetic|mixed)(?:-[\d.]+)?$"  # behind a generator's name (`bench.cell.config`)
FEWEST = 5  # tables that a correlation takes
FEWEST_GENERATORS = 3  # of a table, where they are ranked within it
COLUMNS = ["measure", "over", "within", "within_low", "within_high", "pooled", "pooled_low",
           "pooled_high", "tables", "points"]  # fmt: skip


def made_tables(gains: pd.DataFrame) -> pd.DataFrame:
    """One row a generator's rows for one training part, with their utility and what they gained.

    Parameters
    ----------
    gains : DataFrame
        From `bench.analysis.measures.improvements`.

    Returns
    -------
    DataFrame
        ``dataset``, ``fold``, ``seed``, ``generator`` (a method's name without its way),
        `MEASURES`, NaN where not measured, and `GAINS`: the chosen step's test score minus the pre-
        trained model's, and minus default fine-tuning's in the same unit. All are means over the
        ways in which was fine-tuned on the rows: alone, or mixed with real ones.
    """
    runs = with_quality(gains)
    of = references(gains).of
    scores = gains.set_index([*UNIT, "method"])["score_chosen"]
    plain = pd.MultiIndex.from_frame(runs[UNIT].assign(method=runs["method"].map(of)))
    out = runs[[*UNIT, "raw_gain"]].assign(
        generator=runs["method_name"].astype(str).str.replace(WAY, "", regex=True),
        over_default=runs["score_chosen"].to_numpy() - scores.reindex(plain).to_numpy(),
    )
    for measure, keys in MEASURES.items():
        known = runs.reindex(columns=[f"quality.{key}" for key in keys])
        out[measure] = known.astype(float).bfill(axis=1).iloc[:, 0]
    means = out.groupby([*UNIT, "generator"], observed=True).mean().reset_index()
    return means.round(dict.fromkeys([*MEASURES, *GAINS], 9))  # no last bit decides a rank


def gains_by_utility(points: pd.DataFrame, settings: Analysis) -> pd.DataFrame:
    """Spearman's correlation of each measure of `MEASURES` with each gain of `GAINS`.

    Parameters
    ----------
    points : DataFrame
        From `made_tables`.

    Returns
    -------
    DataFrame
        `COLUMNS`. ``pooled``: over all points, whatever their dataset. ``within``: over the
        generators of a dataset, whose folds and seeds are averaged first, and then averaged over
        datasets; those of fewer than `FEWEST_GENERATORS`, or where one side is constant, are passed
        over. ``low`` and ``high`` are of a bootstrap over datasets; all are NaN of fewer than
        `FEWEST` of them. ``tables`` and ``points`` have measure and gain.
    """
    rows = [_row(points, m, gain, settings) for gain in GAINS for m in MEASURES]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(points: pd.DataFrame, measure: str, gain: str, settings: Analysis) -> dict[str, object]:
    known = points.dropna(subset=[measure, gain])
    datasets = pd.Index(sorted(known["dataset"].unique()))
    row = {"measure": measure, "over": GAINS[gain], "tables": len(datasets), "points": len(known)}
    if len(datasets) < FEWEST:
        return row
    x, y = (known[name].to_numpy() for name in (measure, gain))
    drawn = draws(len(datasets), settings)[:, datasets.get_indexer(pd.Index(known["dataset"]))]
    pooled = spearman(x, y, np.ones((1, len(known))))[0]
    low, high = ends(spearman(x, y, drawn), len(datasets), settings)
    row |= {"pooled": pooled, "pooled_low": low, "pooled_high": high}
    inside = _by_dataset(known, measure, gain)
    if len(inside) >= FEWEST:
        resampled = draws(len(inside), settings) @ inside / len(inside)
        low, high = ends(resampled, len(inside), settings)
        row |= {"within": inside.mean(), "within_low": low, "within_high": high}
    return row


def _by_dataset(known: pd.DataFrame, measure: str, gain: str) -> np.ndarray:
    means = known.groupby(["dataset", "generator"], observed=True)[[measure, gain]].mean().round(9)
    found = [
        spearman(of[measure].to_numpy(), of[gain].to_numpy(), np.ones((1, len(of))))[0]
        for _, of in means.groupby("dataset", observed=True)
        if len(of) >= FEWEST_GENERATORS
    ]
    return np.array([rho for rho in found if not np.isnan(rho)])


def spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's ρ of points that count as often as each row of ``weights`` says.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
    weights : ndarray of shape (resamples, n)

    Returns
    -------
    ndarray of shape (resamples,)
        NaN where one side is constant.
    """
    a, b = (_weighted_ranks(values, weights) for values in (x, y))
    total = weights.sum(axis=1, keepdims=True)
    a, b = (side - (weights * side).sum(axis=1, keepdims=True) / total for side in (a, b))
    shared, *own = ((weights * one * two).sum(axis=1) for one, two in ((a, b), (a, a), (b, b)))
    scale = np.sqrt(own[0] * own[1])
    return np.divide(shared, scale, out=np.full(len(weights), np.nan), where=scale > 1e-9)


def _weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Middle ranks in each resample, less ½; shape as ``weights``."""
    place = rankdata(values, method="dense") - 1
    counts = np.stack([np.bincount(place, of) for of in weights])
    return (counts.cumsum(axis=1) - counts / 2)[:, place]
