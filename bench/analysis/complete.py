"""The cells that every method of a comparison has, the others, and what is held against what."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.analysis.frame import CURVES, NAMING, UNIT
from bench.analysis.settings import Impute
from bench.errors import BadInput, closest

IMPUTED = "imputed"  # status of a score that was asked to be made up (`analysis.impute`)


def those(cells: pd.DataFrame, mask: pd.Series) -> pd.DataFrame:
    """The rows of a mask; of all of them no copy, which takes 260 MB of a million rows."""
    return cells if mask.all() else cells[mask]


def against_untuned(cells: pd.DataFrame) -> pd.DataFrame:
    """Hold bags against the pre-trained model as it is, where its own record tells that.

    A bag's record holds what its children's context makes of the pre-trained model; not fine-tuning
    means the whole training part as context, as the cell of `pretrained` has it.

    Parameters
    ----------
    cells : DataFrame
        As `frame` gives it.
    """
    tunings = cells["tuning"].dropna().unique() if "tuning" in cells else ()
    bags = [tuning for tuning in tunings if json.loads(tuning).get("bag", 1) > 1]
    if not bags:
        return cells
    unit = [*UNIT, "baseline"]
    untuned = cells[cells["tuning"].isna() & cells["score_chosen"].notna()]
    known = untuned.drop_duplicates(unit).set_index(unit)["score_chosen"]
    of_bag = cells["tuning"].isin(bags)
    found = known.reindex(pd.MultiIndex.from_frame(cells.loc[of_bag, unit])).to_numpy()
    start = cells["score_pretrained"].copy()
    start[of_bag] = np.where(np.isnan(found), start[of_bag], found)
    return cells.assign(score_pretrained=start)


def complete(
    cells: pd.DataFrame, impute: Impute = Impute.none
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split into the units where every method of the frame has a score, and the other units.

    Parameters
    ----------
    cells : DataFrame
        As `frame` gives it, or with fewer columns.
    impute : Impute
        ``worst``: a missing score becomes the worst test score of its unit, the pre-trained
        model's included, under the status `IMPUTED`; it has no curve and no validation score.

    Returns
    -------
    (kept, left_out)
        Rows of ``cells``; ``left_out`` also names the methods that are absent altogether, as rows
        with status ``missing``.
    """
    methods = cells["method"].unique()
    units = cells[UNIT].drop_duplicates()
    grid = units.merge(pd.DataFrame({"method": methods}), how="cross")
    full = grid.merge(cells, on=[*UNIT, "method"], how="left")
    full["status"] = full["status"].fillna("missing")
    full = _with_naming(full)
    if impute == Impute.worst:
        full = _imputed(full)
    # ROC-AUC, say, does not exist where the test part is of one class: no unit to compare.
    good = full["status"].isin(["done", IMPUTED]) & full["score_chosen"].notna()
    whole = good.groupby([full[c] for c in UNIT]).transform("all")
    if whole.all():
        return full, full.iloc[:0]
    return full[whole].reset_index(drop=True), full[~whole].reset_index(drop=True)


def _with_naming(full: pd.DataFrame) -> pd.DataFrame:
    """What a method's name was made from, also where it has no record."""
    absent = full["status"] == "missing"
    columns = [c for c in NAMING[1:] if c in full]
    of = full.loc[~absent, ["method", *columns]].drop_duplicates("method").set_index("method")
    filled = {c: full[c].where(~absent, full["method"].map(of[c])) for c in columns}
    return full.assign(**filled) if absent.any() else full


def _imputed(full: pd.DataFrame) -> pd.DataFrame:
    unit = [full[c] for c in UNIT]
    if "baseline" in full:
        unit.append(full["baseline"].fillna(""))  # a method's start is its own model's
    started = full["score_pretrained"].groupby(unit).transform("first")
    worst = full[["score_chosen", "score_pretrained"]].min(axis=1).groupby(unit).transform("min")
    lost = full["score_chosen"].isna() & worst.notna()
    out = full.copy()
    out.loc[lost, "status"] = IMPUTED
    out.loc[lost, ["score_chosen", "score_last"]] = worst[lost]
    out.loc[lost, "score_pretrained"] = started[lost]
    for column in set(CURVES) & set(out):
        out.loc[lost, column] = pd.Series([()] * len(out), index=out.index, dtype=object)[lost]
    return out


def of_methods(cells: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    """The cells of some methods; of none, all.

    Raises
    ------
    BadInput
        If one has no cell.
    """
    there = sorted(map(str, cells["method"].unique()))
    for name in wanted:
        if name not in there:
            meant = closest(name, there)
            raise BadInput(
                f"analysis.methods: no record is of '{name}';{meant} methods: {', '.join(there)}."
            )
    return cells[cells["method"].isin(wanted)] if wanted else cells


def serving(cells: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cells of methods that serve some table, and of those that serve none.

    Of a method whose records all say `not_applicable` there is nothing to compare on any unit.
    """
    none = (cells["status"] == "not_applicable").groupby(cells["method"]).transform("all")
    return those(cells, ~none), those(cells, none)


def absent_units(cells: pd.DataFrame) -> pd.DataFrame:
    """Units that no method has a record of, though their dataset and their split were run.

    Every dataset is expected on each (fold, seed) of the frame: where a whole unit was deleted, or
    was never run, no row of `complete` could tell.
    """
    splits = cells[["fold", "seed"]].drop_duplicates()
    grid = cells[["dataset"]].drop_duplicates().merge(splits, how="cross")
    found = grid.merge(cells[UNIT].drop_duplicates(), on=UNIT, how="left", indicator=True)
    return found.loc[found["_merge"] == "left_only", UNIT].reset_index(drop=True)
