"""The paper's experiment in small: generated tables on a loopback OpenML, local weights.

Nothing here is TabArena: the tables are generated, and named so.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from openml_server import Server, generated, generated_numbers, serving
from sweeps import inside

from bench.cell.record import results_of
from bench.models.weights import CARRIED, NANO

YAML = """
defaults:
  - openml
  - _self_
name: generated/table-{number:02}
task_id: {number}
expected: {{rows: 60, features: 5, classes: {classes}, repeats: 4, folds: 3}}
"""
FRAGILE = '''
"""Bootstrap rows, as long as nothing is broken."""

from pathlib import Path

from generators.bootstrap import Bootstrap


class Fragile(Bootstrap):
    def __init__(self, broken: str) -> None:
        super().__init__()
        self.broken = broken

    def fit(self, table, rng):
        if Path(self.broken).exists():
            raise RuntimeError("an injected failure")
        return super().fit(table, rng)
'''
METHOD = """
name: fragile
generator: {{_target_: fragile.Fragile, broken: {broken}}}
mixing: {{rows: mixed}}
"""
METHODS = "[pretrained,default_ft,fragile]"


@dataclass
class Paper:
    """The experiment's words for some generated tables, and where things lie."""

    server: Server
    folder: Path
    tables: list[str]
    experiment: str = "paper"
    model: Path = NANO

    @property
    def broken(self) -> Path:
        """As long as this file is there, the method `fragile` fails."""
        return self.folder / "broken"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def words(self, folds: str = "0,1", methods: str = METHODS) -> list[str]:
        return [
            *("--config-dir", str(self.folder / "conf"), f"experiment={self.experiment}"),
            f"dataset={','.join(self.tables)}", f"fold={folds}", f"methods={methods}",
            "model=mitra_local", f"model.path={self.model}", "finetune.steps=2",
            f"openml.server={self.server.url}", "openml.timeout=2", "openml.tries=2",
            f"openml.cache_dir={self.folder / 'cache'}", f"results_dir={self.results}",
        ]  # fmt: skip

    def bench(self, verb: str, *more: str, **how: str) -> subprocess.CompletedProcess[str]:
        return inside(verb, "-m", *self.words(**how), *more)

    def records(self) -> dict[str, dict]:
        found = sorted((self.results / "cells").rglob("*.json"))
        return {str(path.relative_to(self.results)): json.loads(path.read_text()) for path in found}


def paper(server: Server, folder: Path, tables: int, problem: str = "classification") -> Paper:
    configs = folder / "conf" / "dataset" / "generated"
    configs.mkdir(parents=True)
    of_classes = problem == "classification"
    make = generated if of_classes else generated_numbers
    for number in range(1, tables + 1):
        server.add(make(number, repeats=4))
        yaml = YAML.format(number=number, classes=2 if of_classes else 0)
        (configs / f"table-{number:02}.yaml").write_text(yaml)
    made = Paper(server, folder, [f"generated/table-{i:02}" for i in range(1, tables + 1)])
    if not of_classes:
        made = replace(made, experiment="paper_regression", model=CARRIED[problem])
    (folder / "fragile.py").write_text(FRAGILE)
    (folder / "conf" / "method").mkdir()
    (folder / "conf" / "method" / "fragile.yaml").write_text(METHOD.format(broken=made.broken))
    return made


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.syspath_prepend(tmp_path)  # where `paper` puts a method
    with serving() as server:
        yield server


@pytest.mark.long
def test_three_tables_from_plan_to_report(server: Server, tmp_path: Path) -> None:
    small = paper(server, tmp_path, tables=3)

    plan = small.bench("plan")
    assert plan.returncode == 0, plan.stderr
    assert "cells     18" in plan.stdout
    assert "tables    0 of 3 here; `python -m bench fetch` with the same words gets" in plan.stdout
    assert "to run    18 cells" in plan.stdout
    assert "no estimate for" in plan.stdout

    # One table fails on the way; the others are fetched and kept, and a second fetch completes.
    server.fault("garbage", "splits", task_id=2)
    fetch = small.bench("fetch")
    assert fetch.returncode == 1
    assert "[tables 2/3] generated/table-02: FAILED: Dataset 'generated/table-02'" in fetch.stdout
    assert "1 could not be had: generated/table-02." in fetch.stdout

    # A run without network does what it has, and says what it has not, and what failed.
    small.broken.touch()
    run = small.bench("run", "offline=true")
    assert run.returncode == 1
    assert len(small.records()) == 2 * 2 * 3
    failed = [name for name, r in small.records().items() if r["status"] == "failed"]
    assert len(failed) == 2 * 2
    assert all("/fragile/" in name for name in failed)
    assert run.stdout.count("FAILED generated/table-0") == 2 * 2
    assert run.stdout.count("fragile: an injected failure") == 2 * 2
    assert run.stdout.count("methods=[fragile]") == 2 * 2
    assert run.stdout.count("REFUSED generated/table-02 0, generated/table-02 1 (6 cells)") == 1
    assert "python -m bench fetch" in run.stdout
    partial = {name: results_of(r) for name, r in small.records().items() if r["status"] == "done"}

    server.heal()
    server.hits.clear()
    fetch = small.bench("fetch")
    assert fetch.returncode == 0, fetch.stdout
    assert {hit.rpartition("/")[2] for hit in server.hits if "/task/" in hit} == {"2"}

    small.broken.unlink()
    server.fault("500", "task")  # from here on everything works without the server
    run = small.bench("run", "offline=true")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("done before") == len(partial)
    records = small.records()
    assert [record["status"] for record in records.values()] == ["done"] * 18
    assert {name: results_of(records[name]) for name in partial} == partial
    how = {"cache_dir", "offline", "timeout", "tries", "patience", "least_rate", "most_mb"}
    for record in records.values():  # the same whether it ran with a network or without
        assert not how & set(record["settings"]["dataset"])
    split = records["cells/generated/table-02/default_ft/" + name_of(records, "table-02", 1)]
    assert split["identity"]["parts"]["split"]["protocol"] == "the source's own 4 x 3 folds"
    assert "generated/table-03" in (small.results / "report" / "per_dataset.csv").read_text()

    plan = small.bench("plan", "rerun=all")
    assert "done            18" in plan.stdout
    assert "to run    18 cells" in plan.stdout
    assert "fitted to 18 records of 3 tables" in plan.stdout


@pytest.mark.slow  # of classes it is in every run
def test_numeric_targets_from_plan_to_report(server: Server, tmp_path: Path) -> None:
    small = paper(server, tmp_path, tables=2, problem="regression")
    methods = "[pretrained,default_ft,causalmixft,bootstrap]"
    assert "cells     8" in small.bench("plan", folds="0", methods=methods).stdout
    assert small.bench("fetch", folds="0", methods=methods).returncode == 0
    run = small.bench("run", "offline=true", folds="0", methods=methods)
    assert run.returncode == 0, run.stdout + run.stderr
    records = list(small.records().values())
    assert [(r["status"], r["metric"]["name"]) for r in records] == [("done", "rmse")] * 8
    split = records[0]["identity"]["parts"]["split"]
    assert split["protocol"] == "the source's own 4 x 3 folds"
    table = (small.results / "report" / "per_dataset.csv").read_text()
    assert all(name in table for name in small.tables)
    assert small.bench("run", folds="0", methods=methods).stdout.count("done before") == 8


def name_of(records: dict[str, dict], table: str, fold: int) -> str:
    """The file name of a table's default fine-tuning on a fold."""
    (path,) = (p for p in records if f"{table}/default_ft/{fold}-" in p)
    return path.rpartition("/")[2]


@pytest.mark.slow
def test_thirty_three_tables_with_failures_end_in_a_report(server: Server, tmp_path: Path) -> None:
    whole = paper(server, tmp_path, tables=33)
    methods = "[pretrained,default_ft,causalmixft,scm,table_augment,mixed_model,fragile]"
    for failing in (5, 17, 30):
        server.fault("cut_near_the_end", "splits", task_id=failing)
    whole.broken.touch()
    run = whole.bench("run", folds="0", methods=methods)
    assert run.returncode == 1
    assert run.stdout.count("REFUSED generated/") == 3
    assert run.stdout.count("FAILED generated/") == 30
    assert len(whole.records()) == 30 * 7
    statuses = Counter(record["status"] for record in whole.records().values())
    assert statuses == {"done": 30 * 6, "failed": 30}

    server.heal()
    whole.broken.unlink()
    run = whole.bench("run", folds="0", methods=methods)
    assert run.returncode == 0, run.stdout + run.stderr
    assert {record["status"] for record in whole.records().values()} == {"done"}
    assert len(whole.records()) == 33 * 7
    assert run.stdout.count("done before") == 30 * 6
    tables = (whole.results / "report" / "per_dataset.csv").read_text()
    assert all(name in tables for name in whole.tables)
