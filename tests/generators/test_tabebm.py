"""TabEBM: a smooth forward that is the model's own, energies that fall, rows of their class."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.neighbors import KNeighborsClassifier

from bench.generator import NotApplicable
from bench.models.tab2d.checkpoint import load
from bench.models.tab2d.forward import QuantileScale, forward
from bench.models.tab2d.smooth import SmoothClassifier, SmoothScale
from bench.table import Table
from generators.tabebm import TabEBM
from generators.tabebm.energy import Energy, langevin, surrogate_negatives
from scripts.draw_two_moons import moons


@cache
def classifier() -> SmoothClassifier:
    return SmoothClassifier(load(None, max_features=500, max_context=8192, device="cpu"))


def of_iris(rows: np.ndarray) -> Table:
    data = load_iris(as_frame=True)
    frame = data.data.iloc[rows]
    kinds = dict.fromkeys(frame.columns, "numeric")
    return Table("iris", frame, data.target.to_numpy()[rows], kinds, ("a", "b", "c"), "species")


def mixed() -> Table:
    """A number and two categorical columns, of which one follows the class."""
    rng = np.random.default_rng(3)
    y = np.arange(80) % 2
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=80) + 2 * y,
            "colour": pd.Categorical(np.array(["red", "blue"])[y]),
            "shape": pd.Categorical(rng.choice(["round", "square", "long"], size=80)),
        }
    )
    kinds = {"size": "numeric", "colour": "categorical", "shape": "categorical"}
    return Table("made", frame, y, kinds, ("x", "y"), "class")


# --- the smooth forward -----------------------------------------------------------------------


def support_columns(n: int) -> torch.Tensor:
    """Normal, heavy-tailed, one-hot and rounded columns, shape (1, n, 4)."""
    rng = np.random.default_rng(n)
    columns = [
        rng.normal(size=n),
        rng.standard_t(2, size=n),
        (rng.random(n) < 0.2).astype(float),
        np.round(2 * rng.normal(size=n)),
    ]
    return torch.from_numpy(np.stack(columns, axis=1).astype(np.float32))[None]


@pytest.mark.parametrize("n", [8, 60, 400, 1500])
def test_the_smooth_scale_is_the_models_own_at_every_support_value(n: int) -> None:
    support = support_columns(n)
    exact, at_support = QuantileScale.fit(support)
    smooth = SmoothScale.fit(support)
    torch.testing.assert_close(smooth.transform(support), at_support, rtol=0, atol=1e-5)
    outside = torch.tensor([[[-1e4] * 4, [1e4] * 4]])
    torch.testing.assert_close(smooth.transform(outside), exact.transform(outside))


@pytest.mark.parametrize("n", [60, 400, 1500])
def test_between_values_of_a_continuous_column_it_differs_by_two_quantiles_of_999(n: int) -> None:
    support = support_columns(n)[:, :, :2]
    exact, _ = QuantileScale.fit(support)
    smooth = SmoothScale.fit(support)
    low, high = support.amin(1)[0], support.amax(1)[0]
    grid = torch.rand(1, 5000, 2, generator=torch.Generator().manual_seed(0)) * (high - low) + low
    tolerance = 2 / exact.n_support / exact.deviation[..., 0]
    difference = (smooth.transform(grid) - exact.transform(grid)).abs().amax(1)
    assert (difference <= tolerance + 1e-5).all(), (difference, tolerance)
    assert tolerance.max() < 0.01  # of the support's standard deviation


def test_its_logits_are_the_models_own_at_support_rows() -> None:
    x = support_columns(60)
    y = torch.arange(60)[None] % 2
    ours = classifier().support(x[0], y[0]).logits(x[0])
    with torch.no_grad():
        theirs = forward(classifier().module, x, y, x)[0]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-4)


def test_its_gradient_is_the_slope_of_the_energy() -> None:
    rows = support_columns(60)[0, :, :2].numpy()
    energy = Energy.of(classifier(), rows, surrogate_negatives(2, 5.0, np.random.default_rng(0)))
    x = rows[:5] + np.float32(0.011)
    gradient = energy.gradient(x, chunk=3)
    step = 1e-3
    for column in range(2):
        shift = step * np.eye(2, dtype=np.float32)[column]
        with torch.no_grad():
            ends = [energy(torch.from_numpy(x + sign * shift)).numpy() for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        assert gradient[:, column] == pytest.approx(slope, abs=0.05, rel=0.1)


def test_the_checkpoint_keeps_its_weights_and_gets_no_gradient() -> None:
    checkpoint = load(None, max_features=500, max_context=8192, device="cpu")
    before = [p.clone() for p in checkpoint.module.parameters()]
    TabEBM(steps=3).over(SmoothClassifier(checkpoint)).fit(
        moons(60, 0), np.random.default_rng(0)
    ).sample(20, np.random.default_rng(0))
    for old, new in zip(before, checkpoint.module.parameters(), strict=True):
        assert torch.equal(old, new)
        assert new.grad is None
        assert new.requires_grad


# --- energies ---------------------------------------------------------------------------------


def test_negatives_are_two_pairs_of_opposite_corners() -> None:
    for width in (2, 3, 20):
        for seed in range(10):
            corners = surrogate_negatives(width, 5.0, np.random.default_rng(seed))
            assert (np.abs(corners) == 5).all()
            assert len({tuple(corner) for corner in corners}) == 4
            assert (corners.sum(axis=0) == 0).all()
    assert surrogate_negatives(1, 5.0, np.random.default_rng(0)).tolist() == [[-5], [5]]


def test_energies_fall_along_the_drift() -> None:
    """Without noise and from starts beside the class's rows, at every tenth step."""
    table = moons(100, 0)
    generator = TabEBM().over(classifier()).fit(table, np.random.default_rng(0))
    energy = generator.energies_[0]
    rng = np.random.default_rng(1)
    x = generator.encoded_[table.y == 0] + np.float32(0.5) * rng.standard_normal(
        (50, 2), dtype=np.float32
    )
    means = []
    for _ in range(4):
        with torch.no_grad():
            means.append(float(energy(torch.from_numpy(x)).mean()))
        x = langevin(energy, x, steps=10, step=0.02, noise=0.0, refresh=1, chunk=64, rng=rng)
    assert (np.diff(means) < 0).all(), means


def test_energy_is_lower_on_class_rows_than_at_the_negatives() -> None:
    table = moons(100, 0)
    generator = TabEBM().over(classifier()).fit(table, np.random.default_rng(0))
    rows = torch.from_numpy(generator.encoded_[table.y == 0])
    corners = torch.tensor([[5.0, 5.0], [-5.0, -5.0], [5.0, -5.0], [-5.0, 5.0]])
    energy = generator.energies_[0]
    with torch.no_grad():
        assert energy(rows).mean() < energy(corners).mean()


@pytest.mark.long
def test_a_gradient_taken_anew_every_twentieth_step_leaves_most_rows_where_they_were() -> None:
    """Half of them to 0.02 standard deviations, 90 % to less than the noise of all steps, 0.14."""
    table = moons(60, 0)
    values = [
        TabEBM(refresh=refresh)
        .over(classifier())
        .fit(table, np.random.default_rng(0))
        .sample(60, np.random.default_rng(1))
        .X.to_numpy()
        for refresh in (1, 20)
    ]
    apart = np.abs(values[0] - values[1]) / table.X.to_numpy().std(axis=0)
    assert np.median(apart) < 0.02
    assert np.quantile(apart, 0.9) < 0.01 * np.sqrt(200)


# --- rows -------------------------------------------------------------------------------------

TABLES: dict[str, tuple[Callable[[], Table], Callable[[], Table]]] = {
    "two moons": (lambda: moons(120, 0), lambda: moons(400, 1)),
    "three classes": (
        lambda: of_iris(np.arange(0, 150, 2)),
        lambda: of_iris(np.arange(1, 150, 2)),
    ),
}


@pytest.mark.parametrize("name", list(TABLES))
def test_rows_are_of_their_class_to_another_classifier_as_often_as_real_ones(name: str) -> None:
    """To 4 %: a 5-nearest-neighbours classifier that was fitted to other real rows."""
    real, others = (make() for make in TABLES[name])
    judge = KNeighborsClassifier(5).fit(others.X, others.y)
    rows = (
        TabEBM()
        .over(classifier())
        .fit(real, np.random.default_rng(0))
        .sample(300, np.random.default_rng(1))
    )
    for label in range(real.n_classes):
        of_class = judge.predict(rows.X[rows.y == label]) == label
        as_real = judge.predict(real.X[real.y == label]) == label
        assert of_class.mean() > as_real.mean() - 0.04


def test_rows_have_their_starts_as_origins_and_keep_their_levels_and_holes() -> None:
    table = mixed()
    X = table.X.copy()
    X.loc[::4, "size"] = np.nan
    X.loc[1::8, "shape"] = np.nan
    table = table.with_rows(X, table.y)
    rows = (
        TabEBM()
        .over(classifier())
        .fit(table, np.random.default_rng(0))
        .sample(100, np.random.default_rng(1))
    )
    by_key = dict(zip(table.row_keys(), range(len(table)), strict=True))
    starts = table.take([by_key[key] for key in rows.origins])
    assert (starts.y == rows.y).all()
    assert (starts.X.isna() == rows.X.isna()).all(axis=None)
    for column in ("colour", "shape"):
        assert (starts.X[column].astype(str) == rows.X[column].astype(str)).all()
    moved = (starts.X["size"] - rows.X["size"]).abs().dropna()
    assert 0 < moved.mean() < 0.5 * table.X["size"].std()


def test_a_strong_drift_moves_levels_to_valid_levels() -> None:
    """Enough noise to change a one-hot block's highest column, and still each row has one level."""
    rows = (
        TabEBM(steps=20, noise=0.3)
        .over(classifier())
        .fit(mixed(), np.random.default_rng(0))
        .sample(80, np.random.default_rng(1))
    )
    by_key = dict(zip(mixed().row_keys(), range(80), strict=True))
    starts = mixed().take([by_key[key] for key in rows.origins])
    changed = starts.X["shape"].astype(str) != rows.X["shape"].astype(str)
    assert 0.1 < changed.mean() < 0.9
    assert set(rows.X["shape"]) == {"round", "square", "long"}


def test_how_many_rows_are_moved_at_a_time_decides_nothing() -> None:
    one, other = (
        TabEBM(steps=20, chunk=chunk)
        .over(classifier())
        .fit(moons(60, 0), np.random.default_rng(0))
        .sample(50, np.random.default_rng(1))
        .X.to_numpy()
        for chunk in (7, 256)
    )
    assert one == pytest.approx(other, abs=1e-5)


def test_a_table_wider_than_the_classifier_takes_is_refused() -> None:
    narrow = SmoothClassifier(load(None, max_features=3, max_context=8192, device="cpu"))
    with pytest.raises(NotApplicable, match="as 6 columns, the classifier takes at most 3"):
        TabEBM().over(narrow).fit(mixed(), np.random.default_rng(0))


def test_it_asks_for_a_classifier() -> None:
    with pytest.raises(ValueError, match="needs an in-context classifier"):
        TabEBM().fit(mixed(), np.random.default_rng(0))


@pytest.mark.parametrize(("settings", "named"), [({"drift": "sum"}, "sum"), ({"refresh": 0}, "0")])
def test_a_wrong_setting_is_named(settings: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        TabEBM(**settings)
