"""The scores of a record, by the definitions of today.

A recorded value is one of a definition, whose fingerprint the record tells. Where that is another
today, or the record is older than the score, its value is computed from the predictions. Values
of records that tell or keep none of this are as they were recorded, and so are those of predicted
distributions, which no record keeps.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.cell import predictions
from bench.cell.identity import PARTS, score_fingerprints
from bench.cell.predictions import WHEN
from bench.cell.record import Record
from bench.score import Score
from bench.scores import SCORES, problem_of_score
from bench.scores._held import FaultyScore, held
from bench.value_score import ValueScore

ROUNDING = 1e-12  # logarithms differ in their last bits from processor to processor


def steps_told(record: Record, when: str) -> str:
    """Which step of a record that is done is ``pretrained``, ``chosen`` or ``last``, for people.

    Step 0 is the pre-trained model. Of weights that were adapted to other tables first, steps are
    those on these; where more steps on the cell's own table followed, step 0 is the adapted model.

    >>> record = {"children": [], "chosen_step": 4, "last_step": 8, "transfer": None}
    >>> steps_told(record, "pretrained"), steps_told(record, "chosen")
    ('step 0', 'step 4')
    >>> steps_told({**record, "children": [{"last_step": 9}, {"last_step": 7}]}, "last")
    'steps 9, 7'
    >>> adapted = {**record, "transfer": {"chosen_step": 40}, "curves": {}}
    >>> steps_told(adapted, "pretrained"), steps_told(adapted, "chosen")
    ('as published', 'step 4 on other tables')
    >>> steps_told({**adapted, "curves": {"step": [0, 4, 8]}}, "chosen")
    'adapted, step 4'
    """
    is_adapted = record["transfer"] is not None
    if when == WHEN[0]:
        return "as published" if is_adapted else "step 0"
    runs = record["children"] or [record]
    steps = ", ".join(str(run[f"{when}_step"]) for run in runs)
    told = f"steps {steps}" if len(runs) > 1 else f"step {steps}"
    if not is_adapted:
        return told
    return f"adapted, {told}" if record["curves"] else f"{told} on other tables"


def shown(name: str, value: float | None) -> str:
    """A score's value for people: four decimals, or six digits of one in the target's unit.

    >>> shown("rmse_sd", 0.25), shown("rmse", 43078.60142), shown("mae", 2.5e-13), shown("r2", None)
    ('0.2500', '43078.6', '2.5e-13', '–')
    """
    if value is None:
        return "–"
    score = SCORES.get(name)
    return f"{value:.6g}" if isinstance(score, ValueScore) and score.has_unit else f"{value:.4f}"


def names(record: Record) -> list[str]:
    """The scores of today that a record can tell, in their order."""
    recorded = record["metrics"].get("chosen", {}).get("test", {})
    return [name for name, score in SCORES.items() if name in recorded or _fits(record, score)]


def score_of(record: Record, name: str, when: str, part: str) -> float | None:
    """A score of a record; None where it does not exist, or the record cannot tell it.

    Parameters
    ----------
    record : Record
    name : str
        One of `bench.scores.SCORES`.
    when : str
        ``pretrained``, ``chosen`` or ``last``.
    part : str
        ``validation`` or ``test``.
    """
    score = SCORES[name]
    if _fits(record, score) and not is_of_today(record, name):
        return computed(record, score, when, part)
    value: float | None = record["metrics"].get(when, {}).get(part, {}).get(name)
    return value


def curve_of(record: Record, name: str, part: str) -> list[float | None]:
    """The curve of a score; none where it was drawn by another definition than its values."""
    if record["predictions"] and not is_of_today(record, name):
        return []
    curve: list[float | None] = record["curves"].get(part, {}).get(name, [])
    return curve


def is_of_today(record: Record, name: str) -> bool:
    """Whether a record's own value is one of the score as it is defined today."""
    told: str | None = record["provenance"]["scores"].get(name)
    return told is not None and told == score_fingerprints().get(name)


def computed(record: Record, score: Score, when: str, part: str) -> float | None:
    """A score of the predictions that a record keeps."""
    labels, told = predictions.at(record["predictions"], when, part, record["data"]["classes"])
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that no cell tells
        return held(score, labels, told)


def _fits(record: Record, score: Score) -> bool:
    """Whether a score can be computed from what the record keeps: no distribution."""
    of_distribution = isinstance(score, ValueScore) and score.of_distribution
    problem = problem_of_score(record["metric"]["name"])
    is_of_these = problem_of_score(score.name) == problem and not of_distribution
    return bool(record["predictions"]) and is_of_these


def contradictions(record: Record) -> Iterator[str]:
    """Recorded scores that are not those of the predictions beside them, a clause each."""
    for when in WHEN if record["predictions"] else ():
        for part in PARTS:
            for name, told in record["metrics"][when][part].items():
                score = SCORES.get(name)
                if score and _fits(record, score) and is_of_today(record, name):
                    try:
                        found = computed(record, score, when, part)
                    except FaultyScore:  # it was told by today's definition: they are at fault
                        yield f"{when} {part} {name} is {told}, but its predictions have none"
                        continue
                    if not _equal(score, told, found):
                        yield f"{when} {part} {name} is {told}, but {found} of its predictions"


def _equal(score: Score, a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a == b
    has_unit = isinstance(score, ValueScore) and score.has_unit
    return abs(a - b) <= ROUNDING * (max(abs(a), abs(b)) if has_unit else 1)
