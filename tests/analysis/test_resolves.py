"""What resolves: every score against default fine-tuning's, worked by hand, and what is missing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_records import failed, made
from scipy.stats import ttest_1samp

from bench.analysis import resolves as analysis
from bench.analysis.answer import Answer, answer
from bench.analysis.complete import complete, of_methods
from bench.analysis.frame import frame, metric_of
from bench.analysis.paired import chance_of_resolving, paired
from bench.analysis.references import references
from bench.analysis.resolves import Told, by_chance
from bench.analysis.settings import settings
from bench.cell import predictions
from bench.cell.record import Record
from bench.report.table import Section
from bench.report.tables.resolves import resolves, resolves_last

Scores = dict[str, float | None]


def record(
    dataset: str, method: str, chosen: Scores, last: Scores | None = None, **where: Any
) -> Record:
    """A record whose chosen and last step have these test scores and no other."""
    curve = [0.7] if method == "pretrained" else [0.7, 0.7]  # it takes no step
    one = made(dataset, method, curve, **where)
    for step, scores in (("pretrained", chosen), ("chosen", chosen), ("last", last or chosen)):
        one["metrics"][step]["test"] = {"roc_auc_ovo": 0.7, **scores}
    return one


def read(records: list[Record], *overrides: str) -> Answer:
    """What `answer` makes of records, without all that these tables do not read."""
    chosen = settings(overrides)
    metric, told = metric_of(records, chosen.metric), Told(records)
    kept, left_out = complete(
        of_methods(frame(records, metric=metric), chosen.methods), chosen.impute
    )
    held = references(kept)
    tables = {
        "summary": pd.DataFrame(index=kept["method"].unique()),
        "paired": paired(kept),
        "resolves": analysis.resolves(kept, held, told, metric),
    }
    return Answer(
        chosen, metric, kept, kept, left_out, left_out, tables, references=held, told=told
    )


def of(read_as: Answer, score: str, step: str = "chosen", method: str = "scm") -> pd.Series:
    rows = read_as.tables["resolves"].set_index(["score", "step", "method"])
    return rows.loc[(score, step, method)]


def section(read_as: Answer, table: Any = resolves) -> Section:
    return table.section(read_as, table.make(read_as))


# Brier score of scm minus default_ft's, folds first: a (0.04 + 0.02) / 2, b 0.02, c 0.04.
BRIER = {
    ("a", 0): (0.20, 0.24),
    ("a", 1): (0.30, 0.32),
    ("b", 0): (0.25, 0.27),
    ("c", 0): (0.25, 0.29),
}


def units(later: float = 0.0) -> list[Record]:
    found = []
    for (dataset, fold), both in BRIER.items():
        for method, brier in zip(("default_ft", "scm"), both, strict=True):
            last = brier + later * (method == "scm")
            found.append(record(dataset, method, {"brier": brier}, {"brier": last}, fold=fold))
    return found


class TestNumbers:
    def test_a_lower_brier_score_is_above_zero_and_folds_are_averaged_first(self):
        row = of(read(units()), "brier")
        assert row["mean"] == pytest.approx(-(0.03 + 0.02 + 0.04) / 3)
        assert row["se"] == pytest.approx(0.01 / math.sqrt(3))
        assert (row["over"], row["n"], row["units"], row["against"]) == (
            "tables", 3, 4, "default_ft",
        )  # fmt: skip

    def test_the_last_step_stands_beside_the_chosen(self):
        found = read(units(later=-0.1))
        assert of(found, "brier", "last")["mean"] == pytest.approx(0.07)
        assert of(found, "brier", "chosen")["mean"] == pytest.approx(-0.03)

    def test_p_is_students_and_holm_is_over_all_scores_and_steps(self):
        found = read(units())
        expected = ttest_1samp([0.03, 0.02, 0.04], 0).pvalue
        assert of(found, "brier")["p"] == pytest.approx(expected)
        # Four comparisons: Brier's two, and two of ROC-AUC, which differs nowhere.
        assert of(found, "brier")["p_holm"] == pytest.approx(4 * expected)

    def test_what_ties_everywhere_is_not_resolved(self):
        row = of(read(units()), "roc_auc_ovo")
        assert (row["mean"], row["se"], row["p"], row["p_holm"]) == (0, 0, 1, 1)
        table = section(read(units())).table
        assert table is not None
        assert table.loc["scm"].tolist() == ["+0.00±0.00", "-30.0±5.8*"]

    def test_equal_differences_have_no_p(self):
        found = [
            record(dataset, method, {"brier": brier}, {"brier": brier})
            for dataset in "ab"
            for method, brier in (("default_ft", 0.20), ("scm", 0.22))
        ]
        row = of(read(found), "brier")
        assert row["mean"] == pytest.approx(-0.02)
        assert math.isnan(row["p"])
        assert math.isnan(row["p_holm"])

    def test_chance_marks_so_many(self):
        rows = read(units()).tables["resolves"]
        assert by_chance(rows) == pytest.approx(4 * chance_of_resolving(3))

    def test_the_score_that_is_asked_for_comes_first(self):
        first = read(units(), "analysis.metric=brier").tables["resolves"]["score"]
        assert list(dict.fromkeys(first)) == ["brier", "roc_auc_ovo"]
        other = read(units()).tables["resolves"]["score"]
        assert list(dict.fromkeys(other)) == ["roc_auc_ovo", "brier"]

    def test_it_is_what_the_paired_table_says_of_the_score_that_is_ranked_by(self):
        found = read(units(), "analysis.metric=brier")
        paired = found.tables["paired"].set_index(["method", "against", "step"])
        row = paired.loc[("scm", "default_ft", "chosen")]
        assert row[["mean", "se"]].tolist() == of(found, "brier")[["mean", "se"]].tolist()


class TestMissing:
    def test_a_score_that_a_unit_has_not_is_passed_over_and_told(self):
        """In a fold whose test part is of one class there is no ROC-AUC, but a Brier score."""
        records = units()
        records[0]["metrics"]["chosen"]["test"]["roc_auc_ovo"] = None
        found = read(records, "analysis.metric=brier")
        assert (of(found, "roc_auc_ovo")["units"], of(found, "brier")["units"]) == (3, 4)
        assert "ROC-AUC (one-vs-one) of 3" in section(found).text
        assert "Not every score" not in section(read(units())).text

    def test_a_score_that_some_records_cannot_tell_is_left_out_and_told(self):
        records = units()
        del records[0]["metrics"]["chosen"]["test"]["brier"]
        found = read(records)
        assert set(found.tables["resolves"]["score"]) == {"roc_auc_ovo"}
        assert "Left out, since not all records can tell it: Brier score." in section(found).text

    def test_only_the_records_that_are_read_must_tell_it(self):
        records = [*units(), *(record(d, "noise", {}, fold=f) for d, f in BRIER)]
        assert set(read(records).tables["resolves"]["score"]) == {"roc_auc_ovo"}
        two = read(records, "analysis.methods=[default_ft,scm]")
        assert set(two.tables["resolves"]["score"]) == {"roc_auc_ovo", "brier"}

    def test_an_imputed_score_is_none_of_another_kind(self):
        records = [*units()[:-1], failed("c", "scm")]
        found = read(records, "analysis.impute=worst")
        assert (of(found, "brier")["units"], of(found, "brier")["n"]) == (3, 2)

    def test_a_score_that_is_another_one_in_every_cell_is_no_comparison_more(self):
        """The ROC-AUCs of two classes: one-vs-one is one-vs-rest."""
        records = units()
        for one in records:
            for scores in one["metrics"].values():
                scores["test"]["roc_auc_ovr"] = scores["test"]["roc_auc_ovo"]
        found = read(records)
        pd.testing.assert_frame_equal(found.tables["resolves"], read(units()).tables["resolves"])
        assert "another score's values: ROC-AUC (one-vs-rest)." in section(found).text

    @pytest.mark.parametrize("lacking", ["default_ft", "scm"])
    def test_without_a_pair_it_is_left_out(self, lacking: str):
        one = section(read([r for r in units() if r["cell"]["method"] != lacking]))
        assert one.table is None
        assert one.text.startswith("Left out: it takes a method beside default_ft")

    @pytest.mark.long
    def test_the_answer_holds_it_and_without_records_no_other_score(self):
        quick, metric = settings(["analysis.resamples=1"]), metric_of(units())
        told = answer(frame(units()), quick, metric, Told(units()))
        pd.testing.assert_frame_equal(told.tables["resolves"], read(units()).tables["resolves"])
        assert resolves.make(read([])).empty


class TestOneTable:
    def test_its_folds_stand_for_tables_and_seeds_are_averaged(self):
        records = [
            record("a", method, {"brier": 0.2 + shift * (method == "scm")}, fold=fold, seed=seed)
            for (fold, seed), shift in {
                (0, 0): 0.02,
                (0, 1): 0.04,
                (1, 0): 0.01,
                (1, 1): 0.01,
            }.items()
            for method in ("default_ft", "scm")
        ]
        found = read(records)
        row = of(found, "brier")
        assert (row["over"], row["n"], row["units"]) == ("folds", 2, 4)
        assert (row["mean"], row["se"]) == (pytest.approx(-0.02), pytest.approx(0.01))
        assert "over 2 folds, which share rows: marks are hints" in section(found).text

    def test_one_fold_marks_nothing(self):
        found = read(units()[:2])
        assert math.isnan(of(found, "brier")["se"])
        assert math.isnan(of(found, "brier")["p_holm"])
        assert section(found).table.loc["scm"].tolist() == ["+0.00", "-40.00"]
        assert "nothing can be marked" in section(found).text


class TestPredictions:
    """What a record does not hold is computed of the predictions that it keeps."""

    def of_predictions(self, dataset: str, method: str, sure: float, labels: list[int]) -> Record:
        y, classes = np.array(labels), np.array([0, 1])
        right = np.where(y[:, None] == classes, sure, 1 - sure)
        one = record(dataset, method, {})
        steps = {step: {"test": right, "validation": right} for step in predictions.WHEN}
        one["predictions"] = predictions.kept({"test": y, "validation": y}, steps, classes)
        one["provenance"]["scores"] = {}
        return one

    def test_scores_are_of_today_and_constant_predictions_have_them_too(self):
        records = [
            self.of_predictions(dataset, method, sure, [0, 1, 1, 0])
            for dataset in "ab"
            for method, sure in (("default_ft", 0.8), ("scm", 0.5))
        ]
        found = read(records)
        # Brier: 2 · 0.2² and 2 · 0.5²; log-loss: −log 0.8 and −log 0.5; ROC-AUC: 1 and ½.
        assert of(found, "brier")["mean"] == pytest.approx(0.08 - 0.5, abs=1e-5)
        assert of(found, "log_loss")["mean"] == pytest.approx(math.log(0.5 / 0.8), abs=1e-5)
        assert of(found, "roc_auc_ovo")["mean"] == -0.5

    def test_a_fold_of_one_class_has_no_roc_auc(self):
        records = [
            self.of_predictions(dataset, method, sure, labels)
            for dataset, labels in {"a": [0, 1, 1, 0], "b": [0, 1, 0, 1], "c": [1, 1, 1, 1]}.items()
            for method, sure in (("default_ft", 0.8), ("scm", 0.5))
        ]
        found = read(records, "analysis.metric=brier")
        assert (of(found, "brier")["n"], of(found, "roc_auc_ovo")["n"]) == (3, 2)


class TestVariants:
    def test_each_method_is_held_against_the_default_of_its_own_settings_which_is_named(self):
        records = [
            record(dataset, method, {"brier": brier}, finetune={"lr": lr}, seed=0)
            for dataset in "ab"
            for lr, shift in ((1e-4, 0.0), (1e-3, 0.1))
            for method, brier in (("default_ft", 0.2 + shift), ("scm", 0.21 + shift))
        ]
        found = read(records)
        rows = found.tables["resolves"]
        rows = rows[(rows["score"] == "brier") & (rows["step"] == "chosen")].set_index("method")
        pairs = rows[rows.index.str.startswith("scm")]
        assert pairs["mean"].tolist() == pytest.approx([-0.01, -0.01])
        assert len(set(pairs["against"])) == 2
        assert section(found).table["minus"].to_dict().items() >= pairs["against"].to_dict().items()


class TestSentences:
    def test_marks_are_counted_beside_what_chance_marks(self):
        text = section(read(units())).text
        assert "beyond 2 standard errors, as are 2 of 4 comparisons of both steps" in text
        assert f"chance alone marks {4 * chance_of_resolving(3):.1f} on average" in text
        assert "After Holm's correction over all none is below 0.05." in text

    def test_what_remains_after_correction_is_named(self):
        text = section(read(units(), "analysis.alpha=0.5")).text
        assert "After Holm's correction below 0.5: scm Brier score chosen (0.14" in text

    def test_the_last_step_has_a_table_of_its_own(self):
        found = read(units(later=-0.1))
        assert section(found, resolves_last).table.loc["scm"].tolist()[-1] == "+70.0±5.8*"
        assert section(found).table.columns.tolist() == [
            "ROC-AUC ×1000", "negated Brier score ×1000",
        ]  # fmt: skip
