"""OpenML tasks through the real client against a loopback server: what comes, what goes wrong."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import openml_server
import pytest
from openml_server import FOLDS, Server, Task, generated, generated_numbers, serving

from bench.datasets.openml import gate
from bench.datasets.openml import read as openml
from bench.datasets.openml.task import Unreachable
from bench.datasets.splits import split
from bench.errors import TableError
from bench.table import Table


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def task(server: Server) -> Task:
    return server.add(generated(7))


def load(server: Server, cache: Path, task_id: int = 7, **more: Any) -> Table:
    settings = {"server": server.url, "timeout": 1.0, "tries": 2, "patience": 5.0} | more
    return openml.load(task_id, str(cache), **settings)


def leftovers(cache: Path) -> list[str]:
    """Files of a cache that belong to no verified copy."""
    whole = {openml.CARD, openml.ROWS, openml.FOLDS}
    return [p.name for p in cache.rglob("*") if p.is_file() and p.name not in whole | {"7.lock"}]


class TestWhatComes:
    def test_the_table_is_the_servers(self, server: Server, task: Task, tmp_path: Path) -> None:
        table = load(server, tmp_path, domain="finance")
        frame = task.frame
        assert (table.name, table.domain, table.target) == ("openml/7", "finance", "class")
        assert table.kinds == {
            "size": "numeric", "weight": "numeric", "count": "integer",
            "job": "categorical", "flag": "categorical",
        }  # fmt: skip
        for name in ("size", "weight", "count"):
            assert np.array_equal(table.X[name], frame[name], equal_nan=True)
        assert table.X["job"].astype(object).equals(frame["job"].astype(object))
        assert list(table.X["flag"].cat.categories) == ["false", "true"]
        assert not table.X["job"].cat.ordered
        assert [table.classes[code] for code in table.y] == list(frame["class"])
        assert table.notes == ()

    def test_split_i_is_the_tasks_repeat_i_over_3_fold_i_modulo_3(
        self, server: Server, task: Task, tmp_path: Path
    ) -> None:
        table = load(server, tmp_path)
        for index in range(task.repeats * FOLDS):
            expected = np.flatnonzero(task.folds()[index // FOLDS] == index % FOLDS)
            assert split(table, index).test.tolist() == expected.tolist()
        with pytest.raises(TableError, match="splits go from 0 to 5"):
            split(table, 6)

    def test_either_format_gives_the_same_table(
        self, server: Server, task: Task, tmp_path: Path
    ) -> None:
        tables = {}
        for form in ("parquet", "arff"):
            server.hits.clear()
            tables[form] = load(server, tmp_path / form, format=form)
            (card,) = (tmp_path / form).rglob(openml.CARD)
            assert json.loads(card.read_text())["source"]["format"] == form
            assert any(hit.endswith(".pq") for hit in server.hits) == (form == "parquet")
        assert tables["parquet"].fingerprint() == tables["arff"].fingerprint()
        assert np.array_equal(tables["parquet"].folds, tables["arff"].folds)

    def test_without_parquet_the_arff_file_is_read(
        self, server: Server, task: Task, tmp_path: Path
    ) -> None:
        expected = load(server, tmp_path / "with")
        server.has_parquet = False
        assert load(server, tmp_path / "without").fingerprint() == expected.fingerprint()

    def test_the_second_reader_needs_no_server(
        self, server: Server, task: Task, tmp_path: Path
    ) -> None:
        first = load(server, tmp_path)
        server.hits.clear()
        again = load(server, tmp_path, offline=True)
        assert again.fingerprint() == first.fingerprint()
        assert server.hits == []
        assert leftovers(tmp_path) == []

    def test_ignored_columns_stay_out(self, server: Server, tmp_path: Path) -> None:
        server.add(generated(7)).ignored = ("weight",)
        table = load(server, tmp_path, expected={"features": 4, "rows": 60})
        assert "weight" not in table.X

    @pytest.mark.long
    def test_four_processes_on_a_cold_cache_fetch_once(
        self, server: Server, task: Task, tmp_path: Path
    ) -> None:
        script = (
            "import sys; from bench.datasets.openml.read import load\n"
            "print(load(7, sys.argv[1], server=sys.argv[2]).fingerprint())"
        )
        command = [sys.executable, "-c", script, str(tmp_path), server.url]
        readers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        answers = [reader.communicate(timeout=120) for reader in readers]
        expected = load(server, tmp_path, offline=True).fingerprint()
        assert [out.strip() for out, _ in answers] == [expected] * 4, answers
        assert server.hits.count("/api/v1/xml/task/7") == 1


@pytest.fixture
def numbers(server: Server) -> Task:
    return server.add(generated_numbers(7))


class TestANumericTarget:
    def test_the_table_is_the_servers_in_either_format(
        self, server: Server, numbers: Task, tmp_path: Path
    ) -> None:
        frame = numbers.frame
        expected = {"rows": 60, "features": 5, "classes": 0, "repeats": 2, "folds": FOLDS}
        for form in ("parquet", "arff"):
            table = load(server, tmp_path / form, format=form, expected=expected)
            (card,) = (tmp_path / form).rglob(openml.CARD)
            assert json.loads(card.read_text())["source"]["format"] == form
            assert (table.problem, table.classes, table.target) == ("regression", (), "price")
            assert table.y.dtype == np.float64
            assert np.array_equal(table.y, frame["price"])
            assert np.array_equal(table.X["size"], frame["size"], equal_nan=True)
            assert table.X["job"].astype(object).equals(frame["job"].astype(object))
            assert np.array_equal(table.folds, numbers.folds())
            assert table.notes == ()
            again = load(server, tmp_path / form, format=form, offline=True)
            assert again.fingerprint() == table.fingerprint()
        assert load(server, tmp_path / "parquet").fingerprint() == table.fingerprint()

    def test_split_i_is_the_tasks_repeat_i_over_3_fold_i_modulo_3(
        self, server: Server, numbers: Task, tmp_path: Path
    ) -> None:
        table = load(server, tmp_path)
        for index in range(numbers.repeats * FOLDS):
            expected = np.flatnonzero(numbers.folds()[index // FOLDS] == index % FOLDS)
            assert split(table, index).test.tolist() == expected.tolist()

    def test_rows_without_a_target_are_left_out_and_counted(
        self, server: Server, numbers: Task, tmp_path: Path
    ) -> None:
        numbers.frame.loc[[4, 9], "price"] = np.nan
        table = load(server, tmp_path)
        assert np.array_equal(table.y, numbers.frame["price"].drop([4, 9]))
        assert np.array_equal(table.folds, np.delete(numbers.folds(), [4, 9], axis=1))
        assert table.notes == ("Dataset 'openml/7': 2 rows without a value of 'price' left out.",)

    def test_an_infinite_target_is_refused_and_not_kept(
        self, server: Server, numbers: Task, tmp_path: Path
    ) -> None:
        numbers.frame.loc[[4, 9, 11], "price"] = np.inf
        with pytest.raises(TableError, match="target 'price' is infinite in 3 of 60 rows"):
            load(server, tmp_path)
        assert not list(tmp_path.rglob(openml.CARD))

    def test_a_regression_task_of_a_nominal_target_is_refused(
        self, server: Server, task: Task, tmp_path: Path
    ) -> None:
        task.type_id = 2
        with pytest.raises(TableError, match="is a regression, but its target 'class' is no num"):
            load(server, tmp_path)

    def test_a_task_that_is_of_the_other_problem_than_described_is_refused(
        self, server: Server, numbers: Task, tmp_path: Path
    ) -> None:
        with pytest.raises(TableError, match="has 0 classes, 2 were expected"):
            load(server, tmp_path, expected={"classes": 2})
        server.add(generated(7))
        with pytest.raises(TableError, match="has 2 classes, 0 were expected"):
            load(server, tmp_path, expected={"classes": 0})


FAULTS = [
    ("500", "task", "is in trouble (status 500)"),
    ("500", "splits", "is in trouble (status 500)"),
    ("hang", "data", "did not answer in time"),
    ("cut", "task", "broke off in the middle of an answer"),
    ("cut", "splits", "broke off in the middle of an answer"),
    ("cut_silently", "features", "neither data nor a whole message"),
    ("cut_silently", "splits", "have 1 repeats, its task says 2"),
    ("cut_in_a_repeat", "splits", "what OpenML sent for task 7 cannot be read"),
    ("cut_near_the_end", "splits", "do not hold every row once"),
    ("cut_silently", "rows", "does not match the checksum"),
    ("flipped", "rows", "does not match the checksum"),
    ("checksum", "data", "does not match the checksum"),
    ("garbage", "task", "neither data nor a whole message"),
    ("garbage", "splits", "neither data nor a whole message"),
    ("empty", "splits", "neither data nor a whole message"),
    ("empty", "features", "neither data nor a whole message"),
    ("drip", "task", "s; 1000 bytes a second are waited for"),
    ("drip", "rows", "s; 1000 bytes a second are waited for"),
    ("drip_headers", "features", "sends too slowly (0 bytes in"),
    ("endless", "task", "sends a file of more than 20 MB; if that is right, openml.most_mb=MB"),
    ("endless", "splits", "sends a file of more than 20 MB"),
    ("states_a_terabyte", "rows", "sends a file of more than 20 MB"),
    ("bomb", "qualities", "sends a file of more than 20 MB"),
    ("states_more", "data", "broke off in the middle of an answer"),
    ("states_less", "task", "neither data nor a whole message"),
    ("states_less", "rows", "does not match the checksum"),
    ("other_packing", "task", "broke off in the middle of an answer"),
    ("round", "splits", "sent to an address that cannot be used (Exceeded 30 redirects.)"),
]


SILENT = {"hang", "drip", "drip_headers"}  # nothing comes until the time is up


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were to be waited between attempts; no test waits for them."""
    asked: list[float] = []
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=asked.append)
    monkeypatch.setattr(gate, "time", clock)
    return asked


@pytest.mark.usefixtures("waits")
class TestFaults:
    @pytest.mark.long
    @pytest.mark.parametrize(("kind", "where", "sentence"), FAULTS)
    def test_a_fault_is_one_sentence_and_a_re_run_completes(
        self, server: Server, task: Task, tmp_path: Path, kind: str, where: str, sentence: str
    ) -> None:
        server.fault(kind, where)
        # Rows have two formats; the ARFF file's checksum is the one that the server states.
        form = "arff" if where in ("rows", "data") else "parquet"
        begun = time.monotonic()
        timeout = 0.4 if kind in SILENT else 3.0
        with pytest.raises(TableError) as told:
            load(server, tmp_path, format=form, most_mb=20.0, timeout=timeout)
        assert time.monotonic() - begun < 30  # and not for ever
        message = str(told.value)
        assert sentence in message
        assert message.startswith("Dataset 'openml/7': ")
        assert "\n" not in message
        assert leftovers(tmp_path) == []
        assert not list(tmp_path.rglob(openml.CARD))

        server.heal()
        table = load(server, tmp_path, format=form)
        assert len(table) == len(task.frame)
        assert table.folds.shape == (task.repeats, len(task.frame))

    def test_who_sends_too_slowly_counts_as_unreachable(
        self, server: Server, task: Task, tmp_path: Path
    ) -> None:
        server.fault("drip", "task")
        with pytest.raises(Unreachable):
            load(server, tmp_path, tries=1, timeout=0.2)

    @pytest.mark.long
    def test_a_slow_but_real_line_is_waited_for(
        self, server: Server, task: Task, tmp_path: Path
    ) -> None:
        server.fault("drip", "qualities")  # 100 bytes a second
        assert len(load(server, tmp_path, timeout=0.2, least_rate=10.0)) == len(task.frame)

    @pytest.mark.parametrize("kind", ["packed", "wrong_kind"])
    @pytest.mark.parametrize("where", ["task", "data", "splits"])
    def test_a_sound_answer_is_taken_however_it_is_packed_or_named(
        self, server: Server, task: Task, tmp_path: Path, kind: str, where: str
    ) -> None:
        server.fault(kind, where)
        assert len(load(server, tmp_path)) == len(task.frame)

    @pytest.mark.long
    @pytest.mark.parametrize("kind", ["500", "cut", "cut_silently", "garbage", "flipped", "empty"])
    def test_a_damaged_parquet_file_is_replaced_by_the_checked_arff_file(
        self, server: Server, task: Task, tmp_path: Path, kind: str
    ) -> None:
        sound = load(server, tmp_path / "sound")
        server.fault(kind, "rows", times=2)  # both tries for parquet
        assert load(server, tmp_path / "faulty").fingerprint() == sound.fingerprint()
        (card,) = (tmp_path / "faulty").rglob(openml.CARD)
        assert json.loads(card.read_text())["source"]["format"] == "arff"

    @pytest.mark.long
    @pytest.mark.parametrize(
        ("kind", "where"), [("500", "task"), ("cut", "data"), ("hang", "task")]
    )
    def test_a_passing_fault_is_waited_out(
        self, server: Server, task: Task, tmp_path: Path, kind: str, where: str, waits: list[float]
    ) -> None:
        server.fault(kind, where, times=1)
        assert len(load(server, tmp_path)) == len(task.frame)
        assert waits == [1]
        server.fault(kind, where, times=2)
        assert len(load(server, tmp_path / "again", tries=3)) == len(task.frame)
        assert waits == [1, 1, 2]  # longer each time

    def test_a_refused_connection_names_the_remedy(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound and not listening: whoever calls is refused
            nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/api/v1/xml"
            with pytest.raises(TableError) as told:
                openml.load(7, str(tmp_path), server=nobody, tries=2)
        assert "could not be reached (connection refused)" in str(told.value)
        assert "python -m bench fetch" in str(told.value)

    def test_an_unknown_task_is_not_asked_for_twice(self, server: Server, tmp_path: Path) -> None:
        with pytest.raises(TableError, match=r"refused task 99 \(Unknown task\); check the task's"):
            load(server, tmp_path, task_id=99)
        assert server.hits == ["/api/v1/xml/task/99"]

    def test_a_task_of_another_kind_is_refused(self, server: Server, tmp_path: Path) -> None:
        server.add(generated(7)).type_id = 5
        with pytest.raises(TableError, match="is a clustering; only supervised classification and"):
            load(server, tmp_path)

    def test_a_column_that_does_not_come_is_named(
        self, server: Server, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = openml_server._rows_parquet
        narrow = Task(task.task_id, task.frame.drop(columns="weight"), task.repeats)
        monkeypatch.setattr(openml_server, "_rows_parquet", lambda _: whole(narrow))
        with pytest.raises(TableError, match=r"column 'weight' did not come; openml\.format=arff"):
            load(server, tmp_path)
        assert "weight" in load(server, tmp_path, format="arff").X

    @pytest.mark.parametrize("what", ["rows", "features", "classes", "repeats", "folds"])
    def test_a_task_that_is_not_the_described_one_is_refused(
        self, server: Server, task: Task, tmp_path: Path, what: str
    ) -> None:
        with pytest.raises(TableError, match=f"{what}, 1000 were expected"):
            load(server, tmp_path, expected={what: 1000})
        assert not list(tmp_path.rglob(openml.CARD))


class TestTheCopyOnThisMachine:
    @pytest.mark.parametrize("name", [openml.CARD, openml.ROWS, openml.FOLDS])
    @pytest.mark.parametrize("damage", ["truncated", "gone", "changed"])
    def test_a_damaged_copy_is_never_read_and_fetched_again(
        self, server: Server, task: Task, tmp_path: Path, name: str, damage: str
    ) -> None:
        sound = load(server, tmp_path)
        (path,) = tmp_path.rglob(name)
        content = path.read_bytes()
        if damage == "truncated":
            path.write_bytes(content[: len(content) // 2])
        elif damage == "gone":
            path.unlink()
        else:
            path.write_bytes(content.replace(b"e", b"E", 1))
        with pytest.raises(TableError, match="is damaged and offline=true forbids"):
            load(server, tmp_path, offline=True)
        again = load(server, tmp_path)
        assert again.fingerprint() == sound.fingerprint()

    def test_offline_without_a_copy_says_how_to_get_one(
        self, server: Server, task: Task, tmp_path: Path
    ) -> None:
        with pytest.raises(TableError, match="not on this machine and offline=true") as told:
            load(server, tmp_path, offline=True)
        assert "python -m bench fetch" in str(told.value)
        assert server.hits == []
