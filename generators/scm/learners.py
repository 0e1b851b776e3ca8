"""What the mechanisms learn with, as scikit-learn estimators: features and a ridge regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

import numpy as np
from annotated_types import Len
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from bench.ranges import Positive, checked


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

    @checked
    def __init__(self, weight: Positive = 0.1) -> None:
        self.weight = weight

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> Self:
        """Learn which products vary, and their scales."""
        self._fit(X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """The columns with their scaled products."""
        return self._joined(X, _products(X, self.first_, self.second_))

    def fit_transform(self, X: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """Learn and transform in one pass over the products."""
        return self._joined(X, self._fit(X))

    def _fit(self, X: np.ndarray) -> np.ndarray:
        """Learn; give the products that vary, (columns, rows)."""
        first, second = np.triu_indices(X.shape[1])
        products = _products(X, first, second)
        deviation = products.std(axis=1)
        varying = deviation > 1e-9  # of two levels of one category it is always 0
        self.first_, self.second_ = first[varying], second[varying]
        products = products[varying]
        self.mean_ = products.mean(axis=1)
        self.scale_ = self.weight / deviation[varying]
        return products

    def _joined(self, X: np.ndarray, products: np.ndarray) -> np.ndarray:
        products -= self.mean_[:, None]
        products *= self.scale_[:, None]
        return np.vstack([X.T, products]).T


def _products(X: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Products of pairs of columns, shape (pairs, rows): whole columns are read fast as rows."""
    columns = np.ascontiguousarray(X.T)
    products = columns[first]
    products *= columns[second]
    return products


class LeaveOneOutRidge(RegressorMixin, BaseEstimator):
    """Ridge regression, its penalty chosen by the squared error of leave-one-out predictions.

    Equal to scikit-learn's `RidgeCV`, which computes the hat matrix anew for each penalty. Here
    the rows are turned once to the eigenvectors of their smaller Gram matrix, where a penalty only
    rescales the axes: leverages of all penalties are one matrix product (Golub, Heath and Wahba
    1979, *Generalized Cross-Validation as a Method for Choosing a Good Ridge Parameter*).

    Parameters
    ----------
    alphas : sequence of float
        Penalties to choose from, above 0; the first of the best is taken.

    Attributes
    ----------
    alpha_ : float
    coef_ : ndarray of shape (n_features,)
    intercept_ : float
    """

    @checked
    def __init__(self, alphas: Annotated[Sequence[Positive], Len(1)]) -> None:
        self.alphas = alphas

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Choose the penalty and fit with it."""
        x_mean, y_mean = X.mean(axis=0), float(y.mean())
        centred, response = X - x_mean, y - y_mean
        turned, back, spectrum = _principal_axes(centred)
        alphas = np.asarray(self.alphas, dtype=np.float64)
        shrunk = (turned.T @ response)[:, None] / (spectrum[:, None] + alphas)  # (axes, alphas)
        residuals = response[:, None] - turned @ shrunk
        # The intercept is fitted too, and gives each row a leverage of 1 / n besides.
        leverages = 1 / len(y) + turned**2 @ (1 / (spectrum[:, None] + alphas))
        errors = ((residuals / (1 - leverages)) ** 2).mean(axis=0)
        best = int(np.argmin(errors))
        self.alpha_ = float(alphas[best])
        self.coef_ = back @ shrunk[:, best]
        self.intercept_ = y_mean - float(x_mean @ self.coef_)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predictions, shape (n_rows,)."""
        return X @ self.coef_ + self.intercept_


def _principal_axes(X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centred rows on their principal axes, the way back, and the sums of squares on each.

    Returns
    -------
    (turned, axes, spectrum) : arrays of shape (n, k), (n_features, k) and (k,)
        ``turned = X @ axes``, ``spectrum = (turned**2).sum(axis=0)``; k <= min(n, n_features).
    """
    n, p = X.shape
    if p <= n:
        spectrum, axes = np.linalg.eigh(X.T @ X)
        return X @ axes, axes, spectrum.clip(min=0)
    spectrum, vectors = np.linalg.eigh(X @ X.T)
    varying = spectrum > len(X) * np.finfo(np.float64).eps * spectrum[-1]
    root = np.sqrt(spectrum[varying])
    turned = vectors[:, varying] * root
    return turned, X.T @ (vectors[:, varying] / root), spectrum[varying]


# Of numeric nodes: ridge regression on products of columns, its penalty chosen by leave-one-out.
REGRESSOR = make_pipeline(
    Quadratic(0.1), LeaveOneOutRidge((1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0))
)
# Of categorical ones; scores and indicators are on one scale already.
CLASSIFIER = LogisticRegression(C=1.0, max_iter=300)
