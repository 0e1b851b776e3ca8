"""Which ways from edge probabilities to rows a table asks for: what its own unseen rows say.

No one way fits all tables: the features given their class, the class given the features, straight
lines, or trees. Rows of each way, learnt from some of the training rows, are learnt from, and what
is learnt is scored on the training rows that are left. Nothing else is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval, Len
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold

from bench.ranges import Chance, Count, NotNegative, Whole, checked
from bench.table import Table
from generators.scm.graphs import Target
from generators.scm.ladder import Rungs
from generators.scm.ways import Way


class Selecting(StrEnum):
    """Whether a table chooses."""

    cv = "cv"  # between ways, by its own unseen rows
    fixed = "fixed"  # target, repair and ladder are as they are given


@checked
@dataclass(frozen=True)
class Choice:
    """Every number of the choice.

    Parameters
    ----------
    ways : sequence of Way
        Beside the one that ``target``, ``repair`` and ``ladder`` describe, which is the first.
    prefer : sequence of int
        The mixture that is taken unless another one is clearly ahead: places of ways, from 0.
    folds : int
        Of the training rows.
    rows : int
        Training rows that choose at most; a random choice of more.
    fewest : int
        Rows of each class that a choice needs, twice as many of a numeric target; else ``prefer``
        is taken.
    columns : int
        Of a table that chooses at most: wider ones take ``prefer``.
    n_dags, resamples : int
        Of each way, and of the search, in a fold.
    trees, leaf : int
        Of the learner beside the linear one, and rows of a leaf of its.
    steps : int
        At most, of logistic regression, the linear one of classes.
    errors : float
        Standard errors by which a mixture must be ahead of the preferred one.
    time : float
        Share of the time that is left after the search.
    """

    ways: Annotated[Sequence[Way], Len(1)] = (
        Way(Target.root, 0.999, Rungs.forest),
        Way(Target.sink, 0.999, Rungs.forest),
    )
    prefer: Annotated[Sequence[Whole], Len(1)] = (0, 1, 2)
    folds: Annotated[int, Interval(ge=2, le=100)] = 3
    rows: Count = 500
    fewest: Count = 3
    columns: Count = 60
    n_dags: Count = 2
    resamples: Count = 2
    trees: Count = 40
    leaf: Count = 2
    steps: Count = 300
    errors: NotNegative = 1.0
    time: Chance = 0.4


CHOICE = Choice()


Mixture = tuple[int, ...]  # places of ways, ascending; each gives an equal share of the rows


def chosen(
    table: Table,
    n_ways: int,
    make: Callable[[Table], list[Table]],
    choice: Choice,
    rng: np.random.Generator,
    is_late: Callable[[], bool],
    together: bool = True,
) -> tuple[Mixture, dict[str, Any]]:
    """The mixture of ways that the training rows choose.

    Parameters
    ----------
    table : Table
        The training rows.
    n_ways : int
    make : callable
        Rows of each way that is learnt from the rows given, as many as these.
    choice : Choice
    rng : numpy.random.Generator
    is_late : callable
        Whether no other fold may be begun.
    together : bool
        Whether more than one way may be taken.

    Returns
    -------
    (mixture, facts)
        ``facts``: ``folds`` that were scored, and of each mixture its mean ``scores``, ROC-AUC or
        R², as "0+2".
    """
    ways = range(n_ways)
    preferred = tuple(place for place in choice.prefer if place in ways) if together else ()
    preferred = preferred or (0,)
    most = n_ways if together else 1
    mixtures = [m for size in range(1, most + 1) for m in combinations(ways, size)]
    scores = [
        [_worth(_mixed(made, mixture), unseen, choice) for mixture in mixtures]
        for made, unseen in _folds(table, make, choice, rng, is_late)
    ]
    if not scores:
        return preferred, {"folds": 0, "scores": {}}
    worth = np.array(scores).transpose(0, 2, 1).reshape(-1, len(mixtures))  # folds × learners
    gain = worth - worth[:, [mixtures.index(preferred)]]
    best = int(np.argmax(gain.mean(axis=0)))
    ahead = gain[:, best].mean() > choice.errors * gain[:, best].std() / np.sqrt(len(gain))
    told = zip(mixtures, worth.mean(axis=0).tolist(), strict=True)
    facts = {"+".join(map(str, mixture)): round(score, 4) for mixture, score in told}
    return mixtures[best] if ahead else preferred, {"folds": len(scores), "scores": facts}


def _folds(
    table: Table,
    make: Callable[[Table], list[Table]],
    choice: Choice,
    rng: np.random.Generator,
    is_late: Callable[[], bool],
) -> Iterator[tuple[list[Table], Table]]:
    """Rows of each way learnt from all but a fold, and the fold; none where rows are too few."""
    counts = table.class_counts() if table.classes else np.array([len(table) // 2])
    is_wide = table.X.shape[1] > choice.columns
    if is_wide or counts[counts > 0].min() < max(choice.folds, choice.fewest):
        return
    rows = np.arange(len(table))
    if len(rows) > choice.rows:
        rows = np.sort(rng.choice(rows, choice.rows, replace=False))
    kind = StratifiedKFold if table.classes else KFold
    splitter = kind(choice.folds, shuffle=True, random_state=int(rng.integers(2**31)))
    for known, unseen in splitter.split(rows, table.y[rows]):
        if is_late():
            return
        yield make(table.take(rows[known]).prune_levels()), table.take(rows[unseen])


def _mixed(made: list[Table], mixture: Mixture) -> Table:
    """An equal share of the rows of each way."""
    sizes = [len(part) for part in np.array_split(np.arange(len(made[0])), len(mixture))]
    first, *others = (
        made[place].take(np.arange(size)) for place, size in zip(mixture, sizes, strict=True)
    )
    for other in others:
        first = first.concat(other)
    return first


def _worth(made: Table, unseen: Table, choice: Choice) -> list[float]:
    """ROC-AUC, or R² above −1, of a linear learner and of trees on the unseen rows."""
    X, asked = _ranks_and_levels(made, made), _ranks_and_levels(unseen, made)
    trees = {"n_estimators": choice.trees, "min_samples_leaf": choice.leaf, "random_state": 0}
    if not X.shape[1] or len(np.unique(made.y)) < 2:
        return [0.5 if made.classes else 0.0] * 2
    if not made.classes:
        numbers = (Ridge(), ExtraTreesRegressor(**trees))
        unit = np.abs(unseen.y).max() or 1.0  # squares of huge ones overflow
        predicted = [model.fit(X, made.y / unit).predict(asked) for model in numbers]
        return [max(r2_score(unseen.y / unit, values), -1.0) for values in predicted]
    present, scores = np.unique(unseen.y), []
    for model in (LogisticRegression(max_iter=choice.steps), ExtraTreesClassifier(**trees)):
        chances = np.zeros((len(unseen), len(made.classes)))
        chances[:, np.unique(made.y)] = model.fit(X, made.y).predict_proba(asked)
        scores.append(_area(unseen.y, chances[:, present], present))
    return scores


def _area(y: np.ndarray, chances: np.ndarray, present: np.ndarray) -> float:
    """One-vs-one macro ROC-AUC; ½ where one class is all there is."""
    if len(present) < 2:
        return 0.5
    total = chances.sum(axis=1, keepdims=True)
    chances = np.where(total > 0, chances / np.where(total > 0, total, 1.0), 1 / len(present))
    if len(present) == 2:
        return float(roc_auc_score(y == present[1], chances[:, 1]))
    return float(roc_auc_score(y, chances, multi_class="ovo", labels=present))


def _ranks_and_levels(table: Table, like: Table) -> np.ndarray:
    """Numbers as their ranks among those of ``like``, from −1 to 1, and indicators of its levels.

    Ranks, as the linear learner then reads any magnitude; what is missing or unknown is 0.
    """
    columns = []
    for name in like.numeric:
        known, values = np.sort(like.X[name].dropna().to_numpy()), table.X[name].to_numpy()
        below = [np.searchsorted(known, values, side=side) for side in ("left", "right")]
        rank = (below[0] + below[1]) / max(len(known), 1) - 1.0
        columns.append(np.where(np.isnan(values), 0.0, rank)[:, None])
    for name in like.categorical:
        text, levels = table.X[name].astype(object).to_numpy(), like.X[name].cat.categories
        columns.append(text[:, None] == levels.to_numpy(object)[None, :])
    return np.hstack([np.zeros((len(table), 0)), *columns])
