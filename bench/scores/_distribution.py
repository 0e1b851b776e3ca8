"""What each row adds to the scores that read a distribution: mass uniform within bins.

Both are exact for such a distribution; rows are read some at a time, so that whatever bins there
are, the memory they take is bounded.
"""

from __future__ import annotations

import numpy as np

from bench.predicted import Predicted

EPSILON = float(np.finfo(np.float64).eps)  # as log-loss clips probabilities
SAME = 1e-6  # of a bin: whether a value lies on a bound is decided by no last bit
MOST = 2**14  # numbers of an array at once: what stays in a core's cache


def negative_log_density(y: np.ndarray, predicted: Predicted) -> np.ndarray:
    """−log of the density at each value, in nats, of the target in deviations of the training's.

    A density is held to EPSILON … 1/EPSILON, so that a value beyond the bins' bounds, which has
    none, costs 36 nats whatever the bins are. A value on a bound is read in the bin below, as a
    model of bins learns it.
    """
    mass, edges = _distribution(predicted)
    widths = np.diff(edges)
    within = (edges[0] - SAME * widths[0] <= y) & (y <= edges[-1] + SAME * widths[-1])
    at = np.searchsorted(edges[1:-1] + SAME * widths[1:], y)
    # The width in deviations first: neither it nor the mass over it leaves what a float holds.
    width = np.maximum(widths[at] / predicted.scale, EPSILON)
    density = within * mass[np.arange(len(y)), at] / width
    out: np.ndarray = -np.log(density.clip(EPSILON, 1 / EPSILON))
    return out


def ranked_probability(y: np.ndarray, predicted: Predicted) -> np.ndarray:
    """The integral of (F(x) − [x ≥ value])² over x for each row, in the target's unit (CRPS)."""
    mass, edges = _distribution(predicted)
    n = max(1, MOST // len(edges))
    parts = range(0, len(y), n)
    return np.concatenate([_ranked(y[i : i + n], mass[i : i + n], edges) for i in parts])


def _ranked(y: np.ndarray, mass: np.ndarray, edges: np.ndarray) -> np.ndarray:
    n_bins = mass.shape[1]
    at = np.searchsorted(edges, y, "right") - 1  # −1 below all bins, n_bins above all
    below = np.zeros((len(y), n_bins + 1))  # F at each bound
    np.cumsum(mass, axis=1, out=below[:, 1:])
    below /= below[:, -1:]  # to one: a float32 softmax comes near it only
    apart = below - (np.arange(n_bins + 1) > at[:, None])  # F − [x ≥ value] at each bound
    a, b = apart[:, :-1], apart[:, 1:]
    squares = (a + b) ** 2
    squares -= a * b  # a² + ab + b²: thrice the mean square over a bin that it is linear within
    within = np.flatnonzero((at >= 0) & (at < n_bins))
    squares[within, at[within]] = 0  # there it jumps at the value
    out: np.ndarray = np.einsum("ij,j->i", squares, np.diff(edges)) / 3
    out += np.maximum(edges[0] - y, 0) + np.maximum(y - edges[-1], 0)
    k, value = at[within], y[within]
    a, b = apart[within, k], apart[within, k + 1]  # F, and F − 1
    left, right = value - edges[k], edges[k + 1] - value
    jump = a + (b + 1 - a) * (left / (left + right))  # F at the value
    out[within] += left * (a * a + a * jump + jump * jump) / 3
    out[within] += right * ((jump - 1) ** 2 + (jump - 1) * b + b * b) / 3
    return out


def _distribution(predicted: Predicted) -> tuple[np.ndarray, np.ndarray]:
    mass, edges = predicted.mass, predicted.edges
    assert mass is not None, "asked of what has a distribution alone"
    assert edges is not None
    return mass, edges
