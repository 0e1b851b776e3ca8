"""What Hydra keeps of a sweep, its multirun.yaml: how many cells it asks for, and which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bench.cell.model import name_of
from bench.cell.targets import TARGET
from bench.files import WIDEST, Unsound, content, shown
from bench.sweep.asked import MOST as MOST_CELLS
from bench.sweep.asked import Asked, named, workers
from bench.sweep.jobs import cells_swept

# Bytes of a multirun.yaml, which has some 5,000; YAML of this size is read in 3 s at worst.
MOST = 128 * 2**10


class _Overrides(BaseModel):
    model_config = ConfigDict(frozen=True)

    task: list[str]


class _Sweeper(BaseModel):
    model_config = ConfigDict(frozen=True)

    params: dict[str, str] | str


class _Runtime(BaseModel):
    model_config = ConfigDict(frozen=True)

    choices: dict[str, str] = {}


class _Hydra(BaseModel):
    model_config = ConfigDict(frozen=True)

    sweeper: _Sweeper
    overrides: _Overrides
    runtime: _Runtime = _Runtime()
    launcher: dict[str, Any] = {}


class _Finetune(BaseModel):
    model_config = ConfigDict(frozen=True)

    steps: str = ""


class _Swept(BaseModel):
    """What of a sweep's multirun.yaml is read, as YAML without types has it: text alone."""

    model_config = ConfigDict(frozen=True)

    methods: list[str] | str
    hydra: _Hydra
    fold: str = ""
    seed: str = ""
    rerun: str = ""
    model: dict[str, Any] = {}
    finetune: _Finetune = _Finetune()

    def words(self) -> list[str]:
        """The sweeper's parameters, then the command line's: said last, it wins."""
        params = self.hydra.sweeper.params
        swept = params.items() if isinstance(params, dict) else ()
        return [*(f"{key}={value}" for key, value in swept), *self.hydra.overrides.task]

    def entries(self) -> list[str]:
        """Of ``methods``."""
        return self.methods if isinstance(self.methods, list) else []


@dataclass(frozen=True)
class Kept:
    """How many cells a sweep asks for, and what else it says where they can be named."""

    cells: int
    asked: Asked


def kept(config: Path) -> Kept | str:
    """A sweep by its multirun.yaml; or why it cannot be told, in one clause.

    Nothing is composed, resolved or instantiated: anybody may have written that file.
    """
    try:
        text = content(config, MOST).decode("utf-8")
        swept = _Swept.model_validate(yaml.load(text, yaml.BaseLoader))
        cells = cells_swept({}, swept.words(), swept.entries())
        if cells >= WIDEST:
            return "it asks for more cells than anybody can run"
        return Kept(cells, _asked(swept, cells))
    except Unsound as wrong:
        return str(wrong)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "its root"
        return f"it is not what Hydra leaves of a sweep ({shown(place)} is not as it should)"
    except Exception as error:  # whichever of the parsers met it
        return f"it is not what Hydra leaves of a sweep ({type(error).__name__})"


def cells_kept(config: Path) -> int | str:
    """The cells of a sweep by its multirun.yaml; or why they cannot be told, in one clause."""
    found = kept(config)
    return found if isinstance(found, str) else found.cells


def _asked(swept: _Swept, cells: int) -> Asked:
    single = {**swept.hydra.runtime.choices, "fold": swept.fold, "seed": swept.seed}
    steps = swept.finetune.steps
    model = {key: None if value == "null" else value for key, value in swept.model.items()}
    return Asked(
        named(swept.words(), swept.entries(), single) if cells <= MOST_CELLS else [],
        workers(swept.hydra.launcher),
        swept.rerun,
        name_of(model) if TARGET in model else "",
        int(steps) if steps.isdecimal() else 0,
    )
