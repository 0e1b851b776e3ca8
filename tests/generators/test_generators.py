"""What every generator promises, held against each one that has a YAML; then what each one does.

A new generator is covered without an edit here. One that lives elsewhere is covered by
``python -m pytest tests/generators/test_generators.py --method-dir DIR -k NAME``, where DIR holds
its YAML and its class can be imported.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import is_dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf
from sklearn.base import BaseEstimator
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import generators
from bench.cell.config import Config
from bench.cell.targets import TOLD
from bench.errors import BadInput
from bench.generator import (
    CausalGenerator,
    CausalGraph,
    Generator,
    InContextClassifier,
    InContextGenerator,
    NotApplicable,
    TaskGenerator,
)
from bench.models.tab2d.checkpoint import load
from bench.table import Table
from generators.bootstrap import Bootstrap
from generators.mixed_model import CLASSIFIERS, MixedModel
from generators.parts.classes import class_allotment
from generators.permuted import Permuted
from generators.table_augment import TableAugment

SLOW_WHERE_WIDE = {"scm", "ctgan", "tvae", "tabebm", "arf", "bayesian_network"}  # of 400 columns
METHODS = Path(__file__).parents[2] / "conf" / "method"
ROWS = (1, 7, 200)
# Parameters that say how long a generator trains, draws or chooses, and what they are here.
SHORT = {
    "epochs": 3,
    "steps": 3,
    "choice": {"folds": 2, "trees": 2, "n_dags": 1, "resamples": 1},
}

# --- tables -----------------------------------------------------------------------------------


def make_table(columns: dict[str, object], y: np.ndarray, **parts: object) -> Table:
    """A table whose column kinds are told from the values: strings, whole numbers, others."""
    X, kinds = {}, {}
    for name, values in columns.items():
        values = pd.Series(values)
        if values.dtype == object or isinstance(values.dtype, pd.CategoricalDtype):
            X[name], kinds[name] = values.astype("category"), "categorical"
        else:
            X[name] = values.astype(np.float64)
            whole = values.notna().any() and (values.dropna() == values.dropna().round()).all()
            kinds[name] = "integer" if whole else "numeric"
    is_numeric = np.asarray(y).dtype == np.float64
    classes = () if is_numeric else tuple(f"class {i}" for i in range(int(np.max(y)) + 1))
    return Table(
        **{
            "name": "made",
            "X": pd.DataFrame(X),
            "y": y,
            "kinds": kinds,
            "classes": classes,
            "target": "target",
        }
        | parts
    )


def plain(n: int = 90, n_classes: int = 3) -> Table:
    """Numbers, whole numbers and levels that follow the class."""
    rng = np.random.default_rng(11)
    y = np.arange(n) % n_classes
    return make_table(
        {
            "size": rng.normal(size=n) + y,
            "weight": rng.lognormal(size=n) * (1 + y),
            "count": rng.poisson(3 + 2 * y).astype(float),
            "colour": np.array(["red", "green", "blue"])[(y + (rng.random(n) < 0.3)) % 3],
            "shape": rng.choice(["round", "square"], size=n),
        },
        y,
    )


def with_missing() -> Table:
    table = plain()
    X = table.X.copy()
    X.loc[::4, "size"] = np.nan
    X.loc[1::5, "colour"] = np.nan
    X.loc[[3, 4], "count"] = np.nan
    return replace(table, X=X)


def with_constant_columns() -> Table:
    table = plain()
    X = table.X.assign(
        one=1.5, seven=7.0, always=pd.Categorical(["yes"] * len(table)), nothing=np.nan
    )
    kinds = {**table.kinds, "one": "numeric", "seven": "integer"}
    return replace(table, X=X, kinds={**kinds, "always": "categorical", "nothing": "numeric"})


def single_numeric() -> Table:
    return plain().select(["size"])


def only_categorical() -> Table:
    rng = np.random.default_rng(12)
    y = np.arange(80) % 2
    columns = {
        name: rng.choice([f"{name}{i}" for i in range(levels)], size=80)
        for name, levels in {"a": 2, "b": 3, "c": 9, "d": 40}.items()
    }
    return make_table(columns | {"e": np.where(rng.random(80) < 0.8, y, 1 - y).astype(str)}, y)


def few_distinct_rows() -> Table:
    """Twelve combinations of levels, of which the loss of either column leaves three or four."""
    code = np.arange(72) % 12
    columns = {"a": np.array(list("wxyz"))[code % 4], "b": np.array(list("pqr"))[code % 3]}
    return make_table(columns, code // 4 % 2)


def rare_class() -> Table:
    """Three rows of the last class among ninety."""
    table = plain()
    y = np.where(table.y == 2, 0, table.y)
    y[[5, 30, 60]] = 2
    return replace(table, y=y)


def unicode_and_spaces() -> Table:
    table = plain()
    X = table.X.rename(columns={"size": "Größe (in cm)", "colour": "色", "shape": "a b\t'c' \"d\""})
    X["色"] = X["色"].cat.rename_categories({"red": "赤い 色", "green": "", "blue": "été, [1] <"})
    kinds = dict(zip(X.columns, table.kinds.values(), strict=True))
    return replace(table, X=X, kinds=kinds, classes=("ja", "nein ✗", "жаль"), target="Ziel größe")


def every_row_twice() -> Table:
    table = plain(60)
    return table.take(np.repeat(np.arange(60), 2))


def ten_classes() -> Table:
    return plain(120, n_classes=10)


def class_without_rows() -> Table:
    table = plain()
    return replace(table, classes=("class 0", "class 1", "never", "class 2"), y=table.y // 2 * 3)


def collinear() -> Table:
    """Twin columns, a sum of others, a column at a millionth and one at a billion."""
    table = plain()
    X = table.X.assign(
        twin=table.X["size"],
        total=table.X["size"] + table.X["weight"],
        small=table.X["size"] * 1e-6,
        large=table.X["weight"] * 1e9,
    )
    return replace(table, X=X, kinds=table.kinds | dict.fromkeys(X.columns[-4:], "numeric"))


def few_rows() -> Table:
    return plain(12)


def two_rows() -> Table:
    return plain(2, n_classes=2)


def wide(n: int, columns: int) -> Table:
    """Numbers, of which a third follow the class, and levels in each fifth column."""
    rng, y = np.random.default_rng(15), np.arange(n) % 2
    numbers = {f"number {i}": rng.normal(size=n) + y * (i % 3 == 0) for i in range(columns)}
    levels = {f"level {i}": rng.choice(["u", "v", "w"], size=n) for i in range(0, columns, 5)}
    return make_table(dict([*numbers.items()][len(levels) :]) | levels, y)


def more_columns_than_rows() -> Table:
    return wide(8, 30)


def single_levels() -> Table:
    """Columns of one level each, and classes that nothing tells."""
    return make_table({name: np.full(30, "only") for name in "abc"}, np.arange(30) % 2)


def rows_alone() -> Table:
    """Two rows of one class and a single one of another among forty."""
    y = np.zeros(40, dtype=np.int64)
    y[[3, 7, 20]] = [1, 1, 2]
    return replace(plain(40), y=y)


def one_class() -> Table:
    return replace(plain(30), y=np.zeros(30, dtype=np.int64))


def one_number() -> Table:
    return replace(numbers().take(range(30)), y=np.full(30, 2.5))


def wine() -> Table:
    data = load_wine(as_frame=True)
    return make_table(dict(data.data.items()), data.target.to_numpy())


def numbers() -> Table:
    """A numeric target that follows columns of all kinds, some of their values missing."""
    table, rng = with_missing(), np.random.default_rng(13)
    of_class = np.array([0.3, -1.0, 2.5])[table.y]
    y = of_class + plain().X["size"].to_numpy() ** 2 + 0.3 * rng.normal(size=len(table))
    return replace(table, y=y, classes=())


def whole_numbers() -> Table:
    """A numeric target of few whole values beside columns that never vary."""
    table = with_constant_columns()
    return replace(table, y=table.X["count"] + table.y, classes=())


def heavy_tail() -> Table:
    """No levels, and a numeric target whose greatest values are a billion times its median."""
    table = numbers().select(["size", "weight"]).take(range(40))
    return replace(table, y=np.sinh(4 * table.y) * 1e6)


def few_numbers() -> Table:
    return numbers().take(range(5))


def number_of_levels() -> Table:
    """Levels alone, many of them rare, and a numeric target of few whole values."""
    table = only_categorical()
    y = table.X["c"].cat.codes + np.random.default_rng(14).poisson(size=len(table))
    return replace(table, y=y.to_numpy(), classes=())


TABLES: dict[str, Callable[[], Table]] = {
    make.__name__: make
    for make in (
        plain,
        with_missing,
        with_constant_columns,
        single_numeric,
        only_categorical,
        few_distinct_rows,
        rare_class,
        unicode_and_spaces,
        every_row_twice,
        ten_classes,
        class_without_rows,
        collinear,
        few_rows,
        wine,
        numbers,
        heavy_tail,
        few_numbers,
        number_of_levels,
    )
}
# Of these no task can be made whose support and query both hold two classes.
MEAGRE: dict[str, Callable[[], Table]] = {
    make.__name__: make for make in (two_rows, more_columns_than_rows, single_levels, rows_alone)
}


# --- generators under test --------------------------------------------------------------------


def with_defaults(path: Path) -> DictConfig:
    """A method's YAML over those that its defaults list names, as Hydra reads it."""
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    for name in [d for d in config.pop("defaults", []) if d != "_self_"]:
        if isinstance(name, DictConfig):  # a part that is shared with other configs: /group@key
            ((place, part),) = name.items()
            group, key = place.removeprefix("/").split("@")
            OmegaConf.update(config, key, OmegaConf.load(METHODS.parent / group / f"{part}.yaml"))
            continue
        folder = next(f for f in (path.parent, METHODS) if (f / f"{name}.yaml").exists())
        config = OmegaConf.merge(with_defaults(folder / f"{name}.yaml"), config)
    return config


def generator_nodes(folders: Iterable[str]) -> dict[str, DictConfig]:
    """Every generator node of the methods, by their names: one that several have stands once."""
    return _generator_nodes(tuple(folders))


@cache  # hundreds of tests ask for them
def _generator_nodes(folders: tuple[str, ...]) -> dict[str, DictConfig]:
    nodes: dict[str, DictConfig] = {}
    for folder in [METHODS, *map(Path, folders)]:
        paths = sorted(folder.glob("*.yaml"))
        assert paths, f"no method YAML in {folder}"
        for path in paths:
            config = with_defaults(path)
            assert config.name == path.stem, f"{path} names its method '{config.name}'"
            if config.generator is not None:
                alike = [name for name, node in nodes.items() if node == config.generator]
                names = [*alike, path.stem]
                nodes = {name: node for name, node in nodes.items() if name not in alike}
                nodes["+".join(names)] = config.generator
    return nodes


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    nodes = generator_nodes(metafunc.config.getoption("method_dir"))
    if "task_method" in metafunc.fixturenames:
        makers = [
            m for m, node in nodes.items() if issubclass(get_class(node._target_), TaskGenerator)
        ]
        metafunc.parametrize("task_method", makers)
    if "causal_method" in metafunc.fixturenames:
        makers = [
            m for m, node in nodes.items() if issubclass(get_class(node._target_), CausalGenerator)
        ]
        metafunc.parametrize("causal_method", makers)
    if "mapping_method" in metafunc.fixturenames:
        metafunc.parametrize(
            "mapping_method", [m for m, node in nodes.items() if reordered(node) is not None]
        )
    if "method" in metafunc.fixturenames:
        metafunc.parametrize("method", list(nodes))
    if "wide_method" in metafunc.fixturenames:
        slow = pytest.mark.slow
        metafunc.parametrize(
            "wide_method",
            [
                pytest.param(m, marks=slow if SLOW_WHERE_WIDE & {*m.split("+")} else ())
                for m in nodes
            ],
        )
    if "any_table_name" in metafunc.fixturenames:
        metafunc.parametrize("any_table_name", [*TABLES, *MEAGRE])
    if "table_name" in metafunc.fixturenames:
        metafunc.parametrize("table_name", list(TABLES))


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Callable[[], Generator]:
    """Makes the method's generator anew, as the harness does."""
    name = next(v for k, v in request.node.callspec.params.items() if k.endswith("method"))
    nodes = generator_nodes(request.config.getoption("method_dir"))
    return lambda: ready(instantiate(cut_short(nodes[name])))


@cache
def classifier() -> InContextClassifier:
    return load(None, max_features=500, max_context=8192, device="cpu").smooth()


def ready(generator: Generator) -> Generator:
    """The generator with a classifier, if it reads one; the harness hands it in likewise."""
    return generator.over(classifier()) if isinstance(generator, InContextGenerator) else generator


def cut_short(node: DictConfig) -> DictConfig:
    """The generator with next to no training: what it promises may not hang on how well it fits."""
    return OmegaConf.merge(node, {key: few for key, few in SHORT.items() if key in node})


def reordered(node: DictConfig) -> DictConfig | None:
    """The generator with the keys of each mapping among its parameters in reverse, if it has one.

    A record keeps its keys sorted, and a command line adds to their end: nobody chooses an order.
    """

    def turned(value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {key: turned(item) for key, item in reversed(value.items())}

    plain = OmegaConf.to_container(node)
    mappings = [key for key, value in plain.items() if isinstance(value, dict)]
    return OmegaConf.create(turned(plain)) if mappings else None


_on_plain: dict[str, Generator] = {}


@pytest.fixture
def on_plain(make: Callable[[], Generator], method: str) -> Generator:
    """The method's generator after a fit to `plain`, for all tests that draw of it alone."""
    if method not in _on_plain:
        _on_plain[method] = fitted(make(), made("plain"))
    return _on_plain[method]


@cache
def made(table_name: str) -> Table:
    return TABLES[table_name]()


def fitted(generator: Generator, table: Table, seed: int = 0) -> Generator:
    """Fit, or skip the test if the generator says in one sentence that it cannot."""
    try:
        return generator.fit(table, np.random.default_rng(seed))
    except NotApplicable as refusal:
        sentence = str(refusal)
        assert sentence.endswith("."), f"not a sentence: {sentence!r}"
        assert "\n" not in sentence, f"not one line: {sentence!r}"
        pytest.skip(sentence)


def same(one: Table, other: Table) -> bool:
    return one.fingerprint() == other.fingerprint()


def assert_fits(rows: Table, n: int, table: Table, generator: Generator) -> None:
    """The rows could stand in the table, and keep what the generator promises."""
    assert len(rows) == n
    assert dict(rows.kinds) == dict(table.kinds)
    assert list(rows.X.columns) == list(table.X.columns)
    assert (rows.classes, rows.target) == (table.classes, table.target)
    for column, kind in table.kinds.items():
        given, drawn = table.X[column], rows.X[column]
        assert drawn.dtype == given.dtype, f"'{column}' changed its type or levels"
        assert given.isna().any() or drawn.notna().all(), f"'{column}' has new missing values"
        if kind == "categorical":
            continue
        assert not np.isinf(drawn).any(), f"'{column}' is infinite"
        if kind == "integer":
            assert (drawn.dropna() == drawn.dropna().round()).all(), f"'{column}' has fractions"
        if generator.stays_in_range and drawn.notna().any():
            assert given.min() <= drawn.min(), f"'{column}' falls below its range"
            assert drawn.max() <= given.max(), f"'{column}' exceeds its range"
    if table.problem == "regression":
        assert rows.y.dtype == np.float64
        assert np.isfinite(rows.y).all()
        if generator.stays_in_range:
            assert table.y.min() <= rows.y.min()
            assert rows.y.max() <= table.y.max()
        return
    present = set(table.y)
    assert set(rows.y) <= present, "a class without a training row"
    if generator.keeps_classes and n >= len(present):
        assert set(rows.y) == present, "a class is absent"


# --- every generator --------------------------------------------------------------------------


@pytest.mark.long
def test_rows_fit_the_table_which_is_not_changed(
    make: Callable, method: str, any_table_name: str
) -> None:
    table = (TABLES | MEAGRE)[any_table_name]()
    before = table.fingerprint()
    generator = fitted(make(), table)
    for n in ROWS:
        assert_fits(generator.sample(n, np.random.default_rng(n)), n, table, generator)
    assert table.fingerprint() == before
    assert json.dumps(dict(generator.facts_), allow_nan=False)  # as a record holds them


def test_an_ordinary_table_is_served(make: Callable, method: str) -> None:
    generator = make()
    assert generator.fit(made("plain"), np.random.default_rng(0)) is generator


@pytest.mark.long
def test_numbers_are_served_or_refused_before_anything_is_done(make: Callable, method: str) -> None:
    generator, rng = make(), np.random.default_rng(0)
    if "regression" in generator.problems:
        assert generator.fit(made("numbers"), rng) is generator
        return
    before = dict(vars(generator))
    for refuse in (
        lambda: generator.check(made("numbers")),
        lambda: generator.fit(made("numbers"), rng),
    ):
        with pytest.raises(NotApplicable, match=r"^\w+ serves classification only .*'made'.*\.$"):
            refuse()
    assert vars(generator) == before


@pytest.mark.long
@pytest.mark.parametrize("table", ["plain", "with_missing", "numbers"])
def test_same_seed_same_rows(make: Callable, method: str, table: str) -> None:
    drawn = []
    for global_seed in (1, 2):  # global state must not matter either
        random.seed(global_seed)
        np.random.seed(global_seed)  # noqa: NPY002
        torch.manual_seed(global_seed)
        generator = fitted(make(), made(table), seed=3)
        drawn += [generator.sample(40, np.random.default_rng(5)) for _ in range(2)]
    assert all(same(drawn[0], other) for other in drawn[1:])


def test_the_order_of_a_mappings_keys_draws_no_other_rows(
    request: pytest.FixtureRequest, mapping_method: str
) -> None:
    node = generator_nodes(request.config.getoption("method_dir"))[mapping_method]
    drawn = [
        fitted(ready(instantiate(cut_short(n))), made("plain")).sample(40, np.random.default_rng(5))
        for n in (node, reordered(node))
    ]
    assert same(*drawn)


def test_another_seed_other_rows(on_plain: Generator, method: str) -> None:
    one, other = (on_plain.sample(60, np.random.default_rng(seed)) for seed in (0, 1))
    assert not same(one, other)


@pytest.mark.parametrize("table", [one_class, one_number])
def test_a_target_that_never_varies_is_served_or_refused_in_a_sentence(
    make: Callable, method: str, table: Callable[[], Table]
) -> None:
    generator = fitted(make(), table())
    assert_fits(generator.sample(7, np.random.default_rng(0)), 7, table(), generator)


@pytest.mark.long
def test_ten_times_as_many_columns_as_rows_take_bounded_time(
    make: Callable, wide_method: str
) -> None:
    table, begun = wide(40, 400), time.process_time()
    generator = fitted(make(), table)
    assert_fits(generator.sample(40, np.random.default_rng(0)), 40, table, generator)
    assert time.process_time() - begun < 240


@pytest.mark.long
def test_a_second_fit_forgets_the_first(make: Callable, on_plain: Generator, method: str) -> None:
    generator = fitted(fitted(make(), made("wine")), made("plain"))
    again, once = (g.sample(30, np.random.default_rng(1)) for g in (generator, on_plain))
    assert same(again, once)


def test_global_random_state_is_untouched(make: Callable, method: str) -> None:
    def state() -> list[str]:
        return [
            repr(random.getstate()),
            repr([np.asarray(part).tolist() for part in np.random.get_state()]),  # noqa: NPY002
            repr(torch.random.get_rng_state().tolist()),
        ]

    before = state()
    fitted(make(), made("plain")).sample(20, np.random.default_rng(0))
    assert state() == before


@pytest.mark.parametrize("name", ["plain", "with_constant_columns", "collinear", "numbers"])
def test_a_causal_graph_is_over_the_tables_columns(
    make: Callable, causal_method: str, name: str
) -> None:
    table = made(name)
    generator = fitted(make(), table)
    assert isinstance(generator, CausalGenerator)
    *features, target = generator.graph_.names
    assert target == table.target
    assert len(set(features)) == len(features)
    assert set(features) <= set(table.X.columns)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"probabilities": np.zeros((2, 2))}, r"of 3 nodes has probabilities of shape \(2, 2\)"),
        ({"probabilities": np.full((3, 3), 0.6)}, "below 0 or beyond 1"),
        ({"probabilities": np.full((3, 3), np.nan)}, "below 0 or beyond 1"),
        ({"dags": []}, "has 0 DAGs"),
        ({"drawn": [((), (), ())] * 2}, "has 1 DAGs, 2 drawn"),
        ({"dags": [((), (3,), ())]}, "not over its 3 nodes"),
        ({"dags": [((), ())]}, "not over its 3 nodes"),
        ({"dags": [((1,), (2,), (0,))]}, "has a cycle"),
    ],
)
def test_a_causal_graph_that_is_none_is_refused(wrong: dict[str, object], told: str) -> None:
    parts = {"names": "abc", "probabilities": np.eye(3, k=1), "dags": [((), (0,), (1,))]}
    assert CausalGraph(**parts).target_degree == 1.0
    with pytest.raises(BadInput, match=told):
        CausalGraph(**parts | wrong)


def test_of_a_causal_graphs_edges_what_was_drawn_and_what_was_added_add_up() -> None:
    dags = [((), (0,), (0, 1)), ((), (0,), (1,))]
    drawn = [((), (0,), ()), ((), (), ())]
    parts = {"names": "abc", "probabilities": np.eye(3, k=1), "dags": dags}
    told = CausalGraph(**parts, drawn=drawn).edges_a_dag
    assert told == {"drawn": 0.5, "added": 2.0, "repaired": 2.5}
    assert CausalGraph(**parts).edges_a_dag == {"drawn": 2.5, "added": 0.0, "repaired": 2.5}


def test_a_method_in_another_folder_is_covered(tmp_path: Path) -> None:
    node = {"_target_": "generators.bootstrap.Bootstrap", "stratified": False}
    OmegaConf.save({"name": "mine", "generator": node}, tmp_path / "mine.yaml")
    nodes = generator_nodes([str(tmp_path)])
    assert nodes["mine"] == node
    assert {"bootstrap", "table_augment", "mixed_model"} < set(nodes)
    assert {"pretrained", "default_ft"}.isdisjoint(nodes)


# --- every generator of tasks -----------------------------------------------------------------


def split_by_keys(table: Table, seed: int) -> tuple[Table, Table]:
    """A third of the distinct rows as query, with all their copies."""
    keys = table.row_keys()
    distinct = np.unique(keys)
    chosen = np.random.default_rng(seed).permutation(distinct)[: max(1, len(distinct) // 3)]
    in_query = np.isin(keys, chosen)
    return table.take(np.flatnonzero(~in_query)), table.take(np.flatnonzero(in_query))


def test_tasks_are_sound(make: Callable, task_method: str, table_name: str) -> None:
    table = made(table_name)
    generator = fitted(make(), table)
    for seed in range(8):
        support, query = split_by_keys(table, seed)
        before = support.fingerprint(), query.fingerprint()
        one, other = (generator.task(support, query, np.random.default_rng(seed)) for _ in "ab")
        assert (support.fingerprint(), query.fingerprint()) == before
        assert same(one[0], other[0])
        assert same(one[1], other[1])
        assert_sound_task(*one)


def assert_sound_task(support: Table, query: Table) -> None:
    assert dict(support.kinds) == dict(query.kinds)
    assert (support.classes, support.target) == (query.classes, query.target)
    assert (support.X.dtypes == query.X.dtypes).all()
    assert support.n_features >= 1
    assert support.target not in support.kinds
    assert len(query) >= 1
    assert len(set(support.y)) >= 2, "the support has one class, or value, only"
    assert not set(support.row_keys()) & set(query.row_keys()), "a row stands in both"


def test_another_seed_another_task(make: Callable, task_method: str) -> None:
    generator = fitted(make(), made("plain"))
    parts = split_by_keys(made("plain"), 0)
    one, other = (generator.task(*parts, np.random.default_rng(seed)) for seed in (0, 1))
    assert not same(one[0], other[0])


# --- bootstrap --------------------------------------------------------------------------------


def labelled_rows(table: Table) -> set[tuple[int, int]]:
    return set(zip(table.row_keys().tolist(), table.y.tolist(), strict=True))


@pytest.mark.parametrize("stratified", [True, False])
def test_bootstrap_rows_are_training_rows_with_their_labels(stratified: bool) -> None:
    table = made("with_missing")
    rows = fitted(Bootstrap(stratified), table).sample(300, np.random.default_rng(0))
    assert labelled_rows(rows) <= labelled_rows(table)
    assert len(set(rows.row_keys())) > 0.9 * len(set(table.row_keys()))


def test_stratified_bootstrap_keeps_class_shares_to_within_a_row() -> None:
    table = made("rare_class")
    rows = fitted(Bootstrap(), table).sample(300, np.random.default_rng(0))
    wanted = table.class_counts() / len(table) * 300
    assert np.abs(rows.class_counts() - wanted).max() < 1


def test_plain_bootstrap_keeps_class_shares_on_average() -> None:
    table = made("rare_class")
    rows = fitted(Bootstrap(stratified=False), table).sample(20_000, np.random.default_rng(0))
    shares = table.class_counts() / len(table)
    assert rows.class_counts() / len(rows) == pytest.approx(shares, abs=0.01)


def test_class_allotment_is_unbiased_where_rows_are_few() -> None:
    rng = np.random.default_rng(0)
    mean = np.mean([class_allotment(np.array([6, 3, 1]), 1, rng) for _ in range(4000)], axis=0)
    assert mean == pytest.approx([0.6, 0.3, 0.1], abs=0.03)


# --- permuted ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wine", "every_row_twice", "numbers"])
def test_permuted_rows_are_the_training_rows_once_each_with_their_targets_dealt_anew(
    name: str,
) -> None:
    table = made(name)
    rows = fitted(Permuted(), table).sample(len(table), np.random.default_rng(0))
    assert sorted(rows.row_keys()) == sorted(table.row_keys())
    assert sorted(rows.y) == sorted(table.y)
    assert labelled_rows(rows) != labelled_rows(table)


@pytest.mark.long
def test_permuted_targets_meet_their_rows_as_often_as_chance_has_it() -> None:
    """One permutation a fit; over many, a row keeps its class as often as two rows share one."""
    table, kept = made("wine"), []
    for seed in range(40):
        generator = fitted(Permuted(), table, seed)
        rngs = (np.random.default_rng(s) for s in (0, 1))
        one, other = (labelled_rows(generator.sample(len(table), rng)) for rng in rngs)
        assert one == other
        kept.append(len(one & labelled_rows(table)) / len(table))
    shares = table.class_counts() / len(table)
    assert np.mean(kept) == pytest.approx((shares**2).sum(), abs=0.025)


def test_permuted_rows_come_again_only_when_all_were_there() -> None:
    table = made("wine")
    rows = fitted(Permuted(), table).sample(2 * len(table) + 5, np.random.default_rng(0))
    times = np.unique(rows.row_keys(), return_counts=True)[1]
    assert (times.min(), times.max(), (times == 3).sum()) == (2, 3, 5)


# --- TableAugment -----------------------------------------------------------------------------


@pytest.mark.long
def test_table_augment_keeps_half_to_all_features() -> None:
    table = made("wine")
    parts = split_by_keys(table, 0)
    generator = fitted(TableAugment(), table)
    tasks = [generator.task(*parts, np.random.default_rng(s))[0] for s in range(100)]
    counts = [task.n_features for task in tasks]
    assert (min(counts), max(counts)) == (7, 13)  # of 13; half of them is 6.5
    assert set.union(*(set(task.kinds) for task in tasks)) == set(table.kinds)
    for task in tasks:
        assert [c for c in table.X.columns if c in task.kinds] == list(task.X.columns)


def test_table_augment_rows_are_real_rows_from_their_own_side() -> None:
    parts = split_by_keys(made("plain"), 1)
    tasks = fitted(TableAugment(), made("plain")).task(*parts, np.random.default_rng(2))
    for real, new in zip(parts, tasks, strict=True):
        assert len(new) == len(real)
        assert labelled_rows(new) <= labelled_rows(real.select(new.X.columns))
        assert len(set(new.row_keys())) < len(set(real.row_keys()))


def test_query_rows_that_fewer_features_turn_into_support_rows_are_left_out() -> None:
    """`id` tells all rows apart; `level` alone does not."""
    table = make_table(
        {"id": np.arange(40) + 0.5, "level": np.array(["a", "b", "c", "d"])[np.arange(40) % 4]},
        np.arange(40) // 2 % 2,
    )
    support, query = table.take(range(30)), table.take(range(30, 40))
    generator = fitted(TableAugment(), table)
    kept = set()
    for seed in range(40):
        new_support, new_query = generator.task(support, query, np.random.default_rng(seed))
        assert_sound_task(new_support, new_query)
        kept.add(tuple(new_support.X.columns))
    assert kept == {("id",), ("id", "level")}


@pytest.mark.long
def test_retargeted_tasks_predict_columns_and_have_the_old_target_as_feature() -> None:
    table = made("with_missing")
    generator = fitted(TableAugment(min_features=1.0, retarget=1.0, max_classes=5), table)
    targets = set()
    for seed in range(60):
        support, query = generator.task(*split_by_keys(table, seed), np.random.default_rng(seed))
        assert_sound_task(support, query)
        assert support.kinds["target"] == "categorical"
        assert 2 <= support.n_classes <= 5
        targets.add(support.target)
    assert targets == set(table.kinds)


def test_retargeted_tasks_are_sound_on_awkward_tables(table_name: str) -> None:
    table = made(table_name)
    generator = fitted(TableAugment(retarget=0.5), table)
    for seed in range(8):
        task = generator.task(*split_by_keys(table, seed), np.random.default_rng(seed))
        assert_sound_task(*task)


def test_a_numeric_column_as_target_is_cut_into_ordered_bins() -> None:
    table = single_numeric()
    table = replace(
        table, X=table.X.assign(same=table.X["size"]), kinds=table.kinds | {"same": "numeric"}
    )
    generator = fitted(TableAugment(min_features=1.0, retarget=1.0), table)
    support, _ = generator.task(*split_by_keys(table, 0), np.random.default_rng(0))
    by_bin = support.X[next(iter(support.numeric))].groupby(support.y)
    assert (by_bin.min().to_numpy()[1:] > by_bin.max().to_numpy()[:-1]).all()


def test_a_support_that_bootstraps_to_one_class_is_mended() -> None:
    table = plain(60, n_classes=2)
    table = replace(table, y=np.where(np.arange(60) == 7, 1, 0))
    support, query = table.take(range(30)), table.take(range(30, 60))
    generator = fitted(TableAugment(), table)
    for seed in range(20):
        task = generator.task(support, query, np.random.default_rng(seed))
        assert_sound_task(*task)


def test_table_augment_refuses_a_support_of_one_class() -> None:
    table = made("plain")
    support = table.take(np.flatnonzero(table.y == 0))
    query = table.take(np.flatnonzero(table.y == 1))
    with pytest.raises(ValueError, match="TableAugment expects two"):
        fitted(TableAugment(), table).task(support, query, np.random.default_rng(0))


def test_table_augment_refuses_a_query_that_stands_in_the_support() -> None:
    support = made("plain").take([0, 1] * 20)
    with pytest.raises(ValueError, match="every row of the query stands in the support"):
        fitted(TableAugment(), support).task(support, support, np.random.default_rng(0))


# --- Mixed-Model ------------------------------------------------------------------------------


def blob(n: int = 400) -> Table:
    """Three correlated normal columns; the class is the side of a plane."""
    rng = np.random.default_rng(21)
    covariance = [[1.0, 0.8, -0.5], [0.8, 1.0, -0.2], [-0.5, -0.2, 1.0]]
    X = rng.multivariate_normal([0, 5, -3], covariance, size=n)
    y = (X @ [1.0, 1.0, 0.5] + 0.2 * rng.normal(size=n) > 3.5).astype(int)
    return make_table({"u": X[:, 0], "v": X[:, 1], "w": X[:, 2]}, y)


def test_mixed_model_rows_correlate_like_the_training_rows() -> None:
    """To 0.1 for full covariances, whose mixtures hold any correlation."""
    table = blob()
    generator = fitted(MixedModel(covariances=["full"]), table)
    for seed in range(4):
        X = generator.sample(3000, np.random.default_rng(seed)).X
        assert np.abs(X.corr() - table.X.corr()).to_numpy().max() < 0.1
        assert X.mean().to_numpy() == pytest.approx(table.X.mean().to_numpy(), abs=0.15)
        assert X.std().to_numpy() == pytest.approx(table.X.std().to_numpy(), rel=0.2)


def test_what_mixed_model_teaches_holds_on_real_rows() -> None:
    """A logistic regression trained on synthetic rows ranks the real ones (ROC-AUC over 0.9)."""
    table = blob()
    generator = fitted(MixedModel(), table)
    for seed in range(10):
        rows = generator.sample(400, np.random.default_rng(seed))
        model = LogisticRegression().fit(rows.X, rows.y)
        assert roc_auc_score(table.y, model.predict_proba(table.X)[:, 1]) > 0.9


def test_mixed_model_rows_are_new() -> None:
    table = made("wine")
    rows = fitted(MixedModel(), table).sample(300, np.random.default_rng(0))
    assert not set(rows.row_keys()) & set(table.row_keys())


def test_mixed_model_keeps_dependent_levels_together() -> None:
    rng = np.random.default_rng(22)
    code = rng.integers(3, size=300)
    table = make_table(
        {"a": np.array(["x", "y", "z"])[code], "b": np.array(["p", "q", "r"])[code]}, code // 2
    )
    rows = fitted(MixedModel(), table).sample(1000, np.random.default_rng(0))
    agree = rows.X["a"].cat.codes.to_numpy() == rows.X["b"].cat.codes.to_numpy()
    assert agree.mean() > 0.9
    assert rows.X["a"].value_counts(normalize=True).min() > 0.2


def test_mixed_model_puts_missing_values_back_at_the_training_rates() -> None:
    table = made("with_missing")
    rates = table.X.isna().mean().to_numpy()
    rows = fitted(MixedModel(), table).sample(4000, np.random.default_rng(0))
    assert rows.X.isna().mean().to_numpy() == pytest.approx(rates, abs=0.03)
    complete = fitted(MixedModel(missing=False), table).sample(50, np.random.default_rng(0))
    assert complete.X.notna().all(axis=None)


def test_mixed_model_without_clipping_leaves_the_training_range() -> None:
    generator = fitted(MixedModel(clip=False), made("wine"))
    rows = generator.sample(2000, np.random.default_rng(0))
    assert not generator.stays_in_range
    assert (rows.X.max() > made("wine").X.max()).any()


def test_mixed_model_labels_can_be_the_most_probable_class() -> None:
    table = blob()
    generator = fitted(
        MixedModel(labels="argmax", classifiers={"logistic_regression": {"C": (100.0, 100.0)}}),
        table,
    )
    rows = generator.sample(400, np.random.default_rng(0))
    model = LogisticRegression(C=1e6, max_iter=1000).fit(rows.X, rows.y)
    assert model.score(rows.X, rows.y) > 0.99


def test_without_keep_classes_a_rare_class_may_be_absent() -> None:
    generator = fitted(MixedModel(keep_classes=False, labels="argmax"), made("rare_class"))
    samples = [generator.sample(20, np.random.default_rng(seed)) for seed in range(10)]
    assert not generator.keeps_classes
    assert any(2 not in rows.y for rows in samples)


@pytest.mark.long
@pytest.mark.parametrize("kind", list(CLASSIFIERS))
@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_every_part_of_the_zoo_serves_awkward_tables(kind: str, covariance: str) -> None:
    for table_name in ("collinear", "ten_classes", "few_rows"):
        generator = MixedModel(
            1, 1, covariances=[covariance], classifiers={kind: CLASSIFIERS[kind]}
        )
        fitted(generator, made(table_name))
        rows = generator.sample(50, np.random.default_rng(0))
        assert_fits(rows, 50, made(table_name), generator)


def test_mixed_model_draws_another_pair_at_each_call() -> None:
    generator = fitted(MixedModel(), blob())
    rng = np.random.default_rng(0)
    spreads = {round(float(generator.sample(500, rng).X["u"].std()), 3) for _ in range(5)}
    assert len(spreads) == 5


def test_one_table_is_refused_for_one_class() -> None:
    table = replace(made("plain"), y=np.zeros(90, dtype=np.int64))
    for generator in (MixedModel(), TableAugment()):
        with pytest.raises(NotApplicable, match="at least two classes"):
            generator.fit(table, np.random.default_rng(0))


def test_features_that_never_vary_are_refused_by_mixed_model() -> None:
    table = with_constant_columns().select(["one", "always", "nothing"])
    with pytest.raises(NotApplicable, match="one feature that varies"):
        MixedModel().fit(table, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("settings", "named"), [({"labels": "mode"}, "mode"), ({"classifiers": {"svm": {}}}, "svm")]
)
def test_a_wrong_setting_is_named(settings: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        MixedModel(**settings)


# --- defaults ---------------------------------------------------------------------------------

HYDRAS = {"_target_", "_convert_", "_args_"}


def calls(node: object) -> Iterator[DictConfig]:
    """Every node with a `_target_`, at any depth."""
    if isinstance(node, DictConfig):
        if "_target_" in node:
            yield node
        for inner in node.values():
            yield from calls(inner)
    elif isinstance(node, ListConfig):
        for inner in node:
            yield from calls(inner)


def ours() -> dict[str, list[DictConfig]]:
    """Nodes of the classes in `generators`, of all methods' YAMLs that build on no other one."""
    found: dict[str, list[DictConfig]] = {}
    for path in sorted(METHODS.glob("*.yaml")):
        config = OmegaConf.load(path)
        builds_on = [d for d in config.get("defaults", []) if isinstance(d, str) and d != "_self_"]
        for node in [] if builds_on else calls(with_defaults(path)):
            if node._target_.startswith("generators."):
                found.setdefault(node._target_, []).append(node)
    return found


def as_data(value: object) -> object:
    """A setting as data: what it is made of, whatever its class."""
    if isinstance(value, BaseEstimator):
        return {type(value).__name__: as_data(value.get_params(deep=False))}
    if is_dataclass(value):
        return {type(value).__name__: as_data(vars(value))}
    if isinstance(value, dict | DictConfig):
        return {str(key): as_data(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | ListConfig):
        return [as_data(inner) for inner in value]
    return str(value) if isinstance(value, str) else repr(value)


@pytest.mark.parametrize("target", list(ours()))
def test_the_yaml_shows_every_parameter_with_its_default(target: str) -> None:
    parameters = dict(inspect.signature(get_class(target)).parameters)
    for name in TOLD:  # a command's own, by a file: no identity names it where nothing is told
        assert parameters.pop(name, None) is None or name in Config.__annotations__
    for node in ours()[target]:
        made = instantiate({key: node[key] for key in node if key not in HYDRAS}, _convert_="all")
        assert list(made) == [name for name in parameters if name in made], "another order"
        assert set(made) == set(parameters)
        for name, parameter in parameters.items():
            if parameter.default is not parameter.empty:
                assert as_data(made[name]) == as_data(parameter.default), name


def test_every_generator_has_a_yaml() -> None:
    def below(base: type) -> Iterator[type]:
        for kind in base.__subclasses__():
            yield from (kind, *below(kind))

    for module in pkgutil.walk_packages(generators.__path__, "generators."):
        importlib.import_module(module.name)
    made = {f"{kind.__module__}.{kind.__name__}" for kind in below(Generator)}
    assert {name for name in made if name.startswith("generators.")} <= set(ours())
    assert {"generators.scm.SCM", "generators.scm.discovery.Discovery"} <= set(ours())
