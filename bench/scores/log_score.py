"""Log score: the mean negative log density of the values, in nats.

The density is that of the target in deviations of the training rows' targets: another unit of the
target is another constant to every log density, and is taken out so.
"""

from __future__ import annotations

from math import log

import numpy as np

from bench.predicted import Predicted
from bench.scores._distribution import EPSILON, negative_log_density
from bench.value_score import ValueScore


def _log_score(y: np.ndarray, predicted: Predicted) -> float | None:
    """Mean over the rows; None without a distribution."""
    if not predicted.has_distribution:
        return None
    return float(negative_log_density(y, predicted).mean())


log_score = ValueScore(
    name="log_score",
    title="log score",
    function=_log_score,
    greater_is_better=False,
    lowest=log(EPSILON),
    highest=-log(EPSILON),
    may_lack=True,
    drawn=True,
    of_distribution=True,
)
