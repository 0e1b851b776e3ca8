"""Bootstrap: real rows, resampled with replacement; the null model of augmentation.

Whatever a generator gains over these rows is due to its being more than a copy of the data.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from bench.generator import Generator, NotApplicable
from bench.table import Table
from generators.parts.classes import stratified_rows


class Bootstrap(Generator):
    """Training rows with their labels, drawn with replacement.

    The rows are copies, so whoever uses them beside real rows must send each copy to the side
    (support or query) of its original; `bench.table.Table.row_keys` tells them.

    Parameters
    ----------
    stratified : bool, default=True
        Each class gets its training share of the rows, rounded up or down at random, and at least
        one row if there is room for all classes. Otherwise every row is drawn independently:
        shares hold on average only, and a rare class may be absent. Where the target is a number
        there are no shares, and rows are drawn independently in any case.

    References
    ----------
    Efron (1979), *Bootstrap Methods: Another Look at the Jackknife*, Annals of Statistics 7.
    """

    problems = ("classification", "regression")

    def __init__(self, stratified: bool = True) -> None:
        self.stratified = stratified
        self.keeps_classes = stratified

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Keep the training rows; nothing is learnt and nothing drawn.

        Raises
        ------
        NotApplicable
            If the table holds no rows.
        """
        if not len(table):
            raise NotApplicable("The bootstrap needs at least one training row.")
        self.table_ = table
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` training rows with replacement, in random order."""
        if self.stratified:
            rows = stratified_rows(self.table_.y, n, rng)
        else:
            rows = rng.integers(len(self.table_), size=n)
        return self.table_.take(rows)
