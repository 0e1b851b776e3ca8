"""A record tells how good the synthetic rows are: once a table, and from rows that may be read."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hydra import compose

from bench.cell import run as cell
from bench.cell.identity import score_fingerprints
from bench.datasets import embedded, splits
from bench.models.tab2d.checkpoint import load

pytestmark = pytest.mark.usefixtures("configs")

MEASURES = {
    "marginal_distance", "correlation_error", "detection_auc", "distance_to_closest", "copies",
    "frechet_distance", "test_tstr_roc_auc", "test_global_utility",
}  # fmt: skip
CTGAN = "method=ctgan method.generator.epochs=2"
FOLDER = TemporaryDirectory()


@cache
def record(overrides: str) -> dict[str, Any]:
    """The record of a cell of two fine-tuning steps; all of them share a folder."""
    settings = ["dataset=haberman", "finetune.steps=2", f"results_dir={FOLDER.name}"]
    cfg = compose("config", [*settings, *overrides.split()])
    checkpoint = load(None, max_features=500, max_context=8192, device="cpu")
    table = embedded.load("haberman")
    made = cell.run(cfg, {}, table, checkpoint, {}, "code", score_fingerprints())
    assert made["status"] == "done", made["error"]
    return made


@pytest.mark.long
@pytest.mark.parametrize(
    "overrides",
    [
        CTGAN,
        "method=tabebm method.generator.steps=2",
        "method=smote",
        "method=gaussian_copula",
        "method=bootstrap",
        "method=mixed_model",
    ],
)
def test_a_record_with_synthetic_rows_has_every_measure(overrides: str) -> None:
    quality = record(overrides)["synthetic"]["quality"]
    assert set(quality) == MEASURES
    assert all(isinstance(value, float) for value in quality.values())
    for name in ("marginal_distance", "copies", "detection_auc", "test_tstr_roc_auc"):
        assert 0 <= quality[name] <= 1


def test_copies_are_told_from_new_rows() -> None:
    copied, made = (
        record(m)["synthetic"]["quality"] for m in ("method=bootstrap", "method=gaussian_copula")
    )
    assert copied["copies"] == 1.0
    assert copied["distance_to_closest"] == 0.0
    assert copied["marginal_distance"] < made["marginal_distance"]
    assert made["copies"] < 0.5


@pytest.mark.long
def test_two_methods_over_one_table_measure_it_once() -> None:
    alone = record(CTGAN)
    mixed = record(f"{CTGAN} method.mixing.rows=mixed method.name=other")
    assert mixed["synthetic"] == alone["synthetic"]
    assert "quality" in alone["timings"]["seconds"]
    assert "quality" not in mixed["timings"]["seconds"]
    assert mixed["timings"]["generation"]["shared"]
    assert list(Path(FOLDER.name, "synthetic").glob(f"{alone['synthetic']['key']}.parquet"))


def test_fresh_rows_are_measured_by_a_sample_of_their_own() -> None:
    synthetic = record("method=mixed_model")["synthetic"]
    assert synthetic["key"] is None
    assert synthetic["rows"] == sum(synthetic["class_counts"]) > 0


@pytest.mark.long
@pytest.mark.parametrize("method", ["default_ft", "table_augment", "pretrained"])
def test_without_synthetic_rows_of_the_tables_schema_there_is_nothing_to_measure(
    method: str,
) -> None:
    assert record(f"method={method}")["synthetic"] is None


@pytest.mark.long
def test_test_rows_decide_the_measure_that_is_named_for_them_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = record("method=gaussian_copula")["synthetic"]
    table = embedded.load("haberman")
    fold = splits.split(table, 0, 0.2)
    X = table.X.copy()
    X.loc[fold.test] = np.random.default_rng(0).permutation(X.loc[fold.test].to_numpy())
    monkeypatch.setattr(splits, "split", lambda *_: fold)
    monkeypatch.setattr(embedded, "load", lambda _: table.with_rows(X, table.y))
    after = record("method=gaussian_copula seed=0")["synthetic"]  # another key of the cache
    changed = {n for n in MEASURES if before["quality"][n] != after["quality"][n]}
    assert changed == {"test_tstr_roc_auc", "test_global_utility"}
    assert before["fingerprint"] == after["fingerprint"]


@pytest.mark.long
def test_another_model_makes_another_table_only_where_the_rows_are_its_own() -> None:
    """TabEBM's rows come from the model's weights: what the table is known by names them."""
    checkpoint = load(None, max_features=500, max_context=8192, device="cpu")
    other = checkpoint.__class__(**{**vars(checkpoint), "weights_hash": "others"})
    keys = []
    for model in (checkpoint, other):
        for method in ("tabebm method.generator.steps=2", "noise"):
            overrides = f"dataset=haberman finetune.steps=2 method={method}".split()
            cfg = compose("config", [*overrides, f"results_dir={FOLDER.name}"])
            table = embedded.load("haberman")
            made = cell.run(cfg, {}, table, model, {}, "code", score_fingerprints())
            keys.append(made["synthetic"]["key"])
    assert keys[0] != keys[2]
    assert keys[1] == keys[3]
