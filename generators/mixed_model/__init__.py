"""Mixed-Model: features from Bayesian Gaussian mixtures, labels from random learners.

It touches no other generator, and no tasks: whoever draws rows makes tasks of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from annotated_types import Interval, Len

from bench.generator import Generator, NotApplicable
from bench.phrases import joined
from bench.ranges import Count, Positive, Whole
from bench.table import Table
from generators.mixed_model.labels import (
    CLASSIFYING,
    REGRESSING,
    Labeller,
    Labels,
    OfClasses,
    OfNumbers,
    draw,
    fitted,
    seed,
)
from generators.mixed_model.mixture import Mixture
from generators.mixed_model.ranges import (
    CLASSIFIERS,
    MIXTURE,
    ClassifierRanges,
    MixtureRanges,
    declared,
)
from generators.parts.completion import Completion

Pool = Annotated[int, Interval(ge=1, le=1000)]
Covariance = Literal["full", "tied", "diag", "spherical"]
COVARIANCES: tuple[Covariance, ...] = ("full", "tied", "diag", "spherical")


class MixedModel(Generator):
    """A pool of mixtures for the features, a pool of classifiers (or regressors) for the labels.

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
    tol : float, default=0.01
        Gain in the lower bound of a mixture's likelihood below which its fit ends.
    classifiers : mapping of name to hyperparameter ranges, default=`CLASSIFIERS`
        The zoo; each classifier draws a kind, then its hyperparameters as above. Of a numeric
        target a regressor of the same kind: ridge regression, with a penalty of 1 / C, for
        logistic regression; naive Bayes has no counterpart and is left out.
    max_levels : int, default=20
        One-hot columns of a categorical feature; when it has more levels, the rarest share the
        last column and return in proportion to their training frequency.
    max_rows : int, default=2000
        Training rows that the pools are fitted to; of more, a random part.
    labels : {"sample", "argmax"}, default="sample"
        Draw labels from the predicted probabilities, or take the most probable class. A number is
        the prediction and the residual of a random training row, or the prediction alone.
    clip : bool, default=True
        Clip numeric values, a numeric target's too, to the range of the training rows.
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

    problems = ("classification", "regression")

    def __init__(
        self,
        n_mixtures: Pool = 4,
        n_classifiers: Pool = 6,
        mixture: MixtureRanges = MIXTURE,
        covariances: Annotated[Sequence[Covariance], Len(1)] = (
            "full",
            "tied",
            "diag",
            "spherical",
        ),
        max_full_width: Whole = 128,
        max_iter: Annotated[int, Interval(ge=1, le=100_000)] = 30,
        tol: Positive = 0.01,
        classifiers: Annotated[ClassifierRanges, Len(1)] = CLASSIFIERS,
        max_levels: Count = 20,
        max_rows: Count = 2000,
        labels: Labels = "sample",
        clip: bool = True,
        missing: bool = True,
        keep_classes: bool = True,
    ) -> None:
        self.n_mixtures = n_mixtures
        self.n_classifiers = n_classifiers
        self.mixture: Mapping[str, Any] = mixture
        self.covariances = covariances
        self.max_full_width = max_full_width
        self.max_iter = max_iter
        self.tol = tol
        self.classifiers: Mapping[str, Any] = classifiers
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
            If there are rows of fewer than two classes, the target or no feature varies, or no
            kind of classifier has a counterpart for a numeric target.
        """
        self.rows_ = Completion.learn(table, "MixedModel", self.max_levels)
        # A numeric target has no classes of which a part, or a mixture, could lack one.
        strata = np.zeros(len(table), dtype=np.int64) if table.strata is None else table.strata
        rows = bounded_rows(strata, self.max_rows, rng)
        part, strata = table.take(rows), strata[rows]
        Z, y = self.rows_.encode(self.rows_.fill(part, rng)), self.rows_.encode_y(part.y)
        self.present_ = np.unique(strata)
        self.mixtures_ = [self._draw_mixture(Z, strata, rng) for _ in range(self.n_mixtures)]
        draw_labeller = self._draw_classifier if table.classes else self._draw_regressor
        self.labellers_ = [draw_labeller(Z, y, rng) for _ in range(self.n_classifiers)]
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` rows from one mixture, labelled by one classifier, both drawn at random."""
        mixture = self.mixtures_[rng.integers(len(self.mixtures_))]
        labeller = self.labellers_[rng.integers(len(self.labellers_))]
        values = self._decode(mixture.draw(mixture.weights, n, rng), rng)
        y = self._label(labeller, values, rng)
        if self.rows_.schema.classes and self.keep_classes and n >= len(self.present_):
            self._add_absent_classes(mixture, values, y, rng)
        # A column that is missing throughout has no value to hide: it comes missing already.
        holes = self.rows_.holes(n, rng) if self.missing else np.zeros(values.shape, dtype=bool)
        return self.rows_.table(values, y, holes)

    def _draw_mixture(self, Z: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Mixture:
        ranges = declared(self.mixture, MixtureRanges)
        drawn = {name: draw(bounds, rng) for name, bounds in ranges.items()}
        covariance = str(rng.choice(list(self.covariances)))
        if Z.shape[1] > self.max_full_width and covariance in ("full", "tied"):
            covariance = "diag"
        drawn["n_components"] = min(drawn["n_components"], max(1, len(Z) // 2))
        return Mixture.fit(Z, y, covariance, self.max_iter, self.tol, seed(rng), drawn)

    def _draw_classifier(self, Z: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Labeller:
        zoo = declared(self.classifiers, ClassifierRanges)
        return OfClasses(fitted(zoo, CLASSIFYING, Z, y, self.max_iter, rng))

    def _draw_regressor(self, Z: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Labeller:
        zoo = declared(self.classifiers, ClassifierRanges)
        zoo = {kind: ranges for kind, ranges in zoo.items() if kind in REGRESSING}
        if not zoo:
            raise NotApplicable(
                f"MixedModel's classifiers are {joined(self.classifiers, 'and')} only, which have "
                "no counterpart for a numeric target."
            )
        regressor = fitted(zoo, REGRESSING, Z, y, self.max_iter, rng)
        return OfNumbers(regressor, y - np.ravel(regressor.predict(Z)))

    def _label(
        self, labeller: Labeller, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Targets for complete rows, shape (n,)."""
        if not len(values):
            return self.rows_.schema.y
        y = labeller.label(self.rows_.encode(values), self.labels, rng)
        return self.rows_.decode_y(y, self.clip)

    def _add_absent_classes(
        self, mixture: Mixture, values: np.ndarray, y: np.ndarray, rng: np.random.Generator
    ) -> None:
        """Give each absent class one row in place of another's; changes ``values`` and ``y``."""
        for i, label in enumerate(self.present_):
            if (y == label).any():
                continue
            counts = np.bincount(y, minlength=self.rows_.schema.n_classes)
            row = rng.choice(np.flatnonzero(counts[y] > 1))
            values[row] = self._decode(mixture.draw(mixture.class_weights[i], 1, rng), rng)[0]
            y[row] = label

    def _decode(self, Z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Complete rows from encoded ones."""
        values = self.rows_.decode(Z, rng)
        return self.rows_.clip(values) if self.clip else values


def bounded_rows(y: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """All rows, or ``most`` of them drawn at random and one of each class that they lack."""
    if len(y) <= most:
        return np.arange(len(y))
    order = rng.permutation(len(y))
    _, firsts = np.unique(y[order], return_index=True)
    return np.sort(order[np.union1d(np.arange(most), firsts)])
