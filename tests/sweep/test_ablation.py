"""Entries of `methods` with overrides, and the experiment of generators × mixings × ratios."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from bench.cell.config import alone_and_mixed, each_with
from bench.errors import BadInput
from bench.files import CONF
from bench.sweep.entries import cells_of
from bench.sweep.job import _command
from bench.sweep.jobs import count_cells

pytestmark = pytest.mark.usefixtures("configs")

MIXED = "noise method.mixing.ratio=0.5 method.name=noise-half"


def batch(methods: str, monkeypatch: pytest.MonkeyPatch) -> DictConfig:
    """The config of a job that runs these methods, as Hydra hands it to one."""
    overrides = [f"methods=[{methods}]", "finetune.steps=2"]
    cfg = compose("config", overrides, return_hydra_config=True)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", cfg)
    return compose("config", overrides)


def composed(methods: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, DictConfig]]:
    cfg = batch(methods, monkeypatch)
    return cells_of(cfg, HydraConfig.get().overrides.task, "default_ft")


# --- entries ----------------------------------------------------------------------------------


def test_an_entry_is_a_method_with_overrides_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made = dict(composed(f"default_ft,'{MIXED}',noise", monkeypatch))
    assert [cell.method.name for cell in made.values()] == ["default_ft", "noise-half", "noise"]
    assert [cell.method.mixing.ratio for cell in made.values()] == [0.0, 0.5, 1.0]
    assert {cell.finetune.steps for cell in made.values()} == {2}


@pytest.mark.long
def test_one_method_stands_under_several_settings_of_the_fine_tuning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries = "default_ft,'default_ft finetune.lr=1e-3','default_ft finetune=autogluon'"
    made = [cell for _, cell in composed(entries, monkeypatch)]
    assert {cell.method.name for cell in made} == {"default_ft"}
    assert [(cell.finetune.lr, cell.finetune.keep) for cell in made] == [
        (1e-4, "best"), (1e-3, "best"), (1e-4, "last"),
    ]  # fmt: skip
    assert {cell.finetune.steps for cell in made} == {2}  # the command line's stands above


def test_the_command_for_an_entry_runs_that_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    (entry, cell), *_ = composed(f"'{MIXED}',noise", monkeypatch)
    arguments = shlex.split(_command([entry]))
    assert arguments[:4] == ["python", "-m", "bench", "run"]
    ((again, same),) = composed(arguments[-1].removeprefix("methods=[")[:-1], monkeypatch)
    assert (again, same.method) == (entry, cell.method)


@pytest.mark.long
@pytest.mark.parametrize(
    ("methods", "sentence"),
    [
        ("noise,'noise method.mixing.ratio=2.0'", "both called 'noise'; give one a name"),
        ("noise,'noise finetune.lr=1e-4'", "both called 'noise'; give one"),  # one cell twice
        ("'noise finetune=adam'", "cannot be composed: .*finetune/adam"),
        ("'noise fold=1'", "sets 'fold=1'; an entry may set method.KEY=VALUE"),
        ("'noise method.mixing.ration=1'", "cannot be composed: .*ration"),
        ("'nose method.name=x'", "cannot be composed: .*nose"),
        ("''", r"methods is \[''\]; expected .* each entry a text that is not empty"),
        ("'noise method.mixing.ratio='", "method.mixing.ratio is ''; expected a number"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused_in_a_sentence(
    methods: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match=sentence):
        list(composed(methods, monkeypatch))


def test_entries_are_run_with_each_setting() -> None:
    assert each_with(["pretrained"], ["a x=1", "b"], ["lr=1", "lr=2"], ["a"], ["lr=3"]) == [
        "pretrained", "a x=1 lr=1", "b lr=1", "a x=1 lr=2", "b lr=2", "a lr=3",
    ]  # fmt: skip


def test_a_generator_is_run_alone_and_mixed_at_each_ratio() -> None:
    assert alone_and_mixed(["pretrained"], ["ctgan method.generator.epochs=5"], [0.5, 1]) == [
        "pretrained",
        "ctgan method.name=ctgan-synthetic method.mixing.rows=synthetic method.generator.epochs=5",
        "ctgan method.name=ctgan-mixed-0.5 method.mixing.rows=mixed method.mixing.ratio=0.5 "
        "method.generator.epochs=5",
        "ctgan method.name=ctgan-mixed-1 method.mixing.rows=mixed method.mixing.ratio=1 "
        "method.generator.epochs=5",
    ]
    called = alone_and_mixed([], ["scm method.name=mine dag=e.csv"], [1])
    assert called[0] == "scm method.name=mine-synthetic method.mixing.rows=synthetic dag=e.csv"
    assert called[1].split()[1] == "method.name=mine-mixed-1"


CONTROLS = ("permuted", "prior")  # of transfer: nothing is to be learned of them


@pytest.mark.long
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
        if path.stem not in ("pretrained", "default_ft", *CONTROLS)
    }
    assert set(ways) == {node._target_ for node in generators}
    assert count_cells(cfg) == 12 * len(cfg.methods)
