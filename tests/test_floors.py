"""The floors of the house: a room imports only from floors below it, lazy imports included.

`python tests/test_floors.py` draws the house from the code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
# Floor by floor, each room by its module's or package's name. A room is everything below its name
# that is no room itself; what `import` statements anywhere in it name lies on floors below.
FLOORS: dict[str, tuple[str, ...]] = {
    "1": tuple(
        f"bench.{name}"
        for name in [
            "errors",
            "files",
            "magnitude",
            "metrics",
            "names",
            "phrases",
            "process",
            "ranges",
            "seeds",
            "ticking",
            "waiting",
        ]
    ),
    "2": ("bench.table",),
    "3": ("bench.generator", "bench.datasets", "bench.models", "bench.quality"),
    "4": ("generators", "bench.finetune"),
    "5": ("bench.cell", "bench.estimator"),
    "6": ("bench.analysis", "bench.sweep"),
    "7": ("bench.report",),
    "8": ("bench.verbs",),
    "door": ("bench", "bench.cli", "bench.__main__"),
}
# Rooms that may be one file; every other is a folder with a sentence on its door.
FILES = {*FLOORS["1"], *FLOORS["2"], "bench.generator", "bench.estimator", *FLOORS["door"]}
GENERATORS_KNOW = {"bench.table", "bench.generator", *FLOORS["1"]}
ORDER = list(FLOORS)
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}


@cache
def modules() -> dict[str, Path]:
    """Every module of the two packages, by its full name."""
    found = {}
    for package in ("bench", "generators"):
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def room_of(module: str) -> str | None:
    """The room that a module is in: the longest name of a room that its own begins with."""
    name = module
    while name not in FLOOR or (name == "bench" and module != "bench"):
        if "." not in name:
            return None
        name = name.rpartition(".")[0]
    return name


def imported(module: str) -> set[str]:
    """The project's modules that a module's import statements name, in functions too."""
    file = modules()[module]
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join([*above, node.module or ""]).strip(".") if node.level else node.module
            for alias in node.names:
                full = f"{base}.{alias.name}"
                names.add(full if full in modules() else str(base))
    return names & set(modules())


def imports() -> Iterator[tuple[str, str]]:
    for module in modules():
        yield from ((module, other) for other in sorted(imported(module)))


def test_every_module_is_in_a_room() -> None:
    """A file beside the rooms is a loose one."""
    assert [m for m in modules() if room_of(m) is None] == []


@pytest.mark.parametrize("room", [m for m, f in modules().items() if f.name == "__init__.py"])
def test_every_room_says_what_it_holds_and_what_it_leaves_alone(room: str) -> None:
    door = ast.get_docstring(ast.parse(modules()[room].read_bytes())) or ""
    lines = [line for line in door.splitlines() if line.strip()]
    assert len(lines) >= 2, f"{room}/__init__.py: what it holds, and what it must not touch"


def test_no_import_runs_up() -> None:
    up = []
    for module, other in imports():
        ours, theirs = str(room_of(module)), str(room_of(other))
        if ours == theirs or other == "bench":  # `bench` itself holds the version
            continue
        below = ORDER.index(FLOOR[theirs]) < ORDER.index(FLOOR[ours])
        ground = FLOOR[theirs] == FLOOR[ours] in ("1", "door")  # small enough to know one another
        if not below and not ground:
            up.append(f"{module} ({FLOOR[ours]}) imports {other} ({FLOOR[theirs]})")
    assert up == []


def test_no_circle() -> None:
    graph = nx.DiGraph(imports())
    assert [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1] == []


def test_generators_know_the_table_their_contract_and_the_ground() -> None:
    known = {
        (module, other)
        for module, other in imports()
        if room_of(module) == "generators" and other.startswith("bench.")
    }
    assert known
    assert {pair for pair in known if pair[1] not in GENERATORS_KNOW} == set()


def test_only_the_backbone_knows_autogluons_private_modules() -> None:
    knowing = {
        m for m, file in modules().items() if b"autogluon.tabular.models" in file.read_bytes()
    }
    assert knowing
    assert {m for m in knowing if not m.startswith("bench.models.tab2d")} == set()


def test_whatever_uses_a_model_knows_its_contract_alone() -> None:
    users = {(m, other) for m, other in imports() if room_of(m) != "bench.models"}
    assert ("bench.finetune.loop", "bench.models.base") in users
    assert {pair for pair in users if pair[1].startswith("bench.models.tab2d")} == set()


def first_line(module: str) -> str:
    door = ast.get_docstring(ast.parse(modules()[module].read_bytes())) or ""
    return door.splitlines()[0] if door else ""


def drawn() -> str:
    """The house as a table, read from the code."""
    lines = ["| floor | room | holds |", "|---|---|---|"]
    for floor, rooms in FLOORS.items():
        here = [room for room in rooms if room in modules()]
        if floor in ("1", "door"):  # files, told in one line
            names = ", ".join(f"`{modules()[r].relative_to(ROOT).as_posix()}`" for r in here)
            told = "no room: the ground" if floor == "1" else "finds verbs; prints every sentence"
            lines.append(f"| {floor} | {names} | {told} |")
            continue
        for room in here:
            place = modules()[room].relative_to(ROOT).as_posix().removesuffix("__init__.py")
            lines.append(f"| {floor} | `{place}` | {first_line(room)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(drawn())
