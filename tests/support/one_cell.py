"""One cell, run in this process."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import torch
from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D
from composing import composing
from hydra import compose
from omegaconf import DictConfig
from safetensors.torch import save_file

from bench.cell import run as way
from bench.cell.corpus import given
from bench.cell.identity import identity, score_fingerprints
from bench.cell.record import Record
from bench.models.base import Backbone
from bench.models.tab2d.checkpoint import load
from bench.table import Table


@cache
def tiny_folder() -> Path:
    """A checkpoint of random weights in the format that is read."""
    torch.manual_seed(5)
    shape = {"dim": 16, "dim_output": 10, "n_layers": 2, "n_heads": 2, "task": "CLASSIFICATION"}
    module = Tab2D(**shape, use_pretrained_weights=False, path_to_weights="", device="cpu")
    folder = Path(mkdtemp())
    save_file(module.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(shape))
    return folder


@cache
def folder_of_rows() -> str:
    return mkdtemp()


def tiny() -> Backbone:
    return load(str(tiny_folder()), 500, 8192, "cpu")


@cache
def composed(words: tuple[str, ...]) -> DictConfig:
    with composing():
        return compose("config", list(words))


def run(
    checkpoint: Backbone, table: Table, *overrides: str, generator: dict[str, str] | None = None
) -> Record:
    folder = f"results_dir={folder_of_rows()}"
    words = ["dataset=iris", "finetune.steps=1", "finetune.eval_every=1", folder, *overrides]
    cfg = composed(tuple(words))
    if generator:
        cfg = cfg.copy()
        cfg.method.generator = generator
    names = {"dataset": "small", "domain": "other", "method": "m", "fold": 0, "seed": 0}
    names["model"] = "tiny"
    what, scores = identity(cfg, table), score_fingerprints()
    return way.run(cfg, names, table, checkpoint, what, "code", scores, given(cfg, table))
