"""What every backbone promises (`bench.models.base.Backbone`), held against each that has a YAML.

A new model in `conf/model/` is covered without an edit here. One that lives elsewhere is covered by
``python -m pytest tests/models/test_models_conform.py --model-dir DIR -k NAME``, where
``DIR/model/NAME.yaml`` names its loader, which can be imported. It is all done on the CPU, offline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np
import pandas as pd
import pytest
import torch
from composing import composing
from hydra import compose
from omegaconf import OmegaConf
from tiny_model import NeighbourModel, load, load_called
from torch import Tensor, nn

from bench.cell.checking import called, check_target
from bench.cell.model import backbone as loaded
from bench.cell.model import files_of, identity_of, require
from bench.errors import ModelError, TableError
from bench.files import CONF
from bench.models.base import Backbone, Probabilities
from bench.models.loading import of_problem
from bench.models.memory import CHUNK, Memory
from bench.models.weights import files_hash, state_hash
from bench.predicted import Predictions
from bench.table import Problem, Table

TESTS = Path(__file__).parents[1] / "support" / "conf"  # with a tiny model in it
# Between two ways to compute probabilities in float32: other chunks, other batches.
ROUNDING = 1e-4
T = TypeVar("T")
Check = TypeVar("Check", bound=Callable[..., None])


# --- models under test --------------------------------------------------------------------------


def yamls(folders: list[str]) -> dict[str, Path]:
    """The config folder of every model, by its name."""
    found: dict[str, Path] = {}
    for folder in [CONF, TESTS, *map(Path, folders)]:
        names = sorted(path.stem for path in (folder / "model").glob("*.yaml"))
        assert names, f"no YAML in {folder / 'model'}"
        found |= dict.fromkeys(names, folder)
    return found


def only(problem: Problem) -> Callable[[Check], Check]:
    """Mark a test that says something of one problem; all others hold for both."""

    def mark(test: Check) -> Check:
        test.only = problem  # type: ignore[attr-defined]
        return test

    return mark


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "model" in metafunc.fixturenames:
        metafunc.parametrize("model", list(yamls(metafunc.config.getoption("model_dir"))))
        one = getattr(metafunc.function, "only", None)
        metafunc.parametrize("problem", [one] if one else get_args(Problem))


@cache
def config_of(name: str, folder: Path) -> dict[str, Any] | str:
    """A model's config as a run composes it, checked; or why its weights are not here."""
    words = [f"model={name}", "device=cpu", "offline=true", f"hydra.searchpath=[{folder}]"]
    with composing():
        node = compose("config", words).model
    if OmegaConf.is_missing(node, "path"):
        return "its path is left to whoever runs it"
    config = check_target(node, "model")
    try:
        files_of(config)
    except ModelError as reason:
        return str(reason)
    return config


@pytest.fixture
def config(model: str, problem: Problem, request: pytest.FixtureRequest) -> dict[str, Any]:
    """As it is loaded for the problem; skipped where it is not here, or only for the other."""
    found = config_of(model, yamls(request.config.getoption("model_dir"))[model])
    if isinstance(found, str):
        pytest.skip(found)
    if loaded(found, problem).problem != problem:
        pytest.skip(f"it is not for {problem}")
    return of_problem(found, problem)


@pytest.fixture
def backbone(config: dict[str, Any], problem: Problem) -> Backbone:
    return loaded(config, problem)


# --- tables, and what is asked of them ----------------------------------------------------------


def table(n: int = 90, problem: Problem = "classification") -> Table:
    """Three of four classes, or numbers, which two columns tell; missing numbers and levels."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    number = rng.normal(size=n) + 2.0 * y
    number[::7] = np.nan
    levels = np.array(["a", "b", "c"], dtype=object)[(y + (rng.random(n) < 0.2)) % 3]
    levels[::11] = None
    X = pd.DataFrame(
        {
            "number": number,
            "level": pd.Categorical(levels),
            "count": rng.poisson(3, n).astype(float),
            "wide": rng.normal(size=n) * 1e6,
        }
    )
    kinds = {"number": "numeric", "level": "categorical", "count": "integer", "wide": "numeric"}
    classes = ("w", "x", "y", "z") if problem == "classification" else ()
    if not classes:
        y = 100.0 * y + 20.0 * rng.normal(size=n)
    return Table("made", X, y, kinds, classes, "target")  # type: ignore[arg-type]


def fold(backbone: Backbone) -> tuple[Table, Table]:
    """Training rows, and others."""
    whole = table(problem=backbone.problem)
    return whole.take(range(60)).prune_levels(), whole.take(range(60, len(whole)))


def turned(of: Table) -> Table:
    """The rows with other targets, of those that there are."""
    return replace(of, y=(of.y + 1) % 3 if of.classes else of.y[::-1].copy())


def numbers(of: Predictions) -> np.ndarray:
    """Predictions as columns: probabilities, or values in units of the training targets' spread."""
    return of if isinstance(of, np.ndarray) else of.mean[:, None] / of.scale


def scored(
    backbone: Backbone,
    train: Table,
    rows: Table,
    module: nn.Module | None = None,
    memory: Memory | None = None,
) -> np.ndarray:
    """Probabilities of the rows, shape (q, n_classes), or their values, shape (q, 1)."""
    encoder, rng = backbone.encoder(train), np.random.default_rng(0)
    parts = {"validation": rows.take(range(9)), "test": rows}
    score = backbone.score(encoder, train, parts, rng, memory or Memory(scoring=CHUNK))
    told: Probabilities = score(backbone.module if module is None else module)
    assert list(told) == list(parts)
    found = {part: numbers(of) for part, of in told.items()}
    np.testing.assert_allclose(found["validation"], found["test"][:9], rtol=0, atol=ROUNDING)
    return found["test"]


def task(backbone: Backbone) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Encoded support and query rows of one task, with their targets; a batch of one."""
    train, rows = fold(backbone)
    encoder = backbone.encoder(train)
    arrays = (encoder.encode_x(train), encoder.encode_y(train.y))
    arrays += (encoder.encode_x(rows), encoder.encode_y(rows.y))
    x, y, x_query, y_query = (torch.from_numpy(array)[None] for array in arrays)
    return x, y, x_query, y_query


def loss_of(backbone: Backbone, module: nn.Module) -> Tensor:
    x, y, x_query, y_query = task(backbone)
    outputs = backbone.logits(module, x, y, x_query)[0]
    return backbone.loss(outputs, y_query[0], outputs.shape[1])


def stirred(module: nn.Module, names: list[str] | None = None) -> nn.Module:
    """The module with these parameters moved, or all."""
    with torch.no_grad():
        for name, weights in module.named_parameters():
            if names is None or name in names:
                weights += torch.linspace(0.1, 0.2, weights.numel()).view_as(weights)
    return module


# --- every model --------------------------------------------------------------------------------


@only("classification")
def test_probabilities_are_such_and_absent_classes_have_none(
    model: str, backbone: Backbone
) -> None:
    train, rows = fold(backbone)
    found = scored(backbone, train, rows)
    assert found.shape == (len(rows), 4)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found[:, 3], 0)
    assert np.ptp(found, axis=0)[:3].min() > 1e-3, "rows are told apart"


def test_scoring_is_deterministic_and_changes_nothing(model: str, backbone: Backbone) -> None:
    module, tables = backbone.copy().train(), fold(backbone)
    before = state_hash(module), [t.fingerprint() for t in tables]
    torch.manual_seed(1)
    found = [scored(backbone, *tables, module=module)]
    torch.manual_seed(2)
    found += [scored(backbone, *tables, module=module)]
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(found[0], scored(backbone, *tables))
    assert (state_hash(module), [t.fingerprint() for t in tables]) == before
    assert all(part.training for part in module.modules()), "it is in training mode as before"
    assert not any(part.training for part in backbone.module.modules())


def test_a_rows_prediction_depends_on_no_other_row_that_is_asked_for(
    model: str, backbone: Backbone
) -> None:
    train, rows = fold(backbone)
    together = scored(backbone, train, rows)
    fewer = scored(backbone, train, rows.take(range(12)))
    np.testing.assert_allclose(fewer, together[:12], rtol=0, atol=ROUNDING)
    backwards = scored(backbone, train, rows.take(range(len(rows))[::-1]))
    np.testing.assert_allclose(backwards[::-1], together, rtol=0, atol=ROUNDING)


def test_labels_of_the_rows_asked_for_are_never_read(model: str, backbone: Backbone) -> None:
    train, rows = fold(backbone)
    found = scored(backbone, train, rows)
    np.testing.assert_array_equal(scored(backbone, train, turned(rows)), found)


def test_the_training_rows_are_the_context(model: str, backbone: Backbone) -> None:
    train, rows = fold(backbone)
    found = scored(backbone, train, rows)
    for other in (turned(train), train.take(range(30))):
        assert np.abs(scored(backbone, other, rows) - found).max() > 1e-3


@only("classification")
def test_a_class_keeps_its_column_whatever_its_code(model: str, backbone: Backbone) -> None:
    """Codes that no row has make no difference; in another order the classes are found, too."""
    train, rows = fold(backbone)
    found = scored(backbone, train, rows)
    code = np.array([0, 2, 3, 1])  # the absent class is in their midst
    moved = scored(backbone, replace(train, y=code[train.y]), rows)
    np.testing.assert_array_equal(moved[:, code], found)
    others = scored(backbone, replace(train, y=2 - train.y), rows)
    for y, probabilities in ((rows.y, found), (2 - rows.y, others)):
        assert (probabilities.argmax(axis=1) == y).mean() > 0.5


def test_the_encoder_learns_of_training_rows_alone_and_takes_any_other(
    model: str, backbone: Backbone
) -> None:
    train, rows = fold(backbone)
    encoder = backbone.encoder(train)
    encoded = encoder.encode_x(rows)
    assert encoded.dtype == np.float32
    assert encoder.present_.tolist() == ([0, 1, 2] if train.classes else [])
    np.testing.assert_array_equal(encoder.encode_x(rows.take([3]))[0], encoded[3])
    strange = pd.Categorical(["never seen"] * len(rows), categories=["never seen", "a"])
    X = rows.X.assign(level=strange, number=np.nan, wide=1e30)
    taken = encoder.encode_x(replace(rows, X=X))
    assert taken.shape == encoded.shape
    assert np.isfinite(taken).all()
    np.testing.assert_array_equal(encoder.encode_x(rows), encoded)


def test_logits_read_each_task_of_a_batch_for_itself_and_write_into_none(
    model: str, backbone: Backbone
) -> None:
    one = task(backbone)[:3]
    inputs = [torch.cat([part, part.flip(1)]) for part in one]
    before = [part.clone() for part in inputs]
    with torch.no_grad():
        logits = backbone.logits(backbone.module, *inputs)
        alone = backbone.logits(backbone.module, *one)
    assert logits.shape[:2] == (2, inputs[2].shape[1])
    assert logits.shape[2] >= (3 if backbone.problem == "classification" else 1)
    torch.testing.assert_close(logits[:1], alone, rtol=0, atol=1e-3)
    assert all(torch.equal(a, b) for a, b in zip(inputs, before, strict=True))


def test_gradients_reach_every_weight_that_logits_depend_on(model: str, backbone: Backbone) -> None:
    module = backbone.copy()
    loss = loss_of(backbone, module)
    loss.backward()
    gradients = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}
    assert gradients, "nothing can be fine-tuned"
    assert all(bool(torch.isfinite(grad).all()) for grad in gradients.values())
    assert sum(float(grad.abs().sum()) for grad in gradients.values()) > 0
    reached = {name for name, gradient in gradients.items() if gradient.any()}
    others = [name for name, _ in module.named_parameters() if name not in reached]
    again = loss_of(backbone, stirred(backbone.copy(), others))
    torch.testing.assert_close(again, loss, rtol=0, atol=1e-6, msg=f"{others} have no gradient")


def test_a_few_steps_on_one_task_lower_its_loss(model: str, backbone: Backbone) -> None:
    module = backbone.copy().train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=0)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = loss_of(backbone, module)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    before = scored(backbone, *fold(backbone))
    assert np.abs(scored(backbone, *fold(backbone), module=module) - before).max() > 0


def test_logits_are_linear_in_the_weights_of_the_last_layer(model: str, backbone: Backbone) -> None:
    module, task_ = backbone.copy(), task(backbone)[:3]
    try:
        last = backbone.last_layer(module)
    except ModelError:
        with pytest.raises(ModelError, match=r"expected finetune\.trained=all"):
            backbone.last_layer(module)
        return
    assert {id(weights) for weights in last} <= {id(weights) for weights in module.parameters()}
    logits = []
    with torch.no_grad():
        for _ in range(3):
            logits.append(backbone.logits(module, *task_))
            for weights in last:
                weights += torch.linspace(0.1, 0.2, weights.numel()).view_as(weights)
    once, twice = (moved - logits[0] for moved in logits[1:])
    assert float(once.abs().min()) > 0, "it makes every logit"
    torch.testing.assert_close(twice, 2 * once, rtol=1e-4, atol=1e-4)


def test_a_copy_is_free_to_be_changed(model: str, backbone: Backbone) -> None:
    before = state_hash(backbone.module)
    copy = backbone.copy()
    assert state_hash(copy) == before
    assert state_hash(stirred(copy)) != before
    assert state_hash(backbone.module) == before


def test_what_is_beyond_its_limits_is_refused(model: str, backbone: Backbone) -> None:
    train, _ = fold(backbone)
    backbone.check(train)
    with pytest.raises(TableError, match="'made' has 4 features, this model takes at most 3"):
        replace(backbone, max_features=3).check(train)
    if not train.classes:
        return
    many = replace(train, classes=tuple(map(str, range(backbone.max_classes + 1))))
    with pytest.raises(TableError, match=f"this model takes at most {backbone.max_classes}"):
        backbone.check(many)


class Small(Memory):
    """Of a device that has no room for more than 16 rows of a pass."""

    def attempt(self, kind: str, compute: Callable[[int], T], n_support: int, n_queries: int) -> T:
        def limited(chunk: int) -> T:
            if chunk > 16:
                raise torch.cuda.OutOfMemoryError
            return compute(chunk)

        return super().attempt(kind, limited, n_support, n_queries)


def test_less_memory_makes_smaller_chunks_and_the_same_scores(
    model: str, backbone: Backbone
) -> None:
    memory = Small(scoring=CHUNK)
    found = scored(backbone, *fold(backbone), memory=memory)
    assert memory.notes, "scoring asks `Memory.attempt` for its chunks"
    np.testing.assert_allclose(found, scored(backbone, *fold(backbone)), rtol=0, atol=ROUNDING)


def test_rows_that_are_read_a_few_at_a_time_are_predicted_as_all_at_once(
    model: str, backbone: Backbone
) -> None:
    train, rows = fold(backbone)
    memory = Memory(scoring=CHUNK)
    memory.support = 40  # of 60: each time the same
    together = scored(backbone, train, rows, memory=memory)
    read = backbone.reader(backbone.encoder(train), train, np.random.default_rng(0), memory)(
        backbone.module
    )
    found = np.concatenate([numbers(read(rows.take(range(at, at + 10)))) for at in (0, 10, 20)])
    np.testing.assert_allclose(found, together, rtol=0, atol=ROUNDING)
    np.testing.assert_array_equal(numbers(read(rows)), together)


def test_no_more_support_rows_are_read_than_there_is_room_for(
    model: str, backbone: Backbone
) -> None:
    train, rows = fold(backbone)
    few = Memory(scoring=CHUNK)
    few.support = 20
    found = scored(backbone, train, rows, memory=few)
    np.testing.assert_array_equal(found, scored(replace(backbone, max_context=20), train, rows))
    assert np.abs(found - scored(backbone, train, rows)).max() > 1e-4


def test_weights_that_are_no_numbers_are_not_scored(model: str, backbone: Backbone) -> None:
    broken = backbone.copy()
    with torch.no_grad():
        next(broken.parameters()).fill_(torch.nan)
    with pytest.raises(FloatingPointError):
        scored(backbone, *fold(backbone), module=broken)


def test_it_is_known_by_its_weights_whenever_it_is_loaded(
    model: str, problem: Problem, backbone: Backbone, config: dict[str, Any]
) -> None:
    again = called(config, "model")
    assert again.weights_hash == backbone.weights_hash
    assert state_hash(again.module) == state_hash(backbone.module)
    found = files_of(config)
    hashed = files_hash(found) if found else state_hash(backbone.module)
    assert backbone.weights_hash == hashed
    require(again, {"parts": {"model": identity_of(config, problem=problem)}})


@only("classification")
def test_its_smooth_classifier_has_a_gradient_to_the_rows(model: str, backbone: Backbone) -> None:
    x, y, x_query, _ = (part[0] for part in task(backbone))
    classifier = backbone.smooth()
    assert classifier.max_features == backbone.max_features
    rows = x_query.clone().requires_grad_()
    logits = classifier.support(x, y).logits(rows)
    assert logits.shape[0] == len(rows)
    logits[:, :2].logsumexp(dim=1).sum().backward()
    assert rows.grad is not None
    assert torch.isfinite(rows.grad).all()
    assert float(rows.grad.abs().max()) > 0
    assert all(weights.grad is None for weights in backbone.module.parameters())


@only("regression")
def test_a_numeric_target_is_told_in_its_own_units_and_by_no_classes(
    model: str, backbone: Backbone
) -> None:
    train, rows = fold(backbone)
    moved = replace(train, y=1e6 + 1e3 * train.y)
    memory, rng = Memory(scoring=CHUNK), np.random.default_rng(0)
    told, of_moved = (
        backbone.score(backbone.encoder(of), of, {"test": rows}, rng, memory)(backbone.module)[
            "test"
        ]
        for of in (train, moved)
    )
    assert len(told) == len(rows)
    assert np.ptp(told.mean) > 1e-6 * told.scale, "rows are told apart"
    assert told.scale == pytest.approx(train.y.std())
    tolerance = ROUNDING * of_moved.scale
    np.testing.assert_allclose(of_moved.mean, 1e6 + 1e3 * told.mean, rtol=0, atol=tolerance)
    with pytest.raises(ModelError, match="of a numeric target tells of no classes"):
        backbone.smooth()


def test_a_model_in_another_folder_is_covered(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("_target_: tiny_model.load\nseed: 3\n")
    assert {"mine", "tiny", "mitra_nano"} <= set(yamls([str(tmp_path)]))
    config = config_of("mine", tmp_path)
    assert config == {"_target_": "tiny_model.load", "seed": 3}


# --- what the suite finds -----------------------------------------------------------------------


class Peeking(NeighbourModel):
    """Its queries are centred on one another."""

    def logits(self, module: nn.Module, x: Tensor, y: Tensor, x_query: Tensor) -> Tensor:
        return super().logits(module, x, y, x_query - x_query.mean(dim=1, keepdim=True))


class Unlearnt(NeighbourModel):
    """No gradient comes through."""

    def logits(self, module: nn.Module, x: Tensor, y: Tensor, x_query: Tensor) -> Tensor:
        half = module.bias.detach()
        return super().logits(module, x, y, x_query) - module.bias + half


class Shared(NeighbourModel):
    """Its copies are itself."""

    def copy(self) -> nn.Module:
        return self.module


class Steps(NeighbourModel):
    """Rows are rounded: no gradient to them."""

    def logits(self, module: nn.Module, x: Tensor, y: Tensor, x_query: Tensor) -> Tensor:
        return super().logits(module, x, y, x_query.round())


class Inner(NeighbourModel):
    """What it calls its last layer lies within."""

    def last_layer(self, module: nn.Module) -> list[nn.Parameter]:
        return [module.sharpness]


class Whole(NeighbourModel):
    """It scores in one pass, in whatever mode the module is, and takes all rows as support."""

    def score(self, encoder: Any, train: Table, parts: dict[str, Table], *_: object) -> Any:
        x, y = (
            torch.from_numpy(encoder.encode_x(train)),
            torch.from_numpy(encoder.encode_y(train.y)),
        )

        @torch.no_grad()
        def scores(module: nn.Module) -> Probabilities:
            rows = {part: torch.from_numpy(encoder.encode_x(t)) for part, t in parts.items()}
            read = {part: module(x[None], y[None], of[None])[0] for part, of in rows.items()}
            return {part: encoder.probabilities(of.numpy(), 4) for part, of in read.items()}

        return scores


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (Peeking, test_a_rows_prediction_depends_on_no_other_row_that_is_asked_for),
        (Peeking, test_less_memory_makes_smaller_chunks_and_the_same_scores),
        (Unlearnt, test_gradients_reach_every_weight_that_logits_depend_on),
        (Shared, test_a_copy_is_free_to_be_changed),
        (Inner, test_logits_are_linear_in_the_weights_of_the_last_layer),
        (Steps, test_its_smooth_classifier_has_a_gradient_to_the_rows),
        (Whole, test_scoring_is_deterministic_and_changes_nothing),
        (Whole, test_less_memory_makes_smaller_chunks_and_the_same_scores),
        (Whole, test_no_more_support_rows_are_read_than_there_is_room_for),
        (Whole, test_weights_that_are_no_numbers_are_not_scored),
    ],
)
def test_a_model_that_breaks_a_promise_is_found(
    kind: type[NeighbourModel], check: Callable[[str, Backbone], None]
) -> None:
    broken = load(kind=kind)
    broken.module.drop.p = 0.2
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check("broken", broken)


def test_a_hash_that_names_no_weights_is_found() -> None:
    config = {"_target_": "tiny_model.load_called"}
    with pytest.raises(AssertionError):
        test_it_is_known_by_its_weights_whenever_it_is_loaded(
            "broken", "classification", load_called(), config
        )
