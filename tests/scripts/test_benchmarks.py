"""What benchmarks time, and what is made of it: what was cut is extrapolated, never flattered."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from scripts.benchmark_finetune import Configuration, ratios
from scripts.benchmark_scm import Phase
from scripts.scm.sides import SIDES
from scripts.scm.tasks import Task, is_size


def units(**seconds: list[float]) -> list[dict]:
    return [{"unit": unit, "seconds": s} for unit, each in seconds.items() for s in each]


class TestPhase:
    def test_a_complete_one_took_what_its_units_took(self):
        phase = Phase("x", {"pc": 2, "fci": 1}, units(pc=[1, 2], fci=[4]), elapsed=9.0)
        assert phase.complete
        assert phase.seconds == 7

    def test_a_cut_one_is_extrapolated_from_the_mean_unit(self):
        phase = Phase("x", {"pc": 4, "fci": 4}, units(pc=[1, 3], fci=[5]), elapsed=9.0, cut=True)
        assert phase.seconds == 4 * 2 + 4 * 5

    def test_a_unit_of_which_none_was_completed_counts_with_the_time_that_it_ran(self):
        phase = Phase("x", {"pc": 2, "fci": 2}, units(pc=[1]), elapsed=10.0, cut=True)
        assert phase.seconds == 2 * 1 + (10 - 1)

    @pytest.mark.parametrize("phase", [Phase("x"), Phase("x", {"pc": 1}, failure="raised")])
    def test_one_that_failed_or_did_not_run_gives_no_number(self, phase):
        assert math.isnan(phase.seconds)


def test_a_ratio_above_one_says_that_ours_is_better():
    medians = {"ours": {"cpu": 2.0, "memory": 500.0}, "autogluon": {"cpu": 3.0, "memory": 400.0}}
    lines = ratios(Configuration("nano", "iris", steps=1), medians)
    assert lines == ["RATIO nano-time 1.50", "RATIO nano-memory 0.80"]


def test_a_numeric_target_is_held_against_the_classes_it_was_made_of():
    medians = {"ours": {"cpu": 2.0}, "of classes": {"cpu": 2.2}, "autogluon": {"cpu": 3.0}}
    lines = ratios(Configuration("nano", "iris", steps=1, problem="regression"), medians)
    assert lines == ["RATIO nano-time 1.50", "RATIO nano-time-of-classes 1.10"]


# --- the tables and sides of benchmark_scm ----------------------------------------------------


@pytest.mark.parametrize(("name", "kinds"), [("4x60", 2), ("4x60c", 1), ("4x60l", 1)])
def test_a_size_makes_a_table_of_its_kind(name: str, kinds: int) -> None:
    assert is_size(name)
    table = Task(name).table()
    assert (table.name, table.n_features, len(table)) == (name, 4, 60)
    assert len(set(table.kinds.values())) == kinds


@pytest.mark.parametrize("name", ["4x60cl", "4x60z", "4x", "c", "iris"])
def test_what_is_no_size_is_told(name: str) -> None:
    assert not is_size(name)


@pytest.mark.long
def test_the_fixed_side_chooses_nothing() -> None:
    planned, event = SIDES["ours, fixed"](Task("3x60"))
    assert planned == {"planned": {"run": 1}}
    assert "selection" not in event["facts"]
    assert event["phases"]["selection"] < event["seconds"]


@pytest.mark.slow
def test_each_side_completes_what_it_plans() -> None:
    task = Task("3x60")
    *_, ours = SIDES["ours"](task)
    graphs = [ours["matrix"]]
    for side, run in SIDES.items():
        planned, *done = run(replace(task, graphs=graphs, dags=ours["dags"][:2]))
        assert len(done) == sum(planned["planned"].values()), side
