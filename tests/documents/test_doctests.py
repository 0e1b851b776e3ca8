"""Examples in docstrings give what they show; the classes that others build on have one."""

from __future__ import annotations

import doctest
from importlib import import_module
from typing import Any

import pytest
from documents import ROOT

from bench.cell.store import Store
from bench.datasets.splits import Fold, split
from bench.finetune.stopping import StoppingRule
from bench.generator import Generator
from bench.names import check
from bench.score import ClassScore
from bench.seeds import derive
from bench.table import Table
from generators.scm.graphs import EdgeProbabilities

MODULES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("bench", "generators")
    for file in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in file.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name: str) -> None:
    found = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize(
    "shown",
    [
        Table,
        Store,
        Generator,
        EdgeProbabilities,
        StoppingRule,
        Fold,
        split,
        derive,
        ClassScore,
        check,
    ],
    ids=lambda shown: shown.__name__,
)
def test_what_others_build_on_shows_its_use(shown: Any) -> None:
    assert ">>> " in shown.__doc__
