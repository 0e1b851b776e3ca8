"""A table of one's own from Python: a DataFrame or an array of features, and its target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bench.datasets.own.characters import clean_name
from bench.datasets.own.copies import remarks_on_copies, remarks_on_repeats
from bench.datasets.own.identifiers import without_index
from bench.datasets.own.kinds import features_of
from bench.datasets.own.number_columns import Surroundings
from bench.datasets.own.raw import Raw, with_clean_names, without_marks
from bench.datasets.own.remedies import Alone, Array, Python
from bench.datasets.own.schema import Schema
from bench.datasets.own.sides import groups_of, times_of
from bench.datasets.own.target import target_of
from bench.datasets.own.typed import as_read, declared
from bench.datasets.own.wording import columns as named
from bench.datasets.own.wording import shown
from bench.datasets.own.written_numbers import Convention
from bench.errors import TableError
from bench.names import check
from bench.phrases import counted
from bench.table import Problem, Table

_FOUND = Convention()  # of texts that hold numbers or dates: found in them


@dataclass(frozen=True)
class Owned:
    """A table of one's own, and how it was read.

    Attributes
    ----------
    table : Table
    schema : Schema
    labels : ndarray, shape (n_classes,), optional
        Class k as it was given, in the order of `numpy.unique`; None of a file's classes, which are
        text, and for regression.
    """

    table: Table
    schema: Schema
    labels: np.ndarray | None = None


def owned(
    X: pd.DataFrame | np.ndarray,
    y: Any,
    *,
    name: str = "table",
    problem: Problem | None = None,
    categorical: Sequence[Any] | str = (),
    groups: Any = None,
    times: Any = None,
    max_classes: int = 10,
) -> Owned:
    """A table of features and a target that Python holds; neither is changed.

    Parameters
    ----------
    X : DataFrame or ndarray, shape (n_rows, n_features)
        Its index is ignored; an array's columns are x0, x1, ….
    y : array_like, shape (n_rows,)
        Labels of any type, or numbers. Rows without one are left out, with a note.
    name : str
        What the table is called.
    problem : {"classification", "regression"}, optional
        Found as in a file, if it is not given: text, few whole numbers and any two are classes.
    categorical : sequence of str
        Columns that hold categories although they hold numbers.
    groups : array_like, shape (n_rows,), optional
        What each row belongs to.
    times : array_like, shape (n_rows,), optional
        When each row was, as dates or numbers.
    max_classes : int
        More classes are refused.

    Returns
    -------
    Owned

    Raises
    ------
    TableError
        If it cannot be used; one sentence that says which column and what to do.
    """
    name = check("dataset", name)
    frame = frame_of(X)
    raw = with_clean_names(Raw(as_read(frame), declared=declared(frame)), name, "X")
    if not len(frame):
        raise TableError("X has no rows.")
    target = _values(y, "y", len(frame))
    known = target.notna().to_numpy()
    if not known.any():
        raise TableError(f"Dataset '{name}': y has no value.")
    target = target[known]
    ids, moments, told = _sides(groups, times, known, name)
    codes, classes, labels, more = _target(target, name, problem, max_classes)
    if labels is not None and isinstance(y, np.ndarray):
        labels = labels.astype(y.dtype)  # pandas keeps text of a fixed width as objects
    said = Python(dict(zip(raw.frame.columns, frame.columns)))
    if frame is not X:
        said = Array(dict(zip(raw.frame.columns, range(frame.shape[1]))))
    uses = _uses(categorical, raw.frame, name)
    kept, noted = without_index(raw, uses, name, said)
    kept, _ = without_marks(kept[known].reset_index(drop=True), ())
    found = features_of(kept, uses, _FOUND, name, None, raw.declared, said)
    title = _title(str(target.name), raw.frame.columns)
    table = Table(name, found.X, codes, found.kinds, classes, title, groups=ids, times=moments)
    notes = (
        *raw.notes,
        *_left_out(known, name),
        *noted,
        *more,
        *told,
        *found.notes,
        *remarks_on_copies(table, said),
        *remarks_on_repeats(table),
    )
    features = tuple(raw.frame.columns)
    schema = Schema(name, title, table.problem, classes, features, found.columns)
    return Owned(replace(table, notes=notes), schema, labels)


def frame_of(X: pd.DataFrame | np.ndarray) -> pd.DataFrame:
    """A DataFrame as it is; an array's columns as x0, x1, ….

    Raises
    ------
    TableError
        If it does not consist of rows and columns.
    """
    if isinstance(X, pd.DataFrame):
        return X
    if hasattr(X, "toarray"):
        raise TableError("X is sparse; give X.toarray().")
    array = np.asarray(X)
    if array.ndim != 2:
        raise TableError(f"X has {counted(array.ndim, 'dimension')}; expected rows and columns.")
    return pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])])


def _values(given: Any, what: str, n_rows: int) -> pd.Series:
    """One value a row, by the rows' positions.

    Raises
    ------
    TableError
        If there are not as many as rows.
    """
    series = given if isinstance(given, pd.Series) else pd.Series(_one_dimension(given, what))
    if len(series) != n_rows:
        raise TableError(f"{what} has {counted(len(series), 'value')}, X has {n_rows} rows.")
    name = clean_name(series.name) if series.name is not None else what
    return as_read(series.to_frame(what))[what].rename(name or what)


def _one_dimension(given: Any, what: str) -> Any:
    array = given if isinstance(given, pd.api.extensions.ExtensionArray) else np.asarray(given)
    if array.ndim != 1:
        raise TableError(f"{what} has {counted(array.ndim, 'dimension')}; expected a value a row.")
    return array


def _uses(categorical: Iterable[object] | str, frame: pd.DataFrame, name: str) -> frozenset[str]:
    words = [categorical] if isinstance(categorical, str) else categorical
    found = [clean_name(word) for word in words]
    absent = [column for column in found if column not in frame.columns]
    if absent:
        raise TableError(f"Dataset '{name}' has no {named(absent, 'or')}, named in categorical.")
    return frozenset(found)


def _left_out(known: np.ndarray, name: str) -> list[str]:
    lacking = int((~known).sum())
    return [f"Dataset '{name}': {counted(lacking, 'row')} without a value of y left out."] * (
        lacking > 0
    )


def _sides(
    groups: Any, times: Any, known: np.ndarray, name: str
) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
    """The groups and times of the rows whose target is known, if there are any, and notes."""
    if groups is not None and times is not None:
        raise TableError(f"Dataset '{name}': groups and times are two ways to split it; give one.")
    ids, moments = None, None
    told: list[str] = []
    if groups is not None:
        ids, told = groups_of(_values(groups, "groups", len(known))[known], name, "groups", None)
    if times is not None:
        values = _values(times, "times", len(known))[known]
        moments, told = times_of(values, name, "times", _FOUND, None, Alone(called="times"))
    return ids, moments, told


# The target ---------------------------------------------------------------------------------------


def _title(name: str, taken: Iterable[str]) -> str:
    """What the target is called: no feature is called so."""
    free = name if name not in taken else "y"
    while free in taken:
        free += "_"
    return free


def _target(
    values: pd.Series, name: str, problem: Problem | None, max_classes: int
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray | None, list[str]]:
    """Class codes, classes and labels, or numbers and neither; and notes."""
    if problem != "classification":
        y, classes, notes = target_of(
            values, name, problem, max_classes, _FOUND, Surroundings(), said=Alone()
        )
        if not classes:
            return y, (), None, notes
    labels, codes = _unique(values, name)
    if len(labels) < 2:
        raise TableError(
            f"Dataset '{name}': y has only one class, {shown(labels[0])}; classification needs at "
            "least two."
        )
    if len(labels) > max_classes:
        also = "; if it is a quantity, a regressor is for it" if labels.dtype.kind in "iuf" else ""
        raise TableError(
            f"Dataset '{name}': y has {len(labels)} classes; at most {max_classes} are possible"
            f"{also}."
        )
    return codes.astype(np.int64), tuple(map(_text, labels)), labels, []


def _unique(values: pd.Series, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels in order, in their own type where numpy has it, and each row's code."""
    values = values.infer_objects()
    whole = pd.api.types.is_integer_dtype(values.dtype)
    array = values.to_numpy(dtype=values.dtype.type) if whole else values.to_numpy()
    try:
        labels, codes = np.unique(array, return_inverse=True)
    except TypeError:
        kinds = sorted({type(value).__name__ for value in values})
        raise TableError(
            f"Dataset '{name}': y has labels of types that have no order ({', '.join(kinds)}); "
            "make them text with y.astype(str)."
        ) from None
    return labels, codes


def _text(label: Any) -> str:
    """A class as text; whole numbers without a fraction."""
    is_whole = isinstance(label, float | np.floating) and float(label).is_integer()
    return str(int(label)) if is_whole else str(label)
