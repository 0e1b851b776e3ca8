"""Names that tell records apart: what differs between them becomes part of the method's name.

A method run under two learning rates is two methods to a table, ``default_ft · lr=1e-4`` and
``default_ft · lr=3e-4``; a table's name that two contents go by is two tables, ``train (1a2b3c)``
and ``train (4d5e6f)``. Only what decides a record's numbers counts, its identity; so the
pre-trained model, which no learning rate touches, stays one method beside both. A model goes by its
name, ``default_ft · model=mitra_nano``, whatever its settings. Methods are told apart among the
records of their own problem: classes and numbers take other models, and stand in no table together.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bench.analysis.problems import problem_of_record
from bench.cell.record import Record
from bench.cell.targets import TOLD
from bench.files import digest
from bench.finetune.settings import completed

SEPARATOR = " · "
SHORT = 6  # characters of a hash in a name
MOST = 4  # settings in a name; of more, those that tell the records apart
LONGEST = 40  # characters of a value in a name
TARGET = "._target_"
MODEL = "model"
WEIGHTS = f"{MODEL}.weights"
LOADED = (TARGET, "._class_")  # ends of keys: what loads a model, and the class that it is of
# Parts of an identity that say what is compared on, not how it was computed.
PLACE = ("dataset", "split", "seed")
# Parts that every method of a folder shares, the pre-trained model too: its scores rest on them.
SHARED = ("model", "validation_share")
# Of a transfer, what the seed and the table draw is no method's; what they draw from is.
DRAWN, DRAWN_FROM = ("train", "held_out"), ("domain", "tables", "share")
Flat = dict[str, Any]  # dotted key → value that is no dict


@dataclass(frozen=True)
class Name:
    """How tables call a record.

    Parameters
    ----------
    dataset, method : str
        Unique within the records of one problem that were named together.
    tuning : str, optional
        The fine-tuning's settings as JSON; None without fine-tuning.
    baseline : str
        What the pre-trained model's scores rest on beside the rows, as JSON.
    """

    dataset: str
    method: str
    tuning: str | None
    baseline: str


def names(records: Iterable[Record]) -> list[Name]:
    """A name for each record, in their order; equal where only fold or seed differ."""
    records = list(records)
    tables = _tables(records)
    problems = [problem_of_record(record) for record in records]
    methods = {
        of: iter(_methods([r for r, own in zip(records, problems, strict=True) if own == of]))
        for of in set(problems)
    }
    known: dict[tuple[str, str, str], Name] = {}
    out = []
    for record, problem in zip(records, problems, strict=True):
        dataset, method = tables[_table(record)], next(methods[problem])
        key = (problem, dataset, method.name)
        if key not in known:
            known[key] = Name(dataset, method.name, method.tuning, method.baseline)
        out.append(known[key])
    return out


def _table(record: Record) -> tuple[str, str, str]:
    """A table by its name, its content and how it is split."""
    parts = record["identity"]["parts"]
    split = parts.get("split")
    if isinstance(split, dict):
        split = {k: v for k, v in split.items() if k != "index"}
    return record["cell"]["dataset"], str(parts.get("dataset")), json.dumps(split, sort_keys=True)


def _tables(records: list[Record]) -> dict[tuple[str, str, str], str]:
    by_name: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for table in dict.fromkeys(map(_table, records)):
        by_name[table[0]].append(table)
    called = {}
    for name, tables in by_name.items():
        contents = [content for _, content, _ in tables]
        if len(set(contents)) < len(contents):  # one content under several splits
            contents = [digest([content, split]) for _, content, split in tables]
        short = _shortened(contents)
        for table, content in zip(tables, contents, strict=True):
            called[table] = name if len(tables) == 1 else f"{name} ({short[content]})"
    return called


def _shortened(hashes: Iterable[str]) -> dict[str, str]:
    """Hash → as many of its first characters as tell it from the others, `SHORT` or more."""
    distinct = set(hashes)
    length = SHORT
    while len({h[:length] for h in distinct}) < len(distinct):
        length += 1
    return {h: h[:length] for h in distinct}


@dataclass
class _Variant:
    """The records of one method's name whose identities agree in all but `PLACE`."""

    family: str
    settings: Flat
    tuning: str | None
    baseline: str
    name: str = ""
    models: set[str] = field(default_factory=set)


def _methods(records: list[Record]) -> list[_Variant]:
    """The variant of each record, named."""
    found: dict[tuple[str, str], _Variant] = {}
    out, of_tables = [], _told_of_tables(records)
    for record in records:
        cell = record["cell"]
        deciding = _deciding(record)
        if generator := _generator(deciding):
            told = {key: None for key in generator if (cell["method"], key) in of_tables}
            deciding["method"] = deciding["method"] | {"generator": generator | told}
        key = (cell["method"], json.dumps(deciding, sort_keys=True))
        if key not in found:
            # A later setting at its default is in no identity, and in no name.
            tuning = completed(deciding.get("finetune"))
            shared = {k: deciding.get(k) for k in SHARED}
            found[key] = _Variant(
                cell["method"],
                _flat(deciding),
                None if tuning is None else json.dumps(tuning, sort_keys=True),
                json.dumps(shared, sort_keys=True),
            )
        found[key].models.add(str(cell["model"]))
        out.append(found[key])
    _name(list(found.values()))
    return out


def _told_of_tables(records: list[Record]) -> set[tuple[str, str]]:
    """Methods, with what they are told (`TOLD`): one thing of each table, another of other tables.

    A graph over a table's columns is of that table, and no setting that two tables differ by.
    """
    said: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for record in records:
        parts = record["identity"]["parts"]
        generator = _generator(parts)
        for key in TOLD:
            content = json.dumps(generator.get(key), sort_keys=True)
            said[record["cell"]["method"], key][str(parts.get("dataset"))].add(content)
    return {
        of
        for of, tables in said.items()
        if all(len(contents) == 1 and contents != {"null"} for contents in tables.values())
    }


def _generator(parts: dict[str, Any]) -> dict[str, Any]:
    """The generator's settings; empty where there is none."""
    method = parts.get("method")
    generator = method.get("generator") if isinstance(method, dict) else None
    return generator if isinstance(generator, dict) else {}


def _deciding(record: Record) -> dict[str, Any]:
    """The parts of an identity that a method is told by."""
    deciding = {k: v for k, v in record["identity"]["parts"].items() if k not in PLACE}
    transfer, asked = deciding.get("transfer"), record["settings"].get("transfer") or {}
    if isinstance(transfer, dict):
        own = {k: v for k, v in transfer.items() if k not in DRAWN}
        deciding["transfer"] = own | {k: asked[k] for k in DRAWN_FROM if k in asked}
    return deciding


def _flat(node: Any, prefix: str = "") -> Flat:
    if not isinstance(node, dict) or not node:
        return {prefix: node}
    below = (_flat(v, f"{prefix}.{k}" if prefix else str(k)) for k, v in node.items())
    return {key: value for flat in below for key, value in flat.items()}


def _name(variants: list[_Variant]) -> None:
    _name_models(variants)
    families: dict[str, list[_Variant]] = defaultdict(list)
    for variant in variants:
        families[variant.family].append(variant)
    keys = sorted({key for variant in variants for key in variant.settings})
    shared = [k for k in _differing(variants) if k.partition(".")[0] in SHARED]
    for family, members in families.items():
        own = [k for k in _differing(members) if k.partition(".")[0] not in SHARED]
        kept, cut = _chosen(own, members)
        wanted = sorted({*kept, *shared})
        more = ["…"] if cut else []
        for variant in members:
            told = [
                f"{shown(_label(k, keys))}={_told(variant, k, members)}"
                for k in wanted
                if k in variant.settings
            ]
            variant.name = SEPARATOR.join([family, *told, *more])
        _made_unique(members)


def _name_models(variants: list[_Variant]) -> None:
    """Put models' names in the place of their settings; of one name, what tells apart stays."""
    called: dict[str, set[str]] = defaultdict(set)
    for variant in variants:
        called[_model_of(variant)] |= variant.models
    named: dict[str, dict[str, list[_Variant]]] = defaultdict(lambda: defaultdict(list))
    for variant in variants:
        model = _model_of(variant)
        named[", ".join(sorted(called[model]))][model].append(variant)
    for name, models in named.items():
        kept = _telling([alike[0] for alike in models.values()])
        short = _shortened(str(alike[0].settings.get(WEIGHTS)) for alike in models.values())
        for variant in itertools.chain.from_iterable(models.values()):
            told = {k: v for k, v in variant.settings.items() if k in kept}
            if WEIGHTS in told:
                told[WEIGHTS] = short[str(told[WEIGHTS])]
            others = {k: v for k, v in variant.settings.items() if not _is_model(k)}
            variant.settings = {**others, MODEL: name, **told}


def _model_of(variant: _Variant) -> str:
    return _exact({key: value for key, value in variant.settings.items() if _is_model(key)})


def _is_model(key: str) -> bool:
    return key.partition(".")[0] == MODEL


def _telling(models: list[_Variant]) -> set[str]:
    """The settings that tell models of one name apart: such as all have, if those suffice."""
    differing = [key for key in _differing(models) if key.startswith(f"{MODEL}.")]
    own = [key for key in differing if not key.endswith(LOADED)]
    common = [key for key in own if all(key in model.settings for model in models)]
    for keys in (common, own):
        if len({tuple(_value(model, k) for k in keys) for model in models}) == len(models):
            return set(keys)
    return set(differing)


def _differing(variants: list[_Variant]) -> list[str]:
    """Keys whose values are not one and the same, absence being a value."""
    keys = sorted({key for variant in variants for key in variant.settings})
    return [k for k in keys if len({_value(variant, k) for variant in variants}) > 1]


def _value(variant: _Variant, key: str) -> str:
    return _exact(variant.settings[key]) if key in variant.settings else ""


def _exact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _chosen(keys: list[str], members: list[_Variant]) -> tuple[list[str], bool]:
    """The differing keys that a name shows: all of a few, else enough to tell members apart.

    The second value says whether others were left out.
    """
    # A generator of another class has other parameters: its class says so.
    classes = tuple(k.removesuffix("_target_") for k in keys if k.endswith(TARGET))
    keys = [
        k
        for k in keys
        if k.endswith(TARGET)
        or not k.startswith(classes)
        or all(k in member.settings for member in members)
    ]
    if max((sum(k in member.settings for k in keys) for member in members), default=0) <= MOST:
        return keys, False
    kept: list[str] = []
    apart = 1
    for key in keys:
        values = {tuple(_value(m, k) for k in [*kept, key]) for m in members}
        if len(values) > apart:
            kept, apart = [*kept, key], len(values)
    return kept, len(kept) < len(keys)


def _label(key: str, keys: Sequence[str]) -> str:
    """The shortest end of a dotted key that no other key has: ``lr``, or ``finetune.lr``."""
    words = key.removesuffix(TARGET).split(".")
    others = [f".{other.removesuffix(TARGET)}" for other in keys if other != key]
    for n in range(1, len(words)):
        end = ".".join(words[-n:])
        if not any(other.endswith(f".{end}") for other in others):
            return end
    return ".".join(words)


def _told(variant: _Variant, key: str, members: list[_Variant]) -> str:
    """A value; of a class without its module, where that is enough."""
    value = variant.settings.get(key)
    if not key.endswith(TARGET):
        return shown(value)
    paths = {str(member.settings.get(key)) for member in members}
    short = {path.rpartition(".")[2] for path in paths}
    return shown(str(value).rpartition(".")[2] if len(short) == len(paths) else value)


def shown(value: Any) -> str:
    """A setting's value as short as it can be typed: ``3e-4``, ``true``, ``null``, ``log_loss``."""
    if isinstance(value, float):
        plain, power = repr(value), _power(value)
        return power if len(power) < len(plain) else plain
    if isinstance(value, str):
        text = value if value and value.isprintable() and not _is_json(value) else _exact(value)
    else:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - SHORT]}…{digest(value)[:SHORT]}"


def _power(value: float) -> str:
    """Digits and a power of ten: 0.00035 is 3.5e-4."""
    return f"{Decimal(repr(value)).normalize():E}".replace("E+", "e").replace("E", "e")


def _is_json(text: str) -> bool:
    """Whether a word would be read as a number, a truth value or null."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _made_unique(members: list[_Variant]) -> None:
    """Names that agree although the settings don't (1 and "1" far down a list) get their hash."""
    by_name: dict[str, list[_Variant]] = defaultdict(list)
    for variant in members:
        by_name[variant.name].append(variant)
    for same in by_name.values():
        for variant in same if len(same) > 1 else []:
            variant.name += f"{SEPARATOR}{digest(variant.settings)[:SHORT]}"
