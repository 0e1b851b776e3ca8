"""Names that become files or folders: which are taken, and where the files may lie.

The one place that decides it, for names that are given (`check`), that are made from a file's
(`safe`), that a record brings (`fault`), and for every path that is written to (`inside`).
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

from bench.errors import BadInput
from bench.files import sha256, shown

LONGEST = 100  # bytes; two of them, a hash and an ending make a file's name, which has 255
PARTS = {"dataset": 2, "model": 2}  # `tabarena/credit-g`; whatever is not named here has one
# Unseen in a terminal, or turning round what stands beside them.
BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
UNSEEN = {"Cc", "Cs", "Zl", "Zp"}


def fault(what: str, name: Any) -> str | None:
    """What forbids that a dataset, a method, … is called so, in a clause; None if nothing does."""
    if not isinstance(name, str):
        return f"the name of a {what} is text, not {shown(name)}"
    parts, allowed = name.split("/"), PARTS.get(what, 1)
    if len(parts) > allowed:
        most = "no '/'" if allowed == 1 else "at most one '/'"
        return f"the {what} name {shown(name)} takes {most}"
    wrong = next((why for part in parts if (why := _wrong(part))), None)
    if wrong is None and len(name.encode()) > LONGEST:
        wrong = f"is longer than {LONGEST} bytes"
    return None if wrong is None else f"the {what} name {shown(name)} {wrong}"


def _wrong(part: str) -> str | None:
    """What a path's part must not be, as the end of a sentence that begins with the name."""
    if not part.strip():
        return "is empty, or has an empty part"
    if part.startswith("."):
        return "begins with a dot"
    if part.endswith(".json"):
        return "ends as a record's file does, in .json"
    if "\\" in part:
        return "has a backslash in it"
    for sign in part:
        if unicodedata.category(sign) in UNSEEN or unicodedata.bidirectional(sign) in BIDIRECTIONAL:
            return "has a sign in it that cannot be seen"
    return None


def check(what: str, name: Any) -> str:
    """Give the name back, if it can be a file's.

    Raises
    ------
    BadInput
        If it is empty, hidden, too long, leads elsewhere, or has signs that cannot be seen.

    Examples
    --------
    >>> check("dataset", "tabarena/credit-g")
    'tabarena/credit-g'
    >>> check("method", "../ctgan")
    Traceback (most recent call last):
        ...
    bench.errors.BadInput: The method name '../ctgan' takes no '/'; it names files, so give it \
another one.
    """
    why = fault(what, name)
    if why is not None:
        raise BadInput(f"{why[0].upper()}{why[1:]}; it names files, so give it another one.")
    return str(name)


def safe(text: str) -> str:
    """A name like ``text`` that can be a file's: of letters, figures, '.', '+', '-' and '_'.

    >>> safe("default_ft · lr=3e-4")
    'default_ft-lr-3e-4'
    """
    name = re.sub(r"[^\w.+-]+", "-", text).strip("-.")
    name = re.sub(r"(\.json)+$", "", name) or "table"
    if len(name.encode()) <= LONGEST:
        return name
    mark = sha256(text.encode(errors="surrogatepass"))[:8]
    begin = name.encode()[: LONGEST - len(mark) - 1].decode(errors="ignore")
    return f"{begin}-{mark}"


def inside(folder: Path | str, *parts: Path | str) -> Path:
    """``folder/parts``, which must lie within it, links followed.

    Raises
    ------
    BadInput
        If a name or a link leads out of it; nothing is written then.
    """
    path = Path(folder, *parts)
    try:
        stays = path.resolve().is_relative_to(Path(folder).resolve())
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL
        raise BadInput(f"{shown(str(path))} cannot be a file's place: {error}.") from error
    if not stays:
        raise BadInput(
            f"{shown(str(path))} leads out of {shown(str(folder))}, by a link or by its name, "
            "and nothing is written there; take the link away or name another folder."
        )
    return path
