"""TabArena's tasks: the configs are the package's metadata, the suite is the stated rule."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from composing import composing
from hydra import compose
from omegaconf import OmegaConf

from bench.datasets.openml.tabarena import regression_suite, suite, tasks
from bench.files import CONF
from bench.sweep.jobs import count_cells
from scripts.build_tabarena import described, yaml_of

DROPPED = {"APSFailure", "kddcup09_appetency", "Bioresponse", "hiva_agnostic", "Diabetes130US"}


def test_the_configs_are_the_packages_metadata() -> None:
    known = described()
    assert len(known) == 38 + 13
    assert sum(task["classes"] == 0 for task in known.values()) == 13
    files = {p.stem: p.read_text() for p in Path(CONF, "dataset", "tabarena").glob("*.yaml")}
    assert files == {name: yaml_of(task) for name, task in known.items()}


@pytest.mark.long
def test_numbers_agree_with_tabarenas_own_task_collection() -> None:
    from tabarena.benchmark.task.metadata import TaskMetadataCollection

    collection = TaskMetadataCollection.from_preset("TabArena-v0.1").subset_tasks(
        problem_types=["binary", "multiclass", "regression"]
    )
    frame = collection.to_dataframe().drop_duplicates("dataset_name").set_index("dataset_name")
    assert collection.dataset_to_tid() == {n: task["task_id"] for n, task in tasks().items()}
    for name, task in tasks().items():
        row = frame.loc[name]
        assert task["expected"]["rows"] == row["num_instances"]
        assert task["expected"]["features"] == row["num_features"]
        classes = task["expected"]["classes"]
        assert classes == (0 if row["problem_type"] == "regression" else row["num_classes"])


def test_the_suite_of_33_drops_the_five_largest_tables() -> None:
    counts = {name: task["expected"] for name, task in tasks().items()}
    chosen = {name.removeprefix("tabarena/") for name in suite(33).split(",")}
    assert len(chosen) == 33
    assert {name for name in counts if counts[name]["classes"]} - chosen == DROPPED
    assert all(counts[name]["features"] <= 500 for name in chosen)
    with pytest.raises(ValueError, match="There are 38 TabArena classification tasks"):
        suite(39)


def test_the_regression_suite_is_all_but_the_one_of_1024_features() -> None:
    known = {f"tabarena/{n}": t for n, t in tasks().items() if not t["expected"]["classes"]}
    chosen = regression_suite(500).split(",")
    assert len(chosen) == 12
    assert set(known) - set(chosen) == {"tabarena/QSAR-TID-11"}
    assert known["tabarena/airfoil_self_noise"]["task_id"] == 363612


def test_the_paper_is_33_tables_ten_folds_and_mitras_weights() -> None:
    with composing():
        cfg = compose("config", ["experiment=paper"], return_hydra_config=True)
        assert str(cfg.hydra.sweeper.params.dataset) == suite(33)
        assert list(cfg.methods) == [
            *("pretrained", "default_ft", "causalmixft", "scm"),
            *("ctgan", "tabebm", "table_augment", "mixed_model"),
        ]
        assert count_cells(cfg) == 33 * 10 * 8  # 2,310 fine-tuning runs, and the pre-trained model
        assert cfg.model.path == "autogluon/mitra-classifier"
        cell = compose("config", ["dataset=tabarena/credit-g"])
        assert (cell.dataset.name, cell.dataset.task_id) == ("tabarena/credit-g", 363626)
        twelve = OmegaConf.create({"tables": "${tabarena_regression:500}"}).tables
        assert twelve == regression_suite(500)


@pytest.mark.long
def test_an_unreachable_network_is_one_sentence_that_names_the_remedy(tmp_path: Path) -> None:
    """Here OpenML's place is taken by an address that nobody answers on."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "bench", "run", "dataset=tabarena/credit-g"),
            "openml.server=http://127.0.0.1:9/api/v1/xml",
            f"openml.cache_dir={tmp_path}/cache", f"results_dir={tmp_path}/results",
        ],
        capture_output=True, text=True, timeout=30, check=False,  # 30 s are the promise
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr.startswith("bench: Dataset 'tabarena/credit-g': OpenML (127.0.0.1:9) could")
    assert "python -m bench fetch" in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()
