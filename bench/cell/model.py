"""A cell's model: loaded once a process, and known by its weights and its class.

Light on purpose: a loader that tells which files it `reads` isn't called to know its model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.utils import get_object

from bench.cell.targets import MOVED, TARGET
from bench.errors import ModelError, sentence
from bench.models import loading
from bench.models.loading import FIRST, PROBLEM, of_problem
from bench.models.lock import pin_of
from bench.models.weights import files, files_hash

if TYPE_CHECKING:  # torch: only where a model is loaded
    from bench.models.base import Backbone
    from bench.table import Problem

CLASS = "_class_"  # no parameter of a loader is called so, nor `_target_`
SCALE = "target_scale"  # of the first loader: of numbers only, and there not its default
MODEL_HOW = ("offline",)  # how weights are had, not which ones
# Settings that decide no number, or that are told by the weights' hash.
NO_NUMBER = ("path", "revision", "sha256", "max_features", "device", PROBLEM)


def name_of(config: Mapping[str, Any]) -> str:
    """What people call the weights that a model's config asks for."""
    return loading.name_of(_today(config))


def files_of(config: Mapping[str, Any], **how: bool) -> list[Path]:
    """The files that the loader reads, found or fetched; none if it doesn't tell."""
    found = getattr(get_object(_target(config)), "reads", None)
    if found is None:
        return []
    takes = signature(found).parameters
    read: list[Path] = found(**{k: v for k, v in {**config, **how}.items() if k in takes})
    return read


def branch_of(config: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The path and the revision that `bench.models.weights.files` is asked for; none by others."""
    if getattr(get_object(_target(config)), "reads", None) is not files:
        return None, None
    return config.get("path"), config.get("revision")


def recorded(config: Mapping[str, Any]) -> dict[str, Any]:
    """A model's config as a record keeps it: a hub's branch as the commit and files that it was."""
    pin = pin_of(*branch_of(config))
    return {**config, **({"revision": pin.commit, "sha256": {**pin.sha256}} if pin else {})}


def identity_of(
    config: Mapping[str, Any],
    load: Callable[[], Backbone] | None = None,
    problem: Problem = "classification",
) -> dict[str, Any]:
    """What names a model: the settings that decide its numbers, its weights and their class.

    Parameters
    ----------
    config : mapping
        Plain and resolved.
    load : callable, optional
        Gives the model where the loader doesn't tell its files; by default `backbone`.
    problem : {"classification", "regression"}
        Of the table that it is for.
    """
    today = _today(config)
    weights = _weights(json.dumps(of_problem(_today(config), problem), sort_keys=True))
    if weights is not None:
        return {**settings_of(today, problem), "weights": weights}
    return known(today, load() if load else backbone(config, problem))


def known(config: Mapping[str, Any], loaded: Backbone) -> dict[str, Any]:
    """What names a model that is loaded."""
    # As text it names its module: code that asks for `__module__` counts in full, with comments.
    settings = settings_of(config, loaded.problem)
    return {**settings, "weights": loaded.weights_hash, CLASS: str(type(loaded))}


def settings_of(config: Mapping[str, Any], problem: Problem = "classification") -> dict[str, Any]:
    """A model's settings that decide numbers of a table of this problem, with its loader's name.

    A cell comes to run this: with the names of before, its code would be whatever these name.
    """
    target = config[TARGET]
    settings = {k: v for k, v in config.items() if k not in (TARGET, *MODEL_HOW, *NO_NUMBER)}
    if target in FIRST and (problem, settings.get(SCALE)) != ("regression", "normal"):
        settings.pop(SCALE, None)
    named = {} if target in FIRST else {TARGET: target}
    return {"scoring": "float32", **settings, **named}  # the default, of one without the setting


def backbone(config: Mapping[str, Any], problem: Problem = "classification") -> Backbone:
    """The model of a plain config for a table of this problem.

    It is loaded once a process, cells only ever copy it.
    """
    return _loaded(json.dumps(of_problem(_today(config), problem), sort_keys=True))


def require(loaded: Backbone, identity: Mapping[str, Any]) -> None:
    """Refuse a model that is none of a cell's identity: its record would be another's.

    Raises
    ------
    ModelError
        If its weights are others, or it tells of others than it has.
    """
    from bench.models.weights import state_hash

    part = identity["parts"]["model"]
    told, known_by = loaded.weights_hash, part["weights"]
    if told != known_by:
        raise ModelError(
            f"The model that was loaded has the weights {told[:8]}, its cells are known by "
            f"{known_by[:8]}: its files changed meanwhile, or its loader reads others than it "
            "tells; nothing is computed with it."
        )
    if CLASS in part and told != state_hash(loaded.module):
        raise ModelError(
            f"The model calls its weights {told[:8]}, which is not their hash; leave weights_hash "
            "out, or let its loader tell which files it reads (bench.models.weights.reads)."
        )


def _today(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with its loader called as it is today."""
    return {**config, TARGET: _target(config)}


def _target(config: Mapping[str, Any]) -> str:
    return MOVED.get(config[TARGET], config[TARGET])


@cache
def _weights(config: str) -> str | None:
    found = files_of(json.loads(config))
    try:
        return files_hash(found) if found else None
    except OSError as error:
        raise ModelError(f"The model's files cannot be read: {sentence(error)}") from error


@cache
def _loaded(config: str) -> Backbone:
    from bench.cell.checking import called  # here, so that it is no part of what computes a cell

    loaded: Backbone = called(json.loads(config), "model")
    return loaded
