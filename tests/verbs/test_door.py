"""Whatever a verb raises, prints to, or is sent: a sentence, an exit code, never a trace."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import joblib
import pytest
from hydra.errors import ConfigCompositionException, HydraException
from made_records import made
from openml_server import generated, serving

from bench import cli
from bench.cell.store import Store
from bench.cli import main
from bench.datasets.openml import read as openml
from bench.errors import BadInput, ModelError, TableError
from bench.generator import NotApplicable
from bench.report.write import report
from bench.sweep import output
from bench.sweep.interrupt import Terminated
from bench.verbs import _door as door

BENCH = [sys.executable, "-m", "bench"]
LOST = "nothing that was done is lost, run it again"


def ended(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and words of a verb that raises."""

    def work() -> int:
        raise error

    code = door.guarded(work, only_prints=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return code, err


class JoblibError(Exception):
    """As a launcher's, by its module."""


JoblibError.__module__ = "joblib.externals.loky.process_executor"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (BadInput("No fold 31."), 2, "No fold 31."),
        (TableError("Column 'a' is empty."), 2, "Column 'a' is empty."),
        (NotApplicable("Class 'c' has one row."), 2, "Class 'c' has one row."),
        (ModelError("Folder 'b' lacks config.json."), 2, "Folder 'b' lacks config.json."),
        (ConfigCompositionException("Could not find 'x'"), 2, "Could not find 'x'"),
        (
            HydraException("Ambiguous value for argument 'fold=0,1'\n1. To use it as a list, use"),
            2, "fold=0,1 lists several values; with -m each is run.",
        ),
        (KeyboardInterrupt(), 130, "stopped; run the same command again to go on."),
        (Terminated(), 143, "ended by SIGTERM; run the same command again to go on."),
        (RecursionError("maximum"), 2, "Something that was given is nested too deeply to be read."),
        (MemoryError(), 1, "the memory did not suffice; nothing that was done is lost."),
        (
            OSError(errno.ENOSPC, "No space left on device", "r/report/tables.md"),
            1, f"r/report/tables.md: No space left on device; {LOST} when there is room.",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "/cd/r"),
            1, f"/cd/r: Read-only file system; {LOST} with a folder that can be written to.",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", b"/r"),
            1, f"/r: Permission denied; {LOST} with a folder that can be written to.",
        ),
        (OSError(errno.ENAMETOOLONG, "File name too long", "aaa"), 1, "with a shorter name."),
        (OSError(errno.EIO, "Input/output error"), 1, f"Input/output error; {LOST}."),
        (OSError("the lock is held"), 1, f"the lock is held; {LOST}."),
        (JoblibError("a worker was killed"), 1, "the launcher lost a job (a worker was killed)"),
    ],
)  # fmt: skip
def test_what_is_raised_is_one_sentence(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    found, told = ended(error, capsys)
    assert found == code
    assert told.startswith("bench: ")
    assert words in told
    assert told.count("\n") == 1


def test_a_launcher_that_cannot_work_as_it_is_set_is_bad_input(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = door.guarded(lambda: len(joblib.Parallel(n_jobs=0)([])), only_prints=False)
    assert code == 2
    told = capsys.readouterr().err
    assert told.startswith("bench: the launcher cannot work as it is set (n_jobs == 0 in Parallel")


def test_what_a_launcher_hands_on_of_a_job_is_the_jobs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def job(word: str) -> int:
        return int(word)

    def work() -> int:
        return len(joblib.Parallel(n_jobs=1)([joblib.delayed(job)("x")]))

    assert door.guarded(work, only_prints=False) == 3
    told = capsys.readouterr().err
    assert "this is a bug of ours (ValueError: invalid literal for int()" in told


def test_a_long_name_is_cut_and_no_sign_of_it_is_obeyed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "\x1b[31m" + "x" * 5000
    code, told = ended(OSError(errno.ENAMETOOLONG, "File name too long", name), capsys)
    assert code == 1
    assert "\x1b" not in told
    assert len(told) < 500


def test_a_bug_of_ours_says_so_where_to_report_it_and_where_its_trace_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code, told = ended(KeyError("größe"), capsys)
    (trace,) = tmp_path.glob("bench-trace-*.txt")
    assert code == 3
    assert told == (
        f"bench: this is a bug of ours (KeyError: 'größe'); please report it to {door.tracker()} "
        f"with the trace in {trace}.\n"
    )
    text = trace.read_text(encoding="utf-8")
    assert text.startswith("Traceback (most recent call last)")
    assert "raise error" in text
    assert text.endswith("KeyError: 'größe'\n")


def test_a_trace_that_cannot_be_written_is_told_by_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
    code, told = ended(KeyError("x"), capsys)
    assert code == 3
    assert "its trace could not be written: No space left on device; the end of it is File" in told
    assert "test_door.py" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(("given", "code"), [(2, 2), (None, 0), ("no", 1)])
def test_an_exit_is_its_code(given: Any, code: int) -> None:
    def work() -> int:
        raise SystemExit(given)

    assert door.guarded(work, only_prints=True) == code


def broken_pipe() -> int:
    """The writing end of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize(
    ("only_prints", "device", "code", "done"),
    [
        (False, "pipe", 0, True),  # a sweep goes on, its work is not lost
        (True, "pipe", 141, False),  # as any tool that prints
        (False, "/dev/full", 1, True),
        (True, "/dev/full", 1, False),
    ],
)
def test_output_that_breaks_ends_only_what_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    buffered: bool, only_prints: bool, device: str, code: int, done: bool,
) -> None:  # fmt: skip
    fd = broken_pipe() if device == "pipe" else os.open(device, os.O_WRONLY)
    raw = io.FileIO(fd, "w")
    stream = io.TextIOWrapper(io.BufferedWriter(raw) if buffered else raw, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "__stdout__", stream)
    monkeypatch.setattr(output, "STDOUT", fd)
    ended = []

    def work() -> int:
        for _ in range(3):
            print("größer – a line", flush=True)
        ended.append(True)
        return 0

    assert door.guarded(work, only_prints) == code
    assert bool(ended) is done
    told = capsys.readouterr().err
    full = "bench: standard output cannot be written: No space left on device.\n"
    assert told == (full if device == "/dev/full" else "")


def test_every_character_gets_out_of_an_ascii_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    raw = io.FileIO(writer, "w")
    stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "__stdout__", stream)
    monkeypatch.setattr(output, "STDOUT", writer)
    assert door.guarded(lambda: print("fold 0…29 \udcff") or 0, only_prints=True) == 0
    assert os.read(reader, 100) == b"fold 0?29 ?\n"
    os.close(reader)


@pytest.mark.parametrize("word", ["path=gr\udcc3\udcb6\udcc3\udc9fe.csv", "\udcff"])
def test_a_word_that_is_no_text_is_refused(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert main(["run", word]) == 2
    told = capsys.readouterr().err
    assert f"bench: {word!a} holds characters that are no " in told
    assert "set PYTHONUTF8=1" in told


class TestTheProcess:
    """What only a process of its own shows."""

    def test_help_into_a_terminal_of_ascii(self) -> None:
        poor = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
        run = subprocess.run([*BENCH, "--help"], env=poor, capture_output=True, check=False)
        assert (run.returncode, run.stderr) == (0, b"")
        assert b"fold=0?29" in run.stdout

    @pytest.mark.parametrize("redirected", [">&-", ">/dev/full"])
    def test_output_that_nobody_can_write_to(self, redirected: str) -> None:
        command = f'"{sys.executable}" -m bench --help {redirected}'
        run = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        reason = "it is closed" if redirected == ">&-" else "No space left on device"
        assert run.returncode == 1
        assert run.stderr == f"bench: standard output cannot be written: {reason}.\n"


class TestAFullDisk:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path / "results"
        for dataset in ("heart", "zoo"):
            for method, curve in (("pretrained", [0.7]), ("default_ft", [0.7, 0.72])):
                Store(root).write(made(dataset, method, curve))
        return root

    @pytest.mark.long
    @pytest.mark.parametrize("goes_well", [0, 7])
    def test_a_report_that_does_not_fit_leaves_the_one_before_readable(
        self, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
        goes_well: int,
    ) -> None:  # fmt: skip
        assert report(root, figures=False) == 0
        before = {p: p.read_bytes() for p in (root / "report").rglob("*") if p.is_file()}
        capsys.readouterr()
        sync, left = os.fsync, [2 * goes_well]  # a file and its folder

        def full(fd: int) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            sync(fd)

        monkeypatch.setattr(os, "fsync", full)
        assert door.guarded(lambda: report(root, figures=False), only_prints=False) == 1
        told = capsys.readouterr().err
        assert told.startswith(f"bench: {root / 'report'}/")  # the file that did not fit
        assert told.endswith(f": No space left on device; {LOST} when there is room.\n")
        assert told.count("\n") == 1
        after = {p: p.read_bytes() for p in (root / "report").rglob("*") if p.is_file()}
        assert after == before  # the same records: what was written is what was there

    def test_a_table_that_cannot_be_kept_is_named_and_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(fd: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with serving() as server:
            server.add(generated(7))
            monkeypatch.setattr(os, "fsync", full)
            with pytest.raises((OSError, TableError), match="No space left on device"):
                openml.load(7, str(tmp_path), server=server.url)
        assert [p.name for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".lock"] == []


@pytest.mark.parametrize("verb", cli.names())
@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt, 130), (PermissionError, 1), (ZeroDivisionError, 3)]
)
def test_the_door_stands_around_every_verb(
    verb: str, error: type[BaseException], code: int, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def work(words: list[str]) -> int:
        raise error

    monkeypatch.setattr(f"bench.verbs.{verb}.main", work)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main([verb]) == code
    told = capsys.readouterr().err
    assert told.startswith("bench: ")
    assert told.count("\n") == 1
