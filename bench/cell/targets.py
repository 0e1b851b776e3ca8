"""Which classes and functions a `_target_` may name: what is a name at all, what `conf/` names.

A config that a person composes is theirs. A record is not believed: what it names must stand in a
config folder, in the same role and place, or nothing of it is imported, called or looked up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.errors import BadInput, sentence
from bench.files import shown

TARGET, ARGS = "_target_", "_args_"
HOW_BUILT = ("_partial_", "_recursive_", "_convert_")  # Hydra's other special keys
LONGEST = 200  # bytes of a dotted name; a file's name has 255
MOST = 200  # classes that one cell names

# What a loader of tables or models was called when a record was made → what it is called now.
MOVED = {
    "bench.datasets.csvfile.load": "bench.datasets.own.read.load",
    "bench.datasets.openml.load": "bench.datasets.openml.read.load",
    "bench.models.checkpoint.load": "bench.models.tab2d.checkpoint.load",
}

GENERATOR, SOURCES = "generator", "sources' generator"  # roles: the second of a transfer

TOLD = ("knowledge", "dag")  # of a generator: plain data from a person's files, no config's to set

Place = tuple[str, ...]  # role, outermost class, keys down to the node ("*" for an item), class


def is_dotted(name: Any) -> bool:
    """Whether it can be the full name of a class or function: ``package.module.Class``."""
    if not isinstance(name, str) or len(name) > LONGEST or name.count(".") < 1:
        return False
    return all(part.isidentifier() for part in name.split(".")) and len(name.encode()) <= LONGEST


def named(nodes: Any) -> list[Any]:
    """Every `_target_` in JSON-like data, at any depth, in the order in which they stand there."""
    found = []
    waiting = [nodes]
    while waiting:  # no recursion: nobody knows how deep a record goes
        node = waiting.pop()
        if isinstance(node, dict):
            found += [node[TARGET]] if TARGET in node else []
            waiting += reversed(node.values())
        elif isinstance(node, list):
            waiting += reversed(node)
    return found


def modules(nodes: Any) -> list[str]:
    """Modules of the classes that JSON-like data names; what is no such name has none."""
    return [MOVED.get(name, name).rpartition(".")[0] for name in named(nodes) if is_dotted(name)]


def renamed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A record's settings, with what they name called as it is today (`MOVED`)."""
    return {
        key: {**node, TARGET: MOVED[node[TARGET]]}
        if isinstance(node, dict) and str(node.get(TARGET)) in MOVED
        else node
        for key, node in settings.items()
    }


def by_role(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a cell's settings that name classes."""
    transfer = settings.get("transfer")
    return {
        "dataset": settings["dataset"],
        "model": settings["model"],
        GENERATOR: settings["method"]["generator"],
        **({SOURCES: transfer["method"]["generator"]} if transfer is not None else {}),
    }


def fault(settings: Any) -> str | None:
    """Why settings that were read back can be those of no cell, in a clause; None if they can."""
    try:
        roles = by_role(settings)
    except (KeyError, TypeError, IndexError):
        return "its settings name no dataset, model or generator"
    for role, node in roles.items():
        if node is None and role in (GENERATOR, SOURCES):
            continue
        if not isinstance(node, dict) or TARGET not in node:
            return f"its {role} names no class or function"
        if len(named(node)) > MOST:
            return f"its {role} names {len(named(node))} classes"
    return None


class Configs:
    """The classes and functions that config folders name, with their keys, by where they stand."""

    def __init__(self) -> None:
        self._nodes: dict[Place, list[dict[str, Any]]] = defaultdict(list)

    @classmethod
    def of(cls, conf: Path) -> Configs:
        """All that a folder like `conf/` offers.

        Raises
        ------
        BadInput
            If a file in it is no YAML.
        """
        found = cls()
        for group in ("dataset", "model", "method"):
            for path in sorted((conf / group).rglob("*.yaml")):
                read = _read(path)
                found.add(GENERATOR if group == "method" else group, _node(group, read))
        return found

    def add(self, role: str, config: Any) -> None:
        """Take in a dataset's, model's or generator's config and the classes within it."""
        for place, node in _walk(_place_of(role), config):
            if TARGET in node:
                self._nodes[place].append(node)

    def keys(self, role: str, target: str) -> set[str]:
        """What configs set of a class in this role."""
        return {key for node in self._nodes.get((role, target, target), []) for key in node}

    def refusal(self, role: str, config: Any) -> str | None:
        """Why nothing is made from a config that was read back, in a clause; None if it may be."""
        for place, node in _walk(_place_of(role), config):
            special = {TARGET, ARGS, *HOW_BUILT} & set(node)
            why = self._refused(place, node) if special else None
            if why:
                return f"its {role} {why}"
        return None

    def _refused(self, place: Place, node: dict[str, Any]) -> str | None:
        target = node.get(TARGET)
        if not is_dotted(target):
            return f"names {shown(target)}, which is no class or function"
        known = self._nodes.get(place)
        if not known:
            return f"names {target}, which no config names there"
        settable = {key for one in known for key in one}
        settable |= {*TOLD} if place[0] == GENERATOR and len(place) == 3 else set()
        more = sorted(set(node) - settable)
        if more:
            return f"sets {shown(more[0])} of {target}, which no config sets"
        how = {key: node[key] for key in HOW_BUILT if key in node}
        if how not in [{key: one[key] for key in HOW_BUILT if key in one} for one in known]:
            return f"asks for {shown(how)} of {target}, which no config does"
        return None


def _place_of(role: str) -> str:
    """A generator's place is one, whether its rows are the target's or the sources'."""
    return GENERATOR if role == SOURCES else role


def _walk(role: str, config: Any) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every mapping within a config, with its place."""
    if not isinstance(config, dict):
        return
    waiting: list[tuple[Place, Any]] = [((role, str(config.get(TARGET))), config)]
    while waiting:
        place, node = waiting.pop()
        if isinstance(node, dict):
            yield (*place, str(node.get(TARGET))), node
            waiting += [((*place, str(key)), value) for key, value in node.items()]
        elif isinstance(node, list):
            waiting += [((*place, "*"), item) for item in node]


def _read(path: Path) -> Any:
    try:
        return OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OSError, ValueError, OmegaConfBaseException) as error:
        raise BadInput(f"The config {path} cannot be read: {sentence(error)}") from error


def _node(group: str, read: Any) -> Any:
    """Where a group's file names its class."""
    return read.get("generator") if group == "method" and isinstance(read, dict) else read


def texts(nodes: Iterable[Any]) -> Iterator[str]:
    """Every text in JSON-like data, keys included."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            waiting += [*node, *node.values()]
        elif isinstance(node, list):
            waiting += node
