"""The analysis respects its metric's direction: what is lower-is-better is read the same way up."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_experiment import experiment_of_numbers
from made_records import failed, made

from bench.analysis.answer import answer
from bench.analysis.complete import complete
from bench.analysis.frame import frame, metric_of
from bench.analysis.leaderboard import leaderboard
from bench.analysis.measures import improvements
from bench.analysis.settings import Impute, Normalization, settings
from bench.analysis.significance import wilcoxon_tests
from bench.cell.store import Store
from bench.errors import BadInput
from bench.report import verdict
from bench.report.captions import completeness, lost_of
from bench.report.cells import Cells
from bench.report.figures import heat_map
from bench.report.tables import sections
from bench.report.write import report
from bench.scores import RANKED_BY
from bench.scores.log_loss import log_loss
from bench.scores.rmse_sd import rmse_sd
from bench.scores.roc_auc_ovo import roc_auc_ovo

QUICKLY = ["analysis.resamples=50", "analysis.elo_rounds=2"]
QUICK = settings(QUICKLY)

# Losses by evaluation. On heart the pre-trained model's is 0.8, default_ft goes to 0.6 and back to
# 0.7, scm to 1.0; on zoo from 0.5 to 0.4, and to 0.45.
LOSSES = {
    "heart": {"pretrained": [0.8], "default_ft": [0.8, 0.6, 0.7], "scm": [0.8, 0.9, 1.0]},
    "zoo": {"pretrained": [0.5], "default_ft": [0.5, 0.45, 0.4], "scm": [0.5, 0.45, 0.45]},
}


def records(metric: Any = log_loss, turned: bool = False) -> list[dict[str, Any]]:
    out = []
    for dataset, methods in LOSSES.items():
        for method, curve in methods.items():
            values = [1 - loss for loss in curve] if turned else curve
            out.append(made(dataset, method, values, metric=metric))
    return out


@pytest.fixture(scope="module")
def read():
    made_up = records()
    return answer(frame(made_up), QUICK, metric_of(made_up))


def of(table: pd.DataFrame, column: str) -> dict[tuple[str, str], float]:
    return table.set_index(["dataset", "method"])[column].to_dict()


class TestAskedFor:
    """`analysis.metric=NAME` reads any score that the records can tell."""

    def test_a_score_that_they_are_not_ranked_by(self):
        made_up = records(roc_auc_ovo, turned=True)
        metric = metric_of(made_up, "log_loss")
        assert metric is log_loss
        assert frame(made_up, metric=metric)["score_chosen"].tolist() == [-0.5] * 6  # turned

    @pytest.mark.long
    def test_the_report_is_of_it(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        store = Store(tmp_path)
        for record in records(roc_auc_ovo, turned=True):
            store.write(record)
        chosen = settings(["analysis.metric=log_loss", *QUICKLY])
        assert report(tmp_path, chosen, figures=False) == 0
        assert "log_loss_chosen" in (tmp_path / "report" / "improvements.csv").read_text()
        assert "log-loss" in capsys.readouterr().out

    @pytest.mark.parametrize("asked", ["rmse", "mae", "crps"])
    def test_what_has_each_targets_unit_is_of_one_table_alone(self, asked: str):
        numbers = experiment_of_numbers()
        houses = [record for record in numbers if record["cell"]["dataset"] == "houses"]
        assert metric_of(houses, asked).name == asked
        with pytest.raises(BadInput, match="Without a unit are log_score, r2, rmse_sd"):
            metric_of(numbers, asked)

    def test_a_score_of_the_other_problem_is_one_sentence(self):
        with pytest.raises(BadInput) as refusal:
            metric_of(experiment_of_numbers(), "log_loss")
        assert str(refusal.value) == (
            "analysis.metric=log_loss: log-loss is a score of classification, and these records "
            "are of regression."
        )

    def test_records_of_several_metrics_are_read_by_one_that_all_have(self):
        both = [*records(), made("zoo", "noise", [0.6, 0.7], metric=roc_auc_ovo)]
        assert metric_of(both, "log_loss") is log_loss

    def test_what_is_no_score_is_one_sentence(self):
        with pytest.raises(BadInput) as refusal:
            metric_of(records(), "logloss")
        assert str(refusal.value) == (
            "analysis.metric=logloss: there is no such score; did you mean 'log_loss'? There are "
            "roc_auc_ovo, accuracy, balanced_accuracy, brier, calibration_error, log_loss and "
            "roc_auc_ovr."
        )

    def test_what_records_cannot_tell_is_one_sentence_with_what_they_can(self):
        with pytest.raises(BadInput) as refusal:
            metric_of(records(roc_auc_ovo, turned=True), "brier")
        assert str(refusal.value) == (
            "6 of 6 records hold neither Brier score nor predictions that it could be computed "
            "from. What all of them can tell: roc_auc_ovo, log_loss."
        )


class TestLowerIsBetter:
    def test_an_improvement_is_positive_where_the_loss_falls(self, read):
        gains = read.tables["improvements"]
        assert of(gains, "raw_gain") == pytest.approx(
            {
                ("heart", "pretrained"): 0.0,
                ("heart", "default_ft"): 0.1,
                ("heart", "scm"): -0.2,
                ("zoo", "pretrained"): 0.0,
                ("zoo", "default_ft"): 0.1,
                ("zoo", "scm"): 0.05,
            }
        )
        # heart: from 0.7 to 1.0 is 0.3; zoo: from 0.4 to 0.5 is 0.1.
        assert of(gains, "improvement") == pytest.approx(
            {
                ("heart", "pretrained"): 0.0,
                ("heart", "default_ft"): 1 / 3,
                ("heart", "scm"): -2 / 3,
                ("zoo", "pretrained"): 0.0,
                ("zoo", "default_ft"): 1.0,
                ("zoo", "scm"): 0.5,
            }
        )

    def test_the_lowest_loss_is_ranked_first(self, read):
        ranks = read.tables["summary"]["rank"].to_dict()
        assert ranks == {"default_ft": 1.0, "scm": 2.5, "pretrained": 2.5}
        assert read.tables["summary"]["harm"].to_dict() == {
            "default_ft": 0.0,
            "scm": 0.5,
            "pretrained": 0.0,
        }

    def test_the_share_of_the_error_is_of_the_loss_itself(self):
        gains = improvements(frame(records()), log_loss, Normalization.error_reduction)
        assert of(gains, "improvement")["heart", "default_ft"] == pytest.approx(0.1 / 0.8)
        assert of(gains, "improvement")["heart", "scm"] == pytest.approx(-0.2 / 0.8)

    def test_regret_is_what_the_best_evaluation_was_better(self, read):
        regret = of(read.readings, "regret")
        assert regret["heart", "default_ft"] == pytest.approx(0.1)  # 0.6 was passed by
        assert regret["heart", "scm"] == pytest.approx(0.2)  # step 0
        assert regret["zoo", "default_ft"] == 0

    def test_pairs_and_tests_say_who_is_better(self, read):
        pairs = read.tables["paired"].set_index(["method", "against", "step"])["mean"]
        assert pairs["scm", "default_ft", "chosen"] == pytest.approx((-0.3 - 0.05) / 2)
        assert pairs["default_ft", "pretrained", "chosen"] == pytest.approx(0.1)
        tests = wilcoxon_tests(read.kept).set_index(["method", "against"])
        assert tests.loc[("scm", "default_ft"), ["better", "worse"]].tolist() == [0, 2]

    def test_errors_of_the_leaderboard_are_the_losses(self):
        board = leaderboard(frame(records()), QUICK, log_loss)
        assert board["winrate"].idxmax() == "default_ft"
        # The method's mean share of its error by which the best is better: (0.3/1.0 + 0.05/0.45)/2.
        assert board.loc["scm", "improvability"] == pytest.approx((0.3 + 0.05 / 0.45) / 2, rel=0.01)

    def test_the_worst_of_a_unit_is_its_highest_loss(self):
        kept, _ = complete(frame(records()[:-1]), Impute.worst)
        lost = kept[(kept["dataset"] == "zoo") & (kept["method"] == "scm")]
        assert log_loss.oriented(lost["score_chosen"]).tolist() == [0.5]

    def test_people_are_told_the_losses_themselves(self, read):
        assert read.tables["per_dataset"].loc["heart"].to_dict() == {
            "default_ft": 0.7,
            "scm": 1.0,
            "pretrained": 0.8,
        }
        gains = read.tables["improvements"]
        assert of(gains, "log_loss_chosen")["heart", "scm"] == 1.0
        assert of(gains, "log_loss_pretrained")["heart", "scm"] == 0.8
        assert of(gains, "validation_chosen")["heart", "scm"] == 1.0
        assert not [column for column in gains if "score" in str(column)]

    def test_it_reads_as_the_same_scores_the_other_way_up(self, read):
        """A loss l and a score 1 − l order, gain and harm alike, but for rounding."""
        up = records(roc_auc_ovo, turned=True)
        other = answer(frame(up), QUICK, roc_auc_ovo)
        for name in ("summary", "paired", "reliability", "nemenyi", "groups"):
            pd.testing.assert_frame_equal(read.tables[name], other.tables[name])
        pd.testing.assert_frame_equal(wilcoxon_tests(read.kept), wilcoxon_tests(other.kept))

    def test_one_tables_verdict_names_the_lowest_loss_best(self):
        one = [r for r in records() if r["cell"]["dataset"] == "heart"]
        told = " ".join(verdict.headline(answer(frame(one), QUICK, log_loss)))
        assert "lies between 1.0000 (scm) and 0.7000 (default_ft)" in told

    def test_differences_are_told_of_the_negated_loss(self, read):
        """What is better stands above 0, and "minus" would say the contrary of a loss."""
        (pairs,) = (s for s in sections(read) if s.key == "paired")
        assert pairs.text.startswith("Test negated log-loss minus default_ft's")
        drawing = heat_map(read)
        assert drawing is not None
        labels = [axes.get_ylabel() for axes in drawing.figure.axes]
        assert "mean change in test\nnegated log-loss ×1000" in labels

    def test_the_cells_of_the_page_are_called_by_the_metrics_name(self, read):
        cells = Cells.of(read).listed(())
        at = cells["columns"].index("log_loss_chosen")
        assert sorted(row[at] for row in cells["cells"]) == [0.4, 0.45, 0.5, 0.7, 0.8, 1.0]

    @pytest.mark.long
    def test_the_files_of_a_report_hold_the_losses(self, tmp_path: Path):
        store = Store(tmp_path)
        for record in records():
            store.write(record)
        assert report(tmp_path, QUICK, figures=False) == 0
        written = pd.read_csv(StringIO((tmp_path / "report" / "improvements.csv").read_text()))
        assert of(written, "log_loss_chosen")["zoo", "scm"] == 0.45
        means = pd.read_csv(tmp_path / "report" / "per_dataset.csv", index_col="dataset")
        assert means.loc["zoo", "default_ft"] == 0.4


class TestMetric:
    def test_it_is_that_of_the_records(self):
        assert metric_of(records()) is log_loss
        assert metric_of(records(roc_auc_ovo, turned=True)) is roc_auc_ovo
        assert metric_of([]) is RANKED_BY
        assert metric_of(experiment_of_numbers()) is rmse_sd  # RMSE without its unit

    def test_records_of_several_are_refused_in_one_sentence(self):
        both = [*records(), made("iris", "default_ft", [0.5, 0.6])]
        with pytest.raises(BadInput, match=r"\(6 by log-loss, 1 by ROC-AUC\)"):
            frame(both)

    def test_a_score_and_its_turned_values(self):
        assert roc_auc_ovo.oriented(0.7) == 0.7
        assert log_loss.oriented(log_loss.oriented(0.7)) == 0.7
        assert (log_loss.best, roc_auc_ovo.best) == (0.0, 1.0)
        assert replace(log_loss, name="rmse").prefix == "rmse"


@pytest.mark.long
def test_a_unit_whose_test_part_lacks_the_score_is_left_out_and_told():
    """As ROC-AUC of a fold whose test rows are of one class."""
    both = ("default_ft", "scm")
    lacking = [made(table, method, [0.7, 0.8]) for table in ("heart", "zoo") for method in both]
    for record in lacking[: len(both)]:
        for scores in record["metrics"].values():
            scores["test"]["roc_auc_ovo"] = None
    read = answer(frame(lacking), QUICK, roc_auc_ovo)
    assert read.kept["dataset"].unique().tolist() == ["zoo"]
    assert completeness(read).endswith(
        "Left out: 1 unit (2 done without test ROC-AUC: default_ft, scm)."
    )
    assert lost_of(read)["dataset"].tolist() == ["heart", "heart"]


def test_a_method_that_serves_no_table_is_left_out_and_costs_no_unit():
    """As TabEBM of numeric targets."""
    served = [made("heart", method, [0.7, 0.8]) for method in ("default_ft", "scm")]
    refused = failed("heart", "tabebm") | {"status": "not_applicable"}
    read = answer(frame([*served, refused]), QUICK, roc_auc_ovo)
    assert sorted(read.kept["method"]) == ["default_ft", "scm"]
    assert completeness(read).endswith("Not applicable to any of these tables: tabebm.")
    served_once = made("zoo", "tabebm", [0.7, 0.8])
    both = [*served, *(made("zoo", m, [0.7, 0.8]) for m in ("default_ft", "scm")), refused]
    read = answer(frame([*both, served_once]), QUICK, roc_auc_ovo)
    assert read.kept["dataset"].unique().tolist() == ["zoo"]
    assert completeness(read).endswith("Left out: 1 unit (1 not_applicable: tabebm).")
