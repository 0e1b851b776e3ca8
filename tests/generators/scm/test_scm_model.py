"""Rows of structural causal models: of known graphs first, then whatever `SCM` gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from dowhy.gcm import interventional_samples
from scipy.special import ndtri
from scipy.stats import chi2, ks_2samp, rankdata, spearmanr
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer
from test_generators import make_table, same, with_missing
from threadpoolctl import threadpool_limits

from bench.table import Table
from generators.scm import CLASSIFIER, REGRESSOR, SCM, Target, model
from generators.scm.coding import Coding
from generators.scm.discovery import DISCOVERY, Discovery, gaussian
from generators.scm.exogenous import ExogenousNoise, draw
from generators.scm.graphs import Dag
from generators.scm.mechanisms import Residuals, propagate
from generators.scm.model import StructuralModels

fixed = partial(SCM, selection="fixed")  # test_scm_selection.py tells of what a table chooses

N = 1500  # training rows
FAST = Discovery(resamples=3)
LETTERS = np.array(list("abc"))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def models_of(table: Table, *dags: Dag, **parts: object) -> StructuralModels:
    """SCMs of these graphs, with `SCM`'s own mechanisms."""
    settings = {
        "regressor": REGRESSOR,
        "classifier": CLASSIFIER,
        "residuals": Residuals.in_sample,
        "seed": 0,
    }
    coding = Coding(**{k: parts.pop(k) for k in ("max_levels", "clip") if k in parts})
    return StructuralModels(coding.fit(table), list(dags), **settings | parts)


def rows_of(models: StructuralModels, n: int, seed: int = 0, **settings: object) -> np.ndarray:
    usual = {"balanced": True, "candidates": 4, "fewest_candidates": 50}
    usual["noise"] = ExogenousNoise.latin_hypercube
    return models.sample(n, np.random.default_rng(seed), **usual | settings)


# --- known models, and what their rows must keep ----------------------------------------------

LINEAR: Dag = ((), (0,), (1,), (1, 2), (3,))  # a → b → k, (b, k) → c → target
NON_LINEAR: Dag = ((), (), (0, 1), (2,), (1,))  # (x, k) → v → w, k → target


def linear(n: int = N) -> Table:
    """Edges as in `LINEAR`; k has three levels."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=n)
    b = 0.8 * a + 0.6 * rng.normal(size=n)
    k = np.searchsorted([-0.8, 0.8], 1.2 * b + rng.logistic(size=n))
    c = 0.6 * b + np.array([-0.5, 0.0, 0.5])[k] + 0.6 * rng.normal(size=n)
    y = (rng.random(n) < sigmoid(1.5 * c)).astype(int)
    return make_table({"a": 10 + 3 * a, "b": np.exp(b), "k": LETTERS[k], "c": c}, y)


def non_linear(n: int = N) -> Table:
    """Edges as in `NON_LINEAR`: x moves v up in one level of k and down in the other, so that the
    two are uncorrelated; w is a bent function of v."""
    rng = np.random.default_rng(1)
    x, k = rng.normal(size=n), rng.integers(2, size=n)
    v = 0.8 * np.where(k == 1, x, -x) + 0.6 * rng.normal(size=n)
    w = v + 0.4 * v**2 + 0.6 * rng.normal(size=n)
    y = (rng.random(n) < np.array([0.25, 0.7])[k]).astype(int)
    return make_table({"x": x, "k": LETTERS[k], "v": v, "w": w}, y)


def residual(codes: np.ndarray, node: int, given: list[int], coding: Coding) -> np.ndarray:
    """What a flexible regression on the given nodes (and their products) leaves of a node."""
    if not given:
        return codes[:, node] - codes[:, node].mean()
    columns = []
    for at in given:
        levels = coding.nodes_[at].cardinality
        columns.append(
            (codes[:, [at]] == np.arange(levels)).astype(float)
            if levels
            else SplineTransformer(6).fit_transform(codes[:, [at]])
        )
    X = PolynomialFeatures(min(len(given), 2)).fit_transform(np.hstack(columns))
    return codes[:, node] - LinearRegression().fit(X, codes[:, node]).predict(X)


def dependence(codes: np.ndarray, x: int, y: int, given: list[int], coding: Coding) -> float:
    """Correlation of the residuals in its standard errors, 1/√n."""
    left = [residual(codes, node, given, coding) for node in (x, y)]
    return float(np.corrcoef(*left)[0, 1] * np.sqrt(len(codes)))


@pytest.mark.parametrize(
    ("make", "dag", "separated"),
    [
        (linear, LINEAR, [(0, 2, [1]), (0, 3, [1, 2]), (1, 4, [3]), (2, 4, [3]), (0, 4, [1])]),
        (non_linear, NON_LINEAR, [(0, 3, [2]), (1, 3, [2]), (0, 4, []), (0, 1, []), (2, 4, [1])]),
    ],
)
def test_rows_keep_the_conditional_independencies_of_the_graph(
    make: Callable, dag: Dag, separated: list
) -> None:
    """Each within four standard errors of none; (0, 4 | 1) and (2, 4 | 1) among them, which follow
    from no single edge's absence. Independent noise, so that the errors are those of a sample."""
    models = models_of(make(), dag)
    codes = rows_of(models, 4000, balanced=False, noise=ExogenousNoise.independent)
    for x, y, given in separated:
        assert abs(dependence(codes, x, y, given, models.coding)) < 4, (x, y, given)


def test_rows_keep_the_dependence_of_every_edge() -> None:
    models = models_of(linear(), LINEAR)
    codes = rows_of(models, 4000)
    test = gaussian(codes, models.coding.nodes_, DISCOVERY)
    real = gaussian(models.coding.codes_, models.coding.nodes_, DISCOVERY)
    for node, parents in enumerate(LINEAR):
        for parent in parents:
            assert test(parent, node) < 1e-20
            assert test.information(parent, node) == pytest.approx(
                real.information(parent, node), abs=0.05
            )


def test_rows_keep_a_dependence_that_no_correlation_shows() -> None:
    """x and v in each level of k: slopes of 0.8 and −0.8, to four standard errors of a slope
    fitted to half the training rows and read off half the rows (residual deviation 0.6)."""
    models = models_of(non_linear(), NON_LINEAR)
    codes = rows_of(models, 4000, balanced=False, noise=ExogenousNoise.independent)
    slopes = [
        np.polyfit(codes[codes[:, 1] == k, 0], codes[codes[:, 1] == k, 2], 1)[0] for k in (0, 1)
    ]
    error = 0.6 * np.sqrt(2 / N + 2 / 4000)
    assert np.sort(slopes) == pytest.approx([-0.8, 0.8], abs=4 * error)
    apart = np.sqrt(1 / N + 1 / 4000)  # of a correlation of 0, in training and in the rows
    assert abs(np.corrcoef(codes[:, 0], codes[:, 2])[0, 1]) < 4 * apart


@pytest.mark.parametrize(("make", "dag"), [(linear, LINEAR), (non_linear, NON_LINEAR)])
def test_rows_keep_every_marginal_distribution(make: Callable, dag: Dag) -> None:
    """Numbers to within the Kolmogorov–Smirnov distance of two samples of these sizes (p = 0.001),
    levels and classes to within four standard errors."""
    table = make()
    models = models_of(table, dag)
    codes = rows_of(models, 3000, balanced=False, noise=ExogenousNoise.independent)
    rows = models.coding.decode(codes, np.random.default_rng(0))
    for column in table.numeric:
        far = 1.95 * np.sqrt(1 / N + 1 / 3000)
        assert ks_2samp(table.X[column], rows.X[column]).statistic < far, column
    for column in table.categorical:
        share, drawn = (t.X[column].value_counts(normalize=True, sort=False) for t in (table, rows))
        error = np.sqrt(share * (1 - share) * (1 / N + 1 / 3000))
        assert (np.abs(drawn - share) < 4 * error).all()
    assert rows.y.mean() == pytest.approx(
        table.y.mean(), abs=4 * np.sqrt(0.25 * (1 / N + 1 / 3000))
    )


# --- interventions ----------------------------------------------------------------------------


@pytest.fixture
def dowhy_seed() -> Iterator[None]:
    """DoWhy draws from numpy's global generator: seeded here, put back after."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    yield
    np.random.set_state(state)  # noqa: NPY002


def under(models: StructuralModels, node: int, value: float, n: int = 8000) -> pd.DataFrame:
    """Rows of the first model after do(node := value)."""
    do = {node: lambda x: np.full(np.shape(x), value)}
    return interventional_samples(models.models[0], do, num_samples_to_draw=n)


@pytest.mark.usefixtures("dowhy_seed")
def test_an_intervention_has_the_causal_effect_and_not_the_association() -> None:
    """z → x → v and z → v with opposite signs: x and v hardly correlate, yet x moves v by 0.5.

    In scores: 0.5 sd(x) / sd(v). Its standard errors are those of the regression (residual 0.5,
    of x 0.6 beside z) on the training rows and of two means of rows."""
    rng = np.random.default_rng(2)
    z = rng.normal(size=N)
    x = 0.8 * z + 0.6 * rng.normal(size=N)
    v = 0.5 * x - 0.6 * z + 0.5 * rng.normal(size=N)
    table = make_table({"z": z, "x": x, "v": v}, rng.integers(2, size=N))
    models = models_of(table, ((), (0,), (0, 1), ()))
    low, high = under(models, 1, -1.0), under(models, 1, 1.0)
    spread = v.std()
    error = np.hypot(0.5 / 0.6 / np.sqrt(N), np.sqrt(2 / 8000) / 2 * spread) / spread
    assert abs(np.corrcoef(x, v)[0, 1]) < 0.1
    assert (high[2].mean() - low[2].mean()) / 2 == pytest.approx(0.5 / spread, abs=4 * error)
    assert high[0].mean() == pytest.approx(low[0].mean(), abs=4 * np.sqrt(2 / 8000))


@pytest.mark.usefixtures("dowhy_seed")
def test_an_intervention_on_a_level_moves_its_effect_and_leaves_its_causes() -> None:
    """do(k := c) against do(k := a) in `linear`: c moves by 1, in scores by 1 / sd(c)."""
    table = linear()
    models = models_of(table, LINEAR)
    level = {name: at for at, name in enumerate(models.coding.nodes_[2].levels)}
    low, high = under(models, 2, level["a"]), under(models, 2, level["c"])
    spread = table.X["c"].std()
    error = np.hypot(0.6 * 2 / np.sqrt(N / 3), np.sqrt(2 / 8000) * spread) / spread
    assert high[3].mean() - low[3].mean() == pytest.approx(1 / spread, abs=4 * error)
    assert high[1].mean() == pytest.approx(low[1].mean(), abs=4 * np.sqrt(2 / 8000))
    assert high[4].mean() > low[4].mean() + 0.15


@pytest.mark.usefixtures("dowhy_seed")
def test_an_intervention_in_a_non_linear_model_has_the_effect_of_each_level() -> None:
    """do(x := ±1) moves v by ±0.8 in one level of k and by ∓0.8 in the other."""
    table = non_linear()
    models = models_of(table, NON_LINEAR)
    low, high = under(models, 0, -1.0), under(models, 0, 1.0)
    up = models.coding.nodes_[1].levels.index("b")
    error = np.hypot(0.6 / np.sqrt(N / 2), np.sqrt(2 / 4000) / 2)
    for k, effect in ((up, 0.8), (1 - up, -0.8)):
        moved = high.loc[high[1] == k, 2].mean() - low.loc[low[1] == k, 2].mean()
        assert moved / 2 == pytest.approx(effect, abs=4 * error)
    assert high[2].mean() == pytest.approx(low[2].mean(), abs=0.1)


# --- noise ------------------------------------------------------------------------------------


def test_a_node_is_a_monotone_function_of_its_noise() -> None:
    """Whatever its kind: a root, a number with parents, a level with parents."""
    models = models_of(linear(), LINEAR)
    u = np.linspace(0.0005, 0.9995, 1000)
    seen = np.unique(rows_of(models, 20), axis=0)
    for node, parents in enumerate(LINEAR):
        mechanism = models.models[0].causal_mechanism(node)
        for row in seen:
            given = np.tile(row[list(parents)], (1000, 1))
            codes = propagate(mechanism, given, u)
            assert (np.diff(codes) >= 0).all()
            assert codes[-1] > codes[0]


def test_evenly_spread_noise_gives_back_each_mechanisms_distribution() -> None:
    """A root's training scores, a number's residuals about its prediction, a level's chances."""
    models = models_of(linear(), LINEAR)
    codes = models.coding.codes_
    u = (np.arange(N) + 0.5) / N
    mechanism = models.models[0].causal_mechanism
    assert propagate(mechanism(0), np.zeros((N, 0)), u) == pytest.approx(np.sort(codes[:, 0]))
    for node in (1, 3):
        parents = codes[:, list(LINEAR[node])]
        noise = codes[:, node] - mechanism(node).prediction_model.predict(parents).ravel()
        one = np.tile(parents[0], (N, 1))
        centre = mechanism(node).prediction_model.predict(one).ravel()
        expected = np.sort(noise - noise.mean())
        assert propagate(mechanism(node), one, u) - centre == pytest.approx(expected, abs=1e-9)
    for node in (2, 4):
        one = np.tile(codes[:1, list(LINEAR[node])], (N, 1))
        chances = mechanism(node).estimate_probabilities(one[:1])[0]
        shares = np.bincount(propagate(mechanism(node), one, u).astype(int)) / N
        assert shares == pytest.approx(chances, abs=1 / N)


def test_the_same_noise_under_other_parents_is_the_counterfactual() -> None:
    """An additive noise model's rows move by the difference of the predictions, each of them."""
    models = models_of(linear(), LINEAR)
    mechanism = models.models[0].causal_mechanism(1)
    u = draw(ExogenousNoise.independent, 50, 1, np.random.default_rng(0)).ravel()
    low, high = (propagate(mechanism, np.full((50, 1), a), u) for a in (-1.0, 1.0))
    assert high - low == pytest.approx(np.full(50, (high - low)[0]))
    assert (high - low)[0] == pytest.approx(2 * 0.8, abs=4 * 2 * 0.6 / np.sqrt(N))


@pytest.mark.parametrize(("n", "p"), [(1, 3), (7, 1), (10, 5), (11, 5), (300, 8)])
def test_a_latin_hypercube_has_one_point_in_each_stratum(n: int, p: int) -> None:
    """With reordering (where rows are more than twice the nodes) and without."""
    u = draw(ExogenousNoise.latin_hypercube, n, p, np.random.default_rng(0))
    strata = np.floor(u * n).astype(int)
    assert u.shape == (n, p)
    assert (np.sort(strata, axis=0) == np.arange(n)[:, None]).all()


@pytest.mark.parametrize("kind", list(ExogenousNoise))
def test_the_noise_of_a_single_row_is_uniform(kind: ExogenousNoise) -> None:
    """Over 400 tables: deciles within four standard errors, two nodes' noise uncorrelated."""
    rng = np.random.default_rng(0)
    first = np.array([draw(kind, 12, 3, rng)[0] for _ in range(400)])
    shares = np.stack([np.histogram(column, 10, (0, 1))[0] / 400 for column in first.T])
    assert np.abs(shares - 0.1).max() < 4 * np.sqrt(0.09 / 400)
    assert np.abs(np.corrcoef(first, rowvar=False)[0, 1:]).max() < 4 / np.sqrt(400)


def excess(u: np.ndarray) -> np.ndarray:
    """Squared correlations of columns times n − 1: 1 on average where these are independent."""
    r = np.corrcoef(u, rowvar=False)
    return r[np.triu_indices(len(r), 1)] ** 2 * (len(u) - 1)


@pytest.mark.parametrize("n", [40, 300])
def test_a_latin_hypercube_takes_chance_correlations_out(n: int) -> None:
    """Of normal scores, on which it works, nearly all. Of ranks, all but the share of their chance
    variation that scores do not hold: 1 − (3 / π)² = 0.09, for the two correlate by 3 / π."""
    drawn = {
        kind: [rankdata(draw(kind, n, 6, np.random.default_rng(s)), axis=0) for s in range(20)]
        for kind in ExogenousNoise
    }
    ranks = {kind: np.mean([excess(r) for r in tables]) for kind, tables in drawn.items()}
    scores = np.mean([excess(ndtri((r - 0.5) / n)) for r in drawn[ExogenousNoise.latin_hypercube]])
    assert ranks[ExogenousNoise.independent] == pytest.approx(1.0, abs=4 * np.sqrt(2 / 300))
    assert ranks[ExogenousNoise.latin_hypercube] == pytest.approx(0.09, abs=0.04)
    assert scores < 0.05  # at 40 rows the second ranking leaves 0.03


# --- classes ----------------------------------------------------------------------------------


def three_classes(n: int = 600) -> Table:
    """Shares of 1/2, 1/3 and 1/6; two numbers and three levels follow the class."""
    rng = np.random.default_rng(3)
    y = np.array([0, 0, 0, 1, 1, 2])[np.arange(n) % 6]
    k = np.where(rng.random(n) < 0.6, y, rng.integers(3, size=n))
    columns = {"p": y + rng.normal(size=n), "q": rng.normal(size=n) - y, "k": LETTERS[k]}
    return make_table(columns | {"apart": rng.normal(size=n)}, y)


@pytest.mark.parametrize("target", list(Target))
def test_classes_come_in_their_training_shares(target: Target) -> None:
    table = three_classes()
    generator = fixed(FAST, target=target).fit(table, np.random.default_rng(0))
    for n in (6, 60, 600, 1200):
        rows = generator.sample(n, np.random.default_rng(n))
        assert rows.class_counts().tolist() == [n // 2, n // 3, n // 6]
    for n in (3, 10, 101):  # not to be divided: a row more or less, each class there
        counts = generator.sample(n, np.random.default_rng(n)).class_counts()
        assert counts.min() >= 1
        assert np.abs(counts - np.array([1 / 2, 1 / 3, 1 / 6]) * n).max() <= 1
    target_at = generator.models_.coding.target
    children = [target_at in parents for dag in generator.dags_ for parents in dag]
    causes = [len(dag[target_at]) for dag in generator.dags_]
    assert (target is Target.sink) <= (not any(children))
    assert (target is Target.root) <= (not any(causes))


@pytest.mark.parametrize("target", list(Target))
def test_without_balance_classes_come_as_the_models_draw_them(target: Target) -> None:
    """On average in the training shares (a model's own may differ a little); not exactly."""
    generator = fixed(FAST, n_dags=3, target=target, balanced=False, noise="independent")
    generator.fit(three_classes(), np.random.default_rng(0))
    counts = [generator.sample(600, np.random.default_rng(s)).class_counts() for s in range(8)]
    assert not generator.keeps_classes
    assert len({tuple(count) for count in counts}) > 1
    assert np.mean(counts, axis=0) / 600 == pytest.approx([1 / 2, 1 / 3, 1 / 6], abs=0.04)


@pytest.mark.parametrize("target", list(Target))
def test_rows_of_a_class_have_the_features_of_that_class(target: Target) -> None:
    """p has a mean of the class's number, standard deviation 1; 400 rows a class and more."""
    table = three_classes()
    generator = fixed(FAST, target=target).fit(table, np.random.default_rng(0))
    rows = generator.sample(2400, np.random.default_rng(0))
    real, made = (t.X["p"].groupby(t.y).mean().to_numpy() for t in (table, rows))
    assert made == pytest.approx(real, abs=0.3)
    assert np.diff(made).min() > 0.6


def caused_target() -> StructuralModels:
    """a and b cause the class, whose chances go from near 0 to near 1; c is its effect."""
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, N))
    y = (rng.random(N) < sigmoid(2 * a - b - 1)).astype(int)
    table = make_table({"a": a, "b": b, "c": y + 0.5 * rng.normal(size=N)}, y)
    return models_of(table, ((), (), (3,), (0, 1)))


@pytest.mark.parametrize(("candidates", "bias"), [(4, 0.03), (40, 0.0)])
def test_labels_of_a_target_with_causes_are_as_likely_as_its_classifier_says(
    candidates: int, bias: float
) -> None:
    """Calibration in eight groups of rows by P(1 | a, b): four standard errors, and with only four
    candidates a row what selection without replacement adds."""
    models = caused_target()
    codes = rows_of(models, 8000, candidates=candidates)
    mechanism = models.models[0].causal_mechanism(3)
    chances = mechanism.estimate_probabilities(codes[:, :2])[:, 1]
    for group in np.array_split(np.argsort(chances), 8):
        expected = chances[group].mean()
        error = np.sqrt(expected * (1 - expected) / len(group))
        assert codes[group, 3].mean() == pytest.approx(expected, abs=4 * error + bias)


@pytest.mark.parametrize("candidates", [4, 40])
def test_causes_of_the_target_keep_the_models_distribution(candidates: int) -> None:
    """Against the model's own rows, whose labels nobody asked for (p = 0.001)."""
    models = caused_target()
    asked = rows_of(models, 4000, candidates=candidates)
    free = rows_of(models, 4000, seed=1, balanced=False)
    for node in (0, 1, 2):
        far = 1.95 * np.sqrt(2 / 4000)
        assert ks_2samp(asked[:, node], free[:, node]).statistic < far


def test_no_candidate_becomes_two_rows() -> None:
    """Not even where the class asked for is rare: a caused target's rows differ in their causes."""
    rng = np.random.default_rng(5)
    a = rng.normal(size=N)
    y = (rng.random(N) < sigmoid(3 * a - 5)).astype(int)
    table = make_table({"a": a}, y)
    models = models_of(table, ((), (0,)))
    pools = []
    choose = model._choose

    def noted(chances: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        pools.append(choose(chances, labels, rng))
        return pools[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "_choose", noted)
        codes = rows_of(models, 500)
    assert len(set(pools[0])) == 500
    rare = codes[:, 1] == 1
    assert codes[rare, 0].mean() > codes[~rare, 0].mean() + 1


# --- columns ----------------------------------------------------------------------------------


def fitted(table: Table, seed: int = 0, **settings: object) -> SCM:
    return fixed(**{"discovery": FAST, "n_dags": 4} | settings).fit(
        table, np.random.default_rng(seed)
    )


def sampled(table: Table, n: int = 400, **settings: object) -> Table:
    return fitted(table, **settings).sample(n, np.random.default_rng(1))


def test_repeated_and_rescaled_columns_come_back_so() -> None:
    table = three_classes()
    p, k = table.X["p"], table.X["k"]
    names = {"a": "one", "b": "two", "c": "three"}
    twins = {"again": p, "scaled": 5 - 3e6 * p, "bent": np.exp(p), "renamed": k.map(names)}
    table = make_table(dict(table.X) | twins, table.y)
    generator = fitted(table)
    assert set(generator.facts_["twins"]) == set(twins)
    X = generator.sample(400, np.random.default_rng(0)).X
    assert (X["again"] == X["p"]).all()
    assert X["scaled"].to_numpy() == pytest.approx((5 - 3e6 * X["p"]).to_numpy(), abs=1)
    assert (X["renamed"].astype(str) == X["k"].astype(str).map(names)).all()
    assert spearmanr(X["bent"], X["p"]).statistic == pytest.approx(1)
    known = np.interp(X["p"], np.sort(p), np.exp(np.sort(p)))
    assert X["bent"].to_numpy() == pytest.approx(known)


def test_a_repeated_column_of_many_levels_comes_back_repeated() -> None:
    many = np.array([f"level {i}" for i in np.arange(600) % 200])
    table = make_table({"one": many, "other": many}, three_classes().y)
    X = sampled(table).X
    assert (X["one"].astype(str) == X["other"].astype(str)).all()


def test_missing_values_come_at_the_training_rates_of_their_class() -> None:
    """To four standard errors of the class's share of 4000 rows; two columns that miss together
    do so again."""
    table = three_classes()
    rng = np.random.default_rng(6)
    p = table.X["p"].where(rng.random(600) > np.array([0.05, 0.5, 0.0])[table.y])
    q = table.X["q"].where(rng.random(600) > 0.2)
    table = replace(table, X=table.X.assign(p=p, q=q, apart=table.X["apart"].where(p.notna())))
    rows = sampled(table, 4000)
    for column in ("p", "q"):
        for label in range(3):
            rate = table.X.loc[table.y == label, column].isna().mean()
            drawn = rows.X.loc[rows.y == label, column].isna()
            error = np.sqrt(rate * (1 - rate) / len(drawn))
            assert drawn.mean() == pytest.approx(rate, abs=4 * error + 1e-12)
    assert (rows.X["p"].isna() == rows.X["apart"].isna()).all()
    assert sampled(table, missing=False).X.notna().all(axis=None)


def test_a_category_is_missing_as_often_as_in_training() -> None:
    """Missing is one of its levels, with causes and effects like the others."""
    table = with_missing()
    rows = sampled(table, 4000)
    rate = table.X["colour"].isna().mean()
    assert rows.X["colour"].isna().mean() == pytest.approx(rate, abs=0.05)
    told = three_classes()
    told = replace(told, X=told.X.assign(k=told.X["k"].where(told.y != 2)))
    made = sampled(told, 2400)
    assert made.X["k"].isna().groupby(made.y).mean().to_numpy() == pytest.approx(
        [0, 0, 1], abs=0.06
    )


def test_whole_numbers_stay_whole_and_a_column_of_few_keeps_its_values() -> None:
    rng = np.random.default_rng(7)
    y = np.arange(600) % 3
    wide, few = rng.poisson(1000 * (1 + y)).astype(float), rng.choice([1.0, 2.0, 40.0], size=600)
    table = make_table({"wide": wide, "few": few, "half": few / 4}, y)
    for clip in (True, False):
        X = sampled(table, clip=clip).X
        assert (X["wide"] == X["wide"].round()).all()
        assert len(set(X["wide"]) - set(wide)) > 20
    X = sampled(table).X
    assert set(X["few"]) == {1.0, 2.0, 40.0}
    assert set(X["half"]) == {0.25, 0.5, 10.0}


def test_clipping_keeps_the_training_range_and_its_lack_leaves_it() -> None:
    """Of a node with a parent; a root has its training values either way."""
    table = linear(200)
    for clip in (True, False):
        models = models_of(table, LINEAR, clip=clip)
        rows = models.coding.decode(rows_of(models, 4000), np.random.default_rng(0))
        outside = {c: ~rows.X[c].between(table.X[c].min(), table.X[c].max()) for c in "abc"}
        assert not outside["a"].any()
        assert outside["c"].any() == (not clip)
        assert outside["c"].mean() < 0.03
    assert fixed(clip=False).stays_in_range is False


def test_pooled_levels_come_back_at_their_training_frequencies() -> None:
    """150 levels whose frequencies fall off, of which 29 have codes of their own: χ² over those
    that 3000 rows should show five times and more, and over the rest together."""
    rng = np.random.default_rng(8)
    weights = 1 / (5 + np.arange(150))
    names = np.array([f"level {i}" for i in range(150)])
    table = make_table(
        {"k": rng.choice(names, size=N, p=weights / weights.sum())}, rng.integers(2, size=N)
    )
    models = models_of(table, ((), ()))
    assert models.coding.nodes_[0].cardinality == 30
    codes = rows_of(models, 3000, noise=ExogenousNoise.independent)
    rows = models.coding.decode(codes, np.random.default_rng(0))
    expected = table.X["k"].value_counts() * 2
    found = rows.X["k"].value_counts().reindex(expected.index)
    often = expected >= 5
    expected, found = (
        np.append(counts[often], counts[~often].sum()) for counts in (expected, found)
    )
    kept = expected > 0
    statistic = ((found - expected)[kept] ** 2 / expected[kept]).sum()
    assert kept.sum() > 60
    assert statistic < chi2.ppf(0.999, kept.sum() - 1)
    assert set(rows.X["k"]) <= set(table.X["k"])


# --- mechanisms -------------------------------------------------------------------------------


def test_a_mechanism_that_graphs_share_is_fitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[tuple] = []
    fit = model.fit_mechanism

    def counted(coding: Coding, node: int, parents: tuple, *rest: object) -> object:
        fits.append((node, tuple(parents)))
        return fit(coding, node, parents, *rest)

    monkeypatch.setattr(model, "fit_mechanism", counted)
    other: Dag = ((), (0,), (1,), (1,), (3,))
    models = models_of(linear(200), LINEAR, other, LINEAR)
    assert sorted(fits) == sorted({*enumerate(LINEAR), *enumerate(other)})
    assert models.n_fitted == len(fits) == 6
    one, two = (m.causal_mechanism(1) for m in models.models[:2])
    assert one is two


def test_a_mechanism_does_not_depend_on_which_graphs_are_fitted_before_it() -> None:
    """Random states derive from the node and its parents."""
    forest = RandomForestRegressor(10)
    other: Dag = ((), (), (0,), (0, 2), ())
    alone = models_of(linear(200), LINEAR, regressor=forest)
    after = models_of(linear(200), other, LINEAR, regressor=forest)
    X = alone.coding.codes_[:20, :1]
    one, two = (
        m.models[-1].causal_mechanism(1).prediction_model.predict(X) for m in (alone, after)
    )
    assert (one == two).all()


@pytest.mark.long
def test_out_of_sample_residuals_of_a_forest_keep_the_spread_that_its_own_lose() -> None:
    """b given a has residual deviation 0.6; in-sample a deep forest's is about a third of it."""
    spread = {}
    for kind in Residuals:
        for forest in (
            RandomForestRegressor(30),
            RandomForestRegressor(60, oob_score=True),
        ):
            models = models_of(linear(400), LINEAR, regressor=forest, residuals=kind)
            noise = models.models[0].causal_mechanism(1).noise_model
            spread[kind, forest.oob_score] = float(np.std(noise.data))
    for oob in (False, True):
        assert spread[Residuals.in_sample, oob] < 0.4
        assert 0.55 < spread[Residuals.out_of_sample, oob] < 0.8


# --- reproducibility --------------------------------------------------------------------------


def mixed_table() -> Table:
    table = three_classes(300)
    rng = np.random.default_rng(9)
    more = {f"x{i}": rng.normal(size=300) + table.X["p"] * (i % 2) for i in range(6)}
    return make_table(dict(table.X) | more, table.y)


def test_rows_do_not_depend_on_global_random_state() -> None:
    drawn = []
    for global_seed in (1, 2):
        np.random.seed(global_seed)  # noqa: NPY002
        drawn.append(sampled(mixed_table()))
    assert same(*drawn)


@pytest.mark.long
def test_rows_depend_on_the_number_of_threads_by_rounding_only() -> None:
    """Sums in another order may turn an edge or a level that hangs on a hair, no more."""
    drawn, found = [], []
    for threads in (1, 2):
        with threadpool_limits(threads):
            generator = fitted(mixed_table())
            drawn.append(generator.sample(200, np.random.default_rng(1)))
            found.append(generator.probabilities_.matrix)
    assert np.abs(found[0] - found[1]).max() <= 0.1
    one, two = drawn
    assert (one.y == two.y).mean() >= 0.95
    for column in one.X:
        a, b = one.X[column], two.X[column]
        near = np.isclose(a, b, rtol=1e-6, atol=1e-9) if column in one.numeric else a == b
        assert near.mean() >= 0.9, column


def test_rows_are_spread_evenly_over_the_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    table = linear(200)
    empty: Dag = ((),) * 5
    models = models_of(table, LINEAR, empty, ((), (0,), (), (), ()))
    shares: list[int] = []
    fill = StructuralModels._labelled

    def noted(self: StructuralModels, which: int, labels: np.ndarray, *rest: object) -> np.ndarray:
        shares.append(len(labels))
        return fill(self, which, labels, *rest)

    monkeypatch.setattr(StructuralModels, "_labelled", noted)
    assert rows_of(models, 100).shape == (100, 5)
    assert sorted(shares) == [33, 33, 34]
    shares.clear()
    assert rows_of(models, 2).shape == (2, 5)
    assert shares == [1, 1]
