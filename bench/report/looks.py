"""How each method is called and drawn: one title, colour and marker everywhere (`methods.yaml`)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf

from bench.files import digest

FILE = Path(__file__).with_name("methods.yaml")
# Behind a method's name: a generator's way (`bench.cell.config`), settings, the null of the seed.
WAY = re.compile(r"-(?P<rows>synthetic|mixed)(?:-(?P<ratio>\d[\d.]*))?(?= · |, |$)")
ALONE = "synthetic"
REST = re.compile(r" · |, ")
T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """What people see of a method.

    Parameters
    ----------
    title : str
    colour : str
    marker, fill : str
        As matplotlib names them.
    """

    title: str
    colour: str
    marker: str
    fill: str = "full"


@dataclass(frozen=True)
class _Parts:
    """A method's name taken apart: whose look it has, and what tells it from others of them."""

    family: str
    way: re.Match[str] | None
    rest: str

    @classmethod
    def of(cls, name: str) -> _Parts:
        end = REST.search(name)
        head, rest = (name, "") if end is None else (name[: end.start()], name[end.start() :])
        way = WAY.search(head)
        if way is None or head[: way.start()] not in _file()["methods"]:
            return cls(head, None, rest)
        return cls(head[: way.start()], way, rest)

    @property
    def variant(self) -> str:
        """Nothing for the method as it comes: `scm` is SCM alone."""
        return (self.way[0] if self.way and self.way["rows"] != ALONE else "") + self.rest

    @property
    def title(self) -> str:
        stated = _file()["methods"].get(self.family, {"title": self.family})
        if self.way is None:
            return stated["title"] + self.rest
        ratio = f" {self.way['ratio']}" if self.way["ratio"] else ""
        told = "alone" if self.way["rows"] == ALONE else f"mixed{ratio}"
        return f"{stated.get('rows', stated['title'])}, {told}{self.rest}"


@cache
def _file() -> dict[str, Any]:
    read: Any = OmegaConf.to_container(OmegaConf.load(FILE))
    return read


def title(method: str) -> str:
    """What people read for a method's name; itself, if `methods.yaml` does not know it.

    Examples
    --------
    >>> title("causalmixft"), title("default_ft · lr=3e-4"), title("scm-mixed-0.5"), title("mine")
    ('CausalMixFT', 'Default fine-tuning · lr=3e-4', 'SCM, mixed 0.5', 'mine')
    """
    return _Parts.of(method).title


def titled(sentence: str) -> str:
    """A sentence with the methods' titles for their names.

    Examples
    --------
    >>> titled("default_ft and ctgan-mixed-1 lose to the bootstrap")
    'Default fine-tuning and CTGAN, mixed 1 lose to the bootstrap'
    """
    names = [name for name, look in _file()["methods"].items() if not look.get("is_word")]
    way = r"(?:-(?:synthetic|mixed)(?:-\d+(?:\.\d+)?)?)?"
    return re.sub(
        rf"(?<![\w.-])(?:{'|'.join(names)}){way}(?![\w-])", lambda found: title(found[0]), sentence
    )


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """The look of each method.

    It depends on the method's name alone, but for two names that would get one look: the second in
    the alphabet takes the next one.
    """
    parts = {method: _Parts.of(method) for method in methods}
    stated, others = _file()["methods"], _file()["others"]
    of_family = {name: (look["colour"], look["marker"]) for name, look in stated.items()}
    free = [(c, m) for m in others["markers"] for c in others["colours"]]
    of_family |= _placed({part.family for part in parts.values()} - {*stated}, free)
    variants: dict[str, set[str]] = defaultdict(set)
    for part in parts.values():
        variants[part.family].add(part.variant)
    fills = {family: _placed(told - {""}, _file()["fills"]) for family, told in variants.items()}
    return {
        method: Look(
            part.title, *of_family[part.family], fills[part.family].get(part.variant, "full")
        )
        for method, part in parts.items()
    }


def of_rows(generators: Iterable[str]) -> dict[str, Look]:
    """The look of each generator's rows, in whatever way they are used.

    Examples
    --------
    >>> [look.title for look in of_rows(["scm", "smote"]).values()]
    ['SCM', 'SMOTE']
    """
    stated = _file()["methods"]
    return {
        name: replace(look, title=stated.get(name, {}).get("rows", look.title))
        for name, look in looks(generators).items()
    }


def arm_looks(arms: Iterable[str]) -> dict[str, Look]:
    """The look of each arm of a transfer, in the order of `methods.yaml`; others stand last.

    Of several arms of one name, told apart by a hash behind it, what is filled differs.

    Examples
    --------
    >>> [look.title for look in arm_looks(["mine", "causal", "real"]).values()]
    ['Real rows', 'Real + SCM rows', 'mine']
    """
    stated, others = _file()["arms"], _file()["others"]
    parts = {arm: arm.partition(" (") for arm in arms}
    free = [(c, m) for m in others["markers"] for c in others["colours"]]
    known = {name: (look["colour"], look["marker"]) for name, look in stated.items()}
    known |= _placed({name for name, *_ in parts.values()} - {*stated}, free)
    order = {name: place for place, name in enumerate(stated)}
    found, fills = {}, dict.fromkeys(known, 0)
    for arm in sorted(parts, key=lambda arm: (order.get(parts[arm][0], len(order)), arm)):
        name, *rest = parts[arm]
        fill = others_fill(fills[name])
        fills[name] += 1
        called = stated.get(name, {"title": name})["title"]
        found[arm] = Look(called + "".join(rest), *known[name], fill)
    return found


def others_fill(place: int) -> str:
    """What of a marker is filled, of the first of one name, the second, …"""
    fills = ["full", *_file()["fills"]]
    return fills[place % len(fills)]


def _placed(names: Iterable[str], places: Sequence[T]) -> dict[str, T]:
    """A place for each name, found by its hash; the next free one where that is taken."""
    found: dict[str, int] = {}
    for name in sorted(names):
        first = int(digest(name), 16)
        tries = [(first + step) % len(places) for step in range(len(places))]
        found[name] = next((at for at in tries if at not in found.values()), tries[0])
    return {name: places[at] for name, at in found.items()}
