"""Whether to fine-tune on one table, and how: each method against the base model on its folds.

Folds share rows, so that the variance of a mean over n of them is not s²/n but s² (1/n + r), where
r is test rows to training rows (Nadeau and Bengio 2003, *Inference for the Generalization Error*,
the corrected resampled t-test). Fine-tuning is advised if a method's gain is above 0 at a level
which Holm's correction spreads over the methods. It is the same whenever one looks, and so strict
that looking after every fold errs no more often than it may (Pocock 1977, group sequential tests):
whoever stops when it is clear, or goes on when it is not, is not misled by that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy.stats import t

from bench.analysis.complete import against_untuned
from bench.analysis.deviation import in_one_deviation
from bench.analysis.frame import frame, metric_of
from bench.analysis.power import smallest_distance
from bench.analysis.problems import CLASSIFICATION, problem_of
from bench.analysis.references import references
from bench.analysis.resolves import Told
from bench.analysis.settings import Analysis
from bench.analysis.significance import holm
from bench.cell.record import Record
from bench.cell.scored import score_of
from bench.phrases import counted, joined
from bench.score import Score
from bench.scores import SCORES

FEWEST = 3  # folds: with less there is hardly a spread to test by
MOST = 1e9  # rows that are told
PROPER = {True: "log_loss", False: "log_score"}  # of classes, of numbers: weighs all that is told
COLUMNS = [
    "method", "gain", "se", "low", "high", "expected", "p", "p_holm", "proper", "harm", "kept",
    "base", "score", "seconds",
]  # fmt: skip


class Kind(StrEnum):
    """What is advised."""

    keep = "keep"
    finetune = "finetune"
    unknown = "unknown"


@dataclass(frozen=True)
class Needed:
    """What it would take to tell a gain.

    Parameters
    ----------
    gain : float
        In units of the score.
    folds : int or None
        None where no number of folds that there are would do.
    rows : int or None
        Of a larger table, then.
    """

    gain: float
    folds: int | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Advice:
    """What the folds of one table say.

    Parameters
    ----------
    kind : Kind
    method : str or None
        The one that is advised; else the most promising one, if any can be read.
    gain, low, high : float
        Of that method: its expected gain (see ``expected`` below), and the interval around the
        mean. Gains are turned so that greater is better.
    folds : int
        That all methods have.
    rows : int
        Of the table.
    needed : Needed or None
        Where it cannot be told.
    reasons : tuple of str
        Why, a clause each.
    left_out : tuple of str
        Methods and folds that are not read, and why not, a clause each.
    level : float
        That a p-value is asked to be below at each look.
    methods : DataFrame
        A row a method, the greatest gain first: ``gain`` (mean over folds) ± ``se``, its interval
        ``low`` to ``high``, ``expected`` (shrunk towards 0: the greatest of several is one by luck,
        too), ``p`` (one-sided) and ``p_holm``; ``proper``, the gain in the proper score; ``harm``,
        the share of folds below the base model; ``kept``, the share of folds in which the stopping
        rule kept it; mean scores of ``base`` and method, and median ``seconds`` of a cell.
    differences : DataFrame
        Gain of each fold (row) by each method (column).
    """

    kind: Kind
    method: str | None = None
    gain: float = math.nan
    low: float = math.nan
    high: float = math.nan
    folds: int = 0
    rows: int = 0
    needed: Needed | None = None
    reasons: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    level: float = math.nan
    methods: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    differences: pd.DataFrame = field(default_factory=pd.DataFrame)


def proper_of(metric: Score) -> Score:
    """The proper score that must not contradict the one that is ranked by."""
    return SCORES[PROPER[problem_of(metric) == CLASSIFICATION]]


def advised(records: Sequence[Record], settings: Analysis) -> Advice:
    """`advice` from the records of one table and one model.

    Raises
    ------
    BadInput
        As `bench.analysis.frame.metric_of`.
    """
    records = in_one_deviation(records)
    metric = metric_of(records, settings.metric)
    cells = against_untuned(frame(records, metric=metric))
    return advice(cells, Told(records), metric, settings)


def advice(cells: pd.DataFrame, told: Told, metric: Score, settings: Analysis) -> Advice:
    """Advise on one table.

    Parameters
    ----------
    cells : DataFrame
        From `bench.analysis.frame.frame`: of one table and one model, whatever their status.
    told : Told
        The records that they were made of.
    metric : Score
        What they are scored by.
    settings : Analysis
        ``advice_level``, ``worthwhile``, ``confidence`` and ``power`` of it.

    Returns
    -------
    Advice
        ``keep`` where no method's interval reaches a worthwhile gain, or the stopping rule kept
        the base model in every fold; ``finetune`` where one's gain is beyond chance, and its proper
        score not worse; else ``unknown``.
    """
    tuned = cells[~cells["method"].isin(references(cells).pretrained)]
    tuned, left_out = _sound(tuned.assign(**_gains(tuned, told, metric)))
    differences = _by_fold(tuned, "gain").dropna()
    level = settings.advice_level
    n, most = len(differences), tuned["rows"].max()
    rows = 0 if pd.isna(most) else int(most)  # no method gave a result
    if differences.empty or n < FEWEST:
        few = f"{counted(n, 'fold')} of {FEWEST} that it takes at least"
        return Advice(
            Kind.unknown, folds=n, rows=rows, reasons=(few,), left_out=left_out, level=level
        )
    tuned = tuned[tuned["fold"].isin(differences.index)]
    ratio = float((tuned["test_rows"] / (tuned["rows"] - tuned["test_rows"])).mean())
    table = _methods(tuned, differences, ratio, settings.confidence)
    kind, chosen, why = _decided(table, level, settings.worthwhile)
    (row,) = table[table["method"] == chosen].to_dict("records")
    needed = None
    if kind is Kind.unknown:
        wanted = max(settings.worthwhile, float(row["expected"]))
        spread = float(differences[chosen].std(ddof=1))
        at = level / len(table)
        needed = _needed(wanted, spread, ratio, (n, told.splits), rows, at, settings.power)
    return Advice(
        kind, chosen, float(row["expected"]), float(row["low"]), float(row["high"]),
        n, rows, needed, tuple(why), left_out, level, table, differences,
    )  # fmt: skip


def _gains(cells: pd.DataFrame, told: Told, metric: Score) -> dict[str, pd.Series]:
    """Each cell's gain over the base model, in the metric and in the proper score."""
    proper = proper_of(metric)

    def of(identity: str | None) -> float:
        record = told.record(identity) if identity else None
        if record is None:
            return math.nan
        base, chosen = (
            score_of(record, proper.name, when, "test") for when in ("pretrained", "chosen")
        )
        if base is None or chosen is None:
            return math.nan
        return round(proper.oriented(chosen) - proper.oriented(base), 12)

    gain = (cells["score_chosen"] - cells["score_pretrained"]).round(12)
    return {"gain": gain, "proper": cells["identity"].map(of).astype(float)}


def _sound(cells: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The cells of methods that failed nowhere, in folds with a score; and what is left out."""
    reasons = []
    lacking = cells[(cells["status"] == "done") & cells["gain"].isna()]
    if len(lacking):
        where = sorted(lacking["fold"].unique())
        cells = cells[~cells["fold"].isin(where)]
        folds = joined(map(str, where), "and")
        reasons.append(f"fold {folds} has no score to compare by")
    for method, of in cells.groupby("method", observed=True):
        lost = of[of["status"] != "done"]
        if len(lost):
            why = str(lost["error"].dropna().iloc[0]) if lost["error"].notna().any() else ""
            cells = cells[cells["method"] != method]
            in_folds = f"in {len(lost)} of {counted(len(of), 'fold')}"
            reasons.append(f"{method} gave no result {in_folds} ({why})")
    return cells, tuple(reasons)


def _by_fold(cells: pd.DataFrame, column: str) -> pd.DataFrame:
    """Folds × methods; seeds of a fold, which share all rows, are averaged."""
    if cells.empty:
        return pd.DataFrame()
    return cells.pivot_table(index="fold", columns="method", values=column, observed=True)


def _methods(
    cells: pd.DataFrame, differences: pd.DataFrame, ratio: float, confidence: float
) -> pd.DataFrame:
    """A row a method (`Advice.methods`)."""
    n, by = len(differences), cells.groupby("method", observed=True)
    mean, spread = differences.mean(), differences.std(ddof=1).round(12)
    se = spread * math.sqrt(1 / n + ratio)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = pd.Series(t.sf(mean / se, n - 1), index=mean.index)
    p = p.where(se > 0, 1.0)  # folds that all tell the same have no spread to test by
    half = float(t.ppf((1 + confidence) / 2, n - 1)) * se
    table = pd.DataFrame(
        {
            "gain": mean, "se": se, "low": mean - half, "high": mean + half,
            "expected": shrunk(mean, se), "p": p, "p_holm": holm(p.to_numpy()),
            "proper": by["proper"].mean(), "harm": (differences < 0).mean(),
            "kept": by["chosen_step"].agg(lambda steps: (steps == 0).mean()),
            "base": by["score_pretrained"].mean(), "score": by["score_chosen"].mean(),
            "seconds": by["seconds"].median(),
        }
    ).rename_axis("method").reset_index()  # fmt: skip
    order = table.assign(gain=table["gain"].round(12))
    order = order.sort_values(["gain", "seconds"], ascending=[False, True], kind="stable")
    return table.loc[order.index, COLUMNS].reset_index(drop=True)


def shrunk(gains: pd.Series, errors: pd.Series) -> pd.Series:
    """Gains as they are to be expected again: drawn to 0, the more the less they stand out.

    Empirical Bayes with a normal prior around 0, whose variance is what the gains' own squares have
    beyond their errors' (Efron and Morris 1973; positive part).

    Examples
    --------
    >>> shrunk(pd.Series([0.04, 0.0]), pd.Series([0.02, 0.02])).tolist()
    [0.02, 0.0]
    >>> shrunk(pd.Series([0.01]), pd.Series([0.02])).tolist()
    [0.0]
    """
    between = max(0.0, float((gains**2).mean() - (errors**2).mean()))
    total = between + errors**2
    return (gains * between / total.where(total > 0, 1.0)).round(12)


def _decided(table: pd.DataFrame, level: float, worthwhile: float) -> tuple[Kind, str, list[str]]:
    """What is advised, of which method, and why."""
    first = str(table["method"].iloc[0])
    if (table["kept"] == 1).all():
        return Kind.keep, first, ["the stopping rule kept the base model in every fold"]
    if (table["high"] < worthwhile).all():
        return Kind.keep, first, ["no method's interval reaches a gain that is worthwhile"]
    beyond = table[(table["p_holm"] <= level) & (table["gain"] > 0)]
    sound = beyond[~(beyond["proper"] < 0)]
    worth = sound[sound["high"] >= worthwhile]
    if len(worth):
        return Kind.finetune, str(worth["method"].iloc[0]), []
    if len(beyond) and sound.empty:
        return (
            Kind.unknown,
            str(beyond["method"].iloc[0]),
            ["the proper score contradicts the gain"],
        )
    return Kind.unknown, first, []


def _needed(
    gain: float,
    spread: float,
    ratio: float,
    folds: tuple[int, int],
    rows: int,
    level: float,
    power: float,
) -> Needed:
    """What it takes to tell a gain, if folds differ by as much as they do.

    With more folds the error of the mean falls to a floor, which only more rows lower: the
    variance of a fold's difference is taken to be in inverse proportion to the rows.
    """

    def error(n: int) -> float:
        return spread * math.sqrt(1 / n + ratio)

    def wanted(n: int) -> float:
        """How many standard errors a gain must be, one-sided."""
        return smallest_distance(n, power, 2 * level)

    now, most = folds
    if not 0 < spread < math.inf:
        return Needed(gain)
    for n in range(now + 1, most + 1):
        if gain >= wanted(n) * error(n):
            return Needed(gain, folds=n)
    most = max(most, now)
    many = max(rows * (wanted(most) * error(most) / gain) ** 2, rows)
    return Needed(gain, rows=_about(many) if many < MOST else None)


def _about(number: float) -> int:
    """With two digits that count.

    >>> _about(12345.0), _about(87.0)
    (12000, 87)
    """
    return int(float(f"{number:.1e}"))
