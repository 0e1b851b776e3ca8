"""Four ways to causal rows: ours, ours with nothing chosen, the obvious one, and libraries' own.

Each is a function of a task. It yields an event when it is ready, with the number of units that are
planned, and then one a completed unit, with its seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench.table import Table, for_problem
from scripts.scm.tasks import Task

ROWS = 1000  # drawn
JITTER = 1e-6  # standard deviations
Event = dict[str, Any]


def ours(task: Task, **settings: Any) -> Iterator[Event]:
    """`SCM()`, or with other settings: fit, then draw."""
    from generators.scm import SCM

    table = task.table()
    yield {"planned": {"run": 1}}
    start, cpu = time.perf_counter(), time.process_time()
    model = SCM(**settings).fit(table, task.rng("ours"))
    fitted = time.perf_counter()
    model.sample(ROWS, task.rng("sample"))
    end = time.perf_counter()
    yield {
        "unit": "run",
        "seconds": end - start,
        "cpu": time.process_time() - cpu,
        "phases": {**model.seconds_, "sample": end - fitted},
        "facts": model.facts_,
        "matrix": model.probabilities_.matrix,
        "dags": model.dags_,
    }


def fixed(task: Task) -> Iterator[Event]:
    """Ours without what a table chooses: one way to rows, one learner for each kind of node."""
    yield from ours(task, selection="fixed")


def obvious_structure(task: Task) -> Iterator[Event]:
    """`pc` and `fci` with Fisher's z, as documented, on each subsample."""
    from causallearn.search.ConstraintBased.FCI import fci
    from causallearn.search.ConstraintBased.PC import pc

    from generators.scm.discovery import Discovery, weigh

    settings = Discovery()
    numbers = as_numbers(task.table(), task.rng("jitter"))
    drawn = subsamples(numbers.shape, settings, task)
    yield {"planned": {"pc": len(drawn), "fci": len(drawn)}}
    for rows in drawn:
        start = time.perf_counter()
        graph = pc(numbers[rows], settings.level, "fisherz", show_progress=False)
        seconds = time.perf_counter() - start
        yield {
            "unit": "pc",
            "seconds": seconds,
            "matrix": weigh(graph.G.graph, settings.bidirected),
        }
        start = time.perf_counter()
        found, _ = fci(numbers[rows], "fisherz", settings.level, show_progress=False)
        seconds = time.perf_counter() - start
        yield {"unit": "fci", "seconds": seconds, "matrix": weigh(found.graph, settings.bidirected)}


def obvious_mechanisms(task: Task) -> Iterator[Event]:
    """DAGs from the probabilities that were found, and `gcm.auto` with each."""
    import networkx as nx
    from dowhy import gcm

    from generators.scm import SCM
    from generators.scm.graphs import EdgeProbabilities, Target, oriented, sample_dag

    gcm.config.disable_progress_bars()
    gcm.util.general.set_random_seed(task.seed)
    table, model = task.table(), SCM()
    frame = as_frame(table)
    matrix = np.mean(task.graphs, axis=0)
    found = EdgeProbabilities(tuple(frame.columns), matrix)
    aimed, rng = oriented(found, Target(for_problem(model.target, table.problem))), task.rng("dags")
    yield {"planned": {"dag": model.n_dags}}
    for _ in range(model.n_dags):
        clock = [time.perf_counter()]
        dag = sample_dag(aimed, rng, max_parents=model.max_parents, noise=model.order_noise)
        graph = named(dag, frame.columns)
        causal = gcm.StructuralCausalModel(nx.DiGraph(graph))
        gcm.auto.assign_causal_mechanisms(causal, frame, quality=gcm.auto.AssignmentQuality.GOOD)
        clock.append(time.perf_counter())
        gcm.fit(causal, frame)
        clock.append(time.perf_counter())
        gcm.draw_samples(causal, ROWS // model.n_dags)
        clock.append(time.perf_counter())
        parts = dict(zip(("assign", "fit", "draw"), np.diff(clock).tolist(), strict=True))
        edges = graph.number_of_edges()
        yield {"unit": "dag", "seconds": clock[-1] - clock[0], "parts": parts, "edges": edges}


def same_structure(task: Task) -> Iterator[Event]:
    """`pc` and `fci` with our test, level and depth on our subsamples."""
    from causallearn.search.ConstraintBased.FCI import fci
    from causallearn.search.ConstraintBased.PC import pc
    from causallearn.utils.cit import CIT_Base, register_ci_test

    from generators.scm.coding import Coding
    from generators.scm.discovery import Discovery, gaussian, weigh
    from generators.scm.independence import DegenerateGaussian

    settings = Discovery()
    coding = Coding().fit(task.table())

    class Registered(CIT_Base):
        def __init__(self, data: np.ndarray, **options: Any) -> None:
            super().__init__(data, **options)
            self.method = DegenerateGaussian.method
            self._test = gaussian(data, coding.nodes_, settings)

        def __call__(self, x: int, y: int, given: Any = None) -> float:
            return self._test(x, y, given)

    name = DegenerateGaussian.method
    register_ci_test(name, Registered)
    drawn = subsamples(coding.codes_.shape, settings, task)
    yield {"planned": {"pc": len(drawn), "fci": len(drawn)}}
    for rows in drawn:
        codes, level, depth = coding.codes_[rows], settings.level, settings.depth
        start = time.perf_counter()
        graph = pc(codes, level, name, show_progress=False, max_k=depth)
        seconds = time.perf_counter() - start
        yield {
            "unit": "pc",
            "seconds": seconds,
            "matrix": weigh(graph.G.graph, settings.bidirected),
        }
        start = time.perf_counter()
        found, _ = fci(codes, name, level, depth, settings.path, show_progress=False)
        seconds = time.perf_counter() - start
        yield {"unit": "fci", "seconds": seconds, "matrix": weigh(found.graph, settings.bidirected)}


def same_mechanisms(task: Task) -> Iterator[Event]:
    """DoWhy's own classes around our estimators, fitted and drawn from for each of our DAGs."""
    from dowhy import gcm

    from generators.scm.coding import Coding

    gcm.config.disable_progress_bars()
    gcm.util.general.set_random_seed(task.seed)
    coding = Coding().fit(task.table())
    frame = pd.DataFrame(coding.codes_, columns=list(coding.names))
    for node in coding.nodes_:
        if node.cardinality:  # DoWhy tells a category by its being a string
            frame[node.name] = frame[node.name].map("level {:.0f}".format).astype(object)
    yield {"planned": {"dag": len(task.dags)}}
    for dag in task.dags:
        clock = [time.perf_counter()]
        causal = gcm.StructuralCausalModel(named(dag, frame.columns))
        for node in causal.graph.nodes:
            causal.set_causal_mechanism(node, documented_mechanism(causal.graph, node, frame))
        gcm.fit(causal, frame)
        clock.append(time.perf_counter())
        gcm.draw_samples(causal, ROWS // len(task.dags))
        clock.append(time.perf_counter())
        parts = dict(zip(("fit", "draw"), np.diff(clock).tolist(), strict=True))
        edges = causal.graph.number_of_edges()
        yield {"unit": "dag", "seconds": clock[-1] - clock[0], "parts": parts, "edges": edges}


SIDES = {
    "ours": ours,
    "ours, fixed": fixed,
    "obvious structure": obvious_structure,
    "obvious mechanisms": obvious_mechanisms,
    "same structure": same_structure,
    "same mechanisms": same_mechanisms,
}


# --- data and mechanisms as the libraries' documentation has them ---------------------------------


def as_numbers(table: Table, rng: np.random.Generator) -> np.ndarray:
    """Raw numbers and level codes for Fisher's z, the target last; constant columns are left out.

    A missing number is the median, a missing level the code -1.
    """
    frame = varying(table)
    columns = [frame[name] for name in frame]
    numbers = [
        column.cat.codes.to_numpy(float)
        if isinstance(column.dtype, pd.CategoricalDtype)
        else column.fillna(column.median()).to_numpy()
        for column in columns
    ]
    data = np.column_stack([*numbers, table.y.astype(float)])
    return data + JITTER * data.std(axis=0) * rng.normal(size=data.shape)


def as_frame(table: Table) -> pd.DataFrame:
    """Numbers as they are and levels as strings for DoWhy, the target last."""
    frame = varying(table).copy()
    for name in frame.columns:
        if table.kinds[name] == "categorical":
            frame[name] = frame[name].astype(object).fillna("missing").astype(object)
        else:
            frame[name] = frame[name].fillna(frame[name].median())
    frame[table.target] = np.array(table.classes, dtype=object)[table.y]
    return frame


def varying(table: Table) -> pd.DataFrame:
    """The features with two values or more, which is where both libraries would raise."""
    kept = [name for name in table.kinds if len(table.X[name].dropna().unique()) > 1]
    return table.X[kept]


def subsamples(shape: tuple[int, ...], settings: Any, task: Task) -> list[np.ndarray]:
    """Rows of each subsample, as `generators.scm.discovery.discover` draws them for our side."""
    (n, p), rng = shape, task.rng("ours")
    count = settings.wide_resamples if p > settings.wide else settings.resamples
    size = min(round(settings.share * n), settings.max_rows)
    return [np.sort(rng.choice(n, size=size, replace=False)) for _ in range(count)]


def named(dag: Any, names: Any) -> Any:
    """The DAG as networkx has it, over column names."""
    import networkx as nx

    from generators.scm.graphs import as_digraph

    return nx.relabel_nodes(as_digraph(dag), dict(enumerate(names)))


def documented_mechanism(graph: Any, node: str, frame: pd.DataFrame) -> Any:
    """An unfitted `AdditiveNoiseModel` or `ClassifierFCM` around our default estimators.

    The ridge regression is scikit-learn's `RidgeCV` over our penalties. DoWhy's own wrappers would
    code more than seven levels by CatBoost's target statistics, which is another learner; hence
    the pipelines' own indicators.
    """
    from dowhy.gcm import AdditiveNoiseModel, ClassifierFCM, EmpiricalDistribution
    from dowhy.gcm.ml import SklearnClassificationModel, SklearnRegressionModel
    from dowhy.graph import get_ordered_predecessors
    from sklearn.base import clone
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

    from generators.scm import CLASSIFIER, REGRESSOR

    class Regressor(SklearnRegressionModel):
        def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
            self.sklearn_model.fit(X, np.ravel(Y))

        def predict(self, X: np.ndarray) -> np.ndarray:
            return self.sklearn_model.predict(X).reshape(-1, 1)

    class Classifier(SklearnClassificationModel):
        def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
            self.sklearn_model.fit(X, np.ravel(Y))

        def predict_probabilities(self, X: np.ndarray) -> np.ndarray:
            return self.sklearn_model.predict_proba(X)

    parents = get_ordered_predecessors(graph, node)
    if not parents:
        return EmpiricalDistribution()
    levels = [at for at, parent in enumerate(parents) if frame[parent].dtype == object]
    scores = [at for at in range(len(parents)) if at not in levels]
    design = ColumnTransformer(
        [
            ("scores", FunctionTransformer(np.asarray, kw_args={"dtype": float}), scores),
            ("levels", OneHotEncoder(handle_unknown="ignore", sparse_output=False), levels),
        ]
    )
    if frame[node].dtype == object:
        return ClassifierFCM(Classifier(make_pipeline(design, clone(CLASSIFIER))))
    expansion, ridge = clone(REGRESSOR)
    return AdditiveNoiseModel(Regressor(make_pipeline(design, expansion, RidgeCV(ridge.alphas))))
