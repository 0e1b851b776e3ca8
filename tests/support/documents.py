"""The code blocks of the documents that people read, and the words of their commands."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bench", "conf", "generators", "results", "scripts", "tests")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\S+\.(?:py|yaml))$")  # a first line that says where a block belongs
VARIABLE = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes
    ----------
    document : Path
    line : int
        Of its first fence.
    language : str
    text : str
        Between the fences.
    """

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The path within the repository that its first line names, where it names one."""
        found = NAMED.match(self.text.partition("\n")[0])
        return found[1] if found else None

    @property
    def commands(self) -> list[list[str]]:
        """The words of its lines, without comments and settings of the environment."""
        lines = self.text.replace("\\\n", " ").splitlines()
        split = [shlex.split(line, comments=True) for line in lines]
        return [_without_variables(words) for words in split if words]


def _without_variables(words: list[str]) -> list[str]:
    while VARIABLE.match(words[0]):
        words = words[1:]
    return words


def documents() -> list[Path]:
    """Every Markdown file but those that a report wrote."""
    inside = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.md"))]
    return [*sorted(ROOT.glob("*.md")), *(path for path in inside if "report" not in path.parts)]


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a document, in order."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(document, text.count("\n", 0, found.start()) + 1, found[1], found[2])
        for found in FENCE.finditer(text)
    ]
