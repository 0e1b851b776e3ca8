"""A model of one's own: its cells are known by its weights and its class, and by no other's."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import torch
from composing import composing
from hydra import compose
from tiny_model import SameWeights, load
from torch import nn

from bench.cell.identity import identity
from bench.cell.model import identity_of
from bench.cell.store import Store
from bench.cli import main
from bench.datasets import embedded
from bench.errors import ModelError
from bench.models.weights import NANO, files, files_hash, state_hash

LOADER = """
_target_: tiny_model.{load}
path: null
"""
OWN = {"_target_": "tiny_model.load", "path": None}


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A folder of one's own configs, with a model in it."""
    (tmp_path / "conf" / "model").mkdir(parents=True)
    return put(tmp_path / "conf", "tiny", LOADER.format(load="load"))


def put(conf: Path, name: str, text: str) -> Path:
    (conf / "model" / f"{name}.yaml").write_text(text)
    return conf


def run(conf: Path, *words: str, verb: str = "run") -> int:
    told = [f"results_dir={conf.parent / 'results'}", "dataset=iris", "method=pretrained"]
    return main([verb, "--config-dir", str(conf), *told, *words])


def made(conf: Path) -> dict[str, str]:
    """The model's name of each record, by its identity."""
    records = Store(conf.parent / "results").records()
    return {record["identity"]["hash"]: record["cell"]["model"] for record in records}


@pytest.mark.long
def test_another_models_record_is_never_overwritten(conf: Path) -> None:
    """A backbone of one's own with ``path: null`` once had mitra-nano's identity."""
    assert run(conf, "model=tiny") == 0
    (own,) = made(conf)
    assert run(conf, "model=mitra_nano") == 0
    assert made(conf)[own] == "tiny"
    assert sorted(made(conf).values()) == ["mitra_nano", "tiny"]


@pytest.mark.long
def test_a_last_layer_that_a_model_does_not_have_is_refused_before_a_cell_runs(
    conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(conf, "model=tiny", "method=default_ft", "finetune.trained=last_layer") == 2
    assert (
        "bench: A model of class NeighbourModel tells of no last layer" in capsys.readouterr().err
    )
    assert made(conf) == {}


def told(load=load, **changes: object) -> str:
    return str(identity_of({**OWN, **changes}, load))


def test_weights_class_and_loader_tell_models_apart() -> None:
    told_apart = [
        told(),
        told(lambda: load(seed=1)),
        told(lambda: load(kind=SameWeights)),
        told(_target_="tiny_model.load_another"),
        told(sharpness=3),
        told(patience=3),  # what is the dataset's way to be had is a model's setting
    ]
    assert len(set(told_apart)) == len(told_apart)
    assert load().weights_hash == load(kind=SameWeights).weights_hash != load(seed=1).weights_hash
    for setting in ("path", "max_features", "device", "offline"):
        assert told(**{setting: "another"}) == told()


def test_the_shipped_loader_is_known_by_its_files_alone() -> None:
    """As records of before are."""
    with composing():
        cfg = compose("config", ["dataset=iris"])
    assert identity(cfg, embedded.load("iris"))["parts"]["model"] == {
        "weights": files_hash(files(str(NANO))),
        "max_context": 8192,
        "scoring": "float32",
    }


def test_the_hash_of_a_state_is_of_all_that_is_in_it() -> None:
    class Another(nn.Module):
        def __init__(self, name: str, values: torch.Tensor) -> None:
            super().__init__()
            self.register_buffer(name, values)

    given = [("a", [1.0, 2.0]), ("b", [1.0, 2.0]), ("a", [1.0, 3.0]), ("a", [[1.0], [2.0]])]
    modules = [Another(name, torch.tensor(values)) for name, values in given]
    modules.append(Another("a", torch.tensor([1.0, 2.0]).double()))
    modules.append(Another("a", torch.tensor([1.0, 2.0]).bfloat16()))
    modules.append(Another("a", torch.tensor(1.0)))
    assert len({state_hash(module) for module in modules}) == len(modules)
    assert state_hash(Another("a", torch.tensor([1.0, 2.0]))) == state_hash(modules[0])


def test_a_state_that_is_no_tensor_is_refused() -> None:
    class Wordy(nn.Module):
        def get_extra_state(self) -> str:
            return "words"

    with pytest.raises(ModelError, match="holds '_extra_state', which is a str"):
        state_hash(Wordy())


@pytest.mark.parametrize(
    ("yaml", "sentence"),
    [
        (LOADER.format(load="load_called"), "The model calls its weights f00d, which is not"),
        (
            "{{_target_: tiny_model.load_file, path: {0}/a, told: {0}/b}}",
            "or its loader reads others than it tells",
        ),
        ("{{_target_: tiny_model.load_file, path: {0}/c}}", "The model's files cannot be read"),
        (LOADER.format(load="gone"), "model._target_ is 'tiny_model.gone', which cannot be"),
    ],
)
def test_a_model_that_is_not_what_it_says_is_refused(
    yaml: str, sentence: str, conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":
        (conf / name).write_text("12"["ab".index(name)])
    put(conf, "wrong", yaml.format(conf))
    assert run(conf, "model=wrong") == 2
    assert sentence in capsys.readouterr().err
    assert not made(conf)


def test_a_loader_that_tells_its_files_is_not_called_for_its_identity(conf: Path) -> None:
    (conf / "a").write_text("1")
    config = {"_target_": "tiny_model.load_file", "path": str(conf / "a"), "told": None}
    assert identity_of(config, pytest.fail)["weights"] == files_hash([conf / "a"])


@pytest.mark.long
def test_records_of_a_class_that_is_gone_are_read(
    conf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads a folder need not have the class that made its records."""
    monkeypatch.syspath_prepend(conf.parent)
    source = "from tiny_model import load as made\ndef load(path=None): return made()\n"
    (conf.parent / "passing.py").write_text(source)
    put(conf, "passing", "_target_: passing.load")
    assert run(conf, "model=passing") == 0
    (conf.parent / "passing.py").unlink()
    monkeypatch.delitem(sys.modules, "passing")
    importlib.invalidate_caches()
    folder = str(conf.parent / "results")
    capsys.readouterr()
    for words, code, sentence in [
        (["status", folder], 0, "stale"),
        (["verify", folder], 1, "its model names passing.load, which no config names there"),
        (["verify", folder, "--config-dir", str(conf)], 1, "which cannot be imported"),
        (["diff", folder, folder], 0, "Reproduced: 1 of 1 cell"),
        (["report", folder], 0, "pretrained"),
    ]:
        assert main(words) == code, words
        printed = capsys.readouterr()
        assert sentence in printed.out + printed.err, words
    assert run(conf, "model=passing", verb="plan") == 2
    assert "'passing.load', which cannot be imported" in capsys.readouterr().err
