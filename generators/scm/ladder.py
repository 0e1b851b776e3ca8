"""Which mechanism a node has: the lowest rung of a ladder that its rows do not speak against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import numpy as np
from annotated_types import Interval
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline

from bench.ranges import Chance, Count, NotNegative, OneOf, Positive, checked
from generators.scm.forest import ConditionalForest, response
from generators.scm.learners import Quadratic


class Rungs(StrEnum):
    """How a node comes to its mechanism."""

    own = "own"  # the regressor or the classifier
    likely = "likely"  # that, or a forest where unseen rows are likelier under it
    forest = "forest"  # a forest


@checked
@dataclass(frozen=True)
class Ladder:
    """Every number of the choice of mechanisms.

    Parameters
    ----------
    rungs : Rungs
        Of the way that ``target`` and ``repair`` describe (`ways.Way`).
    trees, leaf : int
        Of a forest that rows are drawn from. A draw takes one row of one tree's leaf, and each DAG
        has forests of its own, so that few trees do.
    target_trees : int
        Of the target's forest, whose probabilities are asked for.
    judged_trees, judged_leaf : int
        Of a forest whose likelihood is told: a mean over few close rows would tell a poor one.
    folds : int
        Of the cross-validation of all other learners; a forest is judged out of its bags.
    rows : int
        By which a node is judged at most.
    bins : int
        Of a numeric node, equally full: its likelihood is that of the value's bin.
    floor : float
        Share of a likelihood that is the node's distribution whatever its parents.
    errors : float
        Standard errors by which a higher rung must be ahead.
    rounds, leaves : int
        Of gradient boosting, a rung of the target's alone.
    products : float
        Scale of products of parents in logistic regression (`learners.Quadratic`), likewise.
    """

    rungs: Annotated[Rungs | str, OneOf(Rungs)] = Rungs.own
    trees: Count = 4
    leaf: Count = 1
    target_trees: Count = 40
    judged_trees: Count = 40
    judged_leaf: Count = 5
    folds: Annotated[int, Interval(ge=2, le=1000)] = 3
    rows: Count = 500
    bins: Annotated[int, Interval(ge=2, le=1000)] = 10
    floor: Chance = 0.05
    errors: NotNegative = 1.0
    rounds: Count = 60
    leaves: Annotated[int, Interval(ge=2, le=1000)] = 15
    products: Positive = 0.3


LADDER = Ladder()


def rungs(
    own: BaseEstimator, levels: int, is_target: bool, ladder: Ladder
) -> dict[str, BaseEstimator | None]:
    """A node's learners from the simplest on, by name; None stands for the forest.

    The target has more: whoever learns from the rows learns its mechanism, and it is one node.
    """
    found: dict[str, BaseEstimator | None] = {"own": own}
    kind = HistGradientBoostingClassifier if levels else HistGradientBoostingRegressor
    if is_target and levels:
        found["products"] = make_pipeline(Quadratic(ladder.products), own)
    if is_target:
        found["boosted"] = kind(
            max_iter=ladder.rounds,
            max_leaf_nodes=ladder.leaves,
            early_stopping=False,
            random_state=0,
        )
    return {**found, "forest": None}


def lowest(
    X: np.ndarray,
    y: np.ndarray,
    levels: int,
    learners: Mapping[str, BaseEstimator | None],
    ladder: Ladder,
    seed: int,
) -> tuple[str, dict[str, float]]:
    """The first of the learners that no later one is clearly ahead of.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        The parents' design.
    y : ndarray of shape (n_rows,)
        Scores, or codes of levels.
    levels : int
        Of the node; 0: numeric.
    learners : mapping of name to estimator
        From the simplest on; None stands for the forest.
    ladder : Ladder
    seed : int
        Of the folds, the forest, and the rows where there are more than ``ladder.rows``.

    Returns
    -------
    (name, likelihoods)
        Mean log-likelihood of an unseen row in nats, of each learner; none where the rows are too
        few for folds, and the first is taken.
    """
    if len(y) > ladder.rows:
        some = np.random.default_rng(seed).choice(len(y), ladder.rows, replace=False)
        X, y = X[np.sort(some)], y[np.sort(some)]
    edges = np.unique(np.quantile(y, np.arange(1, ladder.bins) / ladder.bins))
    at = np.unique(y, return_inverse=True)[1] if levels else np.searchsorted(edges, y)
    counts = np.bincount(at)
    names = list(learners)
    fewest = counts.min() if levels else len(y)
    if (counts > 0).sum() < 2 or fewest < ladder.folds:
        return names[0], {}
    likelihood = {}
    for name, learner in learners.items():
        if learner is None:
            chances = _forest(X, y, at, levels, ladder, seed)
        elif levels:
            chances = _levels(X, at, learner, ladder, seed)
        else:
            chances = _numbers(X, y, edges, learner, ladder, seed)
        likelihood[name] = np.log(
            (1 - ladder.floor) * chances[np.arange(len(y)), at]
            + max(ladder.floor, 1e-6) * counts[at] / len(y)
        )
    best = names[0]
    for name in names[1:]:
        gain = likelihood[name] - likelihood[best]
        if gain.mean() > ladder.errors * gain.std() / np.sqrt(len(gain)):
            best = name
    return best, {name: float(values.mean()) for name, values in likelihood.items()}


def _forest(
    X: np.ndarray, y: np.ndarray, at: np.ndarray, levels: int, ladder: Ladder, seed: int
) -> np.ndarray:
    forest = ConditionalForest(ladder.judged_trees, ladder.judged_leaf, seed)
    is_there = at[:, None] == np.arange(at.max() + 1)
    return forest.fit(X, response(y, levels)).unseen() @ is_there


def _levels(
    X: np.ndarray, at: np.ndarray, learner: BaseEstimator, ladder: Ladder, seed: int
) -> np.ndarray:
    chances = np.zeros((len(at), at.max() + 1))
    folds = StratifiedKFold(ladder.folds, shuffle=True, random_state=seed)
    for train, test in folds.split(X, at):
        fitted = clone(learner).fit(X[train], at[train])
        chances[np.ix_(test, fitted.classes_)] = fitted.predict_proba(X[test])
    return chances


def _numbers(
    X: np.ndarray,
    y: np.ndarray,
    edges: np.ndarray,
    learner: BaseEstimator,
    ladder: Ladder,
    seed: int,
) -> np.ndarray:
    """Of each bin: a prediction and the unseen rows' residuals, as an additive noise model."""
    predicted = np.empty(len(y))
    for train, test in KFold(ladder.folds, shuffle=True, random_state=seed).split(X):
        predicted[test] = clone(learner).fit(X[train], y[train]).predict(X[test])
    noise = np.sort(y - predicted)
    below = np.searchsorted(noise, edges - predicted[:, None], side="right") / len(y)
    below = np.hstack([np.zeros((len(y), 1)), below, np.ones((len(y), 1))])
    return np.diff(below, axis=1)
