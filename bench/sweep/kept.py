"""What Hydra keeps of a sweep, its multirun.yaml: how many cells it asks for."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bench.files import WIDEST, Unsound, content, shown
from bench.sweep.jobs import cells_swept

# Bytes of a multirun.yaml, which has some 5,000; YAML of this size is read in 3 s at worst.
MOST = 128 * 2**10


class _Overrides(BaseModel):
    model_config = ConfigDict(frozen=True)

    task: list[str]


class _Sweeper(BaseModel):
    model_config = ConfigDict(frozen=True)

    params: dict[str, str] | str


class _Hydra(BaseModel):
    model_config = ConfigDict(frozen=True)

    sweeper: _Sweeper
    overrides: _Overrides


class _Swept(BaseModel):
    """What of a sweep's multirun.yaml is read, as YAML without types has it: text alone."""

    model_config = ConfigDict(frozen=True)

    methods: list[str] | str
    hydra: _Hydra


def cells_kept(config: Path) -> int | str:
    """The cells of a sweep by its multirun.yaml; or why they cannot be told, in one clause.

    Nothing is composed, resolved or instantiated: anybody may have written that file.
    """
    try:
        text = content(config, MOST).decode("utf-8")
        swept = _Swept.model_validate(yaml.load(text, yaml.BaseLoader))
        params, methods = swept.hydra.sweeper.params, swept.methods
        cells = cells_swept(
            params if isinstance(params, dict) else {},
            swept.hydra.overrides.task,
            methods if isinstance(methods, list) else [],
        )
        return cells if cells < WIDEST else "it asks for more cells than anybody can run"
    except Unsound as wrong:
        return str(wrong)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "its root"
        return f"it is not what Hydra leaves of a sweep ({shown(place)} is not as it should)"
    except Exception as error:  # whichever of the parsers met it
        return f"it is not what Hydra leaves of a sweep ({type(error).__name__})"
