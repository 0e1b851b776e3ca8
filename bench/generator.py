"""What every generator offers: `fit(table, rng)` and `sample(n, rng) -> Table`, nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from bench.ranges import checked
from bench.table import Table

if TYPE_CHECKING:
    from torch import Tensor


class NotApplicable(Exception):
    """A generator cannot serve this table; the message says why in one sentence.

    The cell is then recorded as ``not_applicable``; it is never filled with real rows.
    """


class Generator(ABC):
    """Learns from a training table, then draws rows under the same schema.

    Parameters are stored in ``__init__`` unchanged; what is learnt ends in an underscore.
    All randomness comes from the ``rng`` that is handed in: same table, same rng state, same rows.

    A generator whose rows derive each from a single real row (a copy with noise, a row with other
    values put in) hands their origins over: `bench.table.Table.origins`, for each row the
    `row_keys` of the training row that it was made from. Such a row tells nearly all of its
    original, and a task source then sends it to its original's side, support or query, and keeps
    rows of one original together. Equal rows must have equal origins, and a row that equals a
    training row that row's key; otherwise copies could stand on both sides. Rows learnt from many
    real rows have no origins, and unchanged copies need none: their own keys tell them.

    Attributes
    ----------
    stays_in_range : bool, default=True
        Promise: no numeric value outside the range seen in training.
    keeps_classes : bool, default=True
        Promise: every class with a training row is in each sample that has room for all of them.

    facts_ : mapping, default={}
        What `fit` found, for the record: JSON-ready, and the same for the same table and rng.
    seconds_ : mapping of str to float, default={}
        What the phases of `fit` took.

    The conformance suite holds a generator to what it promises; one whose parameters decide sets
    these in ``__init__``.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Hold what a generator is made with against its annotations (`bench.ranges`)."""
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = checked(cls.__init__)  # type: ignore[method-assign]

    stays_in_range: bool = True
    keeps_classes: bool = True
    facts_: Mapping[str, Any] = MappingProxyType({})
    seconds_: Mapping[str, float] = MappingProxyType({})

    @abstractmethod
    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Learn from the training rows; the table is not changed.

        Raises
        ------
        NotApplicable
            If the table cannot be served.
        """

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows under the schema of the fitted table (its levels, its classes)."""


class TaskGenerator(Generator):
    """A generator that makes a new *task* at each fine-tuning step instead of one table.

    A task source calls `task` with real rows that are already split, so that no row, nor a copy
    of one, can stand in both parts.
    """

    @abstractmethod
    def task(self, support: Table, query: Table, rng: np.random.Generator) -> tuple[Table, Table]:
        """Turn one real task into a new one.

        Parameters
        ----------
        support, query : Table
            Real rows of the training part, with no row in both.
        rng : numpy.random.Generator

        Returns
        -------
        (support, query) : tuple of Table
            Two tables that share one schema, which may differ from the real one (fewer features,
            another target), with no row in both and at least two classes in the support.
        """


class SupportSet(Protocol):
    """Labelled rows that a pre-trained classifier has read."""

    def logits(self, x_query: Tensor) -> Tensor:
        """Logits (q, n_outputs) of rows (q, f); a gradient must flow back to the rows."""


class InContextClassifier(Protocol):
    """A pre-trained classifier that reads a labelled support in context, whatever model it is.

    Attributes
    ----------
    max_features, max_support : int
        The most columns and support rows that it takes.
    device : torch.device
        Where it wants its tensors.
    """

    max_features: int
    max_support: int
    device: Any

    def support(self, x: Tensor, y: Tensor) -> SupportSet:
        """Read a support: float32 rows (s, f), int64 class codes (s,)."""


class InContextGenerator(Generator):
    """A generator over a pre-trained in-context classifier, which whoever runs it hands in.

    The harness hands in the model that is about to be fine-tuned, before `fit`; its weights decide
    the rows, so they are part of what a shared synthetic table is known by.
    """

    classifier: InContextClassifier | None = None

    def over(self, classifier: InContextClassifier) -> Self:
        """Use this classifier."""
        self.classifier = classifier
        return self
