"""The estimate of time: it finds the law behind the records, and says how wrong it is."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path

import made_records as records
import numpy as np
import pytest

from bench.cell.record import encode, seal
from bench.cell.store import Store
from bench.sweep.costs import REFERENCE, Costs, Measured, Size, measured


def made(law, tables: int, noise: float = 0.0, method: str = "default_ft") -> list[Measured]:
    """Records of tables of different sizes whose seconds follow a law, two folds each."""
    rng = np.random.default_rng(0)
    records = []
    for i in range(tables):
        size = Size(rows=int(100 * 1.5**i), features=5 + 7 * (i % 4), steps=30)
        for _ in range(2):
            seconds = law(size) * math.exp(noise * rng.normal())
            records.append(Measured("nano", "cpu, 1 threads", f"t{i}", method, size, seconds))
    return records


def law(size: Size) -> float:
    return 0.001 * size.rows * math.sqrt(size.features)


KEY = ("nano", "cpu, 1 threads")


def test_it_finds_the_law_and_extends_it() -> None:
    costs = Costs.fit(made(law, tables=12))
    larger = Size(rows=20_000, features=30, steps=30)
    assert costs.fits[KEY]["default_ft"].seconds(larger) == pytest.approx(law(larger), rel=0.1)
    assert costs.errors[KEY] < 1.1
    assert costs.sources[KEY] == (24, 12)


def test_its_error_is_measured_on_tables_that_it_was_not_fitted_to() -> None:
    rng = np.random.default_rng(1)
    of_table = {i: float(math.exp(rng.normal())) for i in range(12)}  # hidden from the size
    records = [
        Measured(r.model, r.device, r.dataset, r.method, r.size, r.seconds * of_table[i // 2])
        for i, r in enumerate(made(law, tables=12))
    ]
    assert 1.3 < Costs.fit(records).errors[KEY] < 4.0


def test_told_is_the_sum_over_the_cells_left_and_what_is_unknown() -> None:
    costs = Costs.fit(made(law, tables=12))
    size = Size(rows=10_000, features=16, steps=30)  # 40 s a cell
    line, _ = costs.lines([("nano", "default_ft", size)] * 90 + [("nano", "scm", size)])
    assert re.match(r"time      about (59|60)\.\d min for 90 cells", line)  # 90 x 40 s
    assert "min for 90 cells one after the other on cpu, 1 threads (nano)" in line
    assert "no estimate for 1 more" in line


@pytest.mark.parametrize("tables", [0, 2])
def test_without_records_of_enough_tables_there_is_no_estimate(tables: int) -> None:
    (line,) = Costs.fit(made(law, tables)).lines([("nano", "default_ft", Size(100, 5, 30))])
    assert line.startswith("time      no estimate for nano: no record of it exists, on a GPU or ")


def test_hours_of_a_gpu_are_told_where_a_record_was_made_on_one_alone() -> None:
    left = [("nano", "default_ft", Size(100, 5, 30))]
    on_cpu = made(law, tables=4)
    _, untold = Costs.fit(on_cpu).lines(left)
    assert untold == "time      no estimate for nano on a GPU: no record is of one"
    on_gpu = [replace(record, device="cuda:0, 1 threads") for record in on_cpu]
    cpu, gpu = Costs.fit([*on_cpu, *on_gpu]).lines(left)
    assert "on cpu, 1 threads (nano)" in cpu
    assert "on cuda:0, 1 threads (nano)" in gpu


def test_devices_and_models_are_not_mixed() -> None:
    records = made(law, tables=6)
    gpu = [Measured("nano", "cuda", r.dataset, r.method, r.size, r.seconds / 10) for r in records]
    costs = Costs.fit(records + gpu)
    size = Size(rows=1000, features=12, steps=30)
    slow, fast = (costs.fits[key]["default_ft"].seconds(size) for key in (KEY, ("nano", "cuda")))
    assert slow / fast == pytest.approx(10, rel=0.01)


def test_only_sound_done_records_tell_a_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "mine")
    record = records.made("iris", "default_ft", [0.7] * 16)
    record["timings"]["seconds"]["total"] = 2.5
    store.write(record)
    store.write(records.failed("iris", "default_ft", fold=1))
    spoilt = store.write(records.made("iris", "default_ft", [0.7], fold=2))
    spoilt.write_bytes(spoilt.read_bytes()[:200])
    resealed = store.write(records.made("iris", "default_ft", [0.7], fold=3))
    negative = json.loads(resealed.read_text())
    negative["timings"]["seconds"]["total"] = -1.0
    resealed.write_text(encode(seal({k: v for k, v in negative.items() if k != "checksum"})))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "mine" / "cells" / "x.json")
    assert list(measured(tmp_path)) == [
        Measured("mitra_nano", "cpu, 1 threads", "iris", "default_ft", Size(150, 4, 30), 2.5)
    ]
    assert len(store.paths()) == 5  # nothing was moved


def test_the_kept_references_tell_times_of_a_folder_beside_them(tmp_path: Path) -> None:
    kept = Store(tmp_path / "results" / REFERENCE / "embedded")
    record = records.made("iris", "default_ft", [0.7])
    kept.write(record)
    assert [took.dataset for took in measured(tmp_path / "results")] == ["iris"]
    assert list(measured(tmp_path)) == []
    kept.write(records.adapted(records.made("iris", "default_ft", [0.7], fold=1), "causal"))
    kinds = [took.method for took in measured(tmp_path / "results")]
    assert kinds == ["default_ft", "default_ft from causal"]  # which takes longer, or once
