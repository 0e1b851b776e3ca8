"""The first line of README, page and terminal: worked by hand on made records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from made_records import made

from bench.analysis.answer import answer
from bench.analysis.frame import frame
from bench.analysis.settings import settings
from bench.cell.store import Store
from bench.report.question import Opening, opening
from bench.report.write import report
from bench.scores.roc_auc_ovo import roc_auc_ovo
from scripts.update_readme import ANSWER_BEGIN, ANSWER_END, BEGIN, END, updated

QUICK = settings(["analysis.elo_rounds=1", "analysis.resamples=50"])
BETTER, WORSE = 0.72, 0.68  # test scores; not fine-tuning has 0.70


def runs(method: str, outcomes: dict[str, str]) -> list[dict[str, Any]]:
    """Records of a method: of each table, a letter a fold, b(etter) or w(orse) than untouched."""
    score = {"b": BETTER, "w": WORSE}
    return [
        made(table, method, [0.7, score[letter]], fold=fold)
        for table, letters in outcomes.items()
        for fold, letter in enumerate(letters)
    ]


def told(records: Iterable[dict[str, Any]]) -> Opening:
    return opening(answer(frame(records), QUICK, roc_auc_ovo))


# Of default fine-tuning 5 of 6 runs are worse; of causal rows 1: −1, −1/2, −1/2 of the tables.
PLAIN = runs("default_ft", {"a": "ww", "c": "ww", "e": "wb"})
SAFER = [*PLAIN, *runs("causalmixft", {"a": "bb", "c": "wb", "e": "bb"})]


def test_it_is_safer_where_fewer_runs_are_worse_beyond_two_standard_errors() -> None:
    said = told(SAFER)
    assert said.told == "Causal augmentation makes fine-tuning safer here"
    assert said.because == (
        "with rows of structural causal models mixed in (CausalMixFT), 17% of 6 runs of mitra_nano "
        "on 3 tables end worse than not fine-tuning; on real rows alone, 83%. The difference is "
        "-66.7 [-100.0, -33.3] points (mean over tables, ± 2 standard errors)."
    )


def test_copies_of_real_rows_that_do_as_well_are_named() -> None:
    said = told([*SAFER, *runs("bootstrap", {"a": "bb", "c": "bw", "e": "bb"})])
    assert said.because.endswith(
        " So do mere copies of real rows mixed in (Bootstrap (null)): it may be the mixing."
    )
    said = told([*SAFER, *runs("bootstrap", {"a": "ww", "c": "bw", "e": "bb"})])
    assert "copies" not in said.text


def test_it_is_not_safer_where_more_runs_are_worse() -> None:
    records = [
        *runs("default_ft", {"a": "bb", "c": "wb", "e": "bb"}),
        *runs("causalmixft", {"a": "ww", "c": "ww", "e": "wb"}),
    ]
    said = told(records)
    assert said.told == "Causal augmentation does not make fine-tuning safer here"
    assert "+66.7 [+33.3, +100.0] points" in said.because


def test_it_cannot_be_told_where_zero_is_within_two_standard_errors() -> None:
    said = told([*PLAIN, *runs("causalmixft", {"a": "ww", "c": "bb", "e": "wb"})])
    assert said.told == "Whether causal augmentation makes fine-tuning safer cannot be told here"
    assert "50% of 6 runs" in said.because
    assert "-33.3 [-100.0, +33.3] points" in said.because
    assert said.because.endswith("standard errors), which includes zero.")


def test_of_one_table_it_speaks_of_folds() -> None:
    said = told([*runs("default_ft", {"a": "wwww"}), *runs("causalmixft", {"a": "bbbw"})])
    assert said.told == "Causal augmentation makes fine-tuning safer on this table"
    assert "25% of 4 runs of mitra_nano on 4 folds of one table" in said.because
    # Of four folds −1, −1, −1, 0: mean −0.75, standard error 0.25.
    assert "-75.0 [-125.0, -25.0] points (mean over folds, which share rows" in said.because


def test_of_one_fold_it_cannot_be_told() -> None:
    said = told([*runs("default_ft", {"a": "w"}), *runs("causalmixft", {"a": "b"})])
    assert "cannot be told on this table" in said.told
    assert said.because.endswith("That is -100.0 points; one fold alone tells nothing.")


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
        for r in runs("causalmixft", {"a": "bb", "c": "wb", "e": "bb"})
    ]
    assert told([*PLAIN, *renamed]).because == told(SAFER).because.replace(
        "CausalMixFT", "SCM, mixed 1"
    )


@pytest.mark.long
def test_the_same_sentence_opens_page_readme_and_files_and_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "results")
    for record in SAFER:
        store.write(record)
    assert report(store.root, QUICK) == 0
    said = told(SAFER)
    page = (store.root / "report/index.html").read_text(encoding="utf-8")
    _, _, behind = page.partition("</h1>\n")
    assert behind.startswith(f'<p class="answer"><strong>{said.told}</strong>: {said.because}</p>')
    tables = (store.root / "report/tables.md").read_text(encoding="utf-8")
    assert tables.startswith(f"{said.markdown}\n")
    assert said.text in " ".join(capsys.readouterr().out.split())
    text = f"{ANSWER_BEGIN}\n{ANSWER_END}\n{BEGIN}\n{END}\n"
    readme = updated(text, store.root, tmp_path)
    assert readme.startswith(f"{ANSWER_BEGIN}\n{said.markdown}\n{ANSWER_END}\n")
