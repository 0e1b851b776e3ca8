"""A fingerprint is of what code means: housekeeping leaves it, another number does not."""

from __future__ import annotations

import ast
import copy
import random
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from bench.cell import identity
from bench.cell.meaning import Code
from bench.cell.syntax import IMPORTS, Module, is_plain

ROOTS = [identity.ENTRY, "generators.mixed_model", "bench.datasets.embedded"]  # of a cell
Trees = dict[str, ast.Module]


def finder(folder: Path) -> Callable[[str], Path | None]:
    """Finds modules below a folder; everything else is a library."""

    def find(name: str) -> Path | None:
        place = folder.joinpath(*name.split("."))
        files = (place / "__init__.py", place.with_suffix(".py"))
        return next((file for file in files if file.is_file()), None)

    return find


@pytest.fixture
def of(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """The fingerprint of `main` beside other modules, given by their sources."""
    count = iter(range(1000))

    def fingerprint(main: str, **others: str) -> str:
        folder = tmp_path / str(next(count))
        for name, source in {"main": main, **others}.items():
            file = folder.joinpath(*name.split(".")).with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(source))
        return Code(finder(folder)).fingerprint(["main"])

    return fingerprint


F, G = "def f(x): return x + 1\n", "def f(x): return x + 2\n"
CALL = "from a import f\ndef run(): return f(1)\n"


class TestLayout:
    @pytest.mark.parametrize(
        "after",
        [
            "# A comment.\n" + CALL,
            "'''A docstring.'''\n" + CALL,
            "from a import f\n\n\ndef run():\n    'Run.'\n    return (f(\n        1))\n",
            "from a import (\n    f,\n)\ndef run():\n    pass; ...; return f(0x1)\n",
            "from a import f as g\ndef run(): return g(1)\n",
            "import a\ndef run(): return a.f(1)\n",
            "import a as b\ndef run(): return b.f(1)\n",
            "from b import f\ndef run(): return f(1)\n",  # which has it from there
        ],
    )
    def test_it_does_not_count(self, of: Callable[..., str], after: str):
        others = {"a": F, "b": "from a import f\n"}
        main = "from work import run\n"
        before = of(main, work=CALL, **others)
        assert of(main, work=after, **{**others, "a": "'''Reworded.'''\n" + F}) == before

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("def f(x: list[int]): ...", "def f(x: list[\n  int\n]): pass"),
            ("def f(x: 'list[int]') -> 'int': ...", "def f(x: list[int]) -> int: ..."),
            ("def f(): 'Only told.'", "def f(): pass"),
            ("class A(Exception): 'Only told.'", "class A(Exception): ..."),
            ("A = 1\nB = 2\ndef f(): return A\n", "def f(): return A\nB = 2\nA = 1\n"),
            ("if A: pass\n", "if A:\n    'A text.'\n"),
            ("if A: f()\n", "if A: f()\nelse: pass\n"),
        ],
    )
    def test_some_ways_of_writing_mean_the_same(self, of: Callable[..., str], one: str, other: str):
        assert of(one) == of(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("def f(x: list[int]): ...", "def f(x: list[float]): ..."),
            ("def f(x: Literal['a']): ...", "def f(x: Literal[a]): ..."),
            ("def f(): return 'A text.'", "def f(): return 'Another.'"),
            ("A = 1", "A = True"),
            ("A = 1", "A = 1.0"),
            ("A = 0.0", "A = -0.0"),
            ("A = 'a'", "A = b'a'"),
            ("def f(a, *, b=1): ...", "def f(a, b=1): ..."),
            ("def f(a, /): ...", "def f(a): ..."),
            ("async def f(): ...", "def f(): ..."),
            ("A = [1, [2]]", "A = [[1], 2]"),
            ("A = f'{b!r}'", "A = f'{b!s}'"),
            ("from __future__ import annotations\ndef f(): ...", "def f(): ..."),
            ("from math import floor as f\nA = f", "from math import ceil as f\nA = f"),
            ("import math", ""),  # an import may do something
            ("del a[0]\nb()", "b()\ndel a[0]"),
            ("A = 0x1" + "f" * 5000, "A = 0x2" + "f" * 5000),  # too long for decimals
            ("A = a" + "(1)" * 900, "A = a" + "(1)" * 899),
        ],
    )
    def test_others_do_not(self, of: Callable[..., str], one: str, other: str):
        assert of(one) != of(other)


class TestNames:
    def test_which_of_two_functions_a_name_leads_to_counts(self, of: Callable[..., str]):
        def main(f: str, g: str) -> str:
            return f"from {f} import f\nfrom {g} import f as g\ndef run(): return f(1) - g(1)\n"

        assert of(main("a", "b"), a=F, b=G) != of(main("b", "a"), a=F, b=G)
        assert of(main("a", "b"), a=F, b=G) == of(main("b", "a"), a=G, b=F)  # they changed places

    def test_it_counts_at_any_distance_and_in_circles(self, of: Callable[..., str]):
        def chain(n: int) -> dict[str, str]:
            """Two chains, alike but for their ends; ``n`` says which one `main` follows."""
            made = {"main": f"from l{n}_0 import f\nimport l{1 - n}_0\nA = l{1 - n}_0.f\nB = f\n"}
            for side in (0, 1):
                for i in range(6):
                    made[f"l{side}_{i}"] = f"from l{side}_{i + 1} import f as g\ndef f(): g(f)\n"
                made[f"l{side}_6"] = f"from l{side}_0 import f as g\ndef f(): g({side})\n"
            return made

        assert of(**chain(0)) != of(**chain(1))

    def test_two_classes_that_look_alike_are_two(self, of: Callable[..., str]):
        same = "class Missing(Exception): ...\n"

        def main(caught: str) -> str:
            return (
                f"import a, b\ndef run():\n    try: raise a.Missing\n"
                f"    except {caught}.Missing: return 1\n    return b.Missing\n"
            )

        assert of(main("a"), a=same, b=same) != of(main("b"), a=same, b=same)

    def test_a_parameter_is_not_the_import_of_its_name(self, of: Callable[..., str]):
        local = of("from a import f\ndef run(f): return f(1)\n", a=F)
        assert of("from a import f as g\ndef run(f): return g(1)\n", a=F) != local

    def test_an_import_within_a_function_counts_as_what_it_gives(self, of: Callable[..., str]):
        lazy = "def run():\n    from {} import f\n    return f(1)\n"
        before = of(lazy.format("a"), a=F)
        assert of(lazy.format("b"), b=F) == before
        assert of(lazy.format("a"), a=G) != before
        whole = "def run():\n    import p.a\n    return p.a.f(1)\n"
        assert of(whole, **{"p.a": F}) != of(whole, **{"p.a": G})

    def test_names_in_quotes_within_annotations_are_followed(self, of: Callable[..., str]):
        main = "from a import f\ndef run(x: list['f']): ...\n"
        assert of(main, a=F) != of(main, a=G)

    def test_a_name_for_type_checkers_is_none_that_is_there(self, of: Callable[..., str]):
        typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import f\n"
        main = "def run(x: f): ...\n"
        assert of(typed + main, a=F) != of(typed + main, a=G)
        both = "from typing import TYPE_CHECKING\nfrom a import f\n"
        assert of(typed + main, a=F) != of(both + main, a=F)
        assert of(typed + main, a=F) != of(typed + "from a import f\n" + main, a=F)


class TestReach:
    @pytest.mark.parametrize(
        ("more", "counts"),
        [
            ("def unused(): return 1\n", False),
            ("UNUSED = 1\n", False),
            ("class Unused(Exception): ...\n", False),
            ("from dataclasses import dataclass\n@dataclass\nclass Unused: ...\n", True),  # library
            ("class Unused(Thing): ...\n", True),  # which may hear of it
            ("@register\ndef unused(): ...\n", True),
            ("UNUSED = register()\n", True),
            ("from functools import cache\nUNUSED = cache(f)(1)\n", True),
            ("register()\n", True),
            ("def unused(x=register()): ...\n", True),
            ("T = {}\nT['a'] = 1\n", True),
            ("f = None\n", True),
        ],
    )
    def test_what_does_nothing_and_is_not_named_does_not_count(
        self, of: Callable[..., str], more: str, counts: bool
    ):
        assert (of(CALL, a=F + more) != of(CALL, a=F)) == counts

    def test_the_order_of_what_runs_at_import_counts(self, of: Callable[..., str]):
        head = "import numpy as np\nR = np.random.default_rng(0)\n"
        a, b = "A = R.random()\n", "B = R.random()\n"
        assert of(head + a + b) != of(head + b + a)
        start, change, read = "T = {}\n", "T['a'] = 1\n", "U = dict(T)\n"
        assert of(start + change + read) != of(start + read + change)
        again, default = "A = 2\n", "def f(x=A): return x\n"
        assert of("A = 1\n" + again + default) != of("A = 1\n" + default + again)

    def test_a_module_offers_what_it_has_from_others(self, of: Callable[..., str]):
        assert of("from a import f\n", a=F) != of("from a import f\n", a=G)
        assert of("import a\n", a=F) != of("import a\n", a=G)

    def test_a_module_that_is_imported_runs_its_packages_too(self, of: Callable[..., str]):
        main = "from p.a import f\n"
        quiet, loud = (of(main, **{"p.__init__": t, "p.a": F}) for t in ("", "print(1)\n"))
        assert quiet != loud

    @pytest.mark.parametrize(
        "main",
        [
            "import a\ndef run(name): return getattr(a, name)(1)\n",
            "import a\ndef run(): a.f = None\n",
            "from a import look\ndef run(): return look('f')\n",
            "from a import *\ndef run(): return f(1)\n",
            "from importlib import import_module\nimport a\ndef run(x): return import_module(x)\n",
        ],
    )
    def test_what_cannot_be_resolved_counts_in_full(self, of: Callable[..., str], main: str):
        look = "def look(name): return globals()[name]\ndef other(): ...\n"
        assert of(main, a=look + F) != of(main, a=look + G)

    def test_a_text_that_names_a_module_leads_there(self, of: Callable[..., str]):
        main = "def run(): return load('main.a.f', 'other.f')\n"
        before = of(main, **{"main.a": F, "other": F})
        assert of(main, **{"main.a": G, "other": F}) != before
        assert of(main, **{"main.a": F, "other": G}) == before  # which nothing imports

    @pytest.mark.parametrize(
        "main",
        [
            "from importlib import import_module\ndef run(): return import_module('other.a')\n",
            "from importlib import import_module as load\nA = 'other'\ndef run(): return load(A)\n",
            "def run(): return __import__('other.a')\n",
            "from importlib import import_module\nA = import_module('.other', __package__)\n",
        ],
    )
    def test_what_is_imported_by_its_name_counts(self, of: Callable[..., str], main: str):
        one, other = (
            of(
                "from p import work\n",
                **{"p.work": main, "p.other": t, "other.a": t, "other.__init__": t},
            )
            for t in (F, G)
        )
        assert one != other

    def test_where_code_lies_counts_for_what_asks(self, of: Callable[..., str]):
        asks = "from pathlib import Path\nHERE = Path(__file__).parent\n"
        assert of("from a import HERE\nA = HERE\n", a=asks) != of(
            "from b import HERE\nA = HERE\n", b=asks
        )

    @pytest.mark.parametrize(
        "reads", ["print(__doc__)", "def run(): return f.__doc__", "from inspect import getsource"]
    )
    def test_text_counts_where_code_reads_it(self, of: Callable[..., str], reads: str):
        main = f"from a import f\n{reads}\nA = getattr(f, 'x')\n"
        if "inspect" in reads:
            main += "def run(): return getsource(f)\n"
        assert of(main, a=F) != of(main, a="'''Told.'''\n" + F)
        silent = main.replace("__doc__", "name").replace("getsource", "signature")
        assert of(silent, a=F) == of(silent, a="'''Told.'''\n" + F)

    def test_what_is_no_python_counts_by_its_bytes(self, of: Callable[..., str]):
        assert of(CALL, a="print 'one'\n") != of(CALL, a="print 'two'\n")
        deep = "A = " + "+".join(["1"] * 900)
        assert of(deep) != of(deep + "+1")
        assert of("A = " + "(" * 5000) != of("A = " + "(" * 5001)


@cache
def code() -> Code:
    return Code(identity._project_file)


@pytest.fixture(scope="module")
def trees() -> Trees:
    """The project's files that a cell reaches."""
    modules, _ = code().reached(ROOTS)
    files = {name: identity._project_file(name) for name in modules}
    return {name: ast.parse(file.read_text()) for name, file in files.items() if file}


def is_package(name: str) -> bool:
    file = identity._project_file(name)
    return file is not None and file.name == "__init__.py"


class Remade(Code):
    """The project's code with some files written anew from their trees: nothing is where it was."""

    def __init__(self, trees: Trees, folder: Path) -> None:
        for name, tree in trees.items():
            place = folder.joinpath(*name.split("."))
            file = place / "__init__.py" if is_package(name) else place.with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(ast.unparse(tree))
        self.find = finder(folder)
        super().__init__(lambda name: self.find(name) or identity._project_file(name))

    def _read(self, name: str) -> Module:
        file = self.find(name)
        return code().module(name) if file is None else Module(name, file)


@pytest.fixture(scope="module")
def today() -> str:
    return code().fingerprint(ROOTS)


def documented(tree: ast.AST) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield node


def asks_where_it_lies(node: ast.AST) -> bool:
    return any(name in ast.unparse(node) for name in ("__file__", "__path__", "__name__"))


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class TestHousekeeping:
    """What may be done to the project's own files, all at once, without a record going stale."""

    @pytest.mark.long
    def test_layout_and_comments(self, trees: Trees, today: str, tmp_path: Path):
        assert Remade(trees, tmp_path).fingerprint(ROOTS) == today

    @pytest.mark.long
    def test_docstrings_go_come_and_are_reworded(self, trees: Trees, today: str, tmp_path: Path):
        rng = random.Random(0)
        trees = copy.deepcopy(trees)
        for tree in trees.values():
            for node in documented(tree):
                told = [ast.Expr(ast.Constant("Told in other words."))][: rng.randrange(2)]
                rest = [part for part in node.body if not is_docstring(part)]
                node.body = [*told, *rest] if told or rest else [ast.Pass()]
        assert Remade(trees, tmp_path).fingerprint(ROOTS) == today

    @pytest.mark.long
    def test_the_order_of_functions(self, trees: Trees, today: str, tmp_path: Path):
        rng = random.Random(0)
        trees = copy.deepcopy(trees)
        for tree in trees.values():
            plain = [part for part in tree.body if is_plain(part)]
            rest = [part for part in tree.body if not is_plain(part)]
            tree.body = [*rest, *rng.sample(plain, len(plain))]
        assert Remade(trees, tmp_path).fingerprint(ROOTS) == today

    @pytest.mark.long
    def test_modules_are_renamed_and_change_rooms(self, trees: Trees, today: str, tmp_path: Path):
        nodes = [node for tree in trees.values() for node in ast.walk(tree)]
        texts = [f"{n.value}." for n in nodes if isinstance(n, ast.Constant)]

        # What asks where it lies, a room, its variable's namesake, and what a text names.
        def is_kept(name: str) -> bool:
            above, _, last = name.rpartition(".")
            is_named = any(getattr(n, "id", "") == last for n in ast.walk(trees[above or name]))
            is_named |= any(text.startswith(f"{name}.") for text in texts)
            return is_named or is_package(name) or "__file__" in ast.unparse(trees[name])

        new = {name: f"bench.m{i}" for i, name in enumerate(trees) if not is_kept(name)}
        assert len(new) > 25
        moved = {new.get(n, n): Renamed(n, new).visit(copy.deepcopy(t)) for n, t in trees.items()}
        assert set(moved) != set(trees)
        roots = [new.get(root, root) for root in ROOTS]
        assert Remade(moved, tmp_path).fingerprint(roots) == today

    @pytest.mark.long
    @pytest.mark.parametrize("seed", range(2))
    def test_functions_move_to_other_files(
        self, trees: Trees, today: str, tmp_path: Path, seed: int
    ):
        rng = random.Random(seed)
        moved: Trees = {}
        for i, (name, tree) in enumerate(trees.items()):
            functions = [part for part in tree.body if is_plain(part)]
            functions = [f for f in functions if not asks_where_it_lies(f)]
            if functions:
                one = rng.choice(functions)
                moved[name], moved[f"bench.moved{i}"] = parted(name, tree, one, f"bench.moved{i}")
        assert len(moved) > 50  # both files of each
        assert Remade(moved, tmp_path).fingerprint(ROOTS) == today


class Renamed(ast.NodeTransformer):
    """Imports that follow modules to their new names."""

    def __init__(self, name: str, new: dict[str, str]) -> None:
        self.module, self.new = Module(name, identity._project_file(name) or Path()), new

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for alias in node.names:
            base = self.module._base(node)
            full = f"{base}.{alias.name}"
            if full in self.new:
                above, _, last = self.new[full].rpartition(".")
                made = ast.ImportFrom(above, [ast.alias(last, alias.asname or alias.name)], 0)
            else:
                made = ast.ImportFrom(self.new.get(base, base), [alias], 0)
            found.append(made)
        return found


def parted(name: str, tree: ast.Module, one: ast.stmt, to: str) -> tuple[ast.Module, ast.Module]:
    """A module without one of its functions, and another with it; each imports what it needs."""
    tree = copy.deepcopy(Renamed(name, {}).visit(copy.deepcopy(tree)))
    module = Module(name, identity._project_file(name) or Path())
    used = {node.id for node in ast.walk(one) if isinstance(node, ast.Name)}
    own = {n for n, by in module.bindings.items() if any(isinstance(b, int) for b in by)}
    moved = ast.unparse(one)
    back = [f"from {name} import {n}" for n in sorted((used & own) - {one.name})]
    body: list[ast.stmt] = []
    heads: list[ast.stmt] = []
    for part in tree.body:
        if isinstance(part, (*IMPORTS, ast.If)):
            heads.append(part)
        is_it = ast.unparse(part) == moved
        body += ast.parse(f"from {to} import {one.name}").body if is_it else [part]
    there = [*heads, *ast.parse("\n".join(back)).body, one]
    return ast.Module(body, []), ast.Module(there, [])


SWAPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
SWAPPED |= {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
SWAPPED |= {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is}
SWAPPED |= {ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And}


def edits(statement: ast.stmt) -> Iterator[tuple[str, Callable[[], None]]]:
    """Ways to make a statement mean something else, each of which is done to it in place."""
    texts = {id(part.value) for part in ast.walk(statement) if is_docstring(part)}
    for node in ast.walk(statement):
        if isinstance(node, ast.Constant) and id(node) not in texts:
            value: object = node.value
            if isinstance(value, bool):
                yield "truth", lambda n=node: setattr(n, "value", not n.value)
            elif isinstance(value, int | float):
                yield "number", lambda n=node: setattr(n, "value", n.value + 1)
            elif isinstance(value, str) and value.isascii():
                yield "text", lambda n=node: setattr(n, "value", n.value + "x")
        elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPPED:
            yield "operator", lambda n=node: setattr(n, "op", SWAPPED[type(n.op)]())
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
            yield "comparison", lambda n=node: n.ops.__setitem__(0, SWAPPED[type(n.ops[0])]())
        elif isinstance(node, ast.keyword) and node.arg:
            yield "keyword", lambda n=node: setattr(n, "arg", f"{n.arg}_")
        elif isinstance(node, ast.Call):
            yield "call", lambda n=node: setattr(n, "func", ast.Name("other", ast.Load()))
        elif isinstance(node, ast.arguments) and node.defaults:
            yield "default", lambda n=node: n.defaults.__setitem__(0, ast.Constant("other"))
        elif isinstance(node, ast.Attribute):
            yield "attribute", lambda n=node: setattr(n, "attr", f"{n.attr}_")
        body = getattr(node, "body", None)
        if isinstance(body, list) and not isinstance(node, ast.Module):
            for part in body:
                if not isinstance(part, ast.Pass) and not is_docstring(part):
                    yield "deleted", lambda b=body, p=part: b.__setitem__(b.index(p), ast.Pass())


@pytest.mark.long
@pytest.mark.parametrize(
    "kind",
    sorted(
        {"truth", "number", "text", "operator", "comparison"}
        | {"keyword", "call", "default", "attribute", "deleted"}
    ),
)
def test_an_edit_of_what_code_does_counts(kind: str, trees: Trees, today: str, tmp_path: Path):
    """One edit of a kind in a place of the project's own files that a cell reaches."""
    rng = random.Random(kind)
    _, nodes = code().reached(ROOTS)
    places = sorted(at for at in nodes if at[1] >= 0)
    for name, place in rng.sample(places, len(places)):
        tree = copy.deepcopy(trees[name])
        at = code().module(name).statements[place].lineno
        statement = next(part for part in tree.body if part.lineno == at)
        found = [edit for what, edit in edits(statement) if what == kind]
        if found:
            rng.choice(found)()
            assert Remade({name: tree}, tmp_path).fingerprint(ROOTS) != today, (name, at)
            return
    raise AssertionError(f"nothing to edit: {kind}")
