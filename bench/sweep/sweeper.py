"""Leaves out of a sweep the jobs that cannot be composed or lack what they need offline.

Hydra's own sweeper composes every job before the first is run, and ends with the first that it
cannot: a word where a number is expected.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from bench.cell.checking import plain_node
from bench.cell.known import told
from bench.cell.store import Store
from bench.errors import BadInput, sentence
from bench.process import invoked
from bench.sweep.folders import writable
from bench.sweep.jobs import SOON, without_free
from bench.sweep.needs import Lacks
from bench.sweep.overrides.keys import check_values
from bench.sweep.overrides.line import config_dir
from bench.ticking import ticking

BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
PLUGINS = Plugins.instance().class_name_to_class
# Not imported: Hydra has loaded its plugins' modules anew.
Basic: Any = PLUGINS[BASIC]
Job = tuple[str, ...]


class Sweeper(Basic):
    """Hydra's, which notes the refusal of a job in the journal and takes it from the list."""

    def sweep(self, arguments: list[str]) -> Any:
        """Run the sweep, with what it sweeps over written out.

        What Hydra keeps of it in multirun.yaml then tells its cells to whoever resolves nothing,
        and the journal which of its lines are of this sweep.
        """
        assert self.config is not None
        with read_write(self.config), open_dict(self.config):
            for node, key in ((self.config.hydra.sweeper, "params"), (self.config, "methods")):
                node[key] = plain_node(node[key])
        Store(writable(self.config.results_dir)).log({"event": "sweep"})
        return super().sweep(arguments)

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Keep the jobs that can be composed.

        Raises
        ------
        BadInput
            If there is none, and this is all of the sweep.
        """
        lacks = Lacks()
        known: dict[Job, str] = {}
        faults = [self._fault(job, known, lacks) for job in ticking(batch, "jobs looked at", SOON)]
        if all(faults) and self.max_batch_size is None:
            raise BadInput(lacks.all() if lacks.explains(faults) else faults[0])
        for job, why in zip(batch, faults, strict=True):
            if why:
                self._note(job, why)
        sound = [job for job, why in zip(batch, faults, strict=True) if not why]
        batch[:] = sound  # type: ignore[index]  # Hydra launches what is left in its list

    def _fault(self, job: Sequence[str], known: dict[Job, str], lacks: Lacks) -> str:
        """Why a job cannot be run; "" if it can. Folds and seeds make no other config."""
        rest = without_free(job)
        try:
            check_values(job)
            if rest not in known:
                composed = self._composed(job)
                told(composed)
                known[rest] = lacks.of(composed)
        except (BadInput, HydraException, OmegaConfBaseException) as error:
            return sentence(error)
        return known[rest]

    def _composed(self, job: Sequence[str]) -> DictConfig:
        """The job's config, as the launcher will compose it."""
        loader = self.hydra_context.config_loader
        config: DictConfig = loader.load_sweep_config(self.config, list(job))
        return config

    def _note(self, job: Sequence[str], why: str) -> None:
        assert self.config is not None
        typed = dict(word.partition("=")[::2] for word in job)
        folder = config_dir(self.config.hydra.runtime.config_sources)
        dataset = typed.get("dataset", self.config.hydra.runtime.choices.dataset)
        Store(writable(self.config.results_dir)).log(
            {
                "event": "bad_input",
                "cell": f"{dataset} {typed.get('fold', self.config.fold)}",
                "reason": why,
                "again": shlex.join([*invoked().split(), "run", *folder, *job]),
                "cells": len(self.config.methods or [None]),
            }
        )


def register() -> None:
    """Put it in the place of Hydra's; by a name of its own it would have to be in its package."""
    PLUGINS[BASIC] = Sweeper
