"""One problem is one chapter of a report: nothing of it is averaged or ranked with another's."""

from __future__ import annotations

import re
from math import log
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_experiment import experiment, experiment_of_numbers
from made_records import failed, made, made_numeric

from bench.analysis.settings import settings
from bench.analysis.variants import names
from bench.cell.store import Store
from bench.errors import BadInput
from bench.report import tables as room
from bench.report.chapter import Chapter, chapters
from bench.report.table import Section
from bench.report.write import report

QUICKLY = ["analysis.elo_rounds=2", "analysis.resamples=50"]
QUICK = settings(QUICKLY)
NUMBERS = experiment_of_numbers()
# Two of its four datasets; a failed cell tells its problem too.
CLASSES = [
    *(record for record in experiment() if record["cell"]["dataset"] in ("heart", "zoo")),
    failed("heart", "scm", fold=2),
]
Records = list[dict[str, Any]]


def told(records: Records, *changed: str) -> tuple[list[Chapter], list[str]]:
    return chapters(records, names(records), settings([*QUICKLY, *changed]))


def sections(chapter: Chapter) -> dict[str, Section]:
    return {section.key.removeprefix(chapter.prefix): section for section in chapter.sections}


def numbers(chapter: Chapter) -> dict[str, pd.DataFrame]:
    return {table.key: of for table, of in chapter.tables}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of few tables, where what is said of others is not the point."""
    keys = ("claims", "summary", "per_dataset", "per_dataset_in_units")
    found = [table for table in room.tables() if table.key in keys]
    monkeypatch.setattr(room, "tables", lambda: found)


@pytest.fixture(scope="module")
def mixed() -> list[Chapter]:
    both = [*NUMBERS[::2], *CLASSES, *NUMBERS[1::2]]
    return told(both)[0]


@pytest.fixture(scope="module")
def alone() -> Chapter:
    return told(NUMBERS)[0][0]


def test_a_problem_is_read_as_if_the_other_was_not_there(
    mixed: list[Chapter], alone: Chapter
) -> None:
    assert [chapter.title for chapter in mixed] == ["Classification", "Regression"]
    assert alone.title == alone.prefix == ""
    found, expected = numbers(mixed[1]), numbers(alone)
    assert list(found) == list(expected)
    for key in found:
        by = [c for c in ("dataset", "fold", "method") if c in found[key]]
        one, other = (of[key].sort_values(by) if by else of[key] for of in (found, expected))
        pd.testing.assert_frame_equal(
            one.reset_index(drop=bool(by)), other.reset_index(drop=bool(by))
        )
    assert {s: of.text for s, of in sections(mixed[1]).items()} == {
        s: of.text for s, of in sections(alone).items()
    }


@pytest.mark.long
def test_the_unit_of_the_targets_changes_no_number_but_those_that_have_it(alone: Chapter) -> None:
    (other,), _ = told([record | _in_another_unit(record) for record in NUMBERS])
    for key, table in numbers(alone).items():
        expected = 1000 * table if key == "per_dataset_in_units" else table
        pd.testing.assert_frame_equal(numbers(other)[key], expected)


def _in_another_unit(record: dict[str, Any]) -> dict[str, Any]:
    def turned(node: Any, name: str = "") -> Any:
        if isinstance(node, dict):
            return {key: turned(value, key) for key, value in node.items()}
        if isinstance(node, list):
            return [turned(value, name) for value in node]
        return 1000 * node if name in ("rmse", "mae", "crps") else node

    return {part: turned(record[part]) for part in ("metrics", "curves")}


def test_improvement_and_harm_are_those_of_the_rmse(alone: Chapter) -> None:
    """Normalized within a unit, from a greater RMSE to a lower one."""
    rows = [(r["cell"], r["metrics"]) for r in NUMBERS]
    rmse = pd.DataFrame(
        {**cell, "before": of["pretrained"]["test"]["rmse"], "after": of["chosen"]["test"]["rmse"]}
        for cell, of in rows
    )
    by_unit = rmse.groupby(["dataset", "fold"])["after"]  # the pre-trained model is one of them
    rmse["improvement"] = (rmse["before"] - rmse["after"]) / (
        by_unit.transform("max") - by_unit.transform("min")
    )
    table = numbers(alone)["summary"]
    assert rmse.groupby("method")["improvement"].median().to_dict() == pytest.approx(
        table["median"].to_dict()
    )
    harmed = rmse["after"] > rmse["before"]
    assert harmed.groupby(rmse["method"]).mean().to_dict() == table["harm"].to_dict()
    raw = numbers(alone)["per_dataset_in_units"]
    assert raw.loc["houses", "pretrained"] == pytest.approx(60500.0)
    assert sections(alone)["per_dataset_in_units"].table.loc["houses", "pretrained"] == "60500"


@pytest.mark.long
def test_all_that_a_fold_is_divided_by_is_one_deviation(alone: Chapter) -> None:
    """A bag, and a run with fewer validation rows, learn from other rows than the others."""
    other = [_divided_by(record, 1.25) if _is_apart(record) else record for record in NUMBERS]
    (chapter,), _ = told(other)
    for key in ("summary", "improvements", "paired", "reliability", "resolves", "rules"):
        pd.testing.assert_frame_equal(numbers(chapter)[key], numbers(alone)[key])


def _is_apart(record: dict[str, Any]) -> bool:
    return record["cell"]["method"] == "scm"


def _divided_by(record: dict[str, Any], times: float) -> dict[str, Any]:
    """A record whose run learnt from targets of another deviation."""
    made = made_numeric(
        *(record["cell"][key] for key in ("dataset", "method")),
        [value / times for value in record["curves"]["test"]["rmse_sd"]],
        times
        * record["metrics"]["chosen"]["test"]["rmse"]
        / record["metrics"]["chosen"]["test"]["rmse_sd"],
        [value / times for value in record["curves"]["validation"]["rmse_sd"]],
        fold=record["cell"]["fold"],
    )
    for part in ("validation", "test"):
        of = record["curves"][part]["log_score"]
        made["curves"][part]["log_score"] = [value - log(times) for value in of]
        for when in made["metrics"]:
            of = record["metrics"][when][part]
            made["metrics"][when][part] |= {
                "r2": of["r2"],
                "spearman": of["spearman"],
                "log_score": of["log_score"] - log(times),
            }
    return made


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("claims", "what others publish, is of classification; these records are of regression."),
        ("by_target", "Left out: all targets are numeric."),
        ("resolves", "Left out, since they are in each target's own unit: CRPS, MAE and RMSE."),
        ("rules", "roc_auc_ovo_veto: RMSE unless its log score is worse"),
        ("rules", "Log score is worse where it is above step 0's"),
        ("per_dataset_in_units", "in the unit of each dataset's target."),
    ],
)
def test_a_chapter_of_numbers_says(key: str, text: str, alone: Chapter) -> None:
    assert text in sections(alone)[key].text


def test_a_chapter_of_numbers_shows_no_score_of_classes(alone: Chapter) -> None:
    shown = sections(alone)
    assert shown["claims"].table is None
    assert list(shown["rules"].table.index) == [
        *("rmse", "log_score", "mae", "roc_auc_ovo_veto", "until_worse", "smoothed"),
        *("last", "never", "oracle"),
    ]
    assert set(numbers(alone)["resolves"]["score"]) == {"rmse_sd", "r2", "spearman", "log_score"}
    assert set(shown["datasets"].table["target"]) == {"numeric target"}
    for section in shown.values():
        table = "" if section.table is None else section.table.to_string()
        assert "AUC" not in f"{section.title} {table} {section.text}"


@pytest.mark.long
def test_a_score_that_no_model_here_tells_is_left_out_of_what_resolves() -> None:
    """As the log score of a head that tells a single value."""
    records = [record | _without_distribution(record) for record in NUMBERS]
    (chapter,), _ = told(records)
    text = sections(chapter)["resolves"].text
    assert "Left out, since it takes what no model here tells: log score." in text
    rules = numbers(chapter)["rules"].set_index(["method", "rule"])
    of_all = rules.xs("all that fine-tune")
    pd.testing.assert_series_equal(of_all.loc["log_score"], of_all.loc["rmse"], check_names=False)


def _without_distribution(record: dict[str, Any]) -> dict[str, Any]:
    parts = ("validation", "test")
    lacks = dict.fromkeys(("crps", "log_score"))
    metrics = {
        when: {part: of[part] | lacks for part in parts} for when, of in record["metrics"].items()
    }
    curves = dict(record["curves"])
    for part in parts if curves else ():
        curves[part] = curves[part] | {"log_score": [None] * len(curves["step"])}
    return {"metrics": metrics, "curves": curves}


def test_methods_are_told_apart_within_a_problem() -> None:
    """Each problem has a model of its own, which makes no variants of a method."""
    found = {name.method for name in names([*NUMBERS, *CLASSES])}
    assert found == {"pretrained", "default_ft", "causalmixft", "scm", "bootstrap"}
    same = [made("houses", "scm", [0.5, 0.6]), made_numeric("houses", "scm", [0.5, 0.6])]
    same[1]["identity"]["parts"]["dataset"] = "f00d"
    assert len({name.dataset for name in names(same)}) == 2  # another target is another content


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("asked", "problem", "why"),
    [
        ("metric=log_loss", "classification", "log-loss is a score of classification, and these"),
        ("metric=r2", "regression", "R² is a score of regression, and these records are of"),
        ("methods=[bootstrap,scm]", "classification", "no record is of 'bootstrap'"),
        ("rules=[mae]", "regression", "there is no stopping rule 'mae'"),
    ],
)
def test_what_is_asked_of_one_problem_leaves_the_other_out(
    asked: str, problem: str, why: str
) -> None:
    (chapter,), (left_out,) = told([*NUMBERS, *CLASSES], f"analysis.{asked}")
    other = {"classification": "regression", "regression": "classification"}[problem]
    assert chapter.read.problem == problem
    assert chapter.prefix == ""
    assert left_out.startswith(f"Nothing is said of {other}: ")
    assert why in left_out


def test_what_no_problem_can_tell_is_refused() -> None:
    with pytest.raises(BadInput, match=r"There are roc_auc_ovo, accuracy, .* and roc_auc_ovr\.$"):
        told([*NUMBERS, *CLASSES], "analysis.metric=nope")
    with pytest.raises(BadInput, match="MAE is in each target's own unit"):  # not: is of numbers
        told([*NUMBERS, *CLASSES], "analysis.metric=mae")


@pytest.mark.long
@pytest.mark.usefixtures("few")
def test_files_are_called_by_their_problem_only_where_there_are_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, written = Store(tmp_path), []
    folder = tmp_path / "report"
    for records in (NUMBERS, CLASSES):
        for record in records:
            store.write(record)
        assert report(tmp_path, QUICK, figures=False) == 0
        written.append({path.stem for path in folder.rglob("*.*") if path.stem != "tables"})
    assert {"summary", "per_dataset_in_units"} <= written[0]
    assert {name.partition("-")[0] for name in written[1]} == {"classification", "regression"}
    assert {f"regression-{name}" for name in written[0]} <= written[1]
    text = (folder / "tables.md").read_text(encoding="utf-8")
    _, classes, of_numbers = re.split(
        r"^# (?:Classification|Regression)$", text, flags=re.MULTILINE
    )
    assert "## Test ROC-AUC" in classes
    assert "## Test RMSE / σ" in of_numbers
    assert "AUC" not in of_numbers
    printed = capsys.readouterr().out
    assert re.search("^Regression ─+$", printed, re.MULTILINE)
    document = (folder / "tables.tex").read_text(encoding="utf-8")
    assert r"\section*{Regression}" + "\n" + r"\input{latex/regression-summary}" in document
    assert r"RMSE / $\sigma$" in (folder / "latex" / "regression-summary.tex").read_text()
