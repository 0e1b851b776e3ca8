"""A model's plain config: what people call it, and the model that it names for a table's problem.

Light on purpose: torch is imported by a loader, where a model is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.utils import get_object

if TYPE_CHECKING:
    from bench.models.base import Backbone
    from bench.table import Problem

TARGET = "_target_"
PROBLEM = "problem"  # a loader that takes it has weights for either; all others know one
# The loader that came first, and the weights that it gives where none are named. Its cells are
# known by the files alone, which say what class they are of, so that older records are found.
FIRST = {"bench.models.tab2d.checkpoint.load": "mitra_nano"}


def name_of(config: Mapping[str, Any]) -> str:
    """What people call the weights that a model's config asks for."""
    target = config[TARGET]
    return str(config.get("path") or FIRST.get(target, target))


def of_problem(config: Mapping[str, Any], problem: Problem) -> dict[str, Any]:
    """A model's config as it is loaded for a table of this problem."""
    takes = signature(get_object(config[TARGET])).parameters
    return {PROBLEM: problem, **config} if PROBLEM in takes else {**config}


@contextmanager
def hub_in(folder: str | None) -> Iterator[None]:
    """Within it models of the hub, and the lock of its branches, lie in this folder, if one is."""
    from huggingface_hub import constants

    before = constants.HF_HUB_CACHE
    if folder is not None:
        constants.HF_HUB_CACHE = str(Path(folder).expanduser() / "hub")
    try:
        yield
    finally:
        constants.HF_HUB_CACHE = before


def load(config: Mapping[str, Any], problem: Problem) -> Backbone:
    """The model of a plain config, anew each time.

    Raises
    ------
    ModelError
        If it cannot be had, or is for another problem.
    """
    given = {k: v for k, v in of_problem(config, problem).items() if k != TARGET}
    loaded: Backbone = get_object(config[TARGET])(**given)
    return loaded
