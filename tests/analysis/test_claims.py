"""The study's claims, held against made records: each holds, does not, or cannot be told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_records import made

from bench.analysis.answer import Answer, answer
from bench.analysis.claims import FAILS, HOLDS, UNKNOWN
from bench.analysis.frame import frame
from bench.analysis.intervals import weighted_quantiles
from bench.analysis.settings import settings
from bench.report.tables import claims
from bench.scores.roc_auc_ovo import roc_auc_ovo

QUICK = settings(["analysis.elo_rounds=1", "analysis.resamples=200"])
TABLES = "abcdefgh"
OTHERS = ("ctgan", "tabebm", "table_augment", "scm", "mixed_model", "default_ft")


def runs(method: str, gains: list[float], **more: Any) -> list[dict[str, Any]]:
    """A record a table and fold; the gains go round, the pre-trained model has 0.5."""
    return [
        made(table, method, [0.5, 0.5 + gains[(i + fold) % len(gains)]], fold=fold, **more)
        for i, table in enumerate(TABLES)
        for fold in range(len(gains))
    ]


def read(*records: list[dict[str, Any]]) -> Answer:
    return answer(frame([r for of in records for r in of]), QUICK, roc_auc_ovo)


def held(*records: list[dict[str, Any]]) -> pd.DataFrame:
    return claims.numbers(read(*records)).set_index(["claim", "method"])


def test_a_mix_that_gains_more_and_spreads_less_holds_what_is_claimed_of_it() -> None:
    found = held(runs("causalmixft", [0.10, 0.09]), runs("default_ft", [0.05, -0.05]))
    of = found.xs("causalmixft", level="method")
    assert of.loc["above_default", "holds"] == of.loc["gains", "holds"] == HOLDS
    assert of.loc["narrower", "holds"] == HOLDS
    # In a unit 0.10 and 0.05, or 0.09 and −0.05: of the range 0.10 all, of 0.14 the share 9/14.
    assert of.loc["gains", "value"] == pytest.approx((1 + 9 / 14) / 2)
    assert of.loc["above_default", "against"] == pytest.approx((0.5 - 5 / 14) / 2)
    assert "first" not in of.index  # it takes all seven methods


def test_a_mix_that_loses_does_not() -> None:
    found = held(runs("causalmixft", [-0.10, 0.02, -0.09]), runs("default_ft", [0.05, 0.05, 0.04]))
    of = found.xs("causalmixft", level="method")["holds"]
    assert of.to_dict() == {
        "above_default": FAILS,
        "gains": FAILS,
        "narrower": FAILS,
        "smaller_gap": UNKNOWN,
    }


def test_where_tables_disagree_it_cannot_be_told() -> None:
    mixed = [made(table, "causalmixft", [0.5, 0.6 if table in "aceg" else 0.4]) for table in TABLES]
    found = held(mixed, runs("default_ft", [0.001]))
    assert found.loc[("above_default", "causalmixft"), "holds"] == UNKNOWN


def test_of_one_table_nothing_can_be_told() -> None:
    one = [
        made("a", m, [0.5, s], fold=f)
        for m, s in (("causalmixft", 0.6), ("default_ft", 0.5))
        for f in (0, 1)
    ]
    assert set(held(one)["holds"]) == {UNKNOWN}


@pytest.mark.long
def test_a_claim_that_a_null_meets_as_well_says_so() -> None:
    records = (
        runs("causalmixft", [0.10, 0.09]),
        runs("bootstrap", [0.10, 0.08]),
        runs("default_ft", [0.05, -0.05]),
    )
    found = held(*records).loc[("gains", "causalmixft")]
    assert (found["null"], found["null_holds"]) == ("bootstrap", HOLDS)
    of = read(*records)
    told = claims.readable(of, claims.numbers(of)).set_index("claim")
    assert told.loc["CausalMixFT: a median improvement above 0", "holds"] == (
        "holds, but so for a null"
    )
    assert told["study"].iloc[0] == "+0.12 ± 0.63 against +0.10 ± 0.98"


def test_of_several_nulls_one_for_which_it_holds_is_told_before_a_farther_one() -> None:
    unsure = [made(table, "noise", [0.5, 0.9 if table in "abcde" else 0.1]) for table in TABLES]
    mix, plain, null = (
        [made(table, method, [0.5, score]) for table in TABLES]
        for method, score in (("causalmixft", 0.6), ("default_ft", 0.5), ("bootstrap", 0.52))
    )
    found = held(mix, plain, null, unsure).loc[("gains", "causalmixft")]
    assert (found["null"], found["null_holds"]) == ("bootstrap", HOLDS)


def test_of_five_tables_nothing_is_told_of_a_claim() -> None:
    both = runs("causalmixft", [0.10, 0.09]), runs("default_ft", [0.05, -0.05])
    for tables, told in (("abcde", UNKNOWN), ("abcdef", HOLDS)):
        few = [[r for r in of if r["cell"]["dataset"] in tables] for of in both]
        assert held(*few).loc[("gains", "causalmixft"), "holds"] == told


def test_to_rank_first_does_not_fail_where_the_best_of_six_alike_is_ahead() -> None:
    """Each table ranks the seven in an order of its own: the best of six is ahead by chance."""
    rng = np.random.default_rng(27)
    methods = ("causalmixft", *OTHERS)
    records = [
        made(table, method, [0.4, 0.5 + place / 100])
        for table in TABLES
        for method, place in zip(methods, rng.permutation(7), strict=True)
    ]
    found = held(records).loc[("first", "causalmixft")]
    assert found["low"] > 0  # against the best of them
    assert found["holds"] == UNKNOWN


def test_purely_synthetic_rows_are_claimed_to_lose() -> None:
    found = held(runs("scm", [-0.05, -0.04]), runs("default_ft", [0.01, 0.02]))
    assert found.loc[("loses", "scm"), "holds"] == HOLDS
    assert pd.isna(found.loc[("loses", "scm"), "null"])


@pytest.mark.long
def test_the_mix_is_first_of_the_studys_seven() -> None:
    records = [runs(m, [0.01 + i / 1000]) for i, m in enumerate(OTHERS)]
    found = held(runs("causalmixft", [0.10]), *records).loc[("first", "causalmixft")]
    assert (found["value"], found["against"], found["holds"]) == (1.0, 2.0, HOLDS)
    found = held(runs("causalmixft", [0.0]), *records).loc[("first", "causalmixft")]
    assert (found["value"], found["against"], found["holds"]) == (7.0, 1.0, FAILS)


def test_a_number_that_does_not_exist_is_not_written_out() -> None:
    flat = read(runs("causalmixft", [0.0]), runs("default_ft", [0.0]))  # no curve has a correlation
    told = claims.readable(flat, claims.numbers(flat)).set_index("claim")
    row = told.loc["CausalMixFT: a smaller correlation gap than Default fine-tuning"]
    assert (row["here"], row["holds"]) == ("–", UNKNOWN)


def test_of_several_settings_of_a_method_it_says_how_to_read_one() -> None:
    both = [
        runs(m, [0.1], finetune={"lr": lr}) for m in ("causalmixft", "default_ft") for lr in (1, 2)
    ]
    of = read(*both)
    section = claims.claims.section(of, claims.numbers(of))
    assert section.table is None
    assert "there are several of causalmixft and default_ft; 'analysis.methods" in section.text


def test_quantiles_of_resamples_are_numpys() -> None:
    rng = np.random.default_rng(3)
    values, place = rng.normal(size=600).round(1), rng.integers(0, 5, 600)
    weights = rng.multinomial(5, np.full(5, 0.2), size=20)
    for at in (0.25, 0.5, 0.75):
        told = weighted_quantiles(values, place, weights, at)
        whole = [np.quantile(np.repeat(values, row[place]), at) for row in weights]
        np.testing.assert_allclose(told, whole, atol=1e-12)
