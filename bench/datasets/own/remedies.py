"""What a person types to have a table read otherwise, at the door that they came through.

What reads a column knows what would help; how that is said is known here alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.datasets.own.wording import setting


class Shell:
    """The keys of the command line."""

    groups = "dataset.groups"
    any_decimal = "set dataset.decimal"
    classes = "without problem=regression its values are classes"
    any_missing = "dataset.missing"

    def drop(self, names: Iterable[str]) -> str:
        """What leaves columns out."""
        return setting("drop", names)

    def categorical(self, names: Iterable[str]) -> str:
        """What makes columns categories."""
        return setting("categorical", names)

    def missing(self, marks: Iterable[str]) -> str:
        """What makes marks mean a missing value."""
        return setting("missing", marks)

    def decimal(self, column: str, mark: str) -> str:
        """What makes a mark the decimal one."""
        return f"dataset.decimal='{mark}'"

    def day_first(self, column: str) -> str:
        """What says that the day comes first, or the month."""
        return "dataset.day_first=true or dataset.day_first=false"


@dataclass(frozen=True)
class Python(Shell):
    """What is done to ``X``, and parameters of `bench.datasets.own.frame.owned`.

    Parameters
    ----------
    labels : mapping of str to object
        The columns as the DataFrame calls them.
    """

    labels: Mapping[str, object] = field(default_factory=dict)

    groups = "groups"
    any_decimal = "give its numbers as floats"
    classes = "a classifier takes its values for classes"
    any_missing = "float('nan')"

    def drop(self, names: Iterable[str]) -> str:
        """What leaves columns out."""
        return f"X.drop(columns={[self.labels.get(name, name) for name in names]})"

    def categorical(self, names: Iterable[str]) -> str:
        """What makes columns categories."""
        return f"categorical={[self.labels.get(name, name) for name in names]}"

    def missing(self, marks: Iterable[str]) -> str:
        """What makes marks mean a missing value."""
        return f"X.replace({list(marks)}, float('nan'))"

    def decimal(self, column: str, mark: str) -> str:
        """What makes a mark the decimal one."""
        to_dot = ".str.replace('.', '').str.replace(',', '.')"
        plain = to_dot if mark == "," else ".str.replace(',', '')"
        return f"{self._values(column)}{plain}.astype(float)"

    def day_first(self, column: str) -> str:
        """What says that the day comes first, or the month."""
        return f"pd.to_datetime({self._values(column)}, dayfirst=True) or dayfirst=False"

    def _values(self, column: str) -> str:
        return f"X[{self.labels.get(column, column)!r}]"


class Array(Python):
    """The same of an array, whose columns are numbered."""

    def drop(self, names: Iterable[str]) -> str:
        """What leaves columns out."""
        return f"np.delete(X, {[self.labels[name] for name in names]}, axis=1)"

    def missing(self, marks: Iterable[str]) -> str:
        """What makes marks mean a missing value."""
        return f"X[np.isin(X, {list(marks)})] = np.nan"

    def categorical(self, names: Iterable[str]) -> str:
        """What makes columns categories."""
        return f"categorical={list(names)}"

    def _values(self, column: str) -> str:
        return f"pd.Series(X[:, {self.labels[column]}])"


@dataclass(frozen=True)
class Alone(Python):
    """What is done to values that are no column of ``X``.

    Parameters
    ----------
    called : str
        The parameter that they are: ``y``, ``times``.
    """

    called: str = "y"

    def categorical(self, names: Iterable[str]) -> str:
        """What makes it classes."""
        return "problem='classification'"

    def missing(self, marks: Iterable[str]) -> str:
        """What makes marks mean a missing value."""
        return f"{self.called}.replace({list(marks)}, float('nan'))"

    def _values(self, column: str) -> str:
        return self.called


SHELL = Shell()


@dataclass(frozen=True)
class Column:
    """A column as sentences speak of it: its name, and how it is said what is to be done to it."""

    name: str
    said: Shell = field(default=SHELL)

    @property
    def drop(self) -> str:
        """What leaves it out."""
        return self.said.drop([self.name])

    @property
    def categorical(self) -> str:
        """What makes it categories."""
        return self.said.categorical([self.name])

    @property
    def day_first(self) -> str:
        """What says which comes first in its dates, the day or the month."""
        return self.said.day_first(self.name)

    def decimal(self, mark: str) -> str:
        """What makes a mark the decimal one of its numbers."""
        return self.said.decimal(self.name, mark)
