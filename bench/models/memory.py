"""Memory on the device: what a pass may hold at once, and less of it once the memory ran out.

Query rows attend to the support alone, so a pass in smaller chunks of queries gives the same result
up to rounding and is tried first, at no more than the cost of encoding the support again. A smaller
support gives another result: the cell must then begin anew, so that all its scores have the same
context.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")

CHUNK = 256  # query rows of a scoring pass, as long as there is memory
LEAST_QUERIES = 16  # a chunk of fewer rows saves next to nothing
LEAST_SUPPORT = 64  # with fewer rows in context, a score says little of the model


class LessSupport(Exception):
    """The support was halved; what was computed with the larger one must be computed again."""


class OutOfMemory(RuntimeError):
    """Not even the smallest pass fits the device."""


class Memory:
    """Chunks of query rows by kind of pass, and the most support rows; each may only shrink.

    Parameters
    ----------
    **chunks : int
        Most query rows of a pass, by its kind (``scoring``, ``training``); a kind that is not named
        begins with all rows at once.

    Attributes
    ----------
    support : int or None
        The most support rows of any pass; None: as many as there are.
    notes : list of str
        What was done when memory ran out, a sentence each.
    """

    def __init__(self, **chunks: int) -> None:
        self.chunks = chunks
        self.support: int | None = None
        self.notes: list[str] = []

    def limit(self, n_support: int) -> int:
        """Take as many support rows, or fewer."""
        return n_support if self.support is None else min(n_support, self.support)

    def attempt(self, kind: str, compute: Callable[[int], T], n_support: int, n_queries: int) -> T:
        """``compute(chunk)``, with ever smaller chunks as long as the device is out of memory.

        Raises
        ------
        LessSupport
            If the smallest chunk does not fit either.
        OutOfMemory
            If the support can't shrink any more.
        """
        while True:
            chunk = min(n_queries, self.chunks.get(kind, n_queries))
            try:
                return compute(chunk)
            except torch.cuda.OutOfMemoryError:
                pass  # left first, because the error's frames hold what filled the memory
            torch.cuda.empty_cache()
            self._shrink(kind, n_support, chunk)

    def _shrink(self, kind: str, n_support: int, before: int) -> None:
        if before > LEAST_QUERIES:
            self.chunks[kind] = max(LEAST_QUERIES, before // 2)
            self.notes.append(
                f"The device ran out of memory in {kind}: {self.chunks[kind]} query rows at a "
                f"time instead of {before}."
            )
            return
        if n_support // 2 < LEAST_SUPPORT:
            raise OutOfMemory(
                f"The device has no memory for {kind} with {n_support} support rows and "
                f"{before} query rows; use a larger device or a table with fewer features."
            )
        self.support = n_support // 2
        self.notes.append(
            f"The device ran out of memory in {kind} with {n_support} support rows: the cell "
            f"began anew with at most {self.support}."
        )
        raise LessSupport
