"""The expected calibration error is that of its definition, whatever the order of rows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from bench.scores.calibration_error import calibration_error


def of_two(p: list[float]) -> np.ndarray:
    return np.column_stack([1 - np.array(p), p])


def test_four_rows_by_hand() -> None:
    """Each its own bin. Confident by 0.9, 0.8, 0.7, 0.6; the third is wrong."""
    p = of_two([0.1, 0.8, 0.7, 0.4])
    found = calibration_error(np.array([0, 1, 0, 0]), p)
    assert found == pytest.approx((0.1 + 0.2 + 0.7 + 0.4) / 4)


def test_rows_of_one_confidence_count_together() -> None:
    """Of 20 rows that are confident by 0.8 14 are right, of 10 by 0.6 8."""
    p = of_two([0.8] * 20 + [0.4] * 10)
    y = np.array([1] * 14 + [0] * 6 + [0] * 8 + [1] * 2)
    expected = (20 * abs(0.8 - 0.7) + 10 * abs(0.6 - 0.8)) / 30
    assert calibration_error(y, p) == pytest.approx(expected)
    order = np.random.default_rng(0).permutation(30)
    assert calibration_error(y[order], p[order]) == pytest.approx(expected)


def test_bins_hold_equally_many_rows() -> None:
    """31 rows in 15 bins: the first has three, the others two."""
    p = np.linspace(0.51, 0.99, 31)
    y = np.arange(31) % 2
    bins = [[0, 1, 2], *([i, i + 1] for i in range(3, 31, 2))]
    gaps = [abs(np.mean([p[i] - y[i] for i in rows])) * len(rows) / 31 for rows in bins]
    assert calibration_error(y, of_two(list(p))) == pytest.approx(sum(gaps))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_it_is_what_another_computation_says(n_classes: int) -> None:
    rng = np.random.default_rng(7)
    p = rng.dirichlet(np.ones(n_classes), 200)  # no two confidences are the same
    y = rng.integers(0, n_classes, 200)
    rows = sorted((max(row), row.tolist().index(max(row)) == label) for row, label in zip(p, y))
    edges = np.cumsum([0] + [14] * 5 + [13] * 10)  # 200 = 5 · 14 + 10 · 13
    total = 0.0
    for a, b in pairwise(edges):
        confidence, right = zip(*rows[a:b])
        total += (b - a) / 200 * abs(np.mean(confidence) - np.mean(right))
    assert calibration_error(y, p) == pytest.approx(total)


def test_constant_predictions_are_as_far_off_as_their_class_is_rarer() -> None:
    y = np.array([0] * 12 + [1] * 8)
    assert calibration_error(y, of_two([0.25] * 20)) == pytest.approx(0.75 - 0.6)
    assert calibration_error(y, of_two([0.4] * 20)) == pytest.approx(0.0)
    assert calibration_error(np.zeros(20, dtype=int), of_two([0.0] * 20)) == 0.0
