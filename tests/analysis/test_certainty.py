"""Intervals and tests, held against SciPy, scikit-posthocs, statsmodels and bencheval."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare, wilcoxon
from statsmodels.stats.multitest import multipletests

from bench.analysis.frame import COLUMNS
from bench.analysis.intervals import draws, intervals, weighted_medians
from bench.analysis.leaderboard import leaderboard
from bench.analysis.measures import average_ranks, improvements
from bench.analysis.settings import settings as reading
from bench.analysis.significance import (
    compared,
    critical_difference,
    friedman,
    holm,
    nemenyi,
    rank_biserial,
    wilcoxon_tests,
)
from bench.scores.roc_auc_ovo import roc_auc_ovo

METHODS = ["pretrained", "default_ft", "a", "b"]
SCORES = np.random.default_rng(3).normal([0.0, 0.01, 0.02, 0.05], 0.03, (14, 4)) + 0.7


def cells(scores: np.ndarray, methods: list[str] | None = None) -> pd.DataFrame:
    """Datasets × methods → cells of one fold; the first method is the pre-trained model."""
    rows = [
        {
            "dataset": f"d{i:02}",
            "fold": 0,
            "seed": 0,
            "method": method,
            "status": "done",
            "score_pretrained": row[0],
            "score_chosen": score,
        }
        for i, row in enumerate(scores)
        for method, score in zip(methods or METHODS, row)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


class TestRanks:
    def test_friedman_is_scipys(self):
        test = friedman(cells(SCORES), 0.05)
        expected = friedmanchisquare(*SCORES.round(12).T)
        assert (test.statistic, test.p) == pytest.approx((expected.statistic, expected.pvalue))
        assert (test.datasets, test.methods) == (14, 4)

    def test_the_critical_difference_is_demsars(self):
        # Demšar 2006, §3.2.2: 4 classifiers, 14 data sets, q.05 = 2.569 gives 1.25; q.10 gives 1.12
        assert critical_difference(4, 14, 0.05) == pytest.approx(1.25, abs=0.005)
        assert critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=0.005)

    def test_nemenyi_is_scikit_posthocs(self):
        expected = scikit_posthocs.posthoc_nemenyi_friedman(SCORES)
        ours = nemenyi(cells(SCORES))[METHODS].loc[METHODS].to_numpy()
        assert ours == pytest.approx(expected.to_numpy(), abs=1e-6)

    def test_two_methods_are_apart_where_nemenyis_p_is_below_the_level(self):
        p, mean = nemenyi(cells(SCORES)), average_ranks(cells(SCORES))
        apart = np.abs(mean.to_numpy()[:, None] - mean.to_numpy()) > critical_difference(
            4, 14, 0.05
        )
        assert (apart == (p < 0.05).to_numpy()).all()
        assert apart.any()

    def test_they_are_bencheval_s(self):
        from bencheval.evaluator import BenchmarkEvaluator

        errors = pd.DataFrame(SCORES, columns=METHODS).rename_axis("task").reset_index()
        long = errors.melt("task", var_name="method", value_name="auc")
        data = long.assign(task=long["task"].astype(str), metric_error=1 - long["auc"])
        board = BenchmarkEvaluator(columns_to_agg_extra=None).leaderboard(
            data[["task", "method", "metric_error"]], include_elo=False
        )
        assert average_ranks(cells(SCORES))[METHODS].to_numpy() == pytest.approx(
            board["rank"][METHODS].to_numpy()
        )

    def test_where_nothing_can_be_tested_nothing_is(self):
        assert not friedman(cells(SCORES[:1]), 0.05).exists
        assert not friedman(cells(SCORES[:, :2], METHODS[:2]), 0.05).exists
        assert not friedman(cells(np.full((3, 4), 0.5)), 0.05).exists


class TestWilcoxon:
    @pytest.mark.long
    def test_it_is_scipys_with_holms_correction(self):
        table = wilcoxon_tests(cells(SCORES))
        against = table[table["against"] == "default_ft"].set_index("method")
        assert list(against.index) == ["a", "b"]
        p = [wilcoxon(SCORES[:, i] - SCORES[:, 1]).pvalue for i in (2, 3)]
        assert against["p"].to_numpy() == pytest.approx(p)
        assert against["p_holm"].to_numpy() == pytest.approx(multipletests(p, method="holm")[1])

    def test_the_pretrained_model_is_in_every_cell(self):
        """Its tests are the same, whether it is among the methods or not."""
        table = cells(SCORES)
        with_it, without = (
            wilcoxon_tests(part).query("against == 'pretrained'").reset_index(drop=True)
            for part in (table, table[table["method"] != "pretrained"])
        )
        pd.testing.assert_frame_equal(with_it, without)
        assert set(with_it["method"]) == {"default_ft", "a", "b"}

    def test_methods_that_differ_nowhere_have_p_one(self):
        same = np.column_stack([SCORES[:, 0], SCORES[:, 1], SCORES[:, 1], SCORES[:, 3]])
        row = wilcoxon_tests(cells(same)).query("method == 'a' and against == 'default_ft'")
        assert row[["p", "effect", "better", "worse"]].to_numpy().tolist() == [[1.0, 0.0, 0, 0]]

    def test_tables_that_tie_do_not_turn_the_exact_test_into_an_approximate_one(self):
        five = [0.1, 0.2, 0.3, 0.4, 0.5]
        row = compared("a", "b", pd.Series([0.0] * 31 + five))
        assert row["p"] == 2 / 2**5  # SciPy of all 36: 0.043

    def test_the_effect_is_worked_by_hand(self):
        # sizes 1, 2, 3, 4 have these ranks; + + − +: (1 + 2 + 4 − 3) / 10
        assert rank_biserial(np.array([0.1, 0.2, -0.3, 0.4])) == pytest.approx(0.4)
        assert rank_biserial(np.array([0.0, -0.2])) == -1.0

    @pytest.mark.long
    def test_holm_is_statsmodels(self):
        rng = np.random.default_rng(0)
        for n in range(1, 9):
            p = rng.choice([0.001, 0.01, 0.02, 0.2, 0.5, 1.0], n)  # with ties
            assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


class TestBootstrap:
    @settings(deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=700),
        st.integers(0, 5),
    )
    def test_medians_are_those_of_the_resamples_written_out(
        self, values: list[tuple[int, int]], seed: int
    ):
        x, place = (np.array(column) for column in zip(*values))
        weights = np.random.default_rng(seed).multinomial(4, [0.25] * 4, size=6)
        expected = [
            np.median(written) if len(written := np.repeat(x, w[place])) else np.nan
            for w in weights
        ]
        assert weighted_medians(x.astype(float), place, weights) == pytest.approx(
            expected, nan_ok=True
        )

    def test_a_dataset_comes_with_all_its_units(self):
        """Two datasets: +0.1 in all five folds of one, −0.1 in the one fold of the other."""
        rows = cells(np.array([[0.5, 0.6]] * 5 + [[0.5, 0.4]]), ["pretrained", "a"])
        rows["fold"] = rows["dataset"].str[1:].astype(int)
        rows["dataset"] = np.where(rows["fold"] < 5, "one", "two")
        low, high = intervals(improvements(rows, roc_auc_ovo), reading()).loc[
            "a", ["raw_gain_low", "raw_gain_high"]
        ]
        assert (low, high) == pytest.approx((-0.1, 0.1))

    def test_the_interval_of_a_mean_is_near_students(self):
        rng = np.random.default_rng(0)
        gains = rng.normal(0.02, 0.05, 400)
        rows = cells(np.column_stack([np.full(400, 0.5), 0.5 + gains]), ["pretrained", "a"])
        row = intervals(improvements(rows, roc_auc_ovo), reading()).loc["a"]
        width = 2 * 1.96 * gains.std(ddof=1) / math.sqrt(400)
        assert row["raw_gain_high"] - row["raw_gain_low"] == pytest.approx(width, rel=0.1)

    def test_the_same_seed_draws_the_same(self):
        assert (draws(5, reading()) == draws(5, reading())).all()
        assert (draws(5, reading()) != draws(5, reading(["analysis.seed=1"]))).any()

    def test_one_dataset_has_no_interval(self):
        row = intervals(improvements(cells(SCORES[:1]), roc_auc_ovo), reading()).loc["a"]
        assert row.isna().all()


class TestLeaderboard:
    def test_win_rates_are_counted(self):
        # Three datasets, ties half: a beats b on two of three, and so on.
        scores = np.array([[0.5, 0.6, 0.7, 0.6], [0.5, 0.6, 0.7, 0.8], [0.9, 0.6, 0.7, 0.8]])
        board = leaderboard(cells(scores), reading(), roc_auc_ovo)
        # a against the others, dataset by dataset: 3, 2 and 1 of 3 wins
        assert board.loc["a", "winrate"] == pytest.approx((3 + 2 + 1) / 9)
        # errors of a 0.3, best 0.3 | 0.2 | 0.1: (0 + 1/3 + 2/3) / 3 could be saved
        assert board.loc["a", "improvability"] == pytest.approx(1 / 3)

    def test_the_same_cells_give_the_same_board(self):
        first, second = (leaderboard(cells(SCORES), reading(), roc_auc_ovo) for _ in range(2))
        pd.testing.assert_frame_equal(first, second)
