"""What labels the rows of Mixed-Model: a random classifier, or regressor of a numeric target."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from generators.parts.codecs import draw_each

Labels = Literal["sample", "argmax"]


class Labeller(Protocol):
    """A fitted estimator that labels encoded rows."""

    def label(self, Z: np.ndarray, labels: Labels, rng: np.random.Generator) -> np.ndarray:
        """A class code, or a standardised number, for each of the rows, shape (n,)."""


@dataclass(frozen=True)
class OfClasses:
    """Class codes, drawn from a classifier's probabilities, or the likeliest ones."""

    classifier: ClassifierMixin

    def label(self, Z: np.ndarray, labels: Labels, rng: np.random.Generator) -> np.ndarray:
        """Class codes of encoded rows."""
        probability = self.classifier.predict_proba(Z)
        if labels == "argmax":
            return self.classifier.classes_[probability.argmax(axis=1)]
        return self.classifier.classes_[draw_each(probability, rng)]


@dataclass(frozen=True)
class OfNumbers:
    """A regressor's predictions, each with a residual of a training row, or as they are."""

    regressor: RegressorMixin
    residuals: np.ndarray

    def label(self, Z: np.ndarray, labels: Labels, rng: np.random.Generator) -> np.ndarray:
        """Standardised numbers of encoded rows."""
        predicted = np.ravel(self.regressor.predict(Z))
        if labels == "argmax":
            return predicted
        return predicted + rng.choice(self.residuals, size=len(predicted))


def fitted(
    zoo: Mapping[str, Mapping[str, Any]],
    builders: Mapping[str, Any],
    Z: np.ndarray,
    y: np.ndarray,
    max_iter: int,
    rng: np.random.Generator,
) -> BaseEstimator:
    """An estimator of the zoo, kind and hyperparameters drawn at random, fitted to encoded rows."""
    kind = str(rng.choice(list(zoo)))
    drawn = {name: draw(bounds, rng) for name, bounds in zoo[kind].items()}
    if kind == "nearest_neighbours":
        drawn["n_neighbors"] = min(drawn["n_neighbors"], len(Z))
    if kind == "neural_network":
        drawn["max_iter"] = max_iter
    estimator = builders[kind](**drawn)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=seed(rng))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(Z, y)


def ridge(C: float) -> Ridge:
    """Logistic regression's counterpart for numbers, its penalty told likewise."""
    return Ridge(alpha=1 / C)


def classifying_network(hidden_layer_sizes: int, **settings: float) -> MLPClassifier:
    """A network with one hidden layer of this width."""
    return MLPClassifier(hidden_layer_sizes=(hidden_layer_sizes,), **settings)


def regressing_network(hidden_layer_sizes: int, **settings: float) -> MLPRegressor:
    """A network with one hidden layer of this width."""
    return MLPRegressor(hidden_layer_sizes=(hidden_layer_sizes,), **settings)


CLASSIFYING = {
    "logistic_regression": LogisticRegression,
    "decision_tree": DecisionTreeClassifier,
    "random_forest": RandomForestClassifier,
    "nearest_neighbours": KNeighborsClassifier,
    "naive_bayes": GaussianNB,
    "neural_network": classifying_network,
}
REGRESSING = {  # naive Bayes has no counterpart
    "logistic_regression": ridge,
    "decision_tree": DecisionTreeRegressor,
    "random_forest": RandomForestRegressor,
    "nearest_neighbours": KNeighborsRegressor,
    "neural_network": regressing_network,
}


def draw(bounds: Sequence[int] | Sequence[float], rng: np.random.Generator) -> int | float:
    """A whole number drawn uniformly, both ends included, or a fraction drawn log-uniformly."""
    low, high = bounds
    if isinstance(low, int) and isinstance(high, int):
        return int(rng.integers(low, high + 1))
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def seed(rng: np.random.Generator) -> int:
    """A seed for scikit-learn."""
    return int(rng.integers(2**31))
