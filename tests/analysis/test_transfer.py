"""What fine-tuning on other domains' tables brings, read from made records: what is so is known."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st
from made_records import made
from made_transfers import BASE, HELD_OUT, SIZES, moved, study

from bench.analysis.safety import Outcome
from bench.analysis.settings import settings
from bench.analysis.significance import compared
from bench.analysis.transfer.answer import Answer, answer
from bench.analysis.transfer.crossed import CORPUS, Crossed
from bench.analysis.transfer.robustness import signed_ranks, spread
from bench.analysis.transfer.runs import (
    direction,
    forgetting,
    over_published,
    readouts,
    transferred,
)
from bench.scores import SCORES
from bench.scores.log_loss import log_loss
from bench.scores.roc_auc_ovo import roc_auc_ovo

READ = settings(["analysis.resamples=200"])
MANY = {domain: [f"{domain}{i}" for i in range(6)] for domain in ("healthcare", "finance")}


def read(records: list[dict[str, Any]], metric: Any = roc_auc_ovo) -> Answer:
    found = answer(records, READ, metric)
    assert found is not None
    return found


def noisy(seed: int, **planted: float) -> Any:
    """Gains about those planted, 0 of other arms: ± 0.002 a target and corpus, alike in no arm."""
    rng = np.random.default_rng(seed)
    return lambda arm, target, corpus: planted.get(arm, 0.0) + 0.002 * rng.standard_normal()


def grid(values: Any) -> pd.DataFrame:
    """Targets × corpora of one source."""
    values = np.asarray(values, float)
    corpora = pd.MultiIndex.from_product([["finance"], range(values.shape[1])], names=CORPUS)
    return pd.DataFrame(values, index=[f"t{i}" for i in range(len(values))], columns=corpora)


class TestRuns:
    def test_a_record_of_transfer_is_one_row_and_others_are_none(self) -> None:
        records = [
            moved("heart", "healthcare", "causal", 0.02, source="finance", seed=3),
            made("heart", "default_ft", [0.8, 0.9]),
            moved("heart", "healthcare", "causal", 0.1, source="finance", status="failed"),
        ]
        (row,) = transferred(records).to_dict("records")
        assert row["gain_roc_auc_ovo"] == pytest.approx(0.02)
        assert (row["base_roc_auc_ovo"], row["gain_log_loss"]) == (BASE, 0.0)
        assert [row[k] for k in ("target", "source", "seed", "arm", "direction", "on_target")] == [
            "heart", "finance", 3, "causal", "across", "in context",
        ]  # fmt: skip
        assert math.isnan(row["gain_rmse_sd"])

    def test_a_lower_log_loss_is_a_gain(self) -> None:
        record = moved("heart", "healthcare", "real", 0.0, source="finance")
        record["metrics"]["chosen"] = {
            part: dict(scores, log_loss=0.4) for part, scores in record["metrics"]["chosen"].items()
        }
        assert transferred([record])["gain_log_loss"].item() == pytest.approx(0.1)

    def test_a_score_that_does_not_exist_is_no_number(self) -> None:
        record = moved("heart", "healthcare", "real", 0.1, source="finance")
        record["metrics"]["chosen"]["test"]["roc_auc_ovo"] = None
        found = read([record])
        assert found.runs["gain_roc_auc_ovo"].isna().all()
        assert found.robustness.empty

    def test_settings_tell_arms_of_one_name_apart_and_the_left_out_target_does_not(self) -> None:
        at = {"source": "finance", "seed": 0}
        records = [
            moved("heart", "healthcare", "real", 0.1, **at),
            moved("zoo", "healthcare", "real", 0.1, **at),
            moved("heart", "healthcare", "real", 0.2, settings={"share": 0.5}, **at),
        ]
        arms = transferred(records)["arm"]
        assert arms[0] == arms[1] != arms[2]
        assert arms.str.match(r"real \([0-9a-f]{6}\)").all()
        assert set(transferred(records[:2])["arm"]) == {"real"}

    @pytest.mark.parametrize(
        ("method", "way"),
        [
            ("pretrained", "in context"),
            ("default_ft", "default_ft"),
            ("causalmixft", "causalmixft"),
            ("scm", "SCM (synthetic)"),
        ],
    )
    def test_what_is_done_on_the_target_is_told_by_what_the_method_does(
        self, method: str, way: str
    ) -> None:
        record = moved("heart", "healthcare", "real", 0.1, source="finance", method=method)
        assert transferred([record])["on_target"].item() == way

    def test_the_curve_over_rows_in_context_ends_at_all(self) -> None:
        record = moved("heart", "healthcare", "real", 0.1, source="finance")
        found = readouts([record])
        assert [str(rows) for rows in found["rows"]] == [*map(str, SIZES), "all"]
        assert found["gain_roc_auc_ovo"].tolist() == pytest.approx([0.05, 0.05, 0.1])
        assert (found["rows"] < "all").tolist() == [True, True, False]

    def test_one_fine_tuning_that_targets_share_forgets_once(self) -> None:
        targets = ("heart", "zoo", "diabetes")
        records = [moved(t, "healthcare", "real", 0.1, source="finance") for t in targets]
        assert sorted(forgetting(records)["target"]) == sorted(HELD_OUT)
        assert forgetting(records)["gain_roc_auc_ovo"].tolist() == pytest.approx([0.05, 0.05])

    def test_fine_tuning_from_adapted_weights_is_held_against_its_twin(self) -> None:
        tuned = moved("heart", "healthcare", "real", 0.1, source="finance", method="default_ft")
        twin = made("heart", "default_ft", [BASE, BASE + 0.07])
        other = made("heart", "default_ft", [BASE, BASE + 0.01], seed=1)
        (row,) = over_published([tuned, twin, other]).to_dict("records")
        assert row["gain_roc_auc_ovo"] == pytest.approx(0.03)
        assert row["base_roc_auc_ovo"] == pytest.approx(BASE + 0.07)
        assert over_published([tuned, other]).empty
        assert read([tuned, twin, other]).brought["mean"].item() == pytest.approx(0.03)

    def test_directions(self) -> None:
        assert direction("healthcare", "finance") == "across"
        assert direction("healthcare", "finance+healthcare") == "within"
        assert direction("finance", "healthcare+other") == "from all others"
        assert direction("other", "healthcare") == "to other"
        assert direction("finance", "other") == "from other"


class TestCrossed:
    def test_the_mean_is_over_targets_of_means_over_corpora(self) -> None:
        values = grid([[0.0, 0.0, np.nan], [0.3, 0.6, 0.9]])
        crossed = Crossed.of(values, READ)
        found = crossed.estimate(crossed.mean(crossed.of_targets(values)), values)
        assert found.value == pytest.approx(0.3)
        assert (found.targets, found.corpora) == (2, 3)
        assert 0 <= found.low <= 0.3 <= found.high <= 0.9

    def test_what_differs_only_between_corpora_is_in_the_interval(self) -> None:
        between = grid(np.tile([-0.2, -0.1, 0.0, 0.1, 0.2], (8, 1)))
        crossed = Crossed.of(between, READ)
        found = crossed.estimate(crossed.mean(crossed.of_targets(between)), between)
        assert found.low < -0.08
        assert found.high > 0.08
        assert found.se == pytest.approx(np.std([-0.2, -0.1, 0, 0.1, 0.2]) / math.sqrt(5), rel=0.2)

    def test_targets_and_corpora_are_drawn_independently(self) -> None:
        # Of a sum of both the variances add; drawn alike, as many of each, deviations would.
        effects = np.linspace(-1, 1, 6)
        values = grid(effects[:, None] + effects[None, :])
        crossed = Crossed.of(values, settings())
        found = crossed.estimate(crossed.mean(crossed.of_targets(values)), values)
        assert found.se == pytest.approx(effects.std() / math.sqrt(6) * math.sqrt(2), rel=0.1)

    def test_corpora_are_drawn_within_their_source(self) -> None:
        values = grid([[1.0, 1.0]] * 3).join(
            grid([[3.0, 3.0]] * 3).rename(columns={"finance": "healthcare"}, level=0)
        )
        crossed = Crossed.of(values, READ)
        assert np.unique(crossed.of_targets(values)) == pytest.approx(2.0)

    def test_one_target_has_no_interval(self) -> None:
        values = grid([[0.1, 0.2, 0.3]])
        crossed = Crossed.of(values, READ)
        found = crossed.estimate(crossed.mean(crossed.of_targets(values)), values)
        assert found.value == pytest.approx(0.2)
        assert all(map(math.isnan, (found.low, found.high, found.se)))

    def test_the_worst_quarter_is_rounded_up(self) -> None:
        values = grid([[0.5], [-0.4], [0.1], [-0.2], [0.3]])
        crossed = Crossed.of(values, READ)
        assert crossed.worst(crossed.of_targets(values), 0.25)[0] == pytest.approx(-0.3)
        assert crossed.worst(crossed.of_targets(values), 0.2)[0] == pytest.approx(-0.4)

    @trials(max_examples=15, deadline=None)
    @given(st.integers(0, 10**6), st.integers(2, 7), st.integers(1, 4), st.floats(0.05, 1))
    def test_what_holds_of_any_table(self, seed: int, n: int, m: int, share: float) -> None:
        rng = np.random.default_rng(seed)
        values = grid(rng.standard_normal((n, m)))
        crossed = Crossed.of(values, READ)
        of_targets = crossed.of_targets(values)
        means, worst = crossed.mean(of_targets), crossed.worst(of_targets, share)
        assert (worst <= means + 1e-9).all()
        whole = crossed.worst(of_targets, 1.0)
        np.testing.assert_allclose(whole, means, atol=1e-9)
        shifted = crossed.mean(crossed.of_targets(values + 1))
        np.testing.assert_allclose(shifted, means + 1, atol=1e-9)
        assert of_targets.min() >= values.to_numpy().min() - 1e-9
        # In another order, the same estimate.
        turned = values.iloc[rng.permutation(n), rng.permutation(m)]
        assert Crossed.of(turned, READ).of_targets(turned)[0].mean() == pytest.approx(means[0])

    @pytest.mark.long
    def test_the_interval_covers_nearly_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(5)
        covered = []
        for _ in range(150):
            of_target, of_corpus = rng.standard_normal((12, 1)), 0.5 * rng.standard_normal((1, 8))
            values = grid(of_target + of_corpus + rng.standard_normal((12, 8)))
            crossed = Crossed.of(values, READ)
            found = crossed.estimate(crossed.mean(crossed.of_targets(values)), values)
            covered.append(found.low <= 0 <= found.high)
        assert 0.87 <= np.mean(covered) <= 1.0


class TestRobustness:
    def found(self) -> pd.Series:
        of = {"heart": (0.02, 0.04), "breast-w": (-0.01, 0.01), "diabetes": (-0.004, -0.002)}
        records = [
            moved(target, "healthcare", "real", gain, source="finance", seed=seed)
            for target, gains in of.items()
            for seed, gain in enumerate(gains)
        ]
        return read(records).robustness.iloc[0]

    def test_each_measure_is_what_its_definition_says(self) -> None:
        of = self.found()
        assert of["mean"] == pytest.approx((0.03 + 0 - 0.003) / 3)
        assert of["harm"] == pytest.approx((0 + 0.5 + 1) / 3)
        assert of["clear_harm"] == pytest.approx((0 + 0.5 + 0) / 3)
        assert of["worst"] == pytest.approx(-0.003)
        assert (of["lowest"], of["lowest_target"]) == (pytest.approx(-0.01), "breast-w")
        pooled = math.sqrt((0.02**2 / 2 + 0.02**2 / 2 + 0.002**2 / 2) / 3)
        assert of["spread"] == pytest.approx(pooled)
        assert (of["kept_targets"], of["targets"], of["corpora"], of["runs"]) == (3, 3, 2, 6)

    def test_folds_are_averaged_before_harm_is_counted(self) -> None:
        at = {"source": "finance", "seed": 0}
        records = [
            moved("heart", "healthcare", "real", gain, fold=fold, **at)
            for fold, gain in enumerate((0.03, -0.01))
        ]
        assert read(records).robustness["harm"].item() == 0.0

    def test_no_change_is_no_harm(self) -> None:
        found = read(study(["real"], lambda *_: 0.0)).robustness.iloc[0]
        assert (found["harm"], found["mean"], found["p"]) == (0.0, 0.0, 1.0)
        assert found["kept"] is Outcome.yes

    @pytest.mark.parametrize(
        ("gain", "kept"),
        [(-0.001, "yes"), (-0.02, "no"), (-0.0048, "unknown"), (-0.0052, "unknown")],
    )
    def test_accuracy_is_kept_where_the_interval_lies_above_the_margin(
        self, gain: float, kept: str
    ) -> None:
        found = read(study(["real"], noisy(1, real=gain), targets=MANY)).robustness
        assert found["kept"].item() == Outcome(kept)

    def test_the_gap_is_within_minus_across_on_the_same_targets(self) -> None:
        def by_target(arm: str, target: str, seed: int) -> float:
            return 0.05 if target == "heart" else 0.01

        records = study(["real"], by_target)
        inside = study(["real"], lambda a, t, s: by_target(a, t, s) + 0.02, within=True)
        found = read([*records, *inside]).robustness.set_index("direction")
        assert found.loc["across", ["gap", "gap_low", "gap_high"]].tolist() == pytest.approx(
            [0.02] * 3
        )
        assert math.isnan(found.loc["within", "gap"])
        assert math.isnan(read(records).robustness["gap"].item())

    def test_a_missing_cell_is_counted_and_not_made_up(self) -> None:
        records = study(["real", "noise"], lambda *_: 0.01)
        whole = read(records).robustness.set_index("arm")
        assert whole["lacking"].to_dict() == {"real": 0, "noise": 0}
        some = read(records[1:]).robustness.set_index("arm")
        assert some["lacking"].to_dict() == {"real": 1, "noise": 0}
        assert some.loc["real", "mean"] == pytest.approx(0.01)

    def test_weights_that_stay_as_published_are_counted(self) -> None:
        records = study(["real"], lambda *_: 0.0, seeds=(0, 1))
        for record in records[:4]:
            record["transfer"]["chosen_step"] = 0
        assert read(records).robustness["unmoved"].item() == 0.25

    def test_single_corpora_have_no_spread(self) -> None:
        assert math.isnan(spread(grid([[1.0], [2.0]])))
        assert spread(grid([[1.0, np.nan], [2.0, 4.0]])) == pytest.approx(math.sqrt(2))

    def test_cells_of_the_matrix_are_by_source_and_target_domain(self) -> None:
        records = [
            *study(["real"], lambda a, t, s: 0.01),
            *study(["real"], lambda a, t, s: 0.03, within=True),
            moved("iris", "other", "real", 0.02, source="finance"),
        ]
        found = read(records).matrix.set_index(["source", "target_domain"])
        assert found["mean"].round(9).to_dict() == {
            ("finance", "finance"): 0.03,
            ("finance", "healthcare"): 0.01,
            ("finance", "other"): 0.02,
            ("healthcare", "finance"): 0.01,
            ("healthcare", "healthcare"): 0.03,
        }
        assert math.isnan(found.loc[("finance", "other"), "low"])

    def test_curves_are_of_targets_that_have_every_size(self) -> None:
        records = study(["real"], lambda *_: 0.02)
        short = moved("tiny", "healthcare", "real", 0.5, source="finance")
        cut = short["transfer"]["in_context"]
        cut |= {"rows": [32]}
        for which in ("pretrained", "adapted"):
            cut[which] = {"roc_auc_ovo": cut[which]["roc_auc_ovo"][:1]}
        found = read([*records, short]).curves
        assert found["rows"].astype(str).tolist() == ["32", "64", "all"]
        assert found["mean"].tolist() == pytest.approx([0.01, 0.01, 0.02])
        assert set(found["targets"]) == {8}

    def test_a_row_a_target(self) -> None:
        found = read(study(["real"], lambda a, t, s: 0.01 * s)).per_target
        assert len(found) == 8
        row = found.iloc[0]
        assert (row["base"], row["corpora"], row["folds"]) == (BASE, 5, 1)
        assert row["mean"] == pytest.approx(0.02)
        assert row["sd"] == pytest.approx(np.std([0, 0.01, 0.02, 0.03, 0.04], ddof=1))


class TestPrimary:
    ARMS = ("causal", "bootstrap", "noise", "real")

    def test_a_planted_effect_is_found(self) -> None:
        found = read(study(self.ARMS, noisy(0, causal=0.01, noise=0.004), targets=MANY)).primary
        assert found.helps is Outcome.yes
        assert found.better == "noise"
        row = found.row
        assert row is not None
        assert row["value"] == pytest.approx(0.006, abs=0.001)
        assert row["low"] < row["value"] < row["high"]
        assert row["p"] < row["p_holm"] < 0.01
        assert 0 < row["smallest"] < 0.004
        assert (row["targets"], row["corpora"], row["sources"]) == (12, 10, 2)

    def test_a_planted_loss_is_found(self) -> None:
        found = read(study(self.ARMS, noisy(0, causal=-0.01), targets=MANY)).primary
        assert found.helps is Outcome.no

    @pytest.mark.parametrize("planted", [{}, {"bootstrap": 0.01}, {"bootstrap": -0.01}])
    def test_nothing_is_told_of_what_one_null_alone_tells(self, planted: dict[str, float]) -> None:
        found = read(study(self.ARMS, noisy(2, **planted), targets=MANY)).primary
        assert found.helps is Outcome.unknown

    def test_arms_are_held_against_each_other_on_what_both_have(self) -> None:
        def by_target(arm: str, target: str, seed: int) -> float:
            return {"heart": 0.1}.get(target, 0.0) + {"causal": 0.01}.get(arm, 0.0)

        records = study(("causal", "noise"), by_target)
        without = [
            r
            for r in records
            if not (r["cell"]["dataset"] == "heart" and "noise" in r["cell"]["method"])
        ]
        row = read(without).primary.row
        assert row is not None
        assert row["value"] == pytest.approx(0.01)
        assert (row["targets"], row["runs"]) == (7, 35)

    def test_only_what_goes_across_in_context_is_read(self) -> None:
        across = study(("causal", "noise"), lambda a, t, s: 0.02 if a == "causal" else 0.0)
        others = study(("causal", "noise"), lambda *_: 0.5, within=True)
        tuned = study(("causal", "noise"), lambda a, t, s: -len(a) / 10, method="default_ft")
        row = read([*across, *others, *tuned]).primary.row
        assert row is not None
        assert row["value"] == pytest.approx(0.02)

    def test_what_is_absent_is_told(self) -> None:
        found = read(study(["causal", "real"], noisy(3))).primary
        assert (found.better, found.absent) == (None, ("bootstrap", "noise"))
        assert found.contrasts["against"].tolist() == ["real"]
        assert read(study(["real"], noisy(3))).primary.contrasts.empty


@pytest.mark.parametrize("differences", [[0.3, -0.1, 0.0, 0.4, 0.2, 0.0], [0.0, 0.0], [0.1]])
def test_targets_without_a_difference_leave_the_test_as_it_is(differences: list[float]) -> None:
    whole = compared("a", "b", pd.Series(differences))
    for name in ("p", "effect", "better", "worse"):
        assert signed_ranks("a", "b", np.array([*differences, np.nan]))[name] == pytest.approx(
            whole[name]
        )


class TestChecks:
    @pytest.mark.parametrize(
        ("permuted", "own", "holds"),
        [
            (-0.01, 0.02, ("yes", "yes")),
            (0.01, -0.02, ("no", "no")),
            (0.0045, 0, ("no", "unknown")),
        ],
    )
    def test_permuted_labels_must_not_help_and_own_tables_must(
        self, permuted: float, own: float, holds: tuple[str, str]
    ) -> None:
        records = study(["permuted"], noisy(4, permuted=permuted), targets=MANY)
        records += study(["real"], noisy(5, real=own), targets=MANY, within=True)
        found = read(records).checks
        assert tuple(check.holds for check in found) == tuple(map(Outcome, holds))

    def test_a_wide_interval_tells_neither(self) -> None:
        gains = lambda arm, target, seed: -0.2 if target < "d" else 0.2  # noqa: E731
        found = read(study(["permuted"], gains)).checks
        assert [check.holds for check in found] == [Outcome.unknown, Outcome.unknown]
        assert found[1].gained is None


class TestAnswer:
    def test_without_transfer_there_is_none(self) -> None:
        assert answer([made("heart", "default_ft", [0.8, 0.9])], READ, roc_auc_ovo) is None

    def test_the_last_step_is_told_beside_the_chosen_one(self) -> None:
        records = study(("causal", "noise"), lambda a, t, s: 0.01 if a == "causal" else 0.0)
        for record in records:
            record["metrics"]["last"]["test"]["roc_auc_ovo"] = (
                BASE - 0.03 if record["settings"]["transfer"]["method"]["name"] == "causal" else 0.8
            )
        found = read(records)
        assert found.last.contrasts["value"].item() == pytest.approx(-0.03)
        assert found.last.robustness.set_index("arm").loc["causal", "harm"] == 1.0
        assert found.across.loc["causal", "harm"] == 0.0

    def test_failed_cells_alone_are_told(self) -> None:
        record = moved("heart", "healthcare", "real", 0.1) | {
            "status": "failed",
            "transfer": None,
            "metrics": {},
            "error": {"type": "ValueError", "message": "no luck", "traceback": "…"},
        }
        found = read([record])
        assert found.unfinished[["target", "arm", "status", "error"]].to_numpy().tolist() == [
            ["heart", "real", "failed", "no luck"]
        ]
        assert all(part.empty for part in (found.runs, found.matrix, found.curves))

    @pytest.mark.parametrize("targets", [{"finance": ["a"]}, {"finance": ["a", "b"]}])
    @pytest.mark.parametrize("seeds", [(0,), (0, 1)])
    def test_few_targets_and_corpora_break_nothing(
        self, targets: dict[str, list[str]], seeds: tuple[int, ...]
    ) -> None:
        gains = lambda arm, target, seed: 0.01 * (arm == "causal")  # noqa: E731
        records = study(("causal", "noise", "bootstrap"), gains, seeds=seeds, targets=targets)
        found = read(records)
        row = found.primary.row
        assert row is not None
        assert row["value"] == pytest.approx(0.01)
        is_alone = len(targets["finance"]) == 1
        assert math.isnan(row["low"]) == is_alone
        assert found.primary.helps is (Outcome.unknown if is_alone else Outcome.yes)

    def test_two_records_of_one_run_are_averaged(self) -> None:
        records = study(("causal", "noise"), lambda a, t, s: 0.01 if a == "causal" else 0.0)
        twice = [*records, *study(["causal"], lambda *_: 0.03)]
        found = read(twice)
        row = found.primary.row
        assert row is not None
        assert row["value"] == found.across.loc["causal", "mean"] == pytest.approx(0.02)

    def test_another_score_is_read_as_well(self) -> None:
        found = read(study(["real"], lambda *_: 0.01), log_loss)
        assert found.metric is log_loss
        assert found.robustness["mean"].item() == 0.0

    def test_one_that_curves_do_not_tell_is_not(self) -> None:
        assert read(study(["real"], lambda *_: 0.01), SCORES["accuracy"]).metric is roc_auc_ovo

    def test_numbers_are_read_by_rmse_over_sigma(self) -> None:
        found = read(study(["real"], lambda *_: 0.01, numeric=True), SCORES["rmse"])
        assert found.metric.name == "rmse_sd"
        row = found.robustness.iloc[0]
        assert row["mean"] == pytest.approx(0.01)
        assert found.per_target["base"].iloc[0] == pytest.approx(BASE)

    def test_the_order_of_records_decides_nothing(self) -> None:
        records = study(("causal", "noise"), noisy(7))
        one, two = read(records), read(records[::-1])
        pd.testing.assert_frame_equal(one.robustness, two.robustness)
        pd.testing.assert_frame_equal(one.primary.contrasts, two.primary.contrasts)

    @pytest.mark.slow
    def test_four_thousand_records_take_seconds(self) -> None:
        arms = ("real", "causal", "scm", "bootstrap", "noise", "ctgan", "prior", "permuted")
        many = {domain: [f"{domain}{i}" for i in range(10)] for domain in MANY}
        gains = noisy(8)
        records = [
            *study(arms, gains, seeds=range(12), targets=many),
            *study(arms, gains, seeds=range(13), targets=many, within=True),
        ]
        started = time.process_time()
        answer(records, settings(), roc_auc_ovo)
        assert len(records) == 4000
        assert time.process_time() - started < 10
