"""Early stopping's reliability, worked by hand."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from bench.analysis.frame import COLUMNS
from bench.analysis.reliability import correlation_gaps, reliability, runs
from bench.report.tables.reliability import early_stopping
from bench.scores.roc_auc_ovo import roc_auc_ovo

NAN = float("nan")


def run(
    method: str, validation: Sequence[float], test: Sequence[float], chosen: int, fold: int = 0
) -> dict[str, object]:
    """A run given by its curves and the index of the chosen evaluation."""
    return {
        "dataset": "one",
        "fold": fold,
        "seed": 0,
        "method": method,
        "status": "done",
        "score_pretrained": test[0],
        "score_chosen": test[chosen],
        "score_last": test[-1],
        "validation_pretrained": validation[0],
        "validation_chosen": validation[chosen],
        "validation_curve": tuple(validation),
        "test_curve": tuple(test),
    }


def pretrained(validation: float, test: float, fold: int = 0) -> dict[str, object]:
    return run("pretrained", [validation], [test], 0, fold) | {
        "validation_curve": (),
        "test_curve": (),
    }


def correlation_gap(validation: Sequence[float], test: Sequence[float]) -> float:
    (gap,) = correlation_gaps([validation], [test])
    return float(gap)


def table(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


# fold 0
#   default_ft chooses evaluation 2: validation 0.70 → 0.80, test 0.60 → 0.58, last test 0.64
#   mixed      chooses evaluation 1: validation 0.70 → 0.75, test 0.60 → 0.68, last test 0.66
# fold 1
#   default_ft chooses evaluation 1: validation 0.50 → 0.54, test 0.80 → 0.82, last test 0.82
#   mixed      stays at step 0; its validation curve is constant
WORKED = table(
    pretrained(0.70, 0.60),
    run("default_ft", [0.70, 0.72, 0.80, 0.75], [0.60, 0.62, 0.58, 0.64], chosen=2),
    run("mixed", [0.70, 0.75, 0.71, 0.72], [0.60, 0.68, 0.62, 0.66], chosen=1),
    pretrained(0.50, 0.80, fold=1),
    run("default_ft", [0.50, 0.54], [0.80, 0.82], chosen=1, fold=1),
    run("mixed", [0.50, 0.50], [0.80, 0.78], chosen=0, fold=1),
)


class TestCorrelationGap:
    def test_it_is_worked_from_the_ranks(self):
        # ranks of validation 1 2 4 3, of test 2 3 1 4; d² = 1 + 1 + 9 + 1 = 12
        # Spearman = 1 − 6 · 12 / (4 · (16 − 1)) = −0.2
        assert correlation_gap((0.70, 0.72, 0.80, 0.75), (0.60, 0.62, 0.58, 0.64)) == (
            pytest.approx(1.2)
        )

    def test_ties_share_their_ranks(self):
        # ranks 1, 2.5, 2.5 and 1, 2, 3; centred: (−1, .5, .5) and (−1, 0, 1)
        # Pearson = 1.5 / √(1.5 · 2) = √0.75
        assert correlation_gap((0.5, 0.6, 0.6), (0.5, 0.6, 0.7)) == pytest.approx(1 - 0.75**0.5)

    def test_curves_that_go_together_have_none_and_opposite_ones_two(self):
        assert correlation_gap((0.5, 0.6, 0.9), (0.1, 0.3, 0.4)) == pytest.approx(0)
        assert correlation_gap((0.5, 0.6, 0.9), (0.4, 0.3, 0.1)) == pytest.approx(2)

    @pytest.mark.parametrize(
        ("validation", "test"),
        [
            ((0.5, 0.5, 0.5), (0.1, 0.2, 0.3)),
            ((0.1, 0.2, 0.3), (0.5, 0.5, 0.5)),
            ((NAN, NAN), (0.1, 0.2)),
            ((0.5,), (0.5,)),
            ((), ()),
        ],
    )
    def test_where_there_is_no_correlation_there_is_no_gap(
        self, validation: tuple[float, ...], test: tuple[float, ...]
    ):
        assert math.isnan(correlation_gap(validation, test))

    @given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=8))
    def test_only_the_order_counts(self, points: list[tuple[float, float]]):
        validation, test = (tuple(values) for values in zip(*points, strict=True))
        gap = correlation_gap(validation, test)
        stretched = tuple(np.unique(test, return_inverse=True)[1] / len(test))
        assert gap == pytest.approx(correlation_gap(validation, stretched), nan_ok=True)
        assert math.isnan(gap) or -1e-12 <= gap <= 2 + 1e-12

    def test_it_is_scipys_for_curves_of_any_length_at_once(self):
        rng = np.random.default_rng(0)
        lengths = rng.integers(2, 20, 200)
        validation = [rng.integers(0, 6, n) / 10 for n in lengths]
        test = [rng.integers(0, 6, n) / 10 for n in lengths]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constant curves
            expected = [1 - spearmanr(v, t).statistic for v, t in zip(validation, test)]
        assert correlation_gaps(validation, test) == pytest.approx(expected, nan_ok=True)


class TestRuns:
    def of(self, method: str, fold: int) -> dict[str, float]:
        readings = runs(WORKED)
        (row,) = readings[(readings["method"] == method) & (readings["fold"] == fold)].to_dict(
            "records"
        )
        return row

    def test_a_run_that_early_stopping_fooled(self):
        # normalized validation: range 0.80 − 0.70 = 0.10, gain 0.10 / 0.10 = 1
        # normalized test: from 0.58 to 0.68, range 0.10, gain −0.02 / 0.10 = −0.2
        row = self.of("default_ft", 0)
        assert row["correlation_gap"] == pytest.approx(1.2)  # as above
        assert row["validation_gain"] == pytest.approx(0.10)
        assert row["test_gain"] == pytest.approx(-0.02)
        assert row["last_gain"] == pytest.approx(0.04)
        assert row["gap"] == pytest.approx(0.12)
        assert row["normalized_gap"] == pytest.approx(1.2)
        assert row["harm"]
        assert row["regret"] == pytest.approx(0.64 - 0.58)

    def test_a_run_that_chose_its_best_step(self):
        # normalized: validation 0.05 / 0.10 = 0.5, test 0.08 / 0.10 = 0.8
        row = self.of("mixed", 0)
        assert row["correlation_gap"] == pytest.approx(0)  # both rank 1 4 2 3
        assert row["gap"] == pytest.approx(0.05 - 0.08)
        assert row["normalized_gap"] == pytest.approx(-0.3)
        assert not row["harm"]
        assert row["regret"] == 0

    def test_a_run_that_stayed_at_step_0(self):
        row = self.of("mixed", 1)
        assert math.isnan(row["correlation_gap"])
        assert (row["gap"], row["normalized_gap"], row["harm"], row["regret"]) == (0, 0, False, 0)
        assert row["last_gain"] == pytest.approx(-0.02)

    def test_only_methods_that_fine_tune_are_read(self):
        assert set(runs(WORKED)["method"]) == {"default_ft", "mixed"}

    def test_a_run_without_a_curve_has_the_readings_that_need_none(self):
        none = run("mixed", [0.50, 0.50], [0.80, 0.78], chosen=0, fold=1)
        none |= {"validation_curve": (), "test_curve": ()}
        bare = pd.concat([WORKED[:-1], table(none)], ignore_index=True)
        last = runs(bare).iloc[-1]
        assert last["last_gain"] == pytest.approx(-0.02)
        assert math.isnan(last["correlation_gap"])
        assert math.isnan(last["regret"])

    def test_without_a_validation_score_there_is_no_gap(self):
        blind = WORKED.assign(validation_chosen=NAN, validation_pretrained=NAN)
        readings = runs(blind)
        assert readings[["validation_gain", "gap", "normalized_gap"]].isna().all(axis=None)
        assert readings["test_gain"].notna().all()

    def test_the_cells_given_stay_as_they_were(self):
        before = WORKED.copy()
        runs(WORKED)
        pd.testing.assert_frame_equal(WORKED, before)


class TestReliability:
    def test_one_row_a_method(self):
        # default_ft: correlation gaps 1.2 and 0, median 0.6; in fold 1 validation 0.04 of a range
        #   of 0.04 and test 0.02 of 0.02, so its normalized gap is 0 and the median (1.2 + 0) / 2
        # mixed: one correlation gap (0) and one that does not exist; normalized gaps −0.3 and 0
        summary = reliability(runs(WORKED))
        assert summary.loc["default_ft"].to_dict() == pytest.approx(
            {
                "correlation_gap": 0.6,
                "undefined": 0,
                "validation_gain": (0.10 + 0.04) / 2,
                "test_gain": (-0.02 + 0.02) / 2,
                "last_gain": (0.04 + 0.02) / 2,
                "gap": (0.12 + 0.02) / 2,
                "gap_median": 0.07,
                "normalized_gap": 0.6,
                "harm": 0.5,
                "regret": 0.03,
                "runs": 2,
            }
        )
        assert summary.loc["mixed"].to_dict() == pytest.approx(
            {
                "correlation_gap": 0.0,
                "undefined": 1,
                "validation_gain": 0.025,
                "test_gain": 0.04,
                "last_gain": (0.06 - 0.02) / 2,
                "gap": -0.015,
                "gap_median": -0.015,
                "normalized_gap": -0.15,
                "harm": 0.0,
                "regret": 0.0,
                "runs": 2,
            }
        )

    def test_the_gap_is_what_the_row_says(self):
        summary = reliability(runs(WORKED))
        differences = summary["validation_gain"] - summary["test_gain"]
        assert summary["gap"].to_numpy() == pytest.approx(differences.to_numpy())

    def test_without_a_curve_there_is_no_row(self):
        assert reliability(runs(table(pretrained(0.7, 0.6)))).empty


class TestReading:
    def test_it_counts_what_has_no_correlation_and_promises_too_much(self):
        readings = runs(WORKED)
        text = early_stopping(reliability(readings), readings, roc_auc_ovo)
        assert "1 of 4 runs have no correlation gap" in text
        assert "the mean gap is above 0 for 1 of 2 methods" in text
        assert "a standard error takes two tables or more" in text

    def test_a_gap_that_differs_is_named_with_its_size(self):
        # On every table mixed's gap is 0.02 to 0.04 below default_ft's: mean −0.03, SE 0.01/√3
        cells = pd.concat(
            [
                table(
                    run("default_ft", [0.5, 0.6, 0.55], [0.5, 0.5 - more, 0.51], 1),
                    run("mixed", [0.5, 0.6, 0.55], [0.5, 0.5, 0.51], 1),
                ).assign(dataset=name)
                for name, more in {"a": 0.02, "b": 0.03, "c": 0.04}.items()
            ],
            ignore_index=True,
        )
        readings = runs(cells)
        text = early_stopping(reliability(readings), readings, roc_auc_ovo)
        assert "mixed -30.00 ± 5.77 (gap ×1000)" in text
        # Student's t with 2 degrees of freedom: P(|t| > 2) = 1 − 2/√(2 + 4) = 18 %
        assert "chance alone gives 18% (3 tables)" in text

    def test_one_method_has_nothing_to_be_compared_with(self):
        readings = runs(WORKED[WORKED["method"] != "mixed"])
        assert "No gap is compared" in early_stopping(reliability(readings), readings, roc_auc_ovo)
