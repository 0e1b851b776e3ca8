"""Features for the mechanisms' scikit-learn estimators."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Quadratic(TransformerMixin, BaseEstimator):
    """Columns, their squares and their products, the latter at a smaller scale.

    In a ridge regression a column at scale ``weight`` is penalised 1 / weight² as much, so that a
    node is linear in its parents unless the rows say otherwise, and may have another slope in each
    class.

    Parameters
    ----------
    weight : float
        Standard deviation of the quadratic columns.
    """

    def __init__(self, weight: float = 0.1) -> None:
        self.weight = weight

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> Self:
        self.first_, self.second_ = np.triu_indices(X.shape[1])
        products = X[:, self.first_] * X[:, self.second_]
        varying = products.std(axis=0) > 1e-9  # of two levels of one category it is always 0
        self.first_, self.second_ = self.first_[varying], self.second_[varying]
        self.mean_ = products[:, varying].mean(axis=0)
        self.scale_ = self.weight / products[:, varying].std(axis=0)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        products = X[:, self.first_] * X[:, self.second_]
        return np.hstack([X, (products - self.mean_) * self.scale_])
