"""Conditional independence tests that are right for mixed data, as causal-learn calls them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice
from typing import Protocol

import numpy as np
from scipy.special import chdtrc

from generators.scm.coding import CategoricalNode, Node

FEW, AT_ONCE = 8, 1024  # sets that are tested first, one by one; and at once at most


class IndependenceTest(Protocol):
    """A conditional independence test on the rows that it was made with."""

    method: str  # causal-learn asks a test for its name
    calls: int  # tests made; those asked for again are remembered

    def __call__(self, x: int, y: int, given: Iterable[int] | None = None) -> float:
        """The p-value of x ⟂ y | given."""

    def information(self, x: int, y: int) -> float:
        """Mutual information of two nodes in nats: how strongly they depend, not how surely."""

    def first(
        self, x: int, y: int, sets: Iterable[tuple[int, ...]], level: float
    ) -> tuple[int, ...] | None:
        """The first of these sets, all of one size, given which p > level; None if none is."""
        return next((given for given in sets if self(x, y, given) > level), None)


class DegenerateGaussian(IndependenceTest):
    """Likelihood-ratio test under a Gaussian on indicator columns.

    A numeric node is its normal score; a categorical node the indicators of its levels but the most
    frequent one. Nodes x and y are independent given S if the Gaussian that fits these columns
    best has no partial covariance between the blocks of x and y: −N log of the determinants' ratio
    is χ² with |x||y| degrees of freedom (Bartlett's correction for N). Shrinking the correlations
    by ``ridge`` keeps constant, repeated and collinear columns from making them singular.

    Andrews, Ramsey, Cooper (2019), *Learning high-dimensional directed acyclic graphs with mixed
    data-types*, PMLR 104. Best skeletons of those measured on mixed tables of 500 to 1000 rows.

    Parameters
    ----------
    codes : ndarray of shape (n_rows, n_nodes)
        As `generators.scm.coding.Coding` makes them.
    nodes : sequence of Node
    levels : int
        Indicators of a categorical node at most; the rarer levels stay in the baseline.
    fewest : int
        Rows that a level needs for an indicator of its own. Two levels that one single row has in
        common, a row that could not be read, say, would count as certain dependence.
    ridge : float
        Share of the correlations that is shrunk away, in [0, 1).
    ordinal : bool
        Treat categorical nodes as their codes instead of indicators (Fisher's z on codes).
    """

    method = "degenerate_gaussian"

    def __init__(
        self,
        codes: np.ndarray,
        nodes: Sequence[Node],
        levels: int,
        fewest: int,
        ridge: float,
        ordinal: bool = False,
    ) -> None:
        blocks = [
            _indicators(column, levels, fewest)
            if isinstance(node, CategoricalNode) and not ordinal
            else column[:, None]
            for column, node in zip(codes.T, nodes, strict=True)
        ]
        self.n_rows = len(codes)
        self.correlation, self.groups = _correlation(blocks, ridge)
        self._padded = self.correlation
        self.by_width = _by_width(self.groups)
        self._log_dets: dict[tuple[int, ...], float] = {(): 0.0}
        self._p_values: dict[tuple[int, int, tuple[int, ...]], float] = {}
        self.calls = 0

    def __call__(self, x: int, y: int, given: Iterable[int] | None = None) -> float:
        """The p-value of x ⟂ y | given; 1 where a block is constant in these rows."""
        x, y = (int(x), int(y)) if x < y else (int(y), int(x))
        rest = () if given is None else tuple(sorted(int(s) for s in given))
        key = (x, y, rest)
        known = self._p_values.get(key)
        if known is not None:
            return known
        self.calls += 1
        width = len(self.groups[x]) * len(self.groups[y])
        if rest and width:
            p = float(chdtrc(width, self._statistic(x, y, rest)))
        else:
            p = float(self._pairs[1][x, y])
        self._p_values[key] = p
        return p

    def information(self, x: int, y: int) -> float:
        """Mutual information of two nodes under the Gaussian, in nats."""
        return float(self._pairs[0][x, y])

    def first(
        self, x: int, y: int, sets: Iterable[tuple[int, ...]], level: float
    ) -> tuple[int, ...] | None:
        """The first of these sets, all of one size, given which p > level; None if none is.

        Many are tested at once, which for a few takes longer than one by one; ``calls`` counts
        those that one by one would have been tested.
        """
        left, most = iter(sets), FEW
        while several := list(islice(left, most)):
            most = min(8 * most, AT_ONCE)
            if len(several) <= 2 * FEW:
                found = super().first(x, y, several, level)
                if found is not None:
                    return found
                continue
            p = self._p_values_given(x, y, np.array(several, dtype=np.int64))
            apart = np.flatnonzero(p > level)[:1]
            asked = int(apart[0]) + 1 if len(apart) else len(several)
            self._remember(x, y, several[:asked], p[:asked])
            if len(apart):
                return several[asked - 1]
        return None

    def _remember(self, x: int, y: int, sets: list[tuple[int, ...]], p: np.ndarray) -> None:
        """Keep the p-values of sets that were tested, and count those that were not before."""
        known, (x, y) = len(self._p_values), (x, y) if x < y else (y, x)
        keys = ((x, y, tuple(sorted(given))) for given in sets)
        self._p_values.update(zip(keys, p.tolist(), strict=True))
        self.calls += len(self._p_values) - known

    def _p_values_given(self, x: int, y: int, sets: np.ndarray) -> np.ndarray:
        """The p-values of x ⟂ y given each of these sets, shape (sets, size)."""
        if not (self.groups[x] and self.groups[y]):
            return np.ones(len(sets))
        x, y = (x, y) if len(self.groups[x]) >= len(self.groups[y]) else (y, x)
        of_x, of_y = len(self.groups[x]), len(self.groups[y])
        rest, widths = self._columns(sets)
        ends = np.array([*self.groups[x], *self.groups[y]])
        at = np.vstack([rest, np.repeat(ends[:, None], len(sets), axis=1)])
        stack = self._unrelated(int(at.max()) + 1)[at[:, None], at[None]]
        eliminate(stack, len(rest))
        within = stack[len(rest) :, len(rest) :]
        alone = log_dets(within[of_x:, of_x:].copy())
        eliminate(within, of_x)
        ratio = alone - log_dets(within[of_x:, of_x:])
        n = np.maximum(self.n_rows - widths - (of_x + of_y + 3) / 2, 1.0)
        return chdtrc(of_x * of_y, np.maximum(n * ratio, 0.0))

    def _columns(self, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The columns of each set, (columns, sets), and how many; filled with unrelated ones."""
        at = self._slots[sets].reshape(len(sets), -1)
        at = np.sort(np.where(at < 0, len(self.correlation) + np.arange(at.shape[1]), at), axis=1)
        widths = (at < len(self.correlation)).sum(axis=1)
        return at[:, : widths.max()].T, widths

    def _unrelated(self, size: int) -> np.ndarray:
        """The correlations of all columns, and of as many that go with none as make this size."""
        if size > len(self._padded):
            self._padded, known = np.eye(size), len(self.correlation)
            self._padded[:known, :known] = self.correlation
        return self._padded

    @cached_property
    def _slots(self) -> np.ndarray:
        """The columns of each node, filled with -1, shape (nodes, widest)."""
        slots = np.full((len(self.groups), max(map(len, self.groups))), -1)
        for node, group in enumerate(self.groups):
            slots[node, : len(group)] = group
        return slots

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Mutual information of each two nodes, and the p-value of their independence, (p, p)."""
        size = len(self.groups)
        ratios, p = np.zeros((size, size)), np.ones((size, size))
        alone = np.array([self.log_det((node,)) for node in range(size)])
        for x, mine in enumerate(self.groups):
            for nodes, at in self.by_width if mine else ():
                nodes, at = nodes[nodes > x], at[nodes > x]
                both = np.hstack([np.tile(mine, (len(at), 1)), at])
                joint = np.linalg.slogdet(self.correlation[both[:, :, None], both[:, None]])[1]
                ratios[x, nodes] = alone[x] + alone[nodes] - joint
                n = max(self.n_rows - (both.shape[1] + 3) / 2, 1.0)
                freedom = len(mine) * at.shape[1]
                p[x, nodes] = chdtrc(freedom, np.maximum(n * ratios[x, nodes], 0.0))
        ratios, upper = np.maximum(0.5 * ratios, 0.0), np.triu_indices(size, 1)
        ratios.T[upper], p.T[upper] = ratios[upper], p[upper]
        return ratios, p

    def _statistic(self, x: int, y: int, rest: tuple[int, ...]) -> float:
        columns = sum(len(self.groups[s]) for s in rest)
        correction = (len(self.groups[x]) + len(self.groups[y]) + 3) / 2
        n = max(self.n_rows - columns - correction, 1.0)
        return max(n * self._log_ratio(x, y, rest), 0.0)

    def _log_ratio(self, x: int, y: int, rest: tuple[int, ...]) -> float:
        with_x, with_y = tuple(sorted((*rest, x))), tuple(sorted((*rest, y)))
        both = tuple(sorted((*rest, x, y)))
        log_det = self.log_det
        return log_det(with_x) + log_det(with_y) - log_det(rest) - log_det(both)

    def log_det(self, nodes: tuple[int, ...]) -> float:
        """Log determinant of the correlations of these nodes' columns; nodes ascending."""
        known = self._log_dets.get(nodes)
        if known is None:
            at = [column for node in nodes for column in self.groups[node]]
            known = float(np.linalg.slogdet(self.correlation[np.ix_(at, at)])[1]) if at else 0.0
            self._log_dets[nodes] = known
        return known


def eliminate(stack: np.ndarray, count: int) -> None:
    """Take from many symmetric matrices, shape (k, k, m), what their first columns explain.

    In place: what is left, ``stack[count:, count:]``, is the Schur complement. One step serves all
    matrices: of a few columns each they cost a library more to begin than to compute.
    """
    for at in range(count):
        row = stack[at, at + 1 :]
        stack[at + 1 :, at + 1 :] -= row[:, None] * (row / stack[at, at])[None]


def log_dets(stack: np.ndarray) -> np.ndarray:
    """Logarithms of the determinants of positive definite matrices, shape (k, k, m); spoils them.

    Where one is singular to the last bit its determinant counts as the smallest number.
    """
    eliminate(stack, len(stack))
    pivots = stack[np.arange(len(stack)), np.arange(len(stack))]
    return np.log(np.maximum(pivots, np.finfo(np.float64).tiny)).sum(axis=0)


def _indicators(codes: np.ndarray, levels: int, fewest: int) -> np.ndarray:
    """Columns of the ``levels`` levels after the most frequent one, which is the baseline."""
    present, counts = np.unique(codes, return_counts=True)
    order = present[np.argsort(-counts, kind="stable")]
    order = order[: max(1, int((counts >= fewest).sum()))]
    return (codes[:, None] == order[1 : levels + 1]).astype(np.float64)


def _correlation(blocks: list[np.ndarray], ridge: float) -> tuple[np.ndarray, list[list[int]]]:
    """Shrunk correlations of all columns, and which of them belong to each block."""
    kept, groups, width = [], [], 0
    for block in blocks:
        block = block[:, block.std(axis=0) > 1e-9]
        groups.append(list(range(width, width + block.shape[1])))
        width += block.shape[1]
        kept.append(block)
    columns = np.hstack(kept)
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    correlation = (1 - ridge) * (columns.T @ columns) / len(columns)
    np.fill_diagonal(correlation, 1.0)
    return correlation, groups


def _by_width(groups: list[list[int]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Blocks of equal width: which they are, and their columns, shape (blocks, width)."""
    widths = np.array([len(group) for group in groups])
    alike = [np.flatnonzero(widths == width) for width in np.unique(widths[widths > 0])]
    return [(blocks, np.array([groups[block] for block in blocks])) for blocks in alike]


class ChiSquare(IndependenceTest):
    """causal-learn's χ² test on codes; numeric nodes cut into quantile bins.

    Assumes nothing of shapes, and sees little where cells are few. How strongly two nodes depend is
    told by ``strength``.
    """

    method = "chisq"

    def __init__(
        self,
        codes: np.ndarray,
        nodes: Sequence[Node],
        bins: int,
        levels: int,
        strength: IndependenceTest,
    ) -> None:
        from causallearn.utils.cit import CIT

        columns = []
        for column, node in zip(codes.T, nodes, strict=True):
            if isinstance(node, CategoricalNode):
                columns.append(np.minimum(column, levels - 1))
            else:
                edges = np.unique(np.quantile(column, np.linspace(0, 1, bins + 1)[1:-1]))
                columns.append(np.searchsorted(edges, column))
        self._test = CIT(np.stack(columns, axis=1).astype(int), "chisq")
        self._p_values: dict[tuple[int, int, tuple[int, ...]], float] = {}
        self._strength = strength
        self.calls = 0

    def __call__(self, x: int, y: int, given: Iterable[int] | None = None) -> float:
        x, y = (int(x), int(y)) if x < y else (int(y), int(x))
        rest = () if given is None else tuple(sorted(int(s) for s in given))
        key = (x, y, rest)
        if key not in self._p_values:
            self.calls += 1
            self._p_values[key] = float(self._test(x, y, rest or None))
        return self._p_values[key]

    def information(self, x: int, y: int) -> float:
        """Mutual information of two nodes in nats, as ``strength`` tells it."""
        return self._strength.information(x, y)
