"""Advice on one table: each kind of answer, what its numbers are, and how it is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made_records import made, made_numeric, one_table
from scipy.stats import t

from bench.analysis.advice import Kind, advised, shrunk
from bench.analysis.settings import settings
from bench.report.advice import reply
from bench.scores import SCORES

SETTINGS = settings()
AUC = SCORES["roc_auc_ovo"]
CLEAR = [0.20, 0.21, 0.19, 0.22, 0.20, 0.21]
LIKELY = [0.20, 0.25, 0.15]
NOISE = [0.02, -0.03, 0.01, -0.02, 0.03, -0.01]
LEVEL = 0.003  # at each number of folds


def told(records: list) -> str:
    return reply(advised(records, SETTINGS), AUC, 0.95).text


def test_a_gain_beyond_chance_is_advised_with_what_to_expect() -> None:
    records = one_table({"default_ft": CLEAR, "bootstrap": NOISE})
    advice = advised(records, SETTINGS)
    assert (advice.kind, advice.method, advice.folds, advice.needed) == (
        Kind.finetune, "default_ft", 6, None,
    )  # fmt: skip
    assert 0.19 < advice.gain < np.mean(CLEAR)
    assert told(records).startswith(
        "Fine-tune with Default fine-tuning, expect test ROC-AUC +0.204 ± 0.022: over 6 folds it "
        "went from 0.700 to 0.905, worse than the base model in 0% of them, and log-loss agrees"
    )


def test_the_error_of_a_mean_knows_that_folds_share_rows() -> None:
    """Nadeau and Bengio's: 50 test rows to 100 training rows."""
    advice = advised(one_table({"default_ft": CLEAR, "bootstrap": NOISE}), SETTINGS)
    row = advice.methods.iloc[0]
    assert row["se"] == pytest.approx(np.std(CLEAR, ddof=1) * np.sqrt(1 / 6 + 50 / 100))
    assert row["p"] == pytest.approx(t.sf(row["gain"] / row["se"], 5))
    assert row["p_holm"] == pytest.approx(2 * row["p"])
    assert advice.level == pytest.approx(LEVEL)
    half = t.ppf(0.975, 5) * row["se"]
    assert (row["low"], row["high"]) == pytest.approx((row["gain"] - half, row["gain"] + half))


@pytest.mark.parametrize(
    ("gains", "reason"),
    [
        ({"default_ft": [0.0] * 5, "bootstrap": [0.0] * 5}, "in each of 5 folds the stopping rule"),
        (
            {"default_ft": [0.001, -0.001, 0.0, 0.002], "bootstrap": [-0.05, -0.06] * 2},
            "a worthwhile gain is excluded. Of 2 methods none reaches ROC-AUC +0.004 in 4 folds",
        ),
    ],
)  # fmt: skip
def test_where_no_gain_is_left_the_base_is_kept(gains: dict, reason: str) -> None:
    records = one_table(gains)
    assert advised(records, SETTINGS).kind is Kind.keep
    assert told(records).startswith(f"Keep the base model: {reason}")


def test_what_cannot_be_told_says_how_many_folds_it_would_take() -> None:
    records = one_table({"default_ft": LIKELY, "bootstrap": NOISE[:3]})
    advice = advised(records, SETTINGS)
    assert advice.kind is Kind.unknown
    assert advice.needed is not None
    assert (advice.needed.folds, advice.needed.rows) == (13, None)
    assert "To tell a change of 0.180 would take about 13 folds." in told(records)


def test_where_more_folds_would_not_do_it_tells_rows() -> None:
    records = one_table({"default_ft": NOISE, "bootstrap": NOISE[::-1]})
    advice = advised(records, SETTINGS)
    assert advice.kind is Kind.unknown
    assert advice.needed is not None
    assert advice.needed.folds is None
    assert advice.needed.rows == 7600  # of 150, for a gain of 0.01
    assert told(records).endswith(
        "rows: more folds of these share their rows, and tell no more. Until then the base model "
        "is the safe choice."
    )


def test_a_gain_that_the_proper_score_contradicts_is_not_advised() -> None:
    records = one_table({"default_ft": CLEAR, "bootstrap": NOISE}, proper=-0.01)
    assert advised(records, SETTINGS).kind is Kind.unknown
    assert "(the proper score contradicts the gain)" in told(records)


def test_a_gain_that_is_told_but_not_worth_it_keeps_the_base() -> None:
    small = [0.005, 0.0051, 0.0049, 0.005, 0.0051, 0.0049]
    advice = advised(one_table({"default_ft": small}), SETTINGS)
    assert advice.methods["p_holm"].iloc[0] < LEVEL
    assert advice.kind is Kind.keep


def test_folds_that_all_tell_the_same_have_no_spread_to_test_by() -> None:
    advice = advised(one_table({"default_ft": [0.05, 0.05, 0.05]}), SETTINGS)
    assert advice.kind is Kind.unknown
    assert advice.methods["p"].tolist() == [1.0]


def test_two_folds_are_too_few() -> None:
    records = one_table({"default_ft": CLEAR[:2]})
    assert advised(records, SETTINGS).kind is Kind.unknown
    assert "with 150 rows: 2 folds of 3 that it takes at least" in told(records)


def test_a_method_that_failed_is_left_out_and_the_others_are_read_on_all_folds() -> None:
    records = one_table({"default_ft": CLEAR, "bootstrap": [*NOISE[:5], None]})
    advice = advised(records, SETTINGS)
    assert advice.folds == 6
    assert advice.methods["method"].tolist() == ["default_ft"]
    assert advice.left_out == ("bootstrap gave no result in 1 of 6 folds (no luck)",)
    assert told(records).endswith(" Left out: bootstrap gave no result in 1 of 6 folds (no luck).")


def test_where_all_methods_failed_nothing_is_told() -> None:
    records = one_table({"default_ft": [None] * 3})
    assert "cannot be told: 0 folds of 3 that it takes at least" in told(records)


def test_a_fold_that_is_half_done_is_not_read() -> None:
    records = one_table({"default_ft": CLEAR, "bootstrap": NOISE})[:-1]
    assert advised(records, SETTINGS).folds == 5


@pytest.mark.long
def test_looking_after_every_fold_errs_in_less_than_two_percent() -> None:
    """Where the test's own model holds: differences of folds correlate by the rows they share."""
    studies, folds, methods, shared = 10_000, 30, 3, 1 / 3
    rng = np.random.default_rng(0)
    common = rng.normal(size=(studies, 1, methods))
    gains = np.sqrt(shared) * common
    gains = gains + np.sqrt(1 - shared) * rng.normal(size=(studies, folds, methods))
    is_misled = np.zeros(studies, dtype=bool)
    for n in range(3, folds + 1):
        se = gains[:, :n].std(axis=1, ddof=1) * np.sqrt(1 / n + shared / (1 - shared))
        p = t.sf(gains[:, :n].mean(axis=1) / se, n - 1).min(axis=1)
        is_misled |= methods * p <= SETTINGS.advice_level
    assert 0.01 < is_misled.mean() < 0.02


def test_a_table_with_times_has_no_more_than_three_folds() -> None:
    records = one_table({"default_ft": LIKELY})
    for record in records:
        record["settings"]["dataset"]["time"] = "visit"
    needed = advised(records, SETTINGS).needed
    assert needed is not None
    assert needed.folds is None
    assert needed.rows is not None


def test_of_numbers_a_gain_is_a_fall_of_the_error() -> None:
    folds = [
        record
        for fold, gain in enumerate(CLEAR)
        for record in (
            made_numeric("servo", "pretrained", [0.6], fold=fold),
            made_numeric("servo", "default_ft", [0.6, 0.6 - gain], fold=fold),
        )
    ]
    advice = advised(folds, SETTINGS)
    assert advice.kind is Kind.finetune
    assert reply(advice, SCORES["rmse_sd"], 0.95).text.startswith(
        "Fine-tune with Default fine-tuning, expect test RMSE / σ -0.205 ± 0.022: over 6 folds it "
        "went from 0.600 to 0.395"
    )


def test_the_best_of_several_is_drawn_to_zero_by_what_is_error() -> None:
    errors = pd.Series([0.02, 0.02, 0.02])
    assert shrunk(pd.Series([0.02, -0.01, 0.0]), errors).tolist() == [0.0, 0.0, 0.0]
    drawn = shrunk(pd.Series([0.06, -0.01, 0.0]), errors)
    assert 0.03 < drawn[0] < 0.06


def test_seeds_of_a_fold_count_once() -> None:
    records = [
        made("heart", "default_ft", [0.7, 0.7 + gain], fold=fold, seed=seed)
        for fold, gain in enumerate(CLEAR)
        for seed in (0, 1)
    ]
    assert advised(records, SETTINGS).folds == 6
