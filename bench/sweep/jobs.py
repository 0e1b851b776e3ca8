"""The jobs and cells that the words of a `run` stand for, without running them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from omegaconf import DictConfig

from bench.cell.checking import declared
from bench.cell.config import Config
from bench.errors import BadInput
from bench.ranges import check
from bench.sweep.merged import Cells
from bench.sweep.overrides.keys import check_values
from bench.sweep.overrides.line import FOLDERS, MULTIRUN, Line, config_folder
from bench.sweep.overrides.words import as_typed
from bench.ticking import ticking

KNOWN = (*MULTIRUN, *FOLDERS)  # flags that a `run` has too
FREE = ("fold", "seed")  # plain numbers: no config is composed anew for them
SOON = 2.0  # seconds that somebody at the terminal waits without a line


@contextmanager
def composing(arguments: list[str]) -> Iterator[list[str]]:
    """Hydra, ready to compose; gives the overrides among the arguments of a `run`."""
    line = Line.of(as_typed(arguments))
    unknown = [flag for flag in line.flags if flag.startswith("-") and flag not in KNOWN]
    if unknown:
        raise BadInput(f"'{unknown[0]}' is no word that is understood here.")
    with config_folder(line.folders):
        yield [*line.search, *line.overrides]


def expand(overrides: list[str]) -> list[list[str]]:
    """The overrides of each job, in the order in which a sweep runs them (as BasicSweeper does)."""
    # It tells what a glob matches.
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    # Other words may only fit the datasets or methods that a job has.
    sweeping = [o for o in overrides if o.startswith(("experiment=", "hydra"))]
    base = compose("config", sweeping, return_hydra_config=True)
    swept = [f"{key}={value}" for key, value in (base.hydra.sweeper.params or {}).items()]
    words = [o for o in [*swept, *overrides] if not o.startswith("hydra")]
    (jobs,) = BasicSweeper.split_arguments(parser.parse_overrides(words), None)
    searched = [o for o in overrides if o.startswith("hydra.searchpath")]
    return [searched + job for job in jobs]


def cells(overrides: list[str]) -> Iterator[DictConfig]:
    """The config of every cell; read each before taking the next, they share what does not change.

    Raises
    ------
    BadInput
        If a config cannot be composed, or a key is unknown.
    """
    composed: dict[tuple[str, ...], list[DictConfig]] = {}
    parts = Cells()
    for job in ticking(expand(overrides), "jobs looked at", SOON):
        rest = without_free(job)
        if rest not in composed:
            check_values(rest)
            composed[rest] = parts.of(rest)
        for cell in composed[rest]:
            for key, _, value in (o.partition("=") for o in job if o not in rest):
                cell[key] = _number(key, value)
                check(cell[key], declared(Config)[key], key)
            yield cell


def without_free(job: Sequence[str]) -> tuple[str, ...]:
    """The overrides of a job but fold and seed, for which no config is composed anew."""
    return tuple(o for o in job if o.partition("=")[0] not in FREE)


def _number(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise BadInput(f"{key}={value}: {key} is a whole number.") from error


def count_cells(config: DictConfig) -> int:
    """Cells of a sweep: the product of its swept values, times the methods of each job."""
    swept = config.hydra.sweeper.params or {}
    return cells_swept(swept, config.hydra.overrides.task, config.methods or [])


def cells_swept(params: Mapping[str, Any], words: Iterable[str], methods: Sequence[str]) -> int:
    """Count cells by the sweeper's parameters, the command line and the methods of a job.

    Raises
    ------
    ValueError, hydra.errors.HydraException
        If they are no overrides, or their number cannot be told.
    """
    overrides = [*(f"{k}={v}" for k, v in params.items()), *words]
    jobs: dict[str, int] = {}
    for override in OverridesParser.create().parse_overrides(overrides):
        # The command line's, said last, wins.
        jobs[override.get_key_element()] = _values(override) if override.is_sweep_override() else 1
    return math.prod(jobs.values()) * (len(methods) or 1)


def _values(override: Override) -> int:
    """How many values a sweep has; counted, not listed: a range may be endless."""
    sweep = override.value()
    if isinstance(sweep, ChoiceSweep):
        return len(sweep.list)
    if isinstance(sweep, RangeSweep) and sweep.step:
        try:
            return max(0, math.ceil((sweep.stop - sweep.start) / sweep.step))
        except (ArithmeticError, ValueError) as error:
            raise BadInput(f"'{override.input_line}' has no end; expected two numbers.") from error
    raise ValueError(f"'{override.input_line}' is no list of values.")
