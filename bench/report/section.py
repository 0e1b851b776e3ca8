"""`Section`: a table as people read it with the sentences around it, wherever it will be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

Behind = dict[str, list[str]]  # column of the cells → values: the cells behind a number


def nothing_behind(_row: int, _column: str) -> Behind | None:
    """For numbers that no cells stand behind one by one."""
    return None


@dataclass
class Section:
    """One table.

    Parameters
    ----------
    key : str
        Its anchor and file name.
    title : str
    table : DataFrame of str, optional
        None: it is left out, and ``text`` says why.
    text : str
        Below the table.
    behind : callable
        (position of a row, column) → which cells are behind that number.
    terminal : bool
        Whether it is also printed.
    timed : bool
        It holds wall times, which differ between two runs of one experiment.
    """

    key: str
    title: str
    table: pd.DataFrame | None
    text: str = ""
    behind: Callable[[int, str], Behind | None] = nothing_behind
    terminal: bool = False
    timed: bool = False
