"""Exogenous noise: one uniform variable a node and row, independent between nodes."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc, rankdata


class ExogenousNoise(StrEnum):
    """How the noise of a table's rows is drawn."""

    independent = "independent"  # each value by itself
    latin_hypercube = "latin_hypercube"  # evenly spread within a node, uncorrelated between nodes


def draw(kind: ExogenousNoise | str, n: int, p: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform noise of ``n`` rows and ``p`` nodes, shape (n, p), in (0, 1).

    A table of few independent draws shows chance associations between noise and parents, which
    whoever learns from it takes for true: it is as if the training rows had been sampled twice. A
    Latin hypercube (McKay et al. 1979) has every node's noise evenly spread over its distribution,
    and Iman and Conover's (1982) reordering takes the chance rank correlations out, where there
    are more than twice as many rows as nodes. Each row's marginal distribution is as before.
    """
    if ExogenousNoise(kind) is ExogenousNoise.independent:
        return rng.random((n, p))
    u = qmc.LatinHypercube(p, rng=rng).random(n)
    if n <= 2 * p:
        return u
    scores = ndtri((rankdata(u, axis=0) - 0.5) / n)
    scores -= scores.mean(axis=0)
    root = np.linalg.cholesky(np.cov(scores, rowvar=False).reshape(p, p))
    ranks = rankdata(np.linalg.solve(root, scores.T).T, axis=0, method="ordinal")
    return np.take_along_axis(np.sort(u, axis=0), ranks - 1, axis=0)
