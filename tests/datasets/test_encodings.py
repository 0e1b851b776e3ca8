"""Files are UTF-8 whatever the terminal is: every text that is read or written says so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BINARY = ("os", "gzip", "archive")  # what they open is bytes
ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    p for room in ("bench", "generators", "scripts") for p in (ROOT / room).rglob("*.py")
)


def unsaid(source: str) -> Iterator[int]:
    """Lines that open a text file in whatever encoding the machine has."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(k.arg == "encoding" for k in node.keywords):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        given = [*node.args, *(k.value for k in node.keywords if k.arg == "mode")]
        words = [a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        of_os = isinstance(function, ast.Attribute) and ast.unparse(function.value) in BINARY
        binary = of_os or any("b" in word for word in words if set(word) <= set("rwaxb+"))
        if name in ("read_text", "write_text") or (name in ("open", "fdopen") and not binary):
            yield node.lineno


def test_it_finds_what_it_looks_for() -> None:
    assert list(unsaid("open(p)\nopen(p, 'rb')\np.open()\np.write_text(t)\np.read_text('x')")) == [
        1, 3, 4, 5,
    ]  # fmt: skip
    assert list(unsaid("open(p, encoding='utf-8')\np.open(mode='wb')\nos.open(p, 0)")) == []


@pytest.mark.long
@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_text_names_its_encoding(path: Path) -> None:
    assert list(unsaid(path.read_text(encoding="utf-8"))) == []
