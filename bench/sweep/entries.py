"""The entries of `methods`: what each stands for is the config of a cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from hydra import compose
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from bench import ranges
from bench.cell.checking import declared, plain_node
from bench.cell.config import Config
from bench.errors import BadInput, sentence
from bench.names import check
from bench.sweep.overrides.keys import check_values
from bench.sweep.overrides.words import quoted, settings_as_typed

# In an entry:
ALLOWED = ("method.", "finetune.", "finetune=", "transfer.", "transfer=", "knowledge=", "dag=")


def cells_of(
    cfg: DictConfig, overrides: Iterable[str], chosen: str
) -> Iterator[tuple[str, DictConfig]]:
    """Each entry of ``methods`` with the config of its cell: the job's own overrides, then its.

    An entry is the name of a method, and overrides of it if there are any:
    ``ctgan method.mixing.rows=mixed method.name=ctgan-mixed``. One method may stand under several
    settings of the fine-tuning: ``default_ft finetune.lr=3e-4``, ``default_ft finetune=autogluon``.
    """
    if not cfg.methods:
        check("method", cfg.method.name)  # it may be overridden
        yield chosen, cfg
        return
    ranges.check(plain_node(cfg.methods), declared(Config)["methods"], "methods")
    kept = list(overrides)
    named = next((o for o in kept if o.startswith("method=")), None)
    if named:
        raise BadInput(
            f"{named} has no effect where methods= or the experiment lists what is run; "
            f"write methods=[{named.removeprefix('method=')}] to run that one alone."
        )
    known: dict[str, dict[str, DictConfig]] = defaultdict(dict)
    for entry in cfg.methods:
        cell = _composed(entry, kept)
        alike = known[check("method", cell.method.name)]
        alike.pop(entry, None)  # the very same words
        for other, its in alike.items():
            if its.method != cell.method or its.finetune == cell.finetune:
                raise BadInput(
                    f"'{other}' and '{entry}' of methods are both called '{cell.method.name}'; "
                    "give one a name of its own with method.name=NAME."
                )
        alike[entry] = cell
        yield entry, cell


def _composed(entry: str, kept: list[str]) -> DictConfig:
    """The config of an entry of ``methods``."""
    name, *overrides = entry.split() or [""]
    for override in overrides:
        if not override.startswith(ALLOWED):
            raise BadInput(
                f"'{entry}' of methods sets '{override}'; an entry may set method.KEY=VALUE, "
                "finetune.KEY=VALUE, finetune=NAME, transfer.KEY=VALUE, transfer=NAME, "
                "knowledge=FILE and dag=FILE."
            )
    try:
        check_values(overrides)
        return compose("config", [*kept, f"method={quoted(name)}", *settings_as_typed(overrides)])
    except BadInput as error:
        raise BadInput(f"Entry '{entry}' of methods: {error}") from error
    except (HydraException, OmegaConfBaseException) as error:
        raise BadInput(f"Method '{entry}' cannot be composed: {sentence(error)}") from error
