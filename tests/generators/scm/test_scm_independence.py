"""What is tested many at once is what the plain definitions find one by one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_scm_discovery import coded

from generators.scm.budget import Budget
from generators.scm.coding import Coding
from generators.scm.graphs import Dag
from generators.scm.independence import DegenerateGaussian, IndependenceTest
from generators.scm.repair import MarkovRepair
from generators.scm.skeleton import Skeleton, skeleton

LEVEL = 0.05


class OneByOne(DegenerateGaussian):
    """The same test, asked for each set by itself."""

    first = IndependenceTest.first


@st.composite
def tables(draw: Callable) -> Coding:
    """A few columns of one or two factors, numbers and levels, few rows or many."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, p = draw(st.sampled_from([12, 40, 200])), draw(st.integers(3, 7))
    scores = rng.normal(size=(n, 2)) @ rng.normal(size=(2, p)) + rng.normal(size=(n, p))
    columns = {}
    for at, kind in enumerate(draw(st.lists(st.integers(0, 2), min_size=p, max_size=p))):
        score = scores[:, at]
        cuts = np.quantile(score, np.linspace(0, 1, rng.integers(3, 8))[1:-1])
        columns[f"x{at}"] = (
            score if kind == 0 else np.array([f"l{c}" for c in np.searchsorted(cuts, score)])
        )
    return coded(columns)


def made(coding: Coding) -> tuple[DegenerateGaussian, OneByOne]:
    of = (coding.codes_, coding.nodes_, 6, 2, 0.001)
    return DegenerateGaussian(*of), OneByOne(*of)


def plain_skeleton(test: DegenerateGaussian, n: int, depth: int) -> Skeleton:
    """PC-stable as it is written down."""
    neighbours = [set(range(n)) - {i} for i in range(n)]
    separators: dict[tuple[int, int], set[int]] = {}
    for size in range(depth + 1):
        before = [set(near) for near in neighbours]
        for x, y in [(x, y) for x, near in enumerate(before) for y in sorted(near)]:
            if y not in neighbours[x]:
                continue
            others = sorted(before[x] - {y}, key=lambda z: (-test.information(x, z), z))
            for some in combinations(others, size):
                if test(x, y, some) > LEVEL:
                    neighbours[x].discard(y)
                    neighbours[y].discard(x)
                    separators[x, y] = separators[y, x] = set(some)
                    break
    return Skeleton(neighbours, separators)


@given(coding=tables())
@settings(max_examples=10, deadline=None)
def test_the_skeleton_is_that_of_the_plain_definition_and_counts_its_tests(coding: Coding) -> None:
    at_once, one_by_one = made(coding)
    p = len(coding.nodes_)
    found = skeleton(at_once, p, LEVEL, 2, Budget())
    assert found == plain_skeleton(one_by_one, p, 2)
    assert at_once.calls == one_by_one.calls


@given(coding=tables(), size=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_many_sets_at_once_have_the_p_values_of_each(coding: Coding, size: int) -> None:
    at_once, one_by_one = made(coding)
    for x, y in combinations(range(len(coding.nodes_)), 2):
        sets = list(combinations(set(range(len(coding.nodes_))) - {x, y}, size))
        if not sets:
            continue
        p = at_once._p_values_given(x, y, np.array(sets))
        assert p == pytest.approx([one_by_one(x, y, some) for some in sets], abs=1e-6)
        between = 0.9 * float(p.mean())  # of no set
        plain = next((some for some, of in zip(sets, p, strict=True) if of > between), None)
        assert at_once.first(x, y, sets, between) == plain


def plain_repair(test: DegenerateGaussian, n: int, most: int) -> Dag:
    """Each node in turn, in the order of an empty graph: the surest of those before it."""
    found = []
    for node in range(n):
        parents: list[int] = []
        while len(parents) < min(most, node):
            left = sorted(set(range(node)) - set(parents))
            p, surest = min((test(node, other, parents), other) for other in left)
            if p > LEVEL:
                break
            parents.append(surest)
        found.append(tuple(sorted(parents)))
    return tuple(found)


@given(coding=tables(), most=st.integers(1, 4))
@settings(max_examples=10, deadline=None)
def test_the_repair_adds_what_the_plain_definition_adds(coding: Coding, most: int) -> None:
    at_once, one_by_one = made(coding)
    p = len(coding.nodes_)
    assert MarkovRepair(at_once, LEVEL, most)(((),) * p) == plain_repair(one_by_one, p, most)
