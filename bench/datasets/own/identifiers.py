"""Columns that number the rows: a saved index is left out, what is named like one is noted.

In a frame that was sorted by class and shuffled, its index tells the class.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from bench.datasets.own.raw import Raw
from bench.datasets.own.remedies import SHELL, Column, Shell
from bench.datasets.own.written_numbers import PLAIN, WHOLE

EQUAL_BY_CHANCE = 10

#: Names that programs give to an index without one: pandas, R, readr, Rdatasets, Spark.
_OF_AN_INDEX = re.compile(
    r"Unnamed: ?\d+(?:\.\d+|_level_\d+)?"
    r"|__index_level_\d+__|level_0|index|row[._]?names|\.\.\.1|_c0",
    re.IGNORECASE,
)
_WORDS = re.compile(
    "ids?|u?uid|guid|key|pk|index|idx|row|rowid|rownum|nr|no|num|number|nummer|numero|record|serial"
    "|identifier|ident|mrn|ssn|obs|observation|lfd|zeile|ligne|fila|code|case|subject|patient|customer|client|account|seqn?|sequence|matricule|folio"
    "|barcode|isbn|sku|ticket|order|invoice|phone|participant|respondent|sample|ref|reference"
    "|entry|hash|num[ée]ro|matricola|номер|序号|编号|番号|번호|.+(?:id|nr|no|nummer|number|key)"
)

_OWNERS = (
    "patient|subject|customer|client|account|participant|respondent|person|user|member|household"
    "|family|student|pupil|employee|company|device|machine"
)
_OF_AN_OWNER = re.compile(rf"(?:{_OWNERS})?id|(?:{_OWNERS})(?:nr|no|number)?")
MANY = 20  # levels; a column of fewer is a category


def numbers_each_row(values: pd.Series) -> bool:
    """Is there a whole number in each row, and in each another one?"""
    if values.isna().any() or values.duplicated().any():
        return False
    if pd.api.types.is_bool_dtype(values.dtype):
        return False
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64)
        return bool((numbers == np.round(numbers)).all())
    return all(isinstance(value, str) and WHOLE.fullmatch(value) for value in values)


def named_like_an_identifier(column: str) -> bool:
    """Does a word of the name say so? ``PassengerId``, ``patient_no`` and ``customerid`` do."""
    return any(map(_WORDS.fullmatch, _words(column))) or bool(
        re.fullmatch(r"#|№|n[°º]\.?", column.lower())
    )


def names_an_owner(column: str) -> bool:
    """Does the name end with what rows belong to? ``patient``, ``user_id``; no ``patient_age``.

    >>> [names_an_owner(name) for name in ("PatientID", "user", "patient_age", "num_rooms", "paid")]
    [True, True, False, False, False]
    """
    words = _words(column)
    return bool(words) and _OF_AN_OWNER.fullmatch(words[-1]) is not None


def _words(column: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return [word.casefold() for word in re.split(r"[\W_]+|(?<=\D)(?=\d)", spaced) if word]


def without_index(
    raw: Raw, kept: frozenset[str], name: str, said: Shell = SHELL
) -> tuple[pd.DataFrame, list[str]]:
    """The columns without those that are a saved index, and what is to be said of them.

    Parameters
    ----------
    raw : Raw
    kept : frozenset of str
        Columns that the user names for a use, whatever they are called.
    name : str
    said : Shell
        What a person types.
    """
    out, notes = [], []
    for position, column in enumerate(raw.frame.columns, 1):
        nameless = column in raw.nameless
        if column in kept or not (
            nameless or column in raw.index or _OF_AN_INDEX.fullmatch(column)
        ):
            continue
        where = f"column {position} has no name and" if nameless else f"column '{column}'"
        if numbers_each_row(raw.frame[column]):
            out.append(column)
            notes.append(
                f"Dataset '{name}': {where} counts the rows (a whole number of its own in each), "
                "as a saved index does; it was kept out."
            )
        elif raw.frame[column].notna().any():
            called = f"'{column}'" if nameless else "as an index is"
            notes.append(
                f"Dataset '{name}': {where} is called {called}; if it numbers the rows, leave it "
                f"out with {said.drop([column])}."
            )
    return raw.frame.drop(columns=out), notes


def remark(values: pd.Series, column: Column) -> str | None:
    """What to say of a feature that seems to name or number the rows, if anything."""
    present = values.dropna()
    if len(present) < 3:
        return None
    if present.duplicated().any():
        if not names_an_owner(column.name) or present.nunique() <= MANY:
            return None
        return (
            "seems to name what several rows belong to; if it does, name it in "
            f"{column.said.groups}, which keeps those rows on one side of all splits."
        )
    if not drawn_without_return(present) and not (
        named_like_an_identifier(column.name) and (numbers_each_row(present) or _is_text(present))
    ):
        return None
    return (
        "has a value of its own in each row, as an identifier does; if it is one, leave it out "
        f"with {column.drop}."
    )


def _is_text(values: pd.Series) -> bool:
    return all(isinstance(v, str) for v in values) and not all(map(PLAIN.fullmatch, values))


def drawn_without_return(values: pd.Series) -> bool:
    """Whole numbers without a gap, or so dense that, were they measured, some would be equal.

    Of n numbers among R, n² / 2R pairs are equal by chance: where ten would be, and none is, the
    chance is below e⁻¹⁰. So is a row's number found without a name for it, with gaps and in any
    order; but what rises or falls from row to row may be a grid of measurement.
    """
    if not numbers_each_row(values):
        return False
    numbers = values.astype(np.float64)
    among = numbers.max() - numbers.min() + 1
    if among == len(numbers):
        return True
    dense = len(numbers) ** 2 / (2 * among) > EQUAL_BY_CHANCE
    return bool(dense and not (numbers.is_monotonic_increasing or numbers.is_monotonic_decreasing))
