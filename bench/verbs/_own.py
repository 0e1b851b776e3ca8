"""Words behind a verb that are the verb's own, told apart from those of a cell's config."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from bench import ranges
from bench.cell.checking import declared
from bench.errors import BadInput
from bench.sweep.folders import writable
from bench.sweep.overrides.keys import read
from bench.sweep.overrides.line import SETTING, Line

Asked = TypeVar("Asked")
OFF = {"transfer": "none"}  # a choice of a group that is none (conf/transfer/none.yaml)


def told_apart(words: Sequence[str], kind: Callable[..., Asked]) -> tuple[Asked, list[str]]:
    """What is asked of the verb itself, and the words of the config.

    Parameters
    ----------
    words : sequence of str
    kind : dataclass
        Its fields are the verb's own keys, with their types and ranges.

    Raises
    ------
    BadInput
        A value is of another type, or out of its range.
    """
    hints: dict[str, Any] = declared(kind)
    given: dict[str, Any] = {}
    rest = []
    for word in words:
        match = SETTING.fullmatch(word)
        if match is None or match[2] not in hints:
            rest.append(word)
            continue
        key = match[2]
        is_text = ranges.is_text(hints[key])
        given[key] = match[3] if is_text else read(f"{key}={match[3]}").value()
        ranges.check(given[key], hints[key], key)
    return kind(**given), rest


def refuse(verb: str, line: Line, without: Mapping[str, str]) -> None:
    """Refuse settings that a verb would pass over.

    Parameters
    ----------
    verb : str
    line : Line
    without : mapping of str → str
        A key, or a pattern of keys, → why it has no effect.

    Raises
    ------
    BadInput
        One was typed, and for more than nothing.
    """
    for pattern, why in without.items():
        for key, value in line.settings.items():
            if fnmatchcase(key, pattern) and value not in ("null", OFF.get(key)):
                raise BadInput(f"{verb} takes no {key}=: {why}.")


def new_file(name: str) -> Path:
    """The path of ``out``, a file that can be written.

    Raises
    ------
    BadInput
        It is a folder, or nothing can be written where it would lie.
    """
    path = Path(os.path.expanduser(name))
    if path.is_dir() or name.endswith(("/", os.sep)):
        raise BadInput(f"out is '{name}', which is a folder; expected a file's name.")
    writable(str(path.parent), "out")
    if path.exists() and not path.is_file():
        raise BadInput(f"out is '{name}', which is a pipe or a device; expected a file's name.")
    return path
