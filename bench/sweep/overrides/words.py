"""Takes what a person typed for what it is: a name is the word as typed, not Hydra's reading of it.

Hydra's grammar reads `2.10` as the number 2.1, `1_1` as 11, a comma as a sweep and `${x}` as a
reference. Settings that are texts (`bench.cell.config.Config`, and the signatures of what `dataset`
and `model` name) are put in Hydra's quotes here, before Hydra sees them; numbers are left to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from bench import ranges
from bench.cell.checking import declared
from bench.cell.config import Config
from bench.cell.known import READERS, takes, untaken
from bench.errors import BadInput, closest
from bench.sweep.folders import place
from bench.sweep.overrides.keys import check_values, read, require_known
from bench.sweep.overrides.line import (
    QUOTED,
    SETTING,
    Line,
    choices,
    composed,
    config_folder,
    configs,
    hint,
    parted,
)

PLAIN = re.compile(r"[A-Za-z_/.][A-Za-z0-9_./-]*")  # Hydra reads it as it stands …
WORDS = {"null", "true", "false", "inf", "nan", ""}  # … but for these
FUNCTIONS = ("choice(", "glob(", "shuffle(", "sort(", "$")  # left to Hydra
MOST = 40  # names that a sentence lists


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
        for word, quoted_word in zip(line.overrides, overrides, strict=True):
            require_known(word, line)
            read(quoted_word)
        if not line.sweeps:  # else each job is checked, and refused, by itself
            check_values(overrides)
    return [*line.flags, *overrides]


def settings_as_typed(overrides: Sequence[str]) -> list[str]:
    """Overrides of one job, those of texts in Hydra's quotes; Hydra is ready to compose."""
    line = Line(overrides=list(overrides))
    return [_quoted(word, line) for word in overrides]


def _require_choice(word: str, line: Line) -> None:
    """Refuse ``dataset=``, ``dataset=null`` and names of no config; an experiment may be none."""
    key, _, value = word.partition("=")
    known = configs(key, tuple(line.folders))
    if not known or line.value("hydra.searchpath") is not None or value.startswith(FUNCTIONS):
        return
    if key == "experiment" and value == "null":
        return
    listed = value.startswith("[") and value.endswith("]")
    names = parted(value[1:-1] if listed else value)
    if len(names) > 1 and (listed or key == "experiment"):  # Hydra would lay one over the other
        each = f"{key}={names[0]}"
        swept = "" if key == "experiment" else f", or {key}={','.join(names)} after -m"
        raise BadInput(f"{word} names several configs; expected one, as {each}{swept}.")
    for name in names:
        name = name[1:-1] if QUOTED.fullmatch(name) else name
        if name in ("", "null"):
            raise BadInput(f"{word} names no config; expected {key}=NAME, as {key}={known[0]}.")
        if name not in known:
            there = f" there are {', '.join(known[:MOST])}{' …' if len(known) > MOST else '.'}"
            raise BadInput(f"Could not find '{key}/{name}';{closest(name, known) or there}")


def _implied(line: Line) -> list[str]:
    """``dataset=csv`` where a setting that only this dataset reads is given, and no dataset."""
    if line.value("dataset") is not None:
        return []
    chosen = {
        source.choice
        for name, hint in declared(Config).items()
        for source in ranges.marks(hint, ranges.Source)
        if source.implied and line.value(name) not in (None, "null")
    }
    return [f"dataset={choice}" for choice in chosen] if len(chosen) == 1 else []


def _require_effect(line: Line) -> None:
    """Refuse settings of a dataset that none of the datasets reads, and files for no method."""
    if line.value("method") is not None and line.value("methods") not in (None, "null"):
        raise BadInput(
            f"method={line.value('method')} has no effect beside methods={line.value('methods')}; "
            "name it in the list, or leave one of them out."
        )
    typed = [match[2] for match in map(SETTING.fullmatch, line.overrides) if match]
    sources = {key: ranges.marks(hint(key, line), ranges.Source) for key in typed}
    read_by = {key: by[0].choice for key, by in sources.items() if by and line.value(key) != "null"}
    chosen = choices("dataset", line) if read_by else []
    named = [*chosen, *(_sources(line) if read_by else [])]
    nodes = [composed("dataset", choice, line.search) for choice in named]
    for key, dataset in read_by.items():
        if not any(node is None or f"${{{key}}}" in str(node) for node in nodes):
            raise BadInput(
                f"{key}={line.value(key)} has no effect: it is read by "
                f"dataset={dataset}, not by dataset={','.join(chosen)}."
            )

    for key in READERS if line.sweeps else ():  # of one job its cells say so (`require_taken`)
        if line.value(key) not in (None, "null"):
            _require_taken(key, line)


def _sources(line: Line) -> list[str]:
    """The tables that a transfer names, as typed or in the experiment."""
    listing = [o for o in line.overrides if o.startswith(("experiment=", "transfer.tables="))]
    try:
        cfg = compose("config", [*line.search, *(_quoted(word, line) for word in listing)])
        return [str(name) for name in cfg.transfer.tables or ()]
    except (HydraException, OmegaConfBaseException):
        return []  # Hydra says so in a moment


def _require_taken(key: str, line: Line) -> None:
    """Refuse a file of what is known where no generator of the methods takes it."""
    listing = [word for word in line.overrides if word.startswith(("experiment=", "methods="))]
    try:
        listed = compose("config", [*line.search, *(_quoted(word, line) for word in listing)])
        names = [str(entry).split()[0] for entry in listed.methods or ()]
    except (HydraException, OmegaConfBaseException):
        return  # Hydra says so in a moment
    names = names or choices("method", line)
    nodes = [composed("method", name, line.search) for name in names]
    if not any(node is None or takes(node.get("generator"), key) for node in nodes):
        raise untaken(key, line.value(key), names)


# Values -------------------------------------------------------------------------------------------


def _quoted(word: str, line: Line) -> str:
    """A word, its value quoted if it is a text or a list of texts."""
    match = SETTING.fullmatch(word)
    if match is None:
        return word
    plus, key, value = match.groups()
    kind = hint(key, line)
    if value == "null" or not (ranges.is_text(kind) or ranges.is_list_of_texts(kind)):
        return word
    one = not line.sweeps or bool(ranges.marks(kind, ranges.Single))
    if ranges.is_list_of_texts(kind):
        return f"{plus}{key}={_list(value, line.sweeps)}"
    if ranges.marks(kind, ranges.Folder):
        value = place(value, key)
    one = one or _exists(value)
    parts = parted(value)
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
    names = parted(inner) if inner.strip() else []
    return f"[{','.join(map(quoted, names))}]"


def quoted(text: str) -> str:
    """A text that Hydra and OmegaConf give back as it is; what is quoted already stays quoted."""
    if QUOTED.fullmatch(text):
        return re.sub(r"(?<!\\)((?:\\\\)*)\$\{", r"\1\\${", text)  # but refers to nothing
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
