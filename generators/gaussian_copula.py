"""Gaussian copula: dependence of normal scores beside free margins, the ``copulas`` library's."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from copulas import univariate
from copulas.multivariate import GaussianMultivariate
from copulas.univariate import UniformUnivariate

from bench.generator import Generator
from bench.table import Table
from generators.parts.completion import LABEL, Completion
from generators.parts.seeding import seeded_globals

EMPIRICAL = "empirical"


class GaussianCopula(Generator):
    """Rows from `copulas.multivariate.GaussianMultivariate`, the target among its columns.

    A categorical column, and classes, become a number as in the Synthetic Data Vault: [0, 1] is
    divided among the levels in their training shares, the most frequent first, and a value is
    drawn uniformly from its level's slot. Class shares hold on average; a class that a sample has
    room for but lacks gets one row, drawn under the condition of the middle of its slot, in place
    of a row of the most frequent class.

    Numbers become such a number likewise, their values in order: a draw in the slot of a value is
    its rank's, ties dealt at random, and what comes back is a training value. 85 columns of 500
    rows take a third of a second so; the library's own families are fitted column by column.

    Missing values are filled with observed ones before fitting and put back at each column's
    training rate; numbers, a numeric target's too, are clipped to the training range.

    Parameters
    ----------
    margin : str, default="empirical"
        The distribution of numbers: their own, or one of the library's, such as
        copulas.univariate.GaussianKDE; its copulas.univariate.Univariate takes the family that
        fits best of all that it knows, about two seconds a column. Levels and classes keep theirs.

    References
    ----------
    Patki, Wedge, Veeramachaneni (2016), *The Synthetic Data Vault*, DSAA, section III. Rüschendorf
    (2009), *On the distributional transform, Sklar's theorem, and the empirical copula process*,
    JSPI 139, for ranks with ties.
    """

    problems = ("classification", "regression")

    def __init__(self, margin: str = EMPIRICAL) -> None:
        package, _, name = str(margin).rpartition(".")
        family = getattr(univariate, name, None) if package == univariate.__name__ else None
        # The library would import whatever it is given the name of.
        is_family = isinstance(family, type) and issubclass(family, univariate.Univariate)
        if not is_family and margin != EMPIRICAL:
            raise ValueError(
                f"margin is a distribution such as {univariate.__name__}.BetaUnivariate, or "
                f"{EMPIRICAL!r}, not {margin!r}."
            )
        self.margin = margin

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Fit margins and correlations to the training rows.

        Raises
        ------
        NotApplicable
            If there are rows of fewer than two classes, or the target or no feature varies.
        """
        self.rows_ = Completion.learn(table, "GaussianCopula")
        y = self.rows_.encode_y(table.y)
        frame = self.rows_.compact(self.rows_.fill(table, rng)).assign(**{LABEL: y})
        discrete = [LABEL, *self.rows_.levels] if table.classes else self.rows_.levels
        self.slots_ = {name: Slots.by_share(frame[name].to_numpy()) for name in discrete}
        if self.margin == EMPIRICAL:
            numbers = frame.columns.difference(discrete, sort=False)
            self.slots_ |= {name: Slots.in_order(frame[name].to_numpy()) for name in numbers}
        margins: dict[str, object] = dict.fromkeys(frame.columns, self.margin)
        for name, slots in self.slots_.items():
            frame[name] = slots.encode(frame[name].to_numpy(), rng)
            margins[name] = UniformUnivariate
        self.model_ = GaussianMultivariate(distribution=margins)
        with seeded_globals(rng), warnings.catch_warnings():
            # Families that do not fit a column say so in passing; the library takes another.
            warnings.simplefilter("ignore", RuntimeWarning)
            self.model_.fit(frame)
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows."""
        with seeded_globals(rng):
            drawn = self.model_.sample(n)
            if self.rows_.target is None:
                drawn = self._with_each_class(drawn)
        for name, slots in self.slots_.items():
            drawn[name] = slots.decode(drawn[name].to_numpy())
        y = self.rows_.decode_y(drawn[LABEL].to_numpy())
        values = self.rows_.clip(self.rows_.spread(drawn, rng))
        return self.rows_.table(values, y, self.rows_.holes(n, rng))

    def _with_each_class(self, drawn: pd.DataFrame) -> pd.DataFrame:
        """One row of each absent class, if there is room, for a row of the most frequent one."""
        classes = self.slots_[LABEL]
        if len(drawn) < len(classes.codes):
            return drawn
        for label in classes.codes:
            y = classes.decode(drawn[LABEL].to_numpy())
            if label not in y:
                one = self.model_.sample(1, conditions={LABEL: classes.middle(label)})
                row = np.flatnonzero(y == np.bincount(y).argmax())[0]
                drawn.iloc[row] = one[drawn.columns].iloc[0]
        return drawn


@dataclass(frozen=True)
class Slots:
    """[0, 1] divided among codes, or numbers, in their shares.

    Slot ``k``, of ``codes[k]``, is ``edges[k] … edges[k + 1]``.
    """

    codes: np.ndarray
    edges: np.ndarray

    @classmethod
    def by_share(cls, codes: np.ndarray) -> Self:
        """Give each code a slot as wide as its training share, the most frequent code first."""
        present, counts = np.unique(codes, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return cls(present[order], np.append(0.0, np.cumsum(counts[order]) / len(codes)))

    @classmethod
    def in_order(cls, numbers: np.ndarray) -> Self:
        """Give each number a slot as wide as its training share, the smallest first."""
        present, counts = np.unique(numbers, return_counts=True)
        return cls(present, np.append(0.0, np.cumsum(counts) / len(numbers)))

    def encode(self, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A number in each code's slot, drawn uniformly."""
        by_code = np.argsort(self.codes)
        slot = by_code[np.searchsorted(self.codes[by_code], codes)]
        low, high = self.edges[slot], self.edges[slot + 1]
        return low + (high - low) * rng.random(len(codes))

    def decode(self, numbers: np.ndarray) -> np.ndarray:
        """The code of the slot that each number lies in."""
        slot = np.searchsorted(self.edges, numbers, side="right") - 1
        return self.codes[slot.clip(0, len(self.codes) - 1)]

    def middle(self, code: int) -> float:
        """The middle of a code's slot."""
        slot = int(np.flatnonzero(self.codes == code)[0])
        return float(self.edges[slot] + self.edges[slot + 1]) / 2
