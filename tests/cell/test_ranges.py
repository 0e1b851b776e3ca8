"""Settings without sense: every number there is has a range, and what lies outside is refused."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from annotated_types import Interval, Len
from composing import composing
from hydra import compose
from hydra.errors import HydraException
from hydra.utils import get_object
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from sklearn.base import clone

from bench import ranges
from bench.analysis.settings import Analysis
from bench.analysis.settings import settings as analysis_settings
from bench.cell.checking import check_config, check_target, declared
from bench.cell.config import Config
from bench.errors import BadInput, sentence
from bench.files import CONF

OURS = ("bench.", "generators.")
WRONG_TYPES = ("abc", True, [1], "")


@dataclass(frozen=True)
class Figure:
    """One number that can be set, and how to try a value of it.

    ``attempt`` raises if the value is refused.
    """

    key: str
    kind: type
    range: Interval | None
    attempt: Callable[[Any], None]


def figures_within(
    hint: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any, Interval | None, Callable[[Any], Any]]]:
    """The numbers of a setting: where, whole or not, the range, and what would hold a value."""
    kind, marks = ranges._parts(hint)
    if kind in (int, float):
        interval = next((mark for mark in marks if isinstance(mark, Interval)), None)
        yield path, kind, interval, lambda value: value
    elif within := ranges._hints_within(hint):
        for name, inner in within.items():
            yield from figures_within(inner, (*path, name))
    elif (entry := ranges.entries(kind)) is not None:
        length = next((mark.min_length for mark in marks if isinstance(mark, Len)), 1) or 1
        is_list = issubclass(kind.__origin__, Sequence)
        for where, number, interval, held in figures_within(entry, path):
            yield (
                where,
                number,
                interval,
                (lambda v, held=held: [held(v)] * length)
                if is_list
                else (lambda v, held=held: {"rows": held(v)}),
            )
    elif get_args(kind) and not isinstance(get_args(kind)[0], str):
        for member in get_args(kind):
            yield from figures_within(member, path)


def put(node: Any, path: tuple[str, ...], value: Any) -> Any:
    """A copy of a plain node with another value at a place."""
    changed = copy.deepcopy(node)
    inner = changed
    for name in path[:-1]:
        inner = inner[int(name)] if isinstance(inner, list) else inner.setdefault(name, {})
    inner[path[-1]] = value
    return changed


def of_schema(schema: type, where: str = "") -> Iterator[Figure]:
    for name, hint in declared(schema).items():
        key = f"{where}{name}"
        if is_dataclass(hint):
            yield from of_schema(hint, f"{key}.")
            continue
        for _, kind, interval, held in figures_within(hint, (key,)):

            def attempt(value: Any, key: str = key, held: Callable = held) -> None:
                cfg = copy.deepcopy(base())
                OmegaConf.update(cfg, key, held(value))
                check_config(cfg)

            yield Figure(key, kind, interval, attempt)


def of_analysis() -> Iterator[Figure]:
    for name, hint in declared(Analysis).items():
        for _, kind, interval, held in figures_within(hint, (name,)):

            def attempt(value: Any, name: str = name, held: Callable = held) -> None:
                read = held(value)
                text = f"[{read[0]}]" if isinstance(read, list) else str(read)
                if isinstance(value, bool | list):
                    text = "{}"  # what OmegaConf would make a number of
                analysis_settings([f"analysis.{name}={text}"])

            yield Figure(f"analysis.{name}", kind, interval, attempt)


@cache
def base() -> DictConfig:
    return compose("config", [])


def nodes() -> Iterator[tuple[str, Any]]:
    """The plain nodes of all configs that name something to call, and their keys."""
    for group in ("dataset", "model", "method"):
        names = sorted(Path(CONF, group).glob("*.yaml"))
        for name in [path.stem for path in names]:
            given = ["model.path=x"] if group == "model" else []  # some take one that is given
            node = compose("config", [f"{group}={name}", *given])[group]
            node = node.generator if group == "method" else node
            if node is not None:
                key = "method.generator" if group == "method" else group
                yield key, OmegaConf.to_container(node, resolve=True)


def calls(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict]]:
    if isinstance(node, dict) and "_target_" in node:
        yield path, node
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(
        node, list
    ) else ()  # fmt: skip
    for name, value in inner:
        yield from calls(value, (*path, str(name)))


def of_targets() -> Iterator[Figure]:
    seen = set()
    for key, node in nodes():
        for place, call in calls(node):
            if call["_target_"] in seen:
                continue
            seen.add(call["_target_"])
            for name, hint in of_call(call).items():
                for path, kind, interval, held in figures_within(hint, (*place, name)):

                    def attempt(
                        value: Any, node: Any = node, path: tuple = path, key: str = key,
                        held: Callable = held,
                    ) -> None:  # fmt: skip
                        check_target(put(node, path, held(value)), key)

                    yield Figure(".".join((key, *path)), kind, interval, attempt)


def of_call(call: dict[str, Any]) -> dict[str, Any]:
    """The types of what a call takes; scikit-learn's from the numbers that stand in our configs."""
    if call["_target_"].startswith(OURS):
        return ranges.hints(get_object(call["_target_"]))
    known = getattr(get_object(call["_target_"]), "_parameter_constraints", {})
    numbers = {k: v for k, v in call.items() if isinstance(v, int | float) and v is not True}
    return {k: type(v) if k not in known else ranges.Positive for k, v in numbers.items()}


@pytest.fixture(scope="module")
def figures() -> Iterator[list[Figure]]:
    with composing():
        yield [*of_schema(Config), *of_analysis(), *of_targets()]


def outside(figure: Figure) -> Iterator[float]:
    """The values next to the range that are out of it."""
    range_, step = figure.range, 1 if figure.kind is int else 1e-3
    assert range_ is not None
    yield range_.ge - step if range_.ge is not None else range_.gt
    yield range_.le * 2 + step if range_.le is not None else range_.lt


def refusal(figure: Figure, value: Any) -> str:
    """The sentence with which a value is refused; "" if it is not."""
    try:
        figure.attempt(value)
    except (BadInput, HydraException, OmegaConfBaseException) as error:
        return sentence(error)
    return ""


@pytest.mark.long
def test_every_number_that_can_be_set_has_a_range(figures: list[Figure]) -> None:
    keys = {figure.key for figure in figures}
    assert {
        "finetune.steps", "method.mixing.ratio", "openml.tries", "gpu_share", "analysis.alpha",
        "model.max_context", "dataset.max_classes", "dataset.expected", "method.generator.epochs",
        "method.generator.discovery.levels", "method.generator.mixture.n_components",
        "method.generator.classifiers.neural_network.alpha", "method.generator.classifier.C",
    } <= keys  # fmt: skip
    assert [f.key for f in figures if f.range is None] == []
    assert [f.key for f in figures if f.range and (None, None) in (
        (f.range.ge, f.range.gt), (f.range.le, f.range.lt))] == []  # fmt: skip


def test_a_number_without_a_range_would_be_found() -> None:
    def load(rows: int, names: list[float], good: ranges.Count) -> None: ...

    found = [
        path
        for name, hint in ranges.hints(load).items()
        for path, _, interval, _ in figures_within(hint, (name,))
        if interval is None
    ]
    assert found == [("rows",), ("names",)]


@pytest.mark.long
def test_what_lies_next_to_a_range_is_refused_by_key_and_value(figures: list[Figure]) -> None:
    for figure in figures:
        # scikit-learn declares the ranges of its own, without an upper end.
        values = [-1] if "classifier." in figure.key else list(outside(figure))
        for value in [*values, math.nan, math.inf, -math.inf]:
            told = refusal(figure, value)
            assert figure.key.rpartition(".")[2] in told, (figure.key, value, told)
            assert str(value) in told or f"{value:g}" in told, (figure.key, value, told)


def test_another_type_is_refused(figures: list[Figure]) -> None:
    for figure in figures:
        wrong = [*WRONG_TYPES, 2.5] if figure.kind is int else [*WRONG_TYPES]
        if "classifier." in figure.key:  # scikit-learn takes true for 1
            wrong.remove(True)
        for value in wrong:
            assert refusal(figure, value), (figure.key, value)


# Within their range, what other settings are may refuse them.
LIMITED = ("finetune.steps", "finetune.max_patience", "mixing.ratio", "mixing.size")


@given(data=st.data())
@examples(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_number_is_taken_just_where_its_range_says(
    figures: list[Figure], data: st.DataObject
) -> None:
    figure = data.draw(st.sampled_from(figures))
    numbers = (
        st.integers(-(10**10), 10**10)
        if figure.kind is int
        else st.floats(-1e12, 1e12, allow_nan=False)
    )
    value = data.draw(st.one_of(numbers, st.sampled_from([0, 1, -1]).map(figure.kind)))
    range_ = figure.range
    assert range_ is not None
    inside = (
        (range_.ge is None or value >= range_.ge)
        and (range_.gt is None or value > range_.gt)
        and (range_.le is None or value <= range_.le)
        and (range_.lt is None or value < range_.lt)
    )
    if "classifier." in figure.key:  # scikit-learn's own have no upper end
        return
    told = refusal(figure, value)
    if inside and figure.key.endswith(LIMITED):
        assert "expected" in told or "give" in told or told == "", (figure.key, value)
    else:
        assert (told == "") == inside, (figure.key, value)


# Rules across settings ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["method.mixing.rows=mixed"], "no method.generator"),
        (["method.mixing.rows=synthetic"], "no method.generator"),
        (["method=bootstrap", "method.mixing.rows=real"], "method=default_ft"),
        (["method=bootstrap", "method.finetune=false"], "method.finetune is false"),
        (["method=bootstrap", "method.mixing.ratio=0"], "method.mixing.ratio is 0"),
        (["method=bootstrap", "method.mixing.ratio=-1"], "method.mixing.ratio is -1"),
        (["method=ctgan", "method.mixing.size=0"], "method.mixing.size is 0"),
        (["methods=[]"], "methods is []"),
        (["validation_share=1e-9"], "validation_share is 1e-09"),
        (["finetune.query_share=1"], "finetune.query_share is 1"),
        (["finetune.clip_norm=0"], "finetune.clip_norm is 0"),
        (["finetune.steps=0"], "finetune.steps is 0"),
        (["threads=100000"], "threads is 100000"),
        (["gpu_share=1.5"], "gpu_share is 1.5"),
        (["seed=-1"], "seed is -1"),
        (["~dataset"], "dataset is missing"),
    ],
)
def test_settings_that_contradict_are_refused(
    figures: list[Figure], overrides: list[str], told: str
) -> None:
    with pytest.raises(BadInput, match="expected") as refused:
        check_config(compose("config", overrides))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"_target_": "generators.ctgan.CTGAN", "epoch": 3}, "did you mean 'epochs'"),
        ({"_target_": "generators.ctgan.CTGAN", "device": "tpu"}, "expected 'cpu' or 'cuda'"),
        ({"_target_": "generators.ctgan.CTGAN", "verbose": 1}, "expected true or false"),
        ({"_target_": "generators.nope.None"}, "cannot be imported"),
        ({"_target_": 3}, "expected a dotted name"),
        ({"name": "x"}, "with a _target_"),
        (None, "generator is null"),
        ({"_target_": "generators.scm.learners.LeaveOneOutRidge"}, "alphas is missing"),
        (
            {"_target_": "generators.mixed_model.MixedModel", "classifiers": {"svm": {}}},
            "no setting 'generator.classifiers.svm'",
        ),
        (
            {"_target_": "generators.mixed_model.MixedModel", "mixture": {"reg_covar": [1, 2]}},
            "mixture lacks n_components",
        ),
        ({"_target_": "sklearn.linear_model.LogisticRegression", "C": "x"}, "'C' parameter"),
        ({"_target_": "sklearn.linear_model.LogisticRegression", "D": 1}, "no setting 'g"),
        ({"_target_": "sklearn.svm.SVC", "C": float("nan")}, "expected a finite number"),
    ],
)
def test_what_a_target_does_not_take_is_refused(node: Any, told: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_target(node, "generator")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


# From Python --------------------------------------------------------------------------------------


def test_constructors_refuse_and_still_clone_and_pickle() -> None:
    from generators.noise import Noise
    from generators.scm import SCM
    from generators.scm.discovery import Discovery
    from generators.scm.learners import LeaveOneOutRidge

    for make in (
        lambda: Noise(scale=math.inf),
        lambda: SCM(n_dags=0),
        lambda: SCM(discovery=3),  # type: ignore[arg-type]
        lambda: Discovery(level=1.0),
        lambda: LeaveOneOutRidge([]),
    ):
        with pytest.raises(ValueError, match=r"^\w+: \w+ is .*; expected .*\.$"):
            make()
    scm = SCM(n_dags=np.int64(3), discovery=Discovery(levels=4))
    assert pickle.loads(pickle.dumps(scm)).discovery.levels == 4
    assert clone(LeaveOneOutRidge([1.0])).alphas == [1.0]
