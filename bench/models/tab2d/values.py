"""A numeric target as `Tab2D` reads and tells it: scaled by the training rows, at times in bins."""

from __future__ import annotations

import numpy as np

from bench.models.tab2d.encoder import Encoder
from bench.predicted import Predicted

LOW, HIGH = -0.5, 1.5  # of the bins, where the training rows' values lie from 0 to 1


class ValueEncoder(Encoder):
    """Table → float32 features, and targets min–max scaled by the rows of the fit.

    A model with one output reads and tells the scaled value (`Preprocessor` of autogluon.tabular
    1.6.3 with MitraRegressor's defaults, mirroring off). One with more has as many equal bins from
    `LOW` to `HIGH`, as Mitra v2: it reads a bin, the nearest one for a value beyond them, and tells
    each one's logit; the mean of the bins' centres is the value.
    """

    def __init__(self, n_outputs: int) -> None:
        super().__init__(max_classes=n_outputs)
        self.n_bins = n_outputs if n_outputs > 1 else 0

    def _fit_target(self, y: np.ndarray) -> None:
        self.present_ = np.empty(0, dtype=np.int64)
        self.low_, self.range_ = float(y.min()), float(np.ptp(y))
        self.scale_ = float(y.std())

    def encode_y(self, y: np.ndarray) -> np.ndarray:
        """Scaled values, float32; of a model of bins their positions, int64."""
        scaled = (y - self.low_) / self.range_
        if not self.n_bins:
            return scaled.astype(np.float32)
        places = np.floor((scaled - LOW) / (HIGH - LOW) * self.n_bins)
        return places.clip(0, self.n_bins - 1).astype(np.int64)

    def decode(self, outputs: np.ndarray, n_classes: int) -> Predicted:
        """The outputs (n_rows, n_outputs) in the target's own units."""
        if not self.n_bins:
            told = outputs[:, 0].astype(np.float64)
            return Predicted(self.low_ + told * self.range_, scale=self.scale_)
        logits = outputs.astype(np.float64)
        mass = np.exp(logits - logits.max(axis=1, keepdims=True))
        mass /= mass.sum(axis=1, keepdims=True)
        edges = self.low_ + np.linspace(LOW, HIGH, self.n_bins + 1) * self.range_
        mean = mass @ ((edges[1:] + edges[:-1]) / 2)
        return Predicted(mean, scale=self.scale_, mass=mass, edges=edges)
