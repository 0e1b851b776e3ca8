"""Nothing that is fitted sees a validation or test row.

Held against the way of a cell itself, for every method that has a YAML: the fold is drawn, then its
validation and test rows are exchanged for others, and what reaches fine-tuning stays the same bit
for bit. A new method is covered without an edit here.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hydra import compose
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from bench.cell import attempt
from bench.cell import run as cell
from bench.datasets import splits
from bench.datasets.splits import Split, split
from bench.files import CONF
from bench.finetune.generated import SharedTable
from bench.finetune.sources import build
from bench.models.tab2d.checkpoint import load
from bench.models.tab2d.scoring import Scoring
from bench.process import Clock
from bench.table import Problem, Table

pytestmark = pytest.mark.usefixtures("configs")

METHODS = [
    path.stem
    for path in sorted(Path(CONF, "method").glob("*.yaml"))
    if path.stem != "pretrained"  # which sees no rows but as context
]
# Every generator also runs with one table, mixed in, whatever its YAML makes of it.
ONE_TABLE = " method.mixing.rows=mixed method.mixing.fresh=false method.mixing.size=1.0"
OF_CLASSES = [(m, "classification") for m in METHODS + [name + ONE_TABLE for name in METHODS]]


def serves_numbers(method: str) -> bool:
    node = yaml.safe_load(Path(CONF, "method", f"{method}.yaml").read_text()).get("generator")
    return node is None or "regression" in get_object(node["_target_"]).problems


OF_NUMBERS = [(method, "regression") for method in METHODS if serves_numbers(method)]
every_method = pytest.mark.parametrize(("method", "problem"), OF_CLASSES + OF_NUMBERS)
one_of_numbers = pytest.mark.parametrize(
    ("method", "problem"), [*OF_CLASSES, ("causalmixft", "regression")]
)


class Reached(Exception):
    """The way of a cell has come to where fine-tuning begins."""


def whole(problem: Problem) -> Table:
    """Numbers, whole numbers, levels and missing values; three classes, or numbers to tell."""
    rng = np.random.default_rng(5)
    n = 120
    y = np.arange(n) % 3
    X = pd.DataFrame(
        {
            "size": rng.normal(size=n) + y,
            "count": rng.poisson(2.0 + y).astype(float),
            "colour": pd.Categorical(rng.choice(["blue", "green", "red"], size=n)),
        }
    )
    X.loc[::7, "size"] = np.nan
    X.loc[::11, "colour"] = np.nan
    kinds = {"size": "numeric", "count": "integer", "colour": "categorical"}
    if problem == "regression":
        return Table("made", X, y + rng.normal(size=n), kinds, (), "value")
    return Table("made", X, y, kinds, ("a", "b", "c"), "class")


def exchanged(table: Table, rows: np.ndarray) -> Table:
    """Other features and labels in these rows, levels among them that no other row knows."""
    rng = np.random.default_rng(6)
    X, y = table.X.copy(), table.y.copy()
    X.loc[rows, "size"] = 1e6 * rng.normal(size=len(rows))
    X.loc[rows, "count"] = rng.integers(-5000, 0, size=len(rows)).astype(float)
    X.loc[rows[::3], "count"] = np.nan
    levels = ["a new first level", *table.X["colour"].cat.categories, "the new last level"]
    X["colour"] = X["colour"].cat.set_categories(levels)
    X.loc[rows, "colour"] = rng.choice([levels[0], levels[-1]], size=len(rows))
    y[rows] = (y[rows] + 1) % 3 if table.classes else 1000 - y[rows]
    return replace(table, X=X, y=y)


@cache
def what_is_seen(method: str, problem: Problem, changed: tuple[str, ...]) -> dict[str, Any]:
    """All that a cell fits or draws before the first step, and the tasks of the first steps.

    ``changed`` names the parts whose rows are exchanged after the split was drawn.
    """
    table, fold = whole(problem), split(whole(problem), 0)
    if changed:
        table = exchanged(table, np.concatenate([getattr(fold, part) for part in changed]))
        assert table.fingerprint() != whole(problem).fingerprint()
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        cfg = compose("config", [*f"method={method}".split(), f"results_dir={folder}"])
        for name in {"epochs", "steps"} & set(cfg.method.generator or {}):
            cfg.method.generator[name] = 3  # what is read does not hang on how long it is trained
        return way_of_a_cell(cfg, table, fold, patch)


def way_of_a_cell(
    cfg: DictConfig, table: Table, fold: Split, patch: pytest.MonkeyPatch
) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    prepare = Scoring.prepare

    def note_rows(mixing: Any, made: Any, train: Table, encoder: Any, *others: Any) -> None:
        source = build(mixing, made, train, encoder, *others)
        seen["synthetic table"] = isinstance(made, SharedTable) and made.table.fingerprint()
        seen["training part"] = train.fingerprint()
        seen["tasks"] = [vars(source.task(step)) for step in (1, 2, 3)]
        seen["encoder"] = {
            "levels": encoder.levels_,
            "targets": encoder.encode_y(train.y),
            "means": encoder.preprocessor_.pre_nan_mean,
            "constant": encoder.preprocessor_.singular_features,
            "rows": encoder.encode_x(train),
        }
        raise Reached

    def note_context(*arguments: Any, **more: Any) -> Scoring:
        scoring = prepare(*arguments, **more)
        seen["context"] = {"x": scoring.x_support.numpy(), "y": scoring.y_support.numpy()}
        return scoring

    patch.setattr(splits, "split", lambda *_, **__: fold)
    patch.setattr(attempt, "build", note_rows)
    patch.setattr(Scoring, "prepare", note_context)
    checkpoint = load(None, 500, 8192, device="cpu", problem=table.problem)

    def follow() -> None:
        for stage in cell.stages(OmegaConf.to_object(cfg), table, checkpoint, "code", Clock()):
            # Quality of the rows, facts on the generator.
            seen["synthetic"] = stage.generation.synthetic

    with pytest.raises(Reached):
        follow()
    return seen


def assert_same(one: Any, two: Any, where: str = "") -> None:
    assert type(one) is type(two), where
    if isinstance(one, dict):
        assert list(one) == list(two), where
        for name in one:
            assert_same(one[name], two[name], f"{where}/{name}")
    elif isinstance(one, list):
        assert len(one) == len(two), where
        for i, (a, b) in enumerate(zip(one, two, strict=True)):
            assert_same(a, b, f"{where}/{i}")
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, two, err_msg=where)
    else:
        assert one == two, where


@pytest.mark.long
@every_method
def test_changing_unseen_rows_changes_nothing_that_is_fitted(method: str, problem: Problem) -> None:
    """Those of both parts at once: what moves with neither does with none of them."""
    one, two = (what_is_seen(method, problem, parts) for parts in ((), ("validation", "test")))
    assert_same(one, two)


@pytest.mark.long
@one_of_numbers
def test_changing_training_rows_changes_the_tasks(method: str, problem: Problem) -> None:
    """What the test above compares does depend on the rows that may be seen."""
    one, two = (what_is_seen(method, problem, parts) for parts in ((), ("train",)))
    for what in ("tasks", "encoder", "context"):
        with pytest.raises(AssertionError):
            assert_same(one[what], two[what])


@one_of_numbers
def test_all_methods_share_encoder_and_context(method: str, problem: Problem) -> None:
    for what in ("training part", "encoder", "context"):
        one, two = (what_is_seen(name, problem, ())[what] for name in (method, "default_ft"))
        assert_same(one, two)
