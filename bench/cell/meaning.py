"""What code means, hashed: its definitions as trees, and what each name in them stands for.

Comments, docstrings, layout and the files that things stand in do not count: a name counts as the
definition that it leads to, through whatever imports. Of a module that is imported, what runs then
counts, in its order; a definition that does nothing by itself counts once something names it.
What cannot be resolved counts in full: a module that is handed about, `globals()`, and every byte
of every file where code reads code (`__doc__`, `inspect.getsource`, `import_module`), those among
them that a text names. Annotations count, for they decide what is refused; their line breaks and
outermost quotes do not.

Taken for granted: operators do nothing else at import, modules nothing to each other by the order
of their imports, and nobody reads names from a frame or a function's `__globals__`. Names of
definitions and parameters count, those that imports at a file's top give do not.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from bench.cell.syntax import (
    DEFINITIONS,
    IMPORTS,
    Module,
    bound,
    called,
    defines,
    dotted,
    is_plain,
    meaningful,
    run_now,
    unquoted,
)
from bench.files import digest, sha256

LIBRARY, WHOLE, SEQUENCE = -1, -2, -3  # places that are no statement's
# What may be called or inherited from with no effect but the value: of builtins, and of libraries.
QUIET = {
    "": "bytes classmethod dict dict.fromkeys float frozenset int len list object ord property "
    "range set staticmethod str str.maketrans tuple zip Exception OSError RuntimeError ValueError",
    "abc": "ABC abstractmethod",
    "annotated_types": "Interval Len",
    "contextlib": "contextmanager",
    "dataclasses": "dataclass field",
    "datetime": "date",
    "enum": "Enum StrEnum",
    "functools": "cache lru_cache wraps",
    "numpy": "finfo",
    "pathlib": "Path",
    "pydantic": "AfterValidator BaseModel ConfigDict Field model_validator with_config",
    "re": "compile",
    "torch": "finfo no_grad",
    "types": "MappingProxyType",
    "typing": "NamedTuple Protocol TypedDict TypeVar",
    "typing_extensions": "TypedDict",
}
POSITION = frozenset({"__file__", "__name__", "__package__", "__path__", "__spec__", "__loader__"})
NAMESPACE = frozenset({"globals", "locals", "vars", "dir", "eval", "exec"})
READS_CODE = frozenset(
    {
        *("__doc__", "__module__", "__code__", "__subclasses__", "__import__", "import_module"),
        *("getdoc", "getcomments", "getsource", "getsourcefile", "getsourcelines", "getmodule"),
        "sys.modules",
    }
)

At = tuple[str, int]  # module and place


class Target(NamedTuple):
    """What a name stands for: a statement of a module, by its place; all of it; or a library's."""

    module: str
    place: int
    name: str = ""  # which one, of a statement that binds several

    @property
    def at(self) -> At:
        """Where its node is."""
        return self.module, self.place


@dataclass
class Node:
    """A statement's tree as text, and what the names in it stand for, in their order."""

    label: str = ""
    edges: list[tuple[Target, ...]] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)  # modules that it imports when it runs
    texts: set[str] = field(default_factory=set)  # that might be modules' names
    reads_code: bool = False
    is_constant: bool = False  # a number or text: one is as good as another


class Code:
    """All code that is found by the names of modules; each file is read once.

    Parameters
    ----------
    find : callable
        Gives the file of a module, and None for a library's: those count by their names.
    """

    def __init__(self, find: Callable[[str], Path | None]) -> None:
        self._find = cache(find)
        self.module = cache(self._read)
        self.members = cache(self._members)
        self._node = cache(self._made)

    def fingerprint(self, roots: Iterable[str]) -> str:
        """SHA-256 of what the modules given, each in full, come to run."""
        modules, nodes = self.reached(list(roots))
        labels = {at: node.label for at, node in nodes.items()}
        count = Counter((colours := _colours(nodes, labels)).values())
        for at, node in nodes.items():  # two that look alike are still two, each with its state
            if count[colours[at]] > 1 and not node.is_constant:
                labels[at] += f" in {at[0]}"
        loads = {name for module in modules.values() for name in module.loads}
        libraries = sorted(name for name in loads if not self._above(name))
        code = sorted(set(_colours(nodes, labels).values()))
        parts: dict[str, Any] = {"code": code, "libraries": libraries}
        if self._reads_code(modules, nodes):
            parts["files"] = {name: module.content for name, module in modules.items()}
        return digest(parts)

    def reached(self, roots: list[str]) -> tuple[dict[str, Module], dict[At, Node]]:
        """The modules that are imported, and the statements that run or are named."""
        modules: dict[str, Module] = {}
        nodes: dict[At, Node] = {}
        tops = {root.partition(".")[0] for root in roots}
        names = [name for root in roots for name in self._above(root)[-1:]]
        targets = [target for name in names for target in self._offered(name)]
        while names or targets:
            if names:
                for name in self._above(names.pop()):
                    if name not in modules:
                        modules[name] = self.module(name)
                        names += modules[name].loads
                        targets.append(Target(name, SEQUENCE))
            elif (target := targets.pop()).place != LIBRARY and target.at not in nodes:
                node = nodes[target.at] = self._node(*target.at)
                names += [target.module, *node.loads]
                targets += [one for edge in node.edges for one in edge]
                known = (text for text in node.texts if text.partition(".")[0] in tops)
                targets += self._named(target.module, [text for text in known if "." in text])
            if not names and not targets and self._reads_code(modules, nodes):
                everything = [t for name in modules for t in self._targets(name)]
                for at, node in nodes.items():
                    everything += self._named(at[0], node.texts)
                targets = [target for target in everything if target.at not in nodes]
        return modules, {at: node for at, node in nodes.items() if node.label}

    def imported(
        self, base: str, attribute: str, above: tuple[Target, ...] = ()
    ) -> tuple[Target, ...]:
        """What an import gives: a module, or something that its name stands for there."""
        full = f"{base}.{attribute}" if attribute else base
        if not self.has(base):  # a library, or a folder without __init__.py
            return (Target(full, WHOLE if self.has(full) else LIBRARY),)
        if not attribute:
            return (Target(base, WHOLE),)
        made_as_it_runs = Target(attribute, LIBRARY), Target(base, WHOLE)
        return self._members(base, attribute, above) or made_as_it_runs

    def reference(
        self, module: Module, node: ast.AST, local: set[str]
    ) -> tuple[tuple[Target, ...], list[str]]:
        """What a dotted name stands for, and the rest of it that is looked up as it runs."""
        rest = dotted(node)
        found = self.members(module.name, rest[0]) if rest and rest[0] not in local else ()
        rest = rest[1:] if found else rest
        while rest and found and all(target.place == WHOLE for target in found):
            inner = [self.members(target.module, rest[0]) for target in found]
            if not all(inner):
                break
            found = tuple(dict.fromkeys(one for several in inner for one in several))
            del rest[0]
        return found, rest

    def has(self, name: str) -> bool:
        """Whether there is a module of this name."""
        return self._find(name) is not None

    def _read(self, name: str) -> Module:
        return Module(name, self._find(name) or Path())

    def _above(self, name: str) -> list[str]:
        """The modules that importing a name runs, the outermost package first."""
        parts = name.split(".")
        names = [".".join(parts[: i + 1]) for i in range(len(parts))]
        return [one for one in names if self.has(one)]

    def _named(self, module: str, texts: Iterable[str]) -> list[Target]:
        """The modules that texts name, or a thing in them; with a dot before them, from there."""
        split = [(name := text.lstrip("."), len(text) - len(name)) for text in texts]
        names = [self.module(module).absolute(*parts) for parts in split]
        return [Target(found, WHOLE) for name in names for found in self._above(name)[-1:]]

    def _targets(self, name: str) -> list[Target]:
        """All statements of a module, or the one thing that is known of it."""
        module = self.module(name)
        return [Target(name, i) for i in range(len(module.statements) if module.is_read else 1)]

    def _offered(self, name: str) -> Iterable[Target]:
        """All that a module defines or has from others; any of it may be asked for."""
        known = [t for one in self.module(name).bindings for t in self.members(name, one)]
        return [*self._targets(name), *known]

    def _members(
        self, module: str, name: str, above: tuple[Target, ...] = ()
    ) -> tuple[Target, ...]:
        """What a name in a module stands for; nothing if the module has no such name."""
        here, asked = self.module(module), Target(module, WHOLE, name)
        if not here.is_read:
            return (Target(module, 0, name),)
        found: list[Target] = []
        # Packages and their modules import each other's names in circles.
        for origin in here.bindings.get(name, ()) if asked not in above else ():
            if isinstance(origin, int):
                found.append(Target(module, origin, name))
            else:
                found += self.imported(origin.module, origin.attribute, (*above, asked))
                found += [Target("for types", LIBRARY)] if origin.for_types else []
        if here.package == module and self.has(f"{module}.{name}"):
            found.append(Target(f"{module}.{name}", WHOLE))
        return tuple(dict.fromkeys(found))

    def _made(self, name: str, place: int) -> Node:
        module = self.module(name)
        if place == SEQUENCE:
            order = self._sequence(module)
            return Node("in this order" if order else "", [(target,) for target in order])
        if not module.is_read:
            return Node(module.content)
        if place == WHOLE:
            edges = [self.members(name, one) for one in sorted(module.bindings)]
            label = f"module of {sorted(module.bindings)}"
            return Node(label, [*edges, (Target(name, SEQUENCE),)])
        return _Writer(self, module).write(module.statements[place])

    def _sequence(self, module: Module) -> list[Target]:
        """Statements that run at import in an order that may matter; none if all only define."""
        targets = self._targets(module.name)
        if not module.is_read or any(len(set(by)) > 1 for by in module.bindings.values()):
            return targets
        parts = [part for statement in module.statements for part in run_now(statement)]
        if all(defines(part) and self._is_quiet(module, part) for part in parts):
            return []
        return [target for target in targets if not is_plain(module.statements[target.place])]

    def _is_quiet(self, module: Module, part: ast.AST) -> bool:
        """Whether all that a part of a statement calls is a known builtin or library's."""
        for one in called(part):
            found, rest = self.reference(module, one, set())
            of = [target.module for target in found] or [""]  # a builtin
            library, _, name = ".".join([*of, *rest]).partition(".")
            is_known = all(target.place == LIBRARY for target in found)
            if not is_known or name not in QUIET.get(library, "").split():
                return False
        return True

    def _reads_code(self, modules: Mapping[str, Module], nodes: Mapping[At, Node]) -> bool:
        starred = [module for module in modules.values() if module.is_starred]
        return bool(starred) or any(node.reads_code for node in nodes.values())


class _Token(str):
    """A part of the written form that is none of the tree's own texts."""


class _Writer:
    """Writes a statement's tree, its names replaced by what they stand for."""

    def __init__(self, code: Code, module: Module) -> None:
        self.code, self.module, self.node = code, module, Node()
        self.local: set[str] = set()
        self.notes = set(module.future)  # what the tree does not show
        self.spelled: set[str] = set()  # names of the module that may also be local ones

    def write(self, statement: ast.stmt) -> Node:
        """The node of a statement."""
        for part in ast.walk(statement):
            if part is not statement or not isinstance(part, DEFINITIONS):
                self.local.update(bound(part))
        out: list[str] = []
        stack: list[Any] = [statement]
        while stack:  # no recursion: nobody knows how deep an expression goes
            item = stack.pop()
            if isinstance(item, _Token):
                out.append(item)
            elif isinstance(item, list):
                stack += [_Token("]"), *reversed(meaningful(item)), _Token("[")]
            elif isinstance(item, ast.AST):
                stack += reversed(self._parts(item))
            else:
                self.node.reads_code |= item in READS_CODE
                told = hex(item) if isinstance(item, int) else ascii(item)  # of any length
                out.append(f"{type(item).__name__} {told}")
        self.node.edges += [
            self.code.members(self.module.name, name) for name in sorted(self.spelled)
        ]
        is_constant = isinstance(getattr(statement, "value", None), ast.Constant)
        self.node.is_constant = is_constant and isinstance(statement, ast.Assign)
        text = " ".join([*out, *sorted(self.spelled), "|", *sorted(self.notes)])
        self.node.label = sha256(text.encode())
        return self.node

    def _parts(self, node: ast.AST) -> list[Any]:
        """What is written of a node: its kind and its fields, or what it stands for."""
        if isinstance(node, IMPORTS):
            return self._import(node)
        found, rest = self.code.reference(self.module, node, self.local)
        if found:
            self._refer(found, rest)
            return [_Token("@"), *rest]
        if isinstance(node, ast.Name):
            self._name(node.id)
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and all(map(str.isidentifier, text.lstrip(".").split("."))):
            self.node.texts.add(text)
        written: list[Any] = [_Token(f"{type(node).__name__}(")]
        for name in node._fields:
            value = getattr(node, name, None)
            is_empty = value is None and not isinstance(node, ast.Constant)
            is_empty |= isinstance(value, list) and not meaningful(value)
            if is_empty or name in ("ctx", "kind", "type_comment"):
                continue
            if isinstance(value, ast.expr) and name in ("annotation", "returns"):
                value = self._annotation(value)
            written += [_Token(f"{name}="), value]
        return [*written, _Token(")")]

    def _refer(self, targets: tuple[Target, ...], rest: list[str]) -> None:
        inner = [name for t in targets if t.place < 0 for name in self._loaded_in(t.module)]
        self.node.edges.append((*targets, *(Target(name, WHOLE) for name in inner)))
        for target in targets:
            if target.place == LIBRARY:
                full = [*target.module.split("."), *rest]
                self.node.reads_code |= ".".join(full[:2]) in READS_CODE or full[-1] in READS_CODE

    def _loaded_in(self, package: str) -> list[str]:
        """The modules in a package, handed about as it is, that are imported here."""
        loads = sorted({*self.module.loads, *self.node.loads})
        return [n for n in loads if n.startswith(f"{package}.") and self.code.has(n)]

    def _name(self, name: str) -> None:
        if name in self.local:
            self._spell(name)
        elif name in NAMESPACE:
            self._refer((Target(self.module.name, WHOLE),), [])
        elif name in POSITION:
            self.notes.add(f"in {self.module.name}")

    def _spell(self, name: str) -> None:
        if self.code.members(self.module.name, name):
            self.spelled.add(name)

    def _import(self, node: ast.Import | ast.ImportFrom) -> list[Any]:
        self.node.loads += self.module.loaded(node)
        written: list[Any] = []
        for name, base, attribute in self.module.imported(node):
            self._refer(self.code.imported(base, attribute), [])
            self.node.reads_code |= name == "*"
            written += [_Token("import"), name, _Token("@")]
        return written

    def _annotation(self, value: ast.expr) -> ast.expr:
        """An annotation without its quotes; names in quotes within it are followed."""
        value = unquoted(value) or value
        for quoted in filter(None, map(unquoted, ast.walk(value))):
            for node in ast.walk(quoted):
                if isinstance(node, ast.Name):
                    self._spell(node.id)
        return value


def _colours(nodes: Mapping[At, Node], labels: Mapping[At, str]) -> dict[At, str]:
    """Hashes that are equal for nodes that look alike, as far as one can walk from them.

    Each round looks one edge further, until no two nodes are told apart that were not before; the
    hashes of all nodes together then tell the graph, circles included (Moore's minimisation).
    """
    colours = dict(labels)
    while True:
        further = {}
        for at, node in nodes.items():
            edges = [
                [(t.module if t.place == LIBRARY else colours.get(t.at, ""), t.name) for t in edge]
                for edge in node.edges
            ]
            further[at] = digest([labels[at], edges])
        if len(set(further.values())) == len(set(colours.values())):
            return further
        colours = further
