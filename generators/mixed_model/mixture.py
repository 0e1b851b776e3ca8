"""A fitted Bayesian Gaussian mixture that draws from the random generator it is handed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture


@dataclass(frozen=True)
class Mixture:
    """What is needed to draw from a fitted Gaussian mixture with a generator of our own.

    `BayesianGaussianMixture.sample` draws the same rows at each call when its random state is an
    integer, and takes no `numpy.random.Generator`.

    ``weights`` has shape (n_components,); ``class_weights`` (n_classes_present, n_components) are
    the components' shares of each class's training rows; ``means`` (n_components, width);
    ``roots`` are square roots of the covariances, (n_components, width, width), or their
    diagonals, (n_components, width).
    """

    weights: np.ndarray
    class_weights: np.ndarray
    means: np.ndarray
    roots: np.ndarray

    @classmethod
    def fit(
        cls,
        Z: np.ndarray,
        y: np.ndarray,
        covariance: str,
        max_iter: int,
        tol: float,
        random_state: int,
        settings: Mapping[str, float],
    ) -> Mixture:
        """Fit to encoded rows of shape (n_rows, width); ``settings`` is one draw of the ranges.

        scikit-learn's default covariance prior is singular for one-hot or collinear columns, and
        a component that loses its rows then fails; it also expects covariances that shrink with
        the width, since it divides the prior by its degrees of freedom. Both are set right here.
        """
        width = Z.shape[1]
        passed = {name: value for name, value in settings.items() if name != "prior_scale"}
        prior = covariance_prior(Z, covariance, settings["reg_covar"])
        model = BayesianGaussianMixture(
            covariance_type=covariance,
            degrees_of_freedom_prior=width,
            covariance_prior=prior * width * settings["prior_scale"],
            max_iter=max_iter,
            tol=tol,
            random_state=random_state,
            **passed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            held = model.fit(Z).predict_proba(Z)
        class_weights = np.stack([held[y == label].mean(axis=0) for label in np.unique(y)])
        return cls(model.weights_, class_weights, model.means_, covariance_roots(model, width))

    def draw(self, weights: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw ``n`` encoded rows from components with these weights, shape (n, width)."""
        components = rng.choice(len(weights), size=n, p=weights / weights.sum())
        noise = rng.standard_normal((n, self.means.shape[1]))
        if self.roots.ndim == 2:
            return self.means[components] + noise * self.roots[components]
        Z = self.means[components]
        for k in np.unique(components):
            mine = components == k
            Z[mine] += noise[mine] @ self.roots[k].T
        return Z


def covariance_prior(Z: np.ndarray, covariance: str, ridge: float) -> np.ndarray | float:
    """The rows' covariance plus ``ridge``, in the shape that this type of covariance asks for."""
    full = np.atleast_2d(np.cov(Z, rowvar=False)) + ridge * np.eye(Z.shape[1])
    if covariance == "diag":
        return np.diag(full)
    return float(np.diag(full).mean()) if covariance == "spherical" else full


def covariance_roots(model: BayesianGaussianMixture, width: int) -> np.ndarray:
    """Square roots of a mixture's covariances, as `Mixture.roots` holds them."""
    covariances = model.covariances_
    if model.covariance_type == "full":
        return np.linalg.cholesky(covariances)
    if model.covariance_type == "tied":
        return np.repeat(np.linalg.cholesky(covariances)[None], len(model.means_), axis=0)
    if model.covariance_type == "diag":
        return np.sqrt(covariances)
    return np.repeat(np.sqrt(covariances)[:, None], width, axis=1)
