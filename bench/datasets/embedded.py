"""The tables shipped with the project: small parquet files, each with a card.

They are made by ``scripts/build_datasets.py``; nothing here changes a value.
"""

from __future__ import annotations

import difflib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.datasets.card import from_frame
from bench.files import sha256
from bench.ranges import Text, checked

if TYPE_CHECKING:
    from bench.table import Problem, Table

DATA = Path(__file__).parent / "data"


def names(problem: Problem | None = None) -> list[str]:
    """Names of the embedded tables, or of those for one problem, sorted."""
    every = sorted(path.stem for path in DATA.glob("*.json"))
    of_classes = problem == "classification"
    return [n for n in every if problem is None or bool(card(n)["classes"]) == of_classes]


def card(name: str) -> dict[str, Any]:
    """What is known of a table: origin, licence, target, classes, columns, counts, checksum.

    A table whose target is a number has no classes.

    Raises
    ------
    TableError
        If there is no such table; the message names the closest one.
    """
    path = DATA / f"{name}.json"
    # `name` comes from the command line: only a plain file name may be looked up.
    if name not in names():
        from bench.errors import TableError

        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(names())}."
        raise TableError(f"There is no embedded dataset '{name}'; {hint}")
    return json.loads(path.read_text(encoding="utf-8"))


def dags() -> dict[str, Path]:
    """The causal graphs that come with tables, drawn by reading the columns' names: CSV files."""
    return {path.stem: path for path in (DATA / "dags").glob("*.csv")}


@checked
def load(name: Text) -> Table:
    """Read an embedded table.

    Parameters
    ----------
    name : str
        One of `names`, e.g. ``"credit-g"``.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        If there is no such table, or its file is not the one the card describes.
    """
    import pandas as pd

    from bench.errors import TableError

    about = card(name)
    path = DATA / f"{name}.parquet"
    try:
        content = path.read_bytes()
    except OSError:
        raise TableError(
            f"Dataset '{name}': its file {path.name} is missing; restore it from the repository."
        ) from None
    if sha256(content) != about["sha256"]:
        raise TableError(
            f"Dataset '{name}': {path.name} is damaged or was changed "
            "(its checksum is not the card's); restore it from the repository."
        )
    return from_frame(pd.read_parquet(io.BytesIO(content)), about)
