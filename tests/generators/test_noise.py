"""Noise rows: training rows changed a little, always on their original's side of a task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from recipes import recipe

from bench.cell import synthetic
from bench.finetune.generated import SharedTable
from bench.finetune.settings import Finetune, Mixing, Rows
from bench.finetune.sources import MixedTasks, RealTasks, Task, TaskSource, build
from bench.generator import NotApplicable
from bench.models.tab2d.encoder import Encoder
from bench.table import Table
from generators.noise import Noise

METHODS = Path(__file__).parents[2] / "conf" / "method"
SEED = ("cell", "made", 0, 0)
STEPS = range(1, 6)
FAR = 1000.0  # between the ids of `traceable`: their noise never reaches half of it


def table_of(columns: dict[str, object], y: np.ndarray) -> Table:
    X = pd.DataFrame(columns)
    kinds = {
        name: "categorical" if isinstance(values.dtype, pd.CategoricalDtype) else "numeric"
        for name, values in X.items()
    }
    X = X.astype({name: np.float64 for name, kind in kinds.items() if kind == "numeric"})
    return Table("made", X, y, kinds, tuple("pqr"), "class")


def traceable(n: int = 100) -> Table:
    """Rows whose first column tells, after the noise as before, which of them they are."""
    rng = np.random.default_rng(3)
    columns = {
        "id": FAR * np.arange(n),
        "size": rng.normal(size=n),
        "colour": pd.Categorical(rng.choice(["blue", "red"], size=n)),
    }
    return table_of(columns, np.arange(n) % 3)


def original(x: np.ndarray) -> np.ndarray:
    """Which of the `traceable` rows each encoded row was made of."""
    return np.round(x[:, 0] / FAR).astype(int)


LITTLE = Noise(scale=0.001, swap=0.3)  # 0.001 of the ids' deviation: about 29


def sampled(table: Table, noise: Noise | None = None, n: int = 4000, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    return (noise or Noise()).fit(table, rng).sample(n, rng)


def source_of(train: Table, table: Table, rows: str, finetune: Finetune | None = None):
    mixing = Mixing(rows=Rows(rows), ratio=1.0, fresh=False, size=2.0)
    encoder = Encoder(10).fit(train)
    return build(mixing, SharedTable(table), train, encoder, finetune or recipe(), SEED)


def equal(one: Task, two: Task) -> bool:
    pairs = zip(vars(one).values(), vars(two).values(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@st.composite
def grids(draw: st.DrawFn) -> Table:
    """Small grids of values, where a changed row often equals another one."""
    n, side = draw(st.integers(6, 40)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    X = pd.DataFrame(rng.integers(0, side, size=(n, 2)), columns=["a", "b"]).astype(float)
    X["c"] = pd.Categorical(rng.choice(["u", "v", None], size=n), categories=["u", "v", "w"])
    kinds = {"a": "integer", "b": "integer", "c": "categorical"}
    return Table("made", X, np.arange(n) % 2, kinds, ("p", "q"), "class")


class TestRows:
    def test_numbers_get_noise_of_the_scale_asked_for(self):
        """Measured on the middle half of the values, which no clip reaches."""
        x = np.linspace(-50, 50, 1001)
        rows = sampled(table_of({"id": np.arange(1001.0), "x": x}, np.arange(1001) % 3))
        by_key = dict(zip(rows_of_x(x), x, strict=True))
        moved = rows.X["x"].to_numpy() - np.array([by_key[key] for key in rows.origins])
        middle = np.abs([by_key[key] for key in rows.origins]) < 25
        assert np.std(moved[middle]) == pytest.approx(0.1 * np.std(x), rel=0.06)
        assert abs(np.mean(moved[middle])) < 0.02 * np.std(x)

    def test_values_stay_in_the_training_range_and_missing_ones_missing(self):
        x = np.where(np.arange(90) % 3 == 0, np.nan, np.arange(90.0))
        rows = sampled(table_of({"id": np.arange(90.0), "x": x}, np.arange(90) % 3))
        assert (rows.X["x"].min(), rows.X["x"].max()) == (1.0, 89.0)  # the clip's own values
        assert rows.X["x"].isna().to_numpy()[rows.y == 0].all()
        assert rows.X["x"].notna().to_numpy()[rows.y != 0].all()

    def test_integers_stay_whole(self):
        table = table_of({"id": np.arange(90.0)}, np.arange(90) % 3)
        table = Table("made", table.X, table.y, {"id": "integer"}, table.classes, "class")
        values = sampled(table, Noise(scale=1.0)).X["id"]
        assert (values == values.round()).all()

    def test_levels_are_drawn_anew_with_the_swaps_probability_from_their_frequencies(self):
        """Of 80 % red and 20 % blue, 20 % × 30 % of the red become blue, 80 % × 30 % of the blue
        red.
        """
        colour = np.where(np.arange(300) % 5 == 0, "blue", "red")
        columns = {"id": np.arange(300.0), "colour": pd.Categorical(colour)}
        table = table_of(columns, np.arange(300) % 3)
        rows = sampled(table, Noise(swap=0.3), n=12_000)
        before = pd.Series(colour, index=table.row_keys())[rows.origins].to_numpy()
        is_red = rows.X["colour"].to_numpy() == "red"
        assert np.mean(~is_red[before == "red"]) == pytest.approx(0.2 * 0.3, abs=0.01)
        assert np.mean(is_red[before == "blue"]) == pytest.approx(0.8 * 0.3, abs=0.03)

    def test_missing_levels_stay_missing_and_no_level_goes_missing(self):
        colour = pd.Categorical([None, "blue", "red"] * 30)
        table = table_of({"id": np.arange(90.0), "colour": colour}, np.arange(90) % 3)
        rows = sampled(table, Noise(swap=1.0))
        np.testing.assert_array_equal(rows.X["colour"].isna(), rows.y == 0)
        assert set(rows.X["colour"].dropna()) == {"blue", "red"}

    def test_class_shares_are_kept_to_within_a_row(self):
        y = np.repeat([0, 1, 2], [70, 27, 3])
        rows = sampled(table_of({"id": np.arange(100.0)}, y), n=200)
        assert (np.abs(rows.class_counts() - [140, 54, 6]) <= 1).all()

    def test_without_noise_and_swaps_the_rows_are_bootstrap_rows(self):
        rows = sampled(traceable(), Noise(scale=0.0, swap=0.0))
        np.testing.assert_array_equal(rows.row_keys(), rows.origins)

    def test_constant_and_huge_columns_come_out_finite(self):
        columns = {
            "id": np.arange(90.0),
            "one": np.full(90, 0.1),
            "none": np.full(90, np.nan),
            "huge": 1e306 * (np.arange(90) - 45),
        }
        rows = sampled(table_of(columns, np.arange(90) % 3))
        assert (rows.X["one"] == 0.1).all()
        assert rows.X["none"].isna().all()
        assert np.isfinite(rows.X["huge"]).all()
        assert rows.X["huge"].nunique() > 1000

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({"scale": -1.0}, r"scale is -1\.0; expected a number from 0"),
            ({"swap": 1.5}, r"swap is 1\.5; expected a number from 0 to 1\."),
            ({"swap": float("nan")}, "swap is nan"),
        ],
    )
    def test_parameters_out_of_range_are_refused(self, given: dict[str, float], sentence: str):
        with pytest.raises(ValueError, match=sentence):
            Noise(**given)

    def test_a_table_without_rows_is_refused(self):
        with pytest.raises(NotApplicable, match=r"^[^.\n]*\.$"):
            Noise().fit(traceable().take([]), np.random.default_rng(0))


def rows_of_x(x: np.ndarray) -> list[int]:
    """Keys of the rows of a table of ids and ``x``."""
    y = np.arange(len(x)) % 3
    return table_of({"id": np.arange(float(len(x))), "x": x}, y).row_keys().tolist()


class TestOrigins:
    def test_they_are_the_rows_that_the_rows_were_made_of(self):
        table = traceable()
        rows = sampled(table, LITTLE)
        made_of = np.round(rows.X["id"] / FAR).astype(int)
        np.testing.assert_array_equal(rows.origins, table.row_keys()[made_of])
        np.testing.assert_array_equal(rows.y, table.y[made_of])
        assert (rows.row_keys() != rows.origins).mean() > 0.99

    @pytest.mark.long
    @settings(max_examples=60, deadline=None)
    @given(table=grids(), seed=st.integers(0, 9))
    def test_equal_rows_have_one_origin_and_copies_of_real_rows_that_row(
        self, table: Table, seed: int
    ):
        rows = sampled(table, Noise(scale=0.7, swap=0.3), n=80, seed=seed)
        keys, real = rows.row_keys(), table.row_keys()
        assert np.isin(rows.origins, real).all()
        is_copy = np.isin(keys, real)
        np.testing.assert_array_equal(keys[is_copy], rows.origins[is_copy])
        assert pd.Series(rows.origins).groupby(keys).nunique().max() == 1

    def test_a_row_that_would_equal_another_one_stays_as_it_was(self):
        """Of two rows one apart, no integer between them is left: each stays itself."""
        X = pd.DataFrame({"a": [0.0, 1.0]})
        table = Table("made", X, np.array([0, 1]), {"a": "integer"}, ("p", "q"), "class")
        rows = sampled(table, Noise(scale=3.0), n=100)
        np.testing.assert_array_equal(rows.X["a"], rows.y)
        np.testing.assert_array_equal(rows.origins, rows.row_keys())


class TestLeakFree:
    @pytest.mark.parametrize("caps", [(8192, 1024), (30, 10)])
    def test_mixed_in_each_row_joins_its_originals_side(self, caps: tuple[int, int]):
        table = traceable()
        mixed = source_of(table, sampled(table, LITTLE, n=200), "mixed", recipe(*caps))
        real = RealTasks(table, Encoder(10).fit(table), recipe(*caps), SEED)
        assert isinstance(mixed, MixedTasks)
        for step in STEPS:
            task, (support, query) = mixed.task(step), real.draw(step)
            assert len(task.x_support) > 1.8 * len(support)
            assert set(original(task.x_support)) == set(support)
            assert set(original(task.x_query)) <= set(query)

    def test_among_synthetic_rows_those_of_one_original_stay_together(self):
        table = traceable()
        source = source_of(table, sampled(table, LITTLE, n=400), "synthetic")
        for step in STEPS:
            task = source.task(step)
            assert len(task.x_query) > 40
            assert not set(original(task.x_support)) & set(original(task.x_query))

    @pytest.mark.parametrize("rows", ["mixed", "synthetic"])
    def test_without_origins_the_rows_would_leak(self, rows: str):
        """What the tests above compare does depend on the origins."""
        table = traceable()
        noisy = sampled(table, LITTLE, n=200)
        source = source_of(table, noisy.with_rows(noisy.X, noisy.y), rows)
        task = source.task(1)
        assert set(original(task.x_support)) & set(original(task.x_query))


class TestShared:
    def shared(self, folder: Path, train: Table, table: Table) -> tuple[Table, bool]:
        read, _, timing = synthetic.shared(folder, {"rows": len(table)}, train, lambda: (table, {}))
        return read, timing["shared"]

    def test_a_shared_table_has_the_origins_of_the_one_that_was_made(self, tmp_path: Path):
        train = traceable()
        table = sampled(train, LITTLE, n=200)
        for was_shared in (False, True):
            read, is_shared = self.shared(tmp_path, train, table)
            assert is_shared == was_shared
            np.testing.assert_array_equal(read.origins, table.origins)
            assert read.origins.dtype == np.uint64
            assert read.fingerprint() == table.fingerprint()

    def test_a_shared_table_gives_the_same_tasks(self, tmp_path: Path):
        train = traceable()
        table = sampled(train, LITTLE, n=200)
        self.shared(tmp_path, train, table)
        sources: list[TaskSource] = [
            source_of(train, rows, "mixed")
            for rows in (table, self.shared(tmp_path, train, table)[0])
        ]
        for step in STEPS:
            assert equal(*(source.task(step) for source in sources))

    def test_a_table_without_origins_stays_without(self, tmp_path: Path):
        train = traceable()
        assert self.shared(tmp_path, train, train)[0].origins is None
        again, is_shared = self.shared(tmp_path, train, train)
        assert is_shared
        assert again.origins is None
        assert again.fingerprint() == train.fingerprint()


def test_the_method_is_mixed_as_the_bootstrap_is() -> None:
    noise, bootstrap = (OmegaConf.load(METHODS / f"{name}.yaml") for name in ("noise", "bootstrap"))
    assert noise.mixing == bootstrap.mixing
    assert (noise.generator.scale, noise.generator.swap) == (0.1, 0.05)
