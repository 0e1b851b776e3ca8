"""Scales, groups, ablation, quality, completeness: how records are read when asked otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_records import failed, made

from bench.analysis.answer import answer
from bench.analysis.complete import IMPUTED, absent_units, complete
from bench.analysis.frame import frame
from bench.analysis.groups import by_group, datasets, groups_of
from bench.analysis.measures import improvements, summary
from bench.analysis.mixing import differences, ways
from bench.analysis.quality_gains import ALL, gains_by_quality
from bench.analysis.reliability import runs
from bench.analysis.settings import Impute, Normalization, settings
from bench.analysis.significance import wilcoxon_tests
from bench.errors import BadInput
from bench.phrases import percent
from bench.report import verdict
from bench.report.readable import share
from bench.report.tables import sections
from bench.scores.roc_auc_ovo import roc_auc_ovo

QUICK = settings(["analysis.elo_rounds=1"])  # Elo has a bootstrap of its own


def unit(dataset: str, scores: dict[str, float], fold: int = 0, **more: Any) -> list[dict]:
    """Records of one unit; every method starts from the pre-trained score and ends at its own."""
    start = scores["pretrained"]
    return [
        made(dataset, m, [start] if m == "pretrained" else [start, s], fold=fold, **more)
        for m, s in scores.items()
    ]


# p is the pre-trained model's score; the unit's worst and best are 0.6 and 0.9.
WORKED = frame(unit("d", {"pretrained": 0.7, "default_ft": 0.6, "causalmixft": 0.9}))


class TestScales:
    @pytest.mark.parametrize(
        ("normalization", "default", "causal"),
        [
            ("minmax", -1 / 3, 2 / 3),  # (0.6 − 0.7) / 0.3, (0.9 − 0.7) / 0.3
            ("raw", -0.1, 0.2),
            ("pretrained_to_best", -0.5, 1.0),  # over 0.9 − 0.7
            ("error_reduction", -1 / 3, 2 / 3),  # over 1 − 0.7
        ],
    )
    def test_each_is_worked_by_hand(self, normalization: str, default: float, causal: float):
        gains = improvements(WORKED, roc_auc_ovo, Normalization(normalization)).set_index("method")
        assert gains["improvement"].to_dict() == pytest.approx(
            {"pretrained": 0.0, "default_ft": default, "causalmixft": causal}
        )

    @pytest.mark.parametrize("normalization", list(Normalization))
    def test_where_all_tie_it_is_zero_and_counted(self, normalization: Normalization):
        tied = frame(unit("d", {"pretrained": 0.7, "default_ft": 0.7, "scm": 0.7}))
        gains = improvements(tied, roc_auc_ovo, normalization)
        assert (gains["improvement"] == 0).all()
        assert gains["tied"].all()

    def test_a_loss_on_a_scale_without_length_has_no_size(self):
        """Nothing beats the pre-trained model: 0 to best is no scale."""
        cells = frame(unit("d", {"pretrained": 0.7, "default_ft": 0.6}))
        gains = improvements(cells, roc_auc_ovo, Normalization.pretrained_to_best).set_index(
            "method"
        )
        assert gains["improvement"].isna().to_dict() == {"pretrained": False, "default_ft": True}
        assert summary(gains.reset_index()).loc["default_ft", "undefined"] == 1


class TestSettings:
    @pytest.mark.parametrize(
        ("override", "told"),
        [
            ("analysis.nope=1", "There is no setting 'analysis.nope'"),
            ("analysis.normalization=rank", "expected 'minmax', 'raw', 'pre"),
            ("analysis.resamples=many", "analysis.resamples is 'many'; expected a whole number"),
            ("analysis.resamples=0", "analysis.resamples is 0; expected a whole number from 1"),
            ("analysis.confidence=95", "above 0, below 1"),
            ("analysis.rows=[3,1]", "in rising order"),
        ],
    )
    def test_what_is_no_setting_is_refused_in_a_sentence(self, override: str, told: str):
        with pytest.raises(BadInput) as refusal:
            settings([override])
        assert told in str(refusal.value)
        assert "\n" not in str(refusal.value)

    def test_an_override_is_read(self):
        assert settings(["analysis.impute=worst"]).impute == Impute.worst
        assert settings().impute == Impute.none


class TestCompleteness:
    RECORDS = (
        *unit("a", {"pretrained": 0.7, "default_ft": 0.8, "scm": 0.6}),
        *unit("b", {"pretrained": 0.7, "default_ft": 0.8}),
        failed("b", "scm"),
    )

    def test_a_failure_takes_its_unit_out_unless_asked_otherwise(self):
        kept, left_out = complete(frame(self.RECORDS))
        assert set(kept["dataset"]) == {"a"}
        assert left_out.set_index("method")["status"].to_dict() == {
            "pretrained": "done",
            "default_ft": "done",
            "scm": "failed",
        }

    def test_imputed_is_the_worst_of_the_unit_and_marked(self):
        kept, left_out = complete(frame(self.RECORDS), Impute.worst)
        made_up = kept[kept["status"] == IMPUTED]
        assert made_up[
            ["dataset", "method", "score_chosen", "score_pretrained"]
        ].to_numpy().tolist() == [
            ["b", "scm", 0.7, 0.7]  # the pre-trained model's, the worst of 0.7 and 0.8
        ]
        assert left_out.empty

    def test_what_never_ran_has_no_reading_of_early_stopping(self):
        kept, _ = complete(frame(self.RECORDS), Impute.worst)
        scm = runs(kept).query("method == 'scm'")
        assert scm["dataset"].tolist() == ["a"]

    def test_a_unit_without_any_record_is_noticed(self):
        records = [
            *unit("a", {"pretrained": 0.7, "default_ft": 0.8}),
            *unit("a", {"pretrained": 0.7, "default_ft": 0.8}, fold=1),
            *unit("b", {"pretrained": 0.7, "default_ft": 0.8}, fold=1),
        ]
        assert absent_units(frame(records)).to_numpy().tolist() == [["b", 0, 0]]


class TestGroups:
    def test_datasets_are_grouped_by_their_facts(self):
        cells = frame(
            [
                made("a", "pretrained", [0.5]),
                made(
                    "z",
                    "pretrained",
                    [0.5],
                    data={
                        "rows": {"train": 600, "validation": 150, "test": 250},
                        "features": 4,
                        "categorical": 4,
                        "classes": 3,
                        "notes": [],
                    },
                ),
                failed("q", "pretrained"),
            ]
        )
        groups = groups_of(cells, settings())
        assert groups.loc["a"].to_list() == [
            "healthcare",
            "below 300",
            "binary",
            "25% to below 75%",
        ]
        assert groups.loc["z"].to_list() == ["finance", "1000 or more", "multiclass", "75% or more"]
        assert groups.loc["q", ["rows", "target", "categorical"]].to_list() == ["unknown"] * 3

    def test_edges_are_told_as_they_were_given(self):
        cells = frame([made("a", "pretrained", [0.5])])
        chosen = ["analysis.categorical_share=[.001,.004]", "analysis.rows=[100000,1000000]"]
        groups = groups_of(cells, settings(chosen))
        assert groups.loc["a", ["rows", "categorical"]].to_list() == [
            "below 100000",
            "0.4% or more",
        ]
        assert (share(0.004), share(0.996), percent(0.999)) == ("<1%", ">99%", "99.9%")
        assert (share(0.0), share(1.0), share(0.25), percent(0.95)) == ("0%", "100%", "25%", "95%")

    def test_a_groups_numbers_are_the_wholes_restricted(self):
        records = [
            *unit("a", {"pretrained": 0.7, "default_ft": 0.8, "scm": 0.6}),
            *unit("z", {"pretrained": 0.7, "default_ft": 0.6, "scm": 0.8}),
        ]
        kept, _ = complete(frame(records))
        gains = improvements(kept, roc_auc_ovo)
        table = by_group(gains, runs(kept), settings())
        row = table.query("grouping == 'domain' and group == 'finance' and method == 'scm'")
        (found,) = row[["rank", "median", "datasets"]].to_numpy().tolist()
        assert found == pytest.approx([1.0, 0.5, 1])

    def test_duplicated_test_rows_are_counted_by_table(self):
        table = datasets(frame(unit("a", {"pretrained": 0.7, "default_ft": 0.8})))
        assert table.loc["a", ["duplicates", "duplicate_share"]].to_list() == [1, 1 / 50]


class TestAblation:
    # mixed − alone: a 0.80 − 0.70, b 0.66 − 0.64; mean (0.10 + 0.02) / 2, SE 0.08 / √2 / √2
    # bootstrap − SCM, both mixed: a 0.75 − 0.80, b 0.68 − 0.66
    RECORDS = (
        *unit("a", {"pretrained": 0.6, "causalmixft": 0.8, "scm": 0.7, "bootstrap": 0.75}),
        *unit("b", {"pretrained": 0.6, "causalmixft": 0.66, "scm": 0.64, "bootstrap": 0.68}),
    )

    def test_what_mixing_does_and_what_the_rows_do(self):
        table = differences(improvements(frame(self.RECORDS), roc_auc_ovo)).set_index("question")
        assert table.loc["mixing", ["generator", "minus"]].to_list() == ["SCM", "SCM alone"]
        assert table.loc["mixing", ["mean", "se"]].to_list() == pytest.approx([0.06, 0.04])
        assert table.loc["rows", ["generator", "minus"]].to_list() == [
            "Bootstrap mixed",
            "SCM mixed",
        ]
        assert table.loc["rows", "mean"] == pytest.approx((-0.05 + 0.02) / 2)

    def test_every_way_has_a_row(self):
        table = ways(improvements(frame(self.RECORDS), roc_auc_ovo))
        assert table[["generator", "mixing", "methods"]].to_numpy().tolist() == [
            ["Bootstrap", "mixed", "bootstrap"],
            ["SCM", "synthetic", "scm"],
            ["SCM", "mixed", "causalmixft"],
        ]
        assert table["rank"].to_list() == [1.5, 3.0, 1.5]  # over a and b, pretrained being last

    def test_without_generators_there_is_none(self):
        gains = improvements(frame(unit("a", {"pretrained": 0.6, "default_ft": 0.7})), roc_auc_ovo)
        assert differences(gains).empty
        assert ways(gains).empty


class TestQuality:
    def test_measures_are_correlated_with_gains(self):
        records = [made(f"d{i}", "pretrained", [0.5]) for i in range(6)]
        for i in range(6):
            measures = {"tstr_roc_auc": 0.5 + i / 20, "copies": 0.0}
            records.append(
                made(f"d{i}", "scm", [0.5, 0.5 + i / 100], synthetic={"quality": measures})
            )
        table = gains_by_quality(improvements(frame(records), roc_auc_ovo)).set_index("measure")
        assert table.loc["tstr_roc_auc", "spearman_raw_gain"] == pytest.approx(1.0)
        assert table.loc["tstr_roc_auc", "median"] == pytest.approx(0.625)
        assert np.isnan(table.loc["copies", "spearman_raw_gain"])  # it varies in nothing
        assert ALL not in set(table["method"])

    def test_records_without_measures_have_none(self):
        assert gains_by_quality(improvements(WORKED, roc_auc_ovo)).empty


class TestVerdict:
    def test_what_is_not_resolved_is_not_claimed(self):
        rng = np.random.default_rng(0)
        records = [
            record
            for i in range(6)
            for record in unit(
                f"d{i}",
                {
                    "pretrained": 0.7,
                    **{m: 0.7 + rng.normal(0, 0.01) for m in ("default_ft", "scm")},
                },
            )
        ]
        told = " ".join(verdict.headline(answer(frame(records), QUICK, roc_auc_ovo)))
        assert "the ranks cannot be told from chance" in told
        assert "No method's test ROC-AUC differs from default_ft's" in told

    def test_what_is_resolved_is_named(self):
        records = [
            record
            for i in range(12)
            for record in unit(
                f"d{i:02}", {"pretrained": 0.6, "default_ft": 0.7 + i / 1e4, "scm": 0.8}
            )
        ]
        told = " ".join(verdict.headline(answer(frame(records), QUICK, roc_auc_ovo)))
        assert "scm has the best average rank (1.00 of 3)" in told
        assert "it can be told from default_ft, pretrained" in told
        assert "differs by more than twice its standard error for scm +99.45" in told

    def of(self, *scores: dict[str, float]) -> str:
        """The headline of one dataset, a fold each."""
        records = [r for i, s in enumerate(scores) for r in unit("credit", s, fold=i)]
        return " ".join(verdict.headline(answer(frame(records), QUICK, roc_auc_ovo)))

    def test_where_all_tie_none_is_best(self):
        equal = dict.fromkeys(["pretrained", "default_ft", *"abcdefg"], 0.7)
        told = self.of(equal, equal)
        assert (
            "All 9 methods have the same mean test ROC-AUC on the one table: none is best" in told
        )
        assert "0% of the runs, whatever the method" in told
        assert "average rank" not in told
        two = [*unit("a", equal), *unit("b", equal)]
        told = " ".join(verdict.headline(answer(frame(two), QUICK, roc_auc_ovo)))
        assert "on each of the 2 datasets: none is best" in told

    def test_who_share_the_best_rank_are_all_named(self):
        records = [
            *unit("a", {"pretrained": 0.6, "default_ft": 0.8, "scm": 0.7}),
            *unit("b", {"pretrained": 0.6, "default_ft": 0.7, "scm": 0.8}),
        ]
        read = answer(frame(records), QUICK, roc_auc_ovo)
        told = " ".join(verdict.headline(read))
        assert "default_ft and scm share the best average rank (1.50 of 3): none of them" in told
        (section,) = (s for s in sections(read) if s.key == "certainty")
        assert section.table is not None
        assert "Nemenyi p against the best" not in section.table

    def test_one_table_names_no_winner(self):
        """default_ft − pretrained: +0.2, −0.2 and +0.3 thousandths; mean 0.1, SE 0.153."""
        told = self.of(
            {"pretrained": 0.7, "default_ft": 0.7002},
            {"pretrained": 0.7, "default_ft": 0.6998},
            {"pretrained": 0.7, "default_ft": 0.7003},
        )
        assert "One table, credit, with 3 folds names no winner" in told
        assert "between 0.7000 (pretrained) and 0.7001 (default_ft)" in told
        assert "+0.10 ± 0.15 (ROC-AUC ×1000" in told
        assert "Every difference is below what these folds resolve: the largest is" in told
        assert "best" not in told
        assert "improvement" not in told

    def test_what_one_tables_runs_resolve_is_a_hint(self):
        told = self.of(*({"pretrained": 0.7, "scm": 0.8 + i / 1000} for i in range(3)))
        assert "+101.00 ± 0.58" in told
        assert "a hint about this table, no finding" in told

    def test_each_pair_of_one_table_is_held_against_its_own_error(self):
        """noise − pretrained is the largest, and the one whose folds disagree."""
        told = self.of(
            {"pretrained": 0.7, "scm": 0.7010, "noise": 0.7500},
            {"pretrained": 0.7, "scm": 0.7012, "noise": 0.6800},
            {"pretrained": 0.7, "scm": 0.7011, "noise": 0.7000},
        )
        assert "apart: scm over pretrained +1.10 ± 0.06 (ROC-AUC ×1000" in told
        assert "1 of 3 pairs, where chance alone gives 18% of them" in told

    def test_one_run_tells_nothing(self):
        told = self.of({"pretrained": 0.7, "scm": 0.8})
        assert "with 1 fold names no winner" in told
        assert "a single fold tells no difference from chance" in told

    def test_one_tables_tables_have_no_average_ranks(self):
        cells = frame(unit("credit", {"pretrained": 0.7, "scm": 0.7001}))
        shown = sections(answer(cells, QUICK, roc_auc_ovo))
        printed = " ".join(
            f"{s.text} {list(s.table) if s.table is not None else ''}" for s in shown[:2]
        )
        assert "average rank" not in printed
        assert "Of one dataset a rank is the order of its means" in printed
        assert "Its folds resolve no difference: improvements on it are noise too." in printed
        assert "Below 0.001 read the ROC-AUC gain, not the improvement" in printed

    def test_a_range_too_small_to_normalize_is_told_in_raw_gains(self):
        records = [
            r
            for i, d in enumerate("abc")
            for r in unit(d, {"pretrained": 0.7, "default_ft": 0.6999, "scm": 0.7001 + i / 1e5})
        ]
        told = verdict.headline(answer(frame(records), QUICK, roc_auc_ovo))[0]
        assert "scm has the best average rank" in told
        assert "a mean gain of +0.11 [+0.10, +0.12] in ROC-AUC ×1000" in told
        assert "within 0.0002 ROC-AUC of one another" in told
        assert "median improvement" not in told

    @pytest.mark.long
    def test_what_counts_as_small_is_set(self):
        records = [
            r for d in "ab" for r in unit(d, {"pretrained": 0.7, "default_ft": 0.6, "scm": 0.8})
        ]

        def told(*overrides: str) -> str:
            chosen = settings(["analysis.elo_rounds=1", *overrides])
            return " ".join(verdict.headline(answer(frame(records), chosen, roc_auc_ovo)))

        assert "a median improvement of +0.500" in told()
        assert "a mean gain of +100.00" in told("analysis.small_difference=0.3")

    def test_an_improvement_that_does_not_exist_is_not_told(self):
        """Nothing beats the pre-trained model, which is no method here: there is no scale."""
        records = [
            r for d in "ab" for r in unit(d, {"pretrained": 0.7, "default_ft": 0.6, "scm": 0.5})
        ]
        cells = frame([r for r in records if r["cell"]["method"] != "pretrained"])
        read = answer(
            cells,
            settings(["analysis.normalization=pretrained_to_best", "analysis.elo_rounds=1"]),
            roc_auc_ovo,
        )
        told = " ".join(verdict.headline(read))
        assert "nan" not in told.replace("nano", "")
        assert "default_ft has the best average rank" in told
        assert "a mean gain of -100.00" in told

    def test_the_pretrained_model_alone_is_compared_with_nothing(self):
        told = self.of({"pretrained": 0.7})
        assert "pretrained is the only method: there is nothing to compare it with" in told

    def test_nothing_complete_is_said(self):
        cells = frame([made("a", "default_ft", [0.5, 0.6]), made("b", "scm", [0.5, 0.6])])
        (told,) = verdict.headline(answer(cells, QUICK, roc_auc_ovo))
        assert "nothing to compare yet" in told


def test_the_answer_reads_cells_in_any_order():
    records = [*TestAblation.RECORDS, *unit("c", {"pretrained": 0.6, "causalmixft": 0.7})]
    one = answer(frame(records), QUICK, roc_auc_ovo)
    two = answer(frame(records[::-1]), QUICK, roc_auc_ovo)
    for name in ("summary", "per_dataset", "paired", "groups"):
        pd.testing.assert_frame_equal(one.tables[name], two.tables[name])
    pd.testing.assert_frame_equal(wilcoxon_tests(one.kept), wilcoxon_tests(two.kept))
