"""Makes a record's cell again from what its settings name, and believes nothing else of them.

Only what a config folder names is made, from plain data: no text is resolved. Where tables and
weights lie, and who is asked for them, is today's config's to say; time and memory have a limit.
"""

from __future__ import annotations

import copy
import functools
import importlib
import itertools
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hydra import compose
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.cell import model
from bench.cell.checking import check_config, check_target
from bench.cell.identity import ASKED
from bench.cell.record import Record
from bench.cell.targets import (
    ARGS,
    GENERATOR,
    HOW_BUILT,
    SOURCES,
    TARGET,
    Configs,
    by_role,
    renamed,
    texts,
)
from bench.errors import BadInput, sentence
from bench.files import CONF, shown
from bench.models.loading import of_problem
from bench.sweep.limits import TooLong, limited
from bench.sweep.overrides.line import config_folder

SLOWER = 20.0  # times a record's own seconds that its cell may take here ...
LEAST_SECONDS = 120.0  # ... and what any cell may
MORE = 10.0  # times the synthetic rows that a record tells of, which its settings may ask for
TRANSFER = "transfer"  # the settings that only such a record has
THREADS = 64  # any record's; more where this machine has more cores


@dataclass
class Today:
    """What this machine's configs say now.

    Parameters
    ----------
    configs : Configs
        The classes and functions that may be made.
    asked : mapping
        How OpenML is asked and where its tables lie.
    openml : str
        The function that asks it.
    beside : mapping
        The settings that are no cell's: how this machine runs one.
    hours : float
        That one cell may take at most.
    weights : str
        A folder for weights that cells share, each made once; "": each cell makes its own.
    folders : tuple of path
        Config folders beside ours, in which a transfer's tables are looked up by name.
    """

    configs: Configs
    asked: Mapping[str, Any]
    openml: str
    beside: Mapping[str, Any]
    hours: float = 1.0
    weights: str = ""
    folders: tuple[Path, ...] = ()

    @classmethod
    def of(cls, words: list[str], hours: float = 1.0, weights: str = "") -> Today:
        """Read `conf/` and the words of a command line: ``--config-dir DIR``, ``openml.KEY=…``.

        Without ``offline=false`` among them, nobody is asked for anything.

        Raises
        ------
        BadInput
            If a word is none that is known, or a config folder cannot be read.
        """
        from bench.cell.identity import SETTINGS
        from bench.files import plain
        from bench.sweep.jobs import composing

        configs, folders = Configs.of(CONF), _folders(words)
        try:
            with composing(["dataset=openml", "offline=true", *words]) as overrides:
                today = plain(compose("config", overrides))
                for folder in folders:
                    _add(configs, folder, [o for o in overrides if o.startswith("hydra.")])
        except (HydraException, OmegaConfBaseException) as error:
            raise BadInput(sentence(error)) from error
        beside = {key: value for key, value in today.items() if key not in SETTINGS}
        asked = today["dataset"]
        return cls(configs, asked, asked[TARGET], beside, hours, weights, tuple(folders))


def _folders(words: list[str]) -> list[Path]:
    named = itertools.pairwise(words)
    folders = [Path(folder) for word, folder in named if word in ("--config-dir", "-cd")]
    absent = [folder for folder in folders if not folder.is_dir()]
    if absent:
        raise BadInput(f"--config-dir: there is no folder '{absent[0]}'.")
    return folders


def _add(configs: Configs, folder: Path, search: list[str]) -> None:
    """Take in a folder of the user's: composed, as a config there may build on one of ours."""
    for group in ("dataset", "model", "method", "transfer", "experiment"):
        for path in sorted((folder / group).rglob("*.yaml")):
            name = path.relative_to(folder / group).with_suffix("").as_posix()
            cfg = OmegaConf.to_container(compose("config", [*search, f"{group}={name}"]))
            assert isinstance(cfg, dict)
            for role, node in by_role({str(key): value for key, value in cfg.items()}).items():
                configs.add(role, node)


def remade(record: Record, today: Today | None = None) -> Record:
    """The cell, run again from the settings in its record; nothing is kept.

    Raises
    ------
    BadInput
        If the record names what no config does, or asks for what no such cell would; or if its
        table or weights are not here.
    """
    from bench.cell import run as cell
    from bench.cell.corpus import given
    from bench.cell.identity import code_fingerprint, identity, score_fingerprints, targets

    today = today or Today.of([])
    settings = _settings(record, today)
    try:
        with (
            config_folder(today.folders),
            _folder(record, today) as folder,
            limited(_seconds(record, today)),
        ):
            cfg = _config(settings, today, folder)
            table = _made(settings["dataset"])
            checkpoint = _made(of_problem(settings["model"], table.problem))
            what, code = identity(cfg, table, lambda: checkpoint), code_fingerprint(targets(cfg))
            model.require(checkpoint, what)
            scores = score_fingerprints()
            made = cell.run(
                _as_it_was(cfg),
                record["cell"],
                table,
                checkpoint,
                what,
                code,
                scores,
                given(cfg, table),
            )
            return {**made, "settings": cell.settings_of(cfg)}  # its own, word by word
    except BadInput:
        raise
    except TooLong as reason:
        raise BadInput(str(reason)) from None
    except Exception as error:  # what a record holds is anybody's: any of it may fit nothing
        told = sentence(error).rstrip(".")
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise BadInput(f"it cannot be made again here: {kind}{told}") from error


def _as_it_was(cfg: DictConfig) -> DictConfig:
    """The settings with what a generator did before it had a choice that they do not name."""
    cfg = copy.deepcopy(cfg)
    for role, node in by_role(cfg).items():
        if role in (GENERATOR, SOURCES) and node is not None:
            for key, value in getattr(_named(node[TARGET]), "before", {}).items():
                *within, name = key.split(".")
                part = functools.reduce(lambda at, step: at.get(step, {}), within, node)
                if name not in part:
                    OmegaConf.update(node, key, value, force_add=True)
    return cfg


@contextmanager
def _folder(record: Record, today: Today) -> Iterator[str]:
    """Where a cell is made: of a transfer, where the weights lie that others start from as well."""
    if today.weights and TRANSFER in record["settings"]:
        yield today.weights
        return
    with TemporaryDirectory(prefix="bench-verify-") as folder:
        yield folder


def _settings(record: Record, today: Today) -> dict[str, Any]:
    """A record's settings, once nothing in them is refused, with today's ways of having things."""
    from bench.cell.identity import HOW, SETTINGS

    had = {"dataset": HOW, "model": model.MODEL_HOW}
    absent = [name for name in SETTINGS if name not in record["settings"] and name != TRANSFER]
    if absent:
        raise BadInput(f"its settings lack {', '.join(absent)}")
    there = [name for name in (*SETTINGS, TRANSFER) if name in record["settings"]]
    settings = renamed({name: record["settings"][name] for name in there})
    for role, node in by_role(settings).items():
        why = None if node is None else today.configs.refusal(role, node)
        if why:
            raise BadInput(f"{why}; --config-dir names a folder of your own configs")
    for name in ("method", TRANSFER):
        if any("${" in text for text in texts([settings.get(name)])):
            raise BadInput(f"its {name} holds '${{', and no text of a record is resolved")
    _require_proportion(record, settings)
    for role, node in (("dataset", settings["dataset"]), ("model", settings["model"])):
        takes = today.configs.keys(role, node[TARGET])
        keys = (*had[role], *ASKED) if node[TARGET] == today.openml else had[role]
        ours = {key: today.asked[key] for key in keys if key in takes and key in today.asked}
        settings[role] = {**node, **ours}
    _require_file(settings["dataset"].get("path"))
    return settings


def _require_proportion(record: Record, settings: dict[str, Any]) -> None:
    """Refuse what would cost a machine more than the record says that its cell came to.

    It doesn't tell how many rows its sources have: theirs may be as many as `MORE` times the real.
    """
    threads, most = settings["threads"], max(THREADS, os.cpu_count() or 1)
    if not isinstance(threads, int) or not 1 <= threads <= most:
        raise BadInput(f"it asks for {shown(threads)} threads, and 1 to {most} are possible here")
    try:
        size = float(settings["method"]["mixing"]["size"])
        of_sources = float((settings.get(TRANSFER) or settings)["method"]["mixing"]["size"])
        rows = [record["data"]["rows"], *(child["rows"] for child in record["children"])]
        train = float(max(of["train"] for of in rows))  # of a bag each child makes rows
        told = float((record["synthetic"] or {}).get("rows") or train)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("it does not tell how many rows it was made from") from error
    if not size * train <= MORE * max(told, train):
        raise BadInput(
            f"its settings ask for {size * train:g} synthetic rows, and it tells of {told:g}"
        )
    if of_sources > MORE:
        raise BadInput(f"its transfer asks for {of_sources:g} synthetic rows for each real one")


def _require_file(path: Any) -> None:
    """A table of one's own is a file: no device, no pipe, no address that would be asked."""
    if path is None:
        return
    try:
        is_file = stat.S_ISREG(Path(str(path)).expanduser().stat().st_mode)
    except (OSError, ValueError, RuntimeError):
        is_file = False
    if not is_file:
        raise BadInput(f"its table {shown(path)} is no file here")


def _config(settings: dict[str, Any], today: Today, folder: str) -> DictConfig:
    from bench.cell.config import Config

    cfg = OmegaConf.merge(
        OmegaConf.structured(Config),
        escaped({**today.beside, **settings, "results_dir": folder}),
    )
    assert isinstance(cfg, DictConfig)
    check_config(cfg)
    for role, node in by_role(settings).items():
        if node is not None:
            check_target(node, role)
    return cfg


def escaped(value: Any) -> Any:
    """JSON-like data whose texts OmegaConf reads as they are: ``${…}`` is text."""
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [escaped(item) for item in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + r"\${", value)


def _made(node: Any) -> Any:
    """What a config of plain data names, as Hydra would make it, but that no text is resolved.

    Only for what `Configs.refusal` has let pass.
    """
    if isinstance(node, list):
        return [_made(item) for item in node]
    if not isinstance(node, dict):
        return node
    special = {TARGET, ARGS, *HOW_BUILT}
    within = (lambda item: item) if node.get("_recursive_") is False else _made
    keywords = {key: within(item) for key, item in node.items() if key not in special}
    if TARGET not in node:
        return keywords
    make = _named(node[TARGET])
    positional = [within(item) for item in node.get(ARGS, [])]
    if node.get("_partial_"):
        return functools.partial(make, *positional, **keywords)
    return make(*positional, **keywords)


def _named(target: str) -> Any:
    """The class or function of a full name."""
    module, *attributes = target.rpartition(".")[::2]
    while True:
        try:
            found = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            if "." not in module:
                raise
            module, _, more = module.rpartition(".")
            attributes.insert(0, more)
    return functools.reduce(getattr, attributes, found)


def _seconds(record: Record, today: Today) -> float:
    """The time that a cell may take here; where another made its weights, nobody told theirs."""
    told = record["timings"].get("seconds", {}).get("total")
    if not isinstance(told, (int, float)) or not math.isfinite(told) or told < 0:
        raise BadInput(f"it tells {shown(told)} as the seconds that it took")
    most = 3600 * today.hours
    if told > most:
        raise BadInput(
            f"it tells that it took {told / 3600:.1f} h, and a cell may take {today.hours:g} h; "
            "hours=NUMBER allows more"
        )
    taken = record["timings"].get(TRANSFER) or {}
    if taken.get("shared"):
        return max(1.0, most)
    return max(1.0, min(most, LEAST_SECONDS + SLOWER * told))  # 0 would be no limit
