"""`advise`: what it refuses, when it ends, and what it says last; a study of a tiny model."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_records import made
from sweeps import inside

from bench.cell.record import Record
from bench.cell.store import Store
from bench.errors import TableError
from bench.report.write import report
from bench.sweep import study
from bench.sweep.job import Cell
from bench.table import Table
from bench.verbs.advise import _folder

CLEAR = [0.20, 0.21, 0.19, 0.22, 0.20, 0.21] * 5
NOISE = [0.02, -0.03, 0.01, -0.02, 0.03, -0.01] * 5
NONE = [0.0] * 30
SECONDS = 10.0  # of a made cell


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "my table.csv"
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    X.assign(y=np.where(X["a"] > 0, "yes", "no")).to_csv(path, index=False)
    return path


class Clock:
    """Time that passes only while a cell runs."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Cells that gain what is asked, in no time; there is no report of them."""
    clock = Clock()

    def prepare(gains: dict[str, list[float]], until: int | None = None) -> None:
        cells = 0

        def run_cell(cell: Cell, _store: Any) -> tuple[Record, bool]:
            nonlocal cells
            cells += 1
            if until is not None and cells > until:
                raise KeyboardInterrupt
            clock.now += SECONDS
            method, fold = cell.names["method"], cell.names["fold"]
            gain = gains.get(method, gains["default_ft"])[fold]
            chosen = -1 if gain else 0
            record = made(cell.names["dataset"], method, [0.7, 0.7 + gain], fold, chosen=chosen)
            record["timings"]["seconds"]["total"] = SECONDS
            return record, True

        monkeypatch.setattr(study, "run_cell", run_cell)

    monkeypatch.setattr(study, "time", clock)
    monkeypatch.setattr(study, "require", lambda _cell: None)
    monkeypatch.setattr("bench.report.write.report", lambda *_, **__: 0)
    return prepare


def advise(table: Path, *more: str) -> tuple[int, list[str], str]:
    """Exit code, the lines that were printed, what was said of errors."""
    results = f"results_dir={table.parent / 'results'}"
    ended = inside("advise", "dataset=csv", f"path={table}", "target=y", results, *more)
    return ended.returncode, ended.stdout.splitlines(), ended.stderr


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("minutes=0", "minutes is 0; expected a number above 0"),
        ("minutes=soon", "minutes is 'soon'; expected a number above 0"),
        ("folds=2", "folds is 2; expected a whole number from 3"),
        ("-m", "advise is of one table, and takes no -m; run it once for each."),
        ("methods=[scm]", "advise takes no methods=: its candidates stand in conf/advice.yaml."),
        ("method=scm", "advise takes no method=: its candidates stand in conf/advice.yaml."),
        (
            "fold=1",
            "advise takes no fold=: it takes fold after fold; folds=6 ends after the sixth.",
        ),
        ("experiment=smoke", "advise takes no experiment=: it makes an experiment of its own."),
        ("hydra/launcher=joblib", "advise takes no hydra/launcher=: it runs one cell after the"),
        ("transfer=causal", "advise takes no transfer=: it starts from the weights that model="),
        ("analysis.worthwile=1", "worthwhile"),
        ("targt=y", "did you mean 'target'?"),
    ],
)
def test_what_makes_no_study_is_refused_in_one_sentence(
    table: Path, word: str, sentence: str
) -> None:
    code, _, said = advise(table, word)
    assert (code, sentence in said, said.count("\n")) == (2, True, 1), said
    assert not (table.parent / "results").exists()


@pytest.mark.long
def test_it_ends_when_it_is_clear_with_the_command_that_fits(
    table: Path, making: Callable[..., None]
) -> None:
    making({"default_ft": NOISE, "smote-mixed-0.5": CLEAR})
    (table.parent / "edges.csv").write_text("cause,effect\na,y\n")  # nothing for SMOTE to read
    words = ["dataset.max_classes=5", "rerun=all", "transfer=none"]  # fit takes no rerun
    code, lines, _ = advise(table, *words, f"dag={table.parent / 'edges.csv'}")
    assert code == 0
    assert lines[-4].startswith("Fine-tune with SMOTE, mixed 0.5, expect test ROC-AUC +0.2")
    clear = next(line for line in lines if line.startswith("Clear after "))
    assert clear == "Clear after 4 folds: no more are run."
    assert shlex.split(lines[-1]) == [
        "python", "-m", "bench", "fit", "dataset=csv", f"path={table}", "target=y",
        "dataset.max_classes=5", "transfer=none", "method=smote", "method.mixing.rows=mixed",
        "method.mixing.ratio=0.5", "finetune=safe", "out=model/",
    ]  # fmt: skip


@pytest.mark.long
def test_it_ends_before_a_fold_that_would_not_fit(table: Path, making: Callable[..., None]) -> None:
    making({"default_ft": NOISE})
    _, lines, _ = advise(table, "minutes=3")  # a fold takes 4 cells of 10 s
    assert lines[0] == (
        "my-table: 60 rows, 2 features, 2 classes; 4 cells a fold, 30 folds at most, "
        "in about 3 min."
    )
    assert [line for line in lines if line.startswith("fold 0")] == [
        "fold 0 pretrained: done (10.0 s)",
        "fold 0 default_ft: done (10.0 s)",
        "fold 0 causalmixft: done (10.0 s)",
        "fold 0 smote-mixed-0.5: done (10.0 s) · 2 min left at most",
    ]
    folds = {line.split()[1] for line in lines if line.startswith("fold ")}
    assert folds == {"0", "1", "2", "3"}
    assert lines[-4].startswith("Whether to fine-tune cannot be told with 150 rows: the most prom")
    assert lines[-1].startswith("python -m bench fit")
    assert lines[-1].endswith("method=pretrained out=model/")


@pytest.mark.long
def test_a_fold_that_cannot_be_used_is_left_out_and_the_others_run(
    table: Path, making: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    making({"default_ft": NONE})

    def require(cell: Cell) -> None:
        if cell.names["fold"] == 1:
            raise TableError("Dataset 'my-table': split 1 is of one class.")

    monkeypatch.setattr(study, "require", require)
    code, lines, _ = advise(table, "folds=4")
    assert code == 0
    assert {line.split()[1] for line in lines if line.startswith("fold ")} == {"0", "2", "3"}
    assert "Left out: Dataset 'my-table': split 1 is of one class." in lines
    assert lines[-4].startswith("Keep the base model: in each of 3 folds")


@pytest.mark.long
def test_too_few_minutes_are_said_and_three_folds_run(
    table: Path, making: Callable[..., None]
) -> None:
    making({"default_ft": CLEAR})
    _, lines, _ = advise(table, "minutes=1")
    assert (
        "60 s are too little: the fewest folds that tell anything take about 2 min. It goes on; "
        "Ctrl-C stops it, and what is done is kept."
    ) in lines
    assert sum(line.startswith("fold ") for line in lines) == 3 * 4
    assert lines[-1].startswith("python -m bench advise dataset=csv")
    assert lines[-1].endswith("minutes=3")  # of the four folds that it would take


@pytest.mark.long
def test_what_is_done_is_read_when_it_is_stopped(table: Path, making: Callable[..., None]) -> None:
    making({"default_ft": NONE}, until=4 * 4 + 2)
    code, lines, _ = advise(table)
    assert code == 0
    assert "Stopped: the answer is from 4 folds." in lines
    assert lines[-4].startswith(
        "Keep the base model: in each of 4 folds the stopping rule found no"
    )
    assert lines[-1].endswith("method=pretrained out=model/")


@pytest.mark.long
def test_stopped_before_there_is_anything_to_read_it_says_how_to_go_on(
    table: Path, making: Callable[..., None]
) -> None:
    making({"default_ft": NONE}, until=2 * 4)
    code, _, said = advise(table)
    assert (code, said) == (130, "bench: stopped; run the same command again to go on.\n")


def test_what_is_called_alike_and_is_another_table_has_another_folder(tmp_path: Path) -> None:
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 0.0]})
    both, one = (
        Table("t", X[list(c)], X["b"].to_numpy(), dict.fromkeys(c, "numeric"), (), "y")
        for c in ("ab", "a")
    )
    assert _folder(both, tmp_path) == _folder(one, tmp_path) == tmp_path / "t"
    found = made("t", "pretrained", [0.5], identity={"dataset": both.fingerprint()})
    Store(tmp_path / "t").write(found)
    assert _folder(both, tmp_path) == tmp_path / "t"
    assert _folder(one, tmp_path) == tmp_path / f"t-{one.fingerprint()[:8]}"


@pytest.mark.long
def test_a_study_leaves_records_and_a_report_and_goes_on(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tmp_path / "advice.yaml"
    few.write_text("minutes: 1\ncandidates: {classification: [default_ft]}\n", encoding="utf-8")
    monkeypatch.setattr("bench.verbs.advise.DEFAULTS", few)
    tiny = ["--config-dir", "tests/support/conf", "model=tiny", "finetune.steps=2"]
    monkeypatch.setattr("bench.report.write.report", partial(report, figures=False))
    code, lines, said = advise(table, *tiny, "folds=3")
    assert (code, said) == (0, "")
    assert sum(": done (" in line for line in lines) == 2 * 3
    told = (tmp_path / "results/report/tables.md").read_text(encoding="utf-8")
    assert told.startswith(f"* **{lines[-4].partition(':')[0]}**: ")
    assert "## Advice for this table" in told
    _, lines, _ = advise(table, *tiny, "folds=4")
    assert sum(": done before" in line for line in lines) == 2 * 3
    assert sum(": done (" in line for line in lines) == 2
