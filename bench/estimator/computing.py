"""What is the process's own while a model is fitted or predicts: threads, determinism."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from threadpoolctl import threadpool_limits

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def computing(threads: int | None) -> Iterator[None]:
    """Compute as cells do; behind it all is as it was before.

    Parameters
    ----------
    threads : int, optional
        Of torch, BLAS and OpenMP: sums of floats depend on how many there are. None leaves them as
        they are.
    """
    before = torch.get_num_threads()
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    os.environ.setdefault(CUBLAS, ":4096:8")  # cuBLAS is not deterministic else
    try:
        torch.use_deterministic_algorithms(True)
        if threads is not None:
            torch.set_num_threads(threads)
        with nullcontext() if threads is None else threadpool_limits(threads):
            yield
    finally:
        torch.use_deterministic_algorithms(was_deterministic, warn_only=warns_only)
        if threads is not None:
            torch.set_num_threads(before)
