"""How the sentences about a table of one's own show a value, a count, or a key to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from bench import files
from bench.phrases import joined, numbered

LONGEST = 40  # characters of a value that are shown
MOST = 12  # columns that a refusal names

_PLAIN_NAME = re.compile(r"[^\W\d][\w.\-]*(?: [\w.\-]+)*")


def shown(value: object) -> str:
    """A value in quotes, on one line; what cannot be seen is written as its code point.

    >>> shown("a b"), shown("a\\u200bb")
    ("'a b'", "'a\\\\u200bb'")
    """
    return files.shown(str(value), LONGEST)


def listed(values: Iterable[object], most: int = 5) -> str:
    """The first few values in quotes: 'a', 'b' and 3 more."""
    return numbered([shown(value) for value in values], most)


def columns(names: Iterable[str], word: str = "and") -> str:
    """Columns in a sentence, a dozen at most.

    >>> columns(["a"]), columns(["a", "b"], "or")
    ("column 'a'", "columns 'a' or 'b'")
    >>> columns(map(str, range(14))).endswith("'10', '11' and 2 more")
    True
    """
    quoted = [f"'{name}'" for name in names]
    s = "" if len(quoted) == 1 else "s"
    whole = len(quoted) <= MOST
    return f"column{s} {joined(quoted, word) if whole else numbered(quoted, MOST)}"


def setting(key: str, names: Iterable[object]) -> str:
    """A list as it is typed in a shell: 'dataset.drop=[a,b]'."""
    words = [files.printable(str(name), keep="") for name in names]
    if all(_PLAIN_NAME.fullmatch(word) for word in words):
        return f"'dataset.{key}=[{','.join(words)}]'"
    quoted = ",".join(f"'{_escaped(word)}'" for word in words)
    text = f"dataset.{key}=[{quoted}]"
    # A file's text is no command: within double quotes a shell would run `this` and $(this).
    return shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'


def _escaped(word: str) -> str:
    """A word between single quotes: the quotes in it escaped, and backslashes before a quote."""
    return re.sub(r"(\\*)('|$)", lambda at: 2 * at[1] + (at[2] and "\\'"), word)
