"""The floors of the house: a room imports only from floors below it, lazy imports included.

`python tests/test_floors.py` draws the house from the code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
GROUND = (
    "errors files magnitude names phrases predicted process ranges score seeds ticking value_score "
    "waiting"
)
# Floor by floor, each room by its module's or package's name. A room is everything below its name
# that is no room itself; what its modules import lies on floors below.
FLOORS: dict[str, tuple[str, ...]] = {
    "1": tuple(f"bench.{name}" for name in GROUND.split()),
    "2": ("bench.table", "bench.scores"),
    "3": ("bench.generator", "bench.datasets", "bench.models", "bench.quality"),
    "4": ("generators", "bench.finetune"),
    "5": ("bench.cell", "bench.estimator"),
    "6": ("bench.analysis", "bench.sweep"),
    "7": ("bench.report",),
    "8": ("bench.verbs",),
    "door": ("bench", "bench.cli", "bench.__main__"),
}
TOLD = {"1": "no room: the ground", "door": "finds verbs; prints every sentence"}
# Rooms that may be one file; every other is a folder with a sentence on its door.
FILES = {*FLOORS["1"], "bench.table", "bench.generator", *FLOORS["door"]}
ORDER = list(FLOORS)
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
OUTSIDE = ("scripts", "tests")  # they know the house, it does not know them
LOADERS = ("import_module", "__import__", "find_spec")


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of the two packages, by its full name."""
    found = {}
    for package in ("bench", "generators"):
        for file in sorted((root / package).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def room_of(module: str) -> str | None:
    """The room that a module is in: the longest name of a room that its own begins with."""
    name = module
    while name not in FLOOR or (name == "bench" and module != "bench"):
        name = name.rpartition(".")[0]
        if not name:
            return None
    return name


def named(node: ast.AST, package: str) -> Iterator[str]:
    """What a node imports, by full names; a name within a module is told behind the module's."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = resolve_name("." * node.level + (node.module or ""), package)
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and node.args:
        loads = getattr(node.func, "attr", getattr(node.func, "id", "")) in LOADERS
        first = node.args[0]
        if isinstance(first, ast.JoinedStr):  # f"bench.verbs.{name}": any of that room
            first = first.values[0]
        if loads and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield resolve_name(first.value.rstrip("."), package)


def imports(root: Path = ROOT) -> list[tuple[str, str]]:
    """Pairs of a module and one that it imports, in functions and for types too."""
    known, pairs = modules(root), set()
    for module, file in known.items():
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        for node in ast.walk(ast.parse(file.read_bytes())):
            for full in named(node, package):
                of = next((n for n in (full, full.rpartition(".")[0]) if n in known), full)
                if of in known or of.partition(".")[0] in OUTSIDE:
                    pairs.add((module, of))
    return sorted(pairs)


def loose(root: Path = ROOT) -> list[str]:
    """Files beside the rooms, and folders without a door."""
    known = modules(root)
    beside = [m for m in known if room_of(m) is None]
    folders = {f.parent for f in known.values() if not (f.parent / "__init__.py").exists()}
    return beside + sorted(str(folder.relative_to(root)) for folder in folders)


def running_up(root: Path = ROOT) -> list[str]:
    """Imports of what does not lie on a floor below."""
    up = []
    for module, other in imports(root):
        ours, theirs = room_of(module), room_of(other)
        if ours == theirs or other == "bench":  # `bench` itself holds the version
            continue
        here, there = (FLOOR.get(str(room), "outside") for room in (ours, theirs))
        below = there in ORDER and here in ORDER and ORDER.index(there) < ORDER.index(here)
        if not below and not (here == there and here in TOLD):  # small: they may know one another
            up.append(f"{module} ({here}) imports {other} ({there})")
    return up


def circles(root: Path = ROOT) -> list[list[str]]:
    """Modules that import one another, through whatever others."""
    parts = nx.strongly_connected_components(nx.DiGraph(imports(root)))
    return [sorted(part) for part in parts if len(part) > 1]


def test_no_file_is_loose() -> None:
    assert loose() == []


@pytest.mark.parametrize("room", [m for m, f in modules().items() if f.name == "__init__.py"])
def test_every_room_says_what_it_holds_and_what_it_leaves_alone(room: str) -> None:
    door = ast.get_docstring(ast.parse(modules()[room].read_bytes())) or ""
    lines = [line for line in door.splitlines() if line.strip()]
    assert len(lines) >= 2, f"{room}/__init__.py: what it holds, and what it must not touch"


def test_no_import_runs_up() -> None:
    assert running_up() == []


def test_no_circle() -> None:
    assert circles() == []


class TestWhatIsCaught:
    """Small houses of a fault each."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        for file in (
            *("bench/__init__.py", "bench/files.py", "bench/table.py", "bench/cli.py"),
            *("bench/models/__init__.py", "bench/models/base.py", "generators/__init__.py"),
            *("bench/quality/__init__.py", "bench/verbs/__init__.py", "bench/verbs/run.py"),
        ):
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()
        (tmp_path / "bench/models/base.py").write_text("from bench.table import Table\n")
        assert (loose(tmp_path), running_up(tmp_path), circles(tmp_path)) == ([], [], [])
        return tmp_path

    @pytest.mark.parametrize(
        ("written", "imported"),
        [
            ("import bench.verbs.run", "bench.verbs.run"),
            ("from bench.verbs import run", "bench.verbs.run"),
            ("from bench.verbs.run import main", "bench.verbs.run"),
            ("from bench.verbs import *", "bench.verbs"),
            ("def later():\n    import bench.verbs.run as verb", "bench.verbs.run"),
            ("class Lazy:\n    from generators import SCM", "generators"),
            ("if TYPE_CHECKING:\n    from bench.cli import Verb", "bench.cli"),
            ("try:\n    from ..verbs import run\nexcept ImportError: ...", "bench.verbs.run"),
            ("from .. import cli", "bench.cli"),
            ("import_module('bench.verbs.run')", "bench.verbs.run"),
            ("importlib.import_module('..verbs', __package__)", "bench.verbs"),
            ("importlib.import_module(f'bench.verbs.{name}')", "bench.verbs"),
            ("__import__('bench.verbs.run')", "bench.verbs.run"),
            ("from bench.quality import measures", "bench.quality"),  # the same floor
            ("from scripts.nano import prior", "scripts.nano.prior"),
        ],
    )
    def test_an_import_that_runs_up(self, root: Path, written: str, imported: str) -> None:
        (root / "bench/models/base.py").write_text(f"{written}\n")
        (found,) = running_up(root)
        assert found.startswith(f"bench.models.base (3) imports {imported} (")

    def test_a_circle_even_where_no_import_runs_up(self, root: Path) -> None:
        (root / "bench/models/base.py").write_text("def f():\n    from .memory import g\n")
        (root / "bench/models/memory.py").write_text("import bench.models.base\n")
        assert running_up(root) == []
        assert circles(root) == [["bench.models.base", "bench.models.memory"]]

    @pytest.mark.parametrize(
        ("file", "told"),
        [
            ("bench/columns.py", ["bench.columns"]),
            ("bench/new/__init__.py", ["bench.new"]),
            ("bench/models/new/load.py", ["bench/models/new"]),
            ("generators/new/fit.py", ["generators/new"]),
        ],
    )
    def test_a_loose_file_or_a_folder_without_a_door(
        self, root: Path, file: str, told: list[str]
    ) -> None:
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).touch()
        assert loose(root) == told


def test_a_room_is_a_folder_but_for_those_that_may_be_a_file() -> None:
    assert [r for r, f in modules().items() if r in FLOOR and f.name != "__init__.py"] == sorted(
        (FILES & set(modules())) - {"bench"}
    )


def test_generators_know_the_table_their_contract_and_the_ground() -> None:
    known = {other for module, other in imports() if room_of(module) == "generators"}
    known = {other for other in known if not other.startswith("generators")}
    assert "bench.generator" in known
    assert known <= {"bench.table", "bench.generator", *FLOORS["1"]}


def knows_tab2d(source: bytes) -> bool:
    """Whether code imports autogluon's private modules, names `Tab2D`, or goes into its room.

    `bench.models.tab2d.checkpoint` is its door: what loads is a backbone like any other.
    """
    for node in ast.walk(ast.parse(source)):
        named = {getattr(node, key, None) for key in ("id", "attr", "module", "name", "value")}
        named |= {
            alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)
        }
        texts = [text for text in named if isinstance(text, str) and " " not in text]
        if any("Tab2D" in text or "autogluon.tabular.models" in text for text in texts):
            return True
        module = getattr(node, "module", None) or ""
        if "bench.models.tab2d" in module and not module.endswith("tab2d.checkpoint"):
            return True
    return False


# The first makes a `Tab2D`, the others hold ours against autogluon's.
ABOUT_TAB2D = {
    "scripts/pretrain_nano.py",
    "scripts/benchmark_finetune.py",
    "scripts/benchmark_estimator.py",
}


@pytest.mark.long
def test_only_the_backbone_knows_autogluons_private_modules() -> None:
    files = [*modules().values(), *(ROOT / "scripts").rglob("*.py")]
    knowing = {str(f.relative_to(ROOT)) for f in files if knows_tab2d(f.read_bytes())}
    ours = {name for name in knowing if name.startswith("bench/models/tab2d/")}
    assert len(ours) > 3
    assert knowing - ours == ABOUT_TAB2D


@pytest.mark.parametrize(
    ("line", "knows"),
    [
        ("from autogluon.tabular.models.mitra import sklearn_interface", True),
        ("import autogluon.tabular.models.mitra._internal as inner", True),
        ("isinstance(module, Tab2D)", True),
        ("type(module).__name__ == 'Tab2D'", True),
        ("import_module('autogluon.tabular.models')", True),
        ("def f(module: tab2d.Tab2D): pass", True),
        ("from bench.models.tab2d.forward import Context", True),
        ("from bench.models.tab2d.checkpoint import load", False),
        ("'A sentence that tells of Tab2D.'", False),
    ],
)
def test_whoever_knows_it_is_found(line: str, knows: bool) -> None:
    assert knows_tab2d(line.encode()) == knows


@pytest.mark.long
def test_whatever_uses_a_model_knows_its_contract_alone() -> None:
    users = {(m, other) for m, other in imports() if room_of(m) != "bench.models"}
    assert ("bench.finetune.loop", "bench.models.base") in users
    assert {pair for pair in users if pair[1].startswith("bench.models.tab2d")} == set()


def first_line(file: Path) -> str:
    return (ast.get_docstring(ast.parse(file.read_bytes())) or "").partition("\n")[0]


def drawn() -> str:
    """The house as a table, read from the code."""
    lines, known = ["| floor | room | holds |", "|---|---|---|"], modules()
    for floor, rooms in FLOORS.items():
        files = {room: known[room].relative_to(ROOT).as_posix() for room in rooms if room in known}
        if floor in TOLD:  # files, told in one line
            names = ", ".join(f"`{file}`" for file in files.values())
            lines.append(f"| {floor} | {names} | {TOLD[floor]} |")
            continue
        for room, file in files.items():
            holds = first_line(known[room])
            lines.append(f"| {floor} | `{file.removesuffix('__init__.py')}` | {holds} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(drawn())
