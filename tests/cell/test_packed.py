"""A pack is its records' files, bit for bit; and one from anybody is read without harm."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_values import JSON
from made_records import failed, made

from bench.cell import journal, packed
from bench.cell.packed import Faults, Pack, line_of, order, text_of, value_of
from bench.cell.record import SCHEMA_VERSION, encode, seal
from bench.cell.store import Store
from bench.cli import main
from bench.files import Unsound, digest, write_whole

RECORDS = [
    made("heart", "pretrained", [0.7]),
    made("heart", "default_ft", [0.7, 0.1 + 0.2, -0.0]),
    made("heart", "scm", [0.7, 0.69, 0.73], fold=1),
    made("tabarena/zoo", "scm", [0.7, 0.75]),
    failed("tabarena/zoo", "ctgan", "nu\u2028ll ‒ 'weiß' 🌡\n"),
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    kept = Store(tmp_path / "results")
    for record in RECORDS:
        kept.write(record)
    return kept


def contents(store: Store) -> dict[str, bytes]:
    found = (path for path in (store.root / "cells").rglob("*") if path.is_file())
    return {path.relative_to(store.root).as_posix(): path.read_bytes() for path in found}


def forge(store: Store, frames: list[tuple[str, bytes, dict[str, Any]]], **index: Any) -> None:
    """Write a pack whose checksums are right, whatever else is not."""
    told, body = [], b""
    for first, raw, changed in frames:
        part = pa.Codec("zstd").compress(raw, asbytes=True)
        of = {"first": first, "lines": raw.count(b"\n"), "packed": len(part), "size": len(raw)}
        told.append({**of, "sha256": packed.hashlib.sha256(part).hexdigest(), **changed})
        body += part
    text = json.dumps({"frames": told, "checksum": digest(told), **index}).encode()
    head = packed._HEAD.pack(packed._SKIPPED, len(text) + 4)
    store.root.mkdir(parents=True, exist_ok=True)
    store.pack_path.write_bytes(body + head + text + packed._FOOT.pack(len(text)))


def line(record: dict[str, Any]) -> bytes:
    return line_of(encode(seal(record)).encode()) + b"\n"


class TestIdentity:
    @given(JSON)
    @settings(max_examples=50)
    def test_a_record_written_by_encode_is_an_object_and_comes_back(self, value: Any):
        text = encode({"a": value}).encode()
        packed_line = line_of(text)
        assert packed_line.startswith(b"{")
        assert b"\n" not in packed_line
        assert text_of(packed_line) == text
        assert value_of(packed_line) == {"a": value}

    @pytest.mark.parametrize("text", [b'{"b":1,"a":2}', b'{\r\n "a": 1.0e2}\n\n', b" {}", b"[1]"])
    def test_a_file_of_another_layout_is_kept_as_its_text(self, text: bytes):
        packed_line = line_of(text)
        assert packed_line.startswith(b'"')
        assert text_of(packed_line) == text
        assert value_of(packed_line) == json.loads(text)

    @given(st.lists(st.binary(max_size=60).filter(lambda b: b"\n" not in b), min_size=1))
    @settings(max_examples=30)
    def test_lines_come_back_from_frames_of_any_size(self, lines: list[bytes]):
        file, frame, least = io.BytesIO(), packed.FRAME, packed.LEAST
        packed.FRAME, packed.LEAST = 100, 0
        try:
            packed.write(file, ((f"{i:05}", text) for i, text in enumerate(lines)))
            with open(os.memfd_create("pack"), "w+b") as real:
                real.write(file.getvalue())
                real.flush()
                read = Pack(real)
                assert [x for at in range(len(read.frames)) for x in read.lines(at)] == lines
                firsts = [int(f.first) for f in read.frames]
                for i in range(len(lines)):
                    at = read.where(f"{i:05}")
                    assert at is not None
                    assert firsts[at] <= i < ([*firsts, len(lines)][at + 1])
        finally:
            packed.FRAME, packed.LEAST = frame, least

    def test_pack_and_unpack_give_every_file_back_bit_for_bit(self, store: Store):
        hand = store.path(RECORDS[0]["cell"], RECORDS[0]["identity"]["hash"])
        hand.write_text(json.dumps(json.loads(hand.read_text()), indent=3))  # of another layout
        before, read = contents(store), store.survey()
        assert main(["pack", str(store.root)]) == 0
        assert contents(store) == {}
        assert not (store.root / "cells").exists()
        assert store.survey() == read
        assert main(["unpack", str(store.root)]) == 0
        assert contents(store) == before
        assert not store.pack_path.exists()

    def test_predictions_may_be_left_out(self, store: Store, capsys: pytest.CaptureFixture[str]):
        kept = {
            "classes": [0, 1],
            "labels": {"validation": "A" * 27 + "=", "test": "A" * 67 + "="},
            "steps": {"pretrained": {"validation": "A" * 80, "test": "A" * 200}},
        }
        record = made("wine", "pretrained", [0.7], predictions=kept)
        path = store.write(record)
        assert store.examine(path) == (seal(record), None)
        before = {r["identity"]["hash"]: r for r in store.records()}
        assert main(["pack", str(store.root), "predictions=false"]) == 0
        assert "\n1 record without predictions: " in capsys.readouterr().out
        after = {r["identity"]["hash"]: r for r in store.records()}
        assert not path.exists()
        assert after == before | {record["identity"]["hash"]: seal({**record, "predictions": {}})}

    def test_the_same_records_give_the_same_bytes_however_they_lay(self, store: Store):
        main(["pack", str(store.root)])
        packs = [store.pack_path.read_bytes()]
        main(["pack", str(store.root)])
        packs.append(store.pack_path.read_bytes())
        store.write(RECORDS[1])
        main(["pack", str(store.root)])
        packs.append(store.pack_path.read_bytes())
        assert contents(store) == {}
        assert packs[0] == packs[1] == packs[2]

    def test_other_tools_see_one_record_a_line(self, store: Store):
        main(["pack", str(store.root)])
        lines = pa.input_stream(store.pack_path, compression="zstd").read().splitlines()
        assert [json.loads(each)["status"] for each in lines] == [
            record["status"] for record in store.records()
        ]
        assert len(lines) == len(RECORDS)


class TestReading:
    def test_the_order_is_that_of_paths(self):
        places = ["cells/a-b/m/0.json", "cells/a/m/0.json", "cells/a/m-x/0.json", "cells/a b/m/0"]
        assert sorted(places, key=order) == [p.as_posix() for p in sorted(map(Path, places))]

    def test_a_loose_record_goes_before_the_packed_one(self, store: Store):
        main(["pack", str(store.root)])
        newer = RECORDS[2] | {"timings": {**RECORDS[2]["timings"], "cpu_seconds": 77.0}}
        path = store.write(newer)
        assert store.examine(path)[0] == seal(newer)
        assert [r["timings"]["cpu_seconds"] for r in store.records()].count(77.0) == 1
        assert len(list(store.records())) == len(RECORDS)
        assert main(["pack", str(store.root)]) == 0
        assert store.examine(path)[0] == seal(newer)
        assert not path.exists()

    def test_a_faulty_loose_file_is_told_and_the_packed_record_is_read(self, store: Store):
        main(["pack", str(store.root)])
        path = store.path(RECORDS[2]["cell"], RECORDS[2]["identity"]["hash"])
        path.parent.mkdir(parents=True)
        path.write_text("{")
        sound, faults = store.survey()
        assert len(sound) == len(RECORDS)
        assert list(faults) == [path]
        assert main(["pack", str(store.root)]) == 1  # it stays
        assert path.read_text() == "{"
        assert store.read(path) == seal(RECORDS[2])  # a run sets it aside
        assert not path.exists()
        assert main(["pack", str(store.root)]) == 0

    def test_one_record_is_found_by_unpacking_one_frame(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(packed, "FRAME", 1)
        paths = store.paths()
        main(["pack", str(store.root)])
        assert store.paths() == paths
        seen: list[int] = []
        lines = Pack.lines
        monkeypatch.setattr(Pack, "lines", lambda self, at: (seen.append(at), lines(self, at))[1])
        for i, path in enumerate(paths):
            record = store.read(path)
            assert record is not None
            assert store.path(record["cell"], record["identity"]["hash"]) == path
            assert seen == [i]
            seen.clear()
        assert store.look(RECORDS[0]["cell"], "0" * 64) == (None, None)

    def test_what_was_packed_while_the_folder_was_read_is_not_missed(self, store: Store):
        reading = store.entries()
        first = next(reading)
        main(["pack", str(store.root)])
        assert [first.record, *(e.record for e in reading)] == list(store.records())


CUT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda b: b"",
    "cut short": lambda b: b[:-1],
    "half": lambda b: b[: len(b) // 2],
    "its begin lost": lambda b: b[1:],
    "longer": lambda b: b + b"\0" * 4,
    "other bytes": lambda b: b"\xff" * len(b),
    "text": lambda b: b'{"a": 1}\n' * 50,
    "a bit of the index": lambda b: b[:-20] + bytes([b[-20] ^ 1]) + b[-19:],
}


LINES: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{" * 600 + b"\n", "no JSON: truncated or foreign"),
    "a key twice": (b'{"a": 1, "a": "' + b"x" * 600 + b'"}\n', "says 'a' twice"),
    "NaN": (b"NaN" + b" " * 600 + b"\n", "NaN is no number"),
    "a number": (b"1" + b" " * 600 + b"\n", "it is no record of this harness"),
    "a string in a string": (json.dumps('"x"' + " " * 600).encode() + b"\n", "no record of"),
    "half a character": (b'"\\ud800' + b" " * 600 + b'"\n', "no JSON of whole characters"),
    "a changed record": (line(RECORDS[0]).replace(b'"done"', b'"d0ne"'), "match its checksum"),
    "an old schema": (
        line(RECORDS[0]).replace(b'"schema_version":%d' % SCHEMA_VERSION, b'"schema_version":1'),
        "schema version 1",
    ),
}


class TestHostile:
    @pytest.mark.parametrize("kind", CUT)
    def test_what_is_no_pack_is_one_clause_and_loose_records_are_read(
        self, store: Store, kind: str, capsys: pytest.CaptureFixture[str]
    ):
        main(["pack", str(store.root)])
        store.pack_path.write_bytes(CUT[kind](store.pack_path.read_bytes()))
        store.write(RECORDS[0])
        sound, faults = store.survey()
        assert sound == [seal(RECORDS[0])]
        assert list(faults) == [store.pack_path]
        assert len(faults[store.pack_path]) < 300
        before = store.pack_path.read_bytes()
        capsys.readouterr()
        assert main(["pack", str(store.root)]) == 2
        assert "is damaged, as it" in capsys.readouterr().err.replace("its", "it")
        assert store.pack_path.read_bytes() == before
        assert len(contents(store)) == 1

    def test_a_run_sets_aside_what_is_no_pack(self, store: Store):
        store.pack_path.write_bytes(b"junk" * 9)
        path = store.path(RECORDS[0]["cell"], "0" * 64)
        assert store.read(path) is None
        assert not store.pack_path.exists()
        (note,) = (store.root / "set_aside").glob("records*.txt")
        assert "truncated or foreign" in note.read_text()

    def test_a_bit_in_a_frame_costs_that_frame_alone(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setattr(packed, "FRAME", 1)
        main(["pack", str(store.root)])
        read = list(store.records())
        text = bytearray(store.pack_path.read_bytes())
        text[50] ^= 1
        store.pack_path.write_bytes(text)
        sound, faults = store.survey()
        assert sound == read[1:]
        assert faults == {
            store.pack_path: "it has 1 record that cannot be used (for instance: a part of it does "
            "not match its checksum: it was edited or damaged)"
        }
        assert main(["unpack", str(store.root)]) == 1
        assert list(store.records()) == read[1:]
        assert not store.pack_path.exists()
        (aside,) = (store.root / "set_aside").glob("records*.zst")
        assert aside.read_bytes() == text

    def test_a_bomb_is_refused_without_being_unpacked(self, store: Store):
        big = packed.MOST_OF_A_FRAME
        raw = b"0" * (big - 1) + b"\n"
        forge(store, [("cells/a", raw, {"size": 600})])  # it says less than it holds
        assert "cannot be unpacked" in store.survey()[1][store.pack_path]
        forge(store, [("cells/a", b"0" * big + b"\n", {})])
        assert store.survey()[1][store.pack_path] == "its index is not one of a pack's"
        short = [(f"cells/{i:05}", b"1\n", {"size": big}) for i in range(4200)]
        forge(store, short)
        assert "would unpack to more than 34,359,738,368 bytes" in str(store.fault_of_pack())
        forge(store, [("cells/a", b"1\n" * 1000, {})])
        assert store.fault_of_pack() == "its lines are too short to be records"
        assert len(store.survey()[0]) == len(RECORDS)

    def test_a_line_is_no_larger_than_a_file_may_be(self):
        with pytest.raises(Unsound, match="more than the 4,194,304 that are read"):
            value_of(b'{"a": "' + b"x" * packed.MOST + b'"}')
        with pytest.raises(Unsound, match="more than the 4,194,304 that are read"):
            text_of(json.dumps("x" * packed.MOST + "x").encode())

    @pytest.mark.parametrize("kind", LINES)
    def test_a_line_that_is_no_sound_record_is_told_and_the_others_are_read(
        self, kind: str, tmp_path: Path
    ):
        bad, clause = LINES[kind]
        store = Store(tmp_path)
        forge(store, [("cells", bad + line(RECORDS[1]), {})])
        sound, faults = store.survey()
        assert sound == [seal(RECORDS[1])]
        assert clause in faults[store.pack_path]
        assert faults[store.pack_path].startswith("it has 1 record that cannot be used")
        assert faults[store.pack_path].isprintable()

    def test_a_cell_that_stands_twice_or_elsewhere_is_told(self, tmp_path: Path):
        store = Store(tmp_path)
        other = RECORDS[0] | {"timings": {**RECORDS[0]["timings"], "cpu_seconds": 9.0}}
        forge(store, [("cells", line(RECORDS[0]) + line(other), {})])
        sound, faults = store.survey()
        assert sound == [seal(RECORDS[0])] == [store.read(store.paths()[0])]
        assert "it stands there twice" in faults[store.pack_path]
        forge(store, [("cells", line(RECORDS[1]), {}), ("cells/i", line(RECORDS[0]), {})])
        sound, faults = store.survey()
        assert sound == [seal(RECORDS[1])]
        assert "it belongs elsewhere" in faults[store.pack_path]
        forge(store, [("cells/i", line(RECORDS[1]), {}), ("cells", line(RECORDS[0]), {})])
        assert store.fault_of_pack() == "its index is not in order"

    @pytest.mark.parametrize("kind", ["FIFO", "link", "folder"])
    def test_what_is_no_file_is_never_opened(self, store: Store, kind: str, tmp_path: Path):
        main(["pack", str(store.root)])
        away = store.pack_path.rename(tmp_path / "away")
        {"FIFO": os.mkfifo, "folder": os.mkdir}.get(kind, lambda p: os.symlink(away, p))(
            store.pack_path
        )
        sound, faults = store.survey()
        assert sound == []
        assert faults[store.pack_path].startswith(f"it is a {kind}")
        assert main(["pack", str(store.root)]) == 2
        assert main(["status", str(store.root)]) == 0
        assert away.stat().st_size > 500

    def test_many_faults_are_one_clause(self):
        faults = Faults()
        assert faults.told() is None
        faults.add("it is odd", 1000)
        faults.add("it is even")
        assert faults.told() == "it has 1,001 records that cannot be used (for instance: it is odd)"


class TestPackingIsWholeOrNothing:
    @pytest.mark.parametrize(
        "at",
        ["files.os.fsync", "files.os.replace", "pack.text_of", "pack.Pack", "packed._codec"],
    )
    def test_whatever_breaks_before_the_pack_stands_changes_nothing(
        self, store: Store, at: str, monkeypatch: pytest.MonkeyPatch
    ):
        before = contents(store)
        room = {"files": "bench.", "pack": "bench.verbs.", "packed": "bench.cell."}
        monkeypatch.setattr(f"{room[at.partition('.')[0]]}{at}", broken)
        assert main(["pack", str(store.root)]) != 0
        monkeypatch.undo()
        assert contents(store) == before
        assert not store.pack_path.exists()
        assert not list(store.root.glob(".*"))
        assert main(["pack", str(store.root)]) == 0

    @pytest.mark.parametrize("after", range(len(RECORDS)))
    @pytest.mark.parametrize("verb", ["pack", "unpack"])
    def test_killed_between_two_files_nothing_is_lost_and_again_finishes_it(
        self, store: Store, verb: str, after: int, monkeypatch: pytest.MonkeyPatch
    ):
        before, read = contents(store), store.survey()
        if verb == "unpack":
            main(["pack", str(store.root)])
        step = {"pack": "os.unlink", "unpack": "write_whole"}[verb]
        work = {"pack": os.unlink, "unpack": write_whole}[verb]
        done: list[Any] = []

        def until(*arguments: Any) -> None:
            if len(done) == after:
                raise KeyboardInterrupt
            done.append(arguments)
            work(*arguments)

        monkeypatch.setattr(f"bench.verbs.{verb}.{step}", until)
        assert main([verb, str(store.root)]) == 130
        monkeypatch.undo()
        assert store.survey() == read
        assert main([verb, str(store.root)]) == 0
        assert store.survey() == read
        assert contents(store) == ({} if verb == "pack" else before)

    def test_what_is_read_back_otherwise_is_no_pack(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        before, lines = contents(store), Pack.lines
        monkeypatch.setattr(Pack, "lines", lambda self, at: lines(self, at)[:-1])
        assert main(["pack", str(store.root)]) == 1
        assert "is not what was written" in capsys.readouterr().err
        monkeypatch.undo()
        assert contents(store) == before
        assert not store.pack_path.exists()

    def test_a_file_that_was_replaced_meanwhile_stays(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ):
        newer = RECORDS[2] | {"timings": {**RECORDS[2]["timings"], "cpu_seconds": 77.0}}
        replace = os.replace

        def then_a_run(*arguments: Any) -> None:
            replace(*arguments)
            monkeypatch.setattr("bench.files.os.replace", replace)
            store.write(newer)

        monkeypatch.setattr("bench.files.os.replace", then_a_run)
        assert main(["pack", str(store.root)]) == 0
        (path,) = (store.root / name for name in contents(store))
        assert store.examine(path)[0] == seal(newer)

    def test_what_lies_behind_a_link_is_neither_packed_nor_removed(
        self, store: Store, tmp_path: Path
    ):
        other = Store(tmp_path / "other")
        kept = other.write(RECORDS[1])
        main(["pack", str(store.root)])  # the same record is in the pack
        (store.root / "cells").mkdir()
        (store.root / "cells" / "heart").symlink_to(other.root / "cells" / "heart")
        assert main(["pack", str(store.root)]) == 1
        assert kept.is_file()
        assert main(["unpack", str(store.root)]) == 2  # nor written
        assert kept.is_file()
        assert store.pack_path.is_file()
        assert len(list(store.records())) == len(RECORDS)

    def test_neither_while_cells_are_being_run_nor_two_at_a_time(
        self, store: Store, capsys: pytest.CaptureFixture[str]
    ):
        with store.lock(RECORDS[0]["cell"], "0" * 64):
            assert main(["pack", str(store.root)]) == 2
        assert "are being run (heart-pretrained)" in capsys.readouterr().err
        with store.housekeeping():
            assert main(["pack", str(store.root)]) == 2
        assert "is being packed or unpacked already" in capsys.readouterr().err
        assert len(contents(store)) == len(RECORDS)

    @pytest.mark.long
    def test_killed_outright_nothing_is_lost(self, store: Store):
        before = store.survey()
        code = (
            "import os, signal, sys\nfrom bench import files\nfrom bench.cli import main\n"
            "files.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
            "main(['pack', sys.argv[1]])\n"
        )
        ended = subprocess.run([sys.executable, "-c", code, str(store.root)], check=False)
        assert ended.returncode == -9
        assert store.survey() == before
        assert main(["pack", str(store.root)]) == 0


def broken(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


class TestVerbs:
    def test_there_is_nothing_to_pack_or_unpack(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        (tmp_path / "cells").mkdir()
        assert main(["pack", str(tmp_path)]) == 2
        assert main(["unpack", str(tmp_path)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.splitlines() == [
            f"bench: no sound records under '{tmp_path}'.",
            f"bench: there is no '{tmp_path / packed.NAME}' to unpack.",
        ]
        assert not (tmp_path / packed.NAME).exists()

    def test_unpack_keeps_a_loose_record_and_sets_a_faulty_file_aside(
        self, store: Store, capsys: pytest.CaptureFixture[str]
    ):
        before = contents(store)
        main(["pack", str(store.root)])
        newer = RECORDS[2] | {"timings": {**RECORDS[2]["timings"], "cpu_seconds": 77.0}}
        kept = store.write(newer)
        faulty = store.path(RECORDS[0]["cell"], RECORDS[0]["identity"]["hash"])
        faulty.parent.mkdir(parents=True)
        faulty.write_text("{")
        capsys.readouterr()
        assert main(["unpack", str(store.root)]) == 0
        assert "4 records written" in capsys.readouterr().out
        after = contents(store)
        name = kept.relative_to(store.root).as_posix()
        assert after.pop(name) == encode(seal(newer)).encode()
        before.pop(name)
        assert after == before
        assert len(list((store.root / "set_aside").rglob("*.json"))) == 1

    @pytest.mark.long
    @pytest.mark.parametrize(
        "verb",
        [
            ["status"],
            ["report", "analysis.resamples=20"],
            ["verify", "n=0"],
            ["show", "heart/scm/1"],
        ],
    )
    def test_a_verb_prints_of_packed_records_what_it_prints_of_loose_ones(
        self, store: Store, verb: list[str], capsys: pytest.CaptureFixture[str]
    ):
        told = []
        for _ in range(2):
            capsys.readouterr()
            code = main([*verb, str(store.root)])
            told.append((code, capsys.readouterr().out.replace(" (packed)", "")))
            main(["pack", str(store.root)])
        assert told[0] == told[1]
        assert told[0][1]

    def test_a_packed_record_is_shown_by_the_path_it_would_have(
        self, store: Store, capsys: pytest.CaptureFixture[str]
    ):
        (path,) = (p for p in store.paths() if "default_ft" in p.parts)
        main(["pack", str(store.root)])
        capsys.readouterr()
        assert main(["show", str(path)]) == 0
        assert f"{path} (packed)" in capsys.readouterr().out.replace("\n", " ").replace("  ", " ")
        assert main(["show", str(path.with_name("0-00000000.json"))]) == 2

    def test_diff_reads_a_packed_folder_beside_a_loose_one(
        self, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        other = Store(tmp_path / "other")
        for record in RECORDS:
            other.write(record)
        main(["pack", str(other.root)])
        assert main(["diff", str(store.root), str(other.root)]) == 0
        n = len(RECORDS)
        last = capsys.readouterr().out.splitlines()[-1]
        assert last == f"Reproduced: {n} of {n} cells, {n} to the bit."

    def test_the_page_names_a_packed_record_and_links_a_loose_one(self, store: Store):
        main(["pack", str(store.root)])
        loose = store.write(RECORDS[1]).relative_to(store.root).as_posix()
        main(["report", "analysis.resamples=9", str(store.root)])
        page = (store.root / "report" / "index.html").read_text(encoding="utf-8")
        assert re.findall(r"cells/[^\"]+json", page) == [loose]
        assert f'"{RECORDS[0]["identity"]["hash"][:8]}"' in page

    @pytest.mark.long
    def test_a_packed_record_is_not_made_again_and_is_planned_as_done(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        store = Store(tmp_path / "r")
        words = ["dataset=iris", "method=pretrained", f"results_dir={store.root}"]
        assert main(["run", *words]) == 0
        (record,) = store.records()
        assert main(["pack", str(store.root)]) == 0
        assert main(["run", *words]) == 0
        assert contents(store) == {}
        assert [event["made"] for event in journal.read(store.journal).events] == [True, False]
        capsys.readouterr()
        assert main(["plan", *words]) == 0
        assert "done            1" in capsys.readouterr().out
        assert main(["run", *words, "rerun=all"]) == 0  # the new one is loose, and goes before
        assert len(contents(store)) == 1
        (again,) = store.records()
        assert again["timings"]["started"] > record["timings"]["started"]
        store.pack_path.write_bytes(b"junk" * 9)
        assert main(["plan", *words]) == 0
        assert f"{store.pack_path}: it is no pack of records" in capsys.readouterr().out
