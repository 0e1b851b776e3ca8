"""A file of Python as statements: what they bind, what they import and whether they only define.

It knows one file at a time; what a name means across files is `bench.cell.meaning`'s.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.files import sha256

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
IMPORTS = (ast.Import, ast.ImportFrom)
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
SIMPLE = (ast.Constant, ast.Name, ast.Attribute, ast.Tuple, ast.UnaryOp, ast.unaryop, ast.Load)


class Origin(NamedTuple):
    """Where a name is imported from."""

    module: str
    attribute: str  # "" for the module itself
    for_types: bool  # for type checkers alone


class Module:
    """A file of code: the statements at its top, and what binds its names.

    Attributes
    ----------
    statements : list of ast.stmt
        All but imports, docstrings and ``pass``.
    bindings : dict
        Name → what binds it, in order: the place of a statement, or where it is imported from.
    loads : list of str
        Modules that its import statements may load when it is imported.
    content : str
        SHA-256 of its bytes. They alone count if it ``is_read`` not: if nobody may read it, or no
        Python of today can; whoever imports it is told so.
    """

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self.package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        self.statements: list[ast.stmt] = []
        self.bindings: dict[str, list[int | Origin]] = defaultdict(list)
        self.loads: list[str] = []
        self.future: set[str] = set()
        self.is_starred = False  # takes all names of another module
        self.is_read = False
        try:
            source = file.read_bytes()
        except OSError as error:
            self.content = f"unreadable: {error.strerror}"
            return
        self.content = sha256(source)
        try:
            statements = ast.parse(source).body
        except UNPARSABLE:
            return
        self.is_read = True
        for statement in meaningful(statements):
            self._bind(statement, b"global" in source)

    def _bind(self, statement: ast.stmt, may_bind_from_within: bool) -> None:
        if isinstance(statement, IMPORTS):
            self._import(statement)
        elif _is_for_types(statement):
            for node in ast.walk(statement):
                if isinstance(node, IMPORTS):
                    self._import(node, for_types=True)
        else:
            names = [name for node in _in_scope(statement) for name in bound(node)]
            for node in ast.walk(statement) if may_bind_from_within else ():
                names += node.names if isinstance(node, ast.Global) else []
            for name in names:
                self.bindings[name].append(len(self.statements))
            for node in _in_scope(statement):
                self.loads += self.loaded(node) if isinstance(node, IMPORTS) else []
            self.statements.append(statement)

    def _import(self, node: ast.Import | ast.ImportFrom, for_types: bool = False) -> None:
        self.loads += self.loaded(node)
        for name, base, attribute in self.imported(node):
            if base == "__future__":
                self.future.add(attribute)
            else:
                self.is_starred |= name == "*"
                self.bindings[name].append(Origin(base, attribute, for_types))

    def imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str, str]]:
        """Each name that an import binds, with the module and what of it it stands for, if any."""
        for alias in node.names:
            top = alias.name.partition(".")[0]
            if isinstance(node, ast.ImportFrom):
                yield alias.asname or alias.name, self._base(node), alias.name
            else:
                yield alias.asname or top, alias.name if alias.asname else top, ""

    def loaded(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        """Modules that an import may load."""
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        return [self._base(node), *(f"{self._base(node)}.{alias.name}" for alias in node.names)]

    def _base(self, node: ast.ImportFrom) -> str:
        return self.absolute(node.module or "", node.level)

    def absolute(self, name: str, level: int) -> str:
        """A module's whole name, from one that begins with so many dots."""
        if not level:
            return name
        package = self.package.split(".")
        return ".".join([*package[: len(package) - level + 1], *filter(None, [name])])


def meaningful(parts: list[Any]) -> list[Any]:
    """A list from a tree without docstrings, ``...`` and ``pass``, which say nothing."""
    return [
        part
        for part in parts
        if not isinstance(part, ast.Pass)
        and not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
    ]


def bound(node: ast.AST) -> list[str]:
    """Names that a part of a tree binds, of itself."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.alias):
        return [node.asname or node.name.partition(".")[0]]
    if isinstance(node, ast.Attribute | ast.Constant | ast.keyword | ast.ImportFrom):
        return []
    names: list[str] = []
    for of in node._fields:  # a function's name, an argument, `except … as`, `case`, `global`
        value = getattr(node, of, None)
        names += [value] if isinstance(value, str) else []
        names += [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
    return names


def _in_scope(statement: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement that bind names where it stands, and not within a definition."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*DEFINITIONS, ast.Lambda, *COMPREHENSIONS)):
            waiting += ast.iter_child_nodes(node)


def run_now(statement: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement that run as it does; annotations are taken to do nothing."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (*FUNCTIONS, ast.Lambda)):
            waiting += [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            waiting += getattr(node, "decorator_list", [])
        elif isinstance(node, ast.AnnAssign):
            waiting += [node.target, *filter(None, [node.value])]
        else:
            waiting += meaningful(list(ast.iter_child_nodes(node)))


def dotted(node: ast.AST) -> list[str]:
    """The parts of a dotted name that is read; nothing if it is another expression."""
    rest: list[str] = []
    while isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        rest.insert(0, node.attr)
        node = node.value
    return [node.id, *rest] if isinstance(node, ast.Name) else []


def called(node: ast.AST) -> list[ast.expr]:
    """What a part of a tree calls, of itself, as it runs: a class calls what it inherits from."""
    made = list(getattr(node, "decorator_list", []))
    if isinstance(node, ast.ClassDef):
        made += [b.value if isinstance(b, ast.Subscript) else b for b in node.bases]
    found = [one for one in made if not isinstance(one, ast.Call)]  # that is a part for itself
    if isinstance(node, ast.Call) and not (
        isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Constant)
    ):
        found.append(node.func)
    return found


def defines(node: ast.AST) -> bool:
    """Whether a part of a tree does no more, of itself, than to define and to call."""
    if isinstance(node, ast.Attribute | ast.Subscript):
        return isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.ClassDef):
        return {keyword.arg for keyword in node.keywords} <= {"total"}  # of a TypedDict
    if isinstance(node, ast.stmt):
        return isinstance(node, (*FUNCTIONS, ast.Assign, ast.AnnAssign, ast.If))
    return not isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom)


def is_plain(statement: ast.stmt) -> bool:
    """Whether it is a function that is the same wherever in its module it is made."""
    if not isinstance(statement, FUNCTIONS) or statement.decorator_list:
        return False
    return all(isinstance(part, (*FUNCTIONS, *SIMPLE)) for part in run_now(statement))


def _is_for_types(statement: ast.stmt) -> bool:
    """Whether it is ``if TYPE_CHECKING:`` over imports."""
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    is_asked = isinstance(statement.test, ast.Name) and statement.test.id == "TYPE_CHECKING"
    return is_asked and all(isinstance(node, IMPORTS) for node in statement.body)


def unquoted(node: ast.AST) -> ast.expr | None:
    """What the quotes of an annotation hold; None if there are none, or no Python in them."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return None
    try:
        return ast.parse(node.value, mode="eval").body
    except UNPARSABLE:
        return None
