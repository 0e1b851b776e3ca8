"""TabArena's tasks, as `conf/dataset/tabarena/` describes them.

The YAMLs there are made by ``scripts/build_tabarena.py`` from the metadata of the `tabarena`
package; this module only reads them, so that no command waits for that package's imports.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from bench import files

CONF = files.CONF / "dataset" / "tabarena"


def tasks() -> dict[str, dict[str, Any]]:
    """Name (``credit-g``) → its config: ``task_id``, ``domain``, ``expected`` counts."""
    return {path.stem: _read(path) for path in sorted(CONF.glob("*.yaml"))}


def _read(path: Path) -> dict[str, Any]:
    config = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def suite(size: int) -> str:
    """The ``size`` classification tasks with the fewest table cells, as a Hydra choice list.

    The rule by which 33 of 38 tasks are read out of arXiv 2601.04110, which does not name them:
    cells are rows × columns, which count the target, as TabArena counts them; names decide between
    equal sizes.
    """
    known = {name: task for name, task in tasks().items() if task["expected"]["classes"]}
    if not 1 <= size <= len(known):
        raise ValueError(
            f"There are {len(known)} TabArena classification tasks; a suite of {size} is asked for."
        )

    def cells(name: str) -> tuple[int, str]:
        counts = known[name]["expected"]
        return counts["rows"] * (counts["features"] + 1), name

    return _choices(sorted(known, key=cells)[:size])


def regression_suite(most_features: int) -> str:
    """The regression tasks with no more features than that, as a Hydra choice list."""
    known = {name: task["expected"] for name, task in tasks().items()}
    return _choices(
        [
            name
            for name, counts in known.items()
            if not counts["classes"] and counts["features"] <= most_features
        ]
    )


def _choices(chosen: list[str]) -> str:
    return ",".join(f"tabarena/{name}" for name in sorted(chosen, key=str.casefold))
