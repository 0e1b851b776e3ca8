"""A task that is wanted of OpenML, how it is asked for, and what a verified copy of it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bench.errors import TableError
from bench.files import sha256

SERVER = "https://www.openml.org/api/v1/xml"
CARD, ROWS, FOLDS = "card.json", "rows.parquet", "folds.parquet"
VERSION = 2  # of the folder's layout; another one is fetched again
PARTS = ("rows", "features", "classes", "repeats", "folds")


class Unreachable(TableError):
    """Nobody answered at the server's address."""


@dataclass(frozen=True)
class Asking:
    """How a server is asked.

    Parameters
    ----------
    server : str
        Address of the REST API, ending in ``/api/v1/xml``.
    timeout : float
        Seconds that the server may be silent.
    tries : int
        Attempts for each file.
    patience : float
        Seconds after the first attempt within which another one may begin.
    format : {"parquet", "arff"}
        Which file is asked for first; the other one is read where the server lacks it.
    least_rate : float
        Bytes a second that a file must bring, after twice the timeout; 0 takes any.
    most_mb : float
        Megabytes that a file may have, unpacked.
    """

    server: str
    timeout: float
    tries: int
    patience: float
    format: str
    least_rate: float
    most_mb: float


@dataclass(frozen=True)
class Task:
    """Which task is wanted, what it is known to hold, and how it is asked for.

    Parameters
    ----------
    task_id : int
    name : str
        What the table is called in configs, records and messages.
    domain : str
    expected : dict
        Known counts, of ``rows``, ``features``, ``classes`` (0 of a regression task), ``repeats``
        and ``folds``.
    asking : Asking
    """

    task_id: int
    name: str
    domain: str
    expected: dict[str, int]
    asking: Asking


def hashes(card: dict[str, Any], rows: bytes, folds: bytes) -> dict[str, str]:
    """File → SHA-256, as the card keeps it; of the card, of all but that."""
    words = json.dumps({k: v for k, v in card.items() if k != "sha256"}, sort_keys=True)
    return {CARD: sha256(words.encode()), ROWS: sha256(rows), FOLDS: sha256(folds)}


def check_expected(counts: dict[str, int], wanted: Task) -> None:
    """Refuse a task that is not the one that was described.

    Raises
    ------
    TableError
    """
    for what, count in wanted.expected.items():
        if counts[what] != count:
            raise TableError(
                f"Dataset '{wanted.name}': OpenML's task {wanted.task_id} has {counts[what]} "
                f"{what}, {count} were expected; it is not the task that was described, or came "
                "incomplete."
            )
