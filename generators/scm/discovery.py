"""Edge probabilities of a training table's codes: searches over resamples, marks weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval, Len

from bench.process import timed
from bench.ranges import Count, Level, NotNegative, OneOf, Positive, Share, Whole, checked
from generators.scm.budget import Budget
from generators.scm.cells import Mixed
from generators.scm.coding import CategoricalNode, Node
from generators.scm.cpdag import cpdag
from generators.scm.graphs import EdgeProbabilities
from generators.scm.independence import ChiSquare, DegenerateGaussian, IndependenceTest
from generators.scm.orientation import ARROW, CIRCLE, TAIL, Bounds, pag
from generators.scm.scored import SEARCHES, Score
from generators.scm.skeleton import Skeleton, skeleton


class TestName(StrEnum):
    """Which test decides what is independent."""

    degenerate_gaussian = "degenerate_gaussian"  # indicators of levels; the default
    mixed = "mixed"  # that, and χ² on cells where all nodes are categorical
    rank_gaussian = "rank_gaussian"  # Fisher's z on normal scores and level codes
    chi_square = "chi_square"  # χ² on quantile bins


class Algorithm(StrEnum):
    """Which algorithms read a subsample."""

    pc = "pc"
    fci = "fci"
    boss = "boss"  # by score (`scored`), as those below
    grasp = "grasp"
    ges = "ges"


BY_TESTS = (Algorithm.pc, Algorithm.fci)  # on one skeleton, which is theirs alone


@checked
@dataclass(frozen=True)
class Categories:
    """What a table of categorical columns alone, the target too, is searched with instead.

    Cells can be counted there, so that nearly all rows and a laxer level find more of the true
    edges with fewer false ones (networks of 8 to 76 nodes; `scripts.evaluate_graphs`).

    Parameters
    ----------
    test, level, share, resamples
        As those of `Discovery`; of its ``resamples`` no more than there.
    """

    test: Annotated[TestName | str, OneOf(TestName)] = TestName.mixed
    level: Level = 0.05
    share: Share = 0.9
    resamples: Annotated[int, Interval(ge=1, le=10_000)] = 5


CATEGORIES = Categories()


@checked
@dataclass(frozen=True)
class Discovery:
    """Every number of the search for structure.

    Parameters
    ----------
    test : TestName
    categories : Categories or None
        What is otherwise where all columns are categorical; None: nothing.
    levels : int
        Levels of a category that the test sees.
    fewest : int
        Rows that such a level needs; rarer ones count as the most frequent level.
    fill : float
        Rows that a degree of freedom needs for cells to have a say (`cells.Mixed`).
    ridge : float
        Share of the correlations that is shrunk away, so that collinear columns can be tested.
    bins : int
        Of a numeric column, equally full, where the test is χ².
    level : float
        Significance level of the tests.
    depth : int
        Most nodes of a conditioning set, in PC and FCI.
    algorithms : sequence of str
        Of `Algorithm`; their marks have one weight each.
    penalty : float
        Weight of BIC's penalty in searches by score.
    resamples : int
        Subsamples of the rows; each is given to every algorithm.
    wide, wide_resamples : int
        Tables with more nodes than ``wide`` get ``wide_resamples`` instead.
    share : float
        Rows of a subsample, drawn without replacement: bootstraps repeat rows, which tests take
        for evidence (false edges 6.7 against 2.0 of 24 true ones). 1: all rows once.
    bidirected : float
        Probability, each way, of an edge that FCI marks ↔; at 0.25 it has half the weight of an
        adjacency. It decides i o→ j too, which may be such an edge (`weights`).
    candidates, path : int
        Bounds of FCI's possible-d-separating sets and paths (`orientation.pag`).
    degree : float
        Mean neighbours of a node up to which FCI searches possible-d-separating sets.
    max_rows : int
        Rows of a subsample at most.
    max_tests : int or None
        Independence tests of one resample at most; likewise scores of one search.
    max_questions : int or None
        That FCI's orientation rules ask of the graph of one resample at most.
    seconds : float or None
        Of the whole search at most (`generators.scm.budget.stopwatch`).
    """

    test: Annotated[TestName | str, OneOf(TestName)] = TestName.degenerate_gaussian
    categories: Categories | None = CATEGORIES
    levels: Annotated[int, Interval(ge=2, le=1000)] = 6
    fewest: Count = 2
    fill: Positive = 1.0
    ridge: Annotated[float, Interval(ge=0, lt=1)] = 0.001
    bins: Annotated[int, Interval(ge=2, le=1000)] = 4
    level: Level = 0.01
    depth: Annotated[int, Interval(ge=0, le=100)] = 2
    algorithms: Annotated[Sequence[Annotated[str, OneOf(Algorithm)]], Len(1)] = ("pc", "fci")
    penalty: Positive = 1.0
    resamples: Annotated[int, Interval(ge=1, le=10_000)] = 10
    wide: Whole = 60
    wide_resamples: Annotated[int, Interval(ge=1, le=10_000)] = 5
    share: Share = 0.63
    bidirected: Annotated[float, Interval(ge=0, le=0.5)] = 0.25
    candidates: Whole = 12
    path: Annotated[int, Interval(ge=-1, le=1000)] = 4
    degree: NotNegative = 8.0
    max_rows: Count = 2000
    max_tests: Count | None = 300_000
    max_questions: Count | None = 2_000_000
    seconds: Positive | None = 120.0

    def of(self, nodes: Sequence[Node]) -> Discovery:
        """The numbers for a table of these nodes."""
        own = self.categories
        if own is None or not all(isinstance(node, CategoricalNode) for node in nodes):
            return self
        return replace(
            self,
            test=own.test,
            level=own.level,
            share=own.share,
            resamples=min(own.resamples, self.resamples),
        )


DISCOVERY = Discovery()


def discover(
    codes: np.ndarray,
    nodes: Sequence[Node],
    rng: np.random.Generator,
    settings: Discovery,
    budget: Budget | None = None,
) -> tuple[EdgeProbabilities, dict[str, Any]]:
    """Edge probabilities of a coded table.

    Parameters
    ----------
    codes : ndarray of shape (n_rows, n_nodes)
    nodes : sequence of Node
        The target is the last.
    rng : numpy.random.Generator
        Draws the resamples.
    settings : Discovery
    budget : Budget, optional
        Of the fit that the search is a part of.

    Returns
    -------
    (EdgeProbabilities, facts)
        ``facts``: ``tests`` made, ``cut`` (what a bound cut short, how often) and ``seconds`` by
        phase.
    """
    n, p = codes.shape
    settings = settings.of(nodes)
    count = settings.wide_resamples if p > settings.wide else settings.resamples
    count = 1 if settings.share >= 1 else count
    budget = (budget or Budget()).part(settings.seconds)
    seconds: dict[str, float] = {}
    total = np.zeros((p, p))
    graphs = dict.fromkeys(settings.algorithms, 0)
    tests = 0
    by_tests = not set(BY_TESTS).isdisjoint(settings.algorithms)
    found = Skeleton([], {})
    for _ in range(count):
        if sum(graphs.values()) and budget.late("resamples"):
            break
        rows = _resample(n, settings, rng)
        test = make_test(codes[rows], nodes, settings)
        if by_tests:
            with timed(seconds, "skeleton"):
                found = skeleton(
                    test, p, settings.level, settings.depth, budget, settings.max_tests
                )
        for algorithm in settings.algorithms:
            with timed(seconds, algorithm):
                if algorithm in BY_TESTS:
                    marks = _oriented(algorithm, found, test, settings, budget)
                else:
                    marks = _by_score(algorithm, codes[rows], nodes, rng, settings, budget)
            total += weigh(marks, settings.bidirected)
            graphs[algorithm] += 1
        tests += test.calls
    matrix = total / max(sum(graphs.values()), 1)
    probabilities = EdgeProbabilities(tuple(node.name for node in nodes), matrix, graphs)
    return probabilities, {"tests": tests, "cut": budget.cut, "seconds": seconds}


def _oriented(
    algorithm: str, found: Skeleton, test: IndependenceTest, settings: Discovery, budget: Budget
) -> np.ndarray:
    """The marks that ``pc`` or ``fci`` puts at the edges of a skeleton."""
    if algorithm == "pc":
        return cpdag(found, budget)
    bounds = Bounds(
        settings.depth,
        settings.candidates,
        settings.path,
        settings.degree,
        settings.max_tests,
        settings.max_questions,
    )
    return pag(found, test, settings.level, bounds, budget)


def _by_score(
    algorithm: str,
    codes: np.ndarray,
    nodes: Sequence[Node],
    rng: np.random.Generator,
    settings: Discovery,
    budget: Budget,
) -> np.ndarray:
    """The marks of the class that a search by score ends at."""
    score = Score(gaussian(codes, nodes, settings), settings.penalty, settings.max_tests, budget)
    return SEARCHES[algorithm](score, rng, budget)


def make_test(codes: np.ndarray, nodes: Sequence[Node], settings: Discovery) -> IndependenceTest:
    """The configured test on these rows."""
    kind = TestName(settings.test)
    if kind is TestName.chi_square:
        strength = gaussian(codes, nodes, settings)
        return ChiSquare(codes, nodes, settings.bins, settings.levels, strength)
    if kind is TestName.mixed:
        first = gaussian(codes, nodes, settings)
        return Mixed(codes, nodes, first, settings.level, settings.fill)
    return gaussian(codes, nodes, settings, ordinal=kind is TestName.rank_gaussian)


def gaussian(
    codes: np.ndarray, nodes: Sequence[Node], settings: Discovery, ordinal: bool = False
) -> DegenerateGaussian:
    """The degenerate Gaussian's test on these rows."""
    return DegenerateGaussian(
        codes, nodes, settings.levels, settings.fewest, settings.ridge, ordinal
    )


def weights(bidirected: float) -> dict[tuple[int, int], tuple[float, float]]:
    """What an edge between i and j says of i → j and j → i, by its marks at i and at j.

    A mark that the algorithm left open is an even bet between what it may stand for.
    """
    return {
        (TAIL, ARROW): (1.0, 0.0),  # i → j
        (TAIL, TAIL): (0.5, 0.5),  # i — j: either way, by symmetry
        (CIRCLE, CIRCLE): (0.5, 0.5),  # i o–o j: nothing known of either end
        # i ↔ j: a hidden common cause. No DAG over the observed nodes holds it; an edge either way
        # keeps the dependence.
        (ARROW, ARROW): (bidirected, bidirected),
        # i o→ j: i → j, or i ↔ j with all its weight on i → j, since j is no cause of i.
        (CIRCLE, ARROW): ((1 + 2 * bidirected) / 2, 0.0),
        (CIRCLE, TAIL): (0.25, 0.75),  # i o– j: j → i, or i — j where both are selected
    }


def weigh(marks: np.ndarray, bidirected: float) -> np.ndarray:
    """A CPDAG's or PAG's marks as probabilities of i → j, shape (p, p); see `weights`."""
    table = weights(bidirected)
    table |= {(b, a): (back, forth) for (a, b), (forth, back) in table.items()}
    out = np.zeros(marks.shape)
    for i, j in zip(*np.nonzero(np.triu((marks != 0) | (marks.T != 0))), strict=True):
        out[i, j], out[j, i] = table[int(marks[i, j]), int(marks[j, i])]
    return out


def _resample(n: int, settings: Discovery, rng: np.random.Generator) -> np.ndarray:
    size = min(n if settings.share >= 1 else max(2, round(settings.share * n)), settings.max_rows)
    return np.sort(rng.choice(n, size=size, replace=False))
