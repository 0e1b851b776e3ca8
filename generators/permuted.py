"""Permuted: real rows whose targets were dealt anew among them; the negative control.

Features and targets are each as they were, and tell nothing of each other but base rates: whatever
is gained from these rows is no knowledge of how a target hangs together with features.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np

from bench.generator import Generator, NotApplicable
from bench.table import Table


class Permuted(Generator):
    """Training rows under one permutation of their targets, which `fit` draws.

    The rows' features are the real ones, so their own keys send copies to one side of a task. Rows
    are drawn without replacement: as many as the table has are each of them once, and its targets
    in their exact shares. In fewer a rare class may be absent, so `keeps_classes` isn't promised.

    References
    ----------
    Ojala and Garriga (2010), *Permutation Tests for Studying Classifier Performance*, Journal of
    Machine Learning Research 11 (test 1: labels).
    """

    problems = ("classification", "regression")
    keeps_classes = False

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Deal the targets anew.

        Raises
        ------
        NotApplicable
            If the table holds no rows.
        """
        if not len(table):
            raise NotApplicable("Permuted needs at least one training row.")
        self.table_ = replace(table, y=rng.permutation(table.y))
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows in random order, none a second time before each was drawn once."""
        rounds = 1 + n // len(self.table_)
        rows = np.concatenate([rng.permutation(len(self.table_)) for _ in range(rounds)])
        return self.table_.take(rows[:n])
