"""Does it matter how good synthetic rows are? Their measured quality against what they gain."""

from __future__ import annotations

import pandas as pd
from scipy.stats import spearmanr

COLUMNS = ["method", "measure", "units", "median", "spearman_raw_gain", "spearman_improvement"]
ALL = "all methods"
FEWEST = 5  # units that a correlation takes


def with_quality(gains: pd.DataFrame) -> pd.DataFrame:
    """The cells whose record holds measures of quality, with a column ``quality.NAME`` for each."""
    known = gains[gains["quality"].map(lambda q: isinstance(q, dict) and bool(q))]
    measures = pd.DataFrame(known["quality"].tolist(), index=known.index)
    numbers = measures.apply(pd.to_numeric, errors="coerce").dropna(axis=1, how="all")
    return known.join(numbers.add_prefix("quality."))


def gains_by_quality(gains: pd.DataFrame) -> pd.DataFrame:
    """One row a method and measure: its median, and Spearman's correlation with the gains.

    Correlations are over units; NaN below `FEWEST`, or where nothing varies. Units of one dataset
    share rows, so they are descriptions, not tests.
    """
    measured = with_quality(gains)
    names = [c for c in map(str, measured) if c.startswith("quality.")]
    parts = [(str(m), runs) for m, runs in measured.groupby("method", observed=True)]
    if len(parts) > 1:
        parts.append((ALL, measured))
    rows = [
        {
            "method": method,
            "measure": name.removeprefix("quality."),
            "units": int(runs[name].notna().sum()),
            "median": runs[name].median(),
            "spearman_raw_gain": _correlation(runs[name], runs["raw_gain"]),
            "spearman_improvement": _correlation(runs[name], runs["improvement"]),
        }
        for method, runs in parts
        for name in names
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _correlation(a: pd.Series, b: pd.Series) -> float:
    both = pd.concat([a, b], axis=1).dropna()
    if len(both) < FEWEST or (both.min() == both.max()).any():
        return float("nan")
    return float(spearmanr(both.iloc[:, 0], both.iloc[:, 1]).statistic)
