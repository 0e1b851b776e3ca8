"""A record is there whole or not at all, and only a sound one is read."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import Timeout
from hypothesis import given
from hypothesis import strategies as st
from made_records import made

from bench.cell import journal, synthetic
from bench.cell import store as storing
from bench.cell.record import KEYS, encode, fault, results_of, seal
from bench.cell.store import Store
from bench.files import Unsound, write_whole
from bench.table import Table

LOSSES = [0.1 + 0.2, 5e-324, -0.0, 1.7976931348623157e308]
FLOATS = [0.1 + 0.2, 1 / 3]


def record(**changed: Any) -> dict[str, Any]:
    curve = [0.5, *FLOATS[:2], 0.8449999999999999]
    whole = made("iris", "default_ft", curve, fold=2, chosen=1)
    whole["settings"]["finetune"] |= {"lr": 1e-4, "clip_norm": None}
    whole["data"]["notes"] = ["Klasse 'weiß' – zu selten"]
    whole["metrics"]["chosen"]["test"]["roc_auc_ovr"] = None
    whole["curves"]["test"]["log_loss"] = LOSSES
    whole["timings"]["cpu_seconds"] = 0.25
    return whole | changed


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


def files(store: Store) -> list[str]:
    return sorted(str(p.relative_to(store.root)) for p in store.root.rglob("*") if p.is_file())


class TestRoundTrip:
    def test_a_record_comes_back_as_it_was_written(self, store: Store):
        path = store.write(record())
        expected = store.root / "cells" / "iris" / "default_ft"
        assert path == expected / f"2-{record()['identity']['hash'][:8]}.json"
        assert store.read(path) == seal(record())
        assert set(store.read(path)) == KEYS
        assert files(store) == [str(path.relative_to(store.root))]

    def test_floats_keep_every_bit(self, store: Store):
        read = store.read(store.write(record()))["curves"]["test"]["log_loss"]
        assert [x.hex() for x in read] == [x.hex() for x in LOSSES]

    @given(st.lists(st.floats(0, allow_infinity=False), min_size=4, max_size=4))
    def test_any_floats_keep_every_bit(self, values: list[float]):
        curves = record()["curves"] | {"test": {"log_loss": values}}
        read = json.loads(encode(seal(record(curves=curves))))
        assert fault(read) is None
        assert [x.hex() for x in read["curves"]["test"]["log_loss"]] == [x.hex() for x in values]

    def test_a_value_that_json_lacks_is_refused_before_anything_is_written(self, store: Store):
        with pytest.raises(ValueError, match="JSON"):
            store.write(record(curves={"x": [float("nan")]}))
        assert files(store) == []

    def test_writing_again_replaces(self, store: Store):
        store.write(record(chosen_step=4))
        path = store.write(record(chosen_step=2))
        assert store.read(path)["chosen_step"] == 2
        assert len(files(store)) == 1

    def test_a_record_that_was_never_written_is_none(self, store: Store):
        assert store.read(store.path(record()["cell"], "0" * 64)) is None
        assert list(store.records()) == []
        assert not store.root.exists()

    def test_records_come_in_the_order_of_their_paths(self, store: Store):
        for dataset in ("wine", "tabarena/credit-g", "iris"):
            store.write(record(cell=record()["cell"] | {"dataset": dataset}))
        read = [r["cell"]["dataset"] for r in store.records()]
        assert read == ["iris", "tabarena/credit-g", "wine"]

    def test_equal_results_differ_in_nothing_but_their_timings(self):
        one = results_of(seal(record()))
        assert one == results_of(seal(record(timings=record()["timings"] | {"started": 99.0})))
        assert one != results_of(seal(record(chosen_step=5)))
        assert set(one) == KEYS - {"timings", "checksum"}


def forged() -> dict[str, Any]:
    identity: dict[str, Any] = record()["identity"]
    return identity | {"parts": identity["parts"] | {"seed": 7}}


def edited(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


FAULTS = {
    "truncated": (lambda t: t[: len(t) // 2], "no JSON"),
    "empty": (lambda t: "", "no JSON"),
    "foreign bytes": (lambda t: "\udcff\udcfe", "no JSON"),
    "a list": (lambda t: "[1, 2]", "no record of this harness"),
    "a foreign object": (lambda t: '{"accuracy": 1.0}', "no record of this harness"),
    "metric edited": (lambda t: edited(t, repr(FLOATS[0]), "0.99"), "does not match its checksum"),
    "metric made NaN": (lambda t: edited(t, repr(FLOATS[0]), "NaN"), "no JSON"),
    "status edited": (lambda t: edited(t, '"done"', '"failed"'), "does not match its checksum"),
    "timings edited": (lambda t: edited(t, "0.25", "0.5"), "does not match its checksum"),
    "other schema": (
        lambda t: edited(t, '"schema_version": 6', '"schema_version": 1'),
        "schema version 1, expected 6",
    ),
    "key added": (
        lambda t: encode(seal(record(more=1))),
        "keys differ from the schema's: ['more']",
    ),
    "key lost": (
        lambda t: encode(seal({k: v for k, v in record().items() if k != "curves"})),
        "keys differ from the schema's: ['curves']",
    ),
    "identity forged": (
        lambda t: encode(seal(record(identity=forged()))),
        "identity hash does not match",
    ),
    "unknown status": (
        lambda t: encode(seal(record(status="fine"))),
        "'not_applicable', not 'fine'",
    ),
    "another cell's": (
        lambda t: encode(seal(record(cell=record()["cell"] | {"fold": 3}))),
        "does not belong under this name",
    ),
}


class TestDamage:
    @pytest.mark.parametrize("kind", FAULTS)
    def test_what_is_no_sound_record_is_set_aside_with_a_note(self, store: Store, kind: str):
        damage, reason = FAULTS[kind]
        path = store.write(record())
        spoilt = damage(path.read_text()).encode(errors="surrogateescape")
        path.write_bytes(spoilt)
        assert store.read(path) is None
        assert not path.exists()
        assert store.read(path) is None
        aside = store.root / "set_aside" / "iris" / "default_ft"
        (kept,) = aside.glob("*.json")
        (note,) = aside.glob("*.txt")
        assert kept.read_bytes() == spoilt
        assert reason in note.read_text()
        assert path.name in note.read_text()
        (event,) = map(json.loads, store.journal.read_text().splitlines())
        assert (event["event"], event["path"]) == ("set_aside", str(path))
        assert reason in event["reason"]

    def test_the_cell_can_be_written_again_and_the_damaged_one_stays_aside(self, store: Store):
        path = store.write(record())
        for _ in range(2):
            path.write_text("{")
            assert store.read(path) is None
            store.write(record())
        assert store.read(path) == seal(record())
        assert len(list((store.root / "set_aside").rglob("*.json"))) == 2

    def test_a_damaged_record_does_not_hide_the_others(self, store: Store):
        for fold in range(3):
            path = store.write(record(cell=record()["cell"] | {"fold": fold}))
        path.write_text("nonsense")
        assert [r["cell"]["fold"] for r in store.records()] == [0, 1]

    def test_a_file_that_another_process_has_set_aside_is_no_error(self, store: Store):
        path = store.write(record())
        path.unlink()
        store.set_aside(path, "it is gone")
        assert store.read(path) is None


class TestCrash:
    @pytest.mark.parametrize("call", ["fsync", "replace"])
    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    def test_a_crash_while_writing_leaves_nothing(
        self,
        store: Store,
        call: str,
        error: BaseException,
        monkeypatch: pytest.MonkeyPatch,
    ):
        def crash(*_: Any) -> None:
            raise error

        monkeypatch.setattr(storing.os, call, crash)
        with pytest.raises(type(error)):
            store.write(record())
        assert files(store) == []

    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_a_crash_while_replacing_keeps_the_old_record(
        self, store: Store, call: str, monkeypatch: pytest.MonkeyPatch
    ):
        path = store.write(record(chosen_step=4))

        def crash(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(storing.os, call, crash)
        with pytest.raises(OSError, match="No space"):
            store.write(record(chosen_step=2))
        assert store.read(path)["chosen_step"] == 4
        assert len(files(store)) == 1

    @pytest.mark.long
    def test_a_reader_never_sees_half_a_file(self, tmp_path: Path):
        """Killed in the midst of it, at any moment: the old content or the new one is there."""
        path = tmp_path / "file"
        write_whole(path, b"0" * 200_000)
        script = (
            "import sys; from pathlib import Path; from bench.cell.store import write_whole\n"
            "print('go', flush=True)\n"
            "while True:\n"
            "    for c in b'ab': write_whole(Path(sys.argv[1]), bytes([c]) * 200_000)\n"
        )
        writer = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
        writer.stdout.readline()
        try:
            for _ in range(50):
                content = path.read_bytes()
                assert len(content) == 200_000
                assert len(set(content)) == 1
        finally:
            writer.kill()
            writer.wait()
            writer.stdout.close()
        assert len(set(path.read_bytes())) == 1

    def test_what_a_killed_writer_left_is_no_record(self, store: Store):
        path = store.write(record())
        path.with_name(f".{path.name}.4711.tmp").write_text('{"half')
        assert len(list(store.records())) == 1


HOLDER = """
import sys, time
from bench.cell.store import Store
with Store(sys.argv[1]).lock({"dataset": "a/b", "method": "m"}, "f" * 64):
    print("held", flush=True)
    time.sleep(60)
"""


class TestLock:
    cell = {"dataset": "a/b", "method": "m"}  # noqa: RUF012 (never changed)

    @pytest.mark.long
    def test_a_second_process_waits_until_the_first_dies(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ):
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(store.root)], stdout=subprocess.PIPE
        )
        try:
            assert holder.stdout.readline() == b"held\n"
            with monkeypatch.context() as patient:
                waiting = storing.FileLock
                patient.setattr(storing, "FileLock", lambda path: waiting(path, timeout=0.2))
                with pytest.raises(Timeout), store.lock(self.cell, "f" * 64):
                    pass
                with store.lock(self.cell, "e" * 64):
                    pass  # another cell is free
        finally:
            holder.kill()
            holder.wait()
            holder.stdout.close()
        start = time.monotonic()
        with store.lock(self.cell, "f" * 64):
            assert time.monotonic() - start < 5

    @pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda p: p.symlink_to("/etc/hosts")])
    def test_what_stands_in_a_locks_place_is_set_aside(
        self, store: Store, make: Callable[[Path], Any]
    ):
        with store.lock(self.cell, "f" * 64):
            (path,) = (store.root / "locks").iterdir()
        path.unlink()
        make(path)
        with store.lock(self.cell, "f" * 64) as ours:
            assert ours
            assert path.is_file()
            assert not path.is_symlink()
        assert len(list((store.root / "set_aside" / "locks").glob("*.txt"))) == 1

    def test_a_failure_frees_the_lock(self, store: Store):
        with pytest.raises(RuntimeError), store.lock(self.cell, "f" * 64):
            raise RuntimeError
        with store.lock(self.cell, "f" * 64):
            pass


class TestJournal:
    def test_one_line_an_event_in_order(self, store: Store):
        for i in range(3):
            store.log({"event": "cell", "cell": f"größe {i}\nzwei"})
        lines = [json.loads(line) for line in store.journal.read_text().splitlines() if line]
        assert [line["cell"] for line in lines] == [f"größe {i}\nzwei" for i in range(3)]
        times = [line["time"] for line in lines]
        assert times == sorted(times)
        assert abs(times[-1] - time.time()) < 60

    @pytest.mark.long
    def test_the_lines_of_several_processes_do_not_mix(self, store: Store):
        script = (
            "import sys; from bench.cell.store import Store\n"
            "for i in range(200): Store(sys.argv[1]).log({'who': sys.argv[2] * 100, 'i': i})\n"
        )
        writers = [
            subprocess.Popen([sys.executable, "-c", script, str(store.root), who]) for who in "ab"
        ]
        assert [w.wait() for w in writers] == [0, 0]
        lines = [json.loads(line) for line in store.journal.read_text().splitlines() if line]
        for who in "ab":
            assert [line["i"] for line in lines if line["who"] == who * 100] == list(range(200))


def train() -> Table:
    X = pd.DataFrame(
        {
            "size": [0.1 + 0.2, np.nan, -0.0, 1e300],
            "count": [1.0, np.nan, 3.0, -4.0],
            "self": pd.Categorical(["ä", None, "b c", "b c"], categories=["b c", "", "ä"]),
            "nothing": pd.Categorical([None] * 4, categories=[]),
        }
    )
    kinds = dict.fromkeys(X, "categorical") | {"size": "numeric", "count": "integer"}
    return Table("made", X, np.array([2, 0, 0, 2]), kinds, ("x", "y", "z"), "class")


def replaced(content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(content)

    return damage


def of_others(**decides: Any) -> Callable[[Path], None]:
    """A whole file of ours, written for other parts."""
    return lambda path: replaced(synthetic._encode(train(), {}, decides))(path)


def resealed(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    """A file that was changed on purpose, its hash made anew."""

    def damage(path: Path) -> None:
        content = pq.read_table(path)
        metadata = content.schema.metadata | {synthetic.SEAL: synthetic.UNSEALED}
        buffer = io.BytesIO()
        pq.write_table(change(content).replace_schema_metadata(metadata), buffer)
        path.write_bytes(synthetic._sealed(buffer.getvalue()))

    return damage


def put(name: str, values: list[Any]) -> Callable[[pa.Table], pa.Table]:
    def change(content: pa.Table) -> pa.Table:
        at = content.schema.names.index(name)
        return content.set_column(at, name, pa.array(values, type=content.schema.field(at).type))

    return change


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def turned_into(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[40] ^= 4
    path.write_bytes(content)


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "a flipped bit": (bit, "does not match its hash"),
    "truncated": (half, "no hash of its content"),
    "empty": (replaced(b""), "no hash of its content"),
    "foreign": (replaced(b"nonsense " * 20), "no hash of its content"),
    "another seed's": (of_others(rows=4, seed=1), "another generator, other rows or another seed"),
    "no rows": (resealed(lambda c: c.slice(0, 0)), "it has 0 rows, not the 4"),
    "fewer rows": (resealed(lambda c: c.slice(1)), "it has 3 rows, not the 4"),
    "a lost column": (resealed(lambda c: c.drop_columns(["x1"])), "a column is lost"),
    "classes out of range": (resealed(put("y", [0, 1, 2, 9])), "class codes outside 0 … 2"),
    "an unknown level": (resealed(put("x2", ["ä", None, "ö", None])), "'ö' is no known level"),
    "other numbers": (resealed(put("x0", [1.0, 2.0, 3.0, 4.0])), "not those that it says"),
    "another type": (
        resealed(lambda c: c.set_column(0, "x0", pa.array([1, 2, 3, 4]))),
        "of another type",
    ),
    "a folder": (turned_into(Path.mkdir), "it is a folder"),
    "a FIFO": (turned_into(os.mkfifo), "it is a FIFO"),
    "a link": (turned_into(lambda p: p.symlink_to("/dev/zero")), "it is a link"),
    "endless": (lambda p: os.truncate(p, 2**40), "bytes, more than the"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "results" / "synthetic"


class TestSharedRows:
    """The synthetic table of a cell, made by the first method that asks for it."""

    def test_the_second_reader_gets_the_same_bits(self, folder: Path):
        rows = train().take([3, 1, 0, 2, 1])
        found = {"edges": 3.25, "cut": {"seconds": 1}}
        decides = {"seed": 0, "rows": 5}
        made, facts, timing = synthetic.shared(folder, decides, train(), lambda: (rows, found))
        read, facts_again, again = synthetic.shared(folder, decides, train(), lambda: 1 / 0)
        assert made.fingerprint() == read.fingerprint() == rows.fingerprint()
        assert facts == facts_again == found
        for name in rows.numeric:
            assert read.X[name].to_numpy().tobytes() == made.X[name].to_numpy().tobytes()
        assert (timing["shared"], again["shared"]) == (False, True)

    def test_other_parts_decide_another_table(self, folder: Path):
        def make(row: int):
            return lambda: (train().take([row]), {"row": row})

        synthetic.shared(folder, {"seed": 0, "rows": 1}, train(), make(0))
        other, facts, timing = synthetic.shared(folder, {"seed": 1, "rows": 1}, train(), make(1))
        assert facts == {"row": 1}
        assert other.y.tolist() == [0]
        assert not timing["shared"]

    def test_a_tables_columns_may_be_called_as_the_stores_are(self, folder: Path):
        """Each name that the store has ever used holds the table's own numbers."""
        names = ("y", "origin", "x0", "x1", "__origin__", "__class_code__", "__index_level_0__")
        X = pd.DataFrame({name: [float(i), 10.0 + i, 20.0] for i, name in enumerate(names)})
        kinds = dict.fromkeys(names, "numeric")
        origins = np.array([2**63 + 1, 2, 3], dtype=np.uint64)
        table = Table("own", X, np.array([1, 0, 1]), kinds, ("a", "b"), "target", origins=origins)
        for _ in range(2):
            read, *_ = synthetic.shared(folder, {"rows": 3}, table, lambda: (table, {}))
            pd.testing.assert_frame_equal(read.X, X)
            assert read.y.tolist() == [1, 0, 1]
            assert read.origins is not None
            assert read.origins.tolist() == [2**63 + 1, 2, 3]

    def test_another_number_of_rows_is_the_generators_fault(self, folder: Path):
        with pytest.raises(ValueError, match="drew 4 rows, not 5"):
            synthetic.shared(folder, {"rows": 5}, train(), lambda: (train(), {}))
        assert not list(folder.glob("*.parquet"))

    def test_one_flipped_bit_anywhere_is_seen(self, folder: Path):
        decides = {"rows": 4}
        synthetic.shared(folder, decides, train(), lambda: (train(), {"edges": 2}))
        (path,) = folder.glob("*.parquet")
        sound = path.read_bytes()
        for at in {*range(0, len(sound), 61), len(sound) - 1}:
            flipped = bytearray(sound)
            flipped[at] ^= 1 << (at % 8)
            path.write_bytes(flipped)
            with pytest.raises(Unsound):
                synthetic._read(path, decides, train())

    @pytest.mark.parametrize("kind", BROKEN)
    def test_what_is_not_what_was_written_is_set_aside_and_made_again(
        self, kind: str, folder: Path
    ):
        decides, reason = {"rows": 4, "seed": 0}, BROKEN[kind][1]

        def make():
            return train(), {"edges": 2}

        synthetic.shared(folder, decides, train(), make)
        (path,) = folder.glob("*.parquet")
        sound = path.read_bytes()
        BROKEN[kind][0](path)
        table, facts, timing = synthetic.shared(folder, decides, train(), make)
        assert facts == {"edges": 2}
        assert table.fingerprint() == train().fingerprint()
        assert not timing["shared"]
        assert path.read_bytes() == sound
        (note,) = (folder.parent / "set_aside" / "synthetic").glob("*.txt")
        assert reason in note.read_text()
        (event,) = journal.read(Store(folder.parent).journal).events
        assert event["event"] == "set_aside"
        assert reason in event["reason"]

    def test_a_failing_generator_leaves_no_table(self, folder: Path):
        with pytest.raises(ZeroDivisionError):
            synthetic.shared(folder, {"rows": 4}, train(), lambda: 1 / 0)
        assert not list(folder.glob("*.parquet"))
        assert not [name for name in os.listdir(folder) if name.endswith(".tmp")]

    def test_copies_of_training_rows_are_counted(self):
        rows = train().take([0, 0, 2])
        X = rows.X.assign(size=[0.1 + 0.2, 0.5, 0.0])
        told = synthetic.facts(rows.with_rows(X, rows.y), train())
        assert (told["rows"], told["copies_of_training_rows"]) == (3, 2)
        assert told["class_counts"] == [1, 0, 2]
