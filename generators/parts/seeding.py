"""Seeds for libraries that draw from global generators, which are as before afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded_globals(rng: np.random.Generator) -> Iterator[int]:
    """Seed the generators of Python, numpy and torch (every device) from ``rng``, then put back.

    Gives the seed.
    """
    seed = int(rng.integers(2**31))
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 (the libraries draw from it)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield seed
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
