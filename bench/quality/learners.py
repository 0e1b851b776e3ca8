"""Gradient boosting as the measures use it: small, on one thread, over numbers and level codes."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from bench.quality.arrays import Columns

# No settings, as the numbers of `bench.quality.measures`.
ITERATIONS = 60  # boosting rounds of detector and scorer; with `LEAVES`, about half of the size of
LEAVES = 15  # scikit-learn's defaults (100, 31), which tables of some hundred rows cannot fill
MAX_BINS = 255  # levels that scikit-learn's gradient boosting can take as categories

Boosting = TypeVar("Boosting", HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def boosting(kind: type[Boosting], columns: Columns) -> Boosting:
    """Unfitted; a categorical column with too many levels is read as the number of its level."""
    few = [size <= MAX_BINS for size in columns.sizes]
    return kind(
        max_iter=ITERATIONS,
        max_leaf_nodes=LEAVES,
        early_stopping=False,
        categorical_features=np.array([False] * columns.numbers.shape[1] + few),
        random_state=0,
    )


def predict(model: BaseEstimator, known: np.ndarray, y: np.ndarray, unseen: np.ndarray) -> Any:
    """Class probabilities, or numbers, of a model fitted and asked on one thread.

    At these sizes several threads wait for each other far longer than they work: on a busy machine
    the detector took a minute instead of a third of a second.
    """
    # Boosting refuses a column without a single number.
    known = np.where(np.isnan(known).all(axis=0), 0.0, known)
    with threadpool_limits(1):
        model.fit(known, y)
        ask = getattr(model, "predict_proba", model.predict)
        return ask(unseen)
