"""The evaluations compare like with like, and refuse in one sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.datasets import embedded
from bench.errors import BadInput
from bench.quality.utility import utility
from scripts import evaluate_advice, evaluate_graphs, evaluate_scm
from scripts.rows import sources
from scripts.rows.jobs import RowsJob, jobs, worth
from scripts.rows.kept import run_kept
from scripts.rows.shown import common, paired, summary

NAN = float("nan")


@pytest.fixture(autouse=True)
def known_code(monkeypatch):
    """Fingerprints take seconds, and have tests of their own."""
    monkeypatch.setattr("scripts.rows.jobs.code", lambda source: f"code of {source}")


def test_the_difference_to_real_is_paired_and_its_error_is_over_tables():
    rows = [
        ("real", "a", 0, 0.8), ("real", "a", 1, 0.9), ("real", "b", 0, 0.7), ("real", "b", 1, 0.7),
        ("scm", "a", 0, 0.7), ("scm", "a", 1, 0.9), ("scm", "b", 0, 0.6), ("scm", "b", 1, NAN),
    ]  # fmt: skip
    measured = pd.DataFrame(rows, columns=["method", "dataset", "seed", "tstr_roc_auc"])
    found = summary(measured, "tstr_roc_auc").loc["scm"]
    assert found["tables"] == 2
    assert found["tstr_roc_auc"] == pytest.approx((0.8 + 0.6) / 2)
    assert found["difference"] == pytest.approx((-0.05 - 0.1) / 2)
    # Differences −.05 and −.10: standard deviation .0354, over √2.
    assert found["standard_error"] == pytest.approx(0.025)


def test_rows_that_serve_alone_and_beside_real_ones_are_made_once():
    todo = jobs(("tae",), [0], ["scm", "real+scm", "real+bootstrap"])
    assert [(job.source, job.methods) for job in todo] == [
        ("real", ("real",)),
        ("scm", ("scm", "real+scm")),
        ("bootstrap", ("real+bootstrap",)),
    ]
    slow = jobs(("tae",), [0, 1], ["noise"], once=("ctgan",))
    assert [(job.seed, job.source) for job in slow] == [
        *((0, "real"), (0, "noise"), (0, "ctgan")),
        *((1, "real"), (1, "noise")),
    ]


def test_methods_are_compared_where_all_have_rows_and_the_others_are_named():
    rows = [
        ("real", "a", 0, 0.8),
        ("smote", "a", 0, 0.7),
        ("real", "b", 0, 0.9),
        ("scm", "a", 0, 0.9),
    ]
    rows += [("smote", "b", 0, NAN), ("scm", "b", 0, 0.1), ("ctgan", "a", 0, NAN)]
    rows += [("tvae", "a", 0, 0.6)]  # was not asked for on b
    measured = pd.DataFrame(rows, columns=["method", "dataset", "seed", "tstr_roc_auc"])
    measured["note"] = ""
    compared, says = common(measured, "tstr_roc_auc")
    assert set(compared["dataset"]) == {"a"}
    assert says == (
        "Means of 1 of 2 tables × splits: where all have rows; without b 0 (not smote), "
        "nowhere ctgan."
    )
    assert paired(compared, "tstr_roc_auc") == [
        "scm − smote: +0.2000 (–), better on 1 of 1 tables",
        "scm − tvae: +0.3000 (–), better on 1 of 1 tables",
    ]


def test_a_run_goes_on_from_its_file_and_not_from_another_setting_or_a_torn_line(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("scripts.rows.jobs.worth", lambda train, test: {"tstr_roc_auc": 1 / 3})
    path = tmp_path / "rows.csv"
    few = jobs(("tae",), [0], ["noise", "noise:scale=0.3"], worth_only=True)
    first = run_kept(few[:2], 1, path, resume=False)
    with path.open("a") as file:
        file.write(first.iloc[[0]].to_csv(index=False, header=False)[:30])
    with pytest.raises(BadInput, match="add --resume to go on"):
        run_kept(few, 1, path, resume=False)
    written = path.read_text()
    again = run_kept(few, 1, path, resume=True)
    assert path.read_text().startswith(written[: written.rindex("\n") + 1])
    assert again["method"].tolist() == ["real", "noise", "noise:scale=0.3"]
    assert again["tstr_roc_auc"].tolist() == [1 / 3] * 3
    assert again["note"].tolist() == [""] * 3
    other = jobs(("tae",), [0], ["noise"], in_context=True)
    assert other[0].settings != few[0].settings


def test_what_a_generator_cannot_do_is_a_note_and_is_tried_anew():
    [row] = RowsJob("tae", 0, "noise", ("noise",), ("nosuch=1",)).run()
    assert row["note"].startswith("failed: ")
    assert "nosuch" in row["note"]


def test_what_the_two_learners_make_is_utility():
    table = embedded.load("tae")
    half = table.take(range(0, len(table), 2))
    measured, expected = worth(half, table), utility(half, table)
    assert measured["tstr_roc_auc"] == expected["tstr_roc_auc"]
    assert measured["linear_roc_auc"] != measured["boosted_roc_auc"]


def test_the_sources_are_the_generators_of_the_configs_with_parameters():
    assert {"noise", "smote", "scm", "independent"} <= set(sources.names())
    noise = sources.generator("noise:scale=0.3")
    assert (noise.scale, noise.swap) == (0.3, 0.05)
    model = sources.generator("scm:target=sink;discovery.level=0.05", ("target=free", "n_dags=2"))
    assert (model.target, model.n_dags, model.discovery.level) == ("sink", 2, 0.05)


@pytest.mark.parametrize(
    ("script", "words", "sentence"),
    [
        (evaluate_scm, "--param n_dags=-3", "n_dags is -3; expected a whole number"),
        (evaluate_scm, "--methods scm:n_dags=-3", "n_dags is -3; expected a whole number"),
        (evaluate_scm, "--methods real+nosuch", "There is no source 'nosuch'; expected one of"),
        (evaluate_scm, "--methods table_augment", "'table_augment' gives tasks, or asks a model"),
        (evaluate_scm, "--own nosuch.csv:y", "there is no file nosuch.csv"),
        (evaluate_scm, "--tables sleep", "'sleep' is none of classification; see --problem"),
        (evaluate_scm, "--spread 0", "'0' is no whole number from 1 on"),
        (evaluate_scm, "--problem regression --oracles", "the target of 'airfoil' is a number"),
        (evaluate_graphs, "--param level=2", "level is 2; expected a number above 0, below 1"),
        (evaluate_graphs, "--param nosuch=1", "unexpected keyword argument 'nosuch'"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_sentence(script, words, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        script.main(words.split())
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]


def made_run(edges_at: dict[float, int]) -> evaluate_graphs.Runs:
    """Runs with so many edges at each level, at others as many as at the next stricter one."""

    def single(_: pd.DataFrame, level: float) -> np.ndarray:
        edges = edges_at[max((at for at in edges_at if at <= level), default=min(edges_at))]
        out = np.zeros((8, 8))
        out[tuple(np.argwhere(np.triu(np.ones((8, 8)), 1))[:edges].T)] = 1.0
        return out

    return evaluate_graphs.Runs(single, pd.DataFrame())


@pytest.mark.parametrize(
    ("edges", "level"),
    [(9, 0.02), (8, 0.02), (10, 0.05), (5, 0.0001), (12, 0.2), (28, 0.2), (11, 0.05)],
)
def test_a_matched_level_is_the_nearest_with_as_many_edges_and_of_two_the_stricter(edges, level):
    runs = made_run({0.0001: 6, 0.02: 9, 0.05: 10, 0.2: 12})
    assert runs.matched(edges, margin=0.3) == level


def test_an_advice_is_right_if_it_says_what_is_wanted_of_its_kind_of_table():
    told = [("nothing", "keep"), ("nothing", "unknown"), ("nothing", "finetune")]
    told += [("stripes", "finetune"), ("stripes", "unknown")]
    measured = pd.DataFrame(told, columns=["kind", "advice"])
    assert evaluate_advice.verdicts(measured) == [
        "nothing: 2 of 3 as it should be (1 finetune, 1 keep, 1 unknown)",
        "stripes: 1 of 2 as it should be (1 finetune, 1 unknown)",
    ]


def test_the_tables_that_advice_is_judged_by_are_what_they_are_called():
    permuted, again = evaluate_advice.nothing(1), evaluate_advice.nothing(1)
    assert permuted.equals(again)
    assert permuted["y"].value_counts().tolist() == [50, 50, 50]  # iris, in another order
    assert len(set(permuted["y"].head(50))) == 3
    made = evaluate_advice.stripes(0)
    low = made[made["a"] + made["b"] < 1 / 3]
    assert set(low["y"]) == {"even"}


def test_words_that_make_no_study_are_refused_in_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        evaluate_advice.main(
            ["--seeds", "0", "--folder", str(tmp_path), "--set", "finetune.steps=-1"]
        )
    assert end.value.code == 2
    assert "finetune.steps is -1" in capsys.readouterr().err.splitlines()[-1]
