"""What every generator offers, `fit(table, rng)` and `sample(n, rng)`, and what its rows keep."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import numpy as np

from bench.errors import BadInput, Sentence
from bench.phrases import joined
from bench.ranges import checked
from bench.table import Problem, Table

if TYPE_CHECKING:
    from torch import Tensor

ROUNDING = 1e-6  # of a column's greatest value: how far a promise to stay in range may be missed
SURELY = 1e-9  # probability below which only missing values in all rows are no chance
F = TypeVar("F", bound=Callable[..., Any])


class NotApplicable(Sentence):
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
    problems : tuple of {"classification", "regression"}, default=("classification",)
        What it serves. A table of another problem is refused before `fit` does anything: rows that
        were made for classes would come out wrong, and quietly, where the target is a number.
    stays_in_range : bool, default=True
        Promise: no numeric value, a numeric target's included, outside the range seen in training.
    keeps_classes : bool, default=True
        Promise: every class with a training row is in each sample that has room for all of them.

    facts_ : mapping, default={}
        What `fit` found, for the record: JSON-ready, and the same for the same table and rng.
    seconds_ : mapping of str to float, default={}
        What the phases of `fit` took.
    doing : str, default=""
        Where a `fit` that takes long is, in a few words; another thread may ask while it runs.

    The conformance suite holds a generator to what it promises; one whose parameters decide sets
    these in ``__init__``.

    Examples
    --------
    >>> class Repeat(Generator):
    ...     def fit(self, table, rng):
    ...         self.table_ = table
    ...         return self
    ...
    ...     def sample(self, n, rng):
    ...         return self.table_.take(rng.integers(len(self.table_), size=n))
    >>> from bench.datasets.embedded import load
    >>> iris, rng = load("iris"), np.random.default_rng(0)
    >>> len(Repeat().fit(iris, rng).sample(10, rng))
    10
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Hold what a generator is made with against its annotations (`bench.ranges`).

        And what it is fitted on against what it serves (`check`).
        """
        super().__init_subclass__(**kwargs)
        # mypy forbids to assign a method; what is assigned is the same one, checked at its call.
        if "__init__" in vars(cls):
            cls.__init__ = checked(cls.__init__)  # type: ignore[method-assign]
        if "fit" in vars(cls):
            cls.fit = _checking(cls.fit)  # type: ignore[method-assign]

    problems: tuple[Problem, ...] = ("classification",)
    stays_in_range: bool = True
    keeps_classes: bool = True
    facts_: Mapping[str, Any] = MappingProxyType({})
    seconds_: Mapping[str, float] = MappingProxyType({})

    @property
    def doing(self) -> str:
        """Where a fit that takes long is."""
        return ""

    def check(self, table: Table) -> None:
        """Refuse a table of a problem that it does not serve; `fit` begins with it.

        Raises
        ------
        NotApplicable
        """
        if table.problem not in self.problems:
            raise NotApplicable(
                f"{type(self).__name__} serves {joined(self.problems, 'and')} only (its "
                f"`problems`), and dataset '{table.name}' is one of {table.problem}."
            )

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


def _checking(fit: F) -> F:
    """A generator's ``fit`` with `Generator.check` before it."""

    @wraps(fit)
    def checking(self: Generator, table: Table, rng: np.random.Generator) -> Any:
        self.check(table)
        return fit(self, table, rng)

    return checking  # type: ignore[return-value]  # `wraps` keeps the signature, mypy not the type


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
            another target), with no row in both and at least two classes, or values of a numeric
            target, in the support. Their problem is the table's: the model reads no other.
        """


Dag = Sequence[Sequence[int]]  # parents of each node


@dataclass(frozen=True, eq=False)
class CausalGraph:
    """What a causal generator found: edge probabilities, and the DAGs that its rows come from.

    Parameters
    ----------
    names : sequence of str
        The nodes: columns of the table, and its target, which is the last.
    probabilities : ndarray of shape (p, p)
        ``[i, j]`` is the probability of i → j; of both directions together at most 1.
    dags : sequence of Dag
        At least one.
    drawn : sequence of Dag, default: ``dags``
        The same DAGs with the edges alone that the probabilities gave.
    source, effort : str
        What stands behind the probabilities, and what it took, each in a few words.
    notes : sequence of str
        What else a person should know of the search: what was cut short, what is no node.
    required : sequence of (cause, effect), default: none
        Edges that a person knows of; they stand in each DAG.
    tiers : sequence of int or None, default: none
        For each node its place in the time order that a person knows of, if it has one. No node is
        in a DAG an ancestor of one in an earlier tier.

    Raises
    ------
    BadInput
        If the parts do not fit together, a probability is none, or a DAG has a cycle.

    Examples
    --------
    >>> matrix = np.array([[0, 0.5, 0.25], [0.5, 0, 0], [0, 0, 0]])
    >>> graph = CausalGraph(("rain", "wet", "accident"), matrix, dags=[((), (0,), (0,))])
    >>> graph.expected_edges, graph.target_degree
    (1.25, 0.25)
    """

    names: Sequence[str]
    probabilities: np.ndarray
    dags: Sequence[Dag]
    drawn: Sequence[Dag] = ()
    source: str = ""
    effort: str = ""
    notes: Sequence[str] = ()
    required: Sequence[tuple[int, int]] = ()
    tiers: Sequence[int | None] = ()

    def __post_init__(self) -> None:
        p, matrix = len(self.names), self.probabilities
        if matrix.shape != (p, p):
            raise BadInput(
                f"A causal graph of {p} nodes has probabilities of shape {matrix.shape}."
            )
        if not (matrix >= 0).all() or not (self.adjacency <= 1 + ROUNDING).all():
            raise BadInput("A causal graph's probabilities of a pair are below 0 or beyond 1.")
        if not self.dags or len(self.drawn) not in (0, len(self.dags)):
            raise BadInput(f"A causal graph has {len(self.dags)} DAGs, {len(self.drawn)} drawn.")
        if len(self.tiers) not in (0, p):
            raise BadInput(f"A causal graph of {p} nodes has {len(self.tiers)} tiers.")
        for dag in (*self.dags, *self.drawn):
            nodes = {parent for parents in dag for parent in parents}
            if len(dag) != p or not nodes <= set(range(p)):
                raise BadInput(f"A DAG of a causal graph is not over its {p} nodes: {dag}.")
            absent = [edge for edge in self.required if edge[0] not in dag[edge[1]]]
            if absent:
                raise BadInput(f"A DAG of a causal graph lacks the required edge {absent[0]}.")
            try:
                TopologicalSorter({n: {*dag[n], *self._earlier(n)} for n in range(p)}).prepare()
            except CycleError as error:
                raise BadInput(f"A DAG of a causal graph has a cycle: {error.args[1]}.") from error

    def _earlier(self, node: int) -> list[int]:
        """Nodes of earlier tiers, which come before it whether they cause it or not."""
        tiers = [-1 if tier is None else tier for tier in self.tiers]
        return [other for other, tier in enumerate(tiers) if 0 <= tier < tiers[node]]

    @property
    def adjacency(self) -> np.ndarray:
        """Probability that two nodes are adjacent, either way; symmetric, (p, p)."""
        return self.probabilities + self.probabilities.T

    @property
    def expected_edges(self) -> float:
        """The sum of the pairs' probabilities."""
        return float(self.adjacency.sum() / 2)

    @property
    def edges_a_dag(self) -> dict[str, float]:
        """Edges of a DAG, on average.

        ``drawn`` from the probabilities, ``added`` by what mended the DAGs then (0 where ``drawn``
        was not given), and ``repaired``: how many there are after that, the sum of the two.
        """
        drawn, all_of_them = (
            sum(len(parents) for dag in dags for parents in dag) / len(dags)
            for dags in (self.drawn or self.dags, self.dags)
        )
        return {"drawn": drawn, "added": all_of_them - drawn, "repaired": all_of_them}

    @property
    def density(self) -> float:
        """Expected edges a pair of nodes."""
        p = len(self.names)
        return self.expected_edges / max(p * (p - 1) / 2, 1)

    @property
    def target_degree(self) -> float:
        """Expected edges at the target."""
        return float(self.adjacency[-1].sum())


class CausalGenerator(Generator):
    """A generator that finds causal graphs, which its rows come from; `bench graph` draws them.

    Attributes
    ----------
    graph_ : CausalGraph
        Of the fitted table.
    """

    graph_: CausalGraph


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


class BrokenPromise(ValueError):
    """A generator gave rows that cannot stand for the table's; the message is one sentence."""


def require_rows(rows: Table, n: int, train: Table, stays_in_range: bool) -> Table:
    """The rows, if they could stand among the training rows.

    What arithmetic made of nothing looks like missing values in a table, so these are refused
    wherever the training rows have none.

    Parameters
    ----------
    rows : Table
        What was given.
    n : int
        How many rows were asked for.
    train : Table
        What the generator was fitted on.
    stays_in_range : bool
        What it promises (`Generator`).

    Raises
    ------
    BrokenPromise
        If there are more or fewer rows, another schema, a class without a training row, a missing
        value in a column that has none, no value in a column that has some, or a number, a numeric
        target's included, outside the range that was promised.
    """
    if len(rows) != n:
        raise BrokenPromise(f"The generator gave {len(rows)} rows, {n} were asked for.")
    if (
        dict(rows.kinds) != dict(train.kinds)
        or list(rows.X.columns) != list(train.X.columns)
        or rows.classes != train.classes
    ):
        raise BrokenPromise("The generator's rows have other columns or classes than the table.")
    if train.classes:
        _require_known_classes(rows, train)
    for column in train.kinds:
        _require_values(rows, train, column)
    if stays_in_range:
        for column in train.numeric:
            _require_range(rows.X[column].to_numpy(), train.X[column].to_numpy(), column)
        if not train.classes:
            _require_range(rows.y, train.y, train.target)
    return rows


def _require_known_classes(rows: Table, train: Table) -> None:
    unknown = np.setdiff1d(rows.y, train.y)
    if len(unknown):
        raise BrokenPromise(
            f"The generator gave rows of class '{train.classes[unknown[0]]}', of which there is no "
            "training row."
        )


def _require_values(rows: Table, train: Table, column: str) -> None:
    missing, usual = rows.X[column].isna(), train.X[column].isna().mean()
    if usual == 0 and missing.any():
        raise BrokenPromise(
            f"The generator gave no number or level in {int(missing.sum())} of {len(rows)} rows of "
            f"column '{column}', where no training row lacks one."
        )
    if usual < 1 and missing.all() and usual ** len(rows) < SURELY:
        raise BrokenPromise(
            f"The generator gave no number or level at all in column '{column}', which "
            f"{1 - usual:.0%} of the training rows have."
        )


def _require_range(drawn: np.ndarray, known: np.ndarray, column: str) -> None:
    drawn, known = (values[~np.isnan(values)] for values in (drawn, known))
    if not len(drawn) or not len(known):
        return
    low, high = known.min(), known.max()
    slack = ROUNDING * max(abs(low), abs(high))
    with np.errstate(over="ignore"):  # beyond float64 there is nothing outside
        outside = drawn[(drawn < low - slack) | (drawn > high + slack)]
    if len(outside):
        raise BrokenPromise(
            f"The generator gave {outside[0]:.6g} in column '{column}', outside the training rows' "
            f"range from {low:.6g} to {high:.6g}, which it promises to keep (stays_in_range)."
        )
