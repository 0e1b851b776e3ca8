"""Every table of the report: worked by hand on made records, and the same in all outputs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_experiment import (
    experiment_of_numbers,
    experiment_of_utility,
    experiment_with_rare_classes,
)
from made_records import failed, made, one_table, swept
from outputs import Reported, cells, in_all_outputs

from bench.analysis.answer import answer
from bench.analysis.frame import frame
from bench.analysis.resolves import Told
from bench.analysis.settings import Analysis, Asked, settings
from bench.cell.store import Store
from bench.report import tables as room
from bench.report.table import Column, ReportTable
from bench.report.tables import filled, sections, tables
from bench.report.tables.utility import utility
from bench.report.write import report
from bench.score import Score
from bench.scores.log_loss import log_loss
from bench.scores.rmse_sd import rmse_sd
from bench.scores.roc_auc_ovo import roc_auc_ovo

# Test score before fine-tuning; then after it, under seed 0 and seed 1.
START = {"credit": 0.70, "zoo": 0.80}
SCORES = {
    "credit": {"default_ft": (0.72, 0.73), "causalmixft": (0.74, 0.74), "scm": (0.71, 0.71)},
    "zoo": {"default_ft": (0.81, 0.80), "causalmixft": (0.83, 0.83), "scm": (0.78, 0.78)},
}
QUICK = settings(["analysis.elo_rounds=1", "analysis.resamples=200"])
ROWS = {
    "key": None,
    "rows": 80,
    "class_counts": [40, 40],
    "copies_of_training_rows": 20,
    "fingerprint": "f00d" * 16,
    "generator": {},
    "quality": {"copies": 0.25},
}

FOREIGN = """
from matplotlib.figure import Figure

from bench.report.figures import Drawing
from bench.report.table import Column, ReportTable


def best(answer):
    scores = answer.tables["per_dataset"]
    return scores.max(axis=1).to_frame("score").assign(method=scores.idxmax(axis=1))


foreign = ReportTable(
    key="best",
    title="Best of each dataset",
    make=best,
    columns=[
        Column("method", "best method"),
        Column("score", "error", lambda score: f"{100 * (1 - score):.1f}", "%"),
    ],
    caption="What is best on one is luck.",
    figures=[lambda answer: Drawing("best", "The best", "Nothing is drawn.", Figure())],
    terminal=True,
)
"""


def records(metric: Score = roc_auc_ovo) -> Iterator[dict[str, Any]]:
    for dataset, methods in SCORES.items():
        start = START[dataset]
        yield made(dataset, "pretrained", [start], metric=metric)
        for method, scores in methods.items():
            for seed, score in enumerate(scores):
                rows = None if method == "default_ft" else ROWS
                yield made(
                    dataset, method, [start, score], seed=seed, validation=[0.70, 0.75],
                    synthetic=rows, metric=metric,
                )  # fmt: skip
    # A unit that these two have in common, and not all.
    for method, score in (("default_ft", 0.80), ("causalmixft", 0.82)):
        yield made("zoo", method, [0.80, score], fold=1, metric=metric)
    yield failed("zoo", "scm", fold=1, metric=metric)


def reported(
    folder: Path,
    metric: Score = roc_auc_ovo,
    of: Callable[[Score], Iterable[dict[str, Any]]] = records,
    chosen: Analysis = QUICK,
) -> Reported:
    store = Store(folder)
    for record in of(metric):
        store.write(record)
    with redirect_stdout(StringIO()) as printed:
        assert report(folder, chosen) == 0
    kept = store.survey()[0]
    read = answer(frame(kept), chosen, metric, Told(kept))
    numbers = {table.key: numbers for table, numbers in filled(read)}
    shown = {section.key: section for section in sections(read)}
    return Reported(folder / "report", printed.getvalue(), numbers, shown)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, pictures: None) -> Reported:
    return reported(tmp_path_factory.mktemp("tables") / "results")


@pytest.fixture(scope="module")
def special(tmp_path_factory: pytest.TempPathFactory, pictures: None) -> list[Reported]:
    """Reports of the tables alone that `whole` has no numbers of, on records that have them."""
    folder = tmp_path_factory.mktemp("special")
    rare = [table for table in tables() if not table.empty or table is utility]
    of = {roc_auc_ovo.name: swept(), rmse_sd.name: experiment_of_numbers()}
    asked = replace(QUICK, readings=Asked.all)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "tables", lambda: rare)
        return [
            reported(folder / score.name, score, lambda score: of[score.name], asked)
            for score in (roc_auc_ovo, rmse_sd)
        ] + [
            reported(folder / "one", of=lambda _: one_table({"default_ft": [0.1, 0.1, 0.2]})),
            reported(folder / "five", of=lambda _: experiment_of_utility(5)),
            reported(folder / "asked", of=lambda _: experiment_with_rare_classes()),
        ]


class TestValues:
    """What each section shows of a method, a dataset or a group; headings in words of their own."""

    @pytest.mark.long
    @pytest.mark.parametrize(
        ("key", "row", "expected"),
        [
            # credit: best of four, twice 0.04 of a range of 0.04; zoo: twice 0.03 of 0.05.
            ("summary", {"": "causalmixft"}, {
                "average rank": "1.00", "median improvement": "+0.800", "± IQR": "0.400",
                "± MAD": "0.200", "ROC-AUC gain ×1000": "+35.00", "worse than pre-trained": "0%",
                "runs": "4",
            }),
            ("summary", {"": "scm"}, {"worse than pre-trained": "50%", "average rank": "3.50"}),
            # It is best on either dataset, so that it is in every resample.
            ("certainty", {"": "causalmixft"}, {
                "average rank [95% interval]": "1.00 [1.00, 1.00]",
                "ROC-AUC gain ×1000 [95% interval]": "+35.00 [+30.00, +40.00]",
                "Nemenyi p against the best": "1.000",
            }),
            ("per_dataset", {"": "credit"}, {"default_ft": "0.7250", "causalmixft": "0.7400"}),
            ("reliability", {"": "causalmixft"}, {
                "validation gain ×1000": "+50.00", "test gain ×1000": "+35.00",
                "last step ×1000": "+35.00", "gap ×1000": "+15.00", "harm": "0%",
                "regret ×1000": "0.00", "median corr. gap": "0.000",
            }),
            # It went from 0.80 to 0.78 on zoo.
            ("reliability", {"": "scm"}, {"harm": "50%", "regret ×1000": "10.00"}),
            # Of credit 0.02, 0.03, 0.04 twice, 0.01 twice; of zoo two of eight runs fell.
            ("rules", {"": "roc_auc_ovo"}, {
                "harm ± SE": "12% ± 12%", "gain ×1000 ± SE": "+15.62 ± 9.38",
                "regret ×1000 ± SE": "2.50 ± 2.50",
            }),
            ("rules_by_method", {"": "causalmixft", "rule": "last"}, {
                "gain ×1000 ± SE": "+33.33 ± 6.67", "harm ± SE": "0% ± 0%",
            }),
            # Of credit 0.02 and 0.01, of zoo 0.02 and 0.03.
            ("paired", {"": "causalmixft"}, {
                "chosen step ×1000 ± SE": "+20.00 ± 5.00", "size of a run ×1000": "20.00 / 20.00",
                "tables": "2", "runs": "4",
            }),
            ("paired", {"": "default_ft, another seed"}, {"size of a run ×1000": "10.00 / 10.00"}),
            # Two tables apart by 10: a standard deviation of 7.07. Of one degree of freedom 80 %
            # power is at 16.3 standard errors.
            ("paired", {"": "causalmixft"}, {
                "resolves from ×1000": "81.67 / 81.67", "tables for 0.001": "395 / 395",
            }),
            ("resolves", {"": "causalmixft"}, {"ROC-AUC ×1000": "+20.0±5.0*",
                "negated log-loss ×1000": "+0.00±0.00"}),
            ("resolves_last", {"": "scm"}, {"ROC-AUC ×1000": "-20.0±5.0*"}),
            # And 0.02 of the unit of zoo that scm lacks: of credit 0.015, of zoo 0.07 / 3.
            ("shared", {"": "causalmixft"}, {"minus": "default_ft", "tables": "2", "runs": "5",
                "test ROC-AUC ×1000 ± SE": "+19.17 ± 4.17", "size of a run ×1000": "20.00"}),
            ("wilcoxon", {"": "causalmixft", "against": "default_ft"}, {
                "tables better": "2", "tables worse": "0", "effect (rank-biserial)": "+1.00",
                "p": "0.500",
            }),
            ("leaderboard", {"": "causalmixft"}, {"win rate": "100%", "improvability": "0.00%"}),
            ("by_domain", {"": "healthcare", "method": "causalmixft"}, {
                "datasets": "1", "ROC-AUC gain ×1000": "+40.00", "gap ×1000": "+10.00", "runs": "2",
            }),
            ("by_rows", {"": "below 300", "method": "scm"}, {"datasets": "2", "runs": "4"}),
            ("by_target", {"": "binary", "method": "default_ft"}, {"average rank": "2.00"}),
            ("by_categorical", {"": "25% to below 75%", "method": "scm"}, {"datasets": "2"}),
            ("ways", {"": "SCM", "rows": "mixed"}, {
                "ratio": "1", "method": "causalmixft", "average rank": "1.00", "runs": "4",
            }),
            ("ways", {"": "SCM", "rows": "synthetic"}, {"method": "scm", "± IQR": "0.650"}),
            # 0.03 of credit, 0.05 of zoo.
            ("ablation", {"": "SCM"}, {
                "asks": "what mixing does", "test ROC-AUC ×1000 ± SE": "+40.00 ± 10.00",
                "size of a run ×1000": "40.00", "tables": "2", "runs": "4",
            }),
            ("quality", {"": "scm"}, {"measure": "copies", "median": "0.25", "runs": "4",
                "Spearman with ROC-AUC gain": "–"}),
            ("datasets", {"": "zoo"}, {
                "domain": "finance", "rows": "150", "features": "4", "categorical": "25%",
                "classes": "2", "folds": "1", "duplicated test rows": "1.0",
                "of the test rows": "2.0%",
            }),
            ("time", {"": "scm"}, {"median seconds a cell": "1.0", "cells": "4"}),
            ("missing", {"": "zoo", "method": "scm"}, {
                "fold": "1", "seed": "0", "status": "failed", "error": "no luck",
            }),
        ],
    )  # fmt: skip
    def test_a_section_shows_what_was_worked_by_hand(
        self, key: str, row: dict[str, str], expected: dict[str, str], whole: Reported
    ):
        table = whole.sections[key].table
        assert table is not None
        named = table.reset_index(names="")
        (found,) = named[(named[list(row)] == pd.Series(row)).all(axis=1)].to_dict("records")
        assert {heading: found[heading] for heading in expected} == expected

    def test_files_without_a_section_hold_each_cell_group_and_pair(self, whole: Reported):
        numbers = whole.numbers
        cells = numbers["improvements"].set_index(["dataset", "seed", "method"])
        assert cells.loc[("zoo", 1, "causalmixft"), "improvement"] == pytest.approx(0.6)
        p = numbers["nemenyi"]
        assert p.loc["causalmixft", "scm"] == p.loc["scm", "causalmixft"] < 1
        groups = numbers["groups"].set_index(["grouping", "group", "method"])
        assert groups.loc[("domain", "finance", "causalmixft"), "raw_gain"] == pytest.approx(0.03)
        assert set(groups.index.levels[0]) == {"domain", "rows", "target", "categorical"}
        lost = numbers["left_out"]
        assert lost["status"].value_counts().to_dict() == {"done": 2, "missing": 1, "failed": 1}


@pytest.mark.parametrize(
    ("key", "best"),
    [
        ("summary", {("causalmixft", heading) for heading in
            ("average rank", "median improvement", "ROC-AUC gain ×1000")}),
        # default_ft harms no run either, regrets nothing and correlates; scm fell on zoo.
        ("reliability", {("causalmixft", "test gain ×1000"), ("causalmixft", "last step ×1000")} | {
            (method, heading) for method in ("causalmixft", "default_ft")
            for heading in ("harm", "regret ×1000", "median corr. gap")}),
        ("per_dataset", {("credit", "causalmixft"), ("zoo", "causalmixft")}),
        ("paired", set()),
        ("datasets", set()),
    ],
)  # fmt: skip
def test_the_best_of_a_table_is_at_its_better_end(
    key: str, best: set[tuple[str, str]], whole: Reported
) -> None:
    section = whole.sections[key]
    assert {(section.table.index[row], head) for row, head in section.best} == best


@pytest.mark.long
def test_of_log_loss_the_least_is_best(tmp_path: Path) -> None:
    section = reported(tmp_path / "results", log_loss).sections["per_dataset"]
    best = {(section.table.index[row], head) for row, head in section.best}
    assert best == {("credit", "pretrained"), ("zoo", "scm")}


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([0.1, 0.3, 0.2], {1}),
        ([0.3, 0.1, 0.3], {0, 2}),
        ([0.30001, 0.3, 0.1], {0, 1}),  # they read alike
        ([0.3, 0.3, 0.3], set()),
        ([0.3, np.nan, 0.1], {0}),
        ([0.3, np.nan, np.nan], set()),
        ([np.nan] * 3, set()),
    ],
)
@pytest.mark.parametrize("better", [1, -1])
def test_ties_share_the_best_and_where_all_tie_none_is(
    values: list[float], best: set[int], better: int
) -> None:
    numbers = pd.DataFrame({"x": np.multiply(values, better)}, index=list("abc"))
    table = ReportTable(
        key="x", make=lambda _: numbers, title="X",
        columns=[Column("x", "x", "{:.3f}".format, better=better), Column("x", "other")],
    )  # fmt: skip
    assert table.section(None, numbers).best == {(row, "x") for row in best}


def test_in_groups_the_best_is_of_its_group() -> None:
    numbers = pd.DataFrame({"x": [1, 2, 4, 3]}, index=["young", "young", "old", "old"])
    columns = [Column("x", "x", str, better=1)]
    table = ReportTable(key="x", make=lambda _: numbers, columns=columns, rivals="label")
    assert table.section(None, numbers).best == {(1, "x"), (2, "x")}


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(table, id=table.key, marks=[] if table.empty else pytest.mark.long)
        for table in tables()
    ],
)
def test_a_table_is_in_all_outputs(table: ReportTable, request: pytest.FixtureRequest) -> None:
    if table.empty and table is not utility:
        in_all_outputs(table, request.getfixturevalue("whole"))
        return
    special = request.getfixturevalue("special")
    reports = [of for of in special if len(of.numbers.get(table.key, ()))]
    assert reports
    for of in reports:
        in_all_outputs(table, of)


@pytest.mark.long
def test_what_is_to_be_run_next_heads_the_page_and_spares_the_terminal_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    advice = [table for table in tables() if table.key == "advice"]
    monkeypatch.setattr(room, "tables", lambda: advice)
    for record in one_table({"default_ft": [0.1, 0.1, 0.2]}):
        Store(tmp_path).write(record)
    assert report(tmp_path, QUICK, command="python -m bench fit 'path=my table.csv'") == 0
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    first, _, rest = page.partition("<pre>python -m bench fit &#39;path=my table.csv&#39;</pre>")
    assert "<strong>Whether to fine-tune cannot be told with 150 rows</strong>" in first
    assert "what another table than heart does; what fine-tuning on all rows gains" in rest
    assert advice[0].title not in capsys.readouterr().out


def test_where_nothing_is_left_in_its_place_a_table_is_nowhere(whole: Reported) -> None:
    rare = {table.key for table in tables() if not table.empty}
    assert rare >= {"margin", "safety", "all_readings", "per_dataset_in_units"}
    assert not rare & {*whole.numbers, *whole.sections}
    assert not rare & {path.stem for path in whole.folder.rglob("*.*")}


@pytest.mark.long
def test_a_report_names_the_score_that_its_records_are_ranked_by(tmp_path: Path) -> None:
    whole = reported(tmp_path / "results", log_loss)
    files = [file for file in whole.folder.rglob("*.*") if file.suffix not in (".png", ".pdf")]
    assert len(files) > 30
    stated = re.compile(r'<p class="note published">.*?</p>')  # of another model's records
    texts = {f.name: stated.sub("", f.read_text(encoding="utf-8")) for f in files}
    assert [name for name, text in texts.items() if "AUC" in text] == []
    assert "AUC" not in whole.printed
    assert whole.sections["per_dataset"].title == "Test log-loss"
    assert "log-loss gain ×1000" in whole.sections["summary"].table
    assert "bencheval from mean test log-loss of" in whole.sections["leaderboard"].text


def test_every_figure_of_a_table_is_below_it(whole: Reported) -> None:
    page = whole.text("index.html")
    drawn = []
    for key, section in whole.sections.items():
        (inside,) = re.findall(rf'<section id="{key}">.*?</section>', page, re.DOTALL)
        below = re.findall(r'<figure id="figure-(\w+)">', inside)
        # What is left out, of too few tables, draws nothing.
        assert len(below) == (0 if section.table is None else len(section.figures))
        drawn += below
    header, _, _ = page.partition("</header>")
    drawn += re.findall(r'<figure id="figure-(\w+)">', header)
    assert drawn[-1] == "at_a_glance"
    assert set(drawn) >= {"improvements", "ranks", "heat_map", "gains", "curves", "quality", "time"}
    for suffix in ("png", "pdf", "svg"):
        assert {f.stem for f in (whole.folder / "figures").glob(f"*.{suffix}")} == set(drawn)


@pytest.mark.long
def test_a_file_in_the_room_is_all_that_a_table_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "foreign.py").write_text(FOREIGN, encoding="utf-8")
    monkeypatch.setattr(room, "__path__", [*room.__path__, str(tmp_path)])
    try:
        whole = reported(tmp_path / "results")
        (table,) = (table for table in tables() if table.key == "best")
        in_all_outputs(table, whole)
        placed = {t.key for t in tables() if t.place < table.place} & {*whole.sections}
    finally:
        sys.modules.pop(f"{room.__name__}.foreign", None)
    assert placed
    assert "best" in list(whole.sections)[len(placed) :]  # behind those that state a place
    assert cells(whole.sections["best"]) == [
        ["credit", "causalmixft", "26.0"],
        ["zoo", "causalmixft", "17.0"],
    ]
    assert whole.sections["best"].table.columns.tolist() == ["best method", "error %"]
    assert "<figcaption><strong>The best.</strong> Nothing is drawn." in whole.text("index.html")
    assert (whole.folder / "figures" / "best.png").is_file()


def test_two_tables_of_one_key_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "foreign.py").write_text(FOREIGN.replace('"best"', '"ways"'), encoding="utf-8")
    monkeypatch.setattr(room, "__path__", [*room.__path__, str(tmp_path)])
    try:
        with pytest.raises(ValueError, match="Two tables of the report have the key 'ways'"):
            tables()
    finally:
        sys.modules.pop(f"{room.__name__}.foreign", None)
