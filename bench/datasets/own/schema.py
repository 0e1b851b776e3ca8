"""How a table's columns were read, to read later rows of it exactly alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ConfigDict, TypeAdapter
from pydantic import ValidationError as Violation

from bench.datasets.own.column_schema import ColumnSchema, Content
from bench.datasets.own.delimited import SEPARATORS
from bench.datasets.own.raw import Raw, with_clean_names, without_marks
from bench.datasets.own.strays import Unusable
from bench.datasets.own.typed import as_read
from bench.datasets.own.uses import meant
from bench.datasets.own.wording import MOST, listed, shown
from bench.datasets.own.wording import columns as named
from bench.errors import BadInput, TableError
from bench.ranges import plain
from bench.table import Kind, Problem, Table


@dataclass(frozen=True)
class Schema:
    """How the columns of a table were read.

    Attributes
    ----------
    name, target : str
    problem : {"classification", "regression"}
    classes : tuple of str
        None for regression.
    features : tuple of str
        The feature columns that were given, in order; those that were kept out included.
    columns : dict of str to ColumnSchema
        Those of them that were kept.
    ignored : tuple of str
        Columns that are known, and no features: a saved index, what was left out, groups, times.
    missing : tuple of str
        The user's marks of a missing value.
    separator : str, optional
        Of the CSV that it was read from.
    encoding : str
        Of that CSV.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    target: str
    problem: Problem
    classes: tuple[str, ...]
    features: tuple[str, ...]
    columns: Mapping[str, ColumnSchema]
    ignored: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    separator: str | None = None
    encoding: str = "utf-8"

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of the columns that were kept."""
        return {name: column.kind for name, column in self.columns.items()}

    def table(
        self, frame: pd.DataFrame, source: str = "X", cut_by: str | None = None
    ) -> tuple[Table, list[str]]:
        """New rows as the table's own were read, and notes.

        Parameters
        ----------
        frame : DataFrame
            Its columns in any order. The target is not needed, nor is what was kept out.
        source : str
            What sentences call it.
        cut_by : str, optional
            What cut its fields, if it was a CSV.

        Returns
        -------
        Table
            Nothing is known of its target, which is zero in each row. A column of whole numbers in
            which a new row has a fraction is numeric.
        list of str

        Raises
        ------
        TableError
            If there is no row, a column is missing, or a value is none of those that it holds.
        """
        found = with_clean_names(Raw(as_read(frame)), self.name, source).frame
        if not len(found):
            raise TableError(f"{source} has no rows.")
        self._require(found, source, cut_by)
        kept, _ = without_marks(found[list(self.columns)].reset_index(drop=True), self.missing)
        contents, unusable = {}, {}
        notes = self._unneeded(found, source)
        for name, column in self.columns.items():
            try:
                contents[name], remarks = column.read(kept[name])
            except Unusable as reason:
                unusable[name] = reason
                continue
            notes += [f"{source}, column '{name}': {remark}" for remark in remarks]
        if unusable:
            raise TableError(_refusal(source, unusable))
        X = pd.DataFrame(contents, index=range(len(kept)))
        kinds = {name: _kind(contents[name], kind) for name, kind in self.kinds.items()}
        y = np.zeros(len(X))
        return Table(self.name, X, y, kinds, self.classes, self.target), notes

    def _require(self, frame: pd.DataFrame, source: str, cut_by: str | None) -> None:
        absent = [name for name in self.columns if name not in frame.columns]
        if not absent:
            return
        there = list(frame.columns)
        hint = meant(absent, [name for name in there if name not in self.features])
        if cut_by is not None and (len(there) == 1 or set("".join(there)) & set(SEPARATORS)):
            hint += f" (cut by {cut_by!r}; another mark is named by separator)"
        raise TableError(
            f"{source} has no {named(absent, 'or')}{hint}, which the fit had; there are "
            f"{listed(there, 20)}."
        )

    def _unneeded(self, frame: pd.DataFrame, source: str) -> list[str]:
        """What to say of columns that are not read."""
        notes = []
        known = {*self.features, *self.ignored, self.target}
        extra = [name for name in frame.columns if name not in known]
        if self.target in frame.columns:
            notes.append(f"{source}: its target '{self.target}' has no part in what is told.")
        if extra:
            one = len(extra) == 1
            notes.append(
                f"{source}: {named(extra)} {'is' if one else 'are'} new since the fit, and ignored."
            )
        return notes

    # As JSON --------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """The schema as plain JSON."""
        found: dict[str, Any] = plain(asdict(self))
        return found

    @classmethod
    def of_json(cls, found: Any) -> Schema:
        """The schema that `as_json` told.

        Raises
        ------
        BadInput
            If it is damaged.
        """
        try:
            # As JSON, in which a list may be a tuple, and nothing but what is declared is made.
            schema = _adapter().validate_json(json.dumps(found), strict=True)
        except Violation as violation:
            error = violation.errors(include_url=False)[0]
            where = ".".join(map(str, error["loc"])) or "it"
            raise BadInput(f"The schema is damaged: {where}: {error['msg']}.") from None
        except (TypeError, ValueError, RecursionError):
            raise BadInput("The schema is damaged: it is no JSON.") from None
        fault = schema.fault()
        if fault:
            raise BadInput(f"The schema is damaged: {fault}.")
        return schema

    def fault(self) -> str | None:
        """What contradicts itself in it, in a clause; None if nothing does."""
        if (self.problem == "classification") != (len(set(self.classes)) > 1):
            return f"{self.problem}, and its classes are {listed(self.classes) or 'none'}"
        if len(set(self.classes)) < len(self.classes):
            return "a class stands in it twice"
        if len(set(self.features)) < len(self.features):
            return "a feature stands in it twice"
        order = [name for name in self.features if name in self.columns]
        if not self.columns or order != list(self.columns):
            return "its columns are none of its features, or in another order"
        faults = ((name, column.fault()) for name, column in self.columns.items())
        return next((f"column {shown(name)} {fault}" for name, fault in faults if fault), None)


@cache
def _adapter() -> TypeAdapter[Schema]:
    return TypeAdapter(Schema)


def _kind(content: Content, kind: Kind) -> Kind:
    """The kind of a column's new values: whole numbers before may be fractions now."""
    if kind != "integer" or isinstance(content, pd.Categorical):
        return kind
    present = content[~np.isnan(content)]
    return "integer" if (present == np.round(present)).all() else "numeric"


def _refusal(source: str, unusable: Mapping[str, Unusable]) -> str:
    """One sentence that names every column of which a value cannot be used."""
    if len(unusable) == 1:
        ((column, reason),) = unusable.items()
        remedy = f"; {reason.remedy}" if reason.remedy else ""
        return f"{source}, column '{column}': {reason.why}{remedy}."
    reasons = [f"'{column}' {reason.why}" for column, reason in unusable.items()]
    more = f"; and {len(reasons) - MOST} more" if len(reasons) > MOST else ""
    return (
        f"{source}: {len(unusable)} columns cannot be used as they are: "
        f"{'; '.join(reasons[:MOST])}{more}."
    )
