"""The evaluations compare like with like, and refuse in one sentence."""

from __future__ import annotations

import pandas as pd
import pytest

from scripts import evaluate_advice, evaluate_graphs, evaluate_scm
from scripts.evaluate_scm import jobs, summary

NAN = float("nan")


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
    todo = jobs(["tae"], [0], ["scm", "real+scm", "real+bootstrap"], [])
    assert [(job.source, job.methods) for job in todo] == [
        ("real", ("real",)),
        ("scm", ("scm", "real+scm")),
        ("bootstrap", ("real+bootstrap",)),
    ]


@pytest.mark.parametrize(
    ("script", "param", "sentence"),
    [
        (evaluate_scm, "n_dags=-3", "n_dags is -3; expected a whole number"),
        (evaluate_graphs, "level=2", "level is 2; expected a number above 0, below 1"),
        (evaluate_graphs, "nosuch=1", "unexpected keyword argument 'nosuch'"),
    ],
)
def test_a_parameter_out_of_range_is_refused_in_one_sentence(script, param, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        script.main(["--param", param])
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]


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
