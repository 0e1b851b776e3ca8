"""Every stopping rule is read from the curves that are there, by the function that stops a run."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from documents import ROOT
from made_records import made

from bench.analysis.answer import Answer, answer
from bench.analysis.frame import frame, metric_of
from bench.analysis.resolves import Told
from bench.analysis.rules import ALL, ByRule, by_rule, position
from bench.analysis.settings import settings
from bench.cell.store import Store
from bench.errors import BadInput
from bench.finetune.stopping import RULES
from bench.report.tables.rules import rules as section
from bench.scores import SCORES
from bench.scores.brier import brier
from bench.scores.log_loss import log_loss
from bench.scores.roc_auc_ovo import roc_auc_ovo

Record = dict[str, Any]


def run(
    dataset: str, test: list[float], validation: list[float], losses: list[float], **more: Any
) -> Record:
    """A run that chose by validation ROC-AUC."""
    chosen = validation.index(max(validation))
    record = made(dataset, "default_ft", test, validation=validation, chosen=chosen, **more)
    record["curves"]["validation"]["log_loss"] = losses
    return record


def four() -> list[Record]:
    """Two tables of two folds; in the second fold of `bad` the best step has a worse log-loss."""
    better, up = [0.6, 0.5, 0.4], [0.7, 0.8, 0.9]
    return [
        run("bad", [0.70, 0.71, 0.72], up, better, fold=0),
        run("bad", [0.70, 0.73, 0.60], up, [0.6, 0.5, 0.7], fold=1),
        run("good", [0.80, 0.84, 0.86], up, better, fold=0),
        run("good", [0.80, 0.84, 0.82], [0.9, 0.8, 0.8], better, fold=1),
    ]


def read(records: list[Record], asked: tuple[str, ...] = (), metric: str | None = None) -> ByRule:
    of = metric_of(records, metric)
    return by_rule(frame(records, metric=of), Told(records), of, asked)


def row(found: ByRule, rule: str, method: str = ALL) -> pd.Series:
    (of,) = found.table.query("method == @method and rule == @rule").to_dict("records")
    return pd.Series(of)


@cache
def kept(name: str) -> list[Record]:
    records, faults = Store(ROOT / "results" / "reference" / name).survey()
    assert not faults
    return records


class TestByHand:
    # Gains ×1000 of the four runs, in their order.
    @pytest.mark.parametrize(
        ("rule", "gains"),
        [
            ("roc_auc_ovo", (20, -100, 60, 0)),
            ("log_loss", (20, 30, 60, 20)),
            ("roc_auc_ovo_veto", (20, 0, 60, 0)),
            ("until_worse", (20, 30, 60, 0)),
            ("smoothed", (20, -100, 60, 0)),
            ("last", (20, -100, 60, 20)),
            ("never", (0, 0, 0, 0)),
            ("oracle", (20, 30, 60, 40)),
        ],
    )
    def test_each_rule_on_four_runs(self, rule: str, gains: tuple[int, ...]):
        of = row(read(four()), rule)
        by_table = np.array(gains).reshape(2, 2)
        best = np.array([[20, 30], [60, 40]])
        own = np.array([[20, -100], [60, 0]])
        expected = {
            "gain": by_table / 1000,
            "over_own": (by_table - own) / 1000,
            "harm": by_table < 0,
            "regret": (best - by_table) / 1000,
        }
        for measure, values in expected.items():
            means = values.mean(axis=1)
            assert of[measure] == pytest.approx(means.mean(), abs=1e-12)
            assert of[f"{measure}_se"] == pytest.approx(abs(means[0] - means[1]) / 2, abs=1e-12)
        assert of["worst"] == pytest.approx(min(gains) / 1000)  # a quarter of four is one
        assert of["runs"] == 4

    def test_the_worst_quarter_counts_a_run_in_part(self):
        """Of six runs it is one and a half: the worst, and half of the next."""
        tests = [[0.5, 0.5 + gain] for gain in (-0.3, -0.1, 0.0, 0.1, 0.2, 0.3)]
        records = [run("one", t, [0.5, 0.6], [0.6, 0.5], fold=i) for i, t in enumerate(tests)]
        of = row(read(records), "last")
        assert of["worst"] == pytest.approx((-0.3 - 0.1 / 2) / 1.5)
        assert np.isnan(of["worst_se"])

    def test_runs_are_averaged_within_tables_first(self):
        many = [run("bad", [0.7, 0.6], [0.7, 0.8], [0.6, 0.5], fold=i) for i in range(9)]
        alone = run("good", [0.7, 0.9], [0.7, 0.8], [0.6, 0.5])
        of = row(read([*many, alone]), "last")
        assert (of["gain"], of["harm"]) == pytest.approx((0.05, 0.5))

    def test_of_log_loss_less_is_a_gain(self):
        records = four()
        for record in records:
            losses = record["curves"]["validation"]["log_loss"]
            record["curves"]["test"]["log_loss"] = losses
            for when, at in (("pretrained", 0), ("chosen", record["chosen_step"] // 2)):
                record["metrics"][when]["test"]["log_loss"] = losses[at]
        of = row(read(records, metric="log_loss"), "last")
        assert of["gain"] == pytest.approx((0.2 - 0.1 + 0.2 + 0.2) / 4)
        assert of["harm"] == 0.25


class TestWhatCannotBeTold:
    def test_without_its_curve_a_rule_is_left_out_and_says_why(self):
        bare = [made("bare", "default_ft", [0.7, 0.8]), *four()]
        found = read(bare)
        assert set(found.table["rule"]) == {"roc_auc_ovo", "smoothed", "last", "never", "oracle"}
        why = "1 of 5 runs hold no validation curves of ROC-AUC and log-loss"
        assert found.left_out["roc_auc_ovo_veto"] == why
        with pytest.raises(BadInput, match=f"cannot tell 'log_loss'.*{why[:20]}.*roc_auc_ovo,"):
            read(bare, ("log_loss",))

    def test_a_rule_that_is_none_is_a_sentence(self):
        with pytest.raises(BadInput, match="no stopping rule 'lasst'; did you mean 'last'"):
            read(four(), ("lasst",))
        with pytest.raises(BadInput, match=r"analysis\.rules: .*oracle\.$"):
            answer(frame(four()), settings(["analysis.rules=[veto]"]), roc_auc_ovo)

    def test_those_that_are_asked_for_are_shown_alone(self):
        assert list(read(four(), ("never", "last")).table["rule"].unique()) == ["last", "never"]

    @pytest.mark.long
    def test_a_score_without_a_curve_is_read_where_it_was_recorded(self):
        """Of Brier's there are the pre-trained model's, the chosen step's and the last one's."""
        few = deepcopy(kept("ablation")[:40])
        for record in few:  # as before that score was drawn
            for part in ("validation", "test"):
                record["curves"].get(part, {}).pop("brier", None)
        found = read(few, metric="brier")
        told = {"roc_auc_ovo", "roc_auc_ovo_veto", "last", "never"}  # of recorded steps alone
        assert told <= set(found.table["rule"])
        assert not {"log_loss", "oracle"} & set(found.table["rule"])
        assert "Brier score has no curve" in found.left_out["log_loss"]
        assert found.left_out["oracle"] == "Brier score has no curve"
        assert found.table["regret"].isna().all()
        cells = frame(few, metric=brier).query("method != 'pretrained'")
        means = (cells["score_last"] - cells["score_pretrained"]).groupby(cells["dataset"]).mean()
        assert row(found, "last")["gain"] == pytest.approx(means.mean())

    def test_a_validation_part_of_one_class_is_read_by_its_log_loss(self):
        record = four()[0]
        record["curves"]["validation"] = {"roc_auc_ovo": [None] * 3, "log_loss": [0.6, 0.4, 0.5]}
        for name in ("roc_auc_ovo", "roc_auc_ovo_veto", "smoothed"):
            assert position(record, RULES[name]) == 1

    def test_a_run_that_ended_early_is_read_as_far_as_it_went(self):
        records = four()
        records[0]["settings"]["finetune"] = {"steps": 40}
        found = read(records)
        assert (found.stopped, found.runs) == (1, 4)
        told = shown(records)
        assert "Patience ended 1 of them early" in told.text

    def test_bags_are_not_read(self):
        bag = deepcopy(four()[0])
        bag["children"] = [{"chosen_step": 2}]
        found = read([bag, *four()[1:]])
        assert (found.bags, found.runs) == (1, 3)
        assert "Not read: 1 bag" in shown([bag, *four()[1:]]).text

    def test_without_runs_there_is_no_table(self):
        assert read([made("bad", "pretrained", [0.7])]).table.empty
        assert shown([made("bad", "pretrained", [0.7])]).text == "Left out: no record holds curves."


def shown(records: list[Record]) -> Any:
    quick = settings(["analysis.elo_rounds=1", "analysis.resamples=20"])
    of: Answer = answer(frame(records), quick, roc_auc_ovo, Told(records))
    return section.section(of, section.make(of))


class TestKeptRecords:
    """What the veto was found on: read anew from the records, without a run."""

    @pytest.mark.long
    @pytest.mark.parametrize(
        ("name", "runs", "own", "veto"),
        [
            ("pilot", 360, (32, 0.66), (20, 1.02)),
            ("ablation", 479, (37, 0.46), (25, 0.41)),
            ("embedded", 324, (34, 0.35), (20, 0.69)),
        ],
    )
    def test_the_veto_halves_no_gain_and_a_third_of_the_harm(
        self, name: str, runs: int, own: tuple[int, float], veto: tuple[int, float]
    ):
        found = read(kept(name))
        assert found.runs == runs
        for rule, expected in (("roc_auc_ovo", own), ("roc_auc_ovo_veto", veto)):
            of = row(found, rule)
            assert (round(100 * of["harm"]), round(1000 * of["gain"], 2)) == expected

    @pytest.mark.long
    @pytest.mark.parametrize("name", ["pilot", "ablation", "embedded"])
    def test_the_rule_that_stopped_a_run_gives_the_step_that_it_chose(self, name: str):
        tuned = [record for record in kept(name) if record["curves"]]
        for record in tuned:
            rule = RULES[record["settings"]["finetune"]["select_by"]]
            at = position(record, rule)
            assert record["curves"]["step"][at] == record["chosen_step"]
        of = row(read(tuned), "roc_auc_ovo")
        assert (of["over_own"], of["over_own_se"]) == (0, 0)


def test_every_drawn_score_has_a_rule() -> None:
    assert {log_loss.name, roc_auc_ovo.name} <= set(RULES) & set(SCORES)
