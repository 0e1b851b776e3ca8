"""The chapter on transfer: worked by hand on made records, and apart from all other chapters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_experiment import experiment
from made_records import adapted, failed, made
from made_transfers import OTHER_SIDE, TARGETS, moved, study
from outputs import Reported, in_all_outputs

from bench.analysis.settings import settings
from bench.analysis.transfer.answer import Answer, answer
from bench.analysis.variants import names
from bench.cell.store import Store
from bench.errors import BadInput
from bench.report import tables as room
from bench.report.chapter import chapters
from bench.report.contents import contents
from bench.report.figures import drawings
from bench.report.table import TableOf
from bench.report.transfer.chapter import transfer_chapter
from bench.report.transfer.figures import glance, heat_map, learning_curves
from bench.report.transfer.question import replies
from bench.report.transfer.reading import Reading
from bench.report.transfer.tables import tables
from bench.report.write import report
from bench.scores.log_loss import log_loss
from bench.scores.roc_auc_ovo import roc_auc_ovo

QUICKLY = ["analysis.resamples=200", "analysis.elo_rounds=2"]
QUICK = settings(QUICKLY)
# Mean gains over targets; a target's lies 6, 2, −2 or −6 thousandths off, a corpus' 1 either way.
MEANS = {"real": 0.010, "causal": 0.014, "bootstrap": 0.008, "noise": 0.004, "permuted": -0.010}
NEARER = 0.020  # more from the target's own domain
NASTY = "<script>alert('x')</script> & no class"
Records = list[dict[str, Any]]


def gains(arm: str, target: str, seed: int) -> float:
    place = next(names.index(target) for names in TARGETS.values() if target in names)
    return round(MEANS[arm] + (2 * place - 3) / 500 + (2 * seed - 1) / 1000, 6)


def nearer(arm: str, target: str, seed: int) -> float:
    return gains(arm, target, seed) + NEARER


def all_records() -> Iterator[dict[str, Any]]:
    """Five arms and two corpora across domains; of some within, of all others, on the target."""
    yield from study(MEANS, gains, seeds=(0, 1))
    yield from study(["real", "causal"], nearer, seeds=(0, 1), within=True)
    yield moved("glass", "other", "real", 0.003, source="healthcare")
    for domain, targets in TARGETS.items():
        others = f"{OTHER_SIDE[domain]}+other"
        for target in targets:
            yield moved(target, domain, "real", 0.002, source=others)
            yield made(target, "default_ft", [0.8, 0.805])
            yield moved(target, domain, "causal", 0.02, OTHER_SIDE[domain], method="default_ft")
    yield adapted(failed("lung", "pretrained", NASTY), "ctgan") | {"transfer": None}


RECORDS = list(all_records())
PLAIN = [record for record in experiment() if record["cell"]["dataset"] in ("heart", "zoo")]


def read(records: Records, metric: Any = roc_auc_ovo) -> Answer:
    found = answer(records, QUICK, metric)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def reading() -> Reading:
    return Reading.of(read(RECORDS), RECORDS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, reading: Reading, pictures: None) -> Reported:
    store = Store(tmp_path_factory.mktemp("transfer") / "results")
    for record in RECORDS:
        store.write(record)
    few = [table for table in room.tables() if table.key == "summary"]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as printed:
        patch.setattr(room, "tables", lambda: few)
        assert report(store.root, QUICK) == 0
    told = transfer_chapter(store.survey()[0], QUICK)
    shown = {section.key.removeprefix(told.prefix): section for section in told.sections}
    numbers = {table.key: of for table, of in told.tables}
    return Reported(store.root / "report", printed.getvalue(), numbers, shown, told.prefix)


class TestValues:
    """What a section shows of an arm, a source or a target; of an interval, what stands before."""

    @pytest.mark.long
    @pytest.mark.parametrize(
        ("key", "row", "expected"),
        [
            ("matrix", {"": "Real rows", "from": "healthcare"}, {
                "to healthcare": r"\+30\.00 \[.*\]\*", "to finance": r"\+10\.00 \[.*\]",
                "to other": r"\+3\.00",  # of one target there is no interval
            }),
            ("matrix", {"": "Real rows", "from": "all other domains"}, {
                "to healthcare": r"\+2\.00 \[\+2\.00, \+2\.00\]", "to finance": r"\+2\.00 \[.*\]",
                "to other": "–",
            }),
            ("matrix", {"": "Permuted labels (control)", "from": "finance"}, {
                "to healthcare": r"-10\.00 \[.*\]", "to finance": "–",
            }),
            # 4 ± 6, 2: of eight targets two end at −2, and within a corpus at −3 and −1.
            ("robustness", {"": "Real + noise (null)"}, {
                "mean gain ×1000 [95% interval]": r"\+4\.00 \[.*\]",
                "harm [95% interval]": r"25% \[.*",
                "worst 25% of targets ×1000 [95% interval]": r"-2\.00 \[.*\]",
                "largest loss ×1000": r"-3\.00 \((heart|credit-g)\)",
                "accuracy kept": r"yes \(8 of 8\)",
            }),
            # −16, −12 and −8 are lost by more than 5.
            ("robustness", {"": "Permuted labels (control)"}, {"accuracy kept": r"no \(2 of 8\)"}),
            ("spread", {"": "Real rows"}, {
                "spread over corpora ×1000": r"1\.41",  # ±1 of two
                "transfer gap ×1000 [95% interval]": r"\+20\.00 \[.*\]",
                "losses above 5": "0%", "base model kept": "0%", "targets": "8", "corpora": "4",
                "runs": "16",
            }),
            ("spread", {"": "Permuted labels (control)"}, {
                "transfer gap ×1000 [95% interval]": "–", "losses above 5": "75%",
            }),
            # Eight of eight better: 2 of 2⁸, times the four arms.
            ("contrasts", {"": "Real + bootstrap (null)"}, {
                "difference ×1000 [95% interval]": r"\+6\.00 \[\+6\.00, \+6\.00\]",
                "p (Holm)": r"0\.031", "targets better / worse": "8 / 0 of 8", "corpora": "4",
            }),
            ("contrasts_last", {"": "Real rows"}, {
                "difference ×1000 [95% interval]": r"\+4\.00 \[.*\]",
            }),
            ("robustness_last", {"": "Real rows"}, {
                "mean gain ×1000 [95% interval]": r"\+10\.00 \[.*\]",
            }),
            ("robustness_elsewhere", {"": "Real rows", "direction": "within"}, {
                "mean gain ×1000 [95% interval]": r"\+30\.00 \[.*\]", "harm [95% interval]": "0%.*",
            }),
            ("robustness_elsewhere", {"": "Real rows", "direction": "to other"}, {
                "mean gain ×1000 [95% interval]": r"\+3\.00",
            }),
            ("checks", {"": "Sources whose labels are permuted do not help"}, {
                "holds": "yes", "mean gain ×1000 [95% interval]": r"-10\.00 \[.*\]",
                "targets": "8", "corpora": "4",
            }),
            ("checks", {"": "Tables of the target's own domain help"}, {
                "holds": "yes", "mean gain ×1000 [95% interval]": r"\+30\.00 \[.*\]",
            }),
            # Made with half of the gain.
            ("support", {"": "Real rows", "direction": "across"}, {
                "32 rows ×1000 [95% interval]": r"\+5\.00 \[.*\]",
                "all rows ×1000 [95% interval]": r"\+10\.00 \[.*\]", "targets": "8",
            }),
            ("on_target", {"": "Real + SCM rows"}, {
                "on the target": "Default fine-tuning", "direction": "across",
                "over base weights ×1000 [95% interval]": r"\+15\.00 \[.*\]", "targets": "8",
                "over not fine-tuning ×1000 [95% interval]": r"\+20\.00 \[.*\]", "runs": "8",
            }),
            # Half of what australian gains, whose records come first: 4 − 2.
            ("forgotten", {"": "Real + noise (null)", "from": "healthcare"}, {
                "mean gain ×1000 [95% interval]": r"\+1\.00 \[.*\]", "median step": "20",
                "base model kept": "0%", "held-out tables": "2", "corpora": "2",
            }),
            ("per_target", {"": "heart", "from": "finance"}, {
                "domain": "healthcare", "base model: ROC-AUC": r"0\.8000",
                "Real + noise (null)": r"-2\.00 \(100%\)", "Real + SCM rows": r"\+8\.00 \(0%\)",
                "corpora": "2", "folds": "1",
            }),
            ("unfinished", {"": "lung"}, {"arm": "ctgan", "status": "failed",
                                          "error": re.escape(NASTY)}),
            ("time", {"": "Real rows"}, {"median seconds of one": r"9\.5", "cells": "41"}),
        ],
    )  # fmt: skip
    def test_a_section_shows_what_was_worked_by_hand(
        self, key: str, row: dict[str, str], expected: dict[str, str], whole: Reported
    ) -> None:
        table = whole.sections[key].table
        assert table is not None
        named = table.reset_index(names="")
        (found,) = named[(named[list(row)] == pd.Series(row)).all(axis=1)].to_dict("records")
        told = {heading: found[heading] for heading in expected}
        assert {h: t for h, t in told.items() if not re.fullmatch(expected[h], t)} == {}

    def test_arms_stand_in_one_order_whatever_their_names(self, whole: Reported) -> None:
        table = whole.sections["robustness"].table
        assert table is not None
        assert list(table.index) == [
            "Real rows", "Real + SCM rows", "Real + bootstrap (null)", "Real + noise (null)",
            "Permuted labels (control)",
        ]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("table", tables(), ids=lambda table: table.key)
def test_a_table_is_in_all_outputs(table: TableOf[Any], whole: Reported) -> None:
    in_all_outputs(table, whole)


@pytest.mark.parametrize(
    ("key", "row", "heading", "cells"),
    [
        ("matrix", 0, "to finance", 8),  # four targets, two corpora
        ("contrasts", 0, "corpora", 32),  # of both arms
        ("robustness", 0, "accuracy kept", 16),
        ("per_target", 0, "Real rows", 2),
        ("checks", 0, "targets", 16),
        ("on_target", 0, "harm", 8),
    ],
)
def test_a_number_leads_to_the_cells_behind_it(
    key: str, row: int, heading: str, cells: int, whole: Reported, reading: Reading
) -> None:
    behind = whole.sections[key].behind(row, heading)
    assert behind is not None
    found = reading.cells
    for column, values in behind.items():
        found = found[found[column].astype(str).isin(values)]
    assert len(found) == cells
    assert set(found["counted"]) == {"yes"}


def test_words_and_what_is_not_there_lead_nowhere(whole: Reported) -> None:
    matrix = whole.sections["matrix"]
    assert matrix.behind(0, "from") is None
    assert matrix.table is not None
    assert matrix.table.iloc[-1]["to other"] == "–"
    assert matrix.behind(len(matrix.table) - 1, "to other") is None
    assert whole.sections["on_target"].behind(0, "on the target") is None
    assert whole.sections["checks"].behind(0, "holds") is None


class TestSentences:
    """The research question, by rule; with the numbers that decide."""

    def test_they_tell_of_causality_robustness_and_accuracy(self, reading: Reading) -> None:
        causal, robust, accurate, seen = replies(reading.answer)
        assert causal.told == "Causally generated rows make transfer across domains better"
        assert causal.because == (
            "real + SCM rows change test ROC-AUC ×1000 by +6.00 [+6.00, +6.00] over the better "
            "null, real + bootstrap; over real + noise, +10.00 [+10.00, +10.00] (8 targets, 4 "
            "corpora; p = 0.031, Wilcoxon and Holm, given these corpora)."
        )
        assert robust.because.startswith("of transfers with real + SCM rows 0% [0%, 0%] end below")
        assert "(real + bootstrap 0%, real rows 0%); on the worst 25% of targets" in robust.because
        assert "changes by +8.00 [" in robust.because
        assert robust.because.endswith("and the largest loss is +7.00 (credit-g).")
        assert accurate.told == "Accuracy is kept across domains"
        assert "against the base model, where no more than 5 may be lost" in accurate.because
        assert accurate.because.endswith("8 of 8 targets lose no more than that on average.")
        assert seen.told == "The controls behave as they must"
        assert [reply.table for reply in (causal, robust, accurate, seen)] == [
            "contrasts", "robustness", "robustness", "checks",
        ]  # fmt: skip

    @pytest.mark.long
    @pytest.mark.parametrize(
        ("means", "told"),
        [
            ({"causal": 0.002}, "Causally generated rows make transfer across domains worse"),
            # Between the two nulls.
            ({"causal": 0.006}, "Whether causally generated rows make transfer across domains "
             "better cannot be told"),
        ],
    )  # fmt: skip
    def test_the_other_answers(
        self, means: dict[str, float], told: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for arm, mean in means.items():
            monkeypatch.setitem(MEANS, arm, mean)
        found = replies(read(study(MEANS, gains, seeds=(0, 1))))[0]
        assert found.told == told
        # The interval leaves zero out, and the other null says otherwise.
        is_told = "cannot be told" not in told
        assert found.because.endswith("so that a verdict takes both.") == (not is_told)

    def test_one_null_alone_or_one_corpus_is_told(self) -> None:
        found = replies(read(study(["causal", "noise"], gains, seeds=(0,))))[0]
        assert (
            "over the only null with records, real + noise (8 targets, 2 corpora;" in found.because
        )
        assert "; of one corpus a source, what others would tell is not in" in found.because
        assert found.because.endswith("; a verdict takes both nulls.")

    @pytest.mark.parametrize(
        ("arms", "lacks"),
        [
            (["real"], "no record in context is of transfer=causal, transfer=bootstrap and "
             "transfer=noise."),
            (["causal"], "no record in context is of transfer=bootstrap and transfer=noise."),
        ],
    )  # fmt: skip
    def test_what_it_takes_and_is_not_there_is_named(self, arms: list[str], lacks: str) -> None:
        causal, robust, accurate, seen = replies(read(study(arms, gains, seeds=(0, 1))))
        assert causal.told.endswith("cannot be told here")
        assert causal.because.endswith(lacks)
        assert robust.told.endswith("cannot be told here") == ("causal" not in arms)
        assert accurate.told.endswith("cannot be told here") == ("causal" not in arms)
        assert seen.told == "Whether the controls behave as they must cannot be told"
        assert seen.because.startswith("of permuted labels there is no record and of tables")

    def test_an_experiment_that_fails_its_checks_says_so(self) -> None:
        helped = study(["permuted"], lambda *_: 0.01, seeds=(0, 1))
        assert replies(read(helped))[-1].told == "The controls do not behave as they must"

    def test_published_weights_that_were_kept_are_told(self) -> None:
        records = study(["causal"], gains, seeds=(0, 1))
        for record in records[:4]:
            record["transfer"] |= {"chosen_step": 0}
        assert replies(read(records))[1].because.endswith(
            "; in 25% of its runs no step was better on the held-out sources than none: their "
            "weights are the base model's, and harm nothing."
        )

    def test_of_numbers_the_error_in_deviations_is_read(self) -> None:
        numeric = study(["causal", "noise"], gains, seeds=(0, 1), numeric=True)
        chapter = transfer_chapter(numeric, QUICK)
        assert "negated RMSE / σ ×1000 by +10.00" in chapter.replies[0].because
        assert "RMSE / σ" in chapter.sections[0].text


class TestContents:
    """Records of transfer are no methods among methods."""

    def test_other_chapters_are_as_if_they_were_not_there(self) -> None:
        (alone,), _ = chapters(PLAIN, names(PLAIN), QUICK)
        (transfer, plain), untold = contents([*RECORDS[:80], *PLAIN], QUICK)
        assert untold == []
        assert (transfer.title, plain.title) == ("Transfer across domains", "Classification")
        assert (transfer.prefix, plain.prefix) == ("transfer-", "")
        assert [key.key for key, _ in plain.tables] == [key.key for key, _ in alone.tables]
        for (_, found), (_, expected) in zip(plain.tables, alone.tables, strict=True):
            pd.testing.assert_frame_equal(found, expected)
        assert plain.replies == alone.replies

    def test_alone_they_make_the_only_chapter(self) -> None:
        (chapter,), _ = contents(study(["real"], gains, seeds=(0, 1)), QUICK)
        assert chapter.title == ""
        assert {section.key.removeprefix("transfer-") for section in chapter.sections} == {
            table.key for table in tables() if table.empty
        } | {"robustness_last", "spread"}  # the others but `contrasts_last` and `elsewhere`

    def test_each_problem_has_one_of_its_own(self) -> None:
        both = [*study(["real"], gains, (0,)), *study(["real"], gains, (0,), numeric=True)]
        found, _ = contents(both, QUICK)
        assert [(chapter.title, chapter.prefix) for chapter in found] == [
            ("Transfer across domains: classification", "transfer-classification-"),
            ("Transfer across domains: regression", "transfer-regression-"),
        ]

    def test_a_score_of_the_other_problem_leaves_one_out_and_of_none_is_refused(self) -> None:
        both = [*study(["real"], gains, (0,)), *study(["real"], gains, (0,), numeric=True)]
        (chapter,), (left_out,) = contents(both, settings([*QUICKLY, "analysis.metric=log_loss"]))
        assert chapter.read.metric is log_loss
        assert left_out.startswith("Nothing is said of transfer (regression): analysis.metric=")
        with pytest.raises(BadInput, match="there is no such score"):
            contents(both, settings([*QUICKLY, "analysis.metric=nope"]))

    def test_where_another_score_is_read_than_was_asked_for_it_is_told(self) -> None:
        records = study(["real"], gains, (0,))
        for record in records:
            for when in record["metrics"].values():
                when["test"]["accuracy"] = 0.7
        asked = settings([*QUICKLY, "analysis.metric=accuracy"])
        (told,) = transfer_chapter(records, asked).warnings
        assert told.startswith("analysis.metric=accuracy: accuracy is not told of every number")
        assert told.endswith("so that transfer is read by ROC-AUC.")
        assert transfer_chapter(records, QUICK).warnings == []

    def test_failures_alone_make_a_chapter_that_says_so(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Store(tmp_path).write(RECORDS[-1])
        assert report(tmp_path, QUICK) == 0
        page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
        assert "No record of transfer is done; 1 record failed." in page
        assert "alert('x')</script>" not in page
        assert not list((tmp_path / "report").glob("figures/*"))
        assert "cannot be told here" in capsys.readouterr().out

    @pytest.mark.long
    def test_the_page_and_the_files_of_transfer_alone_hold_nothing_of_methods(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name in ("summary.csv", "latex/summary.tex", "transfer-regression-matrix.csv"):
            (tmp_path / "report" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "report" / name).touch()  # of an earlier report
        for record in study(MEANS, gains, seeds=(0, 1)):
            Store(tmp_path).write(record)
        assert report(tmp_path, QUICK) == 0
        page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
        sections = re.findall(r'<section[^>]* id="([^"]+)"|<section id="([^"]+)"', page)
        named = {one or other for one, other in sections}
        assert {name for name in named if not name.startswith("transfer-")} == {
            "readings", "provenance",
        }  # fmt: skip
        assert "analysis.transfer_margin" in page
        files = [path.name for path in (tmp_path / "report").glob("*.csv")]
        assert files
        assert all(name.startswith("transfer-") for name in files)
        assert "transfer-regression-matrix.csv" not in files
        assert not (tmp_path / "report" / "latex" / "summary.tex").exists()
        printed = " ".join(capsys.readouterr().out.split())
        assert "Gain ×1000 from domain to domain ┏" in printed
        assert "better null, real + bootstrap; over real + noise, +10.00" in printed


class TestFigures:
    """What is drawn is what the tables hold."""

    def test_a_heat_map_has_each_number_and_its_interval_in_its_cell(
        self, reading: Reading
    ) -> None:
        (drawing,) = drawings(reading, [heat_map])
        *panels, bar = drawing.figure.axes
        assert [axes.get_title() for axes in panels] == [
            "from healthcare", "from finance", "from all other\ndomains",
        ]  # fmt: skip
        assert [t.get_text() for t in panels[0].get_xticklabels()] == [
            "healthcare", "finance", "other",
        ]  # fmt: skip
        texts = [text.get_text() for text in panels[0].texts]
        own, other = texts.index("+30.0"), texts.index("+3.0")
        assert re.fullmatch(r"\[\d.*, \d.*\]", texts[own + 1])
        assert not texts[other + 1 : other + 2] or not texts[other + 1].startswith("[")
        in_bold = {text.get_text() for text in panels[0].texts if text.get_weight() == "bold"}
        assert "+30.0" in in_bold
        low, high = bar.get_ylim()
        assert low == -high  # zero has the middle's colour
        assert bar.get_ylabel() == "mean gain, test ROC-AUC ×1000"
        framed = [p for p in panels[0].patches if not p.get_fill()]
        assert len(framed) == 2  # real and causal, within

    def test_learning_curves_have_a_band_a_direction_and_a_panel_an_arm(
        self, reading: Reading
    ) -> None:
        (drawing,) = drawings(reading, [learning_curves])
        first = drawing.figure.axes[0]
        assert first.get_title() == "Real rows"
        lines = {line.get_label(): list(line.get_ydata()) for line in first.lines}
        (legend,) = drawing.figure.legends
        told = [text.get_text() for text in legend.get_texts()]
        assert told == ["across", "within", "from all others"]
        assert lines["across"] == pytest.approx([5.0, 5.0, 10.0])
        assert lines["within"] == pytest.approx([15.0, 15.0, 30.0])
        assert len(first.collections) == 3
        lowest = drawing.figure.axes[4]
        assert [t.get_text() for t in lowest.get_xticklabels()] == ["32", "64", "all"]

    def test_the_first_figure_holds_gain_and_harm_of_each_arm(self, reading: Reading) -> None:
        (drawing,) = drawings(reading, [glance])
        gain, harm = drawing.figure.axes
        dots = [line.get_xdata()[0] for line in gain.lines if len(line.get_xdata()) == 1]
        assert dots == pytest.approx([10.0, 14.0, 8.0, 4.0, -10.0])
        assert len(harm.lines) == len(gain.lines)

    def test_without_a_run_in_context_nothing_is_drawn(self) -> None:
        tuned = [record for record in RECORDS if record["settings"]["method"]["finetune"]]
        told = Reading.of(read(tuned), tuned)
        assert list(drawings(told, [heat_map, learning_curves, glance])) == []

    def test_every_figure_has_a_caption_and_a_name_for_readers_of_screens(
        self, whole: Reported
    ) -> None:
        page = whole.text("index.html")
        for name in ("at_a_glance", "heat_map", "learning_curves"):
            (inside,) = re.findall(
                rf'<figure id="figure-transfer-{name}">.*?</figure>', page, re.DOTALL
            )
            assert re.search(r'<svg role="img" aria-label="[A-Z][^"]+"', inside)
            assert re.search(r"<figcaption><strong>[^<]+</strong> [^<]+", inside)
            for suffix in ("svg", "png", "pdf"):
                assert (whole.folder / "figures" / f"transfer-{name}.{suffix}").is_file()
