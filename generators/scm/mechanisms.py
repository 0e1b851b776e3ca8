"""A node's causal mechanism, as DoWhy's gcm defines it, over coded parents.

Roots have their empirical distribution, numeric nodes an additive noise model with a regressor,
categorical nodes a functional model with a classifier (paper, "SCM").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Annotated, TypeAlias

import numpy as np
from annotated_types import Interval
from dowhy.gcm.causal_mechanisms import (
    AdditiveNoiseModel,
    ClassifierFCM,
    ConditionalStochasticModel,
    StochasticModel,
)
from dowhy.gcm.ml.classification import ClassificationModel
from dowhy.gcm.ml.prediction_model import PredictionModel
from dowhy.gcm.stochastic_models import EmpiricalDistribution
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import KFold, cross_val_predict

from bench.ranges import Count, Positive, checked
from generators.scm.coding import Coding, NumericNode
from generators.scm.forest import ConditionalForest, ForestFCM

Mechanism: TypeAlias = StochasticModel | ConditionalStochasticModel
CELLS = 20_000_000  # products that a prediction holds at once: memory, no result


class Residuals(StrEnum):
    """Which residuals are an additive noise model's noise."""

    in_sample = "in_sample"  # of a linear model: fit and noise then add up to the node's variance
    out_of_sample = "out_of_sample"  # of a flexible one, whose own residuals are too small


@checked
@dataclass(frozen=True)
class Fitting:
    """Every number of the mechanisms but their learners' own.

    Parameters
    ----------
    folds : int
        Of out-of-sample residuals.
    fewest : int
        Rows that every mechanism is fitted to, if there are so many.
    steps : int
        That logistic regression takes, about; of `affordable_rows`.
    farthest : float
        Of a numeric node's score from 0. A regressor on products squares what is far out, and so
        does the next one in a chain of nodes: without an end it overflows.
    """

    folds: Annotated[int, Interval(ge=2, le=1000)] = 5
    fewest: Count = 100
    steps: Count = 100
    farthest: Positive = 1000.0


FITTING = Fitting()


def fit_mechanism(
    coding: Coding,
    node: int,
    parents: Sequence[int],
    regressor: BaseEstimator,
    classifier: BaseEstimator,
    residuals: Residuals | str,
    seed: int,
    max_work: float | None = None,
    fitting: Fitting = FITTING,
    forest: ConditionalForest | None = None,
) -> Mechanism:
    """The mechanism of a node given its parents, fitted to the rows where the node is known.

    Parameters
    ----------
    coding : Coding
        Fitted on the training rows.
    node, parents : int and sequence of int
        Positions of nodes.
    regressor, classifier : scikit-learn estimators
        Cloned, with ``seed`` as their random state where they have one.
    residuals : Residuals
    seed : int
    max_work : float or None
        See `affordable_rows`; of more rows a random choice is fitted to.
    fitting : Fitting
    forest : ConditionalForest, optional
        Where given, the mechanism of a node with parents is a `ForestFCM` of it.
    """
    known = np.flatnonzero(~coding.missing_[:, node])
    y = coding.codes_[known, node]
    if not len(parents):
        root = EmpiricalDistribution()
        root.fit(X=y)
        return root
    if len(np.unique(y)) < 2:
        return Unmoved(y)
    shape = [coding.nodes_[parent].cardinality for parent in parents]
    most = affordable_rows(coding, node, parents, max_work, fitting)
    if len(known) > most:
        some = np.sort(np.random.default_rng(seed).choice(len(known), size=most, replace=False))
        if len(np.unique(y[some])) > 1:
            known, y = known[some], y[some]
    mechanism: ConditionalStochasticModel
    if forest is not None:
        levels, of = coding.nodes_[node].cardinality, coding.nodes_[node]
        between = isinstance(of, NumericNode) and not of.repeats
        mechanism = ForestFCM(forest, partial(design, shape=shape), levels, between)
    elif coding.nodes_[node].cardinality:
        mechanism = CodeFCM(Classifier(_seeded(classifier, seed), shape))
    else:
        mechanism = RegressionANM(Regressor(_seeded(regressor, seed), shape), residuals, fitting)
    mechanism.fit(coding.codes_[np.ix_(known, np.asarray(parents, dtype=np.int64))], y)
    return mechanism


def affordable_rows(
    coding: Coding,
    node: int,
    parents: Sequence[int],
    max_work: float | None,
    fitting: Fitting = FITTING,
) -> int:
    """Rows to which a mechanism can be fitted with this many multiplications, about.

    A regressor is taken for `SCM`'s own: a ridge regression on all products of two columns, in the
    smaller of its two Gram matrices. A classifier: the ``steps`` of logistic regression.
    """
    if max_work is None or not len(parents):
        return len(coding.codes_)
    columns = sum(coding.nodes_[parent].cardinality or 1 for parent in parents)
    levels = coding.nodes_[node].cardinality
    if levels:
        rows = max_work / (fitting.steps * columns * levels)
    else:
        products = columns * (columns + 1) / 2
        rows = max(max_work / products**2, min((max_work / products) ** 0.5, products))
    return max(int(rows), fitting.fewest)


def propagate(mechanism: Mechanism, parents: np.ndarray, u: np.ndarray) -> np.ndarray:
    """A node's codes from its parents' and from uniform noise, each of n rows.

    The noise of a root and of an additive noise model is its own quantile function at ``u``; a
    classifier's is ``u`` itself (`dowhy.gcm.ClassifierFCM`). A node is a monotone function of its
    noise: the same ``u`` under other parents is the row's counterfactual.
    """
    if isinstance(mechanism, EmpiricalDistribution):
        return _quantile(mechanism, u)
    if isinstance(mechanism, RegressionANM):
        noise = _quantile(mechanism.noise_model, u).reshape(-1, 1)
        farthest = mechanism.fitting.farthest
        return np.clip(np.ravel(mechanism.evaluate(parents, noise)), -farthest, farthest)
    if isinstance(mechanism, CodeFCM | ForestFCM):
        return np.ravel(mechanism.evaluate(parents, u))
    return np.ravel(mechanism.draw_samples(parents))


def _quantile(distribution: EmpiricalDistribution, u: np.ndarray) -> np.ndarray:
    values = np.sort(np.ravel(distribution.data))
    return values[np.minimum((u * len(values)).astype(int), len(values) - 1)]


def _seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    fresh = clone(estimator)
    states = {k: seed for k in fresh.get_params() if k.split("__")[-1] == "random_state"}
    return fresh.set_params(**states)


def design(X: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Parents' codes as columns: scores as they are, levels (``shape`` of them) as indicators."""
    X = np.asarray(X, dtype=np.float64).reshape(-1, len(shape))
    columns = [
        (X[:, [at]] == np.arange(levels)).astype(np.float64) if levels else X[:, [at]]
        for at, levels in enumerate(shape)
    ]
    return np.hstack(columns)


class Regressor(PredictionModel):
    """A scikit-learn regressor on coded parents."""

    def __init__(self, estimator: BaseEstimator, shape: Sequence[int]) -> None:
        self.estimator = estimator
        self.shape = shape

    def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        """Fit the estimator on the parents' design."""
        self.estimator.fit(design(X, self.shape), np.ravel(Y))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predictions, shape (n_rows, 1), made in parts that fit into memory."""
        columns = sum(levels or 1 for levels in self.shape)
        at_once = max(CELLS // columns**2, 1)
        parts = [X[at : at + at_once] for at in range(0, len(X), at_once)] or [X]
        predicted = [self.estimator.predict(design(part, self.shape)) for part in parts]
        return np.concatenate(predicted).reshape(-1, 1)

    def clone(self) -> Regressor:
        """An unfitted copy."""
        return Regressor(clone(self.estimator), self.shape)


class Classifier(ClassificationModel):
    """A scikit-learn classifier on coded parents; classes are level codes."""

    def __init__(self, estimator: BaseEstimator, shape: Sequence[int]) -> None:
        self.estimator = estimator
        self.shape = shape

    def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        """Fit the estimator on the parents' design."""
        self.estimator.fit(design(X, self.shape), np.ravel(Y))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The likeliest codes, shape (n_rows, 1)."""
        return self.estimator.predict(design(X, self.shape)).reshape(-1, 1)

    def predict_probabilities(self, X: np.ndarray) -> np.ndarray:
        """Probabilities of the classes, shape (n_rows, n_classes)."""
        return self.estimator.predict_proba(design(X, self.shape))

    @property
    def classes(self) -> np.ndarray:
        """The codes that have a probability, in order."""
        return self.estimator.classes_

    def clone(self) -> Classifier:
        """An unfitted copy."""
        return Classifier(clone(self.estimator), self.shape)


class RegressionANM(AdditiveNoiseModel):
    """DoWhy's additive noise model, with a choice of `Residuals` for its noise."""

    def __init__(self, model: Regressor, residuals: Residuals | str, fitting: Fitting) -> None:
        super().__init__(model)
        self.residuals = Residuals(residuals)
        self.fitting = fitting

    def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        """Fit the regressor, and the noise on its residuals."""
        y, model = np.ravel(Y), self.prediction_model
        model.fit(X, y)
        if self.residuals is Residuals.in_sample or len(y) < 2 * self.fitting.folds:
            predicted = model.predict(X)
        else:
            predicted = self._unseen(model, X, y)
        noise = y - np.ravel(predicted)
        self.noise_model.fit(X=(noise - noise.mean()).reshape(-1, 1))

    def _unseen(self, model: Regressor, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Predictions of rows by models that have not seen them: out of bag, else out of fold."""
        out_of_bag = getattr(model.estimator, "oob_prediction_", None)
        if out_of_bag is not None:
            return out_of_bag
        folds = KFold(self.fitting.folds, shuffle=True, random_state=0)
        return cross_val_predict(clone(model.estimator), design(X, model.shape), y, cv=folds)

    def clone(self) -> RegressionANM:
        """An unfitted copy."""
        return RegressionANM(self.prediction_model.clone(), self.residuals, self.fitting)


class CodeFCM(ClassifierFCM):
    """DoWhy's `ClassifierFCM` for classes that are codes instead of strings."""

    def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        """Fit the classifier; codes need no check for strings."""
        self.classifier_model.fit(X, Y)

    def evaluate(self, parent_samples: np.ndarray, noise_samples: np.ndarray) -> np.ndarray:
        """The codes at these quantiles of their conditional distribution, shape (n_rows, 1)."""
        below = np.cumsum(self.estimate_probabilities(parent_samples), axis=1)
        below[:, -1] = 1.0  # sums of floats may end short of 1
        first = np.argmax(below >= np.reshape(noise_samples, (-1, 1)), axis=1)
        return np.asarray(self.classifier_model.classes)[first].reshape(-1, 1)

    def clone(self) -> CodeFCM:
        """An unfitted copy."""
        return CodeFCM(self.classifier_model.clone())


class Unmoved(ConditionalStochasticModel):
    """A node that is constant where it is known: its parents decide nothing."""

    def __init__(self, values: np.ndarray) -> None:
        self.fit(values, values)

    def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        """Keep the one value."""
        self.value = float(np.ravel(Y)[0])

    def draw_samples(self, parent_samples: np.ndarray) -> np.ndarray:
        """The value, once for each row."""
        return np.full(len(parent_samples), self.value)

    def clone(self) -> Unmoved:
        """A copy with the same value."""
        return Unmoved(np.array([self.value]))
