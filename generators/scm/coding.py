"""The way between a table's rows and the numbers that graphs and mechanisms are fitted on.

A *node* is a feature or the target (the last one). A numeric node is a normal score, so that noise
can be additive whatever the column's shape; a categorical node is a level's code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from bench.table import Table
from generators.parts.codecs import is_whole

MISSING = "missing"  # a level of its own; told from a level of that name by its position
FIRST = 32  # rows by which most pairs of columns are told apart
NEAR = 0.1  # share of the training rows, those of the nearest targets, that lend a row its holes


@dataclass(frozen=True)
class NumericNode:
    """Normal scores of a numeric column: z = Φ⁻¹((rank − ½) / n), ties sharing their mean rank."""

    name: str
    values: np.ndarray  # of the training rows, ascending, without the missing ones
    whole: bool
    repeats: bool = False  # rows take one of the training values, not what lies between two
    cardinality: int = 0  # levels; 0: numeric

    @classmethod
    def of(cls, name: str, column: np.ndarray, whole: bool, distinct: float) -> NumericNode:
        """Learn a column's quantiles, and whether its values repeat."""
        values = np.sort(column[~np.isnan(column)])
        return cls(name, values, whole, len(np.unique(values)) <= distinct * len(values))

    def encode(self, column: np.ndarray) -> np.ndarray:
        """Scores of the training column itself; a missing value stands at the median, 0."""
        present = ~np.isnan(column)
        scores = np.zeros(len(column))
        scores[present] = ndtri((rankdata(column[present]) - 0.5) / present.sum())
        return scores

    def decode(self, scores: np.ndarray, clip: bool) -> np.ndarray:
        """Training quantiles of scores.

        Between training values, or one of them where these repeat. Without ``clip`` the scores
        beyond the outermost training rows go on along a normal tail.
        """
        n = len(self.values)
        share = ndtr(scores)
        if self.repeats:
            out = self.values[np.minimum((share * n).astype(int), n - 1)]
        else:
            out = np.interp(share, (np.arange(n) + 0.5) / n, self.values)
        if not clip:
            beyond = scores - np.clip(scores, ndtri(0.5 / n), ndtri(1 - 0.5 / n))
            out = out + beyond * self.values.std()
        return np.round(out) if self.whole else out


@dataclass(frozen=True)
class CategoricalNode:
    """Codes of a categorical column's levels, most frequent first; rare levels share the last."""

    name: str
    levels: tuple[str | None, ...]  # None: missing
    pooled: tuple[str, ...]  # rare levels behind the last code, if any
    weights: tuple[float, ...]  # their training shares among themselves

    @property
    def cardinality(self) -> int:
        """How many codes there are."""
        return len(self.levels) + bool(self.pooled)

    @classmethod
    def of(cls, column: pd.Series, max_levels: int) -> CategoricalNode:
        """Learn a column's levels, all but ``max_levels`` of them pooled."""
        counts = column.value_counts()
        counts = counts[counts > 0].sort_values(ascending=False, kind="stable")
        kept = list(counts.index[: max_levels if len(counts) <= max_levels else max_levels - 1])
        rest = counts.iloc[len(kept) :]
        levels: tuple[str | None, ...] = tuple(kept)
        if column.isna().any():
            levels = (*levels, None)
        return cls(
            str(column.name), levels, tuple(rest.index), tuple((rest / max(rest.sum(), 1)).tolist())
        )

    def encode(self, column: pd.Series) -> np.ndarray:
        """Codes, float64."""
        code = {level: float(i) for i, level in enumerate(self.levels)}
        code |= dict.fromkeys(self.pooled, float(len(self.levels)))
        text = column.astype(object).where(column.notna(), None)
        return np.array([code[level] for level in text], dtype=np.float64)

    def decode(self, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Levels, as objects; missing is NaN."""
        names = np.array([np.nan if v is None else v for v in self.levels] + [""], dtype=object)
        out = names[np.minimum(codes.astype(int), len(self.levels))]
        if self.pooled:
            rare = codes >= len(self.levels)
            out[rare] = rng.choice(np.array(self.pooled, object), size=rare.sum(), p=self.weights)
        return out


Node = NumericNode | CategoricalNode


@dataclass(frozen=True)
class ClassTarget:
    """A target of classes: the codes of those with training rows, in order."""

    node: CategoricalNode
    classes: np.ndarray

    @classmethod
    def of(cls, table: Table) -> Self:
        """Learn which classes have training rows."""
        classes = np.unique(table.y)
        return cls(CategoricalNode(table.target, tuple(map(str, classes)), (), ()), classes)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Codes, float64."""
        return np.searchsorted(self.classes, y).astype(np.float64)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """The table's class codes."""
        return self.classes[codes.astype(int)]

    def alike(self, codes: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each code a training row of its class, drawn at random."""
        drawn = self.decode(codes)
        rows = np.empty(len(codes), dtype=np.int64)
        for label in np.unique(drawn):
            mine = drawn == label
            rows[mine] = rng.choice(np.flatnonzero(y == label), size=mine.sum())
        return rows


@dataclass(frozen=True)
class NumberTarget:
    """A numeric target: a node like any other; whole where all training rows' values are."""

    node: NumericNode
    clip: bool

    @classmethod
    def of(cls, table: Table, distinct: float, clip: bool) -> Self:
        """Learn the target's quantiles."""
        return cls(NumericNode.of(table.target, table.y, is_whole(table.y), distinct), clip)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Normal scores of the training rows."""
        return self.node.encode(y)

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """Values of the target."""
        return self.node.decode(scores, self.clip)

    def alike(self, scores: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each score one of the training rows (`NEAR`) whose targets are nearest in rank.

        A place among the ranks that is drawn uniformly: what lies on the border between two rows
        must not be decided by the last bit of a score.
        """
        n = len(y)
        ranked = np.lexsort((rng.random(n), y))  # equal ones in random order
        width = max(1.0, NEAR * n)
        first = (ndtr(scores) * n - width / 2).clip(0, n - width)
        place = first + width * rng.random(len(scores))
        return ranked[np.minimum(place.astype(np.int64), n - 1)]


class Coding:
    """A training table's nodes, coded, and the way back.

    Constant and empty columns are no nodes: they come back as they were. Neither are *twins*,
    columns that another one decides by a one-to-one map (repeated, rescaled or relabelled): no
    independence test can tell them apart, and they come back through that map.

    Parameters
    ----------
    max_levels : int
        Codes of a categorical column; rarer levels share one.
    clip : bool
        Keep numeric values within the training range.
    missing : bool
        Put missing values back into numeric columns, in the joint pattern of a random training
        row of the same class; of a numeric target, of one of the tenth that is nearest in rank.
    distinct : float
        Share of distinct values above which a numeric column's rows lie between its training values
        too; below it they repeat them.
    left_out : sequence of str
        Columns that are no nodes: each row has their values, all of one training row of the same
        class; of a numeric target, of one of the tenth that is nearest in rank.
    twins : bool
        Whether twins stand for no node of their own.

    Attributes
    ----------
    nodes_ : list of Node
        Features that vary, then the target.
    codes_ : ndarray of shape (n_rows, n_nodes), float64
    missing_ : ndarray of bool, shape (n_rows, n_nodes)
        Of numeric nodes; a category's missing values are a level.
    twins_ : dict of column name to (column name, ±1)
    constant_ : list of column names
    """

    def __init__(
        self,
        max_levels: int = 30,
        clip: bool = True,
        missing: bool = True,
        distinct: float = 0.5,
        left_out: Sequence[str] = (),
        twins: bool = True,
    ) -> None:
        self.max_levels = max_levels
        self.clip = clip
        self.missing = missing
        self.distinct = distinct
        self.left_out = left_out
        self.twins = twins

    def fit(self, table: Table) -> Self:
        """Learn the nodes of a training table, and code its rows."""
        self.table_ = table
        self.constant_: list[str] = []
        self.twins_: dict[str, tuple[str, int]] = {}
        self._twin_nodes: dict[str, Node] = {}
        nodes: list[Node] = []
        codes: list[np.ndarray] = []
        for name, kind in table.kinds.items():
            column = table.X[name]
            if name in self.left_out:
                continue
            if column.nunique(dropna=False) < 2 or not column.notna().any():
                self.constant_.append(name)
                continue
            node, coded = self._code(column, kind == "integer")
            twin = self.twins and _twin_of(coded, column.isna(), node, nodes, codes, table)
            if twin:
                self.twins_[name], self._twin_nodes[name] = twin, node
                continue
            nodes.append(node)
            codes.append(coded)
        self.target_ = self._target(table)
        self.nodes_ = [*nodes, self.target_.node]
        codes.append(self.target_.encode(table.y))
        self.codes_ = np.stack(codes, axis=1)
        # A category's missing values are a level like others, to be modelled and drawn.
        absent = [table.X[n.name].isna().to_numpy() & (not n.cardinality) for n in nodes]
        self.missing_ = np.stack([*absent, np.zeros(len(table), dtype=bool)], axis=1)
        return self

    def _target(self, table: Table) -> ClassTarget | NumberTarget:
        if table.classes:
            return ClassTarget.of(table)
        return NumberTarget.of(table, self.distinct, self.clip)

    def _code(self, column: pd.Series, whole: bool) -> tuple[Node, np.ndarray]:
        if isinstance(column.dtype, pd.CategoricalDtype):
            categorical = CategoricalNode.of(column, self.max_levels)
            return categorical, categorical.encode(column)
        values = column.to_numpy()
        numeric = NumericNode.of(str(column.name), values, whole, self.distinct)
        if len(np.unique(numeric.values)) < 2:  # its holes are all that varies
            return numeric, np.zeros(len(values))
        return numeric, numeric.encode(values)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the nodes, the target's last."""
        return tuple(node.name for node in self.nodes_)

    @property
    def target(self) -> int:
        """Position of the target among the nodes."""
        return len(self.nodes_) - 1

    def decode(self, codes: np.ndarray, rng: np.random.Generator) -> Table:
        """Rows of the training schema from codes, shape (n, n_nodes)."""
        y = self.target_.decode(codes[:, self.target])
        holes = self._holes(codes[:, self.target], rng)
        columns: dict[str, np.ndarray] = {}
        for position, node in enumerate(self.nodes_[:-1]):
            # Twins read one draw: what their codes leave open (rare levels) is one choice too.
            seed = int(rng.integers(2**63))
            columns[node.name] = self._column(node, codes[:, position], seed)
            for name, sign in self._twins_of(node.name):
                twin = self._twin_nodes[name]
                columns[name] = self._column(twin, sign * codes[:, position], seed)
        for name, values in columns.items():
            if name in holes:
                columns[name] = np.where(holes[name], np.nan, values)
        for name in self.constant_:
            column = self.table_.X[name].dropna()
            value = column.iloc[0] if len(column) else np.nan
            columns[name] = np.full(len(codes), value, dtype=object)
        if self.left_out:
            donors = self.target_.alike(codes[:, self.target], self.table_.y, rng)
            columns |= {n: self.table_.X[n].to_numpy(object)[donors] for n in self.left_out}
        return self.table_.with_rows(pd.DataFrame(columns, index=range(len(codes))), y)

    def _twins_of(self, name: str) -> list[tuple[str, int]]:
        return [(twin, sign) for twin, (other, sign) in self.twins_.items() if other == name]

    def _column(self, node: Node, codes: np.ndarray, seed: int) -> np.ndarray:
        if isinstance(node, CategoricalNode):
            return node.decode(codes, np.random.default_rng(seed))
        return node.decode(codes, self.clip)

    def _holes(self, target: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Which values of the numeric columns are missing, from a row of a like target."""
        table = self.table_
        unmade = {*self.constant_, *self.left_out}
        holed = [c for c in table.numeric if table.X[c].isna().any() and c not in unmade]
        if not holed or not self.missing:
            return {}
        donors = self.target_.alike(target, table.y, rng)
        return {c: table.X[c].isna().to_numpy()[donors] for c in holed}


def _twin_of(
    coded: np.ndarray,
    absent: pd.Series,
    node: Node,
    nodes: list[Node],
    codes: list[np.ndarray],
    table: Table,
) -> tuple[str, int] | None:
    """An earlier node that this column repeats, and the sign of the map between them."""
    signs = (1, -1) if not node.cardinality else (1,)
    for other, known in zip(nodes, codes, strict=True):
        if other.cardinality != node.cardinality:
            continue
        # The first rows tell nearly all apart: columns are compared pair by pair.
        near = [sign for sign in signs if _alike(coded[:FIRST], sign * known[:FIRST])]
        if not near or not (absent.to_numpy() == table.X[other.name].isna().to_numpy()).all():
            continue
        for sign in near:
            if _alike(coded, sign * known):
                return other.name, sign
    return None


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((np.abs(one - other) <= 1e-9).all())
