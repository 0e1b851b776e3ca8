"""The scatter of utility against gain: what is measured is drawn, what is not is said."""

from __future__ import annotations

import pytest
from made_experiment import experiment_of_utility

from bench.analysis.answer import Answer, answer
from bench.analysis.frame import frame
from bench.analysis.settings import settings
from bench.report.tables.utility import scatter, utility
from bench.scores.roc_auc_ovo import roc_auc_ovo


def read(tables: int, with_global: bool) -> Answer:
    records = experiment_of_utility(tables, with_global)
    return answer(frame(records), settings(["analysis.resamples=50"]), roc_auc_ovo)


@pytest.mark.parametrize("with_global", [True, False])
def test_the_scatter_shows_each_measure_that_enough_tables_have(with_global: bool):
    drawing = scatter(read(5, with_global))
    assert drawing is not None
    titles = [axes.get_title() for axes in drawing.figure.axes]
    assert titles == ["global utility", "target utility"][not with_global :]
    first = drawing.figure.axes[0]
    _, generators = first.get_legend_handles_labels()
    assert generators == ["Noise (null)", "SCM", "SMOTE"]
    (y,) = (line.get_ydata() for line in first.get_lines() if line.get_label() == "SCM")
    assert list(y) == pytest.approx([10.0] * 5)
    assert "Within a table, rows of more target utility gain more." in drawing.caption
    assert "ρ +1.00 [+1.00, +1.00] within a table" in drawing.caption
    if with_global:
        assert "Within a table, rows of more global utility gain less." in drawing.caption
    else:
        assert "Global utility is told of the rows of 0 tables, and this takes 5" in drawing.caption


def test_the_table_says_the_same_and_what_is_missing():
    read_as = read(5, with_global=False)
    section = utility.section(read_as, utility.make(read_as))
    assert section.table is not None
    assert section.table.loc["global utility", "ρ within a table"].to_list() == ["–", "–"]
    assert section.table.loc["target utility", "gain over"].to_list() == [
        "not fine-tuning",
        "default fine-tuning",
    ]
    assert section.text.startswith("Global utility is told of the rows of 0 tables")


def test_of_too_few_tables_one_line_stands_there():
    read_as = read(4, with_global=True)
    assert scatter(read_as) is None
    section = utility.section(read_as, utility.make(read_as))
    assert section.table is None
    assert section.text == (
        "Left out: the utility of synthetic rows is told of 4 tables, and this takes 5."
    )
