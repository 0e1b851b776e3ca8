"""Rows from structural causal models of the graphs that PC and FCI find in the training table.

It touches no other generator, and no row but the training rows.

`coding` (columns ↔ nodes) → `discovery` (edge probabilities, with `independence`, `skeleton`,
`orientation`) → `graphs` and `repair` (DAGs) → `model` (mechanisms, rows).
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, Self

import numpy as np
from annotated_types import Interval
from pydantic import ConfigDict, with_config
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from bench.generator import CausalGenerator, CausalGraph, NotApplicable
from bench.process import timed
from bench.ranges import STRICT, Chance, Count, Level, NotNegative, OneOf, Positive
from bench.table import Table, for_problem
from generators.scm.budget import Budget
from generators.scm.coding import Coding
from generators.scm.discovery import DISCOVERY, Discovery, discover, gaussian, make_test
from generators.scm.exogenous import ExogenousNoise
from generators.scm.graphs import Dag, EdgeProbabilities, sample_dag
from generators.scm.independence import DegenerateGaussian
from generators.scm.learners import LeaveOneOutRidge, Quadratic
from generators.scm.mechanisms import FITTING, Fitting, Residuals
from generators.scm.model import StructuralModels
from generators.scm.repair import MarkovRepair

SEARCH, REPAIR = 2 / 3, 1 / 2  # of the time that is left
LEAST_MECHANISMS = 0.1  # of the whole: without mechanisms the rest was for nothing
# Ridge regression on products of columns, its penalty chosen by leave-one-out.
REGRESSOR = make_pipeline(
    Quadratic(0.1), LeaveOneOutRidge((1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0))
)
# Scores and indicators are on one scale already.
CLASSIFIER = LogisticRegression(C=1.0, max_iter=300)


class Target(StrEnum):
    """Which way the target's edges point in the DAGs that are sampled."""

    root = "root"  # to its neighbours: rows are drawn given their class
    sink = "sink"  # from them: the class is drawn given the features
    free = "free"  # as the edge probabilities say


@with_config(ConfigDict(**STRICT, extra="forbid"))
class Targets(TypedDict):
    """Which way the target's edges point, for each problem."""

    classification: Annotated[Target | str, OneOf(Target)]
    regression: Annotated[Target | str, OneOf(Target)]


TARGETS: Targets = {"classification": Target.root, "regression": Target.sink}


class SCM(CausalGenerator):
    """CausalMixFT's synthetic rows (arXiv 2601.04110).

    PC and FCI over subsamples of the rows give edge probabilities; DAGs are drawn from them, each
    is fitted as a structural causal model, exogenous noise is drawn and propagated.

    Parameters
    ----------
    discovery : Discovery
        The search for structure.
    n_dags : int
        DAGs drawn; rows are spread evenly over them.
    max_parents : int
        Of a node.
    order_noise : float
        Scale of the Gumbel noise in the order in which a DAG's edges are drawn (`sample_dag`).
    target : Target, or one for each problem
        A DAG says nothing of the target's edges that the rows of the other direction would
        contradict (they are Markov equivalent once every node has the parents it needs), but
        learning each feature given the class takes fewer rows than the class given all features
        (Ng and Jordan 2001), and classes then come in their exact shares. Hence ``root``. A number
        is learnt better given the features (R² of models that learn from the rows, in
        ``conf/method/scm.yaml``). Hence ``sink``.
    repair : float or None
        Significance level at which a drawn DAG must satisfy its own Markov condition on the rows
        (`generators.scm.repair`); None leaves DAGs as drawn.
    regressor, classifier : scikit-learn estimators
        Of numeric and categorical nodes; they stay as they are, clones are fitted.
    residuals : Residuals
    fitting : Fitting
        The mechanisms' other numbers.
    noise : ExogenousNoise
    max_levels : int
        Levels of a categorical column that are modelled; rarer ones share one code.
    distinct : float
        Share of distinct values above which a numeric column is taken for continuous: its rows
        then lie between its training values too (`coding.Coding`).
    clip : bool
        Keep numeric values within the training range.
    missing : bool
        Put missing values back as in training.
    balanced : bool
        Classes in their training shares, each with a row if there is room. A numeric target has
        the distribution that the models give it.
    candidates, fewest_candidates : int
        See `StructuralModels.sample`.
    max_work : float or None
        Multiplications of one mechanism's fit, about; where they are more, it is fitted to a random
        choice of the rows (`mechanisms.affordable_rows`).
    seconds : float or None
        Of the whole fit: the search takes two thirds of them at most, the repair half of what is
        left then, mechanisms the rest, and a tenth where search and repair ended late
        (`StructuralModels` says what is kept when it is up). Of computing: see
        `generators.scm.budget.stopwatch`.

    Attributes
    ----------
    probabilities_ : EdgeProbabilities
    drawn_, dags_ : list of Dag
        As the edge probabilities gave them, and with what `repair` added.
    models_ : StructuralModels
    graph_ : bench.generator.CausalGraph
    facts_ : dict
        What was found, JSON-ready and free of times.
    seconds_ : dict of phase to float
    """

    problems = ("classification", "regression")

    def __init__(
        self,
        discovery: Discovery = DISCOVERY,
        n_dags: Annotated[int, Interval(ge=1, le=10_000)] = 10,
        max_parents: Annotated[int, Interval(ge=0, le=1000)] = 10,
        order_noise: NotNegative = 0.25,
        target: Annotated[Target | str, OneOf(Target)] | Targets = TARGETS,
        repair: Level | None = 0.3,
        regressor: BaseEstimator = REGRESSOR,
        classifier: BaseEstimator = CLASSIFIER,
        residuals: Annotated[Residuals | str, OneOf(Residuals)] = Residuals.in_sample,
        fitting: Fitting = FITTING,
        noise: Annotated[
            ExogenousNoise | str, OneOf(ExogenousNoise)
        ] = ExogenousNoise.latin_hypercube,
        max_levels: Count = 30,
        distinct: Chance = 0.5,
        clip: bool = True,
        missing: bool = True,
        balanced: bool = True,
        candidates: Annotated[int, Interval(ge=1, le=10_000)] = 4,
        fewest_candidates: Annotated[int, Interval(ge=1, le=10_000)] = 50,
        max_work: Annotated[float, Interval(gt=0, le=1e15)] | None = 1e10,
        seconds: Positive | None = 180.0,
    ) -> None:
        self.discovery = discovery
        self.n_dags = n_dags
        self.max_parents = max_parents
        self.order_noise = order_noise
        self.target = target
        self.repair = repair
        self.regressor = regressor
        self.classifier = classifier
        self.residuals = residuals
        self.fitting = fitting
        self.noise = noise
        self.max_levels = max_levels
        self.distinct = distinct
        self.clip = clip
        self.missing = missing
        self.balanced = balanced
        self.candidates = candidates
        self.fewest_candidates = fewest_candidates
        self.max_work = max_work
        self.seconds = seconds
        self.stays_in_range = clip
        self.keeps_classes = balanced

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Find the structure and fit the mechanisms.

        Raises
        ------
        NotApplicable
            If the table has fewer than two rows.
        """
        if len(table) < 2:
            raise NotApplicable("Causal discovery needs at least two training rows.")
        self.target_ = Target(for_problem(self.target, table.problem))
        budget = Budget(self.seconds)
        seconds: dict[str, float] = {}
        self.seconds_ = seconds
        with timed(seconds, "coding"):
            coding = Coding(self.max_levels, self.clip, self.missing, self.distinct)
            coding.fit(table)
        with timed(seconds, "discovery"):
            search = budget.share(SEARCH)
            self.probabilities_, found = discover(
                coding.codes_, coding.nodes_, rng, self.discovery, search
            )
        seconds |= {f"discovery.{k}": v for k, v in found.pop("seconds").items()}
        with timed(seconds, "graphs"):
            aimed = oriented(self.probabilities_, self.target_)
            self.drawn_ = [
                sample_dag(aimed, rng, max_parents=self.max_parents, noise=self.order_noise)
                for _ in range(self.n_dags)
            ]
            self.dags_ = self.drawn_
            if self.repair is not None:
                self.dags_ = self._repaired(coding, budget.share(REPAIR))
        with timed(seconds, "mechanisms"):
            self.models_ = StructuralModels(
                coding,
                self.dags_,
                self.regressor,
                self.classifier,
                self.residuals,
                int(rng.integers(2**32)),
                self.max_work,
                budget.at_least(LEAST_MECHANISMS * (self.seconds or 0.0)),
                self.fitting,
            )
            self.dags_ = self.models_.dags
        self.graph_ = self._graph(coding, found)
        self.facts_ = self._facts(found)
        return self

    def _repaired(self, coding: Coding, budget: Budget) -> list[Dag]:
        """The drawn DAGs with what `MarkovRepair` adds, each in an equal share of the time."""
        assert self.repair is not None
        test = make_test(coding.codes_, coding.nodes_, self.discovery)
        if not isinstance(test, DegenerateGaussian):
            test = gaussian(coding.codes_, coding.nodes_, self.discovery)
        mend = MarkovRepair(test, self.repair, self.max_parents)
        first = coding.target if self.target_ is Target.root else None
        last = coding.target if self.target_ is Target.sink else None
        return [
            mend(dag, first, last, budget.share(1 / (len(self.drawn_) - at)))
            for at, dag in enumerate(self.drawn_)
        ]

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows, spread evenly over the DAGs."""
        codes = self.models_.sample(
            n,
            rng,
            balanced=self.balanced,
            candidates=self.candidates,
            fewest_candidates=self.fewest_candidates,
            noise=self.noise,
        )
        return self.models_.coding.decode(codes, rng)

    def _graph(self, coding: Coding, found: dict[str, Any]) -> CausalGraph:
        resamples = self.probabilities_.resamples.items()
        graphs = " and ".join(f"{n} of {name.upper()}" for name, n in resamples)
        cut, twins = found["cut"].items(), coding.twins_.items()
        return CausalGraph(
            self.probabilities_.names,
            self.probabilities_.matrix,
            self.dags_,
            self.drawn_[: len(self.dags_)],  # those that there was time for
            source=f"graphs of subsamples, {graphs}",
            effort=f"{found['tests']} independence tests",
            notes=(
                *(f"cut short: {what} ({times} times)" for what, times in cut),
                *(f"'{a}' repeats '{b}' and stands for no node of its own" for a, (b, _) in twins),
                *(f"'{name}' does not vary" for name in coding.constant_),
            ),
        )

    def _facts(self, found: dict[str, Any]) -> dict[str, Any]:
        coding = self.models_.coding
        return {
            "nodes": len(self.graph_.names),
            "resamples": dict(self.probabilities_.resamples),
            "expected_edges": self.graph_.expected_edges,
            "density": self.graph_.density,
            "edges_a_dag": self.graph_.edges_a_dag,
            "target_degree": self.graph_.target_degree,
            "mechanisms": self.models_.n_fitted,
            "twins": {name: other for name, (other, _) in coding.twins_.items()},
            "constant": coding.constant_,
            **found,
        }


def oriented(probabilities: EdgeProbabilities, target: Target) -> EdgeProbabilities:
    """Edge probabilities with the target's edges turned: all out of it, or all into it."""
    if target is Target.free:
        return probabilities
    matrix = probabilities.matrix.copy()
    both = matrix[-1] + matrix[:, -1]
    matrix[-1], matrix[:, -1] = (both, 0.0) if target is Target.root else (0.0, both)
    return replace(probabilities, matrix=matrix)
