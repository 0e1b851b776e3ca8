"""Rows that were made each from one real row: they carry its key, so that both stay on one side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.table import Table


def with_origins(made: Table, originals: Table, training_keys: np.ndarray) -> Table:
    """Rows with the origins that `bench.generator.Generator` asks for.

    A row that equals a training row, or an earlier row, of another origin would belong on two sides
    of a task; its original takes its place.

    Parameters
    ----------
    made, originals : Table
        A row of the one was made from the row of the other at the same position.
    training_keys : ndarray of uint64
        `Table.row_keys` of all rows that originals are drawn from.
    """
    keys, origins = made.row_keys(), originals.row_keys()
    is_real = np.isin(keys, training_keys)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    owner = np.where(is_real, keys, origins[first[group]])
    kept = np.arange(len(made)) + np.where(owner == origins, len(made), 0)
    return replace(originals.concat(made).take(kept), origins=origins)
