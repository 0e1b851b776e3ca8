"""What resolves: every method minus default fine-tuning, in every score that the records can tell.

A score that weighs each probability may tell apart what ranks cannot. So many comparisons resolve
some by chance alone: each has its p-value (Student's t over tables, n − 1), and Holm's over all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import pandas as pd
from scipy.special import stdtr

from bench.analysis.frame import UNIT
from bench.analysis.paired import chance_of_resolving, over_tables
from bench.analysis.problems import has_unit
from bench.analysis.references import References
from bench.analysis.significance import holm
from bench.cell import scored
from bench.cell.record import Record
from bench.datasets.splits import N_FOLDS, N_SPLITS
from bench.score import Score
from bench.scores import SCORES

STEPS = ("chosen", "last")
TABLES, FOLDS = "tables", "folds"  # what differences are averaged over
COLUMNS = ["score", "step", "method", "against", "mean", "se", "over", "n", "units", "p", "p_holm"]


class Told:
    """The test scores that records can tell, read one score at a time: a frame of all is too much.

    Parameters
    ----------
    records : iterable of Record
        Those that cells were made of (`bench.analysis.frame.frame`).
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._done = {r["identity"]["hash"]: r for r in records if r["status"] == "done"}

    def record(self, identity: str) -> Record | None:
        """The record of a cell that is done; None where there is none."""
        return self._done.get(identity)

    @property
    def splits(self) -> int:
        """How many folds their table has: one with times has no repeats."""
        settings = (record["settings"]["dataset"] for record in self._done.values())
        return N_FOLDS if any(of.get("time") for of in settings) else N_SPLITS

    def scores(self, identities: pd.Series) -> tuple[list[Score], list[Score]]:
        """The scores that all records of some identities can tell, and those that just some can.

        What has no record (a cell that failed, an imputed score) is not counted.
        """
        done = [self._done[i] for i in identities.unique() if i in self._done]
        told = Counter(name for record in done for name in scored.names(record))
        every = [score for name, score in SCORES.items() if told[name]]
        common = [score for score in every if told[score.name] == len(done)]
        return common, [score for score in every if score not in common]

    def values(self, score: Score, identities: pd.Series) -> np.ndarray:
        """A score of each cell at each of `STEPS`.

        Returns
        -------
        ndarray of shape (n_cells, 2)
            Turned so that greater is better; NaN where a cell has no such score. Rounded as
            `bench.analysis.frame.frame` rounds.
        """
        codes, unique = pd.factorize(identities, use_na_sentinel=False)
        none = [None] * len(STEPS)
        found = np.array(
            [
                [scored.score_of(self._done[i], score.name, step, "test") for step in STEPS]
                if i in self._done
                else none
                for i in unique
            ],
            dtype=float,
        ).reshape(-1, len(STEPS))
        turned: np.ndarray = score.oriented(found.round(12))
        return turned[codes]


def resolves(cells: pd.DataFrame, held: References, told: Told, first: Score) -> pd.DataFrame:
    """Hold every method against its default fine-tuning in every score that all records can tell.

    A score that is another one in every cell, as the ROC-AUCs of two classes are, is no comparison
    more: it is left out. So is one that no cell has, and one in each target's own unit.

    Parameters
    ----------
    cells : DataFrame
        Complete units (`bench.analysis.complete.complete`), no unit twice for a method.
    held : References
        Of their methods.
    told : Told
    first : Score
        The one that comes first.

    Returns
    -------
    DataFrame
        A row a comparison, with `COLUMNS`: ``score`` (its name), ``step`` (of `STEPS`), ``method``,
        ``against``, ``mean`` ± ``se`` of the difference, above 0 where the method is better, over
        ``n`` tables (``over``: `TABLES`), of a single one over its folds (`FOLDS`); ``units`` that
        have the score; ``p``, two-sided, of it and ``p_holm``, over all rows (NaN without a
        standard error above 0; 1 where nothing differs).
    """
    ours, theirs = list(held.of), list(held.of.values())
    scores = [s for s in told.scores(cells["identity"])[0] if not has_unit(s)]
    if not ours or not scores:
        return pd.DataFrame(columns=COLUMNS)
    scores.sort(key=lambda score: score.name != first.name)
    named = cells[[*UNIT, "method"]].assign(place=np.arange(len(cells)))
    places = named.pivot(index=UNIT, columns="method", values="place")
    pair = places[ours].to_numpy(), places[theirs].to_numpy()
    over = TABLES
    if len(places.index.unique("dataset")) == 1:  # what is averaged are its folds, over seeds
        over, places = FOLDS, places.rename_axis(index={"dataset": "table", "fold": "dataset"})
    parts, seen = [], set()
    for score in scores:
        values = told.values(score, cells["identity"])
        content = blake2b(values.tobytes()).digest()
        if content in seen or np.isnan(values).all():
            continue
        seen.add(content)
        for at, step in enumerate(STEPS):
            one, other = (values[place, at] for place in pair)
            differences = pd.DataFrame(one - other, index=places.index, columns=ours)
            table = over_tables(differences).rename_axis("method").reset_index()
            parts.append(table.assign(score=score.name, step=step))
    rows = pd.concat(parts, ignore_index=True).rename(columns={"tables": "n"})
    rows["against"] = rows["method"].map(held.of)
    rows["over"], rows["p"], rows["p_holm"] = over, _p(rows), np.nan
    known = rows["p"].notna()
    rows.loc[known, "p_holm"] = holm(rows.loc[known, "p"].to_numpy())
    return rows[COLUMNS]


def _p(rows: pd.DataFrame) -> np.ndarray:
    """Two-sided, of Student's t; 1 where nothing differs, NaN where all differ alike or one is."""
    mean, se, n = (rows[column].to_numpy(float) for column in ("mean", "se", "n"))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(n - 1, -np.abs(mean / se))
    alike = np.round(se, 12) == 0  # no spread: nothing to hold a mean against
    return np.where(alike, np.where(mean == 0, 1.0, np.nan), p)


def by_chance(rows: pd.DataFrame) -> float:
    """How many comparisons of `resolves` chance alone would resolve, on average."""
    counts = Counter(map(int, rows.loc[rows["se"].notna(), "n"]))
    return sum(times * chance_of_resolving(n) for n, times in counts.items())
