"""The time that a sweep still takes, told from journals: resumed, fresh, by method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from composing import composing
from hydra import compose
from made_records import made as made_record
from omegaconf import DictConfig

from bench.phrases import duration
from bench.sweep.asked import Asked, Cell, cells
from bench.sweep.costs import Measured, Size
from bench.sweep.time_left import TimeLeft

TABLES = [f"t{i}" for i in range(12)]
SECONDS = {"fast": 5.0, "slow": 240.0}
FOLDS = range(3)


def sweep(tables: Iterable[str] = TABLES, methods: Iterable[str] = SECONDS) -> list[Cell]:
    """Each table's folds one after the other, a job each with its methods."""
    jobs = [(table, fold) for table in tables for fold in FOLDS]
    return [
        Cell(job, method, table, str(fold), "0")
        for job, (table, fold) in enumerate(jobs)
        for method in methods
    ]


def record(cell: Cell, seconds: float, **changed: Any) -> dict[str, Any]:
    """The record of a cell as an earlier run left it."""
    found = made_record(cell.dataset, cell.entry, [0.5, 0.6], fold=int(cell.fold), **changed)
    found["timings"] = {"seconds": {"total": seconds}}
    return found


def event(cell: Cell, time: float, seconds: float, made: bool = True) -> dict[str, Any]:
    return {
        "event": "cell", "time": time, "job": cell.job, "entry": cell.entry, "method": cell.entry,
        "dataset": cell.dataset, "size": [100, 5, 30], "status": "done", "made": made,
        "seconds": seconds,
    }  # fmt: skip


def resumed(done: int) -> tuple[TimeLeft, list[Cell]]:
    """A sweep of 72 cells, the first ``done`` of which have a record."""
    everything = sweep()
    left = TimeLeft(everything, workers=1)
    left.read([record(c, SECONDS[c.entry]) for c in everything[:done]], rerun="failed")
    return left, everything


def test_kept_runs_tell_the_time_of_a_new_sweep_from_its_first_cell_on() -> None:
    took = [
        Measured("mitra_nano", "cpu", table, method, Size(150, 4, steps), seconds)
        for table in ("iris", "tae")
        for method, seconds in (("default_ft", 3.0), ("scm", 9.0))
        for steps in (30, 10)
    ]
    others = [replace(took[0], model="autogluon/mitra-classifier", seconds=900.0)]
    others += [replace(t, seconds=0.1) for t in took if t.size.steps == 10]
    kept = [t for t in took if t.size.steps == 30]
    cfg = composed("dataset=iris,tae", "fold=0,1")
    cfg.methods, cfg.finetune.steps = ["default_ft", "scm"], 30
    assert TimeLeft.of(Asked.of(cfg), [], [*others, *kept]).seconds() == (4 * (3.0 + 9.0), 0)
    assert TimeLeft.of(Asked.of(cfg), []).text() == "unknown time"


class TestAfterAResume:
    def test_what_is_done_before_counts_nothing_from_the_first_cell_on(self) -> None:
        left, everything = resumed(done=37)  # 35 to make: 17 fast, 18 slow
        left.add(event(everything[0], time=10.0, seconds=0.05, made=False))
        assert left.seconds() == (pytest.approx(17 * 5 + 18 * 240, rel=0.001), 0)
        assert left.text() == "about 73 min"

    def test_the_passing_of_cells_that_are_done_is_counted_at_its_own_pace(self) -> None:
        left, everything = resumed(done=37)
        for i, cell in enumerate(everything[:7]):
            left.add(event(cell, time=10.0 + 2 * i, seconds=0.05, made=False))
        assert left.seconds()[0] == pytest.approx(17 * 5 + 18 * 240 + 30 * 2.0)

    def test_a_machine_of_twice_the_speed_is_found_out(self) -> None:
        left, everything = resumed(done=37)
        left.read([record(c, SECONDS[c.entry]) for c in everything[37:39]], rerun="all")
        left.add(event(everything[37], time=120.0, seconds=120.0))
        left.add(event(everything[38], time=122.5, seconds=2.5))
        # The rest of the sweep lies on tables that only the earlier machine has seen others of.
        assert left.seconds()[0] == pytest.approx(16 * 2.5 + 17 * 120, rel=0.01)

    def test_records_that_turn_out_to_be_of_other_settings_are_counted_by_method(self) -> None:
        left, everything = resumed(done=37)
        left.add(event(everything[0], time=5.0, seconds=5.0))  # its record was of no use
        assert left.seconds()[0] == pytest.approx(35 * 5 + 18 * 240)  # nor are other fast ones'
        left.add(event(everything[2], time=5.0, seconds=0.1, made=False))
        assert left.seconds()[0] == pytest.approx(17 * 5 + 17 * 5 / 2 + 18 * 240)  # half of them
        left.add(event(everything[1], time=245.1, seconds=240.0))
        assert left.seconds()[0] == pytest.approx(17 * 5 + 17 * 5 / 2 + 35 * 240)

    def test_failed_ones_are_made_again_and_told(self) -> None:
        everything = sweep(["t0"], ["fast"])
        left = TimeLeft(everything, workers=1)
        left.read([record(c, 5.0, status="failed") for c in everything], rerun="needed")
        left.add(event(everything[0], time=4.0, seconds=4.0))
        assert left.seconds() == (8.0, 0)

    def test_one_record_serves_all_seeds_of_what_is_not_fine_tuned(self) -> None:
        everything = [Cell(job, "pretrained", "t0", "0", str(job)) for job in range(3)]
        left = TimeLeft(everything, workers=1)
        left.read([record(everything[0], 7.0)], rerun="failed")
        left.add(event(everything[0], time=1.0, seconds=0.1, made=False))
        assert left.seconds() == (0.0, 0)

    def test_two_settings_with_one_record_are_half_done(self) -> None:
        everything = [Cell(job, "fast", "t0", "0", "0") for job in range(2)]  # finetune.lr=a,b
        left = TimeLeft(everything, workers=1)
        left.read([record(everything[0], 6.0)], rerun="failed")
        assert left.seconds() == (pytest.approx(6.0), 0)

    def test_254_of_324_done_is_70_minutes_at_this_machines_speed(self) -> None:
        """Of 12 tables, 3 folds and 9 methods the slow ones are left; kept runs were faster."""
        took = {f"m{i}": 10.0 for i in range(7)} | {"long": 30.0, "longest": 90.0}
        order = sorted(sweep(methods=took), key=lambda cell: took[cell.entry] > 10)
        done, rest = order[:254], order[254:]  # of the slow ones one each
        left = TimeLeft(order, workers=1)
        left.read([record(c, took[c.entry]) for c in done], rerun="failed")
        for cell in order:
            size = Size(100, 5, 30)
            left.know(Measured("", "", cell.dataset, cell.entry, size, took[cell.entry] / 2))
        assert left.seconds() == (pytest.approx(35 * (30 + 90)), 0)
        assert (left.done(), left.text()) == (254, "about 70 min")
        for cell in done:
            left.add(event(cell, 1000.0, 0.01, made=False))
        assert left.text() == "about 70 min"
        left.workers = 2
        left.add(event(rest[0], time=1022.5, seconds=22.5))  # three quarters of what it took
        assert left.seconds()[0] == pytest.approx(0.75 * (34 * 30 + 35 * 90) / 2)

    def test_what_lay_between_two_runs_or_cells_is_no_time_of_computing(self) -> None:
        everything = sweep(methods=["fast"])
        left = TimeLeft(everything, workers=1)
        for i, cell in enumerate(everything[:4]):
            left.add(event(cell, time=5.0 + 3600 * i, seconds=5.0))
        assert left.seconds()[0] == pytest.approx(32 * 5)

    def test_what_is_refused_is_left_to_nobody(self) -> None:
        everything = sweep()
        left = TimeLeft(everything, workers=1)
        left.read([record(c, SECONDS[c.entry]) for c in everything], rerun="all")
        left.add({"event": "bad_input", "cell": "t0 1", "reason": "No.", "cells": 2})
        assert left.seconds()[0] == 35 * 245


class TestAFreshSweep:
    def test_methods_are_told_apart(self) -> None:
        everything = sweep()
        left = TimeLeft(everything, workers=1)
        left.add(event(everything[0], time=5.0, seconds=5.0))
        assert left.text() == "at least about 175 s".replace("175 s", duration(35 * 5))
        left.add(event(everything[1], time=245.0, seconds=240.0))
        assert left.text() == f"about {duration(35 * 245)}"

    def test_two_workers_take_half_as_long(self) -> None:
        everything = sweep(methods=["fast"])
        left = TimeLeft(everything, workers=2)
        left.add(event(everything[0], time=5.0, seconds=5.0))
        assert left.seconds()[0] == 35 * 5 / 2

    def test_how_many_run_at_once_is_measured_where_a_cluster_decides(self) -> None:
        everything = sweep(methods=["fast"])
        left = TimeLeft(everything, workers=None)
        for i, cell in enumerate(everything[:12]):  # four at a time
            left.add(event(cell, time=5.0 * (1 + i // 4), seconds=5.0))
        assert left.seconds()[0] == pytest.approx(24 * 5 / 4)

    def test_a_larger_table_takes_longer_once_there_are_three_to_tell(self) -> None:
        everything = sweep(["t0", "t1", "t2", "t3"], ["fast"])
        left = TimeLeft(everything, workers=1)
        sizes = {"t0": 100, "t1": 200, "t2": 400, "t3": 1600}
        large = {**record(everything[9], 1.0), "status": "done"}  # only its size is known
        large["cell"]["method"], large["data"]["rows"] = "other", {"train": 1600}
        large["data"]["features"] = 5
        left.read([large], rerun="failed")
        for i, cell in enumerate(everything[:9]):
            rows = sizes[cell.dataset]
            left.add(event(cell, float(i), rows / 100) | {"size": [rows, 5, 30]})
        assert left._estimate(everything[9], 1.0, 1.0) == pytest.approx(16, rel=0.15)

    def test_nothing_known_is_unknown(self) -> None:
        assert TimeLeft(sweep(), workers=1).text() == "unknown time"

    def test_cells_of_another_sweep_in_the_same_folder_are_no_ones_here(self) -> None:
        left = TimeLeft(sweep(["t0"], ["fast"]), workers=1)
        left.add({"event": "cell", "time": 1.0, "seconds": 1.0, "made": True})  # an older journal's
        assert left.text() == "unknown time"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(7.4, "7 s"), (89, "89 s"), (90, "2 min"), (4200, "70 min"), (9e3, "2.5 h")],
)
def test_a_duration_has_the_unit_that_fits(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def composed(*words: str) -> DictConfig:
    """A sweep's config as Hydra hands it to a callback."""
    with composing():
        cfg = compose("config", [w for w in words if "," not in w], return_hydra_config=True)
    cfg.hydra.overrides.task = list(words)
    return cfg


def test_a_sweeps_cells_are_its_jobs_in_order_with_their_methods() -> None:
    cfg = composed("dataset=iris,haberman", "fold=0,1", "methods=['scm method.name=x',pretrained]")
    cfg.methods = ["scm method.name=x", "pretrained"]
    found = cells(cfg)
    assert [(c.job, c.dataset, c.fold) for c in found[::2]] == [
        (0, "iris", "0"), (1, "iris", "1"), (2, "haberman", "0"), (3, "haberman", "1"),
    ]  # fmt: skip
    assert [c.entry for c in found[:2]] == ["scm method.name=x", "pretrained"]


def test_methods_that_are_swept_are_each_jobs_own() -> None:
    cfg = composed("dataset=iris", "methods=[scm],[pretrained,default_ft]")
    assert [(c.job, c.entry) for c in cells(cfg)] == [
        (0, "scm"), (1, "pretrained"), (1, "default_ft"),
    ]  # fmt: skip
    cfg = composed("dataset=iris", "method=scm,pretrained")
    assert [(c.job, c.entry) for c in cells(cfg)] == [(0, "scm"), (1, "pretrained")]


def test_a_method_under_several_settings_is_done_when_all_of_them_are() -> None:
    cells = sweep(["t0"], ["fast", "fast finetune.lr=1e-3", "fast finetune.lr=3e-4"])
    left = TimeLeft(cells, workers=1)
    left.read([record(cells[0], 5.0)], rerun="failed")
    assert left.done() == 1
