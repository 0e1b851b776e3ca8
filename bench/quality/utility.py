"""What synthetic rows are worth as training data: train on synthetic, test on real.

Esteban, Hyland and Rätsch (2017), *Real-valued (Medical) Time Series Generation with Recurrent
Conditional GANs*, section 4.1.2.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score

from bench.quality.arrays import Columns, Standardizer
from bench.quality.learners import boosting, predict
from bench.scores.roc_auc_ovo import roc_auc_ovo
from bench.table import Table


def utility(train: Table, test: Table) -> dict[str, float | None]:
    """The measure of the tables' problem, by its name: `tstr_roc_auc` or `tstr_r2`."""
    measure = tstr_roc_auc if train.classes else tstr_r2
    return {measure.__name__: measure(train, test)}


def tstr_roc_auc(train: Table, test: Table) -> float | None:
    """One-vs-one macro ROC-AUC on real rows.

    Mean of logistic regression (standardized numbers with the mean for a missing one, one-hot
    levels) and gradient boosting, both fitted to ``train`` alone. A class that it has no row of
    gets probability 0.

    Parameters
    ----------
    train, test : Table
        Levels of ``test`` that ``train`` does not know are missing values.

    Returns
    -------
    float or None
        None if ``test`` has fewer than two classes; ½ if ``train`` has only one.
    """
    if len(np.unique(test.y)) < 2:
        return None
    known = Columns.of(train, target=False)
    unseen = Columns.of(test, like=train, target=False)
    encoder = Standardizer(known)
    linear = LogisticRegression(max_iter=500)
    boosted = boosting(HistGradientBoostingClassifier, known)
    areas = [
        _area(linear, encoder(known), train, encoder(unseen), test),
        _area(boosted, known.side_by_side(), train, unseen.side_by_side(), test),
    ]
    return float(np.mean(areas))


def tstr_r2(train: Table, test: Table) -> float | None:
    """R² on real rows: 1 for exact predictions, 0 for the test rows' mean, below for worse.

    Mean of ridge regression and gradient boosting, which read rows as those of `tstr_roc_auc` do.

    Parameters
    ----------
    train, test : Table
        Levels of ``test`` that ``train`` does not know are missing values.

    Returns
    -------
    float or None
        None if the target of ``test`` does not vary.
    """
    if len(np.unique(test.y)) < 2:
        return None
    known = Columns.of(train, target=False)
    unseen = Columns.of(test, like=train, target=False)
    unit = float(np.abs(np.concatenate([train.y, test.y])).max())  # squares of huge ones overflow
    y, truth = train.y / unit, test.y / unit
    if not known.codes.shape[1] + known.numbers.shape[1]:
        return float(r2_score(truth, np.full(len(truth), y.mean())))
    encoder = Standardizer(known)
    boosted = boosting(HistGradientBoostingRegressor, known)
    predicted = [
        predict(Ridge(), encoder(known), y, encoder(unseen)),
        predict(boosted, known.side_by_side(), y, unseen.side_by_side()),
    ]
    return float(np.mean([r2_score(truth, values) for values in predicted]))


def _area(
    model: BaseEstimator, known: np.ndarray, train: Table, unseen: np.ndarray, test: Table
) -> float:
    present = np.unique(train.y)
    probabilities = np.zeros((len(test), train.n_classes))
    if len(present) == 1 or not known.shape[1]:
        probabilities[:, present] = 1 / len(present)
    else:
        probabilities[:, present] = predict(model, known, train.y, unseen)
    area = roc_auc_ovo(test.y, probabilities)
    assert area is not None, "the test rows are of two classes"
    return area
