"""Configs put together of parts are those that Hydra composes, and few are composed for them."""

from __future__ import annotations

from typing import Any

import pytest
from hydra import compose
from omegaconf import DictConfig, OmegaConf

from bench.sweep import merged
from bench.sweep.entries import cells_of
from bench.sweep.jobs import cells, composing, expand

PAPER = ["experiment=paper", "dataset=tabarena/anneal,tabarena/diabetes", "fold=0", "offline=true"]
SWEEPS = [
    pytest.param(["experiment=smoke"], marks=pytest.mark.slow),
    pytest.param(PAPER, marks=pytest.mark.slow),
    ["dataset=iris,tae", 'methods=[default_ft,"ctgan finetune.steps=3 method.name=short"]'],
    ["dataset=iris,tae", "seed=0,1", "finetune.lr=1e-4,1e-3", "methods=[pretrained,scm]"],
    ["dataset=iris,tae", "fold=0,1", "method=scm"],
]


@pytest.mark.long
@pytest.mark.parametrize("words", SWEEPS)
def test_every_cell_is_as_hydra_composes_it(words: list[str]) -> None:
    with composing(words) as overrides:
        quick = [_both(cell) for cell in cells(overrides)]
        exact = [
            _both(cell)
            for job in expand(overrides)
            for cfg in [compose("config", job)]
            for _, cell in cells_of(cfg, job, cfg.method.name)
        ]
    assert quick == exact
    assert len(quick) > 1


def _both(cell: DictConfig) -> tuple[Any, str]:
    """What the config says, and how its references read."""
    return OmegaConf.to_container(cell, resolve=True), OmegaConf.to_yaml(cell)


def test_each_dataset_and_each_method_is_composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    composed: list[str] = []
    of = merged.cells_of

    def counting(cfg, words, chosen):  # type: ignore[no-untyped-def]
        for entry, cell in of(cfg, words, chosen):
            composed.append(entry)
            yield entry, cell

    monkeypatch.setattr(merged, "cells_of", counting)
    words = ["dataset=iris,tae,glass", "fold=0,1", "methods=[pretrained,scm]"]
    with composing(words) as overrides:
        found = [(c.dataset.name, c.fold, c.method.name) for c in cells(overrides)]
    assert composed == ["pretrained", "scm"]  # of the first table alone
    assert len(set(found)) == len(found) == 3 * 2 * 2


def test_where_job_and_method_set_one_key_hydra_decides() -> None:
    """Else the steps of the job's list would be lost, or those of the entry."""
    words = ["finetune.steps=2,4", 'methods=[default_ft,"scm finetune.lr=1e-2"]', "dataset=iris"]
    with composing(words) as overrides:
        found = [(c.finetune.steps, c.finetune.lr) for c in cells(overrides)]
    usual = found[0][1]
    assert found == [(2, usual), (2, 0.01), (4, usual), (4, 0.01)]
