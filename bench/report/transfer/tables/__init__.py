"""The tables of the chapter on transfer, found by file: every `TransferTable` that a module holds.

They know what the chapter reads and what makes it readable, and no other table's file.
"""

from __future__ import annotations

from typing import Any

from bench.report.table import TableOf, held_by


def tables() -> list[TableOf[Any]]:
    """Every table, in the order in which they are read."""
    return held_by(__name__)
