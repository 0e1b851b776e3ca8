"""Cells of a table that is split by groups or by time, from their words to their records."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.analysis.variants import names
from bench.cell.store import Store
from bench.cli import main

N = 90


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """A cell of `bootstrap` (whose rows are taken from real ones) by each way to split a table."""
    folder = tmp_path_factory.mktemp("sides")
    rng = np.random.default_rng(0)
    patient = rng.permutation(np.repeat(np.arange(18), 5))
    frame = pd.DataFrame({"patient": patient, "day": rng.permutation(N), "x": rng.normal(size=N)})
    frame.assign(y=np.where(rng.random(N) < 0.4, "ill", "well")).to_csv(folder / "v.csv")
    for key in ("drop=[patient,day]", "groups=patient", "time=day"):
        drop = {"groups=patient": ["dataset.drop=[day]"], "time=day": ["dataset.drop=[patient]"]}
        words = [f"path={folder}/v.csv", "target=y", f"dataset.{key}", *drop.get(key, [])]
        words += ["method=bootstrap", "finetune.steps=2", f"results_dir={folder}/r"]
        assert main(["run", "dataset=csv", *words]) == 0
    return list(Store(folder / "r").records())


@pytest.mark.long
def test_each_way_is_a_cell_of_its_own_on_another_table(records: list[dict]) -> None:
    assert [record["status"] for record in records] == ["done"] * 3
    protocols = {record["identity"]["parts"]["split"]["protocol"] for record in records}
    assert protocols == {
        "stratified 10 x 3-fold",
        "grouped stratified 10 x 3-fold",
        "3 windows that expand in time",
    }
    assert len({record["identity"]["parts"]["dataset"] for record in records}) == 1
    assert len({name.dataset for name in names(records)}) == 3


def test_a_record_says_what_its_table_is_split_by(records: list[dict]) -> None:
    notes = {
        record["identity"]["parts"]["split"]["protocol"]: record["data"]["notes"]
        for record in records
    }
    by_group, by_time = (
        notes["grouped stratified 10 x 3-fold"],
        notes["3 windows that expand in time"],
    )
    assert any("its 18 groups are kept whole in all splits" in note for note in by_group)
    assert any("rows are split by it, earlier from later ones" in note for note in by_time)


def test_by_time_not_every_row_is_used(records: list[dict]) -> None:
    """Of 90 days the first 22 train and validate, the next 23 test; the others come later."""
    rows = {
        record["identity"]["parts"]["split"]["protocol"]: record["data"]["rows"]
        for record in records
    }
    assert rows["3 windows that expand in time"] == {"train": 17, "validation": 5, "test": 23}
    assert rows["stratified 10 x 3-fold"] == {"train": 48, "validation": 12, "test": 30}
    whole = rows["grouped stratified 10 x 3-fold"].values()  # five rows a patient
    assert sum(whole) == N
    assert all(count % 5 == 0 for count in whole)
