"""The verdict under every open reading, worked by hand on made records."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from made_records import made

from bench.analysis.answer import answer
from bench.analysis.complete import complete
from bench.analysis.frame import frame
from bench.analysis.readings import readings
from bench.analysis.resolves import Told
from bench.analysis.settings import settings
from bench.errors import BadInput
from bench.report.tables import filled
from bench.report.tables.readings import readings as table_of
from bench.scores.log_loss import log_loss
from bench.scores.roc_auc_ovo import roc_auc_ovo

QUICK = settings(["analysis.elo_rounds=1", "analysis.resamples=100"])
ALL = settings(["analysis.elo_rounds=1", "analysis.resamples=100", "analysis.readings=all"])
TABLES = ("heart", "zoo", "wine")
# Test scores of the three evaluations; the second is chosen, and the pre-trained model's is 0.7.
DEFAULT, CAUSAL = [0.7, 0.71, 0.68], [0.7, 0.74, 0.66]


def ran(table: str, method: str, curve: list[float], ovr: float | None = None) -> dict[str, Any]:
    """A record whose validation score is best at the second evaluation; ``ovr``: one-vs-rest's."""
    record = made(table, method, curve, validation=[0.6, 0.7, 0.65][: len(curve)], chosen=-2)
    if len(curve) == 1:
        record["metrics"]["chosen"] = record["metrics"]["pretrained"]
    for when, value in {"pretrained": 0.6, "chosen": ovr}.items():
        if ovr is not None:
            record["metrics"][when]["test"]["roc_auc_ovr"] = value
    return record


def records(ovr: tuple[float, float] | None = (0.65, 0.62)) -> list[dict[str, Any]]:
    """Three tables that are alike, so that an interval is its number."""
    default, causal = ovr or (None, None)
    return [
        record
        for table in TABLES
        for record in (
            ran(table, "pretrained", [0.7], ovr and 0.6),
            ran(table, "default_ft", DEFAULT, default),
            ran(table, "causalmixft", CAUSAL, causal),
        )
    ]


def read(of: list[dict[str, Any]]) -> tuple[pd.DataFrame, dict[str, str]]:
    cells, _ = complete(frame(of))
    found = readings(cells, Told(of), roc_auc_ovo, QUICK)
    return found.table.set_index(["question", "reading"]), found.left_out


class TestReadings:
    @pytest.mark.parametrize(
        ("reading", "difference", "stays"),
        [
            (("normalization", "minmax"), 0.03 / 0.04, True),  # of a range from 0.70 to 0.74
            (("normalization", "raw"), 0.03, True),
            (("normalization", "pretrained_to_best"), 0.03 / 0.04, True),
            (("normalization", "error_reduction"), 0.03 / 0.3, True),
            # One-vs-rest has default fine-tuning at 0.65 and the causal mix at 0.62, from 0.6.
            (("multiclass score", "roc_auc_ovr"), -0.03 / 0.05, False),
            # At the last step they are at 0.68 and 0.66, from 0.7.
            (("stopping rule", "last"), -0.02 / 0.04, False),
        ],
    )
    def test_the_median_improvement_is_held_against_default_fine_tunings(
        self, reading: tuple[str, str], difference: float, stays: bool
    ):
        row = read(records())[0].loc[reading]
        assert row["difference_default_ft"] == pytest.approx(difference)
        assert (row["low_default_ft"], row["high_default_ft"]) == pytest.approx([difference] * 2)
        assert row["sign_stays_default_ft"] == row["certainty_stays_default_ft"] == stays
        assert row["is_default"] == (reading[1] == "minmax")

    def test_and_against_the_pre_trained_model(self):
        found, _ = read(records())
        assert found.loc[("normalization", "raw"), "difference_pretrained"] == pytest.approx(0.04)
        last = found.loc[("stopping rule", "last")]
        assert last["difference_pretrained"] == pytest.approx(-1.0)
        assert not last["sign_stays_pretrained"]

    def test_spreads_and_gaps_have_a_default_of_their_own(self):
        found, _ = read(records())
        assert found[found["is_default"]].index.tolist() == [
            ("normalization", "minmax"), ("spread", "iqr"), ("gap", "correlation_gap"),
        ]  # fmt: skip
        assert found.loc["spread", "difference_default_ft"].tolist() == [0.0, 0.0, 0.0]
        # Validation rises by 0.1 either way; normalized gains of the test part are 0.25 and 1.
        assert found.loc[("gap", "normalized_gap"), "difference_default_ft"] == pytest.approx(-0.75)
        assert found.loc["spread", "difference_pretrained"].isna().all()

    def test_a_spread_is_one_of_the_runs_improvements(self):
        """Raw: 0.04, 0.07 and 0.01 of the causal mix, 0.01 each of default fine-tuning."""
        scattered = records()
        for record, score in zip(scattered[2::3], (0.74, 0.77, 0.71), strict=True):
            record["metrics"]["chosen"]["test"]["roc_auc_ovo"] = score
        raw = settings(["analysis.normalization=raw", "analysis.resamples=100"])
        cells, _ = complete(frame(scattered))
        found = readings(cells, Told(scattered), roc_auc_ovo, raw).table.set_index("reading")
        assert found.loc[["iqr", "std", "mad"], "difference_default_ft"].tolist() == (
            pytest.approx([0.03, 0.03, 0.03])
        )
        assert found.loc["raw", "is_default"]

    def test_what_the_records_cannot_tell_is_left_out_with_its_reason(self):
        found, left_out = read(records(ovr=None))
        assert "roc_auc_ovr" not in found.index.get_level_values("reading")
        assert left_out["roc_auc_ovr"] == "not all records hold ROC-AUC (one-vs-rest)"
        assert left_out["log_loss"] == "6 runs hold no validation curves that it reads"

    def test_the_rule_that_the_runs_were_stopped_by_is_no_other_reading(self):
        assert "roc_auc_ovo" not in read(records())[0].index.get_level_values("reading")

    def test_of_another_score_there_is_no_multiclass_reading(self):
        of = [
            made(t, m, [0.5, 0.4], metric=log_loss)
            for t in TABLES
            for m in ("default_ft", "causalmixft")
        ]
        cells, _ = complete(frame(of))
        assert "multiclass score" not in set(
            readings(cells, Told(of), log_loss, QUICK).table["question"]
        )

    def test_without_a_causal_mix_there_is_nothing_to_tell(self):
        cells, _ = complete(frame([r for r in records() if r["cell"]["method"] != "causalmixft"]))
        with pytest.raises(BadInput, match=r"mixes causal rows in .*methods: default_ft, pre"):
            readings(cells, Told(records()), roc_auc_ovo, QUICK)

    def test_without_default_fine_tuning_the_pre_trained_model_is_left(self):
        found, _ = read([r for r in records() if r["cell"]["method"] != "default_ft"])
        assert found["difference_default_ft"].isna().all()
        assert found.loc[("normalization", "raw"), "difference_pretrained"] == pytest.approx(0.04)


@pytest.mark.long
def test_the_table_counts_in_how_many_readings_the_sign_holds() -> None:
    read = answer(frame(records()), ALL, roc_auc_ovo, Told(records()))
    section = table_of.section(read, table_of.make(read))
    assert section.table is not None
    assert section.table.loc["raw"].tolist() == [
        "improvement", "+0.03 [+0.03, +0.03]", "both", "+0.04 [+0.04, +0.04]", "both",
    ]  # fmt: skip
    assert section.table.loc["minmax (default)", "default_ft: kept"] == "–"
    assert section.table.loc["stopped by last step", "default_ft: kept"] == "neither"
    # Not by one-vs-rest, not at the last step, and of the normalized gap, where the other one is 0.
    assert (
        "causalmixft minus default_ft: the sign of the default holds in 5 of 8 other readings, and "
        "the interval excludes 0 in 7 of all 11." in section.text
    )
    assert "cannot tell: brier, log_loss" in section.text


@pytest.mark.long
def test_it_is_made_where_it_is_asked_for() -> None:
    read = answer(frame(records()), QUICK, roc_auc_ovo, Told(records()))
    assert "all_readings" not in {table.key for table, _ in filled(read)}


def test_another_word_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"analysis\.readings is 'every'; expected 'one' or 'all'"):
        settings(["analysis.readings=every"])
