"""The terminal: how wide a log is, and text from data that no terminal and no markup obeys."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from bench.files import printable

LOG_WIDTH = 120  # a log has no width; 80 columns would cut the names


def console() -> Console:
    """The terminal, or the log that stands for it."""
    found = Console()
    return found if found.is_terminal else Console(width=LOG_WIDTH)


def plain(value: object) -> Text:
    """Text for a table's cell, in one line; rich would take ``[red]`` in a string as markup."""
    return Text(printable(str(value), keep=""))


def say(out: Console, text: str) -> None:
    """Print text as it is, whatever it holds: a path that is broken in two cannot be copied."""
    out.print(printable(text), markup=False, highlight=False, emoji=False, soft_wrap=True)
