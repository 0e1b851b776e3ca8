"""Noise: real rows, resampled and each changed a little; the second null model of augmentation.

Whatever a generator gains over these rows is due to its knowing more of the data than that a small
change of a row keeps its label, or its numeric target.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd

from bench.generator import Generator, NotApplicable
from bench.ranges import Chance, NotNegative
from bench.table import Table
from generators.parts.classes import stratified_rows
from generators.parts.origins import with_origins


class Noise(Generator):
    """Training rows with their targets, drawn with replacement, class shares kept, then perturbed.

    Numeric and integer columns get Gaussian noise, are clipped to the training range, and integers
    rounded; categorical values are now and then drawn anew from their column. Missing values stay
    missing, and no others go missing. The target stays as it is, a number too: that it holds for
    rows near by is all that this null claims (Bishop's noise is on inputs alone), while a target
    with noise of its own would claim more noise than the real rows have.

    Each row is a near-copy of one training row and has it as its origin
    (`bench.table.Table.origins`), so that it joins its original's side of a task. A changed row
    that equals another training row, or a row made of another one, would belong on two sides; it
    is left unchanged instead.

    Parameters
    ----------
    scale : float, default=0.1
        Standard deviation of the noise, in standard deviations of the column. Of integer columns
        it moves only values that the noise takes further than one half.
    swap : float, default=0.05
        Probability that a categorical value is drawn anew, by the levels' training frequencies; it
        may come out the same.

    References
    ----------
    Bishop (1995), *Training with Noise is Equivalent to Tikhonov Regularization*, Neural
    Computation 7, for the Gaussian noise. The swap is the "swap noise" of denoising autoencoders
    on tables.
    """

    problems = ("classification", "regression")

    def __init__(self, scale: NotNegative = 0.1, swap: Chance = 0.05) -> None:
        self.scale = scale
        self.swap = swap

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Keep the training rows; nothing is drawn.

        Raises
        ------
        NotApplicable
            If the table holds no rows.
        """
        if not len(table):
            raise NotApplicable("Noise needs at least one training row.")
        self.table_ = table
        self.keys_ = table.row_keys()
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` perturbed training rows, in random order, with their origins."""
        originals = self.table_.take(stratified_rows(self.table_.y, n, rng))
        changed = originals.with_rows(self._perturbed(originals.X, rng), originals.y)
        return with_origins(changed, originals, self.keys_)

    def _perturbed(self, X: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        training = self.table_.X
        columns = {}
        for column, kind in self.table_.kinds.items():
            change = self._swapped if kind == "categorical" else self._shaken
            columns[column] = change(X[column], training[column], rng)
        return pd.DataFrame(columns, index=X.index)

    def _shaken(
        self, values: pd.Series, training: pd.Series, rng: np.random.Generator
    ) -> pd.Series:
        """Values with Gaussian noise, within the training range; NaN stays NaN."""
        if training.nunique() < 2:  # rounding must not invent a deviation
            return values
        unit = float(training.abs().max())  # squares of huge values overflow
        std = self.scale * float((training / unit).std(ddof=0))
        noise = std * unit * rng.standard_normal(len(values))
        return (values + noise).clip(training.min(), training.max())

    def _swapped(
        self, values: pd.Series, training: pd.Series, rng: np.random.Generator
    ) -> pd.Series:
        """Levels, some of them drawn anew by their training frequencies; NaN stays NaN."""
        observed = training.dropna()
        if observed.empty:
            return values
        drawn = observed.iloc[rng.integers(len(observed), size=len(values))]
        is_drawn = (rng.random(len(values)) < self.swap) & values.notna()
        return values.mask(is_drawn, drawn.set_axis(values.index))
