"""Causal rows: time of `generators.scm.SCM` against the obvious way with the same libraries.

    python -m scripts.benchmark_scm                       # 20x650 both sides, ours on larger tables
    python -m scripts.benchmark_scm --limit 20            # a quick look; more is extrapolated
    python -m scripts.benchmark_scm --table credit-g      # an embedded table, both sides
    python -m scripts.benchmark_scm --sizes 60x2000 --compare 60x2000 --limit 600
    python -m scripts.benchmark_scm --sizes 300x300c --compare   # collinear columns, ours alone

The task is the same everywhere: edge probabilities from PC and FCI on the same subsamples of the
rows, 10 DAGs drawn from them, a structural causal model each, 1000 rows in all. Three sides:

    side      structure                           mechanisms and rows
    ours      SCM() as it is                      SCM() as it is
    obvious   causal-learn's pc and fci, fisherz  gcm.auto.assign_causal_mechanisms (GOOD), gcm.fit,
              on raw numbers and level codes,     gcm.draw_samples, once a DAG; strings for levels
              no bound on depth
    same      causal-learn's pc and fci with our  gcm.fit and gcm.draw_samples of DoWhy's classes
              DegenerateGaussian registered, and  around our estimators, once a DAG, on our DAGs;
              our depth and path where they       parents' levels one-hot
              have such a bound

The significance level, the subsamples, the weights of marks and the drawing of DAGs are ours on all
sides. The obvious side draws its DAGs from its own probabilities; they are not repaired, so they
have fewer edges than ours. It would raise where a subsample's correlations are singular, and where
a value is missing: its numbers have a jitter of 1e-6 standard deviations, and missing values are
medians or a level of their own.

Each phase of the other sides runs for at most ``--limit`` seconds. If that cuts it, its time is
extrapolated from what was completed (mean time of a completed unit times the number of units) and
marked "at least": what was not completed took longer. A unit of which none was completed counts
only with the time that it ran. So a RATIO of a cut phase is a lower bound.

Each phase is a fresh process; imports and reading are not counted. Times are wall times, so run it
on an idle machine. ``--threads`` bounds the numerical threads of every side; DoWhy's model
selection uses all cores besides, as by its default.

Ends with lines ``RATIO <name> <value>``; above 1, ours is better:

    end-to-end, structure, mechanisms    obvious / ours
    same-learner                         same / ours, end to end: its own structure and mechanisms
                                         (our ridge regression is scikit-learn's there), and our
                                         coding and drawing of DAGs
    same-test-structure, same-learner-mechanisms    same / ours, of that phase
    target                               seconds allowed for our fit and sample / seconds taken
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import seeds
from bench.table import Kind, Table

COLLINEAR = "c"  # after a size
SIZES = ("20x650", "60x2000", "110x5000", f"300x300{COLLINEAR}")
# Seconds, fit and sample:
TARGETS = {"20x650": 10.0, "60x2000": 60.0, "110x5000": 180.0, f"300x300{COLLINEAR}": 200.0}
WANTED = {"end-to-end": 20.0, "same-learner": 3.0}  # ratios at 20x650
ROWS = 1000  # drawn
JITTER = 1e-6  # standard deviations
Event = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One table, and what a phase needs of the phases before it.

    Parameters
    ----------
    name : str
        ``<columns>x<rows>`` of `mixture`, with ``c`` after it of `collinear`, or an embedded
        table's name.
    seed : int
    threads : int
    graphs : list
        Matrices of edge probabilities, one a graph of PC or FCI, for the obvious mechanisms.
    dags : list
        Our DAGs, for the same learner's mechanisms.
    """

    name: str
    seed: int = 0
    threads: int = 1
    graphs: list[Any] = field(default_factory=list)
    dags: list[Any] = field(default_factory=list)

    def table(self) -> Table:
        if is_size(self.name):
            columns, rows = map(int, self.name.removesuffix(COLLINEAR).split("x"))
            made = collinear if self.name.endswith(COLLINEAR) else mixture
            return made(columns, rows, self.seed)
        from bench.datasets import embedded

        return embedded.load(self.name)

    def rng(self, role: str) -> np.random.Generator:
        return seeds.generator("benchmark_scm", self.name, self.seed, role)


def is_size(name: str) -> bool:
    """Whether it reads ``<columns>x<rows>`` or ``<columns>x<rows>c``."""
    columns, _, rows = name.removesuffix(COLLINEAR).partition("x")
    return columns.isdigit() and rows.isdigit()


def mixture(columns: int, rows: int, seed: int) -> Table:
    """A table from a random linear SCM with hidden common causes; half of it categorical.

    Each column is a sum of hidden factors (one for six columns, 2.5 of them a column on average),
    of earlier columns (one on average) and of noise. Every second column is cut into two to five
    levels, every fourth is log-normal; the target has two classes, 70 to 30.
    """
    rng = seeds.generator("benchmark_scm", "mixture", columns, rows, seed)
    factors = rng.normal(size=(rows, max(2, columns // 6)))
    width = factors.shape[1]
    scores = np.empty((rows, columns + 1))
    for at in range(columns + 1):
        loads = rng.normal(size=width) * (rng.random(width) < 2.5 / width)
        score = factors @ loads + rng.normal(size=rows)
        for cause in rng.choice(at, size=min(at, rng.poisson(1.0)), replace=False):
            score += rng.uniform(0.4, 1.0) * rng.choice([-1, 1]) * scores[:, cause]
        scores[:, at] = (score - score.mean()) / score.std()
    X: dict[str, Any] = {}
    for at in range(columns):
        score = scores[:, at]
        if at % 2:
            shares = rng.dirichlet(np.full(rng.integers(2, 6), 5.0))
            cuts = np.quantile(score, np.cumsum(shares)[:-1])
            X[f"x{at}"] = pd.Categorical([f"level {c}" for c in np.searchsorted(cuts, score)])
        else:
            X[f"x{at}"] = np.exp(score) if at % 4 else score
    kinds: dict[str, Kind] = {
        f"x{at}": "categorical" if at % 2 else "numeric" for at in range(columns)
    }
    y = scores[:, -1] > np.quantile(scores[:, -1], 0.7)
    return Table(f"{columns}x{rows}", pd.DataFrame(X), y, kinds, ("no", "yes"), "y")


def collinear(columns: int, rows: int, seed: int) -> Table:
    """All columns of the same five factors, with a tenth of noise: hardly anything parts two."""
    rng = seeds.generator("benchmark_scm", "collinear", columns, rows, seed)
    factors = rng.normal(size=(rows, 5))
    scores = factors @ rng.normal(size=(5, columns)) + 0.1 * rng.normal(size=(rows, columns))
    names = [f"x{at}" for at in range(columns)]
    kinds: dict[str, Kind] = dict.fromkeys(names, "numeric")
    y = factors[:, 0] + 0.5 * rng.normal(size=rows) > 0
    X = pd.DataFrame(scores, columns=names)
    return Table(f"{columns}x{rows}{COLLINEAR}", X, y, kinds, ("no", "yes"), "y")


# --- the sides, each in a process of its own: an event when ready, then one a completed unit ------


def ours(task: Task) -> Iterator[Event]:
    """`SCM()`: fit, then draw."""
    from generators.scm import SCM

    table = task.table()
    yield {"planned": {"run": 1}}
    start, cpu = time.perf_counter(), time.process_time()
    model = SCM().fit(table, task.rng("ours"))
    fitted = time.perf_counter()
    model.sample(ROWS, task.rng("sample"))
    end = time.perf_counter()
    yield {
        "unit": "run",
        "seconds": end - start,
        "cpu": time.process_time() - cpu,
        "phases": {**model.seconds_, "sample": end - fitted},
        "facts": model.facts_,
        "matrix": model.probabilities_.matrix.tolist(),
        "dags": model.dags_,
    }


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
        yield {"unit": "pc", "seconds": seconds, "matrix": weigh(graph.G.graph).tolist()}
        start = time.perf_counter()
        found, _ = fci(numbers[rows], "fisherz", settings.level, show_progress=False)
        seconds = time.perf_counter() - start
        yield {"unit": "fci", "seconds": seconds, "matrix": weigh(found.graph).tolist()}


def obvious_mechanisms(task: Task) -> Iterator[Event]:
    """DAGs from the probabilities that were found, and `gcm.auto` with each."""
    import networkx as nx
    from dowhy import gcm

    from generators.scm import SCM, Target, oriented
    from generators.scm.graphs import EdgeProbabilities, sample_dag

    gcm.config.disable_progress_bars()
    gcm.util.general.set_random_seed(task.seed)
    frame, model = as_frame(task.table()), SCM()
    matrix = np.mean(task.graphs, axis=0)
    found = EdgeProbabilities(tuple(frame.columns), matrix, np.zeros_like(matrix))
    aimed, rng = oriented(found, Target(model.target)), task.rng("dags")
    yield {"planned": {"dag": model.n_dags}}
    for _ in range(model.n_dags):
        clock = [time.perf_counter()]
        dag = sample_dag(aimed, rng, max_parents=model.max_parents)
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
    from generators.scm.discovery import Discovery, weigh
    from generators.scm.independence import DegenerateGaussian

    settings = Discovery()
    coding = Coding().fit(task.table())

    class Registered(CIT_Base):
        def __init__(self, data: np.ndarray, **options: Any) -> None:
            super().__init__(data, **options)
            self.method = DegenerateGaussian.method
            self._test = DegenerateGaussian(data, coding.nodes_, settings.levels, settings.fewest)

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
        yield {"unit": "pc", "seconds": seconds, "matrix": weigh(graph.G.graph).tolist()}
        start = time.perf_counter()
        found, _ = fci(codes, name, level, depth, settings.path, show_progress=False)
        seconds = time.perf_counter() - start
        yield {"unit": "fci", "seconds": seconds, "matrix": weigh(found.graph).tolist()}


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
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

    from generators.scm import default_classifier, default_regressor

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
        return ClassifierFCM(Classifier(make_pipeline(design, default_classifier())))
    expansion, ridge = default_regressor()
    return AdditiveNoiseModel(Regressor(make_pipeline(design, expansion, RidgeCV(ridge.alphas))))


# --- running a side under its limit ---------------------------------------------------------------


@dataclass
class Phase:
    """What came of one side's process.

    Attributes
    ----------
    planned : dict of unit to int
        How many of each unit the phase consists of.
    done : list of events
        One a completed unit.
    elapsed : float
        Seconds from ready to the end or the cut.
    cut : bool
        Its limit came first.
    failure : str
        What it wrote before it raised, if it did.
    """

    name: str
    planned: dict[str, int] = field(default_factory=dict)
    done: list[Event] = field(default_factory=list)
    elapsed: float = 0.0
    cut: bool = False
    failure: str = ""

    @property
    def complete(self) -> bool:
        return bool(self.planned) and len(self.done) == sum(self.planned.values())

    @property
    def seconds(self) -> float:
        """Of the whole phase: measured, or extrapolated from completed units if it was cut.

        NaN if it failed, or could not run for want of a completed graph.
        """
        if self.failure or not self.planned:
            return float("nan")
        each = [self._seconds_of(unit) for unit in self.planned]
        completed = sum(map(sum, each))
        if not self.cut:
            return completed
        whole = sum(
            statistics.mean(times) * count
            for times, count in zip(each, self.planned.values(), strict=True)
            if times
        )
        # With no completed FCI all that is known of FCI is how long it has been at it.
        running = 0.0 if all(each) else self.elapsed - completed
        return max(whole + running, self.elapsed)

    def _seconds_of(self, unit: str) -> list[float]:
        return [event["seconds"] for event in self.done if event["unit"] == unit]

    def __str__(self) -> str:
        if self.failure:
            return f"raised: {self.failure.splitlines()[-1]}"
        if not self.planned:
            return "not run: there is no completed graph to draw DAGs from"
        counts = Counter(event["unit"] for event in self.done)
        units = ", ".join(f"{u} {counts[u]} of {n}" for u, n in self.planned.items())
        if not self.cut:
            return f"{self.seconds:8.2f} s  ({units})"
        how = f"cut after {self.elapsed:.0f} s: {units}; the rest extrapolated"
        return f"at least {self.seconds:8.1f} s  ({how})"


def run(side: str, task: Task, limit: float | None) -> Phase:
    """Run a side in a fresh process, and end it when its limit is reached."""
    one = str(task.threads)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), one)
    phase = Phase(side)
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.benchmark_scm", "--measure", side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | threads,
            cwd=Path(__file__).parents[1],
            start_new_session=True,  # DoWhy's worker processes end with it
        )
        listen(process, task, limit, phase)
        if process.returncode and not phase.cut and not phase.complete:
            errors.seek(0)
            phase.failure = errors.read().strip()
    return phase


def listen(process: subprocess.Popen[str], task: Task, limit: float | None, phase: Phase) -> None:
    """Note the events of a side into its phase until it ends or is ended."""
    assert process.stdin is not None
    assert process.stdout is not None

    def end() -> None:
        phase.cut = True
        with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(limit, end) if limit is not None else None
    with process.stdin:
        json.dump(asdict(task), process.stdin)
    start = time.perf_counter()
    for line in process.stdout:
        event = json.loads(line)
        if "planned" in event:
            phase.planned, start = event["planned"], time.perf_counter()
            if timer is not None:
                timer.start()
            continue
        phase.done.append(event)
        unit = event["unit"]
        number, of = sum(e["unit"] == unit for e in phase.done), phase.planned[unit]
        told = f"{unit} {number} of {of}: {event['seconds']:.2f} s"
        print(f"  {task.name}  {phase.name}  {told}", flush=True)
    if timer is not None:
        timer.cancel()
    process.wait()
    phase.elapsed = time.perf_counter() - start
    phase.cut &= not phase.complete  # it may have been done when it was ended


def measure(side: str) -> None:
    """The process of a side: its task comes on standard input, its events go to standard output."""
    task, out = Task(**json.load(sys.stdin)), sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # the libraries print
        for event in SIDES[side](task):
            print(json.dumps(event, default=float), file=out, flush=True)


# --- what is compared -----------------------------------------------------------------------------


def measure_ours(task: Task, repeats: int) -> Event:
    """The run of median duration."""
    runs = []
    for _ in range(repeats):
        phase = run("ours", task, None)
        if phase.failure:
            raise SystemExit(f"{task.name}: our side failed.\n{phase.failure}")
        runs += phase.done
    middle = sorted(runs, key=lambda event: event["seconds"])[(repeats - 1) // 2]
    show_ours(task.name, middle)
    return middle


def show_ours(name: str, event: Event) -> None:
    facts = event["facts"]
    phases = "  ".join(f"{phase} {s:.2f}" for phase, s in event["phases"].items())
    print(f"{name}  ours: {event['seconds']:.2f} s ({event['cpu']:.2f} s CPU):  {phases}")
    edges = facts["edges_a_dag"]
    print(
        f"  {facts['nodes']} nodes, {facts['expected_edges']:.0f} edges expected, "
        f"{edges['drawn']:.0f} drawn a DAG and {edges['repaired']:.0f} after repair, "
        f"{facts['mechanisms']} mechanisms, {facts['tests']} tests, "
        f"cut by its bounds: {facts['cut'] or 'nothing'}",
        flush=True,
    )


def compare(task: Task, mine: Event, limit: float) -> dict[str, float]:
    """Both other sides on a table that ours has done; ratios by name."""
    took = mine["phases"]
    mechanisms = took["mechanisms"] + took["sample"]
    structure = run("obvious structure", task, limit)
    graphs = [event["matrix"] for event in structure.done]
    rest = Phase("obvious mechanisms")
    if graphs:
        rest = run(rest.name, Task(task.name, task.seed, task.threads, graphs=graphs), limit)
    tested = run("same structure", task, limit)
    learnt = run(
        "same mechanisms", Task(task.name, task.seed, task.threads, dags=mine["dags"]), limit
    )
    print(f"{task.name}  ours               structure  {took['discovery']:8.2f} s")
    print(f"{task.name}  ours               mechanisms {mechanisms:8.2f} s")
    for phase in (structure, rest, tested, learnt):
        print(f"{task.name}  {phase.name:18} {phase}{parts(phase)}")
    print(f"{task.name}  same structure: {agreement(tested, mine)}", flush=True)
    shared = took["coding"] + took["graphs"]  # the same code on both sides
    return {
        "end-to-end": (structure.seconds + rest.seconds) / mine["seconds"],
        "structure": structure.seconds / took["discovery"],
        "mechanisms": rest.seconds / mechanisms,
        "same-learner": (tested.seconds + learnt.seconds + shared) / mine["seconds"],
        "same-test-structure": tested.seconds / took["discovery"],
        "same-learner-mechanisms": learnt.seconds / mechanisms,
    }


def parts(phase: Phase) -> str:
    """Mean seconds of a DAG by part, and its mean number of edges."""
    timed = [event for event in phase.done if "parts" in event]
    if not timed:
        return ""
    means = [
        f"{part} {statistics.mean(event['parts'][part] for event in timed):.2f}"
        for part in timed[0]["parts"]
    ]
    edges = statistics.mean(event["edges"] for event in timed)
    return f"  a DAG of {edges:.0f} edges: {', '.join(means)}"


def agreement(tested: Phase, mine: Event) -> str:
    """How far causal-learn's graphs with our test are from ours."""
    if not tested.done:
        return "no graph was completed"
    theirs, own = np.mean([e["matrix"] for e in tested.done], axis=0), np.array(mine["matrix"])
    adjacent = [(m + m.T)[np.triu_indices(len(m), 1)] >= 0.5 for m in (theirs, own)]
    both, either = np.logical_and(*adjacent).sum(), np.logical_or(*adjacent).sum()
    difference = np.abs(theirs - own)[~np.eye(len(own), dtype=bool)].mean()
    return (
        f"{both} of {either} likely edges are ours too, edge probabilities differ by "
        f"{difference:.4f} on average ({len(tested.done)} graphs)"
    )


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes",
        nargs="*",
        default=list(SIZES),
        metavar="CxR",
        help=f"generated tables for ours, columns x rows (default: {' '.join(SIZES)})",
    )
    parser.add_argument(
        "--compare",
        nargs="*",
        default=[SIZES[0]],
        metavar="CxR",
        help=f"generated tables for the other sides too (default: {SIZES[0]})",
    )
    parser.add_argument(
        "--table", metavar="NAME", help="an embedded table, all sides, instead of generated ones"
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=90.0,
        help="seconds for each of the other sides' four phases (default: 90)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=3,
        help="runs of ours on compared tables, of which the median counts (default: 3)",
    )
    parser.add_argument("--threads", type=int, default=1, help="numerical threads (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="of tables and draws (default: 0)")
    parser.add_argument("--measure", choices=list(SIDES), help=argparse.SUPPRESS)
    args = parser.parse_args()
    for name in (*args.sizes, *args.compare):
        if not is_size(name):
            parser.error(f"'{name}' is no size; write columns x rows like 20x650.")
    return args


def main() -> None:
    args = options()
    if args.measure:
        measure(args.measure)
        return
    names = [args.table] if args.table else list(dict.fromkeys([*args.sizes, *args.compare]))
    compared = names if args.table else args.compare
    ratios: dict[str, float] = {}
    for name in names:
        task = Task(name, args.seed, args.threads)
        mine = measure_ours(task, args.repeats if name in compared else 1)
        if name in TARGETS:
            ratios[f"target-{name}"] = TARGETS[name] / mine["seconds"]
        if name in compared:
            found = compare(task, mine, args.limit)
            ratios |= {f"{what}-{name}": ratio for what, ratio in found.items()}
    for what, ratio in WANTED.items():
        reached = ratios.get(f"{what}-{SIZES[0]}")
        if reached is not None and not np.isnan(reached):
            print(f"{what}-{SIZES[0]}: wanted {ratio:g}, reached {reached:.1f}")
    for name, ratio in ratios.items():
        if not np.isnan(ratio):
            print(f"RATIO {name} {ratio:.2f}")


if __name__ == "__main__":
    main()
