"""Support and query of a fine-tuning step never share a row, whoever makes the rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Self

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from recipes import recipe

from bench.finetune.generated import FreshRows, Generated, NewTasks, SharedTable
from bench.finetune.settings import Finetune, Mixing, Rows
from bench.finetune.sources import Task, TaskSource, build
from bench.finetune.splitting import GroupedSplit, TaskError
from bench.generator import Generator, NotApplicable, TaskGenerator
from bench.models import base
from bench.models.tab2d.encoder import Encoder
from bench.seeds import generator as seeded
from bench.table import Table
from generators.bootstrap import Bootstrap
from generators.noise import Noise
from generators.table_augment import TableAugment

SEED = ("cell", "made", 0, 0)
STEPS = (1, 2, 3)
SHIFT = 1000.0  # rows of `Shifted` are those of the table, this much further
N_FEATURES = 2
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
few = settings(quick, max_examples=6)


class Shifted(Generator):
    """Rows that are like no real one; every fifth one a copy of a real one if asked for."""

    problems = ("classification", "regression")
    stays_in_range = False

    def __init__(self, copies: bool = False, n_shifts: int = 10_000) -> None:
        self.copies = copies
        self.n_shifts = n_shifts  # few of them: the new rows are copies of each other

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        self.table_ = table
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        rows = self.table_.take(rng.integers(len(self.table_), size=n))
        X = rows.X.copy()
        moved = np.arange(n) % 5 > 0 if self.copies else np.ones(n, dtype=bool)
        X.loc[moved, "b"] += SHIFT * (1 + rng.integers(self.n_shifts, size=moved.sum()))
        return self.table_.with_rows(X, rows.y)


class Derived(Shifted):
    """Shifted rows that know the real row that they were made of."""

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        rows = self.table_.take(rng.integers(len(self.table_), size=n))
        X = rows.X.assign(b=rows.X["b"] + SHIFT * (1 + rng.integers(self.n_shifts, size=n)))
        return self.table_.with_rows(X, rows.y, origins=rows.row_keys())


class Negated(TaskGenerator):
    """The real task with its features negated, and classes of the query that the support lacks."""

    problems = ("classification", "regression")

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        raise NotImplementedError

    def task(self, support: Table, query: Table, rng: np.random.Generator) -> tuple[Table, Table]:
        return self._negate(support), self._negate(query)

    def _negate(self, rows: Table) -> Table:
        return rows.with_rows(-rows.X - 1, rows.y)


class Plain(base.Encoder):
    """Rows and numeric targets as they are."""

    def encode_x(self, table: Table) -> np.ndarray:
        return table.X.to_numpy(np.float32)

    def encode_y(self, y: np.ndarray) -> np.ndarray:
        return y.astype(np.float32)


def encoder_of(train: Table) -> base.Encoder:
    return Encoder(10).fit(train) if train.classes else Plain()


def make_table(values: list[tuple[int, int]], y: list[int]) -> Table:
    return Table(
        name="made",
        X=pd.DataFrame(values, columns=["a", "b"]).astype(float),
        y=np.array(y),
        kinds={"a": "integer", "b": "integer"},
        classes=tuple("pqrstu"),
        target="class",
    )


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Small grids of values, so with many copies (their labels may differ), and rare classes."""
    n = draw(st.integers(6, 60))
    side = draw(st.integers(2, 9))
    value = st.tuples(st.integers(0, side), st.integers(0, side))
    label = st.sampled_from([0] * 8 + [1] * 4 + [2, 4])
    values = draw(st.lists(value, min_size=n, max_size=n))
    y = draw(st.lists(label, min_size=n, max_size=n))
    assume(len(set(y)) > 1)
    # Both columns vary, so that encoded rows are as different as the rows themselves.
    values[:2] = [(0, 0), (1, 1)]
    return make_table(values, y)


def distinct(n: int = 100, n_classes: int = 2) -> Table:
    """Rows without copies."""
    return make_table([(i, i % 7) for i in range(n)], [i % n_classes for i in range(n)])


def valued(table: Table) -> Table:
    """The table with a number in each class's place, of which a copy may have another."""
    values = table.y + np.arange(len(table)) % 3 / 10
    return dataclasses.replace(table, y=values, classes=())


caps = st.sampled_from([(8192, 1024), (12, 4), (6, 1)])


def source_of(
    train: Table,
    rows: str = "real",
    generator: Generator | None = None,
    *,
    ratio: float = 1.0,
    size: float = 1.0,
    fresh: bool = False,
    finetune: Finetune | None = None,
) -> TaskSource:
    """The source as `bench.cell.run` builds it."""
    mixing = Mixing(rows=Rows(rows), ratio=ratio, fresh=fresh, size=size)
    made = generator and generated(train, generator, round(size * len(train)), fresh)
    return build(mixing, made, train, encoder_of(train), finetune or recipe(), SEED)


def generated(train: Table, generator: Generator, n: int, fresh: bool) -> Generated:
    generator.fit(train, seeded(*SEED, "generator"))
    if isinstance(generator, TaskGenerator):
        return NewTasks(generator, encoder_of)
    if fresh:
        return FreshRows(generator, n, train, SEED)
    return SharedTable(generator.sample(n, seeded(*SEED, "synthetic table")))


KINDS = {
    "real": lambda t, f: source_of(t, finetune=f),
    "synthetic": lambda t, f: source_of(t, "synthetic", Shifted(True, 2), finetune=f),
    "synthetic bootstrap": lambda t, f: source_of(t, "synthetic", Bootstrap(), finetune=f),
    "synthetic, fresh": lambda t, f: source_of(t, "synthetic", Shifted(), fresh=True, finetune=f),
    "mixed": lambda t, f: source_of(t, "mixed", Shifted(True, 2), size=2.0, finetune=f),
    "mixed bootstrap": lambda t, f: source_of(t, "mixed", Bootstrap(), size=2.0, finetune=f),
    # Much noise on small grids: rows often meet others, real ones and each other.
    "synthetic noise": lambda t, f: source_of(t, "synthetic", Noise(0.7), finetune=f),
    "mixed noise": lambda t, f: source_of(t, "mixed", Noise(0.7), size=2.0, finetune=f),
    "mixed, fresh": lambda t, f: source_of(
        t, "mixed", Shifted(copies=True), fresh=True, finetune=f
    ),
    "new tasks": lambda t, f: source_of(t, "synthetic", Negated(), finetune=f),
    "table_augment": lambda t, f: source_of(t, "synthetic", TableAugment(1.0), finetune=f),
    "interleaved": lambda t, f: source_of(t, "mixed", Negated(), finetune=f),
}
every_source = pytest.mark.parametrize("kind", KINDS)


def task_of(source: TaskSource, step: int) -> Task:
    """A step's task; tables that allow none are no example."""
    try:
        return source.task(step)
    except (TaskError, NotApplicable):
        assume(False)
        raise


def source_from(kind: str, table: Table, finetune: Finetune) -> TaskSource:
    try:
        return KINDS[kind](table, finetune)
    except TaskError:
        assume(False)
        raise


def as_set(x: np.ndarray) -> set[tuple[float, ...]]:
    return {tuple(row) for row in x.tolist()}


def equal(one: Task, two: Task) -> bool:
    pairs = zip(vars(one).values(), vars(two).values(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def real_part(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Real support and query rows, sorted, of a task whose synthetic rows are all shifted."""
    sides = []
    for x, y in ((task.x_support, task.y_support), (task.x_query, task.y_query)):
        rows = np.column_stack([x, y])[x[:, 1] < SHIFT]
        sides.append(rows[np.lexsort(rows.T)])
    return sides[0], sides[1]


class TestLeakFree:
    @pytest.mark.long
    @every_source
    @quick
    @given(table=tables(), caps=caps, share=st.sampled_from([0.1, 0.2, 0.5]))
    def test_no_row_or_copy_stands_on_both_sides(
        self, kind: str, table: Table, caps: tuple[int, int], share: float
    ):
        source = source_from(kind, table, recipe(*caps, query_share=share))
        for step in STEPS:
            task = task_of(source, step)
            # The support may hold a column without variation, which a new task's encoder cuts.
            assume(task.x_support.shape[1] == N_FEATURES)
            assert not as_set(task.x_support) & as_set(task.x_query)

    @every_source
    @quick
    @given(table=tables(), caps=caps)
    def test_the_query_asks_only_for_classes_of_the_support(
        self, kind: str, table: Table, caps: tuple[int, int]
    ):
        source = source_from(kind, table, recipe(*caps))
        for step in STEPS:
            task = task_of(source, step)
            assert len(task.y_query) > 0
            assert set(task.y_query.tolist()) <= set(task.y_support.tolist())
            assert len(set(task.y_support.tolist())) >= 2
            assert task.y_support.min() >= 0
            assert len(task.x_support) == len(task.y_support)
            assert len(task.x_query) == len(task.y_query)
            assert task.x_support.dtype == task.x_query.dtype == np.float32

    @quick
    @given(table=tables(), caps=caps)
    def test_a_copy_of_a_real_row_goes_to_its_originals_side(
        self, table: Table, caps: tuple[int, int]
    ):
        """Bootstrap rows have no features of their own: each side holds the real rows' alone."""
        f = recipe(*caps)
        real, mixed = source_from("real", table, f), source_from("mixed bootstrap", table, f)
        for step in STEPS:
            one, two = task_of(real, step), task_of(mixed, step)
            assert as_set(two.x_support) == as_set(one.x_support)
            assert as_set(two.x_query) <= as_set(real.rows.x[real.draw(step)[1]])

    @quick
    @given(table=tables(), caps=caps)
    def test_rows_of_one_origin_stand_on_one_side(self, table: Table, caps: tuple[int, int]):
        """Column ``a`` tells which distinct real row a row was made of, ``b`` was moved."""
        X = table.X.assign(a=np.unique(table.row_keys(), return_inverse=True)[1])
        train = table.with_rows(X, table.y)
        assume(np.ptp(train.X["b"]) > 0)
        for rows in ("mixed", "synthetic"):
            try:
                source = source_of(train, rows, Derived(), size=2.0, finetune=recipe(*caps))
            except TaskError:
                assume(False)
            for step in STEPS:
                task = task_of(source, step)
                assert (task.x_support[:, 1] >= SHIFT).any()
                assert not set(task.x_support[:, 0]) & set(task.x_query[:, 0])

    def test_rows_left_out_by_a_cap_bring_no_copies_in(self):
        table, f = distinct(100), recipe(20, 5)
        mixed = source_of(table, "mixed", Bootstrap(), ratio=50.0, size=5.0, finetune=f)
        for step in STEPS:
            support, query = source_of(table, finetune=f).draw(step)
            assert (len(support), len(query)) == (20, 5)
            task = mixed.task(step)
            assert as_set(task.x_support) == as_set(mixed._real.rows.x[support])
            assert as_set(task.x_query) == as_set(mixed._real.rows.x[query])
            # 500 rows drawn from 100: each of the 25 has about five copies, and all of them join.
            assert 100 < len(task.x_support) + len(task.x_query) < 200


class TestReal:
    @quick
    @given(table=tables())
    def test_every_class_of_the_training_part_is_in_each_support(self, table: Table):
        source = source_from("real", table, recipe())
        groups = pd.Series(table.y).groupby(table.row_keys())
        alone = groups.agg(set).explode().value_counts()
        sole = [groups.get_group(k).isin(alone.index[alone == 1]).any() for k in groups.groups]
        assume(not all(sole))  # some row can be asked about without losing a class
        for step in STEPS:
            support, query = source.draw(step)
            assert set(table.y[support]) == set(table.y)
            assert sorted([*support, *query]) == list(range(len(table)))

    def test_a_class_that_shares_its_rows_with_another_stays_in_the_support(self):
        """The only row of class 1 shares its features with one of class 0, which comes first."""
        values = [(0, 0), (0, 0), (1, 0), (2, 1), (3, 1)]
        keys = make_table(values, [0, 1, 0, 0, 0]).row_keys()
        split = GroupedSplit(keys, np.array([0, 1, 0, 0, 0]), query_share=0.5)
        for step in range(30):
            support, query = split.draw(seeded("draw", step))
            assert {0, 1} <= set(support.tolist())
            assert len(query) > 0

    def test_a_single_row_of_a_class_is_not_what_is_asked_about(self):
        """Class 0 has one row, class 1 two groups that exceed the query's share."""
        values = [(0, 0)] + [(1, 1)] * 5 + [(2, 2)] * 5
        source = source_of(make_table(values, [0] + [1] * 10))
        for step in range(1, 10):
            task = source.task(step)
            assert set(task.y_support.tolist()) == {0, 1}
            assert task.y_query.tolist() == [1] * 5

    @pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
    def test_the_query_has_its_share_of_each_class(self, share: float):
        table = make_table([(i, 0) for i in range(100)], [0] * 70 + [1] * 30)
        source = source_of(table, finetune=recipe(query_share=share))
        for step in STEPS:
            _, query = source.draw(step)
            assert np.bincount(table.y[query]).tolist() == [round(70 * share), round(30 * share)]

    def test_every_row_is_asked_about_sometime(self):
        source = source_of(distinct(30))
        asked = np.concatenate([source.draw(step)[1] for step in range(60)])
        assert set(asked) == set(range(30))

    @every_source
    def test_caps_bound_the_real_rows(self, kind: str):
        task = KINDS[kind](distinct(300, 3), recipe(30, 10)).task(1)
        twice = 2 if kind.startswith("mixed") else 1
        assert len(task.x_support) == 30 * twice
        assert len(task.x_query) == 10 * twice

    def test_the_smallest_support_still_knows_every_class(self):
        source = source_of(distinct(60, 6), finetune=recipe(max_support=6))
        for step in STEPS:
            assert sorted(source.task(step).y_support) == list(range(6))


class TestDraws:
    @every_source
    def test_a_step_has_one_task_whenever_it_is_asked_for(self, kind: str):
        source, again = (KINDS[kind](distinct(), recipe()) for _ in range(2))
        tasks = {step: source.task(step) for step in (1, 2, 3)}
        assert all(equal(again.task(step), tasks[step]) for step in (3, 1, 2, 1))

    @every_source
    def test_steps_differ(self, kind: str):
        source = KINDS[kind](distinct(), recipe())
        tasks = [source.task(step) for step in range(1, 6)]
        for i, one in enumerate(tasks):
            assert not any(equal(one, other) for other in tasks[:i])

    def test_another_seed_draws_other_rows(self):
        table, encoder = distinct(), Encoder(10).fit(distinct())
        one, two = (
            build(Mixing(), None, table, encoder, recipe(), ("cell", "made", 0, seed))
            for seed in (0, 1)
        )
        assert not equal(one.task(1), two.task(1))

    @pytest.mark.parametrize("fresh", [False, True])
    @quick
    @given(table=tables(), caps=caps)
    def test_the_real_rows_of_a_step_are_the_same_for_every_method(
        self, fresh: bool, table: Table, caps: tuple[int, int]
    ):
        """Common random numbers: methods differ by what they add, not by their luck."""
        f = recipe(*caps)
        default = source_from("real", table, f)
        mixed = source_of(table, "mixed", Shifted(), fresh=fresh, finetune=f)
        for step in STEPS:
            one, two = task_of(default, step), task_of(mixed, step)
            for ours, theirs in zip(real_part(one), real_part(two), strict=True):
                np.testing.assert_array_equal(ours, theirs)

    def test_a_new_task_is_made_of_the_rows_of_default_finetuning(self):
        one, two = source_of(distinct()).task(1), source_of(distinct(), "mixed", Negated()).task(1)
        table = distinct()
        new = source_of(table, "synthetic", Negated()).task(1)
        np.testing.assert_array_equal(-new.x_support - 1, one.x_support)
        np.testing.assert_array_equal(-new.x_query - 1, one.x_query)
        assert equal(two, one) or equal(two, new)

    def test_fresh_rows_differ_by_step_and_a_table_stays(self):
        def extra(fresh: bool, step: int) -> set[tuple[float, ...]]:
            task = source_of(distinct(), "synthetic", Shifted(), fresh=fresh).task(step)
            return as_set(np.concatenate([task.x_support, task.x_query]))

        assert extra(False, 1) == extra(False, 2)
        assert not extra(True, 1) & extra(True, 2)

    def test_the_synthetic_rows_of_a_step_do_not_depend_on_the_steps_before(self):
        late, all_along = (source_of(distinct(), "mixed", Shifted(), fresh=True) for _ in range(2))
        for step in (1, 2):
            all_along.task(step)
        assert equal(late.task(3), all_along.task(3))

    @pytest.mark.parametrize("rows", ["synthetic", "mixed"])
    def test_last_bits_of_synthetic_rows_deal_no_row_elsewhere(self, rows: str):
        """Other processors round otherwise; only the rows themselves may tell of it."""
        kinds = {"a": "numeric", "b": "numeric"}
        train = dataclasses.replace(distinct(), kinds=kinds)
        shifted = Shifted().fit(train, seeded("fit")).sample(200, seeded("sample"))
        near = shifted.with_rows(shifted.X.map(lambda v: np.nextafter(v, np.inf)), shifted.y)
        assert (near.row_keys() != shifted.row_keys()).all()
        encoder = Encoder(10).fit(train)
        one, two = (
            build(Mixing(rows=Rows(rows)), SharedTable(t), train, encoder, recipe(), SEED)
            for t in (shifted, near)
        )
        for step in STEPS:
            a, b = one.task(step), two.task(step)
            assert np.array_equal(a.y_support, b.y_support)
            assert np.array_equal(a.y_query, b.y_query)
            np.testing.assert_allclose(a.x_support, b.x_support, rtol=1e-6)
            np.testing.assert_allclose(a.x_query, b.x_query, rtol=1e-6)


class TestRatio:
    @pytest.mark.parametrize("ratio", [0.0, 0.25, 1.0, 3.0])
    @pytest.mark.parametrize("copies", [False, True])
    def test_it_is_met_on_both_sides_where_there_are_rows_enough(self, ratio: float, copies: bool):
        table = distinct(100)
        size = max(ratio, 0.1)
        if copies:  # those that lie on the other side's real rows may not be moved over
            size *= 1.3
        source = source_of(table, "mixed", Shifted(copies), ratio=ratio, size=size)
        for step in STEPS:
            task = source.task(step)
            assert len(task.x_support) == 80 + round(80 * ratio)
            assert len(task.x_query) == 20 + round(20 * ratio)

    def test_copies_that_crowd_one_side_leave_the_other_rows_to_the_other_side(self):
        """Of 100 rows, 30 are copies of one real row and have no choice; 70 are new."""

        class Crowded(Shifted):
            def sample(self, n: int, rng: np.random.Generator) -> Table:
                first = self.table_.take(np.zeros(30, dtype=int))
                return first.concat(super().sample(n - 30, rng))

        table = distinct(100)
        real, mixed = source_of(table), source_of(table, "mixed", Crowded())
        sides = set()
        for step in range(1, 21):
            task, is_in_support = mixed.task(step), 0 in real.draw(step)[0]
            expected = (80 + 80, 20 + 20) if is_in_support else (80 + 70, 20 + 20)
            assert (len(task.x_support), len(task.x_query)) == expected
            sides.add(is_in_support)
        assert sides == {True, False}

    def test_scarce_rows_are_shared_in_proportion(self):
        source = source_of(distinct(100), "mixed", Shifted(), ratio=2.0, size=0.5)
        for step in STEPS:
            task = source.task(step)
            assert (len(task.x_support), len(task.x_query)) == (80 + 40, 20 + 10)

    def test_copies_are_only_as_many_as_there_are(self):
        source = source_of(distinct(100), "mixed", Bootstrap(), ratio=1.0, size=0.5)
        for step in STEPS:
            task = source.task(step)
            assert len(task.x_support) + len(task.x_query) == 150

    def test_the_support_begins_with_each_class(self):
        source = source_of(distinct(100, 5), "mixed", Shifted(), ratio=1.0)
        for step in STEPS:
            assert sorted(source.task(step).y_support[:5]) == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize(("ratio", "share"), [(0.0, 0.0), (1.0, 0.5), (3.0, 0.75)])
    def test_new_tasks_take_turns_with_real_ones(self, ratio: float, share: float):
        source = source_of(distinct(20), "mixed", Negated(), ratio=ratio)
        is_new = [source.task(step).x_support.min() < 0 for step in range(1, 301)]
        assert abs(np.mean(is_new) - share) < 0.08


class TestNewTasks:
    def test_a_new_task_may_have_fewer_features(self):
        source = source_of(distinct(), "synthetic", TableAugment(0.5, 0.5))
        widths = {source.task(step).x_support.shape[1] for step in STEPS}
        assert widths == {1}

    def test_query_rows_of_classes_unknown_to_the_support_are_dropped(self):
        class Forgetful(Negated):
            """A support without the last class."""

            def task(
                self, support: Table, query: Table, rng: np.random.Generator
            ) -> tuple[Table, Table]:
                return support.take(np.flatnonzero(support.y != 2)), query

        table = distinct(90, 3)
        real, new = source_of(table).task(1), source_of(table, "synthetic", Forgetful()).task(1)
        assert 2 in real.y_query
        assert new.y_query.tolist() == real.y_query[real.y_query != 2].tolist()
        np.testing.assert_array_equal(new.x_query, real.x_query[real.y_query != 2])

    def test_a_new_task_that_asks_nothing_answerable_is_refused(self):
        class Disjoint(Negated):
            def task(
                self, support: Table, query: Table, rng: np.random.Generator
            ) -> tuple[Table, Table]:
                keep = np.flatnonzero(support.y != 2), np.flatnonzero(query.y == 2)
                return support.take(keep[0]), query.take(keep[1])

        with pytest.raises(
            TaskError, match="No query row is of a class that the support rows hold"
        ):
            source_of(distinct(90, 3), "synthetic", Disjoint()).task(1)


class TestNumericTarget:
    """Nothing is dealt out by classes; all else is as it is with them."""

    @every_source
    @few
    @given(table=tables(), caps=caps, share=st.sampled_from([0.1, 0.5]))
    def test_no_row_or_copy_stands_on_both_sides(
        self, kind: str, table: Table, caps: tuple[int, int], share: float
    ):
        source = source_from(kind, valued(table), recipe(*caps, query_share=share))
        for step in STEPS:
            task = task_of(source, step)
            assert len(task.x_support) == len(task.y_support) >= 2
            assert len(task.x_query) == len(task.y_query) >= 1
            assume(task.x_support.shape[1] == N_FEATURES)
            assert not as_set(task.x_support) & as_set(task.x_query)

    @few
    @given(table=tables())
    def test_rows_of_one_origin_stand_on_one_side(self, table: Table):
        X = table.X.assign(a=np.unique(table.row_keys(), return_inverse=True)[1])
        train = valued(table.with_rows(X, table.y))
        for rows in ("mixed", "synthetic"):
            source = source_of(train, rows, Derived(), size=2.0)
            for step in STEPS:
                task = task_of(source, step)
                assert not set(task.x_support[:, 0]) & set(task.x_query[:, 0])

    @pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
    def test_the_query_is_a_share_of_the_rows_with_their_own_targets(self, share: float):
        table = valued(distinct(100))
        task = source_of(table, finetune=recipe(query_share=share)).task(1)
        assert (len(task.x_support), len(task.x_query)) == (100 - 100 * share, 100 * share)
        told = dict(zip(table.X["a"], table.y.astype(np.float32), strict=True))
        for x, y in ((task.x_support, task.y_support), (task.x_query, task.y_query)):
            assert [told[a] for a in x[:, 0]] == y.tolist()

    def test_a_query_value_need_not_stand_in_the_support(self):
        table = valued(distinct(30))
        unique = dataclasses.replace(table, y=np.arange(30) / 7)
        for step in STEPS:
            task = source_of(unique).task(step)
            assert not set(task.y_query) & set(task.y_support)

    @pytest.mark.parametrize("fresh", [False, True])
    def test_the_real_rows_of_a_step_are_the_same_for_every_method(self, fresh: bool):
        table = valued(distinct(80))
        default, mixed = source_of(table), source_of(table, "mixed", Shifted(), fresh=fresh)
        for step in STEPS:
            one, two = default.task(step), mixed.task(step)
            for ours, theirs in zip(real_part(one), real_part(two), strict=True):
                np.testing.assert_array_equal(ours, theirs)
            assert len(two.x_support) == 2 * len(one.x_support)

    @every_source
    def test_a_step_has_one_task_and_another_step_another(self, kind: str):
        source, again = (KINDS[kind](valued(distinct(60)), recipe()) for _ in range(2))
        tasks = {step: source.task(step) for step in (1, 2)}
        assert all(equal(again.task(step), tasks[step]) for step in (2, 1))
        assert not equal(tasks[1], tasks[2])

    @pytest.mark.parametrize("rows", ["real", "mixed", "synthetic"])
    @pytest.mark.parametrize(
        ("values", "sentence"),
        [
            ([(1, 2)] * 9, "all rows share the same features, so no query row is new."),
            ([(0, 0), (1, 1)], "there are two rows, and without the one that is asked about"),
        ],
    )
    def test_rows_that_make_no_task_are_refused_in_a_sentence(
        self, rows: str, values: list[tuple[int, int]], sentence: str
    ):
        class Again(Shifted):
            def sample(self, n: int, rng: np.random.Generator) -> Table:
                return self.table_

        of_what = "synthetic rows" if rows == "synthetic" else "training rows of dataset 'made'"
        table = valued(make_table(values, [0] * len(values)))
        with pytest.raises(NotApplicable, match=rf"^The {of_what} make no task[^.]*: {sentence}"):
            source_of(table, rows, Again()).task(1)

    def test_three_rows_are_enough(self):
        source = source_of(valued(make_table([(0, 0), (1, 1), (2, 2)], [0, 1, 2])))
        asked = set()
        for step in range(1, 21):
            task = source.task(step)
            assert (len(task.x_support), len(task.x_query)) == (2, 1)
            asked |= set(task.x_query[:, 0])
        assert asked == {0, 1, 2}

    def test_a_large_share_leaves_two_rows_to_learn_from(self):
        table = valued(make_table([(i, i) for i in range(4)], [0, 1, 2, 3]))
        for step in STEPS:
            task = source_of(table, finetune=recipe(query_share=0.9)).task(step)
            assert (len(task.x_support), len(task.x_query)) == (2, 2)

    @pytest.mark.parametrize(
        ("new", "sentence"),
        [
            (lambda t: t.take(np.flatnonzero(t.y == t.y[0])), "have one target, so there is"),
            (
                lambda t: dataclasses.replace(
                    t, y=(t.y > t.y.mean()).astype(int), classes=("a", "b")
                ),
                "A new task is for classification, and the table for regression",
            ),
        ],
    )
    def test_a_new_task_without_anything_to_learn_is_refused(
        self, new: Callable[[Table], Table], sentence: str
    ):
        class Changed(Negated):
            def task(
                self, support: Table, query: Table, rng: np.random.Generator
            ) -> tuple[Table, Table]:
                return new(support), query

        with pytest.raises(TaskError, match=sentence):
            source_of(valued(distinct(90)), "synthetic", Changed()).task(1)


class TestImpossibleTables:
    @pytest.mark.parametrize("rows", ["real", "mixed", "synthetic"])
    @pytest.mark.parametrize(
        ("values", "y", "sentence"),
        [
            ([(i, i) for i in range(9)], [0] * 9, "all rows are of one class"),
            ([(1, 2)] * 9, [0, 1, 2] * 3, "all rows share the same features"),
            ([(0, 0)] * 5 + [(1, 1)] * 4, [0] * 5 + [1] * 4, "each class has a single distinct"),
            ([(0, 0), (1, 1), (2, 2)], [0, 1, 2], "each class has a single distinct"),
        ],
    )
    def test_they_are_refused_in_a_sentence(
        self, rows: str, values: list[tuple[int, int]], y: list[int], sentence: str
    ):
        of_what = "synthetic rows" if rows == "synthetic" else "training rows of dataset 'made'"
        told = rf"^The {of_what} make no task[^.\n]*: {sentence}[^.\n]*\.$"
        with pytest.raises(NotApplicable, match=told):
            source_of(make_table(values, y), rows, Bootstrap()).task(1)

    @pytest.mark.parametrize(
        ("collapsed", "sentence"),
        [
            (lambda t: t.take(np.flatnonzero(t.y == 1)), "all rows are of one class"),
            (
                lambda t: t.with_rows(t.take(np.full(len(t), 4)).X, t.y),
                "all rows share the same features",
            ),
            (lambda t: t.take(np.arange(3)), "each class has a single distinct row"),
        ],
    )
    def test_a_generator_whose_rows_make_no_task_is_not_applicable(
        self, collapsed: Callable[[Table], Table], sentence: str
    ):
        class Collapsed(Bootstrap):
            def sample(self, n: int, rng: np.random.Generator) -> Table:
                return collapsed(self.table_)

        table = distinct(90, 3)
        with pytest.raises(
            NotApplicable, match=rf"^The synthetic rows make no task by themselves: {sentence}.*\.$"
        ):
            source_of(table, "synthetic", Collapsed()).task(1)
        mixed = source_of(table, "mixed", Collapsed()).task(1)  # real rows keep it going
        assert set(mixed.y_support) == {0, 1, 2}

    @quick
    @given(table=tables())
    def test_a_table_has_a_task_in_every_step_or_is_not_applicable(self, table: Table):
        """Whether a step finds something to ask may not hang on what it happened to draw."""
        rows = table.take(seeded("few").permutation(len(table))[:5])
        groups = [set(rows.y[rows.row_keys() == key]) for key in np.unique(rows.row_keys())]
        rest = [set().union(*groups[:i], *groups[i + 1 :]) for i in range(len(groups))]
        possible = any(len(r) >= 2 and r & g for g, r in zip(groups, rest, strict=True))
        if not possible:
            with pytest.raises(NotApplicable):
                source_of(rows)
            return
        source = source_of(rows)
        for step in range(1, 21):
            assert len(source.task(step).y_query) > 0
            support, query = source.draw(step)
            assert set(rows.y[query]) <= set(rows.y[support])

    def test_new_tasks_of_bootstrapped_rows_are_answerable_in_every_step(self):
        """A bootstrap may lose the very class that the only query row is of."""
        table = make_table([(0, 0), (1, 1), *[(2, i) for i in range(3)]], [0, 1, 2, 2, 2])
        source = source_of(table, "synthetic", TableAugment(1.0, redraws=0))
        for step in range(1, 41):
            task = source.task(step)
            assert set(task.y_query) <= set(task.y_support)
