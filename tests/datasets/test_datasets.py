"""The embedded tables are what their cards say, and known tables are what the field knows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from bench.datasets import embedded, splits
from bench.errors import BadInput, TableError
from bench.table import Table

NAMES = embedded.names()
CONF = Path(__file__).parents[2] / "conf" / "dataset"


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return {name: embedded.load(name) for name in NAMES}


@pytest.fixture
def copied(tmp_path, monkeypatch) -> Path:
    """The data folder, to be damaged."""
    for name in ("tae", "iris"):
        for path in embedded.DATA.glob(f"{name}.*"):
            shutil.copy(path, tmp_path)
    monkeypatch.setattr(embedded, "DATA", tmp_path)
    return tmp_path


class TestCollection:
    def test_there_are_enough_tables_of_each_domain(self):
        domains = [embedded.card(name)["domain"] for name in NAMES]
        assert len(NAMES) >= 24
        assert domains.count("healthcare") >= 4
        assert domains.count("finance") >= 3
        assert set(domains) == {"healthcare", "finance", "other"}

    def test_tables_differ_in_kinds_classes_gaps_and_balance(self):
        cards = [embedded.card(name) for name in NAMES]
        mixes = {tuple(count > 0 for count in card["kinds"].values()) for card in cards}
        assert {(True, False, False), (False, False, True), (True, True, True)} <= mixes
        assert sum(card["missing_share"] > 0 for card in cards) >= 3
        assert {len(card["classes"]) for card in cards} >= {2, 3, 4, 6, 10}
        shares = [min(card["class_counts"].values()) / card["rows"] for card in cards]
        assert sum(share < 0.1 for share in shares) >= 3

    @pytest.mark.parametrize("name", ["credit-g", "diabetes", "splice"])
    def test_tabarenas_tables_that_can_be_had_are_here(self, name):
        assert embedded.card(name)["tabarena"] == name

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
        assert card["class_counts"] == dict(zip(table.classes, table.class_counts()))
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

    def test_the_table_is_of_the_promised_size(self, name, tables):
        table = tables[name]
        assert 150 <= len(table) <= 3200
        assert 2 <= table.n_classes <= 10
        assert (table.class_counts() >= splits.N_FOLDS).all()

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
        counts = table.class_counts()
        for index in (0, 1, 2, 14, 29):
            part = splits.split(table, index)
            rows = np.concatenate([part.train, part.validation, part.test])
            assert sorted(rows) == list(range(len(table)))
            outer = len(part.train) + len(part.validation)
            assert abs(len(part.test) - len(table) / 3) <= table.n_classes
            assert len(part.validation) == -(-outer // 5)
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
