"""The Bayesian network and the adversarial forest keep what they say; wide tables are bounded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from bench.generator import Generator, NotApplicable
from bench.table import Table
from generators.adversarial_forest import AdversarialForest, Leaves
from generators.bayesian_network import BayesianNetwork
from generators.gaussian_copula import GaussianCopula

RIVALS = [BayesianNetwork, AdversarialForest, GaussianCopula]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def table(n: int = 300, noise: int = 0) -> Table:
    """Two signs whose product is the class, a number that follows one, levels that follow it."""
    random = rng(5)
    one, other = random.choice([-1.0, 1.0], size=(2, n))
    u = one * (1 + random.random(n))
    frame = pd.DataFrame({"u": u, "v": other + 0.2 * random.normal(size=n)})
    frame["twin"] = np.round(3 * u + 0.1 * random.normal(size=n))
    frame["level"] = pd.Categorical(np.where(u > 1.5, "high", np.where(u < 0, "low", "middle")))
    kinds = {"u": "numeric", "v": "numeric", "twin": "integer", "level": "categorical"}
    further = {f"z{i}": random.normal(size=n) for i in range(noise)}
    frame = pd.concat([frame, pd.DataFrame(further)], axis=1)
    y = (one * other > 0).astype(np.int64)
    return Table("made", frame, y, kinds | dict.fromkeys(further, "numeric"), ("n", "p"), "class")


def signs(made: Table) -> np.ndarray:
    return np.sign(made.X["u"]) * np.sign(made.X["v"])


@pytest.mark.parametrize("make", [BayesianNetwork, AdversarialForest])
def test_an_interaction_and_dependent_columns_are_kept(make: type[Generator]) -> None:
    """A copula, and a network without the target beside a feature, would lose the product."""
    made = make().fit(table(), rng()).sample(1000, rng(1))
    assert np.abs(made.class_counts() - 1000 * table().class_counts() / 300).max() <= 1
    assert (signs(made) == 2 * made.y - 1).mean() > 0.85
    assert np.corrcoef(made.X["u"], made.X["twin"])[0, 1] > 0.94
    low = made.X["level"] == "low"
    assert ((made.X["u"] < 0) == low).mean() > 0.94


@pytest.mark.parametrize("make", [BayesianNetwork, AdversarialForest])
def test_numbers_follow_a_numeric_target(make: type[Generator]) -> None:
    real = replace(table(), y=table().X["u"].to_numpy() * 3 + rng(2).normal(size=300), classes=())
    made = make().fit(real, rng()).sample(1000, rng(1))
    for column in ("u", "twin"):
        kept, drawn = (np.corrcoef(t.X[column], t.y)[0, 1] for t in (real, made))
        assert drawn == pytest.approx(kept, abs=0.05)
    assert np.quantile(made.y, [0.1, 0.9]) == pytest.approx(np.quantile(real.y, [0.1, 0.9]), abs=1)


def test_a_network_draws_training_values_and_its_tree_joins_what_is_alike() -> None:
    network = BayesianNetwork().fit(table(noise=3), rng())
    made = network.sample(200, rng(1))
    for column in ("u", "v", "z0"):
        assert set(made.X[column]) <= set(table(noise=3).X[column])
    joined = {frozenset((child, parent)) for child, parent in network.tree_ if parent is not None}
    assert len(joined) == 6
    assert {frozenset((0, 2)), frozenset((0, 3))} & joined


def test_rows_of_unknown_parents_get_a_features_own_shares() -> None:
    network = BayesianNetwork(smoothing=1.0).fit(table(), rng())
    shares = network.shares_[1]
    assert shares.given(np.array([10**6])) == pytest.approx(shares.shares[-1:])
    assert shares.shares.sum(axis=1) == pytest.approx(1)
    assert (shares.shares > 0).all()


@pytest.mark.parametrize("density", ["truncated_normal", "empirical"])
def test_a_forest_that_can_tell_no_more_ends_the_search(density: str) -> None:
    forest = AdversarialForest(n_trees=8, density=density).fit(table(), rng())
    assert 2 <= forest.facts_["forests"] <= 11
    independent = replace(table().select(["v"]), y=rng().integers(2, size=300))
    assert AdversarialForest().fit(independent, rng()).facts_["forests"] <= 2
    made, real = forest.sample(300, rng(1)).X["u"], table().X["u"]
    furthest = np.abs(made.to_numpy()[:, None] - real.to_numpy()).min(axis=1).max()
    assert (furthest < 1e-9) == (density == "empirical")


def test_a_leaf_of_few_real_rows_takes_those_of_the_node_above() -> None:
    ranks = np.arange(40, dtype=np.float32)[:, None]
    tree = DecisionTreeClassifier(random_state=0).fit(ranks, np.arange(40) // 3 % 2)
    leaves = Leaves.of(tree, ranks, fewest=5)
    first, last = leaves.span(np.arange(40))
    assert (last - first).min() >= 5
    low, high = leaves.bounds(ranks, np.arange(40))
    for row in range(40):
        members = leaves.order[first[row] : last[row]]
        assert row in members
        assert ((low[row, 0] < members) & (members <= high[row, 0])).all()
        inside = np.arange(40)[(low[row, 0] < ranks[:, 0]) & (ranks[:, 0] <= high[row, 0])]
        assert sorted(members) == inside.tolist()
    mean, deviation = leaves.moments(ranks.astype(float), np.arange(40))
    assert mean[0] == pytest.approx(leaves.order[first[0] : last[0]].mean())
    assert deviation[0] == pytest.approx(leaves.order[first[0] : last[0]].std(ddof=1))


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("make", RIVALS)
def test_more_columns_than_rows_and_a_class_of_two_rows_are_served(make: type[Generator]) -> None:
    wide = table(40, noise=396)
    y = np.where(wide.y == 1, 0, wide.y)
    y[[3, 17]] = 1
    made = make().fit(replace(wide, y=y), rng()).sample(40, rng(1))
    assert made.n_features == 400
    assert made.class_counts()[1] >= 1
    assert np.isfinite(made.X.drop(columns="level").to_numpy()).all()


@pytest.mark.parametrize("make", RIVALS)
@pytest.mark.parametrize("problem", ["classification", "regression"])
def test_a_single_level_is_refused_in_a_sentence(make: type[Generator], problem: str) -> None:
    lone = replace(
        table(),
        X=pd.DataFrame({"level": pd.Categorical(["one"] * 300)}),
        kinds={"level": "categorical"},
    )
    if problem == "regression":
        lone = replace(lone, y=table().X["u"].to_numpy(), classes=())
    with pytest.raises(NotApplicable, match=rf"^{make.__name__} needs at least one feature that"):
        make().fit(lone, rng())
