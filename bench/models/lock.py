"""What a hub's branch held when it was first fetched: its commit and files, the same ever after.

A branch may be moved, and a cell is known by its weights: without a lock the same words would one
day be other cells. It lies beside the hub's cache on this machine, JSON: ``{repository: {branch:
{"commit": …, "sha256": {file name: …}}}}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.errors import ModelError
from bench.files import content, parse_json, write_whole
from bench.process import invoked

NAME = "causalmixft-bench.lock.json"
MAIN = "main"  # the branch that is meant where none is named
LONGEST = 2**20  # bytes of the file
COMMIT = re.compile("[0-9a-f]{40}")
SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Pin:
    """A commit, and the SHA-256 of its files."""

    commit: str
    sha256: Mapping[str, str]


def place() -> Path:
    """The lock file."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).parent / NAME


def moves(path: str | None, revision: str | None) -> bool:
    """Whether this is a hub's branch, and no folder and no commit of one."""
    if path is None or Path(path).expanduser().is_dir():
        return False
    return not COMMIT.fullmatch(revision or MAIN)


def pin_of(path: str | None, revision: str | None) -> Pin | None:
    """What a hub's branch was locked to; None if it is no branch, or not locked yet.

    Raises
    ------
    ModelError
        If the lock file is damaged.
    """
    if not moves(path, revision):
        return None
    found = _read().get(str(path), {}).get(revision or MAIN)
    return Pin(**found) if found else None


def settle(path: str, revision: str | None, pin: Pin) -> None:
    """Lock a branch that is not locked yet.

    Raises
    ------
    ModelError
        If the lock file is damaged or cannot be written.
    """
    every = _read()
    every.setdefault(path, {}).setdefault(revision or MAIN, asdict(pin))
    try:
        write_whole(place(), (json.dumps(every, indent=2, sort_keys=True) + "\n").encode())
    except OSError as error:
        raise ModelError(
            f"Which commit '{path}' was fetched at cannot be written to {place()} "
            f"({error.strerror}); pin it with model.revision=COMMIT."
        ) from error


def _read() -> dict[str, dict[str, Any]]:
    try:
        every = parse_json(content(place(), LONGEST))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged() from error
    if not _is_lock(every):
        raise _damaged()
    return every


def _damaged() -> ModelError:
    return ModelError(
        f"{place()}, which says what the hub's models were when they were first fetched, is "
        f"damaged; delete it and run `{invoked()} fetch` again."
    )


def _is_lock(every: Any) -> bool:
    pins = [
        pin
        for branches in (every.values() if isinstance(every, dict) else [None])
        for pin in (branches.values() if isinstance(branches, dict) else [None])
    ]
    return all(
        isinstance(pin, dict)
        and pin.keys() == {"commit", "sha256"}
        and bool(COMMIT.fullmatch(str(pin["commit"])))
        and isinstance(pin["sha256"], dict)
        and all(SHA256.fullmatch(str(value)) for value in pin["sha256"].values())
        for pin in pins
    )
