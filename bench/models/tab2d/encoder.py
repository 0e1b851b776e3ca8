"""Turns tables into the arrays that `Tab2D` reads, with AutoGluon's own `Preprocessor`.

Fitted on real training rows (or on a new task's support) alone, and applied unchanged to every
other row: synthetic, validation and test rows go through the same columns.
"""

from __future__ import annotations

import warnings
from typing import Self

import numpy as np
import pandas as pd
from autogluon.tabular.models.mitra._internal.config.enums import Task
from autogluon.tabular.models.mitra._internal.data.preprocessor import Preprocessor

from bench.magnitude import Magnitude
from bench.models import base
from bench.table import Table

LARGEST = float(np.finfo(np.float32).max)
LEAST = float(np.finfo(np.float32).tiny) * 2.0**23  # the values' differences are held, too


class Encoder(base.Encoder):
    """Table → float32 features and compact class codes.

    Categorical levels become their position among the fitted table's levels, a level it did not
    know becomes missing; missing values become the training mean, constant columns go
    (`Preprocessor` of autogluon.tabular 1.6.3 with MitraClassifier's defaults, mirroring off:
    it draws from numpy's global generator).

    A numeric column that float32 cannot hold (a value above 3.4e38 somewhere, or all of them next
    to zero) is read by a monotone map of it: the model only reads where a value lies among others.
    A later value beyond what float32 holds is the greatest or least that it holds.
    """

    def __init__(self, max_classes: int) -> None:
        self.max_classes = max_classes

    def fit(self, table: Table) -> Self:
        """Learn levels, means and constant columns from these rows."""
        self.levels_ = {c: list(table.X[c].cat.categories) for c in table.categorical}
        self.columns_ = list(table.X.columns)
        self.magnitudes_ = {
            c: Magnitude.of(table.X[c].to_numpy(), LEAST, LARGEST) for c in table.numeric
        }
        self.rescaled_ = tuple(c for c, mapped in self.magnitudes_.items() if mapped.changes)
        self._fit_target(table)
        self.preprocessor_ = Preprocessor(
            dim_embedding=None,
            n_classes=self.max_classes,
            dim_output=self.max_classes,
            use_quantile_transformer=False,
            use_feature_count_scaling=False,
            use_random_transforms=False,
            shuffle_classes=False,
            shuffle_features=False,
            random_mirror_regression=False,
            random_mirror_x=False,
            task=Task.CLASSIFICATION,
        )
        with warnings.catch_warnings():
            # A column without any value has no mean; it is cut as constant right after.
            warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
            no_class = np.zeros(len(table), dtype=np.int64)  # the features are read without it
            self.preprocessor_.fit(self._codes(table), no_class)
        return self

    def _fit_target(self, table: Table) -> None:
        """Learn what `encode_y` and `decode` need."""
        self.present_ = np.unique(table.y)

    def _codes(self, table: Table) -> np.ndarray:
        columns = []
        for column in self.columns_:
            if column in self.levels_:
                known = pd.Categorical(
                    table.X[column].astype(object), categories=self.levels_[column]
                )
                codes = known.codes.astype(np.float64)
                columns.append(np.where(codes < 0, np.nan, codes))
            else:
                values = table.X[column].to_numpy(dtype=np.float64, copy=True)
                columns.append(self.magnitudes_[column](values))
        return np.stack(columns, axis=1)

    def encode_x(self, table: Table) -> np.ndarray:
        """Features, float32, finite, shape (n_rows, n_kept)."""
        return self.preprocessor_.transform_X(self._codes(table))
