"""`Table`: features, target, column kinds and classes, if any; the one data type of all rooms.

It knows nothing of files, folds, models or configs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from bench.errors import TableError

Kind = Literal["numeric", "integer", "categorical"]
Problem = Literal["classification", "regression"]


@dataclass(frozen=True, eq=False)
class Table:
    """A table with a target: classes, or numbers.

    Parameters
    ----------
    name : str
        What the table is called in configs, records and messages.
    X : DataFrame of shape (n_rows, n_features)
        ``numeric`` and ``integer`` columns are float64 (missing is NaN, never infinite);
        ``categorical`` columns are `pandas.Categorical` with string categories (missing is NaN).
        The index is ``0 … n_rows - 1``.
    y : ndarray of int64 or float64, shape (n_rows,)
        Class codes, ``0 … n_classes - 1``; of a numeric target float64, finite. It is never
        missing.
    kinds : mapping of column name to kind
        An ``integer`` column holds whole numbers only.
    classes : tuple of str
        The label of each class code. A table may hold no row of some class (a split's part). None
        of a numeric target: the table's `problem` is then regression.
    target : str
        The target column's name.
    domain : str
        ``healthcare``, ``finance`` or ``other``; results are also shown by domain.
    notes : tuple of str
        What had to be done to read it, a sentence each; like the domain no part of its content.
    origins : ndarray of uint64, shape (n_rows,), optional
        For rows that were made each from one real row: the `row_keys` of that row. They travel
        with the rows, whatever columns are taken away.
    folds : ndarray of int8, shape (n_repeats, n_rows), optional
        Where the table's source defines its own splits: the fold in which each row is a test row,
        for each repeat; −1 where it never is. They hold for the whole table: any choice or change
        of its rows drops them.
    groups : ndarray of int64, shape (n_rows,), optional
        Which rows belong together (a patient's, a customer's): a code for each. No group stands on
        two sides of a split, nor of a task. They travel with the rows that are taken.
    times : ndarray of float64, shape (n_rows,), optional
        When each row was, never missing: the test part lies after what is trained on. Like folds
        they hold for the whole table.

    Raises
    ------
    TableError
        If the parts do not fit each other.

    Examples
    --------
    >>> jobs = pd.Categorical(["cook", "nurse", None])
    >>> X = pd.DataFrame({"age": [31.0, 45.0, np.nan], "job": jobs})
    >>> kinds = {"age": "integer", "job": "categorical"}
    >>> table = Table("staff", X, np.array([0, 1, 1]), kinds, ("left", "stayed"), target="stayed")
    >>> len(table), table.numeric, table.class_counts().tolist()
    (3, ['age'], [1, 2])
    >>> new = pd.DataFrame({"job": ["cook"], "age": [38.4]})  # rows of a generator, in any order
    >>> made = table.with_rows(new, np.array([1]))
    >>> made.X.to_dict("records")
    [{'age': 38.0, 'job': 'cook'}]
    >>> made.y.tolist(), list(made.X["job"].cat.categories)
    ([1], ['cook', 'nurse'])
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    kinds: Mapping[str, Kind]
    classes: tuple[str, ...]
    target: str
    domain: str = "other"
    notes: tuple[str, ...] = ()
    origins: np.ndarray | None = None
    folds: np.ndarray | None = None
    groups: np.ndarray | None = None
    times: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "X", self.X.reset_index(drop=True))
        object.__setattr__(self, "kinds", dict(self.kinds))
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "y", np.asarray(self.y, dtype=self._stored_y))
        if len(self.X) != len(self.y):
            raise TableError(
                f"Table '{self.name}': {len(self.X)} rows of features, {len(self.y)} labels."
            )
        if self.origins is not None:
            object.__setattr__(self, "origins", self._checked_origins(self.origins))
        own = {"folds": (self.folds, 1), "groups": (self.groups, 0), "times": (self.times, 0)}
        for what, (values, axis) in own.items():
            if values is not None and values.shape[axis:] != (len(self.X),):
                shape = f"{what} of shape {values.shape}"
                raise TableError(f"Table '{self.name}': {len(self.X)} rows of features, {shape}.")
        if self.X.columns.has_duplicates:
            twice = self.X.columns[self.X.columns.duplicated()][0]
            raise TableError(f"Table '{self.name}': column '{twice}' stands in it twice.")
        if list(self.X.columns) != list(self.kinds):
            raise TableError(f"Table '{self.name}': columns and kinds differ.")
        self._check_target()
        for column, kind in self.kinds.items():
            self._check_column(column, kind)

    def _checked_origins(self, origins: np.ndarray) -> np.ndarray:
        keys = np.asarray(origins)
        if keys.shape != (len(self.X),):
            shape = f"origins of shape {keys.shape}"
            raise TableError(f"Table '{self.name}': {len(self.X)} rows of features, {shape}.")
        if keys.dtype != np.uint64:  # a cast through float64 would merge neighbouring keys
            raise TableError(f"Table '{self.name}': origins are {keys.dtype}, not uint64 row keys.")
        return keys

    def _check_target(self) -> None:
        if self.problem == "regression":
            bad = int((~np.isfinite(self.y)).sum())
            if bad:
                raise TableError(
                    f"Table '{self.name}': the numeric target '{self.target}' is missing or "
                    f"infinite in {bad} of {len(self)} rows."
                )
        elif len(self.y) and not (self.y.min() >= 0 and self.y.max() < len(self.classes)):
            raise TableError(
                f"Table '{self.name}': class codes outside 0 … {len(self.classes) - 1}."
            )

    def _check_column(self, column: str, kind: Kind) -> None:
        values = self.X[column]
        where = f"Table '{self.name}', column '{column}'"
        if kind not in get_args(Kind):
            raise TableError(f"{where}: unknown kind '{kind}'.")
        if kind == "categorical":
            if not isinstance(values.dtype, pd.CategoricalDtype):
                raise TableError(f"{where}: categorical, but stored as {values.dtype}.")
            if not all(isinstance(level, str) for level in values.cat.categories):
                raise TableError(f"{where}: category levels must be strings.")
            return
        if values.dtype != np.float64:
            raise TableError(f"{where}: {kind}, but stored as {values.dtype}.")
        numbers = values.to_numpy()
        if np.isinf(numbers).any():
            raise TableError(f"{where}: holds infinite values.")
        if kind == "integer":
            present = numbers[~np.isnan(numbers)]
            if (present != np.round(present)).any():
                raise TableError(f"{where}: integer, but holds fractions.")

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_features(self) -> int:
        """How many columns it has beside the target."""
        return self.X.shape[1]

    @property
    def problem(self) -> Problem:
        """What is to be learnt: a class, or a number."""
        return "classification" if self.classes else "regression"

    @property
    def _stored_y(self) -> type:
        return np.int64 if self.classes else np.float64

    @property
    def n_classes(self) -> int:
        """How many classes it knows, those without a row of it included; 0 for regression."""
        return len(self.classes)

    @property
    def strata(self) -> np.ndarray | None:
        """The class codes, by which rows are dealt out in proportion; None for regression."""
        return self.y if self.classes else None

    @property
    def numeric(self) -> list[str]:
        """Names of the numeric and integer columns, in order."""
        return [c for c, kind in self.kinds.items() if kind != "categorical"]

    @property
    def categorical(self) -> list[str]:
        """Names of the categorical columns, in order."""
        return [c for c, kind in self.kinds.items() if kind == "categorical"]

    def class_counts(self) -> np.ndarray:
        """Rows of each class, shape (n_classes,).

        Raises
        ------
        TableError
            If the target is numeric.
        """
        if not self.classes:
            raise TableError(f"Table '{self.name}' has a numeric target, and no classes to count.")
        return np.bincount(self.y, minlength=self.n_classes)

    def take(self, rows: np.ndarray | Iterable[int]) -> Table:
        """The rows at these positions (or under this mask), in order; the schema is kept."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        origins = None if self.origins is None else self.origins[rows]
        groups = None if self.groups is None else self.groups[rows]
        return replace(self._made(self.X.iloc[rows], self.y[rows], origins), groups=groups)

    def select(self, columns: Iterable[str]) -> Table:
        """The table with only these feature columns, in this order."""
        columns = list(columns)
        return replace(self, X=self.X[columns], kinds={c: self.kinds[c] for c in columns})

    def with_rows(self, X: pd.DataFrame, y: np.ndarray, origins: np.ndarray | None = None) -> Table:
        """New rows under this table's schema: columns in order, integers rounded, levels as here.

        They have the origins that are handed in with them, never those of this table's rows.

        Raises
        ------
        TableError
            If a column is absent or a categorical value is not one of the known levels.
        """
        absent = [c for c in self.X.columns if c not in X.columns]
        if absent:
            raise TableError(f"Table '{self.name}': new rows lack column '{absent[0]}'.")
        X = X.reset_index(drop=True)
        columns: dict[str, pd.Series] = {}
        for column, kind in self.kinds.items():
            values = X[column]
            if kind == "categorical":
                levels = self.X[column].cat.categories
                unknown = sorted(set(values.dropna().astype(str)) - set(levels))
                if unknown:
                    raise TableError(
                        f"Table '{self.name}', column '{column}': '{unknown[0]}' is no known level."
                    )
                text = values.astype(object).map(str, na_action="ignore")
                columns[column] = text.astype(self.X[column].dtype)
            else:
                numbers = pd.to_numeric(values).astype(np.float64)
                columns[column] = numbers.round() if kind == "integer" else numbers
        frame = pd.DataFrame(columns, index=range(len(X)), columns=list(self.kinds))
        return self._made(frame, y, origins)

    def prune_levels(self) -> Table:
        """The table whose categorical columns know only the levels that occur in its own rows.

        The training part is pruned, so that nothing fitted on it learns from the levels of
        validation or test rows.
        """
        X = self.X.copy()
        for column in self.categorical:
            X[column] = X[column].cat.remove_unused_categories()
        return replace(self, X=X)

    def concat(self, *others: Table) -> Table:
        """This table's rows followed by those of others with the same schema.

        If any of them has origins, the rows of those that have none become their own origins.
        """
        tables = [self, *(self.with_rows(other.X, other.y, other.origins) for other in others)]
        X = pd.concat([t.X for t in tables], ignore_index=True)
        derived = any(t.origins is not None for t in tables)
        origins = np.concatenate([t.lineage() for t in tables]) if derived else None
        return self._made(X, np.concatenate([t.y for t in tables]), origins)

    def _made(self, X: pd.DataFrame, y: np.ndarray, origins: np.ndarray | None) -> Table:
        """Other rows under this schema; folds, groups and times are of this table's rows only."""
        return replace(self, X=X, y=y, origins=origins, folds=None, groups=None, times=None)

    def row_keys(self) -> np.ndarray:
        """One 64-bit key a row, equal where all features are equal, shape (n_rows,), uint64.

        The label is left out on purpose: rows that share their features but not their label are
        still copies of each other to a model that looks features up.
        """
        return feature_keys(self.X)

    def lineage(self) -> np.ndarray:
        """One key a row, shape (n_rows,), uint64: rows with one key belong on one side of a task.

        The key of the real row that a row was made from where that is known (`origins`), else its
        own (`row_keys`): a real row's lineage is its key, so both compare.
        """
        return self.row_keys() if self.origins is None else self.origins

    def fingerprint(self) -> str:
        """SHA-256 over schema and content; two tables with one fingerprint hold the same data.

        Origins count where there are any: they decide which side of a task the rows may join.
        """
        digest = hashlib.sha256()
        labels = tuple(map(str, self.classes))  # np.str_ shows its type in its repr
        digest.update(repr((self.name, self.target, labels, len(self))).encode())
        for column, kind in self.kinds.items():
            digest.update(repr((column, kind)).encode())
            if kind == "categorical":
                digest.update(repr(tuple(map(str, self.X[column].cat.categories))).encode())
                digest.update(self.X[column].cat.codes.to_numpy().astype("<i8").tobytes())
            else:
                numbers = self.X[column].to_numpy(dtype="<f8", copy=True)
                numbers[np.isnan(numbers)] = np.nan  # one bit pattern for every missing value
                digest.update((numbers + 0.0).tobytes())  # −0.0 and 0.0 are the same value
        # −0.0 and 0.0 are the same value, of the target too
        digest.update((self.y.astype("<i8") if self.classes else self.y + 0.0).tobytes())
        if self.origins is not None:
            digest.update(b"origins" + self.origins.astype("<u8").tobytes())
        return digest.hexdigest()


def feature_keys(X: pd.DataFrame) -> np.ndarray:
    """Hash each row of features; equal keys mean equal features (missing equals missing).

    Categorical values are hashed by their text, so tables with different level lists agree.
    """
    if X.shape[1] == 0:
        return np.zeros(len(X), dtype=np.uint64)
    X = X.copy()
    for column in X.columns[X.dtypes == np.float64]:
        # Equal values may differ in their bits: −0.0 and 0.0, and missing ones (∞ − ∞, np.nan).
        X[column] = (X[column] + 0.0).mask(X[column].isna(), np.nan)
    # categorize=False hashes a categorical's text, not its codes
    return hash_pandas_object(X, index=False, categorize=False).to_numpy()


def for_problem(setting: Any, problem: Problem) -> Any:
    """A setting as it stands for tables of a problem: of a choice for each, the one.

    So that what is best for numbers is no other setting, and what a cell of classes is known by
    stays what it was. It's looked for at any depth.

    >>> for_problem({"target": {"classification": "root", "regression": "sink"}}, "regression")
    {'target': 'sink'}
    """
    if isinstance(setting, Mapping):
        if set(setting) == set(get_args(Problem)):
            return for_problem(setting[problem], problem)
        return {name: for_problem(inner, problem) for name, inner in setting.items()}
    if isinstance(setting, Sequence) and not isinstance(setting, str):
        return [for_problem(inner, problem) for inner in setting]
    return setting
