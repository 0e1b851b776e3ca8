"""Paired differences between methods, and the seed-only null that they stand beside.

A difference is taken within a unit (dataset, fold, seed), where both runs saw the same draws of the
real rows. Units are averaged within a table first, since its folds and seeds share rows: the
standard error is over tables.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from scipy.stats import t

from bench.analysis.frame import UNIT
from bench.analysis.references import DEFAULT, PRETRAINED, references

NULL = "default_ft, another seed"
COLUMNS = ["method", "against", "step", "mean", "se", "absolute", "tables", "units"]


def against_method(runs: pd.DataFrame, column: str, other: str = DEFAULT) -> pd.DataFrame:
    """Every method minus another one, paired within units.

    Parameters
    ----------
    runs : DataFrame
        One row a unit and method; units without a value of either method are passed over.
    column : str
        What is compared.
    other : str
        The method that is subtracted; one of ``runs``.

    Returns
    -------
    DataFrame
        A row a method but ``other``; columns as `over_tables`.
    """
    methods = runs["method"].unique()
    return against_references(runs, column, {m: other for m in methods if m != other})


def against_references(runs: pd.DataFrame, column: str, of: Mapping[str, str]) -> pd.DataFrame:
    """`against_method`, each method minus the one that ``of`` names; others are passed over."""
    wide = _wide(runs, UNIT, "method", column)
    held = {m: of[m] for m in wide.columns if of.get(m) in wide}
    if not held:
        return pd.DataFrame()
    differences = wide[list(held)] - wide[list(held.values())].to_numpy()
    return over_tables(differences)


def against_pretrained(cells: pd.DataFrame, column: str) -> pd.DataFrame:
    """Every method's test score ``column`` minus the pre-trained model's, which each cell holds.

    Returns
    -------
    DataFrame
        A row a method that fine-tunes; columns as `over_tables`.
    """
    untuned = list(references(cells).pretrained)
    gains = cells[[*UNIT, "method"]].assign(gain=cells[column] - cells["score_pretrained"])
    wide = _wide(gains, UNIT, "method", "gain")
    return over_tables(wide.drop(columns=untuned))


def seed_null(cells: pd.DataFrame, column: str, method: str = DEFAULT) -> pd.DataFrame:
    """What re-seeding alone does: one seed of a method minus another, within dataset and fold.

    The seeds are paired in order (first − second, third − fourth, …; an odd last one is left out),
    so that the pairs share no run: the mean over all pairs would telescope. A mean over half as
    many pairs as there are seeds has √2 times the standard error of the difference of two methods
    with the same scatter; ``absolute``, run against run, compares directly.

    Returns
    -------
    DataFrame
        One row, named `NULL`; columns as `over_tables`, a unit being a pair. No row if no fold of
        the method has two seeds.
    """
    runs = cells[cells["method"] == method]
    wide = _wide(runs, ["dataset", "fold"], "seed", column)
    seeds = list(wide.columns)
    pairs = [wide[a] - wide[b] for a, b in zip(seeds[::2], seeds[1::2], strict=False)]
    differences = pd.concat(pairs).dropna() if pairs else pd.Series(dtype=float)
    return over_tables(differences.to_frame(NULL)) if len(differences) else pd.DataFrame()


def _wide(runs: pd.DataFrame, index: list[str], columns: str, values: str) -> pd.DataFrame:
    # pivot_table drops methods without a value, and averages duplicates without a word.
    return runs.pivot(index=index, columns=columns, values=values)


def over_tables(differences: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard error over tables of each column of differences.

    Parameters
    ----------
    differences : DataFrame
        Indexed by units, with a level ``dataset``; a column a comparison; NaN is passed over.

    Returns
    -------
    DataFrame
        A row a comparison. ``mean`` over the tables' means, ``se`` its standard error (sample
        standard deviation over √tables; NaN with one table), ``absolute`` the mean absolute
        difference of a unit, ``tables`` and ``units`` the numbers that were averaged.
    """
    means = differences.groupby(level="dataset").mean()
    return pd.DataFrame(
        {
            "mean": means.mean(),
            "se": means.sem(),
            "absolute": differences.abs().mean(),
            "tables": means.count(),
            "units": differences.count(),
        }
    )


def resolved(differences: pd.DataFrame) -> pd.Series:
    """Whether a mean difference is larger than twice its standard error, either way.

    >>> resolved(pd.DataFrame({"mean": [0.3, -0.3, 0.3], "se": [0.1, 0.1, 0.2]})).tolist()
    [True, True, False]
    """
    return differences["mean"].abs() > 2 * differences["se"]


def chance_of_resolving(tables: int) -> float:
    """Probability that a difference of mean zero is `resolved` (normal over tables: t, n − 1).

    >>> round(chance_of_resolving(12), 3)
    0.071
    """
    return float(2 * t.sf(2, tables - 1))


def paired(cells: pd.DataFrame) -> pd.DataFrame:
    """Test score of every method against default fine-tuning and the pre-trained model.

    Parameters
    ----------
    cells : DataFrame
        Complete units (`bench.analysis.complete.complete`).

    Returns
    -------
    DataFrame
        A row a comparison, with `COLUMNS`: ``method``, ``against`` (its reference among the
        variants of `DEFAULT`, `PRETRAINED`; `NULL` for the seed-only null of a variant of
        `DEFAULT`), ``step`` (``chosen`` or ``last``), and those of `over_tables`. Without `DEFAULT`
        among the methods only the rows against `PRETRAINED`.
    """
    held = references(cells)
    parts = [pd.DataFrame(columns=COLUMNS)]
    for step in ("chosen", "last"):
        column = f"score_{step}"
        compared: list[tuple[str | dict[str, str], pd.DataFrame]] = [
            (held.of, against_references(cells, column, held.of)),
            (PRETRAINED, against_pretrained(cells, column)),
        ]
        for default in held.defaults:
            null = seed_null(cells, column, default)
            compared.append((NULL, null.rename(index={NULL: default})))
        for against, table in compared:
            named = table.rename_axis("method").reset_index()
            beside = named["method"].map(against) if isinstance(against, dict) else against
            named.insert(1, "against", beside)
            named.insert(2, "step", step)
            parts.append(named)
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def against_default(table: pd.DataFrame, step: str) -> pd.DataFrame:
    """The rows of `paired` that hold a method against default fine-tuning."""
    return table[~table["against"].isin([PRETRAINED, NULL]) & (table["step"] == step)]


def fine_tuned(table: pd.DataFrame) -> set[str]:
    """The methods of `paired` that fine-tune: those it holds against the pre-trained model."""
    return set(table.loc[table["against"] == PRETRAINED, "method"])
