"""The question as it is asked beforehand: five readings, three scores at three steps, groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from made_records import made

from bench.analysis.answer import answer
from bench.analysis.frame import frame
from bench.analysis.planned import SAFE, Planned, Reading, Verdict
from bench.analysis.power import smallest_distance
from bench.analysis.resolves import Told
from bench.analysis.settings import Analysis, settings
from bench.errors import BadInput
from bench.report.planned import primary
from bench.report.replies import replies
from bench.report.tables.planned import planned as planned_table
from bench.report.tables.planned import planned_groups
from bench.scores.log_loss import log_loss
from bench.scores.roc_auc_ovo import roc_auc_ovo

QUICK = ["analysis.elo_rounds=1", "analysis.resamples=20"]
GAIN = {"b": 0.72, "w": 0.68}  # test scores of a fold, better and worse than the 0.70 of no tuning
TABLES = "abcdefgh"
Records = list[dict[str, Any]]


def runs(method: str, folds: str | Mapping[str, str], tables: str = TABLES) -> Records:
    """Records of a method on each table, a letter a fold."""
    return [
        made(table, method, [0.7, GAIN[letter]], fold=fold)
        for table in tables
        for fold, letter in enumerate(folds if isinstance(folds, str) else folds[table])
    ]


def read(records: Records, chosen: Analysis | None = None) -> Planned:
    told = answer(frame(records), chosen or settings(QUICK), roc_auc_ovo, Told(records)).planned
    assert told is not None
    return told


# On half of the tables no run is harmed, on the others all: against "ww" −0.5 ± 0.19.
HALF = {table: "bb" if table in "abcd" else "ww" for table in TABLES}
# Six tables are harmed as "bw" is, one more and one less: against that 0 ± 0.09.
EVEN = {table: {"a": "bb", "b": "ww"}.get(table, "bw") for table in TABLES}


@pytest.mark.parametrize(
    ("default", "bootstrap", "noise", "reading"),
    [
        ("ww", "ww", HALF, Reading.mixing),  # noise does as well
        ("ww", "ww", "ww", Reading.causes),
        (HALF, "ww", "ww", Reading.no),  # the same runs: the interval is 0
        (EVEN, "ww", "ww", Reading.open),
        ("bb", "ww", "ww", Reading.more),
    ],
)
def test_it_has_five_readings(default: Any, bootstrap: Any, noise: Any, reading: Reading) -> None:
    causal = HALF if default != EVEN else "bw"
    found = read(
        [
            *runs("default_ft", default),
            *runs("causalmixft", causal),
            *runs("bootstrap", bootstrap),
            *runs("noise", noise),
        ]
    ).primary
    assert found.reading is reading
    assert found.nulls == ("bootstrap", "noise")


def test_causes_take_both_nulls() -> None:
    plain = [*runs("default_ft", "ww"), *runs("causalmixft", HALF)]
    records = [*plain, *runs("bootstrap", "ww")]
    found = read(records).primary
    assert (found.reading, found.absent) == (Reading.mixing, ("Noise",))
    said = primary(answer(frame(records), settings(QUICK), roc_auc_ovo, Told(records)))
    assert said is not None
    assert "; no run is of Noise (null), and causes are told of both nulls." in said.because
    assert read([*records, *runs("noise", "ww")]).primary.reading is Reading.causes


@pytest.mark.parametrize(("tables", "reading"), [("abcde", "open"), ("abcdef", "causes")])
def test_of_five_tables_nothing_is_told_whatever_they_say(tables: str, reading: str) -> None:
    harmed = ("default_ft", "bootstrap", "noise")
    records = [r for method in harmed for r in runs(method, "ww", tables)]
    records += runs("causalmixft", "bb", tables)
    found = read(records)
    assert found.primary.changes["default_ft"].interval == (-1.0, -1.0)
    assert found.primary.reading == reading
    is_told = set(found.scores["verdict"]) != {Verdict.untold}
    assert is_told == (len(tables) == 6)


def test_a_share_is_a_mean_over_tables_as_the_difference_is() -> None:
    folds = {table: "b" if table in "abcdefg" else "wwww" for table in TABLES}
    others = {table: len(of) * "b" for table, of in folds.items()}
    records = [*runs("default_ft", others), *runs("causalmixft", folds), *runs("noise", others)]
    found = read(records).primary
    assert found.harm["causalmixft"] == found.changes["default_ft"].mean == 1 / 8
    said = primary(answer(frame(records), settings(QUICK), roc_auc_ovo, Told(records)))
    assert said is not None
    assert "12% of 11 runs of mitra_nano on 8 tables, weighed alike, end worse" in said.because


def test_what_never_ran_harmed_nothing() -> None:
    records = [*runs("default_ft", "b"), *runs("causalmixft", "b"), *runs("bootstrap", "w")]
    lost = [
        r for r in records if (r["cell"]["dataset"], r["cell"]["method"]) != ("a", "causalmixft")
    ]
    worst = settings([*QUICK, "analysis.impute=worst"])
    found = read(lost, worst).primary
    assert found.harm["causalmixft"] == found.changes["default_ft"].mean == 0.0
    assert (found.changes["default_ft"].tables, found.models) == (7, ("mitra_nano",))


def test_nulls_and_rivals_are_of_the_same_settings_and_ratio() -> None:
    records = [r for m in ("default_ft", "causalmixft") for r in runs(m, "b")]
    for ratio, name in ((1.0, "bootstrap"), (0.5, "bootstrap-half"), (0.5, "noise")):
        for record in runs(name.removesuffix("-half"), "b"):
            record["settings"]["method"]["mixing"]["ratio"] = ratio
            record["cell"]["method"] = record["settings"]["method"]["name"] = name
            record["identity"]["hash"] += name
            records.append(record)
    records += runs("smote", "b")
    other = made_at_rate(["default_ft", "smote"], 1e-3)
    found = read([*records, *other])
    assert found.primary.default == "default_ft"  # at the rate of most
    assert found.primary.nulls == ("bootstrap", "noise")  # of Noise none has the mix's ratio
    assert found.scores["against"].nunique() == 4  # one SMOTE


def test_of_several_causal_mixes_the_one_of_the_studys_ratio_is_read() -> None:
    records = [r for m in ("default_ft", "bootstrap") for r in runs(m, "b")]
    for ratio, name in ((0.5, "a-mix"), (1.0, "b-mix")):
        for record in runs("causalmixft", "b"):
            record["settings"]["method"]["mixing"]["ratio"] = ratio
            record["cell"]["method"] = record["settings"]["method"]["name"] = name
            record["identity"]["hash"] += name
            records.append(record)
    found = read(records).primary
    assert (found.method, found.passed_over) == ("b-mix", ("a-mix",))
    whole = answer(frame(records), settings(QUICK), roc_auc_ovo, Told(records))
    assert "reads a-mix." in planned_table.section(whole, planned_table.make(whole)).text


def test_a_number_of_a_group_leads_to_its_tables() -> None:
    records = scored()
    whole = answer(frame(records), settings(QUICK), roc_auc_ovo, Told(records))
    rows = planned_groups.make(whole)
    at = list(rows["group"]).index("healthcare")
    leads = planned_groups.section(whole, rows).behind
    assert leads(at, "harm, points") == {
        "method": sorted({"causalmixft", str(rows["against"].iloc[at])}),
        "dataset": list(TABLES),
    }


def test_better_and_worse_take_the_mean_and_the_ranks() -> None:
    records = []
    for place in range(36):
        gain = -0.45 if place == 0 else 0.002 + 1e-4 * place
        lasts = {"default_ft": 0.6, "causalmixft": 0.6 + gain, "bootstrap": 0.6}
        for method, last in lasts.items():
            records.append(made(f"t{place}", method, [0.7, 0.6, last], chosen=1))
    rows = read(records).scores.set_index(["score", "step", "against"])
    of = rows.loc[("roc_auc_ovo", "last", "default_ft")]
    assert (of["better"], of["worse"], of["mean"] < 0, of["p_holm"] < 0.05) == (35, 1, True, True)
    assert of["verdict"] is Verdict.untold
    for record in records[:3]:
        record["metrics"]["last"]["test"]["roc_auc_ovo"] = 0.6
    rows = read(records).scores.set_index(["score", "step", "against"])
    assert rows.loc[("roc_auc_ovo", "last", "default_ft"), "verdict"] is Verdict.better


def test_its_numbers_are_those_of_the_tables() -> None:
    records = [
        *runs("default_ft", "ww"),
        *runs("causalmixft", HALF),
        *runs("bootstrap", "ww"),
        *runs("noise", "bw"),
    ]
    found = read(records).primary
    assert found.harm == {"causalmixft": 0.5, "default_ft": 1.0, "bootstrap": 1.0, "noise": 0.5}
    se = np.std([1, 1, 1, 1, 0, 0, 0, 0], ddof=1) / 8**0.5
    assert found.changes["default_ft"].mean == -0.5
    assert found.changes["default_ft"].se == pytest.approx(se)
    assert found.smallest["default_ft"] == pytest.approx(se * smallest_distance(8, 0.8, 0.05))
    assert found.better_null == "noise"  # level with it, while bootstrap is beaten
    whole = answer(frame(records), settings(QUICK), roc_auc_ovo, Told(records))
    said = primary(whole)
    assert said is not None
    assert replies(whole)[1] == said  # on top of the page, too
    smallest = f"{100 * found.smallest['default_ft']:.1f}"
    assert said.because.endswith(
        f"8 tables find differences of {smallest} points or more with 80% power."
    )
    assert said.told == (
        "Augmentation makes fine-tuning safer; whether it is the causes cannot be told here"
    )
    assert "50% of 16 runs of mitra_nano on 8 tables end worse" in said.because
    assert "on real rows alone 100%: -50.0 [" in said.because
    assert said.because.index("Noise") < said.because.index("Bootstrap")


@pytest.mark.parametrize(
    ("folds", "over"),
    [
        (
            2,
            "points (mean over folds, which share rows, ± 2 standard errors; of fewer than 6 "
            "tables nothing is told), which includes zero. Against",
        ),
        (1, "points; one fold alone tells nothing. Against"),
    ],
)
def test_of_one_table_the_interval_is_over_its_folds(folds: int, over: str) -> None:
    records = [
        record
        for method, of in {"default_ft": "wb", "causalmixft": "bb", "bootstrap": "ww"}.items()
        for record in runs(method, of[:folds])
        if record["cell"]["dataset"] == "a"
    ]
    said = primary(answer(frame(records), settings(QUICK), roc_auc_ovo, Told(records)))
    assert said is not None
    assert over in said.because
    assert said.told.endswith("is open on this table")
    assert "[nan" not in said.because
    assert ("2 folds find no difference with 80% power." in said.because) == (folds == 2)


def test_without_a_null_there_is_none_and_by_another_score_harm_alone() -> None:
    records = [*runs("default_ft", "ww"), *runs("causalmixft", HALF)]
    assert answer(frame(records), settings(QUICK), roc_auc_ovo, Told(records)).planned is None
    records += runs("bootstrap", "ww")
    cells = frame(records)
    assert answer(cells, settings(QUICK), roc_auc_ovo, Told(records)).planned is not None
    other = answer(cells, settings(QUICK), log_loss, Told(records)).planned
    assert other is not None
    assert other.primary.reading is Reading.mixing
    assert other.scores.empty
    assert other.groups.empty


def made_at_rate(methods: list[str], rate: float) -> Records:
    return [
        made(t, m, [0.7, 0.72], finetune={"lr": rate, "steps": 2}) for m in methods for t in TABLES
    ]


def scored() -> Records:
    """Causal rows mixed in rank 0.02 better at the chosen step and as well at the last."""
    out = []
    for place, table in enumerate(TABLES):
        scores = dict.fromkeys(("default_ft", "causalmixft", "bootstrap", "smote"), 0.75)
        scores["causalmixft"] += 0.02 + 0.001 * place
        for method, chosen in scores.items():
            out.append(made(table, method, [0.7, chosen, 0.74], chosen=1))
    return out


def test_scores_are_held_against_default_nulls_and_rivals_with_one_correction() -> None:
    found = read(scored())
    rows = found.scores.set_index(["score", "step", "against"])
    auc = rows.loc["roc_auc_ovo"]
    assert auc.loc[("chosen", "default_ft"), "mean"] == pytest.approx(0.0235)
    assert auc.loc[("chosen", "default_ft"), ["better", "worse", "tables"]].tolist() == [8, 0, 8]
    assert set(auc.index.unique("against")) == {"default_ft", "bootstrap", "smote"}
    # All eight tables are better: p = 2/2⁸, times the comparisons that are no better than it.
    assert auc.loc[("chosen", "smote"), "p"] == pytest.approx(2 / 2**8)
    assert auc.loc[("chosen", "smote"), "p_holm"] == pytest.approx(len(rows) * 2 / 2**8)
    assert auc.loc[("last", "default_ft"), "verdict"] is Verdict.as_good
    assert auc.loc[("last", "default_ft"), "p_holm"] == 1.0


def test_a_difference_within_the_margin_is_as_good_and_a_large_unsure_one_cannot_be_told() -> None:
    rows = read(scored()).scores.set_index(["score", "step", "against"]).sort_index()
    verdicts = rows.xs(("roc_auc_ovo", "chosen"))["verdict"]
    assert set(verdicts) == {Verdict.untold}  # Holm's p is above 0.05, and 0.0235 above the margin
    wide = settings([*QUICK, "analysis.roc_auc_margin=0.05"])
    rows = read(scored(), wide).scores.set_index(["score", "step", "against"]).sort_index()
    assert set(rows.xs(("roc_auc_ovo", "chosen"))["verdict"]) == {Verdict.as_good}


def test_the_safest_rule_is_read_from_the_curves_and_what_has_none_is_named() -> None:
    found = read(scored())
    assert (found.scores["step"] == SAFE).sum() == 0  # no curve of log-loss, which the rule reads
    assert any("until_worse" in what for what in found.left_out)
    assert "Brier score of the chosen step" in found.left_out
    by_auc = settings([*QUICK, "analysis.safe_rule=last"])
    rows = read(scored(), by_auc).scores.set_index(["score", "step", "against"])
    assert rows.loc[("roc_auc_ovo", SAFE, "default_ft"), "mean"] == 0.0  # 0.74 − 0.74


def test_the_safest_rule_reads_all_three_scores_where_log_loss_is_worse_from() -> None:
    records = scored()
    for record in records:
        worse = 0.01 * (record["cell"]["method"] == "bootstrap")
        validation, test = record["curves"]["validation"], record["curves"]["test"]
        validation["roc_auc_ovo"] = [0.7, 0.71, 0.8]  # the last by itself
        validation["log_loss"] = [0.6, 0.5, 0.61]  # which is worse than no fine-tuning
        test["log_loss"] = [0.6, 0.55 + worse, 0.9]
        test["brier"] = [0.3, 0.2 + worse, 0.8]
    rows = read(records).scores.set_index(["step", "score", "against"]).loc[SAFE]
    assert set(rows.index.unique("score")) == {"roc_auc_ovo", "log_loss", "brier"}
    assert rows.loc[("roc_auc_ovo", "default_ft"), "mean"] == pytest.approx(0.0235)  # step 1's
    assert rows.loc[("log_loss", "bootstrap"), "mean"] == pytest.approx(0.01)  # lower is better
    assert rows.loc[("brier", "bootstrap"), ["better", "worse"]].tolist() == [8, 0]
    assert rows.loc[("brier", "default_ft"), "verdict"] is Verdict.as_good


def test_tables_of_which_nothing_was_known_are_a_group_of_their_own() -> None:
    assert "known beforehand" not in set(read(scored()).groups["grouping"])
    unseen = settings([*QUICK, "analysis.unseen=[a,b,z]"])
    groups = read(scored(), unseen).groups
    of = groups[(groups["grouping"] == "known beforehand") & (groups["against"] == "default_ft")]
    of = of.set_index("group")
    assert of["tables"].to_dict() == {"seen": 6, "unseen": 2}
    assert of.loc["unseen", "roc_auc_ovo"] == pytest.approx(0.0205)


def test_groups_are_of_domain_rows_and_imbalance() -> None:
    records = scored()
    assert set(read(records).groups["grouping"]) == {"domain", "rows"}  # older records
    for record in records:
        record["data"]["class_rows"] = [4, 76] if record["cell"]["dataset"] in "ab" else [40, 40]
    groups = read(records).groups
    of = groups[(groups["grouping"] == "imbalance") & (groups["against"] == "default_ft")]
    assert of.set_index("group")["tables"].to_dict() == {"below 0.3": 2, "0.7 or more": 6}
    assert of.set_index("group").loc["below 0.3", "roc_auc_ovo"] == pytest.approx(0.0205)


def test_a_rule_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="no stopping rule 'until_wors'; did you mean"):
        read(scored(), settings([*QUICK, "analysis.safe_rule=until_wors"]))
