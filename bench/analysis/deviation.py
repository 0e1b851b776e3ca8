"""One deviation for all records of a fold: what is divided by the training targets' is so alike.

A run divides by the deviation of the rows that it learnt from. A bag, whose children hold out one
piece each, and a run with another share of validation rows, learn from other rows of the same fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from math import log
from typing import Any

from bench.analysis.problems import REGRESSION, problem_of_record
from bench.cell.record import Record

ALIKE = 1e-9  # deviations of the same rows, told from rounded scores
# Score → its value under another deviation: that many times as large, and the value it had.
TURNED: dict[str, Callable[[float, float], float]] = {
    "rmse_sd": lambda times, value: value / times,
    "log_score": lambda times, value: value - log(times),
}


def in_one_deviation(records: Iterable[Record]) -> list[Record]:
    """Records as if each had divided by the deviation of its fold's first one that is no bag."""
    records = list(records)
    known: dict[tuple[str, str, int], float] = {}
    for record in sorted(records, key=lambda record: bool(record["children"])):
        own = _deviation(record)
        if own is not None:
            known.setdefault(_fold(record), own)
    return [_turned(record, known.get(_fold(record))) for record in records]


def _fold(record: Record) -> tuple[str, str, int]:
    cell = record["cell"]
    return cell["dataset"], str(record["identity"]["parts"].get("dataset")), cell["fold"]


def _deviation(record: Record) -> float | None:
    """What a record of numbers divided by; None where it tells none."""
    if problem_of_record(record) != REGRESSION or record["status"] != "done":
        return None
    told = record["metrics"]["pretrained"]["test"]
    return told["rmse"] / told["rmse_sd"] if told.get("rmse_sd") else None


def _turned(record: Record, deviation: float | None) -> Record:
    own = _deviation(record)
    if own is None or deviation is None or abs(deviation / own - 1) < ALIKE:
        return record
    turned = partial(_scores, times=deviation / own)
    metrics = {
        when: {part: turned(scores) for part, scores in of.items()}
        for when, of in record["metrics"].items()
    }
    parts = ("validation", "test")
    curves = {key: turned(of) if key in parts else of for key, of in record["curves"].items()}
    return {**record, "metrics": metrics, "curves": curves}


def _scores(scores: dict[str, Any], times: float) -> dict[str, Any]:
    """Scores, or curves of them."""
    return {
        name: value if name not in TURNED else _value(value, partial(TURNED[name], times))
        for name, value in scores.items()
    }


def _value(value: Any, turned: Callable[[float], float]) -> Any:
    if isinstance(value, list):
        return [_value(one, turned) for one in value]
    return None if value is None else turned(value)
