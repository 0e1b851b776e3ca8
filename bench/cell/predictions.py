"""The predictions that a record keeps, so that scores can be computed when it is read.

Layout: ``{classes, labels: {part: text}, steps: {pretrained | chosen | last: {part: text}}}``, each
once: without ``chosen`` it is the pre-trained model's, without ``last`` what was chosen.
``classes`` are the codes that a training row has; no other gets a probability. A text is base64: a
label is a byte a row, probabilities are log-odds against the first of the classes, 3 bytes each
(signed, the lowest first), in steps of 2⁻¹⁸ within ±32.

Of a numeric target it is ``{scale, labels, steps}``: the standard deviation of the training rows'
targets, and 8 bytes a row (IEEE 754 binary64, the lowest first). Labels are as they are; predicted
means are multiples of 2⁻¹⁸ of the scale, or of the power of two that is nearest to it. A predicted
distribution, a thousand numbers a row, is not kept: its scores are those that the cell told.

A cell rounds to that before it scores or chooses anything (`rounding`), so that whoever computes a
score later computes it of the same numbers. They are read by products, sums and quotients alone,
which give the same bits on every processor; its own `exp` would not. Values are read as they lie.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal, localcontext
from functools import cache
from typing import Any

import numpy as np

from bench.models.base import Probabilities, Score
from bench.predicted import Predicted, Predictions
from bench.score import ScoreError, require_probabilities
from bench.value_score import require_values

STEP, FURTHEST = 2.0**-18, 2**23 - 1  # of log-odds, and how many steps away the furthest are
DIGIT = 6  # bits of them that are looked up together
LEAST = 5e-324  # the smallest probability that is no zero
# What a record keeps at most, in characters and in probabilities unpacked; else it keeps none.
LONGEST, MOST = 3 * 2**19, 2**23
MOST_CLASSES = 256  # a label is a byte
VALUE, BYTES = "<f8", 8  # a label or a mean of a numeric target
WHEN = ("pretrained", "chosen", "last")

Kept = dict[str, Any]


def rounding(score: Score, labels: Mapping[str, np.ndarray], classes: np.ndarray) -> Score:
    """A model's score whose predictions are rounded to those that a record keeps.

    Parameters
    ----------
    score : callable
        Module → predictions of each part.
    labels : dict of part → ndarray (q,)
    classes : ndarray of int
        The codes that a training row has; of a numeric target none.

    Returns
    -------
    callable
        It raises as `rounded`.
    """
    return lambda module: rounded(score(module), labels, classes)


def rounded(
    probabilities: Probabilities, labels: Mapping[str, np.ndarray], classes: np.ndarray
) -> Probabilities:
    """Predictions of each part as a record keeps them; distributions as they are.

    Raises
    ------
    ScoreError
        For what are no predictions of the labels, or some of a class of no training row.
    """

    def of_part(y: np.ndarray, given: Predictions) -> Predictions:
        if isinstance(given, Predicted):
            require_values(y, given)
            return replace(given, mean=_on_grid(given.mean, given.scale))
        require_probabilities(y, given)
        if np.delete(given, classes, axis=1).any():
            raise ScoreError("The model gives a probability to a class that no training row has.")
        return _unpacked(_packed(given[:, classes]), classes, given.shape[1], len(y))

    return {part: of_part(labels[part], given) for part, given in probabilities.items()}


def kept(
    labels: Mapping[str, np.ndarray], steps: Mapping[str, Probabilities], classes: np.ndarray
) -> Kept:
    """What a record keeps of rounded predictions; {} where that would be too much for one.

    Parameters
    ----------
    labels : dict of part → ndarray (q,)
    steps : dict of `WHEN` → predictions of each part
    classes : ndarray of int
    """
    n_rows, test = sum(map(len, labels.values())), steps[WHEN[0]]["test"]
    if isinstance(test, Predicted):
        found = {
            "scale": test.scale,
            "labels": {part: _text(y.astype(VALUE).tobytes()) for part, y in labels.items()},
            "steps": once(
                {part: _text(p.mean.astype(VALUE).tobytes()) for part, p in steps[when].items()}
                for when in WHEN
            ),
        }
        return found if _length(found) <= LONGEST else {}
    n_classes = test.shape[1]
    if n_classes > MOST_CLASSES or n_rows * n_classes > MOST:
        return {}
    found = {
        "classes": classes.tolist(),
        "labels": {part: _text(y.astype(np.uint8).tobytes()) for part, y in labels.items()},
        "steps": once(
            {part: _text(_packed(p[:, classes])) for part, p in steps[when].items()}
            for when in WHEN
        ),
    }
    return found if _length(found) <= LONGEST else {}


def _length(found: Kept) -> int:
    texts = [found["labels"], *found["steps"].values()]
    return sum(len(text) for of_parts in texts for text in of_parts.values())


def once(steps: Iterable[Any]) -> dict[str, Any]:
    """What is kept at each of `WHEN`, given in that order: what is as before is left out.

    >>> once(["a", "b", "b"])
    {'pretrained': 'a', 'chosen': 'b'}
    """
    out: dict[str, Any] = {}
    for when, texts in zip(WHEN, steps, strict=True):
        if texts != next(reversed(out.values()), None):
            out[when] = texts
    return out


def at(predictions: Kept, when: str, part: str, n_classes: int) -> tuple[np.ndarray, Predictions]:
    """Labels (n,) and what was predicted of a part, of predictions without a fault.

    Probabilities (n, n_classes); of no classes `Predicted` values without a distribution.
    """
    labels = binascii.a2b_base64(predictions["labels"][part])
    earlier = [name for name in WHEN[: WHEN.index(when) + 1] if name in predictions["steps"]]
    packed = binascii.a2b_base64(predictions["steps"][earlier[-1]][part])
    if not n_classes:
        return _values(labels), Predicted(_values(packed), predictions["scale"])
    y = np.frombuffer(labels, dtype=np.uint8).astype(np.int64)
    return y, _unpacked(packed, np.array(predictions["classes"]), n_classes, len(y))


def apart(one: Predictions, two: Predictions) -> float:
    """How far two predictions of the same rows lie apart at most.

    In probability; of a numeric target in deviations of the training rows' targets.
    """
    if isinstance(one, Predicted) and isinstance(two, Predicted):
        return float(np.abs((one.mean - two.mean) / one.scale).max())
    assert isinstance(one, np.ndarray)
    assert isinstance(two, np.ndarray)
    return float(np.abs(one - two).max())


def fault(predictions: Kept, rows: Mapping[str, int], n_classes: int) -> str | None:
    """Why predictions can be those of no cell of so many rows and classes, in a clause.

    Parameters
    ----------
    predictions : dict
    rows : dict of part → int
    n_classes : int
        0 of a numeric target.
    """
    if WHEN[0] not in predictions["steps"]:
        return "those of the pre-trained model are missing"
    if not n_classes:
        return _fault_of_scale(predictions) or _fault_of_texts(predictions, rows, BYTES, BYTES)
    wrong = _fault_of_classes(predictions, sum(rows.values()), n_classes)
    width = 3 * (len(predictions.get("classes", [])) - 1)
    return wrong or _fault_of_texts(predictions, rows, 1, width, n_classes)


def _fault_of_scale(predictions: Kept) -> str | None:
    if "classes" in predictions:
        return "there are classes, and the target is a number"
    return None if predictions.get("scale", 0) > 0 else "there is no scale above 0"


def _fault_of_classes(predictions: Kept, n_rows: int, n_classes: int) -> str | None:
    if "scale" in predictions:
        return "there is a scale, and the target is a class"
    classes = predictions.get("classes", [])
    if classes != sorted(set(classes)) or not classes or classes[-1] >= n_classes:
        return "the classes are not some of the table's, ascending"
    if n_classes > MOST_CLASSES or n_rows * n_classes > MOST:
        return "there are more rows and classes than predictions are kept of"
    return None


def _fault_of_texts(
    predictions: Kept, rows: Mapping[str, int], of_label: int, of_row: int, n_classes: int = 0
) -> str | None:
    """Why texts are not so many bytes for each label and row, or hold what none of them can."""
    texts = [("the labels", predictions["labels"], of_label)]
    texts += [(f"'{when}'", of_parts, of_row) for when, of_parts in predictions["steps"].items()]
    for what, of_parts, width in texts:
        for part, n_rows in rows.items():
            try:
                found = binascii.a2b_base64(of_parts[part], strict_mode=True)
            except ValueError:  # a letter beyond ASCII as well
                return f"the {part} part of {what} is no base64"
            if len(found) != width * n_rows:
                return (
                    f"the {part} part of {what} has {len(found)} bytes, not {width} for each "
                    f"of {n_rows} rows"
                )
            if not n_classes and not np.isfinite(_values(found)).all():
                return f"the {part} part of {what} holds what is no finite number"
            if n_classes and what == "the labels" and max(found, default=0) >= n_classes:
                return f"a {part} label is {max(found)}, of {n_classes} classes"
    return None


def _on_grid(mean: np.ndarray, scale: float) -> np.ndarray:
    """Means at the nearest multiple of a power of two, which is exact; none of them is −0."""
    exponent = round(math.log2(scale * STEP))
    return np.asarray(np.ldexp(np.rint(np.ldexp(mean, -exponent)), exponent) + 0.0)


def _values(content: bytes) -> np.ndarray:
    return np.frombuffer(content, dtype=VALUE).astype(np.float64)


def _packed(probabilities: np.ndarray) -> bytes:
    """Probabilities (n, k) as log-odds against the first class.

    Where another class is beyond all bounds, the first is what is lifted: the odds between the
    others stay.
    """
    logs = np.log(np.maximum(probabilities, LEAST))
    odds = (logs[:, 1:] - logs[:, :1]) / STEP
    odds -= np.maximum(odds.max(axis=1, keepdims=True, initial=0) - FURTHEST, 0)
    whole = np.rint(odds).clip(-FURTHEST, FURTHEST).astype("<i4")
    return whole[..., None].view(np.uint8)[..., :3].tobytes()


def _unpacked(packed: bytes, classes: np.ndarray, n_classes: int, n_rows: int) -> np.ndarray:
    """Probabilities (n, n_classes) of log-odds."""
    others = len(classes) - 1
    bytes_ = np.frombuffer(packed, dtype=np.uint8).reshape(n_rows, others, 3).astype(np.int32)
    whole = (bytes_[..., 0] | bytes_[..., 1] << 8 | bytes_[..., 2] << 16) ^ 2**23  # none is below 0
    odds = np.ones((n_rows, others))
    for place, powers in enumerate(_powers()):
        odds *= powers[whole >> (DIGIT * place) & (2**DIGIT - 1)]
    total = np.ones(n_rows)
    for column in odds.T:  # one after the other: `sum` may add in another order elsewhere
        total += column
    full = np.zeros((n_rows, n_classes))
    full[:, classes[0]] = 1 / total
    full[:, classes[1:]] = odds / total[:, None]
    return full


@cache
def _powers() -> list[np.ndarray]:
    """exp of each digit of log-odds that begin at −32, the lowest first."""
    digits, places = range(2**DIGIT), 24 // DIGIT
    with localcontext(prec=30):
        unit = [Decimal(2) ** (DIGIT * place - 18) for place in range(places)]
        begins = [0] * (places - 1) + [-(2 ** (DIGIT - 1))]
        return [
            np.array([float((scale * (digit + begin)).exp()) for digit in digits])
            for scale, begin in zip(unit, begins, strict=True)
        ]


def _text(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode("ascii")
