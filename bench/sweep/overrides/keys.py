"""Refuses keys that are none, and values of another type, in our words rather than Hydra's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import HydraException
from hydra.utils import get_object

from bench import ranges
from bench.cell.checking import declared
from bench.cell.config import Config
from bench.errors import BadInput, closest
from bench.sweep.overrides.line import SETTING, Line, choices, composed, configs, hint

SCALARS = (int, float, bool, Enum, type(None))  # their values are checked here
LEFT = object()  # stands for a value that is left to Hydra


def require_known(word: str, line: Line) -> None:
    """Refuse a key that is none, and say which one may be meant."""
    match = SETTING.fullmatch(word)
    if match is None or _is_hydras(match[2]) or hint(match[2], line) is not None:
        return
    if configs(match[2], tuple(line.folders)):
        return
    group, _, name = match[2].partition(".")
    if group == "method" and name.startswith("generator."):
        _require_generator(match[2], line)
    schema: Any = Config
    if name and is_dataclass(declared(Config).get(group)):
        schema = declared(Config)[group]
    elif name and group in ("dataset", "model"):
        if line.value(f"{group}._target_") is not None:
            return  # another function is called, with parameters of its own
        beside = [key.partition(".")[2] for key in _keys(line) if key.startswith(f"{group}.")]
        if beside and name.partition(".")[0] not in beside:
            raise BadInput(ranges.unknown(f"{group}.", name, beside))
        return
    if (name or group).partition(".")[0] in declared(schema):
        return
    ends = {key.rpartition(".")[2]: key for key in reversed(_keys(line))}
    meant = closest(name or group, ends)
    for end, key in ends.items():
        meant = meant.replace(f"'{end}'", f"'{key}'")
    there = ", ".join(declared(schema))
    raise BadInput(f"There is no setting '{match[2]}';{meant} there are {there}.")


def _require_generator(key: str, line: Line) -> None:
    """Refuse a generator's parameter where the job's own method has no generator.

    A list of methods may stand beside it: each of its entries has parameters of its own.
    """
    nodes = [composed("method", choice, line.search) for choice in choices("method", line)]
    if any(node is None or node.get("generator") for node in nodes):
        return
    raise BadInput(
        f"{key} has no effect: it is read by the generator of method=NAME, as method=ctgan; in a "
        f"list, an entry sets its own: 'methods=[\"NAME {key}=VALUE\"]'."
    )


def _is_hydras(key: str) -> bool:
    return key.startswith("hydra") or "@" in key or "/" in key or "[" in key


def _keys(line: Line) -> list[str]:
    """Every setting, dotted, and what the chosen datasets and models take."""
    found = []
    for name, kind in declared(Config).items():
        inner = declared(kind) if isinstance(kind, type) and is_dataclass(kind) else {}
        found += [f"{name}.{key}" for key in inner] or [name]
    for group in ("dataset", "model"):
        for choice in choices(group, line):
            node = composed(group, choice, line.search)
            taken = ranges.hints(get_object(node["_target_"])) if _is_called(node) else {}
            found += [f"{group}.{key}" for key in {**taken, **(node or {})} if key != "_target_"]
    return list(dict.fromkeys(found))


def _is_called(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("_target_"), str)


def check_values(overrides: Sequence[str]) -> None:
    """Hold the numbers and choices among a job's overrides against their types and ranges.

    Hydra would name the type alone, and say it of one setting in a sweep for all jobs.

    Raises
    ------
    BadInput
        A value cannot be read, or is of another type; or a method would go by another's name.
    """
    line = Line(overrides=list(overrides))
    for word in line.overrides:
        key = word.partition("=")[0].lstrip("+")
        if key == "method.finetune":
            raise BadInput(
                f"{word} would make another method under the same name; without fine-tuning it is "
                "method=pretrained, with it and no generator method=default_ft."
            )
        wanted = hint(key, line)
        kinds = ranges.members(wanted)
        checked = SCALARS if ranges.is_text(wanted) else (*SCALARS, str)
        if not all(isinstance(kind, type) and issubclass(kind, checked) for kind in kinds):
            continue
        given = _given(word)
        if given is not LEFT:
            ranges.check(ranges.member(given, kinds), wanted, key)


def read(word: str) -> Override:
    """An override as Hydra's grammar has it.

    Raises
    ------
    BadInput
        If it cannot be read.
    """
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException as error:
        key, _, value = word.partition("=")
        why = f"{key} is '{value}', which cannot be read; put it in quotes if it is one word."
        raise BadInput(why) from error


def _given(word: str) -> Any:
    """The value of an override; `LEFT` where only Hydra can tell it."""
    override = read(word)
    value = override.value()
    is_reference = "${" in word or isinstance(value, QuotedString)
    return LEFT if override.is_sweep_override() or override.is_delete() or is_reference else value
