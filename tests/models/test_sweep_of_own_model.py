"""A tiny model of one's own goes a whole sweep's way, and every verb reads what it left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.cell.store import Store
from bench.cli import main

CONF = Path(__file__).parents[1] / "support" / "conf"
METHODS = "pretrained,default_ft,causalmixft,tabebm method.generator.steps=2"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The words of a sweep over two folds and four methods, once it has been run."""
    folder = tmp_path_factory.mktemp("own") / "results"
    words = ["--config-dir", str(CONF), "-m", "dataset=haberman", "fold=0,1", "model=tiny"]
    words += [f"methods=[{METHODS}]", "finetune.steps=3", "finetune.lr=0.05"]
    words += [f"results_dir={folder}"]
    here = os.getcwd()
    assert main(["run", *words]) == 0
    assert os.getcwd() == here
    return words


@pytest.fixture
def folder(words: list[str]) -> str:
    return words[-1].partition("=")[2]


@pytest.mark.slow
def test_every_cell_is_done_and_fine_tuning_moved_it(folder: str) -> None:
    records = list(Store(folder).records())
    assert len(records) == 8
    for record in records:
        assert record["status"] == "done", record["error"]
        assert record["cell"]["model"] == "tiny"
        before, last = (
            record["metrics"][w]["validation"]["log_loss"] for w in ("pretrained", "last")
        )
        assert (before != last) == (record["cell"]["method"] != "pretrained")
    assert len({str(r["identity"]["parts"]["model"]) for r in records}) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("status", "8 │      0 │"),
        ("report", "causalmixft"),
        ("diff", "Reproduced: 8 of 8 cells, 8 to the bit."),
        ("verify", "8 records held against themselves, 0 do not hold"),
    ],
)
def test_every_verb_reads_it(
    verb: str, told: str, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"diff": [folder], "verify": ["n=2", "--config-dir", str(CONF)]}.get(verb, [])
    assert main([verb, folder, *more]) == 0
    assert told in capsys.readouterr().out


@pytest.mark.slow
def test_what_is_done_is_planned_as_done(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *words]) == 0
    printed = capsys.readouterr().out
    assert "to run    0 cells" in printed
    assert "weights   1 of 1 here" in printed
