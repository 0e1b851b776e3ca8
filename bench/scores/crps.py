"""CRPS: how far a predicted distribution lies from the value, in the target's unit.

The continuous ranked probability score (Matheson and Winkler 1976; Gneiting and Raftery 2007), the
integral of the squared difference between the distribution function and the value's; of a
distribution that is a single value it is the absolute error.
"""

from __future__ import annotations

import numpy as np

from bench.predicted import Predicted
from bench.scores._distribution import ranked_probability
from bench.value_score import ValueScore


def _crps(y: np.ndarray, predicted: Predicted) -> float | None:
    """Mean over the rows; None without a distribution."""
    if not predicted.has_distribution:
        return None
    return float(ranked_probability(y, predicted).mean())


crps = ValueScore(
    name="crps",
    title="CRPS",
    function=_crps,
    greater_is_better=False,
    lowest=0.0,
    highest=float("inf"),
    may_lack=True,
    has_unit=True,
    of_distribution=True,
)
