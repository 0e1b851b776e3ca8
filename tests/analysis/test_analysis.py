"""The study's measures, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import made
from scipy.stats import rankdata

from bench.analysis.complete import against_untuned, complete
from bench.analysis.frame import COLUMNS, SCHEMA, UNIT, frame
from bench.analysis.measures import (
    average_ranks,
    improvements,
    normalized_gain,
    per_dataset,
    summary,
)
from bench.scores.roc_auc_ovo import roc_auc_ovo


def cells(scores: dict[tuple[str, int], dict[str, float]], status: str = "done") -> pd.DataFrame:
    """Finished cells; the method ``pretrained`` is what each unit starts from."""
    rows = [
        {
            "dataset": dataset,
            "fold": fold,
            "seed": 0,
            "method": method,
            "status": status,
            "score_pretrained": unit["pretrained"],
            "score_chosen": auc,
        }
        for (dataset, fold), unit in scores.items()
        for method, auc in unit.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


# The worst of unit (one, 0) is 0.6, the best 0.9, so its range is 0.3.
# In (two, 0) all tie.
# In (two, 1) the worst is 0.50 and the best 0.75; the range is 0.25.
WORKED = cells(
    {
        ("one", 0): {"pretrained": 0.7, "plain": 0.6, "mixed": 0.9},
        ("two", 0): {"pretrained": 0.8, "plain": 0.8, "mixed": 0.8},
        ("two", 1): {"pretrained": 0.5, "plain": 0.75, "mixed": 0.55},
    }
)


def of(column: str, table: pd.DataFrame) -> dict[tuple[str, int, str], float]:
    keys = zip(table["dataset"], table["fold"], table["method"], strict=True)
    return dict(zip(keys, table[column], strict=True))


class TestImprovements:
    def test_they_are_differences_of_normalized_scores(self):
        expected = {
            ("one", 0, "pretrained"): 0.0,
            ("one", 0, "plain"): -1 / 3,  # (0.6 − 0.6) / 0.3 − (0.7 − 0.6) / 0.3
            ("one", 0, "mixed"): 2 / 3,  # (0.9 − 0.6) / 0.3 − (0.7 − 0.6) / 0.3
            ("two", 0, "pretrained"): 0.0,
            ("two", 0, "plain"): 0.0,
            ("two", 0, "mixed"): 0.0,
            ("two", 1, "pretrained"): 0.0,
            ("two", 1, "plain"): 1.0,  # (0.75 − 0.5) / 0.25 − 0
            ("two", 1, "mixed"): 0.2,  # (0.55 − 0.5) / 0.25 − 0
        }
        assert of("improvement", improvements(WORKED, roc_auc_ovo)) == pytest.approx(expected)

    def test_what_was_normalized_is_told(self):
        gains = improvements(WORKED, roc_auc_ovo)
        unit = {key[:2]: value for key, value in of("range", gains).items()}
        assert unit == pytest.approx({("one", 0): 0.3, ("two", 0): 0.0, ("two", 1): 0.25})
        assert {k[:2] for k, tied in of("tied", gains).items() if tied} == {("two", 0)}
        assert of("raw_gain", gains)["one", 0, "plain"] == pytest.approx(-0.1)

    def test_the_pretrained_model_counts_also_where_it_is_no_method(self):
        """Between 0.5 and 0.75 as before, though no row but the methods' tells of 0.5."""
        methods = WORKED[WORKED["method"] != "pretrained"]
        gains = of("improvement", improvements(methods, roc_auc_ovo))
        assert gains["two", 1, "mixed"] == pytest.approx(0.2)
        assert gains["two", 1, "plain"] == pytest.approx(1.0)

    def test_seeds_are_units_of_their_own(self):
        other = WORKED.assign(seed=1, score_chosen=WORKED["score_pretrained"])
        gains = improvements(pd.concat([WORKED, other], ignore_index=True), roc_auc_ovo)
        assert (gains.loc[gains["seed"] == 1, "improvement"] == 0).all()
        assert of("improvement", gains[gains["seed"] == 0]) == of(
            "improvement", improvements(WORKED, roc_auc_ovo)
        )

    @pytest.mark.long
    @given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
    def test_they_lie_between_minus_one_and_one(self, scores: list[float]):
        unit = dict(zip(["pretrained", *"abcde"], scores, strict=False))
        gains = improvements(cells({("one", 0): unit}), roc_auc_ovo)
        assert gains["improvement"].between(-1, 1).all()
        assert not gains["improvement"].isna().any()
        assert (np.sign(gains["improvement"]) == np.sign(gains["raw_gain"])).all()

    def test_a_score_that_does_not_exist_gains_nothing_that_could_be_counted(self):
        """A validation part of one class: no ROC-AUC, so no gain, and not a gain of 0."""
        table = WORKED.astype({"validation_chosen": float, "validation_pretrained": float})
        extent, gain = normalized_gain(table, "validation_chosen", "validation_pretrained")
        assert extent.isna().all()
        assert gain.isna().all()

    def test_the_cells_given_stay_as_they_were(self):
        before = WORKED.copy()
        improvements(WORKED, roc_auc_ovo)
        summary(improvements(WORKED, roc_auc_ovo))
        pd.testing.assert_frame_equal(WORKED, before)


class TestRanks:
    def test_folds_are_averaged_before_ranking(self):
        # one: mixed 0.9 > pretrained 0.7 > plain 0.6, so ranks 1, 2, 3
        # two: plain (0.80 + 0.75) / 2 = 0.775 > mixed 0.675 > pretrained 0.65, so ranks 1, 2, 3
        expected = {"mixed": (1 + 2) / 2, "plain": (3 + 1) / 2, "pretrained": (2 + 3) / 2}
        assert average_ranks(WORKED).to_dict() == expected

    def test_ties_share_their_ranks(self):
        tied = cells({("one", 0): {"pretrained": 0.8, "a": 0.9, "b": 0.8, "c": 0.8, "d": 0.7}})
        expected = {"a": 1, "b": 3, "c": 3, "pretrained": 3, "d": 5}
        assert average_ranks(tied).to_dict() == expected

    @pytest.mark.long
    @given(
        st.lists(
            st.lists(st.sampled_from([0.5, 0.6, 0.7, 0.8]), min_size=4, max_size=4),
            min_size=1,
            max_size=5,
        )
    )
    def test_they_are_scipys(self, scores: list[list[float]]):
        methods = ["pretrained", "a", "b", "c"]
        table = cells(
            {(f"d{i}", 0): dict(zip(methods, row, strict=True)) for i, row in enumerate(scores)}
        )
        expected = np.mean([rankdata(-np.array(row)) for row in scores], axis=0)
        assert average_ranks(table)[methods].to_numpy() == pytest.approx(expected)

    def test_mean_scores_by_dataset(self):
        table = per_dataset(WORKED)
        assert table.loc["two"].to_dict() == pytest.approx(
            {"pretrained": 0.65, "plain": 0.775, "mixed": 0.675}
        )


class TestSummary:
    def test_one_row_a_method_the_best_rank_first(self):
        table = summary(improvements(WORKED, roc_auc_ovo))
        assert list(table.index) == ["mixed", "plain", "pretrained"]
        assert (table["units"] == 3).all()

    def test_the_numbers_of_a_method(self):
        # improvements of plain: −1/3, 0, 1; sorted they are these, so the median is 0
        # quartiles: −1/3 + 0.5 · 1/3 = −1/6 and 0.5; absolute deviations from 0: 1/3, 0, 1
        # raw gains: −0.1, 0, +0.25; one of the three is a harm
        plain = summary(improvements(WORKED, roc_auc_ovo)).loc["plain"].to_dict()
        mean = 2 / 9
        assert plain == pytest.approx(
            {
                "rank": 2.0,
                "median": 0.0,
                "iqr": 0.5 + 1 / 6,
                "std": np.sqrt(((-1 / 3 - mean) ** 2 + mean**2 + (1 - mean) ** 2) / 2),
                "mad": 1 / 3,
                "raw_gain": 0.05,
                "harm": 1 / 3,
                "units": 3,
                "undefined": 0,
            }
        )

    def test_the_pretrained_model_improves_nothing_and_harms_nowhere(self):
        pretrained = summary(improvements(WORKED, roc_auc_ovo)).loc["pretrained"]
        assert (pretrained[["median", "iqr", "std", "mad", "raw_gain", "harm"]] == 0).all()

    def test_equal_ranks_are_ordered_by_the_median(self):
        table = summary(
            improvements(
                cells(
                    {
                        ("one", 0): {"pretrained": 0.5, "a": 0.6, "b": 0.9},
                        ("two", 0): {"pretrained": 0.5, "a": 0.9, "b": 0.88},
                    }
                ),
                roc_auc_ovo,
            )
        )
        # a: (0.1/0.4 + 1) / 2 = 0.625; b: (1 + 0.38/0.4) / 2 = 0.975
        assert table["rank"].to_dict() == {"a": 1.5, "b": 1.5, "pretrained": 3.0}
        assert list(table.index) == ["b", "a", "pretrained"]


class TestComplete:
    def test_all_is_kept_where_nothing_is_missing(self):
        kept, left_out = complete(WORKED)
        assert of("score_chosen", kept) == of("score_chosen", WORKED)
        assert len(left_out) == 0

    def test_a_missing_cell_takes_its_unit_out(self):
        kept, left_out = complete(WORKED.drop(index=1))  # plain on (one, 0)
        assert set(zip(kept["dataset"], kept["fold"], strict=True)) == {("two", 0), ("two", 1)}
        assert of("status", left_out) == {
            ("one", 0, "pretrained"): "done",
            ("one", 0, "plain"): "missing",
            ("one", 0, "mixed"): "done",
        }
        ranked = summary(improvements(kept, roc_auc_ovo))
        assert list(ranked.index) == ["plain", "mixed", "pretrained"]

    @pytest.mark.parametrize("status", ["failed", "not_applicable"])
    def test_a_failed_cell_takes_its_unit_out(self, status: str):
        table = WORKED.copy()
        table.loc[8, ["status", "score_chosen"]] = [status, None]  # mixed on (two, 1)
        kept, left_out = complete(table)
        assert set(zip(kept["dataset"], kept["fold"], strict=True)) == {("one", 0), ("two", 0)}
        assert of("status", left_out)["two", 1, "mixed"] == status
        assert len(kept) + len(left_out) == len(WORKED)

    def test_a_unit_without_a_score_cannot_be_compared(self):
        table = WORKED.copy()
        table.loc[:2, ["score_pretrained", "score_chosen"]] = None  # a test part of one class
        kept, left_out = complete(table)
        assert set(kept["dataset"]) == {"two"}
        assert set(left_out["status"]) == {"done"}

    def test_nothing_is_complete_where_each_unit_lacks_a_method(self):
        kept, left_out = complete(WORKED.drop(index=[0, 4, 8]))
        assert len(kept) == 0
        assert len(left_out) == 9

    def test_no_cells_are_no_error(self):
        kept, left_out = complete(frame([]))
        assert len(kept) == len(left_out) == 0


def record(method: str, seed: int, fold: int = 0, **changed: Any) -> dict[str, Any]:
    return made("iris", method, [0.75], fold, seed, validation=[0.5], **changed)


class TestAgainstUntuned:
    """A bag starts from its children's contexts; not fine-tuning is the whole training part's."""

    def test_a_bag_is_held_against_the_pretrained_models_own_cell(self):
        bag = made("a", "bagged", [0.8, 0.9], finetune={"bag": 8})
        plain = made("a", "plain", [0.7, 0.75], finetune={"bag": 1})
        cells = frame([bag, plain, made("a", "pretrained", [0.7])])
        held = against_untuned(cells).set_index("method")["score_pretrained"]
        assert held.to_dict() == {"bagged": 0.7, "plain": 0.7, "pretrained": 0.7}
        assert cells.set_index("method")["score_pretrained"]["bagged"] == 0.8  # as it was

    def test_without_that_cell_it_keeps_its_own(self):
        cells = frame([made("a", "bagged", [0.8, 0.9], finetune={"bag": 8})])
        assert against_untuned(cells)["score_pretrained"].tolist() == [0.8]


class TestFrame:
    def test_one_row_a_record(self):
        of_before = record("default_ft", 1, fold=2)
        del of_before["data"]["duplicates"]
        (row,) = frame([of_before]).to_dict("records")
        assert row | {"error": None, "quality": None} == {
            "dataset": "iris",
            "dataset_name": "iris",
            "method_name": "default_ft",
            "tuning": None,
            "baseline": f'{{"model": {{"weights": "{"f00d" * 16}"}}, "validation_share": null}}',
            "fold": 2,
            "seed": 1,
            "domain": "healthcare",
            "method": "default_ft",
            "model": "mitra_nano",
            "status": "done",
            "identity": of_before["identity"]["hash"],
            "code": "c0de" * 16,
            "generator": None,
            "mixing": "real",
            "ratio": 1.0,
            "rows": 150,
            "features": 4,
            "categorical_share": 0.25,
            "classes": 2,
            "rarest": pytest.approx(np.nan, nan_ok=True),
            "duplicates": pytest.approx(np.nan, nan_ok=True),
            "test_rows": 50,
            "score_pretrained": 0.75,
            "score_chosen": 0.75,
            "score_last": 0.75,
            "validation_pretrained": 0.5,
            "validation_chosen": 0.5,
            "validation_curve": (0.5,),
            "test_curve": (0.75,),
            "chosen_step": 0,
            "quality": None,
            "seconds": 1.0,
            "error": None,
        }

    def test_the_schema_gives_every_column_a_meaning(self):
        table = frame([record("default_ft", 1)])
        assert list(table.columns) == list(SCHEMA) == COLUMNS
        assert all(meaning.strip() for meaning in SCHEMA.values())

    def test_curves_keep_their_length_where_a_score_does_not_exist(self):
        curves = {
            "step": [0, 2],
            "test": {"roc_auc_ovo": [0.5, 0.75]},
            "validation": {"roc_auc_ovo": [None, None]},
        }
        (row,) = frame([record("default_ft", 1, curves=curves)]).to_dict("records")
        assert row["test_curve"] == (0.5, 0.75)
        assert row["validation_curve"] == pytest.approx((np.nan, np.nan), nan_ok=True)

    def test_round_off_decides_nothing(self):
        """The mean of three pairs of classes, summed in two orders, differs in its last bit."""
        one, other = (0.1 + 0.2 + 0.3) / 3, (0.3 + 0.2 + 0.1) / 3
        assert one != other
        scores = [{"test": {"roc_auc_ovo": score}} for score in (one, other)]
        metrics = {"pretrained": scores[0], "chosen": scores[1], "last": scores[1]}
        cells = frame([record("default_ft", 0, metrics=metrics)])
        (row,) = improvements(cells, roc_auc_ovo).to_dict("records")
        assert row["tied"]
        assert row["raw_gain"] == 0

    def test_a_failure_has_a_row_without_scores(self):
        failed = record(
            "default_ft",
            0,
            status="failed",
            metrics={},
            chosen_step=None,
            error={"type": "ValueError", "message": "no", "traceback": "…"},
        )
        (row,) = frame([failed]).to_dict("records")
        assert (row["status"], row["error"]) == ("failed", "no")
        assert pd.isna(row["score_chosen"])

    def test_a_cell_without_a_seed_stands_beside_every_seed(self):
        """`pretrained` is one record for all seeds; without this, no second seed were complete."""
        table = frame(
            [
                record("pretrained", 0),
                record("default_ft", 0),
                record("default_ft", 1),
                record("default_ft", 3, fold=1),
                record("pretrained", 0, fold=1),
                record("pretrained", 0, fold=2),
            ]
        )
        units = table[table["method"] == "pretrained"][UNIT].to_numpy().tolist()
        assert units == [["iris", 0, 0], ["iris", 0, 1], ["iris", 1, 3], ["iris", 2, 0]]
        assert list(table.columns) == COLUMNS
        kept, left_out = complete(table)
        assert len(kept) == 6
        assert left_out["fold"].unique().tolist() == [2]
        assert kept["seed"].dtype == np.int64
