"""Expected calibration error: how far the confidence of predictions lies from their being right.

Of the most probable class (Guo et al. 2017), in bins that hold equally many rows (Nixon et al.
2019), for bins of equal width are mostly empty.
"""

from __future__ import annotations

import numpy as np

from bench.score import ClassScore

BINS = 15  # as Guo et al.


def _calibration_error(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over the bins of |mean confidence − share that is right|, weighted by their rows.

    Bins differ by one row at most. Of rows with one confidence each counts as right by the share of
    them that is, so that no order decides which bin an error falls into. Of fewer rows than bins
    each is a bin of its own; the fewer rows, the more chance adds to the error.
    """
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == y
    _, level, n_rows = np.unique(confidence, return_inverse=True, return_counts=True)
    share_right = np.bincount(level, weights=is_right) / n_rows
    excess = (confidence - share_right[level])[np.argsort(level, kind="stable")]
    bins = np.array_split(excess, min(BINS, len(excess)))
    return float(sum(abs(of_bin.sum()) for of_bin in bins) / len(y))


calibration_error = ClassScore(
    name="calibration_error",
    title="calibration error",
    kind="expected, top label",
    function=_calibration_error,
    greater_is_better=False,
    lowest=0.0,
    highest=1.0,
    counts=True,
)
