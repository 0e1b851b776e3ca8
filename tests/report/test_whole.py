"""What a report says of what is not there: a sweep's other cells, units that one method lacks."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from made_experiment import experiment
from made_records import made

from bench.analysis.answer import Answer, answer
from bench.analysis.frame import frame, metric_of
from bench.analysis.paired import against_default
from bench.analysis.settings import methods_word, settings
from bench.cell.store import Store
from bench.errors import BadInput
from bench.report.tables.shared import shared
from bench.report.whole import lacking, unfinished
from bench.report.write import report

# 2 datasets x 3 folds x 2 methods.
SWEEP = """
methods: [pretrained, default_ft]
hydra: {sweeper: {params: {dataset: "heart,zoo", fold: "0,1,2"}}, overrides: {task: []}}
"""
CELL = {"event": "cell", "status": "done", "made": True, "seconds": 1.0, "error": None, "again": ""}


def swept(root: Path, ended: int, refused: int = 0) -> Path:
    (root / "sweep").mkdir(parents=True)
    (root / "sweep" / "multirun.yaml").write_text(SWEEP)
    store = Store(root)
    store.log({**CELL, "cell": "heart 0 pretrained"})  # of a sweep before
    store.log({"event": "sweep"})
    for n in range(ended):
        store.log({**CELL, "cell": f"heart {n} default_ft"})
    if refused:
        told = {"event": "bad_input", "cell": "zoo 2", "reason": "no", "again": ""}
        store.log({**told, "cells": refused})
    return root


def read(*changed: str, extra: bool = True) -> Answer:
    """Four tables of four units; a method of one's own on the first table alone."""
    own = [made("credit", "mine", [0.7, 0.8], fold, seed) for fold in (0, 1) for seed in (0, 1)]
    records = [*experiment(), *(own if extra else [])]
    quick = ["analysis.resamples=10", *changed]
    return answer(frame(records), settings(quick), metric_of(records))


def test_an_unfinished_sweep_is_told_with_how_far_it_is(tmp_path: Path) -> None:
    (told,) = unfinished(swept(tmp_path, ended=5))
    assert told.startswith("Unfinished: 5 of 12 cells of the last sweep are done; ")


def test_how_far_it_is_does_not_hang_on_a_files_time(tmp_path: Path) -> None:
    root = swept(tmp_path, ended=5)
    told = unfinished(root)
    os.utime(root / "sweep" / "multirun.yaml", (2e9, 2e9))  # a copy made later
    assert unfinished(root) == told


def test_an_older_journal_is_read_whole(tmp_path: Path) -> None:
    root = swept(tmp_path, ended=5)
    lines = [line for line in Store(root).journal.open() if '"sweep"' not in line]
    Store(root).journal.write_text("".join(lines))
    assert unfinished(root)[0].startswith("Unfinished: 6 of 12 cells")


def test_a_cell_counts_once_and_one_that_was_run_by_itself_not_at_all(tmp_path: Path) -> None:
    root, store = swept(tmp_path, ended=0), Store(tmp_path)
    for _ in range(2):  # two processes looked at them
        for job in range(3):
            store.log({**CELL, "cell": f"heart {job} scm", "job": job, "entry": "scm"})
    for fold in range(6):
        store.log({**CELL, "cell": f"zoo {fold} scm", "job": None, "entry": "scm"})
    assert unfinished(root)[0].startswith("Unfinished: 3 of 12 cells")


@pytest.mark.parametrize(("ended", "refused"), [(12, 0), (10, 2)])
def test_nothing_is_told_of_one_that_has_ended(tmp_path: Path, ended: int, refused: int) -> None:
    assert unfinished(swept(tmp_path, ended, refused)) == []


def test_nothing_is_told_where_no_sweep_is_known(tmp_path: Path) -> None:
    assert unfinished(tmp_path) == []


@pytest.mark.long
def test_it_stands_on_page_in_markdown_and_in_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for record in experiment()[:9]:
        Store(tmp_path).write(record)
    assert report(swept(tmp_path, ended=9)) == 0
    told = "Unfinished: 9 of 12 cells of the last sweep are done"
    page = (tmp_path / "report" / "index.html").read_text()
    assert page.index(told) < page.index("<section")
    text = (tmp_path / "report" / "tables.md").read_text()
    assert text.index(told) < text.index("## ")
    assert told in " ".join(capsys.readouterr().out.split())


def test_a_method_that_alone_lacks_units_is_named_with_what_it_costs() -> None:
    (told,) = lacking(read())
    assert told.startswith("mine has no record of 12 units that all other methods have: ")
    assert "of the 4 units that every method has, and without it would be of 16" in told
    assert "'analysis.methods=[bootstrap,causalmixft,default_ft,pretrained,scm]'" in told


def test_the_way_out_that_is_told_is_one() -> None:
    (told,) = lacking(read())
    without = read(told.split("'")[1])
    assert lacking(without) == []
    assert len(without.kept) == 16 * 5
    assert "mine" not in without.methods


def test_the_way_out_can_be_typed_whatever_methods_are_called() -> None:
    names = ["ctgan · generator_dim=[128]", 'a "b", c', "it's", "null", "1e-4", "scm-mixed-0.5"]
    word = methods_word(names)
    assert settings(shlex.split(shlex.quote(word))).methods == names


@pytest.mark.parametrize(
    "word", ["analysis.rows=[1,2", "analysis.metric=@x", "analysis.unseen=['a", "analysis.metric=%"]
)
def test_a_value_that_is_no_yaml_is_a_sentence(word: str) -> None:
    with pytest.raises(BadInput, match=f"^'{re.escape(word)}' cannot be read; a list is"):
        settings([word])


def test_nothing_is_told_where_all_methods_have_all_units() -> None:
    assert lacking(read(extra=False)) == []


def test_a_method_to_read_that_has_no_record_is_a_sentence() -> None:
    with pytest.raises(BadInput, match="no record is of 'scn'; did you mean 'scm'"):
        read("analysis.methods=[scn]")


def test_each_pair_is_compared_on_all_that_it_shares() -> None:
    whole = read()
    section = shared.section(whole, shared.make(whole))
    assert section.table is not None
    assert section.table["runs"].to_dict() == {
        "bootstrap": "16", "causalmixft": "16", "mine": "4", "pretrained": "16", "scm": "16",
    }  # fmt: skip
    # What the report of the other methods says of them.
    of_all = read(extra=False).tables["paired"]
    ours, told = (
        against_default(table, "chosen").set_index("method")["mean"]
        for table in (whole.shared, of_all)
    )
    assert ours.drop("mine").to_dict() == told.to_dict()


def test_it_is_left_out_where_all_have_the_same_units() -> None:
    whole = read(extra=False)
    section = shared.section(whole, shared.make(whole))
    assert section.table is None
    assert section.text.startswith("Left out: ")
