"""TabEBM: an energy for each class from an in-context classifier, sampled by Langevin dynamics.

It touches no model of its own: whoever runs it hands the classifier in.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from annotated_types import Interval

from bench.generator import InContextGenerator, NotApplicable
from bench.ranges import Count, NotNegative, Positive
from bench.table import Table
from generators.parts.classes import class_allotment
from generators.parts.completion import Completion
from generators.parts.origins import with_origins
from generators.tabebm.energy import Energy, langevin, surrogate_negatives


class TabEBM(InContextGenerator):
    """Rows of each class by stochastic gradient Langevin dynamics (SGLD) on the class's energy.

    Nothing is trained. For each class the classifier reads the class's rows (label 0) and four
    surrogate negatives (label 1), which lie at ±``distance`` in every dimension. The energy of a
    row x is E(x) = −logsumexp of the two logits (paper, eq. 4). Rows start at training rows of the
    class with noise of ``start_noise`` and take ``steps`` steps

        x ← x − step · g + noise · ε,    ε ~ N(0, 1).

    *The drift's scaling.* With ``drift="mean"`` g is the gradient of the mean energy over the rows
    that are drawn together, as in the published code: the drift of one of n rows is n times smaller
    than that of its own energy, and rows stay near their starts. With ``drift="row"`` g is the
    gradient of the row's own energy, as the paper writes it (eq. 6); at the published step the rows
    of a class then gather where its energy is least (``two_moons.png`` beside this file, drawn by
    ``scripts/draw_two_moons.py``).
    ``noise`` is the published constant in both cases, not the √(2·step) that would make x a sample
    of exp(−E).

    Numbers are standardised over the whole training part, categorical columns one-hot; a one-hot
    block returns to its highest level. With the published noise a level changes only where the
    drift drives it. Missing values are filled with observed ones for the energy; a row has the
    holes of its start. It also has its start as its origin (`bench.table.Table.origins`): it is a
    near copy of that training row, and joins its side of a task.

    Parameters
    ----------
    steps : int, default=200
    step : float, default=0.1
    noise : float, default=0.01
        In standard deviations of a column, a step.
    start_noise : float, default=0.01
    distance : float, default=5
        Of the negatives. These four and the step's, noise's and start's values are the published
        code's defaults.
    drift : {"mean", "row"}, default="mean"
    refresh : int, default=20
        Steps between two evaluations of the gradient (published: 1), which is where the time goes.
        Rows move little from step to step: half of them end within 0.02 standard deviations of
        where they would end otherwise.
    max_rows : int, default=512
        Rows of a class that its energy reads; of more, a random part.
    chunk : int, default=256
        Rows whose gradient is taken at a time; decides memory, and results by rounding only.

    References
    ----------
    Margeloiu, Jiang, Simidjievski, Jamnik (2024), *TabEBM: A Tabular Data Augmentation Method with
    Distinct Class-Specific Energy-Based Models*, NeurIPS; and the authors' repository
    (andreimargeloiu/TabEBM), whose later versions slice the logits to one class.
    """

    def __init__(
        self,
        steps: Annotated[int, Interval(ge=0, le=100_000)] = 200,
        step: NotNegative = 0.1,
        noise: NotNegative = 0.01,
        start_noise: NotNegative = 0.01,
        distance: Positive = 5.0,
        drift: Literal["mean", "row"] = "mean",
        refresh: Count = 20,
        max_rows: Count = 512,
        chunk: Count = 256,
    ) -> None:
        self.steps = steps
        self.step = step
        self.noise = noise
        self.start_noise = start_noise
        self.distance = distance
        self.drift = drift
        self.refresh = refresh
        self.max_rows = max_rows
        self.chunk = chunk

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Encode the training rows and let the classifier read each class.

        Raises
        ------
        NotApplicable
            If there are rows of fewer than two classes, no feature varies, or the encoded table is
            wider than the classifier takes.
        ValueError
            If no classifier was handed in.
        """
        if self.classifier is None:
            raise ValueError("TabEBM needs an in-context classifier: TabEBM(...).over(classifier).")
        self.rows_ = Completion.learn(table, "TabEBM")
        width = sum(column.width for column in self.rows_.columns)
        if width > self.classifier.max_features:
            raise NotApplicable(
                f"TabEBM reads this table as {width} columns, the classifier takes at most "
                f"{self.classifier.max_features}."
            )
        self.table_ = table
        self.keys_ = table.row_keys()
        self.holes_ = table.X.isna().to_numpy()
        self.encoded_ = self.rows_.encode(self.rows_.fill(table, rng)).astype(np.float32)
        self.energies_ = {int(c): self._energy(table.y == c, rng) for c in np.unique(table.y)}
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows with their origins, classes in their training shares, in random order."""
        present = list(self.energies_)
        wanted = class_allotment(self.table_.class_counts()[present], n, rng)
        starts = [
            rng.choice(np.flatnonzero(self.table_.y == label), size=size)
            for label, size in zip(present, wanted, strict=True)
        ]
        moved = [
            self._move(self.energies_[label], self.encoded_[rows], rng)
            for label, rows in zip(present, starts, strict=True)
        ]
        order = rng.permutation(n)
        rows = np.concatenate(starts).astype(np.int64)[order]
        originals = self.table_.take(rows)
        values = self.rows_.decode(np.concatenate(moved)[order].astype(np.float64), rng)
        made = self.rows_.table(self.rows_.clip(values), originals.y, self.holes_[rows])
        return with_origins(made, originals, self.keys_)

    def _energy(self, mine: np.ndarray, rng: np.random.Generator) -> Energy:
        assert self.classifier is not None
        rows = self.encoded_[mine]
        negatives = surrogate_negatives(rows.shape[1], self.distance, rng)
        most = min(self.max_rows, self.classifier.max_support - len(negatives))
        if len(rows) > most:
            rows = rows[np.sort(rng.choice(len(rows), size=most, replace=False))]
        return Energy.of(self.classifier, rows, negatives)

    def _move(self, energy: Energy, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Rows after all steps, as many as they were."""
        if not len(rows):
            return rows
        return langevin(
            energy,
            rows + self.start_noise * rng.standard_normal(rows.shape, dtype=np.float32),
            steps=self.steps,
            step=self.step / (len(rows) if self.drift == "mean" else 1),
            noise=self.noise,
            refresh=self.refresh,
            chunk=self.chunk,
            rng=rng,
        )
