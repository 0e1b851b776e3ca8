"""Takes what a person typed for what it is: a name is the word as typed, not Hydra's reading of it.

Hydra's grammar reads `2.10` as the number 2.1, `1_1` as 11, a comma as a sweep and `${x}` as a
reference. Settings that are texts (`bench.config.Config`, and the signatures of what `dataset` and
`model` name) are put in Hydra's quotes here, before Hydra sees them; numbers are left to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.utils import get_object
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench import ranges
from bench.checking import declared
from bench.config import Config, register
from bench.errors import BadInput, closest
from bench.files import CONF
from bench.folders import place

MULTIRUN = ("-m", "--multirun")
FOLDERS = ("--config-dir", "-cd")
VALUED = (*FOLDERS, "--config-path", "-cp", "--config-name", "-cn", "--package", "-p")
PLAIN = re.compile(r"[A-Za-z_/.][A-Za-z0-9_./-]*")  # Hydra reads it as it stands …
WORDS = {"null", "true", "false", "inf", "nan", ""}  # … but for these
FUNCTIONS = ("choice(", "glob(", "shuffle(", "sort(", "$")  # left to Hydra
MOST = 40  # names that a sentence lists
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
            if word in VALUED:
                if not rest:
                    raise BadInput(f"{word} needs a value.")
                line.flags += [word, rest.pop(0)]
                if word in FOLDERS:
                    line.folders.append(line.flags[-1])
            elif word.startswith("-"):
                line.flags.append(word)
            elif SETTING.fullmatch(word) or word.startswith("~"):
                line.overrides.append(word)
            elif line.flags[-1:] in (["--cfg"], ["-c"], ["--info"], ["-i"]):
                line.flags.append(word)
            else:
                raise BadInput(f"'{word}' is no setting; expected KEY=VALUE, as fold=0.")
        return line

    @property
    def search(self) -> tuple[str, ...]:
        """The overrides that make Hydra look into the folders."""
        found = ",".join(f"file://{Path(folder).resolve()}" for folder in self.folders)
        return (f"hydra.searchpath=[{found}]",) if found else ()

    def value(self, key: str) -> str | None:
        """What was typed for a key last; None if nothing."""
        found = [match[3] for match in map(SETTING.fullmatch, self.overrides) if match]
        keys = [match[2] for match in map(SETTING.fullmatch, self.overrides) if match]
        return next((v for k, v in zip(reversed(keys), reversed(found)) if k == key), None)

    @property
    def sweeps(self) -> bool:
        """Whether a comma may part the values of a sweep; an experiment is one as a rule."""
        mode = self.value("hydra.mode")
        if mode is None and self.value("experiment") not in (None, "null", ""):
            return True
        return mode == "MULTIRUN" or any(flag in MULTIRUN for flag in self.flags)


@contextmanager
def config_folder() -> Iterator[None]:
    """Hydra, ready to compose our configs."""
    register()
    around = GlobalHydra.instance().hydra  # whoever composes already goes on afterwards
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = around


def as_typed(arguments: Sequence[str]) -> list[str]:
    """The words, those of texts in Hydra's quotes, and the dataset that they imply.

    What is in Hydra's quotes already stays as it is, so this may be done twice.

    Raises
    ------
    BadInput
        A word is no setting, a config has no name, or a setting would have no effect.
    """
    line = Line.of(arguments)
    with config_folder():
        for word in line.overrides:
            _require_choice(word, line)
        line.overrides = [*_implied(line), *line.overrides]
        _require_effect(line)
        overrides = [_quoted(word, line) for word in line.overrides]
    return [*line.flags, *overrides]


def settings_as_typed(overrides: Sequence[str]) -> list[str]:
    """Overrides of one job, those of texts in Hydra's quotes; Hydra is ready to compose."""
    line = Line(overrides=list(overrides))
    return [_quoted(word, line) for word in overrides]


def _require_choice(word: str, line: Line) -> None:
    """Refuse ``dataset=``, ``dataset=null`` and names of no config; an experiment may be none."""
    key, _, value = word.partition("=")
    known = _configs(key, tuple(line.folders))
    if not known or line.value("hydra.searchpath") is not None or value.startswith(FUNCTIONS):
        return
    if key == "experiment" and value == "null":
        return
    listed = value.startswith("[") and value.endswith("]")
    for name in _parted(value[1:-1] if listed else value):
        name = name[1:-1] if QUOTED.fullmatch(name) else name
        if name in ("", "null"):
            raise BadInput(f"{word} names no config; expected {key}=NAME, as {key}={known[0]}.")
        if name not in known:
            there = f" there are {', '.join(known[:MOST])}{' …' if len(known) > MOST else '.'}"
            raise BadInput(f"Could not find '{key}/{name}';{closest(name, known) or there}")


@cache
def _configs(group: str, folders: tuple[str, ...]) -> list[str]:
    """The names of a group's configs, here and in folders that were named."""
    if not group.isidentifier():
        return []
    roots = [Path(root) / group for root in (str(CONF), *folders)]
    found = [path.relative_to(root) for root in roots for path in sorted(root.rglob("*.yaml"))]
    return [str(path.with_suffix("")) for path in found]


def _implied(line: Line) -> list[str]:
    """``dataset=csv`` where a setting that only this dataset reads is given, and no dataset."""
    if line.value("dataset") is not None:
        return []
    choices = {
        source.choice
        for name, hint in declared(Config).items()
        for source in ranges.marks(hint, ranges.Source)
        if source.implied and line.value(name) not in (None, "null")
    }
    return [f"dataset={choice}" for choice in choices] if len(choices) == 1 else []


def _require_effect(line: Line) -> None:
    """Refuse settings of a dataset that none of the datasets reads."""
    if line.value("method") is not None and line.value("methods") not in (None, "null"):
        raise BadInput(
            f"method={line.value('method')} has no effect beside methods={line.value('methods')}; "
            "name it in the list, or leave one of them out."
        )
    typed = [match[2] for match in map(SETTING.fullmatch, line.overrides) if match]
    for key in typed:
        sources = ranges.marks(_hint(key, line), ranges.Source)
        if not sources or line.value(key) == "null":
            continue
        choices = _choices("dataset", line)
        nodes = (_composed("dataset", choice, line.search) for choice in choices)
        if not any(node is None or f"${{{key}}}" in str(node) for node in nodes):
            raise BadInput(
                f"{key}={line.value(key)} has no effect: it is read by "
                f"dataset={sources[0].choice}, not by dataset={','.join(choices)}."
            )


def _choices(group: str, line: Line) -> list[str]:
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
def _composed(group: str, choice: str, search: tuple[str, ...]) -> Any:
    """A group's config, references as they stand; None where there is none."""
    try:
        cfg = compose("config", [*search, f"{group}={choice}"])
    except (HydraException, OmegaConfBaseException):
        return None  # Hydra says so in a moment
    return OmegaConf.to_container(cfg[group], resolve=False)


# Values -------------------------------------------------------------------------------------------


def _quoted(word: str, line: Line) -> str:
    """A word, its value quoted if it is a text or a list of texts."""
    match = SETTING.fullmatch(word)
    if match is None:
        return word
    plus, key, value = match.groups()
    kind = _hint(key, line)
    if value == "null" or not (ranges.is_text(kind) or ranges.is_list_of_texts(kind)):
        return word
    one = not line.sweeps or bool(ranges.marks(kind, ranges.Single))
    if ranges.is_list_of_texts(kind):
        return f"{plus}{key}={_list(value, line.sweeps)}"
    if ranges.marks(kind, ranges.Folder):
        value = place(value, key)
    one = one or _exists(value)
    parts = _parted(value)
    values = [value] if one or "" in parts else parts  # a comma alone is a decimal mark
    return f"{plus}{key}={','.join(map(quoted, values))}"


def _exists(name: str) -> bool:
    """Whether a file is called so; then a comma is part of its name."""
    try:
        return Path(name).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # too long a name, a NUL
        return False


def _list(value: str, sweeps: bool) -> str:
    """One word, words with commas between them, or these in brackets, as Hydra's list."""
    if sweeps and "],[" in value and value.startswith("[") and value.endswith("]"):
        return ",".join(_list(f"[{part}]", False) for part in value[1:-1].split("],["))
    inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    names = _parted(inner) if inner.strip() else []
    return f"[{','.join(map(quoted, names))}]"


def _parted(text: str) -> list[str]:
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


def quoted(text: str) -> str:
    """A text that Hydra and OmegaConf give back as it is; what is quoted already stays."""
    if QUOTED.fullmatch(text):
        return text
    if PLAIN.fullmatch(text) and text.lower() not in WORDS and not _is_number(text):
        return text
    inner = re.sub(r"(\\*)'", r"\1\1\\'", literal(text))
    return "'" + re.sub(r"(\\+)$", r"\1\1", inner) + "'"


def literal(value: Any) -> Any:
    """Texts, within whatever holds them, such that OmegaConf resolves no reference in them."""
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    if isinstance(value, dict):
        return {key: literal(item) for key, item in value.items()}
    return [literal(item) for item in value] if isinstance(value, list) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# Types --------------------------------------------------------------------------------------------


def _hint(key: str, line: Line) -> Any:
    """The type of a setting; None if it has none that is known here."""
    schema: Any = Config
    names = key.split(".")
    for i, name in enumerate(names):
        hint = declared(schema).get(name)
        if is_dataclass(hint):
            schema = hint
        elif i == len(names) - 1:
            return hint
        else:
            return _parameter(name, names[i + 1], line) if i == len(names) - 2 else None
    return None


def _parameter(group: str, name: str, line: Line) -> Any:
    """The type of a parameter of what a group's configs call."""
    for choice in _choices(group, line) if group in ("dataset", "model") else ():
        node = _composed(group, choice, line.search)
        if isinstance(node, dict) and isinstance(node.get("_target_"), str):
            found = ranges.hints(get_object(node["_target_"])).get(name)
            if found is not None:
                return found
    return None
