"""Errors as sentences for the person at the keyboard, and the exit code that goes with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from bench.files import printable

LONGEST = 600  # characters of a library's message that are shown
RESOLVING = "BadInput raised while resolving interpolation: "
BAD_INPUT = 2  # exit code: what was given cannot be used


class Sentence(Exception):
    """What is told a person in one sentence, without a stack trace; no bug of ours."""


class BadInput(Sentence, ValueError):
    """What was given cannot be used.

    The message often quotes what was given, so no control character in it reaches a terminal.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


def sentence(error: BaseException) -> str:
    """The gist of a library's error: its lines and its cause's first one, without stack frames."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # What a resolver of ours says: OmegaConf puts its class before it, and where it stands behind.
    resolved = [line.partition(RESOLVING)[2] for line in lines if RESOLVING in line]
    if resolved:
        return resolved[0]
    paths = [i for i, line in enumerate(lines) if line.startswith("Config search path")]
    lines = lines[: paths[0]] if paths else lines
    # Hydra's advice to append with '+' is of no use: the schema refuses unknown keys that way too.
    parts = [line for line in lines if not line.startswith("To append to your config")]
    if error.__cause__ is not None and str(error.__cause__).strip():
        cause = str(error.__cause__).strip().splitlines()[0]
        parts += [] if any(cause in line for line in parts) else [cause]
    parts[1:1] = _meant(error)
    text = " ".join(parts) or type(error).__name__
    is_ours = isinstance(error, Sentence)  # what helps may stand at its end
    return text if is_ours or len(text) <= LONGEST else text[:LONGEST] + " …"


def _meant(error: BaseException) -> list[str]:
    """What Hydra or OmegaConf knows of an unknown config's or key's neighbours, as a question."""
    cause = error.__cause__ or error
    parent = getattr(cause, "parent_node", None)
    missing, options = getattr(error, "missing_cfg_file", None), getattr(error, "options", None)
    if missing and options:
        asked = closest(str(missing).partition("/")[2], options)
    elif (
        isinstance(parent, Mapping)
        and len(parent)  # null has no keys to look among
        and (key := str(getattr(cause, "key", ""))) not in parent
    ):
        asked = closest(key, parent)
    else:
        asked = ""
    return [f"({asked.strip()})"] if asked else []


def closest(name: str, known: Iterable[str]) -> str:
    """A question after what was meant, or nothing."""
    names = {str(other).casefold(): str(other) for other in known}
    close = difflib.get_close_matches(name.casefold(), names, n=1)
    return f" did you mean '{names[close[0]]}'?" if close else ""


class TableError(BadInput):
    """A table that cannot be used; the message is one sentence for the person at the keyboard."""


class ModelError(BadInput):
    """A checkpoint that cannot be used; the message is one sentence for a person."""
