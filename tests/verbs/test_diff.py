"""diff: is what one folder tells reproduced by another, and if not, by how much?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_records import failed, made, made_numeric

from bench.cell.agreement import Level
from bench.cell.predictions import kept
from bench.cell.store import Store
from bench.cli import main
from bench.score import Score
from bench.scores.log_loss import log_loss
from bench.scores.roc_auc_ovo import roc_auc_ovo
from bench.verbs.diff import compare

AUC = "roc_auc_ovo"
RECORDS = [
    made("heart", "pretrained", [0.7]),
    made("heart", "default_ft", [0.7, 0.72]),
    made("heart", "scm", [0.7, 0.69]),
    failed("zoo", "scm"),
]
KEY = ("heart", 0, 0, "scm")


def stored(root: Path, records: list[dict[str, Any]]) -> str:
    kept = Store(root)
    for record in records:
        kept.write(record)
    return str(root)


def elsewhere(record: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A record as another processor would leave it, or other code."""
    copy = json.loads(json.dumps(record))
    copy["provenance"] |= {"kernels": "torch AVX2"} | changed
    return copy


def rows_of(record: dict[str, Any], sign: str) -> dict[str, Any]:
    counts = {"rows": 9, "class_counts": [4, 5], "copies_of_training_rows": 0}
    facts = {"key": None, "fingerprint": sign * 64, "generator": {}, "quality": {}}
    return {**record, "synthetic": counts | facts}


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def table(text: str, title: str) -> list[list[str]]:
    """The cells of a printed table, row by row."""
    rows = text.partition(title)[2].partition("└")[0].splitlines()
    return [[c.strip() for c in row.strip("│ ").split("│")] for row in rows if row[:1] == "│"]


class TestAcrossProcessors:
    """72 cells of which 67 agree in test ROC-AUC to 1e-6, and only CTGAN differs."""

    TABLES = tuple(f"t{i:02}" for i in range(12))
    METHODS = ("pretrained", "default_ft", "scm", "causalmixft", "bootstrap", "ctgan")

    def there(self) -> list[dict[str, Any]]:
        found = [made(t, m, [0.7, 0.8, 0.75], chosen=1) for t in self.TABLES for m in self.METHODS]
        for record in found:
            record["metrics"]["last"]["test"]["accuracy"] = 0.9
        return [rows_of(r, "a") if r["cell"]["method"] == "ctgan" else r for r in found]

    def here(self, by: float) -> list[dict[str, Any]]:
        """The last step's accuracy drifts, and five tables get other rows of CTGAN."""
        found = []
        for record in map(elsewhere, self.there()):
            metrics, cell = record["metrics"], record["cell"]
            metrics["last"]["test"]["accuracy"] = 0.8
            metrics["chosen"]["test"][AUC] += 9e-7
            if cell["method"] == "ctgan" and cell["dataset"] in self.TABLES[:5]:
                metrics["chosen"]["test"][AUC] += by
                record = rows_of(record, "b")
            for part in ("test",) if record["curves"] else ():
                record["curves"][part][AUC][1] = metrics["chosen"][part][AUC]
            found.append(record)
        return found

    @pytest.mark.long
    def test_it_is_reproduced(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        one, two = stored(tmp_path / "a", self.there()), stored(tmp_path / "b", self.here(0.03))
        assert main(["diff", one, two]) == 0
        out = capsys.readouterr().out
        levels = "67 to rounding (1e-06), 5 on other synthetic rows within 0.05"
        assert f"72 cells are in both: {levels}.\n" in out
        assert out.endswith(f"\nReproduced: 72 of 72 cells, {levels}.\n")
        assert "B was made by other kernels (torch DEFAULT → torch AVX2) in 72 cells.\n" in out
        header = "┃ cells ┃ to rounding ┃ other rows ┃ farthest score ┃ farthest probability"
        assert header in out
        rows = {row[0]: row[1:] for row in table(out, "How far the cells agree")}
        assert rows["ctgan"] == ["12", "7", "5", "0.03", "–"]
        assert rows["scm"] == ["12", "12", "0", "9e-07", "–"]
        assert len(rows) == 6
        assert "Not reproduced" not in out

    @pytest.mark.long
    def test_it_is_not_where_rows_move_a_score_further(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        one, two = stored(tmp_path / "a", self.there()), stored(tmp_path / "b", self.here(-0.06))
        assert main(["diff", one, two]) == 1
        out = capsys.readouterr().out
        assert out.endswith("\nNot reproduced: 5 of 72 cells differ.\n")
        far = table(out, "Not reproduced, the farthest first")
        assert [row[:4] for row in far] == [[t, "0", "0", "ctgan"] for t in self.TABLES[:5]]
        assert far[0][4:] == ["chosen test ROC-AUC by 0.06", "0.8000", "0.7400", "-0.0600"]
        assert main(["diff", one, two, "tolerance=0.02"]) == 0  # five times that for its rows

    def test_what_code_and_machine_share_is_held_to_the_bit(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        near = json.loads(json.dumps(RECORDS[2]))
        for scores in (near["metrics"]["chosen"], near["metrics"]["last"]):
            scores["test"]["log_loss"] += 1e-15
        one, two = stored(tmp_path / "a", [RECORDS[2]]), stored(tmp_path / "b", [near])
        assert main(["diff", one, two]) == 1
        text = printed(capsys)
        assert "test log-loss by 1e-15, same machine" in text
        assert text.endswith("Not reproduced: 1 of 1 cell differs.")
        assert compare({KEY: RECORDS[2]}, {KEY: elsewhere(near)}).agrees
        by_other_code = elsewhere(near, kernels="torch DEFAULT", code="beef" * 16)
        assert compare({KEY: RECORDS[2]}, {KEY: by_other_code}).agrees


class TestVerdict:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"chosen_step": 2}, "its chosen step is 2, but by ROC-AUC it would be 0"),
            ({"settings": {"finetune": {"lr": 0.5}}}, "identity: finetune.lr (0.001 → 0.5)"),
        ],
    )
    def test_a_record_that_contradicts_itself_reproduces_nothing(
        self, change: dict[str, Any], told: str
    ):
        """The curve ties, so that no score gives another step away."""
        one = made("heart", "scm", [0.7, 0.7, 0.69], chosen=0, finetune={"lr": 0.001})
        two = json.loads(json.dumps(one))
        settings = two["settings"] | {
            key: two["settings"][key] | value for key, value in change.pop("settings", {}).items()
        }
        two |= {"settings": settings, **change}
        compared = compare({KEY: one}, {KEY: two})
        assert not compared.agrees
        (pair,) = compared.other
        assert pair.why.startswith("B: ")
        assert pair.why.endswith(told)
        assert compare({KEY: one}, {KEY: one}).agrees

    @pytest.mark.long
    def test_equal_folders_agree(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        one, two = (stored(tmp_path / name, RECORDS) for name in "ab")
        assert main(["diff", one, two, "tolerance=0"]) == 0
        out = capsys.readouterr().out
        assert out.endswith("\nReproduced: 4 of 4 cells, 4 to the bit.\n")
        assert "made by other" not in out
        assert "asked for other" not in out

    def test_a_changed_score_and_a_missing_cell_are_named(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        one = stored(tmp_path / "a", RECORDS)
        changed = made("heart", "default_ft", [0.7, 0.75])
        two = stored(tmp_path / "b", [RECORDS[0], changed, RECORDS[2]])
        assert main(["diff", one, two]) == 1
        out = capsys.readouterr().out
        assert "3 cells are in both: 2 to the bit, 1 further apart.\n" in out
        assert f"1 cell is only in A, {one}: zoo 0 0 scm.\n" in out
        assert "method     ┃ cells ┃ to the bit ┃ apart ┃" in out
        (row,) = table(out, "Not reproduced, the farthest first")
        assert row[:4] == ["heart", "0", "0", "default_ft"]
        assert row[5:] == ["0.7200", "0.7500", "+0.0300"]
        assert out.endswith("\nNot reproduced: 1 of 4 cells differs, 1 of 4 cells is not in B.\n")

    @pytest.mark.long
    def test_more_cells_in_b_are_told_and_no_difference(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        one, two = stored(tmp_path / "a", RECORDS[:2]), stored(tmp_path / "b", RECORDS)
        assert main(["diff", one, two]) == 0
        out = capsys.readouterr().out
        assert f"2 cells are only in B, {two}: heart 0 0 scm; zoo 0 0 scm.\n" in out
        assert out.endswith("\nReproduced: 2 of 2 cells, 2 to the bit.\n")
        assert main(["diff", two, one]) == 1
        assert capsys.readouterr().out.endswith("\nNot reproduced: 2 of 4 cells are not in B.\n")

    @pytest.mark.long
    @pytest.mark.parametrize(("n", "more"), [(10, ""), (11, " …")])
    def test_of_many_missing_cells_ten_are_named(
        self, n: int, more: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        many = [made("heart", "scm", [0.7, 0.7], fold=fold) for fold in range(n + 1)]
        one, two = stored(tmp_path / "a", many), stored(tmp_path / "b", many[:1])
        assert main(["diff", one, two]) == 1
        named = capsys.readouterr().out.partition(f"only in A, {one}: ")[2].partition(".\n")[0]
        assert named.count("heart") == 10
        assert named.endswith(f" scm{more}")

    @pytest.mark.parametrize(
        ("n", "title"), [(10, "the farthest first"), (11, "the 10 farthest of 11")]
    )
    def test_of_many_that_differ_the_farthest_ten_are_named(
        self, n: int, title: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        one, two = (
            stored(
                tmp_path / name,
                [made("heart", "scm", [0.7, 0.7 + by * i], fold=i - 1) for i in range(1, n + 1)],
            )
            for name, by in (("a", 0.0), ("b", 0.02))
        )
        assert main(["diff", one, two]) == 1
        rows = table(capsys.readouterr().out, f"Not reproduced, {title} ")
        assert [row[1] for row in rows] == [str(n - 1 - i) for i in range(10)]

    def test_the_farthest_predicted_probability_is_told(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        labels = {"validation": np.arange(20) % 2, "test": np.arange(50) % 2}

        def predicted(chance: float) -> dict[str, Any]:
            steps = {
                when: {part: np.full((len(y), 2), 0.5) for part, y in labels.items()}
                for when in ("pretrained", "chosen", "last")
            }
            for when in ("chosen", "last"):
                steps[when]["test"][7] = [1 - chance, chance]
            record = made("heart", "scm", [0.7, 0.69])
            record["provenance"]["scores"] = {}  # of these predictions nobody computed them
            return {**record, "predictions": kept(labels, steps, np.arange(2))}

        one = stored(tmp_path / "a", [predicted(0.75)])
        two = stored(tmp_path / "b", [elsewhere(predicted(0.875))])
        assert main(["diff", one, two]) == 0
        (row,) = table(capsys.readouterr().out, "How far the cells agree")
        assert row == ["scm", "1", "1", "0", "0.12"]

    @pytest.mark.long
    def test_two_tables_of_one_name_are_told_apart(self, tmp_path: Path):
        other = made("heart", "scm", [0.7, 0.6], identity={"dataset": "f" * 64})
        one, two = (stored(tmp_path / name, [RECORDS[2], other]) for name in "ab")
        assert main(["diff", one, two]) == 0
        three = stored(tmp_path / "c", [RECORDS[2]])
        assert main(["diff", one, three]) == 1

    def test_nothing_in_common_is_not_reproduced(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        one, two = (stored(tmp_path / str(i), [RECORDS[i]]) for i in (0, 1))
        assert main(["diff", one, two]) == 1
        out = capsys.readouterr().out
        assert out.startswith("0 cells are in both.\n")
        assert out.endswith("\nNot reproduced: no cell is in both.\n")

    def test_what_failed_in_one_is_a_difference_and_in_both_is_none(self):
        lost, other = failed("heart", "scm"), failed("heart", "scm", "another reason")
        assert compare({KEY: lost}, {KEY: elsewhere(other)}).agrees
        compared = compare({KEY: RECORDS[2]}, {KEY: lost})
        assert not compared.agrees
        assert compared.other[0].why == "status: record done, now failed"

    def test_other_code_with_the_same_results_is_no_difference(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        moved = {**RECORDS[2], "provenance": RECORDS[2]["provenance"] | {"code": "beef" * 16}}
        compared = compare({KEY: RECORDS[2]}, {KEY: moved})
        assert compared.agrees
        assert compared.pairs[0].agreement.level is Level.bits
        one, two = stored(tmp_path / "a", [RECORDS[2]]), stored(tmp_path / "b", [moved])
        assert main(["diff", one, two]) == 0
        assert "B was made by other code in 1 cell.\n" in capsys.readouterr().out

    def test_of_what_is_other_four_things_are_named(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        other = {"processor": "p", "threads": 2, "device": "cuda", "python": "3.12.1"}
        one = stored(tmp_path / "a", [RECORDS[2]])
        two = stored(tmp_path / "b", [elsewhere(RECORDS[2], **other)])
        assert main(["diff", one, two]) == 0
        out = capsys.readouterr().out
        assert "threads (1 → 2) in 1 cell, device (cpu → cuda) in 1 cell and 1 more.\n" in out


class TestSettings:
    def of(self, steps: int, auc: float, **more: Any) -> dict[str, Any]:
        return made("heart", "default_ft", [0.7, auc], finetune={"steps": steps, **more})

    @pytest.mark.long
    def test_other_settings_are_told_and_near_is_not_the_same(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        one = stored(tmp_path / "a", [self.of(2, 0.72)])
        two = stored(tmp_path / "b", [elsewhere(self.of(30, 0.725))])
        assert main(["diff", one, two]) == 1
        out = capsys.readouterr().out
        assert "B was asked for other finetune.steps (2 → 30) in 1 cell.\n" in out
        assert out.endswith("\nNot reproduced: 1 of 1 cell differs.\n")
        three = stored(tmp_path / "c", [elsewhere(self.of(30, 0.72))])
        assert main(["diff", one, three]) == 0  # what came out is the same

    def test_a_key_that_older_records_lack_is_no_other_setting(self):
        one, two = self.of(2, 0.72), elsewhere(self.of(2, 0.725, keep="best"))
        (pair,) = compare({KEY: one}, {KEY: two}).pairs
        assert pair.asked == []
        assert pair.is_reproduced

    def test_another_table_or_model_is_told(self):
        other = made("heart", "scm", [0.7, 0.69], identity={"dataset": "f" * 64})
        other["cell"]["model"] = "mitra"
        (pair,) = compare({KEY: RECORDS[2]}, {KEY: other}).pairs
        first = RECORDS[2]["identity"]["parts"]["dataset"][:8]
        assert pair.asked == [f"dataset ({first} → ffffffff)", "model.name (mitra_nano → mitra)"]
        assert pair.made == []
        assert not pair.is_same_code


class TestMethods:
    @pytest.mark.long
    def test_they_stand_side_by_side_on_what_both_hold(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        one = [
            made(table, method, [0.7, after])
            for table in ("heart", "zoo", "iris")
            for method, after in (("pretrained", 0.7), ("default_ft", 0.72))
        ]
        two = [*one[:4], *(made(table, "scm", [0.7, 0.74]) for table in ("heart", "zoo"))]
        two[1] = made("heart", "default_ft", [0.7, 0.69])
        roots = [stored(tmp_path / name, of) for name, of in (("a", one), ("b", two))]
        assert main(["diff", *roots]) == 1
        out = capsys.readouterr().out
        assert table(out, "Methods on the 2 units complete in both, A → B") == [
            ["default_ft", "1.00 → 1.50", "+1.000 → +0.000", "+0.02000 → +0.00500"],
            ["pretrained", "2.00 → 1.50", "+0.000 → +0.000", "+0.00000 → +0.00000"],
        ]
        assert "mean gain in ROC-AUC" in out

    def test_where_one_has_nothing_done_there_are_no_methods_to_compare(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        one = stored(tmp_path / "a", RECORDS)
        two = stored(tmp_path / "b", [failed("zoo", "scm")])
        assert main(["diff", one, two]) == 1
        assert "Methods" not in printed(capsys)

    @pytest.mark.long
    @pytest.mark.parametrize("metric", [roc_auc_ovo, log_loss])
    def test_the_score_is_called_what_the_records_are_ranked_by(
        self, metric: Score, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        of = [made("heart", method, [0.7, 0.6], metric=metric) for method in ("default_ft", "scm")]
        pretrained = made("heart", "pretrained", [0.7], metric=metric)
        roots = [stored(tmp_path / name, [pretrained, *of]) for name in "ab"]
        assert main(["diff", *roots]) == 0
        assert f"mean gain in {metric.title}" in printed(capsys)

    @pytest.mark.long
    def test_classes_and_numbers_have_a_table_each(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        methods = {"pretrained": [0.7], "default_ft": [0.7, 0.6], "scm": [0.7, 0.65]}
        of = [made("heart", m, curve) for m, curve in methods.items()]
        of += [made_numeric("servo", m, curve, scale=1000.0) for m, curve in methods.items()]
        roots = [stored(tmp_path / name, of) for name in "ab"]
        assert main(["diff", *roots]) == 0
        text = printed(capsys)
        assert text.count("Methods on the 1 unit complete in both") == 2
        assert "mean gain in ROC-AUC" in text
        assert "mean gain in RMSE / σ" in text
        assert "+0.10000 → +0.10000" in text  # of its deviations, not of its unit
        assert "Reproduced: 6 of 6 cells, 6 to the bit." in text

    def test_records_ranked_by_two_scores_have_no_table(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        one, two = (
            stored(tmp_path / m.name, [made("heart", "scm", [0.7, 0.6], metric=m)])
            for m in (roc_auc_ovo, log_loss)
        )
        assert main(["diff", one, two]) == 1
        text = printed(capsys)
        assert "No table of methods: they are ranked by ROC-AUC and log-loss." in text
        assert "Methods on" not in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a"], "Two results folders: diff A B"),
        (["a", "b", "c"], "Two results folders: diff A B"),
        (["nowhere", "nowhere"], "no records under"),
        (["a", "b", "tolerance=much"], "tolerance is a number that is not below 0"),
        (["a", "b", "tolerance=-1"], "tolerance is a number that is not below 0"),
        (["a", "b", "tolerance=nan"], "tolerance is a number that is not below 0"),
        (["a", "b", "tolerance=inf"], "tolerance is a number that is not below 0"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 1


def test_an_empty_folder_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b" / "cells").mkdir(parents=True)
    assert main(["diff", stored(tmp_path / "a", RECORDS), str(tmp_path / "b")]) == 2
    assert "no records under" in capsys.readouterr().err


def test_a_folder_without_a_sound_record_is_told_with_its_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = stored(tmp_path / "a", RECORDS), stored(tmp_path / "b", RECORDS[:1])
    (path,) = Store(tmp_path / "b").paths()
    path.write_text("{")
    assert main(["diff", one, two]) == 2
    seen = capsys.readouterr()
    assert f"1 file under {two} cannot be used, for instance {path}: " in seen.out
    assert "no records under" in seen.err


def test_help_says_what_it_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--help"]) == 0
    out = capsys.readouterr().out
    assert "diff A B [tolerance=0.01]" in out
    assert "Is A reproduced by B?" in out
    assert '"Reproduced: ..." (exit code 0)' in out
