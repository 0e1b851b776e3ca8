"""A cell's identity holds what decides its numbers; its code fingerprint, what makes them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose
from omegaconf import OmegaConf

from bench.cell import identity as identities
from bench.cell.identity import code_fingerprint, identity, targets
from bench.files import CONF, digest
from bench.models.weights import FILES, NANO
from bench.table import Table

pytestmark = pytest.mark.usefixtures("configs")

ROOT = Path(CONF).parent


def table(value: float = 0.5) -> Table:
    X = pd.DataFrame({"x": [0.0, value, 1.0]})
    return Table("made", X, np.array([0, 1, 1]), {"x": "numeric"}, ("a", "b"), "y")


def hash_of(*overrides: str, of: Table | None = None) -> str:
    return identity(compose("config", list(overrides)), of or table())["hash"]


BASE = ("method=table_augment", "fold=1", "seed=2")


class TestIdentity:
    def test_it_is_the_hash_of_its_parts(self):
        what = identity(compose("config", list(BASE)), table())
        assert what["hash"] == digest(what["parts"])
        assert what["parts"]["dataset"] == table().fingerprint()
        assert what["parts"]["seed"] == 2

    @pytest.mark.parametrize(
        "override",
        [
            "fold=4",
            "seed=3",
            "validation_share=0.3",
            "method=mixed_model",
            "method.generator.min_features=0.6",
            "+method.generator.another=1",
            "method.mixing.rows=mixed",
            "method.mixing.ratio=2.0",
            "method.mixing.fresh=false",
            "method.mixing.size=3.0",
            "finetune=autogluon",
            "finetune.lr=1e-3",
            "finetune.clip_norm=null",
            "finetune.select_by=log_loss",
            "finetune.precision=bfloat16",
            "finetune=ema",
            "finetune=wise_ft",
            "finetune=wise_ft_chosen",
            "finetune=l2_sp",
            "finetune=last_layer",
            "model.max_context=100",
            "model.scoring=bfloat16",
            "+model.sharpness=5.0",  # of a model of one's own
        ],
    )
    def test_each_deciding_part_changes_it(self, override: str):
        assert hash_of(*BASE, override) != hash_of(*BASE)

    @pytest.mark.parametrize(
        "override",
        [
            "method.name=renamed",
            "results_dir=/elsewhere",
            "experiment_name=another",
            "threads=7",
            "device=cpu",
            "offline=true",
            "model.max_features=20",
            "rerun=all",
            "finetune.ema=null",  # later settings at their defaults
            "finetune.wise_ft=null",
            "finetune.l2_sp=null",
            "finetune.trained=all",
            "dataset=iris",  # the table itself decides, not the config it came by
        ],
    )
    def test_what_decides_no_number_does_not_change_it(self, override: str):
        assert hash_of(*BASE, override) == hash_of(*BASE)

    def test_a_model_is_known_by_its_weights_and_its_settings(self):
        model = identity(compose("config", list(BASE)), table())["parts"]["model"]
        assert set(model) == {"weights", "max_context", "scoring"}

    @pytest.mark.long
    def test_the_content_of_the_table_counts(self):
        assert hash_of(*BASE, of=table(0.25)) != hash_of(*BASE)
        assert hash_of(*BASE, of=replace(table(), domain="finance")) == hash_of(*BASE)

    @pytest.mark.long
    def test_the_weights_count_and_not_where_they_lie(self, tmp_path: Path):
        copied, changed = tmp_path / "copied", tmp_path / "changed"
        for folder in (copied, changed):
            folder.mkdir()
            for name in FILES:
                shutil.copy(NANO / name, folder / name)
        weights = bytearray((changed / "model.safetensors").read_bytes())
        weights[-1] ^= 1
        (changed / "model.safetensors").write_bytes(weights)
        assert hash_of(*BASE, f"model.path={copied}") == hash_of(*BASE)
        assert hash_of(*BASE, f"model.path={changed}") != hash_of(*BASE)

    def test_the_order_of_keys_is_irrelevant(self):
        cfg = compose("config", list(BASE))
        turned = OmegaConf.to_container(cfg)
        turned["method"]["generator"] = dict(reversed(turned["method"]["generator"].items()))
        turned["finetune"] = dict(reversed(turned["finetune"].items()))
        other = OmegaConf.create(dict(reversed(turned.items())))
        assert list(other.method.generator) != list(cfg.method.generator)
        assert identity(other, table())["hash"] == identity(cfg, table())["hash"]

    def test_numbers_of_another_type_are_other_settings(self):
        assert digest({"a": 1}) != digest({"a": "1"})
        assert digest({"a": None}) != digest({})

    @pytest.mark.long
    @pytest.mark.parametrize("override", ["seed=5", "finetune=autogluon", "finetune.lr=0.5"])
    def test_the_pretrained_model_knows_no_finetuning(self, override: str):
        pretrained = ("method=pretrained", "fold=1")
        assert hash_of(*pretrained, override) == hash_of(*pretrained)
        assert hash_of(*pretrained, "fold=2") != hash_of(*pretrained)


class TestTargets:
    def test_they_are_the_modules_of_all_classes_that_the_config_names(self):
        cfg = compose("config", ["method=table_augment"])
        assert targets(cfg) == [
            "bench.datasets.embedded",
            "bench.models.tab2d.checkpoint",
            "generators.table_augment",
        ]
        assert targets(compose("config", ["method=default_ft"])) == targets(cfg)[:2]

    def test_a_generators_own_parts_count(self):
        cfg = compose(
            "config",
            [
                "method=bootstrap",
                "+method.generator.inner={_target_: mine.inner.Part}",
                "+method.generator.several=[{_target_: mine.listed.Part}]",
            ],
        )
        assert targets(cfg)[2:] == ["generators.bootstrap", "mine.inner", "mine.listed"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A generator's package outside the repository, with a helper it imports in a function."""
    folder = tmp_path / "far_away_generators"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "deep" / "__init__.py").write_text("from . import deepest\n")
    (folder / "deep" / "deepest.py").write_text("A = 1\n")
    (folder / "helper.py").write_text("def help(): return 1\n")
    (folder / "unused.py").write_text("B = 1\n")
    (folder / "mine.py").write_text(
        "import numpy\n"
        "from far_away_generators.deep import Part\n"
        "class Mine:\n"
        "    def fit(self):\n"
        "        from .helper import help\n"
        "        raise RuntimeError('never imported')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield folder
    forget()


def forget() -> None:
    """A process hashes its sources once: what it has imported is what it runs."""
    for name in ("_fingerprint", "_code", "_project_root"):
        getattr(identities, name).cache_clear()


def fingerprint(*modules: str) -> str:
    forget()
    return code_fingerprint(modules)


class TestCode:
    @pytest.mark.long
    @pytest.mark.parametrize(
        "file", ["mine.py", "helper.py", "__init__.py", "deep/__init__.py", "deep/deepest.py"]
    )
    def test_an_edit_to_what_a_generator_imports_counts(self, package: Path, file: str):
        before = fingerprint("far_away_generators.mine")
        with open(package / file, "a") as source:
            source.write("print('edited')\n")
        assert fingerprint("far_away_generators.mine") != before

    @pytest.mark.long
    def test_a_comment_does_not(self, package: Path):
        before = fingerprint("far_away_generators.mine")
        for file in package.rglob("*.py"):
            file.write_text(file.read_text() + "# edited\n")
        assert fingerprint("far_away_generators.mine") == before

    @pytest.mark.long
    def test_an_edit_to_what_it_does_not_import_does_not_count(self, package: Path):
        before = fingerprint("far_away_generators.mine")
        (package / "unused.py").write_text("B = 2\n")
        assert fingerprint("far_away_generators.mine") == before

    @pytest.mark.long
    def test_a_folder_without_init_is_followed_too(self, package: Path):
        (package / "__init__.py").unlink()
        before = fingerprint("far_away_generators.mine")
        (package / "helper.py").write_text("def help(): return 2\n")
        assert fingerprint("far_away_generators.mine") != before

    @pytest.mark.long
    def test_the_generator_is_read_and_not_imported(self, package: Path):
        fingerprint("far_away_generators.mine")
        assert "far_away_generators.mine" not in sys.modules
        assert fingerprint("far_away_generators.mine") != fingerprint()

    @pytest.mark.long
    def test_the_order_of_the_modules_is_irrelevant(self):
        two = ("generators.bootstrap", "generators.mixed_model")
        assert fingerprint(*two) == fingerprint(*reversed(two))

    def test_the_way_of_a_cell_counts_and_what_reads_its_record_does_not(self):
        model = "bench.models.tab2d.checkpoint"  # a config names it
        found = set(identities._code().reached([identities.ENTRY, model])[0])
        assert found >= {
            "bench.cell.run",
            "bench.finetune.loop",
            "bench.finetune.sources",
            "bench.finetune.splitting",
            "bench.scores.log_loss",
            "bench.models.tab2d.forward",
            "bench.models.tab2d.encoder",
            "bench.datasets.splits",
            "bench.cell.synthetic",
            "bench.seeds",
            "bench.table",
            "bench.generator",
        }
        strangers = ("bench.report", "bench.analysis", "bench.sweep.job", "bench.cli", "torch")
        assert not [name for name in found if name.startswith(strangers)]

    @pytest.mark.long
    @pytest.mark.parametrize(
        ("file", "counts"),
        [
            ("bench/finetune/splitting.py", True),
            ("bench/models/tab2d/forward.py", True),
            ("bench/scores/log_loss.py", True),  # early stopping names it
            ("bench/scores/brier.py", False),
            ("bench/report/write.py", False),
            ("bench/analysis/measures.py", False),
        ],
    )
    def test_in_a_copy_of_the_repository(self, file: str, counts: bool, copied: Path):
        before, content = elsewhere(copied), (copied / file).read_text()
        (copied / file).write_text(content + "assert 'edited'\n")
        assert (fresh(copied) != before) == counts
        (copied / file).write_text(content)


@pytest.mark.long
def test_a_new_score_is_no_part_of_any_code_but_its_own(copied: Path):
    script = (
        "from bench.cell.identity import code_fingerprint, score_fingerprints\n"
        "print(code_fingerprint(['bench.models.tab2d.checkpoint']), score_fingerprints())"
    )
    before, new = run(script, copied), copied / "bench/scores/new.py"
    text = (copied / "bench/scores/brier.py").read_text()
    new.write_text(text.replace('name="brier"', 'name="new"') + "\nnew = brier\n")
    try:
        assert "'new': " in (after := run(script, copied))
    finally:
        new.unlink()
    assert re.sub(r", 'new': '\w+'", "", after) == before


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    ignore = shutil.ignore_patterns("data", "mitra_nano", "__pycache__")
    for room in ("bench", "generators"):
        shutil.copytree(ROOT / room, folder / room, ignore=ignore)
    return folder


def fresh(root: Path) -> str:
    """The fingerprint that a process with its code under ``root`` finds."""
    script = (
        "from bench.cell.identity import code_fingerprint\n"
        "NAMED = ['generators.bootstrap', 'bench.models.tab2d.checkpoint']\n"
        "import bench; print(bench.__file__); print(code_fingerprint(NAMED))"
    )
    file, found = run(script, root).split()
    assert Path(file).is_relative_to(root)
    return found


elsewhere = cache(fresh)


def run(script: str, root: Path = ROOT) -> str:
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@cache
def modules_after(statement: str) -> frozenset[str]:
    return frozenset(run(f"import sys\n{statement}\nprint(*sys.modules)").split())


@pytest.mark.long
def test_whether_a_cell_is_done_is_answered_without_torch():
    loaded = modules_after(
        "from bench.cell.identity import code_fingerprint, identity\n"
        "code_fingerprint(['generators.mixed_model', 'bench.models.tab2d.checkpoint'])\n"
        "from bench.cell.model import identity_of\n"
        "identity_of({'_target_': 'bench.models.tab2d.checkpoint.load', 'path': None})"
    )
    assert "bench.cell.identity" in loaded
    assert not {"torch", "autogluon", "sklearn", "transformers"} & loaded
