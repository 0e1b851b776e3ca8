"""What Mixed-Model draws its hyperparameters from: the ranges, and what a range may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_type_hints

from annotated_types import Interval, Len
from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from bench.ranges import STRICT, Positive, Rising

CLOSED = ConfigDict(**STRICT, extra="forbid")

Wholes = Annotated[Sequence[Annotated[int, Interval(ge=1, le=10_000)]], Len(2, 2), Rising()]
Fractions = Annotated[Sequence[Positive], Len(2, 2), Rising()]


@with_config(CLOSED)
class MixtureRanges(TypedDict):
    """Ranges for `sklearn.mixture.BayesianGaussianMixture`, and the scale of its prior."""

    n_components: Wholes
    weight_concentration_prior: Fractions
    reg_covar: Fractions
    prior_scale: Fractions


@with_config(CLOSED)
class LogisticRegressionRanges(TypedDict, total=False):
    """Ranges for `sklearn.linear_model.LogisticRegression`."""

    C: Fractions


@with_config(CLOSED)
class TreeRanges(TypedDict, total=False):
    """Ranges for `sklearn.tree.DecisionTreeClassifier`."""

    max_depth: Wholes
    min_samples_leaf: Wholes


@with_config(CLOSED)
class ForestRanges(TypedDict, total=False):
    """Ranges for `sklearn.ensemble.RandomForestClassifier`."""

    n_estimators: Wholes
    max_depth: Wholes
    min_samples_leaf: Wholes


@with_config(CLOSED)
class NeighbourRanges(TypedDict, total=False):
    """Ranges for `sklearn.neighbors.KNeighborsClassifier`."""

    n_neighbors: Wholes


@with_config(CLOSED)
class BayesRanges(TypedDict, total=False):
    """Ranges for `sklearn.naive_bayes.GaussianNB`."""

    var_smoothing: Fractions


@with_config(CLOSED)
class NetworkRanges(TypedDict, total=False):
    """Ranges for `sklearn.neural_network.MLPClassifier` with one hidden layer."""

    hidden_layer_sizes: Wholes
    alpha: Fractions


@with_config(CLOSED)
class ClassifierRanges(TypedDict, total=False):
    """The zoo: classifiers, each with the ranges of its hyperparameters."""

    logistic_regression: LogisticRegressionRanges
    decision_tree: TreeRanges
    random_forest: ForestRanges
    nearest_neighbours: NeighbourRanges
    naive_bayes: BayesRanges
    neural_network: NetworkRanges


MIXTURE: MixtureRanges = {
    "n_components": (1, 10),
    "weight_concentration_prior": (0.001, 1000.0),
    "reg_covar": (0.0001, 0.01),
    "prior_scale": (0.1, 1.0),
}
CLASSIFIERS: ClassifierRanges = {
    "logistic_regression": {"C": (0.01, 100.0)},
    "decision_tree": {"max_depth": (2, 10), "min_samples_leaf": (1, 10)},
    "random_forest": {"n_estimators": (10, 50), "max_depth": (2, 12)},
    "nearest_neighbours": {"n_neighbors": (1, 30)},
    "naive_bayes": {"var_smoothing": (1e-9, 0.1)},
    "neural_network": {"hidden_layer_sizes": (8, 64), "alpha": (1e-5, 0.1)},
}


def declared(ranges: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """The ranges in the order in which ``kind`` declares them, for what is drawn goes by it.

    A mapping's own order is nobody's choice: a config file has one, a record its keys sorted.

    Raises
    ------
    ValueError
        If ``kind`` does not declare one of them.
    """
    kinds = get_type_hints(kind)
    names = sorted(ranges, key=list(kinds).index)
    nested = {name for name in names if isinstance(ranges[name], Mapping)}
    return {
        name: declared(ranges[name], kinds[name]) if name in nested else ranges[name]
        for name in names
    }
