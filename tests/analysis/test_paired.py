"""Paired differences and their seed-only null, worked by hand, and the report that shows them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_records import made

from bench.analysis.frame import COLUMNS
from bench.analysis.paired import (
    DEFAULT,
    NULL,
    PRETRAINED,
    against_method,
    against_pretrained,
    chance_of_resolving,
    paired,
    resolved,
    seed_null,
)
from bench.cell.store import Store
from bench.report.tables.paired import pairs
from bench.report.write import report
from bench.scores.roc_auc_ovo import roc_auc_ovo


def cells(scores: dict[tuple[str, int, int], dict[str, float]]) -> pd.DataFrame:
    """(dataset, fold, seed) → method → test ROC-AUC of the chosen step; the last is 0.01 less."""
    rows = [
        {
            "dataset": dataset,
            "fold": fold,
            "seed": seed,
            "method": method,
            "status": "done",
            "score_pretrained": 0.5,
            "score_chosen": auc,
            "score_last": auc - 0.01,
        }
        for (dataset, fold, seed), unit in scores.items()
        for method, auc in unit.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


# mixed − default_ft: a +0.04, −0.02 | +0.06, +0.04; b +0.01, −0.05
# default_ft, first seed − second: a fold 0: 0.60 − 0.62 = −0.02, fold 1: 0.70 − 0.64 = +0.06;
#   b: 0.80 − 0.84 = −0.04
WORKED = cells(
    {
        ("a", 0, 0): {"default_ft": 0.60, "mixed": 0.64},
        ("a", 0, 1): {"default_ft": 0.62, "mixed": 0.60},
        ("a", 1, 0): {"default_ft": 0.70, "mixed": 0.76},
        ("a", 1, 1): {"default_ft": 0.64, "mixed": 0.68},
        ("b", 0, 0): {"default_ft": 0.80, "mixed": 0.81},
        ("b", 0, 1): {"default_ft": 0.84, "mixed": 0.79},
    }
)


class TestAgainst:
    def test_folds_and_seeds_are_averaged_within_a_table_first(self):
        # a: (0.04 − 0.02 + 0.06 + 0.04) / 4 = 0.03; b: (0.01 − 0.05) / 2 = −0.02
        # mean 0.005; standard deviation 0.05/√2, standard error 0.05/2
        # absolute: (0.04 + 0.02 + 0.06 + 0.04 + 0.01 + 0.05) / 6
        (row,) = against_method(WORKED, "score_chosen").to_dict("index").items()
        assert row == (
            "mixed",
            pytest.approx(
                {"mean": 0.005, "se": 0.025, "absolute": 0.22 / 6, "tables": 2, "units": 6}
            ),
        )

    def test_the_pretrained_model_is_in_every_cell(self):
        # default_ft: a (0.10 + 0.12 + 0.20 + 0.14) / 4 = 0.14, b (0.30 + 0.34) / 2 = 0.32
        gains = against_pretrained(WORKED, "score_chosen")
        assert gains.loc["default_ft", "mean"] == pytest.approx((0.14 + 0.32) / 2)
        assert gains.loc["mixed", "mean"] == pytest.approx(gains.loc["default_ft", "mean"] + 0.005)

    def test_a_unit_without_a_value_is_passed_over(self):
        holed = WORKED.copy()
        holed.loc[1, "score_chosen"] = (
            np.nan
        )  # mixed on (a, 0, 0): a is now (−0.02 + 0.06 + 0.04)/3
        row = against_method(holed, "score_chosen").loc["mixed"]
        assert row["mean"] == pytest.approx((0.08 / 3 - 0.02) / 2)
        assert row["units"] == 5

    def test_a_method_against_itself_differs_nowhere(self):
        twin = WORKED[WORKED["method"] == "default_ft"].assign(method="twin")
        row = against_method(pd.concat([WORKED, twin]), "score_chosen").loc["twin"]
        assert (row[["mean", "se", "absolute"]] == 0).all()

    def test_one_table_has_no_standard_error(self):
        one = against_method(WORKED[WORKED["dataset"] == "a"], "score_chosen")
        assert one.loc["mixed", "mean"] == pytest.approx(0.03)
        assert math.isnan(one.loc["mixed", "se"])
        assert not resolved(one).any()


class TestSeedNull:
    def test_it_is_averaged_as_the_differences_are(self):
        # a: (−0.02 + 0.06) / 2 = 0.02; b: −0.04; mean −0.01; standard error |0.06| / 2
        # absolute: (0.02 + 0.06 + 0.04) / 3
        row = seed_null(WORKED, "score_chosen").loc[NULL].to_dict()
        assert row == pytest.approx(
            {"mean": -0.01, "se": 0.03, "absolute": 0.04, "tables": 2, "units": 3}
        )

    def test_one_seed_has_none(self):
        assert seed_null(WORKED[WORKED["seed"] == 0], "score_chosen").empty

    def test_seeds_that_share_no_fold_give_none(self):
        scores = {("a", 0, 0): {"default_ft": 0.6}, ("a", 1, 1): {"default_ft": 0.7}}
        assert seed_null(cells(scores), "score_chosen").empty

    def test_more_seeds_are_paired_in_order_without_sharing_a_run(self):
        # 0.60 − 0.61 = −0.01 and 0.62 − 0.65 = −0.03; the fifth has no partner
        scores = dict(enumerate([0.60, 0.61, 0.62, 0.65, 0.90]))
        table = cells({("a", 0, seed): {"default_ft": auc} for seed, auc in scores.items()})
        row = seed_null(table, "score_chosen").loc[NULL]
        assert row["mean"] == pytest.approx(-0.02)
        assert row["units"] == 2

    def test_re_seeding_is_sqrt_2_wider_than_an_equal_method_is(self):
        """Both runs of pure noise, 2000 tables: the ratio itself scatters by 2 %."""
        rng = np.random.default_rng(0)
        noise = {
            (f"t{i}", fold, seed): {m: rng.normal() for m in ("default_ft", "twin")}
            for i in range(2000)
            for fold in range(3)
            for seed in range(2)
        }
        table = cells(noise)
        null = seed_null(table, "score_chosen").loc[NULL]
        twin = against_method(table, "score_chosen").loc["twin"]
        assert null["se"] / twin["se"] == pytest.approx(2**0.5, rel=0.1)
        assert null["absolute"] / twin["absolute"] == pytest.approx(1, rel=0.1)


class TestPaired:
    def test_both_steps_against_both_baselines_and_the_null(self):
        table = paired(WORKED)
        rows = set(zip(table["method"], table["against"], table["step"], strict=True))
        assert rows == {
            (method, against, step)
            for step in ("chosen", "last")
            for method, against in [
                ("mixed", DEFAULT),
                ("mixed", PRETRAINED),
                ("default_ft", PRETRAINED),
                ("default_ft", NULL),
            ]
        }
        of = table.set_index(["method", "against", "step"])["mean"]
        assert of["mixed", DEFAULT, "last"] == pytest.approx(0.005)
        gains = [of["mixed", PRETRAINED, step] for step in ("chosen", "last")]
        assert gains[1] == pytest.approx(gains[0] - 0.01)

    def test_without_default_fine_tuning_only_the_pretrained_model_is_left(self):
        table = paired(WORKED[WORKED["method"] == "mixed"])
        assert set(table["against"]) == {PRETRAINED}

    def test_the_pretrained_model_alone_is_compared_with_nothing(self):
        assert paired(cells({("a", 0, 0): {"pretrained": 0.5}})).empty

    def test_chance_is_students(self):
        # One degree of freedom is Cauchy's: P(|t| > 2) = 1 − 2 · arctan(2) / π
        assert chance_of_resolving(2) == pytest.approx(1 - 2 * math.atan(2) / math.pi)
        assert chance_of_resolving(10_000) == pytest.approx(0.0455, abs=1e-4)


class TestReading:
    def test_nothing_is_resolved_where_nothing_is(self):
        text = pairs(paired(WORKED), roc_auc_ovo)  # 5.0 ± 25.0, twice
        assert (
            "No difference from default_ft is larger than twice its standard error (2 comparisons)"
        ) in text
        assert "moves the chosen step of a run by 40.00" in text
        assert "another method instead, by 36.67 to 36.67" in text
        assert "Re-seeding moves the mean by -10.00 ± 30.00" in text

    def test_what_is_resolved_is_named_with_its_size(self):
        better = WORKED.copy()
        mixed = better["method"] == "mixed"
        better.loc[mixed, "score_chosen"] += 0.1  # 0.105 ± 0.025
        text = pairs(paired(better), roc_auc_ovo)
        assert "mixed +105.00 ± 25.00 (chosen step ×1000): 1 of 2 comparisons" in text
        assert "chance alone gives 30% (2 tables)" in text  # 1 − 2 · arctan(2) / π

    def test_a_null_that_is_itself_resolved_is_told(self):
        drift = WORKED.copy()
        drift.loc[drift["seed"] == 1, "score_chosen"] += 0.2  # −0.21 ± 0.03
        assert "do not trust the bound" in pairs(paired(drift), roc_auc_ovo)
        assert "do not trust the bound" not in pairs(paired(WORKED), roc_auc_ovo)

    def test_one_seed_is_told(self):
        assert "One seed: a difference may be nothing but re-seeding." in pairs(
            paired(WORKED[WORKED["seed"] == 0]), roc_auc_ovo
        )


def record(dataset: str, method: str, seed: int, auc: float, **changed: Any) -> dict[str, Any]:
    """A record as the store holds it; the pre-trained model scores 0.5 and needs no seed."""
    curve = [0.5] if method == PRETRAINED else [0.5, auc, auc - 0.01]
    one = made(dataset, method, curve, seed=seed, chosen=min(1, len(curve) - 1))
    one["metrics"]["last"] = one["metrics"]["chosen"]
    return one | changed


FAILURE = {
    "metrics": {},
    "curves": {},
    "chosen_step": None,
    "last_step": None,
    "error": {"type": "ValueError", "message": "no", "traceback": "…"},
}


class TestReport:
    @pytest.fixture
    def reported(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        def of(*records: dict[str, Any]) -> tuple[str, Path]:
            store = Store(tmp_path)
            for one in records:
                store.write(one)
            report(tmp_path)
            printed = " ".join(capsys.readouterr().out.split())
            return printed, tmp_path / "report"

        return of

    @pytest.mark.long
    def test_a_pilot_of_two_seeds(self, reported: Any):
        printed, folder = reported(
            *[
                record(dataset, method, seed, auc)
                for dataset, shift in {"a": 0.0, "b": 0.002}.items()
                for seed in (0, 1)
                for method, auc in {
                    "default_ft": 0.6 + 0.004 * seed,
                    "mixed": 0.61 + shift,
                }.items()
            ],
            record("a", PRETRAINED, 0, 0.5),
            record("b", PRETRAINED, 0, 0.5),
        )
        # mixed − default_ft: a (10 + 6) / 2 = 8, b (12 + 8) / 2 = 10: 9 ± 2/2; null −4 ± 0
        assert "+9.00 ± 1.00" in printed
        assert "-4.00 ± 0.00" in printed
        text = (folder / "tables.md").read_text()
        assert "| +9.00 ± 1.00 |" in text.replace("  ", "")
        assert "## Early stopping" in text
        table = pd.read_csv(folder / "paired.csv").set_index(["method", "against", "step"])
        assert table.loc[("mixed", DEFAULT, "chosen"), "mean"] == pytest.approx(0.009)
        assert table.loc[("default_ft", NULL, "chosen"), "absolute"] == pytest.approx(0.004)
        by_method = pd.read_csv(folder / "reliability.csv", index_col="method")
        assert list(by_method.index) == ["mixed", "default_ft"]
        assert (by_method["correlation_gap"].abs() < 1e-12).all()
        for name in ("improvements", "left_out"):
            header = (folder / f"{name}.csv").read_text().splitlines()[0]
            assert "curve" not in header

    def test_the_pretrained_model_alone(self, reported: Any):
        printed, folder = reported(record("a", PRETRAINED, 0, 0.5))
        assert "no record holds a curve" in printed
        assert "default_ft is not among the methods" in (folder / "tables.md").read_text()
        assert len(pd.read_csv(folder / "paired.csv")) == 0

    @pytest.mark.long
    def test_default_fine_tuning_alone(self, reported: Any):
        printed, folder = reported(record("a", "default_ft", 0, 0.6))
        assert "default_ft is the only method" in printed
        assert "No gap is compared" in printed
        assert list(pd.read_csv(folder / "reliability.csv")["method"]) == ["default_ft"]

    @pytest.mark.long
    def test_default_fine_tuning_absent(self, reported: Any):
        printed, _ = reported(record("a", PRETRAINED, 0, 0.5), record("a", "mixed", 0, 0.6))
        assert "default_ft is not among the methods" in printed

    @pytest.mark.long
    def test_records_without_curves(self, reported: Any):
        printed, _ = reported(
            record("a", "default_ft", 0, 0.6, curves={}), record("a", "mixed", 0, 0.61, curves={})
        )
        assert "no record holds a curve" in printed
        assert "+10.00" in printed

    @pytest.mark.long
    @pytest.mark.parametrize("status", ["failed", "not_applicable"])
    def test_what_failed_or_does_not_apply_is_left_out(self, status: str, reported: Any):
        printed, _ = reported(
            record("a", "default_ft", 0, 0.6),
            record("a", "mixed", 0, 0.61),
            record("b", "default_ft", 0, 0.6),
            record("b", "mixed", 0, 0.9, status=status, **FAILURE),
        )
        assert f"Left out: 1 unit (1 {status}: mixed)" in printed
        assert "+10.00" in printed

    def test_nothing_complete(self, reported: Any):
        printed, folder = reported(record("a", "default_ft", 0, 0.6), record("b", "mixed", 0, 0.9))
        assert "0 dataset × fold × seed units" in printed
        assert (folder / "tables.md").exists()
