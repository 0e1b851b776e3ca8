"""What each stopping rule would have kept of every run, read from its curves: no run is repeated.

The rules are those of `bench.finetune.stopping`, which runs are stopped by, and the oracle, which
reads the test curve and is no rule that a run could follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bench.analysis.problems import WITHOUT_UNIT, problem_of, problem_of_record
from bench.analysis.resolves import Told
from bench.cell.record import Record
from bench.errors import BadInput, closest
from bench.finetune.stopping import Evaluations, StoppingRule, rules_of
from bench.phrases import counted, joined
from bench.score import Score
from bench.scores import SCORES

ORACLE, ORACLE_TITLE = "oracle", "best on test (oracle)"
ALL = "all that fine-tune"  # in the column of the methods
WORST = 0.25  # of the runs: the worst quarter
UNKNOWN = -1  # position of an evaluation that a record cannot tell
MEASURES = ("gain", "over_own", "harm", "worst", "regret")
TestScores = tuple[tuple[float, ...], float, float, float]  # curve, pre-trained, chosen, last
COLUMNS = ["method", "rule", *(f"{m}{end}" for m in MEASURES for end in ("", "_se")), "runs"]


@dataclass
class ByRule:
    """Every rule on every run that has curves.

    Attributes
    ----------
    table : DataFrame
        With `COLUMNS`, a row a method and a rule, those of all methods together (`ALL`) first:
        ``gain`` over the pre-trained model on test; ``over_own``, that gain minus the one at the
        step that the run chose; ``harm``, the share of runs with a gain below 0; ``worst``, the
        mean gain of the quarter of runs that gain least; ``regret``, the oracle's gain minus the
        rule's. Means over tables, folds and seeds averaged within, each with its standard error
        over tables (NaN of one table).
    left_out : dict of str → str
        Rules that these runs cannot tell, each with why; without those that read what none of them
        draws.
    runs, stopped, bags : int
        Runs that are read; of them, those that patience ended early; bags, which are not read:
        each child stopped at a step of its own.
    """

    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    left_out: dict[str, str] = field(default_factory=dict)
    runs: int = 0
    stopped: int = 0
    bags: int = 0


def by_rule(cells: pd.DataFrame, told: Told, metric: Score, asked: Sequence[str] = ()) -> ByRule:
    """Read every run by every rule.

    Parameters
    ----------
    cells : DataFrame
        Cells that have a score (`bench.analysis.frame.frame`), complete units or not: a rule is
        held against others on the same runs.
    told : Told
        The records that they were made of.
    metric : Score
        What they were scored by.
    asked : sequence of str
        Rules that are wanted; of none, all that can be told.

    Raises
    ------
    BadInput
        If there is no such rule, or these records cannot tell it.
    """
    titles = titles_of_rules(metric)
    for name in asked:
        if name not in titles:
            raise BadInput(
                f"analysis.rules: there is no stopping rule '{name}';{closest(name, titles)} "
                f"rules: {', '.join(titles)}."
            )
    runs, of_runs, bags = with_curves(cells, told)
    if not of_runs:
        return ByRule(bags=bags)
    gains, left_out = _gains(runs, of_runs, metric)
    missing = next((name for name in asked if name in left_out), None)
    if missing is not None:
        raise BadInput(
            f"analysis.rules: these records cannot tell '{missing}': {left_out[missing]}. "
            f"They can tell {joined(gains, 'and')}."
        )
    shown = [name for name in gains if not asked or name in asked]
    drawn = {name for record in of_runs for name in record["curves"].get("validation", {})}
    foreign = {n for n, rule in read_by(metric).items() if not set(rule.reads) <= drawn}
    return ByRule(
        _table(runs, gains, shown),
        {name: why for name, why in left_out.items() if not asked and name not in foreign},
        len(of_runs),
        sum(_is_stopped(record) for record in of_runs),
        bags,
    )


def with_curves(cells: pd.DataFrame, told: Told) -> tuple[pd.DataFrame, list[Record], int]:
    """The cells that rules read, with the record of each; and how many bags they pass over."""
    records = [told.record(identity) for identity in cells["identity"]]
    is_bag = np.array([bool(r and r.get("children")) for r in records], dtype=bool)
    reads = np.array([bool(r and r["curves"]) for r in records], dtype=bool) & ~is_bag
    of_runs = [r for r, is_read in zip(records, reads, strict=True) if is_read and r]
    return cells[reads], of_runs, int(is_bag.sum())


def read_by(metric: Score) -> dict[str, StoppingRule]:
    """The rules that runs scored so can be read by; of two that are one, the first."""
    same = set(WITHOUT_UNIT.values())  # within a run
    return {n: rule for n, rule in rules_of(problem_of(metric)).items() if n not in same}


def titles_of_rules(metric: Score) -> dict[str, str]:
    """What people call each rule that runs scored so can be read by, and the oracle."""
    return {n: rule.title for n, rule in read_by(metric).items()} | {ORACLE: ORACLE_TITLE}


def position(record: Record, rule: StoppingRule) -> int:
    """The position of the evaluation that a rule keeps of a run's; `UNKNOWN` if it cannot tell.

    Curves are read as they were recorded, to the last bit, as the run itself read them.
    """
    curves = record["curves"]
    on_table = rule.on(problem_of_record(record))
    if on_table is None:
        return UNKNOWN
    drawn: Mapping[str, list[float | None]] = curves.get("validation", {})
    lacking = {name for name in on_table.reads if None in drawn.get(name, ())}
    rule = on_table.where_lacking(lacking)
    errors = curves.get("validation_se", {})
    if not (set(rule.reads) <= set(drawn) & set(SCORES)):
        return UNKNOWN
    if rule.reads_errors and not set(rule.reads) <= set(errors):
        return UNKNOWN
    turned = {
        name: [SCORES[name].oriented(value) for value in drawn[name] if value is not None]
        for name in rule.reads
    }
    return rule.keeps(Evaluations(len(curves["step"]), turned, errors))


def _gains(
    runs: pd.DataFrame, records: list[Record], metric: Score
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The gain of each run by each rule that all of them can tell; and why not of the others."""
    scores = _scores(runs)
    start = np.array([_at(0, *of) for of in zip(records, scores, strict=True)])
    gains: dict[str, np.ndarray] = {}
    left_out: dict[str, str] = {}
    for rule in read_by(metric).values():
        kept = [position(record, rule) for record in records]
        lacking = sum(at == UNKNOWN for at in kept)
        values = np.array([_at(*of) for of in zip(kept, records, scores, strict=True)])
        if lacking:
            left_out[rule.name] = _why(rule, lacking, len(records))
        elif np.isnan(values).any():
            left_out[rule.name] = (
                f"{metric.title} has no curve, and {np.isnan(values).sum()} of "
                f"{counted(len(records), 'run')} hold no value of it at the step kept"
            )
        else:
            gains[rule.name] = values - start
    if all(len(curve) > 0 for curve in runs["test_curve"]):
        gains[ORACLE] = np.array([max(curve) for curve in runs["test_curve"]]) - start
    else:
        left_out[ORACLE] = f"{metric.title} has no curve"
    return gains, left_out


def _scores(runs: pd.DataFrame) -> list[TestScores]:
    columns = ("test_curve", "score_pretrained", "score_chosen", "score_last")
    return list(zip(*(runs[column] for column in columns), strict=True))


def _at(kept: int, record: Record, scores: TestScores) -> float:
    """The test score of an evaluation: of any on the curve; without one of three, as recorded."""
    curve, *three = scores
    if kept == UNKNOWN or curve:
        return curve[kept] if 0 <= kept < len(curve) else float("nan")
    steps = record["curves"]["step"]
    told = (0, steps.index(record["chosen_step"]), len(steps) - 1)
    return three[told.index(kept)] if kept in told else float("nan")


def _why(rule: StoppingRule, lacking: int, n: int) -> str:
    what = "standard errors" if rule.reads_errors else "validation curves"
    titles = joined([SCORES[name].title for name in rule.reads], "and")
    return f"{lacking} of {counted(n, 'run')} hold no {what} of {titles}"


def _is_stopped(record: Record) -> bool:
    """Whether patience ended a run before its last step."""
    return bool(record["last_step"] < record["settings"]["finetune"]["steps"])


def _table(runs: pd.DataFrame, gains: dict[str, np.ndarray], rules: list[str]) -> pd.DataFrame:
    """The measures of each rule over all runs, and over those of each method."""
    tables = pd.factorize(runs["dataset"])[0]
    own = (runs["score_chosen"] - runs["score_pretrained"]).to_numpy()
    methods = runs.groupby("method", observed=True, sort=True).indices
    rows = []
    for method, of in {ALL: np.arange(len(runs)), **methods}.items():
        for rule in rules:
            gain, table = gains[rule][of], tables[of]
            values = {
                "gain": gain,
                "over_own": gain - own[of],
                "harm": (gain < 0).astype(float),
                "worst": _of_worst(gain),
                "regret": gains[ORACLE][of] - gain if ORACLE in gains else np.full(len(of), np.nan),
            }
            row: dict[str, object] = {"method": method, "rule": rule, "runs": len(of)}
            for measure, value in values.items():
                row[measure], row[f"{measure}_se"] = _over_tables(value, table)
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_worst(gain: np.ndarray) -> np.ndarray:
    """A value a run, whose mean is the mean of the quarter of runs that gain least.

    So that it is averaged within tables and over them as every other measure is; where a quarter is
    no whole number of runs, one counts in part (Rockafellar and Uryasev 2000, conditional value at
    risk).
    """
    at = np.sort(gain)[int(np.ceil(WORST * len(gain))) - 1]
    return np.asarray(at - np.maximum(at - gain, 0) / WORST)


def _over_tables(values: np.ndarray, tables: np.ndarray) -> tuple[float, float]:
    """Mean over tables of the means within, and its standard error."""
    counts = np.bincount(tables)
    means = (np.bincount(tables, values)[counts > 0]) / counts[counts > 0]
    n = len(means)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
