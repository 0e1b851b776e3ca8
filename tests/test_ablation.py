"""Entries of `methods` with overrides, and the table of generator × mixing × ratio."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from bench.analysis.ablation import ablation, designs
from bench.cli import CONF
from bench.config import register
from bench.errors import BadInput
from bench.progress import count_cells
from bench.sweep import _cells, _command

MIXED = "noise method.mixing.ratio=0.5 method.name=noise-half"


@pytest.fixture(autouse=True)
def conf(monkeypatch: pytest.MonkeyPatch):
    register()
    with initialize_config_dir(CONF, version_base="1.3"):
        yield


def batch(methods: str, monkeypatch: pytest.MonkeyPatch) -> DictConfig:
    """The config of a job that runs these methods, as Hydra hands it to one."""
    overrides = [f"methods=[{methods}]", "finetune.steps=2"]
    cfg = compose("config", overrides, return_hydra_config=True)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", cfg)
    return compose("config", overrides)


# --- entries ----------------------------------------------------------------------------------


def test_an_entry_is_a_method_with_overrides_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = dict(_cells(batch(f"default_ft,'{MIXED}',noise", monkeypatch)))
    assert [cell.method.name for cell in cells.values()] == ["default_ft", "noise-half", "noise"]
    assert [cell.method.mixing.ratio for cell in cells.values()] == [0.0, 0.5, 1.0]
    assert {cell.finetune.steps for cell in cells.values()} == {2}


def test_the_command_for_an_entry_runs_that_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    (entry, cell), *_ = _cells(batch(f"'{MIXED}',noise", monkeypatch))
    arguments = shlex.split(_command(entry))
    assert arguments[:4] == ["python", "-m", "bench", "run"]
    ((again, same),) = _cells(batch(arguments[-1].removeprefix("methods=[")[:-1], monkeypatch))
    assert (again, same.method) == (entry, cell.method)


@pytest.mark.parametrize(
    ("methods", "sentence"),
    [
        ("noise,'noise method.mixing.ratio=2.0'", "both called 'noise'; give one a name"),
        ("'noise fold=1'", "sets 'fold=1'; an entry may set method.KEY=VALUE"),
        ("'noise method.mixing.ration=1'", "cannot be composed: .*ration"),
        ("'nose method.name=x'", "cannot be composed: .*nose"),
        ("''", "cannot be composed"),
        ("'noise method.mixing.ratio='", "cannot be composed"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused_in_a_sentence(
    methods: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match=sentence):
        list(_cells(batch(methods, monkeypatch)))


def test_the_ablation_runs_every_generator_alone_and_mixed_at_two_ratios() -> None:
    cfg = compose("config", ["experiment=ablation"], return_hydra_config=True)
    ways: dict[str, set] = {}
    for entry in cfg.methods:
        name, *overrides = entry.split()
        method = compose("config", [f"method={name}", *overrides]).method
        if method.generator is not None:
            mixed = method.mixing.rows == "mixed"
            ways.setdefault(method.generator._target_, set()).add(mixed and method.mixing.ratio)
    assert all(seen == {False, 0.5, 1.0} for seen in ways.values())
    generators = {
        compose("config", [f"method={path.stem}"]).method.generator
        for path in Path(CONF, "method").glob("*.yaml")
        if path.stem not in ("pretrained", "default_ft")
    }
    assert set(ways) == {node._target_ for node in generators}
    assert count_cells(cfg) == 12 * len(cfg.methods)


# --- the table --------------------------------------------------------------------------------


def record(method: str, generator: str | None, rows: str, ratio: float = 1.0) -> dict:
    node = {"_target_": f"generators.x.{generator}"} if generator else None
    made_of = {
        "name": method,
        "finetune": method != "pretrained",
        "generator": node,
        "mixing": {"rows": rows, "ratio": ratio},
    }
    return {"cell": {"method": method}, "settings": {"method": made_of}}


RECORDS = [
    record("pretrained", None, "real"),
    record("default_ft", None, "real"),
    record("scm", "SCM", "synthetic"),
    record("mix", "SCM", "mixed"),
    record("half", "SCM", "mixed", 0.5),
    record("copies", "Bootstrap", "synthetic"),
    record("copies-mix", "Bootstrap", "mixed"),
    record("alone", "Noise", "mixed"),
]


def cells(scores: dict[str, float], datasets: int = 2) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"dataset": f"d{i}", "fold": 0, "seed": 0, "method": method}
            | {"auc_chosen": score + i / 100, "auc_pretrained": 0.5 + i / 100}
            for i in range(datasets)
            for method, score in scores.items()
        ]
    )


SCORES = {
    "pretrained": 0.5, "default_ft": 0.6, "scm": 0.45, "mix": 0.7, "half": 0.65,
    "copies": 0.4, "copies-mix": 0.55, "alone": 0.52,
}  # fmt: skip


def test_designs_tell_what_a_method_is_made_of() -> None:
    made_of = designs(RECORDS)
    assert made_of.loc["half"].tolist() == ["SCM", "mixed", 0.5]
    assert made_of.loc["scm", ["generator", "rows"]].tolist() == ["SCM", "synthetic"]
    assert np.isnan(made_of.loc["scm", "ratio"])
    assert made_of.loc["pretrained"].isna().all()


def test_generators_in_several_ways_stand_together_and_the_best_first() -> None:
    table = ablation(cells(SCORES), designs(RECORDS))
    assert list(table.index) == ["scm", "half", "mix", "copies", "copies-mix", "default_ft"]
    assert table.loc["mix", "rank"] == 1
    assert table.loc["mix", "median"] == pytest.approx((0.7 - 0.5) / (0.7 - 0.4))
    assert table.loc["copies", "raw_gain"] == pytest.approx(-0.1)
    assert (table["units"] == 2).all()


def test_without_a_generator_in_two_ways_there_is_no_table() -> None:
    few = {name: SCORES[name] for name in ("pretrained", "default_ft", "scm", "alone")}
    assert ablation(cells(few), designs(RECORDS)).empty
