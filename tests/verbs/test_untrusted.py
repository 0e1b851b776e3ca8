"""Whatever lies in a results folder is named once; nothing hangs; the sound records are read."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from json_values import JSON
from made_records import adapted, failed, made

from bench.analysis.settings import settings as reading
from bench.cell import journal
from bench.cell.packed import MOST
from bench.cell.record import SCHEMA_VERSION, encode, fault, results_of, seal
from bench.cell.store import Store
from bench.cli import main
from bench.files import DEEPEST, Unsound, content, digest, parse_json
from bench.report.write import report
from bench.scores import scores_of
from bench.sweep import costs

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
KEPT = [pack.parent for pack in REFERENCE.glob("*/records.jsonl.zst")]
GOOD = [
    made("heart", "pretrained", [0.7]),
    made("heart", "default_ft", [0.7, 0.72, 0.71]),
    made("heart", "scm", [0.7, 0.69, 0.73]),
]


def whole() -> dict[str, Any]:
    """A record in which every part of the schema is there."""
    record = made("zoo", "scm", [0.7, 0.75, None], validation=[0.6, 0.8, 0.7], chosen=1)
    record["curves"]["train_loss"] = [None, 0.4, 0.3]
    record["curves"]["test"]["log_loss"] = [0.5, 0.5, 0.5]
    record["synthetic"] = {
        "key": "ab" * 16,
        "rows": 5,
        "class_counts": [2, 3],
        "copies_of_training_rows": 1,
        "fingerprint": "f00d" * 16,
        "generator": {"nodes": 3, "cut": {"seconds": 1}},
        "quality": {"detection_auc": 0.5, "distance_to_closest": None},
    }
    record["timings"]["generation"] = {"shared": False, "seconds": 1.0, "phases": {"fit": 0.5}}
    told = {score.name: 0.25 for score in scores_of("classification")}
    record["metrics"]["last"]["test"] = told | {"roc_auc_ovo": None}
    return adapted(record)


def resealed(record: Any) -> str:
    """The text of a record whose hashes are right, whatever else is not."""
    if isinstance(record, dict):
        record = {"schema_version": SCHEMA_VERSION} | {
            k: v for k, v in record.items() if k != "checksum"
        }
        identity = record.get("identity")
        if isinstance(identity, dict) and "parts" in identity:
            record["identity"] = identity | {"hash": json_digest(identity["parts"])}
        record["checksum"] = json_digest(record)
    return json.dumps(record)


def json_digest(value: Any) -> str:
    try:
        return digest(value)
    except (ValueError, RecursionError):  # NaN: no reader gets as far as the hash
        return "0" * 64


def changed(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        node: Any = record
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = to

    return change


def lacking(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        node: Any = record
        for key in path[:-1]:
            node = node[key]
        del node[path[-1]]

    return change


TEST = ("metrics", "chosen", "test")
CHILD = {"chosen_step": 2, "last_step": 4, "rows": {"train": 80, "validation": 20}}
GENERATOR = ("settings", "method", "generator")
SENSELESS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "metrics: null": (changed("metrics", to=None), "'metrics' is not as the schema has it: null"),
    "metrics: {}": (changed("metrics", to={}), "it is done without results"),
    "a part lost": (lacking("metrics", "last", "test"), "'metrics.last.test'"),
    "text for a score": (changed(*TEST, "roc_auc_ovo", to="0.9"), "valid number, not '0.9'"),
    "true for a score": (changed(*TEST, "roc_auc_ovo", to=True), "valid number, not True"),
    "ROC-AUC of 1.5": (changed(*TEST, "roc_auc_ovo", to=1.5), "roc_auc_ovo is 1.5, outside 0 … 1"),
    "log-loss below 0": (changed(*TEST, "log_loss", to=-0.5), "log_loss is -0.5, outside 0"),
    "log-loss null": (changed(*TEST, "log_loss", to=None), "log_loss is null"),
    "a score of no name": (changed(*TEST, "f2", to=0.5), "there is no score 'f2'"),
    "ragged curve": (
        changed("curves", "test", "roc_auc_ovo", to=[0.7, 0.7]),
        "test.roc_auc_ovo has 2 values, step has 3",
    ),
    "curve of text": (changed("curves", "train_loss", to=[None, "a", 0.1]), "not 'a'"),
    "curve: null": (changed("curves", "train_loss", to=None), "valid list, not None"),
    "curves: null": (changed("curves", to=None), "'curves' is not as the schema has it: null"),
    "a null loss": (changed("curves", "train_loss", to=[None, 0.1, None]), "null after step 0"),
    "a curve of no score": (changed("curves", "test", "f2", to=[0, 0, 0]), "no score 'f2'"),
    "a curve out of range": (
        changed("curves", "test", "log_loss", to=[0.1, -0.5, 0.1]),
        "log_loss is -0.5, outside 0",
    ),
    "a metric of no name": (changed("metric", "name", to="f2"), "there is no score 'f2'"),
    "a metric upside down": (
        changed("metric", "greater_is_better", to=False),
        "of roc_auc_ovo the greater is better",
    ),
    "a metric without scores": (lacking(*TEST, "roc_auc_ovo"), "without roc_auc_ovo, its metric"),
    "steps back": (changed("curves", "step", to=[0, 4, 2]), "step does not ascend"),
    "steps of text": (changed("curves", "step", to=["0", "2", "4"]), "valid integer, not '0'"),
    "steps from 1": (changed("curves", "step", to=[1, 2, 4]), "step does not begin with 0"),
    "a step off its curve": (changed("chosen_step", to=3), "steps 3 and 4 are not those of"),
    "chosen after last": (changed("chosen_step", to=6), "chosen step 6 is after its last, 4"),
    "a step of a bag": (
        changed("children", to=[{**CHILD, "chosen_step": 2}]),
        "it has children, and steps of its own",
    ),
    "a child's step after its last": (
        changed("children", to=[{**CHILD, "chosen_step": 5}]),
        "its chosen step 5 is after its last, 4",
    ),
    "an error of no curve": (
        changed("curves", "validation_se", to={"log_loss": [0.0, 0.1, 0.1]}),
        "validation_se has 'log_loss', which validation has not",
    ),
    "an error of no change": (
        changed("curves", "validation_se", to={"roc_auc_ovo": [0.1, 0.1, None]}),
        "validation_se.roc_auc_ovo is 0.1 at step 0, not 0",
    ),
    "an error below 0": (
        changed("curves", "validation_se", to={"roc_auc_ovo": [0.0, -0.1, None]}),
        "greater than or equal to 0",
    ),
    "a ragged error": (
        changed("curves", "validation_se", to={"roc_auc_ovo": [0.0]}),
        "validation_se.roc_auc_ovo has 1 values, step has 3",
    ),
    "no last step": (changed("last_step", to=None), "it is done without results"),
    "an error though done": (
        changed("error", to={"type": "E", "message": "m", "traceback": "t"}),
        "it is done and has an error",
    ),
    "failed with results": (
        lambda r: r.update(status="failed", error={"type": "E", "message": "", "traceback": ""}),
        "it is failed and has results",
    ),
    "an error of text": (changed("error", to="boom"), "'error' is not as the schema has it"),
    "negative seconds": (changed("timings", "seconds", "total", to=-1.0), "equal to 0, not -1.0"),
    "seconds of an age": (changed("timings", "seconds", "total", to=1e300), "not 1e+300"),
    "no total": (lacking("timings", "seconds", "total"), "seconds has no total"),
    "half a row": (changed("data", "rows", "test", to=0.5), "valid integer, not 0.5"),
    "-1 features": (changed("data", "features", to=-1), "not -1"),
    "notes of numbers": (changed("data", "notes", to=[1]), "valid string, not 1"),
    "data: {}": (changed("data", to={}), "it is done without results"),
    "fold of text": (changed("cell", "fold", to="0"), "valid integer, not '0'"),
    "a dataset of numbers": (changed("cell", "dataset", to=3), "valid string, not 3"),
    "a way out": (changed("cell", "dataset", to="../../x"), "dataset name"),
    "a method with a bell": (changed("cell", "method", to="sc\x07m"), "method name"),
    "one key more": (changed("cell", "more", to=1), "'cell.more'"),
    "settings: []": (changed("settings", to=[]), "'settings' is not as the schema has it"),
    "no mixing": (lacking("settings", "method", "mixing"), "'settings.method.mixing'"),
    "unknown mixing": (changed("settings", "method", "mixing", "rows", to="all"), "not 'all'"),
    "generator of text": (changed(*GENERATOR, to="SCM"), "valid dictionary, not 'SCM'"),
    "generator of no class": (changed(*GENERATOR, to={"a": 1}), "the generator has no _target_"),
    "a _target_ of numbers": (changed(*GENERATOR, "_target_", to=7), "the _target_ 7 is no dotted"),
    "a _target_ that is a path": (
        changed("settings", "dataset", "_target_", to="/etc/passwd"),
        "the _target_ '/etc/passwd' is no dotted name",
    ),
    "a _target_ far below": (
        changed(*GENERATOR, "inner", to=[{"_target_": None}]),
        "the _target_ None is no dotted name",
    ),
    "model path of numbers": (changed("settings", "model", "path", to=1), "not 1"),
    "identity: text": (changed("identity", to="abc"), "'identity' is not as the schema has it"),
    "weights lost": (lacking("identity", "parts", "model", "weights"), "parts.model.weights'"),
    "versions of numbers": (changed("provenance", "versions", to={"torch": 2}), "not 2"),
    "code of numbers": (changed("provenance", "code", to=1), "'provenance.code'"),
    "a score with a bell": (
        changed("provenance", "scores", to={"f\x072": "0" * 64}),
        "'provenance.scores.",
    ),
    "a definition of no hash": (changed("provenance", "scores", to={"f2": "1"}), "scores.f2'"),
    "synthetic counts": (changed("synthetic", "rows", to=9), "counts do not add up"),
    "synthetic: []": (changed("synthetic", to=[]), "'synthetic' is not as the schema has it"),
    "quality of text": (changed("synthetic", "quality", to={"a": "b"}), "not 'b'"),
    "status: null": (changed("status", to=None), "'not_applicable', not None"),
    "version: {}": (changed("schema_version", to={}), "schema version {}, expected 6"),
}


ARM = ("settings", "transfer", "method", "name")
HELD, READ = ("transfer", "curves", "held_out"), ("transfer", "in_context")
MOVED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "none though asked for": (changed("transfer", to=None), "without the transfer that its"),
    "not asked for": (lacking("settings", "transfer"), "a transfer, and its settings have none"),
    "transfer: {}": (changed("transfer", to={}), "'transfer.key'"),
    "a key of no hash": (changed("transfer", "key", to="../../x"), "'transfer.key'"),
    "weights lost": (lacking("transfer", "weights"), "'transfer.weights'"),
    "one key more": (changed("transfer", "more", to=1), "'transfer.more'"),
    "no domain": (changed("transfer", "domains", to=[]), "'transfer.domains'"),
    "a domain twice": (changed("transfer", "domains", to=["a", "a"]), "domains are not names in"),
    "a source held out": (changed("transfer", "held_out", to=["wdbc"]), "'wdbc' is twice among"),
    "a source dropped": (changed("transfer", "dropped", to={"wdbc": "x"}), "'wdbc' is twice among"),
    "dropped for nothing": (changed("transfer", "dropped", to={"x": None}), "'transfer.dropped.x'"),
    "the target a source": (changed("transfer", "sources", to=["zoo"]), "a target, and its source"),
    "a step off its curve": (changed("transfer", "chosen_step", to=3), "steps 3 and 80 are not"),
    "chosen after last": (changed("transfer", "chosen_step", to=90), "step 90 is after its last"),
    "other steps": (lambda r: r.update(curves={}), "steps 2 and 4 are not those of its transfer"),
    "no steps": (changed("transfer", "curves", "step", to=[]), "step does not begin with 0"),
    "steps back": (changed("transfer", "curves", "step", to=[0, 80, 40]), "does not ascend"),
    "a ragged curve": (changed(*HELD, to={"log_loss": [0.1]}), "held_out.log_loss has 1 values"),
    "a curve of no score": (changed(*HELD, to={"f2": [0, 0, 0]}), "no score 'f2'"),
    "a curve out of range": (changed(*HELD, to={"accuracy": [0, 2, 0]}), "accuracy is 2, outside"),
    "a curve of another problem": (changed(*HELD, to={"rmse": [1, 1, 1]}), "rmse is not"),
    "a null loss": (changed("transfer", "curves", "train_loss", to=[None] * 3), "null after step"),
    "forgetting of others": (changed("transfer", "forgetting", to={}), "not of the tables of held"),
    "half of a forgetting": (
        changed("transfer", "forgetting", "ilpd", "adapted", to={}),
        "pretrained and adapted have not the same scores",
    ),
    "rows back": (changed(*READ, "rows", to=[64, 32]), "rows does not ascend"),
    "no row": (changed(*READ, "rows", to=[0, 32]), "'transfer.in_context.rows.0'"),
    "as many rows as all": (changed(*READ, "rows", to=[32, 80]), "80 rows in context are not few"),
    "a size without score": (changed(*READ, "rows", to=[32]), "has 2 values, rows has 1"),
    "a way out": (changed("transfer", "sources", to=["../x"]), "the dataset name '../x' begins"),
    "a way out held out": (
        lambda r: r["transfer"].update(held_out=["/x"], forgetting={"/x": {"pretrained": {}}}),
        "'transfer.forgetting./x.adapted'",
    ),
    "a domain with a bell": (changed("transfer", "domains", to=["\x07"]), "the domain name"),
    "an arm with a bell": (changed(*ARM, to="\x07"), "the method name '\\x07' has a sign"),
    "no seconds": (changed("timings", "transfer", to={"shared": True}), "'timings.transfer.second"),
    "no arm": (lacking(*ARM), "'settings.transfer.method.name"),
    "settings: null": (changed("settings", "transfer", to=None), "and its settings have none"),
    "a _target_ that is a path": (
        changed("settings", "transfer", "method", "generator", to={"_target_": "/etc/passwd"}),
        "the _target_ '/etc/passwd' is no dotted name",
    ),
}


class TestSchema:
    @pytest.mark.long
    def test_every_committed_record_is_sound(self):
        read = {path.name: Store(path).survey() for path in KEPT}
        assert {name: faults for name, (_, faults) in read.items() if faults} == {}
        counts = {name: len(sound) for name, (sound, _) in read.items()}
        assert counts == {
            "embedded": 360,
            "pilot": 396,
            "ablation": 492,
            "embedded_regression": 324,
            "transfer": 1187,
            "safety": 744,
            "embedded_full": 2268,
            "stopping": 216,
        }

    def test_whole_and_failed_records_are_sound(self):
        assert fault(seal(whole())) is None
        assert fault(seal(failed("zoo", "scm"))) is None
        assert fault(seal(adapted(failed("zoo", "scm")))) is None  # it may have come so far
        assert fault(seal(adapted(failed("zoo", "scm")) | {"transfer": None})) is None

    @pytest.mark.parametrize("kind", MOVED)
    def test_a_transfer_without_sense_is_a_fault_in_one_clause(self, kind: str):
        change, clause = MOVED[kind]
        record = whole()
        change(record)
        wrong = fault(json.loads(resealed(record)))
        assert clause in str(wrong)
        assert len(str(wrong)) < 300

    @pytest.mark.parametrize("kind", SENSELESS)
    def test_a_sealed_record_without_sense_is_a_fault_in_one_clause(
        self, kind: str, tmp_path: Path
    ):
        change, clause = SENSELESS[kind]
        record = whole()
        change(record)
        path = tmp_path / "x.json"
        path.write_text(resealed(record))
        read, wrong = Store(tmp_path).examine(path)
        assert read is None
        assert clause in str(wrong)
        assert len(str(wrong)) < 300
        assert str(wrong).isprintable()

    def test_a_record_without_sense_is_never_written(self, tmp_path: Path):
        record = whole()
        record["curves"]["test"]["log_loss"].pop()
        with pytest.raises(AssertionError, match="has 2 values, step has 3"):
            Store(tmp_path).write(record)
        assert not list(tmp_path.rglob("*.json"))


TEXTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no JSON"),
    "half": (b'{"a": ', "no JSON"),
    "NaN": (b'{"a": NaN}', "no JSON: NaN is no number"),
    "-Infinity": (b"[-Infinity]", "-Infinity is no number"),
    "1e999": (b'{"a": 1e999}', "1e999', which no float can hold"),
    "a long number": (b"9" * 5000, "a number without sense"),
    "2**64": (b"18446744073709551616", "a number without sense"),
    "a key twice": (b'{"a": 1, "b": {"c": 1, "c": 2}}', "says 'c' twice"),
    "brackets": (b"[" * 100_000, f"deeper than {DEEPEST} levels"),
    "closed brackets": (b"[" * 500 + b"]" * 500, f"deeper than {DEEPEST} levels"),
    "objects": (b'{"a":' * 100 + b"1" + b"}" * 100, f"deeper than {DEEPEST} levels"),
    "half a character": (b'"\\ud800"', "no JSON of whole characters"),
    "Latin-1": ("ä".encode("latin-1"), "no JSON"),
    "UTF-16": ("{}".encode("utf-16"), "no JSON"),
    "byte-order mark": (b"\xef\xbb\xbf{}", "no JSON"),
    "two values": (b"{} {}", "no JSON"),
}


class TestJson:
    @pytest.mark.parametrize("kind", TEXTS)
    def test_what_python_alone_might_take_is_refused(self, kind: str):
        text, clause = TEXTS[kind]
        with pytest.raises(Unsound) as told:
            parse_json(text)
        assert clause in str(told.value)

    @given(JSON)
    @settings(max_examples=50)
    def test_whatever_json_can_hold_comes_back(self, value: Any):
        assert parse_json(json.dumps(value).encode()) == value


def socketed(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))


def endless(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


def loop(path: Path) -> None:
    path.symlink_to(path)


def crossed(path: Path) -> None:
    """Two folders that lead into each other."""
    path.mkdir()
    (path / "back").symlink_to(path.parent)


KINDS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "FIFO": (os.mkfifo, "it is a FIFO"),
    "link to /dev/zero": (lambda p: p.symlink_to("/dev/zero"), "it is a link"),
    "link out": (lambda p: p.symlink_to("/etc/hosts"), "it is a link"),
    "link to a folder": (lambda p: p.symlink_to("/"), "it is a link"),
    "loop": (loop, "it is a link"),
    "dangling": (lambda p: p.symlink_to("nowhere"), "it is a link"),
    "folder": (Path.mkdir, "it is a folder"),
    "crossed folders": (crossed, "it is a folder"),
    "socket": (socketed, "it is a socket"),
    "endless": (endless, f"it has 1,099,511,627,776 bytes, more than the {MOST:,}"),
}


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    """A hang is a failure, not an endless test."""

    def over(*_: Any) -> None:
        raise TimeoutError(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def results() -> Iterator[Path]:
    """A results folder with three sound records; its name is short enough for a socket's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        root = Path(place) / "r"
        for record in GOOD:
            Store(root).write(record)
        yield root


def check_verbs(root: Path) -> None:
    """Every reading verb ends with an exit code, moves nothing, and finds the sound records."""
    store = Store(root)
    before = sorted(map(str, root.rglob("*")))
    with within(60):
        sound, faults = store.survey()
        hashes = {record["identity"]["hash"] for record in sound}
        assert {record["identity"]["hash"] for record in GOOD} <= hashes
        assert all(wrong.isprintable() and len(wrong) < 300 for wrong in faults.values())
        assert main(["status", str(root)]) == 0
        assert main(["show", "heart/default_ft/0", str(root)]) == 0
        for path in [*faults, *store.paths()][:4]:
            assert main(["show", str(path)]) in (0, 2)
        # 1: a record that was sealed anew says one thing here and another there.
        assert main(["diff", str(root), str(root)]) in (0, 1, 2)
        assert main(["verify", str(root), "n=0"]) in (0, 1, 2)
        assert len(list(costs.measured(root.parent))) >= len(GOOD)
        assert report(root, reading(["analysis.resamples=20"]), figures=False) in (0, 2)
    after = {path for path in map(str, root.rglob("*")) if "/r/report" not in path}
    assert after == set(before)


class TestFiles:
    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_no_file_is_named_and_never_opened(self, kind: str):
        make, clause = KINDS[kind]
        with results() as root, within(60):
            path = root / "cells" / "x.json"
            make(path)
            sound, faults = Store(root).survey()
            assert len(sound) == len(GOOD)
            assert clause in faults[path]
            with pytest.raises(Unsound):
                content(path, MOST)
            Store(root).set_aside(path, faults[path])  # a run can
            assert not os.path.lexists(path)
            assert Store(root).survey()[1].keys() <= {root / "cells"}

    def test_a_linked_folder_of_records_is_named_not_followed(self, tmp_path: Path):
        Store(tmp_path / "far").write(GOOD[0])
        root = tmp_path / "near"
        Store(root).write(GOOD[1])
        link = root / "cells" / "linked"
        link.symlink_to(tmp_path / "far" / "cells")
        sound, faults = Store(root).survey()
        assert [record["cell"]["method"] for record in sound] == ["default_ft"]
        assert list(faults) == [link]
        (tmp_path / "root").symlink_to(root)  # the results folder itself may be one
        assert len(Store(tmp_path / "root").survey()[0]) == 1

    @pytest.mark.long
    def test_a_name_of_broken_characters_is_told(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("bench.analysis.leaderboard.AVAILABLE", False)
        with results() as root:
            name = b"\xff\x1b[31m\n.json"
            Path(os.fsdecode(os.fsencode(root / "cells") + b"/" + name)).write_text("{}")
            check_verbs(root)
        printed = capsys.readouterr().out
        assert "\\udcff\\x1b[31m\\n.json" in "".join(printed.split())
        assert "\x1b" not in printed


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all nodes below a root."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in items:
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from leaves(child, (*path, key))


NODES = list(leaves(whole()))
HOSTILE = st.sampled_from(
    [
        *(None, True, 0, -1, 1.5, 1e308, 10**18, 10**30, float("nan"), "0.5", "2026-01-01"),
        *("", ".", "../x", "\x1b[31m", "[/x]", "${oc.env:HOME}", "${", "\ud800", "x" * 5000),
        *([], {}, [[]], {"a": 1}, {"_target_": 3}, [None], ["a"]),
        json.loads("[" * 20 + "]" * 20),
    ]
)
CHANGES = st.lists(
    st.tuples(st.sampled_from(NODES), st.sampled_from(["put", "take", "add"]), HOSTILE),
    min_size=1,
    max_size=3,
)


def mutated(changes: list[tuple[tuple[Any, ...], str, Any]], fold: int) -> Any:
    record = json.loads(json.dumps(whole()))
    record["cell"]["fold"] = record["settings"]["fold"] = fold
    for path, how, value in changes:
        with contextlib.suppress(KeyError, IndexError, TypeError, AttributeError):
            node = record
            for key in path[:-1]:
                node = node[key]
            if how == "put":
                node[path[-1]] = value
            elif how == "take":
                del node[path[-1]]
            elif isinstance(node[path[-1]], list):
                node[path[-1]].append(value)
            else:
                node[path[-1]]["added"] = value
    return record


def put_record(root: Path, record: Any) -> None:
    """Where a reader would look for it, if its names allow that."""
    text = resealed(record)
    try:
        read = json.loads(text)
        path = Store(root).path(read["cell"], read["identity"]["hash"])
        if len(path.name.encode()) > 255:  # no file can be called so
            raise ValueError(path.name)
    except (KeyError, TypeError, ValueError):
        path = root / "cells" / "zoo" / "scm" / "0-00000000.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


PLACES = ("cells/x.json", "cells/heart/y.json", "cells/heart/scm/0-12345678.json", "journal.jsonl")
PLACES += ("sweep/multirun.yaml", "graphs/g/dag.svg", "locks/a-b-c.lock", "set_aside")
CONTENTS = [text for text, _ in TEXTS.values()]
CONTENTS += [
    b'{"time": 1, "event": "cell"}\n[]\n{"half',
    b"\0" * 10_000,
    b"methods: *a",
    b"a: &a [*a]",
]
CONTENTS += [
    b"methods: null\nhydra: {sweeper: {params: null}, overrides: {task: ['a=range(0,1e15)']}}",
    b"methods: null\nhydra: {sweeper: {params: null}, overrides: {task: ['a=shuffle(1,']}}",
]
ODD = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from([*KINDS]) | st.sampled_from(CONTENTS)),
    max_size=4,
    unique_by=lambda pair: pair[0],
)


class TestAnybodysFolder:
    @pytest.fixture(autouse=True, scope="class")
    def _without_leaderboard(self):
        """Its bootstrap takes seconds, of a library's that reads no file."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bench.analysis.leaderboard.AVAILABLE", False)
            yield

    @pytest.mark.long
    @given(st.lists(CHANGES, min_size=2, max_size=4), ODD)
    @settings(
        max_examples=12,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
        suppress_health_check=[HealthCheck.too_slow],
    )
    def test_every_reading_verb_ends_and_reads_what_is_sound(self, changed: Any, odd: Any):
        with results() as root:
            for fold, changes in enumerate(changed):
                put_record(root, mutated(changes, fold))
            for place, kind in odd:
                path = root / place
                path.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(kind, bytes):
                    path.write_bytes(kind)
                else:
                    KINDS[kind][0](path)
            check_verbs(root)


class TestPlan:
    ASKED = ("dataset=iris", "method=default_ft")

    def test_it_names_a_damaged_record_and_leaves_it(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        from bench.cell.identity import identity
        from bench.sweep.job import load_table
        from bench.sweep.jobs import cells, composing

        root = tmp_path / "r"
        with composing([*self.ASKED, f"results_dir={root}"]) as words:
            (cfg,) = cells(words)
            table = load_table(cfg)
            cell = {"dataset": "iris", "method": "default_ft", "fold": int(cfg.fold)}
            path = Store(root).path(cell, identity(cfg, table)["hash"])
        path.parent.mkdir(parents=True)
        os.mkfifo(path)
        os.mkfifo(tmp_path / "r" / "cells" / "x.json")
        with within(60):
            assert main(["plan", *self.ASKED, f"results_dir={root}"]) == 0
        printed = capsys.readouterr().out
        assert f"faulty    {path}: it is a FIFO; a run sets it aside and makes it anew" in printed
        assert "to run    1 cell" in printed
        assert path.is_fifo()
        assert not (root / "set_aside").exists()
        with within(60):
            assert Store(root).read(path) is None  # as a run does
        assert not path.exists()
        assert len(list((root / "set_aside").rglob("*.txt"))) == 1


EVENT = {"event": "cell", "cell": "a 0 scm", "status": "done", "made": True, "seconds": 1.0} | {
    "error": None,
    "again": "run …",
}


class TestJournal:
    def test_a_line_that_is_no_event_is_passed_over_and_counted(self, tmp_path: Path):
        store = Store(tmp_path)
        store.log(EVENT)
        bad = [b"[]", b"3", b"{", b'{"time": 1}', b'{"event": "cell", "time": "now"}', b"\xff"]
        bad += [b'{"event": "other", "time": 1.0}', b"{" * 5000, b"\0" * 100]
        with store.journal.open("ab") as file:
            file.write(b"\n".join(bad) + b"\n\n")
        store.log(EVENT)
        read = journal.read(store.journal)
        assert [event["cell"] for event in read.events] == ["a 0 scm"] * 2
        assert (read.skipped, read.fault) == (len(bad), None)

    def test_a_line_that_a_full_disk_cut_short_costs_no_other(self, tmp_path: Path):
        store = Store(tmp_path)
        store.log(EVENT)
        with store.journal.open("ab") as file:
            file.write(b'{"time": 17')
        before = journal.read(store.journal)
        assert (len(before.events), before.skipped) == (1, 0)  # it may still be being written
        store.log(EVENT)
        after = journal.read(store.journal)
        assert (len(after.events), after.skipped) == (2, 1)
        assert len(journal.read(store.journal, before.end).events) == 1

    @pytest.mark.parametrize("kind", [k for k in KINDS if k != "endless"])
    def test_what_is_no_file_is_a_fault_and_set_aside_by_the_next_event(self, kind: str):
        with results() as root, within(60):
            path = root / "journal.jsonl"
            KINDS[kind][0](path)
            read = journal.read(path)
            assert read.events == []
            assert KINDS[kind][1] in str(read.fault)
            Store(root).log(EVENT)
            assert len(journal.read(path).events) == 1

    def test_of_an_endless_one_the_end_is_read(self, tmp_path: Path):
        store = Store(tmp_path)
        store.journal.touch()
        os.truncate(store.journal, 2**40)
        store.log(EVENT)
        with within(60):
            read = journal.read(store.journal)
        assert len(read.events) == 1


def swept(methods: str, task: str) -> str:
    return f"methods: {methods}\nhydra: {{sweeper: {{params: null}}, overrides: {{task: {task}}}}}"


NOT_HYDRAS = "not what Hydra leaves of a sweep"
SWEEPS: dict[str, tuple[str, str]] = {
    "endless": (swept("null", "['a=range(0,1e15)']"), "last sweep's 1000000000000000 cells"),
    "several": (swept("[a, b]", "['a=1,2,3', 'b=1']"), "6 of the last sweep's 6 cells"),
    "composed": (swept("'${oc.env:HOME}'", "['a=${oc.env:HOME}']"), "last sweep's 1 cell"),
    "glob": (swept("null", "['a=glob(*)']"), NOT_HYDRAS),
    "nested": (swept("null", "[[a]]"), "('hydra.overrides.task.0' is not as it should)"),
    "code": ("!!python/object/apply:os.system ['touch hacked']", NOT_HYDRAS),
    "brackets": ("[" * 100_000, NOT_HYDRAS),
    "large": ("- " * 200_000, "bytes, more than the 131,072 that are read"),
    "text": ("just text", "('its root' is not as it should)"),
}


class TestSweepsConfig:
    @pytest.mark.parametrize("kind", SWEEPS)
    def test_it_is_counted_or_named_and_never_composed(
        self, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        text, told = SWEEPS[kind]
        Store(tmp_path).write(GOOD[0])
        (tmp_path / "sweep").mkdir()
        (tmp_path / "sweep" / "multirun.yaml").write_text(text)
        with within(60):
            assert main(["status", str(tmp_path)]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert told in printed
        assert "running: none" in printed


class TestShow:
    def test_text_from_data_is_neither_composed_nor_obeyed(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        record = whole()
        record["data"]["notes"] = [
            "${oc.env:HOME}",
            "${",
            "[red]not red[/]",
            "\x1b[31mred",
            ":skull:",
        ]
        record["settings"]["dataset"]["drop"] = ["${", "a: b", "\x07"]
        assert main(["show", str(Store(tmp_path).write(record))]) == 0
        printed = capsys.readouterr().out
        for text in ("${oc.env:HOME}", "- ${", "[red]not red[/]", "\\e[31mred", ":skull:", "\\a"):
            assert text in printed
        assert "\x1b" not in printed

    def test_a_traceback_with_escapes_is_written_out(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        record = failed("zoo", "scm")
        record["error"]["traceback"] = "first\n\x1b]0;owned\x07 [/nothing]"
        assert main(["show", str(Store(tmp_path).write(record))]) == 0
        assert "first\n\\x1b]0;owned\\x07 [/nothing]" in capsys.readouterr().out


class TestReport:
    def test_graphs_are_images_and_what_is_none_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        from bench.report import write as tables

        monkeypatch.setattr(tables, "drawings", lambda *_: [])  # these two take their time
        monkeypatch.setattr("bench.analysis.leaderboard.AVAILABLE", False)
        for record in GOOD:
            Store(tmp_path).write(record)
        folder = tmp_path / "graphs" / "heart-0"
        folder.mkdir(parents=True)
        script = "<script>alert(1)</script>"
        (folder / "dag.svg").write_text(f"<svg xmlns='http://www.w3.org/2000/svg'>{script}</svg>")
        os.mkfifo(folder / "fifo.svg")
        (folder / "text.svg").write_bytes(b"\xff")
        (folder / "zero.svg").symlink_to("/dev/zero")
        endless(folder / "endless.svg")
        with within(120):
            assert report(tmp_path, reading(["analysis.resamples=20"])) == 0
        page = (tmp_path / "report" / "index.html").read_text()
        assert script not in page
        assert page.count("data:image/svg+xml;base64,") == 1
        assert "4 of the graphs cannot be shown (for instance graphs/heart-0/endless.svg" in page


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = Store(tmp_path).write(whole())
    read = Store(tmp_path).read(path)
    assert read is not None
    assert results_of(read) == results_of(seal(whole()))
    assert path.read_text() == encode(seal(whole()))
