"""How far the learning rate may go: margins worked by hand, on made records of several rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_records import RATES, made, swept

from bench.analysis.answer import answer
from bench.analysis.frame import frame
from bench.analysis.rates import by_rate, lines, margin, margins
from bench.analysis.references import references
from bench.analysis.settings import settings
from bench.report.figures import rates as figure
from bench.report.tables import filled, sections
from bench.report.tables.safety import rate
from bench.scores.roc_auc_ovo import roc_auc_ovo

QUICK = settings(["analysis.elo_rounds=1", "analysis.resamples=200"])
CELLS = frame(swept())


class TestMargin:
    @pytest.mark.parametrize(
        ("gains", "expected"),
        [
            ((2.0, 1.0, -1.0), 10**-2.5),  # halfway in the logarithm
            ((2.0, 3.0, -1.0), 10**-2.25),  # three quarters of the way
            ((2.0, 0.0, -1.0), 1e-3),  # nothing is lost there
            ((-0.1, 1.0, -1.0), 10**-2.5),  # what a low rate loses, a higher one may win
            ((1.0, -0.1, 1.0), math.inf),
            ((0.0, 0.0, 0.0), math.inf),
            ((-1.0, -1.0, -1.0), 0.0),
        ],
    )
    def test_it_is_where_the_line_crosses_zero_for_good(
        self, gains: tuple[float, ...], expected: float
    ):
        assert margin(RATES, np.array([gains])) == pytest.approx([expected])


class TestLines:
    def test_the_rate_alone_is_left_out_of_a_name(self):
        assert lines(CELLS)["line"].value_counts().to_dict() == {
            "default_ft": 3, "causalmixft": 3, "default_ft · pull=0.5": 1,
        }  # fmt: skip
        assert lines(CELLS).loc["default_ft · lr=1e-3 · pull=0.5", "lr"] == 1e-3

    def test_what_differs_in_more_than_the_rate_is_another_line(self):
        """A name may leave that setting out."""
        cut = CELLS.assign(method=CELLS["method"].str.replace("1e-3 · pull=0.5", "3e-3 · …"))
        tuning = cut["tuning"].str.replace('"lr": 0.001, "max', '"lr": 0.003, "max')
        cut["tuning"] = tuning.where(cut["method"].str.endswith("…"), cut["tuning"])
        cut["method"] = cut["method"].str.replace(
            "default_ft · lr=([^ ]+)$", r"default_ft · lr=\1 · …", regex=True
        )
        assert lines(cut)["line"].value_counts().to_dict() == {
            "default_ft · …": 3, "causalmixft": 3, "default_ft · lr=3e-3 · …": 1,
        }  # fmt: skip

    def test_without_a_second_rate_there_are_none(self):
        assert lines(CELLS[~CELLS["method"].str.contains("lr=1e-[34]")]).empty


class TestByRate:
    def test_gain_and_harm_of_each_step(self):
        found = by_rate(CELLS, QUICK)
        row = found.loc["default_ft · lr=1e-3"]
        assert row[["gain_chosen", "harm_chosen", "gain_last", "harm_last"]].tolist() == (
            pytest.approx([0.01, 0.0, -0.02, 1.0])
        )
        assert found.loc["default_ft · lr=1e-3 · pull=0.5", "gain_chosen"] == pytest.approx(-0.01)

    def test_an_interval_is_over_tables(self):
        """Resampled, two tables are both the first, both the second, or one each."""
        other = [r for r in swept() if r["cell"]["dataset"] == "heart"]
        worse = [
            made(
                "zoo", r["cell"]["method"], [0.7, 0.67], finetune=r["identity"]["parts"]["finetune"]
            )
            for r in other
            if r["cell"]["method"] == "causalmixft"
        ]
        of = by_rate(
            frame([r for r in other if r["cell"]["method"] == "causalmixft"] + worse), QUICK
        )
        told = of.loc["causalmixft · lr=1e-4", ["gain_last", "gain_last_low", "gain_last_high"]]
        assert told.tolist() == pytest.approx([-0.005, -0.03, 0.02])
        harm = of.loc["causalmixft · lr=1e-4", ["harm_last", "harm_last_low", "harm_last_high"]]
        assert harm.tolist() == pytest.approx([0.5, 0.0, 1.0])


def test_the_main_default_fine_tuning_is_the_one_that_is_most_like_the_others():
    """Each rate has as many methods; a rival at 1e-3 makes that one the middle."""
    held = references(CELLS)
    assert held.main == "default_ft · lr=1e-3"
    assert held.of["default_ft · lr=1e-3 · pull=0.5"] == "default_ft · lr=1e-3"
    assert held.of["causalmixft · lr=1e-4"] == "default_ft · lr=1e-4"


class TestMargins:
    def test_a_line_is_held_against_default_fine_tunings(self):
        found = margins(CELLS, references(CELLS), QUICK).set_index("method")
        assert list(found.index) == ["causalmixft", "default_ft"]  # the wider first
        assert found["margin_last"].tolist() == pytest.approx([10**-2.5, 10**-3.5])
        causal = found.loc["causalmixft"]
        assert causal["against"] == "default_ft"
        assert (causal["lowest"], causal["highest"]) == (1e-4, 1e-2)
        assert causal[["factor_last", "factor_last_low", "factor_last_high"]].tolist() == (
            pytest.approx([10.0, 10.0, 10.0])  # both tables are alike
        )

    def test_beyond_what_was_tried_a_factor_counts_its_end(self):
        """Neither loses the chosen step's gain at any rate."""
        found = margins(CELLS, references(CELLS), QUICK).set_index("method")
        assert found["margin_chosen"].tolist() == [math.inf, math.inf]
        assert found.loc["causalmixft", "factor_chosen"] == 1.0

    def test_one_table_gives_no_interval(self):
        heart = CELLS[CELLS["dataset"] == "heart"]
        found = margins(heart, references(heart), QUICK)
        assert found["margin_last"].notna().all()
        assert found[["margin_last_low", "factor_last_high"]].isna().all(axis=None)

    def test_without_default_fine_tuning_nothing_is_compared(self):
        causal = CELLS[CELLS["method_name"] != "default_ft"]
        assert margins(causal, references(causal), QUICK)["factor_last"].isna().all()


@pytest.mark.long
def test_tables_and_figure_stand_where_one_method_has_several_rates() -> None:
    read = answer(CELLS, QUICK, roc_auc_ovo)
    shown = {section.key: section for section in sections(read)}
    margins_of = shown["margin"].table
    assert margins_of is not None
    assert margins_of.loc["causalmixft", "last step: up to [95% interval]"] == (
        "3.2e-3 [3.2e-3, 3.2e-3]"
    )
    assert "Wider (last step): causalmixft." in shown["margin"].text
    rates_of = shown["safety"].table
    assert rates_of is not None
    assert rates_of.loc["default_ft · lr=0.01", "last step: harm [95% interval]"] == (
        "100% [100%, 100%]"
    )
    assert figure(read) is not None


@pytest.mark.long
def test_elsewhere_there_is_nothing_of_it() -> None:
    one = CELLS[CELLS["method"].str.contains("pretrained|lr=1e-4")]
    read = answer(one, QUICK, roc_auc_ovo)
    assert not {"margin", "safety"} & {table.key for table, _ in filled(read)}
    assert figure(read) is None


@pytest.mark.parametrize(
    ("value", "told"), [(0.0, "below 1e-4"), (0.00123, "1.2e-3"), (math.inf, "beyond 0.01")]
)
def test_a_margin_outside_of_what_was_tried_is_a_bound(value: float, told: str) -> None:
    assert rate(value, (1e-4, 1e-2)) == told
