"""The estimator is held against the base on the same rows, and each run is made once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts import evaluate_estimator
from scripts.evaluate_estimator import Run, done, main, runs_of, summary


def told(dataset: str, fold: int, variant: str, gain: float, step: int = 2) -> dict[str, object]:
    base = {"roc_auc_ovo": 0.5, "log_loss": 0.7}
    return {
        **{"dataset": dataset, "fold": fold, "variant": variant, "problem": "classification"},
        **{"base": base, "chosen": base | {"roc_auc_ovo": 0.5 + gain}},
        **{"step": step, "promised": 0.1, "seconds": 2.0, "rows": 100},
    }


def test_harm_is_of_runs_and_gain_of_tables() -> None:
    runs = [
        *(told("tae", 0, "default", 0.25), told("tae", 1, "default", -0.25)),
        *(told("iris", 0, "default", 0.25), told("iris", 1, "default", 0.0, step=0)),
        told("glass", 0, "default", -0.5),  # which the other variant has not
        *(told(name, fold, "study", 0.125) for name in ("tae", "iris") for fold in (0, 1)),
    ]
    found = summary(runs, "classification")
    of = found.loc["default"]
    assert (of["runs"], of["tables"], of["base kept"], of["harm"]) == (4, 2, 0.25, 0.25)
    assert of["gain ×1000"] == pytest.approx((0 + 125) / 2)
    assert of["±"] == pytest.approx(125 / 2)  # two tables at 0 and 125: s is 88.4, over √2
    assert (of["worst"], of["harm of 12"], of["gain of 24"]) == (-250, 0.5, 125)
    assert found.loc["study", "gain ×1000"] == pytest.approx(125)


def test_what_is_done_is_not_done_again_and_half_a_line_is_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[Run] = []

    def fake(self: Run) -> dict[str, object]:
        made.append(self)
        return told(self.dataset, self.fold, self.variant, 0.01)

    monkeypatch.setattr(evaluate_estimator.Run, "told", fake)
    out = tmp_path / "runs.jsonl"
    first = json.dumps(told("tae", 0, "default", 0.02))
    out.write_text(f"{first}\n{first[:20]}\n", encoding="utf-8")
    words = ["--out", str(out), "--tables", "iris", "tae", "--folds", "0", "--variants"]
    assert main([*words, "default", "lr=3e-4"]) == 0
    assert made == [
        *(Run("iris", 0, "default"), Run("iris", 0, "lr=3e-4"), Run("tae", 0, "lr=3e-4")),
    ]
    assert len(done(out)) == 4
    assert "| lr=3e-4 |" in " ".join(capsys.readouterr().out.split())
    assert main([*words, "default"]) == 0
    assert len(made) == 3


def test_a_variant_is_what_the_estimator_is_given_and_small_tables_come_first() -> None:
    study = {"generator": None, "select_by": "roc_auc_ovo", "lr": 1e-4}
    assert Run("tae", 0, "study").parameters == study
    assert Run("tae", 0, "bag=3 lr=3e-4").parameters == {"bag": 3, "lr": 3e-4}
    ordered = runs_of("classification", [0], ["default"], ["credit-g", "iris", "wdbc"])
    assert [run.dataset for run in ordered] == ["iris", "wdbc", "credit-g"]
