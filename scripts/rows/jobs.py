"""One table, one split, one source of rows: made once, used alone, beside real rows, or both."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from bench import seeds
from bench.cell.identity import code_fingerprint
from bench.generator import NotApplicable
from bench.quality.arrays import Columns, Standardizer
from bench.quality.learners import boosting, predict
from bench.quality.measures import quality
from bench.quality.utility import utility
from bench.scores.log_loss import log_loss
from bench.scores.roc_auc_ovo import roc_auc_ovo
from bench.table import Table
from scripts.rows import sources
from scripts.rows.tables import parts

FAILED = "failed: "


@dataclass(frozen=True)
class RowsJob:
    """Rows of one source, and what they are worth.

    Parameters
    ----------
    dataset : str
        See `scripts.rows.tables.load`.
    seed : int
        The split, and the randomness.
    source : str
        See `scripts.rows.sources`; or ``real``.
    methods : tuple of str
        The source itself, ``real+`` it, or both.
    params : tuple of str
        Of the generator.
    worth_only : bool
        Whether the measures of `bench.quality` but utility are left out.
    in_context : bool
        Whether the pre-trained model reads the rows too (`scripts.rows.context`).
    code : str
        What the code that makes and measures the rows is known by.
    draw : int
        Which of several seeds on this table and split; 0: the first.
    """

    dataset: str
    seed: int
    source: str
    methods: tuple[str, ...]
    params: tuple[str, ...] = ()
    worth_only: bool = False
    in_context: bool = False
    code: str = ""
    draw: int = 0

    @property
    def settings(self) -> str:
        """What decides the rows beside their table, split and method."""
        measures = ["worth" if self.worth_only else "all", *["in context"] * self.in_context]
        draw = [f"· draw {self.draw}"] * bool(self.draw)
        return " ".join([*self.params, "·", *measures, "·", self.code, *draw])

    @property
    def keys(self) -> list[tuple[str, int, str, str]]:
        """What each of its rows is known by: dataset, seed, method, settings."""
        return [(self.dataset, self.seed, method, self.settings) for method in self.methods]

    def run(self) -> list[dict[str, Any]]:
        """One row of measures each method; one with a note where there are none."""
        about = {"dataset": self.dataset, "seed": self.seed, "note": "", "settings": self.settings}
        try:
            return [{**about, **row} for row in self._rows()]
        except NotApplicable as refusal:
            note = str(refusal)
        # A run of an hour must not end because one library's fit did on one table: the row says
        # what happened, is shown below the tables, and is tried anew by --resume.
        except Exception as error:
            note = f"{FAILED}{type(error).__name__}: {error}"
        return [{**about, "method": method, "note": note} for method in self.methods]

    def _rows(self) -> list[dict[str, Any]]:
        train, test = parts(self.dataset, self.seed)
        if self.source == "real":
            return [{"method": "real", "rows": len(train), **self._worth(train, test)}]
        rng = self._rng()
        start = time.process_time()
        generator = sources.generator(self.source, self.params).fit(train, rng)
        made = generator.sample(len(train), rng)
        about = {
            "rows": len(train),
            "seconds": time.process_time() - start,
            "phases": json.dumps({k: round(v, 3) for k, v in generator.seconds_.items()}),
            "facts": json.dumps(dict(generator.facts_), default=str),
        }
        rows = []
        for method in self.methods:
            alone = method == self.source
            measured = self._worth(made if alone else train.concat(made), test)
            if alone and not self.worth_only:
                measured |= quality(train, made, rng, test)
            rows.append({**about, "method": method, **measured})
        return rows

    def _rng(self) -> np.random.Generator:
        """By the generator's name alone: its variants are compared on the same draws."""
        named = (self.dataset, self.seed, sources.base(self.source), *[self.draw] * bool(self.draw))
        return seeds.generator("evaluate_scm", *named)

    def _worth(self, train: Table, test: Table) -> dict[str, float | None]:
        measured = worth(train, test)
        if self.in_context:
            from scripts.rows.context import in_context  # torch takes seconds

            measured |= in_context(train, test, self.seed)
        return measured


def worth(train: Table, test: Table) -> dict[str, float | None]:
    """`bench.quality.utility`, and of classes what its two learners make each.

    Returns
    -------
    dict
        ``tstr_r2``, or ``tstr_roc_auc`` with ``linear_roc_auc``, ``boosted_roc_auc`` and
        ``log_loss``, their mean in nats.
    """
    if not train.classes or len(np.unique(test.y)) < 2:
        return utility(train, test)
    known = Columns.of(train, target=False)
    unseen = Columns.of(test, like=train, target=False)
    encoder = Standardizer(known)
    both = [
        _probabilities(LogisticRegression(max_iter=500), encoder(known), train, encoder(unseen)),
        _probabilities(
            boosting(HistGradientBoostingClassifier, known),
            known.side_by_side(),
            train,
            unseen.side_by_side(),
        ),
    ]
    areas = [roc_auc_ovo(test.y, probabilities) for probabilities in both]
    losses = [log_loss.function(test.y, probabilities) for probabilities in both]
    return {
        "tstr_roc_auc": float(np.mean(areas)),
        "linear_roc_auc": areas[0],
        "boosted_roc_auc": areas[1],
        "log_loss": float(np.mean(losses)),
    }


def _probabilities(model: Any, known: np.ndarray, train: Table, unseen: np.ndarray) -> np.ndarray:
    present = np.unique(train.y)
    probabilities = np.zeros((len(unseen), train.n_classes))
    if len(present) == 1 or not known.shape[1]:
        probabilities[:, present] = 1 / len(present)
    else:
        probabilities[:, present] = predict(model, known, train.y, unseen)
    return probabilities


@cache
def code(source: str) -> str:
    """The fingerprint's beginning, of what runs to make a source's rows and to measure them."""
    made_by = [] if source == "real" else [sources.config(source)["_target_"]]
    modules = [name.rpartition(".")[0] for name in made_by]
    return code_fingerprint([__name__, *modules])[:12]


def jobs(
    datasets: tuple[str, ...],
    splits: list[int],
    methods: list[str],
    params: tuple[str, ...] = (),
    once: tuple[str, ...] = (),
    **settings: bool,
) -> list[RowsJob]:
    """What there is to run; the real rows come first, because all methods are held against them.

    ``params`` are those of SCM, whatever else its sources name; methods in ``once`` run on the
    first of the splits alone; ``settings`` are `RowsJob`'s.
    """
    return [
        RowsJob(
            dataset,
            seed,
            source,
            tuple(of_source),
            params if sources.base(source) == "scm" else (),
            code=code(source),
            **settings,
        )
        for dataset in datasets
        for seed in splits
        for source, of_source in _by_source(methods, *(once if seed == splits[0] else ())).items()
    ]


def _by_source(methods: list[str], *more: str) -> dict[str, list[str]]:
    found = {"real": ["real"]}
    for method in [*methods, *more]:
        found.setdefault(method.removeprefix("real+"), []).append(method)
    return {**found, "real": ["real"]}
