"""What so many tables resolve, held against statsmodels and against a simulation."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp
from statsmodels.stats.power import TTestPower

from bench.analysis.power import (
    MOST,
    power,
    smallest_distance,
    tables_needed,
    with_power,
)
from bench.analysis.settings import settings
from bench.report.columns import resolvable

READ = settings()
STUDENT = TTestPower()


@pytest.mark.parametrize("tables", [2, 3, 12, 100, 10_000])
@pytest.mark.parametrize("distance", [0.0, 0.5, 2.8, 5.0])
def test_power_is_that_of_statsmodels(tables: int, distance: float) -> None:
    effect = distance / math.sqrt(tables)
    expected = STUDENT.power(effect, tables, 0.05, alternative="two-sided")
    assert power(effect, tables, 0.05) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(("tables", "wanted"), [(3, 0.8), (12, 0.8), (12, 0.95), (100, 0.5)])
def test_the_smallest_difference_has_that_power(tables: int, wanted: float) -> None:
    effect = smallest_distance(tables, wanted, 0.05) / math.sqrt(tables)
    assert STUDENT.power(effect, tables, 0.05) == pytest.approx(wanted, abs=1e-9)


def test_a_simulated_test_finds_the_smallest_difference_as_often() -> None:
    mean = smallest_distance(12, 0.8, 0.05) / math.sqrt(12)
    drawn = np.random.default_rng(0).normal(mean, size=(20_000, 12))
    found = ttest_1samp(drawn, 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=4 * math.sqrt(0.8 * 0.2 / 20_000))


@pytest.mark.parametrize("effect", [0.05, 0.3, 0.889, 2.0])
def test_the_tables_needed_are_the_fewest_that_suffice(effect: float) -> None:
    needed = int(tables_needed(effect, 0.8, 0.05))
    assert power(effect, needed, 0.05) >= 0.8 > power(effect, needed - 1, 0.05)


def test_two_tables_are_the_fewest_and_what_takes_too_many_is_never_found() -> None:
    assert tables_needed(100.0, 0.8, 0.05) == 2
    assert tables_needed(2.8 / math.sqrt(4 * MOST), 0.8, 0.05) == math.inf
    assert smallest_distance(12, 0.05, 0.05) == 0  # chance finds as much


# Over four tables: ±0.002 (a standard deviation of 0.002 · 2/√3), nothing, and all alike.
TABLES = pd.DataFrame(
    {
        "method": ["moving", "tied", "alike", "alone"],
        "se": [0.002 / math.sqrt(3), 0.0, 1e-18, math.nan],
        "tables": [4, 4, 4, 1],
    }
)


def test_beside_paired_differences_stand_what_they_resolve_and_the_tables_that_would() -> None:
    row = with_power(TABLES, READ).iloc[0]
    assert row["smallest"] == pytest.approx(4.2559 * 0.002 / math.sqrt(3), rel=1e-4)
    effect = READ.small_difference / (0.004 / math.sqrt(3))
    assert row["needed"] == math.ceil(STUDENT.solve_power(effect, alpha=0.05, power=0.8))


def test_without_a_spread_nothing_is_told() -> None:
    """Of tables that differ alike, or of a single one, nobody knows how the next would differ."""
    read = with_power(TABLES, READ).iloc[1:]
    assert read[["smallest", "needed"]].isna().all(axis=None)
    assert with_power(TABLES.iloc[:0], READ).columns.tolist()[-2:] == ["smallest", "needed"]


def test_cells_of_two_steps_stand_in_one_where_either_has_a_spread() -> None:
    rows = pd.DataFrame(
        {
            "tables": [12, 12, 12],
            "smallest": [0.001, math.nan, math.nan],
            "smallest_last": [0.002, 0.002, math.nan],
            "needed": [12.0, math.nan, math.nan],
            "needed_last": [math.inf, 40.0, math.nan],
        }
    )
    smallest, needed = resolvable(SimpleNamespace(settings=READ), "", "_last")
    assert smallest.texts(rows) == ["1.00 / 2.00", "– / 2.00", "–"]
    assert needed.texts(rows) == ["12 / >1000000", "– / 40", "–"]
    assert needed.head == "tables for 0.001"


def test_a_wish_for_more_power_or_a_smaller_difference_takes_more_tables() -> None:
    def needed(*overrides: str) -> float:
        return float(with_power(TABLES, settings(overrides)).loc[0, "needed"])

    assert needed() < needed("analysis.power=0.9") < needed("analysis.small_difference=0.0005")
    assert needed("analysis.alpha=0.2") < needed()
