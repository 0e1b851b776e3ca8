"""The evaluations compare like with like, and refuse in one sentence."""

from __future__ import annotations

import pandas as pd
import pytest

from scripts import evaluate_graphs, evaluate_scm
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
