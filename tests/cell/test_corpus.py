"""Which tables a cell's weights are fine-tuned on first, and which are refused or dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from composing import composing
from hydra import compose
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from tiny_model import load

from bench.cell.corpus import Corpus, corpus_of, require
from bench.datasets import embedded
from bench.errors import BadInput
from bench.table import Table

ALIKE = [["breast-w", "wdbc"], ["credit-g", "credit-amount"]]
SMALL = ["iris", "tae", "penguins", "hepatitis", "bone-marrow", "haberman"]


def cell(table: Table, seed: int = 0, **transfer: Any) -> DictConfig:
    given = {"domain": None, "tables": None, "leave_out": [table.name], "alike": ALIKE}
    return OmegaConf.create(
        {
            "dataset": {"name": table.name},
            "transfer": {**given, "share": 0.667, **transfer},
            "seed": seed,
        }
    )


@cache
def loaded(name: str) -> Table:
    return embedded.load(name)


def of(name: str, **words: Any) -> Corpus:
    table = loaded(name)
    return corpus_of(cell(table, **words), table)


def names(tables: Sequence[Table]) -> list[str]:
    return [table.name for table in tables]


def all_of(found: Corpus) -> list[str]:
    return names((*found.train, *found.held_out))


@pytest.mark.long
@pytest.mark.parametrize(
    ("domain", "domains"),
    [
        ("healthcare", ("healthcare",)),
        ("others", ("healthcare", "other")),
        ("healthcare+finance", ("finance", "healthcare")),
        (["other", "finance"], ("finance", "other")),
        (None, ("finance", "healthcare", "other")),
    ],
)
def test_the_sources_are_all_tables_of_the_domains_but_the_target(
    domain: Any, domains: tuple[str, ...]
) -> None:
    found = of("credit-g", domain=domain)
    assert found.domains == domains
    cards = {name: embedded.card(name)["domain"] for name in embedded.names("classification")}
    expected = {name for name, of_ in cards.items() if of_ in domains} - {"credit-g"}
    assert {*all_of(found), *found.dropped} == expected
    assert {table.problem for table in (*found.train, *found.held_out)} == {"classification"}


def test_a_numeric_target_has_sources_with_numeric_targets() -> None:
    found = of("medical-costs", domain="finance")
    assert {table.problem for table in (*found.train, *found.held_out)} == {"regression"}
    assert "credit-balance" in all_of(found)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    tables=st.permutations(SMALL),
    share=st.sampled_from([0.3, 0.5, 0.9]),
)
def test_the_order_is_the_seeds_whatever_is_left_out(
    seed: int, tables: list[str], share: float
) -> None:
    words = {"seed": seed, "share": share}
    found = of("credit-g", tables=tables, **words)
    assert all_of(found) == all_of(of("credit-g", tables=SMALL, **words))
    assert sorted(all_of(found)) == sorted(SMALL)
    assert len(found.train) == max(2, min(round(share * 6), 5))
    fewer = of("credit-g", tables=tables, leave_out=["credit-g", tables[0]], **words)
    assert all_of(fewer) == [name for name in all_of(found) if name != tables[0]]
    other = of("dermatology", tables=tables, **words)
    assert all_of(other) == all_of(found)  # nor does the target count


def test_seeds_draw_other_corpora() -> None:
    assert len({tuple(all_of(of("credit-g", tables=SMALL, seed=seed))) for seed in range(6)}) > 3


def test_changed_target_rows_change_no_source() -> None:
    table = embedded.load("heart-disease")
    other = replace(table, y=1 - table.y, X=table.X.iloc[::-1].reset_index(drop=True))
    assert corpus_of(cell(table), table) == corpus_of(cell(other), other)


def test_tables_of_one_origin_are_dropped_and_said() -> None:
    assert of("wdbc", domain="healthcare").dropped["breast-w"] == "it is of one origin with wdbc"
    told = {}
    for seed in range(8):
        found = of("credit-g", seed=seed, tables=["breast-w", "wdbc", "iris", "tae", "penguins"])
        assert not {"breast-w", "wdbc"} <= set(all_of(found)) or (
            {"breast-w", "wdbc"} <= set(names(found.train))
            or {"breast-w", "wdbc"} <= set(names(found.held_out))
        )
        told |= found.dropped
    assert told == {
        "breast-w": "it is of one origin with wdbc, which is learned from",
        "wdbc": "it is of one origin with breast-w, which is learned from",
    }


def test_fewer_are_learned_from_where_only_a_twin_would_be_held_out() -> None:
    words = {"tables": ["iris", "penguins", "tae", "glass"], "share": 0.9}
    sizes = set()
    for seed in range(8):
        found = of("car", seed=seed, alike=[["tae", "glass"]], **words)
        whole = of("car", seed=seed, **words)
        assert found.held_out
        assert names(found.train) == names(whole.train)[: len(found.train)]
        sizes.add((len(found.train), len(found.held_out), len(found.dropped)))
    assert sizes == {(3, 1, 0), (2, 1, 1), (2, 2, 0)}


def test_a_source_with_rows_of_the_target_is_dropped_whatever_it_is_called() -> None:
    table = embedded.load("haberman")
    columns = {name: f"v{i}" for i, name in enumerate(table.X.columns)}
    target = replace(
        table.take(np.arange(299, -1, -1)),
        name="surgery",
        X=table.X.iloc[299::-1].rename(columns=columns).reset_index(drop=True),
        kinds={columns[name]: kind for name, kind in table.kinds.items()},
    )
    found = corpus_of(cell(target, tables=SMALL), target)
    ((name, why),) = found.dropped.items()
    assert (name, bool(re.fullmatch(r"it shares 2\d\d rows with surgery", why))) == (
        "haberman",
        True,
    )
    assert sorted(all_of(found)) == sorted({*SMALL} - {"haberman"})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            {"leave_out": []},
            "The target 'credit-g' is among its own source tables, as 'credit-g'; "
            "transfer.leave_out=[credit-g] leaves it out.",
        ),
        (
            {"leave_out": [], "tables": ["iris", "tabarena/credit_g", "tae", "glass"]},
            "The target 'credit-g' is among its own source tables, as 'tabarena/credit_g'; "
            "transfer.leave_out=[tabarena/credit_g] leaves it out.",
        ),
        (
            {"domain": "helthcare"},
            "transfer.domain names 'helthcare', of which there is no source table of "
            "classification; did you mean 'healthcare'?",
        ),
        (
            {"domain": "space"},
            "transfer.domain names 'space', of which there is no source table of classification; "
            "there are finance, healthcare and other.",
        ),
        (
            {"tables": ["iris", "concrete", "tae", "glass"]},
            "transfer.tables names 'concrete', a table of regression, and the target 'credit-g' is "
            "of classification; expected tables of the same problem.",
        ),
        (
            {"tables": ["iris", "tae"]},
            "transfer: 2 source tables of classification are left for 'credit-g' (iris, tae); "
            "expected 3 or more, two to learn from and one to choose the step on.",
        ),
        (
            {"tables": ["iris"], "leave_out": ["iris", "credit-g"]},
            "transfer: 0 source tables of classification are left for 'credit-g'; "
            "expected 3 or more, two to learn from and one to choose the step on.",
        ),
        (
            {"tables": ["iris", "tae", "qqq"]},
            "transfer.tables names 'qqq', and no dataset is called so.",
        ),
        (
            {"tables": ["iris", "tae", "glass"], "alike": [["credit-g", "iris"]]},
            "transfer: 2 source tables of classification are left for 'credit-g' (tae, glass); "
            "expected 3 or more, two to learn from and one to choose the step on; iris was "
            "dropped, as it is of one origin with credit-g.",
        ),
        (
            {"tables": ["iris", "tae", "glass"], "alike": [["glass", "tae", "iris"]]},
            "transfer: no source table is left for 'credit-g' to choose the step on; ",
        ),
        (
            {"tables": ["iris", "irsi", "tae"]},
            "transfer.tables names 'irsi', and no dataset is called so; did you mean 'iris'?",
        ),
        ({"tables": ["../iris", "tae", "glass"]}, "The dataset name '../iris' begins with a dot; "),
        (
            {"tables": ["iris'", "tae"]},
            "transfer.tables names 'iris'', and no dataset is called so.",
        ),
        ({"tables": ["$x", "tae"]}, "transfer.tables names '$x', and no dataset is called so."),
        (
            {"tables": ["iris", "tae", "csv"]},
            "transfer.tables, 'csv': Your own table needs path=FILE: ",
        ),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_sentence(words: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput) as reason:
        of("credit-g", **words)
    assert str(reason.value).startswith(told)
    assert str(reason.value) == told or not told.endswith(".")


@pytest.mark.parametrize("is_within", [False, True], ids=["alone", "in Hydra"])
def test_a_table_that_is_not_here_is_told_as_a_run_tells_it(
    is_within: bool, tmp_path: Path
) -> None:
    with composing():
        cfg = compose("config", ["offline=true", f"openml.cache_dir={tmp_path}"])
    tables = cell(embedded.load("iris"), tables=["glass", "tae", "tabarena/diabetes"])
    cfg = OmegaConf.merge(tables, {key: cfg[key] for key in ("openml", "offline")})
    with composing() if is_within else nullcontext(), pytest.raises(BadInput) as reason:
        corpus_of(cfg, embedded.load("iris"))
    told = "transfer.tables, 'tabarena/diabetes': Dataset 'tabarena/diabetes' is not on this "
    assert str(reason.value).startswith(told)
    assert str(tmp_path) in str(reason.value)


def test_what_the_model_does_not_take_is_refused() -> None:
    found = of("credit-g", tables=["iris", "tae", "digits"])
    require(found, load(max_classes=10))
    with pytest.raises(BadInput) as reason:
        require(found, load(max_classes=3))
    assert str(reason.value) == (
        "transfer: 'digits' cannot be a source: Dataset 'digits' has 10 classes, this model takes "
        "at most 3. transfer.leave_out=[digits] leaves it out."
    )
