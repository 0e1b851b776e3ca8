"""What a command is told of causes by files: read once, put into the generators that take it.

A file's content decides a cell's numbers and stands in its settings; where it lay does not.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.utils import get_object
from omegaconf import DictConfig, open_dict, read_write

from bench import ranges
from bench.cell.targets import TARGET, named
from bench.datasets.embedded import dags
from bench.datasets.own.characters import clean_name
from bench.errors import BadInput
from bench.files import Unsound, content, shown
from bench.phrases import joined

LARGEST = 1_000_000  # bytes of a file
HEADER = ["cause", "effect"]
SEPARATORS = (",", ";", "\t")
SHIPPED = "shipped"  # dag=shipped: the graph that comes with an embedded table


def told(cfg: DictConfig) -> dict[str, Any]:
    """What the files that a config names hold, by the parameter of generators that takes it.

    Empty where ``knowledge`` and ``dag`` are null.

    Raises
    ------
    BadInput
        If a file cannot be read, or holds nothing of the kind.
    """
    return {
        key: read(_words_of(_place(cfg, key), f"{key}={cfg[key]}"), f"{key}={cfg[key]}")
        for key, read in READERS.items()
        if cfg.get(key) is not None
    }


def with_told(cells: Sequence[DictConfig]) -> list[DictConfig]:
    """The configs of cells, their generators told what the files hold that the cells name.

    The one way in for every verb: a generator without such a parameter, and a method without a
    generator, go on unchanged, and so does every cell where nothing is told.

    Raises
    ------
    BadInput
        As `told`; or if what a file holds is not what a generator takes.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for cell in cells:
        if (named := _files(cell)) not in found:
            found[named] = told(cell)
    return [_completed(cell, found[_files(cell)]) for cell in cells]


def takes(generator: Mapping[str, Any] | None, key: str) -> bool:
    """Whether a generator's config names a class with this parameter."""
    if generator is None:
        return False
    try:
        return key in ranges.hints(get_object(str(generator.get(TARGET))))
    except (ImportError, ValueError, AttributeError, TypeError):
        return False  # it is no class: refused where it is made


def require_taken(cells: Sequence[DictConfig]) -> None:
    """Refuse a file that none of the cells takes which name it; they are `with_told`.

    Raises
    ------
    BadInput
    """
    for key in READERS:
        for value in dict.fromkeys(cell.get(key) for cell in cells):
            those = [cell for cell in cells if cell.get(key) == value]
            taken = any(key in (cell.method.generator or ()) for cell in those)
            if value is not None and not taken:
                raise untaken(key, value, [str(cell.method.name) for cell in those])


def untaken(key: str, value: Any, methods: Sequence[str]) -> BadInput:
    """What to say of a file that no method takes."""
    return BadInput(
        f"{key}={value} has no effect: it is for generators that take it, as those of scm and "
        f"causalmixft, and {joined(methods, 'and')} have none."
    )


def _completed(cell: DictConfig, found: Mapping[str, Any]) -> DictConfig:
    mine = {key: held for key, held in found.items() if takes(cell.method.generator, key)}
    if not mine:
        return cell
    hints = ranges.hints(get_object(str(cell.method.generator[TARGET])))
    out = cell.copy()
    for key, held in mine.items():
        ranges.check(held, hints[key], key)
        with read_write(out), open_dict(out):
            out.method.generator[key] = held
    return out


def _files(cell: DictConfig) -> tuple[str, ...]:
    """What a cell's files depend on."""
    return *(str(cell.get(key)) for key in READERS), str(cell.dataset.get("name"))


def _place(cfg: DictConfig, key: str) -> str:
    """Where a file lies."""
    if (key, cfg[key]) != ("dag", SHIPPED):
        return str(cfg[key])
    table, there = cfg.dataset.get("name"), dags()
    if table not in there:
        named = "a table of one's own" if table is None else f"dataset '{table}'"
        raise BadInput(
            f"dag={SHIPPED}: no graph comes with {named}; one does with "
            f"{joined(sorted(there), 'and')}."
        )
    return str(there[table])


def _words_of(place: str, where: str) -> str:
    """A file's text."""
    try:
        # A person's own file may be a link, other than one in a folder of results.
        read = content(Path(os.path.expanduser(place)).resolve(strict=True), LARGEST)
        return read.decode("utf-8-sig")
    except FileNotFoundError:
        raise BadInput(f"{where}: there is no such file.") from None
    except Unsound as why:
        raise BadInput(f"{where}: {why}.") from None
    except UnicodeDecodeError:
        raise BadInput(f"{where}: it is no text in UTF-8.") from None
    except (OSError, RuntimeError, ValueError) as error:  # a NUL, a loop of links
        raise BadInput(f"{where} can be no file: {str(error).rstrip('.')}.") from None


class _Words(yaml.BaseLoader):
    """YAML whose words stay as typed (`no` is no truth value); no references, no key twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(None, None, "it has a reference", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        made = super().construct_mapping(node, deep=True)
        if len(made) < len(node.value):
            raise yaml.constructor.ConstructorError(
                None, None, "it says one key twice", node.start_mark
            )
        return made


def _knowledge(text: str, where: str) -> Any:
    """A YAML file's content, its texts as columns are named."""
    try:
        found = yaml.load(text, Loader=_Words)  # a BaseLoader makes texts alone
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = "" if mark is None else f", line {mark.line + 1}"
        raise BadInput(f"{where}{line}: {error.problem or 'it is no YAML'}.") from None
    except yaml.YAMLError as error:
        raise BadInput(f"{where}: it is no YAML ({shown(str(error).splitlines()[0])}).") from None
    except RecursionError:
        raise BadInput(f"{where}: it is nested too deeply to be read.") from None
    if not found:
        raise BadInput(f"{where}: it says nothing.")
    if named(found):
        raise BadInput(f"{where}: it holds {TARGET}, and nothing that is told is called.")
    return _clean(found, where)


def _clean(held: Any, where: str) -> Any:
    if isinstance(held, dict):
        return {str(key): _clean(inner, where) for key, inner in held.items()}
    if isinstance(held, list):
        return [_clean(inner, where) for inner in held]
    return _name(held, where)


def _name(word: str, where: str) -> str:
    name = clean_name(word)
    if "${" in name:
        raise BadInput(f"{where}: a column that is named {shown(name)} cannot be told of ('${{').")
    return name


def _edges(text: str, where: str) -> list[list[str]]:
    """The rows of a CSV with the header cause,effect."""
    first = text.partition("\n")[0]
    separator = next((sign for sign in SEPARATORS if sign in first), ",")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        found = [(rows.line_num, [_name(word, where) for word in row]) for row in rows]
    except csv.Error as error:
        raise BadInput(f"{where}, line {rows.line_num}: {error}.") from None
    full = [(line, row) for line, row in found if any(row)]
    header = full[0][1] if full else []
    if [name.casefold() for name in header] != HEADER:
        raise BadInput(
            f"{where}: its first line is {shown(separator.join(header))}; expected cause,effect, "
            "and below it a row for each edge."
        )
    for line, row in full[1:]:
        if len(row) != len(HEADER) or not all(row):
            raise BadInput(
                f"{where}, line {line}: {shown(separator.join(row))} is no edge; expected a cause "
                "and an effect."
            )
    if not full[1:]:
        raise BadInput(f"{where}: it holds no edge.")
    return [row for _, row in full[1:]]


READERS: dict[str, Callable[[str, str], Any]] = {"knowledge": _knowledge, "dag": _edges}
