"""Rows dealt to classes: positions drawn in their shares, and how many each class gets."""

from __future__ import annotations

import numpy as np


def stratified_rows(y: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw row positions with replacement so that class shares are those of ``y``.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Class codes. Where it holds a numeric target (float64) there are no shares to keep, and
        every position is drawn for itself.
    n : int
        Positions to draw.
    rng : numpy.random.Generator

    Returns
    -------
    rows : ndarray of int64, shape (n,)
    """
    if y.dtype == np.float64:
        return rng.integers(len(y), size=n)
    present, counts = np.unique(y, return_counts=True)
    wanted = class_allotment(counts, n, rng)
    drawn = [
        rng.choice(np.flatnonzero(y == label), size=size)
        for label, size in zip(present, wanted, strict=True)
    ]
    return rng.permutation(np.concatenate(drawn).astype(np.int64))


def class_allotment(counts: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Divide ``n`` rows among classes in proportion to ``counts``; each gets one if there is room.

    Systematic sampling: each class gets its exact share rounded up or down, and the exact share
    on average, which largest remainders would not give (one row would always be the majority's).

    >>> class_allotment(np.array([90, 9, 1]), 10, np.random.default_rng(0)).tolist()
    [8, 1, 1]
    """
    points = (np.arange(n) + rng.random()) / max(n, 1) * counts.sum()
    owners = np.searchsorted(np.cumsum(counts), points, side="right").clip(max=len(counts) - 1)
    wanted = np.bincount(owners, minlength=len(counts))
    if n >= len(counts):
        for absent in np.flatnonzero(wanted == 0):
            wanted[wanted.argmax()] -= 1
            wanted[absent] += 1
    return wanted
