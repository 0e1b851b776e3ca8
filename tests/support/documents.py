"""The code blocks of the documents that people read, and the words of their commands."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bench", "conf", "generators", "results", "scripts", "tests")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (in )?(\S+\.(?:py|yaml))$")  # a first line that says where a block belongs
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
        return found[2] if found else None

    def put(self, root: Path) -> None:
        """Write it to the file that it names; one that is ``# in`` a file joins what is there.

        Its place there is behind the last object of the kind that it ends with.
        """
        found = NAMED.match(self.text.partition("\n")[0])
        assert found is not None
        path = root / found[2]
        assert path.exists() == bool(found[1]), (
            f"{self}: {found[2]} is {'not ' * bool(found[1])}there"
        )
        path.write_text(_joined(path, self.text) if found[1] else self.text, encoding="utf-8")

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


def _joined(path: Path, text: str) -> str:
    """The file's source with ``text`` behind the last call that makes what ``text`` makes last."""
    source = path.read_text(encoding="utf-8")
    kind = _makes(ast.parse(text).body[-1])
    line = max(s.end_lineno or 0 for s in ast.parse(source).body if kind and _makes(s) == kind)
    lines = source.splitlines()
    return "\n".join([*lines[:line], text, *lines[line:], ""])


def _makes(statement: ast.stmt) -> str | None:
    """What is called for the value that a statement gives a name; None if nothing is."""
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
        return ast.unparse(statement.value.func)
    return None


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
