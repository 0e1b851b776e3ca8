"""Time `generators.scm.SCM` against the obvious way to causal rows with the same libraries.

    python -m scripts.benchmark_scm                       # 20x650 both sides, ours on larger tables
    python -m scripts.benchmark_scm --limit 20            # a quick look; more is extrapolated
    python -m scripts.benchmark_scm --table credit-g      # an embedded table, both sides
    python -m scripts.benchmark_scm --sizes 60x2000 --compare 60x2000 --limit 600
    python -m scripts.benchmark_scm --sizes 131x222l --compare   # ours alone, on many levels

A size may end in a letter, its kind: ``c`` for collinear columns, ``l`` for columns of many levels.

The task is the same everywhere: edge probabilities from PC and FCI on the same subsamples of the
rows, 10 DAGs drawn from them, a structural causal model each, 1000 rows in all. Four sides:

    side      structure                           mechanisms and rows
    ours      SCM() as it is                      SCM() as it is
    fixed     SCM(selection="fixed"): a table     one learner for each kind of node
              chooses nothing
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

    end-to-end, structure, mechanisms    obvious / fixed
    end-to-end-by-default                obvious / ours
    same-learner                         same / fixed, end to end: its own structure and mechanisms
                                         (our ridge regression is scikit-learn's there), and our
                                         coding and drawing of DAGs
    same-test-structure, same-learner-mechanisms    same / fixed, of that phase
    target                               seconds allowed for our fit and sample / seconds taken
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from bench.datasets import embedded
from scripts.fresh_process import Failed, stream
from scripts.scm.sides import SIDES, Event
from scripts.scm.tasks import COLLINEAR, Task, is_size

# Seconds, fit and sample:
TARGETS = {
    "20x650": 10.0,
    "60x2000": 60.0,
    "110x5000": 180.0,
    "131x222": 30.0,
    "376x281": 120.0,
    f"300x300{COLLINEAR}": 200.0,
}
SIZES = tuple(TARGETS)
WANTED = {"end-to-end": 20.0, "same-learner": 3.0}  # ratios at 20x650


@dataclass
class Phase:
    """What came of one side's process.

    Attributes
    ----------
    name : str
        Of the side.
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
    phase, start = Phase(side), time.perf_counter()
    try:
        for event in stream(SIDES[side], task, threads=task.threads, limit=limit):
            if "planned" in event:
                phase.planned, start = event["planned"], time.perf_counter()
            else:
                note(phase, event, task.name)
    except TimeoutError:
        phase.cut = not phase.complete
    except Failed as failure:
        phase.failure = "" if phase.complete else str(failure)
    phase.elapsed = time.perf_counter() - start
    return phase


def note(phase: Phase, event: Event, table: str) -> None:
    """Keep a completed unit, and say so."""
    phase.done.append(event)
    unit = event["unit"]
    number, of = sum(e["unit"] == unit for e in phase.done), phase.planned[unit]
    told = f"{unit} {number} of {of}: {event['seconds']:.2f} s"
    print(f"  {table}  {phase.name}  {told}", flush=True)


def measure(side: str, task: Task, repeats: int) -> Event:
    """The run of median duration of one of our sides."""
    runs = []
    for _ in range(repeats):
        phase = run(side, task, None)
        if phase.failure:
            raise SystemExit(f"{task.name}: our side failed.\n{phase.failure}")
        runs += phase.done
    middle = sorted(runs, key=lambda event: event["seconds"])[(repeats - 1) // 2]
    show(f"{task.name}  {side}", middle)
    return middle


def show(name: str, event: Event) -> None:
    facts = event["facts"]
    phases = "  ".join(f"{phase} {s:.2f}" for phase, s in event["phases"].items())
    print(f"{name}: {event['seconds']:.2f} s ({event['cpu']:.2f} s CPU):  {phases}")
    edges = facts["edges_a_dag"]
    print(
        f"  {facts['nodes']} nodes, {facts['expected_edges']:.0f} edges expected, "
        f"{edges['drawn']:.0f} drawn a DAG and {edges['repaired']:.0f} after repair, "
        f"{facts['mechanisms']} mechanisms, {facts['tests']} tests, "
        f"cut by its bounds: {facts['cut'] or 'nothing'}",
        flush=True,
    )


def compare(task: Task, by_default: Event, mine: Event, limit: float) -> dict[str, float]:
    """Both other sides on a table that ours have done; ratios by name.

    Like for like is ``mine``, the side that is fixed: the others choose no way to rows.
    """
    took = mine["phases"]
    mechanisms = took["mechanisms"] + took["sample"]
    structure = run("obvious structure", task, limit)
    graphs = [event["matrix"] for event in structure.done]
    rest = Phase("obvious mechanisms")
    if graphs:
        rest = run(rest.name, replace(task, graphs=graphs), limit)
    tested = run("same structure", task, limit)
    learnt = run("same mechanisms", replace(task, dags=mine["dags"]), limit)
    print(f"{task.name}  fixed              structure  {took['discovery']:8.2f} s")
    print(f"{task.name}  fixed              mechanisms {mechanisms:8.2f} s")
    for phase in (structure, rest, tested, learnt):
        print(f"{task.name}  {phase.name:18} {phase}{parts(phase)}")
    print(f"{task.name}  same structure: {agreement(tested, mine)}", flush=True)
    shared = took["coding"] + took["graphs"]  # the same code on both sides
    return {
        "end-to-end": (structure.seconds + rest.seconds) / mine["seconds"],
        "end-to-end-by-default": (structure.seconds + rest.seconds) / by_default["seconds"],
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
    theirs, own = np.mean([e["matrix"] for e in tested.done], axis=0), mine["matrix"]
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
    says = "an embedded table, all sides, instead of generated ones"
    parser.add_argument("--table", choices=embedded.names(), metavar="NAME", help=says)
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
    args = parser.parse_args()
    for name in (*args.sizes, *args.compare):
        if not is_size(name):
            parser.error(f"'{name}' is no size; write columns x rows like 20x650.")
    return args


def main() -> None:
    args = options()
    names = [args.table] if args.table else list(dict.fromkeys([*args.sizes, *args.compare]))
    compared = names if args.table else args.compare
    ratios: dict[str, float] = {}
    for name in names:
        task = Task(name, args.seed, args.threads)
        repeats = args.repeats if name in compared else 1
        mine = measure("ours", task, repeats)
        if name in TARGETS:
            ratios[f"target-{name}"] = TARGETS[name] / mine["seconds"]
        if name in compared:
            found = compare(task, mine, measure("ours, fixed", task, repeats), args.limit)
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
