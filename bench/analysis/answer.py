"""What several tables of a report, its verdict and its figures rest on, in one object."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from bench.analysis.advice import Advice, advice
from bench.analysis.complete import (
    absent_units,
    against_untuned,
    complete,
    of_methods,
    serving,
    those,
)
from bench.analysis.frame import as_recorded
from bench.analysis.groups import by_group
from bench.analysis.intervals import intervals
from bench.analysis.measures import improvements, per_dataset, summary
from bench.analysis.paired import paired
from bench.analysis.planned import Planned, planned
from bench.analysis.problems import problem_of
from bench.analysis.readings import Readings, readings
from bench.analysis.references import References, references
from bench.analysis.reliability import reliability, runs
from bench.analysis.resolves import Told, resolves
from bench.analysis.rules import ByRule, by_rule
from bench.analysis.settings import Analysis, Asked, Impute
from bench.analysis.significance import Friedman, friedman, nemenyi
from bench.score import Score


@dataclass
class Answer:
    """What the complete units say.

    Differences are such that greater is better, and so are the scores of ``kept``
    (`bench.analysis.frame.SCHEMA`); the scores in ``tables`` and ``left_out`` are the records' own
    (`bench.analysis.frame.as_recorded`).

    ``tables``, from a name to a table (a method is an index, best average rank first):

    ``summary``
        `measures.summary` with the intervals of `intervals.intervals`.
    ``per_dataset``
        `measures.per_dataset`.
    ``improvements``
        `measures.improvements`, a row a cell.
    ``reliability``
        `reliability.reliability`.
    ``paired``
        `paired.paired`.
    ``resolves``
        `resolves.resolves`; no row without records.
    ``nemenyi``
        `significance.nemenyi`.
    ``groups``
        `groups.by_group`.

    ``shared`` is `paired.paired` on all units that two methods have, whatever others lack;
    ``measured``, every cell that has a score, is what they are read from; ``told`` has the other
    scores of those cells, ``rules`` is what `rules.by_rule` reads of them, and ``all_readings``
    what `readings.readings` does, if it is asked for. ``unserved`` are the cells of methods that
    serve no table of these (`frame.serving`), which cost no unit. ``gains`` is
    `measures.improvements`, and ``readings`` `reliability.runs`. What one table alone needs, it
    makes of these (`bench.report.tables`). ``advice`` is what `advice.advice` reads of the cells of
    one table and one model; None of several. ``planned`` is the question as it is asked beforehand
    (`planned.planned`); None where the records lack a method that it needs.
    """

    settings: Analysis
    metric: Score
    kept: pd.DataFrame
    measured: pd.DataFrame
    left_out: pd.DataFrame
    absent: pd.DataFrame
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    gains: pd.DataFrame = field(default_factory=pd.DataFrame)
    readings: pd.DataFrame = field(default_factory=pd.DataFrame)
    friedman: Friedman | None = None
    references: References = field(default_factory=References)
    shared: pd.DataFrame = field(default_factory=pd.DataFrame)
    told: Told = field(default_factory=Told)
    rules: ByRule = field(default_factory=ByRule)
    all_readings: Readings = field(default_factory=Readings)
    unserved: pd.DataFrame = field(default_factory=pd.DataFrame)
    advice: Advice | None = None
    planned: Planned | None = None

    @property
    def problem(self) -> str:
        """What they are records of."""
        return problem_of(self.metric)

    @property
    def methods(self) -> list[str]:
        """Their names, best average rank first; none where no unit is complete."""
        return list(self.tables["summary"].index) if self.tables else []

    @property
    def datasets(self) -> int:
        """How many the complete units are of."""
        return len(self.kept["dataset"].unique())


def answer(
    cells: pd.DataFrame, settings: Analysis, metric: Score, told: Told | None = None
) -> Answer:
    """Read cells.

    Parameters
    ----------
    cells : DataFrame
        From `bench.analysis.frame.frame`, one row a cell, no cell twice.
    metric : Score
        What they are ranked by (`bench.analysis.frame.metric_of`).
    told : Told, optional
        What other scores are read from; by default no other is.
    """
    cells = of_methods(against_untuned(cells), settings.methods)
    told = told or Told()
    of_one = cells[["dataset", "model"]].drop_duplicates()
    advised = advice(cells, told, metric, settings) if len(of_one) == 1 else None
    cells, unserved = serving(cells)
    kept, left_out = complete(cells, settings.impute)
    left_out = as_recorded(left_out, metric)
    scored = those(cells, (cells["status"] == "done") & cells["score_chosen"].notna())
    measured = kept if settings.impute == Impute.worst else scored
    out = Answer(settings, metric, kept, measured, left_out, absent_units(cells))
    out.unserved = as_recorded(unserved, metric)
    out.shared = paired(scored)
    out.told, out.advice = told, advised
    out.rules = by_rule(scored, out.told, metric, settings.rules)
    if kept.empty:
        return out
    out.gains = improvements(kept, metric, settings.normalization)
    methods = summary(out.gains).join(intervals(out.gains, settings))
    order = list(methods.index)
    out.references = references(kept)
    out.readings = runs(kept)
    gaps = reliability(out.readings)
    p = nemenyi(kept)
    out.friedman = friedman(kept, settings.alpha)
    out.tables = {
        "summary": methods,
        "per_dataset": metric.oriented(per_dataset(kept)[order]),
        "improvements": as_recorded(out.gains, metric),
        "reliability": gaps.reindex([m for m in order if m in gaps.index]),
        "paired": paired(kept),
        "resolves": resolves(kept, out.references, out.told, metric),
        "nemenyi": p.loc[order, order],
        "groups": by_group(out.gains, out.readings, settings),
    }
    out.planned = planned(kept, out.told, metric, settings)
    if settings.readings == Asked.all:
        out.all_readings = readings(kept, out.told, metric, settings)
    return out
