"""What a setting may be, declared beside its type and checked before anything is computed.

A setting of a config class, and a parameter of a loader or a generator, is annotated with its range
(``epochs: Count = 300``); the vocabulary is `annotated_types`', pydantic does the checking.
"""

from __future__ import annotations

import inspect
import itertools
import math
import numbers
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from enum import Enum
from functools import cache, wraps
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from annotated_types import Interval, Len
from pydantic import ConfigDict, GetCoreSchemaHandler, PydanticSchemaGenerationError, TypeAdapter
from pydantic import ValidationError as Violation
from pydantic_core import CoreSchema, core_schema
from typing_extensions import is_typeddict  # knows its own kind too

from bench.errors import BadInput, closest
from bench.phrases import joined

Count = Annotated[int, Interval(ge=1, le=10**9)]
Whole = Annotated[int, Interval(ge=0, le=10**9)]
Seed = Annotated[int, Interval(ge=0, lt=2**32)]
Positive = Annotated[float, Interval(gt=0, le=1e9)]
NotNegative = Annotated[float, Interval(ge=0, le=1e9)]
Seconds = Annotated[float, Interval(ge=0.001, le=86_400)]
Patience = Annotated[float, Interval(ge=0, le=86_400)]  # seconds; 0 is none
Chance = Annotated[float, Interval(ge=0, le=1)]
Share = Annotated[float, Interval(ge=0.001, le=1)]  # of rows: a smaller one holds none
Level = Annotated[float, Interval(gt=0, lt=1)]  # of significance or confidence
Width = Annotated[int, Interval(ge=1, le=65_536)]  # of a layer
Part = Annotated[float, Interval(ge=0.01, le=0.99)]  # of rows, where both parts need some
Text = Annotated[str, Len(1)]


@dataclass(frozen=True)
class Single:
    """A mark of a text: one for all jobs of a sweep, so that a comma belongs to it."""


@dataclass(frozen=True)
class Folder(Single):
    """A mark of a text: it names a folder, and `~` is one's home."""


@dataclass(frozen=True)
class Source:
    """A mark of a setting: only this dataset reads it, which it implies if none is named."""

    choice: str
    implied: bool = True


Classes = Annotated[int, Interval(ge=2, le=1000)]
Domain = typing.Literal["healthcare", "finance", "other"]

# No number is taken for a text, no text for a number, no 3.0 for a 3; nan and inf are no numbers.
STRICT = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
SHOWN = 120  # characters of a value in a sentence
KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
T = TypeVar("T", bound=Callable[..., Any])
M = TypeVar("M")


@dataclass(frozen=True)
class OneOf:
    """The members of an enumeration, or their texts."""

    members: type[Enum]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.members, handler(source))

    def __str__(self) -> str:
        return joined((repr(str(member.value)) for member in self.members), "or")


@dataclass(frozen=True)
class Rising:
    """Numbers each of which is larger than the one before, or not smaller."""

    strictly: bool = False

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, values: Sequence[float]) -> Sequence[float]:
        if any(b < a or (self.strictly and a == b) for a, b in itertools.pairwise(values)):
            raise ValueError
        return values

    def __str__(self) -> str:
        return "in rising order" if self.strictly else "in rising order (or equal)"


def check(value: Any, hint: Any, key: str) -> None:
    """Hold a value against the type and range that are declared for it.

    Raises
    ------
    BadInput
        One sentence with the key, the value and what was expected.
    """
    value = plain(value)
    try:
        _adapter(hint).validate_python(value, strict=True)
    except Violation as violation:
        raise BadInput(_sentence(violation, value, hint, key)) from None


def plain(value: Any) -> Any:
    """Sequences as lists, mappings as dictionaries, numbers of libraries as Python's."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    if isinstance(value, numbers.Integral) and not isinstance(value, bool | Enum):
        return int(value)
    return value


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    kind, _ = _parts(hint)
    has_its_own = is_typeddict(kind) or is_dataclass(kind)
    return TypeAdapter(hint, config=None if has_its_own else STRICT)


def _sentence(violation: Violation, value: Any, hint: Any, key: str) -> str:
    """The first thing that is wrong, told of the innermost setting that has a name."""
    error = violation.errors(include_url=False)[0]
    for name in error["loc"]:
        inner = _hints_within(hint)
        if not isinstance(name, str) or not isinstance(value, dict) or name not in inner:
            break
        if name not in value:
            return f"{key} lacks {name}: {expected(inner[name])}."
        key, value, hint = f"{key}.{name}", value[name], inner[name]
    if error["type"] == "extra_forbidden":
        return unknown(f"{key}.", str(error["loc"][-1]), _hints_within(hint))
    return f"{key} is {shown(value)}; expected {expected(hint)}."


def unknown(prefix: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a key that does not exist."""
    known = list(known)
    there = f"there are {', '.join(known)}" if known else "there are none"
    return f"There is no setting '{prefix}{name}';{closest(name, known)} {there}."


def shown(value: Any) -> str:
    """A value as it is typed on the command line."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + " …"


def expected(hint: Any) -> str:
    """What a type and its range ask for, in words."""
    kind, marks = _parts(hint)
    inner = entries(kind)
    each = f", each entry {expected(inner)}" if inner is not None else ""
    return " ".join([_kind(kind, marks), *_marks(marks)]) + each


def _kind(kind: Any, marks: Sequence[Any]) -> str:
    choice = next((mark for mark in marks if isinstance(mark, OneOf)), None)
    if choice is not None:
        return str(choice)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        # Lists last: what their entries are would be read on.
        ordered = sorted(inner, key=lambda m: entries(bare(m)) is not None)
        return joined(map(expected, ordered), "or")
    if origin is typing.Literal:
        return joined(map(shown, inner), "or")
    if isinstance(kind, type) and issubclass(kind, Enum):
        return joined((repr(str(member.value)) for member in kind), "or")
    if kind in (type(None), Any):
        return "anything" if kind is Any else "null"
    if is_typeddict(kind):
        return f"settings of {', '.join(get_type_hints(kind))}"
    if entries(kind) is not None:
        return "names with values" if issubclass(origin or kind, Mapping) else "a list"
    return KINDS.get(kind, f"a {getattr(kind, '__name__', kind)}")


def entries(kind: Any) -> Any:
    """The type of the entries of a list, or of the values of a mapping; else None."""
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(origin, type) and issubclass(origin, Mapping | Sequence) and inner:
        return inner[-1]
    return None


def _marks(marks: Sequence[Any]) -> Iterator[str]:
    for mark in marks:
        if isinstance(mark, Interval):
            yield _interval(mark)
        elif isinstance(mark, Rising):
            yield str(mark)
        elif isinstance(mark, Len) and mark.max_length == mark.min_length:
            yield f"of length {mark.min_length}"
        elif isinstance(mark, Len):
            yield "that is not empty"


def _interval(range_: Interval) -> str:
    if range_.ge is not None and range_.le is not None:
        return f"from {_figure(range_.ge)} to {_figure(range_.le)}"
    low = f"above {_figure(range_.gt)}" if range_.ge is None else f"from {_figure(range_.ge)}"
    high = f"below {_figure(range_.lt)}" if range_.le is None else f"at most {_figure(range_.le)}"
    return f"{low}, {high}"


def _figure(bound: Any) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def bare(hint: Any) -> Any:
    """A type without its marks."""
    return _parts(hint)[0]


def members(hint: Any) -> list[Any]:
    """The types that a type may be, without their marks."""
    kind = bare(hint)
    if get_origin(kind) in (Union, types.UnionType):
        return [member for part in get_args(kind) for member in members(part)]
    return [kind]


def marks(hint: Any, kind: type[M]) -> list[M]:
    """The marks of this kind on a type, or on one of the types that it may be."""
    _, own = _parts(hint)
    inner = [part for member in get_args(bare(hint)) for part in marks(member, kind)]
    return [mark for mark in own if isinstance(mark, kind)] + inner


def member(value: Any, kinds: Sequence[Any]) -> Any:
    """A text as the member of an enumeration, or the truth value, that OmegaConf takes it for."""
    for kind in kinds:
        if isinstance(value, str) and issubclass(kind, Enum) and value in kind.__members__:
            return kind[value]
        if kind is bool and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
            return value.lower() in ("yes", "on")
        if kind is float and type(value) is int and abs(value) < 2**53:
            return float(value)
    return value


def is_text(hint: Any) -> bool:
    """Whether it may be any text; one of some texts is a choice."""
    kind, marks = _parts(hint)
    if get_origin(kind) in (Union, types.UnionType):
        return any(map(is_text, get_args(kind)))
    return kind is str and not any(isinstance(mark, OneOf) for mark in marks)


def is_list_of_texts(hint: Any) -> bool:
    """Whether it may be a list of any texts."""
    lists = [member for member in members(hint) if _is_a(member, Sequence)]
    return any(is_text(entries(member)) for member in lists)


def _is_a(kind: Any, wanted: type) -> bool:
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, wanted)


def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without its marks, and the marks."""
    if get_origin(hint) is Annotated:
        kind, *marks = get_args(hint)
        return kind, tuple(marks)
    return hint, ()


def _hints_within(hint: Any) -> dict[str, Any]:
    """The named settings of which one consists, with their types."""
    kind, _ = _parts(hint)
    if is_typeddict(kind):
        return get_type_hints(kind, include_extras=True)
    if get_origin(kind) in (Union, types.UnionType):
        return {k: v for member in get_args(kind) for k, v in _hints_within(member).items()}
    return {}


@cache
def hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The parameters of a function or class that can be set by name, with their types."""
    parameters = inspect.signature(function).parameters.values()
    typed = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    written = {k: v for k, v in getattr(typed, "__annotations__", {}).items() if k != "return"}
    space = getattr(inspect.unwrap(typed), "__globals__", {})
    try:
        found = get_type_hints(types.SimpleNamespace(__annotations__=written), space, {}, True)
    except (NameError, TypeError):  # a library's own, without types at run time
        found = {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    declared = {p.name: found.get(p.name, Any) for p in parameters if p.kind in named}
    return {name: hint if _is_checkable(hint) else Any for name, hint in declared.items()}


def checked(function: T) -> T:
    """Make a function, or the constructor of a class, refuse what its annotations don't allow.

    >>> @checked
    ... def halved(steps: Count, share: Part = 0.5) -> float:
    ...     return steps * share
    >>> halved(30)
    15.0
    >>> halved(0)
    Traceback (most recent call last):
        ...
    bench.errors.BadInput: halved: steps is 0; expected a whole number from 1 to 1,000,000,000.
    """
    if isinstance(function, type):
        function.__init__ = checked(function.__init__)  # type: ignore[misc]
        return function
    signature = inspect.signature(function)
    name = function.__qualname__.removesuffix(".__init__")

    @wraps(function)
    def refusing(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        for parameter, hint in hints(function).items():
            if parameter in given and hint is not Any:
                check(given[parameter], hint, f"{name}: {parameter}")
        return function(*args, **kwargs)

    return typing.cast(T, refusing)


def _is_checkable(hint: Any) -> bool:
    try:
        _adapter(hint)
    except PydanticSchemaGenerationError:
        return False
    return True


def require_finite(value: Any, key: str) -> None:
    """Refuse nan and infinities anywhere within a setting.

    Raises
    ------
    BadInput
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"{key} is {value}; expected a finite number.")
    if isinstance(value, dict):
        for name, inner in value.items():
            require_finite(inner, f"{key}.{name}")
    elif isinstance(value, list):
        for inner in value:
            require_finite(inner, key)
