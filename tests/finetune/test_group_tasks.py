"""No group of the training rows stands in both support and query, whoever makes the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Self, cast

import numpy as np
import pandas as pd
import pytest
from recipes import recipe

from bench.finetune.generated import FreshRows, Generated, SharedTable
from bench.finetune.settings import Mixing, Rows
from bench.finetune.sources import build, split_of
from bench.finetune.splitting import Sides
from bench.generator import Generator, NotApplicable
from bench.models.base import Encoder
from bench.seeds import generator as seeded
from bench.table import Table
from generators.bootstrap import Bootstrap

SEED = ("cell", "made", 0, 0)


def visits(n_patients: int = 20, each: int = 5) -> Table:
    """Visits of patients, whose number is a feature of the rows too."""
    patient = np.repeat(np.arange(n_patients), each)
    X = pd.DataFrame({"patient": patient, "x": np.arange(len(patient))}, dtype=float)
    kinds = {"patient": "integer", "x": "integer"}
    return Table("made", X, patient % 2, kinds, ("a", "b"), "class", groups=patient)


class Moved(Generator):
    """Visits at another value, which know the real one that they were made of."""

    problems = ("classification", "regression")
    stays_in_range = False

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        self.table_ = table
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        rows = self.table_.take(rng.integers(len(self.table_), size=n))
        X = rows.X.assign(x=rows.X["x"] + 1000 * rng.integers(1, 1000, size=n))
        return self.table_.with_rows(X, rows.y, origins=rows.row_keys())


class Plain:
    """Rows as they are: the first feature tells the patient."""

    def encode_x(self, table: Table) -> np.ndarray:
        return table.X.to_numpy(np.float32)

    def encode_y(self, y: np.ndarray) -> np.ndarray:
        return y


def valued(table: Table) -> Table:
    """The table with numeric targets."""
    return replace(table, y=table.X["x"].to_numpy() / 3, classes=())


def patients_of(train: Table, rows: str, generator: Generator | None, fresh: bool = False):
    """The patients in support and query of the first steps."""
    mixing = Mixing(rows=Rows(rows), ratio=1.0, fresh=fresh, size=1.0)
    made: Generated | None = None
    if generator is not None:
        fitted = generator.fit(train, seeded("fit"))
        drawn = FreshRows(fitted, len(train), train, SEED)
        made = drawn if fresh else SharedTable(fitted.sample(len(train), seeded("sample")))
    source = build(mixing, made, train, cast(Encoder, Plain()), recipe(), SEED)
    for step in range(1, 11):
        task = source.task(step)
        yield {*task.x_support[:, 0].tolist()}, {*task.x_query[:, 0].tolist()}


@pytest.mark.parametrize(
    ("rows", "generator", "fresh"),
    [
        ("real", None, False),
        ("mixed", Bootstrap(), False),
        ("mixed", Bootstrap(), True),
        ("mixed", Moved(), True),
        ("synthetic", Bootstrap(), False),
        ("synthetic", Moved(), False),
    ],
)
@pytest.mark.parametrize("of", [lambda table: table, valued], ids=["classes", "numbers"])
def test_no_patient_stands_on_both_sides(rows, generator, fresh, of) -> None:
    for support, query in patients_of(of(visits()), rows, generator, fresh):
        assert query
        assert not support & query
        if rows != "synthetic":  # a fifth of each class: two of ten
            assert (len(support), len(query)) == (16, 4)


def test_without_groups_patients_stand_on_both_sides() -> None:
    """So the test above would see it."""
    table = visits()
    alone = Table(table.name, table.X, table.y, table.kinds, table.classes, table.target)
    assert all(support & query for support, query in patients_of(alone, "real", None))
    np.testing.assert_array_equal(Sides.of(alone).keys(alone), alone.row_keys())


def test_groups_that_share_a_row_are_as_one() -> None:
    X = pd.DataFrame({"x": [1.0, 1.0, 2.0, 3.0, 4.0]})
    groups = np.array([0, 1, 1, 2, 2])
    table = Table("made", X, np.array([0, 1, 0, 1, 0]), {"x": "numeric"}, ("a", "b"), "class")
    grouped = Table("made", X, table.y, table.kinds, table.classes, table.target, groups=groups)
    sides = Sides.of(grouped)
    keys = sides.keys(grouped)
    assert len(set(keys[:3])) == len(set(keys[3:])) == 1
    assert keys[0] != keys[3]
    # A made row that equals a real one stands with its group, a new one alone.
    made = table.with_rows(pd.DataFrame({"x": [2.0, 4.0, 5.0]}), np.array([0, 0, 0]))
    assert sides.keys(made)[:2].tolist() == [keys[0], keys[3]]
    assert sides.keys(made)[2] == made.row_keys()[2]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (visits(n_patients=2), "are 2 parts, too few for their classes."),
        (valued(visits(n_patients=1)), "are 1 part, too few for a task."),
    ],
)
def test_groups_too_few_for_a_task_are_told_in_one_sentence(table: Table, why: str) -> None:
    with pytest.raises(NotApplicable) as caught:
        split_of(table, recipe())
    assert str(caught.value) == (
        "The training rows of dataset 'made' make no task: with groups and copies together they "
        + why
    )
