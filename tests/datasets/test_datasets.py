"""The embedded tables are what their cards say, and known tables are what the field knows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from bench.datasets import embedded, splits
from bench.datasets.openml import tabarena
from bench.errors import BadInput, TableError
from bench.table import Table

NAMES = embedded.names()
CLASSES, NUMBERS = embedded.names("classification"), embedded.names("regression")
CONF = Path(__file__).parents[2] / "conf" / "dataset"


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return {name: embedded.load(name) for name in NAMES}


@pytest.fixture(scope="module")
def tabarenas() -> dict[str, Any]:
    return tabarena.tasks()


@pytest.fixture
def copied(tmp_path, monkeypatch) -> Path:
    """The data folder, to be damaged."""
    for name in ("tae", "iris"):
        for path in embedded.DATA.glob(f"{name}.*"):
            shutil.copy(path, tmp_path)
    monkeypatch.setattr(embedded, "DATA", tmp_path)
    return tmp_path


class TestCollection:
    @pytest.mark.parametrize(
        ("names", "all_in_all", "healthcare", "finance"), [(CLASSES, 24, 4, 3), (NUMBERS, 14, 3, 3)]
    )
    def test_there_are_enough_tables_of_each_domain(self, names, all_in_all, healthcare, finance):
        domains = [embedded.card(name)["domain"] for name in names]
        assert len(names) >= all_in_all
        assert domains.count("healthcare") >= healthcare
        assert domains.count("finance") >= finance
        assert set(domains) == {"healthcare", "finance", "other"}

    def test_every_table_is_for_one_problem(self):
        assert sorted([*CLASSES, *NUMBERS]) == NAMES

    def test_tables_of_numbers_differ_in_kinds_gaps_and_tails(self):
        cards = [embedded.card(name) for name in NUMBERS]
        mixes = {tuple(count > 0 for count in card["kinds"].values()) for card in cards}
        assert {(True, True, False), (False, True, True), (True, True, True)} <= mixes
        assert sum(card["missing_share"] > 0 for card in cards) >= 3
        told = [card["target_values"] for card in cards]
        assert sum((t["highest"] - t["mean"]) / t["sd"] > 5 for t in told) >= 3
        assert min(t["distinct"] for t in told) == 12  # a count, of children
        assert max(t["distinct"] for t in told) > 1000

    def test_tables_differ_in_kinds_classes_gaps_and_balance(self):
        cards = [embedded.card(name) for name in CLASSES]
        mixes = {tuple(count > 0 for count in card["kinds"].values()) for card in cards}
        assert {(True, False, False), (False, False, True), (True, True, True)} <= mixes
        assert sum(card["missing_share"] > 0 for card in cards) >= 3
        assert {len(card["classes"]) for card in cards} >= {2, 3, 4, 6, 10}
        shares = [min(card["class_counts"].values()) / card["rows"] for card in cards]
        assert sum(share < 0.1 for share in shares) >= 3

    @pytest.mark.parametrize(
        ("name", "theirs"),
        [
            *(("credit-g", "credit-g"), ("diabetes", "diabetes"), ("splice", "splice")),
            ("airfoil", "airfoil_self_noise"),
            ("concrete", "concrete_compressive_strength"),
            ("insurance-expenses", "healthcare_insurance_expenses"),
            ("qsar-fish-toxicity", "QSAR_fish_toxicity"),
        ],
    )
    def test_tabarenas_tables_that_can_be_had_are_here(self, name, theirs, tabarenas):
        card = embedded.card(name)
        assert card["tabarena"] == theirs
        expected = tabarenas[theirs]["expected"]
        here = {"features": card["features"], "classes": len(card["classes"])}
        assert {what: expected[what] for what in here} == here
        assert card["rows"] - expected["rows"] == (name == "qsar-fish-toxicity")

    def test_all_files_together_are_small(self):
        assert sum(path.stat().st_size for path in embedded.DATA.iterdir()) < 5e6

    def test_every_table_has_a_config_and_every_config_a_table(self):
        assert {path.stem for path in CONF.glob("*.yaml")} == {*NAMES, "csv", "openml"}
        for name in NAMES:
            config = yaml.safe_load((CONF / f"{name}.yaml").read_text())
            assert config == {"_target_": "bench.datasets.embedded.load", "name": name}


@pytest.mark.parametrize("name", NAMES)
class TestEveryTable:
    def test_the_card_describes_the_table(self, name, tables):
        table, card = tables[name], embedded.card(name)
        assert card["fingerprint"] == table.fingerprint()
        assert (card["rows"], card["features"]) == (len(table), table.n_features)
        assert card["name"] == table.name == name
        assert (card["target"], card["domain"]) == (table.target, table.domain)
        assert card["classes"] == list(table.classes)
        kinds = list(table.kinds.values())
        assert card["kinds"] == {kind: kinds.count(kind) for kind in card["kinds"]}
        missing = table.X.isna().sum()
        assert {c["name"]: c["missing"] for c in card["columns"]} == missing.to_dict()
        assert card["missing_share"] == round(missing.sum() / table.X.size, 6)
        labelled = table.X.assign(**{"the target": table.y})
        assert card["duplicates"] == labelled.duplicated().sum()
        assert card["repeated_features"] == table.X.duplicated().sum()

    def test_the_card_says_where_the_table_is_from(self, name):
        card = embedded.card(name)
        for key in ("title", "licence", "citation", "page"):
            assert card[key], key
        assert card["page"].startswith("https://")
        assert set(card["source"]) == {"package", "version", "file"}
        assert not card["source"]["file"].startswith("/")

    def test_the_card_describes_the_target(self, name, tables):
        table, card = tables[name], embedded.card(name)
        if table.problem == "classification":
            assert card["class_counts"] == dict(zip(table.classes, table.class_counts()))
            assert 2 <= table.n_classes <= 10
            assert (table.class_counts() >= splits.N_FOLDS).all()
        else:
            y = table.y
            figures = [y.mean(), y.std(), y.min(), y.max(), len(np.unique(y))]
            assert list(card["target_values"].values()) == pytest.approx(figures, rel=1e-5)

    def test_the_table_is_of_the_promised_size(self, name, tables):
        assert 150 <= len(tables[name]) <= 3200

    def test_columns_hold_what_their_kind_says(self, name, tables):
        table = tables[name]
        for column in table.categorical:
            values = table.X[column]
            assert set(values.cat.categories) == set(values.dropna().unique())
        for column in table.numeric:
            whole = (table.X[column].dropna() % 1 == 0).all()
            assert whole or table.kinds[column] == "numeric"
        assert (table.X.nunique() >= 2).all()
        assert (table.X.nunique()[table.categorical] <= 60).all()

    def test_the_file_is_read_the_same_twice(self, name, tables):
        pd.testing.assert_frame_equal(embedded.load(name).X, tables[name].X)

    def test_splits_follow_the_protocol(self, name, tables):
        table = tables[name]
        for index in (0, 1, 2, 14, 29):
            part = splits.split(table, index)
            rows = np.concatenate([part.train, part.validation, part.test])
            assert sorted(rows) == list(range(len(table)))
            outer = len(part.train) + len(part.validation)
            assert abs(len(part.test) - len(table) / 3) <= max(table.n_classes, 1)
            assert len(part.validation) == -(-outer // 5)


@pytest.mark.parametrize("name", CLASSES)
class TestEveryTableOfClasses:
    def test_splits_keep_the_classes_shares(self, name, tables):
        table = tables[name]
        counts = table.class_counts()
        for index in (0, 1, 2, 14, 29):
            part = splits.split(table, index)
            outer = len(part.train) + len(part.validation)
            in_test = np.bincount(table.y[part.test], minlength=table.n_classes)
            assert (np.abs(in_test - counts / 3) < 1).all()
            in_validation = np.bincount(table.y[part.validation], minlength=table.n_classes)
            ideal = (counts - in_test) * len(part.validation) / outer
            assert (np.abs(in_validation - ideal) <= 1).all()
            assert (np.bincount(table.y[part.train], minlength=table.n_classes) > 0).all()
            lacking = (in_validation == 0) | (in_test == 0)
            assert len(part.notes) == lacking.sum()


class TestKnownTables:
    def test_credit_g_is_the_german_credit_data(self, tables):
        table = tables["credit-g"]
        assert table.X.shape == (1000, 20)
        assert dict(zip(table.classes, table.class_counts())) == {"good": 700, "bad": 300}
        assert (len(table.numeric), len(table.categorical)) == (7, 13)
        first = table.X.iloc[0]
        assert (first["checking_status"], first["duration"], first["credit_amount"]) == (
            "<0",
            6,
            1169,
        )
        assert table.X["purpose"].value_counts()["radio/tv"] == 280
        assert round(table.X["age"].mean(), 3) == 35.546

    def test_diabetes_is_the_pima_table(self, tables):
        table = tables["diabetes"]
        assert table.X.shape == (768, 8)
        assert table.class_counts().tolist() == [500, 268]
        assert round(table.X["plas"].mean(), 4) == 120.8945
        assert (table.X["insu"] == 0).sum() == 374

    def test_splice_is_sixty_bases(self, tables):
        table = tables["splice"]
        assert table.X.shape == (3190, 60)
        assert table.class_counts().tolist() == [767, 768, 1655]
        assert table.numeric == []

    def test_wdbc_and_digits_are_scikit_learns(self, tables):
        from sklearn.datasets import load_breast_cancer, load_digits

        np.testing.assert_array_equal(
            tables["wdbc"].X.to_numpy(), load_breast_cancer().data.astype(float)
        )
        np.testing.assert_array_equal(tables["wdbc"].y, load_breast_cancer().target)
        digits = load_digits().data
        np.testing.assert_array_equal(
            tables["digits"].X.to_numpy(), digits[:, digits.std(axis=0) > 0]
        )

    def test_hepatitis_misses_what_uci_says(self, tables):
        missing = tables["hepatitis"].X.isna().sum()
        assert missing["protime"] == 67
        assert missing["alk_phosphate"] == 29
        assert missing.sum() == 167
        assert tables["hepatitis"].class_counts().tolist() == [32, 123]

    def test_heart_disease_is_clevelands(self, tables):
        table = tables["heart-disease"]
        assert table.X.shape == (303, 13)
        assert table.class_counts().tolist() == [164, 139]
        assert table.X["oldpeak"].max() == 6.2
        assert table.X[["ca", "thal"]].isna().sum().tolist() == [4, 2]

    def test_australian_ages_have_their_decimal_point_back(self, tables):
        ages = tables["australian"].X["A2"]
        assert (ages.min(), ages.max()) == (13.75, 80.25)
        assert ages.head(3).tolist() == [22.08, 22.67, 29.58]

    def test_mortgage_codes_for_unknown_are_missing(self, tables):
        X = tables["mortgage"].X
        assert (X["term"].max(), X["review"].max() < 999) == (480, True)
        assert X["gdlin"].isna().sum() == 2
        assert X["min30"].isna().sum() == 183

    @pytest.mark.parametrize(
        ("name", "shape", "counts"),
        [
            ("vehicle", (846, 18), [218, 212, 217, 199]),
            ("tae", (151, 5), [49, 50, 52]),
            ("saheart", (462, 9), [302, 160]),
            ("contraceptive", (1473, 9), [629, 333, 511]),
            ("australian", (690, 14), [383, 307]),
            ("penguins", (344, 7), [152, 68, 124]),
            ("maternal-health-risk", (1014, 6), [406, 336, 272]),
            ("yeast", (1484, 8), [463, 429, 244, 163, 51, 44, 35, 30, 20, 5]),
            ("car", (1728, 6), [1210, 384, 69, 65]),
            ("autos", (205, 25), [3, 22, 67, 54, 32, 27]),
        ],
    )
    def test_shapes_and_class_counts(self, name, shape, counts, tables):
        assert tables[name].X.shape == shape
        assert tables[name].class_counts().tolist() == counts


class TestKnownTablesOfNumbers:
    """What is predicted: another column would not have these figures."""

    @pytest.mark.parametrize(
        ("name", "shape", "mean", "sd"),
        [
            ("servo", (167, 4), 1.3897, 1.555),
            ("concrete", (1030, 8), 35.818, 16.698),
            ("airfoil", (1503, 5), 124.8359, 6.8964),
            ("qsar-fish-toxicity", (908, 6), 4.0644, 1.4549),
            ("auto-mpg", (397, 7), 23.5159, 7.8159),
            ("bike-sharing", (730, 11), 4508.007, 1934.69),
            ("car-prices", (201, 25), 13207.13, 7927.27),
            ("insurance-expenses", (1338, 6), 13270.42, 12105.48),
            ("diabetes-progression", (442, 10), 152.1335, 77.0057),
            ("medical-costs", (1500, 10), 5.93396, 1.80246),
            ("fertility", (1500, 16), 2.418, 2.34221),
            ("sleep", (706, 19), 3266.356, 444.099),
            ("credit-balance", (400, 10), 520.015, 459.184),
            ("credit-amount", (1000, 18), 3271.258, 2821.325),
            ("financial-assets", (1500, 8), 20.0265, 70.5635),
            ("pension-participation", (1534, 5), 87.3629, 16.7111),
            ("ceo-salary", (177, 8), 865.8644, 585.927),
        ],
    )
    def test_shapes_means_and_deviations(self, name, shape, mean, sd, tables):
        table = tables[name]
        assert table.X.shape == shape
        assert table.y.mean() == pytest.approx(mean, rel=1e-4)
        assert table.y.std() == pytest.approx(sd, rel=1e-4)

    def test_all_of_them_are_named_above(self):
        (mark,) = self.test_shapes_means_and_deviations.pytestmark
        assert sorted(name for name, *_ in mark.args[1]) == NUMBERS

    def test_diabetes_progression_is_scikit_learns(self, tables):
        from sklearn.datasets import load_diabetes

        theirs, table = load_diabetes(scaled=False), tables["diabetes-progression"]
        np.testing.assert_array_equal(table.y, theirs.target)
        numbers = table.X.assign(sex=table.X["sex"].astype(float)).to_numpy()
        np.testing.assert_array_equal(numbers, theirs.data)

    @pytest.mark.parametrize(
        ("name", "theirs"),
        [
            ("credit-amount", "credit-g"),
            ("car-prices", "autos"),
            ("financial-assets", "pension-401k"),
        ],
    )
    def test_a_table_that_is_another_ones_rows_says_so(self, name, theirs, tables):
        assert theirs in " ".join(embedded.card(name)["changes"])
        shared = [c for c in tables[theirs].X if c in tables[name].X]
        assert len(shared) >= 6
        assert tables[name].target in tables[theirs].X

    @pytest.mark.parametrize("name", NUMBERS)
    def test_no_column_is_the_target_in_another_unit(self, name, tables):
        table = tables[name]
        ranks = table.X[table.numeric].rank().corrwith(pd.Series(table.y).rank())
        assert ranks.abs().max() < 0.95


class TestBadInput:
    def test_an_unknown_name_is_answered_with_the_closest(self):
        with pytest.raises(TableError, match="no embedded dataset 'credit'; did you mean"):
            embedded.load("credit")

    @pytest.mark.parametrize("name", ["../tae", "zzz", "tae.json"])
    def test_names_are_not_paths(self, name):
        with pytest.raises(TableError, match="no embedded dataset"):
            embedded.load(name)

    def test_a_name_is_not_empty(self):
        with pytest.raises(BadInput, match="name is ''; expected a text that is not empty"):
            embedded.load("")

    def test_a_changed_file_is_refused(self, copied):
        path = copied / "tae.parquet"
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        with pytest.raises(TableError, match=r"'tae': tae\.parquet is damaged or was changed"):
            embedded.load("tae")
        assert embedded.load("iris").X.shape == (150, 4)

    def test_a_lost_file_is_named(self, copied):
        (copied / "tae.parquet").unlink()
        with pytest.raises(TableError, match=r"tae\.parquet is missing"):
            embedded.load("tae")

    def test_cards_are_json_without_paths_of_a_machine(self):
        for path in embedded.DATA.glob("*.json"):
            json.loads(path.read_text(encoding="utf-8"))
            assert "/home" not in path.read_text(encoding="utf-8")
