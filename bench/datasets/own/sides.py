"""The columns that say how rows may be split: which rows belong together, or when each one was.

They are no features. What a group is called doesn't matter, only which rows share it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.datasets.own import labels
from bench.datasets.own.as_text import text_of
from bench.datasets.own.kinds import quantities_of
from bench.datasets.own.number_columns import Surroundings
from bench.datasets.own.remedies import SHELL, Column, Shell
from bench.datasets.own.strays import TwoReadings, Unusable
from bench.datasets.own.wording import listed, shown
from bench.datasets.own.written_numbers import Convention
from bench.errors import TableError


def groups_of(
    values: pd.Series, name: str, column: str, decimal: str | None
) -> tuple[np.ndarray | None, list[str]]:
    """The code of each row's group, in order of appearance, and notes.

    None, if each row is a group of its own: there is nothing to keep together.

    Raises
    ------
    TableError
        If a row has no group.
    """
    where = f"Dataset '{name}', column '{column}'"
    lacking = int(values.isna().sum())
    if lacking:
        raise TableError(
            f"{where}: {_some(lacking, len(values))} no group; name it, with a value of its own "
            "for a row that belongs to none, or leave those rows out."
        )
    text = text_of(values, name, column)
    one, remarks = labels.one_form(text, decimal)
    codes, groups = pd.factorize(one)
    if len(groups) == len(values):
        return None, [
            f"{where}: no two rows share a group, so grouping changes nothing; it is no feature."
        ]
    notes = [f"{where}: its {len(groups)} groups are kept whole in all splits; it is no feature."]
    if remarks:
        forms = len(set(text)) - len(groups)
        notes.append(f"{where}: numbers written in two ways are one group ({forms} of them).")
    twins = labels.alike(groups)
    if twins:
        more = f" (and {len(twins) - 1} more such sets)" if len(twins) > 1 else ""
        notes.append(
            f"{where}: {listed(twins[0])}{more} differ only in case, blanks or marks that look "
            "alike; they stay groups of their own."
        )
    return codes.astype(np.int64), notes


def times_of(
    values: pd.Series,
    name: str,
    column: str,
    convention: Convention,
    separator: str | None,
    said: Shell = SHELL,
) -> tuple[np.ndarray, list[str]]:
    """When each row was, as numbers or as days since 1970-01-01 (UTC), and notes.

    Raises
    ------
    TableError
        If it holds neither dates nor numbers, or a row has none.
    """
    where = f"Dataset '{name}', column '{column}'"
    try:
        around = Surroundings(separator)
        found = quantities_of(values, Column(column, said), convention, around)
    except Unusable as reason:
        plain = "write all as dates such as 2024-12-31, or all as plain numbers"
        remedy = reason.remedy if isinstance(reason, TwoReadings) else plain
        raise TableError(f"{where}: {reason.why}, hence no times; {remedy}.") from None
    if found is None:
        example = shown(values.dropna().iloc[0]) if values.notna().any() else "nothing"
        raise TableError(
            f"{where}: holds neither dates nor numbers, but {example}, hence no times; write "
            "them as dates such as 2024-12-31, or as numbers that rise with time."
        )
    times, remarks = found
    missing = np.isnan(times)
    if missing.any():
        strays = values[missing].dropna()
        such = f" (such as {shown(strays.iloc[0])})" if len(strays) else ""
        raise TableError(
            f"{where}: {_some(int(missing.sum()), len(values))} no time{such}; fill it in, or "
            "leave those rows out."
        )
    notes = [f"{where}: rows are split by it, earlier from later ones; it is no feature."]
    return times, notes + [f"{where}: {remark}" for remark in remarks]


def _some(n: int, of: int) -> str:
    return f"{n} of {of} rows {'has' if n == 1 else 'have'}"
