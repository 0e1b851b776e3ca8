"""The utility of rows is held against their gain: within tables, over all, and on enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_records import made
from scipy.stats import spearmanr

from bench.analysis.frame import frame
from bench.analysis.measures import improvements
from bench.analysis.settings import settings
from bench.analysis.utility_gains import FEWEST, gains_by_utility, made_tables, spearman
from bench.scores.roc_auc_ovo import roc_auc_ovo

GENERATORS = ["scm", "smote", "noise", "ctgan"]
QUICK = settings(["analysis.resamples=200"])
Gain = Callable[[int, int], float]  # of dataset and generator


def rows(**measures: float | None) -> dict[str, Any]:
    return {"quality": {f"test_{name}": value for name, value in measures.items()}}


def records(gain: Gain, tables: int = 6, told: int | None = None) -> list[dict[str, Any]]:
    """Each generator alone and mixed; the harder table d is, the less its rows are worth.

    ``told``: tables whose records tell global utility.
    """
    found = []
    for d in range(tables):
        name, has_global = f"d{d}", d < (tables if told is None else told)
        found += [made(name, "pretrained", [0.5]), made(name, "default_ft", [0.5, 0.51])]
        for g, generator in enumerate(GENERATORS):
            worth = {"tstr_roc_auc": 0.9 - d / 10 + g / 100}
            worth |= {"global_utility": 0.5 + g / 10} if has_global else {}
            for way, more in (("synthetic", 0.01), ("mixed-1", -0.01)):
                curve = [0.5, 0.5 + gain(d, g) + more]
                found.append(made(name, f"{generator}-{way}", curve, synthetic=rows(**worth)))
    return found


def read(found: list[dict[str, Any]]) -> pd.DataFrame:
    return made_tables(improvements(frame(found), roc_auc_ovo))


def test_a_generators_ways_are_one_point_with_its_gain_over_both_references():
    points = read(records(lambda d, g: g / 100, tables=1)).set_index("generator")
    assert sorted(points.index) == sorted(GENERATORS)
    smote = points.loc["smote"]
    assert smote["raw_gain"] == pytest.approx(0.01)  # 0.02 alone, 0.00 mixed
    assert smote["over_default"] == pytest.approx(0.00)
    assert smote["global utility"] == pytest.approx(0.6)
    assert smote["target utility"] == pytest.approx(0.91)


def test_within_tables_and_over_all_can_say_the_opposite():
    """Better rows gain more within a table, while on harder tables all of them gain more."""
    table = gains_by_utility(read(records(lambda d, g: d / 10 + g / 100)), QUICK)
    first = table[table["over"] == "not fine-tuning"].set_index("measure")
    target = first.loc["target utility"]
    assert target[["within", "within_low", "within_high"]].to_list() == pytest.approx([1, 1, 1])
    assert target["pooled"] < -0.8
    assert target["pooled_high"] < 0
    assert (target["tables"], target["points"]) == (6, 24)
    both = table.set_index(["measure", "over"])["within"]
    assert (both == 1).all()  # the reference is the same for all of a unit


def test_where_tables_disagree_the_interval_holds_zero():
    table = gains_by_utility(read(records(lambda d, g: (-1) ** d * g / 100)), QUICK)
    assert table["within"].to_list() == pytest.approx([0] * 4)
    assert (table["within_low"] < -0.3).all()
    assert (table["within_high"] > 0.3).all()


@pytest.mark.parametrize("told", [0, FEWEST - 1, FEWEST])
def test_what_is_told_of_too_few_tables_is_not_measured_rather_than_zero(told: int):
    points = read(records(lambda d, g: g / 100, tables=6, told=told))
    assert points["global utility"].isna().sum() == (6 - told) * len(GENERATORS)
    row = gains_by_utility(points, QUICK).set_index(["measure", "over"])
    found = row.loc[("global utility", "not fine-tuning")]
    assert found["tables"] == told
    assert found[["within", "pooled"]].isna().all() == (told < FEWEST)
    assert row.loc[("target utility", "not fine-tuning"), "within"] == pytest.approx(1)


def test_two_generators_are_not_ranked_within_a_table_and_no_gain_is_no_relation():
    found = [r for r in records(lambda d, g: g / 100) if "noise" not in str(r["cell"]["method"])]
    few = [r for r in found if "ctgan" not in str(r["cell"]["method"])]
    assert gains_by_utility(read(few), QUICK)["within"].isna().all()
    assert gains_by_utility(read(few), QUICK)["pooled"].notna().all()
    assert gains_by_utility(read(records(lambda d, g: 0.0)), QUICK)["within"].isna().all()
    assert gains_by_utility(read([made("a", "pretrained", [0.5])]), QUICK)["tables"].sum() == 0


def test_a_point_that_counts_thrice_is_three_points():
    rng = np.random.default_rng(0)
    x, y = rng.integers(6, size=(2, 15))  # with ties
    weights = rng.integers(4, size=(3, 15))
    for found, often in zip(spearman(x, y, weights), weights, strict=True):
        assert found == pytest.approx(spearmanr(np.repeat(x, often), np.repeat(y, often)).statistic)
