"""What the ``ctgan`` library asks of whoever calls it: a frame, batches, a device, seeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from joblib import parallel_config

from bench.table import Table
from generators.parts.completion import LABEL, Completion
from generators.parts.seeding import seeded_globals


def batch_size(n: int, share: float, pac: int) -> int:
    """About ``share`` of ``n`` rows, divisible by 2 and by ``pac``, and at least that."""
    unit = int(np.lcm(2, pac))
    return unit * max(round(n * share / unit), 1)


def on_gpu(device: str) -> bool:
    """Whether the library is to use a GPU; it would silently do without one."""
    if device not in ("cpu", "cuda"):
        raise ValueError(f"The generator's device is '{device}'; expected 'cpu' or 'cuda'.")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("The generator's device is 'cuda', but no GPU is at hand; use 'cpu'.")
    return device == "cuda"


@contextmanager
def quietly_seeded(rng: np.random.Generator) -> Iterator[None]:
    """Seeded, and in this process: from 500 rows on the library would start one on each core."""
    with seeded_globals(rng), parallel_config(backend="sequential"):
        yield


def to_frame(
    rows: Completion, table: Table, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[str]]:
    """Complete rows as the library reads them, and the names of its discrete columns.

    Classes are discrete, a numeric target is not. The target stands first: ctgan 0.12.1 looks
    conditions up in the first discrete column, whatever column they name
    (`DataSampler._discrete_column_matrix_st` is never filled).
    """
    frame = rows.compact(rows.fill(table, rng))
    frame.insert(0, LABEL, rows.encode_y(table.y))
    discrete = rows.levels if rows.target else [LABEL, *rows.levels]
    return frame.astype(dict.fromkeys(discrete, str)), discrete


def from_frame(rows: Completion, frame: pd.DataFrame, rng: np.random.Generator) -> Table:
    """The library's rows under the table's schema, with missing values put back."""
    y = rows.decode_y(frame[LABEL].to_numpy())
    frame = frame.astype(dict.fromkeys(rows.levels, np.float64))
    return rows.table(rows.clip(rows.spread(frame, rng)), y, rows.holes(len(y), rng))
