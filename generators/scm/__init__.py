"""Rows from structural causal models of the graphs that PC and FCI find in the training table.

It touches no other generator, and no row but the training rows.

`coding` (columns ↔ nodes) → `discovery` (edge probabilities, with `independence`, `skeleton`,
`orientation`) → `selection` (which `ways` the table asks for) → `graphs` and `repair` (DAGs) →
`model` (mechanisms by their `ladder`, rows).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from annotated_types import Interval
from sklearn.base import BaseEstimator

from bench.errors import BadInput
from bench.generator import CausalGenerator, CausalGraph, NotApplicable
from bench.process import timed
from bench.ranges import Chance, Count, Level, NotNegative, OneOf, Positive
from bench.table import Table, for_problem
from generators.scm.budget import Budget
from generators.scm.coding import Coding
from generators.scm.discovery import DISCOVERY, Discovery, discover
from generators.scm.exogenous import ExogenousNoise
from generators.scm.graphs import Dag, EdgeProbabilities, Target
from generators.scm.knowledge import Content, Edges, Knowledge, Known, given
from generators.scm.ladder import LADDER, Ladder, Rungs
from generators.scm.learners import CLASSIFIER, REGRESSOR
from generators.scm.mechanisms import FITTING, Fitting, Residuals
from generators.scm.model import StructuralModels
from generators.scm.selection import CHOICE, Choice, Selecting, chosen
from generators.scm.ways import TARGETS, Drawing, Drawn, Targets, Way

SEARCH, REPAIR = 2 / 3, 1 / 2  # of the time that is left
LEAST_MECHANISMS = 0.1  # of the whole: without mechanisms the rest was for nothing


class SCM(CausalGenerator):
    """CausalMixFT's synthetic rows (arXiv 2601.04110).

    PC and FCI over subsamples of the rows give edge probabilities; DAGs are drawn from them, each
    is fitted as a structural causal model, exogenous noise is drawn and propagated. How DAGs and
    mechanisms come of the probabilities the table chooses by its own unseen rows.

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
    selection : Selecting
        ``cv``: the table chooses between the ways of ``choice`` and the one that ``target``,
        ``repair`` and ``ladder`` describe; ``fixed``: it has that one.
    choice : Choice
        Every number of the choice.
    ladder : Ladder
        Which mechanisms a node may have. With ``rungs: own`` and ``fixed``: ``regressor`` and
        ``classifier`` alone.
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
    knowledge : mapping, optional
        What is known of causes: ``tiers``, ``forbidden``, ``required``, ``roots``, ``sinks`` and
        ``leave_out`` (`generators.scm.knowledge.Content`). Every DAG respects it; of the target's
        edges it decides before ``target`` does.
    dag : sequence of (cause, effect), optional
        The whole graph: nothing is searched, drawn or repaired, and ``target`` is not read. Columns
        that it does not name have no edge.

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
    # What records that are older than these say nothing of:
    before: ClassVar = {"selection": "fixed", "discovery.categories": None}
    drawn_: list[Dag]
    dags_: list[Dag]
    _budget: Budget | None = None

    def __init__(
        self,
        discovery: Discovery = DISCOVERY,
        n_dags: Annotated[int, Interval(ge=1, le=10_000)] = 10,
        max_parents: Annotated[int, Interval(ge=0, le=1000)] = 10,
        order_noise: NotNegative = 0.25,
        selection: Annotated[Selecting | str, OneOf(Selecting)] = Selecting.cv,
        choice: Choice = CHOICE,
        ladder: Ladder = LADDER,
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
        knowledge: Content | None = None,
        dag: Edges | None = None,
    ) -> None:
        self.discovery = discovery
        self.n_dags = n_dags
        self.max_parents = max_parents
        self.order_noise = order_noise
        self.selection = selection
        self.choice = choice
        self.ladder = ladder
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
        self.knowledge = knowledge
        self.dag = dag
        self.stays_in_range = clip
        self.keeps_classes = balanced

    @property
    def doing(self) -> str:
        """The phase of the fit, and how much of its time is gone."""
        told = self._budget.doing if self._budget else ""
        return told and f"causal rows · {told}"

    def check(self, table: Table) -> None:
        """Refuse what it does not serve, and what is told of causes that the table contradicts.

        Raises
        ------
        NotApplicable
        BadInput
            If ``knowledge`` or ``dag`` names what is no column, or cannot be so.
        """
        super().check(table)
        if self.knowledge is not None and self.dag is not None:
            raise BadInput("dag is the whole graph and leaves knowledge nothing; give one of them.")
        if self.dag is not None:
            given(self.dag, table)
        self._knowledge(table)

    def _knowledge(self, table: Table) -> Knowledge:
        if self.knowledge is None:
            return Knowledge()
        return Knowledge.of(self.knowledge, table, self.max_parents)

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
        self._budget = budget = Budget(self.seconds)
        seconds: dict[str, float] = {}
        self.seconds_ = seconds
        with timed(seconds, "coding"):
            coding, known = self._coded(table)
        with timed(seconds, "discovery"):
            self.probabilities_, found = self._searched(
                coding, known, self.discovery, rng, budget.share(SEARCH)
            )
        seconds |= {f"discovery.{k}": v for k, v in found.pop("seconds").items()}
        with timed(seconds, "selection"):
            ways, facts = self._selected(table, rng, budget)
        found |= facts
        with timed(seconds, "graphs"):
            drawing = self._drawing(coding, known, self.probabilities_)
            drawn = drawing(ways, self.n_dags, rng, budget.share(REPAIR))
        with timed(seconds, "mechanisms"):
            least = LEAST_MECHANISMS * (self.seconds or 0.0)
            self.models_ = self._modelled(coding, known, drawn, rng, budget.at_least(least))
            self.drawn_ = [each.plain for each in drawn]
            self.dags_ = self.models_.dags
        found |= {"cut": budget.cut}
        if self.models_.chosen:
            found |= {"rungs": self._rungs(coding)}
        self.graph_ = self._graph(coding, known, found)
        self.facts_ = self._facts(known, found)
        return self

    def _coded(self, table: Table) -> tuple[Coding, Known | None]:
        """The table's nodes, and what is known of them."""
        knowledge, codes = self._knowledge(table), (self.max_levels, self.clip, self.missing)
        merging = self.dag is None  # in a given graph each column is a node
        coding = Coding(*codes, self.distinct, knowledge.left_out, merging).fit(table)
        return coding, self._known(knowledge, table, coding)

    def _known(self, knowledge: Knowledge, table: Table, coding: Coding) -> Known | None:
        """What is known of the nodes; None if nothing is told."""
        if self.dag is not None:
            return given(self.dag, table).over(coding)
        return None if self.knowledge is None else knowledge.over(coding, self.max_parents)

    def _searched(
        self,
        coding: Coding,
        known: Known | None,
        discovery: Discovery,
        rng: np.random.Generator,
        budget: Budget,
    ) -> tuple[EdgeProbabilities, dict[str, Any]]:
        """Edge probabilities: those that are found, with what is known; or the given graph's."""
        if self.dag is not None and known is not None:
            matrix = np.zeros(known.allowed.shape)
            for cause, effect in known.edges:
                matrix[cause, effect] = 1.0
            return EdgeProbabilities(coding.names, matrix), {"tests": 0, "seconds": {}}
        found, facts = discover(coding.codes_, coding.nodes_, rng, discovery, budget)
        return (found if known is None else known.applied(found)), facts

    def _selected(
        self, table: Table, rng: np.random.Generator, budget: Budget
    ) -> tuple[list[Way], dict[str, Any]]:
        """The ways that rows are drawn by, and how they were chosen."""
        base = Way(self.target_, self.repair, self.ladder.rungs)
        if Selecting(self.selection) is Selecting.fixed:
            return [base], {}
        ways = list(dict.fromkeys([base, *self.choice.ways]))
        if self.dag is not None:  # the graph decides all but the mechanisms, and is one
            ways = list({way.rungs: way for way in reversed(ways)}.values())[::-1]
        budget = budget.share(self.choice.time)
        mixture, facts = chosen(
            table,
            len(ways),
            lambda rows: self._rows(rows, ways, rng, budget),
            self.choice,
            rng,
            lambda: budget.late("selection"),
            together=self.dag is None,
        )
        taken = [ways[place] for place in mixture]
        told = {"ways": [str(way) for way in ways], "chosen": list(mixture)}
        return taken, {"selection": {**told, **facts}}

    def _rows(
        self, table: Table, ways: Sequence[Way], rng: np.random.Generator, budget: Budget
    ) -> list[Table]:
        """Rows of each way, learnt from a part of the training rows, as many as these."""
        coding, known = self._coded(table)
        fewer = self.choice.resamples
        search = replace(self.discovery, resamples=fewer, wide_resamples=fewer)
        found, _ = self._searched(coding, known, search, rng, budget)
        drawing, made = self._drawing(coding, known, found), []
        for way in ways:
            drawn = drawing([way], self.choice.n_dags, rng, budget)
            models = self._modelled(coding, known, drawn, rng, budget)
            made.append(self._sampled(models, len(table), rng))
        return made

    def _drawing(self, coding: Coding, known: Known | None, found: EdgeProbabilities) -> Drawing:
        return Drawing(
            coding,
            known,
            found,
            self.discovery,
            self.max_parents,
            self.order_noise,
            is_given=self.dag is not None,
        )

    def _modelled(
        self,
        coding: Coding,
        known: Known | None,
        drawn: list[Drawn],
        rng: np.random.Generator,
        budget: Budget,
    ) -> StructuralModels:
        """Mechanisms of the DAGs."""
        return StructuralModels(
            coding,
            [each.dag for each in drawn],
            self.regressor,
            self.classifier,
            self.residuals,
            int(rng.integers(2**32)),
            self.max_work,
            budget,
            self.fitting,
            () if known is None else known.required,
            self.ladder,
            [Rungs(each.way.rungs) for each in drawn],
        )

    def _rungs(self, coding: Coding) -> dict[str, dict[str, str]]:
        """The mechanism of each node that had a choice, by the rungs that it chose from."""
        told: dict[str, dict[str, str]] = {}
        for (node, rungs), rung in sorted(self.models_.chosen.items()):
            told.setdefault(str(rungs), {})[coding.names[node]] = rung
        return told

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows, spread evenly over the DAGs."""
        return self._sampled(self.models_, n, rng)

    def _sampled(self, models: StructuralModels, n: int, rng: np.random.Generator) -> Table:
        codes = models.sample(
            n,
            rng,
            balanced=self.balanced,
            candidates=self.candidates,
            fewest_candidates=self.fewest_candidates,
            noise=self.noise,
        )
        return models.coding.decode(codes, rng)

    def _graph(self, coding: Coding, known: Known | None, found: dict[str, Any]) -> CausalGraph:
        resamples = self.probabilities_.resamples.items()
        graphs = " and ".join(f"{n} of {name.upper()}" for name, n in resamples)
        cut, twins = found["cut"].items(), coding.twins_.items()
        is_given = self.dag is not None
        return CausalGraph(
            self.probabilities_.names,
            self.probabilities_.matrix,
            self.dags_,
            () if is_given else self.drawn_[: len(self.dags_)],  # those that there was time for
            source="the given graph" if is_given else f"graphs of subsamples, {graphs}",
            effort="" if is_given else f"{found['tests']} independence tests",
            required=known.edges if known else (),
            tiers=known.tiers if known else (),
            notes=(
                *(f"cut short: {what} ({times} times)" for what, times in cut),
                *(f"'{a}' repeats '{b}' and stands for no node of its own" for a, (b, _) in twins),
                *(f"'{name}' does not vary" for name in coding.constant_),
                *(known.notes if known else ()),
            ),
        )

    def _few(self, coding: Coding) -> dict[str, int]:
        """Classes of fewer rows than a choice needs, and how many rows."""
        table = coding.table_
        if not table.classes:
            return {}
        counts = zip(table.classes, table.class_counts().tolist(), strict=True)
        return {name: n for name, n in counts if 0 < n < self.choice.fewest}

    def _facts(self, known: Known | None, found: dict[str, Any]) -> dict[str, Any]:
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
            "few_rows": self._few(coding),
            **found,
            **({"known": list(known.notes)} if known else {}),
        }
