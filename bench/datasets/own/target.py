"""What the target of one's own table is: classes or a quantity, as its values say, or the user.

Text is classes, and so are a few whole numbers, and two numbers of any kind; all other numbers are
a quantity. As a quantity a target is read like a column of numbers, but no row of it is set aside:
where one holds no finite number, that row is named.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.datasets.own import labels
from bench.datasets.own.as_text import text_of
from bench.datasets.own.date_columns import days_of_dates, days_of_text, written
from bench.datasets.own.identifiers import drawn_without_return
from bench.datasets.own.kinds import quantities_of
from bench.datasets.own.lookalikes import lookalike
from bench.datasets.own.number_columns import Surroundings
from bench.datasets.own.raw import tally
from bench.datasets.own.remedies import SHELL, Column, Shell
from bench.datasets.own.strays import Unusable, as_missing
from bench.datasets.own.wording import shown
from bench.datasets.own.written_numbers import PLAIN, Convention, stripped
from bench.errors import TableError
from bench.table import Problem

#: So many distinct numbers are two classes, whole or not.
TWO = 2
#: In absolute value; squares of larger numbers, or their sums, are infinite.
LARGEST = 1e100


class NoQuantity(TableError):
    """A target is no quantity.

    Parameters
    ----------
    sentence : str
    plainly : bool
        Whether it is plainly something else, which may be classes.
    """

    def __init__(self, sentence: str, plainly: bool = False) -> None:
        super().__init__(sentence)
        self.plainly = plainly


def target_of(
    values: pd.Series,
    name: str,
    problem: Problem | None,
    max_classes: int,
    convention: Convention,
    around: Surroundings,
    declared: bool = False,
    said: Shell = SHELL,
) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Class codes and labels in natural order, or numbers and no labels; and notes.

    Parameters
    ----------
    values : Series
        Known in every row, under the rows' positions in the file.
    name : str
        The table's.
    problem : {"classification", "regression"}, optional
        As the user gives it; else the values decide.
    max_classes : int
        More whole numbers are a quantity, more classes of text are refused.
    convention, around
        As for any column of numbers.
    declared : bool
        Whether the file or the user declares the column to be categories.
    said : Shell
        What a person types to have it read otherwise.

    Raises
    ------
    TableError
    """
    column = Column(str(values.name), said)
    where = f"Dataset '{name}', target '{column.name}'"
    text = text_of(values, name, column.name)
    one, remarks = labels.one_form(text, convention.decimal)
    n, told = one.nunique(), ""
    if problem == "regression" or not (problem or declared):
        try:
            numbers, read = _quantity(values, text, column, where, convention, around)
        except NoQuantity as reason:
            if problem or (n > max_classes and not reason.plainly):
                raise
        else:
            if len(np.unique(numbers)) < 2:
                only = f"has only one value, {shown(text.iloc[0])}"
                raise TableError(f"{where}: {only}; at least two are needed.")
            whole = bool((numbers == np.round(numbers)).all())
            if problem or n > (max_classes if whole else TWO):
                also = not problem and n <= max_classes
                notes = [*_decided(numbers, also, problem), *read, *_numbering(numbers)]
                return numbers, (), [f"{where}: {note}" for note in notes]
            told = f"its {n} numbers are classes; with problem=regression they are a quantity."
    y, classes, more = _coded(one, name, column, max_classes, problem)
    notes = [*remarks, *more, *([told] if told else [])]
    return y, classes, [f"{where}: {note}" for note in notes]


def _decided(numbers: np.ndarray, few: bool, problem: Problem | None) -> list[str]:
    """What is to be said of a target that was taken as a quantity unasked."""
    if problem:
        return []
    also = "; with problem=classification they are classes" if few else ""
    return [f"its {len(np.unique(numbers))} distinct numbers are a quantity: regression{also}."]


def _numbering(numbers: np.ndarray) -> list[str]:
    numbering = len(numbers) > TWO and drawn_without_return(pd.Series(numbers))
    return ["has a value of its own in each row, as an identifier does."] if numbering else []


# Classes ------------------------------------------------------------------------------------------


def _coded(
    text: pd.Series, name: str, target: Column, max_classes: int, problem: Problem | None
) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Class codes, class labels in natural order, and remarks."""
    classes = tuple(sorted(set(text), key=labels.natural_order))
    if len(classes) < 2:
        raise TableError(
            f"Dataset '{name}': target '{target.name}' has only one class, '{classes[0]}'; "
            "classification needs at least two."
        )
    counts = tally(text)
    if len(classes) > max_classes:
        raise TableError(
            f"Dataset '{name}': target '{target.name}' has {len(classes)} classes; "
            f"at most {max_classes} are possible.{_if_a_quantity(counts, problem)}"
        )
    codes = {label: code for code, label in enumerate(classes)}
    remarks = labels.remarks_on(classes, counts, target.said)
    return text.map(codes).to_numpy(dtype=np.int64), classes, remarks


def _if_a_quantity(counts: dict[str, int], problem: Problem | None) -> str:
    """What helps where a target of too many classes may be a quantity."""
    if problem and all(stripped(label) for label in counts):
        return " If it is a quantity, say problem=regression, or cut it into classes first."
    like = None if problem else lookalike(counts)
    return f" It {like}; write it as numbers if it is a quantity." if like else ""


# A quantity ---------------------------------------------------------------------------------------


def _quantity(
    values: pd.Series,
    text: pd.Series,
    column: Column,
    where: str,
    convention: Convention,
    around: Surroundings,
) -> tuple[np.ndarray, list[str]]:
    """A finite number in each row, shape (n_rows,), and remarks.

    Raises
    ------
    NoQuantity
    """
    if _are_dates(values, text, column, convention):
        example = next(filter(written, text), text.iloc[0])
        raise NoQuantity(
            f"{where}: holds dates such as {shown(example)}, which are no quantity; write them as "
            "numbers, such as days since the first."
        )
    try:
        found = quantities_of(values, column, convention, around)
    except Unusable as reason:
        _refuse_rows(text, _no_numbers(text), where, column.said)
        remedy = f"; {reason.remedy}" if reason.remedy else ""
        raise NoQuantity(f"{where}: {reason.why}{remedy}.") from None
    if found is None:
        _refuse_rows(text, _no_numbers(text), where, column.said, plainly=True)
        like = lookalike(tally(text)) or "holds codes"
        raise NoQuantity(f"{where}: {like}, hence no quantity.", plainly=True)
    numbers, remarks = found
    _refuse_rows(text, np.isnan(numbers), where, column.said)
    _refuse_magnitude(numbers, where)
    return numbers, remarks


def _refuse_magnitude(numbers: np.ndarray, where: str) -> None:
    """Refuse a quantity whose squares, which errors are told by, floats cannot hold."""
    what, largest = "", np.abs(numbers).max()
    if largest > LARGEST:
        what = f"as large as {largest:g}"
    elif 0 < (span := np.ptp(numbers)) < 1 / LARGEST:
        what = f"within {span:g} of each other"
    if what:
        raise NoQuantity(f"{where}: holds numbers {what}; write it in another unit.")


def _are_dates(values: pd.Series, text: pd.Series, column: Column, convention: Convention) -> bool:
    if days_of_dates(values) is not None:
        return True
    try:
        return days_of_text(text, tally(text), column, convention.day_first) is not None
    except Unusable:  # mostly dates
        return True


def _no_numbers(text: pd.Series) -> np.ndarray:
    known = {value: stripped(value) is None for value in set(text)}
    return text.map(known).to_numpy(dtype=bool)


def _refuse_rows(
    text: pd.Series, which: np.ndarray, where: str, said: Shell, plainly: bool = False
) -> None:
    """Refuse a quantity for the rows that hold no finite number, if there are any."""
    strays = text[which]
    if not len(strays):
        return
    row, value, others = int(strays.index[0]) + 1, strays.iloc[0], len(strays) - 1
    more = f" (as do {others} others)" if others > 1 else " (as does one other)" if others else ""
    as_none = as_missing(list(dict.fromkeys(strays)), said)
    remedy = f"if that means a missing value, {as_none} leaves it out"
    if plainly:
        remedy = said.classes
    elif PLAIN.fullmatch(value):  # infinite
        remedy = "correct such rows, or leave them out"
    raise NoQuantity(
        f"{where}: row {row} holds {shown(value)}, which is no finite number{more}; {remedy}.",
        plainly,
    )
