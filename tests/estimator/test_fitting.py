"""A fit holds rows out, keeps the base unless a rule takes a step, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from tiny_model import NeighbourModel

from bench.datasets.own.frame import Owned, owned
from bench.errors import BadInput
from bench.estimator.fitted import Fitted
from bench.estimator.fitting import fit
from bench.estimator.outcome import Trajectory
from bench.estimator.report import Report
from bench.estimator.settings import Settings, parameters, settings_of
from bench.finetune.settings import Rows
from bench.generator import Generator
from bench.predicted import Predicted
from bench.scores.accuracy import accuracy
from generators.bootstrap import Bootstrap

TINY = {"_target_": "tiny_model.load"}
N = 60


def table(problem: Any = "classification", n: int = N, **more: Any) -> Owned:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.choice(["x", "y"], n)})
    y = X["a"] + rng.normal(size=n) / 2
    return owned(
        X,
        np.where(y > 0, "yes", "no") if more or problem != "regression" else y,
        **more,
        problem=problem,
    )


def settings(**given: Any) -> Settings:
    return settings_of(**{"model": TINY, "generator": None, "steps": 4, "threads": 1, **given})


TUNED = settings(select_by="last", lr=0.1)  # whatever comes of it


def bits(fitted: Fitted, of: Owned) -> bytes:
    told = fitted.predict(of.table)
    return (told.mean if isinstance(told, Predicted) else told).tobytes()


def test_a_score_of_nothing_is_a_score() -> None:
    path = Trajectory(accuracy, np.array([0, 1]))
    for step in (0, 5):
        path.add(step, {"validation": np.array([[0.0, 1.0], [1.0, 0.0]])})
    assert path.scores == [0.0, 0.0]
    assert path.best() == 1


class TestWhatIsHeldOut:
    @pytest.mark.parametrize("select_by", ["last", "never"])
    def test_held_out_rows_join_the_context_if_they_may_the_kept_base_s_too(
        self, select_by: str
    ) -> None:
        own = table()
        for joins, n in ((True, N), (False, 48)):
            fitted = fit(own, settings(select_by=select_by, join_validation=joins))
            assert fitted.report.rows == {"all": N, "train": 48, "validation": 12, "context": n}
            assert [len(child.context) for child in fitted.children] == [n]

    def test_rows_that_are_handed_in_are_all_that_is_held_out(self) -> None:
        own = table()
        fitted = fit(own, TUNED, own.table.take(range(10)))
        assert fitted.report.rows == {
            "all": N + 10,
            "train": N,
            "validation": 10,
            "context": N + 10,
        }

    def test_no_group_is_learnt_from_and_held_out(self) -> None:
        own = table(groups=np.arange(N) // 5)
        (child,) = fit(own, replace(TUNED, join_validation=False)).children
        assert all((np.bincount(child.context.groups, minlength=12) % 5) == 0)

    def test_each_child_of_a_bag_holds_out_other_rows_and_all_are_scored_together(self) -> None:
        own = table()
        fitted = fit(own, settings(select_by="last", bag=3, join_validation=False))
        assert fitted.report.rows["validation"] == N
        keys = [set(child.context.row_keys()) for child in fitted.children]
        assert [len(k) for k in keys] == [40, 40, 40]
        assert not set.intersection(*keys)
        assert fitted.report.chosen_steps == (4, 4, 4)
        alone = [replace(fitted, children=(c,)).predict(own.table) for c in fitted.children]
        np.testing.assert_allclose(fitted.predict(own.table), np.mean(alone, axis=0), atol=1e-12)

    def test_a_bag_of_which_the_rule_takes_nothing_is_the_base(self) -> None:
        own = table()
        fitted = fit(own, settings(select_by="never", bag=3))
        assert fitted.report.base_kept
        (child,) = fitted.children
        weights = fitted.backbone.module.state_dict()
        assert all(torch.equal(v, weights[k]) for k, v in child.module.state_dict().items())

    def test_more_rows_than_the_model_reads_are_noted(self) -> None:
        narrow = {**TINY, "max_context": 30}
        for joins, n in ((True, N), (False, 48)):
            fitted = fit(table(), settings(model=narrow, join_validation=joins))
            assert f"In scoring, 30 of {n} training rows are the context." in fitted.report.notes

    def test_memory_is_asked_for_less_and_told_where_it_is_too_little(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def never(self: Any, module: Any, x: Any, *_: Any) -> Any:
            sizes.append(x.shape[1])
            raise torch.cuda.OutOfMemoryError

        sizes: list[int] = []
        monkeypatch.setattr(NeighbourModel, "logits", never)
        with pytest.raises(BadInput, match="no memory for scoring with 80 support rows"):
            fit(table(n=200), TUNED)
        assert (sizes[0], sizes[-1]) == (160, 80)

    def test_a_bag_takes_no_other_rows(self) -> None:
        own = table()
        with pytest.raises(BadInput, match="bag=2 holds out rows of its own"):
            fit(own, settings(bag=2), own.table)


REPORT = Report(
    problem="classification",
    model="mitra_nano",
    rows_from="real rows",
    metric="roc_auc_ovo",
    base=0.75,
    fine_tuned=0.8,
    se=0.02,
    expected=0.01,
    expected_from="experience",
    step=2,
    steps=4,
    chosen_steps=(2,),
    base_kept=False,
    why="ROC-AUC",
    fault="",
    rows={"all": 60, "train": 48, "validation": 12, "context": 60},
    classes=("no", "yes"),
    features=2,
    columns=(),
    seconds={"training": 2.0, "total": 3.0},
    notes=(),
    settings={},
)


class TestTheReport:
    def test_the_base_is_told_beside_the_best_step_when_it_is_kept(self) -> None:
        report = fit(table(), settings(select_by="never")).report
        assert (report.step, report.steps, report.base_kept) == (0, 4, True)
        assert None not in (report.base, report.fine_tuned, report.se)
        assert report.expected is None

    def test_a_gain_is_told_with_what_it_lets_one_expect(self) -> None:
        report = fit(table("regression"), replace(TUNED, eval_metric="rmse")).report
        assert report.gain == pytest.approx(report.base - report.fine_tuned)
        assert abs(report.expected) < abs(report.gain)
        assert "reference runs" in report.expected_from

    @pytest.mark.parametrize("problem", ["classification", "regression"])
    @pytest.mark.parametrize("select_by", ["last", "never"])
    def test_it_is_six_lines_and_plain_json(self, problem: str, select_by: str) -> None:
        report = fit(table(problem), settings(select_by=select_by)).report
        assert len(str(report).splitlines()) == 6
        assert Report.of_json(json.loads(json.dumps(report.as_json()))) == report

    def test_a_class_of_several_lines_leaves_it_six(self) -> None:
        told = str(replace(REPORT, classes=("a\nb", "\x1b[31m")))
        assert len(told.splitlines()) == 6
        assert "\x1b" not in told

    def test_a_score_of_the_other_problem_is_refused(self) -> None:
        with pytest.raises(BadInput, match="'rmse', a score of regression"):
            fit(table(), settings(eval_metric="rmse"))


class Pressing(Bootstrap):
    """Ctrl-C comes while it is fitted."""

    def fit(self, table: Any, rng: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return super().fit(table, rng)


def pressing(at: int, times: int = 1) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        for _ in range(times if done == at else 0):
            os.kill(os.getpid(), signal.SIGINT)

    return progress


class TestWhereItEnds:
    @pytest.fixture(autouse=True)
    def _listening(self) -> Iterator[None]:
        """A shell that starts the tests in the background has them ignore Ctrl-C."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    def test_ctrl_c_ends_it_at_the_best_step_so_far(self) -> None:
        before = signal.getsignal(signal.SIGINT)
        fitted = fit(table(), TUNED, progress=pressing(at=2))
        assert (fitted.report.step, fitted.report.steps) == (2, 2)
        assert "Ctrl-C ended the fine-tuning after step 2." in fitted.report.notes
        assert signal.getsignal(signal.SIGINT) is before

    def test_a_second_one_interrupts(self) -> None:
        before = signal.getsignal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            fit(table(), TUNED, progress=pressing(at=2, times=2))
        assert signal.getsignal(signal.SIGINT) is before

    def test_ctrl_c_while_a_generator_works_keeps_the_base(self) -> None:
        fitted = fit(table(), settings(generator=Pressing(), select_by="last"))
        assert fitted.report.base_kept
        assert "Ctrl-C came before the generator was done" in fitted.report.fault

    def test_ctrl_c_ends_a_bag_with_the_children_that_there_are(self) -> None:
        fitted = fit(table(), settings(select_by="last", bag=3), progress=pressing(at=6))
        assert fitted.report.chosen_steps == (4, 2)
        assert len(fitted.children) == 2

    def test_no_time_for_a_generator_keeps_the_base_and_says_so(self) -> None:
        fitted = fit(table(), settings(generator=Bootstrap(), select_by="last", time_limit=0.001))
        assert fitted.report.base_kept
        assert "the time limit was over" in str(fitted.report)
        assert len(fitted.report.notes) == 1

    def test_a_generator_gets_a_share_of_the_time(self) -> None:
        class Timed(Bootstrap):
            seconds: float | None = 500.0

            def fit(self, table: Any, rng: Any) -> Any:
                given.append(self.seconds)
                return super().fit(table, rng)

        given: list[float | None] = []
        fit(table(), settings(generator=Timed(), time_limit=100.0))
        fit(table(), settings(generator=Timed()))
        assert 30 < given[0] < 40  # type: ignore[operator]  # it is a number
        assert given[1] == 500.0

    def test_what_cannot_serve_the_table_keeps_the_base_and_says_so(self) -> None:
        fitted = fit(table("regression"), settings(generator="smote", select_by="last"))
        assert "SMOTE serves classification only" in fitted.report.fault


class TestWhatIsLeftAsItWas:
    def test_threads_determinism_and_hydra(self) -> None:
        before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
        with torch.random.fork_rng([]):
            drawn = torch.random.get_rng_state()
            fit(table(), replace(TUNED, threads=2))
            assert torch.equal(torch.random.get_rng_state(), drawn)
        assert before == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
        assert not GlobalHydra.instance().is_initialized()

    def test_a_generator_that_is_handed_in(self) -> None:
        given = Bootstrap()
        fit(table(), settings(generator=given))
        assert vars(given) == vars(Bootstrap())

    def test_the_same_seed_gives_the_same_bits_and_another_gives_others(self) -> None:
        own = table()
        one, two, other = (
            bits(fit(own, settings(generator="noise", select_by="last", lr=0.1, seed=seed)), own)
            for seed in (1, 1, 2)
        )
        assert one == two
        assert one != other


class TestSettings:
    def test_they_are_those_of_conf(self) -> None:
        found = settings_of()
        assert found.method.name == "causalmixft"
        assert (found.method.mixing.rows, found.method.mixing.size) == (Rows.mixed, 2.0)
        assert found.finetune.steps == 30
        assert found.model["_target_"] == "bench.models.tab2d.checkpoint.load"

    def test_a_generator_alone_is_mixed_at_the_ratio_that_is_asked_for(self) -> None:
        assert settings_of(generator="ctgan", mixing_ratio=0.5).method.mixing.ratio == 0.5
        assert (
            settings_of(generator="ctgan", mixing_ratio=None).method.mixing.rows is Rows.synthetic
        )

    @pytest.mark.parametrize("generator", ["noise", None])
    def test_a_report_tells_them(self, generator: Any) -> None:
        asked = settings(generator=generator, steps=3, lr=0.5, bag=2, eval_metric="log_loss")
        told = parameters(fit(table(), asked).report.settings)
        assert settings_of(**told, threads=1) == asked

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"steps": 0}, "steps is 0; expected a whole number"),
            ({"select_by": "lst"}, r"select_by is 'lst' \(did you mean 'last'\?\)"),
            ({"generator": "smot"}, r"generator is 'smot' \(did you mean 'smote'\?\)"),
            ({"model": "mitra_nan"}, r"model is 'mitra_nan' \(did you mean 'mitra_nano'\?\)"),
            ({"model": {}}, "without _target_"),
            ({"generator": "noise", "mixing_ratio": 0.0}, "mixing_ratio is 0.0; expected"),
            ({"validation_share": 1.5}, "validation_share is 1.5; expected"),
            ({"eval_metric": "acuracy"}, r"did you mean 'accuracy'\?"),
            ({"time_limit": -1.0}, "time_limit is -1.0; expected"),
            ({"threads": 0}, "threads is 0; expected"),
        ],
    )
    def test_what_they_cannot_be(self, given: dict[str, Any], told: str) -> None:
        with pytest.raises(BadInput, match=told):
            settings(**given)


def test_a_class_of_generators_is_no_generator() -> None:
    assert issubclass(Bootstrap, Generator)
    with pytest.raises(BadInput, match="generator is"):
        settings(generator=Bootstrap)
