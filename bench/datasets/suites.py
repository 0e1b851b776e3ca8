"""Suites of tables by name, as `conf/suites.yaml` lists them for the experiments."""

from __future__ import annotations

from omegaconf import OmegaConf

from bench import files
from bench.errors import BadInput, closest


def suite(name: str) -> str:
    """The tables of a suite, as a Hydra choice list: ``${suite:embedded12}``.

    Raises
    ------
    BadInput
        If there is no such suite.
    """
    read = OmegaConf.load(files.CONF / "suites.yaml")
    known = {str(key): ",".join(tables) for key, tables in read.items()}
    if name not in known:
        there = ", ".join(known)
        raise BadInput(f"There is no suite '{name}';{closest(name, known)} there are {there}.")
    return known[name]
