"""Refuses a composed config that cannot work, in one sentence and before anything is computed.

What a setting may be stands beside its type: in the config classes (`bench.cell.config.Config`) and
in the signatures of what `_target_` names; here both are walked (`bench.ranges` holds the values).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from functools import cache
from inspect import Parameter, signature
from typing import Any, cast, get_type_hints

from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from bench import ranges
from bench.cell.config import Config
from bench.errors import BadInput, Sentence, sentence

OURS = ("bench", "generators")  # the packages that are this project's
HYDRAS = ("_convert_", "_recursive_", "_partial_")  # what Hydra reads of a `_target_` node


def check_keys(cfg: DictConfig, schema: Any = Config, where: str = "") -> None:
    """Refuse what `+key=value` added beside the schema; Hydra lets that pass."""
    known = declared(schema)
    for key in cfg:
        if key not in known:
            raise BadInput(ranges.unknown(where, str(key), known))
        if is_dataclass(known[key]):
            check_keys(cfg[key], known[key], f"{where}{key}.")


def check_config(cfg: DictConfig) -> None:
    """Hold a cell's config against the config classes, and its model against its loader.

    Raises
    ------
    BadInput
        A setting is missing, unknown, of the wrong type, out of range, or contradicts another.
    """
    check_keys(cfg)
    try:
        _check_node(cfg, Config, "")
    except OmegaConfBaseException as error:
        raise _unreadable(error) from error
    check_target(cfg.model, "model")


def _check_node(cfg: DictConfig, schema: Any, where: str) -> None:
    for name, hint in declared(schema).items():
        key = f"{where}{name}"
        if is_dataclass(hint):
            _check_node(cfg[name], hint, f"{key}.")
            continue
        if OmegaConf.is_missing(cfg, name):
            raise BadInput(f"{key} is missing; expected {ranges.expected(hint)}.")
        value = plain_node(cfg[name])
        ranges.check(value, hint, key)
        ranges.require_finite(value, key)
    if hasattr(schema, "contradiction"):
        contradiction = cast(Any, OmegaConf.to_object(cfg)).contradiction()
        if contradiction:
            within = where.rpartition(".")[0].rpartition(".")[0]  # a class names its own keys alone
            raise BadInput(f"{within}: {contradiction}" if within else contradiction)


@cache
def declared(schema: type) -> dict[str, Any]:
    """The settings of a config class, with their types and ranges."""
    return get_type_hints(schema, include_extras=True)


def plain_node(value: Any) -> Any:
    """A node without references, and without OmegaConf."""
    if OmegaConf.is_config(value):
        return OmegaConf.to_container(value, resolve=True, throw_on_missing=True)
    return value


def _unreadable(error: OmegaConfBaseException) -> BadInput:
    """What to say of a reference that leads nowhere, or a value that is still missing."""
    if isinstance(error, MissingMandatoryValue):
        return BadInput(f"Missing mandatory value: {error.full_key}; give {error.full_key}=VALUE.")
    return BadInput(sentence(error))


def check_target(node: Any, key: str) -> dict[str, Any]:
    """Hold what a `_target_` is given against its signature, and the nodes within likewise.

    Returns
    -------
    node : dict
        Plain and resolved, for `called`.

    Raises
    ------
    BadInput
    """
    try:
        plain = plain_node(node)
    except OmegaConfBaseException as error:
        raise _unreadable(error) from error
    if not isinstance(plain, dict) or "_target_" not in plain:
        expected = "a config with a _target_, its own or by defaults such as [csv, _self_]"
        raise BadInput(f"{key} is {ranges.shown(plain)}; expected {expected}.")
    for where, call in _calls(plain, key):
        _check_call(where, call)
    return plain


def _calls(node: Any, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node with a `_target_`, outer ones first, and where it stands."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield key, node
        for name, inner in node.items():
            yield from _calls(inner, f"{key}.{name}")
    elif isinstance(node, list):
        for i, inner in enumerate(node):
            yield from _calls(inner, f"{key}.{i}")


def _check_call(key: str, call: dict[str, Any]) -> None:
    function = _named(call["_target_"], key)
    try:
        parameters, hints = signature(function).parameters, ranges.hints(function)
    except ValueError:  # written in C
        return
    open_ended = Parameter.VAR_KEYWORD in {p.kind for p in parameters.values()}
    given = {k: v for k, v in call.items() if k not in (*HYDRAS, "_target_", "_args_")}
    for name, value in given.items():
        ranges.require_finite(value, f"{key}.{name}")
        if name not in hints and not open_ended:
            raise BadInput(ranges.unknown(f"{key}.", name, hints))
        if not _holds_calls(value):
            ranges.check(value, hints.get(name, Any), f"{key}.{name}")
            _check_as_scikit_learn(function, name, value, key)
    for name in () if "_args_" in call else hints:
        if name not in given and parameters[name].default is Parameter.empty:
            raise BadInput(f"{key}.{name} is missing; expected {ranges.expected(hints[name])}.")


def _check_as_scikit_learn(function: Any, name: str, value: Any, key: str) -> None:
    """Hold a parameter of scikit-learn's estimators against what they declare of it themselves."""
    constraints = getattr(function, "_parameter_constraints", {})
    if name not in constraints:
        return
    from sklearn.utils._param_validation import (
        InvalidParameterError,
        validate_parameter_constraints,
    )

    try:
        validate_parameter_constraints({name: constraints[name]}, {name: value}, function.__name__)
    except InvalidParameterError as error:
        raise BadInput(f"{key}.{name} is {ranges.shown(value)}; {error}") from error


def called(node: dict[str, Any], what: str) -> Any:
    """What the `_target_` of a plain node gives; its texts are not searched for references.

    Raises
    ------
    BadInput
        With the sentence of whatever it raises, but for a bug of ours, which goes on as it is.
    """
    function = _named(node["_target_"], what)
    given = {k: v for k, v in node.items() if k not in (*HYDRAS, "_target_")}
    try:
        return function(**{k: instantiate(v) if _holds_calls(v) else v for k, v in given.items()})
    except (
        Exception
    ) as error:  # a loader may be anybody's: whatever it raises is told as a sentence
        if _is_bug_of_ours(function, error):
            raise
        raise BadInput(reason_of(error, what)) from error


def _is_bug_of_ours(function: Callable[..., Any], error: Exception) -> bool:
    """Whether code of ours that a config names raised what is no sentence, in its own lines.

    What a library or the system raises there tells of the file or the network that was given.
    """
    if isinstance(error, Sentence | OSError | MemoryError | RecursionError):
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    raised_in = frame.f_globals.get("__name__")
    if raised_in in (__name__, ranges.__name__):  # they call it: what is given does not fit it
        return False
    return all(str(name).partition(".")[0] in OURS for name in (function.__module__, raised_in))


def reason_of(error: BaseException, what: str) -> str:
    """The sentence of the error that a `_target_` raised, without Hydra's frame around it."""
    cause = (error.__cause__ or error) if isinstance(error, InstantiationException) else error
    if isinstance(cause, TypeError):
        return f"The {what}'s config does not fit its class: {sentence(cause)}"
    return sentence(cause)


def _named(target: Any, key: str) -> Callable[..., Any]:
    if not isinstance(target, str):  # Hydra would log it besides
        raise BadInput(f"{key}._target_ is {ranges.shown(target)}; expected a dotted name.")
    try:
        found: Callable[..., Any] = get_object(target)
    except (ImportError, ValueError, AttributeError, TypeError) as error:
        why = sentence(error).rstrip(".")
        raise BadInput(
            f"{key}._target_ is {ranges.shown(target)}, which cannot be imported: {why}."
        ) from error
    if not callable(found):
        raise BadInput(f"{key}._target_ is '{target}'; expected a class or a function.")
    return found


def _holds_calls(value: Any) -> bool:
    return any(True for _ in _calls(value, ""))
