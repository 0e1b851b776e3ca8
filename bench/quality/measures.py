"""How close synthetic rows come to the real rows they were learnt from: pure functions of tables.

Every measure reads a table of real training rows and a table of synthetic rows under one schema.
Unless a measure says otherwise the target counts as one more column, categorical or numeric, and a
missing value as one more level. Nothing here fits a generator or reads a file. A measure that its
own definition denies to the rows at hand is None; one that came out as no number is an error.

SDMetrics, the library of the field, stays out of the records: its column measures leave missing
values out, its detection is a logistic regression, and it has no distance ratio, no copies with
holes and no Fréchet distance. Where both define the same thing a test holds ours against it.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier

from bench.quality.arrays import Columns, Standardizer, at_most
from bench.quality.learners import boosting, predict
from bench.quality.structure import global_utility
from bench.quality.utility import utility
from bench.scores._rank_area import binary_roc_auc
from bench.table import Table

# These numbers say what the measures are, as their formulas do: no settings, since under another
# value a measure of the same name would be another one, and could be compared with no record. They
# decide no cell's scores, so they are in no identity; a change of one makes records stale.
MAX_ROWS = 1000  # rows of each table that a measure reads, drawn at random: distances are of pairs
FOLDS = 3  # of the detector's cross-validation, as many as TabArena's splits have
COMPONENTS = 10  # principal components of the Fréchet distance, if the rows have as many


def quality(
    real: Table, synthetic: Table, rng: np.random.Generator, test: Table | None = None
) -> dict[str, float | None]:
    """Every measure of this module, and with rows that the generator never saw, their utility.

    Parameters
    ----------
    real : Table
        The rows that the generator was fitted on.
    synthetic : Table
        Its rows, under the same schema.
    rng : numpy.random.Generator
        Draws at most `MAX_ROWS` rows of each table, and the folds of the detector.
    test : Table, optional
        Real rows that the generator never saw.

    Returns
    -------
    dict
        ``marginal_distance``, ``correlation_error``, ``detection_auc``, ``distance_to_closest``,
        ``copies``, ``frechet_distance`` and, with ``test``, ``tstr_roc_auc`` (of a numeric target
        ``tstr_r2``, `bench.quality.utility`), ``detection_auc_unseen`` (`detection_auc` against
        ``test``) and ``global_utility`` (`bench.quality.structure`). A measure that does not exist
        for these rows is None; each says when.

    Raises
    ------
    ValueError
        If the tables' columns or classes differ, or one of the first two is empty.
    FloatingPointError
        If a measure is not finite.
    """
    _check(real, synthetic)
    all_real = real
    real, synthetic = at_most(real, MAX_ROWS, rng), at_most(synthetic, MAX_ROWS, rng)
    scores: dict[str, float | None] = {
        "marginal_distance": marginal_distance(real, synthetic),
        "correlation_error": correlation_error(real, synthetic),
        "detection_auc": detection_auc(real, synthetic, rng),
        "distance_to_closest": distance_to_closest(real, synthetic),
        "copies": copies(all_real, synthetic),
        "frechet_distance": frechet_distance(real, synthetic),
    }
    if test is not None:
        scores |= utility(synthetic, test)
        if len(test):
            scores["detection_auc_unseen"] = detection_auc(test, synthetic, rng)
        scores["global_utility"] = global_utility(real, synthetic, test, rng)
    for name, value in scores.items():
        if value is not None and not np.isfinite(value):
            raise FloatingPointError(
                f"Table '{real.name}': the synthetic rows' {name} came out as {value}."
            )
    return scores


def marginal_distance(real: Table, synthetic: Table) -> float:
    """Mean over columns of the distance between the two marginal distributions, in [0, 1].

    Numeric columns: the Kolmogorov–Smirnov statistic sup |F − G|, with missing as a value above
    all others. Categorical columns and classes: total variation, ½ Σ |p − q|. These are the
    complements of SDMetrics' ``KSComplement`` and ``TVComplement``, which leave missing values out.
    """
    ours, theirs = Columns.of(real), Columns.of(synthetic, like=real)
    distances = [
        _kolmogorov_smirnov(a, b) for a, b in zip(ours.numbers.T, theirs.numbers.T, strict=True)
    ]
    for a, b, size in zip(ours.codes.T, theirs.codes.T, ours.sizes, strict=True):
        shares = [np.bincount(codes, minlength=size) / len(codes) for codes in (a, b)]
        distances.append(np.abs(shares[0] - shares[1]).sum() / 2)
    return float(np.mean(distances))


def correlation_error(real: Table, synthetic: Table) -> float | None:
    """Mean absolute difference between the two `association` matrices, over pairs of columns.

    None if there is no feature. A difference of signs counts in full, so the error lies in [0, 2].
    """
    ours, theirs = Columns.of(real), Columns.of(synthetic, like=real)
    difference = np.abs(association(ours) - association(theirs))
    pairs = np.triu_indices(len(difference), 1)
    return float(difference[pairs].mean()) if len(pairs[0]) else None


def association(columns: Columns) -> np.ndarray:
    """Association of each pair of columns, shape (p, p): numeric ones first, then categorical.

    * numeric, numeric: Spearman's ρ, in [−1, 1];
    * categorical, categorical: bias-corrected Cramér's V, in [0, 1] (Bergsma 2013, *A
      bias-correction for Cramér's V and Tschuprow's T*);
    * numeric, categorical: the correlation ratio of the ranks, η² = H / (n − 1) of Kruskal and
      Wallis, corrected for the number of levels as Kelley's ε² = 1 − (1 − η²)(n − 1)/(n − k)
      (Kelley 1935, *An unbiased correlation ratio measure*), in [0, 1].

    A missing number stands at the mean rank; a constant column is associated with nothing.
    """
    ranks = _standard_ranks(columns.numbers)
    levels, owner = columns.one_hot()
    used = levels.any(axis=0)
    levels, owner = levels[:, used], owner[used]
    starts = np.searchsorted(owner, np.arange(columns.codes.shape[1]))
    k = np.diff(np.append(starts, len(owner)))
    corner = _correlation_ratio(ranks, levels, starts, k)
    return np.block(
        [[ranks.T @ ranks / len(ranks), corner], [corner.T, _cramers_v(levels, starts, k)]]
    )


def detection_auc(real: Table, synthetic: Table, rng: np.random.Generator) -> float | None:
    """ROC-AUC at which gradient boosting tells synthetic rows from real ones; ½: it cannot.

    The classifier two-sample test of Lopez-Paz and Oquab (2017), *Revisiting Classifier Two-Sample
    Tests*: as many rows of either kind, mean over `FOLDS` folds. Equal rows are kept in one fold,
    because a copy in the other part would carry its original's label and push the area below ½.

    Rows matched to the very rows that they are held against (the same margins, near copies) still
    end below ½: what a fold's real rows have too much of, the other folds' lack. Against real rows
    that the generator never saw there is no such pull, and two samples of one distribution give ½.

    Parameters
    ----------
    real, synthetic : Table
        A level that ``real`` does not know counts as missing.
    rng : numpy.random.Generator
        Draws the rows of the larger table, and the folds.

    Returns
    -------
    float or None
        None if no fold has both kinds in both parts.
    """
    n = min(len(real), len(synthetic))
    drawn = [at_most(real, n, rng), at_most(synthetic, n, rng)]
    both = np.concatenate([Columns.of(table, like=real).side_by_side() for table in drawn])
    is_synthetic = np.repeat([0, 1], n)
    _, row = np.unique(np.nan_to_num(both, nan=np.inf), axis=0, return_inverse=True)
    fold = rng.permutation(row.max() + 1)[row] % FOLDS
    areas = []
    for held_out in range(FOLDS):
        train, test = fold != held_out, fold == held_out
        if len(set(is_synthetic[train])) == 2 and len(set(is_synthetic[test])) == 2:
            model = boosting(HistGradientBoostingClassifier, Columns.of(real))
            score = predict(model, both[train], is_synthetic[train], both[test])[:, 1]
            areas.append(binary_roc_auc(is_synthetic[test] == 1, score))
    return float(np.mean(areas)) if areas else None


def distance_to_closest(real: Table, synthetic: Table) -> float | None:
    """Median distance of a synthetic row to its closest real row, over that among real rows.

    Below 1 the synthetic rows lie closer to the real ones than these to each other; 0 for copies.
    None if half of the real rows have a twin, or there is one alone. The distance is Gower's (1971,
    *A General Coefficient of Similarity and Some of Its Properties*) over the features: absolute
    differences in units of the column's real range, at most 1; unequal levels, or one value
    missing, count 1.
    """
    ours, theirs = Columns.of(real, target=False), Columns.of(synthetic, like=real, target=False)
    among = _gower(ours, ours, ours)
    np.fill_diagonal(among, np.inf)
    usual = np.median(among.min(axis=1))
    closest = np.median(_gower(theirs, ours, ours).min(axis=1))
    return float(closest / usual) if 0 < usual < np.inf else None


def copies(real: Table, synthetic: Table) -> float:
    """Share of synthetic rows whose features all equal those of some real row, in [0, 1]."""
    return float(np.isin(synthetic.row_keys(), real.row_keys()).mean())


def frechet_distance(real: Table, synthetic: Table) -> float:
    """Squared Fréchet distance of two Gaussians in the plane of the real rows' first components.

    ‖m − m′‖² + tr(S + S′ − 2(SS′)^½) (Dowson and Landau 1982, *The Fréchet Distance between
    Multivariate Normal Distributions*), as Heusel et al. (2017) use it for images; here on at most
    `COMPONENTS` principal components of the standardized numbers and one-hot levels. The unit is
    the variance of one real column; 0 for equal moments.
    """
    columns = Columns.of(real)
    encoder = Standardizer(columns)
    encoded = encoder(columns)
    centre = encoded.mean(axis=0)
    # Not scikit-learn's PCA, which divides by zero on a single row.
    axes = np.linalg.svd(encoded - centre, full_matrices=False)[2][:COMPONENTS].T
    ours = (encoded - centre) @ axes
    theirs = (encoder(Columns.of(synthetic, like=real)) - centre) @ axes
    a, b = (np.atleast_2d(np.cov(points.T, bias=True)) for points in (ours, theirs))
    values, vectors = np.linalg.eigh(a)
    root = vectors * np.sqrt(values.clip(min=0)) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ b @ root).clip(min=0)).sum()
    shift = ((ours.mean(axis=0) - theirs.mean(axis=0)) ** 2).sum()
    # Rounding leaves tiny negative values where the moments are equal.
    return max(float(shift + np.trace(a) + np.trace(b) - 2 * overlap), 0.0)


def _kolmogorov_smirnov(a: np.ndarray, b: np.ndarray) -> float:
    a, b = (np.sort(np.where(np.isnan(values), np.inf, values)) for values in (a, b))
    at = np.concatenate([a, b])
    shares = [np.searchsorted(v, at, side="right") / len(v) for v in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


def _standard_ranks(numbers: np.ndarray) -> np.ndarray:
    """Ranks with mean 0 and variance 1 a column; missing values and constant columns are 0."""
    present = ~np.isnan(numbers)
    ranks = rankdata(np.where(present, numbers, np.inf), axis=0)  # missing ones rank last, and go
    mean = (present.sum(axis=0) + 1) / 2
    ranks = np.where(present, ranks - mean, 0.0)
    deviation = ranks.std(axis=0)
    return ranks / np.where(deviation > 0, deviation, 1.0)


def _correlation_ratio(
    ranks: np.ndarray, levels: np.ndarray, starts: np.ndarray, k: np.ndarray
) -> np.ndarray:
    """Kelley's ε of each numeric and categorical column, shape (n_numeric, n_categorical)."""
    n = len(levels)
    if not len(starts):
        return np.zeros((ranks.shape[1], 0))
    sums = ranks.T @ levels
    between = np.add.reduceat(sums**2 / levels.sum(axis=0), starts, axis=1) / n
    unexplained = (1 - between) * (n - 1) / np.maximum(n - k, 1)
    explained = np.where((k > 1) & (k < n), 1 - unexplained, 0.0)
    return np.sqrt(explained.clip(0, 1)) * (ranks != 0).any(axis=0)[:, None]


def _cramers_v(levels: np.ndarray, starts: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Bergsma's V of each pair of categorical columns, shape (n_categorical, n_categorical)."""
    n, counts = len(levels), levels.sum(axis=0)
    if not len(starts):
        return np.zeros((0, 0))
    cells = (levels.T @ levels) ** 2 / np.outer(counts, counts)
    phi = np.add.reduceat(np.add.reduceat(cells, starts, axis=0), starts, axis=1) - 1
    phi = (phi - np.outer(k - 1, k - 1) / max(n - 1, 1)).clip(min=0)
    size = k - (k - 1) ** 2 / max(n - 1, 1)
    most = np.minimum.outer(size, size) - 1
    return np.sqrt((phi / np.where(most > 0, most, np.inf)).clip(max=1))


def _gower(a: Columns, b: Columns, scale: Columns) -> np.ndarray:
    """Distances of rows of ``a`` to rows of ``b`` in units of ``scale``, shape (len(a), len(b))."""
    total = np.zeros((len(a.codes), len(b.codes)), dtype=np.float32)
    for x, y, unit in zip(a.numbers.T, b.numbers.T, scale.numbers.T, strict=True):
        present = unit[~np.isnan(unit)]
        extent = float(np.ptp(present)) if len(present) else 0.0
        holes = np.isnan(x)[:, None] != np.isnan(y)
        if extent > 0:
            # How far does not matter of what lies so many ranges away.
            x, y = ((np.nan_to_num(v) / extent).clip(-1e30, 1e30) for v in (x, y))
            x, y = x.astype(np.float32), y.astype(np.float32)
            difference = np.minimum(np.abs(x[:, None] - y), 1)
        else:
            difference = (np.nan_to_num(x)[:, None] != np.nan_to_num(y)).astype(np.float32)
        total += np.where(holes, 1, difference)
    for x, y in zip(a.codes.T, b.codes.T, strict=True):
        total += x[:, None] != y
    return total / max(a.numbers.shape[1] + a.codes.shape[1], 1)


def _check(real: Table, synthetic: Table) -> None:
    if dict(real.kinds) != dict(synthetic.kinds) or real.classes != synthetic.classes:
        raise ValueError(
            f"Table '{real.name}': real and synthetic rows must share columns, kinds and classes."
        )
    if not len(real) or not len(synthetic):
        raise ValueError(f"Table '{real.name}': quality needs real and synthetic rows.")
