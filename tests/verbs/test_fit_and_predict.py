"""fit and predict: a file becomes a model, another file what the model says of its rows."""

from __future__ import annotations

import io
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_model
from hospital import admissions, files
from one_cell import tiny_folder
from sweeps import bench, inside

from bench.datasets.own.schema import Schema
from bench.errors import BadInput
from bench.predicted import Predicted
from bench.verbs._predictions import as_csv, as_parquet, columns, held_against, quantile
from bench.verbs.predict import _print

TINY = ["model=mitra_local", f"model.path={tiny_folder()}", "method=default_ft", "finetune.steps=1"]
UNSAVED = ["--config-dir", str(Path(tiny_model.__file__).with_name("conf")), "model=tiny"]
DROP = "dataset.drop=[patient id]"


def run(*words: str) -> str:
    """What is printed where all goes well."""
    done = inside(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(*words: str) -> str:
    """The sentence."""
    done = inside(*words)
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.strip().splitlines()
    return line.removeprefix("bench: ")


@pytest.mark.slow
def test_a_hospital_s_export_becomes_a_model_predictions_and_a_picture(tmp_path: Path) -> None:
    """Four commands of somebody who knows none of them; what is refused says how to go on."""
    files(tmp_path, 150)
    table = ["dataset=csv", "path=train.csv", "target=readmitted"]
    first = bench("fit", *table, "out=model/", cwd=tmp_path)
    assert first.returncode == 2
    (remedy,) = re.findall(r"leave it out with '(dataset\.drop=\[patient id\])'", first.stderr)
    fitted = bench("fit", *table, remedy, "out=model/", cwd=tmp_path)
    assert fitted.returncode == 0, fitted.stderr
    (command,) = re.findall(r"next: +python -m bench (.*)", fitted.stdout)
    predicted = bench(*shlex.split(command), cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    found, new = (pd.read_csv(tmp_path / name) for name in ("predictions.csv", "new.csv"))
    assert found["patient id"].tolist() == new["patient id"].tolist()
    readmitted = admissions(50, seed=1)["readmitted"] == "yes"
    assert found["p_yes"][readmitted].mean() > found["p_yes"][~readmitted].mean() + 0.1
    drawn = bench("graph", *table, remedy, "results_dir=pictures", cwd=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "pictures/graphs/train-0/dag.png").is_file()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a tiny model of random weights; beside it lies what it was fitted on, and `new.csv`."""
    home = tmp_path_factory.mktemp("fitted")
    files(home, 60)
    words = ["dataset=csv", f"path={home / 'train.csv'}", "target=readmitted", DROP]
    told = run("fit", *words, *TINY, f"out={home / 'model'}")
    assert "train: 60 rows, 6 columns, target 'readmitted' (2 classes)" in told
    assert "'admitted': dates were turned into days" in told
    command = f"predict {home / 'model'} new.csv out=predictions.csv"
    assert [line for line in told.splitlines() if line.startswith("next:")] == [
        f"next:       python -m bench {command}"
    ]
    return home / "model"


class TestFit:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["-m"], "fit makes one model, and takes no -m"),
            (["hydra.mode=MULTIRUN"], "fit makes one model, and takes no -m"),
            (["methods=[scm]"], "fit takes no methods=: it makes one model"),
            (["results_dir=none"], "fit takes no results_dir=: it leaves no record"),
            (["fold=1"], "fit takes no fold=: it learns from all rows of the table"),
            (["experiment=smoke"], "fit takes no experiment="),
            (["dataset=iris", "transfer=causal"], "fit takes no transfer=: it starts from the"),
            (["dataset=iris", "transfer.support=3"], "fit takes no transfer.support=: it starts"),
            ([], "Which table? Name a file by dataset=csv path=FILE target=COLUMN"),
            (["dataset=iris", "time_limit=soon"], "time_limit is 'soon'; expected a number"),
            (["dataset=iris", "replace=perhaps"], "replace is 'perhaps'; expected true or false"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, words: list[str], sentence: str) -> None:
        assert sentence in refused("fit", *words, "out=model")

    @pytest.mark.long
    def test_where_the_model_goes_is_asked_for_with_the_whole_command(self) -> None:
        told = refused("fit", "dataset=iris", "method=pretrained")
        assert told.endswith("fit dataset=iris method=pretrained out=model/")

    @pytest.mark.long
    def test_nothing_that_lies_there_is_lost_unasked(self, model: Path) -> None:
        before = {p.name: p.read_bytes() for p in model.iterdir() if p.is_file()}
        words = ["fit", "dataset=iris", *TINY, f"out={model}"]
        assert "where a model lies; add replace=true" in refused(*words)
        assert "with other things than a saved model" in refused(
            *words[:-1], f"out={model.parent}", "replace=true"
        )
        assert {p.name: p.read_bytes() for p in model.iterdir() if p.is_file()} == before

    @pytest.mark.long
    def test_it_begins_only_where_it_can_end(self, tmp_path: Path) -> None:
        words = ["dataset=csv", f"path={tmp_path / 'no.csv'}", "target=y", f"out={tmp_path / 'm'}"]
        assert "there is no file" in refused("fit", *words, *TINY)
        words = ["fit", "dataset=airfoil", *TINY, f"out={tmp_path / 'm'}"]
        assert "is for classification" in refused(*words)
        words = ["fit", "dataset=iris", *UNSAVED, f"out={tmp_path / 'm'}"]
        assert "NeighbourModel" in refused(*words)
        assert not (tmp_path / "m").exists()

    @pytest.mark.long
    def test_an_embedded_table_and_the_base_model_serve_too(self, tmp_path: Path) -> None:
        told = run("fit", "dataset=iris", *TINY, "method=pretrained", f"out={tmp_path / 'm'}")
        assert "iris: 150 rows, 4 columns, target 'species' (3 classes)" in told
        again = run("fit", "dataset=iris", *TINY, f"out={tmp_path / 'm'}", "replace=true")
        assert "iris: 150 rows" in again


class TestPredict:
    @pytest.mark.long
    def test_rows_keep_their_order_and_what_names_them(self, model: Path, tmp_path: Path) -> None:
        new = pd.read_csv(model.parent / "new.csv")
        out = tmp_path / "predictions.csv"
        told = run("predict", str(model), str(model.parent / "new.csv"), f"out={out}")
        assert f"{len(new)} rows → {out}" in told
        found = pd.read_csv(out)
        assert list(found) == ["patient id", "predicted_readmitted", "p_no", "p_yes"]
        assert found["patient id"].tolist() == new["patient id"].tolist()
        assert (found["p_no"] + found["p_yes"]).to_numpy() == pytest.approx(1, abs=1e-5)
        likelier = np.where(found["p_no"] >= found["p_yes"], "no", "yes")
        assert found["predicted_readmitted"].tolist() == likelier.tolist()

    @pytest.mark.long
    def test_of_a_file_with_the_target_the_scores_are_told(
        self, model: Path, tmp_path: Path
    ) -> None:
        known = admissions(60)[:2]  # of what the model was fitted on
        rows = pd.concat([admissions(38, seed=2), known], ignore_index=True)
        rows = rows.assign(visit=range(40))
        rows.loc[:1, "readmitted"] = None
        rows.to_csv(tmp_path / "test.csv", index=False)
        out = tmp_path / "told.parquet"
        told = run("predict", str(model), str(tmp_path / "test.csv"), f"out={out}")
        assert "On 38 rows whose 'readmitted' is known: ROC-AUC 0." in told
        assert "column 'visit' is new since the fit" in told
        assert "2 of 40 rows are among those that the model was fitted on" in told
        found = pd.read_parquet(out)
        assert list(found)[:4] == ["patient id", "readmitted", "visit", "predicted_readmitted"]
        bare = tmp_path / "bare.csv"
        rows.drop(columns=["readmitted", "visit"]).to_csv(bare, index=False)
        printed = inside("predict", str(model), str(bare))
        probabilities = pd.read_csv(pd.io.common.StringIO(printed.stdout))["p_yes"]
        assert probabilities.tolist() == pytest.approx(found["p_yes"].tolist(), abs=1e-6)

    @pytest.mark.long
    def test_what_cannot_be_read_is_one_sentence(self, model: Path, tmp_path: Path) -> None:
        rows = pd.read_csv(model.parent / "new.csv").rename(columns={"age": "Age"})
        rows.to_csv(tmp_path / "bad.csv", index=False)
        words = ["predict", str(model), str(tmp_path / "bad.csv"), f"out={tmp_path / 'out.csv'}"]
        assert "no column 'age' (did you mean 'Age'?)" in refused(*words)
        assert not (tmp_path / "out.csv").exists()

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            pytest.param(
                ["nowhere", "new.csv"],
                "'nowhere'; expected a folder that a fitted model was",
                marks=pytest.mark.long,
            ),
            (["model"], "a model's folder and a file of rows, not model"),
            (["new.csv", "model"], "The model's folder stands before the file: predict model new"),
            (["model", "new.csv", "out=new.csv"], "the file of the rows itself"),
            (["model", "new.csv", "out=model/told.csv"], "in the model's own folder"),
            (["model", "new.csv", "out=train.csv"], "where a file lies; add replace=true"),
            (["model", "new.csv", "out=told.xlsx"], "ends in .csv or .parquet"),
            (["model", "new.csv", "out=model"], "which is a folder"),
            (["model", "new.csv", "dataset.seperator=,"], "did you mean 'separator'?"),
            (["model", "new.csv", "method=scm"], "predict takes no method="),
            (["model", "new.csv", "dataset.decimal=."], "all else is as the model was fitted"),
            (["model", "new.csv", "-m"], "predict takes no flags"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, words: list[str], sentence: str, model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(model.parent)
        assert sentence in refused("predict", *words)


# What is written ----------------------------------------------------------------------------------

OF_CLASSES = Schema("t", "y", "classification", ("a b", "n"), (), {})
OF_VALUES = Schema("t", "price", "regression", (), (), {})


def test_a_name_that_the_file_has_keeps_its_column() -> None:
    unread = pd.DataFrame({"p_n": [1, 2], "predicted_y": ["x", "y"]}, index=[7, 9])
    told = columns(OF_CLASSES, unread, np.array([[0.25, 0.75], [0.5, 0.5]]))
    assert list(told) == ["p_n", "predicted_y", "predicted_y_", "p_a b", "p_n_"]
    assert told["p_n"].tolist() == [1, 2]
    assert told["predicted_y_"].tolist() == ["n", "a b"]  # of two that are alike the first
    assert told["p_n_"].tolist() == [0.75, 0.5]


def test_columns_that_are_passed_on_keep_all_digits() -> None:
    unread = pd.DataFrame({"id": [1e11, 1e11 + 1], "at": [1.7e9 + 0.123456, np.nan]})
    frame = columns(OF_VALUES, unread, Predicted(np.array([1 / 3, 2.0]), 1.0))
    assert as_csv(frame, told=1).decode().splitlines() == [
        "id,at,predicted_price",
        "100000000000.0,1700000000.123456,0.3333333333",
        "100000000001.0,,2",
    ]


def test_a_file_that_is_printed_keeps_what_the_terminal_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = as_csv(pd.DataFrame({"größe": ["ß"]}), told=0)
    printed = io.BytesIO()
    stream = io.TextIOWrapper(printed, encoding="ascii", errors="replace")
    monkeypatch.setattr(sys, "stdout", stream)
    _print(content)
    assert printed.getvalue() == content


def test_what_parquet_cannot_hold_is_refused_by_its_column() -> None:
    kept = as_parquet(pd.DataFrame({"id": ["é", None], "predicted_y": [0.5, 1.5]}))
    assert pd.read_parquet(io.BytesIO(kept))["predicted_y"].tolist() == [0.5, 1.5]
    pairs = pd.Series([[("a", 1)], [("b", 2)]])  # as a column of maps is read
    with pytest.raises(BadInput, match="Column 'pairs' holds values that cannot be written as par"):
        as_parquet(pd.DataFrame({"id": [1, 2], "pairs": pairs}))


def test_of_a_quantity_its_value_and_what_it_lies_between() -> None:
    edges = np.array([0.0, 10.0, 30.0])
    told = Predicted(np.array([8.0, 20.0]), 1.0, np.array([[0.9, 0.1], [0.0, 1.0]]), edges)
    assert quantile(told, 0.95).tolist() == pytest.approx([20.0, 29.0])
    frame = columns(OF_VALUES, pd.DataFrame(index=range(2)), told)
    assert list(frame) == ["predicted_price", "q05", "q50", "q95"]
    assert frame["q05"].tolist() == pytest.approx([0.05 / 0.09, 11.0])
    bare = columns(OF_VALUES, pd.DataFrame(index=range(2)), Predicted(np.ones(2), 1.0))
    assert list(bare) == ["predicted_price"]


@pytest.mark.parametrize(
    ("schema", "target", "predictions", "told"),
    [
        (
            OF_CLASSES,
            ["n", "a b", "q"],
            np.array([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]]),
            "On 2 rows",
        ),
        (OF_CLASSES, ["n", "n"], np.array([[0.1, 0.9], [0.8, 0.2]]), "accuracy 0.5000"),
        (OF_CLASSES, [None, None], np.array([[0.1, 0.9], [0.8, 0.2]]), None),
        (OF_VALUES, ["1.5", "3"], Predicted(np.array([1.5, 4.0]), 1.0), "MAE 0.5"),
        (OF_VALUES, ["dear", "3"], Predicted(np.array([1.5, 4.0]), 1.0), "No score is told"),
        (OF_VALUES, ["2.000", "1.750,5"], Predicted(np.array([2000.0, 1750.0]), 1.0), "MAE 0.25"),
        (OF_VALUES, ["2.125", "3.5"], Predicted(np.array([2.125, 4.0]), 1.0), "MAE 0.25"),
        (OF_VALUES, ["2.125"], Predicted(np.array([2.125]), 1.0), "as the decimal mark in '2.125'"),
    ],
)
def test_predictions_are_held_against_what_is_known(
    schema: Schema, target: list[str | None], predictions: np.ndarray, told: str | None
) -> None:
    found = " ".join(held_against(schema, pd.Series(target, name=schema.target), predictions))
    assert (told in found) if told else not found
