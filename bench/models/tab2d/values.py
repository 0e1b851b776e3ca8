"""A numeric target as `Tab2D` reads and tells it: scaled by the training rows, at times in bins."""

from __future__ import annotations

import numpy as np

from bench.models.tab2d.encoder import Encoder
from bench.models.tab2d.scale import Scale, TargetScale
from bench.predicted import Predicted
from bench.table import Table

LOW, HIGH = -0.5, 1.5  # of the bins, where the training rows' values lie from 0 to 1
MOST = 1e6  # of a scaled value that is read: synthetic rows may lie anywhere
SAME = 1e-6  # of a bin: whether a value lies on a bound is decided by no last bit


class ValueEncoder(Encoder):
    """Table → float32 features, and targets scaled by the rows of the fit.

    A model with one output reads and tells the scaled value (`Preprocessor` of autogluon.tabular
    1.6.3 with MitraRegressor's defaults, mirroring off). One with more has as many equal bins from
    `LOW` to `HIGH`, as Mitra v2: it reads a bin (the first or last one for a value beyond them, the
    lower one for a value on a bound: `TrainerFinetune` with `LossName.CROSS_ENTROPY`), and tells
    each one's logit; the mean of the bins' centres is the value.

    Parameters
    ----------
    n_outputs : int
    kind : {"minmax", "normal"}
        Of the `bench.models.tab2d.scale.Scale`.
    """

    def __init__(self, n_outputs: int, kind: TargetScale = "minmax") -> None:
        super().__init__(max_classes=n_outputs)
        self.n_bins = n_outputs if n_outputs > 1 else 0
        self.kind = kind

    def _fit_target(self, table: Table) -> None:
        self.present_ = np.empty(0, dtype=np.int64)
        self.scale_ = Scale.of(table.y, self.kind, table.name)

    def encode_y(self, y: np.ndarray) -> np.ndarray:
        """Scaled values, float32; of a model of bins their positions, int64."""
        scaled = self.scale_.scaled(y).clip(-MOST, MOST)
        if not self.n_bins:
            return scaled.astype(np.float32)
        bounds_below = np.ceil((scaled - LOW) / (HIGH - LOW) * self.n_bins - SAME)
        return (bounds_below - 1).clip(0, self.n_bins - 1).astype(np.int64)

    def decode(self, outputs: np.ndarray, n_classes: int) -> Predicted:
        """The outputs (n_rows, n_outputs) in the target's own units."""
        deviation = self.scale_.deviation
        if not self.n_bins:
            told = self.scale_.back(outputs[:, 0].astype(np.float64))
            return Predicted(told, scale=deviation)
        logits = outputs.astype(np.float64)
        mass = np.exp(logits - logits.max(axis=1, keepdims=True))
        mass /= mass.sum(axis=1, keepdims=True)
        edges = self.scale_.back(np.linspace(LOW, HIGH, self.n_bins + 1))
        mean = mass @ (edges[1:] / 2 + edges[:-1] / 2)
        # Bins that float64 cannot tell apart, between two values next to each other, are one.
        edges, first = np.unique(edges, return_index=True)
        return Predicted(mean, deviation, np.add.reduceat(mass, first[:-1], axis=1), edges)
