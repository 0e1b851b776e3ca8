"""status, show: what a person reads of records in the terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from made_records import adapted, failed, made
from rich.console import Console

from bench.cell.store import Store
from bench.cli import main
from bench.verbs.status import Look, Status, Sweep, shown

RECORDS = [
    made("heart", "pretrained", [0.7]),
    made("heart", "default_ft", [0.7, 0.72]),
    made("heart", "scm", [0.7, 0.69]),
    failed("zoo", "scm", "no luck"),
]

CELL = {"event": "cell", "cell": "a 0 scm", "status": "done", "made": True, "seconds": 1.0} | {
    "error": None,
    "again": "run …",
}


def store(root: Path, records: list[dict[str, Any]] = RECORDS) -> Store:
    kept = Store(root)
    for record in records:
        kept.write(record)
    return kept


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


class TestStatus:
    def test_records_are_counted_by_method(self, tmp_path: Path):
        now = Look(store(tmp_path).root).now()
        assert now.counts["scm"] == {"done": 1, "failed": 1, "stale": 2}
        assert now.counts["default_ft"]["done"] == 1
        assert now.sweep is None
        assert now.ended

    def test_counts_are_seen_beside_a_long_name(self, capsys: pytest.CaptureFixture[str]):
        name = "default_ft" + " · select_by=until_worse" * 5
        counts = {name: Counter(done=12, failed=7)}
        Console(width=80).print(shown(Status(Path("here"), counts, {}, [], None)))
        assert {"12", "7"} <= set(printed(capsys).split())

    def test_a_held_lock_is_a_running_cell(self, tmp_path: Path):
        kept = store(tmp_path)
        look = Look(kept.root)
        with kept.lock({"dataset": "credit-g", "method": "scm"}, "f" * 64):
            now = look.now()
            assert now.running == ["credit-g-scm"]
            assert not now.ended
        assert look.now().running == []

    def test_what_is_left_is_told_of_the_last_sweep(self, tmp_path: Path):
        kept = store(tmp_path)
        (tmp_path / "sweep").mkdir()
        (tmp_path / "sweep" / "multirun.yaml").write_text(
            "methods: [pretrained, scm]\n"
            "hydra: {sweeper: {params: null}, overrides: {task: ['dataset=a,b,c']}}\n"
        )
        kept.log({**CELL, "cell": "c 0 scm"})
        kept.log({"event": "sweep"})
        kept.log(CELL)
        kept.log({"event": "bad_input", "cell": "b 0", "reason": "no", "again": "run …"})
        sweep = Look(tmp_path).now().sweep
        assert sweep is not None
        assert (sweep.cells, sweep.ended, sweep.left, sweep.refused) == (6, 1, 4, 1)

    def test_a_sweep_that_begins_while_one_looks_is_seen(self, tmp_path: Path):
        (tmp_path / "sweep").mkdir()
        look, cells = Look(tmp_path), []
        for tables in ("a", "a,b,c"):
            (tmp_path / "sweep" / "multirun.yaml").write_text(
                "methods: [pretrained, scm]\n"
                f"hydra: {{sweeper: {{params: null}}, overrides: {{task: ['dataset={tables}']}}}}\n"
            )
            sweep = look.now().sweep
            cells.append(sweep and sweep.cells)
        assert cells == [2, 6]

    def test_where_the_rest_is_refused_there_is_nothing_to_wait_for(self, tmp_path: Path):
        sweep = Sweep(cells=8, ended=4, refused=4)
        assert sweep.left == 0
        assert Status(tmp_path, {}, {}, [], sweep).ended

    def test_the_time_left_of_a_resumed_sweep_is_told_from_records(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        """A pace from its beginning would take the first cell for all, and the idle hours too."""
        monkeypatch.setattr("bench.cell.identity.stale", lambda records: [])
        took = {"default_ft": 600.0, "scm": 60.0}
        folds = [("default_ft", 0), ("scm", 0), ("scm", 1)]
        timed = {"started": 0.0, "cpu_seconds": 1.0, "peak_memory_mb": 1.0, "generation": None}
        kept = store(
            tmp_path,
            [
                made("a", m, [0.7], fold, timings={**timed, "seconds": {"total": took[m]}})
                for m, fold in folds
            ],
        )
        (tmp_path / "sweep").mkdir()
        (tmp_path / "sweep" / "multirun.yaml").write_text(
            "methods: [default_ft, scm]\nseed: '0'\nrerun: needed\n"
            "hydra:\n  sweeper: {params: {fold: '0,1,2,3'}}\n"
            "  overrides: {task: [dataset=a]}\n  launcher: {n_jobs: '1'}\n"
        )
        kept.log({"event": "sweep"})
        assert main(["status", str(tmp_path)]) == 0
        # Eight cells, three of them done: three of default_ft and two of scm are to be made.
        assert (
            "left: 8 of the last sweep's 8 cells, 3 of them done before, about 32 min"
            in printed(capsys)
        )
        which = {"job": 0, "entry": "default_ft", "method": "default_ft", "dataset": "a"}
        kept.log({**CELL, **which, "made": False, "size": [150, 4, 30]})
        assert main(["status", str(tmp_path)]) == 0
        assert (
            "left: 7 of the last sweep's 8 cells, 2 of them done before, about 32 min"
            in printed(capsys)
        )

    def test_a_faulty_file_is_counted_and_left_alone(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        path = store(tmp_path).paths()[0]
        path.write_text("{")
        assert main(["status", str(tmp_path)]) == 0
        assert "faulty: 1 file, which a run" in printed(capsys)
        assert path.exists()

    def test_watching_ends_when_nothing_is_left(self, tmp_path: Path):
        assert main(["status", str(store(tmp_path).root), "--watch"]) == 0


class TestShow:
    @pytest.mark.parametrize("how", ["names", "hash", "path"])
    def test_a_record_is_found(self, how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        (path,) = (p for p in store(tmp_path).paths() if "default_ft" in str(p))
        arguments = {
            "names": ["heart/default_ft/0", str(tmp_path)],
            "hash": [path.stem.partition("-")[2], str(tmp_path)],
            "path": [str(path)],
        }[how]
        assert main(["show", *arguments]) == 0
        text = printed(capsys)
        assert "heart · fold 0 · default_ft · seed 0" in text
        assert "0.7200" in text
        assert "stale: true" in text

    @pytest.mark.parametrize(("method", "of"), [("pretrained", "on other"), ("scm", "(adapted,")])
    def test_adapted_weights_are_told_in_a_line(
        self, method: str, of: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        record = adapted(made("zoo", method, [0.75]), "causal", ("healthcare", "other"))
        record["metrics"]["pretrained"]["test"]["roc_auc_ovo"] = 0.6125
        root = store(tmp_path, [record]).root
        assert main(["show", f"zoo/{method}/0", str(root)]) == 0
        shown = capsys.readouterr().out
        tables = "(3 tables, 2 held out), step 40"
        assert f"\ntransfer: causal, from healthcare and other {tables}\n" in shown
        assert all(told in shown for told in ("published)", of, "0.6125"))
        assert "breast-w: it is of one origin with wdbc" in shown

    def test_a_failure_shows_its_traceback(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        lost = failed("zoo", "scm")
        lost["error"]["traceback"] = 'Traceback …\n  File "a.py", line 7\nValueError: no luck\n'
        assert main(["show", "zoo/scm/0", str(store(tmp_path, [lost]).root)]) == 0
        shown = capsys.readouterr().out
        assert "scm · seed 0 · mitra_nano · failed\n" in shown
        assert lost["error"]["traceback"] in shown  # as it is: not in one line, no frame left out

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ([], "Which cell?"),
            (["nowhere.json"], "There is no record 'nowhere.json'"),
            (["nowhere.json", "results"], "'results' is a word too many"),
            (["heart/ctgan/0"], "No record under"),
        ],
    )
    def test_what_is_not_there_is_one_sentence(
        self, arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        more = [str(store(tmp_path).root)] if arguments and "/" in arguments[0] else []
        assert main(["show", *arguments, *more]) == 2
        error = capsys.readouterr().err
        assert told in error
        assert len(error.strip().splitlines()) == 1


def test_a_long_path_stays_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / ("long-" * 30))
    path = store.write(made("heart", "scm", [0.7, 0.75]))
    assert main(["show", "heart/scm/0", str(store.root)]) == 0
    assert str(path) in capsys.readouterr().out.splitlines()
