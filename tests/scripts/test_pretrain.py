"""Pre-training of mitra-nano: the prior keeps its promises and a run is what its seed makes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from safetensors.torch import load_file

from bench.models.tab2d.forward import forward
from generators.prior.mechanisms import MAX_LEVELS, MECHANISMS
from generators.prior.tables import draw_batch, draw_table, recode_levels
from generators.prior.targets import IGNORE, ClassTarget, ValueTarget
from scripts.nano.batches import batches_from, draw_shape, make_prior, prior_at, training_batch
from scripts.nano.heads import Bins
from scripts.pretrain_nano import CONF, Run, config_hash, finish, learning_rate, train

TINY = [
    "steps=8",
    "model={dim: 16, n_layers: 2, n_heads: 2, dim_output: 10}",
    "shapes.tokens=[[0, 600]]",
    "validation.shapes=[[30, 4]]",
    "validation.tables=2",
    "log_every=2",
    "validate_every=4",
    "checkpoint_every=3",
]


BOTH = ("pretrain_nano", "pretrain_nano_regressor")
TINY_NUMBERS = [*TINY, "model={dim: 16, n_layers: 2, n_heads: 2, dim_output: 64, task: REGRESSION}"]


def settings(*overrides: str, name: str = "pretrain_nano") -> DictConfig:
    with initialize_config_dir(str(CONF), version_base=None):
        return compose(name, list(overrides))


@pytest.fixture(scope="module")
def config() -> DictConfig:
    return settings()


@pytest.fixture(scope="module")
def of_numbers() -> DictConfig:
    return settings(name="pretrain_nano_regressor")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished tiny run whose tables came from a worker process."""
    run = train(settings(*TINY, f"output={tmp_path_factory.mktemp('whole')}"))
    finish(run)
    return run


# The prior


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_every_mechanism_draws_tables_of_the_promised_shape(
    mechanism: str, config: DictConfig
) -> None:
    prior = make_prior(config.prior, {"mechanism_weights": {mechanism: 1.0}})
    for seed, (n, f, n_classes) in enumerate([(40, 2, 2), (90, 7, 5), (120, 60, 10)]):
        X, y = draw_table(np.random.default_rng(seed), n, f, ClassTarget(n_classes, prior))
        assert X.shape == (n, f)
        assert X.dtype == np.float32
        assert np.isfinite(X).all()
        assert y.shape == (n,)
        assert y.min() >= 0
        assert y.max() < n_classes


def test_every_mechanism_of_numbers_draws_finite_continuous_targets(
    of_numbers: DictConfig,
) -> None:
    for mechanism in of_numbers.prior.mechanism_weights:
        prior = make_prior(of_numbers.prior, {"mechanism_weights": {mechanism: 1.0}, "warped": 0.0})
        for seed, (n, f) in enumerate([(40, 2), (120, 40)]):
            X, y = draw_table(np.random.default_rng(seed), n, f, ValueTarget(prior))
            assert X.shape == (n, f)
            assert X.dtype == np.float32
            assert np.isfinite(X).all()
            assert np.isfinite(y).all()
            assert y.dtype == np.float64
            assert len(np.unique(y)) == n


def test_a_batch_of_numbers_is_scaled_by_its_support_alone(of_numbers: DictConfig) -> None:
    prior = make_prior(of_numbers.prior)
    _, shown, _, asked = draw_batch(np.random.default_rng(0), 40, 60, 30, 5, prior)
    assert shown.dtype == asked.dtype == np.float32
    assert np.allclose(shown.min(1), 0)
    assert np.allclose(shown.max(1), 1)
    assert np.isfinite(asked).all()
    assert asked.min() < 0  # a query may lie beyond what the support shows
    assert asked.max() > 1


@pytest.mark.parametrize("name", BOTH)
def test_a_seed_decides_the_tables(name: str) -> None:
    prior = make_prior(settings(name=name).prior)
    one, same, other = (
        draw_batch(np.random.default_rng(seed), 4, 40, 20, 6, prior) for seed in (3, 3, 4)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, same))
    assert not np.array_equal(one[0], other[0])


def test_a_batch_numbers_the_classes_of_the_support_without_gaps(config: DictConfig) -> None:
    prior = make_prior(config.prior, {"scattered": 0.0})
    _, y_support, _, y_query = draw_batch(np.random.default_rng(0), 30, 60, 40, 5, prior)
    for shown, asked in zip(y_support, y_query):
        classes = np.unique(shown)
        assert len(classes) >= 2
        assert np.array_equal(classes, np.arange(len(classes)))
        assert set(asked) <= {*classes, IGNORE}


def test_scattered_classes_use_every_code_alike(config: DictConfig) -> None:
    prior = make_prior(config.prior, {"scattered": 1.0, "class_weights": [1.0] + 8 * [0.0]})
    _, y_support, _, y_query = draw_batch(np.random.default_rng(0), 200, 20, 10, 2, prior)
    codes = [np.unique(shown) for shown in y_support]
    assert all(len(pair) == 2 for pair in codes)
    assert (np.bincount(np.concatenate(codes), minlength=10) > 20).all()
    assert all(set(asked) <= set(shown) for shown, asked in zip(codes, y_query))


def test_many_classes_are_drawn_where_the_support_has_rows_for_them(config: DictConfig) -> None:
    prior = make_prior(config.prior, {"scattered": 0.0})
    rng = np.random.default_rng(0)
    _, large, _, _ = draw_batch(rng, 60, 100, 32, 4, prior)
    _, small, _, _ = draw_batch(rng, 60, 24, 32, 4, prior)
    assert large.max() >= 8
    assert small.max() <= 3  # 24 rows: at most four classes


def test_recoding_levels_permutes_them_and_leaves_continuous_columns_alone() -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=200), rng.integers(4, size=200)])
    recoded = [recode_levels(np.random.default_rng(seed), X) for seed in range(12)]
    assert all(np.array_equal(Z[:, 0], X[:, 0]) for Z in recoded)
    assert len(np.unique(X[:, 0])) > MAX_LEVELS
    pairs = [{*zip(X[:, 1], Z[:, 1])} for Z in recoded]
    assert all(len(p) == 4 for p in pairs)  # one code a level
    assert any(p != {(v, v) for v in range(4)} for p in pairs)


def test_the_target_depends_on_the_features(config: DictConfig) -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    clean = prior_at(config, 0)
    scores = []
    for seed in range(8):
        X, y = draw_table(np.random.default_rng(seed), 300, 4, ClassTarget(2, clean))
        forest = RandomForestClassifier(30, min_samples_leaf=3, random_state=0)
        forest.fit(X[:200], y[:200])
        scores.append(roc_auc_score(y[200:], forest.predict_proba(X[200:])[:, 1]))
    assert np.mean(scores) > 0.75


def test_the_number_depends_on_the_features(of_numbers: DictConfig) -> None:
    from sklearn.ensemble import RandomForestRegressor

    clean = prior_at(of_numbers, 0)
    scores = []
    for seed in range(6):
        X, y = draw_table(np.random.default_rng(seed), 300, 4, ValueTarget(clean))
        forest = RandomForestRegressor(20, min_samples_leaf=3, random_state=0)
        scores.append(forest.fit(X[:200], y[:200]).score(X[200:], y[200:]))
    assert np.mean(scores) > 0.5


# The head of numbers


def test_a_value_falls_into_its_bin_and_beyond_the_bins_into_the_last() -> None:
    head = Bins(8, [[0, 0.01]])
    y = torch.tensor([-9.0, -0.5, -0.3, 0.0, 0.6, 1.0, 1.49, 1.5, 9.0])
    assert head.read(y).tolist() == [0, 0, 0, 1, 4, 5, 7, 7, 7]
    assert torch.equal(head.read(head.centres), torch.arange(8))


def test_the_loss_of_numbers_is_least_where_the_mass_is_the_values_own() -> None:
    head = Bins(32, [[0, 0.1], [10, 0.001]])
    y = head.centres[None]  # one query in each bin
    sharp = torch.full((1, 32, 32), -30.0)
    sharp[0].fill_diagonal_(0.0)
    assert head.loss(sharp, y, 10) < 1e-3
    assert head.loss(sharp.roll(1, -1), y, 10) > 5
    # Wide at first: a neighbour's mass costs little more than the value's own.
    assert head.loss(sharp, y, 0) > 5
    assert head.loss(torch.zeros(1, 32, 32), y, 0) == pytest.approx(np.log(32), rel=1e-4)


def test_neighbouring_bins_start_alike(tmp_path: Path) -> None:
    tiny = settings(*TINY_NUMBERS, f"output={tmp_path}", name="pretrain_nano_regressor")
    model = Run(tiny).model
    for weight in (model.y_embedding.y_embedding.weight, model.final_layer.weight):
        near = (weight[1:] - weight[:-1]).norm(dim=1)
        far = (weight[32:] - weight[:-32]).norm(dim=1)
        assert near.max() < 0.5 * far.min()


# The schedule


@pytest.mark.parametrize("name", BOTH)
def test_a_step_decides_its_batch(name: str) -> None:
    config = settings(name=name)
    a, b = training_batch(config, 700), training_batch(config, 700)
    assert all(np.array_equal(x, y) for x, y in zip(a, b))
    assert not np.array_equal(a[1], training_batch(config, 701)[1])


@pytest.mark.parametrize("step", [0, 2500, 5500, 8599])
def test_shapes_stay_within_their_bounds(step: int, config: DictConfig) -> None:
    limits = config.shapes
    rng = np.random.default_rng(0)
    for _ in range(50):
        shape = draw_shape(rng, limits, step)
        assert limits.min_features <= shape.features <= 60
        assert limits.min_support <= shape.support < 500
        assert limits.query_rows[0] <= shape.query <= limits.query_rows[1]
        assert limits.tables[0] <= shape.tables <= limits.tables[1]
        assert shape.tokens <= 1.6 * 16000


def test_the_run_begins_with_the_easy_prior_and_the_rate_ends_at_zero(config: DictConfig) -> None:
    assert prior_at(config, 0).flip_share == 0
    assert prior_at(config, config.steps - 1) == make_prior(config.prior)
    half = (config.optimizer.decay_from + config.steps) // 2
    rates = [learning_rate(config.optimizer, s, config.steps) for s in (0, 99, half, config.steps)]
    top = config.optimizer.lr
    assert rates == pytest.approx([top / 100, top, top / 2, 0])


# The run


@pytest.mark.long
def test_an_interrupted_run_ends_with_the_same_bits(uninterrupted: Run, tmp_path: Path) -> None:
    """Stopped between two checkpoints, taken up again, and without a worker process besides."""
    again = settings(*TINY, f"output={tmp_path}", "workers=0")
    train(again, stop_at=5)
    run = train(again)
    assert run.progress.restarts == 1
    finish(run)
    whole, resumed = (
        load_file(folder / "model.safetensors") for folder in (uninterrupted.folder, tmp_path)
    )
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    losses = [
        [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]
        for folder in (uninterrupted.folder, tmp_path)
    ]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 4


@pytest.mark.long
def test_an_interrupted_run_of_numbers_ends_with_the_same_bits(tmp_path: Path) -> None:
    runs = []
    for stops in ([5], [2, 5]):
        folder = tmp_path / str(len(stops))
        config = settings(
            *TINY_NUMBERS,
            f"output={folder}",
            "workers=0",
            "checkpoint_every=1",
            name="pretrain_nano_regressor",
        )
        for stop in stops:
            run = train(config, stop_at=stop)
        runs.append(run)
    whole, resumed = (run.average for run in runs)
    assert [run.progress.restarts for run in runs] == [0, 1]
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    finish(runs[1])
    loaded = Tab2D.from_pretrained(str(runs[1].folder), device="cpu")
    assert loaded.task.name == "REGRESSION"
    assert loaded.dim_output == 64


def test_other_settings_are_refused_where_a_run_lies(tmp_path: Path) -> None:
    train(settings(*TINY, f"output={tmp_path}", "workers=0"), stop_at=3)
    with pytest.raises(SystemExit, match="other settings"):
        train(settings(*TINY, f"output={tmp_path}", "workers=0", "seed=99"))


def test_the_number_of_workers_is_no_part_of_a_runs_identity() -> None:
    assert config_hash(settings("workers=3", "output=elsewhere")) == config_hash(settings())
    assert config_hash(settings("optimizer.lr=1e-4")) != config_hash(settings())


def test_a_run_taken_up_in_the_middle_draws_the_middle_steps() -> None:
    with batches_from(settings(*TINY, "workers=0"), 2) as batches:
        batch, _ = next(batches)
    assert np.array_equal(batch[1], training_batch(settings(*TINY), 2)[1])


def test_the_exported_model_loads_as_tab2d_and_gives_its_logits(uninterrupted: Run) -> None:
    trained = uninterrupted.model
    trained.load_state_dict(uninterrupted.average)
    loaded = Tab2D.from_pretrained(str(uninterrupted.folder), device="cpu").eval()
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(1, 50, 5, generator=rng)
    y = torch.randint(3, (1, 30), generator=rng)
    with torch.no_grad():
        expected = forward(trained, x[:, :30], y, x[:, 30:])
        lean = forward(loaded, x[:, :30], y, x[:, 30:])
        padding = [torch.zeros(1, n, dtype=torch.bool) for n in (5, 30, 20)]
        stock = loaded(x[:, :30].clone(), y.clone(), x[:, 30:].clone(), *padding)
    assert lean.shape == (1, 20, 10)
    # Where the weights lie in memory may decide how they are multiplied.
    assert torch.allclose(lean, expected, rtol=0, atol=1e-6)
    assert torch.allclose(stock, expected, rtol=0, atol=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(trained.parameters(), loaded.parameters()))


def test_the_facts_of_a_run_are_written_beside_it(uninterrupted: Run) -> None:
    facts = json.loads((uninterrupted.folder / "training.json").read_text())
    assert facts["steps"] == 8
    assert facts["config_sha256"] == config_hash(settings(*TINY))
    assert facts["tables"] > 0
    assert (uninterrupted.folder / "loss.png").read_bytes().startswith(b"\x89PNG")
