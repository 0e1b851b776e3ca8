"""Structural causal models of several DAGs over one table, and rows drawn from them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import networkx as nx
import numpy as np
from dowhy.gcm import StructuralCausalModel
from dowhy.gcm.fitting_sampling import PARENTS_DURING_FIT
from sklearn.base import BaseEstimator

from generators.parts.classes import class_allotment
from generators.scm.budget import Budget
from generators.scm.coding import Coding
from generators.scm.exogenous import ExogenousNoise, draw
from generators.scm.forest import ConditionalForest, ForestFCM
from generators.scm.graphs import Dag, as_digraph, order
from generators.scm.ladder import LADDER, Ladder, Rungs, lowest
from generators.scm.ladder import rungs as climb
from generators.scm.mechanisms import (
    FITTING,
    CodeFCM,
    Fitting,
    Mechanism,
    Residuals,
    affordable_rows,
    design,
    fit_mechanism,
    propagate,
)

SMALLEST = 1e-12  # probability: a class that a classifier rules out can still be chosen


class StructuralModels:
    """DoWhy SCMs, one a DAG; a node with the same parents in two DAGs is fitted once.

    Parameters
    ----------
    coding : Coding
        Fitted on the training rows.
    dags : list of Dag
    regressor, classifier : scikit-learn estimators
    residuals : Residuals
    seed : int
        Of the estimators' random states, together with node and parents: not of the order in
        which they are fitted.
    max_work : float or None
        Of one mechanism (`mechanisms.affordable_rows`).
    budget : Budget, optional
        When its time is up, the DAGs that are fitted by then are kept. If that is none, what is
        left of the first one is cut from its parents.
    fitting : Fitting
    required : Dag
        The parents that no node is cut from, whatever time it takes.
    ladder : Ladder
    rungs : sequence of Rungs, optional
        How the nodes of each DAG come to their mechanisms; ``own`` without.

    Attributes
    ----------
    dags : list of Dag
        Those that are fitted.
    chosen : dict of (node, Rungs) to str
        The rung (`ladder.rungs`) of each node that had a choice.
    models : list of dowhy.gcm.StructuralCausalModel
        Fitted, over node positions; `dowhy.gcm` can intervene on them.
    """

    def __init__(
        self,
        coding: Coding,
        dags: list[Dag],
        regressor: BaseEstimator,
        classifier: BaseEstimator,
        residuals: Residuals | str,
        seed: int,
        max_work: float | None = None,
        budget: Budget | None = None,
        fitting: Fitting = FITTING,
        required: Dag = (),
        ladder: Ladder = LADDER,
        rungs: Sequence[Rungs] | None = None,
    ) -> None:
        self.coding = coding
        self._ladder = ladder
        self._rungs = list(rungs or [Rungs.own] * len(dags))
        self._largest = {
            rung: _largest([dag for dag, r in zip(dags, self._rungs, strict=True) if r is rung])
            for rung in set(self._rungs)
        }
        self.chosen: dict[tuple[int, Rungs], str] = {}
        self._required = required
        self._learners = (regressor, classifier, residuals)
        self._seed = seed
        self._max_work = max_work
        self._budget = budget or Budget()
        self._fitting = fitting
        self._mechanisms: dict[tuple[int, tuple[int, ...], str], Mechanism] = {}
        self.dags = self._fit(dags)
        self.models = [self._model(*which) for which in zip(self.dags, self._rungs, strict=False)]

    def _fit(self, dags: list[Dag]) -> list[Dag]:
        """Fit the mechanisms; give the DAGs of which all are."""
        fitted: list[Dag] = []
        for dag, rungs in zip(dags, self._rungs, strict=True):
            for node, parents in enumerate(dag):
                if not parents or self._is_fitted(node, parents, rungs):
                    continue
                if self._budget.late("mechanisms"):
                    return fitted or [self._cut(dag, node)]
                self._mechanism(node, parents, rungs)
            fitted.append(dag)
        return fitted

    def _is_fitted(self, node: int, parents: tuple[int, ...], rungs: Rungs) -> bool:
        rung = self.chosen.get((node, rungs), str(rungs))
        return (node, parents, rung) in self._mechanisms

    def _cut(self, dag: Dag, at: int) -> Dag:
        """The DAG without the edges into nodes from this one on, but for the required ones."""
        self._budget.note("mechanisms: parents")
        return (*dag[:at], *(self._required or ((),) * len(dag))[at:])

    @property
    def n_fitted(self) -> int:
        """Mechanisms fitted: distinct pairs of a node and its parents."""
        return len(self._mechanisms)

    def _mechanism(self, node: int, parents: tuple[int, ...], rungs: Rungs) -> Mechanism:
        rung = self._rung(node, rungs) if parents else "own"
        key = (node, parents, rung)
        if key not in self._mechanisms:
            # As before there was a ladder where the learner is the node's own.
            parts = (node, parents) if rung == "own" else key
            seed = self._seed_of(parts)
            most = affordable_rows(self.coding, node, parents, self._max_work, self._fitting)
            if most < len(self.coding.codes_):
                self._budget.note("mechanisms: rows")
            self._mechanisms[key] = fit_mechanism(
                self.coding,
                node,
                parents,
                *self._learners_of(node, rung),
                seed,
                self._max_work,
                self._fitting,
                self._forest(node, seed) if rung == "forest" else None,
            )
        return self._mechanisms[key]

    def _seed_of(self, parts: tuple[object, ...]) -> int:
        digest = hashlib.sha256(repr((self._seed, parts)).encode()).digest()
        return int.from_bytes(digest[:4])

    def _rung(self, node: int, rungs: Rungs) -> str:
        """The node's rung; which one is chosen once, by the most parents that it has."""
        is_target = node == self.coding.target
        if rungs is Rungs.own or (rungs is Rungs.forest and not is_target):
            return str(rungs)
        if (node, rungs) not in self.chosen:
            known, parents = ~self.coding.missing_[:, node], self._largest[rungs][node]
            codes, levels = self.coding.codes_[known], self.coding.nodes_[node].cardinality
            shape = [self.coding.nodes_[parent].cardinality for parent in parents]
            self.chosen[node, rungs], _ = lowest(
                design(codes[:, list(parents)], shape),
                codes[:, node],
                levels,
                self._ways_up(node),
                self._ladder,
                self._seed_of((node, str(rungs))),
            )
        return self.chosen[node, rungs]

    def _ways_up(self, node: int) -> dict[str, BaseEstimator | None]:
        levels = self.coding.nodes_[node].cardinality
        own = self._learners[1] if levels else self._learners[0]
        return climb(own, levels, node == self.coding.target, self._ladder)

    def _learners_of(
        self, node: int, rung: str
    ) -> tuple[BaseEstimator, BaseEstimator, Residuals | str]:
        if rung in ("own", "forest"):
            return self._learners
        learner = self._ways_up(node)[rung]
        assert learner is not None
        return learner, learner, Residuals.out_of_sample  # boosting's own are too small

    def _forest(self, node: int, seed: int) -> ConditionalForest:
        ladder = self._ladder
        trees = ladder.target_trees if node == self.coding.target else ladder.trees
        return ConditionalForest(trees, ladder.leaf, seed)

    def _model(self, dag: Dag, rungs: Rungs) -> StructuralCausalModel:
        graph: nx.DiGraph = as_digraph(dag)
        model = StructuralCausalModel(graph)
        for node, parents in enumerate(dag):
            model.set_causal_mechanism(node, self._mechanism(node, parents, rungs))
            graph.nodes[node][PARENTS_DURING_FIT] = list(parents)  # as gcm.fit notes them
        return model

    def sample(
        self,
        n: int,
        rng: np.random.Generator,
        *,
        balanced: bool,
        candidates: int,
        fewest_candidates: int,
        noise: ExogenousNoise | str,
    ) -> np.ndarray:
        """Codes of ``n`` rows, spread evenly over the DAGs, in random order.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
        balanced : bool
            Classes in their training shares, each with a row if there is room; otherwise, and where
            the target is a number, as the models draw them.
        candidates : int
            Drawn for each row where a class is asked of a target that has causes.
        fewest_candidates : int
            Drawn for the rows of a DAG in any case.
        noise : ExogenousNoise

        Returns
        -------
        ndarray of shape (n, n_nodes)
        """
        labels = self._labels(n, rng) if self._has_classes else None
        u = draw(noise, n, len(self.coding.nodes_), rng)
        # Noise and labels are drawn for the whole table, so that its parts together are even.
        shares = np.array_split(np.arange(n), len(self.dags))
        turn = rng.permutation(len(self.dags))
        parts = [np.zeros((0, u.shape[1]))]
        parts += [
            self._labelled(
                which, labels[share], u[share], max(candidates * len(share), fewest_candidates), rng
            )
            if balanced and labels is not None
            else self._rows(which, u[share])
            for which, share in zip(turn, shares, strict=True)
            if len(share)
        ]
        return rng.permutation(np.concatenate(parts))

    @property
    def _has_classes(self) -> bool:
        return self.coding.nodes_[self.coding.target].cardinality > 0

    def _labels(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Codes of classes in their training shares, in random order."""
        counts = np.bincount(self.coding.codes_[:, self.coding.target].astype(int))
        labels = np.repeat(np.arange(len(counts)), class_allotment(counts, n, rng))
        return rng.permutation(labels)

    def _rows(self, which: int, u: np.ndarray) -> np.ndarray:
        """Rows of one DAG from noise, shape (n, n_nodes), in topological order."""
        codes = np.zeros(u.shape)
        self._fill(codes, which, order(self.dags[which]), u)
        return codes

    def _fill(self, codes: np.ndarray, which: int, nodes: list[int], u: np.ndarray) -> None:
        for node in nodes:
            mechanism = self.models[which].causal_mechanism(node)
            codes[:, node] = propagate(
                mechanism, codes[:, list(self.dags[which][node])], u[:, node]
            )

    def _labelled(
        self,
        which: int,
        labels: np.ndarray,
        u: np.ndarray,
        candidates: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Rows of one DAG that have these labels.

        A target without causes is simply set. Otherwise its ancestors are drawn for many
        candidates, and each row becomes one of them with probability P(label | parents): sampling,
        importance, resampling (Rubin 1988), without replacement (Gumbel top-k). With many
        candidates these are the model's rows given their class, as rejection would find them,
        and a rare class costs no more than another.
        """
        dag, target = self.dags[which], self.coding.target
        above = nx.ancestors(self.models[which].graph, target)
        codes = np.zeros(u.shape)
        if above:
            early = [node for node in order(dag) if node in above]
            pool = np.zeros((candidates, u.shape[1]))
            self._fill(pool, which, early, rng.random(pool.shape))
            mechanism = self.models[which].causal_mechanism(target)
            chances = _chances(mechanism, pool[:, list(dag[target])], int(labels.max()) + 1)
            codes = pool[_choose(chances, labels, rng)]
        codes[:, target] = labels
        late = [node for node in order(dag) if node not in above and node != target]
        self._fill(codes, which, late, u)
        return codes


def _largest(dags: Sequence[Dag]) -> list[tuple[int, ...]]:
    """The most parents that each node has in one of the DAGs."""
    return [max(parents, key=len) for parents in zip(*dags, strict=True)]


def _chances(mechanism: Mechanism, parents: np.ndarray, n_classes: int) -> np.ndarray:
    """P(class | parents), shape (n, n_classes); even where the target is constant."""
    if isinstance(mechanism, ForestFCM):
        return np.maximum(mechanism.probabilities(parents, n_classes), SMALLEST)
    if not isinstance(mechanism, CodeFCM):
        return np.ones((len(parents), n_classes))
    seen = np.asarray(mechanism.classifier_model.classes).astype(int)
    full = np.zeros((len(parents), max(n_classes, int(seen.max()) + 1)))
    full[:, seen] = mechanism.estimate_probabilities(parents)
    return np.maximum(full, SMALLEST)


def _choose(chances: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A candidate for each label, none twice; the rare classes choose first."""
    keys = np.log(chances) + rng.gumbel(size=chances.shape)
    chosen = np.empty(len(labels), dtype=np.int64)
    classes, counts = np.unique(labels, return_counts=True)
    for label in classes[np.argsort(counts, kind="stable")]:
        wanted = np.flatnonzero(labels == label)
        best = np.argsort(-keys[:, label], kind="stable")[: len(wanted)]
        chosen[wanted] = best
        keys[best] = -np.inf
    return chosen
