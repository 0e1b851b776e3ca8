"""The mechanisms' estimators: the ridge regression is scikit-learn's, its features are products."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline

from generators.scm import REGRESSOR
from generators.scm.learners import LeaveOneOutRidge, Quadratic

ALPHAS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


def rows(n: int, p: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([n, p])
    X = rng.normal(size=(n, p)) + 3
    if kind == "indicators":  # that sum to one: no full rank after centring
        X = np.eye(p)[rng.integers(0, p, n)]
    if kind == "repeated":
        X = np.repeat(X[:, : (p + 1) // 2], 2, axis=1)[:, :p]
    if kind == "constant":
        X = np.ones((n, p))
    y = X @ rng.normal(size=p) + rng.normal(size=n) + 5
    return X, y


@pytest.mark.parametrize("kind", ["normal", "indicators", "repeated", "constant"])
@pytest.mark.parametrize(("n", "p"), [(3, 1), (3, 9), (30, 30), (40, 7), (7, 40), (300, 60)])
def test_ridge_is_scikit_learns(n: int, p: int, kind: str) -> None:
    X, y = rows(n, p, kind)
    ours, theirs = LeaveOneOutRidge(ALPHAS).fit(X, y), RidgeCV(ALPHAS).fit(X, y)
    if np.ptp(X, axis=0).any():  # of constants all penalties are equally good, rounding decides
        assert ours.alpha_ == theirs.alpha_
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.predict(X[:5]), theirs.predict(X[:5]), rtol=1e-10)


def test_penalty_is_the_best_of_models_that_left_one_row_out() -> None:
    X, y = rows(25, 6, "normal")
    errors = []
    for alpha in ALPHAS:
        kept = [np.arange(25) != left for left in range(25)]
        left_out = [
            y[left] - LeaveOneOutRidge([alpha]).fit(X[rest], y[rest]).predict(X[[left]])[0]
            for left, rest in enumerate(kept)
        ]
        errors.append(np.mean(np.square(left_out)))
    assert len(set(errors)) == len(ALPHAS)
    assert LeaveOneOutRidge(ALPHAS).fit(X, y).alpha_ == ALPHAS[np.argmin(errors)]


def test_quadratic_columns_are_standardized_products_at_their_weight() -> None:
    X, _ = rows(50, 3, "normal")
    X = np.column_stack([X, np.eye(2)[np.arange(50) % 2]])
    made = Quadratic(0.1).fit(X).transform(X)
    pairs = [(i, j) for i in range(5) for j in range(i, 5) if (i, j) != (3, 4)]  # never both levels
    products = np.stack([X[:, i] * X[:, j] for i, j in pairs], axis=1)
    standard = (products - products.mean(axis=0)) / products.std(axis=0)
    np.testing.assert_allclose(made, np.hstack([X, 0.1 * standard]), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(Quadratic(0.1).fit_transform(X), made)


def test_default_regressor_is_the_pipeline_that_it_says() -> None:
    X, y = rows(80, 5, "normal")
    theirs = make_pipeline(Quadratic(0.1), RidgeCV(ALPHAS)).fit(X, y)
    ours = clone(REGRESSOR).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
