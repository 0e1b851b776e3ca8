"""The words after a verb, told apart; and which configs and settings of ours they name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.utils import get_object
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench import ranges
from bench.cell.checking import declared
from bench.cell.config import Config, register
from bench.errors import BadInput, closest
from bench.files import CONF

MULTIRUN = ("-m", "--multirun")
FOLDERS = ("--config-dir", "-cd")
ADDED = "command-line"  # Hydra's name for the source of --config-dir
VALUED = (*FOLDERS, "--config-path", "-cp", "--config-name", "-cn", "--package", "-p")
# What else Hydra knows that unpickles nothing; it runs an experiment of before by a pickle.
FLAGS = (
    *MULTIRUN, "--run", "-r", "--cfg", "-c", "--resolve", "--info", "-i", "--help", "-h",
    "--hydra-help", "--version", "--shell-completion", "-sc",
)  # fmt: skip
SETTING = re.compile(r"(\+{0,2})([^=+~][^=]*)=(.*)", re.DOTALL)
QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)


@dataclass
class Line:
    """The words after a verb.

    Attributes
    ----------
    flags : list of str
        With their values.
    overrides : list of str
        ``KEY=VALUE`` and ``~KEY``, as typed.
    folders : list of str
        Config folders that are named besides ours.

    Examples
    --------
    >>> line = Line.of(["-m", "--config-dir", "conf", "dataset=iris,tae", "method=scm"])
    >>> line.overrides, line.folders
    (['dataset=iris,tae', 'method=scm'], ['conf'])
    """

    flags: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, arguments: Sequence[str]) -> Line:
        """Tell flags from overrides.

        Raises
        ------
        BadInput
            A word is neither.
        """
        line, rest = cls(), list(arguments)
        while rest:
            word = rest.pop(0)
            flag, is_one_word, value = word.partition("=")
            if flag in VALUED and is_one_word:
                word, rest = flag, [value, *rest]
            if word in VALUED:
                if not rest:
                    raise BadInput(f"{word} needs a value.")
                line.flags += [word, rest.pop(0)]
                if word in FOLDERS:
                    line.folders.append(line.flags[-1])
            elif flag in FLAGS:
                line.flags.append(word)
            elif word.startswith("-"):
                raise BadInput(
                    f"There is no flag '{flag}';{closest(flag, [*FLAGS, *VALUED])} "
                    "expected KEY=VALUE, as fold=0, or -m for a sweep."
                )
            elif SETTING.fullmatch(word) or word.startswith("~"):
                line.overrides.append(word)
            elif line.flags[-1:] in (["--cfg"], ["-c"], ["--info"], ["-i"]):
                line.flags.append(word)
            else:
                raise BadInput(f"'{word}' is no setting; expected KEY=VALUE, as fold=0.")
        if "--resolve" in line.flags and not {"--cfg", "-c"} & {*line.flags}:
            raise BadInput("--resolve has no effect without --cfg job.")
        return line

    @property
    def search(self) -> tuple[str, ...]:
        """The overrides that make Hydra look into the folders."""
        found = ",".join(f"file://{Path(folder).resolve()}" for folder in self.folders)
        return (f"hydra.searchpath=[{found}]",) if found else ()

    def value(self, key: str) -> str | None:
        """What was typed for a key last; None if nothing."""
        return self.settings.get(key)

    @property
    def settings(self) -> dict[str, str]:
        """What was typed last for each key."""
        found = map(SETTING.fullmatch, self.overrides)
        return {match[2]: match[3] for match in found if match}

    @property
    def sweeps(self) -> bool:
        """Whether a comma may part the values of a sweep; an experiment is one as a rule."""
        mode = self.value("hydra.mode")
        if mode is None and self.value("experiment") not in (None, "null", ""):
            return True
        return mode == "MULTIRUN" or any(flag in MULTIRUN for flag in self.flags)


@contextmanager
def config_folder(folders: Sequence[str | Path] = ()) -> Iterator[None]:
    """Hydra, ready to compose our configs, and those of folders that were named."""
    register()
    around = GlobalHydra.instance().hydra  # whoever composes already goes on afterwards
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            if folders:
                _look_into(folders)
            yield
    finally:
        GlobalHydra.instance().hydra = around


def _look_into(folders: Sequence[str | Path]) -> None:
    """Have Hydra look into these as well, whoever composes and with whatever words."""
    path = create_config_search_path(str(CONF))
    for folder in folders:
        path.prepend(ADDED, f"file://{Path(folder).resolve()}", anchor="schema")
    GlobalHydra.instance().clear()
    Hydra.create_main_hydra2("app", path)


def config_dir(sources: Iterable[Any]) -> list[str]:
    """The words that name the user's folder of configs again, of what Hydra composed from."""
    added = [source.path for source in sources if source.provider == ADDED]
    return ["--config-dir", *added] if added else []


@cache
def configs(group: str, folders: tuple[str, ...]) -> list[str]:
    """The names of a group's configs, here and in folders that were named."""
    if not group.isidentifier():
        return []
    roots = [Path(root) / group for root in (str(CONF), *folders)]
    found = [path.relative_to(root) for root in roots for path in sorted(root.rglob("*.yaml"))]
    return [str(path.with_suffix("")) for path in found]


def choices(group: str, line: Line) -> list[str]:
    """The configs of a group that the words ask for."""
    typed = line.value(group)
    if typed is None:
        words = [f"experiment={line.value('experiment')}"] if line.value("experiment") else []
        try:
            cfg = compose("config", [*line.search, *words], return_hydra_config=True)
            typed = (cfg.hydra.sweeper.params or {}).get(group) or cfg.hydra.runtime.choices[group]
        except (HydraException, OmegaConfBaseException):
            return []
    return [choice.strip() for choice in str(typed).split(",")]


@cache
def composed(group: str, choice: str, search: tuple[str, ...]) -> Any:
    """A group's config, references as they stand; None where there is none."""
    try:
        cfg = compose("config", [*search, f"{group}={choice}"])
    except (HydraException, OmegaConfBaseException):
        return None  # Hydra says so in a moment
    return OmegaConf.to_container(cfg[group], resolve=False)


def hint(key: str, line: Line) -> Any:
    """The type of a setting; None if it has none that is known here."""
    schema: Any = Config
    names = key.split(".")
    for i, name in enumerate(names):
        kind = declared(schema).get(name)
        if is_dataclass(kind):
            schema = kind
        elif i == len(names) - 1:
            return kind
        else:
            return _parameter(name, names[i + 1], line) if i == len(names) - 2 else None
    return None


def _parameter(group: str, name: str, line: Line) -> Any:
    """The type of a parameter of what a group's configs call."""
    for choice in choices(group, line) if group in ("dataset", "model") else ():
        node = composed(group, choice, line.search)
        if isinstance(node, dict) and isinstance(node.get("_target_"), str):
            found = ranges.hints(get_object(node["_target_"])).get(name)
            if found is not None:
                return found
    return None


def parted(text: str) -> list[str]:
    """Parts between commas; those within quotes part nothing, nor do those within brackets."""
    parts, balanced = _scan(text, nested=True)
    return parts if balanced else _scan(text, nested=False)[0]


def _scan(text: str, nested: bool) -> tuple[list[str], bool]:
    parts, begin, depth, i = [], 0, 0, 0
    while i < len(text):
        within = QUOTED.match(text, i) if not text[begin:i].strip() else None
        if within and text[within.end() :].lstrip()[:1] in ("", ","):
            i = within.end()
            continue
        depth += nested * ((text[i] in "([{") - (text[i] in ")]}"))
        if text[i] == "," and depth == 0:
            parts.append(text[begin:i].strip())
            begin = i + 1
        if depth < 0:
            break
        i += 1
    return [*parts, text[begin:].strip()], depth == 0
