"""Mixed-Model: features from Bayesian Gaussian mixtures, labels from random classifiers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import BayesianGaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from bench.table import Table
from generators.base import Generator, NotApplicable

Range = Sequence[int] | Sequence[float]

MIXTURE: Mapping[str, Range] = {
    "n_components": (1, 10),
    "weight_concentration_prior": (0.001, 1000.0),
    "reg_covar": (0.0001, 0.01),
    "prior_scale": (0.1, 1.0),
}
CLASSIFIERS: Mapping[str, Mapping[str, Range]] = {
    "logistic_regression": {"C": (0.01, 100.0)},
    "decision_tree": {"max_depth": (2, 10), "min_samples_leaf": (1, 10)},
    "random_forest": {"n_estimators": (10, 50), "max_depth": (2, 12)},
    "nearest_neighbours": {"n_neighbors": (1, 30)},
    "naive_bayes": {"var_smoothing": (1e-9, 0.1)},
    "neural_network": {"hidden_layer_sizes": (8, 64), "alpha": (1e-5, 0.1)},
}


class MixedModel(Generator):
    """A pool of mixtures for the features, a pool of classifiers for the labels.

    `fit` fits both pools to the training rows, each member with hyperparameters drawn at random;
    each call of `sample` draws one mixture and one classifier, so that every fine-tuning step sees
    another world that resembles the table. Fitting anew at each step would cost seconds a step.
    *Rows of one task must come from one call*, or their support and query follow different rules.

    Categorical columns are one-hot in the mixture and return to the level with the highest value;
    integers are rounded. Labels are given for the rows as they come out, with levels and rounding,
    and before any value is made missing.

    Parameters
    ----------
    n_mixtures, n_classifiers : int, default=4 and 6
        Size of the pools; a sample draws one of the ``n_mixtures * n_classifiers`` pairs.
    mixture : mapping of name to (low, high), default=`MIXTURE`
        Ranges for `sklearn.mixture.BayesianGaussianMixture`: whole numbers are drawn uniformly,
        fractions log-uniformly. ``prior_scale`` is the covariance that the prior expects of a
        component, as a multiple of the training rows' covariance.
    covariances : sequence of {"full", "tied", "diag", "spherical"}
        Each mixture draws one of them.
    max_full_width : int, default=128
        Above as many encoded columns, "full" and "tied" fall back to "diag": their cost grows
        with the cube of the width, and the rows do not suffice for them.
    max_iter : int, default=30
        Iterations of a mixture's or a neural network's fit; convergence is not required.
    classifiers : mapping of name to hyperparameter ranges, default=`CLASSIFIERS`
        The zoo; each classifier draws a kind, then its hyperparameters as above.
    max_levels : int, default=20
        One-hot columns of a categorical feature; when it has more levels, the rarest share the
        last column and return in proportion to their training frequency.
    max_rows : int, default=2000
        Training rows that the pools are fitted to; of more, a random part.
    labels : {"sample", "argmax"}, default="sample"
        Draw labels from the predicted probabilities, or take the most probable class.
    clip : bool, default=True
        Clip numeric values to the range of the training rows.
    missing : bool, default=True
        Make values missing at each column's training rate, independently of everything else;
        otherwise rows are complete. Training values that are missing are replaced by observed
        values of the column, drawn at random, which keeps its distribution. A column without
        any value is missing throughout in both cases.
    keep_classes : bool, default=True
        A class with training rows but none in a sample gets one, if there is room: a row from a
        mixture component, drawn by how much of the class it holds, takes the place of a row from
        a class with several. Without it, rare classes vanish from most samples.

    Notes
    -----
    The study names the method without giving its settings; this reading makes every choice a
    parameter.

    References
    ----------
    Bühler, Purucker, Hutter (2025), *Causal Data Augmentation for Robust Fine-Tuning of Tabular
    Foundation Models*, arXiv 2601.04110 (a baseline there). Mixture: Bishop (2006), *Pattern
    Recognition and Machine Learning*, section 10.2, as in scikit-learn.
    """

    def __init__(
        self,
        n_mixtures: int = 4,
        n_classifiers: int = 6,
        mixture: Mapping[str, Range] = MIXTURE,
        covariances: Sequence[str] = ("full", "tied", "diag", "spherical"),
        max_full_width: int = 128,
        max_iter: int = 30,
        classifiers: Mapping[str, Mapping[str, Range]] = CLASSIFIERS,
        max_levels: int = 20,
        max_rows: int = 2000,
        labels: Literal["sample", "argmax"] = "sample",
        clip: bool = True,
        missing: bool = True,
        keep_classes: bool = True,
    ) -> None:
        if labels not in ("sample", "argmax"):
            raise ValueError(f"MixedModel: labels is '{labels}'; expected 'sample' or 'argmax'.")
        unknown = [name for name in classifiers if name not in BUILDERS]
        if unknown:
            raise ValueError(
                f"MixedModel: unknown classifier '{unknown[0]}'; expected {', '.join(BUILDERS)}."
            )
        self.n_mixtures = n_mixtures
        self.n_classifiers = n_classifiers
        self.mixture = mixture
        self.covariances = covariances
        self.max_full_width = max_full_width
        self.max_iter = max_iter
        self.classifiers = classifiers
        self.max_levels = max_levels
        self.max_rows = max_rows
        self.labels = labels
        self.clip = clip
        self.missing = missing
        self.keep_classes = keep_classes
        self.stays_in_range = clip
        self.keeps_classes = keep_classes

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        """Fit the pools of mixtures and classifiers to the training rows.

        Raises
        ------
        NotApplicable
            If there are rows of fewer than two classes, or no feature varies.
        """
        if (table.class_counts() > 0).sum() < 2:
            raise NotApplicable("MixedModel needs training rows of at least two classes.")
        values = raw_values(table)
        self.columns_ = [
            LevelColumn.learn(values[:, i], self.max_levels)
            if kind == "categorical"
            else NumberColumn.learn(values[:, i], kind == "integer")
            for i, kind in enumerate(table.kinds.values())
        ]
        if not any(column.width for column in self.columns_):
            raise NotApplicable("MixedModel needs at least one feature that varies.")
        self.schema_ = table.take([])
        self.missing_rates_ = np.isnan(values).mean(axis=0)

        rows = bounded_rows(table.y, self.max_rows, rng)
        complete = np.column_stack(
            [column.fill(values[rows, i], rng) for i, column in enumerate(self.columns_)]
        )
        Z, y = self._encode(complete), table.y[rows]
        self.present_ = np.unique(y)
        self.mixtures_ = [self._draw_mixture(Z, y, rng) for _ in range(self.n_mixtures)]
        self.classifiers_ = [self._draw_classifier(Z, y, rng) for _ in range(self.n_classifiers)]
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows from one mixture, labelled by one classifier, both drawn at random."""
        mixture = self.mixtures_[rng.integers(len(self.mixtures_))]
        classifier = self.classifiers_[rng.integers(len(self.classifiers_))]
        values = self._decode(mixture.draw(mixture.weights, n, rng), rng)
        y = self._label(classifier, values, rng)
        if self.keep_classes and n >= len(self.present_):
            self._add_absent_classes(mixture, values, y, rng)
        # A column that is missing throughout has no value to hide: it comes missing already.
        if self.missing:
            values[rng.random(values.shape) < self.missing_rates_] = np.nan
        return self._to_table(values, y)

    def _draw_mixture(self, Z: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Mixture:
        drawn = {name: draw(bounds, rng) for name, bounds in self.mixture.items()}
        covariance = str(rng.choice(list(self.covariances)))
        if Z.shape[1] > self.max_full_width and covariance in ("full", "tied"):
            covariance = "diag"
        drawn["n_components"] = min(drawn["n_components"], max(1, len(Z) // 2))
        return Mixture.fit(Z, y, covariance, self.max_iter, seed(rng), drawn)

    def _draw_classifier(
        self, Z: np.ndarray, y: np.ndarray, rng: np.random.Generator
    ) -> ClassifierMixin:
        kind = str(rng.choice(list(self.classifiers)))
        drawn = {name: draw(bounds, rng) for name, bounds in self.classifiers[kind].items()}
        if kind == "nearest_neighbours":
            drawn["n_neighbors"] = min(drawn["n_neighbors"], len(Z))
        if kind == "neural_network":
            drawn["max_iter"] = self.max_iter
        classifier = BUILDERS[kind](**drawn)
        if "random_state" in classifier.get_params():
            classifier.set_params(random_state=seed(rng))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return classifier.fit(Z, y)

    def _label(
        self, classifier: ClassifierMixin, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Labels for complete rows, shape (n,)."""
        if not len(values):
            return np.zeros(0, dtype=np.int64)
        probability = classifier.predict_proba(self._encode(values))
        if self.labels == "argmax":
            return classifier.classes_[probability.argmax(axis=1)]
        return classifier.classes_[draw_each(probability, rng)]

    def _add_absent_classes(
        self, mixture: Mixture, values: np.ndarray, y: np.ndarray, rng: np.random.Generator
    ) -> None:
        """Give each absent class one row in place of another's; changes ``values`` and ``y``."""
        for i, label in enumerate(self.present_):
            if (y == label).any():
                continue
            counts = np.bincount(y, minlength=self.schema_.n_classes)
            row = rng.choice(np.flatnonzero(counts[y] > 1))
            values[row] = self._decode(mixture.draw(mixture.class_weights[i], 1, rng), rng)[0]
            y[row] = label

    def _encode(self, values: np.ndarray) -> np.ndarray:
        """Complete rows as the mixtures and classifiers see them, shape (n, width)."""
        return np.hstack([c.encode(values[:, i]) for i, c in enumerate(self.columns_)])

    def _decode(self, Z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Rows from encoded ones, shape (n, n_features): numbers, level codes."""
        ends = np.cumsum([column.width for column in self.columns_])
        decoded = [
            column.decode(Z[:, end - column.width : end], rng)
            for column, end in zip(self.columns_, ends, strict=True)
        ]
        if self.clip:
            decoded = [c.clip(v) for c, v in zip(self.columns_, decoded, strict=True)]
        return np.column_stack(decoded)

    def _to_table(self, values: np.ndarray, y: np.ndarray) -> Table:
        frame: dict[str, np.ndarray | pd.Categorical] = {}
        for i, (name, kind) in enumerate(self.schema_.kinds.items()):
            if kind == "categorical":
                codes = np.nan_to_num(values[:, i], nan=-1.0).astype(np.int64)
                frame[name] = pd.Categorical.from_codes(codes, self.schema_.X[name].cat.categories)
            else:
                frame[name] = values[:, i]
        return self.schema_.with_rows(pd.DataFrame(frame), y)


@dataclass(frozen=True)
class NumberColumn:
    """A numeric or integer column: one standardised column, or none if it is constant."""

    observed: np.ndarray
    unit: float
    mean: float
    std: float
    integer: bool

    @classmethod
    def learn(cls, values: np.ndarray, integer: bool) -> NumberColumn:
        """Learn from values of shape (n_rows,), NaN where missing."""
        observed = values[~np.isnan(values)]
        unit = float(np.abs(observed).max(initial=0.0)) or 1.0  # squares of huge values overflow
        scaled = observed / unit
        varies = len(observed) and observed.min() < observed.max()
        return cls(
            observed=observed,
            unit=unit,
            mean=float(scaled.mean()) if varies else 0.0,
            std=float(scaled.std()) if varies else 0.0,
            integer=integer,
        )

    @property
    def width(self) -> int:
        return int(self.std > 0)

    def fill(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Observed values, drawn at random, where values are missing."""
        return fill_missing(values, self.observed, rng)

    def encode(self, values: np.ndarray) -> np.ndarray:
        if not self.width:
            return np.empty((len(values), 0))
        return ((values / self.unit - self.mean) / self.std)[:, None]

    def decode(self, block: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if not self.width:
            return np.full(len(block), self.observed[0] if len(self.observed) else np.nan)
        values = (block[:, 0] * self.std + self.mean) * self.unit
        return np.round(values) if self.integer else values

    def clip(self, values: np.ndarray) -> np.ndarray:
        return values.clip(self.observed.min(), self.observed.max()) if self.width else values


@dataclass(frozen=True)
class LevelColumn:
    """A categorical column: one-hot columns for its levels, or none if it has one level only.

    ``place[code]`` is the level's one-hot column (−1: it does not occur); ``shares[k]`` the
    training share of each code within one-hot column ``k``.
    """

    observed: np.ndarray
    place: np.ndarray
    shares: np.ndarray

    @classmethod
    def learn(cls, codes: np.ndarray, max_levels: int) -> LevelColumn:
        """Learn from level codes of shape (n_rows,), NaN where missing."""
        observed = codes[~np.isnan(codes)]
        counts = np.bincount(observed.astype(np.int64))
        frequent_first = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
        place = np.full(len(counts), -1)
        place[frequent_first] = np.arange(len(frequent_first)).clip(max=max(max_levels, 2) - 1)
        shares = np.zeros((place.max(initial=-1) + 1, len(counts)))
        shares[place[frequent_first], frequent_first] = counts[frequent_first]
        return cls(observed, place, shares / shares.sum(axis=1, keepdims=True))

    @property
    def width(self) -> int:
        return len(self.shares) if len(self.shares) > 1 else 0

    def fill(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Observed codes, drawn at random, where codes are missing."""
        return fill_missing(values, self.observed, rng)

    def encode(self, codes: np.ndarray) -> np.ndarray:
        if not self.width:
            return np.empty((len(codes), 0))
        return np.eye(self.width)[self.place[codes.astype(np.int64)]]

    def decode(self, block: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if not self.width:
            return np.full(len(block), self.observed[0] if len(self.observed) else np.nan)
        return draw_each(self.shares[block.argmax(axis=1)], rng).astype(np.float64)

    def clip(self, codes: np.ndarray) -> np.ndarray:
        return codes


@dataclass(frozen=True)
class Mixture:
    """What is needed to draw from a fitted Gaussian mixture with a generator of our own.

    `BayesianGaussianMixture.sample` draws the same rows at each call when its random state is an
    integer, and takes no `numpy.random.Generator`.

    ``weights`` has shape (n_components,); ``class_weights`` (n_classes_present, n_components) are
    the components' shares of each class's training rows; ``means`` (n_components, width);
    ``roots`` are square roots of the covariances, (n_components, width, width), or their
    diagonals, (n_components, width).
    """

    weights: np.ndarray
    class_weights: np.ndarray
    means: np.ndarray
    roots: np.ndarray

    @classmethod
    def fit(
        cls,
        Z: np.ndarray,
        y: np.ndarray,
        covariance: str,
        max_iter: int,
        random_state: int,
        settings: Mapping[str, float],
    ) -> Mixture:
        """Fit to encoded rows of shape (n_rows, width); ``settings`` is one draw of the ranges.

        scikit-learn's default covariance prior is singular for one-hot or collinear columns, and
        a component that loses its rows then fails; it also expects covariances that shrink with
        the width, since it divides the prior by its degrees of freedom. Both are set right here.
        """
        width = Z.shape[1]
        passed = {name: value for name, value in settings.items() if name != "prior_scale"}
        prior = covariance_prior(Z, covariance, settings["reg_covar"])
        model = BayesianGaussianMixture(
            covariance_type=covariance,
            degrees_of_freedom_prior=width,
            covariance_prior=prior * width * settings["prior_scale"],
            max_iter=max_iter,
            tol=0.01,
            random_state=random_state,
            **passed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            held = model.fit(Z).predict_proba(Z)
        class_weights = np.stack([held[y == label].mean(axis=0) for label in np.unique(y)])
        return cls(model.weights_, class_weights, model.means_, covariance_roots(model, width))

    def draw(self, weights: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw ``n`` encoded rows from components with these weights, shape (n, width)."""
        components = rng.choice(len(weights), size=n, p=weights / weights.sum())
        noise = rng.standard_normal((n, self.means.shape[1]))
        if self.roots.ndim == 2:
            return self.means[components] + noise * self.roots[components]
        Z = self.means[components]
        for k in np.unique(components):
            mine = components == k
            Z[mine] += noise[mine] @ self.roots[k].T
        return Z


def covariance_prior(Z: np.ndarray, covariance: str, ridge: float) -> np.ndarray | float:
    """The rows' covariance plus ``ridge``, in the shape that this type of covariance asks for."""
    full = np.atleast_2d(np.cov(Z, rowvar=False)) + ridge * np.eye(Z.shape[1])
    if covariance == "diag":
        return np.diag(full)
    return float(np.diag(full).mean()) if covariance == "spherical" else full


def covariance_roots(model: BayesianGaussianMixture, width: int) -> np.ndarray:
    """Square roots of a mixture's covariances, as `Mixture.roots` holds them."""
    covariances = model.covariances_
    if model.covariance_type == "full":
        return np.linalg.cholesky(covariances)
    if model.covariance_type == "tied":
        return np.repeat(np.linalg.cholesky(covariances)[None], len(model.means_), axis=0)
    if model.covariance_type == "diag":
        return np.sqrt(covariances)
    return np.repeat(np.sqrt(covariances)[:, None], width, axis=1)


def neural_network(hidden_layer_sizes: int, **settings: float) -> MLPClassifier:
    """A network with one hidden layer of this width."""
    return MLPClassifier(hidden_layer_sizes=(hidden_layer_sizes,), **settings)


BUILDERS = {
    "logistic_regression": LogisticRegression,
    "decision_tree": DecisionTreeClassifier,
    "random_forest": RandomForestClassifier,
    "nearest_neighbours": KNeighborsClassifier,
    "naive_bayes": GaussianNB,
    "neural_network": neural_network,
}


def raw_values(table: Table) -> np.ndarray:
    """Numbers and level codes of a table, NaN where missing, shape (n_rows, n_features)."""
    columns = [
        table.X[c].cat.codes.to_numpy(dtype=np.float64)
        if kind == "categorical"
        else table.X[c].to_numpy()
        for c, kind in table.kinds.items()
    ]
    values = np.column_stack(columns) if columns else np.empty((len(table), 0))
    for i, kind in enumerate(table.kinds.values()):
        if kind == "categorical":
            values[values[:, i] < 0, i] = np.nan
    return values


def bounded_rows(y: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """All rows, or ``most`` of them drawn at random and one of each class that they lack."""
    if len(y) <= most:
        return np.arange(len(y))
    order = rng.permutation(len(y))
    _, firsts = np.unique(y[order], return_index=True)
    return np.sort(order[np.union1d(np.arange(most), firsts)])


def fill_missing(values: np.ndarray, observed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Replace NaN by observed values drawn at random; nothing to draw from leaves NaN."""
    absent = np.isnan(values)
    if not absent.any() or not len(observed):
        return values
    filled = values.copy()
    filled[absent] = rng.choice(observed, size=int(absent.sum()))
    return filled


def draw(bounds: Range, rng: np.random.Generator) -> int | float:
    """A whole number drawn uniformly, both ends included, or a fraction drawn log-uniformly."""
    low, high = bounds
    if isinstance(low, int) and isinstance(high, int):
        return int(rng.integers(low, high + 1))
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_each(probability: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One position from each row of probabilities of shape (n, k), shape (n,)."""
    cumulative = np.cumsum(probability, axis=1)
    points = rng.random((len(probability), 1)) * cumulative[:, -1:]
    return (points >= cumulative).sum(axis=1).clip(max=probability.shape[1] - 1)


def seed(rng: np.random.Generator) -> int:
    """A seed for scikit-learn."""
    return int(rng.integers(2**31))
