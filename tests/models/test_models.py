"""The model is Mitra's in logits, gradients and probabilities; scores are scikit-learn's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D
from autogluon.tabular.models.mitra.sklearn_interface import MitraClassifier
from autogluons import without_autocast
from sklearn import metrics as reference
from torch import Tensor

from bench.datasets import embedded
from bench.datasets.splits import split
from bench.errors import BadInput, ModelError, TableError
from bench.models.tab2d import forward as lean
from bench.models.tab2d.checkpoint import Checkpoint, load
from bench.models.tab2d.encoder import Encoder
from bench.models.tab2d.forward import Context, QuantileScale, forward
from bench.models.tab2d.scoring import Scoring
from bench.models.weights import NANO, files, files_hash
from bench.scores import all_scores, scores_of
from bench.table import Table

MAX_FEATURES, MAX_CONTEXT = 500, 8192
# Between two ways to compute logits of up to 3 in float32: below 1e-6 with the kernels of four
# kinds of processors. Another chunk, batch or path is another computation.
ROUNDING = 5e-6


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def nano() -> Checkpoint:
    return load(None, MAX_FEATURES, MAX_CONTEXT, device="cpu")


def model(dim: int = 24, n_layers: int = 3, n_heads: int = 3) -> Tab2D:
    """Random weights from a fixed seed."""
    torch.manual_seed(1)
    return Tab2D(
        dim=dim,
        dim_output=10,
        n_layers=n_layers,
        n_heads=n_heads,
        task="CLASSIFICATION",
        use_pretrained_weights=False,
        path_to_weights="",
        device="cpu",
    )


def task(b: int, s: int, q: int, f: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Continuous columns, but one of few values (ties), one constant, if there are as many."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(b, s + q, f, generator=generator)
    x[..., 0] = x[..., 0].round()
    if f > 1:
        x[..., 1] = 3.0
    y = torch.randint(0, 4, (b, s), generator=generator)
    return x[:, :s].clone(), y, x[:, s:].clone()


def stock(module: Tab2D, x_support: Tensor, y_support: Tensor, x_query: Tensor) -> Tensor:
    """AutoGluon's own forward pass, without padding."""
    (b, s, f), q = x_support.shape, x_query.shape[1]
    none = [torch.zeros(shape, dtype=torch.bool) for shape in ((b, f), (b, s), (b, q))]
    return module(x_support.clone(), y_support.clone(), x_query.clone(), *none)


SHAPES = [(1, 40, 13, 6), (3, 25, 9, 4), (1, 7, 1, 1), (2, 130, 70, 11)]  # b, s, q, f


class TestForward:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_equals_tab2d_in_logits_and_gradients(self, shape: tuple[int, int, int, int]) -> None:
        ours, theirs = model(), model()
        inputs = task(*shape)
        y = torch.arange(shape[0] * shape[2]) % 4
        logits, expected = forward(ours, *inputs), stock(theirs, *inputs)
        torch.testing.assert_close(logits, expected, rtol=0, atol=ROUNDING)
        F.cross_entropy(logits.flatten(0, 1), y).backward()
        F.cross_entropy(expected.flatten(0, 1), y).backward()
        compared = 0
        for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            # What only pruned tokens would reach has no gradient here and a zero one there.
            zero = torch.zeros_like(b)
            mine = zero if a.grad is None else a.grad
            other = zero if b.grad is None else b.grad
            # Gradients of up to 2.
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=2e-6, msg=name)
            compared += a.grad is not None
        assert compared > 60

    @pytest.mark.long
    def test_equals_tab2d_on_the_shipped_weights(self, nano: Checkpoint) -> None:
        inputs = task(1, 90, 30, 8)
        with torch.no_grad():
            expected = stock(nano.module, *inputs)
            logits = forward(nano.module, *inputs)
        torch.testing.assert_close(logits, expected, rtol=0, atol=5e-5)  # logits of up to 10

    def test_leaves_its_inputs_alone(self) -> None:
        inputs = task(2, 20, 5, 4)
        before = [part.clone() for part in inputs]
        forward(model(), *inputs).sum().backward()
        assert all(torch.equal(a, b) for a, b in zip(inputs, before, strict=True))

    def test_same_bits_twice(self) -> None:
        assert gradients(1) == gradients(1)

    @pytest.mark.parametrize("b", [1, 3])
    def test_same_bits_when_attention_is_recomputed(
        self, b: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same operations on the same inputs, only twice: the same computation."""
        kept = gradients(b)
        monkeypatch.setattr(lean, "MEMORY", 0)
        assert gradients(b) == kept

    def test_bfloat16_is_near(self) -> None:
        inputs = task(1, 40, 13, 6)
        with torch.autocast("cpu", torch.bfloat16):
            near = forward(model(), *inputs)
        assert near.dtype == torch.float32
        torch.testing.assert_close(near, forward(model(), *inputs), rtol=0, atol=0.05)

    def test_bfloat16_gradients_are_near(self) -> None:
        exact, near = model(), model()
        inputs = task(1, 40, 13, 6)
        forward(exact, *inputs).square().mean().backward()
        with torch.autocast("cpu", torch.bfloat16):
            logits = forward(near, *inputs)
        logits.square().mean().backward()
        compared = 0
        for (name, a), b in zip(near.named_parameters(), exact.parameters(), strict=True):
            if a.grad is not None and b.grad.norm() > 1e-4:
                error = (a.grad - b.grad).norm() / b.grad.norm()
                assert error < 0.05, f"{name}: {error}"
                compared += 1
        assert compared > 40

    @pytest.mark.parametrize("keys", [1, 48, 49])
    def test_attention_is_torchs_whether_fused_or_not(self, keys: int) -> None:
        generator = torch.Generator().manual_seed(0)
        query, key, value = (torch.randn(5, 2, n, 8, generator=generator) for n in (7, keys, keys))
        expected = F.scaled_dot_product_attention(query, key, value)
        torch.testing.assert_close(lean._attend(query, key, value), expected, rtol=0, atol=ROUNDING)

    def test_a_task_does_not_depend_on_its_batch(self) -> None:
        inputs = task(3, 25, 9, 4)
        alone = forward(model(), *(part[1:2] for part in inputs))
        torch.testing.assert_close(forward(model(), *inputs)[1:2], alone, rtol=0, atol=ROUNDING)


def gradients(b: int) -> list[bytes]:
    module = model()
    forward(module, *task(b, 60, 20, 12)).square().mean().backward()
    return [p.grad.numpy().tobytes() for p in module.parameters() if p.grad is not None]


class TestContext:
    @pytest.mark.parametrize("chunk", [1, 7, 256])
    def test_equals_forward_in_any_chunks(self, chunk: int) -> None:
        module = model()
        x_support, y_support, x_query = task(1, 60, 20, 5)
        with torch.no_grad():
            expected = forward(module, x_support, y_support, x_query)
        logits = Context.encode(module, x_support, y_support).logits(x_query, chunk)
        torch.testing.assert_close(logits, expected, rtol=0, atol=ROUNDING)

    def test_a_row_does_not_depend_on_the_other_queries(self) -> None:
        x_support, y_support, x_query = task(1, 60, 20, 5)
        context = Context.encode(model(), x_support, y_support)
        alone = context.logits(x_query[:, 3:4])
        torch.testing.assert_close(context.logits(x_query)[:, 3:4], alone, rtol=0, atol=ROUNDING)

    def test_a_constant_column_says_nothing(self) -> None:
        x = torch.full((1, 9, 1), 2.5)
        scale, support = QuantileScale.fit(x)
        assert torch.equal(support, torch.zeros(1, 9, 1))
        assert torch.equal(scale.transform(x + 1), torch.zeros(1, 9, 1))


# Zero-shot parity


def mixed_table(n: int = 90) -> Table:
    """Missing values, categorical columns, three classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n)
    number = rng.normal(size=n) + y
    number[::7] = np.nan
    levels = np.array(["a", "b", "c", "d"], dtype=object)[(y + rng.integers(0, 2, n)) % 4]
    levels[::11] = None
    whole = rng.integers(0, 5, n).astype(float)
    X = pd.DataFrame({"number": number, "level": pd.Categorical(levels), "whole": whole})
    kinds = {"number": "numeric", "level": "categorical", "whole": "integer"}
    return Table("mixed", X, y, kinds, ("x", "y", "z"), "target")  # type: ignore[arg-type]


def ordinal(table: Table, levels_of: Table) -> np.ndarray:
    """What one feeds AutoGluon: positions of levels, NaN where missing or unknown."""
    columns = []
    for column in table.X:
        values = table.X[column]
        if column in table.categorical:
            known = list(levels_of.X[column].cat.categories)
            position = {level: i for i, level in enumerate(known)}
            values = values.astype(object).map(lambda v, p=position: p.get(v, np.nan))
        columns.append(values.to_numpy(dtype=float))
    return np.stack(columns, axis=1)


@pytest.mark.filterwarnings("ignore:In CPU autocast")
class TestZeroShot:
    @pytest.mark.long
    @pytest.mark.parametrize(
        "made",
        [
            *(
                pytest.param(partial(embedded.load, n), id=n)
                for n in ("wdbc", "hepatitis", "penguins")
            ),
            pytest.param(mixed_table, id="mixed"),
        ],
    )
    def test_probabilities_are_autogluons(
        self, made: Callable[[], Table], nano: Checkpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_autocast(monkeypatch)
        table = made()
        rows = split(table, 0)
        train, test = table.take(rows.train).prune_levels(), table.take(rows.test)
        theirs = MitraClassifier(
            hf_model=str(NANO),
            device="cpu",
            fine_tune=False,
            random_mirror_x=False,
            verbose=False,
        )
        x = ordinal(train, train)
        theirs.fit(x.copy(), train.y, x.copy(), train.y)
        expected = theirs.predict_proba(ordinal(test, train))
        encoder = Encoder(nano.max_classes).fit(train)
        rng = np.random.default_rng(0)
        scoring = Scoring.prepare(encoder, train, {"test": test}, nano.device, MAX_CONTEXT, rng)
        ours = scoring.probabilities(nano.module)["test"]
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4)
        assert np.ptp(ours[:, 0]) > 0.3  # it tells rows apart

    def test_the_tables_cover_missing_values_and_categories(self) -> None:
        for table in (embedded.load("hepatitis"), mixed_table()):
            assert table.categorical
            assert table.X.isna().to_numpy().any()

    def test_bfloat16_scores_are_near_and_hardly_tie(self, nano: Checkpoint) -> None:
        table = mixed_table()
        encoder = Encoder(10).fit(table)
        near, exact = (
            Scoring.prepare(
                encoder,
                table,
                {"test": table},
                nano.device,
                MAX_CONTEXT,
                np.random.default_rng(0),
                precision=precision,
            ).probabilities(nano.module)["test"]
            for precision in (torch.bfloat16, torch.float32)
        )
        np.testing.assert_allclose(near, exact, rtol=0, atol=0.05)
        assert not np.array_equal(near, exact)
        # Read out in bfloat16 many would tie; one tie by chance depends on the kernels.
        assert len(np.unique(near[:, 0])) > 0.9 * len(np.unique(exact[:, 0]))

    def test_more_rows_than_the_context_takes_are_sampled(self, nano: Checkpoint) -> None:
        table = mixed_table()
        encoder = Encoder(10).fit(table)
        prepared = [
            Scoring.prepare(encoder, table, {}, nano.device, 30, np.random.default_rng(seed))
            for seed in (0, 0, 1)
        ]
        supports = [scoring.x_support for scoring in prepared]
        assert supports[0].shape == (1, 30, 3)
        assert torch.equal(supports[0], supports[1])
        assert not torch.equal(supports[0], supports[2])


class TestEncoder:
    def test_an_unknown_level_is_missing(self) -> None:
        table = mixed_table()
        known = table.take(np.flatnonzero(table.X["level"] != "d")).prune_levels()
        encoder = Encoder(10).fit(known)
        row = table.take(np.flatnonzero(table.X["level"] == "d")[:1])
        missing = replace(row, X=row.X.assign(level=row.X["level"].where([False])))
        np.testing.assert_array_equal(encoder.encode_x(row), encoder.encode_x(missing))

    def test_missing_numbers_become_the_training_mean(self) -> None:
        table = mixed_table()
        encoded = Encoder(10).fit(table).encode_x(table)
        absent = table.X["number"].isna()
        np.testing.assert_allclose(encoded[absent, 0], table.X["number"].mean(), rtol=1e-6)

    @pytest.mark.parametrize("value", [np.nan, 4.0])
    def test_a_column_without_news_goes(self, value: float) -> None:
        table = mixed_table()
        dull = replace(table, X=table.X.assign(whole=value))
        encoded = Encoder(10).fit(dull).encode_x(table)
        assert encoded.shape == (len(table), 2)

    def test_float32_and_finite_whatever_comes(self) -> None:
        table = mixed_table()
        encoder = Encoder(10).fit(table)
        other = replace(table, X=table.X.assign(number=np.nan, whole=1e30))
        encoded = encoder.encode_x(other)
        assert encoded.dtype == np.float32
        assert np.isfinite(encoded).all()

    def test_a_row_does_not_depend_on_others(self) -> None:
        table = mixed_table()
        encoder = Encoder(10).fit(table.take(range(60)))
        together = encoder.encode_x(table)
        for row in (0, 7, 61, 77):
            np.testing.assert_array_equal(encoder.encode_x(table.take([row]))[0], together[row])

    def test_leaves_the_table_alone(self) -> None:
        table = mixed_table()
        before = table.fingerprint()
        Encoder(10).fit(table).encode_x(table)
        assert table.fingerprint() == before

    def test_absent_classes_get_no_probability(self) -> None:
        table = mixed_table()
        encoder = Encoder(10).fit(table.take(np.flatnonzero(table.y != 1)))
        assert encoder.present_.tolist() == [0, 2]
        assert encoder.encode_y(np.array([0, 1, 2])).tolist() == [0, -1, 1]
        logits = np.arange(20.0).reshape(2, 10)
        probabilities = encoder.probabilities(logits, 3)
        assert probabilities.shape == (2, 3)
        np.testing.assert_array_equal(probabilities[:, 1], 0)
        np.testing.assert_allclose(probabilities[:, 2] / probabilities[:, 0], np.e)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)


# Checkpoints


def damaged(folder: Path, change: Callable[[Path], object]) -> str:
    copy = folder / "checkpoint"
    copy.mkdir()
    for file in files(None):
        shutil.copyfile(file, copy / file.name)
    change(copy)
    return str(copy)


def cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def config(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


DAMAGES = {
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "no config": lambda folder: (folder / "config.json").unlink(),
    "cut weights": cut,
    "no safetensors": lambda folder: (folder / "model.safetensors").write_text("hello"),
    "empty weights": lambda folder: (folder / "model.safetensors").write_bytes(b""),
    "other width": config(dim=96),
    "other depth": config(n_layers=2),
    "heads that do not fit": config(n_heads=7),
    "regression": config(task="REGRESSION"),
    "unknown task": config(task="RANKING"),
    "no JSON": lambda folder: (folder / "config.json").write_text("{"),
    "a list": lambda folder: (folder / "config.json").write_text("[]"),
    "no width": lambda folder: (folder / "config.json").write_text("{}"),
}


class TestCheckpoint:
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_a_bad_one_is_refused_in_one_sentence(self, damage: str, tmp_path: Path) -> None:
        folder = damaged(tmp_path, DAMAGES[damage])
        with pytest.raises(ModelError) as refusal:
            load(folder, MAX_FEATURES, MAX_CONTEXT, device="cpu")
        message = str(refusal.value)
        assert folder in message
        assert "\n" not in message
        assert len(message) < 400

    def test_loads_what_tab2d_loads(self, nano: Checkpoint) -> None:
        expected = Tab2D.from_pretrained(str(NANO), device="cpu").state_dict()
        loaded = nano.module.state_dict()
        assert list(loaded) == list(expected)
        assert all(torch.equal(loaded[name], expected[name]) for name in expected)
        assert all(p.requires_grad and p.device.type == "cpu" for p in nano.module.parameters())

    def test_its_hash_is_of_its_content(self, nano: Checkpoint, tmp_path: Path) -> None:
        same = damaged(tmp_path, lambda folder: None)
        assert files_hash(files(same)) == nano.weights_hash
        (tmp_path / "other").mkdir()
        other = damaged(tmp_path / "other", config(note="edited"))
        assert files_hash(files(other)) != nano.weights_hash

    def test_an_unknown_precision_of_scoring_is_refused(self) -> None:
        with pytest.raises(BadInput, match=r"scoring is .half.; expected .float32. or"):
            load(None, 500, MAX_CONTEXT, device="cpu", scoring="half")

    @pytest.mark.parametrize("device", ["abacus", "meta", "mps", "cpu:7", "CPU", "cuda:-1"])
    def test_an_unknown_device_is_refused(self, device: str) -> None:
        with pytest.raises(ModelError, match=f"Unknown device '{device}'; expected auto, cpu or"):
            load(None, MAX_FEATURES, MAX_CONTEXT, device=device)

    def test_a_table_beyond_its_limits_is_refused(self, nano: Checkpoint) -> None:
        table = mixed_table()
        nano.check(table)
        with pytest.raises(TableError, match=r"'mixed' has 3 features, .* at most 2"):
            replace(nano, max_features=2).check(table)
        many = replace(table, classes=tuple(f"class {i}" for i in range(11)))
        with pytest.raises(TableError, match=r"'mixed' has 11 classes, .* at most 10"):
            nano.check(many)


# Scores


def predictions(n_classes: int, seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    """Labels of all classes, and probabilities that know a little of them."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, 60)])
    logits = rng.normal(size=(len(y), n_classes))
    logits[np.arange(len(y)), y] += 1
    if ties:
        logits = logits.round()
    exp = np.exp(logits)
    return y, exp / exp.sum(axis=1, keepdims=True)


class TestMetrics:
    @pytest.mark.parametrize("ties", [False, True])
    @pytest.mark.parametrize("n_classes", [2, 3, 7])
    @pytest.mark.parametrize("seed", range(3))
    def test_equal_scikit_learns(self, n_classes: int, seed: int, ties: bool) -> None:
        y, p = predictions(n_classes, seed, ties)
        labels, chosen = np.arange(n_classes), p.argmax(axis=1)
        scored = p[:, 1] if n_classes == 2 else p
        expected = {
            "roc_auc_ovo": reference.roc_auc_score(y, scored, multi_class="ovo", labels=labels),
            "roc_auc_ovr": reference.roc_auc_score(y, scored, multi_class="ovr", labels=labels),
            "log_loss": reference.log_loss(y, p, labels=labels),
            "accuracy": reference.accuracy_score(y, chosen),
            "balanced_accuracy": reference.balanced_accuracy_score(y, chosen),
            "brier": reference.brier_score_loss(y, p, labels=labels, scale_by_half=False),
        }
        scores = all_scores(y, p)
        assert list(scores) == [score.name for score in scores_of("classification")]
        del scores["calibration_error"]  # scikit-learn has none
        assert scores == pytest.approx(expected, rel=1e-12, abs=1e-12)

    def test_pairs_without_rows_do_not_count(self) -> None:
        y, p = predictions(4, 0, ties=False)
        kept = y != 3
        scores = all_scores(y[kept], p[kept])
        shares = p[kept][:, :3]  # pairs read two columns as they are: the fourth takes no part
        pairs = []
        for a, b in ((0, 1), (0, 2), (1, 2)):
            rows = np.isin(y[kept], (a, b))
            for one in (a, b):
                pairs.append(reference.roc_auc_score(y[kept][rows] == one, shares[rows, one]))
        assert scores["roc_auc_ovo"] == pytest.approx(np.mean(pairs))

    def test_one_class_has_no_roc_auc(self) -> None:
        _, p = predictions(3, 0, ties=False)
        scores = all_scores(np.ones(len(p), dtype=int), p)
        assert scores["roc_auc_ovo"] is None
        assert scores["roc_auc_ovr"] is None
        assert scores["log_loss"] == pytest.approx(-np.log(p[:, 1]).mean())

    def test_certainty_in_the_wrong_class_costs_a_finite_loss(self) -> None:
        scores = all_scores(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))
        assert scores["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps) / 2)
        assert scores["brier"] == 1.0
