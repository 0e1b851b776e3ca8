"""CTGAN, TVAE and the Gaussian copula: the libraries' own, fed and read as they must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import ks_2samp, spearmanr

from bench.generator import Generator, NotApplicable
from bench.table import Table
from generators.ctgan import CTGAN
from generators.gaussian_copula import GaussianCopula, Slots
from generators.parts.completion import Completion
from generators.parts.ctgan_library import LABEL, batch_size, to_frame
from generators.parts.seeding import seeded_globals
from generators.tvae import TVAE

DEEP = [CTGAN(epochs=2), TVAE(epochs=2)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def table(n: int = 120, rare: int = 4) -> Table:
    """Numbers at three scales, levels, holes; ``rare`` rows of the last class."""
    random = rng(1)
    y = np.arange(n) % 2
    y[:rare] = 2
    frame = pd.DataFrame(
        {
            "size": random.normal(size=n) + y,
            "tiny": 1e-7 * random.normal(size=n),
            "count": np.round(100 * random.random(n)),
            "colour": pd.Categorical(random.choice(["red", "green", "blue"], size=n)),
            "same": 3.0,
        }
    )
    frame.loc[::4, "size"] = np.nan
    frame.loc[::3, "colour"] = np.nan
    kinds = {
        "size": "numeric", "tiny": "numeric", "count": "integer", "colour": "categorical",
        "same": "integer",
    }  # fmt: skip
    return Table("made", frame, y, kinds, ("a", "b", "rare"), "class")


@pytest.mark.parametrize(
    ("n", "pac", "batch"),
    [(500, 10, 100), (533, 10, 110), (12, 10, 10), (700, 7, 140), (90, 1, 18)],
)
def test_a_batch_is_a_fifth_of_the_rows_even_and_divisible_by_pac(
    n: int, pac: int, batch: int
) -> None:
    assert batch_size(n, 0.2, pac) == batch


@pytest.mark.parametrize("n", [60, 501, 997])
def test_ctgan_takes_any_number_of_rows(n: int) -> None:
    small = table(n)
    rows = CTGAN(epochs=1).fit(small, rng()).sample(30, rng())
    assert len(rows) == 30


def test_target_and_levels_are_discrete_and_the_target_stands_first() -> None:
    """The library looks conditions up in the first discrete column."""
    frame, discrete = to_frame(Completion.learn(table(), "CTGAN"), table(), rng())
    assert list(frame.columns) == [LABEL, "x0", "x1", "x2", "x3"]  # not the constant column
    assert discrete == [LABEL, "x3"]
    assert frame.notna().all(axis=None)
    assert frame[["x0", "x1", "x2"]].std(ddof=0).to_numpy() == pytest.approx(1, abs=0.2)


def test_ctgan_keeps_class_shares_and_the_rare_class() -> None:
    rows = CTGAN(epochs=2).fit(table(), rng()).sample(240, rng())
    assert np.abs(rows.class_counts() - 2 * table().class_counts()).max() <= 1


def test_a_class_that_the_network_never_draws_is_drawn_under_its_condition() -> None:
    generator = CTGAN(epochs=1, attempts=1).fit(table(), rng())
    asked = []
    draw = generator.model_.sample

    def without_rare(n: int, column: str | None = None, value: str | None = None) -> pd.DataFrame:
        asked.append((column, value))
        return draw(n, column, value).assign(**{LABEL: "0"})

    generator.model_.sample = without_rare
    rows = generator.sample(60, rng())
    assert (LABEL, "2") in asked
    assert rows.class_counts()[2] == 2


@pytest.mark.parametrize("generator", [*DEEP, GaussianCopula()], ids=lambda g: type(g).__name__)
def test_missing_values_come_back_at_the_training_rates(generator: Generator) -> None:
    rows = generator.fit(table(), rng()).sample(3000, rng())
    rates = table().X.isna().mean().to_numpy()
    assert rows.X.isna().mean().to_numpy() == pytest.approx(rates, abs=0.03)


@pytest.mark.long
@pytest.mark.parametrize("generator", DEEP, ids=lambda g: type(g).__name__)
def test_500_rows_and_more_stay_in_this_process_and_give_the_same_bits(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library would start a process on each core."""
    from joblib.externals import loky

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(loky, "get_reusable_executor", forbidden)
    monkeypatch.setattr("joblib.executor.get_memmapping_executor", forbidden)
    large = table(520)
    one, other = (generator.fit(large, rng()).sample(50, rng(1)) for _ in range(2))
    assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize("make", [CTGAN, TVAE])
def test_a_gpu_that_is_not_there_is_refused(
    make: type[Generator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no GPU is at hand"):
        make(device="cuda").fit(table(), rng())
    with pytest.raises(ValueError, match="expected 'cpu' or 'cuda'"):
        make(device="tpu").fit(table(), rng())


@pytest.mark.gpu
@pytest.mark.parametrize("make", [CTGAN, TVAE])
def test_on_a_gpu_the_same_seed_gives_the_same_rows(make: type[Generator]) -> None:
    one, other = (
        make(epochs=2, device="cuda").fit(table(), rng()).sample(50, rng(1)) for _ in range(2)
    )
    assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize("make", [CTGAN, TVAE, GaussianCopula])
def test_one_class_is_refused(make: type[Generator]) -> None:
    alone = replace(table(), y=np.zeros(120, dtype=np.int64))
    with pytest.raises(NotApplicable, match=f"{make.__name__} needs training rows of at least two"):
        make().fit(alone, rng())


@pytest.mark.slow
@pytest.mark.parametrize("generator", [CTGAN(), TVAE()], ids=lambda g: type(g).__name__)
def test_trained_rows_teach_what_real_rows_teach(generator: Generator) -> None:
    """ROC-AUC over 0.75 where real rows give about 0.9."""
    from bench.quality.utility import tstr_roc_auc

    random = rng(2)
    y = np.arange(600) % 2
    frame = pd.DataFrame(random.normal(size=(600, 3)) + 0.9 * y[:, None], columns=["u", "v", "w"])
    whole = Table("made", frame, y, dict.fromkeys(frame, "numeric"), ("a", "b"), "class")
    train, test = whole.take(np.arange(300)), whole.take(np.arange(300, 600))
    assert tstr_roc_auc(generator.fit(train, rng()).sample(300, rng(1)), test) > 0.75


# --- Gaussian copula --------------------------------------------------------------------------


def correlated() -> Table:
    random = rng(3)
    u = random.normal(size=400)
    frame = pd.DataFrame({"u": u, "v": np.exp(u + 0.5 * random.normal(size=400))})
    frame["level"] = pd.Categorical(
        np.where(u + 0.3 * random.normal(size=400) > 0.7, "high", "low")
    )
    kinds = {"u": "numeric", "v": "numeric", "level": "categorical"}
    return Table("made", frame, (u > 0).astype(int), kinds, ("n", "p"), "class")


def test_copula_rows_depend_on_each_other_as_the_training_rows_do() -> None:
    rows = GaussianCopula().fit(correlated(), rng()).sample(2000, rng(1))
    real = spearmanr(correlated().X["u"], correlated().X["v"]).statistic
    assert spearmanr(rows.X["u"], rows.X["v"]).statistic == pytest.approx(real, abs=0.06)
    high = rows.X["level"] == "high"
    assert high.mean() == pytest.approx((correlated().X["level"] == "high").mean(), abs=0.04)
    assert rows.X["u"][high].mean() > rows.X["u"][~high].mean() + 0.7
    assert rows.X["u"][rows.y == 1].mean() > rows.X["u"][rows.y == 0].mean() + 0.7


@pytest.mark.parametrize("target", ["classes", "numbers"])
def test_numbers_of_a_copula_are_training_values_in_their_shares(target: str) -> None:
    real = correlated()
    whole = real.X["u"].round()
    real = replace(
        real,
        X=real.X.assign(whole=whole),
        kinds={**real.kinds, "whole": "integer"},
    )
    if target == "numbers":
        real = replace(real, y=real.X["v"].to_numpy() ** 2, classes=())
    rows = GaussianCopula().fit(real, rng()).sample(4000, rng(1))
    for name in ("u", "v", "whole"):
        assert (
            np.abs(rows.X[name].to_numpy()[:, None] - real.X[name].to_numpy()).min(1).max() < 1e-9
        )
        assert ks_2samp(rows.X[name], real.X[name]).statistic < 0.04
    if target == "numbers":
        assert ks_2samp(rows.y, real.y).statistic < 0.04
        assert spearmanr(rows.y, rows.X["v"]).statistic > 0.9


def test_the_librarys_families_are_there_for_those_who_ask() -> None:
    rows = GaussianCopula("copulas.univariate.GaussianUnivariate").fit(correlated(), rng())
    made = rows.sample(200, rng(1))
    assert len(set(made.X["v"]) - set(correlated().X["v"])) > 100
    with pytest.raises(ValueError, match=r"or 'empirical', not 'kernel'\.$"):
        GaussianCopula("kernel")


def test_slots_are_shares_and_lead_back_to_their_codes() -> None:
    codes = np.array([4, 4, 4, 1, 1, 7])
    slots = Slots.by_share(codes)
    assert slots.codes.tolist() == [4, 1, 7]
    assert slots.edges == pytest.approx([0, 1 / 2, 5 / 6, 1])
    many = rng().choice([1, 4, 7], size=500)
    assert (slots.decode(slots.encode(many, rng())) == many).all()
    assert slots.decode(np.array([-0.1, 0.0, 1.0, 1.1])).tolist() == [4, 4, 7, 7]
    assert Slots.in_order(codes).edges == pytest.approx([0, 1 / 3, 5 / 6, 1])
    assert slots.decode(np.array([slots.middle(code) for code in (1, 4, 7)])).tolist() == [1, 4, 7]


# --- what they share --------------------------------------------------------------------------


def draw_from_globals() -> tuple[list[float], list[float]]:
    return torch.rand(3).tolist(), np.random.rand(3).tolist()  # noqa: NPY002


def test_global_generators_are_as_before_even_after_an_error() -> None:
    def fail() -> None:
        with seeded_globals(rng()):
            drawn.append(draw_from_globals())
            raise ZeroDivisionError

    drawn: list = []
    state = torch.random.get_rng_state().tolist(), repr(np.random.get_state())  # noqa: NPY002
    with pytest.raises(ZeroDivisionError):
        fail()
    after = torch.random.get_rng_state().tolist(), repr(np.random.get_state())  # noqa: NPY002
    assert after == state
    with seeded_globals(rng()):
        assert draw_from_globals() == drawn[0]


def test_compact_rows_lead_back_to_the_rows() -> None:
    rows = Completion.learn(table(), "A test")
    values = rows.fill(table(), rng())
    assert rows.spread(rows.compact(values), rng()) == pytest.approx(values)
    assert rows.decode(rows.encode(values), rng()) == pytest.approx(values)
    holes = table().X.isna().to_numpy()
    again = rows.table(values, table().y, holes)
    pd.testing.assert_frame_equal(again.X, table().X)
