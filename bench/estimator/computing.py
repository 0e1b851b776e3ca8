"""What is the process's own while a model is fitted or predicts: threads, determinism."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def computing(threads: int | None) -> Iterator[None]:
    """Compute as cells do; behind it all is as it was before.

    Parameters
    ----------
    threads : int, optional
        Of torch, BLAS and OpenMP: sums of floats depend on how many there are. None is one, as for
        cells: the same bits on a machine of any number of cores, and two threads that share a busy
        core wait for each other (a fit of 514 rows took six times as long).
    """
    threads = 1 if threads is None else threads
    before = torch.get_num_threads()
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    os.environ.setdefault(CUBLAS, ":4096:8")  # cuBLAS is not deterministic else
    try:
        torch.use_deterministic_algorithms(True)
        torch.set_num_threads(threads)
        with threadpool_limits(threads):
            yield
    finally:
        torch.use_deterministic_algorithms(was_deterministic, warn_only=warns_only)
        torch.set_num_threads(before)
