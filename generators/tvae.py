"""TVAE: rows from a variational autoencoder for tables, the ``ctgan`` library's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import ctgan
import numpy as np
from annotated_types import Interval

from bench.generator import Generator
from bench.ranges import NotNegative, Positive, Share, Width
from bench.table import Table
from generators.parts.completion import Completion
from generators.parts.ctgan_library import batch_size, from_frame, on_gpu, quietly_seeded, to_frame


class TVAE(Generator):
    """Training rows' look-alikes from `ctgan.TVAE`, classes as one of its discrete columns.

    A numeric target is a continuous column, cut to the training range. Rows are read and given back
    as `generators.ctgan.CTGAN` does it. The library draws no rows under a condition, so class
    shares are the decoder's, and a rare class may be absent.

    Parameters
    ----------
    epochs : int, default=300
        The library's default.
    batch_share : float, default=0.2
        Rows of a batch as a share of the training rows; the library's default are 500 rows.
    embedding_dim : int, default=128
    compress_dims, decompress_dims : sequence of int, default=(128, 128)
    l2scale : float, default=1e-5
        Weight decay.
    loss_factor : float, default=2
        Weight of the reconstruction's error.
    verbose : bool, default=False
        Show the library's progress bar.
    device : {"cpu", "cuda"}, default="cpu"

    References
    ----------
    Xu, Skoularidou, Cuesta-Infante, Veeramachaneni (2019), *Modeling Tabular data using Conditional
    GAN*, NeurIPS, section 4.4.
    """

    problems = ("classification", "regression")
    keeps_classes = False

    def __init__(
        self,
        epochs: Annotated[int, Interval(ge=1, le=100_000)] = 300,
        batch_share: Share = 0.2,
        embedding_dim: Width = 128,
        compress_dims: Sequence[Width] = (128, 128),
        decompress_dims: Sequence[Width] = (128, 128),
        l2scale: NotNegative = 1e-5,
        loss_factor: Positive = 2,
        verbose: bool = False,
        device: Literal["cpu", "cuda"] = "cpu",
    ) -> None:
        self.epochs = epochs
        self.batch_share = batch_share
        self.embedding_dim = embedding_dim
        self.compress_dims = compress_dims
        self.decompress_dims = decompress_dims
        self.l2scale = l2scale
        self.loss_factor = loss_factor
        self.verbose = verbose
        self.device = device

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Train the autoencoder on the training rows.

        Raises
        ------
        NotApplicable
            If there are rows of fewer than two classes, or the target or no feature varies.
        ValueError
            If a GPU is asked for that is not there.
        """
        self.rows_ = Completion.learn(table, "TVAE")
        batch = batch_size(len(table), self.batch_share, pac=1)
        self.model_ = ctgan.TVAE(
            embedding_dim=self.embedding_dim,
            compress_dims=tuple(self.compress_dims),
            decompress_dims=tuple(self.decompress_dims),
            l2scale=self.l2scale,
            batch_size=batch,
            epochs=self.epochs,
            loss_factor=self.loss_factor,
            verbose=self.verbose,
            enable_gpu=on_gpu(self.device),
        )
        frame, discrete = to_frame(self.rows_, table, rng)
        with quietly_seeded(rng):
            self.model_.fit(frame, discrete)
        self.facts_ = {"batch": batch, "steps": self.epochs * -(-len(table) // batch)}
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows."""
        with quietly_seeded(rng):
            drawn = self.model_.sample(n)
        return from_frame(self.rows_, drawn, rng)
