"""Refuses a launcher that cannot work on this machine, before it waits for what is not there."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence

from omegaconf import DictConfig

from bench.errors import BadInput

CHOICE = "hydra/launcher="
# Plugins of the extra `cluster`, by what their names begin with, and the packages that bring them.
EXTRA = {"submitit": "submitit", "ray": "ray"}
SLURM = ("srun", "sbatch")


def require_installed(words: Sequence[str]) -> None:
    """Refuse a launcher among the words whose extra is not installed.

    Raises
    ------
    BadInput
    """
    for word in words:
        name = word.removeprefix(CHOICE)
        package = EXTRA.get(name.partition("_")[0]) if name != word else None
        if package and importlib.util.find_spec(package) is None:
            raise BadInput(
                f"{word} belongs to an extra that is not installed; add it with "
                "`pip install -c constraints.txt -e '.[cluster]'`."
            )


def require_programs(config: DictConfig) -> None:
    """Refuse SLURM where its commands are not.

    Raises
    ------
    BadInput
    """
    if not str(config.hydra.launcher.get("_target_")).endswith(".SlurmLauncher"):
        return
    absent = [program for program in SLURM if shutil.which(program) is None]
    if absent:
        raise BadInput(
            f"{CHOICE}{config.hydra.runtime.choices['hydra/launcher']} needs SLURM, and there is "
            f"no {' and no '.join(absent)} on this machine's PATH; start the sweep on a node of "
            f"the cluster that has them, or use {CHOICE}joblib here."
        )
