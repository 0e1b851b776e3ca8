"""SMOTE: rows between two real rows of one class, imbalanced-learn's own."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE as PlainSMOTE
from imblearn.over_sampling import SMOTEN, SMOTENC
from sklearn.utils import check_random_state

from bench.generator import Generator, NotApplicable
from bench.ranges import Count
from bench.table import Table
from generators.parts.classes import class_allotment
from generators.parts.completion import Completion
from generators.parts.origins import with_origins


class SMOTE(Generator):
    """Every class over-sampled by `imblearn.over_sampling`, its training share of the rows.

    Mixed tables go to `SMOTENC`: numbers lie anywhere between a row and one of its nearest
    neighbours of the same class, levels are those of most of its neighbours. Tables of numbers go
    to `SMOTE`, tables of levels to `SMOTEN`, where a row becomes the levels of most of its
    neighbours and itself. Numbers are standardised for the distances.

    Missing values are filled with observed ones for the interpolation; a row has the holes of the
    real row that it lies nearer to.

    *Leaks.* A row is made of two real rows, and a task may have one of them in its support and the
    other in its query. It has the nearer one as its origin (`bench.table.Table.origins`), so it
    never stands opposite the row that it tells most of. What it tells of the other is at most the
    half of the way between two neighbours of one class. To forbid that too would leave, in most
    tasks, only neighbours that were dealt to one side, which is another method.

    Parameters
    ----------
    k_neighbors : int, default=5
        The library's default; fewer where a class has fewer rows.

    References
    ----------
    Chawla, Bowyer, Hall, Kegelmeyer (2002), *SMOTE: Synthetic Minority Over-sampling Technique*,
    JAIR 16; section 6.1 for mixed columns.
    """

    def __init__(self, k_neighbors: Count = 5) -> None:
        self.k_neighbors = k_neighbors

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Keep the training rows, completed.

        Raises
        ------
        NotApplicable
            If there are rows of fewer than two classes, a class has a single row, or no feature
            varies.
        """
        self.rows_ = Completion.learn(table, "SMOTE")
        counts = table.class_counts()
        if (counts == 1).any():
            alone = table.classes[int(np.flatnonzero(counts == 1)[0])]
            raise NotApplicable(f"SMOTE needs two rows of each class, but '{alone}' has one.")
        self.table_ = table
        self.keys_ = table.row_keys()
        self.holes_ = table.X.isna().to_numpy()
        self.compact_ = self.rows_.compact(self.rows_.fill(table, rng))
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows with their origins, classes in their training shares, in random order."""
        counts = self.table_.class_counts()
        present = np.flatnonzero(counts)
        wanted = class_allotment(counts[present], n, rng)
        parts, nearer = [self.compact_[:0]], [np.zeros(0, dtype=np.int64)]
        for label, size in zip(present, wanted, strict=True):
            if size:
                rows, origins = self._draw(int(label), int(size), int(rng.integers(2**31)))
                parts.append(rows)
                nearer.append(origins)
        order = rng.permutation(n)
        origins = np.concatenate(nearer)[order]
        originals = self.table_.take(origins)
        values = self.rows_.spread(pd.concat(parts).iloc[order], rng)
        made = self.rows_.table(self.rows_.clip(values), originals.y, self.holes_[origins])
        return with_origins(made, originals, self.keys_)

    def _draw(self, label: int, n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
        """New rows of a class, and the position of the training row that each lies nearer to."""
        mine = np.flatnonzero(self.table_.y == label)
        # The library over-samples to a number of rows: real ones first, then new ones.
        sampler = self._sampler(
            sampling_strategy={label: len(mine) + n},
            random_state=seed,
            k_neighbors=min(self.k_neighbors, len(mine) - 1),
        )
        resampled, _ = sampler.fit_resample(self.compact_.to_numpy(), self.table_.y)
        drawn = pd.DataFrame(resampled[len(self.table_) :], columns=self.compact_.columns)
        return drawn, mine[sampler.nearer_]

    def _sampler(self, **settings: Any) -> Any:
        """The variant for this table's kinds of columns."""
        levels = self.compact_.columns.isin(self.rows_.levels)
        if not levels.any():
            return _Numbers(**settings)
        if levels.all():
            return _Levels(**settings)
        return _Both(categorical_features=np.flatnonzero(levels).tolist(), **settings)


class _Remembering:
    """Keeps the row, by its position in the class, that each new row lies nearer to."""

    def _generate_samples(
        self,
        X: Any,
        nn_data: Any,
        nn_num: np.ndarray,
        rows: np.ndarray,
        cols: np.ndarray,
        steps: np.ndarray,
        *others: Any,
    ) -> Any:
        self.nearer_ = np.where(steps[:, 0] < 0.5, rows, nn_num[rows, cols])
        generate = super()._generate_samples  # type: ignore[misc]  # of imblearn's class beside it
        return generate(X, nn_data, nn_num, rows, cols, steps, *others)


class _Numbers(_Remembering, PlainSMOTE):
    pass


class _Both(_Remembering, SMOTENC):
    pass


class _Levels(SMOTEN):
    def _make_samples(self, X: np.ndarray, *others: Any) -> Any:
        # The library's own draw of base rows, again: its random state is a number.
        random = check_random_state(self.random_state)
        self.nearer_ = random.choice(np.arange(len(X)), size=others[-1], replace=True)
        return super()._make_samples(X, *others)
