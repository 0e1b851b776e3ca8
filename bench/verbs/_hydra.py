"""Composes the configs that the words behind a verb ask for: a command's own, or its cells'."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from bench.cell.config import register
from bench.files import CONF
from bench.process import invoked
from bench.sweep import sweeper
from bench.sweep.interrupt import remember_interrupts
from bench.sweep.jobs import cells, composing
from bench.sweep.overrides.words import as_typed


def with_config(verb: str, words: list[str], work: Callable[[DictConfig], int]) -> int:
    """Do the work of each job, which gives how many cells failed; give the exit code.

    What goes wrong is raised.
    """
    register()
    sweeper.register()
    remember_interrupts()
    # Our errors are sentences already; Hydra would cut them down to its own.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = [f"{invoked()} {verb}", *as_typed(words)]
    failed: int = 0
    raised: Exception | None = None

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
    def start(cfg: DictConfig) -> int:
        nonlocal failed, raised
        try:
            failed = work(cfg)
        except Exception as error:  # whatever it is: the door judges it
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise  # it may be in another process, and must get out of it
            raised = error  # Hydra would print a frame of its own around it
        return failed

    start()
    if raised is not None:
        raise raised
    return 1 if failed else 0


@contextmanager
def each_cell(words: list[str], *ours: str) -> Iterator[Iterator[DictConfig]]:
    """The config of every cell that a `run` with these words would run, with overrides of ours."""
    with composing(words) as overrides:
        yield cells([*overrides, *ours])
