"""What becomes of a mechanism's scores: classes, or numbers.

A target says how many scores it wants, turns them into labels, spoils some of these, and says
which of its tables can be learned from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from generators.prior.settings import ClassPrior, Prior, ValuePrior

Array = np.ndarray

IGNORE = -100  # torch's cross-entropy skips it: a query row whose class the support does not show
WIDEST = 50.0  # a query's value this many ranges of the support away is a freak of the draw


# Small tools


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """One draw, uniform in the logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def standardize(z: Array) -> Array:
    """Columns to mean 0 and deviation 1; constant ones to 0."""
    return (z - z.mean(0)) / (z.std(0) + 1e-6)


def random_shares(rng: Generator, k: int, floor: float = 0.25) -> Array:
    """Shares of ``k`` classes or levels, balanced to uneven; none below about ``floor / k``."""
    shares = rng.dirichlet(np.full(k, log_uniform(rng, 0.7, 12)))
    shares = np.maximum(shares, floor / k)
    return shares / shares.sum()


class Target(ABC):
    """A table's target, before its rows are known."""

    prior: Prior

    @abstractmethod
    def outputs(self, rng: Generator) -> int:
        """How many scores `of_scores` is to get."""

    @abstractmethod
    def of_scores(self, rng: Generator, score: Array) -> Array:
        """Labels (n,) from scores (n, outputs)."""

    @abstractmethod
    def spoiled(self, rng: Generator, y: Array) -> Array:
        """The labels with what is wrong in some tables."""

    @abstractmethod
    def told(self, rng: Generator, y: Array) -> Array:
        """The labels in an arbitrary code or direction: nothing may be learned from it."""

    @abstractmethod
    def usable(self, y: Array, n_support: int) -> bool:
        """Whether the support shows what the queries ask for."""

    @abstractmethod
    def encoded(self, rng: Generator, y: Array, n_support: int) -> Array:
        """The labels as the model is shown them, from what the support knows."""


# Classes


@dataclass(frozen=True)
class ClassTarget(Target):
    """One of ``n_classes`` classes; some may have no row."""

    n_classes: int
    prior: ClassPrior

    @classmethod
    def draw(cls, rng: Generator, prior: ClassPrior, n_support: int) -> ClassTarget:
        """As many classes as the prior says and the support has rows for."""
        weights = np.array(prior.class_weights, dtype=float)
        # A support of fewer than five rows a class teaches the base rate and little else.
        weights[max(1, n_support // 5 - 1) :] = 0
        return cls(2 + int(rng.choice(len(weights), p=weights / weights.sum())), prior)

    def outputs(self, rng: Generator) -> int:
        """One score, to be cut into bands, or one for each class."""
        return 1 if rng.random() < (0.8 if self.n_classes == 2 else 0.3) else self.n_classes

    def of_scores(self, rng: Generator, score: Array) -> Array:
        """Class codes from noisy scores: bands of a single one, or the largest of one a class."""
        outputs = score.shape[1]
        score = standardize(score + 1e-6 * rng.normal(size=score.shape))
        score = score + log_uniform(rng, *self.prior.noise) * rng.normal(size=score.shape)
        if outputs == 1:
            shares = random_shares(rng, self.n_classes, self.prior.class_floor)
            cuts = np.quantile(score[:, 0], np.cumsum(shares)[:-1])
            return np.searchsorted(cuts, score[:, 0])
        return (score + rng.normal(size=self.n_classes) * rng.uniform(0, 0.8)).argmax(1)

    def spoiled(self, rng: Generator, y: Array) -> Array:
        """Wrong labels in some tables, so that the model learns not to be sure."""
        if rng.random() >= self.prior.flip_share:
            return y
        wrong = rng.random(len(y)) < rng.uniform(0, self.prior.flip_max)
        return np.where(wrong, rng.integers(self.n_classes, size=len(y)), y)

    def told(self, rng: Generator, y: Array) -> Array:
        """Codes below ``n_classes``, in arbitrary order."""
        return rng.permutation(self.n_classes)[y]

    def usable(self, y: Array, n_support: int) -> bool:
        """Two classes in the support, queries of classes shown there."""
        support, asked = np.unique(y[:n_support]), y[n_support:]
        return len(support) >= 2 and int(np.isin(asked, support).sum()) >= min(2, len(asked))

    def encoded(self, rng: Generator, y: Array, n_support: int) -> Array:
        """Numbered without gaps, as a real table's support would have them, but for the scattered.

        A row of a class that the support does not show is labelled `IGNORE`.
        """
        shown = np.unique(y[:n_support])
        code = np.full(self.n_classes, IGNORE)
        code[shown] = self._codes(rng, len(shown))
        return code[y]

    def _codes(self, rng: Generator, n_classes: int) -> Array:
        """The codes of a table's classes."""
        if self.prior.scattered and rng.random() < self.prior.scattered:
            return rng.permutation(len(self.prior.class_weights) + 1)[:n_classes]
        return np.arange(n_classes)


# Numbers


@dataclass(frozen=True)
class ValueTarget(Target):
    """A number."""

    prior: ValuePrior

    def outputs(self, rng: Generator) -> int:
        """The value's score, at times another one for the size of its noise."""
        return 2 if rng.random() < 0.5 * self.prior.uneven_noise else 1

    def of_scores(self, rng: Generator, score: Array) -> Array:
        """Score and noise, even or uneven, light- or heavy-tailed; then warped in some tables."""
        prior = self.prior
        score = standardize(score + 1e-6 * rng.normal(size=score.shape))
        noise = rng.normal(size=len(score))
        if rng.random() < prior.heavy_noise:
            freedom = log_uniform(rng, 1.8, 10)
            noise = noise / np.sqrt(rng.chisquare(freedom, size=len(score)) / freedom)
        if score.shape[1] == 2 or rng.random() < 0.5 * prior.uneven_noise:
            size = np.exp(rng.choice([-1, 1]) * rng.uniform(0.2, 1) * np.clip(score[:, -1], -3, 3))
            noise = noise * size / np.sqrt(np.mean(size**2))
        value = score[:, 0] + log_uniform(rng, *prior.noise) * noise
        return _warp(rng, value) if rng.random() < prior.warped else value

    def spoiled(self, rng: Generator, y: Array) -> Array:
        """Nothing: heavy-tailed noise is what is wrong with numbers."""
        return y

    def told(self, rng: Generator, y: Array) -> Array:
        """Upside down in half of the tables."""
        return y if rng.random() < 0.5 else -y

    def usable(self, y: Array, n_support: int) -> bool:
        """Finite, at least three values in the support, no query absurdly far away."""
        support = y[:n_support]
        if not np.isfinite(y).all() or len(np.unique(support)) < min(3, n_support):
            return False
        low, high = support.min(), support.max()
        room = WIDEST * (high - low)
        return bool(high - low > 1e-6 and y.min() > low - room and y.max() < high + room)

    def encoded(self, rng: Generator, y: Array, n_support: int) -> Array:
        """Min–max scaled by the support's values."""
        low, high = y[:n_support].min(), y[:n_support].max()
        return ((y - low) / (high - low)).astype(np.float32)


def _warp(rng: Generator, value: Array) -> Array:
    """A number as people write it down: skewed, counted, rounded, or cut off at an end."""
    z = standardize(value)
    kind = rng.random()
    if kind < 0.35:
        return np.exp(rng.uniform(0.2, 1.4) * np.clip(z, -6, 4))
    if kind < 0.5:
        return np.sign(z) * np.abs(z) ** rng.uniform(0.6, 1.8)
    if kind < 0.6:
        return np.tanh(rng.uniform(0.5, 1.5) * z)
    if kind < 0.75:
        return np.round(z * rng.uniform(1, 6))
    if kind < 0.85:
        return np.floor(np.exp(rng.uniform(0.5, 1.1) * np.clip(z, -6, 4)) * rng.uniform(1, 6))
    end = np.quantile(z, rng.uniform(0.02, 0.4))
    return np.maximum(z, end)


def draw_target(rng: Generator, prior: Prior, n_support: int) -> Target:
    """A target of the prior's kind, for a table whose support has this many rows."""
    if isinstance(prior, ClassPrior):
        return ClassTarget.draw(rng, prior, n_support)
    assert isinstance(prior, ValuePrior)
    return ValueTarget(prior)
