"""The energy of one class, its surrogate negatives, and Langevin dynamics on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from bench.generator import InContextClassifier, SupportSet


@dataclass(frozen=True)
class Energy:
    """E(x) = −log(exp f₀(x) + exp f₁(x)): class rows against surrogate negatives."""

    support: SupportSet
    device: Any

    @classmethod
    def of(cls, classifier: InContextClassifier, rows: np.ndarray, negatives: np.ndarray) -> Self:
        """The energy of a class with these encoded rows, (n, width) float32."""
        x = torch.from_numpy(np.concatenate([rows, negatives]).astype(np.float32))
        y = torch.from_numpy(np.repeat([0, 1], [len(rows), len(negatives)]))
        device = classifier.device
        return cls(classifier.support(x.to(device), y.to(device)), device)

    def __call__(self, x: Tensor) -> Tensor:
        """Energies (n,) of rows (n, width)."""
        return -self.support.logits(x)[:, :2].logsumexp(dim=1)

    def gradient(self, x: np.ndarray, chunk: int) -> np.ndarray:
        """The gradient of each row's own energy, (n, width)."""
        parts = []
        for rows in torch.from_numpy(x).to(self.device).split(chunk):
            leaf = rows.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self(leaf).sum(), leaf)
            parts.append(gradient.cpu())
        return torch.cat(parts).numpy()


def surrogate_negatives(width: int, distance: float, rng: np.random.Generator) -> np.ndarray:
    """Four corners of a cube around the standardised rows, two pairs of opposites, (4, width).

    As in the published code: all corners of a square; of more dimensions, two corners drawn at
    random and their opposites. Of one dimension there are only two corners.
    """
    if width == 1:
        return np.array([[-distance], [distance]])
    first = rng.choice([-1.0, 1.0], size=width)
    second = rng.choice([-1.0, 1.0], size=width)
    if abs(first @ second) == width:  # the same pair of opposites
        second[rng.integers(width)] *= -1
    return distance * np.stack([first, -first, second, -second])


def langevin(
    energy: Energy,
    x: np.ndarray,
    *,
    steps: int,
    step: float,
    noise: float,
    refresh: int,
    chunk: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Rows (n, width) after ``steps`` of x ← x − step · ∇E(x) + noise · ε.

    The gradient is taken anew every ``refresh`` steps.

    Raises
    ------
    FloatingPointError
        If the energies' gradients or the rows are not finite: such rows would pass for missing
        values and first levels.
    """
    for t in range(steps):
        if t % refresh == 0:
            drift = step * energy.gradient(x, chunk)
        x = x - drift + noise * rng.standard_normal(x.shape, dtype=np.float32)
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(axis=1).sum())
        raise FloatingPointError(
            f"TabEBM: the classifier's energies drove {bad} of {len(x)} rows beyond all numbers; "
            "take a smaller step, or another model."
        )
    return x
