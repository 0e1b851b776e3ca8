"""What opens README, page and terminal: worked by hand on made records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_records import made
from markupsafe import escape

from bench.analysis.answer import answer
from bench.analysis.frame import frame
from bench.analysis.power import smallest_distance
from bench.analysis.resolves import Told
from bench.analysis.rules import ALL
from bench.analysis.safest_rule import chosen_rule
from bench.analysis.settings import settings
from bench.cell.store import Store
from bench.finetune.stopping import RULES
from bench.report.question import Reply, opening
from bench.report.replies import is_worth_it, replies, unknown, when_to_stop
from bench.report.tables import sections
from bench.report.write import report
from bench.scores.roc_auc_ovo import roc_auc_ovo
from scripts.update_readme import ANSWER_BEGIN, ANSWER_END, BEGIN, END, updated

FEW = ["analysis.elo_rounds=1", "analysis.resamples=50"]
QUICK = settings(FEW)
READ = ["roc_auc_ovo", "log_loss", "roc_auc_ovo_veto", "smoothed", "last"]  # stopping rules
BETTER, WORSE = 0.72, 0.68  # test scores; not fine-tuning has 0.70


def runs(method: str, outcomes: dict[str, str]) -> list[dict[str, Any]]:
    """Records of a method: of each table, a letter a fold, b(etter) or w(orse) than untouched."""
    score = {"b": BETTER, "w": WORSE}
    return [
        made(table, method, [0.7, score[letter]], fold=fold)
        for table, letters in outcomes.items()
        for fold, letter in enumerate(letters)
    ]


def twice(outcomes: dict[str, str]) -> dict[str, str]:
    """A second table beside each: of fewer than six nothing is told."""
    return {f"{table}{again}": of for table, of in outcomes.items() for again in ("", "2")}


def told(records: Iterable[dict[str, Any]]) -> Reply:
    return opening(answer(frame(records), QUICK, roc_auc_ovo))


# Of default fine-tuning 10 of 12 runs are worse; of causal rows 2: twice −1, −1/2, −1/2.
PLAIN = runs("default_ft", twice({"a": "ww", "c": "ww", "e": "wb"}))
SAFER = [*PLAIN, *runs("causalmixft", twice({"a": "bb", "c": "wb", "e": "bb"}))]


def test_it_is_safer_where_fewer_runs_are_worse_beyond_two_standard_errors() -> None:
    """That it is the causes takes nulls (tests/analysis/test_planned.py): without them it may be
    the mixing."""
    said = told(SAFER)
    assert said.told == (
        "Augmentation makes fine-tuning safer; whether it is the causes cannot be told here"
    )
    assert said.because == (
        "with rows of structural causal models mixed in (CausalMixFT), 17% of 12 runs of "
        "mitra_nano on 6 tables end worse than not fine-tuning; on real rows alone, 83%. The "
        "difference is -66.7 [-87.7, -45.6] points (mean over tables, ± 2 standard errors)."
    )


def test_of_fewer_than_six_tables_nothing_is_told() -> None:
    said = told(record for record in SAFER if record["cell"]["dataset"] != "e2")
    assert said.told == "Whether causal augmentation makes fine-tuning safer cannot be told here"
    assert said.because.endswith(
        "points (mean over tables, ± 2 standard errors; of fewer than 6 tables nothing is told)."
    )


def test_it_is_not_safer_where_more_runs_are_worse() -> None:
    records = [
        *runs("default_ft", twice({"a": "bb", "c": "wb", "e": "bb"})),
        *runs("causalmixft", twice({"a": "ww", "c": "ww", "e": "wb"})),
    ]
    said = told(records)
    assert said.told == "Causal augmentation makes fine-tuning less safe here"
    assert "+66.7 [+45.6, +87.7] points" in said.because


def test_it_cannot_be_told_where_zero_is_within_two_standard_errors() -> None:
    said = told([*PLAIN, *runs("causalmixft", twice({"a": "ww", "c": "bb", "e": "wb"}))])
    assert said.told == "Whether causal augmentation makes fine-tuning safer cannot be told here"
    assert "50% of 12 runs" in said.because
    assert "-33.3 [-75.5, +8.8] points" in said.because
    assert said.because.endswith("standard errors), which includes zero.")


def test_of_one_table_it_speaks_of_folds() -> None:
    said = told([*runs("default_ft", {"a": "wwww"}), *runs("causalmixft", {"a": "bbbw"})])
    assert said.told == (
        "Whether causal augmentation makes fine-tuning safer cannot be told on this table"
    )
    assert "25% of 4 runs of mitra_nano on 4 folds of one table" in said.because
    # Of four folds −1, −1, −1, 0: mean −0.75, standard error 0.25.
    assert "-75.0 [-125.0, -25.0] points (mean over folds, which share rows" in said.because


def test_of_one_fold_it_cannot_be_told() -> None:
    said = told([*runs("default_ft", {"a": "w"}), *runs("causalmixft", {"a": "b"})])
    assert "cannot be told on this table" in said.told
    assert said.because.endswith("The difference is -100.0 points; one fold alone tells nothing.")


@pytest.mark.parametrize(
    ("records", "because"),
    [
        (PLAIN, "no score of CausalMixFT (method=causalmixft,default_ft)."),
        (runs("causalmixft", {"a": "b"}), "no score of Default fine-tuning (method="),
        (runs("bootstrap", {"a": "b"}), "no score of CausalMixFT and Default fine-tuning (method="),
        (
            [*runs("default_ft", {"a": "b"}), *runs("causalmixft", {"c": "b"})],
            "of the same model have no dataset, fold and seed in common.",
        ),
    ],
)
def test_it_says_what_is_missing(records: list[dict[str, Any]], because: str) -> None:
    said = told(records)
    assert said.told == "Whether causal augmentation makes fine-tuning safer cannot be told here"
    assert because in said.because


def test_where_all_tie_it_says_so() -> None:
    same = {"a": "bw", "c": "bb"}
    said = told([*runs("default_ft", same), *runs("causalmixft", same)])
    assert "cannot be told here" in said.told
    assert said.because == (
        "with and without rows of structural causal models mixed in, all 4 runs of mitra_nano on 2 "
        "tables end with the same score, 25% of them worse than not fine-tuning."
    )


def test_where_no_run_is_worse_it_says_so() -> None:
    mixed = [made(table, "causalmixft", [0.7, 0.75]) for table in "ac"]
    said = told([*runs("default_ft", {"a": "b", "c": "b"}), *mixed])
    assert "cannot be told here" in said.told
    assert said.because.startswith("neither with causal rows nor without is one of 2 runs of ")


def test_it_rests_on_what_the_two_have_in_common() -> None:
    """Another method, run on one table alone, takes nothing from it."""
    assert told([*SAFER, *runs("scm", {"a": "b"})]) == told(SAFER)


def test_causal_rows_under_another_name_are_causal_rows() -> None:
    renamed = [
        r | {"cell": r["cell"] | {"method": "scm-mixed-1"}}
        for r in runs("causalmixft", twice({"a": "bb", "c": "wb", "e": "bb"}))
    ]
    assert told([*PLAIN, *renamed]).because == told(SAFER).because.replace(
        "CausalMixFT", "SCM, mixed 1"
    )


@pytest.mark.long
def test_the_same_sentences_open_page_and_files_and_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "results")
    for record in SAFER:
        store.write(record)
    assert report(store.root, QUICK) == 0
    read = answer(frame(SAFER), QUICK, roc_auc_ovo, Told(SAFER))
    said = replies(read)
    assert told(SAFER) in said
    page = (store.root / "report/index.html").read_text(encoding="utf-8")
    opening, _, _ = page.partition("<nav")
    titles = {s.key: s.title for s in sections(read) if s.table is not None}
    for reply in said:
        link = f' <a href="#{reply.table}">{titles[reply.table]}</a>' if reply.table else ""
        told_so = f"<strong>{escape(reply.told)}</strong>: {escape(reply.because)}{link}</p>"
        assert f'<p class="answer">{told_so}' in opening
    tables = (store.root / "report/tables.md").read_text(encoding="utf-8")
    assert tables.startswith("\n\n".join(f"* {reply.markdown}" for reply in said))
    printed = " ".join(capsys.readouterr().out.split())
    assert all(reply.text in printed for reply in said)
    text = f"{ANSWER_BEGIN}\n{ANSWER_END}\n{BEGIN}\n{END}\n"
    readme = updated(text, store.root, tmp_path)
    first = "\n".join(f"* {reply.markdown}" for reply in (is_worth_it(read), told(SAFER)))
    assert readme.startswith(f"{ANSWER_BEGIN}\n{first}\n{ANSWER_END}\n")
    assert all(f"* {reply.markdown}" in readme for reply in said)


def worth(*tables: tuple[str, str], more: Iterable[dict[str, Any]] = ()) -> Reply:
    """The answer to whether fine-tuning is worth it, of default fine-tuning on some tables."""
    return is_worth_it(
        answer(frame([*runs("default_ft", dict(tables)), *more]), QUICK, roc_auc_ovo)
    )


class TestIsItWorthIt:
    def test_it_is_where_the_gain_is_beyond_two_standard_errors(self) -> None:
        """Of the tables +20, +20, 0 and +20 thousandths, twice: 15 ± 3.27."""
        said = worth(*twice({"a": "bb", "c": "bb", "e": "bw", "f": "bb"}).items())
        assert said.told == "Fine-tuning is worth it here, on average"
        assert said.because == (
            "Default fine-tuning changes test ROC-AUC ×1000 by +15.00 [+8.45, +21.55] (mean over "
            "tables, ± 2 standard errors), on 6 of 8 tables by more than 0 (median +20.00; most on "
            "a, +20.00); 12% of its 16 runs end worse than not fine-tuning."
        )
        assert said.table == "paired"

    def test_it_says_where_one_table_makes_the_mean(self) -> None:
        best = [made("z", "default_ft", [0.5, 0.9], fold) for fold in range(2)]
        said = worth(*twice({"a": "bb", "c": "ww"}).items(), more=best)
        assert "on 3 of 5 tables by more than 0 (median +20.00; most on z, +400.00); " in (
            said.because
        )

    def test_it_is_not_where_the_loss_is(self) -> None:
        said = worth(*twice({"a": "ww", "c": "ww", "e": "bw", "f": "ww"}).items())
        assert said.told == "Fine-tuning is not worth it here"
        assert "by -15.00 [-21.55, -8.45]" in said.because
        assert "88% of its 16 runs" in said.because

    def test_it_cannot_be_told_where_zero_is_within(self) -> None:
        said = worth(*twice({"a": "bb", "b": "ww", "c": "bb", "d": "ww"}).items())
        assert said.told == "Whether fine-tuning is worth it cannot be told here"
        assert "+0.00 [-15.12, +15.12] (mean over tables, ± 2 standard errors), which incl" in (
            said.because
        )

    def test_of_one_table_it_speaks_of_folds_and_of_one_fold_it_tells_nothing(self) -> None:
        said = worth(("a", "bbbw"))
        assert said.told == "Whether fine-tuning is worth it cannot be told on this table"
        assert "+10.00 [-10.00, +30.00] (mean over folds, which share rows" in said.because
        said = worth(("a", "b"))
        assert "by +20.00; one fold alone tells nothing; 0% of its 1 run" in said.because

    def test_where_nothing_moves_it_says_so(self) -> None:
        same = [made(table, "default_ft", [0.7, 0.7]) for table in "ac"]
        said = worth(more=same)
        assert said.told == "Fine-tuning changes nothing here"
        assert said.because.startswith("all 2 runs of mitra_nano on 2 tables under Default fine-")

    def test_it_says_what_is_missing(self) -> None:
        said = worth(more=runs("scm", {"a": "b"}))
        assert said.told == "Whether fine-tuning is worth it cannot be told here"
        assert said.because == (
            "the records hold no score of Default fine-tuning (method=default_ft)."
        )
        assert said.table == ""


BAD = [0.70, 0.69, 0.68], [0.5, 0.4, 0.6]  # test scores and validation losses of three steps
GOOD = [0.70, 0.71, 0.72], [0.5, 0.4, 0.3]


def stopped(outcomes: dict[str, str]) -> list[dict[str, Any]]:
    """Runs that were stopped at the last step, the best on validation; b(ad) or g(ood)."""
    records = []
    for table, letters in outcomes.items():
        for fold, letter in enumerate(letters):
            test, losses = {"b": BAD, "g": GOOD}[letter]
            record = made(table, "default_ft", test, fold, validation=[0.7, 0.8, 0.9])
            record["curves"]["validation"]["log_loss"] = losses
            records.append(record)
    return records


def when(records: list[dict[str, Any]], curves: bool = True) -> Reply:
    chosen = settings([f"analysis.rules=[{','.join(READ)}]", *FEW]) if curves else QUICK
    return when_to_stop(answer(frame(records), chosen, roc_auc_ovo, Told(records)))


class TestWhenToStop:
    """The veto keeps the first step of a bad run and the last of a good one; others harm a bad."""

    def test_a_rule_is_safer_where_it_harms_fewer_beyond_two_standard_errors(self) -> None:
        said = when(stopped(twice({"a": "bb", "c": "bb", "e": "bg"})))
        assert said.told == (
            f"Stopping by {RULES['roc_auc_ovo_veto'].title} (roc_auc_ovo_veto) is safer here than "
            "the runs' own rule"
        )
        # Of the tables twice −1, −1 and −1/2; in gain +20, +20 and +10 thousandths.
        assert said.because == (
            "by it, 0% of 12 runs of mitra_nano on 6 tables end worse than "
            "not fine-tuning, by the runs' own rule 83%. The difference is -83.3 [-104.4, -62.3] "
            "points (mean over tables, ± 2 standard errors); in gain ×1000 it is "
            "+16.67 [+12.45, +20.88]. Of 5 rules read from the curves it harms least of those that "
            "gain no less than theirs: a choice made afterwards."
        )
        assert said.table == "rules"

    def test_rules_of_less_harm_that_keep_less_of_the_gain_are_named(self) -> None:
        """Log-loss spares b and not c; until it is worse both are, and the gain of a is lost."""
        shapes = {
            "a": ([0.70, 0.70, 0.90], [0.5, 0.6, 0.3]),
            "b": ([0.70, 0.71, 0.69], [0.5, 0.4, 0.6]),
            "c": ([0.70, 0.70, 0.69], [0.5, 0.6, 0.4]),
        }
        records = []
        for table in [f"{letter}{i}" for letter in shapes for i in range(2)]:
            test, losses = shapes[table[0]]
            record = made(table, "default_ft", test, validation=[0.7, 0.8, 0.9])
            record["curves"]["validation"]["log_loss"] = losses
            records.append(record)
        chosen = settings(["analysis.rules=[roc_auc_ovo,log_loss,until_worse]", *FEW])
        said = when_to_stop(answer(frame(records), chosen, roc_auc_ovo, Told(records)))
        assert "by log-loss (log_loss), 33% of 6 runs" in said.because
        assert said.because.endswith(
            " Fewer yet, at a gain that is not kept: until_worse (0%, at 6% of the gain)."
        )

    def test_it_cannot_be_told_where_zero_is_within(self) -> None:
        said = when(stopped(twice({"a": "bb", "c": "gg", "e": "gg"})))
        assert said.told == "Which stopping rule is safest cannot be told here"
        assert "-33.3 [-75.5, +8.8] points (mean over tables, ± 2 standard errors), which" in (
            said.because
        )

    def test_where_none_harms_fewer_it_says_so(self) -> None:
        said = when(stopped({"a": "gg", "c": "gg"}))
        assert said.told == "No stopping rule is safer here than the runs' own"
        assert said.because.startswith("0% of 4 runs of mitra_nano on 2 tables end worse")

    def test_of_one_table_it_speaks_of_folds(self) -> None:
        said = when(stopped({"a": "bbbg"}))
        assert said.told == "Which stopping rule is safest cannot be told here"
        assert "-75.0 [-125.0, -25.0] points (mean over folds, which share rows" in said.because

    def test_without_curves_it_cannot_be_told(self) -> None:
        said = when([made("a", "pretrained", [0.7])], curves=False)
        assert said.because == "the curves of these records tell no rule but the runs' own."
        assert said.table == ""

    def test_a_rule_that_harms_less_and_gains_less_is_not_chosen(self) -> None:
        """Of 200 thousandths the first gains 10 ± 4 less, the second 10 ± 6; one_se 190 ± 99."""
        numbers = {"method": ALL, "over_own": -0.01, "gain": 0.19, "harm": 0.1}
        rows = [
            numbers | {"rule": "last", "over_own_se": 0.004},
            numbers | {"rule": "smoothed", "over_own_se": 0.006, "harm": 0.2},
            numbers | {"rule": "never", "over_own_se": 0.1, "harm": 0.0},
            numbers
            | {"rule": "log_loss", "over_own": 0.0, "over_own_se": 0.0, "harm": 0.2, "gain": 0.2},
            numbers | {"rule": "one_se", "over_own": -0.19, "gain": 0.01, "over_own_se": 0.099},
        ]
        table = pd.DataFrame(rows)
        assert chosen_rule(table.drop(index=3)) == "smoothed"
        assert chosen_rule(table) == "log_loss"  # of equal harm the one of the greater gain
        assert chosen_rule(table.iloc[[0, 2, 4]]) is None


class TestWhatCannotBeTold:
    def test_it_names_the_smallest_difference_the_model_and_the_reading(self) -> None:
        """Of the tables twice +40, +20 and +20 thousandths: a standard error of 4.22 over six."""
        said = unknown(answer(frame(SAFER), QUICK, roc_auc_ovo))
        smallest = (160 / 9) ** 0.5 * smallest_distance(6, 0.8, 0.05)
        assert said.told == "What this cannot tell"
        assert said.because.startswith(
            f"differences between CausalMixFT and Default fine-tuning below {smallest:.2f} "
            "(test ROC-AUC ×1000), the smallest that 6 tables find with 80% power, by one "
            "test at 0.05 (1.00 would take "
        )
        assert "; what another model than mitra_nano does; what other readings than " in (
            said.because
        )
        assert said.because.endswith(
            "minmax, iqr and ROC-AUC (one-vs-one) say (analysis.readings=all)."
        )

    def test_where_all_readings_are_asked_for_it_counts_those_that_keep_the_sign(self) -> None:
        chosen = settings([*FEW, "analysis.readings=all"])
        read = answer(frame(SAFER), chosen, roc_auc_ovo, Told(SAFER))
        table = read.all_readings.table
        stays = table.loc[~table["is_default"], "sign_stays_default_ft"].dropna()
        told = f"say (the sign stays in {sum(stays)} of {len(stays)})."
        assert unknown(read).because.endswith(told)
        assert sum(stays) > 0

    def test_without_causal_rows_it_is_of_any_method(self) -> None:
        records = [*PLAIN, *runs("bootstrap", {"a": "bb", "c": "wb", "e": "bb"})]
        said = unknown(answer(frame(records), QUICK, roc_auc_ovo))
        assert said.because.startswith("differences between a method and Default fine-")

    def test_of_one_table_it_is_any_other_and_without_a_spread_any_difference(self) -> None:
        one = [*runs("default_ft", {"a": "ww"}), *runs("causalmixft", {"a": "bb"})]
        assert unknown(answer(frame(one), QUICK, roc_auc_ovo)).because.startswith(
            "what another table than a does; "
        )
        alike = [*runs("default_ft", {"a": "w", "c": "w"}), *runs("scm", {"a": "b", "c": "b"})]
        assert unknown(answer(frame(alike), QUICK, roc_auc_ovo)).because.startswith(
            "how small a difference 2 tables find; "
        )

    def test_where_nothing_is_complete_it_is_everything(self) -> None:
        cells = frame([*runs("default_ft", {"a": "w"}), *runs("causalmixft", {"c": "b"})])
        assert unknown(answer(cells, QUICK, roc_auc_ovo)).because.startswith("all of it: ")
