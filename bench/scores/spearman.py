"""Spearman's rank correlation of predictions and values."""

from __future__ import annotations

import numpy as np

from bench.predicted import Predicted
from bench.value_score import ValueScore


def _spearman(y: np.ndarray, predicted: Predicted) -> float | None:
    """Of equal ones the mean rank; None where all values or all predictions are equal."""
    if y.min() == y.max() or predicted.mean.min() == predicted.mean.max():
        return None
    from scipy.stats import rankdata  # takes a second to load, and whoever reads records ranks none

    # Twice the ranks, from their mean: whole numbers, whose sums are exact in any order.
    of_values, told = (np.rint(2 * rankdata(v)) - (len(v) + 1) for v in (y, predicted.mean))
    return float(of_values @ told / np.sqrt(of_values @ of_values) / np.sqrt(told @ told))


spearman = ValueScore(
    name="spearman",
    title="Spearman's ρ",
    function=_spearman,
    greater_is_better=True,
    lowest=-1.0,
    highest=1.0,
    may_lack=True,
)
