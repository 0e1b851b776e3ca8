"""The verdict under every open reading that needs no new run: does its sign stay, is it resolved?

What the study does not state is read one way by default (`results/README.md`); each other way is
taken here, one at a time, and the causal mix is held anew against default fine-tuning and against
the pre-trained model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import iqr, median_abs_deviation

from bench.analysis.claims import Read, Resampled
from bench.analysis.measures import improvements
from bench.analysis.references import DEFAULT, PRETRAINED, references
from bench.analysis.reliability import runs
from bench.analysis.resolves import Told
from bench.analysis.rules import UNKNOWN, position, read_by
from bench.analysis.safety import causal_methods
from bench.analysis.settings import Analysis, Normalization, Spread
from bench.cell.scored import score_of
from bench.errors import BadInput
from bench.finetune.stopping import StoppingRule
from bench.phrases import counted
from bench.score import Score
from bench.scores import SCORES

MULTICLASS = ("roc_auc_ovo", "roc_auc_ovr")  # one score, of classes against each other or the rest
RULE = "stopping rule"
GAPS = ("correlation_gap", "normalized_gap")
SPREADS: dict[Spread, Callable[[np.ndarray], float]] = {
    Spread.iqr: lambda values: float(iqr(values)),
    Spread.std: lambda values: float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"),
    Spread.mad: lambda values: float(median_abs_deviation(values)),
}
OTHERS = (DEFAULT, PRETRAINED)
NUMBERS = ("difference", "low", "high", "sign_stays", "certainty_stays")
COLUMNS = [
    *("method", "asks", "question", "reading", "is_default"),
    *(f"{number}_{other}" for other in OTHERS for number in NUMBERS),
]
Statistic = Callable[[Read, str], Resampled]


@dataclass
class Readings:
    """The verdict under each reading.

    Attributes
    ----------
    table : DataFrame
        With `COLUMNS`, a row a method and reading: ``asks`` (``improvement``, ``spread``, ``gap``);
        ``question``, what is open, and ``reading``, how it is read; ``is_default``, whether other
        rows that ask the same are held against this one; and of the method minus default
        fine-tuning, and minus the pre-trained model (NaN where that has no such number),
        ``difference``, its interval over datasets, and whether its sign and whether it is resolved
        (0 outside of the interval) are the default's.
    left_out : dict of str → str
        Readings that these records cannot tell, each with why.
    """

    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Way:
    """A reading: what it is called, the statistic that it asks for, and what that is read from."""

    asks: str
    question: str
    reading: str
    statistic: Statistic
    read: Read
    has_pretrained: bool = False


def readings(cells: pd.DataFrame, told: Told, metric: Score, settings: Analysis) -> Readings:
    """Read cells every way.

    Parameters
    ----------
    cells : DataFrame
        Complete units (`bench.analysis.complete.complete`).
    told : Told
        The records that they were made of.
    metric : Score
        What they were scored by.
    settings : Analysis
        The default way.

    Raises
    ------
    BadInput
        If no method mixes causal rows in (`bench.analysis.safety.causal_methods`).
    """
    methods, held = causal_methods(cells), references(cells).of
    if not methods:
        there = ", ".join(sorted(map(str, cells["method"].unique())))
        raise BadInput(
            "analysis.readings=all holds a method that mixes causal rows in against others, and no "
            f"complete unit has one; methods: {there}."
        )
    out = Readings()
    by_asked: dict[str, list[_Way]] = {}
    for way in _ways(cells, told, metric, settings, out.left_out):
        by_asked.setdefault(way.asks, []).append(way)
    rows = [
        row
        for method in methods
        for ways in by_asked.values()
        for row in _rows(method, held.get(method), ways)
    ]
    out.table = pd.DataFrame(rows, columns=COLUMNS)
    return out


def _ways(
    cells: pd.DataFrame,
    told: Told,
    metric: Score,
    settings: Analysis,
    left_out: dict[str, str],
) -> Iterator[_Way]:
    """Every reading, the default ones first among those that ask the same."""
    gap_of = runs(cells)

    def read(cells: pd.DataFrame, metric: Score, normalization: Normalization) -> Read:
        return Read(improvements(cells, metric, normalization), gap_of, settings)

    own = read(cells, metric, settings.normalization)
    median = partial(_Way, "improvement", statistic=Read.median, has_pretrained=True)
    for normalization in sorted(Normalization, key=lambda n: n != settings.normalization):
        yield median("normalization", normalization, read=read(cells, metric, normalization))
    for score in _other_scores(metric):
        other = _by_score(cells, told, score)
        if other is None:
            left_out[score.name] = f"not all records hold {score.title}"
        else:
            yield median(
                "multiclass score", score.name, read=read(other, score, settings.normalization)
            )
    for rule, other in _by_rules(cells, told, metric, left_out):
        yield median(RULE, rule.name, read=read(other, metric, settings.normalization))
    for spread in sorted(Spread, key=lambda s: s != settings.spread):
        statistic = partial(Read.spread_by, of=SPREADS[spread])
        yield _Way("spread", "spread", spread, statistic, own)
    for gap in GAPS:
        yield _Way("gap", "gap", gap, partial(Read.gap, of=gap), own)


def _other_scores(metric: Score) -> list[Score]:
    """The score that is to this one as it averages classes otherwise."""
    if metric.name not in MULTICLASS:
        return []
    return [SCORES[name] for name in MULTICLASS if name != metric.name]


def _by_score(cells: pd.DataFrame, told: Told, score: Score) -> pd.DataFrame | None:
    """Cells with their test scores by another score; None where a record cannot tell it."""
    records = [told.record(identity) for identity in cells["identity"]]
    columns = {}
    for step in ("pretrained", "chosen"):
        values = [record and score_of(record, score.name, step, "test") for record in records]
        if any(value is None for value in values):
            return None
        columns[f"score_{step}"] = score.oriented(np.array(values, dtype=float).round(12))
    return cells.assign(**columns)


def _by_rules(
    cells: pd.DataFrame, told: Told, metric: Score, left_out: dict[str, str]
) -> Iterator[tuple[StoppingRule, pd.DataFrame]]:
    """Each rule with the cells as it would have stopped them.

    Left out without a word are the rules that keep what the runs kept, the default reading, and
    those that fine-tune nothing. A bag stays as it is: each of its children stopped for itself.
    """
    records = [told.record(identity) for identity in cells["identity"]]
    curves = cells["test_curve"].to_list()
    is_read = np.array([bool(curve) for curve in curves]) & [
        bool(r and r["curves"] and not r.get("children")) for r in records
    ]
    if not is_read.any():
        return
    own = cells["score_chosen"].to_numpy(float)
    for rule in read_by(metric).values():
        kept = [
            position(record, rule) if reads and record else 0
            for record, reads in zip(records, is_read, strict=True)
        ]
        lacking = sum(at == UNKNOWN for at in kept)
        if lacking:
            what = "standard errors" if rule.reads_errors else "validation curves"
            left_out[rule.name] = f"{counted(lacking, 'run')} hold no {what} that it reads"
            continue
        chosen = own.copy()
        chosen[is_read] = [
            curve[at] for curve, at, reads in zip(curves, kept, is_read, strict=True) if reads
        ]
        if any(kept) and not np.array_equal(chosen, own):
            yield rule, cells.assign(score_chosen=chosen)


def _rows(method: str, default: str | None, ways: list[_Way]) -> Iterator[dict[str, object]]:
    """A row a reading; the first is the default one."""
    first: dict[str, tuple[float, float, float]] = {}
    for way in ways:
        value = way.statistic(way.read, method)
        minus: Mapping[str, Resampled | None] = {
            DEFAULT: value - way.statistic(way.read, default) if default else None,
            PRETRAINED: value if way.has_pretrained else None,
        }
        row: dict[str, object] = {
            "method": method, "asks": way.asks, "question": way.question,
            "reading": str(way.reading), "is_default": way is ways[0],
        }  # fmt: skip
        for other, difference in minus.items():
            if difference is None:
                continue
            low, high = way.read.interval(difference)
            numbers = (difference.value, low, high)
            default_reading = first.setdefault(other, numbers)
            stays = (
                _sign(numbers) == _sign(default_reading),
                _side(numbers) == _side(default_reading),
            )
            named = (f"{number}_{other}" for number in NUMBERS)
            row |= dict(zip(named, (*numbers, *stays), strict=True))
        yield row


def _sign(numbers: tuple[float, float, float]) -> float:
    return float(np.sign(numbers[0]))


def _side(numbers: tuple[float, float, float]) -> int:
    """1 or −1 where the interval lies above or below 0; else 0."""
    _, low, high = numbers
    return int(low > 0) - int(high < 0)
