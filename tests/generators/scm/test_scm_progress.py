"""A fit tells where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from test_generators import make_table

from generators.scm import SCM
from generators.scm.budget import Budget


def test_a_fit_tells_its_phase_and_the_time_that_is_gone() -> None:
    now = [0.0]
    whole = Budget(180.0, lambda: now[0])
    assert whole.doing == ""
    for phase, at in (("skeleton", 1.0), ("PC rules", 12.4), ("skeleton", 30.0)):
        now[0] = at
        assert not whole.share(0.5).late(phase)
    assert whole.doing == "skeleton: 30 s of at most 180"
    assert replace(whole, seconds=None).doing == "skeleton: 30 s"


def test_a_causal_generator_tells_where_its_fit_is() -> None:
    generator = SCM(n_dags=1, selection="fixed")
    assert generator.doing == ""
    rng = np.random.default_rng(0)
    a = rng.normal(size=60)
    table = make_table({"a": a, "b": a + 0.1 * rng.normal(size=60)}, (a > 0).astype(int))
    generator.fit(table, rng)
    assert generator.doing.startswith("causal rows · mechanisms: ")
