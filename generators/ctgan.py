"""CTGAN: rows from a conditional generative adversarial network, the ``ctgan`` library's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import ctgan
import numpy as np
import pandas as pd
from annotated_types import Interval

from bench.generator import Generator
from bench.ranges import Positive, Share, Width
from bench.table import Table
from generators.parts.classes import class_allotment
from generators.parts.completion import LABEL, Completion
from generators.parts.ctgan_library import (
    batch_size,
    from_frame,
    on_gpu,
    quietly_seeded,
    to_frame,
)


class CTGAN(Generator):
    """Training rows' look-alikes from `ctgan.CTGAN`; every categorical column and classes are
    declared discrete.

    A numeric target is one more continuous column, cut to the training range, and rows are the
    library's own draws. Classes come in their training shares: rows are taken from the library's
    own draws, which lift rare classes (they follow the logarithm of the frequency), until each
    class has its share. What is lacking after ``attempts`` draws is drawn under the condition of
    its class. A network that is not fully trained does not always obey (on credit-g and diabetes a
    third to a half of the rows after 300 epochs): of ``attempts`` times as many rows those that do
    come first, and the others are labelled as they were asked for.

    Missing values are filled with observed ones before fitting, because the library takes none,
    and put back at each column's training rate. Numbers are standardised, because the library's
    mixtures add 1e-6 to every variance, and clipped to the training range. Constant columns are
    set aside.

    Parameters
    ----------
    epochs : int, default=300
        The library's default. An epoch of ``n`` rows has ``n // batch`` steps.
    batch_share : float, default=0.2
        Rows of a batch as a share of the training rows, brought to a multiple of 2 and of ``pac``,
        which the library asks for. Its default of 500 rows would be one step an epoch on a table
        of up to 999 rows, and far too little training.
    pac : int, default=10
        Rows that the discriminator judges together.
    embedding_dim : int, default=128
    generator_dim, discriminator_dim : sequence of int, default=(256, 256)
    learning_rate : float, default=2e-4
        Of generator and discriminator.
    discriminator_steps : int, default=1
    attempts : int, default=10
        Draws of ``n`` rows until rows of a class must be there.
    verbose : bool, default=False
        Show the library's progress bar.
    device : {"cpu", "cuda"}, default="cpu"
        A network of this size gains little from a GPU. On another device than the model's the
        rows are others.

    References
    ----------
    Xu, Skoularidou, Cuesta-Infante, Veeramachaneni (2019), *Modeling Tabular data using Conditional
    GAN*, NeurIPS.
    """

    problems = ("classification", "regression")

    def __init__(
        self,
        epochs: Annotated[int, Interval(ge=1, le=100_000)] = 300,
        batch_share: Share = 0.2,
        pac: Annotated[int, Interval(ge=1, le=1000)] = 10,
        embedding_dim: Width = 128,
        generator_dim: Sequence[Width] = (256, 256),
        discriminator_dim: Sequence[Width] = (256, 256),
        learning_rate: Positive = 2e-4,
        discriminator_steps: Annotated[int, Interval(ge=1, le=1000)] = 1,
        attempts: Annotated[int, Interval(ge=1, le=1000)] = 10,
        verbose: bool = False,
        device: Literal["cpu", "cuda"] = "cpu",
    ) -> None:
        self.epochs = epochs
        self.batch_share = batch_share
        self.pac = pac
        self.embedding_dim = embedding_dim
        self.generator_dim = generator_dim
        self.discriminator_dim = discriminator_dim
        self.learning_rate = learning_rate
        self.discriminator_steps = discriminator_steps
        self.attempts = attempts
        self.verbose = verbose
        self.device = device

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Train the network on the training rows.

        Raises
        ------
        NotApplicable
            If there are rows of fewer than two classes, or the target or no feature varies.
        ValueError
            If a GPU is asked for that is not there.
        """
        self.rows_ = Completion.learn(table, "CTGAN")
        self.counts_ = table.class_counts() if table.classes else None
        batch = batch_size(len(table), self.batch_share, self.pac)
        self.model_ = ctgan.CTGAN(
            embedding_dim=self.embedding_dim,
            generator_dim=tuple(self.generator_dim),
            discriminator_dim=tuple(self.discriminator_dim),
            generator_lr=self.learning_rate,
            discriminator_lr=self.learning_rate,
            batch_size=batch,
            discriminator_steps=self.discriminator_steps,
            epochs=self.epochs,
            pac=self.pac,
            verbose=self.verbose,
            enable_gpu=on_gpu(self.device),
        )
        frame, discrete = to_frame(self.rows_, table, rng)
        with quietly_seeded(rng):
            self.model_.fit(frame, discrete)
        self.facts_ = {"batch": batch, "steps": self.epochs * max(len(table) // batch, 1)}
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows, classes in their training shares, in random order."""
        if self.counts_ is not None:
            return self._in_shares(n, self.counts_, rng)
        with quietly_seeded(rng):
            drawn = self.model_.sample(n)
        return from_frame(self.rows_, drawn, rng)

    def _in_shares(self, n: int, counts: np.ndarray, rng: np.random.Generator) -> Table:
        present = np.flatnonzero(counts)
        wanted = class_allotment(counts[present], n, rng)
        lacking = {str(label): int(k) for label, k in zip(present, wanted, strict=True)}
        with quietly_seeded(rng):
            kept = [self._take(lacking, n) for _ in range(self.attempts) if any(lacking.values())]
            kept += [self._under_condition(label, k) for label, k in lacking.items() if k]
        if not kept:
            return self.rows_.schema
        drawn = pd.concat(kept, ignore_index=True).take(rng.permutation(n))
        return from_frame(self.rows_, drawn, rng)

    def _take(self, lacking: dict[str, int], n: int) -> pd.DataFrame:
        """Rows of one draw of the library that are still asked for; changes ``lacking``."""
        drawn = self.model_.sample(n)
        kept = [drawn[drawn[LABEL] == label].head(k) for label, k in lacking.items()]
        lacking |= {label: k - len(rows) for (label, k), rows in zip(lacking.items(), kept)}
        return pd.concat(kept)

    def _under_condition(self, label: str, n: int) -> pd.DataFrame:
        """``n`` rows of a class that the library's own draws hold too few of."""
        drawn = self.model_.sample(self.attempts * n, LABEL, label)
        obedient_first = (drawn[LABEL] != label).argsort(kind="stable")
        return drawn.iloc[obedient_first].head(n).assign(**{LABEL: label})
