"""A file of houses and their prices, with holes and words in it, from its words to its record."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.cell.store import Store
from bench.cli import main

N = 60


@pytest.mark.long
def test_prices_of_one_s_own_file_are_fine_tuned_to_with_causal_rows(
    tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "area": rng.normal(120, 30, N).round(),
            "rooms": rng.integers(1, 7, N).astype(float),
            "town": rng.choice(["Ulm", "Köln", "Bonn"], N),
            "heating": rng.choice(["gas", "heat pump"], N),
        }
    )
    price = 2_000 * frame["area"] + 40_000 * (frame["town"] == "Köln") + rng.normal(0, 9_000, N)
    for column in frame:
        frame.loc[rng.random(N) < 0.1, column] = None
    frame["price"] = [f"€{number:,.0f}" for number in price]
    frame.loc[7, "price"] = None
    path = tmp_path / "houses.csv"
    frame.to_csv(path, index=False)
    words = ["dataset=csv", f"path={path}", "target=price", "method=causalmixft"]
    words += ["finetune.steps=2", f"results_dir={tmp_path / 'r'}"]
    assert main(["run", *words]) == 0
    (record,) = Store(tmp_path / "r").records()
    assert (record["status"], record["metric"]["name"]) == ("done", "rmse")
    assert record["identity"]["parts"]["split"] == {"protocol": "10 x 3-fold", "index": 0}
    assert record["metrics"]["chosen"]["test"]["rmse_sd"] < 0.7
    assert record["metrics"]["chosen"]["test"]["rmse"] > 1_000
    assert any("a quantity: regression" in note for note in record["data"]["notes"])
    assert "validation RMSE" in capsys.readouterr().out
    assert main(["run", *words, "problem=classification"]) == 2
    assert "has 59 classes; at most 10 are possible" in capsys.readouterr().err
    assert main(["run", *words, "dataset.drop=price"]) == 2
